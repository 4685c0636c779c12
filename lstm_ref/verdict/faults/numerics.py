"""Mistakes of number formats: what is stored, multiplied or added in too few bits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Replacement
from lstm_ref.reference import sequence
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State, StepGradient
from lstm_ref.reference.dropout import product
from lstm_ref.reference.weights import LSTMWeights
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.step import FORWARD, Equation, Values, with_equations
from lstm_ref.verdict.faults.wrapping import (
    Wrong,
    giving,
    in_run,
    in_step,
    with_pullback,
    with_result,
)

Rounding = Callable[[Array], Array]


def half(values: Array) -> Array:
    """The values as float16 holds them, with 11 bits."""
    return values.astype(np.float16).astype(values.dtype)


def bfloat16(values: Array) -> Array:
    """The values as bfloat16 holds them, with 8 bits."""
    bits = values.astype(np.float32).view(np.uint32)
    upper = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return upper.view(np.float32).astype(values.dtype)


def fixed(bits: int) -> Rounding:
    """The values as fixed-point numbers, with so many bits after the point."""
    return lambda values: np.rint(values * 2.0**bits) / 2.0**bits


FORMATS: Mapping[str, Rounding] = {"float16": half, "bfloat16": bfloat16}


def of_formats() -> Iterator[Fault]:
    """The faults of the forward pass."""
    for name, rounded in FORMATS.items():
        for meaning, wrong in {
            f"h is stored in {name}": {"h_new": stored("h_new", rounded)},
            f"c is stored in {name}": {"c_new": stored("c_new", rounded)},
            f"what goes into the gates is stored in {name}": {"z": stored("z", rounded)},
            f"the product of h and the recurrent kernel is taken in {name}": {"z": in_format(rounded)},
        }.items():
            yield Fault(meaning, replacements=in_step(with_equations(**wrong)))
        yield Fault(
            f"the product of input and kernel is taken in {name}",
            replacements=(Replacement(sequence, "from_input", products_in(rounded)),),
        )
    for meaning, wrong in {
        "the gates and the candidate are stored in float16": {
            name: stored_gate(name, half) for name in ("i", "f", "g", "o")
        },
        "c is stored with 12 bits after the point": {"c_new": stored("c_new", fixed(12))},
        "h is stored with 7 bits after the point": {"h_new": stored("h_new", fixed(7))},
    }.items():
        yield Fault(meaning, replacements=in_step(with_equations(**wrong)))
    yield Fault(
        "the outputs of all steps are rounded to float16, but not what goes on",
        replacements=in_run(with_result(lambda given, value: (half(value[0]), value[1]))),
    )
    yield Fault(
        "the last state is rounded to float16",
        replacements=in_run(with_result(lambda given, value: (value[0], State(*map(half, value[1]))))),
    )


def of_formats_backward() -> Iterator[Fault]:
    """The faults of the backward pass."""
    for name, rounded in FORMATS.items():
        for meaning, replacements in {
            f"the gradient of what goes into the gates is stored in {name}": in_step(z_in(rounded)),
            f"the gradient of the state is stored in {name} from step to step": in_step(state_in(rounded)),
            f"the gradients of weights are stored in {name}": in_run(weights_in(rounded)),
        }.items():
            yield Fault(meaning, replacements=replacements, backward=True)


def stored(name: str, rounded: Rounding) -> Equation:
    """The equation of this name, rounded."""
    return lambda v: rounded(FORWARD[name](v))


def stored_gate(name: str, rounded: Rounding) -> Equation:
    """The equation of a gate, with its value rounded."""

    def equation(v: Values) -> Any:
        s, pull = FORWARD[name](v)
        return rounded(s), pull

    return equation


def in_format(rounded: Rounding) -> Equation:
    """The equation of z with both factors and the result of its product rounded."""

    def z(v: Values) -> Array:
        found: Array = v.z_x + rounded(product(rounded(v.h), v.drop, rounded(v.U)))
        return found

    return z


def products_in(rounded: Rounding) -> Wrong:
    """What the input adds to the gates, with both factors and the result rounded; the
    bias is added afterwards.
    """

    def wrong(right: Any) -> Any:
        def from_input(x: Array, weights: LSTMWeights, dropout: Array | None = None) -> Array:
            no_bias = np.zeros_like(weights.bias)
            alone = replace(weights, kernel=rounded(weights.kernel), bias=no_bias, recurrent_bias=None)
            bias = weights.bias if weights.recurrent_bias is None else weights.bias + weights.recurrent_bias
            found: Array = rounded(right(rounded(x), alone, dropout)) + bias
            return found

        return from_input

    return wrong


def z_in(rounded: Rounding) -> Wrong:
    """A step that rounds the gradient of what goes into its gates."""
    return after_pullback(lambda found: found._replace(z=rounded(found.z)))


def state_in(rounded: Rounding) -> Wrong:
    """A step that rounds the gradient of the state before it."""
    return after_pullback(lambda found: found._replace(before=State(*map(rounded, found.before))))


def weights_in(rounded: Rounding) -> Wrong:
    """A run that rounds the gradients of its weights."""
    return giving(lambda given, found: found._replace(weights=all_weights(found.weights, rounded)))


def after_pullback(change: Callable[[StepGradient], StepGradient]) -> Wrong:
    """A step that changes what its pullback gives."""
    return with_pullback(lambda given, value, pull: lambda after: change(pull(after)))


def all_weights(weights: LSTMWeights, change: Rounding) -> LSTMWeights:
    """The weights, each of them changed."""
    changed = {name: change(values) for name, values in vars(weights).items() if values is not None}
    return replace(weights, **changed)
