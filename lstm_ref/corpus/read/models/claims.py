"""A file of statements, as written."""

from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.read.models.base import Dtype, Name, Size, Strict, Text
from lstm_ref.corpus.read.models.cases import (
    CallEntry,
    Defaults,
    EqualityEntry,
    ExpectEntry,
    InputEntry,
    RelationEntry,
    Step,
    ValuesEntry,
)

Side = Literal["holds", "fails", "corrected"]
SourceKind = Literal["article", "documentation", "docstring"]
VERDICTS = ("true", "false", "under-conditions", "not-decidable")
_VERDICT = {"enum": [True, False, *VERDICTS[2:]]}


def verdict_word(verdict: Any) -> str:
    """A verdict as written (true and false are not strings in YAML) as one of
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
        description="What the source says it prints, where that is something else.",
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

    @property
    def pairs(self) -> dict[str, list[EqualityEntry]]:
        """What is compared, by the key below which it is written."""
        return {**super().pairs, "differ": self.differ or []}


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
    note: Text | None = Field(default=None, description="What else a reader should know.")
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
