"""How a case of the Flax dialect becomes a layer and its arguments."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from lstm_ref.dialects.dialect import Argument, Misreading, Mistake, Replacement, Sizes, Twin, built
from lstm_ref.dialects.flax.arguments import inputs_spec
from lstm_ref.dialects.flax.bidirectional import Bidirectional
from lstm_ref.dialects.flax.cells import LSTMCell, OptimizedLSTMCell
from lstm_ref.dialects.flax.mistakes import MISREADINGS, MISTAKE, MISTAKES, Mistaken
from lstm_ref.dialects.flax.rnn import RNN

PARTS = ("cell", "forward_rnn")


class FlaxDialect:
    """How a case of the Flax dialect becomes arguments."""

    name = "flax"
    called: Mapping[Argument, tuple[str, ...]] = {
        "carry": ("carry", "initial_carry"),
        "lengths": ("seq_lengths",),
    }
    misreadings: Mapping[str, Misreading] = MISREADINGS
    mistakes: Mapping[str, Mistake] = MISTAKES
    replacements: Mapping[str, Replacement] = {}

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of flax.nnx.<layer>, with those of the layers among its parameters;
        with a MISTAKE among them, one that makes it.
        """
        mistake = params.get(MISTAKE)
        layers: Mapping[str, Callable[..., Any]] = {
            "LSTMCell": LSTMCell,
            "OptimizedLSTMCell": OptimizedLSTMCell,
            "RNN": partial(Mistaken, mistake=mistake) if mistake else RNN,
            "Bidirectional": Bidirectional,
        }

        def made(layer: str, params: Mapping[str, Any]) -> Any:
            given = {
                name: made(value["layer"], value["params"])
                if isinstance(value, Mapping) and "layer" in value
                else value
                for name, value in params.items()
                if name != MISTAKE
            }
            return built(layers, "flax.nnx", layer, given, dtype)

        twin: Twin = made(layer, params)
        return twin

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """`in_features` of the first cell, unless the case wants another number."""
        if features is not None:
            return features
        inside = next((params[name]["params"] for name in PARTS if name in params), None)
        return int(params["in_features"]) if inside is None else self.features(inside, None)

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """What the layer makes of the call; of one that nobody can build, the inputs
        alone.
        """
        return (
            twin.arguments(sizes, call)
            if twin is not None
            else {"inputs": inputs_spec(sizes, time_major=False)}
        )


DIALECTS = {"": FlaxDialect()}
