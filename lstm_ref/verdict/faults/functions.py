"""Mistakes in the activation functions: another function, or another derivative, where
a layer is told to take the sigmoid or tanh.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from lstm_ref.reference.activations import (
    Activation,
    Array,
    hard_sigmoid_2,
    hard_tanh,
    sigmoid,
    softsign,
    tanh,
)
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.wrapping import Arguments, in_step, with_arguments


def of_functions() -> Iterator[Fault]:
    """The faults of the forward pass."""
    for meaning, (right, other) in WRONG.items():
        yield Fault(meaning, replacements=in_step(with_function(right, other)))


def of_derivatives() -> Iterator[Fault]:
    """The faults of the backward pass."""
    for meaning, (kind, change) in WRONG_DERIVATIVES.items():
        other = with_derivative(kind, change)
        yield Fault(meaning, replacements=in_step(with_function(kind, other)), backward=True)


def with_function(right: Activation, other: Activation) -> Callable[[Any], Any]:
    """A step that takes another function wherever it is told to take the right one."""

    def chosen(activation: Activation | None) -> Activation | None:
        return other if activation is right else activation

    def change(given: Arguments) -> Mapping[str, Any]:
        return {
            "activation": chosen(given.activation),
            "recurrent_activation": chosen(given.recurrent_activation),
            "variant": given.variant._replace(output_activation=chosen(given.variant.output_activation)),
        }

    return with_arguments(change)


def with_derivative(kind: Activation, change: Callable[[Array, Array], Array]) -> Activation:
    """The function with another derivative, which `change` gives from z and s."""

    def other(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        s, _ = kind(z)
        return s, lambda ds: ds * change(z, s)

    return other


def value_of(function: Callable[[Array], Array]) -> Activation:
    """A function of which nobody asks the derivative."""
    return lambda z: (function(z), lambda ds: ds)


def from_table(function: Callable[[Array], Array]) -> Activation:
    """The value at the nearest of 256 places in [-8, 8]."""
    return value_of(lambda z: function(np.clip(np.rint((z + 8) * 16), 0, 255) / 16 - 8))


# The right function, and the one that is taken for it.
WRONG: Mapping[str, tuple[Activation, Activation]] = {
    "the sigmoid is (1 + tanh(z)) / 2, and not of z / 2": (sigmoid, value_of(lambda z: (1 + np.tanh(z)) / 2)),
    "the sigmoid is clip(0.2 z + 0.5, 0, 1)": (sigmoid, hard_sigmoid_2),
    "the sigmoid is clip(z / 4 + 1 / 2, 0, 1)": (sigmoid, value_of(lambda z: np.clip(z / 4 + 0.5, 0, 1))),
    "the sigmoid is (1 + z / (1 + |z|)) / 2": (sigmoid, value_of(lambda z: (1 + z / (1 + np.abs(z))) / 2)),
    "the sigmoid comes from a table of 256 values": (sigmoid, from_table(lambda z: sigmoid(z)[0])),
    "the sigmoid is that of -z": (sigmoid, value_of(lambda z: sigmoid(-z)[0])),
    "tanh is clip(z, -1, 1)": (tanh, hard_tanh),
    "tanh is z / (1 + |z|)": (tanh, softsign),
    "tanh is z (27 + z^2) / (27 + 9 z^2)": (
        tanh,
        value_of(lambda z: np.clip(z * (27 + z * z) / (27 + 9 * z * z), -1, 1)),
    ),
    "tanh is 2 sigmoid(z) - 1, and not of 2 z": (tanh, value_of(lambda z: 2 * sigmoid(z)[0] - 1)),
    "tanh is 1.7159 tanh(2 z / 3)": (tanh, value_of(lambda z: 1.7159 * np.tanh(2 * z / 3))),
    "tanh comes from a table of 256 values": (tanh, from_table(np.tanh)),
}

# The function, and its wrong derivative from z and s.
WRONG_DERIVATIVES: Mapping[str, tuple[Activation, Callable[[Array, Array], Array]]] = {
    "the derivative of the sigmoid is s": (sigmoid, lambda z, s: s),
    "the derivative of the sigmoid is 1 - s": (sigmoid, lambda z, s: 1 - s),
    "the derivative of the sigmoid is z (1 - z)": (sigmoid, lambda z, s: z * (1 - z)),
    "the derivative of the sigmoid is 1 / 4": (sigmoid, lambda z, s: 0.25 + 0 * s),
    "the derivative of tanh is 1 - s": (tanh, lambda z, s: 1 - s),
    "the derivative of tanh is 1 - z^2": (tanh, lambda z, s: 1 - z * z),
    "the derivative of tanh is 1": (tanh, lambda z, s: 1 + 0 * s),
}
