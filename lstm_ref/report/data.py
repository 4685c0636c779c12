"""A result file as values."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import fastjsonschema

from lstm_ref.report.errors import ResultFileError
from lstm_ref.report.settings import settings_of

# Every outcome there is, from the best to the one that says least.
OUTCOMES = ("pass", "fail", "error", "crash", "timeout", "stale", "divergence", "unsupported", "not-run")
# Outcomes that fail a run.
FAILING = ("fail", "error", "crash", "timeout", "stale")

# From the widest to the narrowest, as they are shown.
DTYPES = ("float64", "float32", "bfloat16", "float16")

Number = float | bool | str | None


@dataclass(frozen=True)
class Missing:
    """An implementation that was asked for and could not be started."""

    implementation: str
    reason: str
    command: str


@dataclass(frozen=True)
class Header:
    """What was asked for, and where it ran."""

    lstm_ref: str
    started: str
    seed: int
    corpus: str
    cases: int
    items: int
    options: Mapping[str, Any]
    platform: Mapping[str, Any]
    implementations: tuple[str, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True)
class Subject:
    """A process that hosted implementations."""

    subject: str
    implementations: tuple[str, ...]
    versions: Mapping[str, str]
    environment: Mapping[str, Any]
    processor: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Worst:
    """The place where error / bound is largest, and what stood there. Numbers are as in the file: NaN and infinities are strings."""

    call: int
    tensor: str
    index: tuple[int, ...]
    axes: tuple[str, ...]
    expected: Number
    observed: Number
    error: Number
    bound: Number


@dataclass(frozen=True)
class Claimed:
    """What a case shows of a statement: the id of the claim, its words, and the lines that show it.

    `source` has a title, a kind and the version that it speaks of. `side` says whether
    the statement holds here, fails, or the corrected one holds. `code` is what was run,
    `seen` what came of it.
    """

    claim: str
    statement: str
    place: str
    source: Mapping[str, str]
    verdict: str
    side: str
    says: str
    corrected: str
    conditions: str
    decided_by: str
    note: str
    code: tuple[str, ...]
    seen: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What became of one case on one implementation in one dtype."""

    case: str
    implementation: str
    dtype: str
    outcome: str
    message: str
    file: str
    line: int
    about: str
    source: str
    parameters: Mapping[str, Any]
    ratio: Number = None
    bits: Number = None
    bitwise: bool | None = None
    worst: Worst | None = None
    reproduce: str = ""
    yaml: str = ""
    detail: str = ""
    seconds: float | None = None
    framework_seconds: float | None = None
    link: str = ""
    claim: Claimed | None = None

    @cached_property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Every parameter of the case with its value, as text, each pair once."""
        return settings_of(self.parameters)


@dataclass(frozen=True)
class Footer:
    """How the run ended."""

    finished: str
    seconds: float
    framework_seconds: float
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Results:
    """A whole result file. `incomplete` says what is missing from it; it is empty for a run that finished."""

    header: Header
    subjects: tuple[Subject, ...]
    outcomes: tuple[Outcome, ...]
    footer: Footer | None
    incomplete: str


def read(file: Path) -> Results:
    """The values of a result file.

    Outcomes are in the order of files, lines and ids, whatever the order in which the workers finished them. The last line of an
    interrupted run may be torn: what follows the last newline is left out.

    Raises ResultFileError, with the line, for a file that does not follow `results.schema.json` or contradicts itself.
    """
    *lines, _torn = file.read_text(encoding="utf-8").split("\n")
    records = [_record(file, number, line) for number, line in enumerate(lines, start=1)]
    if not records or records[0]["type"] != "header":
        raise ResultFileError(file, 1, "the first line is no header", "this is no result file, or its beginning was cut off; run the cases again")
    _check_order(file, records)
    header = _header(records[0])
    subjects = _each_once(_subject(record) for record in records if record["type"] == "subject")
    outcomes = tuple(sorted((_outcome(record) for record in records if record["type"] == "outcome"), key=_place))
    _check_duplicates(file, records)
    footer = _footer(records[-1]) if records[-1]["type"] == "footer" else None
    if footer is not None:
        _check_counts(file, len(records), footer, outcomes)
    return Results(header, subjects, outcomes, footer, _incomplete(header, len(outcomes), footer))


def _record(file: Path, number: int, line: str) -> dict[str, Any]:
    again = "run the cases again, or mend the line"
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ResultFileError(file, number, f"this line is no JSON: {error.msg} at column {error.colno}", again) from error
    kind = record.get("type") if isinstance(record, dict) else None
    if kind == "header" and record.get("format") != 1:
        hint = "use the version of lstm-ref that wrote the file"
        raise ResultFileError(file, number, f"the file has format {record.get('format')!r}; this version reads format 1", hint)
    validators = _validators()
    if kind not in validators:
        raise ResultFileError(file, number, f"a line of type {kind!r}; known types are {', '.join(validators)}", again)
    try:
        validators[kind](record)
    except fastjsonschema.JsonSchemaValueException as error:
        problem = error.message.replace("data.", "", 1) if error.message.startswith("data.") else error.message.replace("data", f"the {kind}", 1)
        raise ResultFileError(file, number, problem, again) from error
    return dict(record)


@cache
def _validators() -> dict[str, Callable[[Any], Any]]:
    schema = json.loads((files("lstm_ref.report") / "results.schema.json").read_text(encoding="utf-8"))
    kinds = ("header", "subject", "outcome", "footer")
    return {kind: fastjsonschema.compile({"$ref": f"#/definitions/{kind}", "definitions": schema["definitions"]}) for kind in kinds}


def _check_order(file: Path, records: list[dict[str, Any]]) -> None:
    for number, record in enumerate(records, start=1):
        if record["type"] == "header" and number > 1:
            raise ResultFileError(file, number, "a second header", "two runs were written into one file; read them from a file each")
        if record["type"] == "footer" and number < len(records):
            raise ResultFileError(file, number + 1, "a line after the footer", "two runs were written into one file; read them from a file each")


def _check_duplicates(file: Path, records: list[dict[str, Any]]) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for number, record in enumerate(records, start=1):
        if record["type"] == "outcome":
            item = (record["case"], record["implementation"], record["dtype"])
            if item in seen:
                problem = f"a second outcome of {item[0]} on {item[1]} in {item[2]}; the first is in line {seen[item]}"
                raise ResultFileError(file, number, problem, "two runs were written into one file; read them from a file each")
            seen[item] = number


def _check_counts(file: Path, line: int, footer: Footer, outcomes: tuple[Outcome, ...]) -> None:
    found = Counter(outcome.outcome for outcome in outcomes)
    said = {word: count for word, count in footer.counts.items() if count}
    if said != dict(found):
        raise ResultFileError(file, line, f"the footer counts {said}, the file holds {dict(found)}", "lines were lost or added; run the cases again")


def _incomplete(header: Header, outcomes: int, footer: Footer | None) -> str:
    if outcomes < header.items:
        return f"{header.items - outcomes:,} of {header.items:,} items have no outcome"
    return "" if footer else "the run did not finish: the file has no footer"


T = TypeVar("T")


def _each_once(values: Iterable[T]) -> tuple[T, ...]:
    distinct: list[T] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    return tuple(distinct)


def _fields(record: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("type", "format")}


def _header(record: dict[str, Any]) -> Header:
    missing = tuple(Missing(**entry) for entry in record["missing"])
    return Header(**{**_fields(record), "implementations": tuple(record["implementations"]), "missing": missing})


def _subject(record: dict[str, Any]) -> Subject:
    return Subject(**{**_fields(record), "implementations": tuple(record["implementations"])})


def _outcome(record: dict[str, Any]) -> Outcome:
    worst = record.get("worst")
    place = Worst(**{**worst, "index": tuple(worst["index"]), "axes": tuple(worst["axes"])}) if worst else None
    claim = record.get("claim")
    said = Claimed(**{**claim, "code": tuple(claim["code"]), "seen": tuple(claim["seen"])}) if claim else None
    return Outcome(**{**_fields(record), "worst": place, "claim": said})


def _place(outcome: Outcome) -> tuple[str, int, str, str, int]:
    dtype = DTYPES.index(outcome.dtype) if outcome.dtype in DTYPES else len(DTYPES)
    return outcome.file, outcome.line, outcome.case, outcome.implementation, dtype


def _footer(record: dict[str, Any]) -> Footer:
    return Footer(**_fields(record))
