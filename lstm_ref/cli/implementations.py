"""`lstm-ref implementations`: what can be judged."""

import click

from lstm_ref.cli.shared import FORMAT, show_json


@click.command()
@FORMAT
def implementations(format_: str) -> None:
    """Show what can be judged, and how to install it.

    \b
    lstm-ref implementations
    lstm-ref implementations --format json
    """
    from lstm_ref.harness.launching import installed
    from lstm_ref.implementations import discover

    found = [
        {"name": name, "dialect": known.dialect, "subject": known.host.subject, "installed": installed(known), "install": known.host.install}
        for name, known in discover().items()
    ]
    if format_ == "json":
        show_json(found)
        return
    rows = [("implementation", "dialect", ""), *((row["name"], row["dialect"], "installed" if row["installed"] else row["install"]) for row in found)]
    widths = [max(len(str(row[column])) for row in rows) for column in range(2)]
    for name, dialect, state in rows:
        click.echo(f"{name:{widths[0]}}  {dialect:{widths[1]}}  {state}".rstrip())
