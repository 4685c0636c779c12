"""Weights by name: "kernel", "forward/kernel", "1/recurrent_kernel", "decoder/bias"."""

from collections.abc import Mapping
from functools import wraps
from typing import Any

from lstm_ref.implementations._keras.framework import Framework, ours
from lstm_ref.implementations._keras.layers import LiveLayer, joined, leaves_of
from lstm_ref.implementations._keras.models import build
from lstm_ref.protocol.errors import AmbiguousWeights, WeightMismatch, WeightsNotCopied
from lstm_ref.protocol.trace import Tensor


def set_weights(at: Framework, live: LiveLayer, weights: Mapping[str, Tensor]) -> None:
    """Copy the weights into each part as soon as the layer's own first call has
    built it, so that a refused call is refused in the words that users see.
    """
    live.weights = weights
    parts = dict(leaves_of(live.layer))
    of_parts: dict[str, dict[str, Tensor]] = {prefix: {} for prefix in parts}
    for name, value in weights.items():
        of_parts.setdefault(name.rpartition("/")[0], {})[name] = value
    if set(of_parts) != set(parts):
        raise WeightMismatch(
            {joined(prefix, "..."): () for prefix in parts},
            {name: tensor.values.shape for name, tensor in weights.items()},
        )
    for prefix, part in parts.items():
        if part.built:
            _copy(at, part, prefix, of_parts[prefix])
        else:
            _copy_when_built(at, live, part, prefix, of_parts[prefix])


def _copy_when_built(
    at: Framework, live: LiveLayer, part: Any, prefix: str, weights: Mapping[str, Tensor]
) -> None:
    live.waiting.update(weights)
    build = part.build

    @wraps(build)
    def build_with_weights(*shapes: Any, **named_shapes: Any) -> None:
        build(*shapes, **named_shapes)
        with at.backend.at_once():
            _copy(at, part, prefix, weights)
        live.waiting.difference_update(weights)

    part.build = build_with_weights


def _copy(at: Framework, part: Any, prefix: str, weights: Mapping[str, Tensor]) -> None:
    variables = named(at, part, prefix)
    expected = {name: tuple(variable.shape) for name, variable in variables.items()}
    given = {name: tensor.values.shape for name, tensor in weights.items()}
    if expected != given:
        raise WeightMismatch(expected, given)
    try:
        for name, variable in variables.items():
            variable.assign(at.backend.tensor(weights[name]))
    except Exception as error:  # this runs inside the layer's call, but copying is the adapter's part of it
        raise WeightsNotCopied(error) from error


def named(at: Framework, part: Any, prefix: str) -> dict[str, Any]:
    """The weights of a part by name."""
    with ours("name the weights"):
        named = [(joined(prefix, at.generation.name(variable)), variable) for variable in part.weights]
    if len({name for name, _ in named}) < len(named):
        raise AmbiguousWeights([name for name, _ in named])
    return dict(named)


def variables(at: Framework, layer: Any) -> dict[str, Any]:
    """The layer's weights by name: "kernel", "forward/kernel",
    "1/recurrent_kernel", "decoder/bias".
    """
    return {
        name: variable
        for prefix, part in leaves_of(layer)
        for name, variable in named(at, part, prefix).items()
    }


def copies(at: Framework, live: LiveLayer) -> Mapping[str, Any]:
    """Copies of all weights. Raises AdapterError before the first call of a layer
    that keeps its initial ones: it has none yet.
    """
    build(at, live)
    return {
        name: at.backend.copy(at.generation.source(variable))
        for name, variable in variables(at, live.layer).items()
    }
