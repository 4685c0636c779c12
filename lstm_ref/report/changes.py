"""The difference between two result files: what a newer version changes. An item is one
case on one implementation in one dtype. It is red if it fails a run, known if a listed
divergence explains it, and green if it passes. All others are not judged.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lstm_ref.report.errors import CannotCompare
from lstm_ref.report.findings import cause, headline, without_numbers
from lstm_ref.report.tables import versions
from lstm_ref.results.records import FAILING, Outcome, Results

# Every kind of change with its words, in the order in which they are shown.
KINDS = {
    "newly-red": "Newly red",
    "red-changed": "Red before and now, but otherwise",
    "no-longer-judged": "No longer judged",
    "newly-known": "Passed before; a listed divergence explains it now",
    "known-changed": "A listed divergence before and now, but otherwise",
    "newly-green": "Newly green",
    "no-longer-red": "Red before; a listed divergence explains it now",
    "newly-judged": "Newly judged, and not red",
    "new": "New items",
    "gone": "Gone items",
}
WORSE = ("newly-red",)

# An error that is this many times larger or smaller counts as changed.
OTHER_SIZE = 2.0

Key = tuple[str, str, str]  # case, implementation as the new file calls it, dtype


@dataclass(frozen=True)
class Change:
    """One item that is not as before. A side is None if it has no such item."""

    kind: str
    case: str
    implementation: str
    dtype: str
    before: Outcome | None
    now: Outcome | None

    @property
    def told(self) -> Outcome:
        """The outcome that is shown: one that disagrees, the new one before the old
        one.
        """
        sides = [side for side in (self.now, self.before) if side is not None]
        return next((side for side in sides if state(side) in ("red", "known")), sides[0])


@dataclass(frozen=True)
class Group:
    """The changes of one kind and one cause, with one sentence about them."""

    kind: str
    sentence: str
    changes: tuple[Change, ...]

    @property
    def implementations(self) -> tuple[str, ...]:
        """Those that show it, each once."""
        return tuple(dict.fromkeys(change.implementation for change in self.changes))


@dataclass(frozen=True)
class Side:
    """One of the files: its implementations with their versions, and whether the file
    is complete.
    """

    versions: Mapping[str, str]
    incomplete: str
    items: int


@dataclass(frozen=True)
class Changes:
    """The differences of two result files. `pairs` are the implementations that were
    compared, by their names in the old and the new file. `notes` say what makes the
    comparison weaker than it looks.
    """

    old: Side
    new: Side
    pairs: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    groups: tuple[Group, ...]
    unchanged: int

    @property
    def counts(self) -> dict[str, int]:
        """The number of items for each kind of change that occurs."""
        found = Counter(dict.fromkeys(KINDS, 0))
        for group in self.groups:
            found[group.kind] += len(group.changes)
        return {kind: found[kind] for kind in KINDS if found[kind]}

    @property
    def is_worse(self) -> bool:
        """Whether anything is newly red."""
        return any(group.kind in WORSE for group in self.groups)


def state(outcome: Outcome) -> str:
    """ "red", "known", "green" or "unjudged"."""
    if outcome.outcome in FAILING:
        return "red"
    return {"divergence": "known", "pass": "green"}.get(outcome.outcome, "unjudged")


def changes(old: Results, new: Results, match: Mapping[str, str] | None = None) -> Changes:
    """What is different in `new`.

    `match` gives the implementation of the new file with which one of the old file is
    compared. Raises CannotCompare where nothing can be compared, or where a name is in
    neither file.
    """
    pairs = _pairs(old.implementations, new.implementations, match or {})
    calls = dict(pairs)
    before: dict[Key, Outcome] = {
        (o.case, calls[o.implementation], o.dtype): o for o in old.outcomes if o.implementation in calls
    }
    now: dict[Key, Outcome] = {
        (o.case, o.implementation, o.dtype): o for o in new.outcomes if o.implementation in calls.values()
    }
    found: dict[tuple[str, str], list[Change]] = {}
    unchanged = 0
    for key in dict.fromkeys([*now, *before]):
        change = Change(_kind(before.get(key), now.get(key)), *key, before.get(key), now.get(key))
        if not change.kind:
            unchanged += 1
            continue
        found.setdefault((change.kind, cause(change.told)), []).append(change)
    groups = [Group(kind, headline(some[0].told), tuple(some)) for (kind, _), some in found.items()]
    order = list(KINDS)
    return Changes(
        _side(old),
        _side(new),
        tuple(pairs),
        tuple(_notes(old, new, pairs)),
        tuple(sorted(groups, key=lambda group: (order.index(group.kind), -len(group.changes)))),
        unchanged,
    )


def _side(results: Results) -> Side:
    names = results.implementations
    return Side({name: versions(results, name) for name in names}, results.incomplete, len(results.outcomes))


def _pairs(old: Sequence[str], new: Sequence[str], match: Mapping[str, str]) -> list[tuple[str, str]]:
    """The implementations to compare, as the old and the new file call them.

    Pairs in `match` come first, then implementations of the same name. Then names that
    differ only in the label behind "@", if there is one on each side.
    """
    for name, names, which in (*((n, old, "old") for n in match), *((n, new, "new") for n in match.values())):
        if name not in names:
            raise CannotCompare(f"the {which} file has no implementation {name}, only {', '.join(names)}")
    pairs = dict(match)
    pairs |= {name: name for name in old if name in new and name not in pairs and name not in match.values()}
    left = [name for name in old if name not in pairs]
    right = [name for name in new if name not in pairs.values()]
    for name in left:
        base = name.partition("@")[0]
        alike = [other for other in right if other.partition("@")[0] == base]
        if len(alike) == 1 and [each.partition("@")[0] for each in left].count(base) == 1:
            pairs[name] = alike[0]
    if not pairs:
        raise CannotCompare(
            f"no implementation is in both files: {', '.join(old)} in the old one, {', '.join(new)} in the"
            " new one; say with --match OLD=NEW which to compare"
        )
    return list(pairs.items())


def _notes(old: Results, new: Results, pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    if old.header.corpus != new.header.corpus:
        yield "the case files differ: an outcome may have changed because its case did"
    if old.header.seed != new.header.seed:
        yield f"the seeds differ: {old.header.seed} and {new.header.seed}; all numbers were drawn anew"
    for which, results in (("old", old), ("new", new)):
        if results.incomplete:
            yield f"the {which} file is incomplete: {results.incomplete}"
        compared = {pair[which == "new"] for pair in pairs}
        if left := [name for name in results.implementations if name not in compared]:
            yield f"only the {which} file has {', '.join(left)}"
    if old.header.platform.get("flags") != new.header.platform.get("flags"):
        yield "the processors differ: half precisions may be computed otherwise"


def _kind(before: Outcome | None, now: Outcome | None) -> str:
    """Which of KINDS the change is; empty for none."""
    if now is None:
        return "gone"
    is_now = state(now)
    if before is None:
        return "newly-red" if is_now == "red" else "new"
    was = state(before)
    if was == is_now:
        return f"{is_now}-changed" if is_now in ("red", "known") and _is_other(before, now) else ""
    if is_now == "red":
        return "newly-red"
    if is_now == "unjudged":
        return "no-longer-judged"
    if was == "unjudged":
        return "newly-judged"
    if is_now == "green":
        return "newly-green"
    return "newly-known" if was == "green" else "no-longer-red"


def _is_other(before: Outcome, now: Outcome) -> bool:
    """Whether the disagreement has changed: in its size, or in its words if it has no
    size.
    """
    sizes = [_size(each.ratio) for each in (before, now)]
    if None not in sizes:
        low, high = sorted(size for size in sizes if size is not None)
        return high > low * OTHER_SIZE
    told = [without_numbers((each.detail or each.message).partition("\n")[0]) for each in (before, now)]
    return sizes[0] != sizes[1] or told[0] != told[1]


def _size(ratio: object) -> float | None:
    """NaN and infinities stand as words in a result file: nothing is larger."""
    if ratio is None or isinstance(ratio, bool):
        return None
    return float(ratio) if isinstance(ratio, (int, float)) else float("inf")
