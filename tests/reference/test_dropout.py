"""Dropout masks in the reference, against runs without them: a mask is an ordinary
factor, so that it can be put into inputs and weights by hand.
"""

import numpy as np
import pytest

from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.stack import run_stack
from lstm_ref.reference.weights import LSTMWeights

BATCH, TIMESTEPS, FEATURES, UNITS = 2, 3, 4, 3


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def masks(gates: int, timesteps: int, n: int, rate: float, seed: int) -> Array:
    return (np.random.default_rng(seed).random((gates, BATCH, timesteps, n)) >= rate) / (1 - rate)


def layer(features: int = FEATURES, seed: int = 1) -> LSTMWeights:
    return LSTMWeights(
        drawn(features, 4 * UNITS, seed=seed),
        drawn(UNITS, 4 * UNITS, seed=seed + 10),
        drawn(4 * UNITS, seed=seed + 20),
    )


ZERO = State(np.zeros((BATCH, UNITS)), np.zeros((BATCH, UNITS)))


@pytest.mark.parametrize("timesteps", [1, TIMESTEPS])
def test_one_mask_for_all_gates_is_a_factor_of_the_input(timesteps: int) -> None:
    x, mask = drawn(BATCH, TIMESTEPS, FEATURES), masks(1, timesteps, FEATURES, 0.5, seed=3)
    (h, _), _ = run(x, ZERO, layer(), dropout=mask)
    (by_hand, _), _ = run(x * mask[0], ZERO, layer())
    assert np.array_equal(h, by_hand)
    assert not np.allclose(h, run(x, ZERO, layer())[0][0])


def test_a_mask_of_its_own_for_each_gate_is_a_factor_of_that_gates_input() -> None:
    # A layer with four times the features, in which gate k sees only the k-th copy,
    # multiplied by its mask.
    weights, x, mask = layer(), drawn(BATCH, TIMESTEPS, FEATURES), masks(4, 1, FEATURES, 0.5, seed=4)
    blocks = np.zeros((4, FEATURES, 4, UNITS))
    for gate in range(4):
        blocks[gate, :, gate] = weights.kernel.reshape(FEATURES, 4, UNITS)[:, gate]
    wide = LSTMWeights(blocks.reshape(4 * FEATURES, 4 * UNITS), weights.recurrent_kernel, weights.bias)
    copies = np.concatenate([x * mask[gate] for gate in range(4)], axis=-1)
    (h, last), _ = run(x, ZERO, weights, dropout=mask)
    (by_hand, last_by_hand), _ = run(copies, ZERO, wide)
    np.testing.assert_allclose(h, by_hand, rtol=1e-13)
    np.testing.assert_allclose(last.c, last_by_hand.c, rtol=1e-13)


def test_a_recurrent_mask_that_drops_everything_leaves_no_recurrence() -> None:
    x = drawn(BATCH, TIMESTEPS, FEATURES)
    without = LSTMWeights(layer().kernel, np.zeros((UNITS, 4 * UNITS)), layer().bias)
    (h, _), _ = run(x, ZERO, layer(), recurrent_dropout=np.zeros((4, BATCH, 1, UNITS)))
    assert np.array_equal(h, run(x, ZERO, without)[0][0])


@pytest.mark.parametrize("gates", [1, 4])
@pytest.mark.parametrize("timesteps", [1, TIMESTEPS])
def test_gradients_are_difference_quotients(gates: int, timesteps: int) -> None:
    x, weights, initial = (
        drawn(BATCH, TIMESTEPS, FEATURES),
        layer(),
        State(drawn(BATCH, UNITS, seed=7), drawn(BATCH, UNITS, seed=8)),
    )
    of_x, of_h = masks(gates, timesteps, FEATURES, 0.25, seed=5), masks(gates, timesteps, UNITS, 0.5, seed=6)
    dh, d_last = (
        drawn(BATCH, TIMESTEPS, UNITS, seed=9),
        State(drawn(BATCH, UNITS, seed=11), drawn(BATCH, UNITS, seed=12)),
    )

    def loss(x: Array, h_0: Array, kernel: Array, recurrent_kernel: Array) -> float:
        moved = LSTMWeights(kernel, recurrent_kernel, weights.bias)
        (h, last), _ = run(x, State(h_0, initial.c), moved, dropout=of_x, recurrent_dropout=of_h)
        return float(np.sum(h * dh) + np.sum(last.h * d_last.h) + np.sum(last.c * d_last.c))

    _, pullback = run(x, initial, weights, dropout=of_x, recurrent_dropout=of_h)
    gradient = pullback(dh, d_last)
    arguments = [x, initial.h, weights.kernel, weights.recurrent_kernel]
    for position, found in enumerate(
        (gradient.x, gradient.initial.h, gradient.weights.kernel, gradient.weights.recurrent_kernel)
    ):
        direction = drawn(*arguments[position].shape, seed=13)
        step = 1e-6
        moved = [
            [a + sign * step * direction if k == position else a for k, a in enumerate(arguments)]
            for sign in (1, -1)
        ]
        quotient = (loss(*moved[0]) - loss(*moved[1])) / (2 * step)
        assert np.sum(found * direction) == pytest.approx(quotient, rel=1e-7)


def test_between_layers_a_mask_is_a_factor_of_the_lower_layers_output_and_of_its_gradient() -> None:
    x, mask = drawn(BATCH, TIMESTEPS, FEATURES), masks(1, TIMESTEPS, UNITS, 0.5, seed=3)[0]
    lower, upper = layer(), layer(UNITS, seed=2)
    (y, _), pull = run_stack(x, [[ZERO], [ZERO]], [[lower], [upper]], dropout=[mask])
    (h, _), pull_lower = run(x, ZERO, lower)
    (by_hand, _), pull_upper = run(h * mask, ZERO, upper)
    assert np.array_equal(y, by_hand)
    dy = drawn(BATCH, TIMESTEPS, UNITS, seed=4)
    of_upper = pull_upper(dy, ZERO)
    of_lower = pull_lower(of_upper.x * mask, ZERO)
    found = pull(dy, [[ZERO], [ZERO]])
    assert np.array_equal(found.x, of_lower.x)
    assert np.array_equal(found.weights[0][0].kernel, of_lower.weights.kernel)
    assert np.array_equal(found.weights[1][0].kernel, of_upper.weights.kernel)


def test_everything_may_have_leading_axes_of_its_own() -> None:
    outputs = UNITS - 1
    x, start = (
        drawn(2, BATCH, TIMESTEPS, FEATURES),
        State(drawn(2, BATCH, outputs, seed=7), drawn(2, BATCH, UNITS, seed=8)),
    )
    dropped = {
        "dropout": masks(4, 1, FEATURES, 0.5, seed=3),
        "recurrent_dropout": masks(4, 1, outputs, 0.5, seed=4),
    }
    dh, d_last = (
        drawn(2, BATCH, TIMESTEPS, outputs, seed=9),
        State(drawn(2, BATCH, outputs, seed=10), drawn(2, BATCH, UNITS, seed=11)),
    )
    shapes = {
        "kernel": (FEATURES, 4 * UNITS),
        "recurrent_kernel": (outputs, 4 * UNITS),
        "bias": (4 * UNITS,),
        "recurrent_bias": (4 * UNITS,),
        "projection": (UNITS, outputs),
        "peepholes": (3 * UNITS,),
    }
    stacked = LSTMWeights(
        **{name: drawn(2, *shape, seed=k) for k, (name, shape) in enumerate(shapes.items())}
    )
    (h, _), pull = run(x, start, stacked, **dropped)
    gradient = pull(dh, d_last)
    for k in range(2):
        (alone, _), pull_alone = run(
            x[k],
            State(*(part[k] for part in start)),
            LSTMWeights(**{name: getattr(stacked, name)[k] for name in shapes}),
            **dropped,
        )
        of_one = pull_alone(dh[k], State(*(part[k] for part in d_last)))
        # A product of stacks may add up in another order.
        np.testing.assert_allclose(h[k], alone, rtol=1e-12)
        np.testing.assert_allclose(gradient.x[k], of_one.x, rtol=1e-12)
        for name, shape in shapes.items():
            assert getattr(gradient.weights, name)[k].shape == shape
            np.testing.assert_allclose(
                getattr(gradient.weights, name)[k], getattr(of_one.weights, name), rtol=1e-12, err_msg=name
            )


def test_weights_may_have_leading_axes_of_their_own() -> None:
    x, several = drawn(BATCH, TIMESTEPS, FEATURES), [layer(seed=1), layer(seed=2)]
    names = ("kernel", "recurrent_kernel", "bias")
    stacked = LSTMWeights(
        **{name: np.stack([getattr(weights, name) for weights in several]) for name in names}
    )
    (h, last), pull = run(x, ZERO, stacked, dropout=masks(4, 1, FEATURES, 0.5, seed=3))
    dh = drawn(BATCH, TIMESTEPS, UNITS, seed=4)
    gradient = pull(dh, ZERO)
    assert (gradient.weights.projection, gradient.weights.peepholes, gradient.weights.recurrent_bias) == (
        None,
        None,
        None,
    )
    for k, weights in enumerate(several):
        (alone, last_alone), pull_alone = run(x, ZERO, weights, dropout=masks(4, 1, FEATURES, 0.5, seed=3))
        assert np.array_equal(h[k], alone)
        assert np.array_equal(last.c[k], last_alone.c)
        np.testing.assert_allclose(
            gradient.weights.kernel[k], pull_alone(dh, ZERO).weights.kernel, rtol=1e-13
        )
