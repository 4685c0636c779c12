"""Does a case notice a fault? What a layer with the fault would return is held against
the bounds of the case.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lstm_ref.corpus.case import Case
from lstm_ref.dialects import Dialect, dialect
from lstm_ref.dialects.dialect import Draw
from lstm_ref.oracle.expectation import Expectation, expect
from lstm_ref.oracle.materialize import Material, materialize
from lstm_ref.oracle.twin import Observed, TwinCall, run_twin
from lstm_ref.reference.activations import Array
from lstm_ref.verdict.comparison import in_bounds
from lstm_ref.verdict.faults import faults

# A fault is noticed where it is this many times beyond the bound.
MARGIN = 64

# The precision in which cases have to notice faults. In float64 they notice more.
DTYPE = "float32"


class Shown(NamedTuple):
    """A fault in a layer of a dialect, by its meaning."""

    dialect: str
    layer: str
    meaning: str


def comparable(case: Case) -> bool:
    """Whether faults show in the numbers of the case.

    A refusal has none, and a relation compares other ones. A case of exact arithmetic
    counts bits: one step of linear gates is a product, whose factors may change places.
    Weights that nobody gives cannot be changed, a batch without rows has no numbers,
    and those that others have published need not tell one fault from another.
    """
    return (
        case.expect is None
        and case.relation is None
        and DTYPE in case.dtypes
        and case.values.grid != "exact"
        and case.values.weights == "drawn"
        and case.literals is None
        and any(step.input.batch != 0 for step in case.steps if step.action == "call")
    )


def prepared(case: Case) -> tuple[Dialect, Material]:
    """The dialect of the case, and what it is drawn from seed 0."""
    version = case.versions[0] if case.versions else ""
    return dialect(case.dialect, version), materialize(case, 0, version)


def expected(case: Case, language: Dialect, material: Material) -> Expectation:
    """What has to come out, where calls that drop something drop this or that."""
    return expect(case.id, language, material, (DTYPE,), observed=_masks(language, material))


def ratios(
    language: Dialect, material: Material, expectation: Expectation, let_off: Iterable[str] = ()
) -> Iterator[tuple[str, float]]:
    """Each fault that changes the case, by its meaning, and how far the outputs of a
    layer with it are beyond the bounds. Those that are let off are left out.
    """
    let_off = frozenset(let_off)
    for fault in faults(language):
        if fault.meaning in let_off:
            continue
        planted = fault.plant(material.request, material.labels)
        if planted is None:
            continue
        try:
            faulty = run_twin(language, planted, observed=expectation.observed)
        except ValueError:  # the masks were drawn for what the layer should be
            yield fault.meaning, float("inf")
        else:
            yield fault.meaning, largest_ratio(expectation, faulty)


def largest_ratio(expectation: Expectation, faulty: Sequence[TwinCall]) -> float:
    """How far these calls are beyond the bounds; infinite where outputs have other
    shapes.
    """
    worst = 0.0
    for call, expected_call in zip(faulty, expectation.calls, strict=True):
        for output in expected_call.outputs:
            values = call.outputs[output.name]
            if values.shape != output.values.shape:
                return float("inf")
            found = in_bounds(values, output.values, output.bounds[DTYPE])
            worst = max(worst, float(np.max(found, initial=0.0)))
    return worst


def changing(cases: Iterable[Case]) -> set[Shown]:
    """Every fault that changes some of the cases."""
    found: set[Shown] = set()
    for case in filter(comparable, cases):
        language, material = prepared(case)
        found |= {
            shown
            for fault in faults(language)
            if (shown := Shown(case.dialect, case.layer, fault.meaning)) not in found
            and fault.plant(material.request, material.labels) is not None
        }
    return found


def noticed(case: Case, before: Iterable[Shown] = ()) -> set[Shown]:
    """The faults that the case notices, but for those that were noticed before."""
    if not comparable(case):
        return set()
    known = {shown.meaning for shown in before if shown[:2] == (case.dialect, case.layer)}
    language, material = prepared(case)
    if all(
        fault.meaning in known or fault.plant(material.request, material.labels) is None
        for fault in faults(language)
    ):
        return set()
    found = ratios(language, material, expected(case, language, material), known)
    return {Shown(case.dialect, case.layer, meaning) for meaning, ratio in found if ratio >= MARGIN}


def _masks(language: Dialect, material: Material) -> Observed:
    """Some masks, for the calls that draw any."""
    random = np.random.default_rng(0)
    return Observed(
        [
            {name: _mask(draw, random) for name, draw in call.draws.items()}
            for call in run_twin(language, material.request)
        ]
    )


def _mask(draw: Draw, random: np.random.Generator) -> Array:
    kept = 1 / (1 - draw.rate) if draw.rate < 1 else 0.0
    return np.where(random.random(draw.shapes[0]) < draw.rate, 0.0, kept)
