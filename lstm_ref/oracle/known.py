"""What a case must produce, for cases where this does not depend on what an
implementation draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from lstm_ref.corpus.case import Case
from lstm_ref.dialects import Dialect, dialect
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.oracle.expectation import Expectation, expect, expect_bitwise, with_cotangents_of
from lstm_ref.oracle.materialize import Material, is_of_documentation, materialize
from lstm_ref.oracle.policies import ACCUMULATION, POLICIES
from lstm_ref.oracle.twin import NOTHING, Observed, TwinCall, run_twin


class NotKnown(CannotJudge):
    """What the case must produce is not a number, or it depends on what a framework
    draws. The message says which.
    """


def known(
    case: Case,
    dtypes: Sequence[str],
    version: str = "",
    accumulation: Mapping[str, str] = ACCUMULATION,
    gradients: bool = True,
    seed: int = 0,
) -> Expectation:
    """The expectation of a case with bounds in these dtypes, in one version of its
    dialect.

    If the last step of the case must raise, the expectation is that of the steps before
    it. If the case is a relation, the expectation is that of its own run alone. Raises
    NotKnown.
    """
    if is_of_documentation(case):
        raise NotKnown("it runs no layer; it reads what the documentation says")
    if case.values.weights != "drawn":
        raise NotKnown("its layer keeps the weights that the framework draws")
    language = dialect(case.dialect, version)
    material = materialize(case, seed, version)
    if case.expect is None:
        return _known(case, language, material, dtypes, accumulation, gradients)
    steps = material.request.steps
    before = replace(material, request=replace(material.request, steps=steps[:-1]))
    if not any(step.action == "call" and not step.refused for step in steps[:-1]):
        return Expectation(language, material.labels, material.request, ())
    found = _known(case, language, before, dtypes, accumulation, gradients)
    return replace(found, request=replace(found.request, steps=(*found.request.steps, steps[-1])))


def _known(
    case: Case,
    language: Dialect,
    material: Material,
    dtypes: Sequence[str],
    accumulation: Mapping[str, str],
    gradients: bool,
) -> Expectation:
    made = run_twin(language, material.request)
    observed = _nothing_left(made)
    material = with_cotangents_of(made, material) if gradients else material
    # The bounds of float64 come from those of float32, unless masks are drawn.
    wanted = dict.fromkeys(each for each in case.dtypes if POLICIES[each].compute in accumulation)
    together = tuple(wanted) if observed is NOTHING and set(dtypes) <= set(wanted) else tuple(dtypes)
    if case.values.grid == "exact":
        return expect_bitwise(language, material, together)
    return expect(case.id, language, material, together, accumulation, observed)


def _nothing_left(made: Sequence[TwinCall]) -> Observed:
    """The masks of calls that drop everything. Raises NotKnown where something is
    random.
    """
    if any(draw.rate < 1 for call in made for draw in call.draws.values()):
        raise NotKnown("the framework draws dropout masks, which nobody knows before")
    if not any(call.draws for call in made):
        return NOTHING
    return Observed([{name: np.zeros(draw.shapes[0]) for name, draw in call.draws.items()} for call in made])
