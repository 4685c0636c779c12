"""`lstm-ref check`: every mistake in case files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_ref.cli.shared import FORMAT, count, show_json, show_problems

if TYPE_CHECKING:
    from lstm_ref.corpus import Case, Problem


@click.command()
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
        show_json([_problem(problem) for problem in problems])
    else:
        show_problems(problems)
        click.echo(count(len(problems), "mistake") if problems else f"no mistake in {count(len(cases), 'case')}", err=True)
    sys.exit(1 if problems else 0)


def _problem(problem: "Problem") -> dict[str, object]:
    place = problem.place
    return {"file": str(place.file), "line": place.line, "column": place.column, "message": problem.message, "hint": problem.hint}
