"""Mistakes that a Keras layer makes where one of its functions is another one: with the
states that it carries over, with masked outputs, and with directions.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Replacement
from lstm_ref.dialects.keras import lstm, outer_layer, wrappers
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.wrappers import Bidirectional
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State


def carrying(change: Callable[[State], State]) -> Callable[[Any], Any]:
    """Recorded states of which something else is carried over."""

    def wrong(right: Any) -> Any:
        def initial(layer: LSTM, batch: int, given: Any) -> State:
            found: State = right(layer, batch, given)
            return change(found) if given is None and layer.states is not None else found

        return initial

    return wrong


def recorded_before_given(right: Any) -> Any:
    """The states that a call is given are ignored where some are recorded."""

    def initial(layer: LSTM, batch: int, given: Any) -> State:
        found: State = right(layer, batch, given if layer.states is None else None)
        return found

    return initial


def always_stateful(right: Any) -> Any:
    """The last states are recorded, whether the layer is stateful or not."""

    def vjp(layer: LSTM, *args: Any, **kwargs: Any) -> Any:
        stateful = layer.stateful
        layer.stateful = True
        try:
            return right(layer, *args, **kwargs)
        finally:
            layer.stateful = stateful

    return vjp


def resetting(change: Callable[[State], State]) -> Callable[[Any], Any]:
    """A reset that leaves something of the recorded states."""

    def wrong(right: Any) -> Any:
        def reset_state(layer: LSTM, states: Sequence[Array] | None = None) -> None:
            recorded = layer.states
            right(layer, states)
            if states is None and recorded is not None:
                layer.states = change(recorded)

        return reset_state

    return wrong


def mask_of_input_order(right: Any) -> Any:
    """The mask stays in the order of the input where the layer goes backwards."""

    def mask_of(layer: LSTM, given: Any, batch: int, timesteps: int) -> Array | None:
        mask: Array | None = right(layer, given, batch, timesteps)
        return mask[:, ::-1] if mask is not None and layer.go_backwards else mask

    return mask_of


def outputs_of_input_order(right: Any) -> Any:
    """A layer that goes backwards returns its outputs in the order of the input."""

    def vjp(layer: LSTM, *args: Any, **kwargs: Any) -> Any:
        result, pull = right(layer, *args, **kwargs)
        if not (layer.go_backwards and layer.return_sequences):
            return result, pull
        first = result[0] if layer.return_state else result
        turned = first[::-1] if layer.time_major else first[..., ::-1, :]
        return (type(result)([turned, *result[1:]]) if layer.return_state else turned), pull

    return vjp


def merging(change: Mapping[Any, Any]) -> Callable[[Any], Any]:
    """The directions are merged in another mode."""
    return lambda right: lambda mode, y, z: right(change.get(mode, mode), y, z)


REPLACEMENTS: Mapping[str, Replacement] = {
    "only h is carried over to the next call": Replacement(
        LSTM, "_initial", carrying(lambda state: State(state.h, np.zeros_like(state.c)))
    ),
    "only c is carried over to the next call": Replacement(
        LSTM, "_initial", carrying(lambda state: State(np.zeros_like(state.h), state.c))
    ),
    "the rows' states change places on their way to the next call": Replacement(
        LSTM, "_initial", carrying(lambda state: State(*(np.roll(part, 1, axis=-2) for part in state)))
    ),
    "given states are ignored where some are recorded": Replacement(LSTM, "_initial", recorded_before_given),
    "states are carried over by a layer that is not stateful": Replacement(LSTM, "vjp", always_stateful),
    "a reset leaves c": Replacement(
        LSTM, "reset_state", resetting(lambda state: State(np.zeros_like(state.h), state.c))
    ),
    "a reset leaves h": Replacement(
        LSTM, "reset_state", resetting(lambda state: State(state.h, np.zeros_like(state.c)))
    ),
    "zero_output_for_mask is ignored": Replacement(
        lstm, "_masked_output", lambda right: lambda h, mask, zeros: right(h, mask, False)
    ),
    "the outputs of masked steps are always zero": Replacement(
        lstm, "_masked_output", lambda right: lambda h, mask, zeros: right(h, mask, True)
    ),
    "the output before the first step taken is the initial h": Replacement(
        lstm, "_masked_output", lambda right: lambda h, mask, zeros: right(h, mask if zeros else None, zeros)
    ),
    "the mask stays in the order of the input with go_backwards": Replacement(
        LSTM, "_mask", mask_of_input_order
    ),
    "with go_backwards the outputs are in the order of the input": Replacement(
        LSTM, "vjp", outputs_of_input_order
    ),
    "the backward layer's outputs are in the order of its steps": Replacement(
        Bidirectional, "_in_order", lambda right: lambda layer, sequence: sequence
    ),
    "the average of the directions is their sum": Replacement(wrappers, "_merge", merging({"ave": "sum"})),
    "the product of the directions is their sum": Replacement(wrappers, "_merge", merging({"mul": "sum"})),
    "the backward direction comes first in what is merged": Replacement(
        wrappers, "_merge", lambda right: lambda mode, y, z: right(mode, z, y)
    ),
    "the mask ends after the first layer": Replacement(
        outer_layer, "mask_after", lambda right: lambda layer, mask: None
    ),
}
