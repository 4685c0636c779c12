"""Mistakes in the backward pass of one step."""

from collections.abc import Iterator, Mapping

import numpy as np

from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import see
from lstm_ref.reference.dropout import pull_to_input
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.forward import bounded
from lstm_ref.verdict.faults.step import BACKWARD, Equation, Values, needs_of, with_equations
from lstm_ref.verdict.faults.wrapping import in_step


def of_backward_equations() -> Iterator[Fault]:
    """The faults of this kind."""
    for meaning, wrong in WRONG.items():
        yield Fault(
            meaning, replacements=in_step(with_equations(**wrong)), needs=needs_of(meaning), backward=True
        )


def nothing(v: Values) -> Array:
    """No gradient."""
    return np.zeros_like(v.dc_all)


def by_blocks(v: Values) -> Array:
    """The gradient of h through the recurrent kernel itself, gate by gate, where that
    is square.
    """
    U = v.U
    if U.shape[-1] != 4 * U.shape[-2]:
        return pull_to_input(v.dz, v.drop, U)
    blocks = zip(np.split(v.dz, 4, axis=-1), np.split(U, 4, axis=-1), strict=True)
    found: Array = np.sum([dz @ block for dz, block in blocks], axis=0)
    return found


WRONG: Mapping[str, Mapping[str, Equation]] = {
    "nothing goes back through the input gate": {"dz_i": nothing},
    "nothing goes back through the forget gate": {"dz_f": nothing},
    "nothing goes back through the candidate": {"dz_g": nothing},
    "nothing goes back through the output gate": {"dz_o": lambda v: np.zeros_like(v.dm)},
    "nothing goes back through h to the step before": {"dh": lambda v: 0 * v.h},
    "nothing goes back through c to the step before": {"dc": nothing},
    "nothing goes back to the step before": {"dh": lambda v: 0 * v.h, "dc": nothing},
    "nothing goes back from h to c": {"dc_all": lambda v: see(v.dc_new, v.p_o, v.dz_o)},
    "the gradient of c is not taken times f on its way back": {
        "dc": lambda v: see(see(v.dc_all, v.p_i, v.dz_i), v.p_f, v.dz_f)
    },
    "the gradient of c is taken times i on its way back, and not f": {
        "dc": lambda v: see(see(v.dc_all * v.i, v.p_i, v.dz_i), v.p_f, v.dz_f)
    },
    "the gradient of the forget gate has the new c": {"df": lambda v: v.dc_all * v.c_new},
    "the gradient of the input gate has the candidate before its activation": {
        "di": lambda v: v.dc_all * v.z_g
    },
    "the gradient of the candidate has f, and not i": {"dg": lambda v: v.dc_all * v.f},
    "the gradient of the output gate has c before its activation": {
        "dz_o": lambda v: v.pull_o(v.dm * v.c_new)
    },
    "the gradient of the output gate has the c before the step": {
        "dz_o": lambda v: v.pull_o(v.dm * v.out(v.c)[0])
    },
    "the derivative of the output's activation is left out": {
        "dc_all": lambda v: see(v.dc_new + v.dm * v.o, v.p_o, v.dz_o)
    },
    "the derivative of the output's activation is that at the c before the step": {
        "dc_all": lambda v: see(v.dc_new + v.out(v.c)[1](v.dm * v.o), v.p_o, v.dz_o)
    },
    "the derivative of the candidate's activation is left out": {"dz_g": lambda v: v.dg},
    "the derivative of the candidate's activation is that at the candidate": {
        "dz_g": lambda v: v.phi(v.g)[1](v.dg)
    },
    "the derivative of the gates' activation is left out": {
        "dz_i": lambda v: v.di - v.df if v.coupled else v.di,
        "dz_f": lambda v: np.zeros_like(v.df) if v.coupled else v.df,
        "dz_o": lambda v: v.dm * v.a,
    },
    "the derivative of the gates' activation is that at the gates": {
        "dz_i": lambda v: v.sigma(v.i)[1](v.di - v.df if v.coupled else v.di),
        "dz_f": lambda v: np.zeros_like(v.df) if v.coupled else v.sigma(v.f)[1](v.df),
        "dz_o": lambda v: v.sigma(v.o)[1](v.dm * v.a),
    },
    "the gradient of h goes through the recurrent kernel, and not its transpose": {"dh": by_blocks},
    "the gradients of input and forget gate change places": {
        "dz": lambda v: np.concatenate([v.dz_f, v.dz_i, v.dz_g, v.dz_o], axis=-1)
    },
    "the gradients of what goes into the gates are bounded to [-0.1, 0.1]": {
        "dz": lambda v: bounded(BACKWARD["dz"](v), 0.1)
    },
    "the gradient of c is bounded to [-1, 1]": {"dc": lambda v: bounded(BACKWARD["dc"](v), 1)},
    "the projection has no gradient": {"dR": lambda v: None if v.R is None else np.zeros_like(v.R)},
    "the gradient of the projection has c after its activation, without the output gate": {
        "dR": lambda v: None if v.R is None else v.a.swapaxes(-1, -2) @ v.dh_new
    },
    "nothing goes back through the peepholes of input and forget gate": {"dc": lambda v: v.dc_all * v.f},
    "nothing goes back through the peepholes of the output gate": {
        "dc_all": lambda v: v.dc_new + v.pull_a(v.dm * v.o)
    },
}
