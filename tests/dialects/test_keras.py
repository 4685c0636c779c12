"""keras.LSTM by itself: the documented constructor and call, weights, states and masks, and its refusals."""

import inspect
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.harness.materialize import materialize
from lstm_ref.harness.twin import run_twin

Array = npt.NDArray[Any]

CORPUS = load()
TABLE = CORPUS.parameters["keras"].layers["LSTM"]
RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 7, 5))
H, C = RNG.normal(size=(2, 4, 3))
WEIGHTS = [RNG.normal(size=shape) for shape in ((5, 12), (3, 12), (12,))]
# A beginning, a gap, an end, an empty row.
MASK = np.array([[0, 0, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0] * 7], bool)


def layer(**params: Any) -> keras.LSTM:
    made = keras.LSTM(3, dtype=params.pop("dtype", "float64"), **params)
    made.set_weights(WEIGHTS if made.use_bias else WEIGHTS[:2])
    return made


def steps_by_hand(x: Array, h: Array, c: Array) -> list[tuple[Array, Array]]:
    """The states after each step of one row x (timesteps, features), by the equations in the documentation's words."""
    kernel, recurrent_kernel, bias = WEIGHTS
    found = []
    for x_t in x:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        found.append((h, c))
    return found


def test_the_constructor_has_the_documented_parameters_in_their_order_with_their_defaults() -> None:
    # That the table is the signature of the installed framework is a test of the corpus.
    parameters = dict(inspect.signature(keras.LSTM).parameters)
    assert parameters.pop("dtype").kind is inspect.Parameter.KEYWORD_ONLY
    found = {name: "required" if p.default is p.empty else p.default for name, p in parameters.items()}
    assert list(found.items()) == [(name, "required" if p.required else p.default) for name, p in TABLE.constructor.items()]


def test_the_call_has_the_documented_arguments() -> None:
    parameters = inspect.signature(keras.LSTM.__call__).parameters
    assert list(parameters) == ["self", *TABLE.call]
    assert [name for name, p in parameters.items() if p.default is p.empty] == ["self", *[name for name, p in TABLE.call.items() if p.required]]


def test_it_is_used_as_its_documentation_says() -> None:
    made = keras.LSTM(units=3, return_sequences=True)
    made.set_weights(WEIGHTS)
    assert made(X).shape == (4, 7, 3)


def test_it_computes_the_documented_equations_from_the_given_state() -> None:
    output, h, c = layer(return_sequences=True, return_state=True)(X, initial_state=[H, C])
    for row in range(4):
        states = steps_by_hand(X[row], H[row], C[row])
        assert output[row] == pytest.approx(np.array([h for h, _ in states]), abs=1e-14)
        assert (h[row], c[row]) == (pytest.approx(states[-1][0], abs=1e-14), pytest.approx(states[-1][1], abs=1e-14))


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        ({}, [(4, 3)]),
        ({"return_sequences": True}, [(4, 7, 3)]),
        ({"return_state": True}, [(4, 3), (4, 3), (4, 3)]),
        ({"return_sequences": True, "return_state": True}, [(4, 7, 3), (4, 3), (4, 3)]),
    ],
)
def test_it_returns_what_is_asked_for(params: dict[str, bool], shapes: list[tuple[int, ...]]) -> None:
    made = layer(**params)
    result = made(X)
    assert [array.shape for array in (result if isinstance(result, tuple) else (result,))] == shapes
    assert [output.name for output in made.outputs({})] == ["output", "h", "c"][: len(shapes)]
    assert [len(output.axes) for output in made.outputs({})] == [len(shape) for shape in shapes]


def test_the_last_step_of_the_sequence_is_what_is_returned_without_sequences() -> None:
    assert np.array_equal(layer(return_sequences=True)(X)[:, -1], layer()(X))


def test_without_a_bias_none_is_added() -> None:
    made = keras.LSTM(3, dtype="float64")
    made.set_weights([*WEIGHTS[:2], np.zeros(12)])
    assert np.array_equal(layer(use_bias=False)(X), made(X))


def test_unroll_changes_nothing() -> None:
    assert np.array_equal(layer(unroll=True)(X, [H, C]), layer()(X, [H, C]))


def test_going_backwards_is_the_reversed_input_in_the_order_of_processing() -> None:
    backwards = layer(return_sequences=True, return_state=True, go_backwards=True)(X, [H, C], MASK)
    forwards = layer(return_sequences=True, return_state=True)(X[:, ::-1], [H, C], MASK[:, ::-1])
    assert all(np.array_equal(one, other) for one, other in zip(backwards, forwards, strict=True))


def test_a_masked_step_keeps_the_state_and_repeats_the_output() -> None:
    output, h, c = layer(return_sequences=True, return_state=True)(X, [H, C], MASK)
    for row in range(4):
        states = steps_by_hand(X[row, MASK[row]], H[row], C[row])
        taken = 0
        for t in range(7):
            taken += MASK[row, t]
            # Before the first step that is taken the output is zero, whatever the initial state.
            wanted = states[taken - 1][0] if taken else np.zeros(3)
            assert output[row, t] == pytest.approx(wanted, abs=1e-14)
        last = states[-1] if states else (H[row], C[row])
        assert (h[row], c[row]) == (pytest.approx(last[0], abs=1e-14), pytest.approx(last[1], abs=1e-14))


def test_the_output_of_an_empty_row_is_zero_while_its_state_stays() -> None:
    output, h, c = layer(return_state=True)(X, [H, C], MASK)
    assert not output[3].any()
    assert np.array_equal(h[3], H[3])
    assert np.array_equal(c[3], C[3])


def test_a_mask_of_all_steps_changes_nothing() -> None:
    assert np.array_equal(layer(return_sequences=True)(X, mask=np.ones((4, 7), bool)), layer(return_sequences=True)(X))


def test_a_stateful_layer_goes_on_where_it_stopped_until_it_is_reset() -> None:
    made = layer(return_sequences=True, stateful=True)
    first, second = made(X[:, :4]), made(X[:, 4:])
    whole = layer(return_sequences=True)(X)
    assert np.concatenate([first, second], axis=1) == pytest.approx(whole, abs=1e-14)
    made.reset_state()
    assert np.array_equal(made(X), whole)


def test_a_layer_that_is_not_stateful_forgets() -> None:
    made = layer()
    assert np.array_equal(made(X), made(X))
    made.reset_state()
    assert np.array_equal(made(X), layer()(X))


def test_a_given_state_goes_before_the_recorded_one() -> None:
    made = layer(stateful=True)
    made(X)
    assert np.array_equal(made(X, [H, C]), layer()(X, [H, C]))


@pytest.mark.parametrize("use_bias", [True, False])
def test_weights_come_back_as_they_were_set(use_bias: bool) -> None:
    made = layer(use_bias=use_bias)
    weights = WEIGHTS if use_bias else WEIGHTS[:2]
    assert all(np.array_equal(one, other) for one, other in zip(made.get_weights(), weights, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64", None])
def test_it_computes_in_its_dtype_which_is_float32_unless_said_otherwise(dtype: str | None) -> None:
    made = keras.LSTM(3, return_sequences=True, return_state=True, dtype=dtype)
    made.set_weights(WEIGHTS)
    result, pullback = made.vjp(X, [H, C], MASK)
    gradients = pullback([np.ones_like(array) for array in result])
    assert {str(array.dtype) for array in (*result, *gradients.values(), *made.get_weights())} == {dtype or "float32"}


@pytest.mark.parametrize("activation", list(keras.ACTIVATIONS))
def test_every_activation_takes_either_role_in_float32(activation: str | None) -> None:
    for params in ({"activation": activation}, {"recurrent_activation": activation}):
        result, pullback = layer(dtype="float32", **params).vjp(X[:, :1])
        assert {str(array.dtype) for array in (result, *pullback([np.ones_like(result)]).values())} == {"float32"}


NOT_YET: dict[str, Any] = {
    "kernel_initializer": "ones",
    "recurrent_initializer": "identity",
    "bias_initializer": "ones",
    "unit_forget_bias": False,
    "kernel_regularizer": "l2",
    "recurrent_regularizer": "l2",
    "bias_regularizer": "l2",
    "activity_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "recurrent_constraint": "max_norm",
    "bias_constraint": "max_norm",
    "dropout": 0.5,
    "recurrent_dropout": 0.5,
    "seed": 1,
    "use_cudnn": False,
}


@pytest.mark.parametrize("name", NOT_YET)
def test_a_parameter_without_a_twin_is_refused_by_name(name: str) -> None:
    with pytest.raises(NotImplementedError, match=f"keras.layers.LSTM does not implement {name} yet"):
        keras.LSTM(3, **{name: NOT_YET[name]})
    keras.LSTM(3, **{name: TABLE.constructor[name].default})


def test_all_parameters_without_a_twin_are_named_at_once() -> None:
    with pytest.raises(NotImplementedError, match="dropout, recurrent_dropout"):
        keras.LSTM(3, dropout=0.1, recurrent_dropout=0.1)


def test_another_layer_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"no NumPy keras\.layers\.GRU yet"):
        dialect("keras").build("GRU", {"units": 3}, "float64")


@pytest.mark.parametrize("units", [0, -1, 2.5, "4", None])
def test_units_must_be_a_positive_integer(units: Any) -> None:
    with pytest.raises(ValueError, match="units must be a positive integer, not"):
        keras.LSTM(units)


@pytest.mark.parametrize("name", ["tanhh", "TANH", ""])
@pytest.mark.parametrize("role", ["activation", "recurrent_activation"])
def test_an_unknown_activation_is_refused_with_those_that_are_known(role: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"unknown activation '{name}'; known are celu, .*tanh"):
        dialect("keras").build("LSTM", {"units": 3, role: name}, "float64")


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (WEIGHTS[:2], r"expects 3 arrays \(kernel, recurrent_kernel, bias\), not 2"),
        ([WEIGHTS[0].T, *WEIGHTS[1:]], r"kernel has shape \(12, 5\), expected \(12, 12\)"),
        ([WEIGHTS[0], WEIGHTS[1].T, WEIGHTS[2]], r"recurrent_kernel has shape \(12, 3\), expected \(3, 12\)"),
        ([*WEIGHTS[:2], np.zeros(3)], r"bias has shape \(3,\), expected \(12,\)"),
    ],
)
def test_wrong_weights_are_refused(weights: list[Array], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keras.LSTM(3).set_weights(weights)


def test_a_layer_without_weights_says_what_to_do() -> None:
    for use in (keras.LSTM(3), keras.LSTM(3).get_weights):
        with pytest.raises(ValueError, match="call set_weights first"):
            use(X) if isinstance(use, keras.LSTM) else use()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sequences": X[0]}, "must have 3 dimensions"),
        ({"sequences": X[..., None]}, "must have 3 dimensions"),
        ({"sequences": X, "initial_state": [H]}, r"must be \[h, c\], not 1 arrays"),
        ({"sequences": X, "initial_state": [H, C, C]}, r"must be \[h, c\], not 3 arrays"),
        ({"sequences": X, "initial_state": [H[:3], C]}, r"the initial h must have shape \(4, 3\), not \(3, 3\)"),
        ({"sequences": X, "initial_state": [H, C[:, :2]]}, r"the initial c must have shape \(4, 3\), not \(4, 2\)"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layer()(**arguments)


def test_a_stateful_layer_keeps_its_batch_size() -> None:
    made = layer(stateful=True)
    made(X)
    with pytest.raises(ValueError, match="a stateful layer keeps its batch size: expected 4, got 3"):
        made(X[:3])


def test_a_call_changes_none_of_its_arguments() -> None:
    before = [array.copy() for array in (X, H, C, MASK, *WEIGHTS)]
    made = layer(return_sequences=True, return_state=True, go_backwards=True, stateful=True)
    _, pullback = made.vjp(X, [H, C], MASK)
    pullback([np.ones((4, 7, 3)), H, C])
    assert all(np.array_equal(one, other) for one, other in zip(before, (X, H, C, MASK, *WEIGHTS), strict=True))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "params", [{}, {"return_sequences": True, "return_state": True}, {"go_backwards": True, "return_state": True, "use_bias": False}]
)
def test_gradients_are_difference_quotients(params: dict[str, bool], masked: bool) -> None:
    made = layer(**params)
    names = ["kernel", "recurrent_kernel", "bias"][: len(made.get_weights())]
    point = {**dict(zip(names, WEIGHTS, strict=False)), "sequences": X, "initial_state[0]": H, "initial_state[1]": C}
    mask = MASK if masked else None
    result, pullback = made.vjp(X, [H, C], mask)
    arrays = result if isinstance(result, tuple) else (result,)
    cotangents = [RNG.normal(size=array.shape) for array in arrays]
    gradients = pullback(cotangents)
    assert list(gradients) == list(point)

    def loss(moved: dict[str, Array]) -> float:
        made.load({name: moved[name] for name in names})
        found = made(moved["sequences"], [moved["initial_state[0]"], moved["initial_state[1]"]], mask)
        return sum(float(np.vdot(a, b)) for a, b in zip(found if isinstance(found, tuple) else (found,), cotangents, strict=True))

    for name, values in point.items():
        direction = RNG.normal(size=values.shape)
        quotient = (loss({**point, name: values + 1e-6 * direction}) - loss({**point, name: values - 1e-6 * direction})) / 2e-6
        assert np.vdot(gradients[name], direction) == pytest.approx(quotient, rel=1e-6, abs=1e-7), name


REFUSED = [case for case in CORPUS.cases if case.dialect == "keras" and case.expect]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_what_the_corpus_says_must_raise_is_refused_by_the_twin_too(case: Case) -> None:
    with pytest.raises((ValueError, TypeError, NotImplementedError)):
        run_twin("keras", materialize(case, 0).request)


@pytest.mark.parametrize("batch", [4, 7])
@pytest.mark.parametrize("timesteps", [1, 5, 7])
def test_the_kinds_of_masks_are_what_they_are_called(batch: int, timesteps: int) -> None:
    full, right, left, gaps, empty = (keras.mask(kind, batch, timesteps) for kind in ("full", "right", "left", "gaps", "one-row-empty"))
    assert {(mask.shape, str(mask.dtype)) for mask in (full, right, left, gaps, empty)} == {((batch, timesteps), "bool")}
    assert full.all()
    assert not np.any(np.diff(right.astype(int), axis=1) > 0)
    assert not np.any(np.diff(left.astype(int), axis=1) < 0)
    assert np.array_equal(right[:, ::-1], left)
    assert not empty[-1].any()
    assert np.array_equal(empty[:-1], gaps[:-1])
    if timesteps > 2:
        assert len({tuple(row) for row in right}) == min(batch, timesteps)
        assert right.any(axis=1).all()
        assert all(len(set(row)) == 2 for row in gaps.tolist())


def test_an_unknown_kind_of_mask_is_refused() -> None:
    with pytest.raises(KeyError):
        keras.mask("some", 4, 7)


def test_a_case_becomes_the_documented_arguments() -> None:
    arguments = dialect("keras").arguments(layer(), Sizes(4, 7, 5), {"initial_state": "given", "mask": "gaps", "training": True})
    assert list(arguments) == ["sequences", "initial_state", "mask", "training"]
    assert arguments["sequences"].shape == (4, 7, 5)
    assert [spec.shape for spec in arguments["initial_state"]] == [(4, 3), (4, 3)]
    assert arguments["training"] is True
    assert list(dialect("keras").arguments(layer(), Sizes(4, 7, 5), {})) == ["sequences"]


def test_the_layer_shares_no_weights_with_its_caller() -> None:
    given = [weight.copy() for weight in WEIGHTS]
    made = keras.LSTM(3, dtype="float64")
    made.set_weights(given)
    before = made(X)
    for weight in (*given, *made.get_weights()):
        weight[:] = 0
    np.testing.assert_array_equal(made(X), before)
