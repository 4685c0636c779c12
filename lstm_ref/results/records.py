"""What stands in a result file, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from lstm_ref.results.settings import settings_of

# The format of the file, whose schema is `results.schema.json`, and those that are
# read: 1 has no profiles, 2 no addresses of documentation.
FORMAT = 3
READABLE = (1, 2, FORMAT)

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
class SubjectRecord:
    """A process that hosted implementations."""

    subject: str
    implementations: tuple[str, ...]
    versions: Mapping[str, str]
    environment: Mapping[str, Any]
    processor: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Worst:
    """The place where error / bound is largest, with its numbers as they are in the
    file: NaN and infinities are strings.
    """

    call: int
    tensor: str
    index: tuple[int, ...]
    axes: tuple[str, ...]
    expected: Number
    observed: Number
    error: Number
    bound: Number


@dataclass(frozen=True)
class Profile:
    """The errors of an array along one axis: over "time" or by "gate".

    `places` names the gates, the steps, or stretches of many steps. `ratios` has the
    largest error / bound at each place. `expected` and `observed` are the values over
    time at the element with the largest error. They are empty for gates and for
    stretches.
    """

    call: int
    tensor: str
    axis: str
    places: tuple[str, ...]
    ratios: tuple[Number, ...]
    expected: tuple[Number, ...] = ()
    observed: tuple[Number, ...] = ()


@dataclass(frozen=True)
class Claimed:
    """The statement that a case is about: its id, its words, and the lines of output
    that show whether it holds.

    `source` has a title, a kind and the version that it is about. `side` says whether
    the statement holds here, fails, or its correction holds. `code` is what was run,
    and `seen` what came out.
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
    """The result of one case on one implementation in one dtype.

    `documentation` has the addresses of the pages that the case rests on, by the names
    in its source.
    """

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
    profiles: tuple[Profile, ...] = ()
    reproduce: str = ""
    yaml: str = ""
    detail: str = ""
    seconds: float | None = None
    framework_seconds: float | None = None
    link: str = ""
    claim: Claimed | None = None
    documentation: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def settings(self) -> tuple[tuple[str, str], ...]:
        """Every parameter of the case with its value, as text. No pair is repeated."""
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
    """The content of a whole result file. `incomplete` says what is missing. It is
    empty if the run finished.
    """

    header: Header
    subjects: tuple[SubjectRecord, ...]
    outcomes: tuple[Outcome, ...]
    footer: Footer | None
    incomplete: str

    @cached_property
    def implementations(self) -> tuple[str, ...]:
        """Every implementation asked for or found, each once."""
        found = (outcome.implementation for outcome in self.outcomes)
        return tuple(dict.fromkeys((*self.header.implementations, *found)))
