"""What several commands share: choosing cases, and showing mistakes, counts and
JSON.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lstm_ref.corpus import Case, Problem
    from lstm_ref.runner.settings import ProjectSettings

MOST_NAMES = 10

FORMAT = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json is for programs",
)


def targets_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that name what is judged in addition to the known implementations."""
    for option in (
        click.option(
            "--python",
            "python",
            multiple=True,
            metavar="IMPLEMENTATION@LABEL=INTERPRETER",
            help="Judge an implementation under another Python interpreter, in a column of its own.",
        ),
        click.option(
            "--adapter",
            "adapters",
            multiple=True,
            metavar="FILE.py",
            help="Judge what this adapter file declares.",
        ),
        click.option(
            "--subject",
            "subjects",
            multiple=True,
            metavar="[NAME=]COMMAND",
            help="Judge what this command starts; it speaks JSON lines.",
        ),
    ):
        command = option(command)
    return command


def gathered(patterns: Sequence[str]) -> "list[Case]":
    """The cases that the patterns choose. Ends the program if their files have
    mistakes, which are all shown, or if a pattern chooses nothing.
    """
    from lstm_ref.corpus import CorpusError, NothingSelectedError, gather

    if "" in patterns:
        raise click.UsageError("an empty pattern chooses nothing; leave it out to choose all cases")
    try:
        return gather(patterns)
    except CorpusError as error:
        show_problems(error.problems)
        raise click.UsageError(
            f"{count(len(error.problems), 'mistake')} in case files; nothing was run"
        ) from error
    except NothingSelectedError as error:
        raise click.UsageError(str(error)) from error


def one_case(name: str) -> "Case":
    """The one case that a name chooses. Ends the program where it chooses none, or
    several.
    """
    found = gathered([name])
    exactly = [case for case in found if case.id == name]
    if len(exactly or found) == 1:
        return (exactly or found)[0]
    some = "".join(f"\n  {case.id}" for case in found[:MOST_NAMES])
    raise click.UsageError(f"{name!r} chooses {count(len(found), 'case')}; name one of them:{some}")


@contextmanager
def waiting(text: str, seconds: float = 3.0) -> Iterator[None]:
    """Say on standard error, at intervals, that the work goes on."""
    done = threading.Event()

    def tell() -> None:
        started = time.monotonic()
        while not done.wait(seconds):
            click.echo(f"{text} ({time.monotonic() - started:.0f} s)", err=True)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def settings_here() -> "ProjectSettings":
    """The settings of the project around the working folder. Ends the program where
    they are wrong.
    """
    from lstm_ref.runner.errors import BadSettings
    from lstm_ref.runner.settings import settings_of

    try:
        return settings_of(Path.cwd())
    except BadSettings as error:
        raise click.UsageError(str(error)) from error


def cases_of(settings: "ProjectSettings") -> tuple[str, ...]:
    """The patterns of cases in the settings. Paths are relative to the working
    folder.
    """
    from lstm_ref.runner.settings import patterns_of

    return tuple(patterns_of(settings))


def show_problems(problems: Iterable["Problem"]) -> None:
    for problem in problems:
        click.echo(f"{click.style(str(problem.place), bold=True)}: {problem.message}")
        if problem.hint:
            click.echo(f"    {problem.hint}")


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def show_json(value: object) -> None:
    import json

    click.echo(json.dumps(value, indent=2, default=str))
