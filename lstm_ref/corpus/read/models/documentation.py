"""A file of sentences of documentation, as written."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lstm_ref.corpus.read.models.base import Name, Strict, Text
from lstm_ref.corpus.read.models.claims import ClaimSource


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
