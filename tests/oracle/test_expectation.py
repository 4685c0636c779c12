"""What a case must produce, and which cases are refused because agreement with them
would mean nothing.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lstm_ref.corpus import Case, CaseStep, Input, load
from lstm_ref.dialects import dialect
from lstm_ref.dialects.dialect import Labels
from lstm_ref.oracle import expectation as expectation_module
from lstm_ref.oracle.errors import IllConditioned, NotExact
from lstm_ref.oracle.expectation import (
    Expectation,
    Expected,
    ExpectedCall,
    _scales,
    expect,
    expect_bitwise,
    verified_bits,
    with_cotangents,
)
from lstm_ref.oracle.materialize import cast, materialize
from lstm_ref.oracle.twin import TwinCall, run_twin
from lstm_ref.protocol.trace import Array, Request

CORPUS = {case.id: case for case in load().cases}
SIZE = Input(batch=4, timesteps=7, features=5)
EXACT = CORPUS["keras/exact/one-step"]


def array(name: str, values: Array, bits: float, dtype: str = "float32") -> Expected:
    """An array of which so many bits are vouched for."""
    size = math.sqrt(float(np.mean(np.square(values[np.isfinite(values)]))))
    return Expected(name, ("batch", "unit"), values, {dtype: np.full_like(values, size * 2.0**-bits)})


def expectation(output: Expected, gradient: Expected) -> Expectation:
    call = ExpectedCall("*", (output,), (gradient,))
    return Expectation(dialect("keras"), Labels({}), Request("", "LSTM", {}, "float64", {}, ()), (call,))


X = np.array([[1.0, -2.0, 4.0]])


@pytest.mark.parametrize(
    ("dtype", "least", "least_of_gradients"),
    [
        ("float64", 10, 10),
        ("float32", 10, 4),
        ("bfloat16", 0, -2),
        ("float16", 0, 0),
        ("mixed_bfloat16", 0, -2),
        ("mixed_float16", 0, 0),
    ],
)
def test_too_few_verified_bits_are_refused_of_outputs_and_of_gradients(
    dtype: str, least: float, least_of_gradients: float
) -> None:
    def with_bits(output: float, gradient: float) -> Expectation:
        return expectation(array("output", X, output, dtype), array("kernel", X, gradient, dtype))

    with_bits(least + 0.1, least_of_gradients + 0.1).refuse_ill_conditioned("a/b", dtype)
    with pytest.raises(
        IllConditioned,
        match=(
            rf"a/b cannot be judged in {dtype}: rounding alone leaves {least - 0.1:.1f} verified bits of"
            r" output\."
        ),
    ):
        with_bits(least - 0.1, least_of_gradients + 0.1).refuse_ill_conditioned("a/b", dtype)
    with pytest.raises(
        IllConditioned,
        match=(
            rf"leaves {least_of_gradients - 0.1:.1f} verified bits of the gradient of kernel\. No"
            r" implementation"
        ),
    ):
        with_bits(least + 0.1, least_of_gradients - 0.1).refuse_ill_conditioned("a/b", dtype)


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
def test_an_expected_infinity_or_nan_does_not_count_among_the_verified_bits(special: float) -> None:
    values, bounds = np.array([3.0, 4.0, special]), np.array([0.25, 0.25, math.nan])
    assert verified_bits(values, bounds) == pytest.approx(math.log2(math.sqrt(12.5) / 0.25))


@pytest.mark.parametrize(
    ("values", "bounds", "bits"),
    [
        ([math.nan, math.inf], [math.nan, math.inf], math.inf),
        ([0.0, 0.0], [0.0, 0.0], math.inf),
        ([1.0, 2.0], [0.0, 0.0], math.inf),
        ([1.0, 2.0], [0.5, math.inf], -math.inf),
        ([], [], math.inf),
    ],
)
def test_bits_at_the_ends_of_the_scale(values: list[float], bounds: list[float], bits: float) -> None:
    assert verified_bits(np.array(values), np.array(bounds)) == bits


@pytest.mark.parametrize(
    ("bits", "bits_of_gradients", "scale"),
    [
        (12.1, 12.1, True),
        (11.9, 12.1, False),
        (12.1, 0.5, True),
        (12.1, -math.inf, False),
        (-math.inf, 12.1, False),
    ],
)
def test_float64_rounds_as_float32_does_where_twelve_bits_of_all_outputs_are_verified(
    bits: float, bits_of_gradients: float, scale: bool
) -> None:
    call = TwinCall("*", (), {"output": X}, {"kernel": X}, {})
    bounds = {
        ("outputs", 0, "output"): array("output", X, bits).bounds["float32"],
        ("gradients", 0, "kernel"): array("kernel", X, bits_of_gradients).bounds["float32"],
    }
    assert _scales([call], bounds) is scale


def test_bounds_of_float64_are_those_of_float32_on_another_scale() -> None:
    case = CORPUS["keras/structure/product"]
    material = with_cotangents(dialect(case.dialect), materialize(case, 0))
    both = expect(case.id, dialect(case.dialect), material, ("float64", "float32")).calls[0]
    alone = expect(case.id, dialect(case.dialect), material, ("float64",)).calls[0]
    for in_both, by_itself in zip(
        (*both.outputs, *both.gradients), (*alone.outputs, *alone.gradients), strict=True
    ):
        assert np.array_equal(in_both.bounds["float64"], in_both.bounds["float32"] * 2.0**-29)
        ratios = in_both.bounds["float64"] / by_itself.bounds["float64"]
        assert not np.all(ratios == 1)
        assert 0.4 < np.min(ratios) < np.max(ratios) < 2.5


@pytest.mark.parametrize(("dtype", "scale"), [("float16", True), ("float64", False)])
def test_any_other_dtype_and_float64_where_float32_is_no_guide_has_bounds_of_its_own(
    dtype: str, scale: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expectation_module, "_scales", lambda *_: scale)
    case = CORPUS["keras/structure/product"]
    material = with_cotangents(dialect(case.dialect), materialize(case, 0))
    beside, alone = (
        expect(case.id, dialect(case.dialect), material, dtypes).calls[0]
        for dtypes in (("float32", dtype), (dtype,))
    )
    for one, other in zip(
        (*beside.outputs, *beside.gradients), (*alone.outputs, *alone.gradients), strict=True
    ):
        assert np.array_equal(one.bounds[dtype], other.bounds[dtype])


def with_steps(case: str, params: dict[str, Any], *steps: CaseStep) -> Case:
    return replace(CORPUS[case], params={**CORPUS[case].params, **params}, steps=steps)


@pytest.mark.parametrize(
    ("name", "params", "argument"),
    [
        ("keras/structure/product", {"units": 3, "return_state": True}, "initial_state"),
        (
            "keras/structure/product",
            {"units": 3, "return_state": True, "return_sequences": True},
            "initial_state",
        ),
        (
            "torch/structure/product",
            {"input_size": 5, "hidden_size": 3, "num_layers": 2, "proj_size": 2},
            "hx",
        ),
    ],
)
def test_a_call_starts_from_what_the_previous_one_returned(
    name: str, params: dict[str, Any], argument: str
) -> None:
    whole = with_steps(name, params, CaseStep("call", {}, SIZE))
    parts = with_steps(
        name,
        params,
        CaseStep("call", {}, replace(SIZE, part=(0, 3))),
        CaseStep("call", {argument: "previous"}, replace(SIZE, part=(3, 7))),
    )
    at_once = expect(
        whole.id,
        dialect(whole.dialect),
        with_cotangents(dialect(whole.dialect), materialize(whole, 0)),
        ("float32",),
    )
    in_parts = expect(
        parts.id,
        dialect(parts.dialect),
        with_cotangents(dialect(parts.dialect), materialize(parts, 0)),
        ("float32",),
    )
    for position in (1, 2):
        right, found = (e.calls[-1].outputs[position] for e in (at_once, in_parts))
        np.testing.assert_allclose(found.values, right.values, rtol=0, atol=1e-14)
    # What was handed over is an argument like others: it has a gradient, with the axes
    # of the output that it was.
    for k, position in enumerate((1, 2)):
        (gradient,) = [g for g in in_parts.calls[1].gradients if g.name == f"{argument}[{k}]"]
        assert gradient.axes == in_parts.calls[0].outputs[position].axes
        assert gradient.values.shape == in_parts.calls[0].outputs[position].values.shape
        assert np.all(gradient.bounds["float32"] > 0)


@pytest.mark.parametrize(
    "id",
    [
        "flax/activations/gates[gate_fn=callable:elu]",
        "keras/structure/product",
        "onnx/structure/calls[P=true,direction=bidirectional]",
        "onnx/structure/product[P=true]",
        "torch/structure/product",
    ],
)
def test_whoever_gives_gradients_has_them_judged_in_every_dialect(id: str) -> None:
    case = CORPUS[id]
    material = with_cotangents(dialect(case.dialect), materialize(case, 0))
    found = expect(case.id, dialect(case.dialect), material, ("float32",))
    for call in found.calls:
        names = {gradient.name for gradient in call.gradients}
        assert set(material.request.weights) <= names
        assert all(np.all(gradient.bounds["float32"] >= 0) for gradient in call.gradients)


def bitwise(case: Case, dtype: str) -> Expectation:
    return expect_bitwise(
        dialect(case.dialect), with_cotangents(dialect(case.dialect), materialize(case, 0)), (dtype,)
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "mixed_bfloat16", "mixed_float16"])
def test_half_precision_is_never_exact(dtype: str) -> None:
    bitwise(EXACT, "float32")
    with pytest.raises(NotExact, match=f"not every operation is exact in {dtype}"):
        bitwise(EXACT, dtype)


def test_too_large_numbers_are_refused_even_where_float32_happens_to_agree() -> None:
    # Weights of 2^30 and no bias: all products are exact, but a sum of such terms and
    # of smaller ones would not be.
    case = CORPUS["keras/exact/one-step[use_bias=false]"]
    material = with_cotangents(dialect(case.dialect), materialize(case, 0))
    kernel = material.request.weights["kernel"]
    weights = {**material.request.weights, "kernel": replace(kernel, values=np.sign(kernel.values) * 2.0**30)}
    large = replace(material, request=replace(material.request, weights=weights))
    exact, rounded = (
        run_twin(dialect(case.dialect), request)[0].everything()
        for request in (large.request, cast(large.request, "float32", ""))
    )
    assert all(np.array_equal(a, b) for a, b in zip(exact, rounded, strict=True))
    with pytest.raises(NotExact, match="not every operation is exact in float32"):
        expect_bitwise(dialect(case.dialect), large, ("float32",))
    assert expect_bitwise(dialect(case.dialect), material, ("float32",)).calls


def test_numbers_that_float32_rounds_are_refused() -> None:
    case = CORPUS["keras/exact/one-step"]
    material = with_cotangents(dialect(case.dialect), materialize(case, 0))
    bias = material.request.weights["bias"]
    weights = {**material.request.weights, "bias": replace(bias, values=bias.values * (1 + 2.0**-23))}
    with pytest.raises(NotExact, match="not every operation is exact in float32"):
        expect_bitwise(
            dialect(case.dialect),
            replace(material, request=replace(material.request, weights=weights)),
            ("float32",),
        )


def test_a_state_that_is_handed_over_can_be_exact_too() -> None:
    size = replace(EXACT.steps[0].input, timesteps=1)
    params = {**EXACT.params, "units": 2, "return_state": True}
    case = replace(
        EXACT,
        params=params,
        steps=(CaseStep("call", {}, size), CaseStep("call", {"initial_state": "previous"}, size)),
    )
    expectation = bitwise(case, "float64")
    assert {"initial_state[0]", "initial_state[1]"} <= {
        gradient.name for gradient in expectation.calls[1].gradients
    }
