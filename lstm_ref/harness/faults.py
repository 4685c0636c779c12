"""The mistakes that people make with an LSTM, each as a change of what goes into it.

A layer that swaps two gates computes what a right layer computes from swapped weights. So every fault here turns a request into the one whose right
result is the faulty layer's. They serve twice: a case must notice every one of them, and a failure is explained by the one that it fits.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
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
    yield Fault("1 is added to the bias of the forget gate in every call", _of_chosen(_first_bias, _forget_gate_plus_one))
    yield Fault("the second bias is ignored", _of_names("bias_hh", _zero))
    yield Fault("the first bias is ignored", _of_names("bias_ih", _zero))
    yield Fault("the features are read in reverse", _of_weights("kernel", change=_features_reversed))
    yield Fault("the initial states are ignored", _of_states(lambda h, c: (np.zeros_like(h), np.zeros_like(c))))
    yield Fault("the initial h is ignored", _of_states(lambda h, c: (np.zeros_like(h), c)))
    yield Fault("the initial c is ignored", _of_states(lambda h, c: (h, np.zeros_like(c))))
    yield Fault("the initial h and c change places", _of_states(lambda h, c: (c, h) if c.shape == h.shape else None))
    yield Fault("the initial states of the rows change places", _of_states(_rows_shifted))
    yield Fault("the mask is ignored", _of_argument("mask", lambda mask: None))
    yield Fault("the mask is read the wrong way round", _of_argument("mask", _inverted))
    yield Fault("the lengths are ignored", _of_argument("lengths", lambda lengths: None))
    yield Fault("nothing is carried over to the next call", _forgetful)
    yield Fault("a reset does nothing", _never_reset)
    yield Fault("the directions change places", _of_exchange(_of_other_direction))
    yield Fault("the last two layers change places", _of_exchange(_of_other_layer))
    yield Fault("encoder and decoder change places", _of_exchange(_of_other_half))
    yield Fault("nothing is dropped in training", _never_dropping)
    yield Fault("activation and recurrent_activation change places", _of_activations(lambda phi, sigma: (sigma, phi)))
    yield Fault(
        "the gates have a hard sigmoid for a sigmoid", _of_activations(lambda phi, sigma: (phi, "hard_sigmoid" if sigma == "sigmoid" else sigma))
    )
    yield Fault("go_backwards is ignored", _never_backwards)
    yield Fault("the projection's outputs are in reverse", _of_names("weight_hr", lambda weight, axes: np.ascontiguousarray(weight[::-1])))
    yield Fault("time runs in reverse", _of_input(lambda x, axes: np.flip(x, axes.index("time"))))
    yield Fault("the first step reads zeros", _of_input(lambda x, axes: _first_step_zero(x, axes) if "feature" in axes else x))


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


def _inverted(mask: Tensor) -> Tensor:
    return Tensor(mask.dtype, (mask.values == 0).astype(mask.values.dtype))


def _forgetful(request: Request, axes: Axes) -> Request | None:
    """A reset before each call that starts from what the layer recorded."""
    starting = _starting_from_records(request)
    steps = [part for index, step in enumerate(request.steps) for part in ((Step("reset"), step) if index in starting else (step,))]
    return replace(request, steps=tuple(steps)) if starting else None


def _never_reset(request: Request, axes: Axes) -> Request | None:
    """No reset at all, for a layer that records its states."""
    changed = replace(request, steps=tuple(step for step in request.steps if step.action != "reset"))
    return changed if len(_starting_from_records(changed)) > len(_starting_from_records(request)) else None


def _starting_from_records(request: Request) -> list[int]:
    """The steps that start from what a stateful layer recorded before: calls and trainings that are not given any states."""
    stateful = any(_everywhere(request.params, "stateful"))
    recorded, starting = False, []
    for index, step in enumerate(request.steps):
        if step.action in ("call", "train") and not step.refused:
            if recorded and "initial_state" not in step.arguments:
                starting.append(index)
            recorded = stateful
        elif step.action in ("reset", "save-and-load", "from-config"):
            recorded = False
    return starting


def _everywhere(params: Any, name: str) -> Iterator[Any]:
    """The values of a parameter in a layer and in those inside it."""
    if isinstance(params, Mapping):
        for key, value in params.items():
            yield from [value] if key == name else _everywhere(value, name)
    elif isinstance(params, (list, tuple)):
        for part in params:
            yield from _everywhere(part, name)


def _never_dropping(request: Request, axes: Axes) -> Request | None:
    """No call is one in training, for a layer that drops something then."""
    if not any((*_everywhere(request.params, "dropout"), *_everywhere(request.params, "recurrent_dropout"))):
        return None

    def without(step: Step) -> Step:
        # A new module of PyTorch, whose call has an `input`, is in training; a layer of Keras is where it is told so.
        training = step.action == "call" and step.arguments.get("training", "input" in step.arguments)
        return replace(step, arguments={**step.arguments, "training": False}) if training else step

    return _if_different(request, replace(request, steps=tuple(map(without, request.steps))))


def _never_backwards(request: Request, axes: Axes) -> Request | None:
    return replace(request, params={**request.params, "go_backwards": False}) if request.params.get("go_backwards") else None


def _of_activations(change: Callable[[Any, Any], tuple[Any, Any]]) -> Callable[[Request, Axes], Request | None]:
    """The fault of a Keras layer with other activations, that of the candidate and the cell and that of the gates, than it is told."""

    def plant(request: Request, axes: Axes) -> Request | None:
        as_told = _with_activations(request.params, lambda *told: told)
        changed = _with_activations(request.params, change)
        return None if changed == as_told else replace(request, params=changed)

    return plant


def _with_activations(params: Mapping[str, Any], change: Callable[[Any, Any], tuple[Any, Any]]) -> Mapping[str, Any]:
    """The parameters with other activations of all Keras LSTMs and their cells, which alone have `units`."""

    def inside(value: Any) -> Any:
        if isinstance(value, Mapping):
            return _with_activations(value, change)
        return [inside(part) for part in value] if isinstance(value, list) else value

    changed = {name: inside(value) for name, value in params.items()}
    if "units" in params:
        told = params.get("activation", "tanh"), params.get("recurrent_activation", "sigmoid")
        changed["activation"], changed["recurrent_activation"] = change(*told)
    return changed


def _of_exchange(other: Callable[[str, Iterable[str]], str | None]) -> Callable[[Request, Axes], Request | None]:
    """The fault of a layer that exchanges weights, where they have the same shapes: `other` gives the name of what it takes in place of a name."""

    def plant(request: Request, axes: Axes) -> Request | None:
        weights = dict(request.weights)
        for name, tensor in request.weights.items():
            if (taken := other(name, request.weights)) is not None:
                if taken not in request.weights or request.weights[taken].values.shape != tensor.values.shape:
                    return None
                weights[name] = request.weights[taken]
        return _if_different(request, replace(request, weights=weights))

    return plant


def _of_other_direction(name: str, names: Iterable[str]) -> str | None:
    for place, opposite in (("forward/", "backward/"), ("backward/", "forward/")):
        if place in name:
            return name.replace(place, opposite)
    if name.endswith("_reverse"):
        return name.removesuffix("_reverse")
    return f"{name}_reverse" if f"{name}_reverse" in names else None


def _of_other_half(name: str, names: Iterable[str]) -> str | None:
    """Of an encoder the decoder, and the other way round."""
    half, _, inner = name.partition("/")
    return {"encoder": f"decoder/{inner}", "decoder": f"encoder/{inner}"}.get(half)


def _of_other_layer(name: str, names: Iterable[str]) -> str | None:
    """Of the last layer the one before, and the other way round."""
    numbers = {each: match[0] for each in names if (match := re.search(r"(?<=_l)\d+|^\d+(?=/)", each))}
    below, last = sorted({int(number) for number in numbers.values()})[-2:] if len(set(numbers.values())) > 1 else (None, None)
    own = int(numbers[name]) if name in numbers else None
    if own is None or own not in (below, last):
        return None
    return re.sub(r"(?<=_l)\d+|^\d+(?=/)", str(below if own == last else last), name, count=1)


def _of_states(change: Callable[[Array, Array], "tuple[Array, Array] | None"]) -> Callable[[Request, Axes], Request | None]:
    """The fault that changes every pair of states that a call is given, alone or in a list of several."""

    def argument(value: Any, _: tuple[str, ...]) -> Any:
        if not isinstance(value, list) or len(value) % 2:
            return value
        if not all(isinstance(part, Tensor) for part in value):
            parts = [argument(part, ()) for part in value]
            return None if any(part is None for part in parts) else parts
        pairs = [change(h.values, c.values) for h, c in zip(value[::2], value[1::2], strict=True)]
        if any(pair is None for pair in pairs):
            return None
        return [Tensor(part.dtype, values) for part, values in zip(value, (state for pair in pairs for state in pair or ()), strict=True)]

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
            changed = step.arguments if step.refused else {name: change(value, axes.get(name, ())) for name, value in step.arguments.items()}
            if any(value is None for value in changed.values()):
                return None
            steps.append(replace(step, arguments=changed))
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
    return [request.params, weights, [(step.action, {name: flat(value) for name, value in step.arguments.items()}) for step in request.steps]]


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


def _rows_shifted(h: Array, c: Array) -> tuple[Array, Array] | None:
    return (np.roll(h, 1, axis=-2), np.roll(c, 1, axis=-2)) if h.ndim > 1 else None


def _first_bias(name: str, axes: tuple[str, ...]) -> bool:
    return set(axes) == KINDS["bias"] and "bias_hh" not in name


def _forget_gate_plus_one(weight: Array, axes: tuple[str, ...]) -> Array:
    gates = _by_gate(weight, axes).copy()
    gates[1] += 1
    return _from_gates(gates, axes)


def _first_step_zero(x: Array, axes: tuple[str, ...]) -> Array:
    zeroed = np.moveaxis(x.copy(), axes.index("time"), 0)
    zeroed[0] = 0
    return np.moveaxis(zeroed, 0, axes.index("time"))
