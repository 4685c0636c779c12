"""Numbers against numbers."""

import numpy as np

from lstm_ref.reference.activations import Array


def same(a: Array, b: Array) -> Array:
    """Where two arrays are the same to the last bit, except that 0 is -0 and one NaN is
    like another.
    """
    both: Array = (a == b) | (np.isnan(a) & np.isnan(b))
    return both


@np.errstate(all="ignore")
def in_bounds(a: Array, b: Array, bounds: Array) -> Array:
    """The difference of each element as a share of its bound: 0 where they are the
    same, infinite where one of them alone is no number, or the bound is zero.
    """
    error = np.abs(a - b)
    share: Array = np.where(np.isfinite(error) & (bounds > 0), error / bounds, np.inf)
    share[same(a, b)] = 0.0
    return share


def worst_index(shares: Array) -> tuple[int, ...]:
    """Where the largest is."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(shares)), shares.shape))
