"""Modules around a layer. `torch.jit.script` can compile them, and they can be called
after that. TorchScript's types are fixed: one for each kind of input.

Imports PyTorch.
"""

from typing import Any

from torch import Tensor
from torch.nn import Module
from torch.nn.utils.rnn import PackedSequence


class OfTensor(Module):  # type: ignore[misc]
    """Around a layer that is given a tensor."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None):  # type: ignore[no-untyped-def]
        """What the layer returns. An LSTM and a cell return different types."""
        return self.layer(input, hx)


class OfPacked(Module):  # type: ignore[misc]
    """Around a layer that is given a packed sequence."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, input: PackedSequence, hx: tuple[Tensor, Tensor] | None = None):  # type: ignore[no-untyped-def]
        """What the layer returns."""
        return self.layer(input, hx)
