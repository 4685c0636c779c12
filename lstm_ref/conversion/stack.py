"""The weights of a whole LSTM, from whatever framework, and what must hold for them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

# What the framework of origin calls an array of LSTMWeights, with its shape there.
Say: TypeAlias = Callable[[str, tuple[int, ...]], str]

FLOATS = ("float64", "float32", "float16", "bfloat16")
REQUIRED = ("kernel", "recurrent_kernel", "bias")
READERS = "read them with from_keras or another from_ function of lstm_ref.conversion"


class Stack(tuple[tuple[LSTMWeights, ...], ...]):
    """The weights by layer and direction, forward first: what
    `reference.stack.run_stack` takes.

    `conditions` are sentences. They say what else is needed to compute the same
    function in another framework: lengths in place of a mask, states that are passed
    on, what the arrays of a node do not show. It is empty if the weights are enough.
    """

    conditions: tuple[str, ...]

    def __new__(cls, layers: Iterable[Iterable[LSTMWeights]], conditions: Iterable[str] = ()) -> "Stack":
        """A tuple of tuples."""
        made = super().__new__(cls, tuple(tuple(directions) for directions in layers))
        made.conditions = tuple(dict.fromkeys(conditions))
        return made

    def __getnewargs__(self) -> tuple[Any, ...]:
        """The conditions, so that a pickle keeps them."""
        return tuple(self), self.conditions


def place(layer: int, direction: int, directions: int) -> str:
    """The words of a message for one direction of a layer."""
    return f"layer {layer}" if directions == 1 else f"layer {layer} {('forward', 'backward')[direction]}"


def arrays(weights: LSTMWeights) -> dict[str, Array]:
    """The arrays that are there, by name."""
    return {name: values for name, values in vars(weights).items() if values is not None}


def as_here(name: str, shape: tuple[int, ...]) -> str:
    """The name and shape of an array in LSTMWeights."""
    return f"{name} {shape}"


def axes_of(value: Any) -> int:
    """The number of axes of an array or of nested lists of numbers; -1 for anything
    else.
    """
    if isinstance(value, np.ndarray):
        return value.ndim
    if isinstance(value, list) and value:
        inside = {axes_of(part) for part in value}
        return 1 + inside.pop() if len(inside) == 1 and -1 not in inside else -1
    return 0 if isinstance(value, (int, float)) else -1


def described(value: Any) -> str:
    """A few words about a value that was given."""
    kind = type(value)
    if isinstance(value, (list, tuple)):
        inside = " and ".join(dict.fromkeys(described(part) for part in value[:3])) or "nothing"
        return f"a {kind.__name__} of {inside}"
    if value is None or isinstance(value, str):
        return repr(value)
    name = f"{kind.__module__.partition('.')[0]}.{kind.__name__}".removeprefix("builtins.")
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def of_file(value: Any) -> str:
    """A hint for somebody who gives the path of a file in place of its contents."""
    return "; a file is read by lstm_ref.conversion.files.read" if isinstance(value, (str, PathLike)) else ""


def as_array(where: str, name: str, value: Any, problems: list[str]) -> Array:
    """The floating-point numbers of an array or of nested lists. For anything else a
    problem is added, and nothing is returned.
    """
    try:
        found = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        found = np.asarray(None, object)
    if np.ma.is_masked(value):
        problems.append(
            f"{where}: {name} is a masked array, in which some numbers are missing: fill them in first"
        )
    elif found.dtype.name in FLOATS:
        return np.array(found, found.dtype.newbyteorder("="))
    elif found.dtype.kind in "fc":
        problems.append(f"{where}: {name} is {found.dtype}; the dtypes that all have are {', '.join(FLOATS)}")
    elif found.dtype.kind in "iu":
        problems.append(
            f"{where}: {name} is {found.dtype}: quantized weights have to be scaled back to numbers first"
        )
    else:
        problems.append(f"{where}: {name} is {described(value)}, not an array of numbers")
    return np.zeros((0,))


def as_stack(weights: Any) -> Stack:
    """The weights as a Stack. A Stack is returned as it is. LSTMWeights and lists of
    them become one.

    Raises ConversionError for anything else, and where arrays do not fit one another.
    """
    layers = [weights] if isinstance(weights, LSTMWeights) else weights
    if not isinstance(layers, (list, tuple)):
        raise ConversionError([f"the weights are {described(weights)}, not a Stack; {READERS}"])
    directions = [(layer,) if isinstance(layer, LSTMWeights) else layer for layer in layers]
    if not all(
        isinstance(layer, (list, tuple)) and all(isinstance(w, LSTMWeights) for w in layer)
        for layer in directions
    ):
        raise ConversionError([f"the weights are {described(weights)}, not a Stack; {READERS}"])
    stack = Stack(directions, getattr(weights, "conditions", ()))
    check(stack)
    return Stack([[_of_arrays(w) for w in layer] for layer in stack], stack.conditions)


def _of_arrays(weights: LSTMWeights) -> LSTMWeights:
    """The same weights, with lists of numbers turned into arrays. Only for weights that
    passed `check`.
    """
    return replace(
        weights, **{name: as_array("", name, values, []) for name, values in arrays(weights).items()}
    )


def one_bias(weights: LSTMWeights) -> LSTMWeights:
    """The same weights with one bias. A single bias that went through `to_torch` comes
    back without a change. A sum would change -0.0: -0.0 + 0.0 is 0.0.
    """
    if weights.recurrent_bias is None:
        return weights
    bias = np.add(
        weights.bias, weights.recurrent_bias, out=weights.bias.copy(), where=weights.recurrent_bias != 0
    )
    return replace(weights, bias=bias, recurrent_bias=None)


def narrowed(weights: Any, dtype: str | None) -> Stack:
    """The weights as a Stack, rounded to another dtype if one is named. Raises
    ConversionError for an integer dtype.
    """
    stack = as_stack(weights)
    if dtype is None:
        return stack
    try:
        target = np.dtype(dtype)
    except (TypeError, ValueError):
        target = _ml_dtype(str(dtype))
    if target.name not in FLOATS:
        why = "is not one that all have" if target.kind == "f" else "holds no fractions"
        raise ConversionError([f"dtype {dtype} {why}; choose {', '.join(FLOATS)}"])
    problems: list[str] = []
    layers = [
        [
            _rounded(w, target, place(number, direction, len(layer)), problems)
            for direction, w in enumerate(layer)
        ]
        for number, layer in enumerate(stack)
    ]
    if problems:
        raise ConversionError(problems)
    return Stack(layers, stack.conditions)


def _rounded(weights: LSTMWeights, dtype: np.dtype[Any], where: str, problems: list[str]) -> LSTMWeights:
    """The weights in another dtype. A number that would become infinite is a
    problem.
    """
    with np.errstate(over="ignore"):
        found = {name: values.astype(dtype) for name, values in arrays(weights).items()}
    for name, values in arrays(weights).items():
        lost = np.isfinite(values) & ~np.isfinite(found[name])
        if np.any(lost):
            largest = np.max(np.abs(values[lost]))
            problems.append(
                f"{where}: {name} has numbers out of the range of {dtype}, up to {float(largest):g}"
            )
    return replace(weights, **found)


def _ml_dtype(name: str) -> np.dtype[Any]:
    if name != "bfloat16":
        raise ConversionError([f"there is no dtype {name!r}; choose float64, float32, float16 or bfloat16"])
    try:
        import ml_dtypes
    except ImportError as error:
        raise ConversionError(["NumPy has no bfloat16: python -m pip install ml_dtypes"]) from error
    found: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16)
    return found


def check(weights: Sequence[Sequence[LSTMWeights]], say: Say = as_here) -> None:
    """Raise ConversionError, with all reasons, unless the arrays fit one another: in
    every direction, side by side, and layer on layer.
    """
    problems = [] if weights else ["there is no layer"]
    features: int | None = None
    for layer, directions in enumerate(weights):
        if len(directions) not in (1, 2):
            problems.append(f"layer {layer} has {len(directions)} directions, expected 1 or 2")
            continue
        wheres = [place(layer, direction, len(directions)) for direction in range(len(directions))]
        numbers = [
            {name: as_array(where, name, values, problems) for name, values in arrays(w).items()}
            for where, w in zip(wheres, directions, strict=True)
        ]
        dtypes = {str(values.dtype) for held in numbers for values in held.values()}
        if len(dtypes) > 1 and not any(values.shape == (0,) for held in numbers for values in held.values()):
            problems.append(f"layer {layer} has arrays of several dtypes: {', '.join(sorted(dtypes))}")
        outputs = 0
        for where, held in zip(wheres, numbers, strict=True):
            found = {name: values.shape for name, values in held.items()}
            if missing := [name for name in REQUIRED if name not in found]:
                problems.append(f"{where} has no {' and no '.join(missing)}")
                continue
            if found.pop("peepholes", None) is not None:
                problems.append(f"{where} has peepholes, which are not converted")
            if 0 in found["recurrent_kernel"][:1] and len(found["recurrent_kernel"]) == 2:
                problems.append(f"{where} has no units: {say('recurrent_kernel', found['recurrent_kernel'])}")
                continue
            if any(shape == (0,) for shape in found.values()):
                continue
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
    if "projection" not in found and outputs and found["recurrent_kernel"][1] in (outputs, 3 * outputs):
        kind = "a GRU" if found["recurrent_kernel"][1] == 3 * outputs else "a simple RNN"
        return [
            f"{where}: {say('recurrent_kernel', found['recurrent_kernel'])} is that of {kind},"
            " not of an LSTM, which has four gates"
        ]
    expected = {
        "kernel": (features, 4 * units),
        "recurrent_kernel": (outputs, 4 * units),
        "bias": (4 * units,),
        "recurrent_bias": (4 * units,),
        "projection": (units, outputs),
    }
    return [
        f"{where}: {say(name, shape)} should be {say(name, expected[name])}"
        for name, shape in found.items()
        if shape != expected[name]
    ]


def same_structure(
    weights: Sequence[Sequence[LSTMWeights]], target: Sequence[Sequence[Any]], what: str
) -> None:
    """Raise ConversionError unless the target, a `what`, has as many layers, each with
    as many directions.
    """
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
    """Why the `given` arrays cannot go into those of the `target`, by name; empty where
    they can.
    """
    problems = [
        f"{where}: there is no {name} for the one of the target" for name in target if name not in given
    ]
    for name, values in given.items():
        if name not in target:
            if "bias" not in name:
                problems.append(f"{where}: the target has no {name}")
            elif np.any(values):
                problems.append(f"{where}: the target has no {name}, and this one is not zero")
        elif target[name].dtype.kind in "iu":
            problems.append(
                f"{where}: the target's {name} is {target[name].dtype}: it is quantized, and holds no"
                " fractions"
            )
        elif values.shape != target[name].shape:
            problems.append(f"{where}: {name} has shape {values.shape}, the target's {target[name].shape}")
        elif not np.can_cast(values.dtype, target[name].dtype, "safe"):
            problems.append(
                f"{where}: {name} is {values.dtype}, and the target's {target[name].dtype} cannot hold every"
                f" value of it; to round on purpose, say dtype={str(target[name].dtype)!r}"
            )
    return problems
