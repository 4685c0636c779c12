"""Mistakes that are written as a change of the input of a right layer.

A layer that swaps two gates computes what a right layer computes from swapped weights.
So every fault here turns a request into the one whose right result is the faulty
layer's.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, permutations
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    GATES,
    ORDERS,
    Argument,
    Dialect,
    Label,
    Labels,
    Misreading,
    Mistake,
    Place,
    Role,
)
from lstm_ref.oracle.twin import arrays_of
from lstm_ref.protocol.trace import Request, Step, Tensor
from lstm_ref.reference.activations import Array
from lstm_ref.verdict.faults.fault import Fault, Plant

BIASES: tuple[Role, ...] = ("bias", "recurrent bias")
GATED: tuple[Role, ...] = ("kernel", "recurrent kernel", *BIASES)
SEEING = "ifo"  # the gates that have peepholes
# Arrays that are changed together, by name.
TOGETHER: Mapping[str, tuple[Role, ...]] = {
    "kernel": ("kernel",),
    "recurrent kernel": ("recurrent kernel",),
    "bias": BIASES,
    "kernel and the recurrent kernel": ("kernel", "recurrent kernel"),
}

NOTHING = Label(())


def of_requests(language: Dialect) -> Iterator[Fault]:
    """The faults of this kind, as they show in layers of this dialect. The more
    ordinary ones come first.
    """
    yield from _orders_of_gates()
    for together, roles in TOGETHER.items():
        for a, b in combinations(GATES, 2):
            swapped = str.maketrans({a: b, b: a})
            yield Fault(
                f"gates {a} and {b} change places in the {together}",
                _of_weights(*roles, change=_read_as(GATES.translate(swapped))),
            )
    yield Fault("the recurrent kernel is transposed", _of_weights("recurrent kernel", change=_transposed))
    yield Fault("the recurrent kernel is ignored", _of_weights("recurrent kernel", change=_zero))
    yield Fault("the bias is ignored", _of_weights(*BIASES, change=_zero))
    for gate in GATES:
        yield Fault(
            f"the bias of gate {gate} is ignored",
            _of_weights(*BIASES, change=_changed_gate(gate, np.zeros_like)),
        )
    yield Fault(
        "1 is added to the bias of the forget gate in every call",
        _of_weights("bias", change=_changed_gate("f", lambda bias: bias + 1)),
    )
    yield Fault("the second bias is ignored", _of_weights("recurrent bias", change=_zero))
    yield Fault("the first bias is ignored", _without_first_bias)
    yield from _of_peepholes()
    yield Fault("the features are read in reverse", _of_weights("kernel", change=_reversed("feature")))
    yield Fault(
        "the initial states are ignored",
        _of_states(language, lambda h, c, _: (np.zeros_like(h), np.zeros_like(c))),
    )
    yield Fault("the initial h is ignored", _of_states(language, lambda h, c, _: (np.zeros_like(h), c)))
    yield Fault("the initial c is ignored", _of_states(language, lambda h, c, _: (h, np.zeros_like(c))))
    yield Fault(
        "the initial h and c change places",
        _of_states(language, lambda h, c, _: (c, h) if c.shape == h.shape else None),
    )
    yield Fault("the initial states of the rows change places", _of_states(language, _rows_shifted))
    yield Fault("the mask is ignored", _of_argument(language, "mask", lambda mask: None))
    yield Fault("the mask is read the wrong way round", _of_argument(language, "mask", _inverted))
    yield Fault("the lengths are ignored", _of_argument(language, "lengths", lambda lengths: None))
    yield Fault("nothing is carried over to the next call", _forgetful(language))
    yield Fault("a reset does nothing", _never_reset(language))
    yield Fault("the directions change places", _of_exchange(_other_direction))
    yield Fault("the last two layers change places", _of_exchange(_other_layer))
    yield Fault("encoder and decoder change places", _of_exchange(_other_part))
    yield Fault("nothing is dropped in training", _never_dropping(language))
    for meaning, misread in language.misreadings.items():
        yield Fault(meaning, _of_params(misread))
    for meaning, mistake in language.mistakes.items():
        yield Fault(meaning, _of_calls(mistake))
    yield Fault(
        "the projection's outputs are in reverse", _of_weights("projection", change=_reversed("output"))
    )
    yield Fault("time runs in reverse", _of_input(_reversed("time")))
    yield Fault(
        "the first step reads zeros",
        _of_input(lambda x, label: _first_step_zero(x, label) if "feature" in label.axes else x),
    )


def _orders_of_gates() -> Iterator[Fault]:
    for order in map("".join, permutations(GATES)):
        if order != GATES:
            known = f" (as in {ORDERS[order]})" if order in ORDERS else ""
            meaning = f"the gates' blocks are read as {', '.join(order)}{known} instead of {', '.join(GATES)}"
            yield Fault(meaning, _of_weights(*GATED, change=_read_as(order)))


def _of_peepholes() -> Iterator[Fault]:
    for order in map("".join, permutations(SEEING)):
        if order != SEEING:
            whole = order[:2] + GATES[2] + order[2:]  # in their order among all gates
            meaning = f"the peepholes are read as {', '.join(order)} instead of {', '.join(SEEING)}"
            yield Fault(meaning, _of_weights("peepholes", change=_read_as(whole)))
    yield Fault("the peepholes are ignored", _of_weights("peepholes", change=_zero))


Change = Callable[[Array, Label], "Array | None"]


def _of_weights(*roles: Role, change: Change) -> Plant:
    """The fault that changes all weights with these roles."""

    def plant(request: Request, labels: Labels) -> Request | None:
        weights = dict(request.weights)
        for name, tensor in request.weights.items():
            if labels.weights[name].role in roles:
                changed = change(tensor.values, labels.weights[name])
                if changed is None:
                    return None
                weights[name] = Tensor(tensor.dtype, changed)
        return _if_different(request, replace(request, weights=weights))

    return plant


def _without_first_bias(request: Request, labels: Labels) -> Request | None:
    """The first bias is ignored, in a layer that has two."""
    two = any(labels.weights[name].role == "recurrent bias" for name in request.weights)
    return _of_weights("bias", change=_zero)(request, labels) if two else None


def _of_argument(language: Dialect, argument: Argument, change: Callable[[Any], Any]) -> Plant:
    """The fault that changes an argument. If the change gives None, the argument is
    left out.
    """
    names = language.called.get(argument, ())

    def plant(request: Request, labels: Labels) -> Request | None:
        steps = []
        for step in request.steps:
            if step.refused:
                steps.append(step)
                continue
            arguments = {
                key: change(value) if key in names else value for key, value in step.arguments.items()
            }
            steps.append(
                replace(step, arguments={key: value for key, value in arguments.items() if value is not None})
            )
        return _if_different(request, replace(request, steps=tuple(steps)))

    return plant


def _inverted(mask: Tensor) -> Tensor:
    return Tensor(mask.dtype, (mask.values == 0).astype(mask.values.dtype))


def _forgetful(language: Dialect) -> Plant:
    """The request with a reset before each call that starts from recorded states."""

    def plant(request: Request, labels: Labels) -> Request | None:
        starting = _starting_from_records(language, request)
        steps = [
            part
            for index, step in enumerate(request.steps)
            for part in ((Step("reset"), step) if index in starting else (step,))
        ]
        return replace(request, steps=tuple(steps)) if starting else None

    return plant


def _never_reset(language: Dialect) -> Plant:
    """The request without its resets, for a layer that records its states."""

    def plant(request: Request, labels: Labels) -> Request | None:
        changed = replace(request, steps=tuple(step for step in request.steps if step.action != "reset"))
        more = len(_starting_from_records(language, changed)) > len(_starting_from_records(language, request))
        return changed if more else None

    return plant


def _starting_from_records(language: Dialect, request: Request) -> list[int]:
    """The steps that start from recorded states: calls and trainings that are given no
    states.
    """
    records = language.build(request.layer, request.params, request.dtype).carries_state
    states = language.called.get("states", ())
    recorded, starting = False, []
    for index, step in enumerate(request.steps):
        if step.action in ("call", "train") and not step.refused:
            if recorded and not any(name in step.arguments for name in states):
                starting.append(index)
            recorded = records
        elif step.action in ("reset", "save-and-load", "from-config"):
            recorded = False
    return starting


def _never_dropping(language: Dialect) -> Plant:
    """The request in which no call is in training mode, for a layer that drops
    something in that mode.
    """
    names = language.called.get("training", ())

    def plant(request: Request, labels: Labels) -> Request | None:
        twin = language.build(request.layer, request.params, request.dtype)

        def without(step: Step) -> Step:
            drops = step.action == "call" and not step.refused and twin.draws(arrays_of(step))
            return (
                replace(step, arguments={**step.arguments, **dict.fromkeys(names, False)}) if drops else step
            )

        return _if_different(request, replace(request, steps=tuple(map(without, request.steps))))

    return plant


def _of_params(misread: Misreading) -> Plant:
    """The fault of a layer that mistakes its parameters for others."""

    def plant(request: Request, labels: Labels) -> Request | None:
        params = misread(request.params)
        return None if params is None else replace(request, params=params)

    return plant


def _of_calls(mistake: Mistake) -> Plant:
    """The fault of a layer whose twin can be told to make the same mistake."""

    def plant(request: Request, labels: Labels) -> Request | None:
        params = mistake(
            request.params,
            [arrays_of(step) for step in request.steps if step.action == "call" and not step.refused],
        )
        return None if params is None else replace(request, params=params)

    return plant


def _of_exchange(other: Callable[[Place, Iterable[Place]], Place | None]) -> Plant:
    """The fault of a layer that exchanges weights of the same shapes. `other` says from
    which place the layer takes the weights of a given place. None means the right
    place.
    """

    def plant(request: Request, labels: Labels) -> Request | None:
        found = {
            (label.own, label.place._replace(name="")): name
            for name in request.weights
            for label in (labels.weights[name],)
        }
        every = [place for _, place in found]
        weights = dict(request.weights)
        for (own, place), name in found.items():
            if (taken := other(place, every)) is not None:
                source = found.get((own, taken))
                if (
                    source is None
                    or request.weights[source].values.shape != request.weights[name].values.shape
                ):
                    return None
                weights[name] = request.weights[source]
        return _if_different(request, replace(request, weights=weights))

    return plant


def _other_direction(place: Place, every: Iterable[Place]) -> Place | None:
    opposite = place._replace(direction=1 - place.direction)
    return opposite if place.direction or opposite in every else None


def _other_part(place: Place, every: Iterable[Place]) -> Place | None:
    """The decoder for an encoder, and the encoder for a decoder."""
    return next(
        (place._replace(part=each.part) for each in every if place.part and each.part != place.part), None
    )


def _other_layer(place: Place, every: Iterable[Place]) -> Place | None:
    """The layer before the last for the last one, and the other way round."""
    numbers = sorted({each.layer[0] for each in every if each.layer})[-2:]
    if len(numbers) < 2 or not place.layer or place.layer[0] not in numbers:
        return None
    below, last = numbers
    return place._replace(layer=(below if place.layer[0] == last else last, *place.layer[1:]))


Pair = tuple[Array, Array]


def _of_states(language: Dialect, change: Callable[[Array, Array, Label], "Pair | None"]) -> Plant:
    """The fault that changes every pair of states that a call is given. A pair is one
    argument, an item in a list of pairs, or two arguments.
    """
    carries = language.called.get("carry", ())
    names = (*language.called.get("states", ()), *carries)

    def changed(value: Any, label: Label, c_first: bool = False) -> Any:
        if not isinstance(value, list) or len(value) % 2:
            return value
        if not all(isinstance(part, Tensor) for part in value):
            parts = [changed(part, label, c_first) for part in value]
            return None if any(part is None for part in parts) else parts
        if c_first:
            turned = changed(value[::-1], label)
            return None if turned is None else turned[::-1]
        pairs = [change(h.values, c.values, label) for h, c in zip(value[::2], value[1::2], strict=True)]
        if any(pair is None for pair in pairs):
            return None
        return [
            Tensor(part.dtype, values)
            for part, values in zip(value, (state for pair in pairs for state in pair or ()), strict=True)
        ]

    def plant(request: Request, labels: Labels) -> Request | None:
        given = (step.arguments.get(name) for step in request.steps if not step.refused for name in names)
        if not any(isinstance(value, Tensor) for value in given):
            return _of_arguments(
                lambda name, value, label: changed(value, label, name in carries) if name in names else value
            )(request, labels)
        steps = []
        for index, step in enumerate(request.steps):
            known = {name: value for name in names if isinstance(value := step.arguments.get(name), Tensor)}
            if step.refused or not known:
                steps.append(step)
                continue
            like = next(iter(known.values()))
            absent = Tensor(like.dtype, np.zeros_like(like.values))
            pair = changed([known.get(name, absent) for name in names], labels.at(index)[next(iter(known))])
            if pair is None:
                return None
            shown = {
                name: state
                for name, state in zip(names, pair, strict=True)
                if name in known or np.any(state.values)
            }
            steps.append(replace(step, arguments={**step.arguments, **shown}))
        return _if_different(request, replace(request, steps=tuple(steps)))

    return plant


def _of_input(change: Change) -> Plant:
    """The fault that changes every input sequence."""

    def argument(name: str, value: Any, label: Label) -> Any:
        if not (isinstance(value, Tensor) and "time" in label.axes):
            return value
        changed = change(value.values, label)
        return None if changed is None else Tensor(value.dtype, changed)

    return _of_arguments(argument)


def _of_arguments(change: Callable[[str, Any, Label], Any]) -> Plant:
    """The fault that changes arguments by name. It is not planted where one of them has
    no change.
    """

    def plant(request: Request, labels: Labels) -> Request | None:
        steps = []
        for index, step in enumerate(request.steps):
            given, known = {} if step.refused else step.arguments, labels.at(index)
            changed = {name: change(name, value, known.get(name, NOTHING)) for name, value in given.items()}
            if any(value is None for value in changed.values()):
                return None
            steps.append(replace(step, arguments={**step.arguments, **changed}))
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
    return [
        request.params,
        weights,
        [
            (step.action, {name: flat(value) for name, value in step.arguments.items()})
            for step in request.steps
        ],
    ]


def _by_gate(weight: Array, label: Label) -> Array:
    """The weight with its gates in front: (gates, ..., units)."""
    last = np.moveaxis(weight, label.axes.index("gate"), -1)
    gates = len(label.gates)
    return np.moveaxis(last.reshape(*last.shape[:-1], gates, last.shape[-1] // gates), -2, 0)


def _from_gates(gates: Array, label: Label) -> Array:
    """The reverse of `_by_gate`."""
    last = np.moveaxis(gates, 0, -2)
    return np.ascontiguousarray(np.moveaxis(last.reshape(*last.shape[:-2], -1), -1, label.axes.index("gate")))


def _read_as(order: str) -> Change:
    """The layer takes the blocks for those of the gates in this order. The dialect has
    them in the order of GATES.
    """

    def change(weight: Array, label: Label) -> Array:
        # A layer that reads gate k from block p computes what a right layer computes
        # when it finds the weights of block p in block k.
        told = [GATES.index(gate) for gate in label.gates]
        taken = [order.index(gate) for gate in GATES]
        blocks = _by_gate(weight, label)
        return _from_gates(blocks[[told.index(taken[gate]) for gate in told]], label)

    return change


def _changed_gate(gate: str, change: Callable[[Array], Array]) -> Change:
    """The block of one gate is changed."""

    def changed(weight: Array, label: Label) -> Array:
        blocks = _by_gate(weight, label).copy()
        block = label.gates.index(gate)
        blocks[block] = change(blocks[block])
        return _from_gates(blocks, label)

    return changed


def _transposed(weight: Array, label: Label) -> Array | None:
    gates = _by_gate(weight, label)
    return _from_gates(gates.swapaxes(-1, -2), label) if gates.shape[-1] == gates.shape[-2] else None


def _zero(weight: Array, _: Label) -> Array:
    return np.zeros_like(weight)


def _reversed(axis: str) -> Change:
    return lambda values, label: np.ascontiguousarray(np.flip(values, label.axes.index(axis)))


def _rows_shifted(h: Array, c: Array, label: Label) -> Pair | None:
    axis = label.axes.index("batch") if "batch" in label.axes else -2
    return (np.roll(h, 1, axis=axis), np.roll(c, 1, axis=axis)) if h.ndim > 1 else None


def _first_step_zero(x: Array, label: Label) -> Array:
    zeroed = np.moveaxis(x.copy(), label.axes.index("time"), 0)
    zeroed[0] = 0
    return np.moveaxis(zeroed, 0, label.axes.index("time"))
