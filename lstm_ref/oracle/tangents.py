"""Derivatives along a direction: the dialect's twin run on complex numbers.

f(x + i s v) = f(x) + i s df/dv up to s^2: where s is tiny the imaginary parts are
derivatives to the last bit, and no difference was taken (Squire and Trapp 1998, SIAM
Review 40). Those of the outputs are what forward mode computes; those of the gradients
are the product of the Hessian and the direction.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.dialects import Dialect
from lstm_ref.oracle.twin import NOTHING, Observed, run_twin
from lstm_ref.protocol.trace import Request, Tensor
from lstm_ref.reference.activations import Array

STEP = 2.0**-100  # its square is nothing beside one, in float64 and even in the sum of many


class Derivatives(NamedTuple):
    """Derivatives along a direction: those of the outputs by name, and those of the
    gradients by weight or argument. Both are empty where they are not wanted.
    """

    tangents: Mapping[str, Array] = MappingProxyType({})
    curvatures: Mapping[str, Array] = MappingProxyType({})


def derivatives(
    language: Dialect,
    request: Request,
    wrap: Callable[[Array], Array] = np.asarray,
    observed: Observed = NOTHING,
) -> Derivatives:
    """The derivatives along its direction that the one call of the request wants.
    `wrap` is put around every argument.
    """
    if not any(step.derivatives for step in request.steps):
        return Derivatives()
    (step,) = request.steps  # the direction moves the weights, which later calls would share
    (call,) = run_twin(language, _moved(request, step.direction), wrap, observed=observed)
    return Derivatives(
        tangents=_imaginary(call.outputs) if "forward-mode" in step.derivatives else {},
        curvatures=_imaginary(call.gradients) if "second-order" in step.derivatives else {},
    )


def _imaginary(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {name: array.imag / STEP for name, array in arrays.items()}


def _moved(request: Request, direction: Mapping[str, Tensor]) -> Request:
    """The request with one imaginary step along the direction in each weight and
    argument.
    """

    def moved(value: Any, path: str) -> Any:
        if isinstance(value, Tensor):
            return (
                Tensor("complex128", value.values + 1j * (STEP * direction[path].values))
                if path in direction
                else value
            )
        return (
            [moved(part, f"{path}[{index}]") for index, part in enumerate(value)]
            if isinstance(value, list)
            else value
        )

    weights = {name: moved(tensor, name) for name, tensor in request.weights.items()}
    steps = tuple(
        replace(step, arguments={name: moved(value, name) for name, value in step.arguments.items()})
        for step in request.steps
    )
    return replace(request, dtype="complex128", weights=weights, steps=steps)
