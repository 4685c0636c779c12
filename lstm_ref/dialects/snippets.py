"""A run of a layer as lines of code, as a user of the framework would write them."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

FIRST = "x"
# Forms of an input that the code already shows, by its shape or by the call.
PLAIN = (
    None,
    "batched",
    "unbatched",
    "full",
    "name",
)


def snippet(dialect: str, layer: str, params: Mapping[str, Any], steps: Sequence[Any]) -> tuple[str, ...]:
    """The layer in the first line, then a line for each step. A comment says the shape
    of the input. A step has an `action`, `arguments` by name and an `input`, like a
    step of a case.
    """
    lines = [f"layer = {constructed(dialect, layer, params)}"]
    for step in steps:
        lines.append(_step(dialect, step, params))
    return tuple(lines)


def constructed(dialect: str, layer: str, params: Mapping[str, Any]) -> str:
    """The call of the constructor."""
    given = ", ".join(f"{name}={_value(dialect, value)}" for name, value in params.items())
    written = _programs(dialect)
    return f"{written.OUTSIDE.get(layer) or f'{written.NAMESPACE}.{layer}'}({given})"


def _programs(dialect: str) -> Any:
    """The module of the dialect that says how its layers are called in code."""
    return import_module(f"lstm_ref.dialects.{dialect}.programs")


def _value(dialect: str, value: Any) -> str:
    if isinstance(value, Mapping) and "layer" in value:
        return constructed(dialect, value["layer"], value.get("params", {}))
    if isinstance(value, Mapping) and "class_name" in value:
        config = value.get("config", {})
        inside = ", ".join(f"{name}={_value(dialect, inner)}" for name, inner in config.items())
        return f"{value['class_name']}({inside})"
    if isinstance(value, Mapping) and "callable" in value:
        return str(value["callable"])
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_value(dialect, each) for each in value)}]"
    return repr(value)


def _step(dialect: str, step: Any, params: Mapping[str, Any]) -> str:
    if step.action == "train":
        return "model.fit(x, targets)"
    if step.action != "call":
        return str(_programs(dialect).DOING.get(step.action, step.action))
    given = "".join(f", {name}={_argument(value)}" for name, value in step.arguments.items())
    by_name = "inputs=" if step.input.form == "name" else ""
    return f"layer({by_name}{_input(step.input)}{given})  # x: {_shape(dialect, step.input, params)}"


def _argument(value: Any) -> str:
    """The value as code. The word for an array becomes a name."""
    return value.replace("-", "_") if isinstance(value, str) else repr(value)


def _input(size: Any) -> str:
    if size.timestep is not None:
        return f"{FIRST}[:, {size.timestep}]"
    taken = f"{FIRST}[{size.part[0]}:{size.part[1]}]" if size.part else FIRST
    return f"reversed({taken})" if size.reversed else taken


def _shape(dialect: str, size: Any, params: Mapping[str, Any]) -> str:
    """The shape of the input, the axes in the order in which the layer has them."""
    if size.shape is not None:
        return str(tuple(size.shape))
    features = size.features if size.features is not None else params.get("input_size")
    batch = None if size.form == "unbatched" else size.batch
    axes = [batch, size.timesteps, features]
    if _programs(dialect).time_first(params):
        axes = [size.timesteps, batch, features]
    shown = "(" + ", ".join(str(axis) for axis in axes if axis is not None) + ")"
    return shown if size.form in PLAIN else f"{shown}, {size.form}"
