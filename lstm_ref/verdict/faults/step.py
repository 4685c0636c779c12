"""The equations of one step once more, one by one and by name, so that each of them can
be a wrong one.

A test holds that together they are the step of the reference, to the last bit.
"""

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.reference.activations import Activation, Array, sigmoid, tanh
from lstm_ref.reference.cell import PLAIN, State, StepGradient, Variant, gates, peepholes, see
from lstm_ref.reference.dropout import product, pull_to_input
from lstm_ref.reference.weights import LSTMWeights

# The values that a step has computed so far, by the names that the reference gives
# them; and an equation, which computes one or more from them.
Values: TypeAlias = SimpleNamespace
Equation: TypeAlias = Callable[[Values], Any]

FORWARD: Mapping[str, Equation] = {
    "z": lambda v: v.z_x + product(v.h, v.drop, v.U),
    "i": lambda v: v.sigma(see(v.z_i, v.p_i, v.c)),
    "f": lambda v: v.sigma(see(v.z_f, v.p_f, v.c)),
    "g": lambda v: v.phi(v.z_g),
    "c_new": lambda v: v.f * v.c + v.i * v.g,
    "o": lambda v: v.sigma(see(v.z_o, v.p_o, v.c_new)),
    "a": lambda v: v.out(v.c_new),
    "m": lambda v: v.o * v.a,
    "h_new": lambda v: v.m if v.R is None else v.m @ v.R,
    "c_kept": lambda v: v.c_new,
}

BACKWARD: Mapping[str, Equation] = {
    "dm": lambda v: v.dh_new if v.R is None else v.dh_new @ v.R.swapaxes(-1, -2),
    "dz_o": lambda v: v.pull_o(v.dm * v.a),
    "dc_all": lambda v: see(v.dc_new + v.pull_a(v.dm * v.o), v.p_o, v.dz_o),
    "di": lambda v: v.dc_all * v.g,
    "df": lambda v: v.dc_all * v.c,
    "dg": lambda v: v.dc_all * v.i,
    "dz_i": lambda v: v.pull_i(v.di - v.df if v.coupled else v.di),
    "dz_f": lambda v: v.pull_f(np.zeros_like(v.df) if v.coupled else v.df),
    "dz_g": lambda v: v.pull_g(v.dg),
    "dz": lambda v: np.concatenate([v.dz_i, v.dz_f, v.dz_g, v.dz_o], axis=-1),
    "dh": lambda v: pull_to_input(v.dz, v.drop, v.U),
    "dc": lambda v: see(see(v.dc_all * v.f, v.p_i, v.dz_i), v.p_f, v.dz_f),
    "dR": lambda v: None if v.R is None else v.m.swapaxes(-1, -2) @ v.dh_new,
}

GATED = ("i", "f", "g", "o", "a")  # what an activation gives, with its pullback


def with_equations(**wrong: Equation) -> Callable[[Any], Any]:
    """A step of these equations, and of the right ones for all that are not given."""
    forward = {name: wrong.get(name, right) for name, right in FORWARD.items()}
    backward = {name: wrong.get(name, right) for name, right in BACKWARD.items()}

    def step(
        z_x: Array,
        before: State,
        weights: LSTMWeights,
        activation: Activation = tanh,
        recurrent_activation: Activation = sigmoid,
        recurrent_dropout: Array | None = None,
        variant: Variant = PLAIN,
    ) -> tuple[State, Callable[[State], StepGradient]]:
        p_i, p_f, p_o = peepholes(weights)
        v = Values(
            z_x=z_x, h=before.h, c=before.c, U=weights.recurrent_kernel, R=weights.projection,
            p_i=p_i, p_f=p_f, p_o=p_o, phi=activation, sigma=recurrent_activation,
            out=variant.output_activation or activation, drop=recurrent_dropout, coupled=variant.coupled,
        )  # fmt: skip
        for name, equation in forward.items():
            found = equation(v)
            if name in GATED:
                found, pull = found
                setattr(v, f"pull_{name}", pull)
            setattr(v, name, found)
            if name == "z":
                v.z_i, v.z_f, v.z_g, v.z_o = gates(found)
            if name == "f" and v.coupled:
                v.f = 1 - v.i

        def pullback(after: State) -> StepGradient:
            v.dh_new, v.dc_new = after
            for name, equation in backward.items():
                setattr(v, name, equation(v))
            return StepGradient(v.dz, State(v.dh, v.dc), v.dR)

        return State(v.h_new, v.c_kept), pullback

    return lambda right: step


def needs_of(meaning: str) -> frozenset[str]:
    """What a layer has to have to make the mistake: parts that the sentence names."""
    return frozenset(part for part in ("projection", "peepholes") if part in meaning)
