"""What may stand in a YAML file, one model for each `kind`. All schemas come from here.

The models describe the files as they are written; `expansion` turns them into cases.
What depends on the parameter tables (which names a layer has) is checked in `checks`.
"""

from typing import Annotated, Any, Literal

from packaging.specifiers import InvalidSpecifier, SpecifierSet
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

from lstm_ref.corpus.case import ABSENT
from lstm_ref.corpus.hints import did_you_mean

NOT_BLANK = r"\S"
KEBAB = r"^[a-z0-9]+(-[a-z0-9]+)*$"

Text = Annotated[str, Field(pattern=NOT_BLANK)]
Name = Annotated[str, Field(pattern=KEBAB)]
Fact = Annotated[str, Field(pattern=r"^[a-z0-9]+(_[a-z0-9]+)*$")]
Size = Annotated[int, Field(ge=0)]
Scalar = str | int | float | bool | None
Dtype = Literal["float64", "float32", "bfloat16", "float16", "mixed_bfloat16", "mixed_float16"]
Word = Literal[
    "reset",
    "weights",
    "save-and-load",
    "from-config",
    "functional-model",
    "pickle",
    "deepcopy",
    "state-dict",
    "reset-parameters",
    "functional-call",
    "replace-parameters",
    "parametrize",
    "freeze",
    "freeze-recurrent",
    "freeze-first-layer",
    "tie",
]
Action = Literal["call", "train", Word]
Derivative = Literal["forward-mode", "second-order"]
Spot = Literal[
    "last-step",
    "first-step",
    "reversed",
    "forward-half",
    "backward-half",
    "first-row",
    "last-row",
    "every-call",
]


def _specifier(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise PydanticCustomError("specifier", 'must be a version specifier such as ">=3.0,<3.16"') from None
    return text


Specifier = Annotated[str, Field(pattern=NOT_BLANK), AfterValidator(_specifier)]


class Strict(BaseModel):
    """No unknown keys, no conversion of types, no change afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


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
    match: Text | None = None


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
    dtypes: Annotated[list[Dtype], Field(min_length=1)] = ["float64", "float32"]
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
        description="Combinations that are no points; a partial one excludes all that contain it.",
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


def _complete_or_like(schema: dict[str, Any]) -> None:
    """An entry that is like another need not say what that one says."""
    schema["anyOf"] = [{"required": ["like"]}, {"required": schema.pop("required")}]


LIKE: Any = Field(
    default=None,
    pattern=r"^\w+\.\w+$",
    description="The layer and name of an entry that says what this one does not: LSTM.units.",
)


class Parameter(Strict):
    """A documented constructor argument: required, or with its default; `values` are
    those to cover, `type` says what is allowed (see corpus/types.py).
    """

    model_config = ConfigDict(json_schema_extra=_complete_or_like)

    like: str | None = LIKE
    about: Text
    source: Text
    required: bool = False
    default: Any = None
    type: Text | list[Text | None] | None = None
    values: list[Any] = Field(default_factory=list)

    @model_validator(mode="after")
    def _required_or_default(self) -> "Parameter":
        if self.required == ("default" in self.model_fields_set):
            raise PydanticCustomError("default", 'must have either "default" or "required: true"')
        return self


class CallArgument(Strict):
    """A documented call argument and the symbolic values that a case may give it; the
    input itself has none, its size is described instead. One that is required and has
    values is passed the first of them where a case does not say.

    `needs` says with which constructor arguments a value makes sense; `layer.units` is
    the argument `units` of the layer that is the argument `layer`, and `layers.0` the
    first of a list.
    """

    model_config = ConfigDict(json_schema_extra=_complete_or_like)

    like: str | None = LIKE
    about: Text
    source: Text
    required: bool = False
    values: list[Scalar] = Field(default_factory=list)
    needs: dict[str, dict[str, Scalar]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _optional_ones_may_be_absent(self) -> "CallArgument":
        if self.required == (ABSENT in self.values):
            raise PydanticCustomError(
                "absent", f'must have either "{ABSENT}" among its values or "required: true"'
            )
        return self


class InputWord(Strict):
    """A word of `input`: required (unless other words have the values in `unless`), or
    with its default (null: the layer decides).
    """

    about: Text
    required: bool = False
    unless: dict[str, Scalar] = Field(default_factory=dict)
    default: Scalar = None
    values: list[Scalar] = Field(default_factory=list)


class OutputEntry(Strict):
    """A documented output, and the places in it that a relation may name; each with the
    constructor arguments without which it does not exist.
    """

    about: Text
    source: Text
    needs: dict[str, Scalar] = Field(default_factory=dict)
    at: dict[Spot, dict[str, Scalar]] = Field(default_factory=dict)


class Layer(Strict):
    """Everything that is documented about using one layer."""

    about: Text
    source: Text
    constructor: dict[str, Parameter] = Field(description="In the order of the signature.")
    call: dict[str, CallArgument] = Field(description="In the order of the signature.")
    input: dict[Literal["batch", "timesteps", "features", "form"], InputWord]
    outputs: Annotated[dict[str, OutputEntry], Field(min_length=1)] = Field(
        description="In the order in which the layer returns them."
    )
    actions: Annotated[list[Action], Field(min_length=1)]


class ParametersFile(Strict):
    """The documented parameters of every layer of a dialect."""

    kind: Literal["parameters"]
    dialect: Name
    about: Text
    source: Text
    versions: list[Text] = Field(
        default_factory=list,
        description="Versions of the documentation that differ, and that a case may name.",
    )
    exceptions: list[Text] = Field(
        default_factory=list,
        description=(
            "Classes of exceptions of the framework's own that a case may expect, beside those of Python."
        ),
    )
    layers: Annotated[dict[str, Layer], Field(min_length=1)]


Unwanted = Literal["fail", "error", "crash", "timeout"]

Where = dict[
    Annotated[str, Field(pattern=r"^(params|call)\.\w+$")], Annotated[list[Scalar], Field(min_length=1)]
]


class DivergenceEntry(Strict):
    """A known, explained disagreement: which cases, who is wrong, in which versions,
    what happens, why.
    """

    cases: Text | Annotated[list[Text], Field(min_length=1)] = Field(
        description="An id, or a pattern of ids with * and ?, or several."
    )
    where: Annotated[list[Where], Field(min_length=1)] = Field(
        default=[{}],
        description=(
            "Only those of the cases in which every axis of a row (params.unroll, call.mask) has one of its"
            " values; any row will do."
        ),
    )
    implementations: Annotated[list[Name], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "The modes that differ as well, and the file's implementation if it does; without this it alone."
        ),
    )
    kind: Literal["framework", "documentation", "by-design"]
    versions: Annotated[dict[str, Specifier], Field(min_length=1)] = Field(
        description='Package to version specifier, as {package: ">=3.0,<3.16"}.'
    )
    outcome: Unwanted | Annotated[list[Unwanted], Field(min_length=2)] = Field(
        description=(
            "What happens; several where it is another from run to run, as where memory is overwritten. With"
            " crash among several a process that has answered may be damaged, and is replaced."
        ),
    )
    match: Text = Field(
        description=(
            "A regular expression found in the message of the outcome: other failures of the same cases are"
            " none of this."
        )
    )
    dtypes: Annotated[list[Dtype], Field(min_length=1)] | None = None
    processor: dict[Fact, bool | Text | Annotated[list[Text], Field(min_length=1)]] = Field(
        default_factory=dict,
        description=(
            "What the framework has to say of the processor, as {onednn_bf16: false}: elsewhere the entry"
            " does not apply. The names are those of the subject in the result file; a level has one word or"
            " several."
        ),
    )
    reason: Text
    link: Annotated[str, Field(pattern=r"^https?://\S+$")] | None = None


class DivergencesFile(Strict):
    """The known disagreements of one implementation."""

    kind: Literal["divergences"]
    implementation: Name
    about: Text
    entries: Annotated[list[DivergenceEntry], Field(min_length=1)]


# --- claims ---

Side = Literal["holds", "fails", "corrected"]
SourceKind = Literal["article", "documentation", "docstring"]
VERDICTS = ("true", "false", "under-conditions", "not-decidable")
_VERDICT = {"enum": [True, False, *VERDICTS[2:]]}


def verdict_word(verdict: Any) -> str:
    """A verdict as written (true and false are no strings in YAML) as one of
    VERDICTS.
    """
    return str(verdict).lower() if isinstance(verdict, bool) else str(verdict)


def _verdict(verdict: Any) -> Any:
    for word in verdict.values() if isinstance(verdict, dict) else [verdict]:
        if not isinstance(word, bool) and word not in VERDICTS[2:]:
            hint = did_you_mean(str(word), VERDICTS)
            message = f"must be {', '.join(VERDICTS)}, or one of these for each version; {hint}"
            raise PydanticCustomError("verdict", message)
    return verdict


def is_shape(value: Any) -> bool:
    """Whether it is a list of sizes: [32, 4]. The shape of a single number is []."""
    return isinstance(value, list) and all(type(size) is int for size in value)


def _returns(value: Any) -> Any:
    if not is_shape(value) and not (isinstance(value, list) and all(_returns(part) for part in value)):
        raise PydanticCustomError("returns", "must be a shape such as [32, 4], or a list of what is returned")
    return value


Returned = Annotated[Any, AfterValidator(_returns), WithJsonSchema({"type": "array"})]
Verdicts = Annotated[
    Any,
    AfterValidator(_verdict),
    WithJsonSchema({"anyOf": [_VERDICT, {"type": "object", "additionalProperties": _VERDICT}]}),
]


class ClaimSource(Strict):
    """Where a statement stands."""

    title: Text
    kind: SourceKind
    version: Text = Field(description="The versions of the framework that it speaks of.")


class WeightClaim(Strict):
    """What a weight is right after the layer was constructed."""

    shape: list[Size] | None = None
    equal: float | None = Field(default=None, description="Every element is this number.")
    gates: list[float] | None = Field(
        default=None,
        description="The number that fills the block of each gate, in the order of the weight.",
    )
    uniform: float | None = Field(
        default=None,
        description="Spread evenly between minus this number and this number.",
    )
    orthogonal: Literal[True] | None = Field(
        default=None,
        description="The rows are orthogonal and of length 1.",
    )


class ExampleEntry(Strict):
    """Example code of a source, run as it is written."""

    file: Text | None = Field(default=None, description="A Python file in claims/examples.")
    docstring: Text | None = Field(
        default=None,
        description="The class or function whose installed docstring holds the example.",
    )
    block: Size = Field(default=0, description="Which block of code of the docstring.")
    says: list[str] | None = Field(
        default=None,
        description="What the source says it prints, where that is else.",
    )
    prints: list[str] = Field(default_factory=list, description="The lines that it prints.")
    adapted: Text | None = Field(
        default=None,
        description="Which undefined names or sizes of the source were filled in.",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> "ExampleEntry":
        if (self.file is None) == (self.docstring is None):
            raise PydanticCustomError("example", 'needs either "file" or "docstring"')
        return self


class ClaimRelation(RelationEntry):
    """Two runs, of which some outputs are equal, or differ."""

    differ: Annotated[list[EqualityEntry], Field(min_length=1)] | None = Field(
        default=None,
        description="What must not be equal: the two sides differ by more than rounding can explain.",
    )


class Exhibit(Strict):
    """A run that shows whether a statement holds. What it asserts stands beside what is
    run.
    """

    name: Name | None = Field(default=None, description="Needed where a claim has several exhibits.")
    says: Text | None = Field(default=None, description="What this run shows, in one sentence.")
    side: Side | None = Field(
        default=None,
        description=(
            "holds: the statement holds here. fails: it does not. corrected: the corrected one holds."
        ),
    )
    layer: Text | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    undocumented: dict[str, Any] = Field(default_factory=dict)
    input: InputEntry = InputEntry()
    values: ValuesEntry = ValuesEntry()
    call: CallEntry = CallEntry()
    steps: Annotated[list[Step], Field(min_length=1)] | None = None
    matrix: dict[str, Annotated[list[Any], Field(min_length=1)]] = Field(default_factory=dict)
    dtypes: Annotated[list[Dtype], Field(min_length=1)] | None = None
    versions: Annotated[list[Text], Field(min_length=1)] | None = None
    # What is asserted.
    expect: ExpectEntry | None = None
    relation: ClaimRelation | None = None
    conforms: Literal[True] | None = Field(
        default=None,
        description="Everything is as the reference computes it, as in a case without a claim.",
    )
    returns: Returned | None = Field(
        default=None,
        description="The shapes of what the last call returns, nested as it is.",
    )
    container: Literal["list", "tuple"] | None = Field(
        default=None,
        description="In what the last call returns it.",
    )
    masks: dict[str, list[Size]] | None = Field(
        default=None,
        description="The shape of each dropout mask that the last call draws: gates, batch, timesteps, size.",
    )
    weights: dict[str, WeightClaim] | None = Field(
        default=None,
        description="The weights of the new layer, by name.",
    )
    parameters: Size | None = Field(default=None, description="How many numbers all weights have together.")
    defaults: dict[str, Any] | None = Field(
        default=None,
        description="Some defaults of the installed signature.",
    )
    signature: dict[str, Any] | None = Field(
        default=None,
        description="The whole installed signature, in order; required is the word for no default.",
    )
    example: ExampleEntry | None = None


class ClaimEntry(Strict):
    """A statement of a source, its verdict, and the runs that show it."""

    name: Name
    statement: Text = Field(description="In one English sentence of ours.")
    place: Text | None = Field(default=None, description="Where in the source: the argument or section.")
    verdict: Verdicts
    corrected: Text | None = Field(
        default=None,
        description="The statement that is true, where this one is false.",
    )
    conditions: Text | None = Field(default=None, description="Under which conditions it is true.")
    decided_by: Text | None = Field(default=None, description="What would decide it, where nothing here can.")
    note: Text | None = Field(default=None, description="What a reader should know besides.")
    layer: Text | None = None
    shows: list[Exhibit] = Field(default_factory=list)


class ClaimsFile(Strict):
    """The statements of one source."""

    kind: Literal["claims"]
    dialect: Name
    layer: Text
    about: Text
    source: ClaimSource
    defaults: Defaults = Defaults()
    claims: Annotated[list[ClaimEntry], Field(min_length=1)]


class FindingEntry(Strict):
    """A sentence of the documentation that misleads, and what is true."""

    kind: Literal["wrong", "ambiguous"]
    true: Text


class SentenceEntry(Strict):
    """A sentence of an installed docstring: its key, what it says in our words, and
    what covers it.
    """

    key: Annotated[str, Field(pattern=r"^[0-9a-f]{10}$")] = Field(
        description="Of its text, as the test prints it.",
    )
    says: Text
    covered: list[Text] = Field(
        default_factory=list,
        description="Claims and cases by their ids without axes, or what several begin with.",
    )
    uncovered: Text | None = Field(
        default=None,
        description="Why nothing covers it: no fact, or not decidable here.",
    )
    finding: FindingEntry | None = None

    @model_validator(mode="after")
    def _covered_or_not(self) -> "SentenceEntry":
        if bool(self.covered) == (self.uncovered is not None):
            raise PydanticCustomError("covered", 'must have either "covered" or "uncovered" with a reason')
        return self


class SilentPlace(Strict):
    """What a docstring does not say."""

    about: Text
    true: Text
    covered: Annotated[list[Text], Field(min_length=1)]


class DocumentEntry(Strict):
    """One docstring."""

    sentences: Annotated[list[SentenceEntry], Field(min_length=1)]
    silent: list[SilentPlace] = Field(default_factory=list)


class DocumentationFile(Strict):
    """Docstrings of an installed framework, sentence by sentence."""

    kind: Literal["documentation"]
    dialect: Name
    about: Text
    source: ClaimSource
    documents: Annotated[dict[str, DocumentEntry], Field(min_length=1)] = Field(
        description="By the name of the class or function.",
    )


KINDS: dict[
    str,
    type[CasesFile]
    | type[ParametersFile]
    | type[DivergencesFile]
    | type[ClaimsFile]
    | type[DocumentationFile],
] = {
    "cases": CasesFile,
    "parameters": ParametersFile,
    "divergences": DivergencesFile,
    "claims": ClaimsFile,
    "documentation": DocumentationFile,
}
