"""How a case of the ONNX dialect becomes a node and its inputs."""

from collections.abc import Mapping
from typing import Any

from lstm_ref.dialects.dialect import Argument, Misreading, Mistake, Replacement, Sizes, Twin, built
from lstm_ref.dialects.onnx.lstm import LSTM, input_spec
from lstm_ref.dialects.onnx.misreadings import MISREADINGS
from lstm_ref.dialects.onnx.mistakes import MISTAKE, MISTAKES, Mistaken


class OnnxDialect:
    """How a case of the ONNX dialect becomes arguments."""

    name = "onnx"
    called: Mapping[Argument, tuple[str, ...]] = {
        "states": ("initial_h", "initial_c"),
        "lengths": ("sequence_lens",),
    }
    misreadings: Mapping[str, Misreading] = MISREADINGS
    mistakes: Mapping[str, Mistake] = MISTAKES
    replacements: Mapping[str, Replacement] = {}

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of the operator. With a MISTAKE among the parameters, the twin makes
        that mistake.
        """
        return built({"LSTM": Mistaken if MISTAKE in params else LSTM}, "ONNX", layer, params, dtype)

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """The number of features of the input. No attribute says it."""
        return 1 if features is None else features

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the twin gives them. For a node that nobody can build, X
        alone.
        """
        return twin.arguments(sizes, call) if twin is not None else {"X": input_spec(sizes, layout=0)}


DIALECTS = {"": OnnxDialect()}
