"""The pytest plugin: case files are collected as test items, each case on each implementation in each dtype; a run ends in a result file
and a report.

Under xdist the workers run items and send outcomes along with pytest's own reports; the controller alone writes.
"""

import platform
import re
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_ref
from lstm_ref.corpus import (
    Case,
    CorpusError,
    NothingSelectedError,
    corpus_hash,
    corpus_root,
    load,
    load_divergences,
    load_file,
    load_parameters,
    select,
)
from lstm_ref.corpus.loading import is_case_file
from lstm_ref.corpus.selection import everyday, last_part, matching, of_everyday
from lstm_ref.harness.cpu import cpu_facts
from lstm_ref.harness.divergences import Divergences
from lstm_ref.harness.errors import ResultsInUse
from lstm_ref.harness.policies import POLICIES
from lstm_ref.harness.results import ResultFile, now, record
from lstm_ref.harness.run import Run, partner_of
from lstm_ref.harness.subjects import Subjects, installed
from lstm_ref.implementations import Implementation, discover
from lstm_ref.report.data import FAILING, Header, Missing, Outcome, Subject, read

OTHER_KIND = re.compile(r"^kind:\s*[\"']?(parameters|divergences)\b", re.MULTILINE)

# A summary of more causes than this is no summary.
MOST_CAUSES = 5

PLAN = pytest.StashKey["Plan"]()
RUN = pytest.StashKey[Run]()
WRITER = pytest.StashKey["Writer"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("lstm-ref", "conformance of LSTM layers")
    group.addoption(
        "--impl",
        action="append",
        default=[],
        metavar="NAME",
        help="run this implementation; repeat for several (default: all installed ones, slow ones with --full only)",
    )
    group.addoption(
        "--dtype", action="append", default=[], metavar="DTYPE", help="run in this dtype; repeat for several (default: those of each case)"
    )
    group.addoption(
        "--case", action="append", default=[], metavar="PATTERN", help="run these cases: an id, a pattern of ids with * and ?, a file, a folder"
    )
    group.addoption(
        "--full",
        action="store_true",
        help="run every point of the large matrices, in the dtypes that their coverings name (default: the points that cover them)",
    )
    group.addoption("--lstm-seed", type=int, default=0, metavar="N", help="draw all numbers from this seed (default: 0)")
    group.addoption("--results", metavar="PATH", help="where to write the result file (default: reports/results.jsonl)")
    group.addoption("--report", metavar="PATH", help="where to write the HTML report (default: reports/conformance.html)")


class Plan:
    """What the command line asks for: the implementations to run, by name, those that are missing, the dtypes, and the cases."""

    def __init__(self, config: pytest.Config) -> None:
        known = discover()
        asked: list[str] = config.getoption("--impl")
        for name in asked:
            _refuse_unknown("implementation", name, list(known))
        self.dtypes: tuple[str, ...] = tuple(config.getoption("--dtype"))
        for dtype in self.dtypes:
            _refuse_unknown("dtype", dtype, list(POLICIES))
        self.full: bool = config.getoption("--full")
        wanted = {name: known[name] for name in asked or known}
        missing = [_not_run(implementation, self.full or bool(asked)) for implementation in wanted.values()]
        self.missing = tuple(each for each in missing if each is not None)
        if asked and self.missing:
            commands = "\n".join(f"  {each.implementation}: {each.command}" for each in self.missing)
            raise pytest.UsageError(f"asked for, but not installed:\n{commands}")
        self.implementations: Mapping[str, Implementation] = {
            name: known for (name, known), why in zip(wanted.items(), missing, strict=True) if why is None
        }
        self.seed: int = config.getoption("--lstm-seed")
        self.parameters = load_parameters()
        self.folder = config.invocation_params.dir
        self.patterns: list[str] = config.getoption("--case")
        # The points whose items are arguments: file, and the last part of the id.
        self.named = {
            ((self.folder / file).resolve(), _without_item(name))
            for file, _, name in (argument.partition("::") for argument in config.args if _names_item(argument))
        }

    def cases(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that patterns, or else the extent of the run, choose. Raises NothingSelectedError for a pattern that chooses none."""
        return select(cases, self.patterns) if self.full else everyday(cases, self.patterns)

    def candidates(self, file: Path, cases: Sequence[Case]) -> list[Case]:
        """The cases of one file that may be among those chosen from all files, so that of a large matrix few items are made; where a pattern
        chooses none, those that it may have meant.
        """
        found = [matching(cases, pattern) or of_everyday(cases) for pattern in self.patterns] or [list(cases)]
        ids = {case.id for some in found for case in (some if self.full else of_everyday(some))}
        named = {name for path, name in self.named if path == file.resolve()}
        return [case for case in cases if case.id in ids or last_part(case) in named]

    def items(self, case: Case) -> Iterator[tuple[str, str]]:
        """Implementation and dtype of each item of the case: none where one side of a relation has nothing to run it."""
        if case.relation is not None and partner_of(case.relation.dialect or case.dialect, self.implementations) is None:
            return
        for name, implementation in self.implementations.items():
            if implementation.dialect == case.dialect and not _declined(implementation, case):
                for dtype in case.full_dtypes if self.full else case.dtypes:
                    if not self.dtypes or dtype in self.dtypes:
                        yield name, dtype


def _not_run(implementation: Implementation, with_slow_ones: bool) -> Missing | None:
    """Why an implementation is left out, and the command that lets it in; None for one that runs."""
    if not installed(implementation):
        return Missing(implementation.name, f"{' and '.join(implementation.host.requires)} not installed", implementation.host.install)
    if implementation.covering_only and not with_slow_ones:
        return Missing(implementation.name, "slow, and part of a full run only", f"lstm-ref run --impl {implementation.name}")
    return None


def _declined(implementation: Implementation, case: Case) -> str:
    """Why an implementation of the case's dialect has no items of the case; empty where it has some."""
    if implementation.version and case.versions and implementation.version not in case.versions:
        return f"follows version {implementation.version} of the documentation, and not {' or '.join(case.versions)}"
    return "is slow and runs only points that cover a large matrix" if implementation.covering_only and not case.covering else ""


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise pytest.UsageError(f"there is no {what} {name!r}; {hint}")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[PLAN] = Plan(config)
    _points_to_patterns(config)
    if not hasattr(config, "workerinput"):
        config.stash[WRITER] = Writer(config, config.stash[PLAN])
        config.pluginmanager.register(config.stash[WRITER], "lstm-ref-writer")


def _points_to_patterns(config: pytest.Config) -> None:
    """`pytest file.yaml::name[axis=value]` names a point, that is all its items: ask for the file and choose the point."""
    if not any(".yaml::" in argument and not _names_item(argument) for argument in config.args):
        return
    for index, argument in enumerate(config.args):
        if ".yaml" in argument:
            config.option.case.append(argument if not _names_item(argument) else _without_item(argument))
            if not _names_item(argument):
                config.args[index] = argument.partition("::")[0]


def _names_item(argument: str) -> bool:
    """Whether it ends in what only an item's name ends in: [implementation-dtype]."""
    return bool(re.search(rf"\[[^\[\]]*-({'|'.join(POLICIES)})\]$", argument))


def _without_item(argument: str) -> str:
    return re.sub(r"\[[^\[\]]*\]$", "", argument)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "CaseFile | None":
    if file_path.suffix != ".yaml":
        return None
    text = file_path.read_text(encoding="utf-8", errors="replace")
    # A file of the corpus of no known kind is a mistake to be shown, anywhere else it is somebody else's YAML.
    mistaken = file_path.is_relative_to(corpus_root()) and not OTHER_KIND.search(text)
    return CaseFile.from_parent(parent, path=file_path) if is_case_file(file_path) or mistaken else None


class CaseFile(pytest.File):
    """A case file."""

    def collect(self) -> Iterator["CaseItem"]:
        plan = self.config.stash[PLAN]
        for case in plan.candidates(self.path, load_file(self.path, plan.parameters)):
            for implementation, dtype in plan.items(case):
                yield CaseItem.from_parent(
                    self, name=f"{last_part(case)}[{implementation}-{dtype}]", case=case, implementation=implementation, dtype=dtype
                )

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, CorpusError) else super()._repr_failure_py(excinfo, style or "long")


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
        self.subjects: list[dict[str, Any]] = []

    def runtest(self) -> None:
        run = _run(self.config)
        known = set(run.subjects.facts())
        self.outcome = run.outcome(self.case, self.implementation, self.dtype)
        self.subjects = [
            record(Subject(name, tuple(facts.dialects), facts.versions, facts.environment, facts.processor))
            for name, facts in run.subjects.facts().items()
            if name not in known
        ]
        if self.outcome.outcome == "unsupported":
            pytest.skip(self.outcome.message)
        if self.outcome.outcome == "divergence":
            pytest.xfail(self.outcome.message)
        if self.outcome.outcome in FAILING:
            raise NotAsExpected(self.outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, pytest.xfail.Exception):
            return str(excinfo.value)  # where pytest.xfail was called is the same for all; to format it takes longer than to judge
        return describe(excinfo.value.outcome) if isinstance(excinfo.value, NotAsExpected) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.case.place.line - 1, f"{self.case.id} [{self.implementation}-{self.dtype}]"


def describe(outcome: Outcome) -> str:
    """A failure in full, as a person reads it in the terminal."""
    detail = f"\n\n{outcome.detail.rstrip()}" if outcome.detail else ""
    return (
        f"{outcome.outcome}: {outcome.implementation} in {outcome.dtype}\n"
        f"  case       {outcome.case}\n"
        f"  file       {outcome.file}:{outcome.line}\n"
        f"  claim      {outcome.about}\n"
        f"  source     {outcome.source}\n"
        f"  reproduce  {outcome.reproduce}\n\n{outcome.message}{detail}"
    )


def _run(config: pytest.Config) -> Run:
    """The run of this process: its subjects start when first needed."""
    if RUN not in config.stash:
        plan = config.stash[PLAN]
        divergences = Divergences(load_divergences(), plan.parameters)
        config.stash[RUN] = Run(
            Subjects.of(plan.implementations),
            plan.implementations,
            plan.seed,
            divergences,
            plan.folder,
            held_back=Subjects.held_back(plan.implementations),
        )
    return config.stash[RUN]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    plan = config.stash[PLAN]
    if not plan.patterns:
        return
    cases = [item for item in items if isinstance(item, CaseItem)]
    others = [item for item in items if not isinstance(item, CaseItem)]
    try:
        chosen = {id(case) for case in plan.cases([item.case for item in cases])}
    except NothingSelectedError as error:
        items.clear()  # nothing runs, so that nothing is written over the last results
        raise pytest.UsageError(_why_nothing(plan, error)) from error
    config.hook.pytest_deselected(items=[*others, *(item for item in cases if id(item.case) not in chosen)])
    items[:] = [item for item in cases if id(item.case) in chosen]


def _why_nothing(plan: Plan, error: NothingSelectedError) -> str:
    """A pattern may name cases well, of a dialect of which nothing is there to run it."""
    try:
        found = select(load().cases, [error.pattern])
    except NothingSelectedError:
        return str(error)
    dialects = {case.dialect for case in found}
    running = {name: known for name, known in plan.implementations.items() if known.dialect in dialects}
    declined = {name: next((why for case in found if (why := _declined(known, case))), "") for name, known in running.items()}
    if running and all(all(_declined(known, case) or case.dialect != known.dialect for case in found) for known in running.values()):
        return f'"{error.pattern}" names {len(found)} cases that nothing here runs: ' + "; ".join(f"{name} {why}" for name, why in declined.items())
    if running:
        names, listed = ", ".join(running), ", ".join(sorted({dtype for case in found for dtype in case.dtypes}))
        return f'"{error.pattern}" names {len(found)} cases that {names} could run, but in {listed}, not in {", ".join(plan.dtypes)}'
    others = {name: known for name, known in discover().items() if known.dialect in dialects}
    ways = [f"--impl {name}" if installed(known) else known.host.install for name, known in others.items()]
    return f'"{error.pattern}" names {len(found)} cases of {", ".join(sorted(dialects))}, which nothing here runs; what would: {"; ".join(ways)}'


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    report = yield
    if isinstance(item, CaseItem) and item.outcome is not None and call.when == "call":
        # Plain data on the report itself travels from an xdist worker to the controller.
        report.lstm_ref = {"outcome": record(item.outcome), "subjects": item.subjects}
    return report


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUN in config.stash:
        config.stash[RUN].close()


class Writer:
    """The one process that writes: the result file as outcomes come in, and in the end the report and the summary."""

    def __init__(self, config: pytest.Config, plan: Plan) -> None:
        folder = config.rootpath / "reports"
        self._results = Path(config.getoption("--results") or folder / "results.jsonl")
        self._report = Path(config.getoption("--report") or folder / "conformance.html")
        self._config = config
        self._plan = plan
        self._file: ResultFile | None = None
        self._causes: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._begin([item.nodeid for item in session.items if isinstance(item, CaseItem)])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Sequence[str]) -> None:
        self._begin([nodeid for nodeid in ids if nodeid.partition("::")[0].endswith(".yaml")])

    def _begin(self, nodeids: Sequence[str]) -> None:
        """Write the header. A run without cases, as of the suite's own tests, has no result file."""
        if not nodeids or self._file is not None or self._config.getoption("collectonly"):
            return
        header = Header(
            lstm_ref=lstm_ref.__version__,
            started=now(),
            seed=self._plan.seed,
            corpus=corpus_hash(),
            cases=len({nodeid.rpartition("[")[0] for nodeid in nodeids}),
            items=len(nodeids),
            options={
                "cases": list(self._config.getoption("--case")) or [str(_relative(Path(argument))) for argument in self._config.args],
                "implementations": list(self._config.getoption("--impl")),
                "dtypes": list(self._plan.dtypes),
                **({"full": True} if self._plan.full else {}),
            },
            platform={
                "system": platform.platform(),
                "machine": platform.machine(),
                "python": platform.python_version(),
                "numpy": np.__version__,
                **cpu_facts(),
            },
            implementations=tuple(self._plan.implementations),
            missing=self._plan.missing,
        )
        try:
            self._report.parent.mkdir(parents=True, exist_ok=True)
            self._report.open("a").close()
            self._file = ResultFile(self._results, header)
        except ResultsInUse as error:
            raise pytest.UsageError(str(error)) from error
        except OSError as error:
            raise pytest.UsageError(f"{error.filename} cannot be written: {error.strerror}") from error

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        sent = getattr(report, "lstm_ref", None)
        if sent is not None and self._file is not None:
            for subject in sent["subjects"]:
                self._file.subject(subject)
            self._file.outcome(sent["outcome"])
            if sent["outcome"]["outcome"] in FAILING:
                self._causes[sent["outcome"]["message"].partition("\n")[0]] += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if self._file is None:
            return
        from lstm_ref.report.html import render  # Jinja2 is needed here only

        if exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not session.shouldstop and not session.shouldfail:
            self._file.finish()
        self._file.close()
        self._report.write_text(render(read(self._results)), encoding="utf-8")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self._file is None:
            return
        terminalreporter.section("conformance")
        counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(self._file.counts.items(), key=lambda pair: -pair[1]))
        terminalreporter.line(f"outcomes  {counts or 'none'}")
        for cause, count in self._causes.most_common(MOST_CAUSES):
            if count > 1:
                terminalreporter.line(f"{count:>5} x   {cause}", red=True)
        for missing in self._plan.missing:
            terminalreporter.line(f"not run   {missing.implementation}: {missing.reason}; {missing.command}", yellow=True)
        terminalreporter.line(f"results   {_relative(self._results)}")
        terminalreporter.line(f"report    {_relative(self._report)}")


def _relative(path: Path) -> Path:
    return path.resolve().relative_to(Path.cwd()) if path.resolve().is_relative_to(Path.cwd()) else path
