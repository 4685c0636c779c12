"""`lstm-ref diff`: what a newer result file has different from an older one."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click


@click.command()
@click.argument("old", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("new", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--match",
    multiple=True,
    metavar="OLD=NEW",
    help="Compare this implementation of the old file with that one of the new; repeat for several.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "md", "json", "html"]),
    default="text",
    show_default=True,
    help="md is for pull requests, json for programs.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write. Default: standard output.",
)
@click.option("--all", "everything", is_flag=True, help="List every case, also of a cause with many.")
def diff(
    old: Path, new: Path, match: Sequence[str], format_: str, output: Path | None, everything: bool
) -> None:
    """Say what changed between two result files, by cause and by case.

    Implementations of one name are compared, or those that differ in the label behind
    "@" alone: keras-tensorflow@3.7 with keras-tensorflow. Errors that are less than
    twice or half as large as before count as unchanged.

    \b
    lstm-ref diff before.jsonl reports/results.jsonl
    lstm-ref diff before.jsonl after.jsonl --format md >> "$GITHUB_STEP_SUMMARY"
    lstm-ref diff all.jsonl all.jsonl --match keras-tensorflow@3.7=keras-tensorflow@3.8

    \b
    Exit codes:
      0  nothing is red that was not
      1  something is newly red
      4  the command line, or a result file, is wrong
    """
    from lstm_ref.report.changes import changes
    from lstm_ref.report.diff import as_data, as_html, as_markdown, as_text
    from lstm_ref.report.errors import CannotCompare
    from lstm_ref.results.errors import ResultFileError
    from lstm_ref.results.reading import read

    pairs = dict(_pair(each) for each in match)
    try:
        found = changes(read(old), read(new), pairs)
    except (ResultFileError, CannotCompare) as error:
        raise click.UsageError(str(error)) from error
    if format_ == "json":
        import json

        text = json.dumps(as_data(found), indent=2) + "\n"
    elif format_ == "html":
        text = as_html(found)
    else:
        text = as_text(found, everything) if format_ == "text" else as_markdown(found, everything)
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.UsageError(f"{output} cannot be written: {error.strerror}") from error
        click.echo(output)
    sys.exit(1 if found.is_worse else 0)


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.partition("=")
    if not (old and equals and new):
        raise click.UsageError(f'--match "{text}" is not OLD=NEW, two names of implementations')
    return old, new
