"""The name of a point: stable, unique, never positional."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from lstm_ref.corpus.read.documents import plain_value

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.+/-]*")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def value_text(value: Any) -> str:
    """A value as an id shows it: no two different values have the same text, but for a
    layer and an object of one name.

    Numbers, true, false and plain words as YAML writes them; a layer or an object as
    `LSTM(return_state=true,units=3)`, a function as `callable:tanh`; everything else as
    compact JSON with sorted keys.
    """
    if isinstance(value, dict | list):
        return _short_form(value) or _json(value)
    if isinstance(value, float):
        return (
            _json(value)
            if math.isfinite(value)
            else ".nan"
            if math.isnan(value)
            else ".inf"
            if value > 0
            else "-.inf"
        )
    return _word(value)


@lru_cache(maxsize=None, typed=True)  # few words, in many thousand points
def _word(value: str | bool | int | None) -> str:
    return (
        value
        if isinstance(value, str) and _PLAIN.fullmatch(value) and isinstance(plain_value(value), str)
        else _json(value)
    )


_json = json.JSONEncoder(separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode


def _short_form(value: Any) -> str | None:
    """The text of a layer, of an object, of a function, or of a list that holds some;
    None for anything else.
    """
    if isinstance(value, list):
        found = [_short_form(element) for element in value]
        return (
            f"[{','.join(text or value_text(element) for text, element in zip(found, value, strict=True))}]"
            if any(found)
            else None
        )
    if not isinstance(value, dict):
        return None
    if value.keys() == {"callable"}:
        return f"callable:{value['callable']}" if _is_name(value["callable"]) else None
    for name, settings in (("layer", "params"), ("class_name", "config")):
        inner = value.get(settings, {})
        if (
            name in value
            and value.keys() <= {name, settings}
            and _is_name(value[name])
            and isinstance(inner, dict)
            and all(map(_is_name, inner))
        ):
            return f"{value[name]}({','.join(f'{key}={value_text(inner[key])}' for key in sorted(inner))})"
    return None


def _is_name(text: Any) -> bool:
    return isinstance(text, str) and bool(_NAME.fullmatch(text))


def point_ids(
    prefix: str, name: str, axes: Sequence[str], defaults: Mapping[str, Any]
) -> Callable[[Sequence[str]], str]:
    """What gives the points of one case their ids: `prefix/name[axis=value,...]`, from
    the texts of their values in the order of the axes.

    Shown are the axes that differ from their documented default, sorted by the key that
    is shown. That is the last part of the axis, unless two axes of the case share it.
    An axis without default is always shown.
    """
    keys = _keys(axes)
    order = [
        (keys[axis], axes.index(axis), value_text(defaults[axis]) if axis in defaults else None)
        for axis in sorted(axes, key=keys.__getitem__)
    ]
    start = f"{prefix}/{name}"

    def id_of(texts: Sequence[str]) -> str:
        shown = [f"{key}={texts[k]}" for key, k, hidden in order if texts[k] != hidden]
        return f"{start}[{','.join(shown)}]" if shown else start

    return id_of


def _keys(axes: Sequence[str]) -> Mapping[str, str]:
    """The key that is shown for each axis."""
    last_parts = Counter(map(_short, axes))
    return {axis: _short(axis) if last_parts[_short(axis)] == 1 else axis for axis in axes}


def _short(axis: str) -> str:
    return axis.partition(".")[2]
