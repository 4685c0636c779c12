"""`lstm-ref implementations`: what can be judged."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_ref.cli.shared import FORMAT, settings_here, show_json

if TYPE_CHECKING:
    from lstm_ref.protocol import Implementation
    from lstm_ref.runner.launching import Launch
    from lstm_ref.runner.settings import ProjectSettings
    from lstm_ref.runner.targets import Introduced

COLUMNS = ("implementation", "dialect", "from", "")


@click.command()
@FORMAT
def implementations(format_: str) -> None:
    """Show what can be judged, where it comes from, and how to install it.

    That is what this package has, what other packages have installed, and what the
    project around the working folder names in [tool.lstm-ref] of its pyproject.toml.
    Its subjects are started, to say what they are. The exit code is 1 where one of
    these is not as it must be.

    \b
    lstm-ref implementations
    lstm-ref implementations --format json
    """
    from lstm_ref.implementations import declared
    from lstm_ref.protocol.errors import AdapterError
    from lstm_ref.runner.errors import BadTargets
    from lstm_ref.runner.launching import installed

    problems: tuple[str, ...] = ()
    try:
        known = declared()
    except AdapterError as error:
        raise click.ClickException(str(error)) from error
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "dialect": each.dialect,
            "subject": each.host.subject,
            "from": package,
            "installed": installed(each),
            "install": each.host.install,
        }
        for name, (each, package) in known.items()
    ]
    settings = settings_here()
    try:
        found += _configured(settings, {name: each for name, (each, _) in known.items()})
    except BadTargets as error:
        problems = error.problems
    if format_ == "json":
        show_json(found)
    else:
        _show(found)
    for problem in problems:
        click.echo(f"{settings.folder / 'pyproject.toml'}: {problem}", err=True)
    sys.exit(1 if problems else 0)


def _configured(settings: "ProjectSettings", known: "Mapping[str, Implementation]") -> list[dict[str, Any]]:
    """What the project names. Raises BadTargets."""
    from lstm_ref.corpus import load_parameters
    from lstm_ref.runner.answers import CannotStart
    from lstm_ref.runner.asked import Asked, introduced
    from lstm_ref.runner.subject import Subject

    def introduce(launch: "Launch") -> "Introduced | str":
        subject = Subject(launch)
        try:
            cannot = subject.start()
            return introduced(subject.facts or cannot or CannotStart("it never started", ""), documented)
        finally:
            subject.close()

    documented = load_parameters()
    asked = Asked.of((), (), (), (), Path.cwd(), settings)
    targets = Asked((), asked.outsiders, asked.elsewhere).resolved(known, introduce)
    return [
        {
            "name": column,
            "dialect": target.dialect,
            "subject": target.launch.subject,
            "from": "pyproject.toml",
            "installed": True,
            "install": "",
        }
        for column, target in targets.items()
    ]


def _show(found: list[dict[str, Any]]) -> None:
    rows = [
        COLUMNS,
        *(
            (row["name"], row["dialect"], row["from"], "installed" if row["installed"] else row["install"])
            for row in found
        ),
    ]
    widths = [max(len(str(row[column])) for row in rows) for column in range(3)]
    for name, dialect, origin, state in rows:
        click.echo(f"{name:{widths[0]}}  {dialect:{widths[1]}}  {origin:{widths[2]}}  {state}".rstrip())
