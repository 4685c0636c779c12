"""The constraints of Keras, worked out by hand."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.dialects.keras.constraints import Constraint, constraint

Array = npt.NDArray[Any]

# Columns of norm 5, 0.5, 1; rows of norm sqrt(10.09), sqrt(16.16)
W = np.array([[3.0, 0.3, -1.0], [4.0, 0.4, 0.0]])
FUZZ = 3e-7  # keras.config.epsilon, 1e-7, is added to norms, the smallest of which is 0.5


def made(identifier: Any) -> Constraint:
    found = constraint(identifier)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("identifier", "wanted"),
    [
        ("non_neg", [[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]]),
        ("NonNeg", [[3.0, 0.3, 0.0], [4.0, 0.4, 0.0]]),
        ("max_norm", [[1.2, 0.3, -1.0], [1.6, 0.4, 0.0]]),
        ("MaxNorm", [[1.2, 0.3, -1.0], [1.6, 0.4, 0.0]]),
        ({"class_name": "MaxNorm", "config": {"max_value": 0.25}}, [[0.15, 0.15, -0.25], [0.2, 0.2, 0.0]]),
        ({"class_name": "MaxNorm", "config": {"max_value": 1, "axis": 1}}, W / np.sqrt([[10.09], [16.16]])),
        ({"class_name": "MaxNorm", "config": {"max_value": 1, "axis": -1}}, W / np.sqrt([[10.09], [16.16]])),
        ({"class_name": "MaxNorm", "config": {"max_value": 1, "axis": [0, 1]}}, W / np.sqrt(26.25)),
        ("unit_norm", [[0.6, 0.6, -1.0], [0.8, 0.8, 0.0]]),
        ({"class_name": "UnitNorm", "config": {"axis": 1}}, W / np.sqrt([[10.09], [16.16]])),
        ("min_max_norm", [[0.6, 0.3, -1.0], [0.8, 0.4, 0.0]]),
        (
            {"class_name": "MinMaxNorm", "config": {"min_value": 0.75, "max_value": 2.0}},
            [[1.2, 0.45, -1.0], [1.6, 0.6, 0.0]],
        ),
        # A third of the way from norms 5, 0.5, 1 to 2, 0.8, 1.
        (
            {"class_name": "MinMaxNorm", "config": {"min_value": 0.8, "max_value": 2.0, "rate": 1 / 3}},
            [[2.4, 0.36, -1.0], [3.2, 0.48, 0.0]],
        ),
        (
            {"module": "keras.constraints", "class_name": "UnitNorm", "config": {}, "registered_name": None},
            [[0.6, 0.6, -1.0], [0.8, 0.8, 0.0]],
        ),
    ],
)
def test_a_weight_is_projected(identifier: Any, wanted: Any) -> None:
    assert made(identifier)(W, 2) == pytest.approx(np.array(wanted), rel=FUZZ, abs=1e-15)


def test_a_norm_is_never_larger_than_it_may_be() -> None:
    for identifier in ("max_norm", "unit_norm", "min_max_norm"):
        norms = np.linalg.norm(made(identifier)(W, 2), axis=0)
        assert np.all(norms <= (2 if identifier == "max_norm" else 1))


def test_a_bias_has_one_norm() -> None:
    bias = np.array([3.0, 0.0, -4.0, 12.0])
    assert made("unit_norm")(bias, 1) == pytest.approx(bias / 13, rel=FUZZ)
    assert made("max_norm")(bias, 1) == pytest.approx(bias * 2 / 13, rel=FUZZ)
    assert np.array_equal(made("non_neg")(bias, 1), [3, 0, 0, 12])
    with pytest.raises(ValueError, match="a weight of 1 axes has no axis 1"):
        made({"class_name": "MaxNorm", "config": {"axis": 1}})(bias, 1)


def test_a_weight_of_zeros_stays_zero() -> None:
    for identifier in ("max_norm", "unit_norm", "min_max_norm", "non_neg"):
        assert not made(identifier)(np.zeros((2, 3)), 2).any()


@pytest.mark.parametrize(
    "identifier",
    ["max_norm", "unit_norm", "min_max_norm", "non_neg", {"class_name": "UnitNorm", "config": {"axis": 1}}],
)
def test_axes_in_front_are_carried_along(identifier: Any) -> None:
    stacked = np.random.default_rng(2).normal(size=(3, 4, 6))
    projected = made(identifier)(stacked, 2)
    assert all(projected[k] == pytest.approx(made(identifier)(stacked[k], 2)) for k in range(3))


def test_none_is_no_constraint() -> None:
    assert constraint(None) is None


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        (
            "nonneg",
            ValueError,
            "unknown constraint 'nonneg'; known are MaxNorm, MinMaxNorm, NonNeg, UnitNorm, max_norm",
        ),
        ({"class_name": "Max", "config": {}}, ValueError, "unknown constraint 'Max'"),
        (2.0, ValueError, "is not a valid constraint"),
        ({"class_name": "MaxNorm", "config": {"value": 1}}, TypeError, "value"),
    ],
)
def test_what_is_no_constraint_is_refused(identifier: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        constraint(identifier)
