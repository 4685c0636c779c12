"""The regularizers of keras.regularizers: a penalty on an array, beside its derivative.

A regularizer takes an array w and its rank. The rank counts the last axes. Axes in
front of them are carried along. It returns the penalty, with one last axis of length 1,
and the gradient of the penalty with respect to w. The derivative of |w| is the sign, 0
at 0.

Source: the API documentation of Keras 3, keras.regularizers; Keras 2 documents the
same.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.dialects.keras.constraints import EPSILON
from lstm_ref.dialects.keras.identifiers import by_both_names, made
from lstm_ref.reference.activations import Array

Regularizer: TypeAlias = Callable[[Array, int], tuple[Array, Array]]


def regularizer(identifier: Any) -> Regularizer | None:
    """The regularizer of this name, or of this serialized form; None for None. Raises
    ValueError for one that is not known.
    """
    return None if identifier is None else made("regularizer", REGULARIZERS, identifier)


def l1(l1: float = 0.01) -> Regularizer:
    """l1 * sum |w|."""
    return l1_l2(l1=l1)


def l2(l2: float = 0.01) -> Regularizer:
    """l2 * sum w^2."""
    return l1_l2(l2=l2)


def l1_l2(l1: float = 0.0, l2: float = 0.0) -> Regularizer:
    """l1 * sum |w| + l2 * sum w^2."""
    for name, factor in (("l1", l1), ("l2", l2)):
        refuse_negative(name, factor)

    def penalize(w: Array, rank: int) -> tuple[Array, Array]:
        return l1 * total(np.abs(w), rank) + l2 * total(w * w, rank), l1 * np.sign(w) + 2 * l2 * w

    return penalize


def orthogonal(factor: float = 0.01, mode: str = "rows") -> Regularizer:
    """factor times the mean of |the dot product| of any two rows, or columns, scaled to
    unit length. For matrices only. The documentation speaks of the mean of the dot
    products. A penalty must use their magnitudes, because products of opposite sign
    would cancel.
    """
    refuse_negative("factor", factor)
    if mode not in ("rows", "columns"):
        raise ValueError(f"mode must be rows or columns, not {mode!r}")

    def penalize(w: Array, rank: int) -> tuple[Array, Array]:
        if rank != 2:
            raise ValueError(f"the orthogonal regularizer is for matrices, not for {rank} axes")
        v = w if mode == "rows" else w.swapaxes(-1, -2)
        count = v.shape[-2]
        if count == 1:
            raise ValueError(f"the orthogonal regularizer compares {mode}, of which there is only one")
        weight = factor / (count * (count - 1)) * (1 - np.eye(count, dtype=w.dtype))  # of each ordered pair

        length = np.maximum(np.sqrt(np.sum(v * v, axis=-1, keepdims=True)), EPSILON)
        unit = v / length
        products = unit @ unit.swapaxes(-1, -2)
        d_unit = 2 * ((weight * np.sign(products)) @ unit)
        d_v = (d_unit - unit * np.sum(d_unit * unit, axis=-1, keepdims=True)) / length
        return total(weight * np.abs(products), 2), d_v if mode == "rows" else d_v.swapaxes(-1, -2)

    return penalize


def total(values: Array, rank: int) -> Array:
    """The sum over the last `rank` axes. One axis of length 1 stays."""
    summed: Array = np.sum(values, axis=tuple(range(-rank, 0)), keepdims=True)
    return summed.reshape(*summed.shape[:-rank], 1)


def refuse_negative(name: str, factor: Any) -> None:
    """Raise ValueError unless the factor is a finite number that is not negative."""
    if not isinstance(factor, (int, float)) or not math.isfinite(factor) or factor < 0:
        raise ValueError(f"{name} must be a float that is not negative, not {factor!r}")


# L1L2 by its name has both factors 0, as its signature says; "l1_l2" is documented to
# have both at 0.01.
REGULARIZERS: dict[str, Callable[..., Regularizer]] = by_both_names(
    {"L1": l1, "L2": l2, "L1L2": l1_l2, "OrthogonalRegularizer": orthogonal}
) | {
    "l1_l2": lambda l1=0.01, l2=0.01: l1_l2(l1, l2),
}
