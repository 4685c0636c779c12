"""The inputs of a node that change from call to call: how a case says them, right and
wrong.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import STATE_DEVIATION, Given, Spec, unequal_lengths
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array

Shape = tuple[int, ...]

# The lengths of the rows, from batch and timesteps. The last seven are wrong.
LENGTHS: Mapping[str, Callable[[int, int], Sequence[int]]] = {
    "full": lambda batch, timesteps: (timesteps,) * batch,
    "written": lambda batch, timesteps: (timesteps,) * batch,  # to be replaced by what a case has written out
    "unequal": lambda batch, timesteps: unequal(batch, timesteps),
    "shorter": lambda batch, timesteps: (max(timesteps - 2, 1),) * batch,
    "ones": lambda batch, timesteps: (1,) * batch,
    "one-empty": lambda batch, timesteps: (*unequal(batch, timesteps)[:-1], 0),
    "all-empty": lambda batch, timesteps: (0,) * batch,
    "too-long": lambda batch, timesteps: (timesteps + 1, *unequal(batch, timesteps)[1:]),
    "negative": lambda batch, timesteps: (*unequal(batch, timesteps)[:-1], -1),
    "too-few": lambda batch, timesteps: unequal(batch, timesteps)[:-1],
    "too-many": lambda batch, timesteps: (*unequal(batch, timesteps), 1),
    "int64": lambda batch, timesteps: unequal(batch, timesteps),
}

# Wrong shapes of a state, made from the right one and the positions of its axes "batch"
# and "unit".
WRONG_SHAPES: Mapping[str, Callable[[Shape, tuple[str, ...]], Shape]] = {
    "larger-batch": lambda shape, axes: longer(shape, axes.index("batch")),
    "more-directions": lambda shape, axes: longer(shape, axes.index("layer*direction")),
    "larger": lambda shape, axes: longer(shape, axes.index("unit")),
    "one-less-dimension": lambda shape, axes: shape[1:],
}


def unequal(batch: int, timesteps: int) -> tuple[int, ...]:
    """The lengths of rows, in no order. A single row has a length between 1 and that of
    the input, if there is one.
    """
    return unequal_lengths(batch, timesteps) if batch != 1 else (max(timesteps - 2, 1),)


def sequence_lens(word: str, batch: int, timesteps: int) -> Given:
    """The input sequence_lens that a case calls by this word."""
    return Given(
        np.array(LENGTHS[word](batch, timesteps), np.int64 if word == "int64" else np.int32), ("batch",)
    )


def state(word: str, shape: Shape, axes: tuple[str, ...], source: str, previous: int) -> Any:
    """The input initial_h or initial_c that a case calls by this word: of this shape
    for "given", the output at `previous` for "previous".
    """
    if word == "given":
        return Spec(shape, axes, STATE_DEVIATION, source)
    if word == "previous":
        return PreviousOutputs((previous,))
    wrong = WRONG_SHAPES[word](shape, axes)
    return Spec(wrong, axes if len(wrong) == len(shape) else (), STATE_DEVIATION)


def alone(value: Any) -> Array | None:
    """The one array of an argument. An output of the call before is a list of one
    array.
    """
    array: Array | None = value[0] if isinstance(value, list) else value
    return array


def path_of(name: str, value: Any) -> str:
    """The path of that one array, by which its gradient is named."""
    return f"{name}[0]" if isinstance(value, list) else name


def longer(shape: Shape, axis: int) -> Shape:
    """The shape with one more along an axis."""
    return (*shape[:axis], shape[axis] + 1, *shape[axis + 1 :])
