"""Every problem of numbers that a case has written out, but for their shapes."""

import math
from collections.abc import Iterator
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.meaning.literal_files import UnreadableNumbers, read_array
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.validation import described

GROUPS = ("weights", "arguments", "expected", "cotangents", "gradients")


def literal_problems(entry: View) -> Iterator[Problem]:
    """What is wrong with the numbers of a case, before their shapes are asked for."""
    numbers = entry.at("numbers")
    if numbers is None:
        return
    for other in ("steps", "relation", "expect", "derivatives", "values"):
        if (beside := entry.at(other)) is not None:
            yield beside.at_key(
                f'"{other}" cannot stand beside "numbers", which are those of one call',
                "make two cases of it",
            )
    for dtype in entry.data.get("dtypes") or ():
        if dtype not in ("float64", "float32"):
            yield (entry.at("dtypes") or entry).at_value(
                f"numbers that are written out are judged in float64 and float32, not in {dtype}"
            )
    gradients = numbers.at("gradients")
    if gradients is not None and numbers.at("cotangents") is None:
        yield gradients.at_key(
            '"gradients" are those of a loss, and nothing says which',
            'write "cotangents", the derivatives of the loss by each output: {output: 1} for its sum',
        )
    for group in GROUPS:
        below = numbers.at(group)
        for _, array in below.entries() if below else ():
            yield from _array_problems(array, truth=group == "arguments")


def _array_problems(view: View, truth: bool) -> Iterator[Problem]:
    """What is not an array of numbers or, where these may stand, of truth values."""
    if isinstance(view.data, dict):
        yield from _file_problems(view, truth)
        return
    yield from (problems := list(_element_problems(view, truth)))
    if not problems and len({isinstance(leaf, bool) for leaf in _leaves(view.data)}) > 1:
        yield view.at_value("mixes numbers with true and false")


def _file_problems(view: View, truth: bool) -> Iterator[Problem]:
    try:
        found = read_array(view.document.file, view.data)
    except UnreadableNumbers as error:
        yield view.at_value(error.problem, error.hint)
        return
    if found.truth and not truth:
        yield view.at_value("must be numbers, not true and false")


def _element_problems(view: View, truth: bool) -> Iterator[Problem]:
    """What is not a number, and lists that are ragged."""
    if not isinstance(view.data, list):
        if isinstance(view.data, bool):
            if not truth:
                yield view.at_value(f"must be a number or a list of numbers, not {described(view.data)}")
        elif not isinstance(view.data, int | float):
            yield view.at_value(f"must be a number or a list of numbers, not {described(view.data)}")
        elif not math.isfinite(view.data):
            yield view.at_value("must be a finite number")
        return
    parts = list(view.elements())
    if not parts:
        yield view.at_value("must not be empty")
        return
    problems = [problem for part in parts for problem in _element_problems(part, truth)]
    yield from problems
    first = _shape(parts[0].data)
    if not problems:
        for part in parts:
            if _shape(part.data) != first:
                yield part.at_value(f"has shape {_shape(part.data)}, the first of its list {first}")


def _leaves(data: Any) -> Iterator[Any]:
    if isinstance(data, list):
        for part in data:
            yield from _leaves(part)
    else:
        yield data


def _shape(data: Any) -> tuple[int, ...]:
    return (len(data), *_shape(data[0])) if isinstance(data, list) else ()
