"""The tables of a report: counts per implementation and dtype, per documented parameter, per file, per reason."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from lstm_ref.report.data import FAILING, OUTCOMES, Outcome, Results
from lstm_ref.report.values import settings


@dataclass(frozen=True)
class Tally:
    """How often each outcome occurred; words that did not occur are left out."""

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
        """The one word that decides the colour: "none", "failing", "pass", or the best of what kept it from passing throughout."""
        if not self.total:
            return "none"
        if self.failing:
            return "failing"
        return "pass" if self.passed == self.total else next(word for word in OUTCOMES if word != "pass" and word in self.counts)

    @property
    def rest(self) -> str:
        """What did not pass, in words: "2 fail, 1 unsupported"."""
        return ", ".join(f"{count:,} {word}" for word, count in self.counts.items() if word != "pass")


def tally(outcomes: Iterable[Outcome]) -> Tally:
    """Count outcomes, in the order of OUTCOMES."""
    found = Counter(outcome.outcome for outcome in outcomes)
    return Tally({word: found[word] for word in OUTCOMES if found[word]})


@dataclass(frozen=True)
class SummaryRow:
    """An implementation in a dtype."""

    implementation: str
    dtype: str
    versions: str
    tally: Tally


def summary(results: Results) -> list[SummaryRow]:
    """A row for each implementation and dtype, in the order in which they were asked for and came."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in results.outcomes:
        groups.setdefault((outcome.implementation, outcome.dtype), []).append(outcome)
    order = {name: index for index, name in enumerate(implementations(results))}
    rows = [SummaryRow(name, dtype, versions(results, name), tally(group)) for (name, dtype), group in groups.items()]
    return sorted(rows, key=lambda row: order[row.implementation])


def implementations(results: Results) -> list[str]:
    """Every implementation asked for or found, each once."""
    return list(dict.fromkeys([*results.header.implementations, *(outcome.implementation for outcome in results.outcomes)]))


def versions(results: Results, implementation: str) -> str:
    """The versions that hosted an implementation: "tensorflow 2.21.0, keras 3.15.1"; empty where its subject never started."""
    hosts = [subject for subject in results.subjects if implementation in subject.implementations]
    found = [f"{package} {version}" for subject in hosts for package, version in subject.versions.items()]
    return ", ".join(dict.fromkeys(found))


@dataclass(frozen=True)
class MatrixRow:
    """A documented parameter with one of its values, and what became of the cases that set it so, by implementation."""

    parameter: str
    value: str
    cells: Mapping[str, Tally]


@dataclass(frozen=True)
class Matrix:
    """The parameters of the implementations that share cases; the values of one parameter stand together."""

    implementations: tuple[str, ...]
    parameters: tuple[tuple[MatrixRow, ...], ...]


def matrices(results: Results) -> list[Matrix]:
    """Parameter x implementation, a matrix for each set of implementations that share cases: those of one documented API.

    A cell counts every outcome of the cases with that value, whatever it was; only a pass counts as passed.
    """
    return [_matrix(group, [outcome for outcome in results.outcomes if outcome.implementation in group]) for group in sharing_cases(results)]


def sharing_cases(results: Results) -> list[tuple[str, ...]]:
    """The implementations of each documented API: those that share cases."""
    groups = {name: {name} for name in implementations(results)}
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


def _matrix(names: tuple[str, ...], outcomes: list[Outcome]) -> Matrix:
    found: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        for pair in dict.fromkeys(settings(outcome)):
            found.setdefault(pair, []).append(outcome)
    rows = []
    for (parameter, value), group in sorted(found.items(), key=lambda entry: _place(*entry[0])):
        cells = {name: tally(outcome for outcome in group if outcome.implementation == name) for name in names}
        rows.append(MatrixRow(parameter, value, cells))
    return Matrix(names, tuple(tuple(values) for _, values in groupby(rows, key=lambda row: row.parameter)))


def _place(parameter: str, value: str) -> tuple[int, str, int, float, str]:
    """Where a row stands: constructor arguments, then call arguments, then the rest; numbers in their order, before words."""
    sections = ("params", "call")
    section, _, _ = parameter.partition(".")
    rank = sections.index(section) if section in sections else len(sections)
    try:
        return (rank, parameter, 0, float(value), value)
    except ValueError:
        return (rank, parameter, 1, 0.0, value)


@dataclass(frozen=True)
class FileRow:
    """A case file, and what became of its cases, by implementation."""

    file: str
    about: str
    cells: Mapping[str, Tally]


def per_file(results: Results) -> list[FileRow]:
    """A row for each case file, in the order of the run."""
    names = implementations(results)
    groups: dict[str, dict[str, list[Outcome]]] = {}
    for outcome in results.outcomes:
        groups.setdefault(outcome.file, {name: [] for name in names})[outcome.implementation].append(outcome)
    return [
        FileRow(file, next(group[0].about for group in by_name.values() if group), {name: tally(group) for name, group in by_name.items()})
        for file, by_name in groups.items()
    ]


@dataclass(frozen=True)
class Reason:
    """Why cases were not expected to pass, or not run: an implementation's declaration, a listed divergence."""

    implementation: str
    outcome: str
    message: str
    cases: int


def reasons(results: Results) -> list[Reason]:
    """Every distinct reason of an outcome that neither passed nor failed, the most frequent first."""
    explained = [outcome for outcome in results.outcomes if outcome.outcome != "pass" and outcome.outcome not in FAILING]
    found = Counter((outcome.implementation, outcome.outcome, outcome.message) for outcome in explained)
    return [Reason(*reason, count) for reason, count in found.most_common()]
