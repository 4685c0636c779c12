"""The initializers of Keras against the formulas of the documentation and of the papers
that it names.
"""

import math
from typing import Any

import mpmath
import numpy as np
import pytest

from lstm_ref.dialects import keras
from lstm_ref.dialects.initial import Exactly, Initial, Normal, Orthogonal, TruncatedNormal, Uniform
from lstm_ref.dialects.keras.initializers import TRUNCATED_DEVIATION, initializer

SHAPE = (6, 20)  # fan_in 6, fan_out 20


def uniform(limit: float) -> Uniform:
    return Uniform(-limit, limit)


def truncated(deviation: float) -> TruncatedNormal:
    """With this deviation after truncation."""
    density = mpmath.quad(mpmath.npdf, [-2, 2])
    variance = mpmath.quad(lambda z: z * z * mpmath.npdf(z), [-2, 2]) / density
    return TruncatedNormal(0.0, deviation / float(mpmath.sqrt(variance)))


def scaling(**config: Any) -> dict[str, Any]:
    return {"class_name": "VarianceScaling", "config": config}


def numbers(initial: Initial) -> list[float]:
    return [value for value in vars(initial).values() if isinstance(value, float)]


FORMULAS: list[tuple[Any, Initial]] = [
    ("glorot_uniform", uniform(math.sqrt(6 / 26))),
    ("GlorotUniform", uniform(math.sqrt(6 / 26))),
    ("glorot_normal", truncated(math.sqrt(2 / 26))),
    ("GlorotNormal", truncated(math.sqrt(2 / 26))),
    ("he_uniform", uniform(math.sqrt(6 / 6))),
    ("HeUniform", uniform(math.sqrt(6 / 6))),
    ("he_normal", truncated(math.sqrt(2 / 6))),
    ("HeNormal", truncated(math.sqrt(2 / 6))),
    ("lecun_uniform", uniform(math.sqrt(3 / 6))),
    ("LecunUniform", uniform(math.sqrt(3 / 6))),
    ("lecun_normal", truncated(math.sqrt(1 / 6))),
    ("LecunNormal", truncated(math.sqrt(1 / 6))),
    ("random_uniform", Uniform(-0.05, 0.05)),
    ("RandomUniform", Uniform(-0.05, 0.05)),
    ("uniform", Uniform(-0.05, 0.05)),
    ({"class_name": "RandomUniform", "config": {"minval": 1.0, "maxval": 3.0, "seed": 1}}, Uniform(1.0, 3.0)),
    ("random_normal", Normal(0.0, 0.05)),
    ("RandomNormal", Normal(0.0, 0.05)),
    ("normal", Normal(0.0, 0.05)),
    ({"class_name": "RandomNormal", "config": {"mean": 2.0, "stddev": 0.5, "seed": None}}, Normal(2.0, 0.5)),
    ("truncated_normal", TruncatedNormal(0.0, 0.05)),
    ("TruncatedNormal", TruncatedNormal(0.0, 0.05)),
    (
        {"class_name": "TruncatedNormal", "config": {"mean": -1.0, "stddev": 0.25}},
        TruncatedNormal(-1.0, 0.25),
    ),
    ("variance_scaling", truncated(math.sqrt(1 / 6))),
    ("VarianceScaling", truncated(math.sqrt(1 / 6))),
    (scaling(scale=0.5, mode="fan_out"), truncated(math.sqrt(0.5 / 20))),
    (scaling(scale=3.0, mode="fan_avg", distribution="uniform"), uniform(math.sqrt(3 * 3.0 / 13))),
    (scaling(mode="fan_in", distribution="untruncated_normal"), Normal(0.0, math.sqrt(1 / 6))),
    (scaling(mode="fan_avg", input_axes=[0, 1], output_axes=[1]), truncated(math.sqrt(1 / 70))),
    ("orthogonal", Orthogonal(1.0)),
    ("Orthogonal", Orthogonal(1.0)),
    ("OrthogonalInitializer", Orthogonal(1.0)),
    ({"class_name": "Orthogonal", "config": {"gain": 2.0}}, Orthogonal(2.0)),
]


@pytest.mark.parametrize(("identifier", "wanted"), FORMULAS)
def test_a_random_initializer_has_the_documented_distribution(identifier: Any, wanted: Initial) -> None:
    found = initializer(identifier)(SHAPE)
    assert type(found) is type(wanted)
    assert numbers(found) == pytest.approx(numbers(wanted), rel=1e-12)


@pytest.mark.parametrize(
    ("identifier", "wanted"),
    [
        ("zeros", np.zeros(SHAPE)),
        ("Zeros", np.zeros(SHAPE)),
        ("zero", np.zeros(SHAPE)),
        ("ones", np.ones(SHAPE)),
        ("Ones", np.ones(SHAPE)),
        ("one", np.ones(SHAPE)),
        ("Constant", np.zeros(SHAPE)),
        ({"class_name": "Constant", "config": {"value": 0.5}}, np.full(SHAPE, 0.5)),
        ("identity", np.concatenate([np.diag(np.ones(6)), np.zeros((6, 14))], axis=1)),
        ("IdentityInitializer", np.concatenate([np.diag(np.ones(6)), np.zeros((6, 14))], axis=1)),
        (
            {"class_name": "Identity", "config": {"gain": 3.0}},
            np.concatenate([np.diag(np.full(6, 3.0)), np.zeros((6, 14))], axis=1),
        ),
    ],
)
def test_other_initializers_give_documented_values(identifier: Any, wanted: Any) -> None:
    found = initializer(identifier)(SHAPE)
    assert isinstance(found, Exactly)
    np.testing.assert_array_equal(found.values, wanted)


def test_what_is_left_of_a_truncated_normal_distribution_has_the_deviation_that_frameworks_divide_by() -> (
    None
):
    assert float(truncated(1.0).deviation) == pytest.approx(1 / 0.87962566103423978, rel=1e-15)
    assert pytest.approx(0.87962566103423978, rel=1e-14) == TRUNCATED_DEVIATION


@pytest.mark.parametrize("identifier", ["identity", "orthogonal"])
def test_some_initializers_are_for_matrices_only(identifier: str) -> None:
    with pytest.raises(ValueError, match=f"the initializer {identifier} is for matrices"):
        initializer(identifier)((12,))


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        (
            "glorot",
            ValueError,
            "unknown initializer 'glorot'; known are Constant, GlorotNormal, .*glorot_uniform",
        ),
        (None, ValueError, "None is not a valid initializer"),
        (1.0, ValueError, "is not a valid initializer"),
        ({"class_name": "Zeros", "config": {"value": 1}}, TypeError, "value"),
        (scaling(scale=0.0), ValueError, "scale must be positive"),
        (scaling(mode="fan"), ValueError, "mode must be fan_in, fan_out or fan_avg"),
        (scaling(distribution="cauchy"), ValueError, "distribution must be"),
    ],
)
def test_what_is_no_initializer_is_refused(identifier: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        initializer(identifier)


def test_a_layer_starts_with_what_is_documented() -> None:
    found = keras.LSTM(3).initial(5)
    assert list(found) == ["kernel", "recurrent_kernel", "bias"]
    assert found["kernel"] == uniform(math.sqrt(6 / (5 + 12)))
    assert found["recurrent_kernel"] == Orthogonal(1.0)
    bias = found["bias"]
    assert isinstance(bias, Exactly)
    np.testing.assert_array_equal(bias.values, [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0])


def test_each_initializer_belongs_to_its_own_weight() -> None:
    made = keras.LSTM(
        3,
        kernel_initializer="ones",
        recurrent_initializer="identity",
        bias_initializer="he_uniform",
        unit_forget_bias=False,
    )
    found = made.initial(5)
    kernel, recurrent_kernel = found["kernel"], found["recurrent_kernel"]
    assert isinstance(kernel, Exactly)
    assert isinstance(recurrent_kernel, Exactly)
    np.testing.assert_array_equal(kernel.values, np.ones((5, 12)))
    np.testing.assert_array_equal(
        recurrent_kernel.values, np.concatenate([np.diag([1, 1, 1]), np.zeros((3, 9))], axis=1)
    )
    assert numbers(found["bias"]) == pytest.approx(numbers(uniform(math.sqrt(6 / 12))))
    assert list(keras.LSTM(3, use_bias=False).initial(5)) == ["kernel", "recurrent_kernel"]


@pytest.mark.parametrize(
    "identifier", ["ones", "random_normal", "identity", {"class_name": "Constant", "config": {"value": 0.5}}]
)
def test_a_bias_of_one_for_the_forget_gate_forces_zeros_elsewhere(identifier: Any) -> None:
    # "Setting it to `True` will also force `bias_initializer="zeros"`."
    bias = keras.LSTM(2, bias_initializer=identifier).initial(5)["bias"]
    assert isinstance(bias, Exactly)
    np.testing.assert_array_equal(bias.values, [0, 0, 1, 1, 0, 0, 0, 0])


@pytest.mark.parametrize("identifier", ["identity", "orthogonal"])
def test_a_layer_refuses_an_initializer_for_matrices_where_it_has_to_make_a_bias(identifier: str) -> None:
    with pytest.raises(ValueError, match="is for matrices"):
        keras.LSTM(3, bias_initializer=identifier, unit_forget_bias=False)
    keras.LSTM(3, bias_initializer=identifier, unit_forget_bias=False, use_bias=False)
    keras.LSTM(3, bias_initializer=identifier)


@pytest.mark.parametrize("role", ["kernel_initializer", "recurrent_initializer", "bias_initializer"])
def test_a_layer_refuses_an_unknown_initializer(role: str) -> None:
    with pytest.raises(ValueError, match="unknown initializer 'glorot'"):
        keras.LSTM(3, **{role: "glorot"})
