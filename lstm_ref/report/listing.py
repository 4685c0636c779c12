"""The list of all outcomes, in columns. It is so small that a page can hold ten
thousand of them. What repeats is written once. Words are in tables, and what the cases
of one name have in common is stored with that name.
"""

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Generic, TypeVar

from lstm_ref.report.findings import Finding
from lstm_ref.report.tables import Reason, reason_anchor
from lstm_ref.report.values import cut
from lstm_ref.results.records import OUTCOMES, Outcome, Results

# Where much fails, different messages are most of the text. The list shows only this
# many of them.
DISTINCT_MESSAGES = 1_000
MESSAGE_CHARACTERS = 160
CAUSE_CHARACTERS = 120
# A text in the list has at most this many characters, whatever a file says.
CHARACTERS = 500

# Lists of indices are text, a character each. This one stands for the index 0.
FIRST = ord("!")
SURROGATES = 0xD800

_Name = tuple[str, int, int, int, int, tuple[int, ...]]
_Point = tuple[int, list[int], frozenset[int]]
T = TypeVar("T", bound=Hashable)


class _Table(Generic[T]):
    """Values in order of appearance, each once."""

    def __init__(self, *first: T) -> None:
        self._index: dict[T, int] = {}
        for value in first:
            self.index(value)

    def index(self, value: T) -> int:
        return self._index.setdefault(value, len(self._index))

    def values(self) -> list[T]:
        return list(self._index)


def listing(results: Results, found: Sequence[Finding], reasons: Sequence[Reason]) -> dict[str, Any]:
    """The list as plain data; `report.js` reads it.

    Lists of indices are text, with a character for each.

    * `names`: the hand-written names as [id up to its bracket, file, line, about,
      source, pages, parameters that all its points share]; file, about and source are
      indices into `texts`. `pages` is a list of indices into the [name, address] pairs
      of the same name
    * `cases`: the points as [index into names, rest of the id cut at its commas,
      parameters of its own], the latter two as indices into `pieces` and `parameters`
    * `causes`: findings and reasons as [anchor, what is wrong]; the first is none
    * `rows`: columns of one index for each outcome. Those of `case` are differences
      from the row before
    """
    distinct = {(outcome.file, outcome.case): outcome for outcome in results.outcomes}.values()
    parameters = _often_first(pair for outcome in distinct for pair in outcome.settings)
    pieces = _often_first(piece for outcome in distinct for piece in _pieces(outcome))
    texts: _Table[str] = _Table()
    pages: _Table[tuple[str, str]] = _Table()
    ratios: _Table[float | bool | str | None] = _Table(None)
    names: _Table[_Name] = _Table()
    implementations: _Table[str] = _Table()
    dtypes: _Table[str] = _Table()
    messages: _Table[str] = _Table("")
    cases: dict[tuple[str, int, str], int] = {}
    points: list[_Point] = []
    causes = _causes(found)
    of_reasons = {reason.anchor: index for index, reason in enumerate(reasons, start=len(found) + 1)}
    columns = ("case", "implementation", "dtype", "outcome", "ratio", "cause", "message")
    rows: dict[str, list[int]] = {column: [] for column in columns}
    for outcome in results.outcomes:
        key = outcome.file, outcome.line, outcome.case
        if key not in cases:
            cases[key] = len(points)
            points.append(_point(outcome, texts, pages, names, pieces, parameters))
        rows["case"].append(cases[key])
        rows["implementation"].append(implementations.index(outcome.implementation))
        rows["dtype"].append(dtypes.index(outcome.dtype))
        rows["outcome"].append(OUTCOMES.index(outcome.outcome))
        rows["ratio"].append(ratios.index(_two_digits(outcome.ratio)))
        cause = causes.get(_item(outcome)) or of_reasons.get(_reason(outcome), 0)
        rows["cause"].append(cause)
        # The outcomes of a finding do not repeat what the finding says.
        said = "" if outcome.outcome in ("divergence", "unsupported") else _headline(outcome)
        rows["message"].append(messages.index(said))
    shared = _shared(points)
    kept = messages.values()[:DISTINCT_MESSAGES]
    rows["message"] = [index if index < len(kept) else 0 for index in rows["message"]]
    rows["case"] = [index - before for before, index in pairwise([0, *rows["case"]])]
    told = [[finding.anchor, cut(finding.sentence, CAUSE_CHARACTERS)] for finding in found]
    told += [[reason.anchor, cut(reason.message, CAUSE_CHARACTERS)] for reason in reasons]
    return {
        "outcomes": OUTCOMES,
        "implementations": implementations.values(),
        "dtypes": dtypes.values(),
        "parameters": [[parameter, cut(value, CHARACTERS)] for parameter, value in parameters.values()],
        "texts": texts.values(),
        "pages": pages.values(),
        "pieces": pieces.values(),
        "messages": kept,
        "causes": [["", ""], *told],
        "names": [[*name, _text(sorted(shared[index]))] for index, name in enumerate(names.values())],
        "cases": [[name, _text(rest), _text(sorted(own - shared[name]))] for name, rest, own in points],
        "ratios": ratios.values(),
        "rows": {column: _text(indices) for column, indices in rows.items()},
    }


def _item(outcome: Outcome) -> tuple[str, str, str, str]:
    return outcome.file, outcome.case, outcome.implementation, outcome.dtype


def _causes(found: Sequence[Finding]) -> dict[tuple[str, str, str, str], int]:
    return {
        _item(outcome): index for index, finding in enumerate(found, start=1) for outcome in finding.outcomes
    }


def _reason(outcome: Outcome) -> str:
    return reason_anchor(outcome.implementation, outcome.outcome, outcome.message) if outcome.message else ""


def _text(indices: Iterable[int]) -> str:
    return "".join(map(_character, indices))


def _character(index: int) -> str:
    """The character of an index: none that takes half of a pair, which are no text."""
    return chr(FIRST + index if FIRST + index < SURROGATES else FIRST + index + 0x800)


def _two_digits(ratio: Any) -> Any:
    return float(f"{ratio:.2g}") if isinstance(ratio, (int, float)) else ratio


def _headline(outcome: Outcome) -> str:
    return cut(outcome.message.partition("\n")[0], MESSAGE_CHARACTERS)


def _often_first(values: Iterable[T]) -> _Table[T]:
    """What occurs most has the shortest index."""
    return _Table(*(value for value, _ in Counter(values).most_common()))


def _pieces(outcome: Outcome) -> list[str]:
    """The id behind the hand-written name, cut at its commas."""
    _, bracket, rest = outcome.case.partition("[")
    return (bracket + rest).split(",")


def _point(
    outcome: Outcome,
    texts: _Table[str],
    pages: _Table[tuple[str, str]],
    names: _Table[_Name],
    pieces: _Table[str],
    parameters: _Table[tuple[str, str]],
) -> _Point:
    stem = outcome.case.partition("[")[0]
    file, about, source = (
        texts.index(cut(each, CHARACTERS)) for each in (outcome.file, outcome.about, outcome.source)
    )
    name = names.index(
        (stem, file, outcome.line, about, source, tuple(map(pages.index, outcome.documentation.items())))
    )
    own = frozenset(parameters.index(pair) for pair in outcome.settings)
    return name, [pieces.index(piece) for piece in _pieces(outcome)], own


def _shared(points: list[_Point]) -> dict[int, frozenset[int]]:
    shared: dict[int, frozenset[int]] = {}
    for name, _, own in points:
        shared[name] = shared.get(name, own) & own
    return shared


def script_safe(data: Mapping[str, Any]) -> str:
    """JSON that may stand inside a script element: no "<" can end it."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")
