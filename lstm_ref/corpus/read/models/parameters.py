"""A parameter table, as written."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from lstm_ref.corpus.case import ABSENT
from lstm_ref.corpus.read.models.base import Action, Address, Name, Scalar, Spot, Strict, Text, Version


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
    those to cover, `type` says what is allowed (see corpus/meaning/types.py).
    """

    model_config = ConfigDict(json_schema_extra=_complete_or_like)

    like: str | None = LIKE
    about: Text
    source: Text
    required: bool = False
    default: Any = None
    type: Text | list[Text | None] | None = None
    since: Version | dict[Text, Version] | None = Field(
        default=None,
        description=(
            "The version of the package that brought it; or by name the versions that brought single values."
        ),
    )
    values: list[Any] = Field(default_factory=list)

    @property
    def types(self) -> Sequence[str | None]:
        """The types of which a value may be; none where nobody says."""
        return self.type if isinstance(self.type, list) else (self.type,) if self.type else ()

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
    only_with: dict[str, list[Scalar]] = Field(
        default_factory=dict,
        description=(
            "By full key, params.NAME, call.NAME or input.form, the values with which it makes sense that the"
            " argument is passed at all."
        ),
    )

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
    pages: dict[Text, Address] = Field(
        default_factory=dict,
        description=(
            "The address of each page of the documentation, by the name that stands in a source. Names that"
            " go on behind a dot are on the same page."
        ),
    )
    package: Text | None = Field(
        default=None, description="The package that is documented: the versions of `since` are its own."
    )
    exceptions: list[Text] = Field(
        default_factory=list,
        description=(
            "Classes of exceptions of the framework's own that a case may expect, beside those of Python."
        ),
    )
    layers: Annotated[dict[str, Layer], Field(min_length=1)]

    @cached_property
    def values_of_types(self) -> Mapping[str | None, Sequence[Any]]:
        """The values, and the defaults, of all parameters of each type."""
        found: dict[str | None, list[Any]] = {}
        for layer in self.layers.values():
            for parameter in layer.constructor.values():
                for type_ in parameter.types:
                    found.setdefault(type_, []).extend([*parameter.values, parameter.default])
        return found
