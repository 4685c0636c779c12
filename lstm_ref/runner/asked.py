"""What somebody asks to be judged: by options, or in the settings of a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstm_ref.protocol import Implementation
from lstm_ref.runner.answers import CannotStart, Facts
from lstm_ref.runner.interpreters import look_at
from lstm_ref.runner.offers import Documented, problems_of
from lstm_ref.runner.settings import ProjectSettings
from lstm_ref.runner.targets import (
    Elsewhere,
    Introduce,
    Introduced,
    Outsider,
    Target,
    elsewhere,
    outsiders,
    resolved,
)

# If a subject ends, this many of the last lines that it wrote to standard error are
# shown.
LINES_OF_STDERR = 12


@dataclass(frozen=True)
class Asked:
    """The columns that are asked for by name, and the targets in addition to the known
    implementations.
    """

    columns: tuple[str, ...]
    outsiders: tuple[Outsider, ...]
    elsewhere: tuple[Elsewhere, ...]

    @classmethod
    def of(
        cls,
        columns: Sequence[str],
        subjects: Sequence[str],
        adapters: Sequence[str],
        python: Sequence[str],
        folder: Path,
        settings: ProjectSettings,
    ) -> "Asked":
        """From options of the command line, given in this folder, and from settings.

        What the settings name can always be asked for by its column. It is run by
        itself where the command line names nothing. Raises BadTargets for what cannot
        be read, or is not there.
        """
        strangers = outsiders(subjects, adapters, folder)
        others = elsewhere(python, folder)
        if not columns and (strangers or others):
            return cls((), tuple(strangers), tuple(others))
        strangers += outsiders(settings.subjects, settings.adapters, settings.folder)
        others += elsewhere(settings.python, settings.folder)
        return cls(tuple(columns) or settings.implementations, tuple(strangers), tuple(others))

    def resolved(self, known: Mapping[str, Implementation], introduce: Introduce) -> dict[str, Target]:
        """The columns of all targets that are not known implementations. A subject is
        started only if somebody asks for it.
        """
        others = [other for other in self.elsewhere if not self.columns or other.column in self.columns]
        return resolved(
            [each for each in self.outsiders if self._wants(each, others, known)],
            others,
            known,
            introduce,
            look_at,
        )

    def _wants(
        self, stranger: Outsider, others: Sequence[Elsewhere], known: Mapping[str, Implementation]
    ) -> bool:
        """Whether one of the columns may belong to this subject, as far as this is
        known before it is started.
        """
        if not self.columns:
            return True
        if stranger.name is not None:
            return any(
                column == stranger.name or column.endswith(f"@{stranger.name}") for column in self.columns
            )
        named = {each.name for each in self.outsiders} | {other.column for other in others} | set(known)
        return bool(set(self.columns) - named) or any(other.implementation not in known for other in others)


def introduced(said: Facts | CannotStart, documented: Documented) -> Introduced | str:
    """What a subject said, or what is wrong with it."""
    if isinstance(said, CannotStart):
        told = said.stderr.strip().splitlines()[-LINES_OF_STDERR:]
        return "\n  ".join([f"{said.reason}; {said.hint}", *told])
    problems = [
        problem for known in said.implementations.values() for problem in problems_of(known, documented)
    ]
    return (
        "\n  ".join(problems) if problems else Introduced(said.versions, tuple(said.implementations.values()))
    )
