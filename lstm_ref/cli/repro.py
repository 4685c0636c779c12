"""`lstm-ref repro`: a case as a program of its own, for an issue tracker."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_ref.cli.shared import one_case

if TYPE_CHECKING:
    pass


@click.command()
@click.argument("case")
@click.option(
    "--impl",
    "implementation",
    metavar="NAME",
    help="The implementation to write for. Default: the first installed one that runs the case.",
)
@click.option("--dtype", metavar="DTYPE", help="Default: the first dtype of the case.")
@click.option("--gradients", is_flag=True, help="Compare the gradients of the weights as well.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draw all numbers from this seed.")
@click.option("--run", "execute", is_flag=True, help="Run it instead, in a process of its own.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Where to write it.")
def repro(
    case: str,
    implementation: str | None,
    dtype: str | None,
    gradients: bool,
    seed: int,
    execute: bool,
    output: Path | None,
) -> None:
    """Print a case as a program with NumPy and the framework alone.

    CASE is the id of one point, as `lstm-ref list` shows it. The program has the
    numbers of the case, what the documented equations give, and how far rounding may
    lead from that. It fails where the framework gives something else.

    \b
    lstm-ref repro 'keras/structure/product[unroll=true]'
    lstm-ref repro 'torch/structure/product[proj_size=2]' --dtype float64 --gradients
    lstm-ref repro my-cases.yaml::masked --run

    \b
    Exit codes with --run:
      0  the framework does what is documented
      1  it does not
      4  the command line is wrong, or no program can show the case
    """
    from lstm_ref.runner.reproducing import CannotReproduce, reproduced, run_alone

    try:
        made = reproduced(one_case(case), implementation, dtype, seed, gradients)
    except CannotReproduce as error:
        raise click.UsageError(f"{error}; run it here: lstm-ref run '{case}'") from error
    if execute:
        sys.exit(run_alone(made))
    if output is None:
        click.echo(made.text, nl=False)
        return
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(made.text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from error
    click.echo(output)
