"""Mistakes with the masks of dropout. A mask holds 0, or 1 / (1 - rate)."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Replacement
from lstm_ref.reference import dropout
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.dropout import product, pull_to_input
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.step import FORWARD, Values, with_equations
from lstm_ref.verdict.faults.wrapping import (
    Arguments,
    Wrong,
    in_run,
    in_stack,
    in_step,
    with_arguments,
    with_result,
)

INPUT, STATE, LAYERS = (frozenset({part}) for part in ("dropout", "recurrent dropout", "dropout of layers"))


Change = Callable[[Array], Array]


def of_dropout() -> Iterator[Fault]:
    """The faults of the forward pass."""
    for meaning, change in MASKS.items():
        yield Fault(meaning.format("inputs"), replacements=in_run(masked("dropout", change)), needs=INPUT)
        yield Fault(
            meaning.format("states"), replacements=in_run(masked("recurrent_dropout", change)), needs=STATE
        )
        yield Fault(
            meaning.format("layers' outputs"), replacements=in_stack(masked_layers(change)), needs=LAYERS
        )
    for meaning, (replacements, needs) in OTHERS.items():
        yield Fault(meaning, replacements=replacements, needs=needs)


def masked(name: str, change: Change) -> Wrong:
    """A run with another mask, where it has one."""
    return with_arguments(
        lambda given: {} if getattr(given, name) is None else {name: change(getattr(given, name))}
    )


def masked_layers(change: Change) -> Wrong:
    """Layers with other masks on the outputs of those below."""
    return with_arguments(lambda given: {"dropout": [change(mask) for mask in given.dropout]})


def of_dropout_backward() -> Iterator[Fault]:
    """The faults of the backward pass."""
    yield Fault(
        "the gradient of h forgets the mask of dropout",
        replacements=in_step(with_equations(dh=lambda v: pull_to_input(v.dz, None, v.U))),
        needs=STATE,
        backward=True,
    )
    yield Fault(
        "the gradient of the input forgets the mask of dropout",
        # The step has right equations of its own; the loop has the wrong one.
        replacements=(
            *in_step(with_equations()),
            Replacement(dropout, "pull_to_input", lambda right: lambda dz, mask, W: right(dz, None, W)),
        ),
        needs=INPUT,
        backward=True,
    )


def kept(mask: Array) -> Array:
    """Which elements are kept, as 1 and 0."""
    found: Array = (mask != 0).astype(mask.dtype)
    return found


def scaled(mask: Array) -> Array:
    """1 / (1 - rate) in all places, from that of what is kept."""
    found: Array = np.full_like(mask, np.max(mask, initial=0.0))
    return found


MASKS: Mapping[str, Callable[[Array], Array]] = {
    "what dropout keeps of the {} is not scaled": kept,
    "what dropout keeps of the {} is scaled twice": lambda mask: mask * scaled(mask),
    "dropout keeps of the {} what it drops": lambda mask: scaled(mask) * (mask == 0),
    "dropout scales the {}, and drops nothing": scaled,
    "dropout drops nothing of the {}": lambda mask: np.ones_like(mask),
    "all rows have the mask of dropout of the first row, for the {}": lambda mask: np.broadcast_to(
        mask[..., :1, :, :], mask.shape
    ),
}


def only_first(given: Arguments) -> Mapping[str, Any]:
    """The mask of the states is 1 after the first step."""
    mask, timesteps = given.recurrent_dropout, given.x.shape[-2]
    if mask is None:
        return {}
    wide = np.ones((*mask.shape[:-2], timesteps, mask.shape[-1]), mask.dtype)
    wide[..., :1, :] = mask[..., :1, :]
    return {"recurrent_dropout": wide}


def dropping_outputs(v: Values) -> Array:
    """h with what is dropped of the h before it."""
    h: Array = FORWARD["h_new"](v)
    return h if v.drop is None else h * v.drop[0]


def dropping_nothing(v: Values) -> Array:
    """What goes into the gates, of all of h."""
    z: Array = v.z_x + product(v.h, None, v.U)
    return z


def dropping_c(given: Arguments) -> Mapping[str, Any]:
    """The c before the step, dropped as h is."""
    if given.recurrent_dropout is None:
        return {}
    return {"before": State(given.before.h, given.before.c * given.recurrent_dropout[0])}


def dropping_last(given: Arguments, value: Any) -> Any:
    """The output of the last layer, with the mask of the layer below it."""
    y, last = value
    return (y * given.dropout[-1] if given.dropout else y), last


OTHERS: Mapping[str, Any] = {
    "only the first step drops states": (in_run(with_arguments(only_first)), STATE),
    "what is dropped of h is dropped as it goes out, and not as it comes in": (
        in_step(with_equations(z=dropping_nothing, h_new=dropping_outputs)),
        STATE,
    ),
    "what is dropped of h is dropped of c as well": (in_step(with_arguments(dropping_c)), STATE),
    "the output of the last layer is dropped as well": (in_stack(with_result(dropping_last)), LAYERS),
    "layers take one another's masks of dropout": (
        in_stack(with_arguments(lambda given: {"dropout": given.dropout[::-1]})),
        LAYERS,
    ),
}
