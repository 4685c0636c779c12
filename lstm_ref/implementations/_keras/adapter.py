"""The adapter of Keras on one backend, in one mode."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.implementations._keras.actions import actor
from lstm_ref.implementations._keras.arguments import in_form, split
from lstm_ref.implementations._keras.calls import Differentiate
from lstm_ref.implementations._keras.construction import construct
from lstm_ref.implementations._keras.framework import Backend, Framework, Generation
from lstm_ref.implementations._keras.layers import EncoderDecoder, LiveLayer
from lstm_ref.implementations._keras.models import model_of, placeholders
from lstm_ref.implementations._keras.modes import Mode, live_layer
from lstm_ref.implementations._keras.weights import copies, set_weights
from lstm_ref.protocol.errors import UnknownLayer
from lstm_ref.protocol.trace import Request, Tensor


class Keras:
    """The adapter of `keras`, a module of the given generation, on a backend, in one
    mode. Its layers are `LiveLayer`.
    """

    def __init__(
        self, backend: Backend, keras: Any, generation: Generation, mode: Mode, versions: Mapping[str, str]
    ) -> None:
        self._at = Framework(backend, keras, generation)
        self._mode, self._versions = mode, versions

    def versions(self) -> Mapping[str, str]:
        """The backend's and Keras' versions."""
        return self._versions

    def processor(self) -> Mapping[str, str | bool]:
        """What the backend tells about it."""
        return self._at.backend.processor()

    def seed(self, seed: int) -> None:
        """As `keras.utils.set_random_seed`."""
        self._at.generation.seed(self._at.keras, seed)

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`keras.layers.<layer>(**params, dtype=...)`; nested layers get the same
        dtype.
        """
        return lambda: live_layer(
            self._at,
            self._mode,
            construct(self._at, request.layer, request.params, request.dtype),
            request.dtype,
        )

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy the weights into each part as soon as the layer's own first call has
        built it, so that a refused call is refused in the words that users see.
        """
        set_weights(self._at, layer, weights)

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """Copies of all weights. Raises AdapterError before the first call of a layer
        that keeps its initial ones: it has none yet.
        """
        return copies(self._at, layer)

    def tensor(self, value: Tensor) -> Any:
        """The array as the backend's own; bfloat16 comes as float32."""
        return self._at.backend.tensor(value)

    def read(self, array: Any) -> Tensor:
        """A tensor's values."""
        return self._at.backend.read(array)

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`layer(sequences, **others)`, or a functional model of the same arguments.
        `passed` has the arguments that are passed in another form.
        """
        live: LiveLayer = layer
        tensors = {name: value for name, value in arguments.items() if name != "passed"}

        def call() -> Any:
            inputs, others = split(tensors)
            live.inputs = [(tuple(each.shape), self._at.backend.dtype(each)) for each in inputs]
            if isinstance(live.layer, EncoderDecoder) and not live.layer.built:
                live.layer.build(placeholders(self._at, live))
            if live.functional and not isinstance(live.layer, EncoderDecoder):
                model_of(self._at, live, inputs, others)
            live.forms = arguments.get("passed", {})
            return live.execute(
                {name: in_form(self._at, value, live.forms.get(name)) for name, value in tensors.items()}
            )

        return call

    def record(self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]) -> tuple[Any, Differentiate]:
        """As the mode does it."""
        return self._mode.record(self._at, layer, leaves, call)

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """Of the last call."""
        live: LiveLayer = layer
        return live.masks

    def epochs(self, layer: Any) -> Sequence[Mapping[str, Any]]:
        """The masks of each epoch of the last training; none where nothing was
        dropped.
        """
        live: LiveLayer = layer
        return live.epochs

    def effects(self, layer: Any) -> Mapping[str, Any]:
        """The losses, 1-D; under a mixed policy those of weights and of outputs differ
        in dtype. The wider dtype holds both.
        """
        live: LiveLayer = layer
        if not live.losses:
            return {}
        return {"losses": self._at.backend.stack(live.losses)}

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`reset`, `train`, `save-and-load`, `from-config`, `functional-model`."""
        return actor(self._at, self._mode, layer, action, step, arguments)

    def documented(self, name: str) -> Any:
        """`keras.layers.<name>`."""
        found = getattr(self._at.keras.layers, name, None)
        if found is None:
            raise UnknownLayer(name, "keras.layers")
        return found

    def namespace(self) -> Mapping[str, Any]:
        """`np`, `keras`, the backend, and the names that examples of the documentation
        use without a module.
        """
        keras = self._at.keras
        layers = {name: getattr(keras.layers, name) for name in ("LSTM", "RNN", "Bidirectional", "Dense")}
        models = {"Sequential": keras.Sequential, "Input": keras.Input}
        return {"np": np, "keras": keras, **self._at.backend.names(), **models, **layers}

    def release(self) -> None:
        """`clear_session`: fresh masked layers keep 0.14 MB each until then (Keras
        3.15).
        """
        self._at.keras.backend.clear_session()
