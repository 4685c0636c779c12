"""The command line, one file a command. Nothing heavy is imported before a command
needs it. So `--help` is immediate.
"""

import click

from lstm_ref import __version__
from lstm_ref.cli.check import check
from lstm_ref.cli.claims import claims
from lstm_ref.cli.convert import convert
from lstm_ref.cli.coverage import coverage
from lstm_ref.cli.diff import diff
from lstm_ref.cli.divergences import divergences
from lstm_ref.cli.export import export
from lstm_ref.cli.implementations import implementations
from lstm_ref.cli.list import list_
from lstm_ref.cli.merge import merge
from lstm_ref.cli.new import new
from lstm_ref.cli.report import report
from lstm_ref.cli.repro import repro
from lstm_ref.cli.run import run
from lstm_ref.cli.show import show
from lstm_ref.cli.smoke import smoke

# click's own 2 means "interrupted" here, as it does for pytest.
click.UsageError.exit_code = 4


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="lstm-ref")
def main() -> None:
    """Does an LSTM layer compute what its documentation says, and if not, where exactly
    does it differ?

    \b
    lstm-ref run                          all cases on all installed frameworks
    lstm-ref run keras/structure          the cases of one file
    lstm-ref smoke --adapter mine.py      is my own layer understood?
    lstm-ref list 'keras/*unroll=true*'   the ids of some cases
    lstm-ref show torch/structure/product everything that a case is
    lstm-ref new my-cases.yaml            a case file of my own
    lstm-ref check my-cases.yaml          is my case file valid?

    The shell completes commands and options after this line in ~/.bashrc (zsh_source
    and fish_source are for the others):

    \b
    eval "$(_LSTM_REF_COMPLETE=bash_source lstm-ref)"
    """


WHILE_WORKING = (run, smoke, list_, show, new, check, repro)
AFTER_A_RUN = (report, diff, merge)
OTHERS = (claims, coverage, divergences, export, implementations, convert)

for command in (*WHILE_WORKING, *AFTER_A_RUN, *OTHERS):
    main.add_command(command)
