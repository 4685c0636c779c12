"""A file of cases, as written."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lstm_ref.corpus.read.models.base import (
    Derivative,
    Dtype,
    Name,
    Pattern,
    Scalar,
    Size,
    Spot,
    Strict,
    Text,
    Word,
)


class InputEntry(Strict):
    """The size of what a call is given; with `shape`, the whole shape."""

    batch: Size | None = None
    timesteps: Size | None = None
    features: Size | None = None
    form: Text | None = None
    shape: list[Size] | None = None

    @model_validator(mode="after")
    def _shape_stands_alone(self) -> "InputEntry":
        if self.shape is not None and len(self.model_fields_set) > 1:
            raise PydanticCustomError("shape", '"shape" is the whole shape; nothing else may stand beside it')
        return self


def _start_before_stop(part: list[int]) -> list[int]:
    if len(part) != 2 or part[0] >= part[1]:
        raise PydanticCustomError(
            "part", "must be [start, stop], the first timestep and the one after the last"
        )
    return part


_PAIR = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 2, "maxItems": 2}
Part = Annotated[list[Size], AfterValidator(_start_before_stop), WithJsonSchema(_PAIR)]


class CallInputEntry(InputEntry):
    """The size of what one call is given; or the numbers of the case's first input: a
    part of its timesteps, or in reversed order, or both; or, of a layer whose input has
    no time, one of its timesteps.
    """

    part: Part | None = None
    reversed: bool = False
    timestep: Size | None = None

    @model_validator(mode="after")
    def _one_timestep_has_no_order(self) -> "CallInputEntry":
        if self.timestep is not None and (self.part is not None or self.reversed):
            raise PydanticCustomError(
                "timestep", '"timestep" is one timestep; neither "part" nor "reversed" may stand beside it'
            )
        return self


class ValuesEntry(Strict):
    """How the numbers are drawn, and how large the weights and inputs are.

    The grid has 8 significant bits (dyadic), 24 (float32), none but small integers
    (integers), or so few that one step of a layer with linear activations rounds
    nothing (exact). Initial weights are not drawn: the layer keeps those it was
    constructed with.
    """

    grid: Literal["dyadic", "float32", "integers", "exact"] = "dyadic"
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    weights: Literal["drawn", "initial"] = "drawn"


_ARRAY = {
    "oneOf": [
        {"type": ["number", "array", "boolean"]},
        {
            "type": "object",
            "description": "An array of a file beside that of the case: .npz, .json (by name) or .csv.",
            "required": ["file"],
            "additionalProperties": False,
            "properties": {
                "file": {"type": "string", "description": "Its name, relative to the file of the case."},
                "array": {"type": "string", "description": "Which array of it; .csv is a single one."},
                "shape": {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1},
                    "description": "Its shape, if not that of the file.",
                },
            },
        },
    ]
}
Numbers = Annotated[Any, WithJsonSchema(_ARRAY)]


class NumbersEntry(Strict):
    """The numbers of one call, written out: lists as deep as the array has axes, one
    number for all elements, or an array of a file.
    """

    weights: dict[str, Numbers] = Field(description="Every weight, by its documented name.")
    arguments: dict[str, Numbers] = Field(
        description=("Every array of the call, by its documented name; one in a list has its index: hx[0].")
    )
    expected: dict[str, Numbers] = Field(
        default_factory=dict,
        description=(
            "Outputs by name, as they were printed: right to half a unit of the last digit. A whole number is"
            " exact."
        ),
    )
    cotangents: dict[str, Numbers] = Field(
        default_factory=dict,
        description=(
            "The derivative of the loss by each output, by name; 0 for one that is not named. Without any,"
            " they are drawn."
        ),
    )
    gradients: dict[str, Numbers] = Field(
        default_factory=dict,
        description="Gradients of that loss by weight or argument, as they were printed.",
    )


class CallEntry(BaseModel):
    """Call arguments by their documented names with a symbolic value; `input` overrides
    the case's input for this call.
    """

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)
    __pydantic_extra__: dict[str, Scalar] = Field(init=False)

    input: CallInputEntry = CallInputEntry()


class ExpectEntry(Strict):
    """The documented exception: its class, or a base class of it, and a regular
    expression found in its message.
    """

    raises: Text
    match: Pattern | None = None


class CallStepEntry(Strict):
    """A step that calls the layer; with `expect`, one that has to be refused, after
    which the layer goes on as if it had not been.
    """

    call: CallEntry
    expect: ExpectEntry | None = None


class TrainEntry(CallEntry):
    """The arguments of the call that is trained; all rows are one batch."""

    epochs: Annotated[int, Field(ge=1)]
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]


class TrainStepEntry(Strict):
    """A step that trains the layer by plain gradient descent on the mean squared
    error.
    """

    train: TrainEntry


def _kind_of_step(step: Any) -> str | None:
    if isinstance(step, dict | CallStepEntry | TrainStepEntry):
        trains = "train" in step if isinstance(step, dict) else isinstance(step, TrainStepEntry)
        return "(train)" if trains else "(call)"
    return "(word)" if isinstance(step, str) else None


Step = Annotated[
    Annotated[CallStepEntry, Tag("(call)")]
    | Annotated[TrainStepEntry, Tag("(train)")]
    | Annotated[Word, Tag("(word)")],
    Discriminator(
        _kind_of_step,
        custom_error_type="step",
        custom_error_message='a step is "call:" or "train:" with its arguments, or a word such as reset',
    ),
]


class Spotted(Strict):
    """An output, at one place of it."""

    output: Text
    at: Spot


def _kind_of_term(term: Any) -> str | None:
    if isinstance(term, dict | Spotted):
        return "(spot)"
    return "(output)" if isinstance(term, str) else None


Term = Annotated[
    Annotated[Text, Tag("(output)")] | Annotated[Spotted, Tag("(spot)")],
    Discriminator(
        _kind_of_term,
        custom_error_type="term",
        custom_error_message='must be the name of an output, or "output:" and "at:"',
    ),
]


class EqualityEntry(Strict):
    """What has to be equal: a term of the case's own run (left) and one of the other
    run (right).
    """

    left: Term
    right: Term


class OtherEntry(Strict):
    """The second run: as the case itself, but for what stands here. On another dialect
    or layer it has the case's input and nothing else of it.
    """

    dialect: Name | None = None
    layer: Text | None = None
    weights: Text | None = Field(
        default=None,
        description=(
            "The part of the first layer whose weights and given states the second run has, as the names of"
            ' the weights say it: forward, encoder, "0", _l0_reverse. Without it, the whole layer.'
        ),
    )
    params: dict[str, Any] = Field(default_factory=dict)
    input: CallInputEntry = CallInputEntry()
    call: CallEntry = CallEntry()
    steps: Annotated[list[Step], Field(min_length=1)] | None = None


class RelationEntry(Strict):
    """Two runs with the same weights and numbers, and what has to be equal: without
    `equal`, every output that both return, by name.
    """

    other: OtherEntry
    equal: Annotated[list[EqualityEntry], Field(min_length=1)] | None = None
    exact: bool = Field(
        default=False,
        description=(
            "One side copies the other: not a bit may differ. Else they agree within the rounding of both."
        ),
    )

    @property
    def pairs(self) -> dict[str, list[EqualityEntry]]:
        """What is compared, by the key below which it is written."""
        return {"equal": self.equal or []}


class CoveringEntry(Strict):
    """A selection of the matrix that holds every combination of values of `strength`
    axes.

    The axes in `pairs_with` take no part in these combinations: each of their values
    meets each value of the other axes.
    """

    strength: Annotated[int, Field(ge=1)]
    pairs_with: list[Text] = Field(
        default_factory=list,
        description="Axes with many values, each of which has to meet each value of the other axes.",
    )
    runs: Literal["everyday", "always"] = Field(
        description=(
            "everyday: an everyday run takes the selection, a full one the whole matrix. always: the"
            " selection is all there is."
        )
    )
    full_dtypes: Annotated[list[Dtype], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "The dtypes in which a full run takes the points beyond the selection; without it, those of the"
            " case."
        ),
    )


class Defaults(Strict):
    """What holds for every case of the file that does not say otherwise."""

    params: dict[str, Any] = Field(default_factory=dict)
    input: InputEntry = InputEntry()
    values: ValuesEntry = ValuesEntry()
    call: CallEntry = CallEntry()
    matrix: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Axes of every case, after its own; an axis of the case itself wins.",
    )
    exclude: list[dict[str, Any]] = Field(
        default_factory=list, description="Combinations that are points of no case."
    )
    expect: ExpectEntry | None = None
    dtypes: Annotated[list[Dtype], Field(min_length=1)] = Field(default=["float64", "float32"])
    versions: Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None,
        description="The versions of the dialect's documentation for which this holds; without it, all.",
    )


class CaseEntry(Strict):
    """One case as written; its matrix makes several points of it."""

    name: Name
    about: Text | None = None
    source: Text | None = None
    layer: Text | None = None
    params: dict[str, Any] = Field(
        default_factory=dict, description="Constructor arguments by their documented names."
    )
    undocumented: dict[str, Any] = Field(
        default_factory=dict,
        description=(
            "Constructor arguments that the documentation does not list; a case that has them expects an"
            " exception."
        ),
    )
    input: InputEntry = InputEntry()
    values: ValuesEntry = ValuesEntry()
    numbers: NumbersEntry | None = None
    call: CallEntry = CallEntry()
    steps: Annotated[list[Step], Field(min_length=1)] | None = None
    matrix: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(
        default_factory=dict,
        description="Axes (params.units, call.mask, ...) and their values; every combination is a point.",
    )
    include: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Further points; an axis left out has the value that the case has without a matrix.",
    )
    exclude: list[dict[str, Any]] = Field(
        default_factory=list,
        description="Combinations that are not points; a partial one excludes all that contain it.",
    )
    covering: CoveringEntry | None = None
    relation: RelationEntry | None = None
    expect: ExpectEntry | None = None
    derivatives: Derivative | None = Field(
        default=None,
        description=(
            "Along a direction of all weights and arguments: forward-mode those of the outputs, second-order"
            " those of the gradients."
        ),
    )
    dtypes: Annotated[list[Dtype], Field(min_length=1)] | None = None
    versions: Annotated[list[Text], Field(min_length=1)] | None = Field(
        default=None,
        description="The versions of the dialect's documentation for which this holds; without it, all.",
    )


class CasesFile(Strict):
    """Cases of one subject."""

    kind: Literal["cases"]
    dialect: Name
    layer: Text
    about: Text
    source: Text
    defaults: Defaults = Defaults()
    cases: Annotated[list[CaseEntry], Field(min_length=1)]
