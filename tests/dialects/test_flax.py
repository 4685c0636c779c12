"""The Flax dialect by itself: the equations of the documentation, the order in which a
sequence is read and returned, lengths, and gradients.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.dialects import flax

Array = npt.NDArray[Any]

RNG = np.random.default_rng(3)
N, T, F, H = 3, 5, 4, 2
X = RNG.normal(size=(N, T, F))
LENGTHS = np.array([2, 5, 0], np.int32)
WEIGHTS = {
    "W_i": RNG.normal(size=(F, 4 * H)),
    "W_h": RNG.normal(size=(H, 4 * H)),
    "b_h": RNG.normal(size=4 * H),
}
C_0, H_0 = RNG.normal(size=(2, N, H))


def layer(**params: Any) -> flax.RNN:
    made = flax.RNN(flax.LSTMCell(F, H, dtype="float64"), dtype="float64", **params)
    made.load(WEIGHTS)
    return made


def by_hand(x: Array, c: Array, h: Array) -> tuple[list[Array], Array, Array]:
    """The outputs, c and h of one row (steps, F), number by number."""
    W, U, b = WEIGHTS["W_i"], WEIGHTS["W_h"], WEIGHTS["b_h"]
    outputs = []
    for x_t in x:
        z = [
            sum(x_t[k] * W[k, j] for k in range(F)) + sum(h[k] * U[k, j] for k in range(H)) + b[j]
            for j in range(4 * H)
        ]
        i, f, o = ([1 / (1 + math.exp(-z[g * H + k])) for k in range(H)] for g in (0, 1, 3))
        g = [math.tanh(z[2 * H + k]) for k in range(H)]
        c = np.array([f[k] * c[k] + i[k] * g[k] for k in range(H)])
        h = np.array([o[k] * math.tanh(c[k]) for k in range(H)])
        outputs.append(h)
    return outputs, c, h


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("keep_order", [False, True])
def test_a_layer_reads_the_valid_elements_in_the_documented_order(
    lengths: Array | None, reverse: bool, keep_order: bool
) -> None:
    (c, h), y = layer(return_carry=True, reverse=reverse, keep_order=keep_order)(
        X, initial_carry=(C_0, H_0), seq_lengths=lengths
    )
    for n in range(N):
        length = T if lengths is None else int(lengths[n])
        order = list(range(length))[::-1] if reverse else list(range(length))
        found, c_n, h_n = by_hand(X[n, order], C_0[n], H_0[n])
        expected = np.zeros((T, H))
        for step, (t, output) in enumerate(zip(order, found, strict=True)):
            expected[t if keep_order and reverse else step] = output
        np.testing.assert_allclose(y[n], expected, rtol=0, atol=1e-13)
        np.testing.assert_allclose([c[n], h[n]], [c_n, h_n], rtol=0, atol=1e-13)


def test_time_major_is_the_same_with_its_axes_exchanged() -> None:
    np.testing.assert_array_equal(layer(time_major=True)(X.swapaxes(0, 1)).swapaxes(0, 1), layer()(X))


def test_two_batch_dimensions_are_as_many_rows() -> None:
    x = RNG.normal(size=(2, N, T, F))
    (c, _), y = layer(return_carry=True)(x, seq_lengths=np.stack([LENGTHS, LENGTHS]))
    (c_1, _), y_1 = layer(return_carry=True)(x[1], seq_lengths=LENGTHS)
    np.testing.assert_array_equal(y[1], y_1)
    np.testing.assert_array_equal(c[1], c_1)


def test_gradients_are_difference_quotients() -> None:
    made = layer(return_carry=True, reverse=True)
    arguments = {"initial_carry": (C_0, H_0), "seq_lengths": LENGTHS}
    (pair, y), pull = made.vjp(X, **arguments)
    seeds = [RNG.normal(size=array.shape) for array in (*pair, y)]
    gradients = pull(seeds)
    direction = RNG.normal(size=X.shape)

    def loss(x: Array) -> float:
        (pair, y) = made(x, **arguments)
        return sum(float(np.sum(a * b)) for a, b in zip((*pair, y), seeds, strict=True))

    quotient = (loss(X + 1e-6 * direction) - loss(X - 1e-6 * direction)) / 2e-6
    assert quotient == pytest.approx(np.sum(gradients["inputs"] * direction), rel=1e-7)
