"""Relations: two runs with the same weights and inputs that have to agree, whatever the
numbers are.

Where one side is a copy of the other, no bit may differ. Elsewhere each side may round
in its own way, and they must agree within the sum of their bounds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lstm_ref.corpus.case import Equality, Relation, Term
from lstm_ref.oracle.expectation import Expectation, verified_bits
from lstm_ref.protocol.trace import Trace
from lstm_ref.reference.activations import Array
from lstm_ref.results.records import Worst
from lstm_ref.verdict.comparison import in_bounds, same, worst_index
from lstm_ref.verdict.errors import DifferenceDoesNotHold, NotComparable, RelationDoesNotHold
from lstm_ref.verdict.judge import Verdict, judge


@dataclass(frozen=True)
class _Compared:
    """One term of an equality: what was observed, what is right, and the bound."""

    name: str
    axes: tuple[str, ...]
    observed: Array
    expected: Array
    bound: Array

    def change(self, axes: tuple[str, ...], function: Callable[[Array], Array]) -> "_Compared":
        """The term with all three arrays changed by the same function."""
        return replace(
            self,
            axes=axes,
            observed=function(self.observed),
            expected=function(self.expected),
            bound=function(self.bound),
        )

    def without_spare_axes(self, other: "_Compared") -> "_Compared":
        """Without the axes of length 1 that the other side lacks."""
        spare = tuple(
            k for k, axis in enumerate(self.axes) if axis not in other.axes and self.observed.shape[k] == 1
        )
        return self.change(
            tuple(axis for k, axis in enumerate(self.axes) if k not in spare),
            lambda array: array.squeeze(spare),
        )

    def like(self, other: "_Compared") -> "_Compared":
        """With the axes of the other side, in its order. Raises NotComparable."""
        if set(self.axes) != set(other.axes):
            raise NotComparable(other.name, self.name)
        order = [self.axes.index(axis) for axis in other.axes]
        return self.change(other.axes, lambda array: array.transpose(order))


@np.errstate(all="ignore")
def judge_relation(relation: Relation, dtype: str, sides: Sequence[tuple[Expectation, Trace]]) -> Verdict:
    """Judge each side by itself, then compare the two in every equality of the
    relation. If one run is both sides, it is judged once.

    Raises RelationDoesNotHold where the reference itself breaks the relation, and
    NotComparable where the sides have no common shape.
    """
    runs = (
        {"the case's run": sides[0]}
        if sides[0][1] is sides[1][1]
        else {"the case's run": sides[0], "the other run": sides[1]}
    )
    alone = {which: judge(expectation, dtype, trace) for which, (expectation, trace) in runs.items()}
    if findings := [
        f"{which}: {finding}" for which, verdict in alone.items() for finding in verdict.findings
    ]:
        worst = max(alone.values(), key=lambda verdict: verdict.ratio or 0.0)
        return replace(worst, findings=tuple(findings), bitwise=False)
    equal = relation.equal or (() if relation.differ else _by_name(sides))
    if not equal and not relation.differ:
        raise NotComparable("the outputs of the case's run", "those of the other run")
    verdicts = [_judge(equality, relation.exact, dtype, sides) for equality in equal]
    verdicts += [_judge_difference(pair, dtype, sides) for pair in relation.differ]
    worst = max(verdicts, key=lambda verdict: verdict.ratio or 0.0)
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    bits = min(verdict.bits for verdict in verdicts if verdict.bits is not None)
    bitwise = all(verdict.bitwise for verdict in verdicts)
    seen = tuple(sentence for verdict in verdicts for sentence in verdict.seen)
    wrong = bool(findings)
    return Verdict(tuple(findings), worst.ratio, worst.worst, bits, bitwise=bitwise, wrong=wrong, seen=seen)


def _by_name(sides: Sequence[tuple[Expectation, Trace]]) -> tuple[Equality, ...]:
    left, right = ([output.name for output in expectation.calls[-1].outputs] for expectation, _ in sides)
    return tuple(Equality(Term(name, None), Term(name, None)) for name in left if name in right)


def _judge(
    equality: Equality, exact: bool, dtype: str, sides: Sequence[tuple[Expectation, Trace]]
) -> Verdict:
    left, right, bound = _pair(equality, dtype, sides)
    if np.any(in_bounds(left.expected, right.expected, bound) > 1):
        if any(call.draws or call.initial for expectation, _ in sides for call in expectation.calls):
            finding = f"{left.name} and {right.name} differ, because the two runs drew other masks or weights"
            return Verdict((finding,), float("inf"), None, 0.0, bitwise=False)
        raise RelationDoesNotHold(
            left.name, right.name, float(np.nanmax(np.abs(left.expected - right.expected)))
        )
    shares = in_bounds(left.observed, right.observed, np.zeros_like(bound) if exact else bound)
    index = worst_index(shares)
    error = float(np.abs(left.observed[index] - right.observed[index]))
    name = f"{left.name} against {right.name}"
    worst = Worst(
        0,
        name,
        index,
        left.axes,
        float(left.observed[index]),
        float(right.observed[index]),
        error,
        float(bound[index]),
    )
    beyond = int(np.sum(shares > 1))
    at = ", ".join(f"{axis} {i}" for axis, i in zip(left.axes, index, strict=True))
    tolerance = (
        "not a bit may differ" if exact else f"{shares[index]:.3g} x both sides' bound {bound[index]:.2g}"
    )
    finding = (
        f"{left.name} and {right.name} differ in {beyond} of {shares.size} elements, worst at [{at}]:"
        f" {left.observed[index]:.9g} and {right.observed[index]:.9g}, difference {error:.2g}; {tolerance}"
    )
    bitwise = bool(np.all(same(left.observed, right.observed)))
    bits, apart = verified_bits(left.expected, bound), "to the last bit" if bitwise else f"within {error:.2g}"
    alike = f"{left.name} is {'the same' if left.name == right.name else right.name} {apart}"
    findings, seen = ((finding,), ()) if beyond else ((), (alike,))
    return Verdict(findings, float(shares[index]), worst, bits, bitwise=bitwise, seen=seen)


def _judge_difference(pair: Equality, dtype: str, sides: Sequence[tuple[Expectation, Trace]]) -> Verdict:
    """Whether the two terms differ in some element by more than rounding can explain.

    The masks that a run draws may decide it.
    """
    left, right, bound = _pair(pair, dtype, sides)
    drawn = any(call.draws for expectation, _ in sides for call in expectation.calls)
    if not drawn and not np.any(in_bounds(left.expected, right.expected, bound) > 1):
        raise DifferenceDoesNotHold(left.name, right.name)
    shares = in_bounds(left.observed, right.observed, bound)
    difference = float(np.max(np.abs(left.observed - right.observed), initial=0.0))
    name = left.name if left.name == right.name else f"{left.name} and {right.name}"
    beyond = int(np.sum(shares > 1))
    largest = f"the largest difference is {difference:.2g}"
    finding = f"{name}: no element differs by more than rounding can explain, {largest}"
    differ = f"{name}: {beyond} of {shares.size} numbers differ, by up to {difference:.2g}"
    findings, seen = ((), (differ,)) if beyond else ((finding,), ())
    return Verdict(findings, None, None, verified_bits(left.expected, bound), bitwise=False, seen=seen)


def _pair(
    equality: Equality,
    dtype: str,
    sides: Sequence[tuple[Expectation, Trace]],
) -> tuple[_Compared, _Compared, Array]:
    """Both terms with the same axes, and the bound of their difference. Raises
    NotComparable.
    """
    terms = (equality.left, equality.right)
    left, right = (_side(term, dtype, *side) for term, side in zip(terms, sides, strict=True))
    left, right = left.without_spare_axes(right), right.without_spare_axes(left)
    right = right.like(left)
    if left.observed.shape != right.observed.shape:
        raise NotComparable(left.name, right.name)
    return left, right, left.bound + right.bound


def _side(term: Term, dtype: str, expectation: Expectation, trace: Trace) -> _Compared:
    """The term's array. If it has a time axis, the arrays of all calls are joined.
    Otherwise it is that of the last call, unless every call is wanted.
    """
    positions = {output.name: position for position, output in enumerate(expectation.calls[-1].outputs)}
    if term.output not in positions:
        raise NotComparable(term.output, f"what this side returns ({', '.join(positions)})")
    position = positions[term.output]
    # Epochs of a training return nothing.
    calls = [pair for pair in zip(expectation.calls, trace.calls, strict=True) if pair[0].outputs]
    axes = expectation.calls[-1].outputs[position].axes
    axis = axes.index("time") if "time" in axes else axes.index("unit")
    stacked = term.at == "every-call"

    def joined(arrays: Sequence[Array]) -> Array:
        if stacked:
            return np.stack(arrays, axis)
        return np.concatenate(arrays, axis) if "time" in axes else arrays[-1]

    side = _Compared(
        name=term.output + (f" at {term.at}" if term.at else ""),
        axes=(*axes[:axis], "time", *axes[axis:]) if stacked else axes,
        observed=joined([observed.outputs[position].numbers for _, observed in calls]),
        expected=joined([expected.outputs[position].values for expected, _ in calls]),
        bound=joined([expected.outputs[position].bounds[dtype] for expected, _ in calls]),
    )
    return side if term.at is None or stacked else _taken(side, term.at)


def _taken(side: _Compared, at: str) -> _Compared:
    """The part of the side's array at one of the places that a relation can name."""
    time, row = ("time", "layer*direction")
    if at in ("last-step", "first-step"):
        position = -1 if at == "last-step" else 0
        axes = tuple(axis for axis in side.axes if axis != time)
        return side.change(axes, lambda array: array.take(position, side.axes.index(time)))
    if at in ("first-row", "last-row"):
        number = 0 if at == "first-row" else -1
        return side.change(
            tuple(axis for axis in side.axes if axis != row),
            lambda array: array.take(number, side.axes.index(row)),
        )
    if at == "reversed":
        return side.change(side.axes, lambda array: np.flip(array, side.axes.index(time)))
    # The halves of a bidirectional layer. In its output these are halves of the units,
    # in its states halves of the rows.
    forward = at == "forward-half"
    if row in side.axes:
        picked = slice(0 if forward else 1, None, 2)
        axis = side.axes.index(row)
    else:
        axis = side.axes.index("unit")
        half = side.observed.shape[axis] // 2
        picked = slice(0, half) if forward else slice(half, None)
    index = tuple(picked if k == axis else slice(None) for k in range(len(side.axes)))
    return side.change(side.axes, lambda array: array[index])
