"""Which activation Keras means by a name, in each version."""

import math
from typing import Any

import numpy as np
import pytest

from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.keras.activations import ACTIVATIONS_2, activation
from lstm_ref.dialects.keras.rules import RULES

Z = np.array([-7.0, -2.75, -1.0, -0.25, 0.0, 0.5, 1.5, 2.75, 7.0])

# The formulas of keras.activations, one number at a time.
FORMULAS: dict[str, Any] = {
    "elu": lambda z: z if z > 0 else math.expm1(z),
    "exponential": math.exp,
    "gelu": lambda z: 0.5 * z * (1 + math.erf(z / math.sqrt(2))),
    "leaky_relu": lambda z: z if z > 0 else 0.2 * z,
    "linear": lambda z: z,
    "mish": lambda z: z * math.tanh(math.log1p(math.exp(z))),
    "relu": lambda z: max(z, 0.0),
    "relu6": lambda z: min(max(z, 0.0), 6.0),
    "selu": lambda z: 1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * math.expm1(z)),
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "silu": lambda z: z / (1 + math.exp(-z)),
    "softplus": lambda z: math.log1p(math.exp(z)),
    "softsign": lambda z: z / (1 + abs(z)),
    "swish": lambda z: z / (1 + math.exp(-z)),
    "tanh": math.tanh,
}


@pytest.mark.parametrize("version", ["3", "2"])
@pytest.mark.parametrize("name", FORMULAS)
def test_both_versions_mean_the_same_by_most_names(name: str, version: str) -> None:
    assert activation(name, RULES[version].activations)(Z)[0] == pytest.approx(
        np.array([FORMULAS[name](z) for z in Z]), rel=1e-14, abs=1e-15
    )


@pytest.mark.parametrize(("version", "slope"), [("3", 1 / 6), ("2", 0.2)])
def test_hard_sigmoid_is_steeper_in_keras_2(version: str, slope: float) -> None:
    wanted = np.array([min(max(slope * z + 0.5, 0.0), 1.0) for z in Z])
    assert activation("hard_sigmoid", RULES[version].activations)(Z)[0] == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("version", ["3", "2"])
@pytest.mark.parametrize("role", ["activation", "recurrent_activation"])
def test_a_layer_takes_the_function_of_its_version(version: str, role: str) -> None:
    made = keras.LSTM(
        2,
        dtype="float64",
        version=version,
        **{"activation": "linear", "recurrent_activation": "linear", role: "hard_sigmoid"},
    )
    made.set_weights([np.zeros((1, 8)), np.zeros((2, 8)), np.ones(8)])
    gate = 1 / 6 + 0.5 if version == "3" else 0.7
    cell = 1 * gate  # i * g: one of them is 1
    wanted = (
        gate * cell
        if role == "recurrent_activation"
        else (cell / 6 + 0.5 if version == "3" else 0.2 * cell + 0.5)
    )
    assert made(np.zeros((1, 1, 1))) == pytest.approx(wanted, abs=1e-15)


@pytest.mark.parametrize("version", ["3", "2"])
def test_softmax_is_over_the_units(version: str) -> None:
    z = np.array([[0.0, 1.0, 2.0], [3.0, 3.0, 3.0]])
    wanted = [[math.exp(a) / sum(math.exp(b) for b in row) for a in row] for row in z.tolist()]
    assert activation("softmax", RULES[version].activations)(z)[0] == pytest.approx(np.array(wanted))
    assert activation("log_softmax", RULES[version].activations)(z)[0] == pytest.approx(np.log(wanted))


def test_none_is_linear_and_a_function_object_is_that_of_its_name() -> None:
    for version in ("3", "2"):
        assert activation(None, RULES[version].activations) is activation(
            "linear", RULES[version].activations
        )
        assert activation({"callable": "hard_sigmoid"}, RULES[version].activations) is activation(
            "hard_sigmoid", RULES[version].activations
        )


def test_keras_2_has_none_of_the_names_that_came_with_keras_3() -> None:
    new = set(keras.ACTIVATIONS) - set(ACTIVATIONS_2)
    assert {
        "celu",
        "hard_shrink",
        "hard_silu",
        "hard_tanh",
        "log_sigmoid",
        "sparsemax",
        "squareplus",
        "tanh_shrink",
    } <= new
    for name in new:
        with pytest.raises(ValueError, match=f"unknown activation {name!r}"):
            activation(name, RULES["2"].activations)


@pytest.mark.parametrize("name", ["tanhh", "TANH", "", {"callable": "tanhh"}, {"name": "tanh"}, 3, ["tanh"]])
@pytest.mark.parametrize("role", ["activation", "recurrent_activation"])
def test_an_unknown_activation_is_refused_with_those_that_are_known(role: str, name: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown activation .*; known are celu, .*tanh"):
        dialect("keras").build("LSTM", {"units": 3, role: name}, "float64")


@pytest.mark.parametrize("name", list(keras.ACTIVATIONS))
def test_every_activation_takes_either_role_in_float32(name: str | None) -> None:
    rng = np.random.default_rng(3)
    weights = [rng.normal(size=shape) for shape in ((5, 12), (3, 12), (12,))]
    for params in ({"activation": name}, {"recurrent_activation": name}):
        made = keras.LSTM(3, **params)
        made.set_weights(weights)
        result, pullback = made.vjp(rng.normal(size=(4, 1, 5)))
        assert {str(array.dtype) for array in (result, *pullback([np.ones_like(result)]).values())} == {
            "float32"
        }
