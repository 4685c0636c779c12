"""Layers from the parameters of a request."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import EncoderDecoder
from lstm_ref.protocol.errors import AdapterError, UnknownLayer


def construct(at: Framework, layer: str, params: Mapping[str, Any], dtype: str) -> Any:
    given = {name: _param(at, value, dtype) for name, value in params.items()}
    if layer == "EncoderDecoder":
        return EncoderDecoder(at.keras, **given)
    if layer == "Sequential":
        with _policy(at, dtype):
            return at.keras.Sequential(**given)
    kind = getattr(at.keras.layers, layer, None)
    if kind is None:
        raise UnknownLayer(layer, "keras.layers")
    return kind(**given, dtype=dtype)


@contextmanager
def _policy(at: Framework, dtype: str) -> Iterator[None]:
    """The global policy, for a model: it takes no dtype of its own."""
    before = at.keras.mixed_precision.global_policy()
    at.keras.mixed_precision.set_global_policy(dtype)
    try:
        yield
    finally:
        at.keras.mixed_precision.set_global_policy(before)


def _param(at: Framework, value: Any, dtype: str) -> Any:
    """A nested layer, a function, or plain data, of which Keras gets a copy."""
    if isinstance(value, list):
        return [_param(at, item, dtype) for item in value]
    if isinstance(value, Mapping) and set(value) == {"layer", "params"}:
        return construct(at, value["layer"], value["params"], dtype)
    if isinstance(value, Mapping) and set(value) == {"callable"}:
        return _function(at, value["callable"])
    return copy.deepcopy(value)


def _function(at: Framework, name: str) -> Any:
    for namespace in (at.keras.activations, getattr(at.keras, "ops", None)):
        if callable(function := getattr(namespace, name, None)):
            return function
    raise AdapterError(f"neither keras.activations nor keras.ops has a function {name!r}")
