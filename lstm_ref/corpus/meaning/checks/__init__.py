"""What the models cannot see: names against the parameter tables, and what contradicts
itself within a file.

The checks of cases take them as they were resolved, and report at the place where each
part is written. Each yields every problem that it finds.
"""

from lstm_ref.corpus.meaning.checks.cases import (
    layer_problems,
    problems_of_case,
    problems_of_head,
    problems_of_names,
)
from lstm_ref.corpus.meaning.checks.claims import problems_of_claim_names, problems_of_claims
from lstm_ref.corpus.meaning.checks.points import has_anything_to_check, problems_of_points
from lstm_ref.corpus.meaning.checks.tables import problems_of_divergences, problems_of_parameters

__all__ = [
    "has_anything_to_check",
    "layer_problems",
    "problems_of_case",
    "problems_of_claim_names",
    "problems_of_claims",
    "problems_of_divergences",
    "problems_of_head",
    "problems_of_names",
    "problems_of_parameters",
    "problems_of_points",
]
