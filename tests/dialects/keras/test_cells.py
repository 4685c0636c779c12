"""keras.LSTMCell and keras.StackedRNNCells: one step by the equations, states, dropout
masks, penalties, gradients, and their refusals.
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

Array = npt.NDArray[Any]
Disagreements = Callable[..., dict[str, tuple[float, float]]]

TABLES = load_parameters()["keras"].layers
RNG = np.random.default_rng(5)
B, F, U, V = 4, 5, 3, 2
X = RNG.normal(size=(B, F))
H, C = RNG.normal(size=(2, B, U))
H2, C2 = RNG.normal(size=(2, B, V))


def weights(features: int, units: int) -> dict[str, Array]:
    shapes = {"kernel": (features, 4 * units), "recurrent_kernel": (units, 4 * units), "bias": (4 * units,)}
    return {name: RNG.normal(size=shape) for name, shape in shapes.items()}


W, W2 = weights(F, U), weights(U, V)
MASKS = {
    "dropout": np.where(RNG.random((4, B, 1, F)) < 0.3, 0, 1 / 0.7),
    "recurrent_dropout": np.where(RNG.random((4, B, 1, U)) < 0.2, 0, 1 / 0.8),
}


def sigmoid(z: Array) -> Array:
    return 1 / (1 + np.exp(-z))


def step(
    x: Array, h: Array, c: Array, w: dict[str, Array], drop_x: Any = (1, 1, 1, 1), drop_h: Any = (1, 1, 1, 1)
) -> tuple[Array, Array]:
    """The documented equations; drop_x and drop_h are one mask a gate."""
    gates = zip(
        drop_x,
        drop_h,
        *(np.split(w[name], 4, axis=-1) for name in ("kernel", "recurrent_kernel", "bias")),
        strict=True,
    )
    i, f, g, o = (
        (x * dx) @ kernel + (h * dh) @ recurrent_kernel + bias
        for dx, dh, kernel, recurrent_kernel, bias in gates
    )
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def cell(**params: Any) -> keras.LSTMCell:
    made = keras.LSTMCell(U, dtype="float64", **params)
    made.load({name: w for name, w in W.items() if name != "bias" or params.get("use_bias", True)})
    return made


def stack(**params: Any) -> keras.StackedRNNCells:
    made = keras.StackedRNNCells(
        [keras.LSTMCell(U, dtype="float64", **params), keras.LSTMCell(V, dtype="float64", **params)]
    )
    made.load({**{f"0/{name}": w for name, w in W.items()}, **{f"1/{name}": w for name, w in W2.items()}})
    return made


@pytest.mark.parametrize(
    ("name", "kind"), [("LSTMCell", keras.LSTMCell), ("StackedRNNCells", keras.StackedRNNCells)]
)
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


def test_a_cell_takes_one_step_of_the_documented_equations() -> None:
    output, (h, c) = cell()(X, [H, C])
    wanted_h, wanted_c = step(X, H, C, W)
    assert output == pytest.approx(wanted_h, abs=1e-14)
    assert h == pytest.approx(wanted_h, abs=1e-14)
    assert c == pytest.approx(wanted_c, abs=1e-14)


def test_without_bias_none_is_added() -> None:
    output, _ = cell(use_bias=False)(X, [H, C])
    assert output == pytest.approx(step(X, H, C, {**W, "bias": np.zeros(4 * U)})[0], abs=1e-14)


def test_the_activations_stand_where_they_are_documented() -> None:
    output, (_, c) = cell(activation="linear", recurrent_activation="tanh")(X, [H, C])
    i, f, g, o = np.split(X @ W["kernel"] + H @ W["recurrent_kernel"] + W["bias"], 4, axis=-1)
    wanted = np.tanh(f) * C + np.tanh(i) * g
    assert c == pytest.approx(wanted, abs=1e-13)
    assert output == pytest.approx(np.tanh(o) * wanted, abs=1e-13)


def test_the_masks_of_dropout_are_multiplied_in_gate_by_gate() -> None:
    (output, _), _ = cell(dropout=0.3, recurrent_dropout=0.2).vjp(X, [H, C], True, drawn=MASKS)
    assert output == pytest.approx(
        step(X, H, C, W, MASKS["dropout"][:, :, 0], MASKS["recurrent_dropout"][:, :, 0])[0], abs=1e-13
    )


def test_masks_are_drawn_in_training_only_and_for_one_step() -> None:
    made = cell(dropout=0.3, recurrent_dropout=0.2)
    assert made.draws({"inputs": X}) == {}
    drawn = made.draws({"inputs": X, "training": True})
    assert drawn["dropout"].shapes == ((1, B, 1, F), (4, B, 1, F))
    assert drawn["recurrent_dropout"].shapes == ((1, B, 1, U), (4, B, 1, U))
    assert (drawn["dropout"].rate, drawn["recurrent_dropout"].rate) == (0.3, 0.2)


def test_of_stacked_cells_each_reads_the_output_of_the_one_before() -> None:
    output, states = stack()(X, [[H, C], [H2, C2]])
    h, c = step(X, H, C, W)
    h2, c2 = step(h, H2, C2, W2)
    assert output == pytest.approx(h2, abs=1e-14)
    for found, wanted in zip([array for pair in states for array in pair], (h, c, h2, c2), strict=True):
        assert found == pytest.approx(wanted, abs=1e-14)


def test_of_stacked_cells_each_draws_its_own_masks() -> None:
    made = stack(dropout=0.3)
    assert {name: draw.shapes[0] for name, draw in made.draws({"inputs": X, "training": True}).items()} == {
        "0/dropout": (1, B, 1, F),
        "1/dropout": (1, B, 1, U),
    }
    lower = {name: value for name, value in MASKS.items() if name == "dropout"}
    upper = np.where(RNG.random((1, B, 1, U)) < 0.3, 0, 1 / 0.7)
    (output, _), _ = made.vjp(
        X, [[H, C], [H2, C2]], True, drawn={"0/dropout": lower["dropout"], "1/dropout": upper}
    )
    h, _ = step(X, H, C, W, drop_x=lower["dropout"][:, :, 0])
    assert output == pytest.approx(step(h * upper[0, :, 0], H2, C2, W2)[0], abs=1e-13)


def test_the_gradients_of_a_cell_are_difference_quotients(disagreements: Disagreements) -> None:
    made = cell(kernel_regularizer="l2", bias_regularizer="l1")
    assert made.vjp(X, [H, C])[1]([H, H, C]).keys() == {
        "kernel",
        "recurrent_kernel",
        "bias",
        "inputs",
        "states[0]",
        "states[1]",
    }
    assert disagreements(made, {"inputs": X, "states": [H, C]}) == {}


def test_the_gradients_of_stacked_cells_are_difference_quotients(disagreements: Disagreements) -> None:
    arguments = {"inputs": X, "states": [[H, C], [H2, C2]]}
    found = stack().vjp(**arguments)[1]([H2, H, C, H2, C2])
    assert list(found) == [
        *(f"{k}/{name}" for k in range(2) for name in W),
        "inputs",
        *(f"states[{k}][{j}]" for k in range(2) for j in range(2)),
    ]
    assert disagreements(stack(), arguments) == {}


def test_the_penalties_of_stacked_cells_are_those_of_all_in_order() -> None:
    made = stack(kernel_regularizer="l2", bias_regularizer="l1")
    made(X, [[H, C], [H2, C2]])
    wanted = [
        0.01 * np.sum(w["kernel"] ** 2) if kind == "kernel" else 0.01 * np.sum(np.abs(w["bias"]))
        for w in (W, W2)
        for kind in ("kernel", "bias")
    ]
    assert made.effects()["losses"] == pytest.approx(np.array(wanted), rel=1e-14)


def test_what_is_not_trainable_has_no_gradient() -> None:
    _, pullback = cell(trainable=False).vjp(X, [H, C])
    assert list(pullback([H, H, C])) == ["inputs", "states[0]", "states[1]"]
    frozen = keras.StackedRNNCells([cell()], trainable=False)
    _, pullback = frozen.vjp(X, [[H, C]])
    assert list(pullback([H, H, C])) == ["inputs", "states[0][0]", "states[0][1]"]


def test_weights_are_named_by_place_and_checked() -> None:
    made = stack()
    assert {name: spec.shape for name, spec in made.weight_specs(F).items()} == {
        name: w.shape for name, w in made.weights().items()
    }
    with pytest.raises(ValueError, match="no weights of this layer: 2/kernel"):
        made.load({**made.weights(), "2/kernel": W["kernel"]})
    with pytest.raises(ValueError, match="bias is missing"):
        made.load({name: w for name, w in made.weights().items() if name != "1/bias"})


def test_a_case_becomes_the_documented_arguments() -> None:
    arguments = dialect("keras").arguments(cell(), Sizes(B, 1, F), {"training": True})
    assert (
        arguments["inputs"].shape,
        [spec.shape for spec in arguments["states"]],
        arguments["training"],
    ) == ((B, F), [(B, U), (B, U)], True)
    assert dialect("keras").arguments(cell(), Sizes(B, 1, F), {"states": "previous"})[
        "states"
    ] == PreviousOutputs((1, 2))
    handed = dialect("keras").arguments(stack(), Sizes(B, 1, F), {"states": "previous"})["states"]
    assert handed == PreviousOutputs((PreviousOutputs((1, 2)), PreviousOutputs((3, 4))))
    nested = dialect("keras").arguments(stack(), Sizes(B, 1, F), {})["states"]
    assert [[(spec.shape, spec.source) for spec in pair] for pair in nested] == [
        [((B, U), "h/0"), ((B, U), "c/0")],
        [((B, V), "h/1"), ((B, V), "c/1")],
    ]


def test_outputs_are_named_in_the_order_in_which_they_come() -> None:
    assert [output.name for output in cell().outputs({})] == ["output", "h", "c"]
    assert [output.name for output in stack().outputs({})] == ["output", "h_0", "c_0", "h_1", "c_1"]


@pytest.mark.parametrize("inputs", [X[0], X[None]])
def test_an_input_of_wrong_rank_is_refused(inputs: Array) -> None:
    with pytest.raises(ValueError, match="inputs must have 2 dimensions"):
        cell()(inputs, [H, C])


@pytest.mark.parametrize("states", [[H], [H, C, C], [H[:3], C], [H, C[:, :2]]])
def test_wrong_states_are_refused(states: list[Array]) -> None:
    with pytest.raises(ValueError, match="initial"):
        cell()(X, states)


def test_stacked_cells_refuse_states_of_another_number_of_cells_and_what_is_no_cell() -> None:
    with pytest.raises(ValueError, match="states must be 2 pairs"):
        stack()(X, [[H, C]])
    for cells in ([], [keras.LSTM(3)], [3]):
        with pytest.raises(ValueError, match="cells must be a list of cells"):
            keras.StackedRNNCells(cells)  # type: ignore[arg-type]


def test_a_cell_records_nothing_that_could_be_reset() -> None:
    with pytest.raises(NotImplementedError, match="reset_state"):
        cell().act("reset", {})


def test_keras_2_returns_the_states_of_all_cells_in_a_tuple() -> None:
    cells = {"cells": [{"layer": "LSTMCell", "params": {"units": n}} for n in (U, V)]}
    for version, kind in (("2", tuple), ("3", list)):
        made = dialect("keras", version).build("StackedRNNCells", cells, "float64")
        made.load(stack().weights())
        assert type(made.vjp(X, [[H, C], [H2, C2]])[0][1]) is kind
