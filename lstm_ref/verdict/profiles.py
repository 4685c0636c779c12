"""Where along an array its errors are: over time, and by gate."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from lstm_ref.oracle.expectation import Expected
from lstm_ref.reference.activations import Array
from lstm_ref.results.records import Profile, Worst

# A result file stays small: a longer sequence is cut into this many stretches.
MOST_PLACES = 32


def profiles(expected: Expected, observed: Array, shares: Array, worst: Worst) -> Iterator[Profile]:
    """For an array that is beyond its bound, the largest error / bound at each step and
    in each gate. Empty for an array that has neither axis.
    """
    if len(expected.axes) != shares.ndim:  # one that is wrong on purpose
        return
    for position, axis in enumerate(expected.axes):
        if axis in ("time", "gate"):
            whole = np.moveaxis(shares, position, 0)
            parts = len(expected.gates) if axis == "gate" else min(len(whole), MOST_PLACES)
            stretches = np.array_split(np.arange(len(whole)), parts)
            ratios = tuple(float(f"{np.max(whole[part]):.3g}") for part in stretches)
            told = Profile(worst.call, worst.tensor, axis, tuple(map(_name, stretches)), ratios)
            if axis == "gate":
                yield replace(told, places=tuple(expected.gates))
            elif parts == len(whole):
                row = (*worst.index[:position], *worst.index[position + 1 :])
                wanted, found = (np.moveaxis(each, position, -1)[row] for each in (expected.values, observed))
                yield replace(told, expected=_digits(wanted), observed=_digits(found))
            else:
                yield told


def worst_of_each_axis(found: Iterable[tuple[float, Profile]]) -> tuple[Profile, ...]:
    """The worst profile over time, and the worst one by gate. Each profile comes with
    the largest error / bound of its array.
    """
    kept: dict[str, tuple[float, Profile]] = {}
    for ratio, profile in found:
        if profile.axis not in kept or ratio > kept[profile.axis][0]:
            kept[profile.axis] = ratio, profile
    return tuple(kept[axis][1] for axis in sorted(kept, reverse=True))


def _name(stretch: Array) -> str:
    first, last = int(stretch[0]), int(stretch[-1])
    return str(first) if first == last else f"{first}-{last}"


def _digits(values: Array) -> tuple[float, ...]:
    return tuple(float(f"{value:.9g}") for value in values)
