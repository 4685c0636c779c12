"""What the models cannot see: names against the parameter tables, and what contradicts
itself within a file.

The checks read the data as written, so that they go on where something else in the file
is wrong. Each yields every problem that it finds.
"""

from lstm_ref.corpus.checks.cases import problems_of_cases
from lstm_ref.corpus.checks.tables import problems_of_divergences, problems_of_parameters

__all__ = ["problems_of_cases", "problems_of_divergences", "problems_of_parameters"]
