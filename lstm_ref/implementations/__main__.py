"""`python -m lstm_ref.implementations SUBJECT`: one framework's implementations on
standard input and output.

With `--adapter FILE` it hosts those of an adapter file.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lstm_ref.implementations import discover, of_file
from lstm_ref.implementations.errors import UnknownSubject
from lstm_ref.protocol import Implementation
from lstm_ref.protocol.errors import AdapterError
from lstm_ref.protocol.server import serve


def main() -> None:
    """Host the implementations of the subject that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m lstm_ref.implementations", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "subject", nargs="?", help="the name of the process to be, as its adapter file declares it"
    )
    what.add_argument(
        "--adapter", type=Path, metavar="FILE", help="a Python file that declares IMPLEMENTATIONS"
    )
    arguments = parser.parse_args()
    try:
        serve(_of_subject(arguments.subject) if arguments.adapter is None else _of_file(arguments.adapter))
    except AdapterError as error:
        sys.exit(str(error))
    # A framework takes about a second to shut down, and there is nothing to save.
    sys.stderr.flush()
    os._exit(0)


def _of_subject(subject: str) -> Sequence[Implementation]:
    implementations = list(discover().values())
    hosted = [implementation for implementation in implementations if implementation.host.subject == subject]
    if not hosted:
        raise UnknownSubject(
            subject, sorted({implementation.host.subject for implementation in implementations})
        )
    return hosted


def _of_file(file: Path) -> Sequence[Implementation]:
    """The implementations of the file. It can import modules that are in its folder."""
    sys.path.insert(0, str(file.resolve().parent))
    return of_file(file)


if __name__ == "__main__":
    main()
