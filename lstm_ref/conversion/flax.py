"""Weights of Flax. Source: flax.nnx.LSTMCell, OptimizedLSTMCell, RNN and Bidirectional.

LSTMCell has a matrix for each gate: ii, if_, ig, io (features, units) without bias, and
hi, hf, hg, ho (units, units) with one. OptimizedLSTMCell has them side by side: dense_i
(features, 4 units) and dense_h (units, 4 units), in the order i, f, g, o.
"""

from collections.abc import Mapping, Sequence
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
    one_bias,
    place,
    same_structure,
)
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

GATES = "ifgo"
OF_INPUT = {"i": "ii", "f": "if_", "g": "ig", "o": "io"}
OF_STATE = {gate: f"h{gate}" for gate in GATES}
SIDES = ("forward_rnn", "backward_rnn")
# What a cell must compute with: the functions that every framework has.
FUNCTIONS = {"gate_fn": "sigmoid", "activation_fn": "tanh"}

# The parts of a kernel, recurrent kernel or bias: the path of each array in a cell.
Paths = Sequence[tuple[str, str]]
PLAIN: Mapping[str, Paths] = {
    "kernel": [(OF_INPUT[gate], "kernel") for gate in GATES],
    "recurrent_kernel": [(OF_STATE[gate], "kernel") for gate in GATES],
    "bias": [(OF_STATE[gate], "bias") for gate in GATES],
}
OPTIMIZED: Mapping[str, Paths] = {
    "kernel": [("dense_i", "kernel")],
    "recurrent_kernel": [("dense_h", "kernel")],
    "bias": [("dense_h", "bias")],
}


def from_flax(source: Any) -> Stack:
    """The weights of a flax.nnx cell, RNN or Bidirectional, of its state as nested
    dictionaries, or of a list of them on top of one another.

    Raises ConversionError where something is no LSTM, computes with other functions
    than sigmoid and tanh, or reads one direction backward.
    """
    problems: list[str] = []
    layers = []
    for number, cells in enumerate(_cells(source, problems)):
        wheres = [place(number, direction, len(cells)) for direction in range(len(cells))]
        layers.append([_read(where, cell, problems) for where, cell in zip(wheres, cells, strict=True)])
    if problems:
        raise ConversionError(problems)
    check(layers)
    return Stack(layers)


def to_flax(weights: Any, target: Any = None, dtype: str | None = None) -> list[dict[str, Any]]:
    """Put the weights into cells, layers or nested dictionaries, in place.

    Two biases become their sum. Returns a nested dictionary a layer: a cell's, in
    "cell"; or one each in "forward_rnn" and "backward_rnn". Without a target they are
    those of LSTMCell, and nothing else is done. Raises ConversionError, and changes
    nothing, where the target has no place for an array, and for a projection.
    """
    stack = narrowed(as_stack(weights), dtype)
    problems = [
        f"{place(number, direction, len(layer))} has a projection, which Flax does not have"
        for number, layer in enumerate(stack)
        for direction, w in enumerate(layer)
        if w.projection is not None
    ]
    if problems:
        raise ConversionError(problems)
    cells = None if target is None else _cells(target, problems)
    if problems:
        raise ConversionError(problems)
    if cells is not None:
        same_structure(stack, cells, "Flax layer")
        _put(stack, cells)
    return [_nested(number, layer, cells) for number, layer in enumerate(stack)]


def _part(value: Any, name: str) -> Any:
    """The part of a layer or of a nested dictionary; None where it has none."""
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)


def _cells(source: Any, problems: list[str]) -> list[list[Any]]:
    """The cells by layer and direction."""
    found = []
    for number, layer in enumerate(source if isinstance(source, (list, tuple)) else [source]):
        sides = [_part(layer, side) for side in SIDES]
        both = all(side is not None for side in sides)
        merge = _part(layer, "merge_fn")
        if both and merge is not None and "concat" not in getattr(merge, "__name__", ""):
            problems.append(f"layer {number}: its directions are not put side by side, but merged otherwise")
        cells = []
        for side in sides if both else [layer]:
            if not both and _part(side, "reverse") is True:
                problems.append(f"layer {number} has one direction, which is backward")
            cell = _part(side, "cell")
            cells.append(side if cell is None else cell)
        found.append(cells)
    return found


def _paths(where: str, cell: Any) -> Mapping[str, Paths]:
    """Where the arrays of this cell are. Raises ConversionError for what is none."""
    for paths in (OPTIMIZED, PLAIN):
        if all(_part(cell, path[0]) is not None for path in paths["kernel"]):
            return paths
    raise ConversionError([f"{where}: {described(cell)} is no LSTM cell of flax.nnx{of_file(cell)}"])


def _read(where: str, cell: Any, problems: list[str]) -> LSTMWeights:
    for name, function in FUNCTIONS.items():
        own = _part(cell, name)
        if own is not None and getattr(own, "__name__", "") != function:
            problems.append(
                f"{where}: {name} is {getattr(own, '__name__', described(own))}, and not {function}"
            )
    found: dict[str, Array] = {}
    for name, paths in _paths(where, cell).items():
        parts = [_numbers(where, path, cell, problems) for path in paths]
        if len({part.shape for part in parts}) > 1 or len({part.dtype for part in parts}) > 1:
            told = ", ".join(
                f"{'.'.join(path)} {part.shape}" for path, part in zip(paths, parts, strict=True)
            )
            problems.append(f"{where}: the gates have arrays of several shapes or dtypes: {told}")
            parts = parts[:1]
        found[name] = np.concatenate(parts, axis=-1)
    return LSTMWeights(**found)


def _held(cell: Any, path: tuple[str, str]) -> Any:
    """A variable of a layer, or an array of a dictionary."""
    return _part(_part(cell, path[0]), path[1])


def _numbers(where: str, path: tuple[str, str], cell: Any, problems: list[str]) -> Array:
    held = _held(cell, path)
    return as_array(where, ".".join(path), held[...] if hasattr(held, "get_value") else held, problems)


def _blocks(weights: LSTMWeights, paths: Mapping[str, Paths]) -> dict[tuple[str, str], Array]:
    """The arrays of a cell by path, from the blocks of the gates."""
    bias = one_bias(weights).bias
    whole = {"kernel": weights.kernel, "recurrent_kernel": weights.recurrent_kernel, "bias": bias}
    return {
        path: np.array(block, order="C")
        for name, own in paths.items()
        for path, block in zip(own, np.split(whole[name], len(own), axis=-1), strict=True)
    }


def _put(stack: Sequence[Sequence[LSTMWeights]], cells: Sequence[Sequence[Any]]) -> None:
    """Copy the weights into the cells. Raises ConversionError before anything is
    changed.
    """
    problems: list[str] = []
    copies = []
    for number, (layer, own) in enumerate(zip(stack, cells, strict=True)):
        for direction, (w, cell) in enumerate(zip(layer, own, strict=True)):
            where = place(number, direction, len(layer))
            paths = _paths(where, cell)
            given = _blocks(w, paths)
            held = {path: _numbers(where, path, cell, problems) for path in given}
            if not problems:
                named = [{".".join(path): array for path, array in each.items()} for each in (given, held)]
                problems += misfits(where, *named)
            copies += [(_held(cell, path), given[path], held[path].dtype) for path in given]
    if problems:
        raise ConversionError(problems)
    for held_by, values, dtype in copies:
        if isinstance(held_by, np.ndarray):
            np.copyto(held_by, values)
        else:
            held_by[...] = import_module("jax.numpy").asarray(values, dtype)


def _nested(
    number: int, layer: Sequence[LSTMWeights], cells: Sequence[Sequence[Any]] | None
) -> dict[str, Any]:
    found = []
    for direction, w in enumerate(layer):
        paths = PLAIN if cells is None else _paths(f"layer {number}", cells[number][direction])
        cell: dict[str, dict[str, Array]] = {}
        for (part, name), values in _blocks(w, paths).items():
            cell.setdefault(part, {})[name] = values
        found.append({"cell": cell})
    return found[0] if len(found) == 1 else dict(zip(SIDES, found, strict=True))
