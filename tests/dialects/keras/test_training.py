"""Training of keras.LSTM: gradient descent on the mean squared error, with gradients
that are difference quotients of a loss written down here.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.dialects import keras
from lstm_ref.oracle.rounding import RUNS, Noise, Rounded, precision

Array = npt.NDArray[Any]
Weights = dict[str, Array]
Quotients = Callable[..., Weights]

RNG = np.random.default_rng(8)
B, T, F, U = 3, 4, 2, 2
X = RNG.normal(size=(B, T, F))
H, C = RNG.normal(size=(2, B, U))
WEIGHTS = {
    name: RNG.normal(size=shape)
    for name, shape in (("kernel", (F, 4 * U)), ("recurrent_kernel", (U, 4 * U)), ("bias", (4 * U,)))
}
TARGETS = RNG.normal(size=(B, T, U))
MASK = np.array([[0, 1, 1, 0], [1, 0, 1, 1], [0] * 4], bool)


def layer(**params: Any) -> keras.LSTM:
    made = keras.LSTM(U, dtype="float64", **params)
    made.load(WEIGHTS)
    return made


def called(weights: Weights, *arguments: Any, **params: Any) -> Any:
    made = keras.LSTM(U, dtype="float64", **params)
    made.load(weights)
    return made(*arguments)


def assert_weights(made: keras.LSTM, wanted: Weights, abs: float = 1e-8) -> None:
    found = made.weights()
    assert list(found) == list(wanted)
    for name, values in wanted.items():
        assert found[name] == pytest.approx(values, abs=abs), name


def arguments(**more: Any) -> dict[str, Any]:
    return {"sequences": X, "targets": TARGETS[:, -1], "epochs": 1, "learning_rate": 0.25, **more}


@pytest.mark.parametrize("version", ["3", "2"])
@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_step_goes_against_the_gradient_of_the_mean_squared_error_of_the_output(
    return_sequences: bool, return_state: bool, version: str, difference_quotients: Quotients
) -> None:
    params = {"return_sequences": return_sequences, "return_state": return_state, "version": version}
    targets = TARGETS if return_sequences else TARGETS[:, -1]

    def loss(weights: Weights) -> float:
        result = called(weights, X, [H, C], **params)
        output = result[0] if return_state else result
        return float(((output - targets) ** 2).sum() / (B * T * U if return_sequences else B * U))

    made = layer(**params)
    made.act("train", arguments(initial_state=[H, C], targets=targets))
    gradients = difference_quotients(loss, WEIGHTS)
    assert_weights(made, {name: WEIGHTS[name] - 0.25 * gradients[name] for name in WEIGHTS})


def test_each_epoch_is_a_step_from_where_the_one_before_arrived(difference_quotients: Quotients) -> None:
    made = layer()
    made.act("train", arguments(epochs=3))
    wanted = WEIGHTS
    for _ in range(3):
        gradients = difference_quotients(
            lambda weights: float(((called(weights, X) - TARGETS[:, -1]) ** 2).mean()), wanted
        )
        wanted = {name: wanted[name] - 0.25 * gradients[name] for name in wanted}
    assert_weights(made, wanted)


def test_each_epoch_drops_what_its_masks_say() -> None:
    """Inputs times the mask of the epoch are the inputs of a layer that drops
    nothing.
    """
    masks = [np.where(RNG.random((1, B, 1, F)) < 0.5, 0.0, 2.0) for _ in range(3)]
    made = layer(dropout=0.5)
    made.act("train", arguments(epochs=3, drawn=[{"dropout": mask} for mask in masks]))
    by_hand = layer()
    for mask in masks:
        by_hand.act("train", arguments(sequences=X * mask[0], epochs=1))
    assert_weights(made, by_hand.weights(), abs=1e-14)
    undropped, plain = layer(dropout=0.5), layer()
    for each in (undropped, plain):
        each.act("train", arguments(epochs=3))
    assert_weights(undropped, plain.weights(), abs=0)


def test_training_makes_the_error_smaller_and_no_epoch_changes_nothing() -> None:
    made = layer()
    before = float(((made(X) - TARGETS[:, -1]) ** 2).mean())
    made.act("train", arguments(epochs=0))
    assert_weights(made, WEIGHTS, abs=0)
    made.act("train", arguments(epochs=200))
    assert float(((made(X) - TARGETS[:, -1]) ** 2).mean()) < before / 3


@pytest.mark.parametrize("go_backwards", [False, True])
def test_what_is_masked_has_no_error(go_backwards: bool, difference_quotients: Quotients) -> None:
    params = {"return_sequences": True, "go_backwards": go_backwards}
    # The output of a layer that goes backwards is reversed, and so are the steps that
    # were not taken.
    used = MASK[:, ::-1] if go_backwards else MASK

    def loss(weights: Weights) -> float:
        errors = [
            (called(weights, X, None, MASK, **params)[row, t, unit] - TARGETS[row, t, unit]) ** 2
            for row, t, unit in np.ndindex(B, T, U)
            if used[row, t]
        ]
        return float(np.mean(errors))

    made = layer(**params)
    made.act("train", arguments(targets=np.where(used[..., None], TARGETS, 1e6), mask=MASK))
    gradients = difference_quotients(loss, WEIGHTS)
    assert_weights(made, {name: WEIGHTS[name] - 0.25 * gradients[name] for name in WEIGHTS})


def test_the_last_output_counts_for_every_row_whatever_is_masked(difference_quotients: Quotients) -> None:
    made = layer()
    made.act("train", arguments(mask=MASK))
    gradients = difference_quotients(
        lambda weights: float(((called(weights, X, None, MASK) - TARGETS[:, -1]) ** 2).mean()), WEIGHTS
    )
    assert_weights(made, {name: WEIGHTS[name] - 0.25 * gradients[name] for name in WEIGHTS})


def test_a_mask_without_any_step_teaches_nothing() -> None:
    made = layer(return_sequences=True)
    made.act("train", arguments(targets=TARGETS, mask=np.zeros((B, T), bool)))
    assert_weights(made, WEIGHTS, abs=0)


def test_the_penalties_of_regularizers_are_part_of_the_loss(difference_quotients: Quotients) -> None:
    params = {
        "kernel_regularizer": "l1",
        "recurrent_regularizer": "l2",
        "bias_regularizer": "l1_l2",
        "activity_regularizer": "l2",
    }

    def loss(weights: Weights) -> float:
        output = called(weights, X)
        kernel, recurrent_kernel, bias = weights.values()
        penalties = (
            abs(kernel).sum()
            + (recurrent_kernel**2).sum()
            + abs(bias).sum()
            + (bias**2).sum()
            + (output**2).sum() / B
        )
        return float(((output - TARGETS[:, -1]) ** 2).mean() + 0.01 * penalties)

    made = layer(**params)
    made.act("train", arguments())
    gradients = difference_quotients(loss, WEIGHTS)
    assert_weights(made, {name: WEIGHTS[name] - 0.25 * gradients[name] for name in WEIGHTS})


def test_constraints_hold_after_each_step_and_not_before(difference_quotients: Quotients) -> None:
    params = {
        "kernel_constraint": "non_neg",
        "recurrent_constraint": {"class_name": "MaxNorm", "config": {"max_value": 0.5, "axis": 1}},
        "bias_constraint": "unit_norm",
    }
    made = layer(**params)
    assert_weights(made, WEIGHTS, abs=0)
    assert np.array_equal(made(X), layer()(X))
    wanted = WEIGHTS
    for _ in range(2):
        gradients = difference_quotients(
            lambda weights: float(((called(weights, X) - TARGETS[:, -1]) ** 2).mean()), wanted
        )
        kernel, recurrent_kernel, bias = (wanted[name] - 0.25 * gradients[name] for name in wanted)
        rows = np.linalg.norm(recurrent_kernel, axis=1, keepdims=True)
        wanted = {
            "kernel": np.where(kernel < 0, 0, kernel),
            "recurrent_kernel": recurrent_kernel * np.where(rows > 0.5, 0.5 / rows, 1),
            "bias": bias / np.linalg.norm(bias),
        }
    made.act("train", arguments(epochs=2))
    assert_weights(made, wanted, abs=1e-6)


def test_with_a_learning_rate_of_zero_nothing_but_the_constraints_is_left() -> None:
    made = layer(kernel_constraint="non_neg")
    made.act("train", arguments(learning_rate=0.0))
    assert_weights(made, {**WEIGHTS, "kernel": np.maximum(WEIGHTS["kernel"], 0)}, abs=0)


def test_what_is_not_trainable_stays_as_it_is() -> None:
    made = layer(trainable=False, kernel_constraint="non_neg", recurrent_regularizer="l2")
    made.act("train", arguments(epochs=3))
    assert_weights(made, WEIGHTS, abs=0)


def test_a_layer_without_bias_is_trained_like_any_other(difference_quotients: Quotients) -> None:
    made = keras.LSTM(U, use_bias=False, dtype="float64")
    weights = {name: WEIGHTS[name] for name in ("kernel", "recurrent_kernel")}
    made.load(weights)
    made.act("train", arguments())
    gradients = difference_quotients(
        lambda w: float(((called(w, X, use_bias=False) - TARGETS[:, -1]) ** 2).mean()), weights
    )
    assert_weights(made, {name: weights[name] - 0.25 * gradients[name] for name in weights})


def test_a_stateful_layer_goes_on_from_epoch_to_epoch_and_after_training(
    difference_quotients: Quotients,
) -> None:
    made = layer(stateful=True)
    made.act("train", arguments(epochs=2))
    wanted, state = WEIGHTS, None
    for _ in range(2):
        gradients = difference_quotients(
            lambda weights, s=state: float(((called(weights, X, s) - TARGETS[:, -1]) ** 2).mean()), wanted
        )
        state = called(wanted, X, state, return_state=True)[1:]
        wanted = {name: wanted[name] - 0.25 * gradients[name] for name in wanted}
    assert_weights(made, wanted)
    assert made(X) == pytest.approx(called(wanted, X, state), abs=1e-8)


def test_training_changes_none_of_its_arguments_and_no_weights_of_its_caller() -> None:
    weights = {name: values.copy() for name, values in WEIGHTS.items()}
    given = arguments(initial_state=[H, C], mask=MASK, epochs=2)
    before = [array.copy() for array in (X, TARGETS, H, C, MASK)]
    made = keras.LSTM(U, dtype="float64")
    made.load(weights)
    made.act("train", given)
    assert all(
        np.array_equal(one, other) for one, other in zip(before, (X, TARGETS, H, C, MASK), strict=True)
    )
    assert all(np.array_equal(weights[name], WEIGHTS[name]) for name in weights)
    assert set(given) == {"sequences", "targets", "epochs", "learning_rate", "initial_state", "mask"}


def test_weights_stay_in_the_dtype_of_the_layer() -> None:
    made = keras.LSTM(U, return_sequences=True, kernel_constraint="max_norm", bias_regularizer="l2")
    made.load(WEIGHTS)
    made.act("train", arguments(targets=TARGETS.astype(np.float32), mask=MASK))
    assert {str(values.dtype) for values in made.weights().values()} == {"float32"}


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_perturbed_runs_are_trained_each_for_itself_and_called_with_their_own_weights(
    return_sequences: bool, use_bias: bool
) -> None:
    noise = Noise(precision("float32", "float32"), key=3)

    def trained(wrap: Callable[[Array], Array]) -> tuple[keras.LSTM, Any, Any, Array]:
        made = keras.LSTM(
            U,
            dtype="float64",
            use_bias=use_bias,
            stateful=True,
            return_sequences=return_sequences,
            kernel_constraint="max_norm",
            recurrent_constraint="min_max_norm",
            bias_constraint="unit_norm",
            kernel_regularizer="l1_l2",
            recurrent_regularizer="orthogonal_regularizer",
            bias_regularizer="l2",
            activity_regularizer="l1",
        )
        made.load({name: values for name, values in WEIGHTS.items() if use_bias or name != "bias"})
        targets = TARGETS if return_sequences else TARGETS[:, -1]
        made.act("train", arguments(sequences=wrap(X), targets=wrap(targets), epochs=2, mask=MASK))
        result, pullback = made.vjp(wrap(X), mask=MASK)
        return made, result, pullback([np.ones_like(targets)]), made.effects()["losses"]

    exact, result, gradients, losses = trained(np.asarray)
    perturbed, results, all_gradients, all_losses = trained(lambda values: Rounded.of(values, noise))
    pairs = [(perturbed.weights()[name], exact.weights()[name]) for name in exact.weights()]
    pairs += [
        (results, result),
        (all_losses, losses),
        *((all_gradients[name], gradients[name]) for name in gradients),
    ]
    for runs, wanted in pairs:
        assert isinstance(runs, Rounded)
        assert runs.shape == (RUNS, *wanted.shape)
        errors = np.abs(np.asarray(runs) - wanted)
        assert 1e-9 < errors.max() < 1e-4
        assert all(not np.array_equal(np.asarray(runs[0]), np.asarray(run)) for run in runs[1:])


def test_penalties_of_weights_that_gather_rounding_errors_gather_them_too() -> None:
    noise = Noise(precision("float32", "float32"), key=4)
    params = {
        "kernel_regularizer": "l1",
        "recurrent_regularizer": "orthogonal_regularizer",
        "bias_regularizer": "l1_l2",
    }
    exact, perturbed = layer(**params), layer(**params)
    perturbed.load({name: Rounded.of(values, noise) for name, values in WEIGHTS.items()})
    exact(X)
    perturbed(X)
    losses, runs = exact.effects()["losses"], perturbed.effects()["losses"]
    assert isinstance(runs, Rounded)
    assert runs.shape == (RUNS, 3)
    errors = np.abs(np.asarray(runs) - losses) / losses
    assert np.all(errors.max(axis=0) > 1e-8)
    assert np.all(errors.max(axis=0) < 1e-6)


def test_states_that_each_of_several_cells_returns_have_no_part_in_the_loss() -> None:
    def trained(**params: Any) -> keras.RNN:
        made = keras.RNN([keras.LSTMCell(U, dtype="float64"), keras.LSTMCell(U, dtype="float64")], **params)
        made.load({f"{cell}/{name}": values for cell in ("0", "1") for name, values in WEIGHTS.items()})
        made.act("train", arguments())
        return made

    assert_weights(trained(return_state=True), dict(trained().weights()), abs=0)
