"""The parameters of one cell: their names, shapes and first values, and what the
reference calls them.

Source: paddle.nn.LSTMCell, Variables and Notes. The gates are blocks in the order i, f,
g, o.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import BIAS_DEVIATION, Place, Role, Spec, kernel_deviation
from lstm_ref.dialects.initial import Initial, Uniform
from lstm_ref.dialects.paddle.attributes import Attribute, attribute
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

ROLES: Mapping[str, Role] = {
    "weight_ih": "kernel",
    "weight_hh": "recurrent kernel",
    "bias_ih": "bias",
    "bias_hh": "recurrent bias",
    "weight_ho": "projection",
}

USUAL = Attribute()


def sizes_checked(**sizes: Any) -> None:
    """Raise TypeError unless they are integers, and ValueError unless positive."""
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise TypeError(f"{name} must be an integer, not {size!r}")
        if size <= 0:
            raise ValueError(f"{name} must be greater than 0, not {size}")


@dataclass(frozen=True)
class CellWeights:
    """The parameters of cells of one hidden size and projection, and their attributes
    by name.
    """

    hidden_size: int
    proj_size: int
    attributes: Mapping[str, Attribute]

    @classmethod
    def of(cls, hidden_size: int, proj_size: int | None, attributes: Mapping[str, Any]) -> "CellWeights":
        """From the arguments of a constructor; no projection is 0 or None. Raises
        ValueError for a projection that is not smaller than the hidden size.
        """
        size = proj_size or 0
        if not 0 <= size < hidden_size:
            raise ValueError(f"proj_size must be smaller than hidden_size {hidden_size}, not {size}")
        found = {name.removesuffix("_attr"): attribute(value) for name, value in attributes.items()}
        for name in ("weight_ih", "weight_hh"):
            if not found[name].exists:
                raise TypeError(f"{name} cannot be left out")
        return cls(hidden_size, size, found)

    @property
    def outputs(self) -> int:
        """The size of h."""
        return self.proj_size or self.hidden_size

    def specs(self, inputs: int, suffix: str = "", place: Place | None = None) -> dict[str, Spec]:
        """Those of a cell for inputs of so many features. Their names end with the
        suffix.
        """
        gates = 4 * self.hidden_size
        bias = Spec((gates,), ("gate",), BIAS_DEVIATION)
        found = {
            "weight_ih": Spec((gates, inputs), ("gate", "feature"), kernel_deviation(inputs)),
            "weight_hh": Spec((gates, self.outputs), ("gate", "unit"), kernel_deviation(self.outputs)),
            "bias_ih": bias,
            "bias_hh": bias,
        }
        if self.proj_size:
            found["weight_ho"] = Spec(
                (self.hidden_size, self.proj_size), ("unit", "output"), kernel_deviation(self.hidden_size)
            )
        return {
            f"{own}{suffix}": spec._replace(role=ROLES[own], own=own, place=place or Place())
            for own, spec in found.items()
            if self.attributes.get(own, USUAL).exists
        }

    def initial(self, specs: Mapping[str, Spec]) -> dict[str, Initial]:
        """The first values of these weights: what the attribute says, or U(-std, std)
        with std = 1 / sqrt(hidden_size).
        """
        std = 1 / math.sqrt(self.hidden_size)
        found = {name: self.attributes.get(spec.own, USUAL).initial for name, spec in specs.items()}
        return {
            name: Uniform(-std, std) if make is None else make(specs[name].shape)
            for name, make in found.items()
        }

    def frozen(self, specs: Mapping[str, Spec]) -> frozenset[str]:
        """The names of those that are not trained from the beginning."""
        return frozenset(
            name for name, spec in specs.items() if not self.attributes.get(spec.own, USUAL).trainable
        )


def canonical(weights: Mapping[str, Array], suffix: str = "") -> LSTMWeights:
    """The weights whose names end so, as the reference has them."""
    kernel = weights[f"weight_ih{suffix}"].swapaxes(-1, -2)
    bias = weights.get(f"bias_ih{suffix}")
    return LSTMWeights(
        kernel,
        weights[f"weight_hh{suffix}"].swapaxes(-1, -2),
        np.zeros_like(kernel[..., 0, :]) if bias is None else bias,
        weights.get(f"bias_hh{suffix}"),
        weights.get(f"weight_ho{suffix}"),
    )


def named(weights: LSTMWeights, suffix: str = "") -> dict[str, Array]:
    """The reverse of `canonical`, for gradients; with all biases that there may be."""
    found = {
        f"weight_ih{suffix}": weights.kernel.swapaxes(-1, -2),
        f"weight_hh{suffix}": weights.recurrent_kernel.swapaxes(-1, -2),
        f"bias_ih{suffix}": weights.bias,
        f"bias_hh{suffix}": weights.recurrent_bias,
        f"weight_ho{suffix}": weights.projection,
    }
    return {name: values for name, values in found.items() if values is not None}


def frozen_after(layer: str, action: str, frozen: frozenset[str], names: Mapping[str, Any]) -> frozenset[str]:
    """Which parameters are frozen after the action. Raises NotImplementedError for what
    Paddle does not do with a layer.
    """
    if action in ("freeze", "freeze-recurrent"):
        part = "weight_hh" if action == "freeze-recurrent" else ""
        return frozen | {name for name in names if part in name}
    if action == "deepcopy":
        return frozen
    raise NotImplementedError(f"the NumPy paddle.nn.{layer} has no {action}")
