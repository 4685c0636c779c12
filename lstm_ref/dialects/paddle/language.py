"""How a case of the Paddle dialect becomes a layer and its arguments."""

from collections.abc import Callable, Mapping
from typing import Any

from lstm_ref.dialects.dialect import Argument, Misreading, Mistake, Replacement, Sizes, Twin, built
from lstm_ref.dialects.paddle.arguments import inputs_spec
from lstm_ref.dialects.paddle.cell import LSTMCell
from lstm_ref.dialects.paddle.lstm import LSTM
from lstm_ref.dialects.paddle.mistakes import MISTAKE, MISTAKES, Mistaken


class PaddleDialect:
    """How a case of the Paddle dialect becomes arguments."""

    name = "paddle"
    called: Mapping[Argument, tuple[str, ...]] = {
        "states": ("initial_states", "states"),
        "lengths": ("sequence_length",),
        "training": ("training",),
    }
    misreadings: Mapping[str, Misreading] = {}
    mistakes: Mapping[str, Mistake] = MISTAKES
    replacements: Mapping[str, Replacement] = {}
    layers: Mapping[str, Callable[..., Twin]] = {"LSTM": LSTM, "LSTMCell": LSTMCell}

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of paddle.nn.<layer>; with a MISTAKE among the parameters, one that
        makes it.
        """
        layers = {**self.layers, "LSTM": Mistaken} if MISTAKE in params else self.layers
        return built(layers, "paddle.nn", layer, params, dtype)

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """`input_size`, unless the case wants another number."""
        return int(params["input_size"]) if features is None else features

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """What the layer makes of the call; of one that nobody can build, the inputs
        alone.
        """
        return (
            twin.arguments(sizes, call)
            if twin is not None
            else {"inputs": inputs_spec(sizes, time_major=False)}
        )


DIALECTS = {"": PaddleDialect()}
