"""The loop over time, and back-propagation through it.

Source of the backward pass: Graves 2012, "Supervised Sequence Labelling with Recurrent Neural Networks", section 4.6, for an LSTM without peepholes.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstm_ref.reference.activations import Activation, Array, sigmoid, tanh
from lstm_ref.reference.cell import State, step
from lstm_ref.reference.weights import LSTMWeights


class SequenceGradient(NamedTuple):
    """Gradients of a run: the input (..., batch, timesteps, features), the initial state, and the weights."""

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
) -> tuple[tuple[Array, State], Callable[[Array, State], SequenceGradient]]:
    """Run the layer over x (..., batch, timesteps, features), one step or more, from the `initial` state.

    Where `mask` (batch, timesteps) is False, the step does not happen: the state stays as it was. Sequences of unequal length are the mask that
    is False after each one's end.

    Returns h after every step (..., batch, timesteps, outputs) and the last state. The pullback takes the gradients of both.
    """
    timesteps = x.shape[-2]
    z_x = from_input(x, weights)
    states, pullbacks = [initial], []
    for t in range(timesteps):
        after, pull_step = step(z_x[..., t, :], states[t], weights, activation, recurrent_activation)
        states.append(after if mask is None else choose(mask[:, t, None], after, states[t]))
        pullbacks.append(pull_step)
    h = over_time([state.h for state in states[1:]])

    @np.errstate(over="ignore")
    def pullback(dh: Array, d_last: State) -> SequenceGradient:
        d_state, steps = d_last, []
        for t in reversed(range(timesteps)):
            d_state = State(d_state.h + dh[..., t, :], d_state.c)
            if mask is None:
                steps.append(pullbacks[t](d_state))
                d_state = steps[-1].before
            else:
                happened, nothing = mask[:, t, None], State(np.zeros_like(d_state.h), np.zeros_like(d_state.c))
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
            kernel=outer(x, dz),
            recurrent_kernel=outer(h_before, dz),
            bias=d_bias,
            recurrent_bias=None if weights.recurrent_bias is None else d_bias,
            projection=sum(projections[1:], start=projections[0]) if projections else None,
        )
        return SequenceGradient(dz @ weights.kernel.T, d_state, d_weights)

    return (h, states[-1]), pullback


def from_input(x: Array, weights: LSTMWeights) -> Array:
    """What the input alone adds to the four gates, at all steps: x W + b (..., batch, timesteps, 4 units), with both biases where there are two."""
    z_x = x @ weights.kernel + weights.bias
    return z_x if weights.recurrent_bias is None else z_x + weights.recurrent_bias


def choose(condition: Array, yes: State, no: State) -> State:
    """The state `yes` where the condition (batch, 1) holds, else `no`."""
    return State(np.where(condition, yes.h, no.h), np.where(condition, yes.c, no.c))


def over_time(steps: list[Array]) -> Array:
    """Arrays (..., batch, n), one a step, as one array (..., batch, timesteps, n). Leading axes that only some of them have are carried along."""
    return np.stack(np.broadcast_arrays(*steps, subok=True), axis=-2)


def outer(a: Array, b: Array) -> Array:
    """Sum over batch and timesteps of the outer products of a (..., batch, timesteps, n) and b (..., batch, timesteps, m): (..., n, m)."""

    def flat(v: Array) -> Array:
        return v.reshape(*v.shape[:-3], v.shape[-3] * v.shape[-2], v.shape[-1])

    return flat(a).swapaxes(-1, -2) @ flat(b)
