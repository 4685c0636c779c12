"""One step of the LSTM, forward and backward.

Source: Hochreiter and Schmidhuber 1997, with the forget gate of Gers, Schmidhuber and
Cummins 2000, in the form of Graves 2013. Most layers leave out the peepholes of that
form. The projection is that of Sak, Senior and Beaufays 2014. The coupled gates are
those of Greff et al. 2017.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from lstm_ref.reference.activations import Activation, Array, sigmoid, tanh
from lstm_ref.reference.dropout import product, pull_to_input
from lstm_ref.reference.weights import LSTMWeights


class State(NamedTuple):
    """What a layer remembers: its output h (..., batch, outputs) and its cell state c
    (..., batch, units). Also holds their gradient.
    """

    h: Array
    c: Array


class Variant(NamedTuple):
    """What some LSTMs do differently. The plain LSTM does none of it.

    `output_activation` takes c on its way to h, in place of `activation`. With
    `coupled` gates f is 1 - i, and the pre-activation of the forget gate is not used.
    """

    output_activation: Activation | None = None
    coupled: bool = False


PLAIN = Variant()


class StepGradient(NamedTuple):
    """Gradients of one step: of the pre-activations z (..., batch, 4 units), of the
    state before it, and of the projection (..., units, outputs), None without one.
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
    variant: Variant = PLAIN,
) -> tuple[State, Callable[[State], StepGradient]]:
    """Take one step from the state `before` to the next.

    W is the kernel, U the recurrent kernel, b the bias, R the projection, p the
    peepholes. z_x = x_t W + b (..., batch, 4 units) is what the input adds to the four
    gates. It does not depend on the state. So the caller computes it for all steps at
    once. `recurrent_dropout` (1 or 4 gates, batch, outputs) is a mask on h.

    The pullback takes the gradient of the new state.
    """
    U, R = weights.recurrent_kernel, weights.projection
    p_i, p_f, p_o = peepholes(weights)
    h, c = before

    z_i, z_f, z_g, z_o = gates(z_x + product(h, recurrent_dropout, U))
    i, pull_i = recurrent_activation(see(z_i, p_i, c))  # input gate
    f, pull_f = recurrent_activation(see(z_f, p_f, c))  # forget gate
    if variant.coupled:
        f = 1 - i
    g, pull_g = activation(z_g)  # candidate
    c_new = f * c + i * g
    o, pull_o = recurrent_activation(see(z_o, p_o, c_new))  # output gate, which sees the new c
    a, pull_a = (variant.output_activation or activation)(c_new)
    m = o * a
    h_new = m if R is None else m @ R

    def pullback(after: State) -> StepGradient:
        dh_new, dc_new = after
        dm = dh_new if R is None else dh_new @ R.swapaxes(-1, -2)
        dz_o = pull_o(dm * a)
        dc_new = see(dc_new + pull_a(dm * o), p_o, dz_o)
        di, df = dc_new * g, dc_new * c
        if variant.coupled:
            di, df = di - df, np.zeros_like(df)
        dz_i, dz_f, dz_g = pull_i(di), pull_f(df), pull_g(dc_new * i)
        dz = np.concatenate([dz_i, dz_f, dz_g, dz_o], axis=-1)
        dc = see(see(dc_new * f, p_i, dz_i), p_f, dz_f)
        dR = None if R is None else m.swapaxes(-1, -2) @ dh_new
        return StepGradient(dz, State(pull_to_input(dz, recurrent_dropout, U), dc), dR)

    return State(h_new, c_new), pullback


def gates(z: Array) -> tuple[Array, Array, Array, Array]:
    """The four blocks of z (..., 4 units): input gate, forget gate, candidate, output
    gate.
    """
    units = z.shape[-1] // 4
    return z[..., :units], z[..., units : 2 * units], z[..., 2 * units : 3 * units], z[..., 3 * units :]


def peepholes(weights: LSTMWeights) -> tuple[Array | None, Array | None, Array | None]:
    """The peepholes of the input, forget and output gate (..., 1, units), if there are
    any.
    """
    if weights.peepholes is None:
        return None, None, None
    p_i, p_f, p_o = np.split(weights.peepholes[..., None, :], 3, axis=-1)
    return p_i, p_f, p_o


def see(z: Array, p: Array | None, c: Array) -> Array:
    """Add to z what the gate sees of c through its peepholes p, if it has any. The
    backward pass uses it too: there it adds to the gradient of c what comes from z.
    """
    return z if p is None else z + p * c
