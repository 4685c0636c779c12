"""The types of documented parameters: what a value may be, in a check and in the schema
for editors.

A parameter table says `type: rate`, or `type: [size, null]` for one of several. A type
that is not among these is a family of names, such as `activation`. It has the names
that stand among the values of any parameter of that type, and functions. Where classes
stand there, it has objects of them, and each name also as that of a class: `l1_l2` and
`L1L2` are one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.parameters import Parameter, ParametersFile
from lstm_ref.corpus.read.validation import described

Schema = dict[str, Any]

# What YAML 1.1 took for true and false, and YAML 1.2 takes for words.
FORMERLY_BOOLEAN = {"yes": "true", "on": "true", "no": "false", "off": "false"}
OF_ITS_VALUES = "value"  # one of those that the table lists


@dataclass(frozen=True)
class _Plain:
    """A type of plain data: how a message calls it, what is of it, and its schema."""

    words: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any]


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


PLAIN: Mapping[str, _Plain] = {
    "boolean": _Plain("true or false", lambda v: isinstance(v, bool), {"type": "boolean"}),
    "integer": _Plain("an integer", _is_integer, {"type": "integer"}),
    "size": _Plain(
        "a positive integer", lambda v: _is_integer(v) and v > 0, {"type": "integer", "minimum": 1}
    ),
    "count": _Plain(
        "an integer that is not negative",
        lambda v: _is_integer(v) and v >= 0,
        {"type": "integer", "minimum": 0},
    ),
    "number": _Plain("a number", _is_number, {"type": "number"}),
    "positive": _Plain(
        "a positive number", lambda v: _is_number(v) and v > 0, {"type": "number", "exclusiveMinimum": 0}
    ),
    "rate": _Plain(
        "a number from 0 to 1",
        lambda v: _is_number(v) and 0 <= v <= 1,
        {"type": "number", "minimum": 0, "maximum": 1},
    ),
    "text": _Plain("text", lambda v: isinstance(v, str), {"type": "string"}),
    "list": _Plain("a list", lambda v: isinstance(v, list), {"type": "array"}),
    "layer": _Plain(
        "a layer, such as {layer: LSTM, params: {units: 3}}",
        lambda v: isinstance(v, dict) and "layer" in v,
        {"type": "object", "required": ["layer"]},
    ),
}
NULL = _Plain("null", lambda v: v is None, {"type": "null"})


def type_problems(value: View, parameter: Parameter, dialect: ParametersFile) -> Iterator[Problem]:
    """A value that is not of its parameter's type; of what stands inside it, nothing is
    said.
    """
    types = parameter.types
    if not types or any(_holds(type_, value.data, parameter, dialect) for type_ in types):
        return
    known = [word for type_ in types for word in _words_of(type_, parameter, dialect)]
    hint = did_you_mean(value.data, known) if known and isinstance(value.data, str) else None
    if isinstance(value.data, str) and "boolean" in types and value.data.lower() in FORMERLY_BOOLEAN:
        hint = f"YAML reads {value.data} as a word; write {FORMERLY_BOOLEAN[value.data.lower()]}"
    said = " or ".join(_said(type_, parameter) for type_ in types)
    yield value.at_value(f"must be {said}, not {described(value.data)}", hint)


def _holds(type_: str | None, value: Any, parameter: Parameter, dialect: ParametersFile) -> bool:
    if type_ is None:
        return NULL.holds(value)
    if type_ in PLAIN:
        return PLAIN[type_].holds(value)
    if type_ == OF_ITS_VALUES:
        return value_text(value) in map(value_text, parameter.values)
    if isinstance(value, dict):
        return "callable" in value or value.get("class_name") in _classes(type_, dialect)
    return value in _names(type_, dialect)


def _words_of(type_: str | None, parameter: Parameter, dialect: ParametersFile) -> list[str]:
    """The words that a value of this type may be."""
    if type_ == OF_ITS_VALUES:
        return [value for value in parameter.values if isinstance(value, str)]
    return [] if type_ is None or type_ in PLAIN else _names(type_, dialect)


def _names(family: str, dialect: ParametersFile) -> list[str]:
    """The names of a family, those of its classes too."""
    values = dialect.values_of_types[family]
    classes = [value["class_name"] for value in values if isinstance(value, dict) and "class_name" in value]
    words = [value for value in values if isinstance(value, str)] + [_word_of_class(name) for name in classes]
    return list(dict.fromkeys([*words, *(map(_class_of_word, words) if classes else ())]))


def _classes(family: str, dialect: ParametersFile) -> list[str]:
    return [name for name in _names(family, dialect) if name[0].isupper()]


@cache
def _word_of_class(name: str) -> str:
    """GlorotUniform is glorot_uniform, and L1L2 is l1_l2."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def word_of(value: Any) -> str:
    """The name that a value of a family stands for, in small letters; empty for what is
    no name.
    """
    if isinstance(value, dict):
        value = value.get("callable") or value.get("class_name")
    if not isinstance(value, str):
        return ""
    return _word_of_class(value) if value[:1].isupper() else value


@cache
def _class_of_word(word: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in word.split("_"))


def _said(type_: str | None, parameter: Parameter) -> str:
    if type_ is None:
        return NULL.words
    if type_ in PLAIN:
        return PLAIN[type_].words
    if type_ == OF_ITS_VALUES:
        return " or ".join(value_text(value) for value in parameter.values)
    return f"the name of {'an' if type_[0] in 'aeiou' else 'a'} {type_}"


def schema_of(parameter: Parameter, dialect: ParametersFile) -> Schema:
    """The schema of a parameter's value; empty where it has no type."""
    options = [_schema_of(type_, parameter, dialect) for type_ in parameter.types]
    if not options:
        return {}
    return options[0] if len(options) == 1 else {"anyOf": options}


def _schema_of(type_: str | None, parameter: Parameter, dialect: ParametersFile) -> Schema:
    if type_ is None:
        return dict(NULL.schema)
    if type_ in PLAIN:
        return dict(PLAIN[type_].schema)
    if type_ == OF_ITS_VALUES:
        return {"enum": parameter.values}
    return {"$ref": f"#/definitions/{dialect.dialect}.{type_}"}


def families(dialect: ParametersFile) -> Iterator[tuple[str, Schema]]:
    """Every family of names of a dialect, as a definition for `schema_of`."""
    parameters = [each for layer in dialect.layers.values() for each in layer.constructor.values()]
    found = dict.fromkeys(type_ for parameter in parameters for type_ in parameter.types)
    for type_ in found:
        if type_ is None or type_ in PLAIN or type_ == OF_ITS_VALUES:
            continue
        objects: list[Schema] = [{"type": "object", "required": ["callable"]}]
        if classes := _classes(type_, dialect):
            one = {"class_name": {"enum": classes}}
            objects.append({"type": "object", "properties": one, "required": ["class_name"]})
        yield f"{dialect.dialect}.{type_}", {"anyOf": [{"enum": _names(type_, dialect)}, *objects]}
