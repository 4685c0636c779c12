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
def disagreements(
    wrong_gradients: Callable[..., dict[str, tuple[float, float]]],
) -> Callable[..., dict[str, tuple[float, float]]]:
    """Those gradients of a call that are wrong: of a twin that has its weights, and is
    not stateful, and the call's arguments.
    """

    def of(twin: Any, arguments: Mapping[str, Any]) -> dict[str, tuple[float, float]]:
        rng = np.random.default_rng(0)
        weights = dict(twin.weights())
        result, pullback = twin.vjp(**arguments)
        cotangents = [rng.normal(size=array.shape) for array in flat(result)]
        gradients = pullback(cotangents)
        given = {name: get(arguments, name) for name in gradients if name not in weights}

        def loss(point: Mapping[str, Array]) -> float:
            twin.load({name: point[name] for name in weights})
            there = dict(arguments)
            for name in given:
                there = put(there, name, point[name])
            found = flat(twin.vjp(**there)[0])
            penalties = sum(float(array.sum()) for array in twin.effects().values())
            return penalties + sum(float(np.vdot(a, b)) for a, b in zip(found, cotangents, strict=True))

        wrong = wrong_gradients(loss, {**weights, **given}, gradients)
        twin.load(weights)
        return wrong

    return of
