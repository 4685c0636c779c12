"""Keras 3 on TensorFlow, through `tf.keras`: called eagerly as its users call it, in a
`tf.function`, and compiled by XLA.
"""

import random
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.implementations._keras import ACCUMULATION, ENVIRONMENT, LOWEST, Eager, Keras, Mode, Traced
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-tensorflow",
    requires=("tensorflow", "keras"),
    extra="tensorflow",
    environment={**ENVIRONMENT, "TF_USE_LEGACY_KERAS": "0"},
    lowest=LOWEST,
)

MASKS = {"dropout": "_dropout_mask", "recurrent_dropout": "_recurrent_dropout_mask"}


class Keras3:
    """What is Keras 3's own."""

    def seed(self, keras: Any, seed: int) -> None:
        """`keras.utils.set_random_seed` without TensorFlow's own seed: Keras 3 draws
        from that of Python and hands it to stateless operations, and setting
        TensorFlow's makes it prepare all its operations anew, 15 ms a request.
        """
        random.seed(seed)
        np.random.seed(seed)

    def name(self, variable: Any) -> str:
        """`Variable.name`."""
        return str(variable.name)

    def source(self, variable: Any) -> Any:
        """`Variable.value`, a `tf.Variable`."""
        return variable.value

    def watch(self, layer: Any, found: dict[str, Any]) -> None:
        """A layer has its cell forget the masks at the end of a call."""
        for kind, attribute in MASKS.items():
            forget = getattr(layer, f"reset{attribute}", None)
            if forget is not None:
                setattr(layer, f"reset{attribute}", partial(_keep, layer, kind, attribute, forget, found))

    def masks(self, layer: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was found, or what a cell still has that no layer told to forget."""
        kept = {kind: getattr(layer, attribute, None) for kind, attribute in MASKS.items()}
        return {kind: mask for kind, mask in {**kept, **found}.items() if mask is not None}

    def reset(self, layer: Any) -> None:
        """`reset_state()`, which a model does not have: its layers do."""
        for each in [layer] if hasattr(layer, "reset_state") else layer.layers:
            if hasattr(each, "reset_state"):
                each.reset_state()


def _keep(layer: Any, kind: str, attribute: str, forget: Any, found: dict[str, Any]) -> None:
    mask = getattr(layer, attribute, None)
    if mask is not None:
        found[kind] = mask
    forget()


def keras_tensorflow(mode: Mode) -> Keras:
    """The adapter. Imports TensorFlow.

    The version is that of the module: another distribution than `keras`, such as a
    nightly one, may have brought it.
    """
    tf, keras = import_module("tensorflow"), import_module("keras")
    return Keras(tf, tf.keras, Keras3(), mode, {"tensorflow": tf.__version__, "keras": keras.__version__})


IMPLEMENTATIONS = (
    Implementation(
        name="keras-tensorflow",
        dialect="keras",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=partial(keras_tensorflow, Eager()),
        version="3",
    ),
    Implementation(
        name="keras-tensorflow-graph",
        dialect="keras",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=partial(keras_tensorflow, Traced(jit_compile=False)),
        version="3",
        covering_only=True,
    ),
    Implementation(
        name="keras-tensorflow-xla",
        dialect="keras",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=partial(keras_tensorflow, Traced(jit_compile=True)),
        version="3",
        covering_only=True,
        lifetime=50,  # each compiled function keeps 7 MB (TensorFlow 2.21)
    ),
)
