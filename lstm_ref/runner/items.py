"""Case files and their items as pytest sees them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from _pytest._code.code import ReprFileLocation, TerminalRepr

from lstm_ref.corpus import Case, CorpusError, load_file
from lstm_ref.corpus.selection import last_part
from lstm_ref.pytest_plugin import session
from lstm_ref.results.records import FAILING, Outcome, SubjectRecord
from lstm_ref.results.writing import record


class CaseFile(pytest.File):
    """A case file."""

    @classmethod
    def of(cls, parent: pytest.Collector, path: Path) -> "CaseFile":
        """The file under a name that leads to it: from the root folder where it lies
        below it, else whole.
        """
        root = parent.config.rootpath
        return cls.from_parent(
            parent,
            path=path,
            nodeid=(path.relative_to(root) if path.is_relative_to(root) else path).as_posix(),
        )

    def collect(self) -> Iterator["CaseItem"]:
        plan = session(self.config).plan
        cases = plan.candidates(
            self.path, load_file(self.path, plan.parameters, everyday=plan.takes_everyday_alone)
        )
        if why := plan.why_nothing_runs(cases):
            pytest.skip(why)
        for case, implementation, dtype in plan.items(cases):
            name = f"{last_part(case)}[{implementation}-{dtype}]"
            # pytest makes an id of a name that has brackets which its own cache does
            # not know again (9.2); one that it is given, it reads as it reads its
            # cache.
            nodeid = f"{self.nodeid}::{name}"
            yield CaseItem.from_parent(
                self, name=name, nodeid=nodeid, case=case, implementation=implementation, dtype=dtype
            )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return (
            str(excinfo.value)
            if isinstance(excinfo.value, CorpusError)
            else super()._repr_failure_py(excinfo, style or "long")
        )


class NotAsExpected(Exception):
    """An item that did not pass."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.message)
        self.outcome = outcome


class CaseItem(pytest.Item):
    """A case on one implementation in one dtype."""

    def __init__(self, *, case: Case, implementation: str, dtype: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        self.implementation = implementation
        self.dtype = dtype
        self.outcome: Outcome | None = None
        self.recorded = False
        self.subjects: list[dict[str, Any]] = []

    def runtest(self) -> None:
        self.outcome = session(self.config).recorded(self)
        self.recorded = self.outcome is not None
        if self.outcome is None:
            self.outcome = self._run()
        if self.outcome.outcome in ("unsupported", "not-run"):
            pytest.skip(self.outcome.message)
        if self.outcome.outcome == "divergence":
            pytest.xfail(self.outcome.message)
        if self.outcome.outcome in FAILING:
            raise NotAsExpected(self.outcome)

    def _run(self) -> Outcome:
        run, told = session(self.config).run, session(self.config).told
        outcome = run.outcome(self.case, self.implementation, self.dtype)
        self.subjects = [
            record(SubjectRecord(label, columns, facts.versions, facts.environment, facts.processor))
            for label, (columns, facts) in run.subjects.started().items()
            if label not in told
        ]
        told.update(run.subjects.started())
        return outcome

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, pytest.xfail.Exception):
            # Where pytest.xfail was called is the same for all; to format it takes
            # longer than to judge.
            return str(excinfo.value)
        return (
            Shown(record(excinfo.value.outcome))
            if isinstance(excinfo.value, NotAsExpected)
            else super().repr_failure(excinfo, style)
        )

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.place.line - 1, f"{self.case.id} [{self.implementation}-{self.dtype}]"


@dataclass(eq=False)
class Shown(TerminalRepr):
    """A failure as pytest shows it: whole in its section, its cause in the short
    summary and in JUnit.
    """

    outcome: dict[str, Any]

    @classmethod
    def of(cls, report: Any) -> "Shown":
        """That of a report, wherever it was made."""
        return cls(report.lstm_ref["outcome"])

    @property
    def reprcrash(self) -> ReprFileLocation:
        """Where pytest looks for the one line that tells the cause."""
        return ReprFileLocation(self.outcome["file"], self.outcome["line"], cause_of(self.outcome))

    def toterminal(self, tw: Any) -> None:
        """The whole text."""
        for line in describe(self.outcome).splitlines():
            tw.line(line)


def cause_of(outcome: dict[str, Any]) -> str:
    """A failure in one line."""
    first: str = outcome["message"].partition("\n")[0]
    return first or outcome["outcome"]


def describe(outcome: dict[str, Any]) -> str:
    """A failure in full, as a person reads it in the terminal."""
    cause, _, more = outcome["message"].partition("\n")
    pages = "".join(f"             {address}\n" for address in outcome["documentation"].values())
    text = (
        f"{cause}\n\n"
        f"  outcome    {outcome['outcome']}: {outcome['implementation']} in {outcome['dtype']}\n"
        f"  case       {outcome['case']}\n"
        f"  file       {outcome['file']}:{outcome['line']}\n"
        f"  claim      {outcome['about']}\n"
        f"  source     {outcome['source']}\n"
        f"{pages}"
        f"  reproduce  {outcome['reproduce']}"
    )
    return "\n\n".join(filter(None, (text, more.strip("\n"), outcome["detail"].rstrip())))
