"""Weights of Flax, from and to nested dictionaries and the layers of flax.nnx, bit for
bit; what does not fit is refused with every reason.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.conversion import (
    ConversionError,
    from_flax,
    from_keras,
    from_torch,
    to_flax,
    to_keras,
    to_torch,
)
from lstm_ref.dialects import flax
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run

Array = npt.NDArray[Any]

RNG = np.random.default_rng(5)
F, H = 4, 3


def numbers(*shape: int, dtype: str = "float64") -> Array:
    values = RNG.normal(size=shape).astype(dtype)
    values.flat[0] = -0.0
    return values


def plain(features: int = F, dtype: str = "float64") -> dict[str, Any]:
    """The state of an LSTMCell."""
    found: dict[str, Any] = {
        name: {"kernel": numbers(features, H, dtype=dtype)} for name in ("ii", "if_", "ig", "io")
    }
    for name in ("hi", "hf", "hg", "ho"):
        found[name] = {"kernel": numbers(H, H, dtype=dtype), "bias": numbers(H, dtype=dtype)}
    return found


def optimized() -> dict[str, Any]:
    """The state of an OptimizedLSTMCell."""
    return {
        "dense_i": {"kernel": numbers(F, 4 * H)},
        "dense_h": {"kernel": numbers(H, 4 * H), "bias": numbers(4 * H)},
    }


def bits(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: bits(value[name]) for name in sorted(value)}
    if isinstance(value, list):
        return [bits(each) for each in value]
    return str(value.dtype), value.shape, value.tobytes()


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_from_flax_to_the_canonical_arrays_and_back(dtype: str) -> None:
    both = {"forward_rnn": {"cell": plain(dtype=dtype)}, "backward_rnn": {"cell": plain(dtype=dtype)}}
    given = [both, {"cell": plain(2 * H, dtype)}]
    assert bits(to_flax(from_flax(given))) == bits(given)


def test_from_flax_to_keras_and_torch_and_back() -> None:
    given = plain()
    stack = from_flax(given)
    assert bits(to_flax(from_keras(to_keras(stack)))) == bits([{"cell": given}])
    assert bits(to_flax(from_torch(to_torch(stack)))) == bits([{"cell": given}])


def test_both_cells_are_read_as_they_are_documented_to_compute() -> None:
    x = RNG.normal(size=(2, F))
    c, h = RNG.normal(size=(2, 2, H))
    for given, twin in ((plain(), flax.LSTMCell), (optimized(), flax.OptimizedLSTMCell)):
        [[w]] = from_flax(given)
        cell = twin(F, H, dtype="float64")
        cell.load({"W_i": w.kernel, "W_h": w.recurrent_kernel, "b_h": w.bias})
        (_, last), _ = run(x[:, None], State(h, c), w)
        np.testing.assert_array_equal(cell((c, h), x)[1], last.h)
    gates = plain()
    [[w]] = from_flax(gates)
    np.testing.assert_array_equal(w.kernel[:, H : 2 * H], gates["if_"]["kernel"])
    np.testing.assert_array_equal(w.recurrent_kernel[:, 2 * H : 3 * H], gates["hg"]["kernel"])
    np.testing.assert_array_equal(w.bias[3 * H :], gates["ho"]["bias"])


def test_a_target_takes_the_weights_in_its_own_form() -> None:
    stack = from_flax(plain())
    target = optimized()
    [returned] = to_flax(stack, target)
    assert bits(returned["cell"]) == bits(target)
    np.testing.assert_array_equal(target["dense_i"]["kernel"], stack[0][0].kernel)
    returned["cell"]["dense_h"]["bias"][:] = 7
    assert not np.any(target["dense_h"]["bias"] == 7)
    assert not np.any(stack[0][0].bias == 7)


def test_two_biases_become_their_sum() -> None:
    stack = from_torch(
        {
            "weight_ih_l0": numbers(4 * H, F),
            "weight_hh_l0": numbers(4 * H, H),
            "bias_ih_l0": np.ones(4 * H),
            "bias_hh_l0": np.full(4 * H, 2.0),
        }
    )
    assert np.all(to_flax(stack)[0]["cell"]["hf"]["bias"] == 3)


def relu(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda cell: cell.pop("if_"), "is no LSTM cell of flax.nnx"),
        (lambda cell: cell["hf"].pop("bias"), "layer 0: hf.bias is None, not an array of numbers"),
        (lambda cell: cell["hf"].update(bias=np.zeros(2)), r"several shapes or dtypes: .*hf.bias \(2,\)"),
        (lambda cell: cell.update(gate_fn=relu), "gate_fn is relu, and not sigmoid"),
    ],
)
def test_what_is_no_lstm_is_refused(change: Any, said: str) -> None:
    cell = plain()
    change(cell)
    with pytest.raises(ConversionError, match=said):
        from_flax(cell)


def test_one_direction_that_is_backward_and_directions_that_are_added_are_refused() -> None:
    with pytest.raises(ConversionError, match="layer 0 has one direction, which is backward"):
        from_flax({"cell": plain(), "reverse": True})
    both = {"forward_rnn": {"cell": plain()}, "backward_rnn": {"cell": plain()}, "merge_fn": relu}
    with pytest.raises(ConversionError, match="not put side by side"):
        from_flax(both)


def test_a_projection_and_a_target_that_does_not_fit_are_refused_and_nothing_is_changed() -> None:
    stack = from_flax(plain())
    target = plain(dtype="float32")
    before = bits(target)
    with pytest.raises(ConversionError, match=r"ii\.kernel is float64, and the target's float32"):
        to_flax(stack, target)
    assert bits(target) == before
    with pytest.raises(ConversionError, match=r"have 1 layer\(s\), the Flax layer has 2"):
        to_flax(stack, [plain(), plain(H)])
    projected = from_torch(
        {
            "weight_ih_l0": numbers(4 * H, F),
            "weight_hh_l0": numbers(4 * H, 2),
            "bias_ih_l0": numbers(4 * H),
            "bias_hh_l0": numbers(4 * H),
            "weight_hr_l0": numbers(2, H),
        }
    )
    with pytest.raises(ConversionError, match="layer 0 has a projection, which Flax does not have"):
        to_flax(projected)


REAL = """\
import json
import numpy as np
from flax import nnx
from lstm_ref.conversion import from_flax, to_flax
def cell(kind, seed, features=5):
    return kind(features, 3, rngs=nnx.Rngs(seed))
def layers(seed):
    forward, backward = cell(nnx.LSTMCell, seed), cell(nnx.OptimizedLSTMCell, seed + 1)
    second = cell(nnx.OptimizedLSTMCell, seed + 2, 6)
    return [nnx.Bidirectional(nnx.RNN(forward), nnx.RNN(backward)), nnx.RNN(second)]
def result(layers):
    x = np.arange(70, dtype=np.float32).reshape(2, 7, 5) / 35
    for layer in layers:
        x = layer(x)
    return np.asarray(x).tobytes()
one, other = layers(0), layers(10)
before = result(other) == result(one)
to_flax(from_flax(one), other)
print(json.dumps([before, result(other) == result(one)]))
"""


@pytest.mark.skipif(find_spec("flax") is None, reason="flax is not installed")
def test_weights_go_into_the_layers_of_flax_and_out_of_them_bit_for_bit() -> None:
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False, True]
