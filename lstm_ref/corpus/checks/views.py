"""What all checks of case files have in common."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lstm_ref.corpus.covering_file import Selections
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import (
    Parameters,
)
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.matrix import axis_value
from lstm_ref.corpus.models.cases import ValuesEntry
from lstm_ref.corpus.models.parameters import Layer, ParametersFile
from lstm_ref.corpus.validation import described


@dataclass(frozen=True)
class Around:
    """What the cases of one file are checked against: the tables of all dialects and
    its own, and the selections of its cases by name.
    """

    parameters: Parameters
    dialect: ParametersFile
    selections: Selections


def entries_of(view: View, key: str) -> Iterator[tuple[str, View]]:
    below = view.at(key)
    return below.entries() if below else iter(())


def elements_of(view: View, key: str) -> Iterator[View]:
    below = view.at(key)
    return below.elements() if below else iter(())


def layer_named(name: View | None, dialect: ParametersFile) -> Layer | None:
    return dialect.layers.get(name.data) if name is not None and isinstance(name.data, str) else None


def known_names(group: str, layer: Layer) -> list[str]:
    if group == "params":
        return list(layer.constructor)
    if group == "call":
        return [name for name, argument in layer.call.items() if argument.values or not argument.required]
    return [*layer.input, "shape"] if group == "input" else list(ValuesEntry.model_fields)


def name_of(layer: Layer, around: Around) -> str:
    """The name of a layer of the file's own dialect."""
    return next(name for name, known in around.dialect.layers.items() if known is layer)


def pattern_problems(match: View | None) -> Iterator[Problem]:
    if match is not None and isinstance(match.data, str):
        try:
            re.compile(match.data)
        except re.error as error:
            yield match.at_value(f"is no regular expression: {error}")


def repeated_problems(values: View, axis: str = "") -> Iterator[Problem]:
    """Values that stand twice in a list, that of an axis if it is named."""
    first: dict[str, int] = {}
    for value in values.elements():
        text = value_text(axis_value(axis, value.data))
        line = value.document.place(value.path).line
        if text in first:
            yield value.at_value(f"{described(value.data)} stands twice: here and in line {first[text]}")
        first.setdefault(text, line)
