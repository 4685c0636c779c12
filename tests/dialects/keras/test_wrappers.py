"""keras.RNN and keras.Bidirectional against compositions of the reference's loop over
time, made by hand; their gradients; their refusals.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus.loading import load_parameters
from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.weights import LSTMWeights

Array = npt.NDArray[Any]
Disagreements = Callable[..., dict[str, tuple[float, float]]]

TABLES = load_parameters()["keras"].layers
RNG = np.random.default_rng(6)
B, T, F, U, V = 4, 7, 5, 3, 2
X = RNG.normal(size=(B, T, F))
S = [RNG.normal(size=(B, U)) for _ in range(4)]
S2 = [RNG.normal(size=(B, V)) for _ in range(2)]
# A beginning, a gap, an end, an empty row.
MASK = np.array([[0, 0, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0] * 7], bool)


def weights(features: int, units: int) -> dict[str, Array]:
    shapes = {"kernel": (features, 4 * units), "recurrent_kernel": (units, 4 * units), "bias": (4 * units,)}
    return {name: RNG.normal(size=shape) for name, shape in shapes.items()}


W, W2, WB = weights(F, U), weights(U, V), weights(F, U)


def put(**places: dict[str, Array]) -> dict[str, Array]:
    return {f"{place.strip('_')}/{name}": w for place, found in places.items() for name, w in found.items()}


def by_reference(
    x: Array, w: dict[str, Array], state: list[Array] | None = None, mask: Array | None = None
) -> tuple[Array, State]:
    """h after every step and the last state, forwards in time."""
    zeros = np.zeros((B, w["recurrent_kernel"].shape[0]))
    (h, last), _ = run(x, State(*(state or [zeros, zeros])), LSTMWeights.from_keras(w), mask=mask)
    return h, last


def shown(h: Array, mask: Array) -> Array:
    """The output of masked steps: what was before, zero where nothing was."""
    output = h.copy()
    for row in range(B):
        for t in range(T):
            if not mask[row, : t + 1].any():
                output[row, t] = 0
    return output


def cells(*units: int, **params: Any) -> list[keras.LSTMCell]:
    return [keras.LSTMCell(n, dtype="float64", **params) for n in units]


def rnn(**params: Any) -> keras.RNN:
    made = keras.RNN(cells(U)[0], **params)
    made.load(W)
    return made


def stacked(**params: Any) -> keras.RNN:
    made = keras.RNN(cells(U, V), **params)
    made.load(put(_0=W, _1=W2))
    return made


def bidirectional(merge_mode: str | None = "concat", **params: Any) -> keras.Bidirectional:
    made = keras.Bidirectional(keras.LSTM(U, dtype="float64", **params), merge_mode)
    made.load(put(forward=W, backward=WB))
    return made


@pytest.mark.parametrize(("name", "kind"), [("RNN", keras.RNN), ("Bidirectional", keras.Bidirectional)])
def test_constructor_and_call_have_the_documented_parameters(name: str, kind: Any) -> None:
    # That the tables are the signatures of the installed framework is a test of the
    # corpus.
    parameters = {
        key: p
        for key, p in inspect.signature(kind).parameters.items()
        if p.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    own = {
        key: p for key, p in TABLES[name].constructor.items() if p.source.startswith(f"keras.layers.{name},")
    }
    assert {key: "required" if p.default is p.empty else p.default for key, p in parameters.items()} == {
        key: "required" if p.required else p.default for key, p in own.items()
    }
    assert list(parameters) == list(own)
    assert list(inspect.signature(kind.__call__).parameters) == ["self", *TABLES[name].call]


# --- RNN ---


def test_an_rnn_of_a_cell_is_the_loop_over_time() -> None:
    output, h, c = rnn(return_sequences=True, return_state=True)(X, S[:2])
    wanted, last = by_reference(X, W, S[:2])
    assert output == pytest.approx(wanted, abs=1e-14)
    assert (h, c) == (pytest.approx(last.h, abs=1e-14), pytest.approx(last.c, abs=1e-14))
    assert rnn()(X) == pytest.approx(by_reference(X, W)[0][:, -1], abs=1e-14)


def test_going_backwards_is_the_reversed_input_in_the_order_of_processing() -> None:
    output = rnn(return_sequences=True, go_backwards=True)(X, S[:2], MASK)
    assert output == pytest.approx(
        shown(by_reference(X[:, ::-1], W, S[:2], MASK[:, ::-1])[0], MASK[:, ::-1]), abs=1e-14
    )


@pytest.mark.parametrize("return_sequences", [False, True])
def test_zero_output_for_mask_is_about_sequences_alone(return_sequences: bool) -> None:
    output, h, _ = rnn(return_sequences=return_sequences, return_state=True, zero_output_for_mask=True)(
        X, S[:2], MASK
    )
    every, last = by_reference(X, W, S[:2], MASK)
    wanted = every * MASK[..., None] if return_sequences else shown(every, MASK)[:, -1]
    assert output == pytest.approx(wanted, abs=1e-14)
    assert h == pytest.approx(last.h, abs=1e-14)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_stacked_cells_are_one_loop_on_top_of_another(go_backwards: bool, masked: bool) -> None:
    mask = MASK if masked else None
    output, *states = stacked(return_sequences=True, return_state=True, go_backwards=go_backwards)(
        X, [S[:2], S2], mask
    )
    x, m = (X[:, ::-1], None if mask is None else mask[:, ::-1]) if go_backwards else (X, mask)
    lower, last = by_reference(x, W, S[:2], m)
    upper, last2 = by_reference(lower, W2, S2, m)
    assert output == pytest.approx(upper if m is None else shown(upper, m), abs=1e-14)
    for found, wanted in zip([array for pair in states for array in pair], (*last, *last2), strict=True):
        assert found == pytest.approx(wanted, abs=1e-14)


def test_a_list_of_cells_is_a_stack_of_them() -> None:
    made = keras.RNN(keras.StackedRNNCells(cells(U, V)), return_sequences=True)
    made.load(put(_0=W, _1=W2))
    assert np.array_equal(made(X, [S[:2], S2]), stacked(return_sequences=True)(X, [S[:2], S2]))


def test_a_list_of_one_cell_has_its_states_in_a_list() -> None:
    made = keras.RNN(cells(U), return_state=True)
    made.load(put(_0=W))
    output, (h, c) = made(X, [S[:2]])
    wanted, last = by_reference(X, W, S[:2])
    assert (output, h, c) == tuple(
        pytest.approx(array, abs=1e-14) for array in (wanted[:, -1], last.h, last.c)
    )


def test_stateful_stacked_cells_go_on_where_they_stopped_until_they_are_reset() -> None:
    made, whole = stacked(stateful=True), stacked()(X)
    made(X[:, :3])
    assert made(X[:, 3:]) == pytest.approx(whole, abs=1e-14)
    made.reset_state()
    assert np.array_equal(made(X), whole)


def test_the_masks_of_each_cell_are_constant_over_time() -> None:
    made = keras.RNN(cells(U, V, dropout=0.3, recurrent_dropout=0.2), return_sequences=True)
    made.load(put(_0=W, _1=W2))
    assert {
        name: draw.shapes[-1] for name, draw in made.draws({"sequences": X, "training": True}).items()
    } == {
        "0/dropout": (4, B, 1, F),
        "0/recurrent_dropout": (4, B, 1, U),
        "1/dropout": (4, B, 1, U),
        "1/recurrent_dropout": (4, B, 1, V),
    }
    drop = np.where(RNG.random((1, B, 1, F)) < 0.3, 0, 1 / 0.7)
    drop2 = np.where(RNG.random((1, B, 1, U)) < 0.3, 0, 1 / 0.7)
    output, _ = made.vjp(X, training=True, drawn={"0/dropout": drop, "1/dropout": drop2})
    assert output == pytest.approx(by_reference(by_reference(X * drop[0], W)[0] * drop2[0], W2)[0], abs=1e-13)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"return_sequences": True, "return_state": True, "zero_output_for_mask": True},
        {"go_backwards": True},
    ],
)
def test_the_gradients_of_an_rnn_are_difference_quotients(
    params: dict[str, bool], masked: bool, disagreements: Disagreements
) -> None:
    arguments = {"sequences": X, "initial_state": S[:2], "mask": MASK if masked else None}
    assert disagreements(rnn(**params), arguments) == {}
    nested = {**arguments, "initial_state": [S[:2], S2]}
    assert list(
        stacked(**params).vjp(**nested)[1]([np.ones_like(a) for a in flat(stacked(**params)(**nested))])
    ) == [
        *put(_0=W, _1=W2),
        "sequences",
        *(f"initial_state[{k}][{j}]" for k in range(2) for j in range(2)),
    ]
    assert disagreements(stacked(**params), nested) == {}


def flat(result: Any) -> list[Array]:
    return (
        [array for part in result for array in flat(part)] if isinstance(result, (list, tuple)) else [result]
    )


def test_an_rnn_refuses_states_of_another_number_of_cells() -> None:
    with pytest.raises(ValueError, match="initial_state must be 2 pairs"):
        stacked()(X, [S[:2]])


# --- Bidirectional ---


def both(mask: Array | None = None, state: list[Array] | None = None) -> tuple[Array, State, Array, State]:
    """Outputs and states of both directions, the backward one's outputs in the order of
    the input.
    """
    h, last = by_reference(X, W, state and state[:2], mask)
    h_b, last_b = by_reference(X[:, ::-1], WB, state and state[2:], None if mask is None else mask[:, ::-1])
    return h, last, h_b[:, ::-1], last_b


MERGED = {
    "concat": lambda y, z: np.concatenate([y, z], axis=-1),
    "sum": lambda y, z: y + z,
    "ave": lambda y, z: (y + z) / 2,
    "mul": lambda y, z: y * z,
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
@pytest.mark.parametrize("mode", [*MERGED, None])
def test_both_directions_are_merged_at_the_time_of_their_input(
    mode: str | None, return_sequences: bool, masked: bool
) -> None:
    mask = MASK if masked else None
    result = bidirectional(mode, return_sequences=return_sequences, return_state=True)(X, S, mask)
    h, last, h_b, last_b = both(mask, S)
    if not return_sequences:
        # The last output: the backward layer's last step is the first of the sequence.
        # An empty row has none.
        any_step = MASK.any(axis=1)[:, None] if masked else 1
        y, z = h[:, -1] * any_step, h_b[:, 0] * any_step
    else:
        y, z = (h, h_b) if mask is None else (h * mask[..., None], h_b * mask[..., None])
    outputs = [y, z] if mode is None else [MERGED[mode](y, z)]
    assert len(result) == len(outputs) + 4
    for found, wanted in zip(result, [*outputs, *last, *last_b], strict=True):
        assert found == pytest.approx(wanted, abs=1e-14)


def test_without_states_one_array_is_returned_and_two_without_merging() -> None:
    assert bidirectional()(X).shape == (B, 2 * U)
    assert [array.shape for array in bidirectional(None, return_sequences=True)(X)] == [(B, T, U)] * 2


def test_the_second_half_of_the_states_is_the_backward_layers() -> None:
    swapped = bidirectional(return_state=True)(X, [*S[2:], *S[:2]])
    plain = bidirectional(return_state=True)(X, S)
    assert not np.allclose(swapped[0][:, :U], plain[0][:, :U])
    assert swapped[1] == pytest.approx(by_reference(X, W, S[2:])[1].h, abs=1e-14)


def test_a_backward_layer_of_its_own_is_used() -> None:
    made = keras.Bidirectional(
        keras.LSTM(U, dtype="float64"),
        backward_layer=keras.LSTM(V, activation="linear", go_backwards=True, dtype="float64"),
    )
    other = weights(F, V)
    made.load(put(forward=W, backward=other))
    linear = keras.LSTM(V, activation="linear", dtype="float64")
    linear.load(other)
    assert made(X) == pytest.approx(
        np.concatenate([by_reference(X, W)[0][:, -1], linear(X[:, ::-1])], axis=-1), abs=1e-14
    )


def test_the_wrapped_layer_is_copied() -> None:
    layer = keras.LSTM(U, dtype="float64", return_sequences=True)
    made = keras.Bidirectional(layer)
    made.load(put(forward=W, backward=WB))
    layer.load(WB)
    assert (layer.go_backwards, layer.zero_output_for_mask) == (False, False)
    assert made(X)[..., :U] == pytest.approx(by_reference(X, W)[0], abs=1e-14)


def test_of_a_layer_that_goes_backwards_the_generated_one_goes_forwards() -> None:
    made = keras.Bidirectional(keras.LSTM(U, dtype="float64", go_backwards=True))
    made.load(put(forward=W, backward=WB))
    assert made(X) == pytest.approx(
        np.concatenate([by_reference(X[:, ::-1], W)[0][:, -1], by_reference(X, WB)[0][:, -1]], axis=-1),
        abs=1e-14,
    )


def test_cells_over_time_can_be_wrapped() -> None:
    made = keras.Bidirectional(keras.RNN(cells(U, V), return_sequences=True, return_state=True))
    below = weights(F, U)
    made.load({**put(**{"forward/0": W, "forward/1": W2}), **put(**{"backward/0": below, "backward/1": W2})})
    output, *states = made(X, [S[:2], S2, S[2:], S2], MASK)
    lower, last = by_reference(X[:, ::-1], below, S[2:], MASK[:, ::-1])
    upper, last2 = by_reference(lower, W2, S2, MASK[:, ::-1])
    assert output[..., V:] == pytest.approx((upper * MASK[:, ::-1, None])[:, ::-1], abs=1e-14)
    assert [pytest.approx(array, abs=1e-14) for array in (*last, *last2)] == [
        array for pair in states[2:] for array in pair
    ]
    names = [
        f"{direction}_{state}_{k}"
        for direction in ("forward", "backward")
        for k in range(2)
        for state in "hc"
    ]
    assert [found.name for found in made.outputs({})] == ["output", *names]


def test_a_stateful_layer_goes_on_in_its_own_direction() -> None:
    made = bidirectional(stateful=True, return_sequences=True)
    made(X[:, :4])
    second = made(X[:, 4:])
    last_b = by_reference(X[:, 3::-1], WB)[1]
    assert second[..., :U] == pytest.approx(by_reference(X, W)[0][:, 4:], abs=1e-14)
    assert second[..., U:] == pytest.approx(
        by_reference(X[:, :3:-1], WB, list(last_b))[0][:, ::-1], abs=1e-14
    )
    made.reset_state()
    assert np.array_equal(made(X), bidirectional(return_sequences=True)(X))


def test_each_direction_draws_its_own_masks_in_the_order_of_the_input() -> None:
    made = bidirectional(dropout=0.3, return_sequences=True)
    assert {name: draw.rate for name, draw in made.draws({"sequences": X, "training": True}).items()} == {
        "forward/dropout": 0.3,
        "backward/dropout": 0.3,
    }
    drop = np.where(RNG.random((1, B, 1, F)) < 0.3, 0, 1 / 0.7)
    output, _ = made.vjp(X, training=True, drawn={"backward/dropout": drop})
    assert output[..., :U] == pytest.approx(by_reference(X, W)[0], abs=1e-14)
    assert output[..., U:] == pytest.approx(by_reference((X * drop[0])[:, ::-1], WB)[0][:, ::-1], abs=1e-13)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("params", [{}, {"return_sequences": True, "return_state": True}])
@pytest.mark.parametrize("mode", [*MERGED, None])
def test_the_gradients_of_both_directions_are_difference_quotients(
    mode: str | None, params: dict[str, bool], masked: bool, disagreements: Disagreements
) -> None:
    made = bidirectional(mode, **params)
    arguments = {"sequences": X, "initial_state": S, "mask": MASK if masked else None}
    found = made.vjp(**arguments)[1]([np.ones_like(array) for array in flat(made(**arguments))])
    assert list(found) == [
        *put(forward=W, backward=WB),
        "sequences",
        *(f"initial_state[{k}]" for k in range(4)),
    ]
    assert disagreements(made, arguments) == {}


def test_penalties_of_outputs_come_before_those_of_weights(disagreements: Disagreements) -> None:
    made = bidirectional(activity_regularizer="l2", kernel_regularizer="l1", return_sequences=True)
    made(X, mask=MASK)
    h, _, h_b, _ = both(MASK)
    of_outputs = [0.01 * np.sum((y * MASK[..., None]) ** 2) / B for y in (h, h_b)]
    of_weights = [0.01 * np.sum(np.abs(w["kernel"])) for w in (W, WB)]
    assert made.effects()["losses"] == pytest.approx(np.array([*of_outputs, *of_weights]), rel=1e-13)
    assert disagreements(made, {"sequences": X, "mask": MASK}) == {}


def test_training_moves_both_directions_down_the_gradient_and_projects() -> None:
    made = bidirectional(bias_constraint="non_neg")
    targets = RNG.normal(size=(B, 2 * U))
    result, pullback = made.vjp(X)
    gradients = pullback([2 * (result - targets) / targets.size])
    made.act("train", {"sequences": X, "targets": targets, "epochs": 1, "learning_rate": 0.5})
    wanted = put(forward=W, backward=WB)
    for name, w in made.weights().items():
        stepped = wanted[name] - 0.5 * gradients[name]
        assert w == pytest.approx(np.maximum(stepped, 0) if name.endswith("/bias") else stepped, abs=1e-14)


def test_a_training_with_dropout_uses_the_masks_of_each_epoch_of_both_layers() -> None:
    random = np.random.default_rng(4)
    targets = random.normal(size=(B, 2 * U))
    made, epochs = bidirectional(dropout=0.3), []
    for _ in range(2):
        draws = made.draws({"sequences": X, "training": True})
        assert set(draws) == {"forward/dropout", "backward/dropout"}
        epochs.append(
            {
                name: np.where(random.random(draw.shapes[0]) < 0.3, 0.0, 1 / 0.7)
                for name, draw in draws.items()
            }
        )
    by_hand = bidirectional(dropout=0.3)
    for masks in epochs:
        output, pull = by_hand.vjp(X, training=True, drawn=masks)
        gradients = pull([2 * (output - targets) / targets.size])
        by_hand.take({name: w - 0.5 * gradients[name] for name, w in by_hand.weights().items()})
    made.act(
        "train", {"sequences": X, "targets": targets, "epochs": 2, "learning_rate": 0.5, "drawn": epochs}
    )
    for name, w in made.weights().items():
        assert w == pytest.approx(by_hand.weights()[name], abs=1e-14)
        assert np.any(np.abs(w - bidirectional(dropout=0.3).weights()[name]) > 1e-3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"layer": cells(U)[0]}, "layer must be a recurrent layer"),
        ({"layer": None}, "layer must be a recurrent layer"),
        (
            {"layer": keras.LSTM(U), "merge_mode": "max"},
            "merge_mode must be one of 'sum', 'mul', 'concat', 'ave', None, not 'max'",
        ),
        ({"layer": keras.LSTM(U), "backward_layer": keras.LSTM(U)}, "must differ in go_backwards"),
        (
            {"layer": keras.LSTM(U), "backward_layer": keras.LSTM(U, go_backwards=True, stateful=True)},
            "must have the same stateful",
        ),
        (
            {"layer": keras.LSTM(U), "backward_layer": keras.LSTM(U, go_backwards=True, return_state=True)},
            "must have the same return_state",
        ),
    ],
)
def test_a_wrapper_refuses_what_is_not_documented(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        keras.Bidirectional(**params)


def test_states_for_one_direction_alone_are_refused() -> None:
    for states in ([], S[:1], S[:3]):
        with pytest.raises(ValueError, match="initial_state must be the states of both directions"):
            bidirectional()(X, states)


# --- from a case ---


def test_a_case_becomes_nested_layers_and_their_arguments() -> None:
    language = dialect("keras")
    made = language.build(
        "Bidirectional",
        {"layer": {"layer": "LSTM", "params": {"units": U, "return_state": True}}, "merge_mode": None},
        "float64",
    )
    call = {"initial_state": "given", "mask": "gaps", "training": True}
    arguments = language.arguments(made, Sizes(B, T, F), call)
    assert list(arguments) == ["sequences", "initial_state", "mask", "training"]
    assert [(spec.shape, spec.source) for spec in arguments["initial_state"]] == [
        ((B, U), name) for name in ("h/0", "c/0", "h/1", "c/1")
    ]
    assert language.arguments(made, Sizes(B, T, F), {"initial_state": "previous"})[
        "initial_state"
    ] == PreviousOutputs((2, 3, 4, 5))
    assert language.arguments(made, Sizes(B, T, F), {"epochs": 1, "learning_rate": 0.5})["targets"].shape == (
        B,
        U,
    )
    names = ["forward_output", "backward_output", "forward_h", "forward_c", "backward_h", "backward_c"]
    assert [output.name for output in made.outputs({})] == names
    cell = {"layer": "LSTMCell", "params": {"units": U}}
    nested = language.build("RNN", {"cell": [cell, cell], "return_state": True}, "float64")
    assert [
        [spec.source for spec in pair]
        for pair in language.arguments(nested, Sizes(B, T, F), call)["initial_state"]
    ] == [
        ["h/0", "c/0"],
        ["h/1", "c/1"],
    ]
    assert list(nested.weight_specs(F)) == list(put(_0=W, _1=W2))
    previous = {"initial_state": "previous"}
    assert language.arguments(nested, Sizes(B, T, F), previous)["initial_state"] == PreviousOutputs(
        (PreviousOutputs((1, 2)), PreviousOutputs((3, 4)))
    )
    both = language.build(
        "Bidirectional",
        {
            "layer": {"layer": "RNN", "params": {"cell": [cell, cell], "return_state": True}},
            "merge_mode": None,
        },
        "float64",
    )
    assert language.arguments(both, Sizes(B, T, F), previous)["initial_state"] == PreviousOutputs(
        tuple(PreviousOutputs((k, k + 1)) for k in (2, 4, 6, 8))
    )


def test_keras_2_returns_lists() -> None:
    cell = {"layer": "LSTMCell", "params": {"units": U}}
    for name, params in (
        ("RNN", {"cell": cell, "return_state": True}),
        ("Bidirectional", {"layer": {"layer": "LSTM", "params": {"units": U}}, "merge_mode": None}),
    ):
        for version, kind in (("2", list), ("3", tuple)):
            made = dialect("keras", version).build(name, params, "float64")
            made.load({weight: np.zeros(spec.shape) for weight, spec in made.weight_specs(F).items()})
            assert type(made.vjp(X)[0]) is kind


def test_keras_2_lists_the_penalties_layer_by_layer() -> None:
    layer = {
        "layer": "LSTM",
        "params": {"units": U, "activity_regularizer": "l2", "kernel_regularizer": "l1"},
    }
    found = {}
    for version in ("2", "3"):
        made = dialect("keras", version).build("Bidirectional", {"layer": layer}, "float64")
        made.load(put(forward=W, backward=WB))
        made.vjp(X)
        found[version] = made.effects()["losses"]
    assert len(set(found["3"])) == 4
    assert np.array_equal(found["2"], found["3"][[0, 2, 1, 3]])
