"""The ways to execute a call."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from lstm_ref.implementations._keras.calls import Differentiate, run
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import LiveLayer, parts
from lstm_ref.protocol.errors import NotOffered


class Mode(Protocol):
    """A way to execute calls."""

    def executor(self, at: Framework, live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """A function that calls the layer with given arguments. It adds masks and
        losses to `live`, and returns the rest.
        """

    def record(
        self, at: Framework, live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """What the call returns, and what differentiates it."""


class Plain:
    """Op by op, on a backend that does not differentiate."""

    def executor(self, at: Framework, live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """The layer itself."""

        def execute(arguments: Mapping[str, Any]) -> Any:
            result, live.masks, live.losses = run(at, live, arguments)
            return result

        return execute

    def record(
        self, at: Framework, live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """Raises NotOffered."""
        raise NotOffered("this backend of Keras does not differentiate")


def live_layer(at: Framework, mode: Mode, layer: Any, dtype: str, functional: bool = False) -> LiveLayer:
    """The layer, whose calls the mode executes and whose masks are seen."""
    live = LiveLayer(layer, dtype, functional)
    live.execute = mode.executor(at, live)
    for prefix, part in parts(layer):
        at.generation.watch(part, live.found.setdefault(prefix, {}))
    return live
