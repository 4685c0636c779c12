"""The masks that a case can name."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.dialects.dialect import unequal_lengths
from lstm_ref.reference.activations import Array

# The number that stands for True, by the ending of the word.
ONES: Mapping[str, Any] = {"": np.True_, "int": np.int64(1), "float": np.float64(1), "twos": np.int64(2)}
NUMBERS = {"nan": np.nan, "infinity": np.inf}
# Other forms than a tensor: an array of NumPy, and lists of truth values.
FORMS = ("array", "lists")
# Other shapes than the documented (batch, timesteps).
LAYOUTS: Mapping[str, Callable[[Array], Array]] = {
    **dict.fromkeys(FORMS, lambda mask: mask),
    "one-row": lambda mask: mask[:1],
    "one-column": lambda mask: mask[:, :1],
    "flat": lambda mask: mask[0],
    "three-axes": lambda mask: mask[:, :, None],
    "transposed": lambda mask: mask.T,
    "one-step-more": lambda mask: np.concatenate([mask, mask[:, :1]], axis=1),
    "one-step-less": lambda mask: mask[:, :-1],
    "one-row-more": lambda mask: np.concatenate([mask, mask[:1]]),
}


class MaskWord(NamedTuple):
    """The word for a mask, in its parts: its kind, the number that stands for True, and
    its layout ("" for the documented one). `under` is the number that the input has at
    steps that are not to be taken, or None for an ordinary one.
    """

    kind: str
    one: Any
    layout: str
    under: float | None


def parts(word: str) -> MaskWord:
    """`<kind>[-int|-float|-twos][-as-<layout>][-over-nan|-over-infinity]`. Raises
    KeyError for layouts and numbers that are not listed.
    """
    rest, over, number = word.partition("-over-")
    rest, shaped, layout = rest.partition("-as-")
    if shaped and layout not in LAYOUTS:
        raise KeyError(layout)
    kind, _, one = rest.rpartition("-")
    kind, one = (kind, one) if one and one in ONES else (rest, "")
    return MaskWord(kind, ONES[one], layout, NUMBERS[number] if over else None)


def mask(word: str, batch: int, timesteps: int) -> Array:
    """A mask (batch, timesteps), or of the layout in the word, in which True is a step
    to take; with "-int" or "-float" it is 1, with "-twos" 2, and 0 is one not to take.

    "full" takes all steps; "right" and "left" miss another number of steps at the end
    or the beginning of each row; "unsorted" is "right" with lengths in no order; "gaps"
    misses every third step, another one in each row; "one-row-empty" is "gaps" with a
    last row that takes no step; "written" is to be replaced by what a case has written
    out. Raises KeyError for another kind.
    """
    kind, one, layout, _ = parts(word)
    row, time = np.ogrid[:batch, :timesteps]
    lengths = timesteps - row % timesteps
    gaps = (time + row) % 3 != 0
    kinds: dict[str, Array] = {
        "full": np.ones((batch, timesteps), bool),
        "written": np.ones((batch, timesteps), bool),
        "right": time < lengths,
        "left": time >= timesteps - lengths,
        "unsorted": time < np.reshape(unequal_lengths(batch, timesteps), (-1, 1)),
        "gaps": gaps,
        "one-row-empty": gaps & (row != batch - 1),
    }
    made: Array = kinds[kind] * one
    return LAYOUTS[layout](made) if layout else made
