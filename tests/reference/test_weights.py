"""The weights of one layer, laid out for Keras and for PyTorch, and back."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from lstm_ref.reference.weights import LSTMWeights

FEATURES, UNITS, OUTPUTS = 5, 3, 2
LEADING: list[tuple[int, ...]] = [(), (16,)]  # of several runs at once


def drawn(leading: tuple[int, ...], *shape: int) -> Any:
    return np.random.default_rng(shape).uniform(-1, 1, (*leading, *shape))


def weights(leading: tuple[int, ...], outputs: int = UNITS) -> LSTMWeights:
    """Weights with both biases, projected where there are fewer outputs than units."""
    projection = None if outputs == UNITS else drawn(leading, UNITS, outputs)
    kernel, recurrent_kernel = drawn(leading, FEATURES, 4 * UNITS), drawn(leading, outputs, 4 * UNITS)
    return LSTMWeights(
        kernel, recurrent_kernel, drawn(leading, 4 * UNITS), drawn(leading, 4 * UNITS, 1)[..., 0], projection
    )


def assert_same(found: LSTMWeights, wanted: LSTMWeights) -> None:
    for field in fields(LSTMWeights):
        one, other = getattr(found, field.name), getattr(wanted, field.name)
        assert (one is None) is (other is None), field.name
        assert one is None or np.array_equal(one, other), field.name


@pytest.mark.parametrize("leading", LEADING)
@pytest.mark.parametrize("outputs", [UNITS, OUTPUTS])
@pytest.mark.parametrize("suffix", ["_l0", "_l1_reverse", ""])
def test_what_pytorch_has_is_transposed_and_comes_back(
    leading: tuple[int, ...], outputs: int, suffix: str
) -> None:
    wanted = weights(leading, outputs)
    found = wanted.to_torch(suffix)
    shapes = {
        "weight_ih": (4 * UNITS, FEATURES),
        "weight_hh": (4 * UNITS, outputs),
        "bias_ih": (4 * UNITS,),
        "bias_hh": (4 * UNITS,),
    }
    shapes |= {"weight_hr": (outputs, UNITS)} if outputs != UNITS else {}
    assert {name: values.shape for name, values in found.items()} == {
        f"{name}{suffix}": (*leading, *shape) for name, shape in shapes.items()
    }
    assert np.array_equal(found[f"weight_ih{suffix}"][..., 7, 2], wanted.kernel[..., 2, 7])
    assert_same(LSTMWeights.from_torch(found, suffix), wanted)


@pytest.mark.parametrize("leading", LEADING)
def test_keras_has_the_sum_of_both_biases(leading: tuple[int, ...]) -> None:
    wanted = weights(leading)
    assert wanted.recurrent_bias is not None
    found = wanted.to_keras()
    assert np.array_equal(found["bias"], wanted.bias + wanted.recurrent_bias)
    assert_same(LSTMWeights.from_keras(found), replace(wanted, bias=found["bias"], recurrent_bias=None))


@pytest.mark.parametrize("leading", LEADING)
def test_one_bias_is_one_of_keras_and_the_first_of_pytorch(leading: tuple[int, ...]) -> None:
    wanted = replace(weights(leading), recurrent_bias=None)
    assert np.array_equal(wanted.to_keras()["bias"], wanted.bias)
    found = wanted.to_torch()
    assert np.array_equal(found["bias_ih_l0"], wanted.bias)
    assert np.array_equal(found["bias_hh_l0"], np.zeros((*leading, 4 * UNITS)))


@pytest.mark.parametrize("leading", LEADING)
def test_a_layer_without_a_bias_has_one_of_zeros(leading: tuple[int, ...]) -> None:
    wanted = replace(weights(leading), bias=np.zeros((*leading, 4 * UNITS)), recurrent_bias=None)
    without = {"kernel": wanted.kernel, "recurrent_kernel": wanted.recurrent_kernel}
    assert_same(LSTMWeights.from_keras(without), wanted)
    matrices = {name: values for name, values in wanted.to_torch().items() if "bias" not in name}
    assert_same(LSTMWeights.from_torch(matrices), wanted)


def test_what_a_framework_does_not_have_is_refused() -> None:
    peepholes = replace(weights(()), peepholes=np.ones(3 * UNITS))
    with pytest.raises(ValueError, match=r"keras\.layers\.LSTM has no projection"):
        weights((), OUTPUTS).to_keras()
    with pytest.raises(ValueError, match=r"keras\.layers\.LSTM has no peepholes"):
        peepholes.to_keras()
    with pytest.raises(ValueError, match=r"torch\.nn\.LSTM has no peepholes"):
        peepholes.to_torch()
