"""Does a case notice a fault? What a layer with the fault would return is held against
the bounds of the case.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lstm_ref.corpus.case import Case
from lstm_ref.dialects import Dialect, dialect
from lstm_ref.dialects.dialect import Draw
from lstm_ref.oracle.expectation import Expectation, Expected, expect, with_cotangents, with_cotangents_of
from lstm_ref.oracle.materialize import Material, materialize
from lstm_ref.oracle.twin import NOTHING, Observed, TwinCall, run_twin
from lstm_ref.reference.activations import Array
from lstm_ref.verdict.comparison import in_bounds
from lstm_ref.verdict.faults import Fault, faults
from lstm_ref.verdict.faults.watching import watching

# A fault is noticed where it is this many times beyond the bound.
MARGIN = 64

# The precisions in which cases have to notice faults; the first that a case has. In
# float64 they notice more.
DTYPES = ("float32", "float64")


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
        and any(dtype in case.dtypes for dtype in DTYPES)
        and case.values.grid != "exact"
        and case.values.weights == "drawn"
        and case.literals is None
        and any(step.input.batch != 0 for step in case.steps if step.action == "call")
    )


def dtype_of(case: Case) -> str:
    """The precision in which the case has to notice faults."""
    return next(dtype for dtype in DTYPES if dtype in case.dtypes)


def prepared(case: Case) -> tuple[Dialect, Material]:
    """The dialect of the case, and what it is drawn from seed 0."""
    version = case.versions[0] if case.versions else ""
    return dialect(case.dialect, version), materialize(case, 0, version)


def ratios(
    case: Case, language: Dialect, material: Material, let_off: Collection[str] = frozenset()
) -> Iterator[tuple[str, float]]:
    """Each fault that changes the case, by its meaning, and how far what a layer with
    it gives is beyond the bounds. Those that are let off are left out.
    """
    expectations: dict[bool, Expectation] = {}
    dtype = dtype_of(case)
    for fault, faulty, observed in changes(language, material, let_off):
        if faulty is None:
            yield fault.meaning, float("inf")
            continue
        if fault.backward not in expectations:
            asked = with_cotangents(language, material) if fault.backward else material
            expectations[fault.backward] = expect(case.id, language, asked, (dtype,), observed=observed)
        yield fault.meaning, largest_ratio(expectations[fault.backward], faulty, dtype)


class Change(NamedTuple):
    """A fault that changes what a layer gives, and what it gives. None where the layer
    cannot go on, such as with masks that were drawn for another layer. Calls that drop
    something drop what was `observed`.
    """

    fault: Fault
    calls: list[TwinCall] | None
    observed: Observed


def changes(language: Dialect, material: Material, let_off: Collection[str]) -> Iterator[Change]:
    """The faults that change something, but for those that are let off."""
    left = [fault for fault in faults(language) if fault.meaning not in let_off]
    if not left:
        return
    with watching(language) as done:
        calls, observed = run_twin(language, material.request), NOTHING
        if any(call.draws for call in calls):
            observed = masks(calls)
            calls = run_twin(language, material.request, observed=observed)
    requests, right = {False: material.request}, {False: calls}
    for fault in left:
        planted = fault.plant(material.request, material.labels) if fault.needs <= done else None
        if planted is None:
            continue
        if fault.backward and True not in right:
            requests[True] = with_cotangents_of(right[False], material).request
            right[True] = run_twin(language, requests[True], observed=observed)
        request = requests[fault.backward] if fault.replacements else planted
        try:
            calls = fault.computed(language, request, observed)
        except ValueError:
            yield Change(fault, None, observed)
        else:
            if not fault.replacements or not alike(right[fault.backward], calls):
                yield Change(fault, calls, observed)


def alike(right: Sequence[TwinCall], others: Sequence[TwinCall]) -> bool:
    """Whether all outputs and gradients are the same."""
    return all(
        np.array_equal(values, other.arrays(kind)[name], equal_nan=True)
        for call, other in zip(right, others, strict=True)
        for kind in ("outputs", "gradients")
        for name, values in call.arrays(kind).items()
    )


def largest_ratio(expectation: Expectation, faulty: Sequence[TwinCall], dtype: str) -> float:
    """How far these calls are beyond the bounds; infinite where an array has another
    shape.
    """
    worst = 0.0
    for call, expected_call in zip(faulty, expectation.calls, strict=True):
        pairs: list[tuple[Expected, Array]] = [
            *((output, call.outputs[output.name]) for output in expected_call.outputs),
            *((gradient, call.gradients[gradient.name]) for gradient in expected_call.gradients),
        ]
        for wanted, values in pairs:
            if values.shape != wanted.values.shape:
                return float("inf")
            found = in_bounds(values, wanted.values, wanted.bounds[dtype])
            worst = max(worst, float(np.max(found, initial=0.0)))
    return worst


def changing(cases: Iterable[Case], but: Iterable[Shown] = ()) -> set[Shown]:
    """Every fault that changes some of the cases, but for these."""
    known, found = by_layer(but), set[Shown]()
    for case in filter(comparable, cases):
        of_layer = known[case.dialect, case.layer]
        new = {change.fault.meaning for change in changes(*prepared(case), of_layer)}
        of_layer |= new
        found |= {Shown(case.dialect, case.layer, meaning) for meaning in new}
    return found


def noticed_by(cases: Iterable[Case], but: Iterable[Shown] = ()) -> set[Shown]:
    """The faults that the cases notice, but for these."""
    known, found = by_layer(but), set[Shown]()
    for case in cases:
        new = noticed(case, known[case.dialect, case.layer])
        known[case.dialect, case.layer] |= {shown.meaning for shown in new}
        found |= new
    return found


def noticed(case: Case, let_off: Collection[str] = frozenset()) -> set[Shown]:
    """The faults that the case notices, but for those with these meanings."""
    if not comparable(case):
        return set()
    found = ratios(case, *prepared(case), let_off)
    return {Shown(case.dialect, case.layer, meaning) for meaning, ratio in found if ratio >= MARGIN}


def by_layer(shown: Iterable[Shown]) -> dict[tuple[str, str], set[str]]:
    """The meanings of these faults, by dialect and layer."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for each in shown:
        found[each.dialect, each.layer].add(each.meaning)
    return found


def masks(calls: Iterable[TwinCall]) -> Observed:
    """Some masks, for those of the calls that draw any."""
    random = np.random.default_rng(0)
    return Observed([{name: _mask(draw, random) for name, draw in call.draws.items()} for call in calls])


def _mask(draw: Draw, random: np.random.Generator) -> Array:
    kept = 1 / (1 - draw.rate) if draw.rate < 1 else 0.0
    return np.where(random.random(draw.shapes[0]) < draw.rate, 0.0, kept)
