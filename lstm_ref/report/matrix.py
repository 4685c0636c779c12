"""Documented parameters and dtypes x implementations: where each value is right, and
where it causes a finding.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from lstm_ref.report.factors import DTYPE
from lstm_ref.report.findings import NEW, STALE, Finding
from lstm_ref.report.tables import Tally, ordered, sharing_cases
from lstm_ref.results.records import DTYPES, Outcome, Results

# Parameters are shown in this order. All others come last.
SECTIONS = ("params", "call")


@dataclass(frozen=True)
class Cell:
    """The result of the cases with a value on an implementation. `state` is "failing"
    or "divergence" if the value causes a finding, and "elsewhere" if something else
    does. Otherwise it is the best outcome that kept it from passing. `findings` are
    those to which its outcomes belong, and `blamed` those that the value causes.
    """

    tally: Tally
    state: str
    findings: int
    blamed: int


@dataclass(frozen=True)
class Row:
    """A parameter with one of its values, and its cells by implementation."""

    parameter: str
    value: str
    cells: Mapping[str, Cell]

    @property
    def green(self) -> bool:
        """Whether the row shows no problem."""
        return all(cell.state in ("pass", "none", "elsewhere") for cell in self.cells.values())


@dataclass(frozen=True)
class MatrixTable:
    """The parameters of one documented API; the values of a parameter stand together.

    `untold` is, by implementation, the number of findings that no value causes.
    """

    implementations: tuple[str, ...]
    parameters: tuple[tuple[Row, ...], ...]
    untold: Mapping[str, int]


def matrices(results: Results, found: Sequence[Finding]) -> list[MatrixTable]:
    """A matrix for each set of implementations that share cases. A cell counts every
    outcome of the cases with its value; only a pass counts as passed.
    """
    return [_matrix(group, results.outcomes, found) for group in sharing_cases(results)]


def _matrix(names: tuple[str, ...], outcomes: Iterable[Outcome], found: Sequence[Finding]) -> MatrixTable:
    counts: defaultdict[tuple[str, str], Counter[tuple[str, str]]] = defaultdict(Counter)
    for outcome in outcomes:
        if outcome.implementation in names:
            key = outcome.implementation, outcome.outcome
            for pair in _pairs(outcome):
                counts[pair][key] += 1
    of_cells: dict[tuple[str, str], dict[str, dict[str, Finding]]] = {}
    for finding in found:
        for outcome in finding.outcomes:
            if outcome.implementation in names:
                for pair in _pairs(outcome):
                    cell = of_cells.setdefault(pair, {}).setdefault(outcome.implementation, {})
                    cell[finding.anchor] = finding
    rows = []
    for pair in sorted(counts, key=lambda pair: _place(*pair)):
        cells = {
            name: _cell(pair, name, counts[pair], of_cells.get(pair, {}).get(name, {})) for name in names
        }
        rows.append(Row(*pair, cells))
    untold = {
        name: sum(name in each.implementations and not each.factors.factors for each in found)
        for name in names
    }
    return MatrixTable(
        names, tuple(tuple(values) for _, values in groupby(rows, key=lambda row: row.parameter)), untold
    )


def _pairs(outcome: Outcome) -> list[tuple[str, str]]:
    return [(DTYPE, outcome.dtype), *outcome.settings]


def _cell(
    pair: tuple[str, str], name: str, counts: Counter[tuple[str, str]], found: Mapping[str, Finding]
) -> Cell:
    own = Tally(ordered({word: count for (of, word), count in counts.items() if of == name}))
    blamed = [finding for finding in found.values() if finding.factors.names(*pair)]
    if blamed:
        state = "failing" if any(finding.kind in (NEW, STALE) for finding in blamed) else "divergence"
    elif found:
        state = "elsewhere"
    else:
        state = own.state
    return Cell(own, state, len(found), len(blamed))


def _place(parameter: str, value: str) -> tuple[int, str, int, float, str]:
    """A key for the order of rows: dtypes, constructor arguments, call arguments, the
    rest. Numbers come before words, in their own order.
    """
    if parameter == DTYPE:
        return (-1, "", 0, DTYPES.index(value) if value in DTYPES else len(DTYPES), value)
    section, _, _ = parameter.partition(".")
    rank = SECTIONS.index(section) if section in SECTIONS else len(SECTIONS)
    try:
        return (rank, parameter, 0, float(value), value)
    except ValueError:
        return (rank, parameter, 1, 0.0, value)
