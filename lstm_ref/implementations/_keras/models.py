"""Functional models around a layer, and the placeholders that build one."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lstm_ref.implementations._keras.arguments import plain
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import EncoderDecoder, LiveLayer, Shape, parts, stateful, unrolled
from lstm_ref.protocol.errors import AdapterError, NotOffered

NOTHING: Mapping[str, Any] = MappingProxyType({})


def model_of(
    at: Framework,
    live: LiveLayer,
    inputs: Sequence[Any],
    others: Mapping[str, Any],
    fixed: Mapping[str, Any] = NOTHING,
) -> tuple[Any, list[Any]]:
    """The functional model that takes these arrays, and the arrays in its order. Other
    arguments are given to the model when it is called. Those in `fixed` are given to
    the layer while the model is made.
    """
    arrays = {name: value for name, value in others.items() if name not in plain(others)}
    given = [*inputs, *at.backend.flatten(arrays)]
    if isinstance(live.layer, EncoderDecoder):
        if fixed:
            raise NotOffered(f"the model of an encoder and a decoder is made without {', '.join(fixed)}")
        build(at, live)
        return live.layer.model, given
    lengths = tuple(f"timesteps:{each.shape[1]}" for each in inputs if unrolled(live.layer))
    taken = lengths + tuple(
        f"{name}:{len(each.shape)}" for name, value in arrays.items() for each in at.backend.flatten(value)
    )
    taken += tuple(f"{name}={value}" for name, value in fixed.items())
    if taken not in live.models:
        batch = _batch(live)

        def placeholder(each: Any) -> Any:
            return at.keras.Input(
                _open(live, tuple(each.shape), at.backend.dtype(each)),
                batch_size=batch,
                dtype=at.backend.dtype(each),
            )

        first = placeholders(at, live)
        rest = {name: at.backend.map(placeholder, value) for name, value in arrays.items()}
        live.models[taken] = at.keras.Model(
            [*first, *at.backend.flatten(rest)], live.layer(*first, **rest, **fixed)
        )
    return live.models[taken], given


def build(at: Framework, live: LiveLayer) -> None:
    """Build the layer, if nothing else has, for the inputs of the last call."""
    if not live.layer.built:
        inputs = placeholders(at, live)
        live.layer.build(inputs) if isinstance(live.layer, EncoderDecoder) else live.layer(*inputs)


def placeholders(at: Framework, live: LiveLayer) -> list[Any]:
    """A `keras.Input` for each input of the last call; before that, what fits the
    weights: (None, None, features).
    """
    batch = _batch(live)
    if live.inputs:
        return [
            at.keras.Input(_open(live, shape, dtype), batch_size=batch, dtype=dtype)
            for shape, dtype in live.inputs
        ]
    inner = (
        ("encoder/kernel", "decoder/kernel")
        if isinstance(live.layer, EncoderDecoder)
        else tuple(live.weights)[:1]
    )
    kernels = [
        live.weights[name].values
        for name in inner
        if name in live.weights and name.split("/")[-1] == "kernel"
    ]
    if not kernels or any(stateful(part) for _, part in parts(live.layer)):
        raise AdapterError("nothing says yet which inputs the layer is for: call it before this step")
    return [
        at.keras.Input((None, kernel.shape[0]), dtype=live.dtype.removeprefix("mixed_")) for kernel in kernels
    ]


def _batch(live: LiveLayer) -> int | None:
    """A layer that is stateful is for one batch size."""
    return (
        live.inputs[0][0][0] if live.inputs and any(stateful(part) for _, part in parts(live.layer)) else None
    )


def _open(live: LiveLayer, shape: Shape, dtype: str) -> Shape:
    """The shape without batch, for any number of timesteps: (timesteps, features),
    (timesteps,) for a mask or tokens, or (units,) for a state. An unrolled layer has a
    fixed number of timesteps.
    """
    if unrolled(live.layer):
        return shape[1:]
    return (None, *shape[2:]) if len(shape) > 2 or not dtype.startswith(("float", "bfloat")) else shape[1:]
