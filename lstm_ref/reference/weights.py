"""The weights of one LSTM layer in one direction, and what Keras and PyTorch call them.

    here              Keras             PyTorch
    kernel            kernel            weight_ih, transposed
    recurrent_kernel  recurrent_kernel  weight_hh, transposed
    bias              bias              bias_ih
    recurrent_bias    -                 bias_hh
    projection        -                 weight_hr, transposed

The four gates are blocks along the axis of length 4 units, in the order i, f, g, o in
all three (Keras writes c for g). The two biases (4 units,) are only ever used as their
sum. A layer without projection has outputs = units.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from lstm_ref.reference.activations import Array


@dataclass(frozen=True)
class LSTMWeights:
    """The weights of one layer in one direction; also holds their gradient, which has
    the same shapes.

    kernel (features, 4 units), recurrent_kernel (outputs, 4 units), bias (4 units,),
    recurrent_bias (4 units,) or None where there is one bias only, projection (units,
    outputs) or None for a layer whose output is not projected, peepholes (3 units,) of
    the gates i, f and o, or None for a layer whose gates do not see the cell state.
    """

    kernel: Array
    recurrent_kernel: Array
    bias: Array
    recurrent_bias: Array | None = None
    projection: Array | None = None
    peepholes: Array | None = None

    @classmethod
    def from_keras(cls, weights: Mapping[str, Array]) -> "LSTMWeights":
        """From keras.layers.LSTM: "kernel", "recurrent_kernel" and, with use_bias,
        "bias".
        """
        kernel = weights["kernel"]
        return cls(
            kernel,
            weights["recurrent_kernel"],
            weights["bias"] if "bias" in weights else np.zeros_like(kernel[..., 0, :]),
        )

    def to_keras(self) -> dict[str, Array]:
        """To keras.layers.LSTM with use_bias: its one bias is the sum. Raises
        ValueError for a projection and for peepholes, which Keras does not have.
        """
        for name, values in (("projection", self.projection), ("peepholes", self.peepholes)):
            if values is not None:
                raise ValueError(
                    f"keras.layers.LSTM has no {name}: a layer with such weights cannot be laid out for it"
                )
        bias = self.bias if self.recurrent_bias is None else self.bias + self.recurrent_bias
        return {"kernel": self.kernel, "recurrent_kernel": self.recurrent_kernel, "bias": bias}

    @classmethod
    def from_torch(cls, weights: Mapping[str, Array], suffix: str = "_l0") -> "LSTMWeights":
        """From the state_dict of torch.nn.LSTM; `suffix` is its layer and direction:
        "_l0", "_l0_reverse", "_l1", ... ("" for torch.nn.LSTMCell).
        """
        kernel, recurrent_kernel = (
            weights[f"weight_ih{suffix}"].swapaxes(-1, -2),
            weights[f"weight_hh{suffix}"].swapaxes(-1, -2),
        )
        bias, recurrent_bias = weights.get(f"bias_ih{suffix}"), weights.get(f"bias_hh{suffix}")
        projection = weights.get(f"weight_hr{suffix}")
        return cls(
            kernel,
            recurrent_kernel,
            np.zeros_like(kernel[..., 0, :]) if bias is None else bias,
            recurrent_bias,
            None if projection is None else projection.swapaxes(-1, -2),
        )

    def to_torch(self, suffix: str = "_l0") -> dict[str, Array]:
        """To the state_dict of torch.nn.LSTM with bias; the second bias is zero where
        there is one bias only. Raises ValueError for peepholes, which PyTorch does not
        have.
        """
        if self.peepholes is not None:
            raise ValueError(
                "torch.nn.LSTM has no peepholes: a layer with such weights cannot be laid out for it"
            )
        weights = {
            f"weight_ih{suffix}": self.kernel.swapaxes(-1, -2),
            f"weight_hh{suffix}": self.recurrent_kernel.swapaxes(-1, -2),
            f"bias_ih{suffix}": self.bias,
            f"bias_hh{suffix}": (
                np.zeros_like(self.bias) if self.recurrent_bias is None else self.recurrent_bias
            ),
        }
        if self.projection is not None:
            weights[f"weight_hr{suffix}"] = self.projection.swapaxes(-1, -2)
        return weights
