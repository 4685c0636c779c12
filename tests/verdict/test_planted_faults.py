"""A fault planted in front of an implementation turns red every case that it changes
anything in, and no other.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.implementations import discover
from lstm_ref.runner.run import Run
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.divergences import Divergences

Start = Callable[..., Subjects]

DTYPE = "float32"


def sample(dialect: str) -> list[Case]:
    """Every third point of those that cover the products, and all sizes and
    magnitudes.
    """
    everyday = [
        case
        for case in load().cases
        if case.everyday and case.expect is None and case.relation is None and DTYPE in case.dtypes
    ]
    products = [case for case in everyday if case.id.startswith(f"{dialect}/structure/")]
    others = [
        case
        for case in everyday
        if case.id.startswith((f"{dialect}/sizes/one-", f"{dialect}/sizes/other-", f"{dialect}/values/"))
    ]
    return [replace(case, dtypes=(DTYPE,)) for case in (*products[::3], *others)]


SAMPLE = {dialect: sample(dialect) for dialect in ("keras", "torch")}


def units(case: Case) -> int:
    return int(case.params.get("units") or case.params["hidden_size"])


def biased(case: Case) -> bool:
    return bool(case.params.get("use_bias", True) and case.params.get("bias", True))


def states_given(case: Case) -> bool:
    return any("given" in step.arguments.values() for step in case.steps)


def recurrent(case: Case) -> bool:
    """Whether h is ever anything but zero before a step: the recurrent kernel then
    matters.
    """
    return (
        states_given(case)
        or any((step.input.timesteps or 0) > 1 for step in case.steps)
        or (bool(case.params.get("stateful")) and len(case.steps) > 1)
    )


@dataclass(frozen=True)
class Fault:
    """A fault that `hosted.py` plants, what the diagnosis of an ordinary case calls it,
    and whether it makes a difference to a case.
    """

    name: str
    diagnosis: str
    matters: Callable[[Case], bool]


FAULTS = (
    Fault(
        "gates_swapped", "the gates' blocks are read as f, i, g, o instead of i, f, g, o", lambda case: True
    ),
    Fault(
        "recurrent_kernel_transposed",
        "the recurrent kernel is transposed",
        lambda case: recurrent(case) and units(case) > 1 and not case.params.get("proj_size"),
    ),
    Fault("last_bias_forgotten", "bias is ignored", biased),
    Fault("output_gate_bias_of_one_unit_negated", "beyond the bound", biased),
    Fault("states_swapped", "the initial h and c change places", states_given),
)


def red(case: Case, run: Run, implementation: str) -> str:
    """The message of a case that fails, or nothing."""
    found = run.outcome(case, implementation, DTYPE)
    assert found.outcome in ("pass", "fail"), found.message
    return found.message if found.outcome == "fail" else ""


def ids(fault: Fault, cases: Sequence[Case]) -> set[str]:
    return {case.id for case in cases if fault.matters(case)}


@pytest.mark.parametrize("dialect", SAMPLE)
def test_every_fault_is_seen_in_exactly_the_cases_that_it_changes_and_told_by_name(
    dialect: str, start: Start, hosted: ModuleType
) -> None:
    twin = f"{dialect}-twin"
    subjects = {"none": start(twin), **{fault.name: start(twin, fault=fault.name) for fault in FAULTS}}
    run = Run(
        subjects["none"],
        {name: Target.of(each) for name, each in hosted.TWINS.items()},
        0,
        Divergences([], {}),
        Path(),
    )
    found: dict[str, dict[str, str]] = {name: {} for name in subjects}
    for case in SAMPLE[dialect]:
        for name, run.subjects in subjects.items():  # what is expected is the same for all of them
            if message := red(case, run, twin):
                found[name][case.id] = message
    assert found.pop("none") == {}
    for fault in FAULTS:
        assert set(found[fault.name]) == ids(fault, SAMPLE[dialect]), fault.name
        # With a projection h and c differ in shape, and the layer refuses them.
        unexplained = {
            case: message
            for case, message in found[fault.name].items()
            if fault.diagnosis not in message and "structure" in case
        }
        assert all(
            message.startswith("raised RuntimeError in step 0: h_0 must have shape")
            for message in unexplained.values()
        ), unexplained
        assert len(unexplained) < len(found[fault.name])


@pytest.mark.parametrize(
    ("dialect", "fault", "share"),
    [
        ("keras", "gates_swapped", 1.0),
        ("torch", "gates_swapped", 1.0),
        ("keras", "recurrent_kernel_transposed", 0.8),
        ("torch", "recurrent_kernel_transposed", 0.4),
        ("keras", "last_bias_forgotten", 0.6),
        ("torch", "last_bias_forgotten", 0.6),
        ("keras", "states_swapped", 0.4),
        ("torch", "states_swapped", 0.4),
    ],
)
def test_a_fault_changes_most_cases_so_that_nobody_can_miss_it(
    dialect: str, fault: str, share: float
) -> None:
    (planted,) = [each for each in FAULTS if each.name == fault]
    assert len(ids(planted, SAMPLE[dialect])) >= share * len(SAMPLE[dialect])


# Those that take all cases. The others read their weights in the same way as the first
# of their host, and take long to start.
EAGER = [
    name
    for name, implementation in discover().items()
    if not implementation.covering_only and not implementation.on_request
]


@pytest.mark.parametrize("name", EAGER)
def test_a_fault_in_front_of_a_real_framework_turns_its_cases_red(name: str, start: Start) -> None:
    implementation = discover()[name]
    if any(find_spec(module) is None for module in implementation.host.requires):
        pytest.skip(f"{' and '.join(implementation.host.requires)} not installed")
    cases = [
        case
        for case in SAMPLE[implementation.dialect][::5]
        if not case.versions or implementation.version in case.versions
    ]
    run = Run(
        start(name, fault="gates_swapped"), {name: Target.of(implementation)}, 0, Divergences([], {}), Path()
    )
    outcomes = [run.outcome(case, name, DTYPE) for case in cases]
    offered = {found.case: found.message for found in outcomes if found.outcome != "unsupported"}
    assert len(offered) >= 3
    assert all("beyond the bound" in message for message in offered.values()), offered
