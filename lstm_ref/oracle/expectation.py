"""What a case must produce. The dialect's twin runs the same request in float64. The
bounds say how far rounding may lead away from its results.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TypeAlias

import numpy as np

from lstm_ref.dialects import Dialect
from lstm_ref.dialects.dialect import GATES, Draw, Label, Labels, Spec
from lstm_ref.dialects.initial import Initial
from lstm_ref.oracle.errors import IllConditioned, NotExact
from lstm_ref.oracle.literals import written_cotangents
from lstm_ref.oracle.materialize import Material, cast
from lstm_ref.oracle.policies import ACCUMULATION, POLICIES
from lstm_ref.oracle.rounding import (
    LEAST_BITS,
    LEAST_GRADIENT_BITS,
    PRECISIONS,
    Noise,
    Precision,
    Rounded,
    bound,
    precision,
    root_mean_square,
)
from lstm_ref.oracle.tangents import Derivatives, derivatives
from lstm_ref.oracle.twin import NOTHING, Observed, TwinCall, run_twin
from lstm_ref.protocol.trace import Request, Tensor
from lstm_ref.reference.activations import Array

COTANGENT_DEVIATION = 1.0
KINDS = ("outputs", "gradients", "effects", "tangents", "curvatures")  # of the arrays of a call
Bounds: TypeAlias = dict[tuple[str, int, str], Array]  # by kind, call and name


@dataclass(frozen=True)
class Expected:
    """One array: its documented name and axes, and its exact values. For each dtype,
    `bounds` say how far correct arithmetic may be from these values.

    `gates` is the order of the gates along an axis "gate".
    """

    name: str
    axes: tuple[str, ...]
    values: Array
    bounds: Mapping[str, Array]
    gates: str = GATES

    def verified_bits(self, dtype: str) -> float:
        """How many leading bits are right if the values agree within the bound."""
        return verified_bits(self.values, self.bounds[dtype])


def verified_bits(values: Array, bounds: Array) -> float:
    """log2(size / bound). The size is the root mean square of the values, and the bound
    is the widest one. Infinities and NaN are compared exactly and do not count.
    Infinite for exact numbers, and where there is nothing but zeros.
    """
    finite = np.isfinite(values)
    if not np.any(finite):
        return math.inf
    size = float(root_mean_square(values[finite], axis=0)[0])
    widest = float(np.max(bounds[finite]))
    if not math.isfinite(widest):
        return -math.inf
    return math.log2(size / widest) if size and widest else math.inf


@dataclass(frozen=True)
class ExpectedCall:
    """What one call must return: outputs, gradients, effects, and the derivatives of
    outputs and gradients along its direction. `draws` are the masks that it has to
    draw.

    A step that reads weights has such a call too. Weights that nobody has given must
    look like its `initial`.
    """

    structure: str
    outputs: tuple[Expected, ...]
    gradients: tuple[Expected, ...]
    effects: tuple[Expected, ...] = ()
    draws: Mapping[str, Draw] = field(default_factory=dict)
    initial: Mapping[str, Initial] = field(default_factory=dict)
    tangents: tuple[Expected, ...] = ()
    curvatures: tuple[Expected, ...] = ()


@dataclass(frozen=True)
class Expectation:
    """What a case must produce, and the request, with cotangents, that must produce it.
    `labels` say what each weight and argument is.
    """

    dialect: Dialect
    labels: Labels
    request: Request
    calls: tuple[ExpectedCall, ...]
    observed: Observed = NOTHING

    def refuse_ill_conditioned(self, case: str, dtype: str) -> None:
        """Raise IllConditioned where rounding in this dtype leaves too little of an
        output or gradient to be verified: the bounds then say nothing, or do not even
        hold.
        """
        for call in self.calls:
            kinds = (
                ("", call.outputs, LEAST_BITS),
                ("the gradient of ", call.gradients, LEAST_GRADIENT_BITS),
                ("", call.effects, LEAST_BITS),
                ("the tangent of ", call.tangents, LEAST_BITS),
                ("the Hessian-vector product of ", call.curvatures, LEAST_BITS),
            )
            for kind, arrays, least in kinds:
                for array in arrays:
                    if (bits := array.verified_bits(dtype)) < least[POLICIES[dtype].compute]:
                        raise IllConditioned(case, dtype, kind + array.name, bits)


def expect(
    name: str,
    language: Dialect,
    material: Material,
    dtypes: tuple[str, ...],
    accumulation: Mapping[str, str] = ACCUMULATION,
    observed: Observed = NOTHING,
) -> Expectation:
    """Run the twin: exactly, and with the roundings of each dtype. The noise is keyed
    by the case's name, so that the same case has the same bounds every time.
    `accumulation` gives for each dtype the one in which matrix products add up.

    float64 and float32 round in the same manner. Where the errors only add up, the
    bounds of float64 are those of float32 on another scale. Runs of its own would have
    given float64 bounds that differ by a fifth.
    """
    exact = run_twin(language, material.request, observed=observed)
    exact[:1] = [
        replace(call, **derivatives(language, material.request, observed=observed)._asdict())
        for call in exact[:1]
    ]
    bounds: dict[str, Bounds] = {}
    # Last, because it may share those of float32.
    for dtype in sorted(dtypes, key=lambda dtype: dtype == "float64"):
        arithmetic = precision(POLICIES[dtype].compute, accumulation[POLICIES[dtype].compute])
        if dtype == "float64" and "float32" in bounds and _scales(exact, bounds["float32"]):
            bounds[dtype] = {
                key: values * (arithmetic.roundoff / PRECISIONS["float32"].roundoff)
                for key, values in bounds["float32"].items()
            }
        else:
            bounds[dtype] = _bounds(
                language, material.request, exact, arithmetic, f"{name}/{dtype}", observed
            )
    return _expectation(language, material, exact, {dtype: bounds[dtype] for dtype in dtypes}, observed)


def _bounds(
    language: Dialect,
    request: Request,
    exact: Sequence[TwinCall],
    arithmetic: Precision,
    key: str,
    observed: Observed,
) -> Bounds:
    """The bound of every array in this arithmetic, from perturbed runs whose noise has
    this key.
    """
    rounder = _rounder(key, arithmetic)
    perturbed = run_twin(language, request, rounder, observed=observed)
    # Weights go in as plain arrays. This tells a product with a weight from the
    # gradient of a weight. Losses are computed from the weights themselves.
    computed = any(values.dtype.kind == "f" for call in exact for values in call.effects.values())
    of_effects = run_twin(language, request, rounder, rounder, observed) if computed else perturbed
    along = derivatives(language, request, rounder, observed)

    def runs(kind: str, index: int, name: str) -> Array:
        if kind in Derivatives._fields:
            return _runs(getattr(along, kind)[name])
        return _runs((of_effects if kind == "effects" else perturbed)[index].arrays(kind)[name])

    return {
        (kind, index, name): bound(values, runs(kind, index, name), arithmetic)
        for index, call in enumerate(exact)
        for kind in KINDS
        for name, values in call.arrays(kind).items()
    }


def _scales(exact: Sequence[TwinCall], bounds: Bounds) -> bool:
    """Whether rounding errors in float32 only add up. In float64 they then do the same
    on a smaller scale.
    """
    return all(
        np.all(np.isfinite(found))
        and (
            kind != "outputs"
            or verified_bits(exact[call].arrays(kind)[name], found) > LEAST_BITS["float32"] + 2
        )
        for (kind, call, name), found in bounds.items()
    )


def expect_bitwise(language: Dialect, material: Material, dtypes: tuple[str, ...]) -> Expectation:
    """Run the twin on numbers with which every operation is exact: all bounds are zero.
    Raises NotExact where a dtype has to round after all.
    """
    request = material.request
    exact = run_twin(language, request)
    # Linear layers only add and multiply. If all numbers are positive, every
    # intermediate result is at least as large as with signs.
    magnitudes = run_twin(language, request, np.abs, np.abs)
    largest = max(float(np.max(array, initial=0.0)) for call in magnitudes for array in call.everything())
    for dtype in dtypes:
        if dtype not in ("float64", "float32") or largest > 1 / precision(dtype, dtype).roundoff:
            raise NotExact(dtype)
        rounded = run_twin(language, cast(request, dtype, ""))
        if not all(
            np.array_equal(a, b)
            for x, y in zip(exact, rounded, strict=True)
            for a, b in zip(x.everything(), y.everything(), strict=True)
        ):
            raise NotExact(dtype)
    zeros = {
        (kind, index, name): np.zeros_like(values)
        for index, call in enumerate(exact)
        for kind in KINDS
        for name, values in call.arrays(kind).items()
    }
    return _expectation(language, material, exact, dict.fromkeys(dtypes, zeros), NOTHING)


def _expectation(
    language: Dialect,
    material: Material,
    exact: Sequence[TwinCall],
    bounds: Mapping[str, Bounds],
    observed: Observed,
) -> Expectation:
    """The calls that the twin made, with the bounds of each dtype."""
    calls = []
    for index, call in enumerate(exact):
        axes = {
            **call.from_previous,
            **{output.name: output.axes for output in call.names},
            **{name: (name,) for name in call.effects},
        }
        labels = {**material.labels.at(call.step), **{name: Label(found) for name, found in axes.items()}}

        def expected(
            kind: str, call: TwinCall = call, index: int = index, labels: Mapping[str, Label] = labels
        ) -> tuple[Expected, ...]:
            return tuple(
                Expected(
                    name,
                    labels[name].axes,
                    values,
                    {dtype: found[kind, index, name] for dtype, found in bounds.items()},
                    labels[name].gates,
                )
                for name, values in call.arrays(kind).items()
            )

        outputs, gradients, effects, tangents, curvatures = map(expected, KINDS)
        calls.append(
            ExpectedCall(
                call.structure, outputs, gradients, effects, call.draws, call.initial, tangents, curvatures
            )
        )
    return Expectation(language, material.labels, material.request, tuple(calls), observed)


def with_cotangents(language: Dialect, material: Material) -> Material:
    """The material with gradients wanted of every call: one cotangent for each array
    that it returns.
    """
    return with_cotangents_of(run_twin(language, material.request), material)


def with_cotangents_of(made: Sequence[TwinCall], material: Material) -> Material:
    """As `with_cotangents`, for material whose calls have been made already."""
    calls = iter(call for call in made if call.is_call)
    steps = []
    for index, step in enumerate(material.request.steps):
        if step.action == "call" and not step.refused:
            outputs = next(calls).outputs
            cotangents = (
                written_cotangents(material.cotangents, outputs)
                if material.cotangents
                else [
                    material.draw(Spec(array.shape, (), COTANGENT_DEVIATION), f"step{index}/cotangent[{k}]")
                    for k, array in enumerate(outputs.values())
                ]
            )
            step = replace(step, cotangents=tuple(Tensor("float64", values) for values in cotangents))
        steps.append(step)
    return replace(material, request=replace(material.request, steps=tuple(steps)))


def _rounder(name: str, arithmetic: Precision) -> Callable[[Array], Array]:
    noise = Noise(arithmetic, key=int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "little"))
    return lambda values: Rounded.of(values, noise)


def _runs(array: Array) -> Array:
    """The runs of an array that went through rounding. One that took part in no
    operation is exact.
    """
    runs = isinstance(array, Rounded) and array.runs
    plain = np.asarray(array)
    return plain if runs else plain[None]
