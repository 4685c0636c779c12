"""Nodes that do not compute what is documented, in ways that a right node cannot show
with any attributes and weights.

A request for such a node has the parameter MISTAKE. No case can have it, because the
tables do not list it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Mistake
from lstm_ref.dialects.onnx.lstm import LSTM
from lstm_ref.reference.activations import Activation, Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.weights import LSTMWeights

MISTAKE = "mistake"


class Mistaken(LSTM):
    """A node that makes one of the MISTAKES."""

    def __init__(self, *, mistake: str, **params: Any) -> None:
        super().__init__(**params)
        self.mistake = mistake

    def functions_of(self, index: int) -> tuple[Activation, Activation, Activation]:
        """The activation functions, changed for two of the mistakes: outputs are
        clipped, or h is not.
        """
        f, g, h = self.functions[3 * index : 3 * index + 3]
        if self.mistake == "clip-after" and self.clip is not None:
            return _limited(f, self.clip), _limited(g, self.clip), _limited(h, self.clip)
        right = super().functions_of(index)
        return (*right[:2], h) if self.mistake == "clip-no-h" else right

    def one_direction(
        self, index: int, x: Array, initial: State, weights: LSTMWeights, mask: Array | None
    ) -> Any:
        """One direction, changed for three of the mistakes: it ignores the lengths,
        exchanges the coupled gates, or lets the output gate see the old c.
        """
        if self.mistake == f"no-lengths-{self.directions[index]}":
            mask = None
        if self.mistake == "coupled-the-other-way":
            weights = _with_gate_i_from_f(weights)
        if self.mistake == "old-c":
            return self._step_by_step(index, x, initial, weights, mask)
        return super().one_direction(index, x, initial, weights, mask)

    def _step_by_step(
        self, index: int, x: Array, initial: State, weights: LSTMWeights, mask: Array | None
    ) -> Any:
        """Run each row and step separately. The output gate sees the old c, as a part
        of its bias, and not the new one.
        """
        assert weights.peepholes is not None
        p_i, p_f, p_o = np.split(weights.peepholes, 3)
        blind = replace(weights, peepholes=np.concatenate([p_i, p_f, np.zeros_like(p_o)]))
        order = range(x.shape[1]) if self.directions[index] == "forward" else reversed(range(x.shape[1]))
        at, outputs = (
            State(initial.h[:, None], initial.c[:, None]),
            np.zeros((*x.shape[:2], self.hidden_size)),
        )
        for t in order:
            seen = np.concatenate([np.zeros((len(x), 3 * self.hidden_size)), p_o * at.c[:, 0]], axis=-1)
            own = replace(blind, bias=weights.bias + seen)
            taken = None if mask is None else mask[:, t : t + 1]
            (_, after), _ = super().one_direction(index, x[:, None, t : t + 1], at, own, None)
            at = (
                after
                if taken is None
                else State(
                    *(np.where(taken[..., None], new, old) for new, old in zip(after, at, strict=True))
                )
            )
            outputs[:, t] = at.h[:, 0]
        return (outputs, State(at.h[:, 0], at.c[:, 0])), None


def _limited(activation: Activation, limit: float) -> Activation:
    """The activation with its output clipped."""
    return lambda z: (np.minimum(np.maximum(activation(z)[0], -limit), limit), activation(z)[1])


def _with_gate_i_from_f(weights: LSTMWeights) -> LSTMWeights:
    """The weights with which sigmoid gates have i = 1 - f. The input gate gets the
    forget gate's weights with their signs changed. Then f = 1 - i follows.
    """

    def changed(array: Array | None) -> Any:
        if array is None:
            return None
        blocks = np.split(array, 3 if array is weights.peepholes else 4, axis=-1)
        return np.concatenate([-blocks[1], *blocks[1:]], axis=-1)

    return replace(
        weights,
        kernel=changed(weights.kernel),
        recurrent_kernel=changed(weights.recurrent_kernel),
        bias=changed(weights.bias),
        recurrent_bias=changed(weights.recurrent_bias),
        peepholes=changed(weights.peepholes),
    )


Params = Mapping[str, Any]
Calls = Sequence[Mapping[str, Any]]


def making(mistake: str, applies: Callable[[Params, Calls], Any]) -> Mistake:
    """A node that makes a mistake, where it can show."""
    return lambda params, calls: {**params, MISTAKE: mistake} if applies(params, calls) else None


def clips(params: Params, calls: Calls) -> bool:
    """Whether the node has a threshold."""
    return params.get("clip") is not None


def clips_h(params: Params, calls: Calls) -> bool:
    """Whether c can be beyond the threshold. With coupled gates a c that begins at 0 is
    a mean of candidates, and the default g keeps these below it.
    """
    among_candidates = (
        params.get("input_forget")
        and not params.get("activations")
        and not any("initial_c" in call for call in calls)
    )
    return params.get("clip") is not None and not among_candidates


def has_peepholes(params: Params, calls: Calls) -> bool:
    """Whether the node has the input P."""
    return bool(params.get("P"))


def has_coupled_sigmoids(params: Params, calls: Calls) -> bool:
    """Whether the gates are coupled and sigmoid. Only such gates can be exchanged by
    changing their weights.
    """
    return bool(params.get("input_forget")) and set((params.get("activations") or ["Sigmoid"])[::3]) == {
        "Sigmoid"
    }


def ends_early_in_two_directions(params: Params, calls: Calls) -> bool:
    """Whether some row ends before the input does, in a node with both directions. In a
    node with one direction all lengths would be ignored.
    """
    time = 1 if params.get("layout") else 0
    given = [(call["sequence_lens"], call["X"]) for call in calls if "sequence_lens" in call]
    return params.get("direction") == "bidirectional" and any(
        np.min(lengths) < X.shape[time] for lengths, X in given
    )


MISTAKES: Mapping[str, Mistake] = {
    "clip bounds what comes out of the activations": making("clip-after", clips),
    "the input of the output activation is not clipped": making("clip-no-h", clips_h),
    "the gates are coupled the other way, i = 1 - f": making("coupled-the-other-way", has_coupled_sigmoids),
    "the output gate's peepholes see the old c": making("old-c", has_peepholes),
    "the lengths are ignored in the forward direction": making(
        "no-lengths-forward", ends_early_in_two_directions
    ),
    "the lengths are ignored in the reverse direction": making(
        "no-lengths-reverse", ends_early_in_two_directions
    ),
}
