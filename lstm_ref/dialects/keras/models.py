"""Models of Keras layers in NumPy: keras.Sequential, and the encoder and decoder of the guide to recurrent layers.

Source: the API documentation of Keras 3, keras.Sequential and keras.layers.Masking; of the encoder and decoder, the guide "Working with RNNs",
section "RNN state reuse"; of masks, the guide "Understanding masking & padding".
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import INPUT_DEVIATION, Draw, Gradients, Output, Pullback, Sizes, Spec, Unrolled
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.masking import Embedding, Masking
from lstm_ref.dialects.keras.nested import Parts, of_part, passed, to_train, train
from lstm_ref.dialects.keras.wrappers import RNN, Bidirectional
from lstm_ref.reference.activations import Array

MORE_STEPS = 2  # of a decoder's input than of the encoder's, so that nothing fits by chance


class Sequential:
    """keras.Sequential: each layer reads the output of the one before it. A mask goes along with the sequence that it is about."""

    def __init__(
        self, layers: Sequence[Any] | None = None, trainable: bool = True, name: str | None = None, *, dtype: str | None = None, version: str = "3"
    ) -> None:
        self.layers = list(layers or ())
        known = (LSTM, RNN, Bidirectional, Masking, Embedding)
        if not self.layers or not all(isinstance(layer, known) for layer in self.layers):
            raise NotImplementedError("the NumPy keras.Sequential is made of recurrent layers, Masking and Embedding")
        if any(len(layer.outputs({})) > 1 for layer in self.layers):
            raise ValueError("a layer of a Sequential must have exactly one output")
        if any(isinstance(layer, Embedding) for layer in self.layers[1:]):
            raise ValueError("an Embedding must come first: it reads integers")
        self.trainable = trainable
        self.parts = Parts({str(k): layer for k, layer in enumerate(self.layers)}, version)
        if not trainable:
            self.parts.freeze()

    def __call__(self, inputs: Array, training: bool | None = None, mask: Array | None = None) -> Array:
        """The last layer's output. inputs are those of the first layer, and mask (batch, timesteps) is about them: True is a step to take."""
        return self.vjp(inputs, training, mask)[0]

    def vjp(
        self, inputs: Array, training: bool | None = None, mask: Array | None = None, *, drawn: Mapping[str, Array] | None = None
    ) -> tuple[Array, Pullback]:
        """The call and its pullback, to gradients by name: 0/kernel, ..., "inputs" where they are no integers."""
        y, pulls = inputs, []
        for k, layer in enumerate(self.layers):
            if isinstance(layer, Masking | Embedding):
                mask = layer.compute_mask(y)
                y, pull = layer.vjp(y)
            else:
                y, pull = layer.vjp(y, None, mask, bool(training), drawn=of_part(drawn, str(k)))
                mask = mask_after(layer, mask)
            pulls.append(pull)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_y, found = cotangents[0], {}
            for k in reversed(range(len(pulls))):
                found[str(k)] = pulls[k]([d_y])
                d_y = found[str(k)].get("sequences", found[str(k)].get("inputs", d_y))
            inputs = {} if isinstance(self.layers[0], Embedding) else {"inputs": d_y}
            return self.parts.gradients(found) | inputs

        return y, pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """Those of each layer: 0/kernel, ..."""
        return self.parts.weight_specs(self._features(features))

    def initial(self, features: int) -> Mapping[str, Initial]:
        """What the initializers give."""
        return self.parts.initial(self._features(features))

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are wrong."""
        self.parts.load(weights)

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes."""
        self.parts.take(weights)

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self.parts.weights()

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint of the weight of this name makes of it."""
        return self.parts.project(name, weight)

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """The mask of the output."""
        mask, first = arguments.get("mask"), self.layers[0]
        if isinstance(first, Masking | Embedding):
            mask = first.compute_mask(arguments["inputs"])
        for layer in self.layers:
            mask = mask if isinstance(layer, Masking | Embedding) else mask_after(layer, mask)
        return mask

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs` of the first layer, `training`, `mask`."""
        first = self.layers[0].arguments(sizes, passed(call, "mask"))
        inputs = first["inputs"] if "inputs" in first else first["sequences"]
        training = to_train(call, self.layers[-1].outputs({})[0], _units(self.layers[-1]), sizes)
        return {"inputs": inputs, **passed(call, "training"), **passed(first, "mask"), **training}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """The masks of each layer: 1/dropout, ..."""
        found: dict[str, Draw] = {}
        batch, timesteps, *features = np.shape(arguments["inputs"])[-3:]
        for k, (layer, n) in enumerate(zip(self.layers, self._features(*(features or [0])), strict=True)):
            if not isinstance(layer, Masking | Embedding):
                of_layer = layer.draws({"sequences": np.zeros((batch, timesteps, n)), **passed(arguments, "training")})
                found |= {f"{k}/{name}": draw for name, draw in of_layer.items()}
        return found

    def effects(self) -> Mapping[str, Array]:
        """The losses of all layers."""
        return self.parts.effects()

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """`train`, and what each layer does."""
        if action == "train":
            train(self, arguments)
        else:
            self.parts.act(action, arguments)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The last layer's."""
        outputs: tuple[Output, ...] = self.layers[-1].outputs({})
        return outputs

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The output does not show the steps of one LSTM, unless there is but one."""
        return None

    def _features(self, features: int) -> list[int]:
        """How many numbers go into each layer."""
        found = [features]
        for layer in self.layers[:-1]:
            found.append(_units(layer) or found[-1])
        return found


class EncoderDecoder:
    """Two LSTMs, the first of which reads a sequence and hands its last states over as the initial states of the second."""

    def __init__(self, encoder: LSTM, decoder: LSTM, *, dtype: str | None = None, version: str = "3") -> None:
        if not encoder.return_state:
            raise ValueError("the encoder must return its state")
        self.encoder, self.decoder = encoder, decoder
        self.trainable = True
        self.parts = Parts({"encoder": encoder, "decoder": decoder}, version)

    def __call__(self, sequences: Array, decoder_sequences: Array, training: bool | None = None) -> Any:
        """What the decoder returns from decoder_sequences (batch, other timesteps, features), after the encoder has read sequences (batch,
        timesteps, features).
        """
        return self.vjp(sequences, decoder_sequences, training)[0]

    def vjp(
        self, sequences: Array, decoder_sequences: Array, training: bool | None = None, *, drawn: Mapping[str, Array] | None = None
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, to gradients by name: encoder/kernel, ..., "sequences", "decoder_sequences"."""
        (read, *states), pull_encoder = self.encoder.vjp(sequences, None, None, bool(training), drawn=of_part(drawn, "encoder"))
        result, pull_decoder = self.decoder.vjp(decoder_sequences, states, None, bool(training), drawn=of_part(drawn, "decoder"))

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            decoder = pull_decoder(cotangents)
            encoder = pull_encoder([np.zeros_like(read), decoder["initial_state[0]"], decoder["initial_state[1]"]])
            inputs = {"sequences": encoder["sequences"], "decoder_sequences": decoder["sequences"]}
            return self.parts.gradients({"encoder": encoder, "decoder": decoder}) | inputs

        return result, pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """encoder/kernel, ..., decoder/kernel, ..."""
        return self.parts.weight_specs([features, features])

    def initial(self, features: int) -> Mapping[str, Initial]:
        """What the initializers give."""
        return self.parts.initial([features, features])

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are wrong."""
        self.parts.load(weights)

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes."""
        self.parts.take(weights)

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self.parts.weights()

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint of the weight of this name makes of it."""
        return self.parts.project(name, weight)

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """There is no mask."""
        return None

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`sequences`, and `decoder_sequences` of the same features and some more timesteps."""
        more = Sizes(sizes.batch, sizes.timesteps + MORE_STEPS, sizes.features)
        specs = [Spec((sizes.batch, n.timesteps, n.features), ("batch", "time", "feature"), INPUT_DEVIATION) for n in (sizes, more)]
        training = to_train(call, self.decoder.outputs({})[0], self.decoder.units, more)
        return {"sequences": specs[0]._replace(source="x"), "decoder_sequences": specs[1], **passed(call, "training"), **training}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """The masks of both: encoder/dropout, ..."""
        inputs = {"encoder": arguments["sequences"], "decoder": arguments["decoder_sequences"]}
        training = passed(arguments, "training")
        return {
            f"{place}/{name}": draw
            for place, part in self.parts.layers.items()
            for name, draw in part.draws({"sequences": inputs[place], **training}).items()
        }

    def effects(self) -> Mapping[str, Array]:
        """The losses of both."""
        return self.parts.effects()

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """`train`, and what both layers do."""
        if action == "train":
            train(self, arguments)
        else:
            self.parts.act(action, arguments)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The decoder's."""
        return self.decoder.outputs({})

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of both are not shown."""
        return None


def mask_after(layer: Any, mask: Array | None) -> Array | None:
    """The mask of a recurrent layer's output: that of its input, in the order in which the layer returns the steps; none without time."""
    if mask is None or not layer.return_sequences:
        return None
    return mask[:, ::-1] if getattr(layer, "go_backwards", False) else mask


def _units(layer: Any) -> int:
    """How many numbers each step of a layer's output has; 0 where they are as many as its input has."""
    if isinstance(layer, Masking):
        return 0
    if isinstance(layer, Embedding):
        return layer.output_dim
    if isinstance(layer, Bidirectional):
        forward, backward = _units(layer.forward), _units(layer.backward)
        return forward + backward if layer.merge_mode == "concat" else forward
    return int(layer.layers[-1].units if isinstance(layer, RNN) else layer.units)
