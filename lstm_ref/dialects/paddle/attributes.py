"""The attribute of a parameter: whether it exists, whether it is trained, and what it
is to begin with.

Source: paddle.ParamAttr, arguments initializer and trainable; paddle.nn.initializer.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.dialects.initial import Exactly, Initial, Normal, Uniform

Shape = tuple[int, ...]

INITIALIZERS: Mapping[str, Callable[[Shape, Mapping[str, Any]], Initial]] = {
    "Constant": lambda shape, config: Exactly(np.full(shape, float(config.get("value", 0.0)))),
    "Uniform": lambda shape, config: Uniform(config.get("low", -1.0), config.get("high", 1.0)),
    "Normal": lambda shape, config: Normal(config.get("mean", 0.0), config.get("std", 1.0)),
}


class Attribute(NamedTuple):
    """The attribute of one parameter. `initial` gives its first values from its shape;
    None is what the layer documents.
    """

    exists: bool = True
    trainable: bool = True
    initial: Callable[[Shape], Initial] | None = None


def attribute(value: Any) -> Attribute:
    """The attribute that a case writes: null for the usual one, false for no parameter,
    or {class_name: ParamAttr, config: ...}. Raises TypeError for anything else.
    """
    if value is None:
        return Attribute()
    if value is False:
        return Attribute(exists=False)
    if not isinstance(value, Mapping) or value.get("class_name") != "ParamAttr":
        raise TypeError(f"a parameter attribute is a ParamAttr, not {value!r}")
    config = value.get("config", {})
    written = config.get("initializer")
    if written is None:
        return Attribute(trainable=config.get("trainable", True))
    known, of_initializer = INITIALIZERS[written["class_name"]], written.get("config", {})
    return Attribute(True, config.get("trainable", True), lambda shape: known(shape, of_initializer))
