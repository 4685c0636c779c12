"""The tables of a report: counts per implementation and dtype, per documented
parameter, per file, per reason.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lstm_ref.results.records import DTYPES, FAILING, OUTCOMES, Outcome, Results

OF_THE_SUITE = ("python", "numpy")  # what every subject has, beside its framework

# Outcomes of what was not run at all.
NOT_JUDGED = ("unsupported", "not-run")


@dataclass(frozen=True)
class Tally:
    """How often each outcome occurred. Outcomes that did not occur are left out."""

    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def passed(self) -> int:
        return self.counts.get("pass", 0)

    @property
    def failing(self) -> int:
        return sum(self.counts.get(word, 0) for word in FAILING)

    @property
    def state(self) -> str:
        """The one word that decides the colour: "none", "failing", "pass", or the best
        outcome that kept all from passing.
        """
        if not self.total:
            return "none"
        if self.failing:
            return "failing"
        return (
            "pass"
            if self.passed == self.total
            else next(word for word in OUTCOMES if word != "pass" and word in self.counts)
        )

    @property
    def rest(self) -> str:
        """What did not pass, in words: "2 fail, 1 unsupported"."""
        return ", ".join(f"{count:,} {word}" for word, count in self.counts.items() if word != "pass")


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """Count outcomes, in the order of OUTCOMES."""
    return Tally(ordered(Counter(outcome.outcome for outcome in outcomes)))


def ordered(counts: Mapping[str, int]) -> dict[str, int]:
    """Counts in the order of OUTCOMES, without zeros."""
    return {word: counts[word] for word in OUTCOMES if counts.get(word)}


@dataclass(frozen=True)
class Heat:
    """Implementations x dtypes: the outcomes of each pair that was run."""

    implementations: tuple[str, ...]
    dtypes: tuple[str, ...]
    cells: Mapping[tuple[str, str], Tally]


def heat(results: Results) -> Heat:
    """What passes in which dtype. Implementations are in the order in which they were
    asked for, and the widest dtype comes first.
    """
    counts: dict[tuple[str, str], Counter[str]] = {}
    for outcome in results.outcomes:
        key = outcome.implementation, outcome.dtype
        counts.setdefault(key, Counter())[outcome.outcome] += 1
    dtypes = {dtype for _, dtype in counts}
    known = [dtype for dtype in DTYPES if dtype in dtypes]
    return Heat(
        tuple(name for name in results.implementations if any(name == ran for ran, _ in counts)),
        (*known, *sorted(dtypes.difference(known))),
        {key: Tally(ordered(count)) for key, count in counts.items()},
    )


def versions(results: Results, implementation: str) -> str:
    """The versions of its framework: "tensorflow 2.21.0, keras 3.15.1"; empty where its
    subject never started.
    """
    hosts = [subject for subject in results.subjects if implementation in subject.implementations]
    found = {
        f"{package} {version}": None
        for subject in hosts
        for package, version in subject.versions.items()
        if package not in OF_THE_SUITE
    }
    return ", ".join(found)


def sharing_cases(results: Results) -> list[tuple[str, ...]]:
    """The implementations of each documented API: those that share cases."""
    groups = {name: {name} for name in results.implementations}
    first: dict[str, str] = {}
    for outcome in results.outcomes:
        known = groups[first.setdefault(outcome.case, outcome.implementation)]
        if outcome.implementation not in known:
            known |= groups[outcome.implementation]
            for name in known:
                groups[name] = known
    ran = {outcome.implementation for outcome in results.outcomes}
    distinct = {id(group): group for name, group in groups.items() if name in ran}
    return [tuple(name for name in groups if name in group) for group in distinct.values()]


@dataclass(frozen=True)
class FileRow:
    """A case file, and the outcomes of its cases by implementation."""

    file: str
    about: str
    cells: Mapping[str, Tally]


def per_file(results: Results) -> list[FileRow]:
    """A row for each case file, in the order of the run."""
    names = results.implementations
    groups: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in results.outcomes:
        groups.setdefault(outcome.file, {name: [] for name in names})[outcome.implementation].append(outcome)
    return [
        FileRow(
            file,
            next(group[0].about for group in by_name.values() if group),
            {name: tally(group) for name, group in by_name.items()},
        )
        for file, by_name in groups.items()
    ]


@dataclass(frozen=True)
class Reason:
    """Why cases were not run: an implementation's declaration. `anchor` depends on the
    reason alone.
    """

    anchor: str
    implementation: str
    outcome: str
    message: str
    cases: int


def reasons(results: Results) -> list[Reason]:
    """Every distinct reason of an outcome that was not judged, the most frequent
    first.
    """
    found = Counter(_reason(outcome) for outcome in results.outcomes if outcome.outcome in NOT_JUDGED)
    return [Reason(reason_anchor(*reason), *reason, count) for reason, count in found.most_common()]


def _reason(outcome: Outcome) -> tuple[str, str, str]:
    return outcome.implementation, outcome.outcome, outcome.message


def reason_anchor(implementation: str, outcome: str, message: str) -> str:
    """The name of a reason in links."""
    return f"reason-{digest(implementation, outcome, message)}"


def digest(*words: str) -> str:
    """A short name for a text. It stays the same while the text does."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()[:10]
