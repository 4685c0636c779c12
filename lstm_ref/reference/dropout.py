"""Dropout inside an LSTM: random masks on what goes into the gates.

A mask holds 0 where something is dropped and 1 / (1 - rate) elsewhere. So the expected
value stays the same. All four gates may share one mask, or each may have its own.

Source: Srivastava et al. 2014; on the recurrent state, the same mask at all steps: Gal
and Ghahramani 2016, who draw one mask a gate.
"""

import numpy as np

from lstm_ref.reference.activations import Array

GATES = 4


def product(v: Array, mask: Array | None, W: Array) -> Array:
    """(v * mask) W, (..., n) by (..., n, 4 units): what v adds to the four gates.
    `mask` (gates, ..., n) has one mask or four; None drops nothing.
    """
    if mask is None or len(mask) == 1:
        return (v if mask is None else v * mask[0]) @ W
    return np.concatenate(
        [(v * m) @ W_gate for m, W_gate in zip(mask, np.split(W, GATES, axis=-1), strict=True)], axis=-1
    )


def pull_to_input(dz: Array, mask: Array | None, W: Array) -> Array:
    """The gradient of v from that of the product, dz (..., 4 units)."""
    if mask is None or len(mask) == 1:
        dv: Array = dz @ W.swapaxes(-1, -2)
        return dv if mask is None else dv * mask[0]
    gates = zip(mask, np.split(dz, GATES, axis=-1), np.split(W, GATES, axis=-1), strict=True)
    parts: list[Array] = [(dz_gate @ W_gate.swapaxes(-1, -2)) * m for m, dz_gate, W_gate in gates]
    return sum(parts[1:], start=parts[0])


def pull_to_weights(v: Array, mask: Array | None, dz: Array) -> Array:
    """The gradient of W from that of the product, v (..., rows, n) and dz (..., rows, 4
    units) summed over rows: (..., n, 4 units).
    """
    if mask is None or len(mask) == 1:
        dropped = v if mask is None else v * mask[0]
        return dropped.swapaxes(-1, -2) @ dz
    gates = zip(mask, np.split(dz, GATES, axis=-1), strict=True)
    return np.concatenate([(v * m).swapaxes(-1, -2) @ dz_gate for m, dz_gate in gates], axis=-1)
