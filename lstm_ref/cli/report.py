"""`lstm-ref report`: the HTML report of a result file."""

from pathlib import Path

import click


@click.command()
@click.argument("results", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write. Default: conformance.html beside RESULTS.",
)
def report(results: Path, output: Path | None) -> None:
    """Make the HTML report of a result file again.

    Nothing is run: a report is made of the result file alone.

    \b
    lstm-ref report reports/results.jsonl -o somewhere/report.html
    """
    from lstm_ref.report.html import render
    from lstm_ref.results.errors import ResultFileError
    from lstm_ref.results.reading import read

    try:
        page = render(read(results))
    except ResultFileError as error:
        raise click.ClickException(str(error)) from error
    target = output or results.with_name("conformance.html")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{target} cannot be written: {error.strerror}") from error
    click.echo(target)
