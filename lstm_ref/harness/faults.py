"""The mistakes that people make with an LSTM, each as a change of what goes into it.

A layer that swaps two gates computes what a right layer computes from swapped weights. So every fault here turns a request into the one whose right
result is the faulty layer's. They serve twice: a case must notice every one of them, and a failure is explained by the one that it fits.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any

import numpy as np

from lstm_ref.implementations.trace import Request, Step, Tensor
from lstm_ref.reference.activations import Array

GATES = "ifgo"
ONNX = (0, 3, 1, 2)
# The weights of each kind, by their axes in any order.
KINDS = {"kernel": {"feature", "gate"}, "recurrent kernel": {"unit", "gate"}, "bias": {"gate"}}

Axes = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Fault:
    """One mistake: what the layer does, and the request that a right layer would have to be given to do the same; None where the mistake
    changes nothing here.
    """

    meaning: str
    plant: Callable[[Request, Axes], Request | None]


def faults() -> Iterator[Fault]:
    """All of them, the more ordinary ones first."""
    for read in permutations(range(4)):
        if read != (0, 1, 2, 3):
            names = ", ".join(GATES[k] for k in read) + (" (as in ONNX)" if read == ONNX else "")
            # Who reads gate k in block p is a right layer that finds block p's weights in block k.
            order = tuple(read.index(k) for k in range(4))
            yield Fault(f"the gates' blocks are read as {names} instead of i, f, g, o", _of_weights(*KINDS, change=_permuted(order)))
    for kinds in (("kernel",), ("recurrent kernel",), ("bias",), ("kernel", "recurrent kernel")):
        for a, b in combinations(range(4), 2):
            order = tuple(b if k == a else a if k == b else k for k in range(4))
            yield Fault(
                f"gates {GATES[a]} and {GATES[b]} change places in the {' and the '.join(kinds)}", _of_weights(*kinds, change=_permuted(order))
            )
    yield Fault("the recurrent kernel is transposed", _of_weights("recurrent kernel", change=_transposed))
    yield Fault("the recurrent kernel is ignored", _of_weights("recurrent kernel", change=_zero))
    yield Fault("the bias is ignored", _of_weights("bias", change=_zero))
    for gate in range(4):
        yield Fault(f"the bias of gate {GATES[gate]} is ignored", _of_weights("bias", change=_without_gate(gate)))
    yield Fault("the second bias is ignored", _of_names("bias_hh", _zero))
    yield Fault("the first bias is ignored", _of_names("bias_ih", _zero))
    yield Fault("the features are read in reverse", _of_weights("kernel", change=_features_reversed))
    yield Fault("the initial states are ignored", _of_states(lambda h, c: (np.zeros_like(h), np.zeros_like(c))))
    yield Fault("the initial h is ignored", _of_states(lambda h, c: (np.zeros_like(h), c)))
    yield Fault("the initial c is ignored", _of_states(lambda h, c: (h, np.zeros_like(c))))
    yield Fault("the initial h and c change places", _of_states(lambda h, c: (c, h) if c.shape == h.shape else None))
    yield Fault("the initial states of the rows change places", _of_states(_rows_shifted))
    yield Fault("the mask is ignored", _of_argument("mask", lambda mask: None))
    yield Fault("the mask is read the wrong way round", _of_argument("mask", lambda mask: Tensor(mask.dtype, ~mask.values)))
    yield Fault("the lengths are ignored", _of_argument("lengths", lambda lengths: None))
    yield Fault("nothing is carried over to the next call", _forgetful)
    yield Fault("a reset does nothing", _never_reset)
    yield Fault("the directions change places", _directions_swapped)
    yield Fault("the projection's outputs are in reverse", _of_names("weight_hr", lambda weight, axes: np.ascontiguousarray(weight[::-1])))
    yield Fault("time runs in reverse", _of_input(lambda x, axes: np.flip(x, axes.index("time"))))
    yield Fault("the first step reads zeros", _of_input(_first_step_zero))


Change = Callable[[Array, tuple[str, ...]], "Array | None"]


def _of_weights(*kinds: str, change: Change) -> Callable[[Request, Axes], Request | None]:
    """The fault that changes all weights of these kinds."""
    return _of_chosen(lambda name, axes: any(set(axes) == KINDS[kind] for kind in kinds), change)


def _of_names(part: str, change: Change) -> Callable[[Request, Axes], Request | None]:
    """The fault that changes all weights with this part in their name."""
    return _of_chosen(lambda name, axes: part in name, change)


def _of_chosen(chosen: Callable[[str, tuple[str, ...]], bool], change: Change) -> Callable[[Request, Axes], Request | None]:
    def plant(request: Request, axes: Axes) -> Request | None:
        weights = dict(request.weights)
        for name, tensor in request.weights.items():
            if chosen(name, axes[name]):
                changed = change(tensor.values, axes[name])
                if changed is None:
                    return None
                weights[name] = Tensor(tensor.dtype, changed)
        return _if_different(request, replace(request, weights=weights))

    return plant


def _of_argument(name: str, change: Callable[[Any], Any]) -> Callable[[Request, Axes], Request | None]:
    """The fault that changes an argument of that name; None leaves it out."""

    def plant(request: Request, axes: Axes) -> Request | None:
        steps = []
        for step in request.steps:
            arguments = {key: change(value) if key == name else value for key, value in step.arguments.items()}
            steps.append(replace(step, arguments={key: value for key, value in arguments.items() if value is not None}))
        return _if_different(request, replace(request, steps=tuple(steps)))

    return plant


def _forgetful(request: Request, axes: Axes) -> Request | None:
    """A reset before each further call of a layer that records its states."""
    if not request.params.get("stateful"):
        return None
    steps: list[Step] = []
    for step in request.steps:
        if step.action == "call" and any(earlier.action == "call" for earlier in steps):
            steps.append(Step("reset"))
        steps.append(step)
    return _if_different(request, replace(request, steps=tuple(steps)))


def _never_reset(request: Request, axes: Axes) -> Request | None:
    """No reset at all, for a layer that records its states."""
    if not request.params.get("stateful"):
        return None
    return _if_different(request, replace(request, steps=tuple(step for step in request.steps if step.action != "reset")))


def _directions_swapped(request: Request, axes: Axes) -> Request | None:
    """Each direction with the weights of the other one."""
    weights = dict(request.weights)
    for name in request.weights:
        if f"{name}_reverse" in weights:
            weights[name], weights[f"{name}_reverse"] = request.weights[f"{name}_reverse"], request.weights[name]
    return _if_different(request, replace(request, weights=weights))


def _of_states(change: Callable[[Array, Array], "tuple[Array, Array] | None"]) -> Callable[[Request, Axes], Request | None]:
    """The fault that changes every pair of states that a call is given."""

    def argument(value: Any, _: tuple[str, ...]) -> Any:
        if not (isinstance(value, list) and len(value) == 2 and all(isinstance(part, Tensor) for part in value)):
            return value
        changed = change(value[0].values, value[1].values)
        return None if changed is None else [Tensor(part.dtype, values) for part, values in zip(value, changed, strict=True)]

    return _of_arguments(argument)


def _of_input(change: Change) -> Callable[[Request, Axes], Request | None]:
    """The fault that changes every input sequence."""

    def argument(value: Any, axes: tuple[str, ...]) -> Any:
        if not (isinstance(value, Tensor) and "time" in axes):
            return value
        changed = change(value.values, axes)
        return None if changed is None else Tensor(value.dtype, changed)

    return _of_arguments(argument)


def _of_arguments(change: Callable[[Any, tuple[str, ...]], Any]) -> Callable[[Request, Axes], Request | None]:
    def plant(request: Request, axes: Axes) -> Request | None:
        steps = []
        for step in request.steps:
            arguments = {name: change(value, axes.get(name, ())) for name, value in step.arguments.items()}
            if any(value is None for value in arguments.values()):
                return None
            steps.append(Step(step.action, arguments, step.cotangents))
        return _if_different(request, replace(request, steps=tuple(steps)))

    return plant


def _if_different(request: Request, changed: Request) -> Request | None:
    return None if _bytes(request) == _bytes(changed) else changed


def _bytes(request: Request) -> list[Any]:
    def flat(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value.values.shape, value.values.tobytes()
        return [flat(part) for part in value] if isinstance(value, list) else value

    weights = [flat(tensor) for tensor in request.weights.values()]
    return [weights, [(step.action, {name: flat(value) for name, value in step.arguments.items()}) for step in request.steps]]


def _by_gate(weight: Array, axes: tuple[str, ...]) -> Array:
    """The weight with its gates in front: (4, ..., units)."""
    last = np.moveaxis(weight, axes.index("gate"), -1)
    return np.moveaxis(last.reshape(*last.shape[:-1], 4, last.shape[-1] // 4), -2, 0)


def _from_gates(gates: Array, axes: tuple[str, ...]) -> Array:
    """The reverse of `_by_gate`."""
    last = np.moveaxis(gates, 0, -2)
    return np.ascontiguousarray(np.moveaxis(last.reshape(*last.shape[:-2], -1), -1, axes.index("gate")))


def _permuted(order: tuple[int, ...]) -> Change:
    return lambda weight, axes: _from_gates(_by_gate(weight, axes)[list(order)], axes)


def _without_gate(gate: int) -> Change:
    def change(weight: Array, axes: tuple[str, ...]) -> Array:
        gates = _by_gate(weight, axes).copy()
        gates[gate] = 0
        return _from_gates(gates, axes)

    return change


def _transposed(weight: Array, axes: tuple[str, ...]) -> Array | None:
    gates = _by_gate(weight, axes)
    return _from_gates(gates.swapaxes(-1, -2), axes) if gates.shape[-1] == gates.shape[-2] else None


def _zero(weight: Array, _: tuple[str, ...]) -> Array:
    return np.zeros_like(weight)


def _features_reversed(weight: Array, axes: tuple[str, ...]) -> Array:
    return np.ascontiguousarray(np.flip(weight, axes.index("feature")))


def _rows_shifted(h: Array, c: Array) -> tuple[Array, Array]:
    return np.roll(h, 1, axis=-2), np.roll(c, 1, axis=-2)


def _first_step_zero(x: Array, axes: tuple[str, ...]) -> Array:
    zeroed = np.moveaxis(x.copy(), axes.index("time"), 0)
    zeroed[0] = 0
    return np.moveaxis(zeroed, 0, axes.index("time"))
