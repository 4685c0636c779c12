"""What a dialect offers to the judge, and what its files have in common.

A dialect is one module: the twins of the documented layers, and `DIALECTS`, by version,
which say how a case becomes a layer and its arguments.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import numpy as np

from lstm_ref.dialects.initial import Initial
from lstm_ref.reference.activations import Activation, Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.weights import LSTMWeights

Gradients: TypeAlias = dict[str, Array]
Pullback: TypeAlias = Callable[[Sequence[Array]], Gradients]


class Planted(NamedTuple):
    """A number that is put into an array, at the places where the mask `where` is True.
    The mask broadcasts to the shape of the array.
    """

    where: Array
    value: float


# The gates of the reference: input, forget, candidate, output.
GATES = "ifgo"

# Other orders of the gates, each with a documented API that uses it.
ORDERS = {"iofg": "ONNX", "igfo": "TensorFlow 1"}

# The role of a weight in an LSTM. All but the last belong to a single LSTM.
Role: TypeAlias = Literal[
    "kernel", "recurrent kernel", "bias", "recurrent bias", "projection", "peepholes", "embedding"
]
OF_LSTM: tuple[Role, ...] = (
    "kernel",
    "recurrent kernel",
    "bias",
    "recurrent bias",
    "projection",
    "peepholes",
)


class Place(NamedTuple):
    """The place of a weight: the single LSTM inside the layer to which it belongs.

    `name` is how the dialect calls it: "forward", "0/backward", "_l1_reverse". `layer`
    counts from the layer that reads the input. It has one number for each layer around
    this LSTM. `direction` is 0 for forward and 1 for backward. `part` tells an encoder
    from a decoder.
    """

    name: str = ""
    layer: tuple[int, ...] = ()
    direction: int = 0
    part: str = ""


class Label(NamedTuple):
    """What is known about an array before its numbers are.

    `axes` are called as in AXES. A weight also has its role and place, the name that it
    would have in its LSTM alone, and the order of the gates along its axis "gate".
    """

    axes: tuple[str, ...]
    role: Role | None = None
    place: Place = Place()
    own: str = ""
    gates: str = GATES


class Labels(NamedTuple):
    """The labels of all arrays of a request: those of the weights by name, and those of
    the arguments of each step by path.
    """

    weights: Mapping[str, Label]
    steps: tuple[Mapping[str, Label], ...] = ()

    def at(self, step: int) -> dict[str, Label]:
        """The labels of the weights, and of the arguments of one step."""
        return {**self.weights, **(self.steps[step] if step < len(self.steps) else {})}


class Spec(NamedTuple):
    """An array to be drawn: its shape, the name of each axis, and the standard
    deviation that keeps the gates in their sensitive range.

    Axes are called as in AXES. The one called "gate" holds the blocks of the four
    `gates`, one unit after the other in each. `source` is a common name for numbers
    that other dialects have too: "x", and "h/0", "c/0", "h/1", ... by layer and
    direction. An array whose first axis is "layer*direction" holds those of all rows.
    `planted` are elements with fixed values, whatever is drawn.

    `role`, `place`, `own` and `gates` are those of its Label.
    """

    shape: tuple[int, ...]
    axes: tuple[str, ...]
    deviation: float
    source: str = ""
    planted: Planted | None = None
    role: Role | None = None
    place: Place = Place()
    own: str = ""
    gates: str = GATES

    @property
    def label(self) -> Label:
        """What is known about the array before it is drawn."""
        return Label(self.axes, self.role, self.place, self.own, self.gates)


class Given(NamedTuple):
    """An array with fixed values, such as a mask, and the name of each axis."""

    values: Array
    axes: tuple[str, ...]

    @property
    def label(self) -> Label:
        """Its axes."""
        return Label(self.axes)


ROW = ("layer*direction",)

# Numbers are drawn in this order of axes, whatever the order of an array's own axes. So
# the layout never changes a value.
AXES = (*ROW, "batch", "time", "feature", "unit", "output", "gate")


class Output(NamedTuple):
    """What a layer returns: the documented name of each array, and of its axes."""

    name: str
    axes: tuple[str, ...]


@dataclass(frozen=True)
class Sizes:
    """The size of the input of a call, in the words of a case. If `shape` is set, it is
    the whole shape of the input.
    """

    batch: int
    timesteps: int
    features: int
    form: str | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Unrolled:
    """A call of a layer that is a single LSTM and shows its h after every step. It
    holds the input of each step, in the order of the outputs.

    x (batch, timesteps, features); `show` gives h (batch, timesteps, outputs) from the
    layer's output.
    """

    x: Array
    initial: State
    weights: LSTMWeights
    activation: Activation
    recurrent_activation: Activation
    show: Callable[[Array], Array]


class Draw(NamedTuple):
    """A random mask that a call has to draw: the shapes that the documentation allows,
    the name of each axis, and the rate of zeros. Elements that are kept are scaled by 1
    / (1 - rate).
    """

    shapes: tuple[tuple[int, ...], ...]
    axes: tuple[str, ...]
    rate: float


class Twin(Protocol):
    """A documented layer in NumPy, as the judge drives it. Its constructor and
    `__call__` are those that the framework documents.
    """

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by their documented names, in their documented order, for inputs
        of so many features.
        """

    def initial(self, features: int) -> Mapping[str, Initial]:
        """The value of each weight right after construction, or its distribution."""

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take these weights. Raises ValueError where names or shapes are wrong."""

    def weights(self) -> Mapping[str, Array]:
        """The weights as they are now."""

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """The call's arguments by documented name, from their symbolic values in a
        case: a Spec, a list of Specs, what the call before returned, a Given array,
        or plain data.
        """

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """The random masks that a call with these arguments has to draw."""

    @property
    def vjp(self) -> Callable[..., tuple[Any, Pullback]]:
        """A call with its documented arguments. Returns the result and its pullback.
        The pullback takes the cotangents of all returned arrays, in order. It returns
        the gradients of weights and arguments by name.

        `drawn` are the masks of this call by name; without them nothing is dropped. The
        gradients include those of the losses among the `effects`.
        """

    def effects(self) -> Mapping[str, Array]:
        """What the last call left behind beside its result, by name."""

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """Do what a step of this name does, other than a call. Raises
        NotImplementedError for an action that the layer does not have.
        """

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """What a call with these arguments returns, in order."""

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The single steps of the call, or None where the layer does not show them."""

    @property
    def carries_state(self) -> bool:
        """Whether a call that is given no states starts from where the call before
        ended.
        """


# Arguments that every LSTM layer has, under whatever name. A carry is states as well,
# with c before h.
Argument: TypeAlias = Literal["states", "carry", "mask", "lengths", "training"]

# A misreading of a layer's parameters. None where it changes none of them.
Misreading: TypeAlias = Callable[[Mapping[str, Any]], "Mapping[str, Any] | None"]

# A mistake that a right layer cannot show with any parameters and weights. From the
# parameters and the arguments of each call, it gives the parameters with which the twin
# makes the mistake. None where the mistake changes nothing.
Mistake: TypeAlias = Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], "Mapping[str, Any] | None"]


class Replacement(NamedTuple):
    """A wrong function in the place of a right one. `owner` is the class or the module
    that has the right one under this `name`; `wrong` makes the wrong one of it.
    """

    owner: Any
    name: str
    wrong: Callable[[Any], Any]


class Dialect(Protocol):
    """One documented API, in one version.

    `called` gives the documented names of the arguments that have a meaning for every
    LSTM; the states are one argument, a list of h and c, or two.

    `misreadings` are mistakes in understanding the parameters. Each says what such a
    layer does, and with which parameters a right layer would do the same. `mistakes`
    are those that a right layer cannot show with any parameters. `replacements` are
    mistakes that the twin makes where a function of its own is replaced.
    """

    name: str
    called: Mapping[Argument, tuple[str, ...]]
    misreadings: Mapping[str, Misreading]
    mistakes: Mapping[str, Mistake]
    replacements: Mapping[str, Replacement]

    def __hash__(self) -> int:
        """A dialect is itself alone."""

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of the layer. Raises what the framework documents for bad
        parameters, and NotImplementedError for a layer or parameter that has no twin
        yet.
        """

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """The number of input features of a case, which some dialects have as a
        parameter of the layer.
        """

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """As `Twin.arguments`. There is no twin of a layer that nobody can build: then
        only the input is returned.
        """


def kernel_deviation(fan_in: int) -> float:
    """The standard deviation of a kernel that sums over so many inputs: with it
    pre-activations spread over the gates' whole range.
    """
    return 1.2 / math.sqrt(max(fan_in, 1))


INPUT_DEVIATION = 1.0
STATE_DEVIATION = 0.8
BIAS_DEVIATION = 0.6
PEEPHOLE_DEVIATION = 0.8


def built(
    layers: Mapping[str, Callable[..., Twin]],
    namespace: str,
    layer: str,
    params: Mapping[str, Any],
    dtype: str,
) -> Twin:
    """The twin called `layer` with these parameters. Raises what its constructor does,
    and NotImplementedError for a layer without a twin.
    """
    if layer not in layers:
        raise NotImplementedError(f"there is no NumPy {namespace}.{layer} yet")
    return layers[layer](**params, dtype=dtype)


def unequal_lengths(batch: int, timesteps: int) -> tuple[int, ...]:
    """The lengths of sequences, in no order: first 1, then all timesteps, then numbers
    between.
    """
    lengths = [1, timesteps, *(2 + (3 * row) % max(timesteps - 2, 1) for row in range(batch))]
    return tuple(min(length, timesteps) for length in lengths[:batch])


def ends_with(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether the array has this shape. A subclass of NumPy's array may have more axes
    in front, as in perturbed runs.
    """
    return np.shape(array) == shape if type(array) is np.ndarray else np.shape(array)[-len(shape) :] == shape


def check_names(found: Mapping[str, Array], specs: Mapping[str, Spec]) -> None:
    """Raise ValueError, with all differences, unless the arrays have the names and
    shapes of the specs.
    """
    wrong = [f"{name} is missing" for name in specs if name not in found]
    wrong += [f"{name} is not a weight of this layer" for name in found if name not in specs]
    wrong += [
        f"{name} has shape {np.shape(found[name])}, expected {spec.shape}"
        for name, spec in specs.items()
        if name in found and np.shape(found[name]) != spec.shape
    ]
    if wrong:
        raise ValueError("wrong weights: " + "; ".join(wrong))


def not_yet(layer: str, **values: tuple[Any, Any]) -> None:
    """Raise NotImplementedError naming every parameter whose value differs from its
    default: `name=(value, default)`.
    """
    names = [name for name, (value, default) in values.items() if value != default]
    if names:
        raise NotImplementedError(f"the NumPy {layer} does not implement {', '.join(names)} yet")
