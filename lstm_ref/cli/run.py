"""`lstm-ref run`: pytest with the plugin of this package, and without any settings from
around.
"""

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

import click

from lstm_ref.cli.shared import cases_of, gathered, settings_here, targets_options
from lstm_ref.kinds import SUFFIXES
from lstm_ref.runner.nodeids import Choice

# More workers than this save little time, and each starts frameworks of up to 1 GB.
MOST_WORKERS = 8

# Beside the result file.
CACHE = ".cache"


class WithPytestOptions(click.Command):
    """A command that passes the arguments after `--` to pytest."""

    def parse_args(self, context: click.Context, arguments: list[str]) -> list[str]:
        """Take the arguments before `--`."""
        end = arguments.index("--") if "--" in arguments else len(arguments)
        context.obj = arguments[end + 1 :]
        return super().parse_args(context, arguments[:end])


@click.command(cls=WithPytestOptions, options_metavar="[OPTIONS]")
@click.argument("cases", nargs=-1, metavar="[CASES]... [-- PYTEST OPTIONS]")
@click.option(
    "--impl",
    "implementations",
    multiple=True,
    metavar="NAME",
    help="Run this implementation; repeat for several. Default: all installed, slow ones with --full only.",
)
@targets_options
@click.option(
    "--divergences",
    multiple=True,
    metavar="FILE.yaml",
    help="Known disagreements of your own; repeat for several.",
)
@click.option(
    "--dtype",
    "dtypes",
    multiple=True,
    metavar="DTYPE",
    help="Run in this dtype; repeat for several. Default: those of each case.",
)
@click.option(
    "--lf",
    "--last-failed",
    "last_failed",
    is_flag=True,
    help="Run what failed last time, or all where nothing did.",
)
@click.option("-x", "--exitfirst", "stop", is_flag=True, help="Stop at the first failure.")
@click.option(
    "--report",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "Where to write the HTML report. Default: reports/conformance.html; of chosen cases"
        " reports/chosen.html."
    ),
)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    help=(
        "Where to write the result file. Default: reports/results.jsonl; of chosen cases"
        " reports/chosen.jsonl."
    ),
)
@click.option(
    "--junitxml", type=click.Path(dir_okay=False, path_type=Path), help="Write a JUnit file as well."
)
@click.option(
    "--full",
    is_flag=True,
    help=(
        "Run every point of the large matrices, in the dtypes that their coverings name, and slow"
        " implementations. Default: points that cover the matrices."
    ),
)
@click.option(
    "--quick",
    is_flag=True,
    help=(
        "Run an eighth of the items: one of every name, every documented value, and what notices every"
        " planted fault; float32 only where there is no float64."
    ),
)
@click.option(
    "--shard",
    metavar="K/N",
    help="Run the K-th of N parts, on a machine of its own; lstm-ref merge makes one result of them.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with the run whose result file is not complete. Give the same options again.",
)
@click.option("--seed", type=int, help="Draw all numbers from this seed. Default: 0.")
@click.option(
    "--workers",
    metavar="N|auto",
    callback=lambda _context, _option, value: _workers(value) if value else None,
    help="Processes that judge. Default: auto for all cases, 1 for chosen ones.",
)
@click.pass_context
def run(
    context: click.Context,
    cases: tuple[str, ...],
    implementations: tuple[str, ...],
    subjects: tuple[str, ...],
    adapters: tuple[str, ...],
    python: tuple[str, ...],
    divergences: tuple[str, ...],
    dtypes: tuple[str, ...],
    last_failed: bool,
    stop: bool,
    report: Path | None,
    results: Path | None,
    junitxml: Path | None,
    full: bool,
    quick: bool,
    shard: str | None,
    resume: bool,
    seed: int | None,
    workers: int | None,
) -> None:
    """Run cases on real implementations, and report.

    CASES are ids, patterns of ids with * and ?, the beginning of ids up to a slash,
    case files or folders. Without any, all cases are run. Each framework is started as
    a process of its own when first needed; a crash there costs one case.

    Of a large matrix a selection of points is run that covers its combinations; --full
    runs all, and a point that is named is run anyway.

    \b
    lstm-ref run
    lstm-ref run 'keras/structure/product[unroll=true]' --impl keras-tensorflow --dtype float64
    lstm-ref run 'torch/*proj_size=2*' --report torch.html
    lstm-ref run --quick                                    half a minute: what notices every planted fault
    lstm-ref run keras --full
    lstm-ref run my-cases.yaml
    lstm-ref run --subject 'node my-lstm.mjs'              a program of your own
    lstm-ref run --adapter my_adapter.py                    a Python layer of your own
    lstm-ref run --python torch@old=envs/old/bin/python     another version
    lstm-ref run 'my-cases.yaml::masked[mask=left]'
    lstm-ref run --lf -x                                    what failed, up to the first failure
    lstm-ref run --resume                                   what an interrupted run has left
    lstm-ref run keras -- -k masked -v                      anything that pytest can do, behind --

    A run of chosen cases, implementations or dtypes never replaces the record of a
    whole one: it writes files of its own.

    \b
    Exit codes:
      0  everything is as expected
      1  something failed
      2  interrupted; what was done is in the result file
      3  internal error
      4  bad usage: no such case, implementation or dtype; or nothing is installed that could be judged
      5  nothing to run
    """
    settings = settings_here()
    if not (subjects or adapters or python or settings.subjects or settings.adapters or settings.python):
        _require_any(implementations or settings.implementations)
    folder = (results.parent if results else Path("reports")).absolute()
    named, cases = bool(cases), cases or cases_of(settings)
    chosen = gathered([Choice.of(case).pattern for case in cases]) if cases else []
    files = dict.fromkeys(str(case.place.file) for case in chosen) or (
        _failed_last(folder) if last_failed else {}
    )
    arguments = [
        *(argument for case in cases for argument in ("--lstm-case", case)),
        *(argument for name in implementations for argument in ("--lstm-impl", name)),
        *(argument for subject in subjects for argument in ("--lstm-subject", subject)),
        *(argument for adapter in adapters for argument in ("--lstm-adapter", adapter)),
        *(argument for other in python for argument in ("--lstm-python", other)),
        *(argument for file in divergences for argument in ("--lstm-divergences", file)),
        *(argument for dtype in dtypes for argument in ("--lstm-dtype", dtype)),
        *(["--lstm-report", str(report.absolute())] if report else []),
        *(["--lstm-results", str(results.absolute())] if results else []),
        *(["--lstm-shard", shard] if shard else []),
        *(["--lstm-resume"] if resume else []),
        *(["--lstm-seed", str(seed)] if seed is not None else []),
        *(["--lstm-full"] if full else []),
        *(["--lstm-quick"] if quick else []),
        *(["--last-failed"] if last_failed else []),
        *(["--exitfirst"] if stop else []),
        *(["--junitxml", str(junitxml.absolute())] if junitxml else []),
        *("-o", f"cache_dir={folder / CACHE}"),  # where --lf finds what failed
        *_distribution(workers or _workers("1" if named or (files and last_failed) else "auto")),
        *context.obj,
        # The settings of a run remove one of these again.
        *(["-v"] if {"-v", "--verbose"} & set(context.obj) else []),
    ]
    sys.exit(_pytest(arguments, files))


class NothingInstalled(click.ClickException):
    """Nothing is installed that could be judged."""

    exit_code = 4


def _require_any(asked: Sequence[str]) -> None:
    """End the program if nothing is installed that could be judged. The message says
    what to install.
    """
    from lstm_ref.implementations import discover
    from lstm_ref.runner.launching import installed

    known = discover()
    wanted = [known[name] for name in asked if name in known] or list(known.values())
    if any(map(installed, wanted)):
        return
    what = (
        "none of what was asked for is installed"
        if asked
        else "no framework is installed that could be judged; install one of them"
    )
    raise NothingInstalled("\n  ".join([f"{what}:", *dict.fromkeys(each.host.install for each in wanted)]))


def _failed_last(folder: Path) -> dict[str, None]:
    """The files with the cases that failed last time, as pytest has recorded them.
    Empty if nothing failed.
    """
    import json

    try:
        failed = json.loads((folder / CACHE / "v" / "cache" / "lastfailed").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    files = dict.fromkeys(nodeid.partition("::")[0] for nodeid in failed)
    return {file: None for file in files if Path(file).exists()}


def _workers(text: str) -> int:
    """A number of workers. "auto" means one for each processor that this process may
    use.
    """
    if text.isdigit() and int(text) > 0:
        return int(text)
    if text != "auto":
        raise click.BadParameter(f"{text!r} is neither a number above 0 nor auto")
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(usable, MOST_WORKERS)


def _distribution(workers: int) -> Sequence[str]:
    """A single worker is this process itself."""
    return ["--numprocesses", str(workers)] if workers > 1 else []


def _pytest(arguments: Sequence[str], files: Collection[str]) -> int:
    """Run pytest on the files, or on all cases of this package.

    It has the plugin of this package, and nothing else: no configuration file,
    conftest, plugin or environment variable of others.
    """
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"

    import pytest

    from lstm_ref.corpus import corpus_root

    settings = Path(__file__).with_name("run.ini")
    return int(
        pytest.main(
            [
                "-c",
                str(settings),
                "--rootdir",
                str(Path.cwd()),
                *arguments,
                *(by_folder(files) or [str(corpus_root())]),
            ]
        )
    )


def by_folder(files: Collection[str]) -> list[str]:
    """The files, and in place of all files of a folder the folder: pytest reads it anew
    for each file that it is given. A folder that holds other case files, or folders, is
    not taken as a whole; nor is the one in which the run is started, all of which would
    be another run.
    """
    given = dict.fromkeys(map(Path, files))
    whole: dict[Path, bool] = {}
    for file in given:
        if file.parent not in whole:
            inside = list(file.parent.iterdir())
            whole[file.parent] = (
                not any(each.is_dir() for each in inside)
                and all(each in given for each in inside if each.suffix in SUFFIXES)
                and file.parent.resolve() != Path.cwd().resolve()
            )
    return list(dict.fromkeys(str(file.parent if whole[file.parent] else file) for file in given))
