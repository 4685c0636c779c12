"""A matrix as positions: which rows of values are points, and which combinations of
values occur in any.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from lstm_ref.corpus.points.ids import value_text

Point = dict[str, Any]  # axis to value
Row = tuple[int, ...]  # the position of the value of each axis
OTHER = "relation.other."  # what the axes of a relation's second run begin with


@cache
def split(axis: str) -> tuple[str, str]:
    """Group and name of an axis."""
    group, _, name = axis.rpartition(".")
    return group, name


def axis_value(axis: str, value: Any) -> Any:
    """The value of an axis as ids and comparisons use it: a scale of 16.0 is the scale
    16.
    """
    return int(value) if axis == "values.scale" and isinstance(value, float) and value.is_integer() else value


@dataclass(frozen=True)
class Matrix:
    """The axes of a case with their values, and the combinations that are not points,
    each as pairs of the positions of axis and value.
    """

    axes: tuple[str, ...]
    values: tuple[tuple[Any, ...], ...]
    excluded: tuple[tuple[tuple[int, int], ...], ...]

    @classmethod
    def of(cls, matrix: Mapping[str, Sequence[Any]], exclude: Sequence[Mapping[str, Any]]) -> "Matrix":
        """The matrix as it is written. A row of `exclude` with an axis or a value that
        is not there excludes nothing.
        """
        values = tuple(
            tuple(axis_value(axis, value) for value in written) for axis, written in matrix.items()
        )
        whole = cls(tuple(matrix), values, ())
        if not exclude:
            return whole
        found = [[whole._position(axis, value) for axis, value in row.items()] for row in exclude]
        return cls(
            whole.axes, values, tuple(tuple(pair for pair in row if pair) for row in found if None not in row)
        )

    @cached_property
    def texts(self) -> tuple[tuple[str, ...], ...]:
        """The values as ids show them."""
        return tuple(tuple(map(value_text, values)) for values in self.values)

    @cached_property
    def _positions(self) -> Mapping[str, Mapping[str, int]]:
        return {
            axis: {text: k for k, text in enumerate(texts)}
            for axis, texts in zip(self.axes, self.texts, strict=True)
        }

    def _position(self, axis: str, value: Any) -> tuple[int, int] | None:
        position = self._positions.get(axis, {}).get(value_text(axis_value(axis, value)))
        return None if position is None else (self.axes.index(axis), position)

    def rows(self) -> Iterator[Row]:
        """The rows of all points, in written order, the last axis turning fastest."""
        return filter(self.allows, itertools.product(*(range(len(values)) for values in self.values)))

    def allows(self, row: Row) -> bool:
        """Whether no excluded combination is part of the row."""
        return not any(
            all(row[axis] == value for axis, value in combination) for combination in self.excluded
        )

    def point(self, row: Row) -> Point:
        """The values of a row."""
        return {axis: values[k] for axis, values, k in zip(self.axes, self.values, row, strict=True)}

    def texts_of(self, row: Row) -> list[str]:
        """The values of a row as ids show them, in the order of the axes."""
        return [texts[k] for texts, k in zip(self.texts, row, strict=True)]

    def row(self, point: Point) -> Row | None:
        """The row of a point; None where it is none of this matrix."""
        pairs = [self._position(axis, point[axis]) for axis in self.axes]
        row = tuple(pair[1] for pair in pairs if pair)
        return row if len(row) == len(pairs) and self.allows(row) else None

    def occurs(self, part: Mapping[int, int]) -> bool:
        """Whether any point has these values, given by the positions of axis and value:
        exact, without looking at all points.

        Takes an excluded combination that is still possible, and tries every value of
        an axis that it leaves open.
        """
        possible = [
            combination
            for combination in self.excluded
            if all(part.get(axis, value) == value for axis, value in combination)
        ]
        if not possible:
            return True
        open_axes = min(
            ([axis for axis, _ in combination if axis not in part] for combination in possible), key=len
        )
        return bool(open_axes) and any(
            self.occurs({**part, open_axes[0]: k}) for k in range(len(self.values[open_axes[0]]))
        )
