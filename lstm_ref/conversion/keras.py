"""Weights of Keras layers. Source: keras.layers.LSTM, LSTMCell, RNN, StackedRNNCells and Bidirectional, Keras 2 and 3, on any backend."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import Stack, check, misfits, place, same_structure
from lstm_ref.reference.activations import Array
from lstm_ref.reference.stack import LayerWeights
from lstm_ref.reference.weights import LSTMWeights

NAMES = ("kernel", "recurrent_kernel", "bias")
WITHOUT_PART = {"InputLayer", "Masking", "Dropout"}  # layers around an LSTM that take no part in what it computes at inference
ITSELF = "for its weights alone use LSTMWeights.from_keras and to_keras"

Cells = list[tuple[Any, ...]]  # by layer and direction


def from_keras(layer: Any) -> Stack:
    """The weights of a built LSTM, RNN or LSTMCell layer, of Bidirectional around one, or of a Sequential or list of them, one on the other.

    Each direction has kernel (features, 4 units), recurrent_kernel (units, 4 units) and bias (4 units,), which is zero without use_bias.
    Input layers, Masking and Dropout in between are passed over. Raises ConversionError for layers that are not built, and for those that are not
    the LSTM of all frameworks.
    """
    weights = tuple(tuple(LSTMWeights.from_keras(_read(cell)) for cell in directions) for directions in _cells_of(layer))
    check(weights)
    return weights


def to_keras(weights: Sequence[LayerWeights], layer: Any) -> None:
    """Put the weights into a built layer, or several, as `from_keras` takes them.

    Two biases become their sum, which rounds. Raises ConversionError, and changes nothing, where the layer has no place for an array.
    """
    check(weights)
    cells = _cells_of(layer)
    same_structure(weights, cells, "Keras layer")
    problems, assignments = [], []
    for number, (directions, layer_cells) in enumerate(zip(weights, cells, strict=True)):
        for direction, (w, cell) in enumerate(zip(directions, layer_cells, strict=True)):
            where = place(number, direction, len(directions))
            if w.projection is not None:
                problems.append(f"{where} has a projection (proj_size), and keras.layers.LSTM has none")
                continue
            given, target = _one_bias(w).to_keras(), _read(cell)
            problems += misfits(where, given, target)
            assignments += [(getattr(cell, name), given[name], values.dtype) for name, values in target.items()]
    if problems:
        raise ConversionError(problems)
    for variable, values, dtype in assignments:
        variable.assign(np.array(values, dtype))


def _one_bias(weights: LSTMWeights) -> LSTMWeights:
    """The same with one bias. What `to_torch` makes of a single bias comes back as it was: -0.0 + 0.0 would be 0.0."""
    if weights.recurrent_bias is None:
        return weights
    bias = np.add(weights.bias, weights.recurrent_bias, out=weights.bias.copy(), where=weights.recurrent_bias != 0)
    return replace(weights, bias=bias, recurrent_bias=None)


def _read(cell: Any) -> dict[str, Array]:
    """A copy of a cell's weights by name."""
    return {name: np.array(getattr(cell, name).numpy()) for name in NAMES if getattr(cell, name) is not None}


def _cells_of(layer: Any) -> Cells:
    problems: list[str] = []
    cells = _cells(layer, "the layer", False, problems)
    if problems:
        raise ConversionError(problems)
    return cells


def _cells(layer: Any, where: str, backward: bool, problems: list[str]) -> Cells:
    """The LSTM cells by layer and direction, told apart by the names of their classes, whichever package those are from."""
    kind = type(layer).__name__
    if isinstance(layer, (list, tuple)):
        return _stacked(layer, where, backward, problems)
    if type(layer).__module__.partition(".")[0] == "torch":
        problems.append(f"{where} is a torch module: use from_torch and to_torch")
    elif kind == "Sequential":
        return _stacked(layer.layers, f"{where}.layers", backward, problems)
    elif kind == "StackedRNNCells":
        return _stacked(layer.cells, f"{where}.cells", backward, problems)
    elif kind == "Bidirectional":
        return _bidirectional(layer, where, problems)
    elif kind in ("LSTM", "RNN"):
        if layer.go_backwards != backward:
            direction = "backward" if backward else "forward"
            problems.append(f"{where} has go_backwards={layer.go_backwards} as a {direction} direction; {ITSELF}")
        return _cells(layer.cell, f"{where}.cell", backward, problems)
    elif kind == "LSTMCell":
        problems += _unlike(layer, where)
        return [(layer,)]
    elif kind not in WITHOUT_PART:
        problems.append(f"{where} is a {kind}, which is not known to compute an LSTM; of a model hand over the list of its LSTM layers")
    return []


def _stacked(layers: Sequence[Any], where: str, backward: bool, problems: list[str]) -> Cells:
    return [cells for index, layer in enumerate(layers) for cells in _cells(layer, f"{where}[{index}]", backward, problems)]


def _bidirectional(layer: Any, where: str, problems: list[str]) -> Cells:
    if layer.merge_mode != "concat":
        problems.append(
            f"{where} merges its directions by {layer.merge_mode!r}, expected 'concat'; convert forward_layer and backward_layer by themselves"
        )
    forward = _cells(layer.forward_layer, f"{where}.forward_layer", False, problems)
    backward = _cells(layer.backward_layer, f"{where}.backward_layer", True, problems)
    if any(len(cells) != 1 or len(cells[0]) != 1 for cells in (forward, backward)):
        problems.append(f"{where} does not have exactly one LSTM in each direction")
        return []
    return [(forward[0][0], backward[0][0])]


def _unlike(cell: Any, where: str) -> list[str]:
    """Why this cell is not the LSTM of all frameworks, or has no weights yet."""
    problems = []
    for name, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        found = getattr(getattr(cell, name), "__name__", repr(getattr(cell, name)))
        if found != expected:
            problems.append(f"{where} has {name} {found!r}, expected {expected!r}; {ITSELF}")
    if not cell.built:
        problems.append(f"{where} is not built and has no weights yet: call the layer once, or layer.build((None, None, features))")
    return problems
