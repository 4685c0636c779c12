"""Whatever an implementation returns, there is a verdict: no trace makes the judge itself fail, and none that is changed passes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.harness.divergences import Divergences
from lstm_ref.harness.run import Run
from lstm_ref.harness.subjects import Answer, Facts, Subjects
from lstm_ref.harness.targets import Target
from lstm_ref.implementations import Implementation, steps
from lstm_ref.implementations.adapter import Adapter
from lstm_ref.implementations.introduction import Introduction
from lstm_ref.implementations.server import introduced
from lstm_ref.implementations.trace import Array, Call, Raised, Request, Tensor, Trace
from lstm_ref.report.data import Outcome

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
    """Arrays by name as they should not be: one too few, one too many, and each of them odd."""
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
                yield f"output {position} {how}", replace(call, outputs=(*call.outputs[:position], other, *call.outputs[position + 1 :]))
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
    yield "raised without calls", replace(trace, calls=(), raised=replace(raised, types=("ValueError", "Exception"), step=None, message=""))
    yield "no call", replace(trace, calls=())
    yield "a call too many", replace(trace, calls=(*trace.calls, *trace.calls[-1:], Call("*", (Tensor("float32", np.ones(2)),))))
    yield "refused", replace(trace, refusals=(raised, replace(raised, step=-1)))
    for position, call in enumerate(trace.calls[:2]):
        yield f"without call {position}", replace(trace, calls=(*trace.calls[:position], *trace.calls[position + 1 :]))
        for how, other in changed_calls(call):
            yield f"call {position}: {how}", replace(trace, calls=(*trace.calls[:position], other, *trace.calls[position + 1 :]))


class Answering:
    """A subject that answers one request with what it is told, and the others with what is right."""

    def __init__(self, implementation: Implementation, adapter: Adapter) -> None:
        self._adapter = adapter
        self._introduction = introduced(implementation, adapter)
        self._known: dict[int, Trace] = {}
        self.told: Trace | None = None
        self.asked = 0

    def run(self, request: Request) -> Answer:
        self.asked += 1
        if self.told is not None and self.asked == 1:
            return self.told
        if self.asked not in self._known:
            self._known[self.asked] = steps.run(self._adapter, request)
        return self._known[self.asked]

    def replace(self, implementation: str) -> None: ...

    def facts(self, column: str) -> Facts | None:
        return None

    def introduction(self, column: str) -> Introduction:
        return self._introduction


# Of the changes a part is tried, in each case another: all of them take minutes.
EVERY = 9


@pytest.mark.parametrize(("name", "dtype"), CASES.items(), ids=list(CASES))
def test_there_is_a_verdict_on_whatever_comes(name: str, dtype: str, hosted: ModuleType) -> None:
    (case,) = [case for case in load().cases if case.id == name]
    implementation = replace(hosted.TWINS[f"{case.dialect}-twin"], accumulation=ACCUMULATION)
    answering = Answering(implementation, implementation.adapter())
    run = Run(cast(Subjects, answering), {implementation.name: Target.of(implementation)}, 0, Divergences([], {}), Path())
    found = run_of(run, answering, case, dtype)
    assert (found.outcome, found.message) == ("pass", "")
    right = answering._known[1]
    errors, passed = [], []
    changed = [(how, trace) for how, trace in changed_traces(right) if repr(trace) != repr(right)]
    assert len(changed) > 20
    first = list(CASES).index(name) % EVERY
    for how, trace in changed[first::EVERY]:
        found = run_of(run, answering, case, dtype, trace)
        errors += [f"{how}: {found.message}"] if found.outcome not in ("pass", "fail") else []
        passed += [how] if found.outcome == "pass" else []
    assert errors == []
    assert passed == []


ACCUMULATION = {"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"}


def run_of(run: Run, answering: Answering, case: Case, dtype: str, told: Trace | None = None) -> Outcome:
    answering.told, answering.asked = told, 0
    return run.outcome(case, f"{case.dialect}-twin", dtype)
