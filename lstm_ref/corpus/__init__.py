"""The corpus: case files, parameter tables and known divergences, from YAML to values.
It knows no framework.

    corpus = load()
    some = select(corpus.cases, ["keras/structure/*"])

`read` turns a file into typed entries. `points` has the combinations of a matrix.
`meaning` resolves entries by the parameter tables, and checks them. On top of the three
`expansion` makes cases of entries, `reading` does so for a file, `loading` for all.
"""

from lstm_ref.corpus.case import (
    ABSENT,
    PREVIOUS,
    Case,
    CaseStep,
    Equality,
    ExpectedError,
    Input,
    Location,
    Relation,
    Term,
    Values,
)
from lstm_ref.corpus.divergences import Divergence
from lstm_ref.corpus.errors import CorpusError, NothingSelectedError, Problem
from lstm_ref.corpus.loading import (
    Corpus,
    corpus_hash,
    corpus_root,
    gather,
    load,
    load_divergences,
    load_divergences_file,
    load_file,
    load_parameters,
)
from lstm_ref.corpus.selection import select
from lstm_ref.corpus.writing import as_yaml

__all__ = [
    "ABSENT",
    "PREVIOUS",
    "Case",
    "CaseStep",
    "Corpus",
    "CorpusError",
    "Divergence",
    "Equality",
    "ExpectedError",
    "Input",
    "Location",
    "NothingSelectedError",
    "Problem",
    "Relation",
    "Term",
    "Values",
    "as_yaml",
    "corpus_hash",
    "corpus_root",
    "gather",
    "load",
    "load_divergences",
    "load_divergences_file",
    "load_file",
    "load_parameters",
    "select",
]
