"""Expected against observed: the one place that decides whether an implementation is right.

Number, nesting, shapes, dtypes and the pattern of NaN and infinities must be the same; every finite element must be within its bound; no
argument may be changed; what is drawn must be as likely as documented; where an exception is documented, it must be raised with its message.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ref.corpus.case import Expected as ExpectedError
from lstm_ref.corpus.case import Step
from lstm_ref.harness.chance import mask_findings, repeated_masks, weight_findings
from lstm_ref.harness.comparison import in_bounds, worst_index
from lstm_ref.harness.expectation import Expectation, Expected, ExpectedCall
from lstm_ref.harness.policies import POLICIES, Policy
from lstm_ref.implementations.trace import Call, Raised, Tensor, Trace
from lstm_ref.reference.activations import Array
from lstm_ref.report.data import Worst

COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # as terminals understand it
LINES = 2  # of a framework's message: there are some that say in the first one where, and in the second what


@dataclass(frozen=True)
class Verdict:
    """What the judge found: every finding as a sentence, none for a pass; the largest error as a share of its bound and its place; and the
    bits verified.

    `wrong` says that some number is beyond its bound. `bits` is log2(size / bound) of the array that is verified worst: how many leading bits of
    its values a pass vouches for. Both are None where no number was compared. `bitwise` tells whether the two sides of a relation were the same
    to the last bit, and `seen` in sentences how far apart they were.
    """

    findings: tuple[str, ...]
    ratio: float | None = None
    worst: Worst | None = None
    bits: float | None = None
    bitwise: bool | None = None
    wrong: bool = False
    seen: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Compared:
    """One array's comparison. `worst` is None where there was nothing to compare with."""

    findings: tuple[str, ...]
    ratio: float
    worst: Worst | None
    bits: float


def judge(expectation: Expectation, dtype: str, trace: Trace) -> Verdict:
    """Compare a trace with what the case must produce in this dtype."""
    if trace.raised is not None:
        return judge_unexpected(trace.raised)
    if len(trace.calls) != len(expectation.calls):
        return Verdict((f"{len(trace.calls)} calls returned, {len(expectation.calls)} were made",))
    findings: list[str] = []
    compared: list[_Compared] = []
    for index, (expected, observed) in enumerate(zip(expectation.calls, trace.calls, strict=True)):
        where = f"call {index}: " if len(trace.calls) > 1 else ""
        of_call = _judge_call(expected, observed, dtype, index)
        findings += [where + finding for finding in (*_exact_findings(expected, observed), *_chance_findings(expected, observed, dtype))]
        findings += [where + finding for c in of_call for finding in c.findings]
        compared += of_call
    findings += repeated_masks([(expected.draws, _values(observed.drawn)) for expected, observed in zip(expectation.calls, trace.calls, strict=True)])
    worst = max(compared, key=lambda c: c.ratio, default=None)
    if worst is None:
        return Verdict(tuple(findings))
    wrong = any(c.worst is not None and c.ratio > 1 for c in compared)
    return Verdict(tuple(findings), worst.ratio, worst.worst, min(c.bits for c in compared), wrong=wrong)


def judge_unexpected(raised: Raised) -> Verdict:
    """An exception that no documentation announces."""
    return Verdict((f"raised {_described(raised)}, where the documentation promises a result",))


def judge_error(expected: ExpectedError, steps: int, trace: Trace) -> Verdict:
    """Whether the documented exception was raised, with the documented message, by the last of the steps; of a single one the construction may raise
    it as well.
    """
    wanted = f"the documented {expected.raises}" + (f" with a message like {expected.match!r}" if expected.match else "")
    if trace.raised is None:
        return Verdict((f"returned a result, where {wanted} must be raised",))
    if expected.raises not in trace.raised.types or not re.search(expected.match or "", trace.raised.message):
        return Verdict((f"raised {_described(trace.raised)}, where {wanted} must be raised",))
    if steps > 1 and trace.raised.step != steps - 1:
        return Verdict((f"raised {_described(trace.raised)}, too early: step {steps - 1} must raise it",))
    return Verdict(())


def judge_refusals(steps: Sequence[Step], trace: Trace) -> Iterator[str]:
    """What is wrong with the steps in the middle of a run that had to be refused."""
    raised_in = {raised.step: raised for raised in trace.refusals}
    for index, step in enumerate(steps):
        if step.expect is not None and (trace.raised is None or index < (trace.raised.step or 0)):
            verdict = judge_error(step.expect, 1, Trace((), raised_in.get(index), 0.0))
            yield from (f"step {index}: {finding}" for finding in verdict.findings)
    wanted = {index for index, step in enumerate(steps) if step.expect is not None}
    for index in sorted({-1 if step is None else step for step in raised_in} - wanted):
        yield f"step {index}: said to be refused, where nothing is to be refused"


def _described(raised: Raised) -> str:
    where = "while the layer was built" if raised.step is None else f"in step {raised.step}"
    lines = [line.strip() for line in COLOUR.sub("", raised.message).splitlines() if line.strip()]
    return f"{raised.types[0]} {where}: {' '.join(lines[:LINES]) or '(no message)'}"


def _exact_findings(expected: ExpectedCall, observed: Call) -> list[str]:
    findings = [f"changed its argument {path} in place" for path in observed.changed]
    if observed.structure != expected.structure:
        names = ", ".join(output.name for output in expected.outputs)
        findings.append(f"returned {observed.structure}, expected {expected.structure} ({names})")
    elif not alike(expected, observed):
        findings.append(f"returned {len(observed.outputs)} arrays in {observed.structure}, which holds {len(expected.outputs)}")
    return findings


def alike(expected: ExpectedCall, observed: Call) -> bool:
    """Whether a call returned as many arrays as it must, nested as they must be."""
    return observed.structure == expected.structure and len(observed.outputs) == len(expected.outputs)


def _chance_findings(expected: ExpectedCall, observed: Call, dtype: str) -> Iterator[str]:
    policy = POLICIES[dtype]
    yield from mask_findings(expected.draws, _values(observed.drawn), policy.compute)
    if alike(expected, observed):
        for output, tensor in zip(expected.outputs, observed.outputs, strict=True):
            if output.name in expected.initial and tensor.values.shape == output.values.shape:
                yield from weight_findings(output.name, expected.initial[output.name], tensor.numbers, policy.weights)


def _values(tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    return {name: tensor.numbers for name, tensor in tensors.items()}


def _judge_call(expected: ExpectedCall, observed: Call, dtype: str, call: int) -> list[_Compared]:
    if not alike(expected, observed):
        return []
    policy = POLICIES[dtype]
    compared = [
        _compare(output, tensor, dtype, _kept_in(output, policy), call, output.name)
        for output, tensor in zip(expected.outputs, observed.outputs, strict=True)
    ]
    if any(c.worst is None and c.findings for c in compared):
        return compared  # outputs of wrong shapes have no gradients
    compared += _judge_derivatives("gradient", expected.gradients, observed.gradients, dtype, call)
    compared += _judge_derivatives("Hessian-vector product", expected.curvatures, observed.curvatures, dtype, call)
    if observed.tangents and len(observed.tangents) != len(expected.outputs):
        compared.append(_failed(f"{len(observed.tangents)} tangents of {len(expected.outputs)} outputs"))
    tangents = {output.name: tangent for output, tangent in zip(expected.outputs, observed.tangents, strict=False)}
    compared += _judge_derivatives("tangent", expected.tangents, tangents, dtype, call)
    if missing := {effect.name for effect in expected.effects} ^ set(observed.effects):
        compared += [_failed(f"{name} {'are missing' if name not in observed.effects else 'are unexpected'}") for name in sorted(missing)]
    for effect in expected.effects:
        if effect.name in observed.effects:
            kept_in = str(effect.values.dtype) if effect.values.dtype.kind == "i" else None
            compared.append(_compare(effect, observed.effects[effect.name], dtype, kept_in, call, effect.name))
    return compared


def _judge_derivatives(kind: str, expected: Sequence[Expected], observed: Mapping[str, Tensor | None], dtype: str, call: int) -> Iterator[_Compared]:
    """Those of one kind, by name of what they belong to."""
    wanted = {derivative.name for derivative in expected}
    # A framework may say of any other argument that it has no gradient: it is right.
    missing = wanted ^ {name for name, found in observed.items() if found is not None or name in wanted}
    yield from (_failed(f"the {kind} of {name} is {'missing' if name not in observed else 'unexpected'}") for name in sorted(missing))
    for derivative in expected:
        if derivative.name in observed:
            kept_in = _kept_in(derivative, POLICIES[dtype])
            yield _compare(derivative, observed[derivative.name], dtype, kept_in, call, f"{kind} of {derivative.name}")


def _kept_in(array: Expected, policy: Policy) -> str:
    """The dtype of an array: weights and their gradients have another than the rest under a mixed policy."""
    return policy.weights if "gate" in array.axes or "output" in array.axes else policy.compute


def _failed(finding: str) -> _Compared:
    return _Compared((finding,), float("inf"), None, float("inf"))


def _compare(expected: Expected, observed: Tensor | None, dtype: str, wanted: str | None, call: int, name: str) -> _Compared:
    """`wanted` is the dtype that the array has to have, which under a mixed policy is not the same for all; None where no documentation tells."""
    if observed is None:
        return _failed(f"{name} does not exist, so the framework says; expected shape {expected.values.shape}")
    if observed.values.shape != expected.values.shape:
        return _failed(f"{name} has shape {observed.values.shape}, expected {expected.values.shape}")
    findings = [f"{name} is {observed.dtype}, expected {wanted}"] if wanted not in (None, observed.dtype) else []
    if expected.values.size == 0:
        return _Compared(tuple(findings), 0.0, None, float("inf"))
    values, bounds = observed.numbers, expected.bounds[dtype]
    shares = in_bounds(values, expected.values, bounds)
    index = worst_index(shares)
    with np.errstate(invalid="ignore"):
        error = np.abs(values[index] - expected.values[index])
    worst = Worst(call, name, index, expected.axes, float(expected.values[index]), float(values[index]), float(error), float(bounds[index]))
    if beyond := int(np.sum(shares > 1)):
        at = _place(worst, float(shares[index]), shares.shape, expected.gates)
        findings.append(f"{name}: {beyond} of {shares.size} elements are beyond the bound, {at}")
    return _Compared(tuple(findings), float(shares[index]), worst, expected.verified_bits(dtype))


def _place(worst: Worst, ratio: float, shape: tuple[int, ...], gates: str) -> str:
    # An array that is wrong on purpose has axes that nobody can name.
    axes = worst.axes if len(worst.axes) == len(shape) else ("axis",) * len(shape)
    at = ", ".join(_position(axis, i, n, gates) for axis, i, n in zip(axes, worst.index, shape, strict=True))
    values = f"expected {worst.expected:.9g}, observed {worst.observed:.9g}"
    return f"worst at [{at}]: {values}, error {worst.error:.2g} = {ratio:.3g} x the bound {worst.bound:.2g}"


def _position(axis: str, index: int, size: int, gates: str) -> str:
    """An index on an axis in words. The axis of the gates holds a block of units for each."""
    if axis == "gate":
        units = size // len(gates)
        return f"gate {gates[index // units]}, unit {index % units}"
    return f"{axis} {index}"
