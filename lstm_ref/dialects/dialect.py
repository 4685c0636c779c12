"""What a dialect offers to the harness, and what its files have in common.

A dialect is one file: the twins of the documented layers, and a `DIALECT` that says how a case becomes their arguments.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np

from lstm_ref.reference.activations import Activation, Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.weights import LSTMWeights

Gradients: TypeAlias = dict[str, Array]
Pullback: TypeAlias = Callable[[Sequence[Array]], Gradients]


class Spec(NamedTuple):
    """An array to be drawn: its shape, the name of each axis, and the standard deviation that keeps the gates in their sensitive range.

    Axes are called as in AXES. The one called "gate" holds the four gates' blocks i, f, g, o, one unit after the other in each.
    """

    shape: tuple[int, ...]
    axes: tuple[str, ...]
    deviation: float


class Given(NamedTuple):
    """An array that is what it is, such as a mask, and the name of each axis."""

    values: Array
    axes: tuple[str, ...]


# In this order numbers are drawn, whatever the order of an array's axes: a layout never changes a value.
AXES = ("layer*direction", "batch", "time", "feature", "unit", "output", "gate")


class Output(NamedTuple):
    """What a layer returns: the documented name of each array, and of its axes."""

    name: str
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Sizes:
    """The size of the input of a call, in the words of a case. `shape`, where set, is all of it."""

    batch: int
    timesteps: int
    features: int
    form: str | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Unrolled:
    """A call of a layer that is one LSTM and shows its h after every step: what goes into each step, in the order of its outputs.

    x (batch, timesteps, features); `show` gives h (batch, timesteps, outputs) from the layer's output.
    """

    x: Array
    initial: State
    weights: LSTMWeights
    activation: Activation
    recurrent_activation: Activation
    show: Callable[[Array], Array]


class Twin(Protocol):
    """A documented layer in NumPy, as the harness drives it. Its constructor and `__call__` are those that the framework documents."""

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by their documented names, in their documented order, for inputs of so many features."""

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take these weights. Raises ValueError where names or shapes are wrong."""

    @property
    def vjp(self) -> Callable[..., tuple[Any, Pullback]]:
        """A call with its documented arguments: what it returns, and its pullback, from the cotangents of all returned arrays, in
        order, to the gradients of weights and arguments by name."""

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """What a call with these arguments returns, in order."""

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The call's single steps, where the layer shows them."""


class Dialect(Protocol):
    """One documented API."""

    name: str

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of the layer. Raises what the framework documents for bad parameters, and NotImplementedError for a layer or parameter
        that has no twin yet.
        """

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """The number of input features of a case, which some dialects have as a parameter of the layer."""

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """The call's arguments by documented name, from their symbolic values in a case: a Spec, a list of Specs, what the call before Handed
        over, a Given array, or plain data.

        Without a twin, for a layer that nobody can build, it is the input alone.
        """

    def reset(self, twin: Twin) -> None:
        """Forget the recorded states. Raises NotImplementedError for a dialect whose layers record none."""


def kernel_deviation(fan_in: int) -> float:
    """The standard deviation of a kernel that sums over so many inputs: with it pre-activations spread over the gates' whole range."""
    return 1.2 / math.sqrt(max(fan_in, 1))


INPUT_DEVIATION = 1.0
STATE_DEVIATION = 0.8
BIAS_DEVIATION = 0.6


def built(layers: Mapping[str, Callable[..., Twin]], namespace: str, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
    """The twin called `layer` with these parameters. Raises what its constructor does, and NotImplementedError for a layer without a twin."""
    if layer not in layers:
        raise NotImplementedError(f"there is no NumPy {namespace}.{layer} yet")
    return layers[layer](**params, dtype=dtype)


def ends_with(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether the array has this shape. A subclass of NumPy's array may carry axes in front of it, as perturbed runs do."""
    return np.shape(array) == shape if type(array) is np.ndarray else np.shape(array)[-len(shape) :] == shape


def check_names(found: Mapping[str, Array], specs: Mapping[str, Spec]) -> None:
    """Raise ValueError, with all differences, unless the arrays have the names and shapes of the specs."""
    wrong = [f"{name} is missing" for name in specs if name not in found]
    wrong += [f"{name} is no weight of this layer" for name in found if name not in specs]
    wrong += [
        f"{name} has shape {np.shape(found[name])}, expected {spec.shape}"
        for name, spec in specs.items()
        if name in found and np.shape(found[name]) != spec.shape
    ]
    if wrong:
        raise ValueError("wrong weights: " + "; ".join(wrong))


def not_yet(layer: str, **values: tuple[Any, Any]) -> None:
    """Raise NotImplementedError naming every parameter whose value differs from its default: `name=(value, default)`."""
    names = [name for name, (value, default) in values.items() if value != default]
    if names:
        raise NotImplementedError(f"the NumPy {layer} does not implement {', '.join(names)} yet")
