"""How a case of the PyTorch dialect becomes a module and its arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from lstm_ref.dialects.dialect import Argument, Misreading, Mistake, Replacement, Sizes, Twin, built
from lstm_ref.dialects.torch.cell import LSTMCell
from lstm_ref.dialects.torch.lstm import LSTM
from lstm_ref.dialects.torch.mistakes import REPLACEMENTS
from lstm_ref.dialects.torch.modules import input_spec


class TorchDialect:
    """How a case of the PyTorch dialect becomes arguments."""

    name = "torch"
    called: Mapping[Argument, tuple[str, ...]] = {
        "states": ("hx",),
        "lengths": ("lengths",),
        "training": ("training",),
    }
    misreadings: Mapping[str, Misreading] = {}
    mistakes: Mapping[str, Mistake] = {}
    replacements: Mapping[str, Replacement] = REPLACEMENTS
    layers: Mapping[str, Callable[..., Twin]] = {"LSTM": LSTM, "LSTMCell": LSTMCell}

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of torch.nn.<layer>."""
        return built(self.layers, "torch.nn", layer, params, dtype)

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """`input_size`, unless the case wants another number."""
        return int(params["input_size"]) if features is None else features

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the twin gives them. For a module that nobody can build, the
        input alone.
        """
        return (
            twin.arguments(sizes, call)
            if twin is not None
            else {"input": input_spec(sizes, batch_first=False)}
        )


DIALECTS = {"": TorchDialect()}
