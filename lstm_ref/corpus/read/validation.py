"""From a model's complaints to problems with a place, in our own words."""

import json
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.read.documents import Key, View
from lstm_ref.corpus.read.models import KINDS
from lstm_ref.corpus.read.models.base import KEBAB, NOT_BLANK

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED = {
    "string_type": "a string",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "list_type": "a list",
    "model_type": "a mapping",
    "finite_number": "a finite number",
}
_PATTERNS = {KEBAB: 'lower-case words joined by "-"', NOT_BLANK: "more than blanks"}


def validated(view: View) -> tuple[BaseModel | None, list[Problem]]:
    """The model of a document, by its `kind`; or None and what is wrong."""
    if not isinstance(view.data, dict):
        return None, [
            view.at_value(
                f"must be a mapping, not {described(view.data)}", 'a file starts with "kind: cases"'
            )
        ]
    kind = view.at("kind")
    if kind is None:
        return None, [view.at_value('"kind" is missing', did_you_mean("kind", KINDS))]
    model = KINDS.get(kind.data) if isinstance(kind.data, str) else None
    if model is None:
        return None, [
            kind.at_value(
                f"must be a known kind, not {described(kind.data)}", did_you_mean(str(kind.data), KINDS)
            )
        ]
    try:
        return model.model_validate(view.data), []
    except ValidationError as error:
        return None, model_problems(error, model, view)


def readable(kind: type[Model], model: BaseModel | None, view: View) -> Model | None:
    """The model of a whole document, or where there is none, of what can be read of it;
    None where nothing can.
    """
    if isinstance(model, kind):
        return model
    found = salvaged(kind, view, {})
    return found[0] if found else None


def salvaged(model: type[Model], view: View, stand_ins: Mapping[str, Any]) -> tuple[Model, View] | None:
    """What a model reads of a mapping without what it refuses, and a view of that; None
    where nothing is left to read. `stand_ins` are read for keys that are missing.

    Where a layer or a dialect is refused, what stands beside it is about nobody knows
    what, and goes with it.
    """
    while isinstance(view.data, dict):
        try:
            return model.model_validate({**stand_ins, **view.data}), view
        except ValidationError as error:
            paths = {_path(details["loc"], view.data) for details in error.errors(include_url=False)}
        refused = {path[:-1] if path and path[-1] in ("layer", "dialect") else path for path in paths}
        if () in refused:
            break
        for path in sorted(refused, reverse=True):  # of a list the last first: the others stay in place
            view = view.without(path)
    return None


def model_problems(error: ValidationError, model: type[BaseModel], view: View) -> list[Problem]:
    """What the model complains about, one problem for each place."""
    problems: list[Problem] = []
    expected: dict[tuple[Key, ...], list[str]] = {}
    found: dict[tuple[Key, ...], Any] = {}
    for details in error.errors(include_url=False):
        if details["type"] in _EXPECTED:  # of a union, each member complains
            path = _path(details["loc"], view.data)
            expected.setdefault(path, []).append(_EXPECTED[details["type"]])
            found[path] = details["input"]
        else:
            problems.append(_problem(details, model, view))
    for path, words in expected.items():
        place = view.document.place((*view.path, *path))
        problems.append(Problem(place, f"must be {' or '.join(words)}, not {described(found[path])}"))
    return problems


def described(value: Any) -> str:
    """A value in words, as a message names it."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return f"the string {json.dumps(value, ensure_ascii=False)}"
    return json.dumps(value) if isinstance(value, bool) else f"the number {value}"


def _problem(details: ErrorDetails, model: type[BaseModel], view: View) -> Problem:
    kind, found, context = details["type"], details["input"], details.get("ctx", {})
    path = _path(details["loc"], view.data)
    document, here = view.document, (*view.path, *path)
    if kind == "extra_forbidden":
        word = str(path[-1])
        return Problem(
            document.key_place(here),
            f'unknown key "{word}"',
            did_you_mean(word, known_keys(model, details["loc"][:-1])),
        )
    place = document.place(here)
    if kind == "missing":
        return Problem(place, f'"{details["loc"][-1]}" is missing')
    if kind == "literal_error":
        words = context["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        allowed = " or ".join(words)
        return Problem(
            place,
            f"must be {allowed}, not {described(found)}",
            did_you_mean(str(found), words) if len(words) > 1 else None,
        )
    if kind == "string_pattern_mismatch":
        expected = _PATTERNS.get(context["pattern"], f"text that matches {context['pattern']}")
        return Problem(place, f"must be {expected}, not {described(found)}")
    if kind == "too_short":
        return Problem(place, "must not be empty")
    if kind == "greater_than_equal":
        return Problem(place, f"must be {context['ge']} or more, not {found}")
    if kind == "greater_than":
        return Problem(place, f"must be more than {context['gt']:g}, not {found}")
    return Problem(place, details["msg"])


def _path(location: Sequence[Key], data: Any) -> tuple[Key, ...]:
    """The part of a model's location that exists in the data: tags of unions and keys
    that are missing are left out.
    """
    path: list[Key] = []
    for key in location:
        exists = (
            key in data
            if isinstance(data, dict)
            else isinstance(data, list) and isinstance(key, int) and key < len(data)
        )
        if exists:
            data = data[key]
            path.append(key)
    return tuple(path)


def known_keys(model: type[BaseModel], location: Sequence[Key]) -> list[str]:
    """The keys that may stand in the mapping at this location of the model."""
    candidates: list[Any] = [model]
    for key in location:
        candidates = [inner for candidate in candidates for inner in _inside(candidate, key)]
    return [name for candidate in candidates for name in _fields(candidate)]


def _inside(annotation: Any, key: Key) -> Iterator[Any]:
    """The annotations that hold for what stands below this key."""
    if isinstance(key, str) and key.startswith("("):  # the tag of a union
        yield annotation
        return
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            if key in option.model_fields:
                yield option.model_fields[str(key)].annotation
        elif get_origin(option) is dict:
            yield get_args(option)[1]
        elif get_origin(option) is list:
            yield get_args(option)[0]


def _options(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _options(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, types.UnionType):
        for option in get_args(annotation):
            yield from _options(option)
    else:
        yield annotation


def _fields(annotation: Any) -> Mapping[str, Any]:
    fields: dict[str, Any] = {}
    for option in _options(annotation):
        if isinstance(option, type) and issubclass(option, BaseModel):
            fields.update(option.model_fields)
    return fields
