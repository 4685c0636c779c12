"""The weights of one LSTM layer in one direction, and how Keras and PyTorch lay them out.

    here     kernel (features, 4 units)   recurrent_kernel (outputs, 4 units)   bias (4 units)                projection (units, outputs)
    Keras    kernel (features, 4 units)   recurrent_kernel (units, 4 units)     bias (4 units)                -
    PyTorch  weight_ih (4 units, features) weight_hh (4 units, outputs)         bias_ih + bias_hh (4 units)   weight_hr (outputs, units)

The four gates are blocks along the axis of length 4 units, in the order i, f, g, o in all three (Keras writes c for g). A layer without
projection has outputs = units.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstm_ref.reference.activations import Array


@dataclass(frozen=True)
class LSTMWeights:
    """The weights of one layer in one direction; also holds their gradient, which has the same shapes.

    kernel (features, 4 units), recurrent_kernel (outputs, 4 units), bias (4 units,), projection (units, outputs) or None for a layer whose
    output is not projected.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    projection: Array | None = None

    @classmethod
    def from_keras(cls, weights: Mapping[str, Array]) -> "LSTMWeights":
        """From keras.layers.LSTM: "kernel", "recurrent_kernel" and, with use_bias, "bias"."""
        kernel = weights["kernel"]
        return cls(kernel, weights["recurrent_kernel"], weights["bias"] if "bias" in weights else np.zeros_like(kernel[0]))

    def to_keras(self) -> dict[str, Array]:
        """To keras.layers.LSTM with use_bias. Raises ValueError for a projected layer, which Keras does not have."""
        if self.projection is not None:
            raise ValueError("keras.layers.LSTM has no projection: a layer with one cannot be laid out for it")
        return {"kernel": self.kernel, "recurrent_kernel": self.recurrent_kernel, "bias": self.bias}

    @classmethod
    def from_torch(cls, weights: Mapping[str, Array], suffix: str = "_l0") -> "LSTMWeights":
        """From the state_dict of torch.nn.LSTM; `suffix` is its layer and direction: "_l0", "_l0_reverse", "_l1", ... ("" for torch.nn.LSTMCell)."""
        kernel, recurrent_kernel = weights[f"weight_ih{suffix}"].swapaxes(-1, -2), weights[f"weight_hh{suffix}"].swapaxes(-1, -2)
        biased = f"bias_ih{suffix}" in weights
        bias = weights[f"bias_ih{suffix}"] + weights[f"bias_hh{suffix}"] if biased else np.zeros_like(kernel[0])
        projected = f"weight_hr{suffix}" in weights
        return cls(kernel, recurrent_kernel, bias, weights[f"weight_hr{suffix}"].swapaxes(-1, -2) if projected else None)

    def to_torch(self, suffix: str = "_l0") -> dict[str, Array]:
        """To the state_dict of torch.nn.LSTM with bias. Its two biases only ever add, so that the second one is zero."""
        weights = {
            f"weight_ih{suffix}": self.kernel.swapaxes(-1, -2),
            f"weight_hh{suffix}": self.recurrent_kernel.swapaxes(-1, -2),
            f"bias_ih{suffix}": self.bias,
            f"bias_hh{suffix}": np.zeros_like(self.bias),
        }
        if self.projection is not None:
            weights[f"weight_hr{suffix}"] = self.projection.swapaxes(-1, -2)
        return weights
