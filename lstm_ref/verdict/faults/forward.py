"""Mistakes in the equations of the forward pass."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import see
from lstm_ref.reference.dropout import product
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.step import FORWARD, Equation, Values, needs_of, with_equations
from lstm_ref.verdict.faults.wrapping import in_step


def of_equations() -> Iterator[Fault]:
    """The faults of this kind."""
    for meaning, wrong in WRONG.items():
        yield Fault(meaning, replacements=in_step(with_equations(**wrong)), needs=needs_of(meaning))


def pull_of(name: str, v: Values) -> Any:
    """The pullback of the right equation of this name: a training goes on with it."""
    return FORWARD[name](v)[1]


def bounded(values: Array, limit: float) -> Array:
    """The values, none of them beyond the limit."""
    return np.clip(values, -limit, limit)


WRONG: Mapping[str, Mapping[str, Equation]] = {
    "the forget gate is always open: c = c + i g": {"c_new": lambda v: v.c + v.i * v.g},
    "the input gate is always open: c = f c + g": {"c_new": lambda v: v.f * v.c + v.g},
    "the output gate is always open": {"m": lambda v: v.a},
    "the forget gate is 1 - i": {
        "f": lambda v: (1 - v.i, pull_of("f", v)),
    },
    "the input gate is 1 - f": {
        "i": lambda v: (1 - v.sigma(see(v.z_f, v.p_f, v.c))[0], pull_of("i", v)),
    },
    "the forget gate takes the new candidate as well: c = f (c + i g)": {
        "c_new": lambda v: v.f * (v.c + v.i * v.g)
    },
    "the input gate takes all of c: c = i (f c + g)": {"c_new": lambda v: v.i * (v.f * v.c + v.g)},
    "c goes out without its activation: h = o c": {"a": lambda v: (v.c_new, pull_of("a", v))},
    "the activation comes after the output gate: h = tanh(o c)": {"m": lambda v: v.out(v.o * v.c_new)[0]},
    "the activation of c is taken twice": {"a": lambda v: v.out(v.out(v.c_new)[0])},
    "the output gate takes the c before the step": {"a": lambda v: v.out(v.c)},
    "c is carried on after its activation": {"c_kept": lambda v: v.a},
    "c is bounded to [-1, 1]": {"c_new": lambda v: bounded(v.f * v.c + v.i * v.g, 1)},
    "the candidate has no activation": {"g": lambda v: (v.z_g, pull_of("g", v))},
    "the candidate has the activation of the gates": {"g": lambda v: v.sigma(v.z_g)},
    "the input gate has the activation of the candidate": {"i": lambda v: v.phi(see(v.z_i, v.p_i, v.c))},
    "the forget gate has the activation of the candidate": {"f": lambda v: v.phi(see(v.z_f, v.p_f, v.c))},
    "the output gate has the activation of the candidate": {"o": lambda v: v.phi(see(v.z_o, v.p_o, v.c_new))},
    "the gates read the c before the step, and not h": {
        "z": lambda v: v.z_x + product(v.c if v.R is None else v.h, v.drop, v.U)
    },
    "what goes into the gates is bounded to [-2, 2]": {
        "z": lambda v: bounded(v.z_x + product(v.h, v.drop, v.U), 2)
    },
    "all rows have the h of the first row in their gates": {
        "z": lambda v: v.z_x + product(v.h[..., :1, :] + 0 * v.h, v.drop, v.U)
    },
    "h is cut to the size of the projection, and not projected": {
        "h_new": lambda v: v.m if v.R is None else v.m[..., : v.R.shape[-1]]
    },
    "the projection has the activation of c after it": {
        "h_new": lambda v: v.m if v.R is None else v.out(v.m @ v.R)[0]
    },
    "the projection comes before the output gate": {
        "h_new": lambda v: v.m if v.R is None else v.o[..., : v.R.shape[-1]] * (v.a @ v.R)
    },
    "the peepholes see c after its activation": {
        "i": lambda v: v.sigma(see(v.z_i, v.p_i, v.out(v.c)[0])),
        "f": lambda v: v.sigma(see(v.z_f, v.p_f, v.out(v.c)[0])),
        "o": lambda v: v.sigma(see(v.z_o, v.p_o, v.out(v.c_new)[0])),
    },
    "the peepholes see h, and not c": {
        "i": lambda v: v.sigma(see(v.z_i, v.p_i, v.h)),
        "f": lambda v: v.sigma(see(v.z_f, v.p_f, v.h)),
        "o": lambda v: v.sigma(see(v.z_o, v.p_o, v.h)),
    },
}
