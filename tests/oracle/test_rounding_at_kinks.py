"""Where a number is so near a threshold that rounding may carry it across, both
derivatives are within the bounds; a third one is not.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from lstm_ref.corpus import CaseStep, Input, load
from lstm_ref.dialects import dialect
from lstm_ref.dialects.keras import ACTIVATIONS
from lstm_ref.oracle import rounding
from lstm_ref.oracle.expectation import expect, with_cotangents
from lstm_ref.oracle.materialize import Material, materialize
from lstm_ref.oracle.rounding import FACTOR, PRECISIONS, RUNS, Noise, Rounded
from lstm_ref.oracle.tangents import STEP
from lstm_ref.oracle.twin import run_twin
from lstm_ref.protocol.trace import Call, Tensor, Trace
from lstm_ref.reference import activations
from lstm_ref.reference.activations import Activation, Array
from lstm_ref.verdict.judge import Verdict, judge

KERAS = dialect("keras")
(ORDINARY,) = (case for case in load().cases if case.id == "keras/structure/product")

DEVIATION = 1e-3
COLUMNS = 2 * RUNS
DECISIONS: dict[str, Callable[[Array], Array]] = {
    "greater": lambda x: x > 1,
    "greater_equal": lambda x: x >= 1,
    "less": lambda x: x < 1,
    "less_equal": lambda x: x <= 1,
    "threshold first": lambda x: np.greater(1, x),
    "threshold in runs": lambda x: x > 0 * x + 1,
    "sign": lambda x: np.sign(x - 1),
}

ROUNDING = ("threshold in runs", "sign")  # those that compute before they compare


def spread(deviations: float, complex_numbers: bool = False) -> Rounded:
    """Numbers so many deviations above 1, around which their runs lie evenly."""
    exact = np.ones((3, COLUMNS)) + (1j * STEP if complex_numbers else 0)
    numbers = cast(Rounded, Rounded.of(exact, Noise(PRECISIONS["float32"], 1)) * 1.0)
    evenly = np.linspace(-1, 1, RUNS)
    numbers.view(np.ndarray)[...] = exact + DEVIATION * (deviations + evenly / np.std(evenly))[:, None, None]
    return numbers


def runs_of_their_own(decisions: Array) -> Array:
    """In which runs each number was decided unlike in most: (RUNS, 3, COLUMNS)."""
    plain = np.asarray(decisions)
    assert plain.shape == (RUNS, 3, COLUMNS)
    differ: Array = plain != np.sort(plain, axis=0)[RUNS // 2]
    return differ


@pytest.mark.parametrize("decide", DECISIONS.values(), ids=DECISIONS)
@pytest.mark.parametrize("deviations", [-7.9, -2.0, 2.0, 7.9])
def test_within_eight_deviations_of_a_threshold_one_run_in_turn_decides_the_other_way(
    decide: Callable[[Array], Array], deviations: float
) -> None:
    differ = runs_of_their_own(decide(spread(deviations)))
    assert np.array_equal(np.sum(differ, axis=0), np.ones((3, COLUMNS)))
    assert np.array_equal(np.sum(differ, axis=(1, 2)), np.full(RUNS, 3 * COLUMNS / RUNS))


def test_a_decision_about_numbers_with_tangents_goes_by_the_numbers() -> None:
    assert np.array_equal(
        np.sum(runs_of_their_own(spread(4, complex_numbers=True) > 1), axis=0), np.ones((3, COLUMNS))
    )
    below = np.asarray(np.maximum(spread(-4, complex_numbers=True), 1))
    assert np.array_equal(below.imag, np.where(below.real > 1, STEP, 0))
    assert np.array_equal(np.sum(below.real > 1, axis=0), np.ones((3, COLUMNS)))


@pytest.mark.parametrize("decide", DECISIONS.values(), ids=DECISIONS)
@pytest.mark.parametrize("deviations", [-8.1, 8.1, 100.0])
def test_farther_away_all_runs_decide_alike(decide: Callable[[Array], Array], deviations: float) -> None:
    assert not np.any(runs_of_their_own(decide(spread(deviations))))


@pytest.mark.parametrize("decide", DECISIONS.values(), ids=DECISIONS)
@pytest.mark.parametrize("deviations", [-1.0, 0.3, 1.5])
def test_where_the_runs_differ_of_themselves_they_are_left_alone(
    decide: Callable[[Array], Array], deviations: float
) -> None:
    numbers = spread(deviations)
    plain = np.array(numbers)
    assert np.array_equal(np.asarray(decide(numbers)), decide(plain))


@pytest.mark.parametrize("decide", [decide for name, decide in DECISIONS.items() if name not in ROUNDING])
@pytest.mark.parametrize("value", [1.0, np.nextafter(1, 2), np.nextafter(1, 0)])
def test_numbers_without_an_error_are_on_one_side(decide: Callable[[Array], Array], value: float) -> None:
    numbers = spread(0)
    numbers.view(np.ndarray)[...] = value
    assert not np.any(runs_of_their_own(decide(numbers)))


def test_the_larger_and_the_smaller_number_go_with_the_decision() -> None:
    for deviations in (-4, 4):
        numbers = spread(deviations)
        compared = np.asarray(numbers > 1)
        assert np.array_equal(np.asarray(np.maximum(numbers, 1)) > 1, compared)
        assert np.array_equal(np.asarray(np.minimum(numbers, 1)) >= 1, compared)
    assert np.array_equal(np.asarray(np.max(numbers, axis=-1)), np.max(np.asarray(numbers), axis=-1))


def test_what_is_laid_out_in_another_order_is_decided_alike() -> None:
    numbers = spread(4)
    turned = numbers.swapaxes(-1, -2).copy(order="C").swapaxes(-1, -2)
    assert not turned.flags.c_contiguous
    assert np.array_equal(np.asarray(turned > 1), np.asarray(numbers > 1))


def test_one_run_is_enough_for_a_bound_of_twice_what_the_decision_changes() -> None:
    exact, perturbed = np.zeros((1, 1)), np.zeros((RUNS, 1, 1))
    perturbed[5] = 0.25
    assert FACTOR / np.sqrt(RUNS) == 2
    assert rounding.bound(exact, perturbed, PRECISIONS["float32"]) == pytest.approx(0.5)


BATCH, UNITS, ROW, UNIT = 4, 3, 2, 1
COLUMN = {
    "recurrent_activation": 3 * UNITS + UNIT,
    "activation": 2 * UNITS + UNIT,
}  # of the output gate and the cell input among Keras' i, f, c, o
# Where each activation has another derivative, or value, on either side.
KINKS = {
    "relu": (0,),
    "relu6": (0, 6),
    "leaky_relu": (0,),
    "selu": (0,),
    "hard_sigmoid": (-3, 3),
    "hard_silu": (-3, 3),
    "hard_tanh": (-1, 1),
    "hard_shrink": (-0.5, 0.5),
    "soft_shrink": (-0.5, 0.5),
    "sparse_sigmoid": (-1, 1),
}
ROLES = [
    *(
        ("recurrent_activation", name, threshold)
        for name, thresholds in KINKS.items()
        for threshold in thresholds
    ),
    # The cell state is then at the same kink: c = i g.
    *(("activation", name, 0) for name in ("relu", "relu6", "leaky_relu", "selu")),
]


def near(role: str, activation: str, threshold: float, deviations: float, dtype: str) -> Material:
    """A layer of one step, in which one pre-activation is so many deviations of its
    rounding errors above the threshold.
    """
    case = replace(
        ORDINARY, params={"units": UNITS, role: activation}, steps=(CaseStep("call", {}, Input(BATCH, 1, 5)),)
    )
    material = with_cotangents(KERAS, materialize(case, 0))
    request = material.request
    tensors = (request.steps[0].arguments["sequences"], request.weights["kernel"], request.weights["bias"])
    inputs, kernel, bias = (np.array(tensor.values) for tensor in tensors)
    column = COLUMN[role]
    bias[column] = threshold - (inputs[ROW, 0] @ kernel)[column]
    rounded = Rounded.of(inputs, Noise(PRECISIONS[dtype], 1)) @ kernel + bias
    bias[column] += deviations * np.std(np.asarray(rounded)[:, ROW, 0, column])
    return replace(
        material, request=replace(request, weights={**request.weights, "bias": Tensor("float64", bias)})
    )


def verdict(wanted: Material, found: Material, dtype: str) -> Verdict:
    """The exact results of the one, as if an implementation had computed them, judged
    as those of the other.
    """
    expectation = expect("a kink", KERAS, wanted, (dtype,))
    return judge(expectation, dtype, exact(found, dtype))


def exact(material: Material, dtype: str) -> Trace:
    """What an implementation would show that rounds nothing but its results."""
    (call,) = run_twin(KERAS, material.request)
    outputs = tuple(Tensor(dtype, values.astype(dtype)) for values in call.outputs.values())
    gradients = {name: Tensor(dtype, values.astype(dtype)) for name, values in call.gradients.items()}
    return Trace((Call(call.structure, outputs, gradients),), None, 0.0)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(("role", "activation", "threshold"), ROLES)
def test_nobody_is_blamed_for_the_other_side_of_a_kink_that_no_run_reached(
    role: str, activation: str, threshold: float, side: int, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, found = (near(role, activation, threshold, side * deviations, dtype) for deviations in (4, -2))
    assert verdict(wanted, found, dtype).findings == ()
    monkeypatch.setattr(rounding, "DECISIONS", set())
    assert verdict(wanted, found, dtype).wrong


def scaled(activation: Activation, factor: float) -> Activation:
    """The same function with so many times its derivative."""

    def changed(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        s, pull = activation(z)
        return s, lambda ds: factor * pull(ds)

    return changed


def steep_leaky_relu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    slope = np.where(z > 0, 1.0, 0.25)
    return z * slope, lambda ds: ds * slope


def open_hard_tanh(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    return np.clip(z, -1, 1), lambda ds: ds


def narrow_soft_shrink(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    return np.sign(z) * np.maximum(np.abs(z) - 0.4, 0), lambda ds: ds * (np.abs(z) > 0.4)


FAULTS: dict[str, tuple[str, float, Activation]] = {
    "half the derivative": ("relu", 0, scaled(activations.relu, 0.5)),
    "another slope below zero": ("leaky_relu", 0, steep_leaky_relu),
    "a fifth in the place of a sixth": ("hard_sigmoid", 3, scaled(activations.hard_sigmoid, 6 / 5)),
    "a derivative where it is flat": ("hard_tanh", 1, open_hard_tanh),
    "another threshold": ("soft_shrink", 0.5, narrow_soft_shrink),
}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("deviations", [-4, 4])
@pytest.mark.parametrize(("activation", "threshold", "wrong"), FAULTS.values(), ids=FAULTS)
def test_beside_a_kink_a_wrong_derivative_is_still_noticed(
    activation: str,
    threshold: float,
    wrong: Activation,
    deviations: int,
    dtype: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    material = near("recurrent_activation", activation, threshold, deviations, dtype)
    expectation = expect("a kink", KERAS, material, (dtype,))
    assert judge(expectation, dtype, exact(material, dtype)).findings == ()
    monkeypatch.setitem(cast(dict[str, Activation], ACTIVATIONS), activation, wrong)
    assert judge(expectation, dtype, exact(material, dtype)).wrong
