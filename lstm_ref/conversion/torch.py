"""Weights of PyTorch modules. Source: torch.nn.LSTM and LSTMCell, "Variables"."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import Stack, check, misfits, place, same_structure
from lstm_ref.reference.activations import Array
from lstm_ref.reference.stack import LayerWeights
from lstm_ref.reference.weights import LSTMWeights

NAME = re.compile(r"(?P<kind>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?P<place>|_l(\d+)(_reverse)?)")
HERE = {"kernel": "weight_ih", "recurrent_kernel": "weight_hh", "bias": "bias_ih", "recurrent_bias": "bias_hh", "projection": "weight_hr"}
LISTED = 5


def from_torch(source: Any) -> Stack:
    """The weights of a torch.nn.LSTM or LSTMCell, or of the `state_dict` of one (tensors or NumPy arrays by name).

    Each direction has weight_ih (4 hidden_size, features), weight_hh (4 hidden_size, outputs), the biases bias_ih and bias_hh (4 hidden_size,), which
    are zero with bias=False, and with proj_size the projection weight_hr (outputs, hidden_size). Raises ConversionError where names or shapes are
    not those of an LSTM.
    """
    state = _state(source)
    suffixes = _suffixes(state)
    found = {name: _read(value) for name, value in state.items()}
    flat = [f"{name} {values.shape} should have {_axes(name)} axes" for name, values in found.items() if values.ndim != _axes(name)]
    if flat:
        raise ConversionError(flat)
    weights = tuple(tuple(LSTMWeights.from_torch(found, suffix) for suffix in directions) for directions in suffixes)
    check(weights, lambda name, shape: f"{HERE[name]} {shape[::-1]}")
    return weights


def to_torch(weights: Sequence[LayerWeights], target: Any) -> None:
    """Put the weights into a torch.nn.LSTM or LSTMCell, or into the tensors of a `state_dict`, in place.

    A single bias becomes bias_ih, and bias_hh zero. Raises ConversionError, and changes nothing, where the target has no place for an array.
    """
    check(weights)
    state = _state(target)
    suffixes = _suffixes(state)
    same_structure(weights, suffixes, "torch module")
    problems, copies = [], []
    for number, (directions, names) in enumerate(zip(weights, suffixes, strict=True)):
        for direction, (w, suffix) in enumerate(zip(directions, names, strict=True)):
            given = w.to_torch(suffix)
            held = {name: _read(state[name]) for name in (f"{word}{suffix}" for word in HERE.values()) if name in state}
            problems += misfits(place(number, direction, len(directions)), given, held)
            copies += [(state[name], given[name], values.dtype) for name, values in held.items() if name in given]
    if problems:
        raise ConversionError(problems)
    for tensor, values, dtype in copies:
        tensor.detach().copy_(_tensor(np.array(values, dtype)))


def _axes(name: str) -> int:
    return 1 if name.startswith("bias") else 2


def _state(source: Any) -> Mapping[str, Any]:
    """The arrays by name. Those of a module are its own memory, without their gradients."""
    if isinstance(source, Mapping):
        return source
    if not hasattr(source, "state_dict"):
        raise ConversionError([f"{type(source).__name__} is neither a torch module nor a state_dict"])
    state: Mapping[str, Any] = source.state_dict()
    return state


def _suffixes(names: Iterable[str]) -> list[list[str]]:
    """The ends of the weights' names, by layer and direction. Raises ConversionError where a name is missing or is no weight of an LSTM."""
    matches = {name: NAME.fullmatch(name) for name in names}
    foreign = [name for name, match in matches.items() if match is None]
    if foreign:
        more = f" and {len(foreign) - LISTED} more" if len(foreign) > LISTED else ""
        raise ConversionError(
            [f"no weights of torch.nn.LSTM: {', '.join(foreign[:LISTED])}{more}; hand over one LSTM by itself, without pruning or parametrization"]
        )
    found = {match[2]: (int(match[3] or 0), bool(match[4])) for match in matches.values() if match}
    directions = ("", "_reverse") if any(reverse for _, reverse in found.values()) else ("",)
    layers = 1 + max((layer for layer, _ in found.values()), default=0)
    suffixes = [[""]] if set(found) == {""} else [[f"_l{layer}{direction}" for direction in directions] for layer in range(layers)]
    every = [suffix for layer in suffixes for suffix in layer]
    # Biases and projection are there in all layers and directions, or in none.
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


def _bfloat16() -> Any:
    """The dtype, which NumPy itself does not have."""
    try:
        return np.dtype(import_module("ml_dtypes").bfloat16)
    except ImportError as error:
        raise ConversionError(["NumPy has no bfloat16: python -m pip install ml_dtypes, or convert module.float(), which is exact"]) from error


def _read(value: Any) -> Array:
    """A copy of a tensor, on whatever device, or of an array."""
    if isinstance(value, np.ndarray):
        return np.array(value)
    tensor = value.detach().cpu()
    if str(tensor.dtype) == "torch.bfloat16":
        bits: Array = np.array(tensor.view(import_module("torch").int16).numpy())
        return bits.view(_bfloat16())
    return np.array(tensor.numpy())


def _tensor(values: Array) -> Any:
    """The tensor of the same dtype, on the array's memory."""
    torch = import_module("torch")
    if values.dtype.name == "bfloat16":
        return torch.from_numpy(values.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(values)
