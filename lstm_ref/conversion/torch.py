"""Weights of PyTorch modules. Source: torch.nn.LSTM and LSTMCell, "Variables"."""

import re
from collections.abc import Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import (
    Stack,
    as_array,
    as_stack,
    check,
    described,
    misfits,
    narrowed,
    of_file,
    place,
    same_structure,
)
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

WORDS = r"weight_ih|weight_hh|bias_ih|bias_hh|weight_hr"
NAME = re.compile(rf"(?P<kind>{WORDS})(?P<place>|_l(\d+)(_reverse)?)")
PREFIXED = re.compile(rf"(?P<prefix>(?:.*\.)?)(?P<name>(?:{WORDS})(?:|_l\d+(?:_reverse)?))")
HERE = {
    "kernel": "weight_ih",
    "recurrent_kernel": "weight_hh",
    "bias": "bias_ih",
    "recurrent_bias": "bias_hh",
    "projection": "weight_hr",
}
LISTED = 5
LSTMS = ("LSTM", "LSTMCell")


def from_torch(source: Any, prefix: str | None = None) -> Stack:
    """The weights of a torch.nn.LSTM or LSTMCell, of a module with one inside, or of a
    `state_dict` (tensors or NumPy arrays by name).

    In a state_dict the names may have any prefix ("module.", "model.lstm."); where
    there are several LSTMs, `prefix` chooses one. Each direction has weight_ih (4
    hidden_size, features), weight_hh (4 hidden_size, outputs), the biases bias_ih and
    bias_hh, which are zero with bias=False, and with proj_size the projection weight_hr
    (outputs, hidden_size).

    Raises ConversionError where names or shapes are not those of an LSTM.
    """
    state = _state(source, prefix)
    suffixes = _suffixes(state)
    problems: list[str] = []
    found = {name: _read(name, value, problems) for name, value in state.items()}
    if problems:
        raise ConversionError(problems)
    if flat := [
        f"{name} {values.shape} should have {_axes(name)} axes"
        for name, values in found.items()
        if values.ndim != _axes(name)
    ]:
        raise ConversionError(flat)
    weights = [[LSTMWeights.from_torch(found, suffix) for suffix in directions] for directions in suffixes]
    check(weights, lambda name, shape: f"{HERE[name]} {shape[::-1]}")
    return Stack(weights)


def to_torch(
    weights: Any, target: Any = None, prefix: str | None = None, dtype: str | None = None
) -> dict[str, Array]:
    """Put the weights into a torch.nn.LSTM or LSTMCell, a module with one inside, or a
    `state_dict`, in place.

    A single bias becomes bias_ih, and bias_hh zero. With `dtype` they are rounded to
    it. Returns the arrays by name. Turned into tensors, `load_state_dict` of a
    torch.nn.LSTM takes them. Without a target nothing else is done. Raises
    ConversionError, and changes nothing, where the target has no place for an array.
    """
    stack = narrowed(as_stack(weights), dtype)
    named = by_name(stack)
    if target is None:
        _same_in_all_layers(stack)
        return named
    state = _state(target, prefix)
    suffixes = _suffixes(state)
    same_structure(stack, suffixes, "torch module")
    problems: list[str] = []
    copies = []
    for number, (directions, names) in enumerate(zip(stack, suffixes, strict=True)):
        for direction, (w, suffix) in enumerate(zip(directions, names, strict=True)):
            given = w.to_torch(suffix)
            held = {
                name: _read(name, state[name], problems)
                for name in (f"{word}{suffix}" for word in HERE.values())
                if name in state
            }
            problems += [] if problems else misfits(place(number, direction, len(directions)), given, held)
            copies += [
                (state[name], given[name], values.dtype) for name, values in held.items() if name in given
            ]
    if problems:
        raise ConversionError(problems)
    for held_by, values, kept_in in copies:
        _put(held_by, np.array(values, kept_in))
    return named


def by_name(stack: Stack) -> dict[str, Array]:
    """The arrays by the names of a state_dict. The layers may be such that no single
    torch.nn.LSTM can hold them.
    """
    return {
        name: np.ascontiguousarray(values)
        for number, directions in enumerate(stack)
        for w, end in zip(directions, ("", "_reverse"), strict=False)
        for name, values in w.to_torch(f"_l{number}{end}").items()
    }


def _same_in_all_layers(stack: Stack) -> None:
    """Raise ConversionError unless one torch.nn.LSTM can hold all layers."""
    problems = []
    if len({len(directions) for directions in stack}) > 1:
        problems.append(
            "some layers have one direction and some two; torch.nn.LSTM has as many in all of them"
        )
    sizes = [[w.kernel.shape[1] // 4 for w in directions] for directions in stack]
    if len({units for layer in sizes for units in layer}) > 1:
        listed = ", ".join(" and ".join(map(str, layer)) for layer in sizes)
        problems.append(
            f"the layers have {listed} units; torch.nn.LSTM has as many in all: hand over weights[0:1], then"
            " weights[1:2], and so on"
        )
    if problems:
        raise ConversionError(problems)


def _axes(name: str) -> int:
    return 1 if name.startswith("bias") else 2


def _state(source: Any, prefix: str | None) -> Mapping[str, Any]:
    """The arrays of one LSTM by name. For a module, the arrays share its memory and
    have no gradients.
    """
    if isinstance(source, Mapping):
        return _of_state_dict(source, prefix)
    if not hasattr(source, "state_dict") or not hasattr(source, "named_modules"):
        raise ConversionError(
            [f"{described(source)} is neither a torch module nor a state_dict{of_file(source)}"]
        )
    inside = {name: module for name, module in source.named_modules() if _is_lstm(module)}
    if not inside:
        others = sorted(
            {type(module).__name__ for _, module in source.named_modules()}
            & {"GRU", "GRUCell", "RNN", "RNNCell"}
        )
        known = f"is a {others[0]}, not an LSTM" if others else "has no LSTM inside"
        raise ConversionError([f"the module {type(source).__name__} {known}"])
    chosen: Mapping[str, Any] = inside[_chosen(list(inside), prefix)].state_dict()
    return chosen


def _is_lstm(module: Any) -> bool:
    """Whether the module is an LSTM, or of a subclass of it."""
    return any(
        kind.__name__ in LSTMS and kind.__module__.startswith("torch.") for kind in type(module).__mro__
    )


def _of_state_dict(source: Mapping[str, Any], prefix: str | None) -> Mapping[str, Any]:
    """The arrays of one LSTM in a state_dict, or in a checkpoint that holds a
    state_dict. Their names have no prefix.
    """
    for key in ("state_dict", "model_state_dict"):  # a checkpoint, as Lightning and many others write it
        if isinstance(source.get(key), Mapping):
            return _of_state_dict(source[key], prefix)
    groups: dict[str, dict[str, Any]] = {}
    for name, value in source.items():
        if match := PREFIXED.fullmatch(str(name)):
            groups.setdefault(match["prefix"].removesuffix("."), {})[match["name"]] = value
    if not groups:
        foreign = ", ".join(map(str, list(source)[:LISTED]))
        more = f" and {len(source) - LISTED} more" if len(source) > LISTED else ""
        raise ConversionError(
            [
                f"no weights of torch.nn.LSTM: {foreign or 'nothing'}{more}; hand over one LSTM by itself,"
                " without pruning or parametrization"
            ]
        )
    return groups[_chosen(list(groups), prefix)]


def _chosen(names: list[str], prefix: str | None) -> str:
    """The one LSTM that is meant. Raises ConversionError where that is not clear."""
    listed = ", ".join(repr(name) for name in names)
    if prefix is not None and not isinstance(prefix, str):
        raise ConversionError([f"prefix is {described(prefix)}, not a name; there is {listed}"])
    if prefix is not None:
        if prefix.removesuffix(".") not in names:
            raise ConversionError([f"there is no LSTM {prefix!r}; there is {listed}"])
        return prefix.removesuffix(".")
    if len(names) > 1:
        raise ConversionError([f"there are {len(names)} LSTMs: {listed}; choose one with prefix="])
    return names[0]


def _suffixes(names: Iterable[str]) -> list[list[str]]:
    """The ends of the weights' names, by layer and direction. Raises ConversionError
    where a name is missing or is not a weight of an LSTM.
    """
    matches = {name: NAME.fullmatch(name) for name in names}
    foreign = [name for name, match in matches.items() if match is None]
    if foreign:
        more = f" and {len(foreign) - LISTED} more" if len(foreign) > LISTED else ""
        raise ConversionError(
            [
                f"no weights of torch.nn.LSTM: {', '.join(foreign[:LISTED])}{more}; hand over one LSTM by"
                " itself, without pruning or parametrization"
            ]
        )
    found = {match[2]: (int(match[3] or 0), bool(match[4])) for match in matches.values() if match}
    directions = ("", "_reverse") if any(reverse for _, reverse in found.values()) else ("",)
    layers = 1 + max((layer for layer, _ in found.values()), default=0)
    suffixes = (
        [[""]]
        if set(found) == {""}
        else [[f"_l{layer}{direction}" for direction in directions] for layer in range(layers)]
    )
    every = [suffix for layer in suffixes for suffix in layer]
    # Either all layers and directions have biases, or none has. The same holds for
    # projections.
    words = ["weight_ih", "weight_hh"]
    words += ["bias_ih", "bias_hh"] if any(name.startswith("bias") for name in matches) else []
    words += ["weight_hr"] if any(name.startswith("weight_hr") for name in matches) else []
    expected = [f"{word}{suffix}" for suffix in every for word in words]
    problems = [f"{name} is missing" for name in expected if name not in matches] + [
        f"{name} is one too many" for name in matches if name not in expected
    ]
    if problems:
        raise ConversionError(problems)
    return suffixes


def bfloat16() -> Any:
    """The dtype, which NumPy itself does not have."""
    try:
        return np.dtype(import_module("ml_dtypes").bfloat16)
    except ImportError as error:
        raise ConversionError(
            [
                "NumPy has no bfloat16: python -m pip install ml_dtypes, or convert module.float(), which is"
                " exact"
            ]
        ) from error


def _read(name: str, value: Any, problems: list[str]) -> Array:
    """A copy of an array, or of a tensor on any device. For anything without numbers a
    problem is added, and nothing is returned.
    """
    nothing = np.zeros(0)
    if isinstance(value, (np.ndarray, list)):
        return as_array("the state_dict", name, value, problems)
    if not hasattr(value, "detach"):
        problems.append(f"{name} is {described(value)}, and neither a tensor nor an array")
        return nothing
    if str(getattr(value, "device", "")) == "meta":
        problems.append(
            f"{name} is on the meta device, and has no numbers: load or initialize the module first"
        )
        return nothing
    if getattr(value, "is_quantized", False):
        problems.append(f"{name} is {value.dtype}: it is quantized; hand over value.dequantize()")
        return nothing
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        bits: Array = np.array(tensor.view(import_module("torch").int16).numpy())
        return bits.view(bfloat16())
    return as_array("the state_dict", name, tensor.numpy(), problems)


def _put(target: Any, values: Array) -> None:
    """Copy the values into a tensor or an array."""
    if isinstance(target, np.ndarray):
        np.copyto(target, values)
    else:
        target.detach().copy_(tensor(values))


def tensor(values: Array) -> Any:
    """The tensor of the same dtype, on the array's memory."""
    torch = import_module("torch")
    if values.dtype.name == "bfloat16":
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)
