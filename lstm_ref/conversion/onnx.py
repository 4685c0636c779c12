"""Weights of ONNX nodes. Source: the ONNX operator LSTM, version 22, inputs W, R and B. (Versions 7 and 14 lay them out alike.)"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from os import PathLike, fspath
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import Stack, as_array, as_stack, axes_of, check, described, narrowed, place
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

# Where ONNX's gates i, o, f, c stand among i, f, g, o, and where those stand among ONNX's.
TO_ONNX = [0, 3, 1, 2]
FROM_ONNX = [0, 2, 3, 1]

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
DEFAULT_ACTIVATIONS = ("sigmoid", "tanh", "tanh")
# What may stand between two nodes without changing a number: it puts Y into the shape of X.
RESHAPING = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten"}

UNSEEN = (
    "arrays do not show the attributes of their node: it must have direction forward or bidirectional, the default activations, "
    "and neither P, clip nor input_forget; hand over the model to have that checked"
)


class OnnxLSTM(NamedTuple):
    """The weights of one LSTM node, which is one layer, in the gate order i, o, f, c.

    W (num_directions, 4 hidden_size, input_size), R (num_directions, 4 hidden_size, hidden_size), and B (num_directions, 8 hidden_size), the two
    biases one after the other, or None for a node without. The node that takes them has hidden_size, and direction "forward" or "bidirectional".

    Between two nodes Y (seq_length, num_directions, batch_size, hidden_size) becomes X (seq_length, batch_size, num_directions * hidden_size) by
    Transpose with perm 0, 2, 1, 3 and Reshape.
    """

    W: Array
    R: Array
    B: Array | None = None


def from_onnx(source: Any) -> Stack:
    """The weights of the LSTM nodes of a model, one on the other.

    `source` is a model, or the path of one, and then needs the package onnx; or the arrays
    of a node, or of several, as OnnxLSTM or (W, R, B). Raises ConversionError, with every
    reason, where shapes do not fit and for nodes that compute something else.
    """
    if isinstance(source, (str, PathLike)):
        source = _loaded(fspath(source))
    conditions: list[str] = []
    nodes = _of_model(source, conditions) if hasattr(source, "graph") or hasattr(source, "node") else _of_arrays(source, conditions)
    if problems := [problem for number, node in enumerate(nodes) for problem in _misshapen(number, node)]:
        raise ConversionError(problems)
    layers = [[_direction(node, direction) for direction in range(len(node.W))] for node in nodes]
    check(layers, lambda name, shape: f"{ {'kernel': 'W', 'recurrent_kernel': 'R'}.get(name, 'B') } {shape[::-1]}")
    return Stack(layers, conditions)


def to_onnx(weights: Any, dtype: str | None = None) -> list[OnnxLSTM]:
    """The weights of one LSTM node a layer, always with B. A single bias becomes its first half, and the second zero.

    With `dtype` they are rounded to it. Raises ConversionError for a projection, and where the two directions of a layer have different numbers of
    units.
    """
    stack = narrowed(as_stack(weights), dtype)
    problems = []
    for number, directions in enumerate(stack):
        for direction, w in enumerate(directions):
            if w.projection is not None:
                problems.append(f"{place(number, direction, len(directions))} has a projection (proj_size), and the ONNX operator LSTM has none")
        units = [len(w.recurrent_kernel) for w in directions]
        if len(set(units)) > 1:
            problems.append(f"layer {number} has {units[0]} units forward and {units[1]} backward, and the ONNX operator LSTM has one hidden_size")
    if problems:
        raise ConversionError(problems)
    return [_node(directions) for directions in stack]


# --- arrays ---


def _of_arrays(source: Any, conditions: list[str]) -> list[OnnxLSTM]:
    """Nodes from their arrays: one, or a list of them."""
    if not isinstance(source, (list, tuple)):
        raise ConversionError([f"{described(source)} is neither an ONNX model nor a node's (W, R, B), nor a list of such"])
    if not source:
        raise ConversionError(["there is no layer"])
    if hasattr(source[0], "op_type"):
        raise ConversionError(["a node does not hold its weights: hand over the model, whose initializers they are"])
    nodes = [source] if axes_of(source[0]) == 3 else list(source)
    problems: list[str] = []
    found = []
    for number, node in enumerate(nodes):
        where = f"layer {number}"
        if not isinstance(node, (list, tuple)) or len(node) not in (2, 3):
            more = "; a fourth array is P, and peepholes are not converted" if isinstance(node, (list, tuple)) and len(node) == 4 else ""
            problems.append(f"{where}: a node is (W, R) or (W, R, B), not {described(node)}{more}")
            continue
        W, R, B = (*node, None)[:3]
        if W is None or R is None:
            problems.append(f"{where}: W and R are required, and {'W' if W is None else 'R'} is None")
            continue
        arrays = {name: as_array(where, name, value, problems) for name, value in (("W", W), ("R", R), ("B", B)) if value is not None}
        found.append(OnnxLSTM(**arrays))
    if problems:
        raise ConversionError(problems)
    conditions.append(UNSEEN)
    return found


def _node(directions: Sequence[LSTMWeights]) -> OnnxLSTM:
    biases = [(w.bias, np.zeros_like(w.bias) if w.recurrent_bias is None else w.recurrent_bias) for w in directions]
    return OnnxLSTM(
        np.stack([_gates(w.kernel, TO_ONNX).T for w in directions]),
        np.stack([_gates(w.recurrent_kernel, TO_ONNX).T for w in directions]),
        np.stack([np.concatenate([_gates(bias, TO_ONNX) for bias in both]) for both in biases]),
    )


def _direction(node: OnnxLSTM, direction: int) -> LSTMWeights:
    kernel, recurrent_kernel = (_gates(array[direction].T, FROM_ONNX) for array in node[:2] if array is not None)
    if node.B is None:
        return LSTMWeights(kernel, recurrent_kernel, np.zeros_like(kernel[0]))
    bias, recurrent_bias = (_gates(half, FROM_ONNX) for half in np.split(node.B[direction], 2))
    return LSTMWeights(kernel, recurrent_kernel, bias, recurrent_bias)


def _gates(array: Array, order: list[int]) -> Array:
    """A copy with the four blocks of the last axis in this order."""
    blocks = array.reshape(*array.shape[:-1], 4, array.shape[-1] // 4)
    return blocks[..., order, :].reshape(array.shape)


def _misshapen(number: int, node: OnnxLSTM) -> list[str]:
    """Why the arrays are not those of one node."""
    found = {name: np.shape(array) for name, array in node._asdict().items() if array is not None}
    if (len(found["W"]), len(found["R"])) != (3, 3):
        return [f"layer {number}: W and R have three axes, found {found['W']} and {found['R']}"]
    directions, hidden = len(node.W), found["R"][2]
    if found["R"][1] == 3 * hidden:
        return [f"layer {number}: R {found['R']} is that of a GRU, and of no LSTM, which has four gates"]
    expected = {"W": (directions, 4 * hidden, found["W"][2]), "R": (directions, 4 * hidden, hidden), "B": (directions, 8 * hidden)}
    return [f"layer {number}: {name} {shape} should be {name} {expected[name]}" for name, shape in found.items() if shape != expected[name]]


# --- models ---


def _loaded(path: str) -> Any:
    try:
        onnx = import_module("onnx")
    except ImportError as error:
        raise ConversionError(["reading an ONNX file needs the package onnx: python -m pip install onnx"]) from error
    try:
        return onnx.load(path)
    except FileNotFoundError as error:
        raise ConversionError([f"there is no file {path}"]) from error
    except Exception as error:
        raise ConversionError([f"{path} is no ONNX model: {error}"]) from error


def _of_model(source: Any, conditions: list[str]) -> list[OnnxLSTM]:
    """The LSTM nodes of a model, or of its graph, in order, each of which reads the one before."""
    graph = getattr(source, "graph", source)
    if not hasattr(graph, "initializer"):
        raise ConversionError([f"{described(source)} is no ONNX model"])
    nodes = [node for node in graph.node if node.op_type == "LSTM"]
    if not nodes:
        others = sorted({node.op_type for node in graph.node if node.op_type in ("GRU", "RNN") or "LSTM" in node.op_type})
        kinds = [f"a {kind} is no LSTM of the standard" for kind in others] or ["the model has no LSTM node"]
        raise ConversionError(kinds)
    constants = _constants(graph)
    problems: list[str] = []
    for number, node in enumerate(nodes):
        problems += _unlike(number, node, constants)
    problems += _between(graph, nodes)
    if problems:
        raise ConversionError(problems)
    for node in nodes:
        given = dict(zip(INPUTS, node.input, strict=False))
        if given.get("sequence_lens"):
            conditions.append("the node takes sequence_lens: elsewhere sequences need their lengths too, and outputs after them are zeros here")
        if given.get("initial_h") or given.get("initial_c"):
            conditions.append("the node starts from states that it is given: hand the same ones over")
    return [OnnxLSTM(*(_named(node, name, constants) for name in ("W", "R", "B"))) for node in nodes]


def _constants(graph: Any) -> Mapping[str, Array]:
    helper = import_module("onnx.numpy_helper")
    found = {each.name: helper.to_array(each) for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            value = next((attribute.t for attribute in node.attribute if attribute.name == "value"), None)
            found |= {} if value is None else {node.output[0]: helper.to_array(value)}
    return found


def _named(node: Any, name: str, constants: Mapping[str, Array]) -> Any:
    position = INPUTS.index(name)
    given = node.input[position] if position < len(node.input) else ""
    return np.array(constants[given]) if given else None


def _unlike(number: int, node: Any, constants: Mapping[str, Array]) -> Iterator[str]:
    """Why the node is not the LSTM of all frameworks, or its weights are not there."""
    where = f"layer {number} (node {node.name or node.output[0]!r})"
    attributes = {attribute.name: attribute for attribute in node.attribute}
    direction = attributes["direction"].s.decode() if "direction" in attributes else "forward"
    if direction not in ("forward", "bidirectional"):
        yield f"{where} has direction {direction}: elsewhere a layer reads forwards, or in both directions"
    if "clip" in attributes:
        yield f"{where} has clip {attributes['clip'].f:g}, which no other framework has"
    if "input_forget" in attributes and attributes["input_forget"].i:
        yield f"{where} couples input and forget gate (input_forget), which no other framework does"
    if "activations" in attributes:
        found = tuple(name.decode().lower() for name in attributes["activations"].strings)
        if found != DEFAULT_ACTIVATIONS * (len(found) // 3) or len(found) % 3:
            yield f"{where} has activations {', '.join(found)}, expected {', '.join(DEFAULT_ACTIVATIONS)} in each direction"
    if len(node.input) > 7 and node.input[7]:
        yield f"{where} has peepholes (P), which no other framework has"
    for name in ("W", "R", "B"):
        position = INPUTS.index(name)
        given = node.input[position] if position < len(node.input) else ""
        if given and given not in constants:
            yield f"{where}: {name} is computed in the model, and no constant of it"
        elif given and constants[given].dtype.kind != "f":
            yield f"{where}: {name} is {constants[given].dtype}: quantized weights have to be scaled back to numbers first"
        elif not given and name != "B":
            yield f"{where} has no {name}"


def _between(graph: Any, nodes: Sequence[Any]) -> Iterator[str]:
    """What keeps a node from reading the output of the node before it as it is."""
    makers = {output: node for node in graph.node for output in node.output}
    for number, (before, node) in enumerate(pairwise(nodes), start=1):
        name = node.input[0]
        seen: list[str] = []
        while name in makers and makers[name] is not before and len(seen) < len(graph.node):
            seen.append(makers[name].op_type)
            name = makers[name].input[0] if makers[name].input else ""
        if name not in makers or makers[name] is not before or name != before.output[0]:
            yield f"layer {number} does not read the output Y of layer {number - 1}"
        elif changing := [kind for kind in seen if kind not in RESHAPING]:
            yield f"between layer {number - 1} and layer {number} stands {', '.join(changing)}, which changes numbers"
