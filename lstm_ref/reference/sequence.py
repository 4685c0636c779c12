"""The loop over time, and back-propagation through it.

Source of the backward pass: Graves 2012, "Supervised Sequence Labelling with Recurrent
Neural Networks", section 4.6.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

import numpy as np

from lstm_ref.reference.activations import Activation, Array, sigmoid, tanh
from lstm_ref.reference.cell import PLAIN, State, StepGradient, Variant, gates, step
from lstm_ref.reference.dropout import product, pull_to_input, pull_to_weights
from lstm_ref.reference.weights import LSTMWeights

Walk: TypeAlias = Iterator[tuple[State, Callable[[State], StepGradient]]]  # one a step

# What the input adds to the gates is computed for about so many numbers at once: one
# product for many steps is fast, and one for all steps may hold 4 times the output.
BLOCK = 1 << 18


class SequenceGradient(NamedTuple):
    """Gradients of a run: the input (..., batch, timesteps, features), the initial
    state, and the weights.
    """

    x: Array
    initial: State
    weights: LSTMWeights


@np.errstate(over="ignore")  # exp(-z) of a shut gate may overflow: its sigmoid is 0 all the same
def run(
    x: Array,
    initial: State,
    weights: LSTMWeights,
    activation: Activation = tanh,
    recurrent_activation: Activation = sigmoid,
    mask: Array | None = None,
    dropout: Array | None = None,
    recurrent_dropout: Array | None = None,
    variant: Variant = PLAIN,
) -> tuple[tuple[Array, State], Callable[[Array, State], SequenceGradient]]:
    """Run the layer over x (..., batch, timesteps, features), one step or more, from
    the `initial` state. The arguments are those of `walk`.

    Returns h after every step (..., batch, timesteps, outputs) and the last state. The
    pullback takes the gradients of both. It holds what the steps computed, 7 times as
    much as h; `forward` takes the same walk and holds h alone.
    """
    timesteps = x.shape[-2]
    states, pullbacks = [initial], []
    for state, pull_step in walk(
        x, initial, weights, activation, recurrent_activation, mask, dropout, recurrent_dropout, variant
    ):
        states.append(state)
        pullbacks.append(pull_step)
    h = over_time([state.h for state in states[1:]])
    drop_x, drop_h = spread(dropout, timesteps), spread(recurrent_dropout, timesteps)

    @np.errstate(over="ignore")
    def pullback(dh: Array, d_last: State) -> SequenceGradient:
        d_state, steps = d_last, []
        for t in reversed(range(timesteps)):
            d_state = State(d_state.h + dh[..., t, :], d_state.c)
            if mask is None:
                steps.append(pullbacks[t](d_state))
                d_state = steps[-1].before
            else:
                happened, nothing = (
                    mask[:, t, None],
                    State(np.zeros_like(d_state.h), np.zeros_like(d_state.c)),
                )
                kept = choose(happened, nothing, d_state)
                steps.append(pullbacks[t](choose(happened, d_state, nothing)))
                d_state = State(steps[-1].before.h + kept.h, steps[-1].before.c + kept.c)
        steps.reverse()

        # All steps share the weights: their gradient is the sum over steps and batch.
        dz = over_time([g.z for g in steps])
        h_before = over_time([state.h for state in states[:-1]])
        projections = [g.projection for g in steps if g.projection is not None]
        d_bias = np.sum(dz, axis=(-3, -2))
        d_weights = LSTMWeights(
            kernel=pull_to_weights(rows(x), rows_of_mask(drop_x), rows(dz)),
            recurrent_kernel=pull_to_weights(rows(h_before), rows_of_mask(drop_h), rows(dz)),
            bias=d_bias,
            recurrent_bias=None if weights.recurrent_bias is None else d_bias,
            projection=sum(projections[1:], start=projections[0]) if projections else None,
            peepholes=None
            if weights.peepholes is None
            else pull_to_peepholes(dz, [state.c for state in states]),
        )
        dx = pull_to_input(rows(dz), rows_of_mask(drop_x), weights.kernel)
        return SequenceGradient(steps_of(dx, timesteps), d_state, d_weights)

    return (h, states[-1]), pullback


@np.errstate(over="ignore")
def forward(steps: Walk) -> tuple[Array, State]:
    """h after every step of a walk (..., batch, timesteps, outputs) and the last state:
    what `run` returns, where nobody asks for gradients.
    """
    h = []
    for state, _ in steps:
        h.append(state.h)
    return over_time(h), state


def walk(
    x: Array,
    initial: State,
    weights: LSTMWeights,
    activation: Activation = tanh,
    recurrent_activation: Activation = sigmoid,
    mask: Array | None = None,
    dropout: Array | None = None,
    recurrent_dropout: Array | None = None,
    variant: Variant = PLAIN,
) -> Walk:
    """Walk over x (..., batch, timesteps, features) from the `initial` state: the state
    after each step, and the pullback of that step.

    Where `mask` (batch, timesteps) is False, the step does not happen: the state stays
    as it was. For sequences of unequal length, the mask is False after the end of each.

    `dropout` (gates, batch, timesteps, features) is a mask on x, `recurrent_dropout`
    (gates, batch, timesteps, outputs) one on the h that enters each step. An axis of
    gates or timesteps that has length 1 stands for all.
    """
    *_, batch, timesteps, _ = x.shape
    drop_x, drop_h = spread(dropout, timesteps), spread(recurrent_dropout, timesteps)
    state = initial
    at_once = 1 + BLOCK // (1 + batch * weights.kernel.shape[-1])
    for start in range(0, timesteps, at_once):
        block = slice(start, start + at_once)
        z_x = from_input(x[..., block, :], weights, None if drop_x is None else drop_x[..., block, :])
        for t in range(start, min(start + at_once, timesteps)):
            drop = None if drop_h is None else drop_h[..., t, :]
            after, pull_step = step(
                z_x[..., t - start, :], state, weights, activation, recurrent_activation, drop, variant
            )
            state = after if mask is None else choose(mask[:, t, None], after, state)
            yield state, pull_step


def from_input(x: Array, weights: LSTMWeights, dropout: Array | None = None) -> Array:
    """What the input alone adds to the four gates, at all steps: x W + b (..., batch,
    timesteps, 4 units), with both biases where there are two.
    """
    z_x = product(rows(x), rows_of_mask(dropout), weights.kernel) + weights.bias[..., None, :]
    if weights.recurrent_bias is not None:
        z_x = z_x + weights.recurrent_bias[..., None, :]
    return steps_of(z_x, x.shape[-2])


def pull_to_peepholes(dz: Array, c: list[Array]) -> Array:
    """The gradient of the peepholes (..., 3 units): that of each gate times the c that
    it saw, summed over steps and batch. `c` begins with that of the initial state; i
    and f saw the one before the step, o the one after.
    """
    dz_i, dz_f, _, dz_o = gates(dz)
    before, after = over_time(c[:-1]), over_time(c[1:])
    dp: Array = np.sum(np.concatenate([dz_i * before, dz_f * before, dz_o * after], axis=-1), axis=(-3, -2))
    return dp


def spread(mask: Array | None, timesteps: int) -> Array | None:
    """The mask (..., timesteps or 1, n) with all its timesteps, if there is one."""
    if mask is None:
        return None
    return np.broadcast_to(mask, (*mask.shape[:-2], timesteps, mask.shape[-1]))


def rows(sequences: Array) -> Array:
    """(..., batch, timesteps, n) as (..., batch * timesteps, n): one row a step, to
    which weights with leading axes of their own fit as well.
    """
    *leading, batch, timesteps, n = sequences.shape
    return sequences.reshape(*leading, batch * timesteps, n)


def rows_of_mask(mask: Array | None) -> Array | None:
    """`rows` of a mask, if there is one."""
    return None if mask is None else rows(mask)


def steps_of(flat: Array, timesteps: int) -> Array:
    """The reverse of `rows`."""
    *leading, count, n = flat.shape
    return flat.reshape(*leading, count // timesteps, timesteps, n)


def choose(condition: Array, yes: State, no: State) -> State:
    """The state `yes` where the condition (batch, 1) holds, else `no`."""
    return State(np.where(condition, yes.h, no.h), np.where(condition, yes.c, no.c))


def over_time(steps: list[Array]) -> Array:
    """Arrays (..., batch, n), one a step, as one array (..., batch, timesteps, n).
    Leading axes that only some of them have are carried along.
    """
    return np.stack(np.broadcast_arrays(*steps, subok=True), axis=-2)
