"""Numbers against numbers."""

import numpy as np

from lstm_ref.reference.activations import Array


def same(a: Array, b: Array) -> Array:
    """Where two arrays are the same to the last bit. But 0 and -0 are the same here,
    and so are any two NaN.
    """
    both: Array = (a == b) | (np.isnan(a) & np.isnan(b))
    return both


@np.errstate(all="ignore")
def in_bounds(a: Array, b: Array, bounds: Array) -> Array:
    """The difference of each element as a share of its bound. It is 0 where both are
    the same. Else it is infinite where the bound is zero, or where only one of them is
    a number.
    """
    error = np.abs(a - b)
    share: Array = np.where(np.isfinite(error) & (bounds > 0), error / bounds, np.inf)
    share[same(a, b)] = 0.0
    return share


def worst_index(shares: Array) -> tuple[int, ...]:
    """The index of the largest element."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(shares)), shares.shape))
