"""torch.LSTMCell by itself: the documented constructor and call, one step of
torch.LSTM.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import load
from lstm_ref.dialects import dialect, torch
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.dialects.initial import Uniform

Array = npt.NDArray[Any]
WrongGradients = Callable[..., dict[str, tuple[float, float]]]

TABLE = load().parameters["torch"].layers["LSTMCell"]
RNG = np.random.default_rng(11)
X, H, C = RNG.normal(size=(4, 5)), RNG.normal(size=(4, 3)), RNG.normal(size=(4, 3))


def cell(**params: Any) -> torch.LSTMCell:
    made = torch.LSTMCell(5, 3, dtype=params.pop("dtype", "float64"), **params)
    drawn = np.random.default_rng(12)
    made.load_state_dict({name: drawn.normal(size=spec.shape) for name, spec in made.weight_specs(5).items()})
    return made


def test_the_constructor_has_the_documented_parameters_in_their_order_with_their_defaults() -> None:
    found = {
        name: "required" if p.default is p.empty else p.default
        for name, p in inspect.signature(torch.LSTMCell).parameters.items()
    }
    assert list(found.items()) == [
        (name, "required" if p.required else p.default) for name, p in TABLE.constructor.items()
    ]


def test_one_unit_by_hand_tells_the_gates_apart() -> None:
    # The two biases add up: i open, f closed, g = tanh(0.549...) = 0.5, o open.
    made = torch.LSTMCell(1, 1, dtype="float64")
    bias = np.array([25, -25, 0.5493061443340549 / 2, 25])
    made.load_state_dict(
        {"weight_ih": np.zeros((4, 1)), "weight_hh": np.zeros((4, 1)), "bias_ih": bias, "bias_hh": bias}
    )
    h_1, c_1 = made(np.ones((1, 1)), (np.array([[0.3]]), np.array([[0.9]])))
    assert c_1 == pytest.approx(np.array([[0.5]]), abs=1e-15)
    assert h_1 == pytest.approx(np.array([[0.46211715726000973]]), abs=1e-15)


@pytest.mark.parametrize("bias", [True, False])
def test_it_computes_the_documented_equations(bias: bool) -> None:
    made = cell(bias=bias)
    w = made.state_dict()
    i, f, g, o = np.split(
        X @ w["weight_ih"].T + H @ w["weight_hh"].T + (w["bias_ih"] + w["bias_hh"] if bias else 0), 4, axis=1
    )
    c = C / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
    h_1, c_1 = made(X, (H, C))
    assert c_1 == pytest.approx(c, abs=1e-14)
    assert h_1 == pytest.approx(np.tanh(c) / (1 + np.exp(-o)), abs=1e-14)


def test_without_a_state_it_starts_from_zeros() -> None:
    assert all(
        np.array_equal(a, b)
        for a, b in zip(cell()(X), cell()(X, (np.zeros((4, 3)), np.zeros((4, 3)))), strict=True)
    )


def test_an_unbatched_input_is_a_row_without_its_batch() -> None:
    for one, row in zip(cell()(X[1], (H[1], C[1])), cell()(X, (H, C)), strict=True):
        assert one.shape == (3,)
        assert one == pytest.approx(row[1], abs=1e-15)


@pytest.mark.parametrize("dtype", ["float32", "float64", None])
def test_it_computes_in_its_dtype_which_is_float32_unless_said_otherwise(dtype: str | None) -> None:
    made = cell(dtype=dtype)
    (h_1, c_1), pullback = made.vjp(X, (H, C))
    assert {str(array.dtype) for array in (h_1, c_1, *pullback([h_1, c_1]).values())} == {dtype or "float32"}


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_are_difference_quotients(
    bias: bool, batched: bool, wrong_gradients: WrongGradients
) -> None:
    made = cell(bias=bias)
    row: Any = slice(None) if batched else 0
    point = {**made.state_dict(), "input": X[row], "hx[0]": H[row], "hx[1]": C[row]}
    result, pullback = made.vjp(X[row], (H[row], C[row]))
    cotangents = [RNG.normal(size=array.shape) for array in result]
    gradients = pullback(cotangents)
    assert list(gradients) == list(point)

    def loss(moved: Mapping[str, Array]) -> float:
        made.load_state_dict({name: moved[name] for name in made.state_dict()})
        return sum(
            float(np.vdot(a, b))
            for a, b in zip(made(moved["input"], (moved["hx[0]"], moved["hx[1]"])), cotangents, strict=True)
        )

    assert wrong_gradients(loss, point, gradients) == {}


def test_frozen_weights_have_no_gradients() -> None:
    made = cell()
    made.act("freeze", {})
    (h_1, c_1), pullback = made.vjp(X, (H, C))
    assert list(pullback([h_1, c_1])) == ["input", "hx[0]", "hx[1]"]
    with pytest.raises(NotImplementedError, match="pass hx instead"):
        made.act("reset", {})


def test_frozen_recurrent_weights_have_no_gradient_and_all_else_has_one() -> None:
    made = cell()
    made.act("freeze-recurrent", {})
    (h_1, c_1), pullback = made.vjp(X, (H, C))
    assert list(pullback([h_1, c_1])) == ["weight_ih", "bias_ih", "bias_hh", "input", "hx[0]", "hx[1]"]


def test_all_weights_are_drawn_from_the_documented_interval() -> None:
    assert cell().initial(5) == dict.fromkeys(
        ("weight_ih", "weight_hh", "bias_ih", "bias_hh"), Uniform(-1 / math.sqrt(3), 1 / math.sqrt(3))
    )


@pytest.mark.parametrize(
    ("x", "hx", "error", "message"),
    [
        (X[None], None, ValueError, "1 or 2 dimensions"),
        (X[..., :4], None, RuntimeError, "input_size 5, not 4"),
        (X.astype("float16"), None, TypeError, "input must be float64, not float16"),
        (X, [H], RuntimeError, r"hx must be \(h_0, c_0\), not 1 arrays"),
        (X, [H[:3], C], RuntimeError, r"h_0 must have shape \(4, 3\), not \(3, 3\)"),
        (X[0], [H[0], C], RuntimeError, r"c_0 must have shape \(3,\), not \(4, 3\)"),
        (X, [H, C.astype("float16")], TypeError, "c_0 must be float64, not float16"),
    ],
)
def test_wrong_arguments_are_refused(
    x: Array, hx: list[Array] | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        cell()(x, hx)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"input_size": -1}, RuntimeError),
        ({"hidden_size": 2.5}, TypeError),
        ({"device": "cuda"}, NotImplementedError),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match=next(iter(params))):
        torch.LSTMCell(**{"input_size": 5, "hidden_size": 3, **params})


def test_a_case_becomes_the_documented_arguments() -> None:
    given = dialect("torch").arguments(cell(), Sizes(4, 1, 5), {"hx": "given"})
    assert (given["input"].shape, [spec.shape for spec in given["hx"]]) == ((4, 5), [(4, 3), (4, 3)])
    unbatched = dialect("torch").arguments(cell(), Sizes(4, 1, 5, form="unbatched"), {"hx": "given"})
    assert (unbatched["input"].shape, [spec.shape for spec in unbatched["hx"]]) == ((5,), [(3,), (3,)])
