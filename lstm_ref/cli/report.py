"""`lstm-ref report`: what a result file says, in several formats."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lstm_ref.collection import without_collection

if TYPE_CHECKING:
    from lstm_ref.results.records import Results

# The name of the file of each format, beside the result file.
NAMES = {"html": "conformance.html", "md": "conformance.md", "json": "conformance.json", "junit": "junit.xml"}


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(NAMES)),
    default="html",
    show_default=True,
    help="md is for pull requests and the summary of a job, json for programs, junit for CI systems.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help=(
        f"Where to write; - is standard output. Default: {', '.join(list(NAMES.values())[:-1])} or"
        f" {list(NAMES.values())[-1]} beside RESULTS."
    ),
)
def report(results: Path, format_: str, output: Path | None) -> None:
    """Make the report of a result file again, or in another format.

    Nothing is run: a report is made of the result file alone. json has the findings;
    the single outcomes are in the result file itself, one a line.

    \b
    lstm-ref report reports/results.jsonl -o somewhere/report.html
    lstm-ref report reports/results.jsonl --format md -o - >> "$GITHUB_STEP_SUMMARY"
    lstm-ref report reports/results.jsonl --format junit
    """
    from lstm_ref.results.errors import ResultFileError
    from lstm_ref.results.reading import read

    try:
        with without_collection():
            text = _renderer(format_)(read(results))
    except ResultFileError as error:
        raise click.ClickException(str(error)) from error
    if output is not None and str(output) == "-":
        click.echo(text, nl=False)
        return
    target = output or results.with_name(NAMES[format_])
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error.strerror}") from error
    click.echo(target)


def _renderer(format_: str) -> "Callable[[Results], str]":
    if format_ == "md":
        from lstm_ref.report.markdown import render as of_markdown

        return of_markdown
    if format_ == "junit":
        from lstm_ref.report.junit import render as of_junit

        return of_junit
    if format_ == "json":
        import json

        from lstm_ref.report.data import as_data

        return lambda results: json.dumps(as_data(results), indent=2) + "\n"
    from lstm_ref.report.html import render

    return render
