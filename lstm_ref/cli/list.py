"""`lstm-ref list`: the ids of cases."""

from typing import TYPE_CHECKING

import click

from lstm_ref.cli.shared import FORMAT, count, gathered, show_json

if TYPE_CHECKING:
    from lstm_ref.corpus import Case


@click.command("list")
@click.argument("patterns", nargs=-1)
@FORMAT
def list_(patterns: tuple[str, ...], format_: str) -> None:
    """List the ids of cases.

    PATTERNS choose cases as those of `lstm-ref run` do; without any, all are listed. A
    point that only `lstm-ref run --full` takes is listed as well; in JSON its
    "everyday" is false.

    \b
    lstm-ref list
    lstm-ref list keras/structure
    lstm-ref list 'torch/*bidirectional=true*' --format json
    """
    chosen = gathered(patterns)
    if format_ == "json":
        show_json([_case(case) for case in chosen])
        return
    click.echo("\n".join(case.id for case in chosen))
    click.echo(count(len(chosen), "case"), err=True)


def _case(case: "Case") -> dict[str, object]:
    return {
        "id": case.id,
        "file": str(case.place.file),
        "line": case.place.line,
        "dialect": case.dialect,
        "layer": case.layer,
        "about": case.about,
        "source": case.source,
        "dtypes": list(case.dtypes),
        "versions": list(case.versions),
        "everyday": case.everyday,
        "axes": dict(case.axes),
    }
