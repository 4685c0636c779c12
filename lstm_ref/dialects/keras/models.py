"""Models of Keras layers in NumPy: keras.Sequential, and the encoder and decoder of the
guide to recurrent layers.

Source: the API documentation of Keras 3, keras.Sequential and keras.layers.Masking; of
the encoder and decoder, the guide "Working with RNNs", section "RNN state reuse"; of
masks, the guide "Understanding masking & padding".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import INPUT_DEVIATION, Gradients, Output, Place, Pullback, Sizes, Spec
from lstm_ref.dialects.keras.inner_layers import of_part, passed, to_train
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.masking import Embedding, Masking
from lstm_ref.dialects.keras.outer_layer import OuterLayer, mask_after, pulled_through
from lstm_ref.dialects.keras.wrappers import RNN, Bidirectional
from lstm_ref.reference.activations import Array

MORE_STEPS = 2  # of a decoder's input than of the encoder's, so that nothing fits by chance


class Sequential(OuterLayer):
    """keras.Sequential: each layer reads the output of the one before it. A mask is
    passed on together with its sequence.
    """

    def __init__(
        self,
        layers: Sequence[Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        self.layers = list(layers or ())
        known = (LSTM, RNN, Bidirectional, Masking, Embedding)
        if not self.layers or not all(isinstance(layer, known) for layer in self.layers):
            raise NotImplementedError(
                "the NumPy keras.Sequential is made of recurrent layers, Masking and Embedding"
            )
        if any(len(layer.outputs({})) > 1 for layer in self.layers):
            raise ValueError("a layer of a Sequential must have exactly one output")
        if any(isinstance(layer, Embedding) for layer in self.layers[1:]):
            raise ValueError("an Embedding must come first: it reads integers")
        super().__init__({str(k): layer for k, layer in enumerate(self.layers)}, version, trainable)

    def __call__(self, inputs: Array, training: bool | None = None, mask: Array | None = None) -> Array:
        """The last layer's output. inputs are those of the first layer, and mask
        (batch, timesteps) is about them: True is a step to take.
        """
        return self.vjp(inputs, training, mask)[0]

    def vjp(
        self,
        inputs: Array,
        training: bool | None = None,
        mask: Array | None = None,
        *,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Array, Pullback]:
        """The call and its pullback, to gradients by name: 0/kernel, ..., "inputs"
        where they are not integers.
        """
        y = inputs
        pulls: dict[str, Pullback] = {}
        for place, layer in self.inner.layers.items():
            if isinstance(layer, Masking | Embedding):
                mask = layer.compute_mask(y)
                y, pulls[place] = layer.vjp(y)
            else:
                y, pulls[place] = layer.vjp(y, None, mask, bool(training), drawn=of_part(drawn, place))
                mask = mask_after(layer, mask)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            found, d_inputs = pulled_through(pulls, cotangents[0], {})
            return self.inner.gradients(found) | (
                {} if isinstance(self.layers[0], Embedding) else {"inputs": d_inputs}
            )

        return y, pullback

    def features(self, features: int) -> list[int]:
        """How many numbers go into each layer."""
        found = [features]
        for layer in self.layers[:-1]:
            found.append(_units(layer) or found[-1])
        return found

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """The mask of the output. Raises NotImplementedError where a Masking has to
        look at what a layer returned.
        """
        mask = arguments.get("mask")
        for k, layer in enumerate(self.layers):
            if not isinstance(layer, Masking | Embedding):
                mask = mask_after(layer, mask)
            elif k == 0:
                mask = layer.compute_mask(arguments["inputs"])
            else:
                raise NotImplementedError(
                    "the NumPy keras.Sequential is trained with a Masking in the first place only"
                )
        return mask

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs` of the first layer, `training`, `mask`."""
        first = self.layers[0].arguments(sizes, passed(call, "mask"))
        inputs = first["inputs"] if "inputs" in first else first["sequences"]
        training = to_train(call, self.layers[-1].outputs({})[0], _units(self.layers[-1]), sizes)
        return {"inputs": inputs, **passed(call, "training"), **passed(first, "mask"), **training}

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The last layer's."""
        outputs: tuple[Output, ...] = self.layers[-1].outputs({})
        return outputs


class EncoderDecoder(OuterLayer):
    """Two LSTMs. The encoder reads a sequence. Its last states are the initial states
    of the decoder.
    """

    def __init__(self, encoder: LSTM, decoder: LSTM, *, dtype: str | None = None, version: str = "3") -> None:
        if not encoder.return_state:
            raise ValueError("the encoder must return its state")
        self.encoder, self.decoder = encoder, decoder
        super().__init__({"encoder": encoder, "decoder": decoder}, version)

    def __call__(self, sequences: Array, decoder_sequences: Array, training: bool | None = None) -> Any:
        """What the decoder returns from decoder_sequences (batch, other timesteps,
        features), after the encoder has read sequences (batch, timesteps, features).
        """
        return self.vjp(sequences, decoder_sequences, training)[0]

    def vjp(
        self,
        sequences: Array,
        decoder_sequences: Array,
        training: bool | None = None,
        *,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, to gradients by name: encoder/kernel, ...,
        "sequences", "decoder_sequences".
        """
        (read, *states), pull_encoder = self.encoder.vjp(
            sequences, None, None, bool(training), drawn=of_part(drawn, "encoder")
        )
        result, pull_decoder = self.decoder.vjp(
            decoder_sequences, states, None, bool(training), drawn=of_part(drawn, "decoder")
        )

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            decoder = pull_decoder(cotangents)
            encoder = pull_encoder(
                [np.zeros_like(read), decoder["initial_state[0]"], decoder["initial_state[1]"]]
            )
            inputs = {"sequences": encoder["sequences"], "decoder_sequences": decoder["sequences"]}
            return self.inner.gradients({"encoder": encoder, "decoder": decoder}) | inputs

        return result, pullback

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """There is no mask."""
        return None

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`sequences`, and `decoder_sequences` of the same features and some more
        timesteps.
        """
        more = Sizes(sizes.batch, sizes.timesteps + MORE_STEPS, sizes.features)
        specs = [
            Spec((sizes.batch, n.timesteps, n.features), ("batch", "time", "feature"), INPUT_DEVIATION)
            for n in (sizes, more)
        ]
        training = to_train(call, self.decoder.outputs({})[0], self.decoder.units, more)
        return {
            "sequences": specs[0]._replace(source="x"),
            "decoder_sequences": specs[1],
            **passed(call, "training"),
            **training,
        }

    def placed(self, number: int, inner: Place) -> Place:
        """The two parts are called "encoder" and "decoder"."""
        return inner._replace(part=list(self.inner.layers)[number])

    def shapes(self, arguments: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """Each reads a sequence of its own."""
        return [np.shape(arguments[name]) for name in ("sequences", "decoder_sequences")]

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The decoder's."""
        return self.decoder.outputs({})


def _units(layer: Any) -> int:
    """How many numbers each step of a layer's output has. 0 means: as many as its input
    has.
    """
    if isinstance(layer, Embedding):
        return layer.output_dim
    return 0 if isinstance(layer, Masking) else int(layer.units)
