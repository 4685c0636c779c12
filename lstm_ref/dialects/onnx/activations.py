"""The activation functions that the operator lists, and how they get their parameters.

Source: the ONNX operator LSTM, "Activation functions", attributes activation_alpha and
activation_beta; the defaults are those of the operators of the same names.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lstm_ref.reference import activations as plain
from lstm_ref.reference import parametric
from lstm_ref.reference.activations import Activation


class Function(NamedTuple):
    """A listed function: how it is made from its parameters, and their defaults by
    name. A parameter without a default is None: there is no operator of that name.
    """

    make: Callable[..., Activation]
    defaults: Mapping[str, float | None]


FUNCTIONS: Mapping[str, Function] = {
    "Relu": Function(lambda: plain.relu, {}),
    "Tanh": Function(lambda: plain.tanh, {}),
    "Sigmoid": Function(lambda: plain.sigmoid, {}),
    "Affine": Function(parametric.affine, {"alpha": None, "beta": None}),
    "LeakyRelu": Function(parametric.leaky_relu_of, {"alpha": 0.01}),
    "ThresholdedRelu": Function(parametric.thresholded_relu, {"alpha": 1.0}),
    "ScaledTanh": Function(parametric.scaled_tanh, {"alpha": None, "beta": None}),
    "HardSigmoid": Function(parametric.hard_sigmoid_of, {"alpha": 0.2, "beta": 0.5}),
    "Elu": Function(parametric.elu_of, {"alpha": 1.0}),
    "Softsign": Function(lambda: plain.softsign, {}),
    "Softplus": Function(lambda: plain.softplus, {}),
}

DEFAULT = ("Sigmoid", "Tanh", "Tanh")


def with_parameters(
    names: Sequence[str], alpha: Sequence[float], beta: Sequence[float]
) -> list[dict[str, float]]:
    """The parameters of each function by name. Each function that has an alpha, or a
    beta, takes the next value; where there is none left, it has its default.

    Raises ValueError for a function that is not listed, and where there is neither a
    value nor a default.
    """
    unknown = [name for name in names if name not in FUNCTIONS]
    if unknown:
        raise ValueError(
            f"the activation functions must be among {', '.join(FUNCTIONS)}, not {', '.join(unknown)}"
        )
    left: dict[str, Iterator[float]] = {"alpha": iter(alpha), "beta": iter(beta)}
    found = []
    for name in names:
        values = {key: next(left[key], default) for key, default in FUNCTIONS[name].defaults.items()}
        missing = [key for key, value in values.items() if value is None]
        if missing:
            raise ValueError(f"{name} has no default {' and '.join(missing)}: say activation_{missing[0]}")
        found.append({key: attribute(value) for key, value in values.items() if value is not None})
    return found


def made(names: Sequence[str], alpha: Sequence[float], beta: Sequence[float]) -> list[Activation]:
    """The functions of these names. Raises ValueError as `with_parameters` does."""
    return [
        FUNCTIONS[name].make(**values)
        for name, values in zip(names, with_parameters(names, alpha, beta), strict=True)
    ]


def attribute(value: float) -> float:
    """The number that an attribute holds: ONNX has them in 32 bits."""
    return float(np.float32(value))
