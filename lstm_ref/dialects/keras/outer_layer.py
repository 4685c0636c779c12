"""A layer that is made of other layers. All that it has comes from these."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Draw, Gradients, Place, Pullback, Spec, Unrolled
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.keras.inner_layers import InnerLayer, InnerLayers, joined, passed
from lstm_ref.dialects.keras.rules import RULES
from lstm_ref.dialects.keras.training import fit
from lstm_ref.reference.activations import Array


class OuterLayer(InnerLayer):
    """A layer whose weights, penalties and actions are those of its parts, by
    place/name.

    Each kind of outer layer says which parts it has, and how a call goes through them.
    Unless it says otherwise, every part reads the input.
    """

    def __init__(self, parts: Mapping[str, InnerLayer], version: str, trainable: bool = True) -> None:
        self.rules = RULES[version]
        self.inner = InnerLayers(parts, self.rules)
        self.trainable = trainable
        if not trainable:
            self.inner.freeze()

    def features(self, features: int) -> list[int]:
        """How many numbers go into each part at a step, of an input of so many."""
        return [features] * len(self.inner.layers)

    def shapes(self, arguments: Mapping[str, Any]) -> list[tuple[int, ...]]:
        """The shape (batch, timesteps, features) of what each part reads. Integers have
        no features.
        """
        sequence = arguments["sequences"] if "sequences" in arguments else arguments["inputs"]
        batch, timesteps, *features = np.shape(sequence)[-3:]
        return [(batch, timesteps, n) for n in self.features(*(features or [0]))]

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """Those of the parts."""
        return self.inner.weight_specs(self.features(features), self.placed)

    def placed(self, number: int, inner: Place) -> Place:
        """Turns a place in the part of this number into a place in this layer. The
        parts are on top of one another.
        """
        return inner._replace(layer=(number, *inner.layer))

    def initial(self, features: int) -> Mapping[str, Initial]:
        """What the initializers of the parts give."""
        return self.inner.initial(self.features(features))

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are
        wrong.
        """
        self.inner.load(weights)

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes."""
        self.inner.take(weights)

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self.inner.weights()

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint of the weight of this name makes of it."""
        return self.inner.project(name, weight)

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """The masks of dropout of the parts."""
        training = passed(arguments, "training")
        read = zip(self.inner.layers.items(), self.shapes(arguments), strict=True)
        return joined(
            {place: part.draws({"sequences": np.zeros(shape), **training}) for (place, part), shape in read}
        )

    def effects(self) -> Mapping[str, Array]:
        """The losses of the parts."""
        return self.inner.effects()

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """`train`, and what each part does."""
        if action == "train":
            fit(self, arguments)
        else:
            self.inner.act(action, arguments)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The output does not show the steps of one LSTM."""
        return None

    @property
    def carries_state(self) -> bool:
        """Whether any part does."""
        return self.inner.carries_state


def mask_after(layer: Any, mask: Array | None) -> Array | None:
    """The mask of a recurrent layer's output. It is the mask of the input, in the order
    in which the layer returns the steps. An output without a time axis has none.
    """
    if mask is None or not layer.return_sequences:
        return None
    return mask[:, ::-1] if getattr(layer, "go_backwards", False) else mask


def pulled_through(
    pulls: dict[str, Pullback], d_output: Array, d_states: Mapping[str, Sequence[Array]]
) -> tuple[dict[str, Gradients], Array]:
    """The gradients of parts on top of one another, and the gradient of the input of
    the first part. Each part reads the output of the one before it.

    `pulls` are their pullbacks from the first to the last, `d_states` the cotangents of
    what a part returns beside its output.
    """
    found: dict[str, Gradients] = {}
    for place, pull in reversed(pulls.items()):
        found[place] = pull([d_output, *d_states.get(place, ())])
        d_output = found[place].get("sequences", found[place].get("inputs", d_output))
    return found, d_output
