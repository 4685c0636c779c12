"""A layer while its request runs, and the layers and cells inside it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lstm_ref.protocol.trace import Tensor

Shape = tuple[int | None, ...]


class EncoderDecoder:
    """The encoder-decoder of the guide "Working with RNNs", a functional model: the
    decoder starts from the states that the encoder returns.

    It is built as soon as the number of features is known, like a layer.
    """

    def __init__(self, keras: Any, encoder: Any, decoder: Any) -> None:
        self.keras, self.encoder, self.decoder = keras, encoder, decoder
        self.model: Any = None

    @property
    def built(self) -> bool:
        """Whether there is a model."""
        return self.model is not None

    @property
    def losses(self) -> list[Any]:
        """Those of the model."""
        return list(self.model.losses)

    def build(self, inputs: Sequence[Any]) -> None:
        """Make the model of these `keras.Input`s."""
        sequences, decoder_sequences = inputs
        _, *states = self.encoder(sequences)
        self.model = self.keras.Model(
            [sequences, decoder_sequences], self.decoder(decoder_sequences, initial_state=states)
        )

    def __call__(self, inputs: Sequence[Any], **others: Any) -> Any:
        """What the decoder returns."""
        return self.model(inputs, **others)

    def around(self, model: Any) -> "EncoderDecoder":
        """The same with another model of such layers."""
        other = EncoderDecoder(
            self.keras, model.get_layer(self.encoder.name), model.get_layer(self.decoder.name)
        )
        other.model = model
        return other


@dataclass
class LiveLayer:
    """A layer while its request runs.

    `functional` says that calls go through functional models around the layer, which
    `models` keeps by the arguments that they take and, of an unrolled layer, the number
    of timesteps. `weights` are those that were given, `waiting` the names of those
    whose part is not built yet, `inputs` the shapes and dtypes of the last inputs, and
    `forms` those of the arguments of the last call that are not passed as usual.

    `found` is what the parts of the layer enter while a call runs; `masks` and `losses`
    are those of the last call, `epochs` the masks of the last training. `execute` runs
    a call with its arguments; `recorders` are the functions that also differentiate it,
    by the positions of what they differentiate by.
    """

    layer: Any
    dtype: str
    functional: bool = False
    models: dict[tuple[str, ...], Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    inputs: Sequence[tuple[Shape, str]] = ()
    forms: Mapping[str, str] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    masks: Mapping[str, Any] = field(default_factory=dict)
    epochs: Sequence[Mapping[str, Any]] = ()
    losses: Sequence[Any] = ()
    recorders: dict[tuple[int, ...], tuple[Any, Any]] = field(default_factory=dict)
    execute: Callable[[Mapping[str, Any]], Any] = field(default=lambda arguments: None)


def parts(layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layer and the layers and cells in it, each with the prefix of its weights'
    names.
    """
    yield prefix, layer
    inner: list[tuple[str, Any]] = []
    if isinstance(layer, EncoderDecoder):
        inner = [("encoder", layer.encoder), ("decoder", layer.decoder)]
    elif hasattr(layer, "forward_layer"):
        inner = [("forward", layer.forward_layer), ("backward", layer.backward_layer)]
    elif hasattr(layer, "cells"):
        inner = [(str(position), cell) for position, cell in enumerate(layer.cells)]
    elif hasattr(layer, "cell"):
        inner = [("", layer.cell)]
    elif type(layer).__name__ == "Sequential":
        inner = [(str(position), each) for position, each in enumerate(layer.layers)]
    for name, each in inner:
        yield from parts(each, joined(prefix, name))


def leaves_of(layer: Any) -> Iterator[tuple[str, Any]]:
    """The parts without further parts: those that have weights of their own."""
    return ((prefix, part) for prefix, part in parts(layer) if len(list(parts(part))) == 1)


def stateful(part: Any) -> bool:
    return bool(getattr(part, "stateful", False))


def unrolled(layer: Any) -> bool:
    return any(getattr(part, "unroll", False) for _, part in parts(layer))


def joined(prefix: str, name: str) -> str:
    return "/".join(filter(None, (prefix, name)))
