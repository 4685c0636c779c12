"""The adapter of Paddle, on the installed Paddle, and its signatures beside the table.
All of it is in a process of its own: Paddle is imported nowhere else.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from typing import Any

import pytest

from lstm_ref.corpus import load_parameters

pytestmark = pytest.mark.skipif(find_spec("paddle") is None, reason="paddle is not installed")

TABLES = load_parameters()["paddle"].layers

PREAMBLE = """\
import inspect, json, sys
import numpy as np
from lstm_ref.implementations.paddle import IMPLEMENTATIONS
from lstm_ref.protocol.trace import Request, Step, Tensor
from lstm_ref.protocol.errors import WeightMismatch
adapter = IMPLEMENTATIONS[0].adapter()
paddle = adapter.paddle
"""


def of_paddle(code: str) -> Any:
    """What the code prints as JSON in its last line."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + code], capture_output=True, text=True, check=True, timeout=120
    )
    return json.loads(done.stdout.splitlines()[-1])


def signature(function: str) -> dict[str, Any]:
    """Name to default, or to "required"."""
    found = of_paddle(
        f"found = inspect.signature(paddle.nn.{function}).parameters.values()\n"
        "told = lambda p: 'required' if p.default is inspect.Parameter.empty else p.default\n"
        "print(json.dumps({p.name: told(p) for p in found if p.name != 'self'}))"
    )
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("name", TABLES)
def test_the_parameter_table_is_the_signature_of_the_installed_framework(name: str) -> None:
    ours = {
        key: "required" if parameter.required else parameter.default
        for key, parameter in TABLES[name].constructor.items()
    }
    assert [*ours.items()] == [*signature(f"{name}.__init__").items()]
    passed = {
        key: word
        for key, word in TABLES[name].call.items()
        if word.source.startswith(f"paddle.nn.{name}, Inputs")
    }
    assert [*passed] == [*signature(f"{name}.forward")]


def test_a_layer_keeps_its_parameters_apart_with_and_without_projection() -> None:
    for proj_size in (0, 2):
        shapes = of_paddle(
            "request = Request('paddle', 'LSTM', {'input_size': 5, 'hidden_size': 3, 'num_layers': 2,"
            f" 'direction': 'bidirect', 'proj_size': {proj_size}}}, 'float64', {{}}, ())\n"
            "layer = adapter.constructor(request)()\n"
            "print(json.dumps({n: list(p.shape) for n, p in adapter._parameters(layer).items()}))"
        )
        outputs = proj_size or 3
        assert shapes["weight_ih_l1_reverse"] == [12, 2 * outputs]
        assert shapes["weight_hh_l0"] == [12, outputs]
        assert ("weight_ho_l1_reverse" in shapes) == bool(proj_size)
        assert len(shapes) == (20 if proj_size else 16)


def test_wrong_weights_are_told_with_all_names() -> None:
    said = of_paddle(
        "request = Request('paddle', 'LSTMCell', {'input_size': 5, 'hidden_size': 3}, 'float32', {}, ())\n"
        "layer = adapter.constructor(request)()\n"
        "try:\n"
        "    adapter.set_weights(layer, {'weight_ih': Tensor('float32', np.zeros((12, 4), np.float32))})\n"
        "except WeightMismatch as error:\n"
        "    print(json.dumps(str(error)))"
    )
    assert "weight_ih" in said
    assert "bias_hh" in said


@pytest.mark.parametrize("proj_size", [0, 2])
def test_masks_are_drawn_anew_in_each_call_and_only_in_training(proj_size: int) -> None:
    told = of_paddle(
        "params = {'input_size': 5, 'hidden_size': 3, 'num_layers': 2, 'dropout': 0.5,"
        f" 'proj_size': {proj_size}}}\n"
        "layer = adapter.constructor(Request('paddle', 'LSTM', params, 'float64', {}, ()))()\n"
        "adapter.seed(1)\n"
        "x = paddle.ones([1, 40, 5])\n"
        "adapter.caller(layer, {'inputs': x})()\n"
        "first = adapter.drawn(layer)['dropout[0]'].numpy()\n"
        "adapter.caller(layer, {'inputs': x})()\n"
        "second = adapter.drawn(layer)['dropout[0]'].numpy()\n"
        "adapter.caller(layer, {'inputs': x, 'training': False})()\n"
        "print(json.dumps([list(first.shape), sorted(set(first.ravel())), bool((first == second).all()),"
        " list(adapter.drawn(layer))]))"
    )
    assert told == [[1, 40, proj_size or 3], [0.0, 2.0], False, []]


@pytest.mark.parametrize("proj_size", [0, 2])
def test_weights_go_into_a_layer_and_out_of_it_bit_for_bit(proj_size: int) -> None:
    told = of_paddle(
        "from lstm_ref.conversion import from_paddle, to_paddle\n"
        "paddle.set_default_dtype('float64')\n"
        f"make = lambda: paddle.nn.LSTM(5, 3, 2, 'bidirect', proj_size={proj_size})\n"
        "one, other, third = make(), make(), make()\n"
        "arrays = to_paddle(from_paddle(one), other)\n"
        "third.set_state_dict({name: paddle.to_tensor(values) for name, values in arrays.items()})\n"
        "x = paddle.randn([2, 7, 5])\n"
        "right = one(x)[0].numpy().tobytes()\n"
        "print(json.dumps([layer(x)[0].numpy().tobytes() == right for layer in (other, third)]))"
    )
    assert told == [True, True]
