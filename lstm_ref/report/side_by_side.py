"""Versions of one implementation, side by side: which finding is in which of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lstm_ref.report.findings import Finding
from lstm_ref.results.records import Results

LABEL = "@"  # keras-tensorflow@3.8.0


@dataclass(frozen=True)
class Line:
    """A finding, and by column the number of checks that show it."""

    finding: Finding
    checks: Mapping[str, int]


@dataclass(frozen=True)
class SideBySide:
    """The columns of one implementation by their labels, and what any of them shows."""

    implementation: str
    labels: Mapping[str, str]
    lines: tuple[Line, ...]


def side_by_side(results: Results, found: Sequence[Finding]) -> list[SideBySide]:
    """One table for each implementation that has several columns, in the order in which
    these were asked for. What has come stands before what was always there, and both
    before what is gone.
    """
    columns: dict[str, dict[str, str]] = {}
    for column in results.implementations:
        name, _, label = column.partition(LABEL)
        columns.setdefault(name, {})[column] = label or name
    tables = []
    for name, labels in columns.items():
        if len(labels) < 2:
            continue
        lines = [_line(finding, labels) for finding in found]
        shown = [line for line in lines if any(line.checks.values())]
        tables.append(SideBySide(name, labels, tuple(sorted(shown, key=_when))))
    return tables


def _line(finding: Finding, columns: Mapping[str, str]) -> Line:
    counts = Counter(outcome.implementation for outcome in finding.outcomes)
    return Line(finding, {column: counts[column] for column in columns})


def _when(line: Line) -> tuple[int, int]:
    """The last column that shows it, the newest first; then the first one, the newest
    first.
    """
    seen = [index for index, count in enumerate(line.checks.values()) if count]
    return -seen[-1], -seen[0]
