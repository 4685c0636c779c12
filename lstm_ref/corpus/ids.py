"""The name of a point: stable, unique, never positional."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from lstm_ref.corpus.documents import plain_value

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.+/-]*")


def value_text(value: Any) -> str:
    """A value as an id shows it: no two different values have the same text.

    Numbers, true, false and plain words as YAML writes them, everything else as compact JSON with sorted keys.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and isinstance(plain_value(value), str):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def point_id(prefix: str, name: str, axes: Mapping[str, Any], defaults: Mapping[str, Any]) -> str:
    """`prefix/name[axis=value,...]` with the axes that differ from their documented default, sorted by the key that is shown.

    The key shown is the last part of the axis, unless two axes of the case share it. An axis without default is always shown.
    """
    last_parts = Counter(_short(axis) for axis in axes)
    shown = {
        _short(axis) if last_parts[_short(axis)] == 1 else axis: value_text(value)
        for axis, value in axes.items()
        if axis not in defaults or value_text(value) != value_text(defaults[axis])
    }
    brackets = ",".join(f"{key}={text}" for key, text in sorted(shown.items()))
    return f"{prefix}/{name}[{brackets}]" if brackets else f"{prefix}/{name}"


def _short(axis: str) -> str:
    return axis.partition(".")[2]
