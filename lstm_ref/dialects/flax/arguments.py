"""The arguments of a call: how a case says them, right and wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    INPUT_DEVIATION,
    STATE_DEVIATION,
    Given,
    Sizes,
    Spec,
    ends_with,
    unequal_lengths,
)
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State

Shape = tuple[int, ...]

# The lengths of so many rows, from the timesteps of the input.
LENGTHS: Mapping[str, Callable[[int, int], Sequence[int]]] = {
    "full": lambda rows, timesteps: (timesteps,) * rows,
    "unequal": lambda rows, timesteps: unequal(rows, timesteps),
    "shorter": lambda rows, timesteps: (max(timesteps - 2, 1),) * rows,
    "ones": lambda rows, timesteps: (1,) * rows,
    "one-empty": lambda rows, timesteps: (*unequal(rows, timesteps)[:-1], 0),
}

# What can be wrong with the shape of a state (*batch, units), from the right one.
WRONG_SHAPES: Mapping[str, Callable[[Shape], Shape]] = {
    "larger": lambda shape: (*shape[:-1], shape[-1] + 1),
    "larger-batch": lambda shape: (shape[0] + 1, *shape[1:]),
}


def unequal(rows: int, timesteps: int) -> tuple[int, ...]:
    """The lengths of rows in no order; that of a single one is neither 1 nor that of
    the input, where there is a length between.
    """
    return unequal_lengths(rows, timesteps) if rows != 1 else (max(timesteps - 2, 1),)


def batch_of(sizes: Sizes) -> Shape:
    """The dimensions of the batch: one, none of an unbatched input, or two."""
    return {"unbatched": (), "two-batch-dimensions": (2, sizes.batch)}.get(sizes.form or "", (sizes.batch,))


def batch_axes(batch: Shape) -> tuple[str, ...]:
    """The names of these dimensions."""
    return ("batch",) * len(batch)


def inputs_spec(sizes: Sizes, time_major: bool | None) -> Spec:
    """The inputs (*batch, time, features), or (time, *batch, features) where they are
    `time_major`; without time, those of one step, where it is None.
    """
    batch = batch_of(sizes)
    time: tuple[Shape, tuple[str, ...]] = ((), ()) if time_major is None else ((sizes.timesteps,), ("time",))
    shape, axes = (
        ((*time[0], *batch), (*time[1], *batch_axes(batch)))
        if time_major
        else ((*batch, *time[0]), (*batch_axes(batch), *time[1]))
    )
    return Spec(sizes.shape or (*shape, sizes.features), (*axes, "feature"), INPUT_DEVIATION, "x")


def seq_lengths(word: str, batch: Shape, timesteps: int) -> Given:
    """The argument seq_lengths that a case calls by this word: one for each row, or too
    few.
    """
    rows = int(np.prod(batch))
    if word == "too-few":
        return Given(np.array(unequal(rows, timesteps)[:-1], np.int32), ("batch",))
    return Given(np.array(LENGTHS[word](rows, timesteps), np.int32).reshape(batch), batch_axes(batch))


def carry(word: str, batch: Shape, units: int, previous: tuple[int, int], row: int = 0) -> Any:
    """The carry (c, h) that a case calls by this word: numbers for "given", the outputs
    at these positions for "previous". All others are wrong.
    """
    if word == "previous":
        return PreviousOutputs(previous)
    shape = (*batch, units)
    axes = (*batch_axes(batch), "unit")
    if word in WRONG_SHAPES:
        shape = WRONG_SHAPES[word](shape)
    pair = [Spec(shape, axes, STATE_DEVIATION, f"{kind}/{row}") for kind in ("c", "h")]
    return pair[:1] if word == "c-alone" else pair


def state(value: Any, batch: Shape, units: int, dtype: np.dtype[Any]) -> State:
    """The state that a carry (c, h) stands for, zeros for None, its rows (..., rows,
    units) in one dimension. Raises ValueError for anything else.
    """
    shape = (*batch, units)
    if value is None:
        return State(*(np.zeros((int(np.prod(batch)), units), dtype) for _ in range(2)))
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError("a carry is (c, h)")
    for name, array in zip("ch", value, strict=True):
        if not ends_with(array, shape):
            raise ValueError(f"{name} of the carry must have shape {shape}, not {np.shape(array)}")
    c, h = (rows_of(np.asanyarray(array, dtype), batch, 1) for array in value)
    return State(h, c)


def rows_of(array: Array, batch: Shape, inner: int) -> Array:
    """(..., rows, and so many inner dimensions) from (..., *batch, inner)."""
    split = array.ndim - inner
    before = array.shape[: split - len(batch)]
    return array.reshape(*before, int(np.prod(batch)), *array.shape[split:])


def from_rows(array: Array, batch: Shape, inner: int) -> Array:
    """The reverse of `rows_of`."""
    split = array.ndim - inner
    return array.reshape(*array.shape[: split - 1], *batch, *array.shape[split:])
