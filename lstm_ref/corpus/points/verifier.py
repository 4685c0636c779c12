"""Whether a selection of rows covers a matrix. Every combination is enumerated, so it
does not matter how the selection was made.
"""

import itertools
from collections.abc import Iterator, Sequence

from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.points.matrix import Matrix, Row
from lstm_ref.corpus.read.models.cases import CoveringEntry


def uncovered(matrix: Matrix, covering: CoveringEntry, rows: Sequence[Row]) -> Iterator[str]:
    """Every combination, as "axis=value, ...", that occurs in a point of the matrix,
    has to be covered, and stands in none of the rows.
    """
    for axes in _axes_to_combine(matrix, covering):
        found = {tuple(row[axis] for axis in axes) for row in rows}
        for values in itertools.product(*(range(len(matrix.values[axis])) for axis in axes)):
            part = dict(zip(axes, values, strict=True))
            if values not in found and matrix.occurs(part):
                yield ", ".join(
                    f"{matrix.axes[axis]}={value_text(matrix.values[axis][value])}"
                    for axis, value in part.items()
                )


def no_points(matrix: Matrix, rows: Sequence[Row]) -> Iterator[Row]:
    """Every row that is not a point of the matrix, or is listed twice."""
    seen: set[Row] = set()
    for row in rows:
        fits = len(row) == len(matrix.axes) and all(
            0 <= k < len(values) for k, values in zip(row, matrix.values, strict=True)
        )
        if not fits or not matrix.allows(row) or row in seen:
            yield row
        seen.add(row)


def _axes_to_combine(matrix: Matrix, covering: CoveringEntry) -> Iterator[tuple[int, ...]]:
    """Any `strength` axes that are not in `pairs_with`; each axis in it with each other
    axis; and every axis alone.
    """
    long = [k for k, axis in enumerate(matrix.axes) if axis in covering.pairs_with]
    others = [k for k, axis in enumerate(matrix.axes) if axis not in covering.pairs_with]
    yield from itertools.combinations(others, min(covering.strength, len(others)))
    yield from itertools.product(long, others)
    yield from itertools.combinations(range(len(matrix.axes)), 1)
