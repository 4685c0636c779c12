"""What a case must produce: the dialect's twin run on the same request, in float64, and how far rounding may lead away from it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from lstm_ref.dialects.dialect import Output, Spec
from lstm_ref.harness.errors import IllConditioned, NotExact
from lstm_ref.harness.materialize import Material, cast
from lstm_ref.harness.policies import ACCUMULATION, POLICIES
from lstm_ref.harness.rounding import LEAST_BITS, LEAST_GRADIENT_BITS, Noise, Precision, Rounded, bound, precision, root_mean_square
from lstm_ref.harness.twin import run_twin
from lstm_ref.implementations.trace import Request, Tensor
from lstm_ref.reference.activations import Array

COTANGENT_DEVIATION = 1.0


@dataclass(frozen=True)
class Expected:
    """One array: its documented name and axes, the exact values, and in each dtype how far correct arithmetic may be from them."""

    name: str
    axes: tuple[str, ...]
    values: Array
    bounds: Mapping[str, Array]

    def verified_bits(self, dtype: str) -> float:
        """How many leading bits of the values are vouched for by agreement within the bound."""
        return verified_bits(self.values, self.bounds[dtype])


def verified_bits(values: Array, bounds: Array) -> float:
    """log2(size / bound), where the size is the root mean square of the values and the bound the widest; infinities and NaN are compared exactly and
    do not count. Infinite for exact numbers, and where there is nothing but zeros.
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
    """What one call must return, and the gradients that it must have."""

    structure: str
    outputs: tuple[Expected, ...]
    gradients: tuple[Expected, ...]


@dataclass(frozen=True)
class Expectation:
    """What a case must produce, and the request, with cotangents, that must produce it. `axes` names those of each weight and argument."""

    dialect: str
    axes: Mapping[str, tuple[str, ...]]
    request: Request
    calls: tuple[ExpectedCall, ...]

    def refuse_ill_conditioned(self, case: str, dtype: str) -> None:
        """Raise IllConditioned where rounding in this dtype leaves too little of an output or gradient to be verified: the bounds then say
        nothing, or do not even hold.
        """
        for call in self.calls:
            for kind, arrays, least in (("", call.outputs, LEAST_BITS), ("the gradient of ", call.gradients, LEAST_GRADIENT_BITS)):
                for array in arrays:
                    if (bits := array.verified_bits(dtype)) < least[POLICIES[dtype].compute]:
                        raise IllConditioned(case, dtype, kind + array.name, bits)


def expect(name: str, dialect_name: str, material: Material, dtypes: tuple[str, ...], accumulation: Mapping[str, str] = ACCUMULATION) -> Expectation:
    """Run the twin: exactly, and with the roundings of each dtype. The noise is keyed by the case's name, so that the same case has the
    same bounds every time. `accumulation` gives for each dtype the one in which matrix products add up.
    """
    request = material.request
    exact = run_twin(dialect_name, request)
    precisions = {dtype: precision(POLICIES[dtype].compute, accumulation[POLICIES[dtype].compute]) for dtype in dtypes}
    perturbed = {dtype: run_twin(dialect_name, request, _rounder(f"{name}/{dtype}", precisions[dtype])) for dtype in dtypes}

    def expected(kind: str, call: int, output: Output) -> Expected:
        values = exact[call].arrays(kind)[output.name]
        bounds = {dtype: bound(values, _runs(perturbed[dtype][call].arrays(kind)[output.name]), precisions[dtype]) for dtype in dtypes}
        return Expected(output.name, output.axes, values, bounds)

    calls = []
    for index, call in enumerate(exact):
        outputs = tuple(expected("outputs", index, output) for output in call.names)
        axes = {**material.axes, **call.handed}
        gradients = tuple(expected("gradients", index, Output(name, axes[name])) for name in call.gradients)
        calls.append(ExpectedCall(call.structure, outputs, gradients))
    return Expectation(dialect_name, material.axes, request, tuple(calls))


def expect_bitwise(dialect_name: str, material: Material, dtypes: tuple[str, ...]) -> Expectation:
    """Run the twin on numbers with which every operation is exact: all bounds are zero. Raises NotExact where a dtype has to round after all."""
    request = material.request
    exact = run_twin(dialect_name, request)
    # Linear layers only add and multiply: with all numbers positive every intermediate result is at least as large as with signs.
    magnitudes = run_twin(dialect_name, request, np.abs, np.abs)
    largest = max(float(np.max(array, initial=0.0)) for call in magnitudes for array in call.everything())
    for dtype in dtypes:
        if dtype not in ("float64", "float32") or largest > 1 / precision(dtype, dtype).roundoff:
            raise NotExact(dtype)
        rounded = run_twin(dialect_name, cast(request, dtype, ""))
        if not all(np.array_equal(a, b) for x, y in zip(exact, rounded, strict=True) for a, b in zip(x.everything(), y.everything(), strict=True)):
            raise NotExact(dtype)

    def expected(values: Array, output: Output) -> Expected:
        return Expected(output.name, output.axes, values, dict.fromkeys(dtypes, np.zeros_like(values)))

    calls = [
        ExpectedCall(
            call.structure,
            tuple(expected(call.outputs[output.name], output) for output in call.names),
            tuple(expected(values, Output(name, {**material.axes, **call.handed}[name])) for name, values in call.gradients.items()),
        )
        for call in exact
    ]
    return Expectation(dialect_name, material.axes, request, tuple(calls))


def with_cotangents(dialect_name: str, material: Material) -> Material:
    """The material with gradients wanted of every call: one cotangent for each array that it returns."""
    calls = iter(run_twin(dialect_name, material.request))
    steps = []
    for index, step in enumerate(material.request.steps):
        if step.action == "call":
            outputs = next(calls).outputs.values()
            specs = [Spec(array.shape, (), COTANGENT_DEVIATION) for array in outputs]
            cotangents = tuple(Tensor("float64", material.draw(spec, f"step{index}/cotangent[{k}]")) for k, spec in enumerate(specs))
            step = replace(step, cotangents=cotangents)
        steps.append(step)
    return replace(material, request=replace(material.request, steps=tuple(steps)))


def _rounder(name: str, arithmetic: Precision) -> Callable[[Array], Array]:
    noise = Noise(arithmetic, key=int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "little"))
    return lambda values: Rounded.of(values, noise)


def _runs(array: Array) -> Array:
    """The runs of an array that went through rounding. One that took part in no operation is exact."""
    runs = isinstance(array, Rounded) and array.runs
    plain = np.asarray(array)
    return plain if runs else plain[None]
