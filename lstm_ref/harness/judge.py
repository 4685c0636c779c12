"""Expected against observed: the one place that decides whether an implementation is right.

Number, nesting, shapes, dtypes and the pattern of NaN and infinities must be the same; every finite element must be within its bound; no
argument may be changed; where an exception is documented, it must be raised with its message.
"""

import re
from dataclasses import dataclass

import numpy as np

from lstm_ref.corpus.case import Expected as ExpectedError
from lstm_ref.harness.comparison import in_bounds, worst_index
from lstm_ref.harness.expectation import Expectation, Expected, ExpectedCall
from lstm_ref.harness.policies import POLICIES
from lstm_ref.implementations.trace import Call, Raised, Tensor, Trace
from lstm_ref.report.data import Worst

GATES = "ifgo"


@dataclass(frozen=True)
class Verdict:
    """What the judge found: every finding as a sentence, none for a pass; the largest error as a share of its bound and its place; and the
    bits verified.

    `wrong` says that some number is beyond its bound. `bits` is log2(size / bound) of the array that is verified worst: how many leading bits of
    its values a pass vouches for. Both are None where no number was compared. `bitwise` tells whether the two sides of a relation were the same
    to the last bit.
    """

    findings: tuple[str, ...]
    ratio: float | None = None
    worst: Worst | None = None
    bits: float | None = None
    bitwise: bool | None = None
    wrong: bool = False


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
        return Verdict((f"raised {_described(trace.raised)}, where the documentation promises a result",))
    if len(trace.calls) != len(expectation.calls):
        return Verdict((f"{len(trace.calls)} calls returned, {len(expectation.calls)} were made",))
    findings: list[str] = []
    compared: list[_Compared] = []
    for index, (expected, observed) in enumerate(zip(expectation.calls, trace.calls, strict=True)):
        where = f"call {index}: " if len(trace.calls) > 1 else ""
        of_call = _judge_call(expected, observed, dtype, index)
        findings += [where + finding for finding in _exact_findings(expected, observed)]
        findings += [where + finding for c in of_call for finding in c.findings]
        compared += of_call
    worst = max(compared, key=lambda c: c.ratio, default=None)
    if worst is None:
        return Verdict(tuple(findings))
    wrong = any(c.worst is not None and c.ratio > 1 for c in compared)
    return Verdict(tuple(findings), worst.ratio, worst.worst, min(c.bits for c in compared), wrong=wrong)


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


def _described(raised: Raised) -> str:
    where = "while the layer was built" if raised.step is None else f"in step {raised.step}"
    return f"{raised.types[0]} {where}: {raised.message.strip().splitlines()[0] if raised.message.strip() else '(no message)'}"


def _exact_findings(expected: ExpectedCall, observed: Call) -> list[str]:
    findings = [f"changed its argument {path} in place" for path in observed.changed]
    if observed.structure != expected.structure:
        names = ", ".join(output.name for output in expected.outputs)
        findings.append(f"returned {observed.structure}, expected {expected.structure} ({names})")
    return findings


def _judge_call(expected: ExpectedCall, observed: Call, dtype: str, call: int) -> list[_Compared]:
    if observed.structure != expected.structure:
        return []
    policy = POLICIES[dtype]
    compared = [
        _compare(output, tensor, dtype, policy.compute, call, output.name) for output, tensor in zip(expected.outputs, observed.outputs, strict=True)
    ]
    if any(c.worst is None and c.findings for c in compared):
        return compared  # outputs of wrong shapes have no gradients
    missing = {gradient.name for gradient in expected.gradients} ^ set(observed.gradients)
    compared += [_failed(f"the gradient of {name} is {'missing' if name not in observed.gradients else 'unexpected'}") for name in sorted(missing)]
    for gradient in expected.gradients:
        if gradient.name in observed.gradients:
            wanted = policy.weights if "gate" in gradient.axes or "output" in gradient.axes else policy.compute
            compared.append(_compare(gradient, observed.gradients[gradient.name], dtype, wanted, call, f"gradient of {gradient.name}"))
    return compared


def _failed(finding: str) -> _Compared:
    return _Compared((finding,), float("inf"), None, float("inf"))


def _compare(expected: Expected, observed: Tensor | None, dtype: str, wanted: str, call: int, name: str) -> _Compared:
    """`wanted` is the dtype that the array has to have, which under a mixed policy is not the same for all."""
    if observed is None:
        return _failed(f"{name} does not exist, so the framework says; expected shape {expected.values.shape}")
    if observed.values.shape != expected.values.shape:
        return _failed(f"{name} has shape {observed.values.shape}, expected {expected.values.shape}")
    findings = [f"{name} is {observed.dtype}, expected {wanted}"] if observed.dtype != wanted else []
    if expected.values.size == 0:
        return _Compared(tuple(findings), 0.0, None, float("inf"))
    values, bounds = observed.values.astype(np.float64), expected.bounds[dtype]
    shares = in_bounds(values, expected.values, bounds)
    index = worst_index(shares)
    with np.errstate(invalid="ignore"):
        error = np.abs(values[index] - expected.values[index])
    worst = Worst(call, name, index, expected.axes, float(expected.values[index]), float(values[index]), float(error), float(bounds[index]))
    if beyond := int(np.sum(shares > 1)):
        findings.append(f"{name}: {beyond} of {shares.size} elements are beyond the bound, {_place(worst, float(shares[index]), shares.shape)}")
    return _Compared(tuple(findings), float(shares[index]), worst, expected.verified_bits(dtype))


def _place(worst: Worst, ratio: float, shape: tuple[int, ...]) -> str:
    at = ", ".join(_position(axis, i, n) for axis, i, n in zip(worst.axes, worst.index, shape, strict=True))
    values = f"expected {worst.expected:.9g}, observed {worst.observed:.9g}"
    return f"worst at [{at}]: {values}, error {worst.error:.2g} = {ratio:.3g} x the bound {worst.bound:.2g}"


def _position(axis: str, index: int, size: int) -> str:
    """An index on an axis in words. The gates' axis holds four blocks of units."""
    if axis == "gate":
        units = size // len(GATES)
        return f"gate {GATES[index // units]}, unit {index % units}"
    return f"{axis} {index}"
