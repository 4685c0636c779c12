"""Reads result files, and refuses those that contradict themselves."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import fastjsonschema

from lstm_ref.collection import without_collection
from lstm_ref.results.errors import ResultFileError
from lstm_ref.results.records import (
    DTYPES,
    READABLE,
    Claimed,
    Footer,
    Header,
    Missing,
    Outcome,
    Profile,
    Results,
    SubjectRecord,
    Worst,
)


@without_collection()
def read(file: Path) -> Results:
    """The content of a result file.

    Outcomes are sorted by file, line and id. The order in which workers finished does
    not matter. The last line of an interrupted run may be cut off: what follows the
    last line feed is ignored.

    Raises ResultFileError, with the line, for a file that does not follow
    `results.schema.json` or contradicts itself.
    """
    lines = whole_lines(file.read_bytes()).splitlines()
    records = [_record(file, number, line) for number, line in enumerate(lines, start=1)]
    if not records or records[0]["type"] != "header":
        raise ResultFileError(
            file,
            1,
            "the first line is not a header",
            "this is not a result file, or its beginning was cut off; run the cases again",
        )
    _check_order(file, records)
    header = _header(records[0])
    subjects = _each_once(_subject(record) for record in records if record["type"] == "subject")
    outcomes = tuple(
        sorted((_outcome(record) for record in records if record["type"] == "outcome"), key=_place)
    )
    _check_duplicates(file, records)
    footer = _footer(records[-1]) if records[-1]["type"] == "footer" else None
    if footer is not None:
        _check_counts(file, len(records), footer, outcomes)
    return Results(header, subjects, outcomes, footer, _incomplete(header, len(outcomes), footer))


def whole_lines(content: bytes) -> bytes:
    """The content up to its last line feed. The rest was cut off, perhaps in the middle
    of a character.
    """
    return content[: content.rfind(b"\n") + 1]


def _record(file: Path, number: int, line: bytes) -> dict[str, Any]:
    again = "run the cases again, or mend the line"
    try:
        record = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ResultFileError(
            file, number, f"this line is not UTF-8: byte {error.start + 1}", again
        ) from error
    except json.JSONDecodeError as error:
        raise ResultFileError(
            file, number, f"this line is not JSON: {error.msg} at column {error.colno}", again
        ) from error
    kind = record.get("type") if isinstance(record, dict) else None
    if kind == "header" and record.get("format") not in READABLE:
        hint, known = "use the version of lstm-ref that wrote the file", " and ".join(map(str, READABLE))
        raise ResultFileError(
            file,
            number,
            f"the file has format {record.get('format')!r}; this version reads {known}",
            hint,
        )
    validators = _validators()
    if kind not in validators:
        raise ResultFileError(
            file, number, f"a line of type {kind!r}; known types are {', '.join(validators)}", again
        )
    try:
        validators[kind](record)
    except fastjsonschema.JsonSchemaValueException as error:
        problem = (
            error.message.replace("data.", "", 1)
            if error.message.startswith("data.")
            else error.message.replace("data", f"the {kind}", 1)
        )
        raise ResultFileError(file, number, problem, again) from error
    checked: dict[str, Any] = record
    return checked


@cache
def _validators() -> dict[str, Callable[[Any], Any]]:
    schema = json.loads((files("lstm_ref.results") / "results.schema.json").read_text(encoding="utf-8"))
    kinds = ("header", "subject", "outcome", "footer")
    return {
        kind: fastjsonschema.compile({"$ref": f"#/definitions/{kind}", "definitions": schema["definitions"]})
        for kind in kinds
    }


def _check_order(file: Path, records: list[dict[str, Any]]) -> None:
    for number, record in enumerate(records, start=1):
        if record["type"] == "header" and number > 1:
            raise ResultFileError(
                file,
                number,
                "a second header",
                "two runs were written into one file; read them from a file each",
            )
        if record["type"] == "footer" and number < len(records):
            raise ResultFileError(
                file,
                number + 1,
                "a line after the footer",
                "two runs were written into one file; read them from a file each",
            )


def _check_duplicates(file: Path, records: list[dict[str, Any]]) -> None:
    seen: dict[tuple[str, str, str], int] = {}
    for number, record in enumerate(records, start=1):
        if record["type"] == "outcome":
            item = (record["case"], record["implementation"], record["dtype"])
            if item in seen:
                problem = (
                    f"a second outcome of {item[0]} on {item[1]} in {item[2]}; the first is in line"
                    f" {seen[item]}"
                )
                raise ResultFileError(
                    file, number, problem, "two runs were written into one file; read them from a file each"
                )
            seen[item] = number


def _check_counts(file: Path, line: int, footer: Footer, outcomes: tuple[Outcome, ...]) -> None:
    found = Counter(outcome.outcome for outcome in outcomes)
    said = {word: count for word, count in footer.counts.items() if count}
    if said != dict(found):
        raise ResultFileError(
            file,
            line,
            f"the footer counts {said}, the file holds {dict(found)}",
            "lines were lost or added; run the cases again",
        )


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
    fields = record.copy()
    del fields["type"]
    fields.pop("format", None)
    return fields


def _header(record: dict[str, Any]) -> Header:
    missing = tuple(Missing(**entry) for entry in record["missing"])
    return Header(
        **{**_fields(record), "implementations": tuple(record["implementations"]), "missing": missing}
    )


def _subject(record: dict[str, Any]) -> SubjectRecord:
    return SubjectRecord(**{**_fields(record), "implementations": tuple(record["implementations"])})


def _outcome(record: dict[str, Any]) -> Outcome:
    fields = _fields(record)
    if worst := record.get("worst"):
        fields["worst"] = Worst(**{**worst, "index": tuple(worst["index"]), "axes": tuple(worst["axes"])})
    if claim := record.get("claim"):
        fields["claim"] = Claimed(**{**claim, "code": tuple(claim["code"]), "seen": tuple(claim["seen"])})
    fields["profiles"] = tuple(_profile(profile) for profile in record.get("profiles", ()))
    return Outcome(**fields)


def _profile(record: dict[str, Any]) -> Profile:
    lists = ("places", "ratios", "expected", "observed")
    return Profile(**{**record, **{name: tuple(record.get(name, ())) for name in lists}})


def _place(outcome: Outcome) -> tuple[str, int, str, str, int]:
    dtype = DTYPES.index(outcome.dtype) if outcome.dtype in DTYPES else len(DTYPES)
    return outcome.file, outcome.line, outcome.case, outcome.implementation, dtype


def _footer(record: dict[str, Any]) -> Footer:
    return Footer(**_fields(record))
