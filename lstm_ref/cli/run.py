"""`lstm-ref run`: pytest with our plugin, and with nothing of what surrounds us."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from lstm_ref.cli.shared import gathered

# More workers than this gain little, and each starts frameworks of up to 1 GB.
MOST_WORKERS = 8


@click.command()
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
    chosen = gathered(cases) if cases else []
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
