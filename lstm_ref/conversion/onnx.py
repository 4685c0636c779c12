"""Weights of ONNX nodes. Source: the ONNX operator LSTM, version 22, inputs W, R and B. (Versions 7 and 14 lay them out alike.)"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import Stack, check, place
from lstm_ref.reference.activations import Array
from lstm_ref.reference.stack import LayerWeights
from lstm_ref.reference.weights import LSTMWeights

# Where ONNX's gates i, o, f, c stand among i, f, g, o, and where those stand among ONNX's.
TO_ONNX = [0, 3, 1, 2]
FROM_ONNX = [0, 2, 3, 1]


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


def from_onnx(nodes: Sequence[OnnxLSTM]) -> Stack:
    """The weights of LSTM nodes, one on the other. Raises ConversionError where shapes do not fit."""
    problems = [problem for number, node in enumerate(nodes) for problem in _misshapen(number, OnnxLSTM(*node))]
    if problems:
        raise ConversionError(problems)
    weights = tuple(tuple(_direction(OnnxLSTM(*node), direction) for direction in range(len(node[0]))) for node in nodes)
    check(weights, lambda name, shape: f"{ {'kernel': 'W', 'recurrent_kernel': 'R'}.get(name, 'B') } {shape[::-1]}")
    return weights


def to_onnx(weights: Sequence[LayerWeights]) -> list[OnnxLSTM]:
    """The weights of one LSTM node a layer, always with B. A single bias becomes its first half, and the second zero.

    Raises ConversionError for a projection, and where the two directions of a layer have different numbers of units.
    """
    check(weights)
    problems = []
    for number, directions in enumerate(weights):
        for direction, w in enumerate(directions):
            if w.projection is not None:
                problems.append(f"{place(number, direction, len(directions))} has a projection (proj_size), and the ONNX operator LSTM has none")
        units = [len(w.recurrent_kernel) for w in directions]
        if len(set(units)) > 1:
            problems.append(f"layer {number} has {units[0]} units forward and {units[1]} backward, and the ONNX operator LSTM has one hidden_size")
    if problems:
        raise ConversionError(problems)
    return [_node(directions) for directions in weights]


def _node(directions: LayerWeights) -> OnnxLSTM:
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
    expected = {"W": (directions, 4 * hidden, found["W"][2]), "R": (directions, 4 * hidden, hidden), "B": (directions, 8 * hidden)}
    return [f"layer {number}: {name} {shape} should be {name} {expected[name]}" for name, shape in found.items() if shape != expected[name]]
