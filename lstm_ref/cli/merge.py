"""`lstm-ref merge`: several result files as one."""

from pathlib import Path

import click


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the one file.",
)
def merge(files: tuple[Path, ...], output: Path) -> None:
    """Merge result files: the parts of one run, or runs of several versions.

    Files of other cases or another seed are refused, and so are incomplete ones and
    outcomes that stand in two of them. Versions of one implementation become columns of
    their own: keras-tensorflow@3.8.0.

    \b
    lstm-ref merge shard-*.jsonl -o reports/results.jsonl
    lstm-ref merge keras-3.7.jsonl keras-3.8.jsonl -o versions.jsonl
    lstm-ref report versions.jsonl
    """
    from lstm_ref.results.errors import CannotMerge, ResultFileError
    from lstm_ref.results.merging import merged

    try:
        text = merged(files)
    except (ResultFileError, CannotMerge) as error:
        raise click.UsageError(str(error)) from error
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from error
    click.echo(output)
