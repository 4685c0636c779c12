"""The pytest plugin: YAML files of cases are collected as test items, each case on each
implementation in each dtype.

In a project without case files it does nothing but add options, and imports nothing
heavy: what a run needs is imported with the first case file, or the first option.
"""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lstm_ref.kinds import SUFFIXES, is_case_file, is_other_file
from lstm_ref.runner.nodeids import NOTHING_RUNS, is_item_of_a_case

if TYPE_CHECKING:
    from lstm_ref.runner.items import CaseFile
    from lstm_ref.runner.session import Session

PACKAGE = Path(__file__).resolve().parent

# What `lstm-ref smoke` sends to a new subject, which is not a part of the corpus.
FIRST_REQUESTS = PACKAGE / "smoke"

# The options that begin a run, whether or not a case file is met.
OF_A_RUN = (
    "impl",
    "subject",
    "adapter",
    "python",
    "divergences",
    "dtype",
    "case",
    "full",
    "quick",
    "results",
    "report",
    "shard",
    "resume",
)

SESSION = pytest.StashKey["Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options, under names that no other plugin has."""
    group = parser.getgroup("lstm-ref", "conformance of LSTM layers (lstm-ref)")
    repeated = {"action": "append", "default": []}
    group.addoption(
        "--lstm-impl",
        **repeated,
        metavar="NAME",
        help=(
            "run this implementation; repeat for several (default: all installed ones, slow ones with"
            " --lstm-full only)"
        ),
    )
    group.addoption(
        "--lstm-subject",
        **repeated,
        metavar="[NAME=]COMMAND",
        help="judge what this command starts; it speaks JSON lines",
    )
    group.addoption(
        "--lstm-adapter", **repeated, metavar="FILE.py", help="judge what this adapter file declares"
    )
    group.addoption(
        "--lstm-python",
        **repeated,
        metavar="IMPLEMENTATION@LABEL=INTERPRETER",
        help="judge an implementation under another Python interpreter, in a column of its own",
    )
    group.addoption(
        "--lstm-divergences", **repeated, metavar="FILE.yaml", help="known disagreements of your own"
    )
    group.addoption(
        "--lstm-dtype",
        **repeated,
        metavar="DTYPE",
        help="run in this dtype; repeat for several (default: those of each case)",
    )
    group.addoption(
        "--lstm-case",
        **repeated,
        metavar="PATTERN",
        help="run these cases: an id, a pattern of ids with * and ?, a file, a folder",
    )
    group.addoption(
        "--lstm-full",
        action="store_true",
        help=(
            "run every point of the large matrices, in the dtypes that their coverings name (default: the"
            " points that cover them)"
        ),
    )
    group.addoption(
        "--lstm-quick",
        action="store_true",
        help="run an eighth of the items: every documented value, and what notices every planted fault",
    )
    group.addoption(
        "--lstm-shard",
        metavar="K/N",
        help="run the K-th of N parts, on a machine of its own; lstm-ref merge makes one result of them",
    )
    group.addoption(
        "--lstm-resume",
        action="store_true",
        help="go on with the run whose result file is not complete; give the same options again",
    )
    group.addoption("--lstm-seed", type=int, metavar="N", help="draw all numbers from this seed (default: 0)")
    group.addoption(
        "--lstm-results",
        metavar="PATH",
        help=(
            "where to write the result file (default: reports/results.jsonl; of chosen cases"
            " reports/chosen.jsonl)"
        ),
    )
    group.addoption(
        "--lstm-report",
        metavar="PATH",
        help=(
            "where to write the HTML report (default: reports/conformance.html; of chosen cases"
            " reports/chosen.html)"
        ),
    )


def pytest_configure(config: pytest.Config) -> None:
    """Options are checked at once. An argument that names a point brings its file."""
    files = (
        config.invocation_params.dir / argument.partition("::")[0]
        for argument in config.args
        if "::" in argument
    )
    if any(config.getoption(f"lstm_{name}") for name in OF_A_RUN) or any(map(is_case_file, files)):
        session(config)


def session(config: pytest.Config) -> "Session":
    """What this run shares; it begins with the first call."""
    if SESSION not in config.stash:
        from lstm_ref.runner.session import Session

        config.stash[SESSION] = Session(config)
    return config.stash[SESSION]


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "CaseFile | None":
    """A file of cases. In the folder of this package's own, a file of no known kind is
    a mistake to be shown.
    """
    if file_path.suffix not in SUFFIXES or file_path.is_relative_to(FIRST_REQUESTS):
        return None
    if not is_case_file(file_path) and (is_other_file(file_path) or not among_ours(file_path)):
        return None
    from lstm_ref.runner.items import CaseFile

    session(parent.config)
    return CaseFile.of(parent, file_path)


def among_ours(file: Path) -> bool:
    """Whether the file lies in the folder of this package's own cases."""
    return any(
        file.resolve().is_relative_to(folder) for folder in (PACKAGE / "_cases", PACKAGE.parent / "cases")
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the cases that were chosen."""
    if SESSION in config.stash:
        config.stash[SESSION].choose(items)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin the result file, and say what is going to be run."""
    if SESSION in session.config.stash:
        session.config.stash[SESSION].begin([item.nodeid for item in session.items])


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist what an interrupted run has done already."""
    if SESSION in node.config.stash:
        node.workerinput["lstm_resumed"] = node.config.stash[SESSION].resumed


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(node: Any, ids: Sequence[str]) -> None:
    """The same, where workers collect: the controller learns here what there is."""
    if any(map(is_item_of_a_case, ids)):
        session(node.config).begin(ids)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Send the outcome along with pytest's own report."""
    report = yield
    if SESSION in item.config.stash:
        item.config.stash[SESSION].send(report, item, call)
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """A report that comes from a worker shows the failure as one that was made here."""
    if getattr(report, "lstm_ref", None) is not None and report.failed:
        from lstm_ref.runner.items import Shown

        report.longrepr = Shown.of(report)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where no case was run for want of something to judge, say so: pytest alone would
    count a skip.
    """
    if SESSION in config.stash and config.stash[SESSION].has_begun:
        return
    skipped = (
        report.longrepr
        for report in terminalreporter.stats.get("skipped", ())
        if isinstance(report, pytest.CollectReport)
    )
    reasons = (why[2].removeprefix("Skipped: ") for why in skipped if isinstance(why, tuple))
    for reason in dict.fromkeys(reason for reason in reasons if reason.startswith(NOTHING_RUNS)):
        terminalreporter.write_line(reason, yellow=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End all processes."""
    if SESSION in config.stash:
        config.stash[SESSION].close()
