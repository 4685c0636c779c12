"""The subjects of a run, by the columns of its results."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from types import TracebackType

from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.trace import Request
from lstm_ref.runner.answers import Answer, CannotStart, Facts
from lstm_ref.runner.errors import UnknownImplementation
from lstm_ref.runner.launching import Launch, held_to
from lstm_ref.runner.subject import CASE_SECONDS, START_SECONDS, Subject
from lstm_ref.runner.targets import Target


class Subjects:
    """The subjects of a run, one process for each launch, by the columns whose
    implementations live in them.

    `names` are what the subjects themselves call the implementations of some columns;
    without one a column is called as its implementation. Subjects of `pool`, by label,
    may be running already.
    """

    def __init__(
        self,
        launches: Mapping[str, Launch],
        start_seconds: float = START_SECONDS,
        case_seconds: float = CASE_SECONDS,
        names: Mapping[str, str] | None = None,
        pool: Mapping[str, "Subject"] | None = None,
    ) -> None:
        new = {each.subject: Subject(each, start_seconds, case_seconds) for each in launches.values()}
        by_label = {label: (pool or {}).get(label, subject) for label, subject in new.items()}
        self._subjects = {column: by_label[each.subject] for column, each in launches.items()}
        self._names = {column: (names or {}).get(column, column) for column in launches}
        self._runs: Counter[str] = Counter()

    @classmethod
    def of(cls, targets: Mapping[str, Target], pool: Mapping[str, "Subject"] | None = None) -> "Subjects":
        """The subjects of what is under test."""
        launches = {column: target.launch for column, target in targets.items()}
        return cls(launches, names={column: target.name for column, target in targets.items()}, pool=pool)

    @classmethod
    def held_back(cls, targets: Mapping[str, Target]) -> "Subjects":
        """The same subjects with the oldest instructions, without those that cannot be
        limited to them or are limited already.
        """
        launches = {column: held_to(target.launch, target.lowest) for column, target in targets.items()}
        held = {column: each for column, each in launches.items() if each is not None}
        return cls(held, names={column: targets[column].name for column in held})

    def hosts(self, column: str) -> bool:
        """Whether the implementation of the column lives in one of the subjects."""
        return column in self._subjects

    def introduction(self, column: str) -> Introduction | CannotStart:
        """What the implementation of the column is and can do: its subject starts, if
        need be. Raises UnknownImplementation.
        """
        subject, name = self._subject(column), self._names[column]
        cannot = subject.start() if subject.facts is None else None
        if cannot is not None or subject.facts is None:
            return cannot or CannotStart("it never started", "")
        hosted = subject.facts.implementations
        return (
            hosted[name]
            if name in hosted
            else CannotStart(f"it hosts {', '.join(hosted)}, and not {name}", "")
        )

    def run(self, request: Request) -> Answer:
        """The answer of the subject that hosts the implementation of the column that
        the request names. Raises UnknownImplementation.
        """
        column = request.implementation
        known = self.introduction(column)
        if isinstance(known, CannotStart):
            return known
        if known.lifetime is not None:
            self._runs[column] += 1
            if self._runs[column] % known.lifetime == 0:
                self._subject(column).close()
        return self._subject(column).run(replace(request, implementation=known.name))

    def replace(self, column: str) -> None:
        """End the process that hosts the implementation of the column: the next request
        finds a new one.
        """
        self._subject(column).close()

    def start(self, column: str) -> CannotStart | None:
        """Have the column's subject ready, or say why it is not."""
        return self._subject(column).start()

    def facts(self, column: str) -> Facts | None:
        """What the column's subject said about itself; None where it never started."""
        return self._subject(column).facts

    def started(self) -> dict[str, tuple[tuple[str, ...], Facts]]:
        """The subjects that have started, by label, each with its columns and with what
        it said about itself.
        """
        found: dict[str, tuple[tuple[str, ...], Facts]] = {}
        for column, subject in self._subjects.items():
            if subject.facts is not None:
                columns = found[subject.label][0] if subject.label in found else ()
                found[subject.label] = (*columns, column), subject.facts
        return found

    def close(self) -> None:
        """End all processes."""
        for subject in self._subjects.values():
            subject.close()

    def __enter__(self) -> "Subjects":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _subject(self, column: str) -> "Subject":
        if column not in self._subjects:
            known = list(self._subjects)
            raise UnknownImplementation(column, known, get_close_matches(column, known, n=1))
        return self._subjects[column]
