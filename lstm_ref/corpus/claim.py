"""What a claim says and what it asserts, as values. A case with a claim shows whether a
statement holds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Source:
    """The source of a statement. `kind` is "article", "documentation" or "docstring".
    `version` is the version about which it speaks.
    """

    title: str
    kind: str
    version: str


@dataclass(frozen=True)
class Weight:
    """What a new weight is: its shape; one number everywhere; one for each gate; spread
    evenly; orthogonal.
    """

    shape: tuple[int, ...] | None = None
    equal: float | None = None
    gates: tuple[float, ...] | None = None
    uniform: float | None = None
    orthogonal: bool = False


@dataclass(frozen=True)
class Example:
    """Code of a source: its text, or its place in a docstring. Also what it prints, and
    what the source says that it prints.
    """

    code: str
    docstring: str
    block: int
    prints: tuple[str, ...]
    says: tuple[str, ...] | None
    adapted: str = ""


@dataclass(frozen=True)
class Asserted:
    """What a run must show, in addition to the exception and the relation that every
    case may have.

    `returns` are shapes, nested as what is returned; `signature` is the whole of one,
    in order. None asserts nothing.
    """

    conforms: bool = False
    returns: Any = None
    container: str | None = None
    masks: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    weights: Mapping[str, Weight] = field(default_factory=dict)
    parameters: int | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)
    signature: Mapping[str, Any] | None = None
    example: Example | None = None


@dataclass(frozen=True)
class Claim:
    """A statement, its verdict in the versions of the case, and the side of the
    statement that the case shows.

    `id` is that of the claim, which several cases may share. `verdict` is "true",
    "false", "under-conditions" or "not-decidable"; `side` is "holds", "fails" or
    "corrected", and empty where nothing is run.
    """

    id: str
    statement: str
    place: str
    source: Source
    verdict: str
    side: str
    asserted: Asserted
    says: str = ""
    corrected: str = ""
    conditions: str = ""
    decided_by: str = ""
    note: str = ""
