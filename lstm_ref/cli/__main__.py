"""`python -m lstm_ref.cli`."""

from lstm_ref.cli import main

main(prog_name="lstm-ref")
