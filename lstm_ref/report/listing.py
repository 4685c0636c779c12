"""The list of all outcomes, in columns: small enough that ten thousand of them fit a page.

What repeats is written once: words in tables, and what the cases of one name have in common with that name.
"""

import json
from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

from lstm_ref.report.data import OUTCOMES, Outcome, Results
from lstm_ref.report.values import settings

# Messages that differ from each other are most of the text where much fails; beyond these the list shows none.
DISTINCT_MESSAGES = 1_000
MESSAGE_CHARACTERS = 160

_Name = tuple[str, str, int, str, str]
_Point = tuple[int, list[int], frozenset[int]]
T = TypeVar("T", bound=Hashable)


class _Table(Generic[T]):
    """Values in order of appearance, each once."""

    def __init__(self) -> None:
        self._index: dict[T, int] = {}

    def index(self, value: T) -> int:
        return self._index.setdefault(value, len(self._index))

    def values(self) -> list[T]:
        return list(self._index)


def listing(results: Results, anchors: Mapping[tuple[str, str, str], str]) -> dict[str, Any]:
    """The list as plain data; `report.js` reads it.

    * `names`: the hand-written names as [id up to its bracket, file, line, about, source, parameters that all its points share]
    * `cases`: the points as [index into names, rest of the id cut at its commas, parameters of its own], the latter two as indices into `pieces`
      and `parameters`
    * `rows`: columns of one entry for each outcome; all but `ratio`, `anchor` and `message` are indices
    """
    parameters: _Table[tuple[str, str]] = _Table()
    names: _Table[_Name] = _Table()
    implementations: _Table[str] = _Table()
    dtypes: _Table[str] = _Table()
    messages: _Table[str] = _Table()
    messages.index("")
    cases: dict[str, int] = {}
    pieces: _Table[str] = _Table()
    points: list[_Point] = []
    rows: dict[str, list[Any]] = {"case": [], "implementation": [], "dtype": [], "outcome": [], "ratio": [], "anchor": [], "message": []}
    for outcome in results.outcomes:
        if outcome.case not in cases:
            cases[outcome.case] = len(points)
            points.append(_point(outcome, names, pieces, parameters))
        rows["case"].append(cases[outcome.case])
        rows["implementation"].append(implementations.index(outcome.implementation))
        rows["dtype"].append(dtypes.index(outcome.dtype))
        rows["outcome"].append(OUTCOMES.index(outcome.outcome))
        rows["ratio"].append(float(f"{outcome.ratio:.2g}") if isinstance(outcome.ratio, (int, float)) else outcome.ratio)
        rows["anchor"].append(anchors.get((outcome.case, outcome.implementation, outcome.dtype), 0))
        rows["message"].append(messages.index(_headline(outcome)))
    shared = _shared(points)
    kept = messages.values()[:DISTINCT_MESSAGES]
    rows["message"] = [index if index < len(kept) else 0 for index in rows["message"]]
    return {
        "outcomes": OUTCOMES,
        "implementations": implementations.values(),
        "dtypes": dtypes.values(),
        "parameters": parameters.values(),
        "pieces": pieces.values(),
        "messages": kept,
        "names": [[*name, sorted(shared[index])] for index, name in enumerate(names.values())],
        "cases": [[name, rest, sorted(own - shared[name])] for name, rest, own in points],
        "rows": rows,
    }


def _headline(outcome: Outcome) -> str:
    return outcome.message.split("\n")[0][:MESSAGE_CHARACTERS]


def _point(outcome: Outcome, names: _Table[_Name], pieces: _Table[str], parameters: _Table[tuple[str, str]]) -> _Point:
    stem, bracket, rest = outcome.case.partition("[")
    name = names.index((stem, outcome.file, outcome.line, outcome.about, outcome.source))
    own = frozenset(parameters.index(pair) for pair in settings(outcome))
    return name, [pieces.index(piece) for piece in (bracket + rest).split(",")], own


def _shared(points: list[_Point]) -> dict[int, frozenset[int]]:
    shared: dict[int, frozenset[int]] = {}
    for name, _, own in points:
        shared[name] = shared.get(name, own) & own
    return shared


def script_safe(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element: no "<" can end it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
