"""What is mistaken about the arguments of the cells and layers.

A request for a layer that makes a mistake which no other arguments lead to has the
parameter MISTAKE, which no case can have: the tables do not list it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Misreading, Mistake
from lstm_ref.dialects.flax.cells import SIGMOID, TANH
from lstm_ref.dialects.flax.rnn import RNN
from lstm_ref.reference.activations import Array

MISTAKE = "mistake"

Params = Mapping[str, Any]
Calls = Sequence[Mapping[str, Any]]


class Mistaken(RNN):
    """A layer that makes one of the MISTAKES."""

    def __init__(self, *, mistake: str, **params: Any) -> None:
        super().__init__(**params)
        self.mistake = mistake

    def mask(self, lengths: Array | None, timesteps: int) -> Array | None:
        """All steps, where the carry is not that of the last valid element."""
        return None if self.mistake == "carry-of-the-last-step" else super().mask(lengths, timesteps)

    def reversed_order(self, lengths: Array | None, rows: int, timesteps: int) -> Array:
        """From the end of the input, where the padding does not stay at the end."""
        whole = None if self.mistake == "padding-first" else lengths
        return super().reversed_order(whole, rows, timesteps)


def exchanged(params: Params) -> Params | None:
    """gate_fn and activation_fn are taken for one another, in all cells."""
    found = {name: _of_part(exchanged, value) for name, value in params.items()}
    if "hidden_features" in found:
        found["gate_fn"], found["activation_fn"] = (
            params.get("activation_fn", TANH),
            params.get("gate_fn", SIGMOID),
        )
        if found["gate_fn"] == found["activation_fn"]:
            return None
    return found if found != params else None


def _of_part(misread: Misreading, value: Any) -> Any:
    if not isinstance(value, Mapping) or "layer" not in value:
        return value
    changed = misread(value["params"])
    return value if changed is None else {**value, "params": changed}


def ignored(name: str, needs: Callable[[Params, Calls], bool]) -> Mistake:
    """The parameter is ignored, where no call has it as an argument."""

    def mistaken(params: Params, calls: Calls) -> Params | None:
        overridden = any(name in call for call in calls)
        if not params.get(name) or overridden or not needs(params, calls):
            return None
        return {key: value for key, value in params.items() if key != name}

    return mistaken


def takes_steps(params: Params, calls: Calls) -> bool:
    """Whether some row has more steps than one."""
    return any(
        _timesteps(params, call) > 1 and np.max(call.get("seq_lengths", 2), initial=0) > 1 for call in calls
    )


def reverses(params: Params, calls: Calls) -> bool:
    """Whether a layer reads in reverse, which alone gives keep_order a meaning."""
    return takes_steps(params, [call for call in calls if call.get("reverse", params.get("reverse"))])


def ends_early(params: Params, calls: Calls) -> bool:
    """Whether some row ends before the input does."""
    return any(
        np.min(call.get("seq_lengths", _timesteps(params, call))) < _timesteps(params, call) for call in calls
    )


def shows_carry(params: Params, calls: Calls) -> bool:
    """The same of a layer that returns its carry in such a call."""
    return any(
        ends_early(params, [call]) and call.get("return_carry", params.get("return_carry")) for call in calls
    )


def pads_in_reverse(params: Params, calls: Calls) -> bool:
    """The same of a layer that reads in reverse in such a call."""
    return any(
        ends_early(params, [call])
        and ("backward_rnn" in params or call.get("reverse", params.get("reverse")))
        for call in calls
    )


def _timesteps(params: Params, call: Mapping[str, Any]) -> int:
    time_major = call.get("time_major", params.get("time_major", False))
    shape = np.shape(call["inputs"])
    return int(shape[0] if time_major else shape[-2])


def making(mistake: str, applies: Callable[[Params, Calls], bool]) -> Mistake:
    """A layer that makes a mistake, where it can show."""
    return lambda params, calls: (
        {**params, MISTAKE: mistake} if "hidden_features" not in params and applies(params, calls) else None
    )


MISREADINGS: Mapping[str, Misreading] = {"gate_fn and activation_fn change places": exchanged}

MISTAKES: Mapping[str, Mistake] = {
    "reverse is ignored": ignored("reverse", takes_steps),
    "keep_order is ignored": ignored("keep_order", reverses),
    "the carry is that of the last step, valid or not": making("carry-of-the-last-step", shows_carry),
    "in reverse the padding comes first": making("padding-first", pads_in_reverse),
}
