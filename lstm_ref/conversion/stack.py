"""The weights of a whole LSTM, whatever framework they come from, and what has to be true of them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.reference.activations import Array
from lstm_ref.reference.stack import LayerWeights
from lstm_ref.reference.weights import LSTMWeights

Stack: TypeAlias = tuple[tuple[LSTMWeights, ...], ...]  # by layer and direction; what `reference.stack.run_stack` takes

# How an array of LSTMWeights is called where it comes from, with its shape there.
Say: TypeAlias = Callable[[str, tuple[int, ...]], str]


def place(layer: int, direction: int, directions: int) -> str:
    """How a message calls one direction of a layer."""
    return f"layer {layer}" if directions == 1 else f"layer {layer} {('forward', 'backward')[direction]}"


def arrays(weights: LSTMWeights) -> dict[str, Array]:
    """The arrays that are there, by name."""
    return {name: values for name, values in vars(weights).items() if values is not None}


def as_here(name: str, shape: tuple[int, ...]) -> str:
    """In the words of LSTMWeights."""
    return f"{name} {shape}"


def check(weights: Sequence[LayerWeights], say: Say = as_here) -> None:
    """Raise ConversionError, with all reasons, unless the arrays fit one another: in every direction, side by side, and layer on layer."""
    problems = [] if weights else ["there is no layer"]
    features: int | None = None
    for layer, directions in enumerate(weights):
        if len(directions) not in (1, 2):
            problems.append(f"layer {layer} has {len(directions)} directions, expected 1 or 2")
            continue
        dtypes = {str(values.dtype) for w in directions for values in arrays(w).values()}
        if len(dtypes) > 1:
            problems.append(f"layer {layer} has arrays of several dtypes: {', '.join(sorted(dtypes))}")
        outputs = 0
        for direction, w in enumerate(directions):
            where = place(layer, direction, len(directions))
            found = {name: np.shape(values) for name, values in arrays(w).items()}
            if any(len(shape) != (1 if "bias" in name else 2) for name, shape in found.items()):
                listed = ", ".join(say(name, shape) for name, shape in found.items())
                problems.append(f"{where}: biases have one axis, all others two; found {listed}")
                continue
            features = found["kernel"][0] if features is None else features
            problems += _misshapen(where, found, features, say)
            outputs += found["recurrent_kernel"][0]
        features = outputs or None
    if problems:
        raise ConversionError(problems)


def _misshapen(where: str, found: Mapping[str, tuple[int, ...]], features: int, say: Say) -> list[str]:
    outputs = found["recurrent_kernel"][0]
    units = found["projection"][0] if "projection" in found else outputs
    expected = {
        "kernel": (features, 4 * units),
        "recurrent_kernel": (outputs, 4 * units),
        "bias": (4 * units,),
        "recurrent_bias": (4 * units,),
        "projection": (units, outputs),
    }
    return [f"{where}: {say(name, shape)} should be {say(name, expected[name])}" for name, shape in found.items() if shape != expected[name]]


def same_structure(weights: Sequence[LayerWeights], target: Sequence[Sequence[Any]], what: str) -> None:
    """Raise ConversionError unless the target, a `what`, has as many layers, each with as many directions."""
    if len(weights) != len(target):
        raise ConversionError([f"the weights have {len(weights)} layer(s), the {what} has {len(target)}"])
    problems = [
        f"layer {layer} of the weights has {len(ours)} direction(s), that of the {what} {len(theirs)}"
        for layer, (ours, theirs) in enumerate(zip(weights, target, strict=True))
        if len(ours) != len(theirs)
    ]
    if problems:
        raise ConversionError(problems)


def misfits(where: str, given: Mapping[str, Array], target: Mapping[str, Array]) -> list[str]:
    """Why the `given` arrays cannot go into those of the `target`, by name; empty where they can."""
    problems = [f"{where}: there is no {name} for the one of the target" for name in target if name not in given]
    for name, values in given.items():
        if name not in target:
            if "bias" not in name:
                problems.append(f"{where}: the target has no {name}")
            elif np.any(values):
                problems.append(f"{where}: the target has no {name}, and this one is not zero")
        elif values.shape != target[name].shape:
            problems.append(f"{where}: {name} has shape {values.shape}, the target's {target[name].shape}")
        elif not np.can_cast(values.dtype, target[name].dtype, "safe"):
            problems.append(f"{where}: {name} is {values.dtype}, and the target's {target[name].dtype} cannot hold every value of it")
    return problems
