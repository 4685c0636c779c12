"""`python -m lstm_ref.implementations SUBJECT`: one framework's implementations on standard input and output."""

import argparse
import os
import sys

from lstm_ref.implementations import discover
from lstm_ref.implementations.errors import UnknownSubject
from lstm_ref.implementations.server import serve


def main() -> None:
    """Host the implementations of the subject that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m lstm_ref.implementations", description=__doc__)
    parser.add_argument("subject", help="the name of the process to be, as its adapter file declares it")
    subject = parser.parse_args().subject
    implementations = list(discover().values())
    hosted = [implementation for implementation in implementations if implementation.host.subject == subject]
    if not hosted:
        raise UnknownSubject(subject, sorted({implementation.host.subject for implementation in implementations}))
    serve(hosted)
    # A framework takes about a second to take itself down, and there is nothing to save.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
