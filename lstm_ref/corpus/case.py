"""A case: one point of the corpus, with defaults applied and its matrix expanded.
Values, no behaviour.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lstm_ref.corpus.claim import Claim

ABSENT = "absent"  # the symbolic value of a call argument that is not passed
WRITTEN = "written"  # the symbolic value of a mask or of lengths that stand under `numbers`
PREVIOUS = "previous"  # the symbolic value of a state: what the call before returned
SIZED = ("call", "train")  # the actions that are given an input and call arguments


@dataclass(frozen=True)
class Location:
    """A place in a file. Line and column count from 1."""

    file: Path
    line: int
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Input:
    """The input of a call. If `shape` is set, it is the whole shape, and nothing else
    is set.

    With `part` or `reversed` the call gets numbers of the case's first input, and the
    other fields state the size of that input. `part` takes the timesteps from its first
    number up to, not including, its second. `reversed` takes them in reverse order. A
    mask is cut in the same way. With `timestep` a layer whose input has no time gets
    that one of the `timesteps` of the case's first input.
    """

    batch: int | None = None
    timesteps: int | None = None
    features: int | None = None
    form: str | None = None
    shape: tuple[int, ...] | None = None
    part: tuple[int, int] | None = None
    reversed: bool = False
    timestep: int | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the numbers are those of the case's first input."""
        return self.part is not None or self.reversed or self.timestep is not None


@dataclass(frozen=True)
class Values:
    """How the numbers are drawn.

    `grid` is "dyadic" (8 significant bits, exact in every dtype), "float32" (24 bits),
    "integers" (so small that pre-activations are often 0), or "exact" (so few bits that
    every operation of a layer with linear activations is exact in float32 over one
    step, so that the outputs must agree bitwise); `scale` multiplies weights and
    inputs.

    `weights` is "drawn" or "initial". With "initial" the layer keeps the weights with
    which it was constructed.
    """

    grid: str = "dyadic"
    scale: float = 1.0
    weights: str = "drawn"


@dataclass(frozen=True)
class Literal:
    """An array that is written out: its numbers in C order, half a unit in the last
    printed digit of each, and where it stands. Of a single number the shape is (), and
    every element of the array is that number. An array of a file has one place.

    With `truth` it is of true and false, as 1 and 0.
    """

    shape: tuple[int, ...]
    numbers: tuple[float, ...]
    half_units: tuple[float, ...]
    places: tuple[Location, ...] = field(compare=False)
    truth: bool = False

    def place(self, index: int) -> Location:
        """Where the number with this index stands."""
        return self.places[index] if index < len(self.places) else self.places[0]


@dataclass(frozen=True)
class Literals:
    """The numbers of a case that has all of them written out, by documented names: its
    weights, the arrays of its call, and the outputs that must come out. An array in a
    list has the name of the list and its index: hx[0].

    `gradients` are those of weights and arguments that must come out, of the sum of
    outputs times `cotangents`; an output without one has 0. `written` are the same as
    plain data.
    """

    place: Location = field(compare=False)
    weights: Mapping[str, Literal]
    arguments: Mapping[str, Literal]
    expected: Mapping[str, Literal]
    written: Mapping[str, Any]
    cotangents: Mapping[str, Literal] = field(default_factory=dict)
    gradients: Mapping[str, Literal] = field(default_factory=dict)


@dataclass(frozen=True)
class ExpectedError:
    """The documented exception: the name of its class (or of a base class), and a
    regular expression that its message must contain.
    """

    raises: str
    match: str | None


@dataclass(frozen=True)
class CaseStep:
    """One action: "call", "train", or one of the words that need nothing else.

    A call has the size of the input, and the symbolic value of each call argument by
    its documented name. Arguments that are not passed are left out. "train" has the
    same, and "epochs" and "learning_rate". A call with `expect` has to be refused, and
    must not change the layer.
    """

    action: str
    arguments: Mapping[str, Any]
    input: Input
    expect: ExpectedError | None = None


@dataclass(frozen=True)
class Term:
    """One side of an equality: an output by its documented name, or a place in it.

    An output with a time axis is that of all calls of the run, joined along time. Any
    other output is that of the last call.

    `at` is "last-step", "first-step", "reversed" (in time), "forward-half" or
    "backward-half" (of a bidirectional layer: half of the units, or of the rows where
    each direction has its own), "first-row" or "last-row" (of layers and directions),
    or "every-call" (of an output without a time axis: those of all calls, one after the
    other in time).
    """

    output: str
    at: str | None


@dataclass(frozen=True)
class Equality:
    """What has to be equal: a term of the case's own run and one of the other run."""

    left: Term
    right: Term


@dataclass(frozen=True)
class Relation:
    """A second run with the weights and numbers of the first, and what has to be equal.

    `params` and `steps` are those of the second run, complete. If both are the case's
    own, the run is compared with itself. Without any `equal`, every output that both
    runs return has to be equal, by name. With `exact` one side is a copy of the other,
    and no bit may differ. Otherwise they must agree within the rounding of both.

    `dialect` and `layer` are those of the second run where it is on another dialect or
    layer, else empty. `weights` is the part of the first layer whose weights and given
    states the second run has, as the names of the weights say it ("forward", "0",
    "_l0_reverse"); empty, all of it. What stands in `differ` must not be equal.
    """

    params: Mapping[str, Any]
    steps: tuple[CaseStep, ...]
    equal: tuple[Equality, ...]
    exact: bool
    dialect: str = ""
    layer: str = ""
    weights: str = ""
    differ: tuple[Equality, ...] = ()


@dataclass(frozen=True)
class Case:
    """One point: a layer, its parameters, a short list of steps, and what to expect.

    `id` is stable and unique: file, hand-written name, and the matrix axes that differ
    from their documented default, as in
    "keras/masking/gaps[go_backwards=true,mask=left]". `axes` are all axes of its matrix
    by full key ("params.units", "call.mask").

    `undocumented` names those of `params` that the documentation does not list: such a
    case shows that they are refused. A case with a `relation` is judged by that as
    well, and then expects no exception.

    `versions` are those of the dialect's documentation for which it holds; empty, all.
    Of a large matrix an everyday run takes a selection that covers its combinations:

    `covering` says that the point belongs to it, `everyday` that an everyday run takes
    the point, for that reason or because its case has no such selection; `full_dtypes`
    are the dtypes in which a full run takes it. `derivatives` are those along a
    direction that are judged beside outputs and gradients: "forward-mode" of the
    outputs, "second-order" of the gradients.

    A case that shows whether a statement holds has a `claim`, and is judged by what
    that asserts. One with `literals` draws no number.
    """

    id: str
    name: str
    place: Location
    dialect: str
    about: str
    source: str
    layer: str
    params: Mapping[str, Any]
    values: Values
    steps: tuple[CaseStep, ...]
    expect: ExpectedError | None
    dtypes: tuple[str, ...]
    full_dtypes: tuple[str, ...]
    axes: Mapping[str, Any]
    undocumented: tuple[str, ...] = ()
    relation: Relation | None = None
    versions: tuple[str, ...] = ()
    everyday: bool = True
    covering: bool = False
    derivatives: tuple[str, ...] = ()
    claim: Claim | None = None
    literals: Literals | None = None
