"""A list of known disagreements, as written."""

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
)

from lstm_ref.corpus.read.models.base import (
    Dtype,
    Fact,
    Name,
    Pattern,
    Release,
    Scalar,
    Specifier,
    Strict,
    Text,
)

Unwanted = Literal["fail", "error", "crash", "timeout"]

Where = dict[
    Annotated[str, Field(pattern=r"^(params|call|inside)\.\w+$")],
    Annotated[list[Scalar | dict[str, Any]], Field(min_length=1)],
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
            " values; any row will do. inside.dropout is the argument of the layer or of any that it is made"
            " of; all such axes of a row are of one layer."
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
    match: Pattern = Field(
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
    measured: dict[str, Annotated[list[Release], Field(min_length=1)]] = Field(
        default_factory=dict,
        description=(
            "By package the versions in which the entries were looked for, the oldest first; lstm-ref"
            " divergences --write keeps it. A newer one takes the ranges that are open."
        ),
    )
    entries: Annotated[list[DivergenceEntry], Field(min_length=1)]
