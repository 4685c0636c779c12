"""The one process that writes: first what will be run, then the result file line by
line, and at the end the report and the summary.
"""

import os
import platform
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_ref
from lstm_ref.corpus import corpus_hash, corpus_root, load_divergences
from lstm_ref.report.findings import without_numbers
from lstm_ref.results.errors import ResultFileError, ResultsInUse
from lstm_ref.results.reading import read
from lstm_ref.results.records import FAILING, Header, Missing, Results, SubjectRecord
from lstm_ref.results.writing import ResultFile, now
from lstm_ref.runner.cpu import cpu_facts
from lstm_ref.runner.items import cause_of
from lstm_ref.runner.nodeids import Choice, is_item_of_a_case
from lstm_ref.runner.plan import Plan
from lstm_ref.runner.progress import Progress, begin_line
from lstm_ref.runner.resuming import changed, differences
from lstm_ref.runner.targets import EVERYWHERE, Target
from lstm_ref.runner.unmeasured import newer_than_measured

# A summary of more causes than this is not a summary.
MOST_CAUSES = 5

# Options of pytest that leave out some of what there is.
NARROWING = ("keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob")


class Writer:
    """Writes and reports. A run without cases, such as the tests of the suite itself,
    has no result file, and nothing is reported.
    """

    def __init__(self, config: pytest.Config, plan: Plan) -> None:
        self._config = config
        self._plan = plan
        self._file: ResultFile | None = None
        self._begun = False
        self._refused = False
        self._unfinished = False
        self._causes: dict[str, list[str]] = {}
        self._progress: Progress | None = None
        self._others = 0
        self._alone = False
        self._summing_up = False
        self._subjects: tuple[SubjectRecord, ...] = ()

    @cached_property
    def _results(self) -> Path:
        return Path(
            self._config.getoption("lstm_results")
            or self._folder / f"{'chosen' if self._chosen else 'results'}.jsonl"
        )

    @cached_property
    def _report(self) -> Path:
        name = "chosen" if self._chosen else "conformance"
        return Path(self._config.getoption("lstm_report") or self._folder / f"{name}.html")

    @property
    def _folder(self) -> Path:
        return self._config.rootpath / "reports"

    @cached_property
    def _chosen(self) -> bool:
        """Whether this run is a part only: of the cases, implementations or dtypes.
        Then it must not replace the record of a whole run.
        """
        plan, option = self._plan, self._config.getoption
        if plan.is_part or any(option(name, False) for name in NARROWING):
            return True
        if self._config.args_source is not pytest.Config.ArgsSource.ARGS:
            return False
        given = [(plan.folder / argument.partition("::")[0]).resolve() for argument in self._config.args]
        return not any(
            whole.resolve().is_relative_to(path)
            for whole in (corpus_root(), self._config.rootpath)
            for path in given
        )

    @property
    def has_begun(self) -> bool:
        """Whether the result file is this run's."""
        return self._begun

    def resume(self) -> str:
        """Lock the result file of the run that this one continues. Returns its absolute
        path, or nothing if there is no such file.

        Failures that are already in it do not count for `--maxfail`. Raises UsageError
        if pytest is told to run another part, and for a file that cannot be read.
        """
        for option, name in (("lf", "--lf"), ("stepwise", "--stepwise")):
            if self._config.getoption(option, False):
                raise pytest.UsageError(f"{name} runs another part than what is left; leave it out")
        if not self._results.exists():
            return ""
        file = self._hold()
        try:
            file.read_begun()
        except ResultFileError as error:
            file.close()
            raise pytest.UsageError(str(error)) from error
        self._file = file
        if file.begun is None:
            return ""
        if self._config.option.maxfail:
            self._config.option.maxfail += sum(file.counts[outcome] for outcome in FAILING)
        return str(self._results.absolute())

    def _hold(self) -> ResultFile:
        try:
            return ResultFile(self._results)
        except ResultsInUse as error:
            raise pytest.UsageError(str(error)) from error
        except OSError as error:
            raise pytest.UsageError(f"{error.filename} cannot be written: {error.strerror}") from error

    def begin(self, nodeids: Sequence[str]) -> None:
        """Write the header, and say what will be run."""
        cases = [nodeid for nodeid in nodeids if is_item_of_a_case(nodeid)]
        if not cases or self._begun or self._config.getoption("collectonly"):
            return
        self._begin(nodeids, cases)

    def _begin(self, nodeids: Sequence[str], cases: Sequence[str]) -> None:
        self._others = len(nodeids) - len(cases)
        header = Header(
            lstm_ref=lstm_ref.__version__,
            started=now(),
            seed=self._plan.seed,
            corpus=_corpus([self._config.rootpath / each.partition("::")[0] for each in cases], self._plan),
            cases=len({nodeid.rpartition("[")[0] for nodeid in cases}),
            items=len(cases),
            options=self._options(),
            platform={
                "system": platform.platform(),
                "machine": platform.machine(),
                "python": platform.python_version(),
                "numpy": np.__version__,
                **cpu_facts(),
            },
            implementations=tuple(self._plan.targets),
            missing=self._plan.missing,
        )
        try:
            self._report.parent.mkdir(parents=True, exist_ok=True)
            self._report.open("a").close()
        except OSError as error:
            raise pytest.UsageError(f"{error.filename} cannot be written: {error.strerror}") from error
        self._file = self._file or self._hold()
        if self._file.begun is not None:
            self._refuse_others(differences(self._file.begun, header, list(self._plan.targets.values())))
        self._file.begin(header)
        self._begun = True
        self._open(header, cases)

    def _options(self) -> dict[str, Any]:
        """What was asked for. Most options are listed only if they were given."""
        option = self._config.getoption
        given = {
            **{name: option(f"lstm_{name}") for name in ("subject", "adapter", "python", "divergences")},
            **{name: option(name, None) for name in NARROWING},
        }
        return {
            "cases": (
                list(option("lstm_case")) or [str(_shown(Path(argument))) for argument in self._config.args]
            ),
            "implementations": list(self._plan.asked),
            "dtypes": list(self._plan.dtypes),
            **({"full": True} if self._plan.full else {}),
            **({"quick": True} if self._plan.quick else {}),
            **({"shard": str(self._plan.shard)} if self._plan.shard else {}),
            **{name: _plain(value) for name, value in given.items() if value},
        }

    def _refuse_others(self, different: Sequence[str]) -> None:
        """Raise UsageError if the run that was begun is a different one."""
        if different:
            listed = "\n".join(f"  {line}" for line in different)
            raise pytest.UsageError(
                f"{_shown(self._results)} is of another run than this one, and stays as it is:\n{listed}\n"
                "go on with the same, or leave the option out to begin anew"
            )

    def _open(self, header: Header, nodeids: Sequence[str]) -> None:
        terminal = self._terminal()
        if terminal is None:
            return
        taking = Counter(Choice.of(nodeid).implementation for nodeid in nodeids)
        names = with_versions([target for name, target in self._plan.targets.items() if name in taking])
        workers = getattr(self._config.option, "numprocesses", None) or 1
        others = f" and {_count(self._others, 'test')}" if self._others else ""
        begin_line(terminal)
        terminal.write_line(
            f"lstm-ref {header.lstm_ref}: {_count(header.cases, 'case')},"
            f" {_count(header.items, 'item')}{others} on {names}; {_count(workers, 'worker')}"
            f"{'; a quick selection' if self._plan.quick else ''}"
        )
        begun = self._file.begun if self._file is not None else None
        if begun is not None:
            done = f"{len(begun.outcomes):,} of {header.items:,} items"
            more = "there is nothing left to run" if begun.footer else "the others are run now"
            terminal.write_line(f"{_shown(self._results)} has the outcomes of {done}: {more}")
        elif self._config.getoption("lstm_resume"):
            terminal.write_line(f"{_shown(self._results)} has no run to go on with: this one begins")
        terminal.write_line(f"results go to {_shown(self._results)}, the report to {_shown(self._report)}")
        terminal.flush()
        if self._config.get_verbosity() > 0:
            return  # pytest has a line for each item
        self._alone = not self._others
        if self._alone:
            terminal.showfspath = False
        self._progress = Progress(terminal, taking, live=bool(terminal.isatty) and self._alone)

    def _terminal(self) -> Any:
        return self._config.pluginmanager.getplugin("terminalreporter")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, str] | None:
        """Outcomes have no letters while cases alone are running: the progress line is
        enough. The summary has words for them.
        """
        if not self._alone or self._summing_up or getattr(report, "lstm_ref", None) is None:
            return None
        return "xfailed" if hasattr(report, "wasxfail") else report.outcome, "", ""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Write the outcome, after pytest has written its letter."""
        sent = getattr(report, "lstm_ref", None)
        if sent is None or self._file is None or self._refused:
            return
        for subject in sent["subjects"]:
            if self._file.begun is not None and (different := changed(self._file.begun, subject)):
                self._refuse_subject(different)
                return
            self._file.subject(subject)
        outcome = sent["outcome"]
        if not sent["recorded"]:
            self._file.outcome(outcome)
        failed = outcome["outcome"] in FAILING
        if failed:
            cause = cause_of(outcome)
            self._causes.setdefault(without_numbers(cause), []).append(cause)
        if self._progress is not None and sent["recorded"]:
            self._progress.recorded(outcome["implementation"], failed)
        elif self._progress is not None:
            self._progress.item(outcome["implementation"], outcome["seconds"] or 0.0, failed)

    def _refuse_subject(self, different: Sequence[str]) -> None:
        """End the run: a subject describes itself differently than before the
        interruption. Nothing more is written.
        """
        self._refused = True
        listed = "; ".join(different)
        self._session.shouldfail = (
            f"{_shown(self._results)} is of a run on another framework: {listed}; begin anew"
        )

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Keep what a run is ended by."""
        self._session = session

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Close the result file, and make the report of it."""
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and self._plan.shard and not self._begun:
            # A part of a run may have no case; merging wants its file all the same.
            self._begin((), ())
            session.exitstatus = exitstatus = pytest.ExitCode.OK
        if self._file is None or not self._begun:
            if self._file is not None:
                self._file.close()
            return
        from lstm_ref.report.html import render  # Jinja2 is needed here only

        if (
            exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
            and not session.shouldstop
            and not session.shouldfail
        ):
            self._file.finish()
        self._file.close()
        results = read(self._results)
        self._subjects = results.subjects
        self._unfinished = bool(results.incomplete)
        self._report.write_text(render(results), encoding="utf-8")
        self._tell_github(results)

    def _tell_github(self, results: Results) -> None:
        """In a job of GitHub Actions, mark the lines of what fails, and add to the
        summary of the job.
        """
        told: list[str] = []
        if os.environ.get("GITHUB_ACTIONS") == "true":
            from lstm_ref.report.annotations import annotations

            told += annotations(results)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            from lstm_ref.report.markdown import render

            try:
                with Path(summary).open("a", encoding="utf-8") as file:
                    file.write(render(results))
            except OSError as error:
                told.append(f"the summary {summary} cannot be written: {error.strerror}")
        if told and (terminal := self._terminal()) is not None:
            begin_line(terminal)
            for line in told:
                terminal.write_line(line)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Outcomes, causes, what was left out, and where the files are."""
        self._summing_up = True
        if self._file is None or not self._begun:
            return
        terminalreporter.section("conformance")
        if self._plan.shard and not self._file.counts:
            terminalreporter.line(f"the part {self._plan.shard} of the run has no case")
        counts = ", ".join(
            f"{count:,} {outcome}"
            for outcome, count in sorted(self._file.counts.items(), key=lambda pair: -pair[1])
        )
        terminalreporter.line(f"outcomes  {counts or 'none'}")
        causes = sorted(self._causes.values(), key=len, reverse=True)
        for alike in causes[:MOST_CAUSES]:
            if len(alike) > 1:
                terminalreporter.line(f"{len(alike):>5,} x   {alike[0]}", red=True)
        if len(causes) > MOST_CAUSES:
            terminalreporter.line(
                f"          and {_count(len(causes) - MOST_CAUSES, 'cause')} more, in the report", red=True
            )
        entries = [*self._plan.divergences, *load_divergences()]
        for line in newer_than_measured(entries, self._plan.targets, self._subjects):
            terminalreporter.line(f"versions  {line}", yellow=True)
        if self._plan.missing:
            terminalreporter.line(f"not run   {left_out(self._plan.missing)}", yellow=True)
        if self._unfinished and not self._refused:
            terminalreporter.line(
                "unfinished: the same command with --resume (of pytest: --lstm-resume) goes on from here",
                yellow=True,
            )
        terminalreporter.line(f"results   {_shown(self._results)}")
        terminalreporter.line(f"report    {_shown(self._report)}")


def left_out(missing: Sequence[Missing]) -> str:
    """What was not run, in one line. Names with the same reason stand together, with
    the command that includes them.
    """
    by_reason: dict[str, list[Missing]] = {}
    for each in missing:
        by_reason.setdefault(each.reason, []).append(each)
    parts = []
    for reason, alike in by_reason.items():
        names = ", ".join(each.implementation for each in alike)
        commands = {each.command for each in alike}
        command = commands.pop() if len(commands) == 1 else "lstm-ref run --full, or --impl NAME"
        parts.append(f"{names}: {reason} ({command})")
    return "; ".join(parts)


def with_versions(targets: Sequence[Target]) -> str:
    """The columns with the versions of their packages, as far as they are known before
    they start. Columns with the same packages share one list.
    """
    alike: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for each in targets:
        alike.setdefault(
            tuple((package, known) for package, known in each.versions.items() if package not in EVERYWHERE),
            [],
        ).append(each.column)
    return ", ".join(", ".join(columns) + _in_brackets(found) for found, columns in alike.items())


def _in_brackets(versions: Sequence[tuple[str, str]]) -> str:
    return f" ({', '.join(f'{package} {known}' for package, known in versions)})" if versions else ""


def _corpus(files: Sequence[Path], plan: Plan) -> str:
    """The digest of the cases that come with this package. If the run has other cases
    or divergences, their files are included.
    """
    ours = corpus_root().resolve()
    own = [file for file in dict.fromkeys(files) if not file.resolve().is_relative_to(ours)]
    contents = {file.read_bytes() for file in [*own, *plan.divergence_files]}
    if not contents:
        return corpus_hash()
    return sha256(
        b"".join([corpus_hash().encode(), *(sha256(each).digest() for each in sorted(contents))])
    ).hexdigest()


def _plain(value: Any) -> Any:
    return [str(each) for each in value] if isinstance(value, (list, tuple)) else value


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _shown(path: Path) -> Path:
    """As one would type it here."""
    there = Path(os.path.abspath(path))
    return there.relative_to(Path.cwd()) if there.is_relative_to(Path.cwd()) else path
