"""How a call on Keras' backend of JAX is executed and differentiated."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from lstm_ref.implementations._keras.calls import Differentiate, run, trained
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import EncoderDecoder, LiveLayer, parts, stateful
from lstm_ref.implementations._keras.models import build
from lstm_ref.implementations._keras.modes import Plain
from lstm_ref.protocol.adapter import Gradients


class Stateless(Plain):
    """A call that is differentiated is a pure function of weights and leaves. It runs
    in a `keras.StatelessScope`, and the updates of the scope are assigned afterwards.
    """

    def record(
        self, at: Framework, live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """`jax.vjp` around the call. The layer is built before, since no variable can
        be made inside; where that fails, the call itself says why.

        JAX has zeros where nothing flows. A mask, which the layer reads as true or
        false, has no gradient then.
        """
        jax, pullbacks = import_module("jax"), []

        def execute(arguments: Mapping[str, Any]) -> Any:
            if not live.layer.built:
                with suppress(Exception):
                    _build(at, live)
            weights = trained(at, live)
            kept = [variable for variable in _variables(at, live) if not variable.trainable]
            places = {id(leaf): place for place, leaf in enumerate(leaves)}

            def pure(values: Sequence[Any], given: Sequence[Any]) -> Any:
                put = at.backend.map(
                    lambda each: given[places[id(each)]] if id(each) in places else each, dict(arguments)
                )
                mapping = list(zip(weights.values(), values, strict=True))
                with at.keras.StatelessScope(mapping, collect_losses=True) as scope:
                    result, masks, losses = run(at, live, put)
                    updates = [scope.get_current_value(variable) for variable in kept]
                return (at.backend.flatten(result), losses), (masks, updates, result)

            (_, live.losses), pullback, (live.masks, updates, result) = jax.vjp(
                pure, [variable.value for variable in weights.values()], list(leaves), has_aux=True
            )
            for variable, value in zip(kept, updates, strict=True):
                if value is not None:
                    variable.assign(value)
            pullbacks.append((weights, pullback, [leaf is arguments.get("mask") for leaf in leaves]))
            return result

        live.execute, plain = execute, live.execute
        try:
            result = call()
        finally:
            live.execute = plain

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            weights, pullback, of_mask = pullbacks[0]
            seeds = list(cotangents), [jax.numpy.ones_like(loss) for loss in live.losses]
            of_weights, of_leaves = pullback(seeds)
            return dict(zip(weights, of_weights, strict=True)), [
                None if mask and not gradient.any() else gradient
                for mask, gradient in zip(of_mask, of_leaves, strict=True)
            ]

        return result, differentiate


def _build(at: Framework, live: LiveLayer) -> None:
    """Build the layer. A cell is not called for it: that takes states."""
    if hasattr(live.layer, "state_size") and not hasattr(live.layer, "cell"):
        ((shape, _),) = live.inputs
        live.layer.build(shape)
    else:
        build(at, live)


def _variables(at: Framework, live: LiveLayer) -> list[Any]:
    """The variables of the layer, and the recorded states, which are not among them
    (Keras 3.15).
    """
    whole = live.layer.model if isinstance(live.layer, EncoderDecoder) else live.layer
    states = [getattr(part, "states", None) for _, part in parts(live.layer) if stateful(part)]
    return [*whole.variables, *(state for state in at.backend.flatten(states) if state is not None)]
