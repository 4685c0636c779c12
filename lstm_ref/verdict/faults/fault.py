"""What a planted fault is, and how a layer that has it computes."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

from lstm_ref.dialects.dialect import Dialect, Labels, Replacement
from lstm_ref.oracle.twin import NOTHING, Observed, TwinCall, run_twin
from lstm_ref.protocol.trace import Request

Plant = Callable[[Request, Labels], "Request | None"]

# The packages whose functions a twin consists of.
OF_TWINS = ("lstm_ref.reference.", "lstm_ref.dialects.")


def as_it_is(request: Request, labels: Labels) -> Request:
    """What a fault plants whose request stays the same."""
    return request


@dataclass(frozen=True)
class Fault:
    """One mistake. `meaning` says what the layer does. `plant` gives the request from
    which a right layer computes the same, or None where the mistake changes nothing.

    Some mistakes cannot be written so. They have `replacements`: the wrong functions of
    which the layer consists. Such a mistake can only show where the layer does
    everything that it `needs`, in the words of `watching`. Where it is `backward`, it
    shows in gradients alone.
    """

    meaning: str
    plant: Plant = as_it_is
    replacements: tuple[Replacement, ...] = ()
    needs: frozenset[str] = frozenset()
    backward: bool = False

    def computed(self, language: Dialect, planted: Request, observed: Observed = NOTHING) -> list[TwinCall]:
        """The calls that a layer with this fault makes of the request that was planted.
        Raises what the twin raises where it cannot.
        """
        with replaced(self.replacements):
            return run_twin(language, planted, observed=observed)


@contextmanager
def replaced(replacements: Sequence[Replacement]) -> Iterator[None]:
    """Inside, twins consist of these wrong functions. The reference has no hooks for
    it: whoever has the right function under its name has the wrong one meanwhile.
    """
    with ExitStack() as undone:
        for owner, name, wrong in replacements:
            right = getattr(owner, name)
            made = wrong(right)
            for each in users(owner, name) if isinstance(owner, ModuleType) else (owner,):
                undone.callback(setattr, each, name, right)
                setattr(each, name, made)
        yield


def users(owner: ModuleType, name: str) -> tuple[Any, ...]:
    """The modules that call the function of this name that `owner` defines."""
    right = getattr(owner, name)
    return tuple(module for module in modules_of_twins(len(sys.modules)) if vars(module).get(name) is right)


@cache
def modules_of_twins(loaded: int) -> tuple[ModuleType, ...]:
    """The modules OF_TWINS, as long as so many modules are loaded."""
    return tuple(module for name, module in sys.modules.items() if name.startswith(OF_TWINS))
