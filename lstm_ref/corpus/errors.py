"""Everything that can be wrong with a corpus: where, what, and what to write
instead.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from lstm_ref.corpus.case import Location


@dataclass(frozen=True)
class Problem:
    """One mistake in one file."""

    place: Location
    message: str
    hint: str | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" + (f" ({self.hint})" if self.hint else "")


class CorpusError(Exception):
    """The corpus, or a file of it, is not valid. `problems` holds every mistake, in the
    order of the files and their lines.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        unique = dict.fromkeys(problems)
        self.problems: tuple[Problem, ...] = tuple(
            sorted(unique, key=lambda problem: (problem.place.file, problem.place.line, problem.place.column))
        )
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class NothingSelectedError(Exception):
    """A pattern selects no case. `pattern` is that pattern, `hint` names what is close
    to it.
    """

    def __init__(self, pattern: str, hint: str | None) -> None:
        self.pattern = pattern
        self.hint = hint
        super().__init__(pattern, hint)

    def __str__(self) -> str:
        return f'no case matches "{self.pattern}"' + (f" ({self.hint})" if self.hint else "")
