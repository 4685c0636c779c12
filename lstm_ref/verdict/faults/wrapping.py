"""How a function of the reference becomes a wrong one: by other arguments, another
result, or another pullback.
"""

import inspect
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, TypeAlias

from lstm_ref.dialects.dialect import Replacement
from lstm_ref.reference import sequence, stack
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import SequenceGradient

# The arguments of a call, by name.
Arguments: TypeAlias = SimpleNamespace
Wrong: TypeAlias = Callable[[Any], Any]


def bound(function: Any) -> Callable[..., Arguments]:
    """What gives the arguments of a call of this function, with its defaults."""
    signature = inspect.signature(function)

    def arguments(*args: Any, **kwargs: Any) -> Arguments:
        found = signature.bind(*args, **kwargs)
        found.apply_defaults()
        return Arguments(**found.arguments)

    return arguments


def with_arguments(change: Callable[[Arguments], Mapping[str, Any]]) -> Wrong:
    """The function with some arguments changed."""

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def of_others(*args: Any, **kwargs: Any) -> Any:
            given = arguments(*args, **kwargs)
            return right(**{**vars(given), **change(given)})

        return of_others

    return wrong


def with_result(change: Callable[[Arguments, Any], Any]) -> Wrong:
    """The function, the value of which is changed; its pullback stays."""

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def changed(*args: Any, **kwargs: Any) -> Any:
            value, pull = right(*args, **kwargs)
            return change(arguments(*args, **kwargs), value), pull

        return changed

    return wrong


def with_pullback(change: Callable[[Arguments, Any, Callable[..., Any]], Callable[..., Any]]) -> Wrong:
    """The function with another pullback, made of its arguments, its value and the
    right one.
    """

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def changed(*args: Any, **kwargs: Any) -> Any:
            value, pull = right(*args, **kwargs)
            return value, change(arguments(*args, **kwargs), value, pull)

        return changed

    return wrong


Cotangents: TypeAlias = tuple[Array, State]


def pulling(change: Callable[[Arguments, Array, State], Cotangents]) -> Wrong:
    """A run the pullback of which takes other gradients of h and of the last state."""
    return with_pullback(lambda given, value, pull: lambda dh, d_last: pull(*change(given, dh, d_last)))


def giving(change: Callable[[Arguments, SequenceGradient], SequenceGradient]) -> Wrong:
    """A run the pullback of which gives other gradients."""
    return with_pullback(lambda given, value, pull: lambda dh, d_last: change(given, pull(dh, d_last)))


def in_run(wrong: Wrong) -> tuple[Replacement, ...]:
    """A run over the steps, in either direction, is this one."""
    return (Replacement(sequence, "run", wrong),)


def in_step(wrong: Wrong) -> tuple[Replacement, ...]:
    """The step of the loop is this one."""
    return (Replacement(sequence, "step", wrong),)


def in_walk(wrong: Wrong) -> tuple[Replacement, ...]:
    """The loop over the steps is this one."""
    return (Replacement(sequence, "walk", wrong),)


def in_backward_run(wrong: Wrong) -> tuple[Replacement, ...]:
    """The run from the last step to the first is this one."""
    return (Replacement(stack, "run_backward", wrong),)


def in_stack(wrong: Wrong) -> tuple[Replacement, ...]:
    """The layers on top of one another are these."""
    return (Replacement(stack, "run_stack", wrong),)
