"""Whatever an implementation returns, there is a verdict: no trace makes the judge
itself fail, and none that is changed passes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_ref.corpus import Case, load
from lstm_ref.protocol import steps
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.trace import Array, Call, Raised, Request, Tensor, Trace
from lstm_ref.results.records import Outcome
from lstm_ref.runner.answers import Answer, Facts
from lstm_ref.runner.run import Run
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.divergences import Divergences

# One of each kind: what is compared, drawn, trained, read, refused, related, packed.
CASES = {
    "keras/structure/product": "float32",
    "keras/structure/product[initial_state=given,return_sequences=true,return_state=true]": "float64",
    "keras/exact/one-step": "float32",
    "keras/dropout/other-masks-in-each-call": "float32",
    "keras/training/dropout[mask=right,recurrent_dropout=0.2]": "float32",
    "keras/training/regularized": "float64",
    "keras/initial/kernel": "float32",
    "keras/relations/unroll": "float64",
    "keras/rejected/batch-of-a-stateful-layer": "float32",
    "keras/rejected/misspelled": "float64",
    "keras/keywords/seed-and-weights": "float32",
    "torch/sizes/batched-then-unbatched": "float64",
    "torch/structure/product": "float32",
    "torch/packed/packing[form=packed-ties]": "float64",
    "torch/dropout/in-training": "float32",
}

ODD: Mapping[str, Callable[[Array], Array]] = {
    "nan": lambda values: np.full_like(values, np.nan),
    "infinite": lambda values: np.full_like(values, -np.inf),
    "gigantic": lambda values: values + 1e30,
    "overflowing": lambda values: np.full(values.shape, 1e308),
    "added": lambda values: values + 0.5,
    "no-axis": lambda values: np.float64(0.25).reshape(()),
    "one-axis": lambda values: np.ones(3),
    "flat": lambda values: np.concatenate([values.reshape(-1), [0.5]]),
    "empty": lambda values: np.zeros((0, 3)),
    "more-axes": lambda values: values[None, None],
    "longer": lambda values: np.ones((*values.shape[:-1], (values.shape or (0,))[-1] + 1)),
}
DTYPES = ("int64", "complex128", "bool", "uint32", "float16")


def odd(tensor: Tensor) -> Iterator[tuple[str, Tensor | None]]:
    """The tensor as it should not be."""
    for name, change in ODD.items():
        with np.errstate(all="ignore"):
            yield name, Tensor(tensor.dtype, np.asarray(change(tensor.values.astype(np.float64))))
    for dtype in DTYPES:
        if dtype != tensor.dtype:
            with np.errstate(all="ignore"):
                yield dtype, Tensor(dtype, (tensor.values * 4).astype(dtype))


def odd_mappings(found: Mapping[str, Any], alike: Tensor) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Arrays by name as they should not be: one too few, one too many, and each of them
    odd.
    """
    yield "unheard-of", {**found, "unheard-of": alike}
    for name, tensor in list(found.items())[:2]:
        yield f"without {name}", {key: value for key, value in found.items() if key != name}
        yield f"{name} none", {**found, name: None}
        if tensor is not None:
            yield from ((f"{name} {how}", {**found, name: other}) for how, other in odd(tensor))


def changed_calls(call: Call) -> Iterator[tuple[str, Call]]:
    """The call as it should not be."""
    one = Tensor("float32", np.ones((2, 3)))
    first = call.outputs[0] if call.outputs else one
    for structure in ("", "*", "(*, *)", "{kernel: *, bias: *}", "[[[*]]]", "(", "\N{WHITE STAR}"):
        if structure != call.structure:
            yield f"structure {structure}", replace(call, structure=structure)
    yield "no output", replace(call, outputs=(), structure="()")
    yield "one output too few", replace(call, outputs=call.outputs[:-1])
    yield "one output too many", replace(call, outputs=(*call.outputs, one))
    for position, output in list(enumerate(call.outputs))[:2]:
        for how, other in odd(output):
            if other is not None:
                yield (
                    f"output {position} {how}",
                    replace(call, outputs=(*call.outputs[:position], other, *call.outputs[position + 1 :])),
                )
    yield "changed", replace(call, changed=("sequences",))
    for field in ("gradients", "curvatures", "effects", "drawn"):
        for how, found in odd_mappings(getattr(call, field), first):
            if not (field in ("effects", "drawn") and None in found.values()):
                yield f"{field} {how}", replace(call, **{field: found})
    for tangents in ((), (one,), (*call.tangents, one), (None,) * len(call.tangents)):
        if tangents != call.tangents:
            yield f"{len(tangents)} tangents", replace(call, tangents=tangents)


def changed_traces(trace: Trace) -> Iterator[tuple[str, Trace]]:
    """The trace as it should not be."""
    raised = Raised(("OddError", "Exception"), "\x1b[31modd\x00 %s {}\n\nand more", 99, "")
    yield "raised", replace(trace, raised=raised)
    yield (
        "raised without calls",
        replace(
            trace, calls=(), raised=replace(raised, types=("ValueError", "Exception"), step=None, message="")
        ),
    )
    yield "no call", replace(trace, calls=())
    yield (
        "a call too many",
        replace(trace, calls=(*trace.calls, *trace.calls[-1:], Call("*", (Tensor("float32", np.ones(2)),)))),
    )
    yield "refused", replace(trace, refusals=(raised, replace(raised, step=-1)))
    yield (
        "a call before all",
        replace(trace, calls=(Call("*", (Tensor("float32", np.ones(2)),)), *trace.calls)),
    )
    if trace.raised is not None:
        yield "not raised", replace(trace, raised=None)
        yield "raised by no step", replace(trace, raised=replace(trace.raised, step=99))
        yield "another class", replace(trace, raised=replace(trace.raised, types=("OddError",)))
    if trace.calls:
        yield "not a number", replace(trace, calls=tuple(map(not_a_number, trace.calls)))
    for position, call in enumerate(trace.calls[:2]):
        yield (
            f"without call {position}",
            replace(trace, calls=(*trace.calls[:position], *trace.calls[position + 1 :])),
        )
        for how, other in changed_calls(call):
            yield (
                f"call {position}: {how}",
                replace(trace, calls=(*trace.calls[:position], other, *trace.calls[position + 1 :])),
            )


def not_a_number(call: Call) -> Call:
    """The call with NaN for every number."""

    def nan(tensor: Tensor) -> Tensor:
        return Tensor(tensor.dtype, np.full_like(tensor.values, np.nan))

    return replace(
        call,
        outputs=tuple(map(nan, call.outputs)),
        gradients={name: None if found is None else nan(found) for name, found in call.gradients.items()},
        drawn={name: nan(mask) for name, mask in call.drawn.items()},
    )


class Answering:
    """A subject that answers one request with what it is told, and the others with what
    is right.
    """

    def __init__(self, run: Callable[[Request], Trace], introduction: Introduction) -> None:
        self._run = run
        self._introduction = introduction
        self.known: dict[int, Trace] = {}
        self.told: Trace | None = None
        self.asked = 0

    def run(self, request: Request) -> Answer:
        self.asked += 1
        if self.told is not None and self.asked == 1:
            return self.told
        if self.asked not in self.known:
            self.known[self.asked] = self._run(request)
        return self.known[self.asked]

    def replace(self, implementation: str) -> None: ...

    def introduction(self, column: str) -> Introduction:
        return self._introduction

    def facts(self, column: str) -> Facts | None:
        return None


@dataclass(frozen=True)
class Bench:
    """A case on the twin of its dialect: its run, its subject, and all that is changed
    in the right trace.
    """

    case: Case
    dtype: str
    run: Run
    answering: Answering
    changed: Sequence[tuple[str, Trace]]

    def outcome(self, told: Trace | None = None) -> Outcome:
        self.answering.told, self.answering.asked = told, 0
        return self.run.outcome(self.case, f"{self.case.dialect}-twin", self.dtype)


@cache
def bench(name: str, hosted: ModuleType) -> Bench:
    """The bench of one of CASES."""
    (case,) = [case for case in load().cases if case.id == name]
    adapter = hosted.TwinAdapter(case.dialect)
    implementation = hosted.TWINS[f"{case.dialect}-twin"]
    able = introduction(implementation.name, case.dialect)
    answering = Answering(lambda request: steps.run(adapter, request), able)
    run = Run(
        cast(Subjects, answering), {able.name: Target.of(implementation)}, 0, Divergences([], {}), Path()
    )
    ready = Bench(case, CASES[name], run, answering, ())
    found = ready.outcome()
    assert (found.outcome, found.message) == ("pass", "")
    right = answering.known[1]
    changed = [(how, trace) for how, trace in changed_traces(right) if repr(trace) != repr(right)]
    assert len(changed) > 5
    return replace(ready, changed=changed)


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=5, deadline=None, derandomize=True, database=None)
@given(data=st.data())
def test_there_is_a_verdict_on_whatever_comes(name: str, hosted: ModuleType, data: st.DataObject) -> None:
    ready = bench(name, hosted)
    how, trace = data.draw(st.sampled_from(ready.changed))
    found = ready.outcome(trace)
    assert (found.outcome, "search for the cause" in found.message) == ("fail", False), (how, found.message)


ACCUMULATION = {"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"}


def introduction(name: str, dialect: str) -> Introduction:
    """One that can do all that the twins can."""
    return Introduction(
        name,
        dialect,
        ACCUMULATION,
        actions=None,
        gradients=True,
        masks=("call", "train"),
        effects=True,
        refusals=True,
    )
