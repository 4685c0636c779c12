"""What the tests of nested layers have in common: difference quotients of a twin, to
compare its gradients with.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

Array = npt.NDArray[Any]


def flat(result: Any) -> list[Array]:
    """All arrays of a result, in order."""
    return (
        [array for part in result for array in flat(part)] if isinstance(result, (list, tuple)) else [result]
    )


def put(arguments: Mapping[str, Any], path: str, values: Array) -> dict[str, Any]:
    """The arguments with another array at a path, "initial_state[1][0]"."""
    name, *indices = path.replace("]", "").split("[")

    def inside(value: Any, left: list[str]) -> Any:
        if not left:
            return values
        changed = list(value)
        changed[int(left[0])] = inside(changed[int(left[0])], left[1:])
        return changed

    return {**arguments, name: inside(arguments[name], indices)}


def get(arguments: Mapping[str, Any], path: str) -> Array:
    """The array at a path."""
    name, *indices = path.replace("]", "").split("[")
    value = arguments[name]
    for index in indices:
        value = value[int(index)]
    return np.asarray(value)


@pytest.fixture
def disagreements() -> Callable[..., dict[str, tuple[float, float]]]:
    """By name every gradient of a call whose product with a random direction is not the
    difference quotient, and both numbers; of a twin that has its weights, and is not
    stateful, and the call's arguments.
    """
    return wrong_gradients


def wrong_gradients(twin: Any, arguments: Mapping[str, Any], seed: int = 0) -> dict[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    weights = dict(twin.weights())
    result, pullback = twin.vjp(**arguments)
    cotangents = [rng.normal(size=array.shape) for array in flat(result)]
    gradients = pullback(cotangents)

    def loss(moved: Mapping[str, Array], given: Mapping[str, Any]) -> float:
        twin.load(moved)
        found = flat(twin.vjp(**given)[0])
        penalties = sum(float(array.sum()) for array in twin.effects().values())
        return penalties + sum(float(np.vdot(a, b)) for a, b in zip(found, cotangents, strict=True))

    wrong = {}
    for name, gradient in gradients.items():
        values = weights[name] if name in weights else get(arguments, name)
        step = 1e-6 * rng.normal(size=values.shape)
        if name in weights:
            ends = [loss({**weights, name: values + sign * step}, arguments) for sign in (1, -1)]
        else:
            ends = [loss(weights, put(arguments, name, values + sign * step)) for sign in (1, -1)]
        quotient, product = (ends[0] - ends[1]) / 2e-6, float(np.vdot(gradient, step)) / 1e-6
        if abs(quotient - product) > 1e-6 * max(1.0, abs(quotient)):
            wrong[name] = (product, quotient)
    twin.load(weights)
    return wrong
