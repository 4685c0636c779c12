"""The mistakes that people make with an LSTM.

They serve twice. The cases must notice every one of them. And the fault that fits a
failure explains it.

Some are written as a change of the input of a right layer (`requests`). The others are
wrong functions, of which a layer consists in the place of right ones: in the equations
of a step (`forward`, `functions`), in number formats (`numerics`), in the loop over
time and its masks (`loop`), in `dropout`, in directions and `layers`; and in the
backward pass of all of these (`backward`, `gradients`).
"""

from collections.abc import Iterator
from functools import cache

from lstm_ref.dialects.dialect import Dialect
from lstm_ref.verdict.faults.backward import of_backward_equations
from lstm_ref.verdict.faults.dropout import of_dropout, of_dropout_backward
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.forward import of_equations
from lstm_ref.verdict.faults.functions import of_derivatives, of_functions
from lstm_ref.verdict.faults.gradients import of_gradients
from lstm_ref.verdict.faults.layers import of_layers, of_layers_backward
from lstm_ref.verdict.faults.loop import of_loops
from lstm_ref.verdict.faults.numerics import of_formats, of_formats_backward
from lstm_ref.verdict.faults.requests import of_requests

__all__ = ["Fault", "faults"]


@cache
def faults(language: Dialect) -> tuple[Fault, ...]:
    """All faults, as they show in layers of this dialect. The more ordinary ones come
    first.
    """
    return (
        *of_requests(language),
        *of_equations(),
        *of_functions(),
        *of_loops(),
        *of_layers(),
        *of_dropout(),
        *of_dialect(language),
        *of_formats(),
        *of_backward_equations(),
        *of_derivatives(),
        *of_gradients(),
        *of_layers_backward(),
        *of_dropout_backward(),
        *of_formats_backward(),
    )


def of_dialect(language: Dialect) -> Iterator[Fault]:
    """The faults that only this dialect can have."""
    for meaning, replacement in language.replacements.items():
        yield Fault(meaning, replacements=(replacement,), needs=frozenset({replacement.name}))
