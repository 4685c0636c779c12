"""The Paddle dialect by itself: the equations of the documentation, layers and
directions, projections, lengths, attributes of parameters, and gradients.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.dialects import dialect, paddle
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.dialects.initial import Exactly, Uniform

Array = npt.NDArray[Any]

RNG = np.random.default_rng(3)
N, T, F, H = 3, 5, 4, 3
X = RNG.normal(size=(N, T, F))
LENGTHS = np.array([2, 5, 0], np.int32)


def layer(**params: Any) -> paddle.LSTM:
    made = paddle.LSTM(F, H, dtype="float64", **params)
    made.load({name: RNG.normal(size=spec.shape) for name, spec in made.weight_specs(F).items()})
    return made


def states(made: paddle.LSTM) -> tuple[Array, Array]:
    h, c = (RNG.normal(size=shape) for shape in made.state_shapes(N))
    return h, c


def by_hand(x: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[list[Array], Array, Array]:
    """The outputs, h and c of one sequence (steps, features), number by number."""
    W, U, b, d = (weights[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    outputs = []
    for x_t in x:
        z = [
            sum(W[j, k] * x_t[k] for k in range(len(x_t)))
            + sum(U[j, k] * h[k] for k in range(len(h)))
            + b[j]
            + d[j]
            for j in range(4 * H)
        ]
        i, f, o = ([1 / (1 + math.exp(-z[g * H + k])) for k in range(H)] for g in (0, 1, 3))
        g = [math.tanh(z[2 * H + k]) for k in range(H)]
        c = np.array([f[k] * c[k] + i[k] * g[k] for k in range(H)])
        h = np.array([o[k] * math.tanh(c[k]) for k in range(H)])
        if "weight_ho" in weights:
            h = h @ weights["weight_ho"]
        outputs.append(h)
    return outputs, h, c


def of_cell(made: paddle.LSTM, suffix: str) -> dict[str, Array]:
    return {
        name.removesuffix(suffix): values
        for name, values in made.weights().items()
        if name.partition("_l")[2] == suffix[2:]
    }


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("proj_size", [0, 2])
def test_two_layers_in_both_directions_are_four_cells_over_the_valid_elements(
    lengths: Array | None, proj_size: int
) -> None:
    made = layer(num_layers=2, direction="bidirect", proj_size=proj_size)
    h_0, c_0 = states(made)
    y, (h, c) = made(X, (h_0, c_0), lengths)
    for n in range(N):
        end = T if lengths is None else int(lengths[n])
        read = X[n, :end]
        for index in range(2):
            sides = []
            for direction, suffix in enumerate((f"_l{index}", f"_l{index}_reverse")):
                row = 2 * index + direction
                step = -1 if direction else 1
                found, h_n, c_n = by_hand(read[::step], h_0[row, n], c_0[row, n], of_cell(made, suffix))
                sides.append(found[::step])
                np.testing.assert_allclose(h[row, n], h_n, rtol=0, atol=1e-13)
                np.testing.assert_allclose(c[row, n], c_n, rtol=0, atol=1e-13)
            read = np.array([np.concatenate(pair) for pair in zip(*sides, strict=True)])
        if end:
            np.testing.assert_allclose(y[n, :end], read, rtol=0, atol=1e-13)
        assert not np.any(y[n, end:])


def test_time_major_is_the_same_with_its_axes_exchanged() -> None:
    made = layer(num_layers=2)
    other = paddle.LSTM(F, H, num_layers=2, time_major=True, dtype="float64")
    other.load(made.weights())
    np.testing.assert_array_equal(other(X.swapaxes(0, 1))[0].swapaxes(0, 1), made(X)[0])


def test_a_cell_is_one_step_of_a_layer() -> None:
    made = layer(proj_size=2)
    cell = paddle.LSTMCell(F, H, proj_size=2, dtype="float64")
    cell.load(of_cell(made, "_l0"))
    h_0, c_0 = states(made)
    y, (h, c) = cell(X[:, 0], (h_0[0], c_0[0]))
    of_layer, last = made(X[:, :1], (h_0, c_0))
    np.testing.assert_array_equal([y, h], [of_layer[:, 0], last[0][0]])
    np.testing.assert_array_equal(c, last[1][0])


@pytest.mark.parametrize("training", [True, False])
def test_dropout_is_between_the_layers_and_only_in_training(training: bool) -> None:
    made = layer(num_layers=2, dropout=0.5)
    draws = made.draws({"inputs": X, "training": training})
    assert [*draws] == (["dropout[0]"] if training else [])
    if training:
        drawn = {"dropout[0]": np.zeros((N, T, H))}
        (y, _), _ = made.vjp(X, drawn=drawn)
        np.testing.assert_array_equal(y[0], y[1])


def test_an_attribute_leaves_a_bias_out_freezes_it_or_says_what_it_is_at_first() -> None:
    made = paddle.LSTMCell(
        F,
        H,
        weight_hh_attr={"class_name": "ParamAttr", "config": {"trainable": False}},
        bias_ih_attr={
            "class_name": "ParamAttr",
            "config": {"initializer": {"class_name": "Constant", "config": {"value": 0.25}}},
        },
        bias_hh_attr=False,
        dtype="float64",
    )
    initial = made.initial(F)
    assert [*initial] == ["weight_ih", "weight_hh", "bias_ih"]
    assert initial["weight_ih"] == Uniform(-1 / math.sqrt(H), 1 / math.sqrt(H))
    bias = initial["bias_ih"]
    assert isinstance(bias, Exactly)
    np.testing.assert_array_equal(bias.values, np.full(4 * H, 0.25))
    made.load({name: RNG.normal(size=spec.shape) for name, spec in made.weight_specs(F).items()})
    gradients = made.vjp(X[:, 0])[1]([np.ones((N, H))] * 3)
    assert [*gradients] == ["weight_ih", "bias_ih", "inputs"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"direction": "backward"}, "direction must be forward or bidirect"),
        ({"proj_size": 3}, "proj_size must be smaller than hidden_size 3"),
        ({"dropout": 1.5}, "dropout must be from 0 to 1"),
        ({"num_layers": 0}, "num_layers must be greater than 0"),
    ],
)
def test_what_is_not_documented_is_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        paddle.LSTM(F, H, **params)


@pytest.mark.parametrize(
    ("lengths", "said"),
    [([1, 2], "must have shape"), ([1, 2, 6], "from 0 to 5"), ([1, 2, -1], "from 0 to 5")],
)
def test_lengths_that_are_not_valid_are_refused(lengths: list[int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        layer()(X, sequence_length=np.array(lengths))


@pytest.mark.parametrize("time_major", [False, True])
def test_what_stands_in_the_padding_does_not_count(time_major: bool) -> None:
    made = layer(direction="bidirect", time_major=time_major)
    sizes = Sizes(N, T, F, form="nan-in-padding")
    spec = made.arguments(sizes, {"sequence_length": "unequal"})["inputs"]
    lengths = made.arguments(sizes, {"sequence_length": "unequal"})["sequence_length"].values
    x = X.swapaxes(0, 1) if time_major else X
    changed = np.where(spec.planted.where, spec.planted.value, x)
    assert np.sum(np.isnan(changed)) == F * (N * T - np.sum(lengths))
    y, (h, _) = made(changed, sequence_length=lengths)
    right, (h_right, _) = made(x, sequence_length=lengths)
    np.testing.assert_array_equal(y, right)
    np.testing.assert_array_equal(h, h_right)


def test_a_layer_may_take_the_rows_of_its_states_direction_by_direction() -> None:
    right = layer(num_layers=2, direction="bidirect")
    params = {"input_size": F, "hidden_size": H, "num_layers": 2, "direction": "bidirect"}
    h_0, c_0 = states(right)
    mistake = dialect("paddle").mistakes["the states come direction by direction"]
    mistaken = mistake(params, [{"initial_states": [h_0, c_0]}])
    assert mistaken is not None
    wrong = dialect("paddle").build("LSTM", mistaken, "float64")
    wrong.load(right.weights())
    (y, _), _ = wrong.vjp(X, initial_states=(h_0, c_0))
    order = [0, 2, 1, 3]
    np.testing.assert_array_equal(y, right(X, (h_0[order], c_0[order]))[0])
    assert mistake({**params, "num_layers": 1}, [{"initial_states": [h_0, c_0]}]) is None
    assert mistake(params, [{}]) is None


@pytest.mark.parametrize("proj_size", [0, 2])
def test_gradients_are_difference_quotients(proj_size: int) -> None:
    made = layer(num_layers=2, direction="bidirect", proj_size=proj_size)
    given = states(made)
    (y, last), pull = made.vjp(X, given, LENGTHS)
    seeds = [RNG.normal(size=array.shape) for array in (y, *last)]
    gradients = pull(seeds)
    assert gradients.keys() == {*made.weights(), "inputs", "initial_states[0]", "initial_states[1]"}
    weights = made.weights()
    directions = {name: RNG.normal(size=gradient.shape) for name, gradient in gradients.items()}

    def loss(size: float) -> float:
        made.load({name: values + size * directions[name] for name, values in weights.items()})
        moved = [state + size * directions[f"initial_states[{k}]"] for k, state in enumerate(given)]
        y, last = made(X + size * directions["inputs"], moved, LENGTHS)
        return sum(float(np.sum(a * b)) for a, b in zip((y, *last), seeds, strict=True))

    quotient = (loss(1e-6) - loss(-1e-6)) / 2e-6
    assert quotient == pytest.approx(
        sum(float(np.sum(gradients[name] * directions[name])) for name in gradients), rel=1e-6
    )
