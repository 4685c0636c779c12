"""Keras 3 on TensorFlow, through `tf.keras`: called eagerly as its users call it, in a
`tf.function`, and compiled by XLA.
"""

from functools import partial
from importlib import import_module

from lstm_ref.implementations._keras import (
    ACCUMULATION,
    ENVIRONMENT,
    LOWEST,
    Eager,
    Keras,
    Keras3,
    Mode,
    TensorFlow,
    Traced,
)
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="keras-tensorflow",
    requires=("tensorflow", "keras"),
    extra="tensorflow",
    environment={**ENVIRONMENT, "TF_USE_LEGACY_KERAS": "0"},
    lowest=LOWEST,
)


def keras_tensorflow(mode: Mode) -> Keras:
    """The adapter. Imports TensorFlow.

    The version is that of the module: another distribution than `keras`, such as a
    nightly one, may have brought it.
    """
    at, keras = TensorFlow(), import_module("keras")
    versions = {"tensorflow": at.tf.__version__, "keras": keras.__version__}
    return Keras(at, at.tf.keras, Keras3(), mode, versions)


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
