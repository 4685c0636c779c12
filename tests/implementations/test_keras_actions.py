"""What an action of the Keras adapters leaves as it was, without any Keras."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lstm_ref.implementations._keras.actions import actor


def test_the_policy_of_the_process_is_asked_for_before_floatx_changes() -> None:
    asked: list[str] = []
    keras = SimpleNamespace(
        mixed_precision=SimpleNamespace(global_policy=lambda: asked.append("policy")),
        backend=SimpleNamespace(floatx=lambda: "float32", set_floatx=asked.append),
    )
    at: Any = SimpleNamespace(keras=keras, backend=SimpleNamespace(dtype=lambda array: str(array.dtype)))
    live: Any = SimpleNamespace(dtype="float64", layer=None, functional=True)
    arguments = {"sequences": np.zeros((1, 2, 3)), "epochs": 1, "learning_rate": 0.5, "targets": np.zeros(1)}
    train = actor(at, SimpleNamespace(), live, "train", 0, arguments)  # type: ignore[arg-type]
    with pytest.raises(AttributeError):  # there is no Keras to make a model with
        train()
    assert asked == ["policy", "float64", "float32"]
