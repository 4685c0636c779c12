"""The argument hx, the pair (h_0, c_0): how a case says it, right and wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import STATE_DEVIATION, Given, Spec, ends_with
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array

Shape = tuple[int, ...]

# Wrong shapes of a state, made from the right one (layer*direction, batch, unit). The
# state of a cell has no layers, and an unbatched one no batch.
WRONG_SHAPES: Mapping[str, Callable[[Shape, tuple[str, ...]], Shape]] = {
    "more-rows": lambda shape, axes: _longer(shape, axes.index("layer*direction"), 1),
    "fewer-rows": lambda shape, axes: _longer(shape, axes.index("layer*direction"), -1),
    "larger-batch": lambda shape, axes: _longer(shape, axes.index("batch"), 1),
    "smaller-batch": lambda shape, axes: _longer(shape, axes.index("batch"), -1),
    "batch-of-one": lambda shape, axes: _longer(shape, axes.index("batch"), 1 - shape[axes.index("batch")]),
    "larger": lambda shape, axes: _longer(shape, len(shape) - 1, 1),
    "smaller": lambda shape, axes: _longer(shape, len(shape) - 1, -1),
    "one-more-dimension": lambda shape, axes: (1, *shape),
    "one-less-dimension": lambda shape, axes: shape[1:],
}

WHICH: Mapping[str, tuple[int, ...]] = {"h": (0,), "c": (1,), "both": (0, 1)}


def hx_of(
    word: str | None, shapes: Sequence[Shape], axes: tuple[str, ...], previous: tuple[int, ...]
) -> dict[str, Any]:
    """The argument that a case calls by this word: none for "absent", Specs of these
    shapes for "given", the outputs at `previous` for "previous".

    The others are wrong: "h-larger", "both-fewer-rows", ...; "h-float16" a state of
    another dtype; "h-alone", "three" and "no-pair" no pair at all.
    """
    sources = ("h", "c") if axes[0] == "layer*direction" else ("h/0", "c/0")
    right: list[Any] = [
        Spec(shape, axes, STATE_DEVIATION, source) for shape, source in zip(shapes, sources, strict=True)
    ]
    if word is None:
        return {}
    if word == "given":
        return {"hx": right}
    if word == "previous":
        return {"hx": PreviousOutputs(previous)}
    if word == "h-alone":
        return {"hx": right[:1]}
    if word == "three":
        return {"hx": [*right, right[1]]}
    if word == "no-pair":
        return {"hx": right[0]}
    which, _, wrong = word.partition("-")
    states = list(right)
    for index in WHICH[which]:
        if wrong == "float16":
            states[index] = Given(np.full(shapes[index], 0.5, np.float16), axes)
        else:
            shape = WRONG_SHAPES[wrong](shapes[index], axes)
            states[index] = Spec(shape, axes if len(shape) == len(shapes[index]) else (), STATE_DEVIATION)
    return {"hx": states}


def _longer(shape: Shape, axis: int, more: int) -> Shape:
    return (*shape[:axis], shape[axis] + more, *shape[axis + 1 :])


def checked(hx: Any, shapes: Sequence[Shape], dtype: np.dtype[Any]) -> tuple[Array, Array]:
    """(h_0, c_0) of these shapes, in the dtype. Raises RuntimeError for anything else,
    TypeError for another dtype.
    """
    if not isinstance(hx, (list, tuple)) or len(hx) != 2:
        raise RuntimeError(f"hx must be (h_0, c_0), not {len(hx)} arrays")
    for name, state, shape in zip(("h_0", "c_0"), hx, shapes, strict=True):
        if not ends_with(state, shape):
            raise RuntimeError(f"{name} must have shape {shape}, not {np.shape(state)}")
        if state.dtype.itemsize < 4:
            raise TypeError(f"{name} must be {dtype}, not {state.dtype}")
    h_0, c_0 = (np.asanyarray(state, dtype) for state in hx)
    return h_0, c_0
