"""`lstm-ref smoke`: the first ten requests to a new subject, with everything that is
wrong in its answers.
"""

import sys
import textwrap
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_ref.cli.shared import FORMAT, count, settings_here, show_json, targets_options

if TYPE_CHECKING:
    from lstm_ref.runner.targets import Target
    from lstm_ref.smoke import Bench, Greeting, Tried

COLOURS = {"pass": "green", "unsupported": "yellow", "not-run": "yellow"}


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@targets_options
@click.option("--seconds", type=float, default=10.0, show_default=True, help="How long an answer may take.")
@click.option("--raw", is_flag=True, help="Show whole lines as they were sent and came.")
@FORMAT
def smoke(
    names: tuple[str, ...],
    subjects: tuple[str, ...],
    adapters: tuple[str, ...],
    python: tuple[str, ...],
    seconds: float,
    raw: bool,
    format_: str,
) -> None:
    """Try a new subject with ten requests, from trivial to ordinary.

    For each it is shown what was sent, what came, what is wrong with it, and what to
    do. NAMES are implementations that are known, or columns that the settings of the
    project name. How to write a subject is told in lstm_ref/protocol/README.md.

    \b
    lstm-ref smoke --subject 'node my-lstm.mjs'
    lstm-ref smoke --adapter my_adapter.py
    lstm-ref smoke torch

    \b
    Exit codes:
      0  nothing is wrong
      1  something is wrong with the subject
      4  bad usage
    """
    from lstm_ref.corpus import load_parameters
    from lstm_ref.runner.errors import BadTargets
    from lstm_ref.smoke import Bench

    bench = Bench(load_parameters(), seconds)
    try:
        try:
            targets = _targets(bench, names, subjects, adapters, python)
        except BadTargets as error:
            _show_greetings(bench.greetings, raw, format_)
            if not any(greeting.wrong for greeting in bench.greetings):
                raise click.UsageError(str(error)) from error
            sys.exit(1)
        tried = {column: _tried(bench, column, target, raw, format_) for column, target in targets.items()}
    finally:
        bench.close()
    wrong = any(greeting.wrong for greeting in bench.greetings) or any(
        each.todo for found in tried.values() for each in found
    )
    if format_ == "json":
        show_json(_json(bench.greetings, tried))
    elif not wrong:
        click.echo("\nNothing is wrong. Next: lstm-ref run " + _again(names, subjects, adapters, python))
    sys.exit(1 if wrong else 0)


def _targets(
    bench: "Bench",
    names: Sequence[str],
    subjects: Sequence[str],
    adapters: Sequence[str],
    python: Sequence[str],
) -> "dict[str, Target]":
    """The targets to try. Raises BadTargets."""
    from lstm_ref.implementations import discover
    from lstm_ref.runner.asked import Asked
    from lstm_ref.runner.launching import missing_modules
    from lstm_ref.runner.targets import Target

    settings = settings_here()
    known = discover()
    asked = Asked.of(names, subjects, adapters, python, Path.cwd(), settings)
    if not (asked.columns or asked.outsiders or asked.elsewhere):
        raise click.UsageError(
            "name what to try: --subject COMMAND, --adapter FILE.py, or one of " + ", ".join(known)
        )
    found = asked.resolved(known, bench.introduce)
    for name in asked.columns:
        if name not in found and name not in known:
            raise click.UsageError(
                f"there is no implementation {name!r}; known are {', '.join([*known, *found])}"
            )
        if name not in found:
            if missing := missing_modules(known[name]):
                raise click.UsageError(
                    f"{name} needs {' and '.join(missing)}: {known[name].host.install_of(missing)}"
                )
            found[name] = Target.of(known[name])
    return {name: target for name, target in found.items() if not asked.columns or name in asked.columns}


def _tried(bench: "Bench", column: str, target: "Target", raw: bool, format_: str) -> "list[Tried]":
    """Try one column, and show each result at once."""
    found: list[Tried] = []
    shown = 0
    for each in bench.tried(column, target):
        if format_ == "text":
            _show_greetings(bench.greetings[shown:], raw, format_)
            shown = len(bench.greetings)
            if not found:
                click.secho(f"\n{column}: {target.dialect} {target.version}".rstrip(), bold=True)
            _show(len(found) + 1, each, raw)
        found.append(each)
    if not found:
        _show_greetings(bench.greetings[shown:], raw, format_)
        if not bench.greetings[-1].wrong:
            raise click.UsageError(
                f"there are no requests for the dialect {target.dialect} yet; run its cases: lstm-ref run"
                f" {target.dialect}"
            )
    elif format_ == "text":
        passed = sum(each.outcome == "pass" for each in found)
        click.echo(f"{passed} of {count(len(found), 'request')} answered well")
    return found


def _show_greetings(greetings: "Sequence[Greeting]", raw: bool, format_: str) -> None:
    if format_ != "text":
        return
    for greeting in greetings:
        click.secho(
            f"hello of {greeting.label}: {'wrong' if greeting.wrong else 'well'}",
            fg="red" if greeting.wrong else "green",
            bold=True,
        )
        _line("came", _as_shown(greeting.came, raw) or "nothing")
        for wrong in greeting.wrong:
            _line("wrong", wrong)
        if greeting.wrong:
            _line("to do", greeting.todo)


def _show(number: int, tried: "Tried", raw: bool) -> None:
    click.secho(f"{number:2} {tried.name}: {tried.outcome}", fg=COLOURS.get(tried.outcome, "red"), bold=True)
    _line("about", tried.about)
    if tried.sent:
        _line("sent", _as_shown(tried.sent, raw))
        _line("came", _as_shown(tried.came, raw) or "nothing")
    for line in tried.wrong.splitlines():
        _line("wrong" if tried.todo else "why", line)
    if tried.todo:
        _line("to do", tried.todo)


def _as_shown(line: str, raw: bool) -> str:
    from lstm_ref.smoke import short

    return line if raw else short(line)


def _line(word: str, text: str) -> None:
    first, *rest = textwrap.wrap(text, 110, break_long_words=False, break_on_hyphens=False) or [""]
    click.echo(f"   {word:6} {first}")
    for line in rest:
        click.echo(f"          {line}")


def _json(greetings: "Sequence[Greeting]", tried: "dict[str, list[Tried]]") -> dict[str, object]:
    return {
        "greetings": [asdict(greeting) for greeting in greetings],
        "columns": [
            {"column": column, "requests": [asdict(each) for each in found]}
            for column, found in tried.items()
        ],
    }


def _again(
    names: Sequence[str], subjects: Sequence[str], adapters: Sequence[str], python: Sequence[str]
) -> str:
    import shlex

    options = {"--impl": names, "--subject": subjects, "--adapter": adapters, "--python": python}
    return shlex.join(
        [word for option, values in options.items() for value in values for word in (option, value)]
    )
