"""Expected against observed: the one place that decides whether an implementation is
right.

The number of arrays, their nesting, shapes, dtypes, and the places of NaN and
infinities must be the same. Every finite element must be within its bound. No argument
may be changed. What is drawn must be as likely as documented. A documented exception
must be raised with its message.

Every trace gets a verdict, whatever an implementation has put into it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lstm_ref.corpus.case import CaseStep, ExpectedError
from lstm_ref.oracle.expectation import Expectation, Expected, ExpectedCall
from lstm_ref.oracle.policies import POLICIES, Policy
from lstm_ref.oracle.twin import TwinCall
from lstm_ref.protocol.trace import Call, Raised, Tensor, Trace
from lstm_ref.reference.activations import Array
from lstm_ref.results.records import Profile, Worst
from lstm_ref.verdict.chance import infinite, mask_findings, repeated_masks, weight_findings
from lstm_ref.verdict.comparison import in_bounds, worst_index
from lstm_ref.verdict.profiles import profiles, worst_of_each_axis

COLOUR = re.compile(r"\x1b\[[0-9;]*m")  # as terminals understand it
FLOATING = ("float64", "float32", "bfloat16", "float16")
LINES = 2  # of a framework's message: some say in the first line where, and in the second what


@dataclass(frozen=True)
class Verdict:
    """What the judge found. Every finding is a sentence, and a pass has none. `ratio`
    is the largest error as a share of its bound, and `worst` says where it is. Both are
    None where no number was compared, and so is `bits`.

    `wrong` says that some number is beyond its bound. `bits` is log2(size / bound) of
    the array that is verified worst. So many leading bits of its values are right if
    the case passes. `bitwise` tells whether the two sides of a relation were the same
    to the last bit, and `seen` in sentences how far apart they were. `profiles` say
    where along time and gates the errors are.
    """

    findings: tuple[str, ...]
    ratio: float | None = None
    worst: Worst | None = None
    bits: float | None = None
    bitwise: bool | None = None
    wrong: bool = False
    seen: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()


@dataclass(frozen=True)
class _Compared:
    """One array's comparison. `worst` is None where there was nothing to compare
    with.
    """

    findings: tuple[str, ...]
    ratio: float
    worst: Worst | None
    bits: float
    profiles: tuple[Profile, ...] = ()


@np.errstate(all="ignore")  # NaN, infinities and overflow are results like others
def judge(expectation: Expectation, dtype: str, trace: Trace) -> Verdict:
    """Compare a trace with what the case must produce in this dtype."""
    if trace.raised is not None:
        return judge_unexpected(trace.raised)
    if len(trace.calls) != len(expectation.calls):
        return judge_number_of_calls(len(expectation.calls), trace)
    findings: list[str] = []
    compared: list[_Compared] = []
    for index, (expected, observed) in enumerate(zip(expectation.calls, trace.calls, strict=True)):
        where = _where(index, trace)
        of_call = _judge_call(expected, observed, dtype, index)
        findings += [
            where + finding
            for finding in (
                *_exact_findings(expected, observed),
                *_chance_findings(expected, observed, dtype),
            )
        ]
        findings += [where + finding for c in of_call for finding in c.findings]
        compared += of_call
    findings += _repeated_masks(expectation.calls, trace)
    worst = max(compared, key=lambda c: c.ratio, default=None)
    if worst is None:
        return Verdict(tuple(findings))
    wrong = any(c.worst is not None and c.ratio > 1 for c in compared)
    along = worst_of_each_axis((c.ratio, profile) for c in compared for profile in c.profiles)
    bits = min(c.bits for c in compared)
    return Verdict(tuple(findings), worst.ratio, worst.worst, bits, wrong=wrong, profiles=along)


def judge_number_of_calls(made: int, trace: Trace) -> Verdict:
    """What is wrong if fewer or more calls returned than were made."""
    right = len(trace.calls) == made
    return Verdict(() if right else (f"{len(trace.calls)} calls returned, {made} were made",))


def judge_unexpected(raised: Raised) -> Verdict:
    """The finding about an exception that no documentation announces."""
    return Verdict((f"raised {_described(raised)}, where the documentation promises a result",))


def judge_error(expected: ExpectedError, steps: int, trace: Trace) -> Verdict:
    """Whether the last step raised the documented exception, with the documented
    message. If there is only one step, the construction may raise it as well.
    """
    wrong = _wrong_error(expected, trace.raised)
    last = steps - 1
    if wrong or trace.raised is None:
        return Verdict(wrong)
    if trace.raised.step == last or (steps == 1 and trace.raised.step is None):
        return Verdict(())
    early = "too early: " if (trace.raised.step or 0) < last else ""
    return Verdict((f"raised {_described(trace.raised)}, {early}step {last} must raise it",))


def _wrong_error(expected: ExpectedError, raised: Raised | None) -> tuple[str, ...]:
    """What is wrong with an exception that must be raised, in whatever step."""
    like = f" with a message like {expected.match!r}" if expected.match else ""
    wanted = f"where the documented {expected.raises}{like} must be raised"
    if raised is None:
        return (f"returned a result, {wanted}",)
    if expected.raises not in raised.types or not re.search(expected.match or "", raised.message):
        return (f"raised {_described(raised)}, {wanted}",)
    return ()


def judge_refusals(steps: Sequence[CaseStep], trace: Trace) -> Iterator[str]:
    """What is wrong with the steps in the middle of a run that had to be refused."""
    wanted = {index: step.expect for index, step in enumerate(steps) if step.expect is not None}
    raised_in: dict[int | None, Raised] = {}
    for raised in trace.refusals:
        if raised.step not in wanted:
            yield f"raised {_described(raised)}, where nothing is to be refused"
        elif raised.step in raised_in:
            yield f"step {raised.step}: said to be refused twice"
        raised_in[raised.step] = raised
    for index, expected in wanted.items():
        if trace.raised is None or index < (trace.raised.step or 0):
            found = _wrong_error(expected, raised_in.get(index))
            yield from (f"step {index}: {finding}" for finding in found)


def unusable(made: Sequence[TwinCall], dtype: str, trace: Trace) -> tuple[str, ...]:
    """Why no right result can be computed from the masks and weights that the
    implementation drew.

    `made` are the calls of a twin that drew nothing, and the trace is of a run that
    raised nothing. An array that is empty, has another shape, or holds NaN or
    infinities is unusable. One that is only unlikely is usable.
    """
    if len(trace.calls) != len(made):
        return judge_number_of_calls(len(made), trace).findings
    findings: list[str] = []
    for index, (call, observed) in enumerate(zip(made, trace.calls, strict=True)):
        where, masks = _where(index, trace), _values(observed.drawn)
        if not _usable(call, masks):
            of_masks = mask_findings(call.draws, masks, POLICIES[dtype].compute)
            findings += [where + finding for finding in of_masks]
        if call.initial:
            findings += [where + finding for finding in _unusable_weights(call, observed)]
    return (*findings, *_repeated_masks(made, trace)) if findings else ()


def _usable(call: TwinCall, masks: Mapping[str, Array]) -> bool:
    return masks.keys() == call.draws.keys() and all(
        mask.shape in call.draws[name].shapes and bool(np.all(np.isfinite(mask)))
        for name, mask in masks.items()
    )


def _unusable_weights(call: TwinCall, observed: Call) -> Iterator[str]:
    """What is wrong with weights that were read, before their numbers are looked at."""
    if observed.structure != call.structure or len(observed.outputs) != len(call.outputs):
        yield _other_structure(observed, call.structure, tuple(call.outputs))
        return
    for (name, wanted), tensor in zip(call.outputs.items(), observed.outputs, strict=True):
        if tensor.values.shape != wanted.shape:
            yield f"{name} has shape {tensor.values.shape}, expected {wanted.shape}"
        else:
            yield from infinite(name, tensor.numbers)


@np.errstate(all="ignore")
def drawn_as_promised(expectation: Expectation, dtype: str, trace: Trace) -> bool:
    """Whether all masks and initial weights of a trace are as likely as documented."""
    pairs = zip(expectation.calls, trace.calls, strict=True)
    alone = (finding for expected, call in pairs for finding in _chance_findings(expected, call, dtype))
    return not any(alone) and not any(_repeated_masks(expectation.calls, trace))


def _repeated_masks(made: Sequence[TwinCall | ExpectedCall], trace: Trace) -> Iterator[str]:
    pairs = zip(made, trace.calls, strict=True)
    return repeated_masks([(call.draws, _values(observed.drawn)) for call, observed in pairs])


def _where(call: int, trace: Trace) -> str:
    """The beginning of a finding about a call, where there are several."""
    return f"call {call}: " if len(trace.calls) > 1 else ""


def _described(raised: Raised) -> str:
    where = "while the layer was built" if raised.step is None else f"in step {raised.step}"
    lines = [line.strip() for line in COLOUR.sub("", raised.message).splitlines() if line.strip()]
    return f"{raised.types[0]} {where}: {' '.join(lines[:LINES]) or '(no message)'}"


def _exact_findings(expected: ExpectedCall, observed: Call) -> list[str]:
    findings = [f"changed its argument {path} in place" for path in observed.changed]
    if not alike(expected, observed):
        findings.append(
            _other_structure(observed, expected.structure, [output.name for output in expected.outputs])
        )
    return findings


def _other_structure(observed: Call, wanted: str, names: Sequence[str]) -> str:
    """The finding about another number or nesting of arrays. `names` are those of the
    arrays that must be returned.
    """
    if observed.structure != wanted:
        return f"returned {observed.structure}, expected {wanted} ({', '.join(names)})"
    return f"returned {len(observed.outputs)} arrays in {observed.structure}, which holds {len(names)}"


def alike(expected: ExpectedCall, observed: Call) -> bool:
    """Whether a call returned as many arrays as it must, nested as they must be."""
    return observed.structure == expected.structure and len(observed.outputs) == len(expected.outputs)


def _chance_findings(expected: ExpectedCall, observed: Call, dtype: str) -> Iterator[str]:
    policy = POLICIES[dtype]
    yield from mask_findings(expected.draws, _values(observed.drawn), policy.compute)
    if alike(expected, observed):
        for output, tensor in zip(expected.outputs, observed.outputs, strict=True):
            if output.name in expected.initial and tensor.values.shape == output.values.shape:
                yield from weight_findings(
                    output.name, expected.initial[output.name], tensor.numbers, policy.weights
                )


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
    compared += _judge_derivatives(
        "Hessian-vector product", expected.curvatures, observed.curvatures, dtype, call
    )
    if observed.tangents and len(observed.tangents) != len(expected.outputs):
        compared.append(_failed(f"{len(observed.tangents)} tangents of {len(expected.outputs)} outputs"))
    tangents = {
        output.name: tangent for output, tangent in zip(expected.outputs, observed.tangents, strict=False)
    }
    compared += _judge_derivatives("tangent", expected.tangents, tangents, dtype, call)
    if missing := {effect.name for effect in expected.effects} ^ set(observed.effects):
        compared += [
            _failed(f"{name} {'are missing' if name not in observed.effects else 'are unexpected'}")
            for name in sorted(missing)
        ]
    for effect in expected.effects:
        if effect.name in observed.effects:
            kept_in = str(effect.values.dtype) if effect.values.dtype.kind == "i" else None
            compared.append(
                _compare(effect, observed.effects[effect.name], dtype, kept_in, call, effect.name)
            )
    return compared


def _judge_derivatives(
    kind: str, expected: Sequence[Expected], observed: Mapping[str, Tensor | None], dtype: str, call: int
) -> Iterator[_Compared]:
    """Judge the derivatives of one kind. They are keyed by the weight or argument to
    which they belong.
    """
    wanted = {derivative.name for derivative in expected}
    # A framework may say that any other argument has no gradient, and is right.
    missing = wanted ^ {name for name, found in observed.items() if found is not None or name in wanted}
    yield from (
        _failed(f"the {kind} of {name} is {'missing' if name not in observed else 'unexpected'}")
        for name in sorted(missing)
    )
    for derivative in expected:
        if derivative.name in observed:
            kept_in = _kept_in(derivative, POLICIES[dtype])
            yield _compare(
                derivative, observed[derivative.name], dtype, kept_in, call, f"{kind} of {derivative.name}"
            )


def _kept_in(array: Expected, policy: Policy) -> str:
    """The dtype of an array. Under a mixed policy, weights and their gradients have
    another dtype than the rest.
    """
    return policy.weights if "gate" in array.axes or "output" in array.axes else policy.compute


def _failed(finding: str) -> _Compared:
    return _Compared((finding,), float("inf"), None, float("inf"))


def _compare(
    expected: Expected, observed: Tensor | None, dtype: str, wanted: str | None, call: int, name: str
) -> _Compared:
    """`wanted` is the dtype that the array must have. Under a mixed policy it is not
    the same for all arrays. It is None where no documentation says it: then any
    floating-point dtype is right.
    """
    if observed is None:
        return _failed(
            f"{name} does not exist, so the framework says; expected shape {expected.values.shape}"
        )
    if observed.values.shape != expected.values.shape:
        return _failed(f"{name} has shape {observed.values.shape}, expected {expected.values.shape}")
    right = observed.dtype in FLOATING if wanted is None else observed.dtype == wanted
    findings = [] if right else [f"{name} is {observed.dtype}, expected {wanted or 'a floating-point dtype'}"]
    if expected.values.size == 0:
        return _Compared(tuple(findings), 0.0, None, float("inf"))
    values, bounds = observed.numbers, expected.bounds[dtype]
    shares = in_bounds(values, expected.values, bounds)
    index = worst_index(shares)
    error = np.abs(values[index] - expected.values[index])
    worst = Worst(
        call,
        name,
        index,
        expected.axes,
        float(expected.values[index]),
        float(values[index]),
        float(error),
        float(bounds[index]),
    )
    if beyond := int(np.sum(shares > 1)):
        at = _place(worst, float(shares[index]), shares.shape, expected.gates)
        findings.append(f"{name}: {beyond} of {shares.size} elements are beyond the bound, {at}")
    along = tuple(profiles(expected, values, shares, worst)) if beyond else ()
    return _Compared(tuple(findings), float(shares[index]), worst, expected.verified_bits(dtype), along)


def _place(worst: Worst, ratio: float, shape: tuple[int, ...], gates: str) -> str:
    # A case may ask for a malformed array. Nobody can name its axes.
    axes = worst.axes if len(worst.axes) == len(shape) else ("axis",) * len(shape)
    at = ", ".join(_position(axis, i, n, gates) for axis, i, n in zip(axes, worst.index, shape, strict=True))
    values = f"expected {worst.expected:.9g}, observed {worst.observed:.9g}"
    return f"worst at [{at}]: {values}, error {worst.error:.2g} = {ratio:.3g} x the bound {worst.bound:.2g}"


def _position(axis: str, index: int, size: int, gates: str) -> str:
    """An index on an axis in words. The axis of the gates holds a block of units for
    each.
    """
    if axis == "gate":
        units = size // len(gates)
        return f"gate {gates[index // units]}, unit {index % units}"
    return f"{axis} {index}"
