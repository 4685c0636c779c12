"""Mistakes with directions and layers: what reads what, what starts where, and how
outputs and states are put together.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import flip
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.wrapping import (
    Arguments,
    Wrong,
    bound,
    in_backward_run,
    in_stack,
    with_arguments,
    with_pullback,
    with_result,
)

BACKWARD, BOTH, LAYERS = (frozenset({part}) for part in ("backward direction", "directions", "layers"))


def of_layers() -> Iterator[Fault]:
    """The faults of the forward pass."""
    for meaning, wrong in BACKWARD_RUNS.items():
        needs = BACKWARD | {"mask"} if "mask" in meaning else BACKWARD
        yield Fault(meaning, replacements=in_backward_run(wrong), needs=needs)
    for meaning, (wrong, needs) in STACKS.items():
        yield Fault(meaning, replacements=in_stack(wrong), needs=needs)


def of_layers_backward() -> Iterator[Fault]:
    """The faults of the backward pass."""
    yield Fault(
        "the gradient of the input of the backward direction stays in the order of its steps",
        replacements=in_backward_run(
            with_pullback(
                lambda given, value, pull: (
                    lambda dh, d_last: (found := pull(dh, d_last))._replace(x=flip(found.x))
                )
            )
        ),
        needs=BACKWARD,
        backward=True,
    )
    for meaning, (change, needs) in PULLBACKS.items():
        yield Fault(meaning, replacements=in_stack(pulling(change)), needs=needs, backward=True)


def pulling(change: Callable[[Array, Any], Any]) -> Wrong:
    """Layers whose pullback takes other gradients of the output and the last states."""
    return with_pullback(lambda given, value, pull: lambda dy, d_last: pull(*change(dy, d_last)))


def in_order_of_steps(given: Arguments, value: Any) -> Any:
    """The outputs as the direction computes them, the last of the sequence first."""
    h, last = value
    return flip(h), last


def with_state_at_end(given: Arguments, value: Any) -> Any:
    """The last h is that at the end of the sequence, after the first step."""
    h, last = value
    return (h, last._replace(h=h[..., -1, :])) if last.h.shape == h[..., -1, :].shape else value


BACKWARD_RUNS: Mapping[str, Wrong] = {
    "the outputs of the backward direction stay in the order of its steps": with_result(in_order_of_steps),
    "the backward direction returns the h at the end of the sequence": with_result(with_state_at_end),
    "the backward direction reads forward": with_arguments(
        lambda given: {"x": flip(given.x), "mask": None if given.mask is None else given.mask[:, ::-1]}
    ),
    "the backward direction has the mask in the order of the input": with_arguments(
        lambda given: {} if given.mask is None else {"mask": given.mask[:, ::-1]}
    ),
    "the backward direction ignores the mask": with_arguments(lambda given: {"mask": None}),
}


def exchanged(y: Array) -> Array:
    """The halves of the outputs in the other order."""
    return np.concatenate(np.split(y, 2, axis=-1)[::-1], axis=-1)


def with_exchanged(given: Arguments, value: Any) -> Any:
    """The output of the last layer, backward first."""
    y, last = value
    return (exchanged(y) if len(last[-1]) == 2 else y), last


def from_forward(given: Arguments) -> Mapping[str, Any]:
    """Both directions start from the state of the forward one."""
    return {"initial": [[layer[0]] * len(layer) for layer in given.initial]}


def from_first_layer(given: Arguments) -> Mapping[str, Any]:
    """All layers start from the state of the first one."""
    return {"initial": [given.initial[0]] * len(given.initial)}


def from_zeros_above(given: Arguments) -> Mapping[str, Any]:
    """Layers above the first start from zeros."""
    zeros = [[State(*map(np.zeros_like, state)) for state in layer] for layer in given.initial]
    return {"initial": [given.initial[0], *zeros[1:]]}


def layer_by_layer(feed: Callable[[Array, list[State], Arguments, int], Mapping[str, Any]]) -> Wrong:
    """Layers that run one by one. `feed` gives other arguments to the layer of a
    number, from the output and the last states of the layer below it.
    """

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def run_stack(*args: Any, **kwargs: Any) -> Any:
            given = arguments(*args, **kwargs)
            _, pull = right(*args, **kwargs)
            y, states = given.x, list[list[State]]()
            for k in range(len(given.weights)):
                if k and given.dropout:
                    y = y * given.dropout[k - 1]
                own = {
                    "x": y,
                    "initial": [given.initial[k]],
                    "weights": [given.weights[k]],
                    "mask": given.mask,
                }
                changed = feed(y, states[-1], given, k) if k else {}
                (y, (last,)), _ = right(
                    **{**own, **changed},
                    activation=given.activation,
                    recurrent_activation=given.recurrent_activation,
                )
                states.append(last)
            return (y, states), pull

        return run_stack

    return wrong


def directions_first(given: Arguments, value: Any) -> Any:
    """The last states of all layers forward, then of all layers backward."""
    y, last = value
    return y, [[layer[k] for layer in last] for k in range(len(last[0]))]


def of_last_layer(given: Arguments, value: Any) -> Any:
    """The last state of all layers is that of the last one."""
    y, last = value
    return y, [last[-1]] * len(last)


def sorted_rows(mask: Array) -> Array:
    """The rows in the order in which packing puts them, the longest first."""
    return np.argsort(-np.sum(mask, axis=1), kind="stable")


def with_states_as_sorted(given: Arguments, value: Any) -> Any:
    """The last states in the order of the sorted rows."""
    y, last = value
    if given.mask is None:
        return value
    order = sorted_rows(given.mask)
    return y, [[State(*(part[..., order, :] for part in state)) for state in layer] for layer in last]


def with_outputs_as_sorted(given: Arguments, value: Any) -> Any:
    """The outputs in the order of the sorted rows."""
    y, last = value
    return (y if given.mask is None else y[..., sorted_rows(given.mask), :, :]), last


def from_states_unsorted(given: Arguments) -> Mapping[str, Any]:
    """The sorted rows start from the states as they are given."""
    if given.mask is None:
        return {}
    back = np.argsort(sorted_rows(given.mask))
    return {
        "initial": [
            [State(*(part[..., back, :] for part in state)) for state in layer] for layer in given.initial
        ]
    }


PACKED = frozenset({"mask", "stack"})

STACKS: Mapping[str, tuple[Wrong, frozenset[str]]] = {
    "the outputs of the directions change places": (with_result(with_exchanged), BOTH),
    "both directions start from the state of the forward one": (with_arguments(from_forward), BOTH),
    "all layers start from the state of the first one": (with_arguments(from_first_layer), LAYERS),
    "layers above the first start from zeros": (with_arguments(from_zeros_above), LAYERS),
    "each layer starts from the last state of the layer below": (
        layer_by_layer(lambda y, below, given, k: {"initial": [below]}),
        LAYERS,
    ),
    "between layers the directions change places": (
        layer_by_layer(lambda y, below, given, k: {"x": exchanged(y)} if len(below) == 2 else {}),
        LAYERS | BOTH,
    ),
    "layers above the first read the forward direction alone": (
        layer_by_layer(
            lambda y, below, given, k: (
                {"x": np.concatenate([np.split(y, 2, axis=-1)[0]] * 2, axis=-1)} if len(below) == 2 else {}
            )
        ),
        LAYERS | BOTH,
    ),
    "layers above the first read their input in reverse": (
        layer_by_layer(lambda y, below, given, k: {"x": flip(y)}),
        LAYERS,
    ),
    "layers above the first ignore the lengths": (
        layer_by_layer(lambda y, below, given, k: {"mask": None}),
        LAYERS | PACKED,
    ),
    "the last states come by direction, and then by layer": (with_result(directions_first), LAYERS | BOTH),
    "all layers return the last state of the last one": (with_result(of_last_layer), LAYERS),
    "the last states stay in the order of the sorted rows": (with_result(with_states_as_sorted), PACKED),
    "the outputs stay in the order of the sorted rows": (with_result(with_outputs_as_sorted), PACKED),
    "the initial states are not sorted with their rows": (with_arguments(from_states_unsorted), PACKED),
}


def only_last_layer(dy: Array, d_last: Any) -> Any:
    """Only the last state of the last layer has a gradient."""
    zeros = [[State(*map(np.zeros_like, state)) for state in layer] for layer in d_last]
    return dy, [*zeros[:-1], d_last[-1]]


def halves_exchanged(dy: Array, d_last: Any) -> Any:
    """The directions take one another's gradient of the output."""
    return (exchanged(dy) if len(d_last[-1]) == 2 else dy), d_last


def forward_alone(dy: Array, d_last: Any) -> Any:
    """Only the forward half of the output has a gradient."""
    if len(d_last[-1]) == 1:
        return dy, d_last
    forward, backward = np.split(dy, 2, axis=-1)
    return np.concatenate([forward, 0 * backward], axis=-1), d_last


PULLBACKS: Mapping[str, tuple[Callable[[Array, Any], Any], frozenset[str]]] = {
    "nothing goes back from the last states of the layers below": (only_last_layer, LAYERS),
    "the directions take one another's gradient of the output": (halves_exchanged, BOTH),
    "nothing goes back from the backward direction's output": (forward_alone, BOTH),
}
