"""Layers that hold converted weights compute the same: Keras, PyTorch, the ONNX
operator and the reference.
"""

from typing import Any

import numpy as np
import pytest

from lstm_ref.conversion import OnnxLSTM, from_onnx, to_onnx
from lstm_ref.conversion.stack import Stack
from lstm_ref.oracle.rounding import Noise, Rounded, bound, precision
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack
from lstm_ref.reference.weights import LSTMWeights

Array = np.ndarray[Any, Any]
BATCH, TIMESTEPS, FEATURES, UNITS = 2, 6, 5, 3
LAYERS = {
    "plain": [(UNITS, 1)],
    "bidirectional": [(UNITS, 2)],
    "stacked": [(UNITS, 1)] * 3,
    "stacked and bidirectional": [(UNITS, 2)] * 2,
}


def keras_arrays(layers: list[tuple[int, int]], dtype: str) -> list[list[Array]]:
    rng, features, found = np.random.default_rng(3), FEATURES, []
    for units, directions in layers:
        shapes = [(features, 4 * units), (units, 4 * units), (4 * units,)] * directions
        found.append([rng.normal(scale=0.6, size=shape).astype(dtype) for shape in shapes])
        features = units * directions
    return found


def expected(weights: Stack, x: Array, dtype: str) -> tuple[Array, Array]:
    """The reference's output in float64, and how far correct arithmetic in this dtype
    may be from it.
    """
    arithmetic = precision(dtype, dtype)
    weights = tuple(
        tuple(
            LSTMWeights(*(array.astype(np.float64) for array in vars(w).values() if array is not None))
            for w in layer
        )
        for layer in weights
    )

    def output(values: Array) -> Array:
        zero = np.zeros((BATCH, UNITS))
        (y, _), _ = run_stack(values, [[State(zero, zero)] * len(layer) for layer in weights], weights)
        return y

    exact = output(x.astype(np.float64))
    return exact, bound(exact, output(Rounded.of(x, Noise(arithmetic, key=1))).view(np.ndarray), arithmetic)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", LAYERS)
def test_a_torch_module_computes_what_the_keras_layer_does(
    keras_side: Any, torch_side: Any, kind: str, dtype: str
) -> None:
    plan = {"features": FEATURES, "layers": LAYERS[kind], "use_bias": True, "dtype": dtype}
    arrays = keras_arrays(LAYERS[kind], dtype)
    x = np.random.default_rng(4).normal(size=(BATCH, TIMESTEPS, FEATURES)).astype(dtype)
    weights = keras_side("taken", plan, arrays)
    y, limit = expected(weights, x, dtype)
    assert np.max(limit) < (1e-13 if dtype == "float64" else 1e-4)
    assert np.all(np.abs(keras_side("computed", plan, arrays, x) - y) <= limit)
    assert np.all(np.abs(torch_side("computed", plan, weights, x) - y) <= limit)


def onnx_lstm(X: Array, node: OnnxLSTM) -> Array:
    """The operator's equations as its documentation has them, direction "forward" or
    "bidirectional", without peepholes.

    X (seq_length, batch_size, input_size); returns Y (seq_length, num_directions,
    batch_size, hidden_size).
    """
    assert node.B is not None
    Y = np.empty((len(X), len(node.W), X.shape[1], node.R.shape[2]))
    for direction, (W, R, B) in enumerate(zip(*node, strict=True)):
        (Wi, Wo, Wf, Wc), (Ri, Ro, Rf, Rc) = np.split(W, 4), np.split(R, 4)
        Wbi, Wbo, Wbf, Wbc, Rbi, Rbo, Rbf, Rbc = np.split(B, 8)
        H = C = np.zeros(Y.shape[2:])
        for t in range(len(X))[:: -1 if direction else 1]:
            it = 1 / (1 + np.exp(-(X[t] @ Wi.T + H @ Ri.T + Wbi + Rbi)))
            ft = 1 / (1 + np.exp(-(X[t] @ Wf.T + H @ Rf.T + Wbf + Rbf)))
            ct = np.tanh(X[t] @ Wc.T + H @ Rc.T + Wbc + Rbc)
            C = ft * C + it * ct
            ot = 1 / (1 + np.exp(-(X[t] @ Wo.T + H @ Ro.T + Wbo + Rbo)))
            H = ot * np.tanh(C)
            Y[t, direction] = H
    return Y


@pytest.mark.parametrize("kind", LAYERS)
def test_onnx_nodes_compute_what_the_reference_does(kind: str) -> None:
    rng, nodes, features = np.random.default_rng(5), [], FEATURES
    for units, directions in LAYERS[kind]:
        shapes = [(directions, 4 * units, features), (directions, 4 * units, units), (directions, 8 * units)]
        nodes.append(OnnxLSTM(*(rng.normal(scale=0.6, size=shape) for shape in shapes)))
        features = units * directions
    x = rng.normal(size=(BATCH, TIMESTEPS, FEATURES))
    y, limit = expected(from_onnx(nodes), x, "float64")
    X = x.swapaxes(0, 1)
    for node in nodes:
        Y = onnx_lstm(X, node)
        X = Y.transpose(0, 2, 1, 3).reshape(len(Y), BATCH, -1)
    assert np.all(np.abs(X.swapaxes(0, 1) - y) <= limit)


def test_the_gates_of_onnx_are_input_output_forget_cell() -> None:
    # Two units whose numbers say where they stand here: gates i, f, g, o are 1 to 4,
    # the unit is the decimal.
    gates = np.array([1.1, 1.2, 2.1, 2.2, 3.1, 3.2, 4.1, 4.2])
    weights = ((LSTMWeights(gates[None], np.stack([10 * gates, 20 * gates]), 100 * gates, 200 * gates),),)
    ((W, R, B),) = to_onnx(weights)
    order = [1.1, 1.2, 4.1, 4.2, 2.1, 2.2, 3.1, 3.2]
    assert B is not None
    assert W.tolist() == [[[each] for each in order]]
    assert R.tolist() == [[[10 * each, 20 * each] for each in order]]
    assert B.tolist() == [[*(100 * each for each in order), *(200 * each for each in order)]]
