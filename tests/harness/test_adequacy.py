"""The cases are tested too: each must notice every ordinary mistake, far beyond its bound, or be listed here with the reason why it cannot."""

import numpy as np
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.corpus.selection import id_pattern
from lstm_ref.harness.expectation import Expectation, expect
from lstm_ref.harness.faults import Fault, faults
from lstm_ref.harness.materialize import Material, materialize
from lstm_ref.harness.twin import run_twin
from lstm_ref.implementations.trace import Request

MARGIN = 64

I_AND_G = "the gates' blocks are read as g, f, i, o instead of i, f, g, o"
FORGETFUL = "nothing is carried over to the next call"
# Cases, by a pattern of ids, and the fault that they cannot notice.
CANNOT_NOTICE = (
    # With one activation for all four gates, i g = g i.
    ("keras/activations/of-the-gates[recurrent_activation=tanh]", I_AND_G),
    ("keras/activations/null-is-linear[activation=null,recurrent_activation=null]", I_AND_G),
    # The candidate is saturated at -1 and 1 with and without its bias.
    ("keras/values/saturated", "the bias of gate g is ignored"),
    # A mask that takes every step, and lengths that are all the same, change nothing.
    ("keras/masks/*mask=full*", "the mask is ignored"),
    ("torch/*form=packed-equal*", "the lengths are ignored"),
    # A given state takes the place of the recorded one.
    ("keras/structure/product*initial_state=given*", FORGETFUL),
    ("keras/stateful/given-state-after-reset", FORGETFUL),
)


def excused(case: Case, fault: Fault) -> bool:
    return any(id_pattern(pattern).fullmatch(case.id) and fault.meaning == meaning for pattern, meaning in CANNOT_NOTICE)


def ordinary_cases() -> list[Case]:
    """The first point of every case, and every seventh of the others. (All of them would take minutes.)

    Not those of exact arithmetic: they count bits, and one step of linear gates is a product, whose factors may change places.
    """
    comparing = [c for c in load().cases if not c.expect and not c.relation and "float32" in c.dtypes and c.values.grid != "exact"]
    names: set[str] = set()
    chosen = []
    for index, case in enumerate(comparing):
        name = case.id.partition("[")[0]
        if name not in names or index % 7 == 0:
            chosen.append(case)
        names.add(name)
    return chosen


def largest_ratio(case: Case, expectation: Expectation, planted: Request) -> float:
    """How far a layer with the fault is beyond the bounds of the case."""
    worst = 0.0
    for call, expected_call in zip(run_twin(case.dialect, planted), expectation.calls, strict=True):
        for expected in expected_call.outputs:
            with np.errstate(all="ignore"):
                ratio = np.abs(call.outputs[expected.name] - expected.values) / np.maximum(expected.bounds["float32"], np.finfo(np.float64).tiny)
            worst = max(worst, float(np.nanmax(ratio, initial=0.0)))
    return worst


@pytest.mark.parametrize("case", ordinary_cases(), ids=lambda case: case.id)
def test_a_case_notices_every_planted_fault(case: Case) -> None:
    material: Material = materialize(case, seed=0)
    expectation = expect(case.id, case.dialect, material, ("float32",))
    missed = {}
    for fault in faults():
        planted = fault.plant(material.request, material.axes)
        if planted is not None and not excused(case, fault):
            ratio = largest_ratio(case, expectation, planted)
            if ratio < MARGIN:
                missed[fault.meaning] = ratio
    assert not missed
