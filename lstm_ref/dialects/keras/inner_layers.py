"""Layers inside a layer. What each of them has is kept under the name of its place."""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from itertools import count
from typing import Any, Protocol, TypeVar, runtime_checkable

import numpy as np

from lstm_ref.dialects.dialect import Gradients, Output, Place, Sizes, Spec, Twin
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.keras.rules import KERAS_3, Rules
from lstm_ref.dialects.keras.training import Trainable
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array

T = TypeVar("T")
TARGET_DEVIATION = 0.5


class InnerLayer(Twin, Trainable, Protocol):
    """A layer that can stand inside another one."""

    trainable: bool


@runtime_checkable
class HasInnerLayers(Protocol):
    """A layer that is made of others."""

    inner: "InnerLayers"


class Recurrent(InnerLayer, Protocol):
    """A recurrent layer, with what keras.layers.Bidirectional needs of the layer that
    it wraps, by its documentation.
    """

    units: int
    return_sequences: bool
    return_state: bool
    go_backwards: bool
    stateful: bool
    zero_output_for_mask: bool


class InnerLayers:
    """The layers inside a layer by place ("forward", "0", ...), in the order of their
    weights.

    What a part has is called place/name: forward/kernel, 1/dropout. The one part at the
    place "" has its names as they are.
    """

    def __init__(self, layers: Mapping[str, InnerLayer], rules: Rules = KERAS_3) -> None:
        self.layers = layers
        self.rules = rules

    def weight_specs(self, features: Sequence[int], placed: Callable[[int, Place], Place]) -> dict[str, Spec]:
        """The weights of all parts, for inputs of so many features, one number a part.

        `placed` turns a place in the part of this number into a place in the whole.
        """
        specs = {}
        for number, ((place, part), n) in enumerate(zip(self.layers.items(), features, strict=True)):
            specs[place] = part.weight_specs(n)
            if place:
                specs[place] = {
                    name: spec._replace(place=_inside(place, placed(number, spec.place)))
                    for name, spec in specs[place].items()
                }
        return joined(specs)

    @property
    def carries_state(self) -> bool:
        """Whether any part does."""
        return any(part.carries_state for part in self.layers.values())

    def initial(self, features: Sequence[int]) -> dict[str, Initial]:
        """What the weights are right after construction."""
        found = [part.initial(n) for part, n in zip(self.layers.values(), features, strict=True)]
        return joined(dict(zip(self.layers, found, strict=True)))

    def load(self, weights: Mapping[str, Array]) -> None:
        """Give each part its weights. Raises ValueError where names or shapes are
        wrong.
        """
        unknown = [name for name in weights if "" not in self.layers and _split(name)[0] not in self.layers]
        if unknown:
            raise ValueError(
                f"no weights of this layer: {', '.join(unknown)}; its parts are {', '.join(self.layers)}"
            )
        for place, part in self.layers.items():
            part.load(of_part(weights, place))

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes."""
        for place, part in self.layers.items():
            part.take(of_part(weights, place))

    def weights(self) -> dict[str, Array]:
        """The weights of all parts as they are now."""
        return joined({place: part.weights() for place, part in self.layers.items()})

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint of the weight of this name makes of it."""
        place, inner = ("", name) if "" in self.layers else _split(name)
        return self.layers[place].project(inner, weight)

    def losses(self) -> tuple[list[Array], list[Array]]:
        """The penalties (..., 1) of the outputs of all parts, and those of their
        weights.
        """
        of_outputs: list[Array] = []
        of_weights: list[Array] = []
        for part in self.layers.values():
            if isinstance(part, HasInnerLayers):
                outputs, weights = part.inner.losses()
            else:
                found = part.effects().get("losses")
                every = [] if found is None else [found[..., k : k + 1] for k in range(found.shape[-1])]
                first = 1 if getattr(part, "activity_regularizer", None) is not None else 0
                outputs, weights = every[:first], every[first:]
            of_outputs += outputs
            of_weights += weights
        return of_outputs, of_weights

    def effects(self) -> dict[str, Array]:
        """The losses: in Keras 3 those of all outputs before those of all weights, in
        Keras 2 part by part. No documentation tells their order.
        """
        if self.rules.losses_by_part:
            losses = [
                found[..., k : k + 1]
                for part in self.layers.values()
                for found in part.effects().values()
                for k in range(found.shape[-1])
            ]
        else:
            of_outputs, of_weights = self.losses()
            losses = of_outputs + of_weights
        return {"losses": np.concatenate(np.broadcast_arrays(*losses, subok=True), axis=-1)} if losses else {}

    def freeze(self) -> None:
        """Make all weights not trainable from here on."""
        for part in self.layers.values():
            if isinstance(part, HasInnerLayers):
                part.inner.freeze()
            else:
                part.trainable = False

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """Do it with every part."""
        for part in self.layers.values():
            part.act(action, arguments)

    def gradients(self, found: Mapping[str, Gradients]) -> Gradients:
        """The gradients of the weights, from those that the parts' pullbacks gave. A
        weight that is not to be trained has none.
        """
        chosen = {
            place: [name for name in part.weights() if name in found[place]]
            for place, part in self.layers.items()
        }
        return joined(
            {place: {name: found[place][name] for name in names} for place, names in chosen.items()}
        )


def joined(parts: Mapping[str, Mapping[str, T]]) -> dict[str, T]:
    """The values of all parts, by place/name."""
    return {
        f"{place}/{name}" if place else name: value
        for place, found in parts.items()
        for name, value in found.items()
    }


def of_part(found: Mapping[str, T] | None, place: str) -> dict[str, T]:
    """The reverse of `joined`, for one part. Empty where that part has no values."""
    prefix = f"{place}/" if place else ""
    return {
        name.removeprefix(prefix): value for name, value in (found or {}).items() if name.startswith(prefix)
    }


def fresh(part: Any) -> Any:
    """A layer with the same parameters, without weights and states in common."""
    return deepcopy(part)


def passed(call: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The arguments of these names, as far as there are any."""
    return {name: call[name] for name in names if name in call}


def from_previous(states: Sequence[Any], first: int) -> PreviousOutputs:
    """States nested as these are, from what the call before returned: its outputs from
    position `first` on.
    """
    positions = count(first)

    def over(states: Sequence[Any]) -> PreviousOutputs:
        return PreviousOutputs(
            tuple(over(state) if isinstance(state, list) else next(positions) for state in states)
        )

    return over(states)


def to_train(call: Mapping[str, Any], output: Output, units: int, sizes: Sizes) -> dict[str, Any]:
    """`targets`, `epochs` and `learning_rate` of a call that is trained: targets of the
    shape of the output (batch, [time,] units).
    """
    if "epochs" not in call:
        return {}
    length = {"batch": sizes.batch, "time": sizes.timesteps, "unit": units}
    return {
        "targets": Spec(tuple(length[axis] for axis in output.axes), output.axes, TARGET_DEVIATION),
        **passed(call, "epochs", "learning_rate"),
    }


def _inside(place: str, inner: Place) -> Place:
    """A place in the part that is called `place`, by its name in the whole."""
    return inner._replace(name=f"{place}/{inner.name}".removesuffix("/"))


def _split(name: str) -> tuple[str, str]:
    place, _, inner = name.partition("/")
    return place, inner
