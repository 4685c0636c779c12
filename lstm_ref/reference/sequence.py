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
    z_x = x @ weights.kernel + weights.bias
    state, states, pullbacks = initial, [], []
    for t in range(timesteps):
        states.append(state)
        after, pull_step = step(z_x[..., t, :], state, weights, activation, recurrent_activation)
        state = after if mask is None else choose(mask[:, t, None], after, state)
        pullbacks.append(pull_step)
    h = over_time([s.h for s in states[1:]] + [state.h])

    @np.errstate(over="ignore")
    def pullback(dh: Array, d_last: State) -> SequenceGradient:
        d_state = d_last
        steps = []
        for t in reversed(range(timesteps)):
            d_state = State(d_state.h + dh[..., t, :], d_state.c)
            if mask is None:
                gradient = pullbacks[t](d_state)
                d_state = gradient.before
            else:
                happened, nothing = mask[:, t, None], State(np.zeros_like(d_state.h), np.zeros_like(d_state.c))
                gradient = pullbacks[t](choose(happened, d_state, nothing))
                kept = choose(happened, nothing, d_state)
                d_state = State(gradient.before.h + kept.h, gradient.before.c + kept.c)
            steps.append(gradient)
        steps.reverse()

        # All steps share the weights: their gradient is the sum over steps and batch, taken as one product.
        dz = over_time([g.z for g in steps])
        h_before = over_time([s.h for s in states])
        d_projection = None
        if weights.projection is not None:
            d_projection = outer(over_time([g.unprojected for g in steps]), over_time([g.h for g in steps]))
        d_weights = LSTMWeights(outer(x, dz), outer(h_before, dz), np.sum(dz, axis=(-3, -2)), d_projection)
        return SequenceGradient(dz @ weights.kernel.T, d_state, d_weights)

    return (h, state), pullback


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
