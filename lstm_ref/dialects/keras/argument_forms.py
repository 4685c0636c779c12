"""How a case says that an argument is passed: in which container, by which name, with
which shape.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import STATE_DEVIATION, Given, Spec
from lstm_ref.dialects.keras.rules import Rules

# The containers and places in which the documented [h, c] can be passed, by the word of
# a case.
STATES = {
    "given": "",
    "given-in-a-tuple": "tuple",
    "given-as-arrays": "arrays",
    "given-by-position": "position",
    "given-by-reset": "reset",
}
# Forms in which an argument is a NumPy array. No framework gives its gradient.
ARRAYS = ("array", "arrays")


def initial_state(word: str, batch: int, units: int) -> Any:
    """[h, c], each (batch, units). Some words ask for something else: another number of
    states, one array in place of a list, other shapes or numbers.

    Raises KeyError for another word.
    """
    axes, shape = ("batch", "unit"), (batch, units)
    h, c = (Spec(shape, axes, STATE_DEVIATION, source) for source in ("h/0", "c/0"))
    if word in STATES:
        return [h, c]
    if word == "as-complex-numbers":
        return [Given(np.full(shape, part), axes) for part in (0.5 + 0.25j, -0.25 + 0.5j)]
    instead = {
        "none": [],
        "h-alone": [h],
        "h-and-none": [h, None],
        "three": [h, c, Spec(shape, axes, STATE_DEVIATION)],
        "one-array": h,
        "stacked": _like((2, *shape)),
        "of-other-units": [_like((batch, units + 1)), _like((batch, units + 1))],
        "c-of-other-units": [h, _like((batch, units + 1))],
        "of-another-batch": [_like((batch + 1, units)), _like((batch + 1, units))],
        "of-one-row": [_like((1, units)), _like((1, units))],
        "without-batch": [_like((units,)), _like((units,))],
        "with-three-axes": [_like((1, *shape)), _like((1, *shape))],
    }
    return instead[word]


def check(forms: Mapping[str, str], rules: Rules) -> None:
    """Raise TypeError for an argument that is passed as lists of numbers, and in Keras
    2 for states that are passed as NumPy arrays.
    """
    if "lists" in forms.values():
        raise TypeError("the input and the mask must be tensors, not lists of numbers")
    if not rules.takes_arrays and forms.get("initial_state") == "arrays":
        raise TypeError("the initial states must be tensors, not arrays")


def _like(shape: tuple[int, ...]) -> Spec:
    """An array with numbers like those of states, but with axes that nobody can
    name.
    """
    return Spec(shape, (), STATE_DEVIATION)
