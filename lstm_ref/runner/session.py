"""One session of pytest that runs cases: its plan, its subjects and, in the process
that writes, its results.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from lstm_ref.corpus import NothingSelectedError, load_divergences
from lstm_ref.results.records import Outcome
from lstm_ref.results.writing import record
from lstm_ref.runner.answers import CannotStart, Facts
from lstm_ref.runner.items import CaseItem
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.plan import Plan
from lstm_ref.runner.resuming import recorded
from lstm_ref.runner.run import Run
from lstm_ref.runner.subject import Subject
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.writer import Writer
from lstm_ref.verdict.divergences import Divergences


class Session:
    """What all items share. Under xdist the workers run items, and send outcomes with
    pytest's own reports. Only the controller writes.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        # Subjects that had to say what they are, by label: they go on to run cases,
        # unless workers do.
        self._pool: dict[str, Subject] = {}
        try:
            self.plan = Plan(config, self._introduce)
        except BaseException:
            self._close_pool()
            raise
        if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
            self._close_pool()
        self._run: Run | None = None
        # The labels of subjects whose facts are on their way to the process that
        # writes.
        self.told: set[str] = set()
        self._writer: Writer | None = None
        # The result file of the run that this one goes on with, where there is one.
        self.resumed = ""
        if hasattr(config, "workerinput"):
            self.resumed = config.workerinput.get("lstm_resumed", "")
        else:
            self._writer = Writer(config, self.plan)
            config.pluginmanager.register(self._writer, "lstm-ref-writer")
            if config.getoption("lstm_resume"):
                self.resumed = self._writer.resume()
        self._recorded = recorded(self.resumed)

    @property
    def run(self) -> Run:
        """The run of this process: its subjects start when first needed."""
        if self._run is None:
            plan = self.plan
            self._run = Run(
                Subjects.of(plan.targets, self._pool),
                plan.targets,
                plan.seed,
                Divergences([*plan.divergences, *load_divergences()], plan.parameters),
                plan.folder,
                held_back=Subjects.held_back(plan.targets),
            )
        return self._run

    def recorded(self, item: CaseItem) -> Outcome | None:
        """The outcome that the item had before the run was interrupted."""
        return self._recorded.get((item.case.id, item.implementation, item.dtype))

    def _introduce(self, launch: Launch) -> Facts | CannotStart:
        subject = self._pool.setdefault(launch.subject, Subject(launch))
        cannot = subject.start()
        return (
            subject.facts
            if cannot is None and subject.facts is not None
            else cannot or CannotStart("it never started", "")
        )

    def _close_pool(self) -> None:
        for subject in self._pool.values():
            subject.close()

    def choose(self, items: list[pytest.Item]) -> None:
        """Keep only the chosen items, and of these the ones of this shard. Raises
        UsageError if nothing is left.
        """
        if self.plan.choices:
            self._leave_chosen(items)
        if self._recorded:  # first, so that the next failure is one that was not there yet
            items.sort(key=lambda item: not isinstance(item, CaseItem) or self.recorded(item) is None)
        shard = self.plan.shard
        if shard is not None:
            mine = [not isinstance(item, CaseItem) or shard.takes(item.case.id) for item in items]
            others = [item for item, kept in zip(items, mine, strict=True) if not kept]
            self.config.hook.pytest_deselected(items=others)
            items[:] = [item for item, kept in zip(items, mine, strict=True) if kept]

    def _leave_chosen(self, items: list[pytest.Item]) -> None:
        cases = [item for item in items if isinstance(item, CaseItem)]
        kept = {id(item) for item in items if not isinstance(item, CaseItem) and not self.plan.cases_alone}
        for choice in self.plan.choices:
            try:
                kept |= {id(item) for item in self.plan.chosen(cases, choice)}
            except NothingSelectedError as error:
                if self.config.getoption("lf", False):
                    continue  # what did not fail may not have been collected
                items.clear()  # nothing runs, so that nothing is written over the last results
                raise pytest.UsageError(self.plan.why_nothing(error)) from error
        self.config.hook.pytest_deselected(items=[item for item in items if id(item) not in kept])
        items[:] = [item for item in items if id(item) in kept]

    def begin(self, nodeids: Sequence[str]) -> None:
        """Begin the result file, in the process that writes."""
        if self._writer is not None:
            self._writer.begin(nodeids)

    @property
    def has_begun(self) -> bool:
        """Whether there is a case to run."""
        return self._writer is not None and self._writer.has_begun

    def send(self, report: Any, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Put the outcome of an item on its report. It is plain data, so that xdist can
        send it to the controller.
        """
        if isinstance(item, CaseItem) and item.outcome is not None and call.when == "call":
            report.lstm_ref = {
                "outcome": record(item.outcome),
                "subjects": item.subjects,
                "recorded": item.recorded,
            }

    def close(self) -> None:
        """End all processes."""
        self._close_pool()
        if self._run is not None:
            self._run.close()
