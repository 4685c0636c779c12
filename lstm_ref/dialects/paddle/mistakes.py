"""Mistakes of a layer that no other arguments lead to. A request for such a layer has
the parameter MISTAKE, which no case can have: the tables do not list it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Mistake
from lstm_ref.dialects.paddle.lstm import DIRECTIONS, LSTM
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State

MISTAKE = "mistake"

Params = Mapping[str, Any]
Calls = Sequence[Mapping[str, Any]]


class Mistaken(LSTM):
    """A layer that takes the rows of the states for those of all layers forward, and
    then of all layers backward.
    """

    def __init__(self, *, mistake: str, **params: Any) -> None:
        super().__init__(**params)
        self.mistake = mistake

    def _by_layer(self, h: Array, c: Array) -> list[list[State]]:
        """Row direction * L + layer has the state of one."""
        rows = np.arange(h.shape[-3]).reshape(self.directions, self.num_layers).T.reshape(-1)
        return super()._by_layer(h[..., rows, :, :], c[..., rows, :, :])


def directions_first(params: Params, calls: Calls) -> Params | None:
    """Where there are several layers and two directions, and states are given."""
    several = params.get("num_layers", 1) > 1 and DIRECTIONS.get(params.get("direction", "forward")) == 2
    given = any(isinstance(call.get("initial_states"), (list, tuple)) for call in calls)
    return {**params, MISTAKE: "directions-first"} if several and given else None


MISTAKES: Mapping[str, Mistake] = {"the states come direction by direction": directions_first}
