"""The arguments of a call: how a case says them, right and wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    INPUT_DEVIATION,
    STATE_DEVIATION,
    Given,
    Planted,
    Sizes,
    Spec,
    ends_with,
    unequal_lengths,
)
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array

Shape = tuple[int, ...]

# The lengths of so many sequences of so many timesteps. Those after the first five are
# wrong.
LENGTHS: Mapping[str, Callable[[int, int], Sequence[int]]] = {
    "full": lambda rows, timesteps: (timesteps,) * rows,
    "unequal": lambda rows, timesteps: unequal(rows, timesteps),
    "shorter": lambda rows, timesteps: (max(timesteps - 2, 1),) * rows,
    "ones": lambda rows, timesteps: (1,) * rows,
    "one-empty": lambda rows, timesteps: (*unequal(rows, timesteps)[:-1], 0),
    "too-few": lambda rows, timesteps: unequal(rows, timesteps)[:-1],
    "too-many": lambda rows, timesteps: unequal(rows + 1, timesteps),
    "too-long": lambda rows, timesteps: (*unequal(rows, timesteps)[:-1], timesteps + 1),
    "negative": lambda rows, timesteps: (*unequal(rows, timesteps)[:-1], -1),
}

# What can be wrong with the shape of a state, from the right one (..., batch, units).
WRONG_SHAPES: Mapping[str, Callable[[Shape], Shape]] = {
    "more-rows": lambda shape: (shape[0] + 1, *shape[1:]),
    "fewer-rows": lambda shape: (shape[0] - 1, *shape[1:]),
    "larger-batch": lambda shape: (*shape[:-2], shape[-2] + 1, shape[-1]),
    "smaller-batch": lambda shape: (*shape[:-2], shape[-2] - 1, shape[-1]),
    "batch-of-one": lambda shape: (*shape[:-2], 1, shape[-1]),
    "larger": lambda shape: (*shape[:-1], shape[-1] + 1),
    "smaller": lambda shape: (*shape[:-1], shape[-1] - 1),
    "one-less-dimension": lambda shape: shape[1:],
    "one-more-dimension": lambda shape: (1, *shape),
}

WHICH: Mapping[str, tuple[int, ...]] = {"h": (0,), "c": (1,), "both": (0, 1)}


def unequal(rows: int, timesteps: int) -> tuple[int, ...]:
    """The lengths of rows in no order; that of a single one is neither 1 nor that of
    the input, where there is a length between.
    """
    return unequal_lengths(rows, timesteps) if rows != 1 else (max(timesteps - 2, 1),)


def inputs_spec(sizes: Sizes, time_major: bool | None) -> Spec:
    """The inputs (N, T, features), or (T, N, features) where they are `time_major`;
    those of a cell (N, features), where it is None.
    """
    axes: tuple[str, ...] = (
        ("batch",) if time_major is None else ("time", "batch") if time_major else ("batch", "time")
    )
    size = {"time": sizes.timesteps, "batch": sizes.batch}
    shape = sizes.shape or (*(size[axis] for axis in axes), sizes.features)
    known = (*axes, "feature")
    return Spec(shape, known if len(shape) == len(known) else (), INPUT_DEVIATION, "x")


def with_nan(inputs: Spec, lengths: Given, time_major: bool) -> Spec:
    """The inputs with NaN in the padding, all that is not less than its length."""
    steps = inputs.shape[inputs.axes.index("time")]
    padding = np.arange(steps)[:, None] >= lengths.values
    where = (padding if time_major else padding.T)[..., None]
    return inputs._replace(planted=Planted(where, np.nan))


def sequence_length(word: str, sizes: Sizes) -> Given:
    """The argument sequence_length that a case calls by this word."""
    return Given(np.array(LENGTHS[word](sizes.batch, sizes.timesteps), np.int32), ("batch",))


def states(
    word: str, shapes: Sequence[Shape], axes: tuple[str, ...], sources: Sequence[str], previous: Sequence[int]
) -> Any:
    """The pair (h, c) that a case calls by this word: numbers of these shapes for
    "given", the outputs at these positions for "previous".

    All others are wrong: "h-larger", "both-fewer-rows", ...; "h-alone" and "three" are
    no pair.
    """
    if word == "previous":
        return PreviousOutputs(tuple(previous))
    right = [
        Spec(shape, axes, STATE_DEVIATION, source) for shape, source in zip(shapes, sources, strict=True)
    ]
    if word == "given":
        return right
    if word == "h-alone":
        return right[:1]
    if word == "three":
        return [*right, right[1]]
    which, _, wrong = word.partition("-")
    found = list(right)
    for index in WHICH[which]:
        shape = WRONG_SHAPES[wrong](shapes[index])
        found[index] = Spec(shape, axes if len(shape) == len(axes) else (), STATE_DEVIATION)
    return found


def checked_states(value: Any, shapes: Sequence[Shape], dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """(h, c) of these shapes, zeros for None. Raises ValueError for anything else."""
    if value is None:
        h, c = (np.zeros(shape, dtype) for shape in shapes)
        return h, c
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise ValueError(f"the states must be (h, c), not {len(value)} arrays")
    for name, state, shape in zip("hc", value, shapes, strict=True):
        if not ends_with(state, shape):
            raise ValueError(f"{name} must have shape {shape}, not {np.shape(state)}")
    h, c = (np.asanyarray(state, dtype) for state in value)
    return h, c


def checked_lengths(value: Array | None, batch: int, timesteps: int) -> Array | None:
    """One length a row (N,). Raises ValueError where they are not so many, or not from
    0 to the timesteps.
    """
    if value is None:
        return None
    if np.shape(value) != (batch,):
        raise ValueError(f"sequence_length must have shape {(batch,)}, not {np.shape(value)}")
    lengths = np.asarray(value)
    if np.any((lengths < 0) | (lengths > timesteps)):
        raise ValueError(f"sequence_length must be from 0 to {timesteps}, not {lengths.tolist()}")
    return lengths


def checked_inputs(inputs: Array, input_size: int, dimensions: int, dtype: np.dtype[Any]) -> Array:
    """The inputs in the dtype of the layer. Raises ValueError for another number of
    dimensions or features.
    """
    if np.ndim(inputs) != dimensions:
        raise ValueError(f"inputs must have {dimensions} dimensions, not shape {np.shape(inputs)}")
    if np.shape(inputs)[-1] != input_size:
        raise ValueError(f"inputs must have input_size {input_size} features, not {np.shape(inputs)[-1]}")
    return np.asanyarray(inputs, dtype)
