"""Dropout of keras.LSTM: given masks against the equations of the layer, one row, step
and gate at a time; and which masks a call has to draw.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.dialects import keras

Array = npt.NDArray[Any]
WrongGradients = Callable[..., dict[str, tuple[float, float]]]

RNG = np.random.default_rng(11)
B, T, F, U = 4, 6, 5, 3
X = RNG.normal(size=(B, T, F))
H, C = RNG.normal(size=(2, B, U))
WEIGHTS = [RNG.normal(size=shape) for shape in ((F, 4 * U), (U, 4 * U), (4 * U,))]
NAMES = ["kernel", "recurrent_kernel", "bias"]
MASK = np.array([[0, 0, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1], [1, 1, 1, 1, 0, 0], [0] * 6], bool)


def layer(**params: Any) -> keras.LSTM:
    made = keras.LSTM(
        U,
        dtype="float64",
        dropout=0.3,
        recurrent_dropout=0.2,
        return_sequences=True,
        return_state=True,
        **params,
    )
    made.set_weights(WEIGHTS)
    return made


def masks(gates: int, timesteps: int, recurrent_gates: int) -> dict[str, Array]:
    def drawn(rate: float, *shape: int) -> Array:
        return np.where(RNG.random(shape) < rate, 0.0, 1 / (1 - rate))

    return {
        "dropout": drawn(0.3, gates, B, timesteps, F),
        "recurrent_dropout": drawn(0.2, recurrent_gates, B, 1, U),
    }


def by_hand(drawn: dict[str, Array], mask: Array | None, go_backwards: bool) -> tuple[Array, Array, Array]:
    """The documented equations with a mask on x_t and on h_{t-1} for each gate i, f, c,
    o.
    """
    kernel, recurrent_kernel, bias = WEIGHTS
    output = np.zeros((B, T, U))
    last_h, last_c = H.copy(), C.copy()
    for row in range(B):
        h, c, shown = H[row], C[row], np.zeros(U)
        for position, t in enumerate(reversed(range(T)) if go_backwards else range(T)):
            if mask is None or mask[row, t]:
                z = []
                for gate in range(4):
                    of_x, of_h = drawn["dropout"], drawn["recurrent_dropout"]
                    m_x = of_x[gate % len(of_x), row, t % of_x.shape[2]]
                    m_h = of_h[gate % len(of_h), row, 0]
                    block = slice(gate * U, (gate + 1) * U)
                    z.append(
                        (X[row, t] * m_x) @ kernel[:, block]
                        + (h * m_h) @ recurrent_kernel[:, block]
                        + bias[block]
                    )
                i, f, g, o = z
                c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
                h = np.tanh(c) / (1 + np.exp(-o))
                shown = h
            output[row, position] = shown
        last_h[row], last_c[row] = h, c
    return output, last_h, last_c


FORMS = [(1, 1, 1), (4, 1, 4), (1, 1, 4), (4, 1, 1), (1, T, 4), (4, T, 1)]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_masks_are_multiplied_with_what_goes_into_the_gates(
    form: tuple[int, int, int], masked: bool, go_backwards: bool
) -> None:
    drawn, mask = masks(*form), MASK if masked else None
    found, _ = layer(go_backwards=go_backwards).vjp(X, [H, C], mask, True, drawn=drawn)
    for array, wanted in zip(found, by_hand(drawn, mask, go_backwards), strict=True):
        assert array == pytest.approx(wanted, abs=1e-13)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("go_backwards", [False, True])
def test_gradients_are_difference_quotients(
    form: tuple[int, int, int], masked: bool, go_backwards: bool, wrong_gradients: WrongGradients
) -> None:
    drawn, mask, made = masks(*form), MASK if masked else None, layer(go_backwards=go_backwards)
    point = {
        **dict(zip(NAMES, WEIGHTS, strict=True)),
        "sequences": X,
        "initial_state[0]": H,
        "initial_state[1]": C,
    }
    result, pullback = made.vjp(X, [H, C], mask, True, drawn=drawn)
    cotangents = [RNG.normal(size=array.shape) for array in result]
    gradients = pullback(cotangents)
    assert list(gradients) == list(point)

    def loss(moved: Mapping[str, Array]) -> float:
        made.load({name: moved[name] for name in NAMES})
        found, _ = made.vjp(
            moved["sequences"],
            [moved["initial_state[0]"], moved["initial_state[1]"]],
            mask,
            True,
            drawn=drawn,
        )
        return sum(float(np.vdot(a, b)) for a, b in zip(found, cotangents, strict=True))

    assert wrong_gradients(loss, point, gradients) == {}


def test_one_mask_may_be_there_without_the_other() -> None:
    drawn, ones = (
        masks(4, 1, 4),
        {"dropout": np.ones((1, B, 1, F)), "recurrent_dropout": np.ones((1, B, 1, U))},
    )
    for name in drawn:
        found, _ = layer().vjp(X, [H, C], None, True, drawn={name: drawn[name]})
        for array, wanted in zip(found, by_hand({**ones, name: drawn[name]}, None, False), strict=True):
            assert array == pytest.approx(wanted, abs=1e-13)


@pytest.mark.parametrize("training", [False, True])
def test_without_masks_nothing_is_dropped(training: bool) -> None:
    plain = keras.LSTM(U, dtype="float64", return_sequences=True, return_state=True)
    plain.set_weights(WEIGHTS)
    for found, wanted in zip(layer()(X, [H, C], MASK, training), plain(X, [H, C], MASK), strict=True):
        assert np.array_equal(found, wanted)


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({}, []),
        ({"dropout": 0.3}, ["dropout"]),
        ({"recurrent_dropout": 0.2}, ["recurrent_dropout"]),
        ({"dropout": 0.3, "recurrent_dropout": 0.2}, ["dropout", "recurrent_dropout"]),
    ],
)
def test_masks_are_drawn_in_training_alone_where_there_is_a_rate(
    params: dict[str, float], names: list[str]
) -> None:
    made = keras.LSTM(U, **params)
    drawn = made.draws({"sequences": X, "training": True})
    assert list(drawn) == names
    assert {name: draw.rate for name, draw in drawn.items()} == params
    for training in ({}, {"training": False}, {"training": None}):
        assert made.draws({"sequences": X, **training}) == {}


@pytest.mark.parametrize("go_backwards", [False, True])
def test_masks_have_the_shapes_that_the_documentation_leaves_open(go_backwards: bool) -> None:
    drawn = layer(go_backwards=go_backwards).draws({"sequences": X, "training": True})
    assert drawn["dropout"].shapes == ((1, B, 1, F), (4, B, 1, F))
    assert drawn["recurrent_dropout"].shapes == ((1, B, 1, U), (4, B, 1, U))
    assert [draw.axes for draw in drawn.values()] == [
        ("gate", "batch", "time", "feature"),
        ("gate", "batch", "time", "unit"),
    ]


def test_in_keras_2_each_timestep_may_have_a_mask_of_its_own() -> None:
    drawn = layer(version="2").draws({"sequences": X, "training": True})
    assert set(drawn["dropout"].shapes) == {(1, B, 1, F), (4, B, 1, F), (1, B, T, F), (4, B, T, F)}
    assert drawn["recurrent_dropout"].shapes == ((1, B, 1, U), (4, B, 1, U))
    one_step = layer(version="2").draws({"sequences": X[:, :1], "training": True})
    assert one_step["dropout"].shapes == ((1, B, 1, F), (4, B, 1, F))


def test_masks_of_a_time_major_input_are_laid_out_like_any_other() -> None:
    drawn = layer(version="2", time_major=True).draws({"sequences": X.swapaxes(0, 1), "training": True})
    assert (1, B, T, F) in drawn["dropout"].shapes


@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
@pytest.mark.parametrize("rate", [-0.1, 1.1])
def test_a_rate_is_between_0_and_1(name: str, rate: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be between 0 and 1, not"):
        keras.LSTM(U, **{name: rate})
    for allowed in (0, 0.0, 1.0):
        keras.LSTM(U, **{name: allowed})
