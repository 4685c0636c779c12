"""The weights of a whole layer, by the names of any dialect, as those of its single LSTMs, and back.

A name says where a weight belongs: "kernel", "forward/kernel", "1/kernel" in Keras, "weight_ih", "weight_ih_l0", "weight_ih_l1_reverse" in PyTorch.
In both the order of the names is that of layers and, within a layer, of directions.
"""

import re
from collections.abc import Iterable, Mapping

from lstm_ref.conversion.keras import NAMES
from lstm_ref.conversion.torch import NAME as TORCH
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

KERAS = re.compile(rf"(?:(?P<place>.*)/)?(?P<kind>{'|'.join(NAMES)})")


def groups(names: Iterable[str]) -> dict[str, dict[str, str]]:
    """The names of each single LSTM by its place ("", "forward", "0/backward", "_l1_reverse"), in order, by kind. Raises ValueError for a name that
    belongs to none.
    """
    found: dict[str, dict[str, str]] = {}
    for name in names:
        match = _of_lstm(name)
        if match is None:
            raise ValueError(f"{name} is no weight of an LSTM")
        found.setdefault(match["place"] or "", {})[match["kind"]] = name
    return found


def lstms(names: Iterable[str]) -> list[str]:
    """The places of the single LSTMs, in order, whatever else there is."""
    return list(groups(filter(_of_lstm, names)))


def _of_lstm(name: str) -> re.Match[str] | None:
    return KERAS.fullmatch(name) or TORCH.fullmatch(name)


def canonical(weights: Mapping[str, Array]) -> list[LSTMWeights]:
    """The weights of each single LSTM, in order. Raises ValueError for a name that belongs to none."""
    layers = [{kind: weights[name] for kind, name in group.items()} for group in groups(weights).values()]
    return [LSTMWeights.from_keras(layer) if "kernel" in layer else LSTMWeights.from_torch(layer, suffix="") for layer in layers]


def named(layer: LSTMWeights, group: Mapping[str, str]) -> dict[str, Array]:
    """The weights of a single LSTM under the names of a group. A layer without bias takes a layer whose bias is not asked for."""
    weights = layer.to_keras() if "kernel" in group else layer.to_torch(suffix="")
    return {name: weights[kind] for kind, name in group.items()}


def of_place(names: Iterable[str], place: str) -> dict[str, str]:
    """The names that belong to a part of a layer ("forward", "0", "_l0_reverse"), by what they are called in that part by itself."""
    found = {}
    for name in names:
        match = TORCH.fullmatch(name)
        if match and match["place"] == place:
            found[match["kind"]] = name
        elif name.startswith(f"{place}/"):
            found[name.removeprefix(f"{place}/")] = name
    return found


def places(names: Iterable[str]) -> list[str]:
    """The parts of a layer that have weights, outer ones before those inside them."""
    found: dict[str, None] = {}
    for name in names:
        torch = TORCH.fullmatch(name)
        if torch:
            found[torch["place"]] = None
        else:
            steps = name.split("/")[:-1]
            found |= dict.fromkeys("/".join(steps[: k + 1]) for k in range(len(steps)))
    return [place for place in found if place]
