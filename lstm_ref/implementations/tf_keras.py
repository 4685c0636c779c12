"""Keras 2 on TensorFlow, called eagerly: the package `tf_keras`, which is also
`tf.keras` if TF_USE_LEGACY_KERAS is set.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from importlib import import_module
from typing import Any

from lstm_ref.implementations._keras import ACCUMULATION, ENVIRONMENT, LOWEST, Eager, Keras, Mode, TensorFlow
from lstm_ref.protocol.adapter import Host, Implementation
from lstm_ref.protocol.trace import Request

# The package requires `tensorflow` by that name: beside `tensorflow-cpu`, install it
# with `pip install --no-deps tf-keras`.
HOST = Host(
    subject="tf-keras",
    requires=("tensorflow", "tf_keras"),
    extra="tf-keras",
    environment={**ENVIRONMENT, "TF_USE_LEGACY_KERAS": "1"},
    lowest=LOWEST,
)

# Constructor arguments that Keras 3 documents and Keras 2 does not. Keras 2 takes
# `seed` without a word, and `use_cudnn` not at all.
OF_KERAS_3 = ("seed", "use_cudnn")

CACHES = {"dropout": "_dropout_mask_cache", "recurrent_dropout": "_recurrent_dropout_mask_cache"}


class Keras2:
    """What is Keras 2's own."""

    def seed(self, keras: Any, seed: int) -> None:
        """`keras.utils.set_random_seed`."""
        keras.utils.set_random_seed(seed)

    def name(self, variable: Any) -> str:
        """The last part of `name`: "lstm/lstm_cell/recurrent_kernel:0"."""
        return str(variable.name).rsplit("/", 1)[-1].partition(":")[0]

    def source(self, variable: Any) -> Any:
        """A `tf.Variable`, or one that casts itself."""
        return variable

    def watch(self, layer: Any, found: dict[str, Any]) -> None:
        """Nothing is forgotten before the next call."""

    def masks(self, layer: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """The cache has a list of four masks. A layer or cell uses only the first,
        unless it has implementation 1.
        """
        kept = {
            kind: list(getattr(layer, cache).values())
            for kind, cache in CACHES.items()
            if hasattr(layer, cache)
        }
        gates = 4 if hasattr(layer, "state_size") and getattr(layer, "implementation", None) == 1 else 1
        return {kind: masks[0][:gates] for kind, masks in kept.items() if masks}

    def reset(self, layer: Any) -> None:
        """`reset_states()`."""
        layer.reset_states()


class TfKeras(Keras):
    """Keras 2 does not offer what its documentation does not have."""

    def unsupported(self, request: Request) -> str | None:
        """Arguments of Keras 3."""
        found = sorted({name for name in _names(request.params) if name in OF_KERAS_3})
        return f"Keras 2 does not document the argument {' and '.join(map(repr, found))}" if found else None


def _names(params: Any) -> Iterator[str]:
    """The names of all parameters, also of nested layers."""
    if isinstance(params, Mapping):
        yield from params
    for value in (
        params.values() if isinstance(params, Mapping) else params if isinstance(params, list) else ()
    ):
        yield from _names(value)


def tf_keras(mode: Mode) -> TfKeras:
    """The adapter. Imports TensorFlow and tf_keras."""
    at, keras = TensorFlow(), import_module("tf_keras")
    versions = {"tensorflow": at.tf.__version__, "tf-keras": keras.__version__}
    return TfKeras(at, keras, Keras2(), mode, versions)


IMPLEMENTATIONS = (
    Implementation(
        name="tf-keras",
        dialect="keras",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=partial(tf_keras, Eager()),
        version="2",
    ),
)
