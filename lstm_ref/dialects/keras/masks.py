"""The masks that a case can name."""

from typing import Any, NamedTuple

import numpy as np

from lstm_ref.dialects.dialect import unequal_lengths
from lstm_ref.reference.activations import Array

DTYPES = {"int": np.int64, "float": np.float64}
NUMBERS = {"nan": np.nan, "infinity": np.inf}


class MaskWord(NamedTuple):
    """The word for a mask in its parts: its kind, its dtype, and the number that stands in the input wherever a step is not to be taken, None for
    one like all others.
    """

    kind: str
    dtype: type[Any]
    under: float | None


def parts(word: str) -> MaskWord:
    """`<kind>[-int|-float][-over-nan|-over-infinity]`. Raises KeyError for numbers that are not listed."""
    rest, over, number = word.partition("-over-")
    under = NUMBERS[number] if over else None
    kind, _, dtype = rest.rpartition("-")
    return MaskWord(kind, DTYPES[dtype], under) if dtype in DTYPES else MaskWord(rest, np.bool_, under)


def mask(word: str, batch: int, timesteps: int) -> Array:
    """A mask (batch, timesteps), in which True is a step to take; with "-int" or "-float" at the end of the word it is 1, and 0 is one not to take.

    "full" takes all steps; "right" and "left" miss another number of steps at the end or the beginning of each row; "unsorted" is "right" with
    lengths in no order; "gaps" misses every third step, another one in each row; "one-row-empty" is "gaps" with a last row that takes no step.
    Raises KeyError for another kind.
    """
    kind, dtype, _ = parts(word)
    row, time = np.ogrid[:batch, :timesteps]
    lengths = timesteps - row % timesteps
    gaps = (time + row) % 3 != 0
    kinds: dict[str, Array] = {
        "full": np.ones((batch, timesteps), bool),
        "right": time < lengths,
        "left": time >= timesteps - lengths,
        "unsorted": time < np.reshape(unequal_lengths(batch, timesteps), (-1, 1)),
        "gaps": gaps,
        "one-row-empty": gaps & (row != batch - 1),
    }
    return kinds[kind].astype(dtype)
