"""Which function Keras means by the name of an activation. Source:
keras.activations.get, Keras 3 and Keras 2.
"""

from collections.abc import Mapping
from typing import Any

from lstm_ref.reference import activations
from lstm_ref.reference.activations import Activation

# Every name that keras.activations.get of Keras 3 accepts, but for glu and threshold:
# the first changes the shape, the second has arguments without default.
ACTIVATIONS: Mapping[str | None, Activation] = {
    None: activations.linear,
    "celu": activations.elu,  # the same function while alpha is 1, its default
    "elu": activations.elu,
    "exponential": activations.exponential,
    "gelu": activations.gelu,
    "hard_shrink": activations.hard_shrink,
    "hard_sigmoid": activations.hard_sigmoid,
    "hard_silu": activations.hard_silu,
    "hard_swish": activations.hard_silu,
    "hard_tanh": activations.hard_tanh,
    "leaky_relu": activations.leaky_relu,
    "linear": activations.linear,
    "log_sigmoid": activations.log_sigmoid,
    "log_softmax": activations.log_softmax,
    "mish": activations.mish,
    "relu": activations.relu,
    "relu6": activations.relu6,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "silu": activations.silu,
    "soft_shrink": activations.soft_shrink,
    "softmax": activations.softmax,
    "softplus": activations.softplus,
    "softsign": activations.softsign,
    "sparse_plus": activations.sparse_plus,
    "sparse_sigmoid": activations.sparse_sigmoid,
    "sparsemax": activations.sparsemax,
    "squareplus": activations.squareplus,
    "swish": activations.silu,
    "tanh": activations.tanh,
    "tanh_shrink": activations.tanh_shrink,
}

# The functions of tf.keras.activations in Keras 2, and those of tf.nn whose names it
# also takes.
ACTIVATIONS_2: Mapping[str | None, Activation] = {
    None: activations.linear,
    "elu": activations.elu,
    "exponential": activations.exponential,
    "gelu": activations.gelu,
    "hard_sigmoid": activations.hard_sigmoid_2,
    "leaky_relu": activations.leaky_relu,
    "linear": activations.linear,
    "log_softmax": activations.log_softmax,
    "mish": activations.mish,
    "relu": activations.relu,
    "relu6": activations.relu6,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "silu": activations.silu,
    "softmax": activations.softmax,
    "softplus": activations.softplus,
    "softsign": activations.softsign,
    "swish": activations.silu,
    "tanh": activations.tanh,
}


def activation(identifier: Any, known: Mapping[str | None, Activation] = ACTIVATIONS) -> Activation:
    """The activation of this name, of those that a version knows; None is linear,
    {"callable": name} the function object of that name.

    Raises ValueError for one that is not known.
    """
    name = (
        identifier["callable"]
        if isinstance(identifier, Mapping) and set(identifier) == {"callable"}
        else identifier
    )
    if not (name is None or isinstance(name, str)) or name not in known:
        raise ValueError(
            f"unknown activation {identifier!r}; known are {', '.join(sorted(n for n in known if n))} and"
            " None"
        )
    return known[name]
