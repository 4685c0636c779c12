"""What all kinds of files are made of: text, names, sizes, patterns, versions."""

import re
from typing import Annotated, Literal

import packaging.version
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
)
from pydantic_core import PydanticCustomError

NOT_BLANK = r"\S"
KEBAB = r"^[a-z0-9]+(-[a-z0-9]+)*$"

Text = Annotated[str, Field(pattern=NOT_BLANK)]
Address = Annotated[str, Field(pattern=r"^https://[^\s]+$")]
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


def _pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise PydanticCustomError(
            "pattern", "is not a regular expression: {why}", {"why": str(error)}
        ) from None
    return text


Pattern = Annotated[str, Field(pattern=NOT_BLANK), AfterValidator(_pattern)]


def _specifier(text: str) -> str:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        raise PydanticCustomError("specifier", 'must be a version specifier such as ">=3.0,<3.16"') from None
    return text


Specifier = Annotated[str, Field(pattern=NOT_BLANK), AfterValidator(_specifier)]


Version = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)*$")]


def _release(text: str) -> str:
    try:
        packaging.version.Version(text)
    except packaging.version.InvalidVersion:
        raise PydanticCustomError("release", 'must be a version such as "3.15.1"') from None
    return text


# A version of a package as it calls itself, pre-releases too.
Release = Annotated[str, Field(pattern=NOT_BLANK), AfterValidator(_release)]


class Strict(BaseModel):
    """No unknown keys, no conversion of types, no change afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
