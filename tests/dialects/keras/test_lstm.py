"""keras.LSTM by itself: the documented constructor and call, weights, states and masks,
the differences of Keras 2, and its refusals.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.oracle.materialize import materialize
from lstm_ref.oracle.twin import run_twin

Array = npt.NDArray[Any]
WrongGradients = Callable[..., dict[str, tuple[float, float]]]

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
    """The states after each step of one row x (timesteps, features), by the equations
    in the documentation's words.
    """
    kernel, recurrent_kernel, bias = WEIGHTS
    found = []
    for x_t in x:
        i, f, g, o = np.split(x_t @ kernel + h @ recurrent_kernel + bias, 4)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        found.append((h, c))
    return found


def test_the_constructor_has_the_documented_parameters_in_their_order_with_their_defaults() -> None:
    # That the table is the signature of the installed framework is a test of the
    # corpus.
    signature = inspect.signature(keras.LSTM).parameters
    own = {name: p for name, p in TABLE.constructor.items() if p.source.startswith("keras.layers.LSTM,")}
    positional = {
        name: p for name, p in signature.items() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    }
    found = {name: "required" if p.default is p.empty else p.default for name, p in positional.items()}
    assert list(found.items()) == [(name, "required" if p.required else p.default) for name, p in own.items()]
    inherited = {name: p.default for name, p in TABLE.constructor.items() if name not in own}
    sizes = {"batch_input_shape", "batch_size", "input_shape", "input_dim", "input_length"}
    assert set(inherited) == {
        "zero_output_for_mask",
        "trainable",
        "name",
        "time_major",
        "implementation",
        *sizes,
    }
    assert {name: signature[name].default for name in inherited if name not in sizes} == {
        k: v for k, v in inherited.items() if k not in sizes
    }
    assert {inherited[name] for name in sizes} == {None}


def test_the_call_has_the_documented_arguments() -> None:
    parameters = inspect.signature(keras.LSTM.__call__).parameters
    assert list(parameters) == ["self", *TABLE.call]
    assert [name for name, p in parameters.items() if p.default is p.empty] == [
        "self",
        *[name for name, p in TABLE.call.items() if p.required],
    ]


def test_it_is_used_as_its_documentation_says() -> None:
    made = keras.LSTM(units=3, return_sequences=True)
    made.set_weights(WEIGHTS)
    assert made(X).shape == (4, 7, 3)


def test_it_computes_the_documented_equations_from_the_given_state() -> None:
    output, h, c = layer(return_sequences=True, return_state=True)(X, initial_state=[H, C])
    for row in range(4):
        states = steps_by_hand(X[row], H[row], C[row])
        assert output[row] == pytest.approx(np.array([h for h, _ in states]), abs=1e-14)
        assert (h[row], c[row]) == (
            pytest.approx(states[-1][0], abs=1e-14),
            pytest.approx(states[-1][1], abs=1e-14),
        )


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
            # Before the first step that is taken the output is zero, whatever the
            # initial state.
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
    assert np.array_equal(
        layer(return_sequences=True)(X, mask=np.ones((4, 7), bool)), layer(return_sequences=True)(X)
    )


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
    assert {str(array.dtype) for array in (*result, *gradients.values(), *made.get_weights())} == {
        dtype or "float32"
    }


def test_another_layer_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"no NumPy keras\.layers\.GRU yet"):
        dialect("keras").build("GRU", {"units": 3}, "float64")


@pytest.mark.parametrize("units", [0, -1, 2.5, "4", None])
def test_units_must_be_a_positive_integer(units: Any) -> None:
    with pytest.raises(ValueError, match="units must be a positive integer, not"):
        keras.LSTM(units)


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
        (
            {"sequences": X, "initial_state": [H[:3], C]},
            r"the initial h must have shape \(4, 3\), not \(3, 3\)",
        ),
        (
            {"sequences": X, "initial_state": [H, C[:, :2]]},
            r"the initial c must have shape \(4, 3\), not \(4, 2\)",
        ),
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
    assert all(
        np.array_equal(one, other) for one, other in zip(before, (X, H, C, MASK, *WEIGHTS), strict=True)
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"return_sequences": True, "return_state": True},
        {"go_backwards": True, "return_state": True, "use_bias": False},
    ],
)
def test_gradients_are_difference_quotients(
    params: dict[str, bool], masked: bool, wrong_gradients: WrongGradients
) -> None:
    made = layer(**params)
    names = ["kernel", "recurrent_kernel", "bias"][: len(made.get_weights())]
    point = {
        **dict(zip(names, WEIGHTS, strict=False)),
        "sequences": X,
        "initial_state[0]": H,
        "initial_state[1]": C,
    }
    mask = MASK if masked else None
    result, pullback = made.vjp(X, [H, C], mask)
    arrays = result if isinstance(result, tuple) else (result,)
    cotangents = [RNG.normal(size=array.shape) for array in arrays]
    gradients = pullback(cotangents)
    assert list(gradients) == list(point)

    def loss(moved: Mapping[str, Array]) -> float:
        made.load({name: moved[name] for name in names})
        found = made(moved["sequences"], [moved["initial_state[0]"], moved["initial_state[1]"]], mask)
        return sum(
            float(np.vdot(a, b))
            for a, b in zip(found if isinstance(found, tuple) else (found,), cotangents, strict=True)
        )

    assert wrong_gradients(loss, point, gradients) == {}


# Whether there is a cuDNN is not a matter of the layer. A false claim may show that a
# layer refuses what its documentation, and so the twin, takes.
REFUSED = [
    case
    for case in CORPUS.cases
    if case.dialect == "keras"
    and case.layer == "LSTM"
    and case.expect
    and case.params.get("use_cudnn") is not True
    and (case.claim is None or case.claim.verdict != "false")
]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_what_the_corpus_says_must_raise_is_refused_by_the_twin_too(case: Case) -> None:
    for version in case.versions or ("",):
        with pytest.raises((ValueError, TypeError, AttributeError, NotImplementedError)):
            run_twin(dialect("keras", version), materialize(case, 0, version).request)


def test_a_case_becomes_the_documented_arguments() -> None:
    arguments = dialect("keras").arguments(
        layer(), Sizes(4, 7, 5), {"initial_state": "given", "mask": "gaps", "training": True}
    )
    assert list(arguments) == ["sequences", "initial_state", "mask", "training"]
    assert arguments["sequences"].shape == (4, 7, 5)
    assert [spec.shape for spec in arguments["initial_state"]] == [(4, 3), (4, 3)]
    assert [spec.source for spec in (arguments["sequences"], *arguments["initial_state"])] == [
        "x",
        "h/0",
        "c/0",
    ]
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


def test_masked_steps_give_zeros_where_that_is_asked_for() -> None:
    params = {"return_sequences": True, "return_state": True}
    plain, *states = layer(**params)(X, [H, C], MASK)
    output, *others = layer(**params, zero_output_for_mask=True)(X, [H, C], MASK)
    assert np.array_equal(output[MASK], plain[MASK])
    assert not output[~MASK].any()
    assert plain[~MASK].any()
    assert all(np.array_equal(one, other) for one, other in zip(states, others, strict=True))


def test_zeros_for_masked_steps_are_only_used_with_sequences() -> None:
    # "Note that this field is only used when return_sequences is True and mask is
    # provided."
    assert np.array_equal(layer(zero_output_for_mask=True)(X, [H, C], MASK), layer()(X, [H, C], MASK))
    assert np.array_equal(
        layer(zero_output_for_mask=True, return_sequences=True)(X), layer(return_sequences=True)(X)
    )


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
def test_a_reversed_mask_belongs_to_the_reversed_input(masked: bool, zero_output_for_mask: bool) -> None:
    params = {"return_sequences": True, "zero_output_for_mask": zero_output_for_mask}
    mask = MASK if masked else None
    backwards = layer(**params, go_backwards=True)(X, [H, C], mask)
    assert np.array_equal(
        backwards, layer(**params)(X[:, ::-1], [H, C], None if mask is None else mask[:, ::-1])
    )


@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("zero_output_for_mask", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_what_stands_at_a_masked_step_reaches_neither_an_output_nor_a_gradient(
    number: float, zero_output_for_mask: bool, go_backwards: bool, activation: str
) -> None:
    made = layer(
        return_sequences=True,
        return_state=True,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
        activation=activation,
        activity_regularizer="l2",
    )
    cotangents = [RNG.normal(size=shape) for shape in ((4, 7, 3), (4, 3), (4, 3))]
    clean, pull_clean = made.vjp(X, [H, C], MASK)
    losses = made.effects()["losses"]
    dirty, pull_dirty = made.vjp(np.where(MASK[..., None], X, number), [H, C], MASK)
    assert all(np.array_equal(one, other) for one, other in zip(clean, dirty, strict=True))
    assert np.array_equal(losses, made.effects()["losses"])
    gradients, others = pull_clean(cotangents), pull_dirty(cotangents)
    assert all(np.array_equal(gradients[name], others[name]) for name in gradients)
    assert not others["sequences"][~MASK].any()


@pytest.mark.parametrize("dtype", [bool, np.int64, np.uint8, np.float64])
def test_a_mask_may_have_any_dtype(dtype: Any) -> None:
    assert np.array_equal(
        layer(return_sequences=True)(X, mask=MASK.astype(dtype)), layer(return_sequences=True)(X, mask=MASK)
    )


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("shape", [(1, 7), (4, 7, 1), (1, 7, 1)])
def test_a_mask_of_one_row_is_that_of_all_and_a_third_axis_of_one_does_not_matter(
    shape: tuple[int, ...], go_backwards: bool
) -> None:
    made = layer(return_sequences=True, go_backwards=go_backwards)
    mask = MASK if shape[0] == 4 else np.tile(MASK[1], (4, 1))
    given = np.reshape(mask[: shape[0]], shape)
    assert np.array_equal(made(X, mask=given), made(X, mask=mask))
    assert np.array_equal(
        made.used_outputs({"sequences": X, "mask": given}), mask[:, ::-1] if go_backwards else mask
    )


@pytest.mark.parametrize("shape", [(7, 4), (4, 6), (4, 8), (4, 1), (5, 7), (4, 7, 3), (7,)])
def test_a_mask_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"the mask must have shape \(4, 7\), not"):
        layer()(X, mask=np.ones(shape, bool))


@pytest.mark.parametrize(
    "params",
    [
        {"use_cudnn": False},
        {"use_cudnn": True},
        {"implementation": 1},
        {"name": "first"},
        {"seed": 7},
        {"trainable": False},
        {"input_shape": [7, 5]},
        {"input_dim": 5},
        {"batch_input_shape": [4, 7, 5], "version": "2"},
        {"batch_size": 4, "input_length": 7, "version": ""},
    ],
)
def test_what_has_no_effect_on_a_call_is_taken(params: dict[str, Any]) -> None:
    assert np.array_equal(layer(**params)(X, [H, C], MASK), layer()(X, [H, C], MASK))


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"use_cudnn": "no"}, ValueError),
        ({"seed": 1.5}, ValueError),
        ({"seed": True}, ValueError),
        ({"time_major": True}, ValueError),
        ({"batch_input_shape": [4, 7, 5]}, ValueError),
        ({"input_length": 7}, ValueError),
        ({"trainable": "yes"}, TypeError),
        ({"zero_output_for_mask": 1}, TypeError),
        ({"unit_forget_bias": 1}, TypeError),
    ],
)
def test_what_is_not_documented_is_refused(params: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(params))):
        keras.LSTM(3, **params)


def test_what_is_not_trainable_has_no_gradient_while_its_input_has() -> None:
    _, pull_all = layer().vjp(X, [H, C])
    _, pull_frozen = layer(trainable=False).vjp(X, [H, C])
    cotangents = [np.ones((4, 3))]
    gradients, frozen = pull_all(cotangents), pull_frozen(cotangents)
    assert list(frozen) == ["sequences", "initial_state[0]", "initial_state[1]"]
    assert all(np.array_equal(frozen[name], gradients[name]) for name in frozen)


@pytest.mark.parametrize("training", [False, True])
def test_a_stateful_layer_goes_on_through_calls_of_any_length_in_training_and_out_of_it(
    training: bool,
) -> None:
    made = layer(return_sequences=True, stateful=True)
    parts = [made(X[:, :1]), made(X[:, 1:5], training=training), made(X[:, 5:])]
    assert np.concatenate(parts, axis=1) == pytest.approx(layer(return_sequences=True)(X), abs=1e-14)


def test_a_stateful_layer_keeps_the_state_before_masked_steps() -> None:
    made = layer(stateful=True)
    made(X, [H, C], MASK)
    _, h, c = layer(return_state=True)(X, [H, C], MASK)
    assert np.array_equal(made(X), layer()(X, [h, c]))


def test_what_a_state_carries_over_is_a_constant_for_gradients() -> None:
    made = layer(stateful=True, return_state=True)
    _, h, c = made(X)
    cotangents = [np.ones((4, 3))] * 3
    _, pull = made.vjp(X)
    _, pull_given = layer(return_state=True).vjp(X, [h, c])
    gradients, given = pull(cotangents), pull_given(cotangents)
    assert "initial_state[0]" not in gradients
    assert all(np.array_equal(gradients[name], given[name]) for name in gradients)


def test_states_can_be_set_by_reset_as_documented() -> None:
    made = layer(stateful=True)
    made.reset_state(states=[H, C])
    assert np.array_equal(made(X), layer()(X, [H, C]))


@pytest.mark.parametrize("action", ["save-and-load", "from-config"])
def test_another_layer_in_its_place_has_the_weights_and_no_states(action: str) -> None:
    made = layer(stateful=True)
    first = made(X)
    assert not np.array_equal(made(X), first)
    made.act(action, {})
    assert np.array_equal(made(X), first)
    made.act("reset", {})
    assert np.array_equal(made(X), first)


def test_a_model_over_any_batch_size_computes_the_same_and_cannot_have_a_stateful_layer() -> None:
    made = layer()
    made.act("functional-model", {})
    assert np.array_equal(made(X), layer()(X))
    with pytest.raises(ValueError, match="must say its batch size"):
        layer(stateful=True).act("functional-model", {})


def test_an_unknown_action_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"keras\.layers\.LSTM has no pickle"):
        layer().act("pickle", {})


def test_keras_2_returns_states_in_a_list() -> None:
    for params in ({"return_state": True}, {"return_state": True, "return_sequences": True}):
        old, new = layer(**params, version="2")(X), layer(**params)(X)
        assert (type(old), type(new)) == (list, tuple)
        assert all(np.array_equal(one, other) for one, other in zip(old, new, strict=True))


@pytest.mark.parametrize("version", ["3", "2"])
def test_a_given_state_takes_the_place_of_the_recorded_one(version: str) -> None:
    made, plain = layer(stateful=True, return_state=True, version=version), layer(return_state=True)
    made(X)
    assert np.array_equal(made(X, [H, C])[0], plain(X, [H, C])[0])


def test_in_keras_2_only_a_stateful_layer_can_be_reset() -> None:
    layer().reset_state()
    with pytest.raises(AttributeError, match="must be stateful"):
        layer(version="2").reset_state()


@pytest.mark.parametrize("params", [{"seed": 1}, {"use_cudnn": False}])
def test_keras_2_does_not_know_what_came_with_keras_3(params: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"this version of Keras has no {next(iter(params))}"):
        keras.LSTM(3, **params, version="2")


def test_what_either_version_documents_can_be_built_where_no_version_is_named() -> None:
    for params in ({"time_major": True}, {"batch_size": 4}, {"seed": 1}, {"activation": "celu"}):
        assert dialect("keras").build("LSTM", {"units": 3, **params}, "float64")
    with pytest.raises(ValueError, match="batch_shape"):
        dialect("keras").build("LSTM", {"units": 3, "batch_shape": [4, 7, 5]}, "float64")


@pytest.mark.parametrize("go_backwards", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_time_major_of_keras_2_has_the_first_two_axes_in_the_other_order(
    go_backwards: bool, return_sequences: bool
) -> None:
    params = {
        "return_state": True,
        "go_backwards": go_backwards,
        "return_sequences": return_sequences,
        "version": "2",
        "activity_regularizer": "l2",
    }
    major, minor = layer(**params, time_major=True), layer(**params)
    cotangents = [RNG.normal(size=(4, 7, 3) if return_sequences else (4, 3)), H, C]
    turned = [cotangents[0].swapaxes(0, 1) if return_sequences else cotangents[0], H, C]
    (output, *states), pull_major = major.vjp(X.swapaxes(0, 1), [H, C], MASK)
    (wanted, *wanted_states), pull_minor = minor.vjp(X, [H, C], MASK)
    assert np.array_equal(output.swapaxes(0, 1) if return_sequences else output, wanted)
    assert all(np.array_equal(one, other) for one, other in zip(states, wanted_states, strict=True))
    gradients, others = pull_major(turned), pull_minor(cotangents)
    assert np.array_equal(gradients.pop("sequences").swapaxes(0, 1), others.pop("sequences"))
    assert all(np.array_equal(gradients[name], others[name]) for name in gradients)
    specs = dialect("keras").arguments(
        major, Sizes(4, 7, 5), {"mask": "gaps-over-nan", "epochs": 1, "learning_rate": 1.0}
    )
    assert (specs["sequences"].shape, specs["sequences"].axes) == ((7, 4, 5), ("time", "batch", "feature"))
    assert specs["sequences"].planted.where.shape == (7, 4, 1)
    assert specs["targets"].shape == ((7, 4, 3) if return_sequences else (4, 3))


def test_nan_is_planted_where_a_case_says_so() -> None:
    arguments = dialect("keras").arguments(layer(), Sizes(4, 7, 5), {"mask": "left-over-nan"})
    where, value = arguments["sequences"].planted
    assert np.isnan(value)
    assert np.array_equal(where[..., 0], arguments["mask"].values == 0)
    assert dialect("keras").arguments(layer(), Sizes(4, 7, 5), {"mask": "left"})["sequences"].planted is None


@pytest.mark.parametrize("return_sequences", [False, True])
def test_a_training_step_has_targets_of_the_shape_of_the_output(return_sequences: bool) -> None:
    made = layer(return_sequences=return_sequences, return_state=True)
    arguments = dialect("keras").arguments(made, Sizes(4, 7, 5), {"epochs": 3, "learning_rate": 0.125})
    assert list(arguments) == ["sequences", "targets", "epochs", "learning_rate"]
    assert arguments["targets"].shape == made(X)[0].shape
    assert (arguments["epochs"], arguments["learning_rate"]) == (3, 0.125)
