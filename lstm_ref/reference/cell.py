"""One step of the LSTM, forward and backward.

Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and Cummins 2000, in the form of Graves 2013 without
peepholes; the projection is that of Sak, Senior and Beaufays 2014.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstm_ref.reference.activations import Activation, Array, sigmoid, tanh
from lstm_ref.reference.dropout import product, pull_to_input
from lstm_ref.reference.weights import LSTMWeights


class State(NamedTuple):
    """What a layer remembers: its output h (..., batch, outputs) and its cell state c (..., batch, units). Also holds their gradient."""

    h: Array
    c: Array


class StepGradient(NamedTuple):
    """Gradients of one step: of the pre-activations z (..., batch, 4 units), of the state before it, and of the projection (..., units,
    outputs), None without one.
    """

    z: Array
    before: State
    projection: Array | None


def step(
    z_x: Array,
    before: State,
    weights: LSTMWeights,
    activation: Activation = tanh,
    recurrent_activation: Activation = sigmoid,
    recurrent_dropout: Array | None = None,
) -> tuple[State, Callable[[State], StepGradient]]:
    """Take one step from the state `before` to the next.

    W is the kernel, U the recurrent kernel, b the bias, R the projection. z_x = x_t W + b (..., batch, 4 units) is what the input adds to the
    four gates: it does not depend on the state, so that the caller computes it for all steps at once. `recurrent_dropout` (1 or 4 gates, batch,
    outputs) is a mask on h.

    The pullback takes the gradient of the new state.
    """
    U, R = weights.recurrent_kernel, weights.projection
    h, c = before

    z_i, z_f, z_g, z_o = gates(z_x + product(h, recurrent_dropout, U))
    i, pull_i = recurrent_activation(z_i)  # input gate
    f, pull_f = recurrent_activation(z_f)  # forget gate
    g, pull_g = activation(z_g)  # candidate
    o, pull_o = recurrent_activation(z_o)  # output gate
    c_new = f * c + i * g
    a, pull_a = activation(c_new)
    m = o * a
    h_new = m if R is None else m @ R

    def pullback(after: State) -> StepGradient:
        dh_new, dc_new = after
        dm = dh_new if R is None else dh_new @ R.swapaxes(-1, -2)
        dc_new = dc_new + pull_a(dm * o)
        dz = np.concatenate([pull_i(dc_new * g), pull_f(dc_new * c), pull_g(dc_new * i), pull_o(dm * a)], axis=-1)
        dR = None if R is None else m.swapaxes(-1, -2) @ dh_new
        return StepGradient(dz, State(pull_to_input(dz, recurrent_dropout, U), dc_new * f), dR)

    return State(h_new, c_new), pullback


def gates(z: Array) -> tuple[Array, Array, Array, Array]:
    """The four blocks of z (..., 4 units): input gate, forget gate, candidate, output gate."""
    units = z.shape[-1] // 4
    return z[..., :units], z[..., units : 2 * units], z[..., 2 * units : 3 * units], z[..., 3 * units :]
