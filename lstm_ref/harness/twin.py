"""A request, run by the dialect's twin."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.dialects import dialect
from lstm_ref.dialects.dialect import Output, Twin
from lstm_ref.implementations.steps import structure
from lstm_ref.implementations.trace import Handed, Request, Step, Tensor
from lstm_ref.reference.activations import Array


@dataclass(frozen=True)
class TwinCall:
    """What one call of a twin returned, and its gradients, by name; and by path the axes of what the call before handed over."""

    structure: str
    names: tuple[Output, ...]
    outputs: Mapping[str, Array]
    gradients: Mapping[str, Array]
    handed: Mapping[str, tuple[str, ...]]

    def arrays(self, kind: str) -> Mapping[str, Array]:
        """`kind` is "outputs" or "gradients"."""
        return self.outputs if kind == "outputs" else self.gradients

    def everything(self) -> tuple[Array, ...]:
        """All arrays, outputs first."""
        return (*self.outputs.values(), *self.gradients.values())


@np.errstate(all="ignore")  # NaN and infinities are results like others
def run_twin(
    dialect_name: str, request: Request, wrap: Callable[[Array], Array] = np.asarray, wrap_constant: Callable[[Array], Array] = np.asarray
) -> list[TwinCall]:
    """The calls of the request by the twin; `wrap` is put around every argument that is an array, `wrap_constant` around weights and cotangents."""
    language = dialect(dialect_name)
    twin = loaded(dialect_name, request, wrap_constant)
    calls: list[TwinCall] = []
    for step in request.steps:
        if step.action == "reset":
            language.reset(twin)
            continue
        arguments = arrays_of(step, wrap)
        handed: dict[str, tuple[str, ...]] = {}
        for name, value in step.arguments.items():
            if isinstance(value, Handed):
                arguments[name] = [list(calls[-1].outputs.values())[position] for position in value.outputs]
                handed |= {f"{name}[{k}]": calls[-1].names[position].axes for k, position in enumerate(value.outputs)}
        result, pullback = twin.vjp(**arguments)
        arrays: list[Array] = []
        shown = structure(result, arrays.append)
        gradients = {} if step.cotangents is None else pullback([wrap_constant(tensor.values) for tensor in step.cotangents])
        names = twin.outputs(arguments)
        calls.append(TwinCall(shown, names, dict(zip((output.name for output in names), arrays, strict=True)), gradients, handed))
    return calls


def loaded(dialect_name: str, request: Request, wrap: Callable[[Array], Array] = np.asarray) -> Twin:
    """The request's layer with its weights, around each of which `wrap` is put."""
    twin = dialect(dialect_name).build(request.layer, request.params, request.dtype)
    twin.load({name: wrap(tensor.values) for name, tensor in request.weights.items()})
    return twin


def arrays_of(step: Step, wrap: Callable[[Array], Array] = np.asarray) -> dict[str, Any]:
    """The step's arguments as a twin takes them."""
    return {name: _wrapped(value, wrap) for name, value in step.arguments.items()}


def _wrapped(value: Any, wrap: Callable[[Array], Array]) -> Any:
    if isinstance(value, Tensor):
        return wrap(value.values)
    return [_wrapped(part, wrap) for part in value] if isinstance(value, list) else value
