"""How a case of the Keras dialect becomes layers and arguments."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lstm_ref.dialects.dialect import (
    INPUT_DEVIATION,
    Argument,
    Mistake,
    Replacement,
    Sizes,
    Spec,
    Twin,
    built,
)
from lstm_ref.dialects.keras.cells import LSTMCell, StackedRNNCells
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.masking import Embedding, Masking
from lstm_ref.dialects.keras.misreadings import MISREADINGS
from lstm_ref.dialects.keras.mistakes import REPLACEMENTS
from lstm_ref.dialects.keras.models import EncoderDecoder, Sequential
from lstm_ref.dialects.keras.wrappers import RNN, Bidirectional

LAYERS: Mapping[str, Callable[..., Twin]] = {
    "LSTM": LSTM,
    "LSTMCell": LSTMCell,
    "RNN": RNN,
    "StackedRNNCells": StackedRNNCells,
    "Bidirectional": Bidirectional,
    "Masking": Masking,
    "Embedding": Embedding,
    "Sequential": Sequential,
    "EncoderDecoder": EncoderDecoder,
}


class KerasDialect:
    """The layers as one version of Keras documents them: "3" or "2". The version "" has
    what either of them documents.
    """

    name = "keras"
    called: Mapping[Argument, tuple[str, ...]] = {
        "states": ("initial_state", "states"),
        "mask": ("mask",),
        "training": ("training",),
    }
    misreadings = MISREADINGS
    mistakes: Mapping[str, Mistake] = {}
    replacements: Mapping[str, Replacement] = REPLACEMENTS

    def __init__(self, version: str = "3") -> None:
        self.version = version

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of keras.layers.<layer>; a parameter that is a layer, {"layer":
        name, "params": ...}, or a list of them becomes twins as well.
        """
        kinds = {name: partial(kind, version=self.version) for name, kind in LAYERS.items()}
        return built(
            kinds,
            "keras.layers",
            layer,
            {name: self._param(value, dtype) for name, value in params.items()},
            dtype,
        )

    def _param(self, value: Any, dtype: str) -> Any:
        if isinstance(value, Mapping) and "layer" in value:
            return self.build(value["layer"], value.get("params", {}), dtype)
        return [self._param(part, dtype) for part in value] if isinstance(value, list) else value

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """The number of features. Keras layers learn it from their first input. So the
        case has to say it, unless that input is integers.
        """
        if features is None and not _reads_integers(params):
            raise ValueError("a Keras case needs input.features")
        return features or 0

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments as the twin gives them. For a layer that nobody can build, the
        input alone.
        """
        if twin is not None:
            return twin.arguments(sizes, call)
        return {
            "sequences": Spec(
                sizes.shape or (sizes.batch, sizes.timesteps, sizes.features),
                ("batch", "time", "feature"),
                INPUT_DEVIATION,
            )
        }


def _reads_integers(params: Mapping[str, Any]) -> bool:
    """Whether these are the parameters of an Embedding, or of a model that begins with
    one.
    """
    layers = params.get("layers") or [{}]
    return "input_dim" in params or layers[0].get("layer") == "Embedding"
