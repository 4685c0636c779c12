"""What all checks have in common."""

from collections.abc import Iterator

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.points.matrix import axis_value
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.validation import described


def entries_of(view: View, key: str) -> Iterator[tuple[str, View]]:
    """Keys and values of the mapping below a key; nothing where there is none."""
    below = view.at(key)
    return below.entries() if below else iter(())


def elements_of(view: View, key: str) -> Iterator[View]:
    """The elements of the list below a key; nothing where there is none."""
    below = view.at(key)
    return below.elements() if below else iter(())


def repeated_problems(values: View, axis: str = "") -> Iterator[Problem]:
    """Values that are listed twice in a list, that of an axis if it is named."""
    first: dict[str, View] = {}
    for value in values.elements():
        text = value_text(axis_value(axis, value.data))
        if text in first:
            line = first[text].line
            yield value.at_value(f"{described(value.data)} is listed twice: here and in line {line}")
        first.setdefault(text, value)
