"""The constraints of keras.constraints: projections of a weight, which training applies
after each of its steps.

A constraint takes a weight w and its rank, and returns the projected weight. The rank
counts the last axes. Axes in front of them are carried along.

Source: the API documentation of Keras 3, keras.constraints; Keras 2 documents the same.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.dialects.keras.identifiers import by_both_names, made
from lstm_ref.reference.activations import Array

Constraint: TypeAlias = Callable[[Array, int], Array]

# keras.config.epsilon, the "fuzz factor used in numeric expressions". Every norm that
# divides is larger by it: a unit norm is 1e-7 too small.
EPSILON = 1e-7


def constraint(identifier: Any) -> Constraint | None:
    """The constraint of this name, or of this serialized form; None for None. Raises
    ValueError for one that is not known.
    """
    return None if identifier is None else made("constraint", CONSTRAINTS, identifier)


def non_neg() -> Constraint:
    """max(w, 0)."""
    return lambda w, rank: np.maximum(w, 0)


def unit_norm(axis: int | Sequence[int] = 0) -> Constraint:
    """Norm 1 along the axis."""
    return rescaled(lambda norm: 1.0, axis)


def max_norm(max_value: float = 2, axis: int | Sequence[int] = 0) -> Constraint:
    """Norm at most `max_value` along the axis."""
    return rescaled(lambda norm: np.minimum(norm, max_value), axis)


def min_max_norm(
    min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: int | Sequence[int] = 0
) -> Constraint:
    """Norm (1 - rate) * norm + rate * clip(norm, min_value, max_value) along the
    axis.
    """
    return rescaled(
        lambda norm: rate * np.minimum(np.maximum(norm, min_value), max_value) + (1 - rate) * norm, axis
    )


def rescaled(desired: Callable[[Array], Array | float], axis: int | Sequence[int]) -> Constraint:
    """The weights, scaled to the desired norms along the axis or axes."""

    def project(w: Array, rank: int) -> Array:
        axes = [axis] if isinstance(axis, int) else list(axis)
        if any(not -rank <= a < rank for a in axes):
            raise ValueError(f"a weight of {rank} axes has no axis {axis}")
        norm = np.sqrt(np.sum(w * w, axis=tuple(a - rank if a >= 0 else a for a in axes), keepdims=True))
        projected: Array = w * (desired(norm) / (EPSILON + norm))
        return projected

    return project


CONSTRAINTS: dict[str, Callable[..., Constraint]] = by_both_names(
    {"NonNeg": non_neg, "UnitNorm": unit_norm, "MaxNorm": max_norm, "MinMaxNorm": min_max_norm}
)
