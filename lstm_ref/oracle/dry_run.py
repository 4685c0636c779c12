"""Cases run by the NumPy layers alone. A case that these refuse is wrong, and no
framework has to be started to find that out.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator

import numpy as np

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.dialects import dialect
from lstm_ref.dialects.dialect import Spec
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.oracle.known import known
from lstm_ref.oracle.literals import LiteralIsWrong, refuse_unmet
from lstm_ref.oracle.materialize import Material, is_of_documentation, materialize, second_run
from lstm_ref.oracle.twin import run_twin
from lstm_ref.reference.activations import Array


def problems_of(cases: Iterable[Case]) -> Iterator[Problem]:
    """What the NumPy layers refuse of cases that are to run.

    Parameters and sizes that are not documented, or that have no twin yet; sizes that
    do not go together; second runs of relations that cannot have the weights of the
    first. Each case is reported once. A point is built if two of its values meet there
    for the first time. It is run if one of its values appears there for the first time.
    """
    told: set[str] = set()
    met: defaultdict[str, set[object]] = defaultdict(set)
    for case in cases:
        name = case.id.partition("[")[0]
        if not case.everyday or case.expect is not None or name in told or is_of_documentation(case):
            continue
        values = sorted((axis, value_text(value)) for axis, value in case.axes.items())
        new_pair = _new(met[name], itertools.combinations(values, 2))
        new_value = _new(met[name], values) or not values
        if not new_pair and not new_value:
            continue
        try:
            _build(case, run=new_value)
        except LiteralIsWrong as error:
            told.add(name)
            yield Problem(error.place, error.message)
        except (NotImplementedError, CannotJudge) as error:  # they say what to do
            told.add(name)
            yield Problem(case.place, f"{case.id}: {error}", None)
        except Exception as error:
            told.add(name)
            hint = "where the layer has to refuse this, say so: expect: {raises: ...}"
            yield Problem(case.place, f"{case.id}: {error}", hint)


def _new(known: set[object], found: Iterable[object]) -> bool:
    """Whether any of them is new. All of them are added to those seen."""
    before = len(known)
    known.update(found)
    return len(known) > before


def _zeros(spec: Spec, name: str) -> Array:
    """Zeros are enough: a layer may refuse a shape, but no number."""
    return np.zeros(spec.shape)


def _build(case: Case, run: bool) -> None:
    """Make the arrays of a case, of both its runs, and run its layers where wanted."""
    first = materialize(case, seed=0, draw=_zeros)
    runs: list[tuple[str, Material]] = [(case.dialect, first)]
    if case.relation is not None:
        other = second_run(case, case.relation)
        second = materialize(other, seed=0, like=first, part=case.relation.weights, draw=_zeros)
        runs.append((other.dialect, second))
    if case.literals is not None:
        version = case.versions[0] if case.versions else ""
        refuse_unmet(
            case.literals, known(case, case.dtypes, version, gradients=bool(case.literals.cotangents))
        )
    for name, material in runs if run else ():
        version = case.versions[0] if case.versions and name == case.dialect else ""
        run_twin(dialect(name, version), material.request)
