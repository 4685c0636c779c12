"""The regularizers of Keras: penalties worked out by hand, their derivatives as
difference quotients, and what a layer makes of them.
"""

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.dialects import keras
from lstm_ref.dialects.keras.regularizers import regularizer

Array = npt.NDArray[Any]
WrongGradients = Callable[..., dict[str, tuple[float, float]]]

RNG = np.random.default_rng(5)
B, T, F, U = 4, 6, 5, 3
X = RNG.normal(size=(B, T, F))
H, C = RNG.normal(size=(2, B, U))
WEIGHTS = [RNG.normal(size=shape) for shape in ((F, 4 * U), (U, 4 * U), (4 * U,))]
NAMES = ["kernel", "recurrent_kernel", "bias"]
MASK = np.array([[0, 0, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1], [1, 1, 1, 1, 0, 0], [0] * 6], bool)
SMALL = np.array([[1.0, -2.0], [0.0, 3.0]])


def layer(**params: Any) -> keras.LSTM:
    made = keras.LSTM(U, dtype=params.pop("dtype", "float64"), **params)
    made.set_weights(WEIGHTS)
    return made


@pytest.mark.parametrize(
    ("identifier", "penalty", "gradient"),
    [
        ("l1", 0.06, [[0.01, -0.01], [0.0, 0.01]]),
        ("L1", 0.06, [[0.01, -0.01], [0.0, 0.01]]),
        ("l2", 0.14, [[0.02, -0.04], [0.0, 0.06]]),
        ("L2", 0.14, [[0.02, -0.04], [0.0, 0.06]]),
        ("l1_l2", 0.2, [[0.03, -0.05], [0.0, 0.07]]),  # documented: 0.01 and 0.01
        ("L1L2", 0.0, [[0.0, 0.0], [0.0, 0.0]]),  # the class, whose arguments are 0 unless given
        ({"class_name": "L1", "config": {"l1": 0.5}}, 3.0, [[0.5, -0.5], [0.0, 0.5]]),
        ({"class_name": "L2", "config": {"l2": 0.25}}, 3.5, [[0.5, -1.0], [0.0, 1.5]]),
        ({"class_name": "L1L2", "config": {"l1": 0.5, "l2": 0.25}}, 6.5, [[1.0, -1.5], [0.0, 2.0]]),
        (
            {
                "module": "keras.regularizers",
                "class_name": "L2",
                "config": {"l2": 1},
                "registered_name": None,
            },
            14.0,
            [[2.0, -4.0], [0.0, 6.0]],
        ),
        ({"class_name": "L2", "config": None}, 0.14, [[0.02, -0.04], [0.0, 0.06]]),
        # Rows (1, -2) / sqrt(5) and (0, 1): their product is -2 / sqrt(5).
        ("orthogonal_regularizer", 0.01 * 2 / 5**0.5, None),
        # Columns (1, 0) and (-2, 3) / sqrt(13): their product is -2 / sqrt(13).
        (
            {"class_name": "OrthogonalRegularizer", "config": {"factor": 0.5, "mode": "columns"}},
            0.5 * 2 / 13**0.5,
            None,
        ),
    ],
)
def test_a_penalty_and_its_gradient(
    identifier: Any, penalty: float, gradient: list[list[float]] | None
) -> None:
    penalize = regularizer(identifier)
    assert penalize is not None
    found, found_gradient = penalize(SMALL, 2)
    assert found.shape == (1,)
    assert found[0] == pytest.approx(penalty, rel=1e-14)
    if gradient is not None:
        assert found_gradient == pytest.approx(np.array(gradient), rel=1e-14)


def test_the_example_of_the_documentation() -> None:
    # >>> L2(2.)(ops.ones(shape=(5, 5))) is 50.0; L1(0.01) of a kernel of ones (5, 5) is
    # 0.25.
    for identifier, penalty in (
        ({"class_name": "L2", "config": {"l2": 2.0}}, 50.0),
        ({"class_name": "L1", "config": {"l1": 0.01}}, 0.25),
    ):
        penalize = regularizer(identifier)
        assert penalize is not None
        assert penalize(np.ones((5, 5)), 2)[0][0] == pytest.approx(penalty)


@pytest.mark.parametrize("mode", ["rows", "columns"])
def test_the_orthogonal_penalty_is_the_mean_over_all_pairs(mode: str) -> None:
    vectors = WEIGHTS[0] if mode == "rows" else WEIGHTS[0].T
    products = [abs(a @ b) / (np.linalg.norm(a) * np.linalg.norm(b)) for a, b in combinations(vectors, 2)]
    penalize = regularizer({"class_name": "OrthogonalRegularizer", "config": {"factor": 0.3, "mode": mode}})
    assert penalize is not None
    assert penalize(WEIGHTS[0], 2)[0][0] == pytest.approx(0.3 * np.mean(products), rel=1e-13)


ALL = [
    "l1",
    "l2",
    "l1_l2",
    "orthogonal_regularizer",
    {"class_name": "OrthogonalRegularizer", "config": {"factor": 0.7, "mode": "columns"}},
]


@pytest.mark.parametrize("identifier", ALL)
def test_the_gradient_is_a_difference_quotient(identifier: Any, wrong_gradients: WrongGradients) -> None:
    penalize = regularizer(identifier)
    assert penalize is not None
    w = RNG.normal(size=(4, 6))
    point, gradients = {"w": w}, {"w": penalize(w, 2)[1]}
    assert wrong_gradients(lambda at: float(penalize(at["w"], 2)[0][0]), point, gradients) == {}


@pytest.mark.parametrize("identifier", ALL)
def test_axes_in_front_are_carried_along(identifier: Any) -> None:
    penalize = regularizer(identifier)
    assert penalize is not None
    stacked = RNG.normal(size=(3, 4, 6))
    penalties, gradients = penalize(stacked, 2)
    assert penalties.shape == (3, 1)
    for k in range(3):
        penalty, gradient = penalize(stacked[k], 2)
        assert penalties[k] == pytest.approx(penalty)
        assert gradients[k] == pytest.approx(gradient)


def test_none_is_no_regularizer() -> None:
    assert regularizer(None) is None


@pytest.mark.parametrize(
    ("identifier", "error", "message"),
    [
        (
            "l3",
            ValueError,
            "unknown regularizer 'l3'; known are L1, L1L2, L2, OrthogonalRegularizer, l1, l1_l2, l1l2, l2",
        ),
        ({"class_name": "L3", "config": {}}, ValueError, "unknown regularizer 'L3'"),
        ({"name": "L1"}, ValueError, "is not a valid regularizer"),
        (0.01, ValueError, "is not a valid regularizer"),
        ({"class_name": "L1", "config": {"l2": 0.1}}, TypeError, "l2"),
        ({"class_name": "L1", "config": {"l1": -0.1}}, ValueError, "l1 must be a float that is not negative"),
        (
            {"class_name": "L2", "config": {"l2": float("nan")}},
            ValueError,
            "l2 must be a float that is not negative",
        ),
        ({"class_name": "OrthogonalRegularizer", "config": {"factor": -1.0}}, ValueError, "factor must be"),
        (
            {"class_name": "OrthogonalRegularizer", "config": {"mode": "diagonals"}},
            ValueError,
            "mode must be rows or columns",
        ),
    ],
)
def test_what_is_no_regularizer_is_refused(identifier: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        regularizer(identifier)


def test_the_orthogonal_penalty_is_for_matrices_of_several_rows() -> None:
    penalize = regularizer("orthogonal_regularizer")
    assert penalize is not None
    with pytest.raises(ValueError, match="for matrices"):
        penalize(np.ones(3), 1)
    with pytest.raises(ValueError, match="there is only one"):
        penalize(np.ones((1, 3)), 2)


ALL_FOUR = {
    "kernel_regularizer": {"class_name": "L1", "config": {"l1": 0.3}},
    "recurrent_regularizer": {"class_name": "L2", "config": {"l2": 0.2}},
    "bias_regularizer": {"class_name": "L1L2", "config": {"l1": 0.1, "l2": 0.4}},
    "activity_regularizer": {"class_name": "L2", "config": {"l2": 0.5}},
}


def weight_penalties() -> list[float]:
    kernel, recurrent_kernel, bias = WEIGHTS
    return [
        0.3 * abs(kernel).sum(),
        0.2 * (recurrent_kernel**2).sum(),
        0.1 * abs(bias).sum() + 0.4 * (bias**2).sum(),
    ]


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("return_state", [False, True])
@pytest.mark.parametrize("return_sequences", [False, True])
def test_the_losses_of_a_call(return_sequences: bool, return_state: bool, masked: bool) -> None:
    made = layer(return_sequences=return_sequences, return_state=return_state, **ALL_FOUR)
    mask = MASK if masked else None
    assert made.effects() == {}
    result = made(X, [H, C], mask)
    output = result[0] if return_state else result
    # "The value returned by the activity_regularizer is divided by the input batch
    # size"; it is that of the output, not of the states.
    assert made.effects()["losses"] == pytest.approx(
        np.array([0.5 * (output**2).sum() / B, *weight_penalties()]), rel=1e-13
    )


def test_losses_are_those_of_the_last_call() -> None:
    made = layer(activity_regularizer="l2")
    made(X)
    first = made.effects()["losses"]
    made(X)
    assert np.array_equal(made.effects()["losses"], first)
    made(2 * X)
    assert made.effects()["losses"].shape == (1,)
    assert not np.array_equal(made.effects()["losses"], first)


def test_a_layer_without_regularizers_has_no_losses() -> None:
    made = layer()
    made(X)
    assert made.effects() == {}


def test_each_regularizer_belongs_to_its_own_weight() -> None:
    for place, (name, identifier) in enumerate(list(ALL_FOUR.items())[:3]):
        made = layer(**{name: identifier})
        made(X)
        assert made.effects()["losses"] == pytest.approx(np.array(weight_penalties()[place : place + 1]))


def test_without_a_bias_its_regularizer_has_nothing_to_do() -> None:
    made = keras.LSTM(U, use_bias=False, bias_regularizer="l2", kernel_regularizer="l1", dtype="float64")
    made.set_weights(WEIGHTS[:2])
    made(X)
    assert made.effects()["losses"] == pytest.approx(np.array([0.01 * abs(WEIGHTS[0]).sum()]))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"return_sequences": True, "return_state": True},
        {"return_state": True, "go_backwards": True},
        {"return_sequences": True, "zero_output_for_mask": True},
        {"return_sequences": True, "recurrent_regularizer": "orthogonal_regularizer"},
    ],
)
def test_gradients_include_those_of_the_losses(
    params: dict[str, Any], masked: bool, training: bool, wrong_gradients: WrongGradients
) -> None:
    made = layer(**{**ALL_FOUR, **params})
    mask = MASK if masked else None
    drawn = {"dropout": np.where(RNG.random((1, B, 1, F)) < 0.3, 0, 1 / 0.7)} if training else None
    point = {
        **dict(zip(NAMES, WEIGHTS, strict=True)),
        "sequences": X,
        "initial_state[0]": H,
        "initial_state[1]": C,
    }
    result, pullback = made.vjp(X, [H, C], mask, training, drawn=drawn)
    cotangents = [
        RNG.normal(size=array.shape) for array in (result if isinstance(result, tuple) else (result,))
    ]
    gradients = pullback(cotangents)
    assert list(gradients) == list(point)

    def loss(moved: Mapping[str, Array]) -> float:
        made.load({name: moved[name] for name in NAMES})
        found, _ = made.vjp(
            moved["sequences"],
            [moved["initial_state[0]"], moved["initial_state[1]"]],
            mask,
            training,
            drawn=drawn,
        )
        arrays = found if isinstance(found, tuple) else (found,)
        return sum(float(np.vdot(a, b)) for a, b in zip(arrays, cotangents, strict=True)) + float(
            made.effects()["losses"].sum()
        )

    assert wrong_gradients(loss, point, gradients) == {}


@pytest.mark.parametrize(("version", "kept"), [("3", 1), ("2", 4)])
def test_what_is_not_trainable_has_a_penalty_in_keras_2_alone(version: str, kept: int) -> None:
    made = layer(trainable=False, version=version, **ALL_FOUR)
    result, pullback = made.vjp(X)
    wanted = [0.5 * (result**2).sum() / B, *weight_penalties()]
    assert made.effects()["losses"] == pytest.approx(np.array(wanted[:kept]))
    assert list(pullback([np.ones_like(result)])) == ["sequences"]


def test_losses_are_in_the_dtype_of_the_layer() -> None:
    made = layer(dtype="float32", **ALL_FOUR)
    result, pullback = made.vjp(X)
    assert str(made.effects()["losses"].dtype) == "float32"
    assert {str(array.dtype) for array in pullback([np.ones_like(result)]).values()} == {"float32"}
