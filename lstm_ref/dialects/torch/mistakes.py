"""Mistakes that a PyTorch module makes where one of its functions is another one: in
padding what was packed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Replacement
from lstm_ref.dialects.torch import lstm, packing
from lstm_ref.reference.activations import Array


def without_padding_value(right: Any) -> Any:
    """The padding is 0."""
    return lambda sequences, mask, timesteps, padding_value: right(sequences, mask, timesteps, 0.0)


def unpadded(right: Any) -> Any:
    """After its end a row has whatever was computed there."""

    def padded(sequences: Array, mask: Array, timesteps: int, padding_value: float) -> Any:
        return right(sequences, np.ones_like(mask), timesteps, padding_value)

    return padded


REPLACEMENTS: Mapping[str, Replacement] = {
    "padding_value is ignored": Replacement(lstm, "_padded", without_padding_value),
    "padding_side is ignored": Replacement(
        packing, "later", lambda right: lambda sequences, steps: sequences
    ),
    "total_length is ignored": Replacement(
        packing, "padded_length", lambda right: lambda lengths, total_length: right(lengths, None)
    ),
    "an output is not padded after the end of its row": Replacement(lstm, "_padded", unpadded),
}
