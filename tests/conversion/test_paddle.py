"""Weights of Paddle, from and to arrays, bit for bit; what does not fit is refused with
every reason. The installed Paddle is tried in tests/implementations/test_paddle.py.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.conversion import ConversionError, from_paddle, from_torch, to_paddle, to_torch
from lstm_ref.dialects import paddle
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack

Array = npt.NDArray[Any]

RNG = np.random.default_rng(5)
F, H = 4, 3


def state(layers: int, both: bool, proj_size: int, dtype: str = "float64") -> dict[str, Array]:
    """A state_dict by the names of the cells, of any bits that are numbers."""
    outputs = proj_size or H
    found = {}
    for layer in range(layers):
        features = F if layer == 0 else outputs * (2 if both else 1)
        for cell in ("cell_fw", "cell_bw") if both else ("cell",):
            shapes = {
                "weight_ih": (4 * H, features),
                "weight_hh": (4 * H, outputs),
                "bias_ih": (4 * H,),
                "bias_hh": (4 * H,),
            } | ({"weight_ho": (H, outputs)} if proj_size else {})
            for word, shape in shapes.items():
                values = RNG.normal(size=shape).astype(dtype)
                values.flat[0] = -0.0
                found[f"{layer}.{cell}.{word}"] = values
    return found


def bits(arrays: dict[str, Array]) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {name: (str(values.dtype), values.shape, values.tobytes()) for name, values in arrays.items()}


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("proj_size", [0, 2])
@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
def test_from_paddle_to_the_canonical_arrays_and_back(
    layers: int, both: bool, proj_size: int, dtype: str
) -> None:
    given = state(layers, both, proj_size, dtype)
    assert bits(to_paddle(from_paddle(given))) == bits(given)


@pytest.mark.parametrize("proj_size", [0, 2])
def test_from_paddle_to_torch_and_back(proj_size: int) -> None:
    given = state(2, True, proj_size)
    found = to_torch(from_paddle(given))
    np.testing.assert_array_equal(found["weight_ih_l1_reverse"], given["1.cell_bw.weight_ih"])
    if proj_size:
        np.testing.assert_array_equal(found["weight_hr_l0"], given["0.cell_fw.weight_ho"].T)
    assert bits(to_paddle(from_torch(found))) == bits(given)


@pytest.mark.parametrize("proj_size", [0, 2])
def test_the_weights_compute_what_the_layer_is_documented_to_compute(proj_size: int) -> None:
    given = state(2, True, proj_size)
    twin = paddle.LSTM(F, H, 2, "bidirect", proj_size=proj_size, dtype="float64")
    ends = {"cell_fw": "", "cell_bw": "_reverse"}
    twin.load(
        {
            f"{word}_l{layer}{ends[cell]}": values
            for name, values in given.items()
            for layer, cell, word in [name.split(".")]
        }
    )
    x = RNG.normal(size=(2, 5, F))
    zeros = State(np.zeros((2, proj_size or H)), np.zeros((2, H)))
    (y, _), _ = run_stack(x, [[zeros, zeros]] * 2, from_paddle(given))
    np.testing.assert_array_equal(y, twin(x)[0])


def test_the_names_of_the_cells_count_and_those_of_the_layer_where_there_are_no_others() -> None:
    given = state(1, False, 2)
    wrong = {"weight_ih_l0": np.zeros((1, 1)), "weight_hh_l0": np.zeros((1, 1))}
    assert bits(to_paddle(from_paddle({**wrong, **given}))) == bits(given)
    plain = state(1, False, 0)
    renamed = {f"{name.rpartition('.')[2]}_l0": values for name, values in plain.items()}
    assert bits(to_paddle(from_paddle(renamed))) == bits(plain)
    alone = {name.rpartition(".")[2]: values for name, values in plain.items()}
    assert bits(to_paddle(from_paddle(alone))) == bits(plain)


def test_a_prefix_chooses_one_of_several() -> None:
    first, second = state(1, False, 0), state(2, False, 0)
    given = {f"encoder.{name}": value for name, value in first.items()}
    given |= {f"decoder.{name}": value for name, value in second.items()}
    assert bits(to_paddle(from_paddle(given, "decoder"))) == bits(second)
    with pytest.raises(ConversionError, match="there are 2 LSTMs: 'encoder', 'decoder'; choose one"):
        from_paddle(given)
    with pytest.raises(ConversionError, match="there is no LSTM 'middle'; there is 'encoder', 'decoder'"):
        from_paddle(given, "middle")


def test_a_state_dict_takes_the_weights_in_place_and_shares_no_memory() -> None:
    given, target = state(2, True, 2), state(2, True, 2)
    stack = from_paddle(given)
    to_paddle(stack, target)
    assert bits(target) == bits(given)
    given["0.cell_fw.bias_ih"][:] = 7
    assert not np.any(stack[0][0].bias == 7)
    for values in to_paddle(stack).values():
        values[:] = 7
        assert values.flags.c_contiguous
    assert not np.any(stack[0][0].bias == 7)
    assert not np.any(stack[0][0].kernel == 7)


def test_a_target_that_does_not_fit_is_not_changed() -> None:
    target = state(2, False, 0)
    before = bits(target)
    stack = from_paddle(state(2, False, 0))
    target["1.cell.weight_hh"] = target["1.cell.weight_hh"].astype("float32")
    before["1.cell.weight_hh"] = bits(target)["1.cell.weight_hh"]
    with pytest.raises(ConversionError, match="layer 1: weight_hh is float64, and the target's float32"):
        to_paddle(stack, target)
    assert bits(target) == before
    with pytest.raises(ConversionError, match=r"have 2 layer\(s\), the Paddle layer has 1"):
        to_paddle(stack, state(1, False, 0))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda s: s.pop("1.cell.weight_hh"), "layer 1: weight_hh is missing"),
        (lambda s: s.pop("0.cell.bias_hh"), "layer 0: bias_hh is missing"),
        (lambda s: s.update({"0.cell.bias_ih": np.zeros((12, 1))}), r"bias_ih \(12, 1\) should have 1 axes"),
        (lambda s: s.update({"0.cell.bias_ih": np.zeros(11)}), r"bias_ih \(11,\) should be bias_ih \(12,\)"),
        (
            lambda s: s.update({"1.cell.weight_ih": np.zeros((12, 5))}),
            r"\(12, 5\) should be weight_ih \(12, 3\)",
        ),
        (lambda s: s.clear(), "no weights of paddle.nn.LSTM: nothing"),
    ],
)
def test_what_is_no_lstm_is_refused(change: Any, said: str) -> None:
    given = state(2, False, 0)
    change(given)
    with pytest.raises(ConversionError, match=said):
        from_paddle(given)
    with pytest.raises(ConversionError, match="is neither a layer of Paddle nor a state_dict"):
        from_paddle(3)


def test_layers_of_unlike_sizes_are_no_single_layer() -> None:
    small = from_paddle(state(1, False, 0))
    wide = from_torch(
        {
            "weight_ih_l0": np.zeros((20, H)),
            "weight_hh_l0": np.zeros((20, 5)),
            "bias_ih_l0": np.zeros(20),
            "bias_hh_l0": np.zeros(20),
        }
    )
    with pytest.raises(ConversionError, match="3 units and 3 outputs, 5 units and 5 outputs"):
        to_paddle([*small, *wide])
