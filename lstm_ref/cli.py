"""The command line. Nothing heavy is imported before a command needs it, so that `--help` is immediate."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_ref import __version__

if TYPE_CHECKING:
    from lstm_ref.corpus import Case, Problem

# More workers than this gain little, and each starts frameworks of up to 1 GB.
MOST_WORKERS = 8

# click's own 2 means "interrupted" here, as it does for pytest.
click.UsageError.exit_code = 4

FORMAT = click.option("--format", "format_", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json is for programs")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lstm-ref")
def main() -> None:
    """Does an LSTM layer compute what its documentation says, and if not, where exactly does it differ?

    \b
    lstm-ref run                          all cases on all installed frameworks
    lstm-ref run keras/structure          the cases of one file
    lstm-ref list 'keras/*unroll=true*'   the ids of some cases
    lstm-ref check my-cases.yaml          is my case file valid?
    """


@main.command()
@click.argument("cases", nargs=-1)
@click.option(
    "--impl",
    "implementations",
    multiple=True,
    metavar="NAME",
    help="Run this implementation; repeat for several. Default: all installed, slow ones with --full only.",
)
@click.option("--dtype", "dtypes", multiple=True, metavar="DTYPE", help="Run in this dtype; repeat for several. Default: those of each case.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    default="reports/conformance.html",
    show_default=True,
    help="Where to write the HTML report.",
)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    default="reports/results.jsonl",
    show_default=True,
    help="Where to write the result file.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Run every point of the large matrices, in the dtypes that their coverings name, and slow implementations. Default: points that cover "
    "the matrices.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Draw all numbers from this seed.")
@click.option(
    "--workers",
    metavar="N|auto",
    callback=lambda _context, _option, value: _workers(value) if value else None,
    help="Processes that judge. Default: auto for all cases, 1 for chosen ones.",
)
def run(
    cases: tuple[str, ...],
    implementations: tuple[str, ...],
    dtypes: tuple[str, ...],
    report: Path,
    results: Path,
    full: bool,
    seed: int,
    workers: int | None,
) -> None:
    """Run cases on real implementations, and report.

    CASES are ids, patterns of ids with * and ?, the beginning of ids up to a slash, case files or folders. Without any, all cases are run.
    Each framework is started as a process of its own when first needed; a crash there costs one case.

    Of a large matrix a selection of points is run that covers its combinations; --full runs all, and a point that is named is run anyway.

    \b
    lstm-ref run
    lstm-ref run 'keras/structure/product[unroll=true]' --impl keras-tensorflow --dtype float64
    lstm-ref run 'torch/*proj_size=2*' --report torch.html
    lstm-ref run keras --full
    lstm-ref run my-cases.yaml
    lstm-ref run 'my-cases.yaml::masked[mask=left]'

    \b
    Exit codes:
      0  everything is as expected
      1  something failed
      2  interrupted; what was done is in the result file
      3  internal error
      4  bad usage: no such case, implementation or dtype, or asked for and not installed
      5  nothing to run
    """
    chosen = _gathered(cases) if cases else []
    arguments = [
        *(argument for case in cases for argument in ("--case", case)),
        *(argument for name in implementations for argument in ("--impl", name)),
        *(argument for dtype in dtypes for argument in ("--dtype", dtype)),
        *("--report", str(report.absolute())),
        *("--results", str(results.absolute())),
        *("--lstm-seed", str(seed)),
        *(["--full"] if full else []),
        *_distribution(workers or _workers("1" if cases else "auto")),
    ]
    sys.exit(_pytest(arguments, dict.fromkeys(str(case.place.file) for case in chosen)))


def _gathered(patterns: Sequence[str]) -> "list[Case]":
    """The cases that the patterns choose. Ends the program with every mistake of their files, or where a pattern chooses nothing."""
    from lstm_ref.corpus import CorpusError, NothingSelectedError, gather

    if "" in patterns:
        raise click.UsageError("an empty pattern chooses nothing; leave it out to choose all cases")
    try:
        return gather(patterns)
    except CorpusError as error:
        _show_problems(error.problems)
        raise click.UsageError(f"{_count(len(error.problems), 'mistake')} in case files; nothing was run") from error
    except NothingSelectedError as error:
        raise click.UsageError(str(error)) from error


def _workers(text: str) -> int:
    """A number of workers; auto is one for each processor that this process may use."""
    if text.isdigit() and int(text) > 0:
        return int(text)
    if text != "auto":
        raise click.BadParameter(f"{text!r} is neither a number above 0 nor auto")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_WORKERS)


def _distribution(workers: int) -> Sequence[str]:
    """One worker is this process itself."""
    return ["--numprocesses", str(workers)] if workers > 1 else []


def _pytest(arguments: Sequence[str], files: Iterable[str]) -> int:
    """Run pytest with our plugin and with nothing of what surrounds us: no configuration file, conftest, plugin or variable of anybody else."""
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    import pytest

    from lstm_ref.corpus import corpus_root

    root = corpus_root()
    settings = Path(__file__).with_name("run.ini")
    return int(pytest.main(["-c", str(settings), "--rootdir", str(root.parent), *arguments, *(files or [str(root)])]))


@main.command("list")
@click.argument("patterns", nargs=-1)
@FORMAT
def list_(patterns: tuple[str, ...], format_: str) -> None:
    """List the ids of cases.

    PATTERNS choose cases as those of `lstm-ref run` do; without any, all are listed. A point that only `lstm-ref run --full` takes is listed as
    well; in JSON its "everyday" is false.

    \b
    lstm-ref list
    lstm-ref list keras/structure
    lstm-ref list 'torch/*bidirectional=true*' --format json
    """
    chosen = _gathered(patterns)
    if format_ == "json":
        _show_json([_case(case) for case in chosen])
        return
    for case in chosen:
        click.echo(case.id)
    click.echo(_count(len(chosen), "case"), err=True)


def _case(case: "Case") -> dict[str, object]:
    return {
        "id": case.id,
        "file": str(case.place.file),
        "line": case.place.line,
        "dialect": case.dialect,
        "layer": case.layer,
        "about": case.about,
        "source": case.source,
        "dtypes": list(case.dtypes),
        "versions": list(case.versions),
        "everyday": case.everyday,
        "axes": dict(case.axes),
    }


@main.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@FORMAT
def check(files: tuple[Path, ...], format_: str) -> None:
    """Check case files for mistakes.

    FILES hold cases, parameters or divergences; without any, the whole corpus is checked. Every mistake is shown at once, with its file, line
    and column. Nothing is run and no framework is needed. The exit code is 1 where there is a mistake.

    \b
    lstm-ref check
    lstm-ref check cases/keras/masks.yaml
    """
    from lstm_ref.corpus import CorpusError, load, load_file, load_parameters
    from lstm_ref.harness.materialize import problems_of

    problems: list[Problem] = []
    cases: list[Case] = []
    try:
        if files:
            parameters = load_parameters()
        else:
            cases += load().cases
    except CorpusError as error:
        problems += error.problems
        files = ()
    for file in files:
        try:
            cases += load_file(file, parameters)
        except CorpusError as error:
            problems += error.problems
    problems += problems_of(cases)
    if format_ == "json":
        _show_json([_problem(problem) for problem in problems])
    else:
        _show_problems(problems)
        click.echo(_count(len(problems), "mistake") if problems else f"no mistake in {_count(len(cases), 'case')}", err=True)
    sys.exit(1 if problems else 0)


def _problem(problem: "Problem") -> dict[str, object]:
    place = problem.place
    return {"file": str(place.file), "line": place.line, "column": place.column, "message": problem.message, "hint": problem.hint}


def _show_problems(problems: Iterable["Problem"]) -> None:
    for problem in problems:
        click.echo(f"{click.style(str(problem.place), bold=True)}: {problem.message}")
        if problem.hint:
            click.echo(f"    {problem.hint}")


@main.command()
@FORMAT
def implementations(format_: str) -> None:
    """Show what can be judged, and how to install it.

    \b
    lstm-ref implementations
    lstm-ref implementations --format json
    """
    from lstm_ref.harness.subjects import installed
    from lstm_ref.implementations import discover

    found = [
        {"name": name, "dialect": known.dialect, "subject": known.host.subject, "installed": installed(known), "install": known.host.install}
        for name, known in discover().items()
    ]
    if format_ == "json":
        _show_json(found)
        return
    rows = [("implementation", "dialect", ""), *((row["name"], row["dialect"], "installed" if row["installed"] else row["install"]) for row in found)]
    widths = [max(len(str(row[column])) for row in rows) for column in range(2)]
    for name, dialect, state in rows:
        click.echo(f"{name:{widths[0]}}  {dialect:{widths[1]}}  {state}".rstrip())


@main.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write. Default: conformance.html beside RESULTS.")
def report(results: Path, output: Path | None) -> None:
    """Make the HTML report of a result file again.

    Nothing is run: a report is made of the result file alone.

    \b
    lstm-ref report reports/results.jsonl -o somewhere/report.html
    """
    from lstm_ref.report.data import read
    from lstm_ref.report.errors import ResultFileError
    from lstm_ref.report.html import render

    try:
        page = render(read(results))
    except ResultFileError as error:
        raise click.ClickException(str(error)) from error
    target = output or results.with_name("conformance.html")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error.strerror}") from error
    click.echo(target)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _show_json(value: object) -> None:
    import json

    click.echo(json.dumps(value, indent=2, default=str))


if __name__ == "__main__":
    main()
