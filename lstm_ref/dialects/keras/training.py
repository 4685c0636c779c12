"""Model.fit in NumPy: plain gradient descent on the mean squared error.

Source: keras.Model.fit, keras.optimizers.SGD, keras.losses.MeanSquaredError, and of the
penalties and projections keras.regularizers and keras.constraints.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from lstm_ref.dialects.dialect import Pullback
from lstm_ref.protocol.steps import structure
from lstm_ref.reference.activations import Array


class Trainable(Protocol):
    """A layer that can be trained. Its gradients include those of its penalties. A
    weight that is not to be trained has no gradient.
    """

    @property
    def vjp(self) -> Callable[..., tuple[Any, Pullback]]:
        """A call, as of a twin."""

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes, as perturbed
        runs do.
        """

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint of the weight of this name makes of it."""

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """Which steps (batch, timesteps) of the output are not masked. None where all
        of them count, or where the output has no timesteps.
        """


def fit(layer: Trainable, arguments: Mapping[str, Any]) -> None:
    """Train the layer on one batch, `epochs` times. Each time `learning_rate` times the
    gradient is subtracted from the weights, and then the constraints are applied.

    `arguments` are those of a call, and `targets`. The targets have the shape of the
    first array that the layer returns. Other returned arrays have no part in the loss.
    `drawn` among them are the masks of each epoch; without them nothing is dropped.
    """
    call = {"training": True, **arguments}
    targets, epochs, learning_rate = (call.pop(name) for name in ("targets", "epochs", "learning_rate"))
    drawn = call.pop("drawn", [None] * epochs)
    for _, masks in zip(range(epochs), drawn, strict=True):
        result, pullback = layer.vjp(**call, drawn=masks)
        returned: list[Array] = []
        structure(result, returned.append)
        output, *others = returned
        d_output = squared_error_gradient(output, targets, layer.used_outputs(call))
        gradients = pullback([d_output, *(np.zeros_like(other) for other in others)])
        weights = layer.weights()
        layer.take({name: _stepped(layer, name, w, gradients, learning_rate) for name, w in weights.items()})


def squared_error_gradient(output: Array, targets: Array, used: Array | None) -> Array:
    """The gradient of mean((output - targets)^2) with respect to the output (...,
    batch, [timesteps,] units). The mean is over all elements, or over those of the
    steps that are `used`: what is masked is ignored, as the documentation of masks has
    it.
    """
    difference = output - targets
    if used is None:
        return difference * (2 / math.prod(np.shape(targets)))
    elements = max(int(np.count_nonzero(used)) * output.shape[-1], 1)
    return np.where(used[..., None], difference * (2 / elements), 0)


def _stepped(
    layer: Trainable, name: str, weight: Array, gradients: Mapping[str, Array], learning_rate: float
) -> Array:
    return layer.project(name, weight - learning_rate * gradients[name]) if name in gradients else weight
