"""A fault planted in front of an implementation turns red every case that it changes anything in, and no other."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec

import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.harness.divergences import Divergences
from lstm_ref.harness.run import Run
from lstm_ref.harness.subjects import Subjects
from lstm_ref.implementations import discover

Start = Callable[..., Subjects]

TWIN = replace(discover()["torch"], accumulation={"float32": "float32", "float64": "float64"})
IMPLEMENTATIONS = {**discover(), "keras-twin": TWIN, "torch-twin": TWIN}

PRODUCT = {
    dialect: [case for case in load().cases if case.id.startswith(f"{dialect}/structure/product") and case.expect is None]
    for dialect in ("keras", "torch")
}
SIZES = {
    dialect: [
        case
        for case in load().cases
        if case.id.startswith((f"{dialect}/sizes/one-", f"{dialect}/sizes/other-", f"{dialect}/values/")) and "float32" in case.dtypes
    ]
    for dialect in ("keras", "torch")
}
# Prime steps, so that every value of every parameter is there, with every value of every other.
SAMPLE = {dialect: [*PRODUCT[dialect][::7], *SIZES[dialect]] for dialect in PRODUCT}


def units(case: Case) -> int:
    return int(case.params.get("units") or case.params["hidden_size"])


def biased(case: Case) -> bool:
    return bool(case.params.get("use_bias", True) and case.params.get("bias", True))


def states_given(case: Case) -> bool:
    return any("given" in step.arguments.values() for step in case.steps)


def recurrent(case: Case) -> bool:
    """Whether h is ever anything but zero before a step: the recurrent kernel then matters."""
    return (
        states_given(case)
        or any((step.input.timesteps or 0) > 1 for step in case.steps)
        or (bool(case.params.get("stateful")) and len(case.steps) > 1)
    )


@dataclass(frozen=True)
class Fault:
    """A fault that `hosted.py` plants, what the diagnosis of an ordinary case calls it, and whether it makes a difference to a case."""

    name: str
    diagnosis: str
    matters: Callable[[Case], bool]


FAULTS = (
    Fault("gates_swapped", "the gates' blocks are read as f, i, g, o instead of i, f, g, o", lambda case: True),
    Fault(
        "recurrent_kernel_transposed",
        "the recurrent kernel is transposed",
        lambda case: recurrent(case) and units(case) > 1 and not case.params.get("proj_size"),
    ),
    Fault("last_bias_forgotten", "bias is ignored", biased),
    Fault("output_gate_bias_of_one_unit_negated", "beyond the bound", biased),
    Fault("states_swapped", "the initial h and c change places", states_given),
)


def red(cases: list[Case], implementation: str, subjects: Subjects, dtype: str) -> dict[str, str]:
    """The message of every case that does not pass, by id."""
    run = Run(subjects, {implementation: IMPLEMENTATIONS[implementation]}, 0, Divergences([]), cases[0].place.file.parent)
    outcomes = [run.outcome(case, implementation, dtype) for case in cases]
    assert {outcome.outcome for outcome in outcomes} <= {"pass", "fail"}, next(o.message for o in outcomes if o.outcome not in ("pass", "fail"))
    return {outcome.case: outcome.message for outcome in outcomes if outcome.outcome == "fail"}


@cache
def ids(fault: Fault, dialect: str) -> frozenset[str]:
    return frozenset(case.id for case in SAMPLE[dialect] if fault.matters(case))


@pytest.mark.parametrize("dialect", SAMPLE)
def test_without_a_fault_all_is_green(dialect: str, twins: Subjects) -> None:
    assert red(SAMPLE[dialect], f"{dialect}-twin", twins, "float32") == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
@pytest.mark.parametrize("dialect", SAMPLE)
def test_a_fault_is_seen_in_exactly_the_cases_that_it_changes_and_told_by_name(dialect: str, fault: Fault, start: Start) -> None:
    found = red(SAMPLE[dialect], f"{dialect}-twin", start(f"{dialect}-twin", fault=fault.name), "float32")
    assert set(found) == ids(fault, dialect)
    # With a projection h and c differ in shape, and the layer refuses them.
    unexplained = {case: message for case, message in found.items() if fault.diagnosis not in message and "product" in case}
    assert all(message.startswith("raised RuntimeError in step 0: h_0 must have shape") for message in unexplained.values()), unexplained
    assert len(unexplained) < len(found)


@pytest.mark.parametrize(
    ("dialect", "fault", "share"),
    [
        ("keras", "gates_swapped", 1.0),
        ("torch", "gates_swapped", 1.0),
        ("keras", "recurrent_kernel_transposed", 0.9),
        ("torch", "recurrent_kernel_transposed", 0.5),
        ("keras", "last_bias_forgotten", 0.6),
        ("torch", "last_bias_forgotten", 0.6),
    ],
)
def test_a_fault_changes_most_cases_so_that_nobody_can_miss_it(dialect: str, fault: str, share: float) -> None:
    (planted,) = [each for each in FAULTS if each.name == fault]
    assert len(ids(planted, dialect)) >= share * len(SAMPLE[dialect])


@pytest.mark.parametrize("name", discover())
def test_a_fault_in_front_of_a_real_framework_turns_its_cases_red(name: str, start: Start) -> None:
    implementation = discover()[name]
    if any(find_spec(module) is None for module in implementation.host.requires):
        pytest.skip(f"{' and '.join(implementation.host.requires)} not installed")
    sample = SAMPLE[implementation.dialect][::3]
    found = red(sample, name, start(name, fault="gates_swapped"), "float32")
    assert set(found) == {case.id for case in sample}
    assert all("beyond the bound" in message for message in found.values())
