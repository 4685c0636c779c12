"""Where an activation has a kink: the derivative from the left, but 0 at either end of
a flat piece.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lstm_ref.reference import activations, parametric

KINKS: dict[Callable[..., Any], tuple[float, ...]] = {
    activations.relu: (0,),
    activations.relu6: (0, 6),
    activations.leaky_relu: (0,),
    activations.selu: (0,),
    activations.hard_sigmoid: (-3, 3),
    activations.hard_sigmoid_2: (-2.5, 2.5),
    activations.hard_silu: (-3, 3),
    activations.hard_tanh: (-1, 1),
    activations.hard_shrink: (-0.5, 0.5),
    activations.soft_shrink: (-0.5, 0.5),
    activations.sparse_sigmoid: (-1, 1),
}
OVER_UNITS = {activations.softmax, activations.log_softmax, activations.sparsemax}
ELEMENTWISE = [
    value
    for value in vars(activations).values()
    if callable(value)
    and getattr(value, "__module__", "") == activations.__name__
    and value not in OVER_UNITS
]
STEP = 2.0**-20


def slopes(activation: Callable[..., Any], z: float) -> tuple[float, float]:
    """On the left and on the right, from values beside the point: an activation may
    jump there.
    """
    a, b, c, d = activation(np.array([z - 2 * STEP, z - STEP, z + STEP, z + 2 * STEP]))[0]
    return (b - a) / STEP, (d - c) / STEP


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda activation: activation.__name__)
def test_kinks_are_where_they_are_known_and_nowhere_else(activation: Callable[..., Any]) -> None:
    points = np.arange(-8, 8.25, 0.25)
    beside = {z: slopes(activation, z) for z in points.tolist()}
    bent = [z for z, (left, right) in beside.items() if abs(left - right) > 1e-3 * (1 + abs(left))]
    assert tuple(bent) == KINKS.get(activation, ())


@pytest.mark.parametrize(
    ("activation", "z"),
    [(a, z) for a, points in KINKS.items() for z in points],
    ids=lambda part: getattr(part, "__name__", part),
)
def test_at_a_kink_the_derivative_is_that_on_the_left_but_zero_beside_a_flat_piece(
    activation: Callable[..., Any], z: float
) -> None:
    left, right = slopes(activation, z)
    flat = abs(left) < 1e-9 or abs(right) < 1e-9
    (derivative,) = activation(np.array([float(z)]))[1](np.ones(1))
    if activation is activations.hard_silu and z == 3:
        # No end of a flat piece of its own, but of its factor hard_sigmoid: z' s + z s'
        # = 1 + 3 * 0.
        assert derivative == 1
    else:
        assert derivative == pytest.approx(0 if flat else left, abs=1e-5)


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=lambda activation: activation.__name__)
def test_elsewhere_both_sides_agree_with_the_derivative(activation: Callable[..., Any]) -> None:
    for z in (-1.25, -0.25, 0.0, 0.25, 1.25, 1.75):
        if z not in KINKS.get(activation, ()):
            (derivative,) = activation(np.array([z]))[1](np.ones(1))
            assert slopes(activation, z) == pytest.approx((derivative, derivative), abs=1e-5)


# At a kink as everywhere: the parameters are not numbers that a framework takes where
# nothing is said.
PARAMETRIC: dict[str, tuple[Callable[..., Any], dict[float, float]]] = {
    "leaky_relu_of": (parametric.leaky_relu_of(0.25), {0.0: 0.25}),
    "thresholded_relu": (parametric.thresholded_relu(0.5), {0.5: 0.0}),
    "hard_sigmoid_of": (parametric.hard_sigmoid_of(0.25, 0.625), {-2.5: 0.0, 1.5: 0.0}),
    "elu_of": (parametric.elu_of(0.5), {0.0: 0.5}),
    "clipped": (parametric.clipped(activations.linear, 0.75), {-0.75: 0.0, 0.75: 0.0}),
}


@pytest.mark.parametrize("name", PARAMETRIC)
def test_at_a_kink_of_an_activation_with_parameters_the_derivative_is_chosen_in_the_same_way(
    name: str,
) -> None:
    activation, kinks = PARAMETRIC[name]
    for z, derivative in kinks.items():
        left, right = slopes(activation, z)
        assert abs(left - right) > 1e-3
        assert activation(np.array([z]))[1](np.ones(1)).tolist() == [derivative]


def test_at_its_threshold_thresholded_relu_has_jumped_already() -> None:
    assert parametric.thresholded_relu(0.5)(np.array([0.5, 0.5 - STEP]))[0].tolist() == [0.5, 0]


def test_a_unit_at_the_threshold_of_sparsemax_is_outside_its_support() -> None:
    # (1, 0): the threshold is 0. Less of the second unit leaves it at 0: a flat piece
    # ends there.
    s, pullback = activations.sparsemax(np.array([1.0, 0.0]))
    assert s.tolist() == [1, 0]
    assert pullback(np.array([2.0, 5.0])).tolist() == [0, 0]
    assert pullback(np.array([0.0, 7.0])).tolist() == [0, 0]
