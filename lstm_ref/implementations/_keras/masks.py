"""The dropout masks that a layer drew."""

from typing import Any

from lstm_ref.implementations._keras.framework import Framework, ours
from lstm_ref.implementations._keras.layers import LiveLayer, joined, parts


def masks_of(at: Framework, live: LiveLayer) -> dict[str, Any]:
    """The masks by name, each (gates, batch, timesteps, n)."""
    masks = {}
    with ours("read the dropout masks"):
        for prefix, part in parts(live.layer):
            for kind, drawn in at.generation.masks(part, live.found[prefix]).items():
                gates = at.backend.stack(drawn if isinstance(drawn, (list, tuple)) else [drawn])
                if len(gates.shape) == 4 and getattr(part, "time_major", False):
                    gates = at.backend.transpose(gates, (0, 2, 1, 3))
                masks[joined(prefix, kind)] = gates if len(gates.shape) == 4 else gates[:, :, None, :]
    return masks


def forget_masks(live: LiveLayer) -> None:
    """Make cells that are called directly draw new masks. Such cells keep their masks,
    and these come from a trace that nobody runs.
    """
    for prefix, part in parts(live.layer):
        for forget in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
            if hasattr(part, forget):
                getattr(part, forget)()
        live.found[prefix].clear()
