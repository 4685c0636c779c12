"""Derivatives along a direction: against difference quotients of fifty digits, within
bounds that a wrong one does not meet, and judged by name.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

from lstm_ref.corpus import load
from lstm_ref.corpus.selection import select
from lstm_ref.dialects import dialect
from lstm_ref.oracle.expectation import Expectation, expect, with_cotangents
from lstm_ref.oracle.materialize import Material, cast, materialize
from lstm_ref.oracle.tangents import derivatives
from lstm_ref.protocol.trace import Call, Request, Tensor, Trace
from lstm_ref.verdict.judge import judge

mp = mpmath.mp.clone()
mp.dps = 50

TORCH = dialect("torch")


def material(point: str) -> Material:
    (case,) = select(load().cases, [point])
    return with_cotangents(
        TORCH, materialize(replace(case, derivatives=("forward-mode", "second-order")), seed=0)
    )


def lstm(numbers: Mapping[str, Any]) -> list[Any]:
    """output (N, T, H), h_n and c_n of one layer, from input (N, T, I), states (1, N,
    H) and torch's weights.
    """

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + mp.exp(-z))

    x, h, c = numbers["input"], numbers["hx[0]"][0], numbers["hx[1]"][0]
    steps = []
    for x_t in x.swapaxes(0, 1):
        z = (
            x_t @ numbers["weight_ih_l0"].T
            + h @ numbers["weight_hh_l0"].T
            + numbers["bias_ih_l0"]
            + numbers["bias_hh_l0"]
        )
        i, f, g, o = np.split(z, 4, axis=-1)
        gate, squash = np.vectorize(sigmoid, otypes=[object]), np.vectorize(mp.tanh, otypes=[object])
        c = gate(f) * c + gate(i) * squash(g)
        h = gate(o) * squash(c)
        steps.append(h)
    return [np.stack(steps, axis=1), h[None], c[None]]


def test_both_agree_with_difference_quotients_of_fifty_digits() -> None:
    request = material("torch/derivatives/second-order[batch_first=true]").request
    (step,) = request.steps
    found = derivatives(TORCH, request)
    tensors = {
        **request.weights,
        "input": step.arguments["input"],
        **{f"hx[{k}]": state for k, state in enumerate(step.arguments["hx"])},
    }
    point, direction = (
        {name: np.vectorize(mp.mpf, otypes=[object])(t.values) for name, t in ts.items()}
        for ts in (tensors, step.direction)
    )
    assert point.keys() == direction.keys()
    tiny = mp.mpf(10) ** -12

    def at(distance: Any, **moved: Any) -> dict[str, Any]:
        return {
            name: values + distance * direction[name] + moved.get(name, 0) for name, values in point.items()
        }

    slopes = [
        (ahead - behind) / (2 * tiny) for ahead, behind in zip(lstm(at(tiny)), lstm(at(-tiny)), strict=True)
    ]
    for tangent, slope in zip(found.tangents.values(), slopes, strict=True):
        np.testing.assert_allclose(tangent, slope.astype(float), rtol=0, atol=4e-15)

    assert step.cotangents is not None
    cotangents = [tensor.values for tensor in step.cotangents]
    assert cotangents[0].shape == slopes[0].shape

    def loss(numbers: Mapping[str, Any]) -> Any:
        return sum(
            (output * cotangent).sum() for output, cotangent in zip(lstm(numbers), cotangents, strict=True)
        )

    for name, curvature in found.curvatures.items():
        for index in list(np.ndindex(curvature.shape))[:: max(1, curvature.size // 4)]:
            bump = np.zeros(curvature.shape, dtype=object)
            bump[index] = tiny
            ahead, behind = (
                loss(at(sign * tiny, **{name: bump})) - loss(at(sign * tiny, **{name: -bump}))
                for sign in (1, -1)
            )
            assert abs(curvature[index] - (ahead - behind) / (4 * tiny * tiny)) < 2e-14, (name, index)


POINT = "torch/derivatives/second-order[bias=false,bidirectional=true,dropout=0.3,num_layers=2]"


@pytest.fixture(scope="module")
def expectation() -> Expectation:
    return expect("a case", TORCH, material(POINT), ("float64", "float32"))


def right(expectation: Expectation, dtype: str) -> Call:
    """What an implementation would return that rounds nothing but its results."""
    (call,) = expectation.calls
    assert call.tangents
    assert call.curvatures
    outputs, tangents = (
        tuple(Tensor(dtype, e.values.astype(dtype)) for e in kind) for kind in (call.outputs, call.tangents)
    )
    gradients, curvatures = (
        {e.name: Tensor(dtype, e.values.astype(dtype)) for e in kind}
        for kind in (call.gradients, call.curvatures)
    )
    drawn = {
        name: Tensor(dtype, np.full(draw.shapes[0], 1 / (1 - draw.rate))) for name, draw in call.draws.items()
    }
    return Call(call.structure, outputs, gradients, drawn=drawn, tangents=tangents, curvatures=curvatures)


def findings(expectation: Expectation, dtype: str, call: Call) -> tuple[str, ...]:
    found = judge(
        replace(expectation, calls=(replace(expectation.calls[0], draws={}),)),
        dtype,
        Trace((call,), None, 0.0),
    ).findings
    return tuple(finding for finding in found if "mask" not in finding)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_right_has_no_findings(expectation: Expectation, dtype: str) -> None:
    assert findings(expectation, dtype, right(expectation, dtype)) == ()


@pytest.mark.parametrize(("dtype", "off"), [("float64", 1e-11), ("float32", 1e-3)])
@pytest.mark.parametrize("name", ["weight_ih_l0", "weight_hh_l1_reverse", "input", "hx[1]"])
def test_a_second_derivative_that_is_a_little_off_is_found(
    expectation: Expectation, dtype: str, off: float, name: str
) -> None:
    call = right(expectation, dtype)
    tensor = call.curvatures[name]
    assert tensor is not None
    wrong = replace(
        call, curvatures={**call.curvatures, name: Tensor(dtype, (tensor.values * (1 + off)).astype(dtype))}
    )
    (finding,) = findings(expectation, dtype, wrong)
    assert finding.startswith(f"Hessian-vector product of {name}: ")


def test_tangents_and_second_derivatives_that_are_missing_are_named(expectation: Expectation) -> None:
    call = replace(right(expectation, "float64"), tangents=(), curvatures={})
    found = findings(expectation, "float64", call)
    assert "the tangent of output is missing" in found
    assert "the Hessian-vector product of weight_ih_l0 is missing" in found
    nothing = replace(
        right(expectation, "float64"), tangents=(None, *right(expectation, "float64").tangents[1:])
    )
    (finding,) = findings(expectation, "float64", nothing)
    assert finding.startswith("tangent of output does not exist, so the framework says")


@pytest.mark.parametrize("number", [1, 4])
def test_another_number_of_tangents_than_of_outputs_is_told(expectation: Expectation, number: int) -> None:
    call = right(expectation, "float64")
    assert len(call.tangents) == 3
    found = findings(
        expectation, "float64", replace(call, tangents=(*call.tangents, call.tangents[0])[:number])
    )
    missing = {1: ("the tangent of c_n is missing", "the tangent of h_n is missing"), 4: ()}
    assert found == (f"{number} tangents of 3 outputs", *missing[number])


def test_the_direction_is_exact_in_every_dtype_and_moves_everything_that_is_a_number() -> None:
    request = material(POINT).request
    for dtype in ("float64", "float32", "bfloat16", "float16"):
        sent: Request = cast(request, dtype, "torch")
        moved = sent.steps[0].direction
        assert moved.keys() == {*sent.weights, "input", "hx[0]", "hx[1]"}
        assert {tensor.dtype for tensor in moved.values()} == {dtype}
        assert all(
            np.array_equal(moved[name].values, tensor.values)
            for name, tensor in request.steps[0].direction.items()
        )
