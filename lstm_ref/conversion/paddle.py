"""Weights of Paddle's layers. Source: paddle.nn.LSTM and LSTMCell, "Variables".

A state_dict has each parameter of an LSTM twice: as weight_ih_l0 of the layer, and as
0.cell.weight_ih of its cell, 0.cell_fw and 0.cell_bw where there are two. Those of the
cells are right everywhere. With a projection the others are not: weight_ih_l1 is then
weight_ho of the first cell (3.3).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

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

# What each array of LSTMWeights is called in a cell, and whether it is transposed.
HERE = {
    "kernel": ("weight_ih", True),
    "recurrent_kernel": ("weight_hh", True),
    "bias": ("bias_ih", False),
    "recurrent_bias": ("bias_hh", False),
    "projection": ("weight_ho", False),
}
WORDS = "|".join(word for word, _ in HERE.values())
OF_A_CELL = re.compile(rf"((?:.*\.)?)(\d+)\.(cell|cell_fw|cell_bw)\.({WORDS})")
OF_A_LAYER = re.compile(rf"((?:.*\.)?)({WORDS})_l(\d+)(_reverse)?")
ALONE = re.compile(rf"((?:.*\.)?)({WORDS})")
LISTED = 5

# The parameters of one LSTM by layer and direction, and by their names in a cell.
Cells: TypeAlias = dict[tuple[int, int], dict[str, Any]]


def from_paddle(source: Any, prefix: str | None = None) -> Stack:
    """The weights of a paddle.nn.LSTM or LSTMCell, of a layer with one inside, or of a
    `state_dict` (tensors or NumPy arrays by name).

    In a state_dict the names may have any prefix ("encoder."); where there are several
    LSTMs, `prefix` chooses one. Each direction has weight_ih (4 hidden_size, features),
    weight_hh (4 hidden_size, outputs), the biases bias_ih and bias_hh, which are zero
    where they are left out, and with proj_size weight_ho (hidden_size, outputs).

    Raises ConversionError where names or shapes are not those of an LSTM.
    """
    cells = _complete(_cells(source, prefix))
    problems: list[str] = []
    weights = [[_read(number, cell, problems) for cell in layer] for number, layer in enumerate(cells)]
    if problems:
        raise ConversionError(problems)
    check(weights, _said)
    return Stack(weights)


def to_paddle(
    weights: Any, target: Any = None, prefix: str | None = None, dtype: str | None = None
) -> dict[str, Array]:
    """Put the weights into a paddle.nn.LSTM or LSTMCell, a layer with one inside, or a
    `state_dict`, in place.

    A single bias becomes bias_ih, and bias_hh zero. With `dtype` they are rounded to
    it. Returns the arrays by the names of the cells, which `set_state_dict` of a
    paddle.nn.LSTM takes. Without a target nothing else is done. Raises
    ConversionError, and changes nothing, where the target has no place for an array.
    """
    stack = narrowed(as_stack(weights), dtype)
    if target is None:
        _one_layer_holds(stack)
        return _by_name(stack)
    cells = _complete(_cells(target, prefix))
    same_structure(stack, cells, "Paddle layer")
    problems: list[str] = []
    copies = []
    for number, (layer, held_by) in enumerate(zip(stack, cells, strict=True)):
        for direction, (w, cell) in enumerate(zip(layer, held_by, strict=True)):
            where, given = place(number, direction, len(layer)), _written(w)
            held = {word: _numbers(where, word, value, problems) for word, value in cell.items()}
            problems += [] if problems else misfits(where, given, held)
            copies += [(cell[word], given[word], held[word].dtype) for word in held if word in given]
    if problems:
        raise ConversionError(problems)
    for tensor, values, kept_in in copies:
        if isinstance(tensor, np.ndarray):
            np.copyto(tensor, values)
        else:
            tensor.set_value(np.array(values, kept_in))
    return _by_name(stack)


def _said(name: str, shape: tuple[int, ...]) -> str:
    word, transposed = HERE[name]
    return f"{word} {shape[::-1] if transposed else shape}"


def _cells(source: Any, prefix: str | None) -> Cells:
    """The parameters of one LSTM. Those of the cells, where there are any, are taken,
    and not those of the layer.
    """
    state = source if isinstance(source, Mapping) else None
    if state is None and any(kind.__module__.startswith("paddle.") for kind in type(source).__mro__):
        state = source.state_dict() if hasattr(source, "state_dict") else None
    if state is None:
        raise ConversionError(
            [f"{described(source)} is neither a layer of Paddle nor a state_dict{of_file(source)}"]
        )
    of_cells: dict[str, Cells] = {}
    of_layers: dict[str, Cells] = {}
    for name, value in state.items():
        if match := OF_A_CELL.fullmatch(str(name)):
            before, layer, cell, word = match.groups()
            _put(of_cells, before, (int(layer), int(cell == "cell_bw")), word, value)
        elif match := OF_A_LAYER.fullmatch(str(name)):
            before, word, layer, reverse = match.groups()
            _put(of_layers, before, (int(layer), int(bool(reverse))), word, value)
        elif match := ALONE.fullmatch(str(name)):
            _put(of_cells, match[1], (0, 0), match[2], value)
    found = {**of_layers, **of_cells}
    if not found:
        more = f" and {len(state) - LISTED} more" if len(state) > LISTED else ""
        listed = ", ".join(map(str, list(state)[:LISTED])) or "nothing"
        raise ConversionError([f"no weights of paddle.nn.LSTM: {listed}{more}"])
    listed = ", ".join(repr(name) for name in found)
    if prefix is not None:
        wanted = str(prefix).removesuffix(".")
        if wanted not in found:
            raise ConversionError([f"there is no LSTM {prefix!r}; there is {listed}"])
        return found[wanted]
    if len(found) > 1:
        raise ConversionError([f"there are {len(found)} LSTMs: {listed}; choose one with prefix="])
    return next(iter(found.values()))


def _put(groups: dict[str, Cells], before: str, at: tuple[int, int], word: str, value: Any) -> None:
    groups.setdefault(before.removesuffix("."), {}).setdefault(at, {})[word] = value


def _complete(cells: Cells) -> list[list[dict[str, Any]]]:
    """The parameters by layer and direction. Raises ConversionError where one is
    missing.
    """
    layers = 1 + max(layer for layer, _ in cells)
    directions = 1 + max(direction for _, direction in cells)
    words = {word for cell in cells.values() for word in cell} | {"weight_ih", "weight_hh"}
    problems = [
        f"{place(layer, direction, directions)}: {word} is missing"
        for layer in range(layers)
        for direction in range(directions)
        for word, _ in HERE.values()
        if word in words and word not in cells.get((layer, direction), {})
    ]
    if problems:
        raise ConversionError(problems)
    return [[cells[layer, direction] for direction in range(directions)] for layer in range(layers)]


def _numbers(where: str, word: str, value: Any, problems: list[str]) -> Array:
    """A copy of an array, or of a tensor on any device."""
    if not hasattr(value, "stop_gradient"):
        return as_array(where, word, value, problems)
    if "bfloat16" in str(value.dtype):
        problems.append(f"{where}: {word} is bfloat16, of which NumPy knows nothing: hand over layer.float()")
        return np.zeros(0)
    return as_array(where, word, value.detach().numpy(), problems)


def _read(number: int, cell: Mapping[str, Any], problems: list[str]) -> LSTMWeights:
    where = f"layer {number}"
    found = {word: _numbers(where, word, value, problems) for word, value in cell.items()}
    flat = [
        f"{where}: {word} {values.shape} should have {1 if 'bias' in word else 2} axes"
        for word, values in found.items()
        if values.ndim != (1 if "bias" in word else 2)
    ]
    if flat:
        problems += flat
        return LSTMWeights(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0))
    kernel = found["weight_ih"].T
    bias = found.get("bias_ih")
    return LSTMWeights(
        np.ascontiguousarray(kernel),
        np.ascontiguousarray(found["weight_hh"].T),
        np.zeros_like(kernel[0]) if bias is None else bias,
        found.get("bias_hh"),
        found.get("weight_ho"),
    )


def _written(weights: LSTMWeights) -> dict[str, Array]:
    """The arrays of a cell by name, with both biases."""
    found = {
        word: values.T if transposed else values
        for name, (word, transposed) in HERE.items()
        if (values := getattr(weights, name)) is not None
    }
    found.setdefault("bias_hh", np.zeros_like(weights.bias))
    return {word: np.array(values, order="C") for word, values in found.items()}


def _by_name(stack: Sequence[Sequence[LSTMWeights]]) -> dict[str, Array]:
    ends = {1: ("cell",), 2: ("cell_fw", "cell_bw")}
    return {
        f"{number}.{cell}.{word}": values
        for number, layer in enumerate(stack)
        for w, cell in zip(layer, ends[len(layer)], strict=True)
        for word, values in _written(w).items()
    }


def _one_layer_holds(stack: Sequence[Sequence[LSTMWeights]]) -> None:
    """Raise ConversionError unless one paddle.nn.LSTM can hold all layers."""
    problems = []
    if len({len(layer) for layer in stack}) > 1:
        problems.append("some layers have one direction and some two; paddle.nn.LSTM has as many in all")
    sizes = {(w.kernel.shape[1] // 4, len(w.recurrent_kernel)) for layer in stack for w in layer}
    if len(sizes) > 1:
        listed = ", ".join(f"{units} units and {outputs} outputs" for units, outputs in sorted(sizes))
        problems.append(
            f"the layers have {listed}; paddle.nn.LSTM has as many in all: hand over weights[0:1], then"
            " weights[1:2], and so on"
        )
    if problems:
        raise ConversionError(problems)
