"""A run as the lines that somebody would type."""

from typing import Any

import pytest

from lstm_ref.corpus.case import CaseStep, Input
from lstm_ref.dialects.snippets import snippet


def test_a_layer_and_its_calls_are_lines_with_the_shape_of_the_input() -> None:
    steps = (
        CaseStep("call", {"training": True, "mask": "one-row-empty"}, Input(4, 7, 5)),
        CaseStep("reset", {}, Input()),
        CaseStep("weights", {}, Input()),
    )
    assert snippet("keras", "LSTM", {"units": 3, "unroll": True}, steps) == (
        "layer = keras.layers.LSTM(units=3, unroll=True)",
        "layer(x, training=True, mask=one_row_empty)  # x: (4, 7, 5)",
        "layer.reset_state()",
        "layer.get_weights()",
    )


def test_layers_and_objects_inside_are_calls() -> None:
    params = {
        "layers": [{"layer": "LSTM", "params": {"units": 3}}],
        "initializer": {"class_name": "Constant", "config": {"value": 0.25}},
        "activation": {"callable": "tanh"},
    }
    (line,) = snippet("keras", "Sequential", params, ())
    assert (
        line
        == "layer = keras.Sequential(layers=[keras.layers.LSTM(units=3)], initializer=Constant(value=0.25),"
        " activation=tanh)"
    )


def test_axes_stand_as_the_layer_has_them() -> None:
    sizes = Input(batch=4, timesteps=7, form="batched")
    params = {"input_size": 5, "hidden_size": 3}
    assert snippet("torch", "LSTM", params, (CaseStep("call", {}, sizes),))[1] == "layer(x)  # x: (7, 4, 5)"
    first = {**params, "batch_first": True}
    assert snippet("torch", "LSTM", first, (CaseStep("call", {}, sizes),))[1] == "layer(x)  # x: (4, 7, 5)"
    unbatched = Input(timesteps=7, form="unbatched")
    assert snippet("torch", "LSTM", params, (CaseStep("call", {}, unbatched),))[1] == "layer(x)  # x: (7, 5)"
    packed = Input(batch=4, timesteps=7, form="packed-sorted")
    assert (
        snippet("torch", "LSTM", params, (CaseStep("call", {}, packed),))[1]
        == "layer(x)  # x: (7, 4, 5), packed-sorted"
    )


@pytest.mark.parametrize(
    ("dialect", "params", "shape"),
    [
        ("paddle", {}, "(4, 7, 5)"),
        ("paddle", {"time_major": True}, "(7, 4, 5)"),
        ("onnx", {}, "(7, 4, 5)"),
        ("onnx", {"layout": 1}, "(4, 7, 5)"),
    ],
)
def test_each_dialect_says_when_time_comes_first(dialect: str, params: dict[str, Any], shape: str) -> None:
    call = CaseStep("call", {}, Input(batch=4, timesteps=7, features=5))
    assert snippet(dialect, "LSTM", params, (call,))[1] == f"layer(x)  # x: {shape}"


def test_an_object_may_have_objects_among_its_arguments() -> None:
    zero = {"class_name": "Constant", "config": {"value": 0.0}}
    attribute = {"class_name": "ParamAttr", "config": {"initializer": zero, "trainable": False}}
    assert snippet("paddle", "LSTM", {"bias_ih_attr": attribute}, ())[0] == (
        "layer = nn.LSTM(bias_ih_attr=ParamAttr(initializer=Constant(value=0.0), trainable=False))"
    )


def test_parts_of_an_input_and_an_input_by_name_are_shown() -> None:
    part = Input(4, 7, 5, part=(0, 3), reversed=True)
    assert (
        snippet("keras", "LSTM", {}, (CaseStep("call", {}, part),))[1]
        == "layer(reversed(x[0:3]))  # x: (4, 7, 5)"
    )
    named = Input(4, 7, 5, form="name")
    assert (
        snippet("keras", "LSTM", {}, (CaseStep("call", {}, named),))[1] == "layer(inputs=x)  # x: (4, 7, 5)"
    )
