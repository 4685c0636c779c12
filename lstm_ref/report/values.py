"""How values, numbers and places read in a report."""

import json
from collections.abc import Iterator
from typing import Any

from lstm_ref.report.data import Number, Outcome, Worst

# What a call may have otherwise than the call before it.
OF_A_CALL = ("call.", "input.")

# How a layer or an object is written: the key of its name, and that of its settings.
NAMED = {"layer": "params", "class_name": "config"}


def text(value: Any) -> str:
    """A parameter's value as YAML would write it: strings plain, unless they would read as
    something else.
    """
    if not isinstance(value, str):
        return json.dumps(value, separators=(",", ":"), sort_keys=True)
    try:
        json.loads(value)
    except ValueError:
        return value or '""'
    return json.dumps(value)


def settings(outcome: Outcome) -> list[tuple[str, str]]:
    """Every parameter of the case with its value, as text, each pair once.

    A layer in a layer is its name, and its parameters count as if they were set outside; so
    with objects. One that differs from call to call comes with each of its values.
    """
    found: dict[tuple[str, str], None] = {}
    for parameter, value in outcome.parameters.items():
        several = isinstance(value, (list, tuple)) and parameter.startswith(OF_A_CALL)
        for each in value if several else [value]:
            found.update(dict.fromkeys(_pairs(parameter, each)))
    return list(found)


def _pairs(parameter: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, (list, tuple)) and any(_named(each) for each in value):
        for each in value:
            yield from _pairs(parameter, each)
        return
    name = _named(value)
    if not name:
        yield parameter, text(value)
        return
    yield parameter, text(value[name])
    group = "params" if name == "layer" else parameter
    for inner, setting in value.get(NAMED[name], {}).items():
        yield from _pairs(f"{group}.{inner}", setting)


def _named(value: Any) -> str:
    """The key that names a layer or an object; empty for any other value."""
    if not isinstance(value, dict):
        return ""
    return next((name for name in NAMED if name in value), "")


def place(worst: Worst) -> str:
    """Where the largest error is: "call 0, output, batch 1, time 2, unit 0"."""
    axes = [f"{axis} {index}" for axis, index in zip(worst.axes, worst.index, strict=False)]
    return ", ".join([f"call {worst.call}", worst.tensor, *axes])


def number(value: Number) -> str:
    """A number in full; "nan" and "inf" as they are; "none" for what does not exist."""
    return "none" if value is None else str(value)


def short(value: Number) -> str:
    """A number in three significant digits."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.3g}"
    return number(value)


def cut(words: str, characters: int) -> str:
    """Words up to a number of characters; an ellipsis stands for the rest."""
    return words if len(words) <= characters else f"{words[: characters - 1]}…"
