"""The parameters that a case sets, as text."""

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

# What a call may have otherwise than the call before it.
OF_A_CALL = ("call.", "input.")

# How a layer or an object is written: the key of its name, and that of its settings.
NAMED = {"layer": "params", "class_name": "config"}


def text(value: Any) -> str:
    """The value of a parameter as YAML writes it. A string has quotes only if YAML
    would read it as something else without them.
    """
    if isinstance(value, str):
        return _text_of(value)
    if isinstance(value, bool):  # most values are
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


@lru_cache(maxsize=4096)
def _text_of(value: str) -> str:
    try:
        json.loads(value)
    except ValueError:
        return value or '""'
    return json.dumps(value)


def settings_of(parameters: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Every parameter with its value, as text. No pair is repeated.

    A layer inside a layer is shown by its name, and its parameters count as if they
    were parameters of the outer one. The same holds for objects. An argument that
    differs between calls has each of its values.
    """
    found: dict[tuple[str, str], None] = {}
    for parameter, value in parameters.items():
        if not isinstance(value, (dict, list, tuple)):  # most are plain
            found[parameter, text(value)] = None
            continue
        several = isinstance(value, (list, tuple)) and parameter.startswith(OF_A_CALL)
        for each in value if several else [value]:
            found.update(dict.fromkeys(_pairs(parameter, each)))
    return tuple(found)


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
    """The key that holds the name of a layer or object. Empty for any other value."""
    if not isinstance(value, dict):
        return ""
    return next((name for name in NAMED if name in value), "")
