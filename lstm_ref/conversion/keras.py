"""Weights of Keras layers. Source: keras.layers.LSTM, LSTMCell, RNN, StackedRNNCells
and Bidirectional, Keras 2 and 3, on any backend.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
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

NAMES = ("kernel", "recurrent_kernel", "bias")
WITHOUT_PART = {
    "InputLayer",
    "Dropout",
}  # layers around an LSTM that take no part in what it computes at inference
LSTMS = {"LSTM", "RNN", "LSTMCell", "StackedRNNCells", "Bidirectional"}
ITSELF = "for its weights alone use LSTMWeights.from_keras and to_keras"
OTHER_KINDS = {"GRU", "GRUCell", "SimpleRNN", "SimpleRNNCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}

MASKED = (
    "{} masks steps: in PyTorch pack the sequences with their lengths, in ONNX give sequence_lens; that is"
    " the same where only the end of a sequence is masked. The padded outputs are zeros there, where Keras"
    " repeats the last one"
)
STATEFUL = "{} is stateful: elsewhere hand the states of one call over to the next"
LAST_OF_BOTH = (
    "{} returns no sequences: in PyTorch that is h_n of both directions side by side, and not the last step"
    " of the output"
)
GIVEN_STATES = "{} starts from states that the model hands to it: elsewhere hand the same ones over"
UNSEEN_CALL = (
    "{} has a call() of its own, which is not read: see there for masks, states, and what is computed before"
    " and after"
)
DROPS = (
    "{} drops states in training (recurrent_dropout), which PyTorch and ONNX do not; at inference nothing"
    " differs"
)

Cells = list[tuple[Any, ...]]  # by layer and direction


@dataclass
class _Walk:
    """What is found on the way through layers: what cannot be converted, and what users
    have to look after.
    """

    problems: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    masks: list[str] = field(default_factory=list)  # what masks the steps of the next LSTM
    before: tuple[str, bool] | None = None  # the last LSTM, and whether it returns sequences

    def enter(self, where: str, returns_sequences: bool) -> None:
        """Come to an LSTM. The layers before it must leave it a sequence to run
        over.
        """
        if self.before and not self.before[1]:
            self.problems.append(
                f"{self.before[0]} returns its last output alone (return_sequences=False), no sequence for"
                f" {where}: convert each by itself"
            )
        for mask in self.masks:
            if self.before:
                self.problems.append(
                    f"{mask} masks steps by what the LSTM before it returns: convert each LSTM by itself"
                )
            else:
                self.conditions.append(MASKED.format(mask))
        self.masks, self.before = [], (where, returns_sequences)


def from_keras(layer: Any, bidirectional: bool | None = None) -> Stack:
    """The weights of a built LSTM, RNN or LSTMCell layer, of Bidirectional around one,
    of a model, or of a list of layers, one on the other.

    Each direction has kernel (features, 4 units), recurrent_kernel (units, 4 units) and
    bias (4 units,), which is zero without use_bias. A list of such arrays, as
    `get_weights()` gives it, is taken as well. If its shapes fit both one bidirectional
    layer and two layers, `bidirectional` has to say which it is.

    The `conditions` of the result say what other frameworks have in place of masks,
    states and the last output. Raises ConversionError for layers that are not built,
    and for those that compute more than the LSTM that all frameworks have.
    """
    if isinstance(layer, (list, tuple)) and layer and all(isinstance(part, np.ndarray) for part in layer):
        return _of_arrays(layer, bidirectional)
    walk = _Walk()
    weights = [
        [LSTMWeights.from_keras(_read(cell, walk.problems)) for cell in directions]
        for directions in _cells_of(layer, walk)
    ]
    if walk.problems:
        raise ConversionError(walk.problems)
    check(weights)
    return Stack(weights, walk.conditions)


def to_keras(weights: Any, layer: Any = None, dtype: str | None = None) -> list[Array]:
    """Put the weights into a built layer, or several, as `from_keras` takes them.

    Two biases become their sum, which rounds. With `dtype` all are rounded to it.
    Returns the arrays in the order of `set_weights`; without a layer that is all.
    Raises ConversionError, and changes nothing, where the layer has no place for an
    array.
    """
    stack = narrowed(as_stack(weights), dtype)
    if projected := [
        place(n, d, len(directions))
        for n, directions in enumerate(stack)
        for d, w in enumerate(directions)
        if w.projection is not None
    ]:
        raise ConversionError(
            [f"{where} has a projection (proj_size), and keras.layers.LSTM has none" for where in projected]
        )
    given = [[one_bias(w).to_keras() for w in directions] for directions in stack]
    flat = [np.array(each[name]) for directions in given for each in directions for name in NAMES]
    if layer is None:
        return flat
    walk = _Walk()
    cells = _cells_of(layer, walk)
    same_structure(stack, cells, "Keras layer")
    problems, assignments = walk.problems, []
    for number, (directions, layer_cells) in enumerate(zip(given, cells, strict=True)):
        for direction, (arrays, cell) in enumerate(zip(directions, layer_cells, strict=True)):
            target = _read(cell, problems)
            problems += [] if problems else misfits(place(number, direction, len(directions)), arrays, target)
            assignments += [
                (getattr(cell, name), arrays[name], values.dtype) for name, values in target.items()
            ]
    if problems:
        raise ConversionError(problems)
    for variable, values, kept_in in assignments:
        variable.assign(np.array(values, kept_in))
    return flat


def _of_arrays(given: Sequence[Array], bidirectional: bool | None) -> Stack:
    """The LSTMs in the arrays of `get_weights()`. Each has a kernel, a recurrent
    kernel, and perhaps a bias.
    """
    problems: list[str] = []
    found: list[LSTMWeights] = []
    arrays = [as_array(f"array {number}", "it", values, problems) for number, values in enumerate(given)]
    while arrays and not problems:
        step = 3 if len(arrays) > 2 and arrays[2].ndim == 1 else 2
        part, arrays = arrays[:step], arrays[step:]
        if [values.ndim for values in part] not in ([2, 2], [2, 2, 1]):
            shapes = ", ".join(str(values.shape) for values in part)
            problems.append(
                f"LSTM {len(found)}: expected kernel (features, 4 units), recurrent_kernel (units, 4 units),"
                f" bias (4 units,), found {shapes}"
            )
        else:
            found.append(LSTMWeights.from_keras(dict(zip(NAMES, part, strict=False))))
    if bidirectional and len(found) % 2:
        problems.append(f"bidirectional layers have two LSTMs each, and these are {len(found)}")
    if problems:
        raise ConversionError(problems)
    widths = [width for width in (1, 2) if not len(found) % width]
    readings = {width: [found[k : k + width] for k in range(0, len(found), width)] for width in widths}
    if bidirectional is None:
        fitting = [width for width, layers in readings.items() if _fits(layers)] or [1]
        if len(fitting) > 1:
            both = f"{len(found)} layers and {len(found) // 2} bidirectional"
            raise ConversionError([f"the arrays fit {both}: say bidirectional=False or True"])
    else:
        fitting = [2 if bidirectional else 1]
    layers = readings[fitting[0]]
    check(layers)
    unseen = (
        "arrays do not show their layers: they must have activation tanh and recurrent_activation sigmoid,"
        " and read forwards"
    )
    return Stack(layers, [unseen])


def _fits(layers: Sequence[Sequence[LSTMWeights]]) -> bool:
    try:
        check(layers)
    except ConversionError:
        return False
    return True


def _read(cell: Any, problems: list[str]) -> dict[str, Array]:
    """A copy of a cell's weights by name."""
    found = {name: np.array(getattr(cell, name).numpy()) for name in NAMES if getattr(cell, name) is not None}
    quantized = [f"{name} is {values.dtype}" for name, values in found.items() if values.dtype.kind in "iu"]
    if quantized:
        problems.append(f"{', '.join(quantized)}: quantized weights have to be scaled back to numbers first")
        return {name: values.astype(np.float32) for name, values in found.items()}
    return found


def _cells_of(layer: Any, walk: _Walk) -> Cells:
    cells = _cells(layer, "the layer", False, walk)
    if walk.problems:
        raise ConversionError(walk.problems)
    if not cells:
        raise ConversionError(["there is no LSTM layer"])
    return cells


def _cells(layer: Any, where: str, backward: bool, walk: _Walk) -> Cells:
    """The LSTM cells by layer and direction, recognized by the names of their classes,
    from whichever package.
    """
    kind = type(layer).__name__
    if isinstance(layer, (list, tuple)):
        return _stacked(layer, where, backward, walk)
    if type(layer).__module__.partition(".")[0] == "torch":
        walk.problems.append(f"{where} is a torch module: use from_torch and to_torch")
    elif not hasattr(layer, "get_config"):
        walk.problems.append(f"{where} is {described(layer)}, not a Keras layer{of_file(layer)}")
    elif kind in OTHER_KINDS:
        walk.problems.append(f"{where} is a {kind}, not an LSTM")
    elif kind == "StackedRNNCells":
        return _stacked(layer.cells, f"{where}.cells", backward, walk)
    elif kind == "Bidirectional":
        return _bidirectional(layer, where, walk)
    elif kind in ("LSTM", "RNN"):
        if layer.go_backwards != backward:
            direction = "backward" if backward else "forward"
            walk.problems.append(
                f"{where} has go_backwards={layer.go_backwards} as a {direction} direction; {ITSELF}"
            )
        if not backward:
            walk.enter(where, layer.return_sequences)
        if layer.stateful:
            walk.conditions.append(STATEFUL.format(where))
        return _cells(layer.cell, f"{where}.cell", backward, walk)
    elif kind == "LSTMCell":
        walk.problems += _unlike(layer, where)
        if getattr(layer, "recurrent_dropout", 0):
            walk.conditions.append(DROPS.format(where))
        return [(layer,)]
    elif isinstance(getattr(layer, "layers", None), (list, tuple)):
        return _model(layer, where, backward, walk)
    elif kind == "Masking":
        walk.masks.append(where)
    elif kind not in WITHOUT_PART:
        walk.problems.append(
            f"{where} is a {kind}, which is not known to compute an LSTM; of a model hand over the list of"
            " its LSTM layers"
        )
    return []


def _stacked(layers: Sequence[Any], where: str, backward: bool, walk: _Walk) -> Cells:
    return [
        cells
        for index, layer in enumerate(layers)
        for cells in _cells(layer, f"{where}[{index}]", backward, walk)
    ]


def _model(model: Any, where: str, backward: bool, walk: _Walk) -> Cells:
    """The LSTM layers of a model. Layers before the first and after the last of them
    are left out. The conditions say so.
    """
    layers = list(model.layers)
    recurrent = [k for k, layer in enumerate(layers) if _has_lstm(layer)]
    first, last = (recurrent[0], recurrent[-1]) if recurrent else (len(layers), -1)
    calls = _calls(model)
    if type(model).__name__ != "Sequential":
        names = [layers[k].name for k in recurrent]
        if len(names) > 1 and (calls is None or not _in_a_row(names, calls, layers)):
            listed = ", ".join(names)
            walk.problems.append(
                f"{where} has several LSTM layers, not one on the other: {listed}. Hand over one, or the list"
                " of those that are"
            )
            return []
        if calls is None:
            walk.conditions.append(UNSEEN_CALL.format(where))
    inside = []
    for k, layer in enumerate(layers):
        kind, place_ = type(layer).__name__, f"{where}.layers[{k}]"
        takes_part = kind in WITHOUT_PART | OTHER_KINDS | {"Masking"} or _wraps_recurrent(layer)
        outside = (k < first or k > last) and not takes_part
        if outside:
            walk.conditions.append(
                f"{place_}, {kind}, is not part of the weights: it is to be computed beside"
            )
        if getattr(layer, "mask_zero", False):
            walk.masks.append(place_)
        if k in recurrent and calls:
            handed = calls[layer.name].handed_over
            if "mask" in handed and not walk.masks and not walk.before:
                walk.masks.append(f"the mask= of {place_}")
            if "initial_state" in handed:
                walk.conditions.append(GIVEN_STATES.format(place_))
        if not outside:
            inside += _cells(layer, place_, backward, walk)
    return inside


def _has_lstm(layer: Any) -> bool:
    inner = getattr(layer, "layers", None)
    return any(map(_has_lstm, inner)) if isinstance(inner, (list, tuple)) else type(layer).__name__ in LSTMS


def _wraps_recurrent(layer: Any) -> bool:
    """Whether it is, say, TimeDistributed around an LSTM."""
    return type(getattr(layer, "layer", None)).__name__ in LSTMS | OTHER_KINDS


@dataclass
class _Call:
    """The input on which a layer of a functional model is called."""

    source: tuple[str, int] | None = None  # the layer whose output it is, and which of its outputs
    handed_over: set[str] = field(default_factory=set)


def _calls(model: Any) -> dict[str, _Call] | None:
    """The calls of a functional model by layer, of Keras 2 and 3; None where a model
    does not show them.
    """
    try:
        entries = model.get_config()["layers"]
        return {entry["config"]["name"]: _call(entry.get("inbound_nodes", [])) for entry in entries}
    except (NotImplementedError, KeyError, TypeError):
        return None


def _call(nodes: Any) -> _Call:
    call = _Call()
    for node in nodes:
        if isinstance(node, dict):  # Keras 3
            positional = zip(("input", "initial_state", "mask"), node["args"], strict=False)
            arguments = dict(positional) | node["kwargs"]
        else:
            inputs = [node] if node and isinstance(node[0], str) else node
            arguments = {"input": inputs[0], **(inputs[0][3] if len(inputs[0]) > 3 else {})}
            arguments |= {"initial_state": inputs[1:]} if len(inputs) > 1 else {}
        for name, value in arguments.items():
            found = _histories(value)
            if name == "input":
                call.source = found[0] if found else None
                call.handed_over |= {"initial_state"} if len(found) > 1 else set()
            elif found:
                call.handed_over.add(name)
    return call


def _histories(value: Any) -> list[tuple[str, int]]:
    """The outputs of layers that are named in a value of a model's configuration."""
    if isinstance(value, dict):
        if "keras_history" in value:
            return [(value["keras_history"][0], value["keras_history"][2])]
        return [found for part in value.values() for found in _histories(part)]
    if isinstance(value, (list, tuple)):
        if len(value) > 2 and isinstance(value[0], str) and isinstance(value[2], int):
            return [(value[0], value[2])]
        return [found for part in value for found in _histories(part)]
    return []


def _in_a_row(names: Sequence[str], calls: dict[str, _Call], layers: Sequence[Any]) -> bool:
    """Whether each LSTM runs over the sequence of the one before, and no layer between
    them computes anything.
    """
    kinds = {layer.name: type(layer).__name__ for layer in layers}
    for before, name in pairwise(names):
        source = calls[name].source
        while source and kinds.get(source[0]) in WITHOUT_PART | {"Masking"} and source[0] != before:
            source = calls[source[0]].source
        if source != (before, 0):
            return False
    return True


def _bidirectional(layer: Any, where: str, walk: _Walk) -> Cells:
    if layer.merge_mode != "concat":
        walk.problems.append(
            f"{where} merges its directions by {layer.merge_mode!r}, expected 'concat'; convert forward_layer"
            " and backward_layer by themselves"
        )
    forward = _cells(layer.forward_layer, f"{where}.forward_layer", False, walk)
    backward = _cells(layer.backward_layer, f"{where}.backward_layer", True, walk)
    if any(len(cells) != 1 or len(cells[0]) != 1 for cells in (forward, backward)):
        walk.problems.append(f"{where} does not have exactly one LSTM in each direction")
        return []
    if not layer.return_sequences:
        walk.conditions.append(LAST_OF_BOTH.format(where))
    return [(forward[0][0], backward[0][0])]


def _unlike(cell: Any, where: str) -> list[str]:
    """Why this cell is not the LSTM that all frameworks have, or why it has no weights
    yet.
    """
    problems = []
    for name, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        found = getattr(getattr(cell, name), "__name__", repr(getattr(cell, name)))
        if found != expected:
            problems.append(f"{where} has {name} {found!r}, expected {expected!r}; {ITSELF}")
    if not cell.built:
        problems.append(
            f"{where} is not built and has no weights yet: call the layer once, or layer.build((None, None,"
            " features))"
        )
    return problems
