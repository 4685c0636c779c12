"""What is Keras 3's own, on every backend."""

import random
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

MASKS = {"dropout": "_dropout_mask", "recurrent_dropout": "_recurrent_dropout_mask"}


class Keras3:
    """What is Keras 3's own."""

    def seed(self, keras: Any, seed: int) -> None:
        """`keras.utils.set_random_seed` without the backend's own seed. Keras 3 draws
        from Python's seed, and passes numbers to stateless operations. After a new seed
        TensorFlow prepares all its operations again, which takes 15 ms a request.
        """
        random.seed(seed)
        np.random.seed(seed)

    def name(self, variable: Any) -> str:
        """`Variable.name`."""
        return str(variable.name)

    def source(self, variable: Any) -> Any:
        """`Variable.value`, the backend's own variable."""
        return variable.value

    def watch(self, layer: Any, found: dict[str, Any]) -> None:
        """A layer has its cell forget the masks at the end of a call."""
        for kind, attribute in MASKS.items():
            forget = getattr(layer, f"reset{attribute}", None)
            if forget is not None:
                setattr(layer, f"reset{attribute}", partial(_keep, layer, kind, attribute, forget, found))

    def masks(self, layer: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was found, or what a cell still has that no layer told to forget."""
        kept = {kind: getattr(layer, attribute, None) for kind, attribute in MASKS.items()}
        return {kind: mask for kind, mask in {**kept, **found}.items() if mask is not None}

    def reset(self, layer: Any) -> None:
        """`reset_state()`, which a model does not have: its layers do."""
        for each in [layer] if hasattr(layer, "reset_state") else layer.layers:
            if hasattr(each, "reset_state"):
                each.reset_state()


def _keep(layer: Any, kind: str, attribute: str, forget: Any, found: dict[str, Any]) -> None:
    mask = getattr(layer, attribute, None)
    if mask is not None:
        found[kind] = mask
    forget()
