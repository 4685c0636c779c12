"""Weights of ONNX nodes. Source: the ONNX operator LSTM, version 22, inputs W, R and B.
(Versions 7 and 14 lay them out alike.)
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from os import PathLike, fspath
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import (
    FLOATS,
    Stack,
    as_array,
    as_stack,
    axes_of,
    check,
    described,
    narrowed,
    place,
)
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

# The positions of ONNX's gates i, o, f, c among i, f, g, o, and the positions of i, f,
# g, o among ONNX's gates.
TO_ONNX = [0, 3, 1, 2]
FROM_ONNX = [0, 2, 3, 1]

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
DEFAULT_ACTIVATIONS = ("sigmoid", "tanh", "tanh")
# Nodes that may stand between two LSTM nodes. They change no number, and put Y into the
# shape of X.
RESHAPING = {"Transpose", "Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten"}

UNSEEN = (
    "arrays do not show the attributes of their node: it must have direction forward or bidirectional, the"
    " default activations, and neither P, clip nor input_forget; hand over the model to have that checked"
)


class OnnxLSTM(NamedTuple):
    """The weights of one LSTM node, which is one layer, in the gate order i, o, f, c.

    W (num_directions, 4 hidden_size, input_size), R (num_directions, 4 hidden_size,
    hidden_size), and B (num_directions, 8 hidden_size), the two biases one after the
    other, or None for a node without. The node that takes them has hidden_size, and
    direction "forward" or "bidirectional".

    Between two nodes Y (seq_length, num_directions, batch_size, hidden_size) becomes X
    (seq_length, batch_size, num_directions * hidden_size) by Transpose with perm 0, 2,
    1, 3 and Reshape.
    """

    W: Array
    R: Array
    B: Array | None = None


def from_onnx(source: Any, node: Any = None) -> Stack:
    """The weights of the LSTM nodes of a model, which are on top of one another.

    `source` is a model, or the path of one, and then needs the package onnx; or the
    arrays of a node, or of several, as OnnxLSTM or (W, R, B). `node` chooses one LSTM
    of a model, by its name, that of an output, or the NodeProto. Raises
    ConversionError, with every reason, where shapes do not fit and for nodes that
    compute something else.
    """
    if isinstance(source, (str, PathLike)):
        source = _loaded(fspath(source))
    conditions: list[str] = []
    nodes = (
        _of_model(source, node, conditions)
        if hasattr(source, "graph") or hasattr(source, "node")
        else _of_arrays(source, node, conditions)
    )
    if problems := [problem for number, node in enumerate(nodes) for problem in _misshapen(number, node)]:
        raise ConversionError(problems)
    layers = [[_direction(node, direction) for direction in range(len(node.W))] for node in nodes]
    check(
        layers,
        lambda name, shape: f"{ {'kernel': 'W', 'recurrent_kernel': 'R'}.get(name, 'B') } {shape[::-1]}",
    )
    return Stack(layers, conditions)


def to_onnx(weights: Any, dtype: str | None = None) -> list[OnnxLSTM]:
    """The weights of one LSTM node a layer, always with B. A single bias becomes its
    first half, and the second zero.

    With `dtype` they are rounded to it. Raises ConversionError for a projection, and
    where the two directions of a layer have different numbers of units.
    """
    stack = narrowed(as_stack(weights), dtype)
    problems = []
    for number, directions in enumerate(stack):
        for direction, w in enumerate(directions):
            if w.projection is not None:
                problems.append(
                    f"{place(number, direction, len(directions))} has a projection (proj_size), and the ONNX"
                    " operator LSTM has none"
                )
        units = [len(w.recurrent_kernel) for w in directions]
        if len(set(units)) > 1:
            problems.append(
                f"layer {number} has {units[0]} units forward and {units[1]} backward, and the ONNX operator"
                " LSTM has one hidden_size"
            )
    if problems:
        raise ConversionError(problems)
    return [_node(directions) for directions in stack]


# --- arrays ---


def _of_arrays(source: Any, node: Any, conditions: list[str]) -> list[OnnxLSTM]:
    """Nodes from their arrays: one, or a list of them."""
    if hasattr(source, "op_type") or (
        isinstance(source, (list, tuple)) and source and hasattr(source[0], "op_type")
    ):
        raise ConversionError(
            ["a node does not hold its weights: hand over the model that does, as from_onnx(model, node)"]
        )
    if node is not None:
        raise ConversionError([f"node chooses an LSTM of a model, and {described(source)} is not a model"])
    if not isinstance(source, (list, tuple)):
        raise ConversionError(
            [f"{described(source)} is neither an ONNX model nor a node's (W, R, B), nor a list of such"]
        )
    if not source:
        raise ConversionError(["there is no layer"])
    nodes = [source] if axes_of(source[0]) == 3 else list(source)
    problems: list[str] = []
    found = []
    for number, node in enumerate(nodes):
        where = f"layer {number}"
        if not isinstance(node, (list, tuple)) or len(node) not in (2, 3):
            more = (
                "; a fourth array is P, and peepholes are not converted"
                if isinstance(node, (list, tuple)) and len(node) == 4
                else ""
            )
            problems.append(f"{where}: a node is (W, R) or (W, R, B), not {described(node)}{more}")
            continue
        W, R, B = (*node, None)[:3]
        if W is None or R is None:
            problems.append(f"{where}: W and R are required, and {'W' if W is None else 'R'} is None")
            continue
        arrays = {
            name: as_array(where, name, value, problems)
            for name, value in (("W", W), ("R", R), ("B", B))
            if value is not None
        }
        found.append(OnnxLSTM(**arrays))
    if problems:
        raise ConversionError(problems)
    conditions.append(UNSEEN)
    return found


def _node(directions: Sequence[LSTMWeights]) -> OnnxLSTM:
    biases = [
        (w.bias, np.zeros_like(w.bias) if w.recurrent_bias is None else w.recurrent_bias) for w in directions
    ]
    return OnnxLSTM(
        np.stack([_gates(w.kernel, TO_ONNX).T for w in directions]),
        np.stack([_gates(w.recurrent_kernel, TO_ONNX).T for w in directions]),
        np.stack([np.concatenate([_gates(bias, TO_ONNX) for bias in both]) for both in biases]),
    )


def _direction(node: OnnxLSTM, direction: int) -> LSTMWeights:
    kernel, recurrent_kernel = (
        _gates(array[direction].T, FROM_ONNX) for array in node[:2] if array is not None
    )
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
        return [f"layer {number}: R {found['R']} is that of a GRU, not of an LSTM, which has four gates"]
    expected = {
        "W": (directions, 4 * hidden, found["W"][2]),
        "R": (directions, 4 * hidden, hidden),
        "B": (directions, 8 * hidden),
    }
    return [
        f"layer {number}: {name} {shape} should be {name} {expected[name]}"
        for name, shape in found.items()
        if shape != expected[name]
    ]


# --- models ---


def _loaded(path: str) -> Any:
    try:
        onnx = import_module("onnx")
    except ImportError as error:
        raise ConversionError(
            ["reading an ONNX file needs the package onnx: python -m pip install onnx"]
        ) from error
    try:
        return onnx.load(path)
    except FileNotFoundError as error:
        raise ConversionError([f"there is no file {path}"]) from error
    except Exception as error:
        raise ConversionError([f"{path} is not an ONNX model: {error}"]) from error


def _of_model(source: Any, chosen: Any, conditions: list[str]) -> list[OnnxLSTM]:
    """The LSTM nodes of a model, or of its graph, in order. Each reads the output of
    the one before.
    """
    graph = getattr(source, "graph", source)
    if not hasattr(graph, "initializer"):
        raise ConversionError([f"{described(source)} is not an ONNX model"])
    nodes = [node for node in graph.node if node.op_type == "LSTM"]
    if not nodes:
        others = sorted(
            {node.op_type for node in graph.node if node.op_type in ("GRU", "RNN") or "LSTM" in node.op_type}
        )
        kinds = [f"a {kind} is not an LSTM of the standard" for kind in others] or [
            "the model has no LSTM node"
        ]
        raise ConversionError(kinds)
    if chosen is not None:
        nodes = [_the_one(nodes, chosen)]
    constants = _constants(graph)
    problems: list[str] = []
    for number, node in enumerate(nodes):
        problems += _unlike(number, node, constants)
    if len(nodes) > 1 and (apart := list(_between(graph, nodes, constants, _opset(source)))):
        problems += [*apart, f"choose one LSTM with node=: {', '.join(map(_called, nodes))}"]
    if problems:
        raise ConversionError(problems)
    for node in nodes:
        given = dict(zip(INPUTS, node.input, strict=False))
        if given.get("sequence_lens"):
            conditions.append(
                "the node takes sequence_lens: elsewhere sequences need their lengths too, and outputs after"
                " them are zeros here"
            )
        if given.get("initial_h") or given.get("initial_c"):
            conditions.append("the node starts from states that it is given: hand the same ones over")
    return [OnnxLSTM(*(_named(node, name, constants) for name in ("W", "R", "B"))) for node in nodes]


def _opset(source: Any) -> int:
    """The opset of a model. A graph does not say it."""
    return next(
        (each.version for each in getattr(source, "opset_import", ()) if each.domain in ("", "ai.onnx")), 14
    )


def _called(node: Any) -> str:
    return repr(node.name or node.output[0])


def _the_one(nodes: Sequence[Any], chosen: Any) -> Any:
    """The LSTM node that is meant, by its name, an output or itself."""
    if hasattr(chosen, "op_type"):
        found = [node for node in nodes if node == chosen]
    else:
        found = [
            node
            for node in nodes
            if isinstance(chosen, str) and chosen and (node.name == chosen or chosen in node.output)
        ]
    if len(found) != 1:
        what = described(chosen) if not hasattr(chosen, "op_type") else f"a node {_called(chosen)}"
        raise ConversionError(
            [f"{what} is not exactly one of the LSTM nodes, which are {', '.join(map(_called, nodes))}"]
        )
    return found[0]


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
    """Why the node is not the LSTM that all frameworks have, or why its weights cannot
    be found.
    """
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
            yield (
                f"{where} has activations {', '.join(found)}, expected {', '.join(DEFAULT_ACTIVATIONS)} in"
                " each direction"
            )
    if len(node.input) > 7 and node.input[7]:
        yield f"{where} has peepholes (P), which no other framework has"
    for name in ("W", "R", "B"):
        position = INPUTS.index(name)
        given = node.input[position] if position < len(node.input) else ""
        if given and given not in constants:
            yield f"{where}: {name} is computed in the model, and is not a constant of it"
        elif given and constants[given].dtype.name not in FLOATS:
            yield (
                f"{where}: {name} is {constants[given].dtype}: quantized weights have to be scaled back to"
                " numbers first"
            )
        elif not given and name != "B":
            yield f"{where} has no {name}"
    R = constants.get(node.input[2]) if len(node.input) > 2 else None
    if R is not None and R.ndim == 3:
        yield from _contradictions(where, attributes, direction, R)


def _contradictions(where: str, attributes: Mapping[str, Any], direction: str, R: Array) -> Iterator[str]:
    """Where the attributes contradict the arrays."""
    directions = 2 if direction == "bidirectional" else 1
    if len(R) != directions:
        yield f"{where} has direction {direction}, and arrays of {len(R)} directions"
    if "hidden_size" in attributes and attributes["hidden_size"].i != R.shape[2]:
        yield f"{where} has hidden_size {attributes['hidden_size'].i}, and R {R.shape} has {R.shape[2]}"
    if "layout" in attributes and attributes["layout"].i not in (0, 1):
        yield f"{where} has layout {attributes['layout'].i}, expected 0 or 1"


def _between(graph: Any, nodes: Sequence[Any], constants: Mapping[str, Array], opset: int) -> Iterator[str]:
    """Why a node does not read the unchanged output of the node before it."""
    makers = {output: node for node in graph.node for output in node.output}
    for number, (before, node) in enumerate(pairwise(nodes), start=1):
        name = node.input[0]
        seen: list[Any] = []
        while name in makers and makers[name] is not before and len(seen) < len(graph.node):
            seen.append(makers[name])
            name = makers[name].input[0] if makers[name].input else ""
        if name not in makers or makers[name] is not before or name != before.output[0]:
            yield f"layer {number} does not read the output Y of layer {number - 1}"
        elif changing := [each.op_type for each in seen if each.op_type not in RESHAPING]:
            yield (
                f"between layer {number - 1} and layer {number} stands {', '.join(changing)}, which changes"
                " numbers"
            )
        elif not _side_by_side(before, seen[::-1], node, constants, opset):
            kinds = ", ".join(each.op_type for each in seen[::-1]) or "nothing"
            yield (
                f"between layer {number - 1} and layer {number} stands {kinds}, which does not lay the"
                " directions of Y side by side"
            )


def _side_by_side(
    before: Any, between: Sequence[Any], after: Any, constants: Mapping[str, Array], opset: int
) -> bool:
    """Whether the nodes between two LSTM nodes put each number of Y in its right place
    in X. They are run on numbers that are all different.
    """
    R = constants.get(before.input[2])
    if R is None or R.ndim != 3:
        return True  # said elsewhere
    timesteps, batch, (directions, _, hidden) = 3, 2, R.shape
    layouts = [
        next((attribute.i for attribute in node.attribute if attribute.name == "layout"), 0)
        for node in (before, after)
    ]
    wanted = np.arange(float(timesteps * batch * directions * hidden), dtype=np.float32).reshape(
        timesteps, batch, directions, hidden
    )
    Y = wanted.transpose(1, 0, 2, 3) if layouts[0] else wanted.transpose(0, 2, 1, 3)
    X = wanted.reshape(timesteps, batch, -1)
    X = X.transpose(1, 0, 2) if layouts[1] else X
    if not between:
        return False  # Y has four axes and X three
    helper, reference = import_module("onnx.helper"), import_module("onnx.reference")
    fixed = {name: constants[name] for each in between for name in each.input if name in constants}
    to_proto = import_module("onnx.numpy_helper").from_array
    ends = [[helper.make_empty_tensor_value_info(name)] for name in (before.output[0], after.input[0])]
    held = [to_proto(np.ascontiguousarray(values), name) for name, values in fixed.items()]
    model = helper.make_model(
        helper.make_graph(list(between), "between", *ends, held),
        opset_imports=[helper.make_opsetid("", opset)],
    )
    try:
        (found,) = reference.ReferenceEvaluator(model).run(None, {before.output[0]: np.ascontiguousarray(Y)})
    except Exception:  # whatever the evaluator raises: the nodes were not shown to be harmless
        return False
    return bool(np.array_equal(found, X))
