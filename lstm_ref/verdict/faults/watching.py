"""What a layer does while it is called: whether it takes several steps, masks some,
drops something, and so on. A fault needs some of that to show.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lstm_ref.dialects.dialect import Dialect, Replacement
from lstm_ref.verdict.faults.fault import replaced
from lstm_ref.verdict.faults.wrapping import Arguments, Wrong, bound, in_backward_run, in_run, in_stack


@contextmanager
def watching(language: Dialect) -> Iterator[set[str]]:
    """Inside, the set that this gives fills with the words for what layers do, and with
    the names of the dialect's own functions that are called and may be wrong ones.
    """
    done: set[str] = set()

    def noting(words: Callable[[Arguments], dict[str, bool]]) -> Wrong:
        def watched(right: Any) -> Any:
            arguments = bound(right)

            def same(*args: Any, **kwargs: Any) -> Any:
                found = words(arguments(*args, **kwargs))
                done.update(word for word, holds in found.items() if holds)
                return right(*args, **kwargs)

            return same

        return watched

    def noting_name(name: str) -> Wrong:
        def watched(right: Any) -> Any:
            def same(*args: Any, **kwargs: Any) -> Any:
                done.add(name)
                return right(*args, **kwargs)

            return same

        return watched

    own = {(owner, name) for owner, name, _ in language.replacements.values()}
    with replaced(
        (
            *(Replacement(owner, name, noting_name(name)) for owner, name in own),
            *in_run(noting(of_run)),
            *in_backward_run(noting(lambda given: {"backward direction": True})),
            *in_stack(noting(of_stack)),
        )
    ):
        yield done


def of_run(given: Arguments) -> dict[str, bool]:
    """What one LSTM does in one direction."""
    return {
        "steps": given.x.shape[-2] > 1,
        "more than 4 steps": given.x.shape[-2] > 4,
        "mask": given.mask is not None,
        "dropout": given.dropout is not None,
        "recurrent dropout": given.recurrent_dropout is not None,
        "projection": given.weights.projection is not None,
        "peepholes": given.weights.peepholes is not None,
        "second bias": given.weights.recurrent_bias is not None,
    }


def of_stack(given: Arguments) -> dict[str, bool]:
    """What layers on top of one another do."""
    return {
        "stack": True,
        "layers": len(given.weights) > 1,
        "directions": len(given.weights[0]) > 1,
        "dropout of layers": len(given.dropout) > 0,
    }
