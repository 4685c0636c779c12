"""The activation functions of flax.nnx that a cell can be given, by their names there.

Source: flax.nnx, Activation functions.
"""

from collections.abc import Mapping
from typing import Any

from lstm_ref.reference import activations as plain
from lstm_ref.reference.activations import Activation
from lstm_ref.reference.parametric import leaky_relu_of

FUNCTIONS: Mapping[str, Activation] = {
    "sigmoid": plain.sigmoid,
    "tanh": plain.tanh,
    "relu": plain.relu,
    "elu": plain.elu,
    "hard_sigmoid": plain.hard_sigmoid,
    "hard_tanh": plain.hard_tanh,
    "leaky_relu": leaky_relu_of(0.01),
    "log_sigmoid": plain.log_sigmoid,
    "selu": plain.selu,
    "silu": plain.silu,
    "soft_sign": plain.softsign,
    "softplus": plain.softplus,
}


def function(value: Any) -> Activation:
    """The function that a case calls {"callable": name}. Raises TypeError for what is
    no function.
    """
    name = str(value.get("callable")) if isinstance(value, Mapping) else ""
    if name not in FUNCTIONS:
        raise TypeError(f"{value!r} is not a function")
    return FUNCTIONS[name]
