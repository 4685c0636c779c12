"""The cases are tested too: each must notice every ordinary mistake, far beyond its
bound, or be excused here with the reason why it cannot.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.corpus.selection import id_pattern
from lstm_ref.dialects import dialect, dialects
from lstm_ref.verdict.faults import faults
from lstm_ref.verdict.faults.requests import of_requests
from lstm_ref.verdict.noticing import MARGIN, comparable, prepared, ratios

EVERYDAY = [case for case in load().cases if case.everyday and case.claim is None]

FORGETTING = r".*bias of (gate f is ignored|the forget gate .*)"
OF_NO_STEP_BEFORE = (
    rf"the recurrent kernel is .*|gates . and . change places in the recurrent kernel|{FORGETTING}"
)


@dataclass(frozen=True)
class Excuse:
    """Why some cases cannot notice some faults, which are a regular expression of their
    meanings.
    """

    reason: str
    faults: str
    applies: Callable[[Case], bool]


def of_ids(*patterns: str) -> Callable[[Case], bool]:
    return lambda case: any(id_pattern(pattern).fullmatch(case.id) for pattern in patterns)


def of_gates(*names: str) -> Callable[[Case], bool]:
    return lambda case: activations(case)[1] in names


def activations(case: Case) -> tuple[Any, Any]:
    """Those of the state and of the gates, a function by its name."""
    named = [case.params.get("activation", "tanh"), case.params.get("recurrent_activation", "sigmoid")]
    phi, sigma = (
        value["callable"] if isinstance(value, dict) and "callable" in value else value for value in named
    )
    return ("linear" if phi is None else phi), ("linear" if sigma is None else sigma)


def takes_one_step_from_zero(case: Case) -> bool:
    calls = [step for step in case.steps if step.action == "call"]
    given = any("given" in step.arguments.values() for step in calls)
    length = (
        max(1 if case.layer.endswith("Cell") else step.input.timesteps or 0 for step in calls) if calls else 0
    )
    return length == 1 and not given and not (len(calls) > 1 and case.params.get("stateful"))


def has_full_lengths(case: Case) -> bool:
    names = dialect(case.dialect, case.versions[0] if case.versions else "").called.get("lengths", ())
    return any(step.arguments.get(name) == "full" for step in case.steps for name in names)


EXCUSES = (
    Excuse(
        "with one activation for all four gates i g = g i",
        r"the gates' blocks are read as g, f, i, o .*",
        lambda c: len({*activations(c)}) == 1,
    ),
    Excuse(
        "with one activation and no bias i g = g i",
        "gates i and g change places in the kernel and the recurrent kernel",
        lambda case: len({*activations(case)}) == 1 and not case.params.get("use_bias", True),
    ),
    Excuse(
        "one is a function, the other its name",
        "activation and .* change places",
        lambda case: len({*activations(case)}) == 1,
    ),
    Excuse("h and c are zero before the only step", OF_NO_STEP_BEFORE, takes_one_step_from_zero),
    Excuse(
        "what is added to all units changes no share of their sum",
        "1 is added .*",
        of_gates("softmax", "log_softmax", "sparsemax"),
    ),
    Excuse(
        "the mask takes every step",
        "the mask is ignored",
        of_ids("*mask=full*", "keras/sizes/smallest-with-everything*"),
    ),
    Excuse(
        "all rows are as long as the input",
        "the lengths are ignored",
        lambda case: of_ids("*form=packed-equal*")(case) or has_full_lengths(case),
    ),
    Excuse(
        "one layer has no outputs that can be dropped",
        "nothing is dropped .*",
        lambda c: c.dialect == "torch" and c.params.get("num_layers", 1) == 1,
    ),
    Excuse(
        "the only step is the first and the last",
        "go_backwards is ignored",
        of_ids("keras/sizes/one-of-everything*"),
    ),
    Excuse(
        "of coupled gates the forget gate has no say",
        FORGETTING,
        lambda case: bool(case.params.get("input_forget")),
    ),
    Excuse(
        "a forget gate that is 0 below its threshold forgets the first step",
        "the first step reads zeros",
        of_ids('onnx/activations/gates[*"ThresholdedRelu"*'),
    ),
    Excuse("no step is taken", r"(?!.*(initial|mask)).*", of_ids("keras/masks/nothing-taken*")),
    Excuse(
        "the only row does not take its first step",
        "the first step reads zeros",
        of_ids("keras/masks/one-row", "keras/masks/one-row[*", "*mask=gaps-as-one-row*"),
    ),
    Excuse(
        "numbers so small that i, f and o are all one half",
        "gates [ifo] and [ifo] change places in the (kernel|recurrent kernel|kernel and the recurrent"
        " kernel)",
        of_ids("keras/values/small*"),
    ),
    Excuse(
        "all inputs are dropped",
        r".*in the kernel.*|.*features.*|time.*|the first step.*",
        of_ids("keras/dropout/everything[dropout=1.0*"),
    ),
    Excuse(
        "all states are dropped",
        r".*recurrent kernel.*|the initial h is ignored",
        of_ids("keras/dropout/everything[*recurrent_dropout=1.0*"),
    ),
    Excuse(
        "it trains what is not trainable, and looks at nothing else",
        r"(time|the first step|activation|the gates have) .*",
        of_ids("keras/constraints/not-trainable"),
    ),
    Excuse(
        "its candidate is 0, and so is what i multiplies",
        r"gates i and g .*|the bias of gate i .*",
        of_ids("keras/cells/parameters[activation=relu]"),
    ),
)


@cache
def every_meaning() -> set[str]:
    """The meanings of all faults of requests, in whatever dialect they show."""
    return {fault.meaning for name in dialects() for fault in of_requests(dialect(name))}


@cache
def of_functions() -> set[str]:
    """Those of all others. Each of them has some case that notices it; not every case
    is asked for all of them.
    """
    return {fault.meaning for name in dialects() for fault in faults(dialect(name)) if fault.replacements}


def excused(case: Case) -> set[str]:
    """The faults, by their meaning, that a case need not notice."""
    patterns = [excuse.faults for excuse in EXCUSES if excuse.applies(case)]
    return (
        {
            meaning
            for meaning in every_meaning()
            if any(re.fullmatch(pattern, meaning) for pattern in patterns)
        }
        if patterns
        else set()
    )


@cache
def ordinary_cases() -> tuple[Case, ...]:
    """The first point of every case, and one in seven of the others, always the same
    ones. (All of them would take minutes.)
    """
    names: set[str] = set()
    chosen = []
    for case in filter(comparable, EVERYDAY):
        name = case.id.partition("[")[0]
        if name not in names or crc32(case.id.encode()) % 7 == 0:
            chosen.append(case)
        names.add(name)
    return tuple(chosen)


@pytest.mark.parametrize("case", ordinary_cases(), ids=lambda case: case.id)
def test_a_case_notices_every_planted_fault(case: Case) -> None:
    found = dict(ratios(case, *prepared(case), let_off=excused(case) | of_functions()))
    missed = {meaning: ratio for meaning, ratio in found.items() if ratio < MARGIN}
    assert not missed
    assert found


def test_nearly_every_case_that_a_fault_changes_has_to_notice_it() -> None:
    changed, let_off = Counter[str](), Counter[str]()
    for case in ordinary_cases():
        (language, material), unable = prepared(case), excused(case)
        for fault in of_requests(language):
            if fault.plant(material.request, material.labels) is not None:
                changed[fault.meaning] += 1
                let_off[fault.meaning] += fault.meaning in unable
    assert set(changed) == every_meaning()
    assert {meaning: let_off[meaning] for meaning in changed if let_off[meaning] > changed[meaning] / 3} == {}
    assert sum(let_off.values()) < 0.05 * sum(changed.values())


@pytest.mark.parametrize("excuse", EXCUSES, ids=lambda excuse: excuse.reason.replace(" ", "-"))
def test_every_excuse_is_for_a_case_that_there_is(excuse: Excuse) -> None:
    assert any(excuse.applies(case) for case in EVERYDAY)
    assert any(re.fullmatch(excuse.faults, meaning) for meaning in every_meaning())
