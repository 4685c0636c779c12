"""The weights of a whole layer, by the names of any dialect, as those of its single LSTMs, and back.

A name says where a weight belongs: "kernel", "forward/kernel", "1/kernel" in Keras, "weight_ih", "weight_ih_l0", "weight_ih_l1_reverse" in PyTorch.
In both the order of the names is that of layers and, within a layer, of directions.
"""

import re
from collections.abc import Iterable, Mapping

from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

KERAS = re.compile(r"(?P<place>.*/)?(?P<kind>kernel|recurrent_kernel|bias)")
TORCH = re.compile(r"(?P<kind>weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)(?P<place>_l\d+(_reverse)?)?")


def groups(names: Iterable[str]) -> list[dict[str, str]]:
    """The names of each single LSTM, in order, by kind. Raises ValueError for a name that belongs to none."""
    found: dict[str, dict[str, str]] = {}
    for name in names:
        match = KERAS.fullmatch(name) or TORCH.fullmatch(name)
        if match is None:
            raise ValueError(f"{name} is no weight of an LSTM")
        found.setdefault(match["place"] or "", {})[match["kind"]] = name
    return list(found.values())


def canonical(weights: Mapping[str, Array]) -> list[LSTMWeights]:
    """The weights of each single LSTM, in order. Raises ValueError for a name that belongs to none."""
    layers = [{kind: weights[name] for kind, name in group.items()} for group in groups(weights)]
    return [LSTMWeights.from_keras(layer) if "kernel" in layer else LSTMWeights.from_torch(layer, suffix="") for layer in layers]


def named(layer: LSTMWeights, group: Mapping[str, str]) -> dict[str, Array]:
    """The weights of a single LSTM under the names of a group. A layer without bias takes a layer whose bias is not asked for."""
    weights = layer.to_keras() if "kernel" in group else layer.to_torch(suffix="")
    return {name: weights[kind] for kind, name in group.items()}
