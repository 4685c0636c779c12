"""`lstm-ref check`: every mistake in case files."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_ref.cli.shared import FORMAT, count, show_json, show_problems, waiting
from lstm_ref.collection import without_collection
from lstm_ref.kinds import is_case_file, is_other_file

if TYPE_CHECKING:
    from lstm_ref.corpus import Case, Problem


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
@FORMAT
def check(files: tuple[Path, ...], format_: str) -> None:
    """Check case files for mistakes.

    FILES hold cases, parameters or divergences; of a folder all such files below it are
    checked. Without any, the whole corpus is. Every mistake is shown at once, with its
    file, line and column. Nothing is run and no framework is needed. The exit code is 1
    where there is a mistake.

    \b
    lstm-ref check
    lstm-ref check cases/keras/masks.yaml
    lstm-ref check my-cases/
    """
    from lstm_ref.oracle.dry_run import problems_of

    with waiting("still checking; a large matrix takes a while"), without_collection():
        cases, problems = _read(files)
        problems += problems_of(cases)
    if format_ == "json":
        show_json([_problem(problem) for problem in problems])
    else:
        show_problems(problems)
        click.echo(
            count(len(problems), "mistake") if problems else f"no mistake in {count(len(cases), 'case')}",
            err=True,
        )
    sys.exit(1 if problems else 0)


def _read(files: Sequence[Path]) -> "tuple[list[Case], list[Problem]]":
    """The cases of the files, or of the whole corpus. Also the mistakes because of
    which other cases cannot be read.
    """
    from lstm_ref.corpus import CorpusError, load, load_file, load_parameters

    try:
        if not files:
            return list(load().cases), []
        parameters = load_parameters()
    except CorpusError as error:
        return [], list(error.problems)
    cases: list[Case] = []
    problems: list[Problem] = []
    for file in _files(files):
        try:
            cases += load_file(file, parameters)
        except CorpusError as error:
            problems += error.problems
    return cases, problems


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    """The files themselves. From a folder, those of a known kind."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        below = [
            file
            for file in sorted(path.rglob("*"))
            if file.is_file() and (is_case_file(file) or is_other_file(file))
        ]
        if not below:
            raise click.UsageError(f'no file below {path} holds cases; one starts with "kind: cases"')
        yield from below


def _problem(problem: "Problem") -> dict[str, object]:
    place = problem.place
    return {
        "file": str(place.file),
        "line": place.line,
        "column": place.column,
        "message": problem.message,
        "hint": problem.hint,
    }
