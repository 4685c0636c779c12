"""Why a result is wrong. If one known mistake explains all of it, that is the cause.
Otherwise the first step is named that does not follow from the step before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from lstm_ref.dialects.dialect import Unrolled
from lstm_ref.oracle.expectation import Expectation, Expected
from lstm_ref.oracle.twin import TwinCall, arrays_of, loaded
from lstm_ref.protocol.trace import Request, Tensor, Trace
from lstm_ref.reference.activations import Activation, Array
from lstm_ref.reference.cell import State, gates, step
from lstm_ref.reference.sequence import from_input
from lstm_ref.verdict.comparison import in_bounds, worst_index
from lstm_ref.verdict.faults import Fault, faults
from lstm_ref.verdict.judge import alike


@np.errstate(all="ignore")
def diagnose(expectation: Expectation, dtype: str, trace: Trace) -> tuple[str, ...]:
    """Sentences about the cause, for a trace in which some number is wrong. Empty where
    nothing can be said.
    """
    if not _comparable(expectation, trace):
        return ()
    if all(_within(e, o.numbers, dtype) for e, o in _outputs(expectation, trace)):
        if all(_within(e, o.numbers, dtype) for e, o in _gradients(expectation, trace)):
            return ()
        alone = "The outputs are right; the backward pass alone is wrong."
        return (alone, *_known_fault_of_gradients(expectation, dtype, trace))
    return _known_fault(expectation, dtype, trace) or _first_wrong_step(expectation, dtype, trace)


def _comparable(expectation: Expectation, trace: Trace) -> bool:
    if trace.raised is not None or len(trace.calls) != len(expectation.calls):
        return False
    calls = list(zip(expectation.calls, trace.calls, strict=True))
    if not all(alike(expected, observed) for expected, observed in calls):
        return False
    return all(
        e.values.shape == o.values.shape
        for expected, observed in calls
        for e, o in zip(expected.outputs, observed.outputs, strict=True)
    )


def _outputs(expectation: Expectation, trace: Trace) -> Iterator[tuple[Expected, Tensor]]:
    for expected, observed in zip(expectation.calls, trace.calls, strict=True):
        yield from zip(expected.outputs, observed.outputs, strict=True)


def _gradients(expectation: Expectation, trace: Trace) -> Iterator[tuple[Expected, Tensor]]:
    """The gradients that there are, of the right shape."""
    for expected, observed in zip(expectation.calls, trace.calls, strict=True):
        for gradient in expected.gradients:
            found = observed.gradients.get(gradient.name)
            if found is not None and found.values.shape == gradient.values.shape:
                yield gradient, found


def _within(expected: Expected, values: Array, dtype: str) -> bool:
    """Whether the values agree with those expected."""
    return bool(np.all(in_bounds(values, expected.values, expected.bounds[dtype]) <= 1))


def _within_of(faulty: Array, expected: Expected, values: Array, dtype: str) -> bool:
    """Whether the values agree with the faulty ones. The faulty values have the bounds
    of the right ones. Where a right value is exactly zero, its bound is zero too: then
    the widest bound of the array serves.
    """
    bounds = expected.bounds[dtype]
    widest = np.max(bounds, initial=0.0, where=np.isfinite(bounds))
    return bool(np.all(in_bounds(values, faulty, np.where(bounds > 0, bounds, widest)) <= 1))


def _known_fault(expectation: Expectation, dtype: str, trace: Trace) -> tuple[str, ...]:
    """The fault of the forward pass that explains all outputs, if there is one."""
    observed = [o.numbers for _, o in _outputs(expectation, trace)]
    expected = [e for e, _ in _outputs(expectation, trace)]
    request = replace(
        expectation.request, steps=tuple(replace(s, cotangents=None) for s in expectation.request.steps)
    )
    for fault in faults(expectation.dialect):
        planted = None if fault.backward else fault.plant(request, expectation.labels)
        if planted is None:
            continue
        calls = _computed(expectation, fault, planted)
        faulty = [array for call in calls for array in call.outputs.values()]
        if _all_within(faulty, expected, observed, dtype):
            return (f"Every output is what a layer computes in which {fault.meaning}.",)
    return ()


def _known_fault_of_gradients(expectation: Expectation, dtype: str, trace: Trace) -> tuple[str, ...]:
    """The fault of the backward pass that explains all gradients that there are, if
    there is one.
    """
    found = [
        (index, gradient, tensor.numbers)
        for index, (wanted, call) in enumerate(zip(expectation.calls, trace.calls, strict=True))
        for gradient in wanted.gradients
        if (tensor := call.gradients.get(gradient.name)) is not None
    ]
    for fault in faults(expectation.dialect):
        calls = _computed(expectation, fault, expectation.request) if fault.backward else []
        if not calls:
            continue
        faulty = [calls[index].gradients[gradient.name] for index, gradient, _ in found]
        expected, observed = [gradient for _, gradient, _ in found], [values for *_, values in found]
        if _all_within(faulty, expected, observed, dtype):
            return (f"Every gradient is what a layer computes in which {fault.meaning}.",)
    return ()


def _all_within(
    faulty: Sequence[Array], expected: Sequence[Expected], observed: Sequence[Array], dtype: str
) -> bool:
    """Whether all that was observed agrees with what a faulty layer gives."""
    return [array.shape for array in faulty] == [array.shape for array in observed] and all(
        _within_of(f, e, o, dtype) for f, e, o in zip(faulty, expected, observed, strict=True)
    )


def _computed(expectation: Expectation, fault: Fault, request: Request) -> list[TwinCall]:
    """What a layer with this fault makes of a request. There are no calls if the layer
    refuses it, or if the masks that were drawn do not fit it.
    """
    try:
        return fault.computed(expectation.dialect, request, expectation.observed)
    except (ValueError, TypeError, RuntimeError):
        return []


def _first_wrong_step(expectation: Expectation, dtype: str, trace: Trace) -> tuple[str, ...]:
    """Recompute each step from the implementation's own previous h. Its c is not shown,
    so it is computed from the same h.

    One step rounds less than all steps up to it. So the bound of all of them serves for
    the one.
    """
    pairs = zip(expectation.calls, trace.calls, strict=True)
    wrong_outputs = [
        [not _within(e, o.numbers, dtype) for e, o in zip(x.outputs, y.outputs, strict=True)]
        for x, y in pairs
    ]
    first_call = next(k for k, wrong in enumerate(wrong_outputs) if any(wrong))
    if first_call > 0:
        return (
            f"Call {first_call} is the first wrong one: look at what is carried over from the call before.",
        )
    if not wrong_outputs[0][0]:
        return ("The output is right; what is wrong is the state that is returned.",)
    first = next(taken for taken in expectation.request.steps if not taken.refused)
    if first.action != "call" or expectation.calls[0].draws:
        return ()
    twin = loaded(expectation.dialect, expectation.request, observed=expectation.observed)
    call = twin.unrolled(arrays_of(first))
    if call is None:
        return ()
    h = call.show(trace.calls[0].outputs[0].numbers)
    bounds = call.show(expectation.calls[0].outputs[0].bounds[dtype])
    z_x = from_input(call.x, call.weights)
    before = call.initial
    for t in range(h.shape[1]):
        after, _ = step(z_x[:, t], before, call.weights, call.activation, call.recurrent_activation)
        shares = in_bounds(h[:, t], after.h, bounds[:, t])
        if np.any(shares > 1):
            row, unit = worst_index(shares)
            gate = _wrong_gate(call, z_x[:, t], before, h[:, t], shares > 1)
            which = f" If one gate alone is wrong there, it is the {gate}." if gate else ""
            return (
                (
                    f"The first wrong step is {t}, worst in row {row}, unit {unit}: it does not follow from"
                    f" the step before.{which}"
                ),
            )
        before = State(h[:, t], after.c)
    return ()


def _wrong_gate(call: Unrolled, z_x: Array, before: State, h: Array, wrong: Array) -> str | None:
    """The gate whose wrong value alone explains every wrong element of the step. None
    where several gates could, or no gate could.

    The step is solved for each gate in turn, with the other three taken as right. The
    gate can be the wrong one if its value lies in the range of its activation.
    """
    if call.weights.projection is not None:
        return None
    z = gates(z_x + before.h @ call.weights.recurrent_kernel)
    sigma, phi = call.recurrent_activation, call.activation
    i, f, o = (sigma(z[k])[0] for k in (0, 1, 3))
    g = phi(z[2])[0]
    c = _inverse(phi, h / o)
    needed = {
        "input gate i": ((c - f * before.c) / g, sigma),
        "forget gate f": ((c - i * g) / before.c, sigma),
        "candidate g": ((c - f * before.c) / i, phi),
        "output gate o": (h / phi(f * before.c + i * g)[0], sigma),
    }
    possible = [name for name, (value, activation) in needed.items() if _in_range(value[wrong], activation)]
    return possible[0] if len(possible) == 1 else None


def _inverse(activation: Activation, s: Array) -> Array:
    """The z with activation(z) = s, by bisection. NaN where there is none. The
    activation must be non-decreasing.
    """
    low, high = np.full_like(s, -50.0), np.full_like(s, 50.0)
    outside = (s < activation(low)[0]) | (s > activation(high)[0])
    for _ in range(60):
        middle = (low + high) / 2
        below = activation(middle)[0] < s
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(outside, np.nan, low)


def _in_range(values: Array, activation: Activation) -> bool:
    reached = activation(np.linspace(-50.0, 50.0, 1001))[0]
    return bool(np.all((values >= np.min(reached)) & (values <= np.max(reached))))
