"""Every problem of numbers that a case has written out, but for their shapes."""

import math
from collections.abc import Iterator
from typing import Any

from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.validation import described


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
    for group in ("weights", "arguments", "expected"):
        below = numbers.at(group)
        for _, array in below.entries() if below else ():
            yield from _array_problems(array)


def _array_problems(view: View) -> Iterator[Problem]:
    """What is not a number, and lists that are ragged."""
    if not isinstance(view.data, list):
        if isinstance(view.data, bool) or not isinstance(view.data, int | float):
            yield view.at_value(f"must be a number or a list of numbers, not {described(view.data)}")
        elif not math.isfinite(view.data):
            yield view.at_value("must be a finite number")
        return
    parts = list(view.elements())
    if not parts:
        yield view.at_value("must not be empty")
        return
    problems = [problem for part in parts for problem in _array_problems(part)]
    yield from problems
    first = _shape(parts[0].data)
    if not problems:
        for part in parts:
            if _shape(part.data) != first:
                yield part.at_value(f"has shape {_shape(part.data)}, the first of its list {first}")


def _shape(data: Any) -> tuple[int, ...]:
    return (len(data), *_shape(data[0])) if isinstance(data, list) else ()
