"""The numbers of a case: its own, the same everywhere, and strong enough to tell right
from wrong.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_ref.corpus import Case, CaseStep, ExpectedError, Input, Location, Values, load
from lstm_ref.dialects.dialect import Spec
from lstm_ref.oracle.errors import InexactValues
from lstm_ref.oracle.materialize import cast, drawer, exactly, is_of_documentation, materialize
from lstm_ref.protocol.trace import Array, Request, Tensor

CORPUS = {case.id: case for case in load().cases}
SHIPPED = [case for case in CORPUS.values() if case.everyday and not is_of_documentation(case)]
CASE = replace(
    CORPUS["keras/structure/product"],
    id="file/name",
    params={"units": 3},
    steps=(CaseStep("call", {"initial_state": "given"}, Input(batch=4, timesteps=7, features=5)),),
)


def spec(*shape: int, deviation: float = 1.0) -> Spec:
    """An array without a layout."""
    return Spec(shape=shape, axes=(), deviation=deviation)


def named(request: Request) -> Iterator[tuple[str, Array]]:
    """Every array of the request that is drawn, by name."""

    def inside(name: str, value: Any) -> Iterator[tuple[str, Array]]:
        if isinstance(value, Tensor):
            yield name, value.values
        elif isinstance(value, list):
            for index, part in enumerate(value):
                yield from inside(f"{name}[{index}]", part)

    for name, tensor in request.weights.items():
        yield name, tensor.values
    for index, step in enumerate(request.steps):
        for argument, value in step.arguments.items():
            yield from inside(f"step{index}/{argument}", value)


def drawn(case: Case, seed: int = 0) -> dict[str, Array]:
    return dict(named(materialize(case, seed).request))


def bits(values: Array) -> int:
    """The significant bits of the longest of these dyadic numbers."""
    mantissas = np.abs(np.frexp(values)[0]) * 2.0**53
    return max(53 - next(k for k in range(54) if int(m) % 2 ** (k + 1)) for m in mantissas.flat)


def test_a_case_draws_its_weights_and_arguments_in_their_documented_shapes() -> None:
    shapes = {name: values.shape for name, values in drawn(CASE).items()}
    assert shapes == {
        "kernel": (5, 12),
        "recurrent_kernel": (3, 12),
        "bias": (12,),
        "step0/sequences": (4, 7, 5),
        "step0/initial_state[0]": (4, 3),
        "step0/initial_state[1]": (4, 3),
    }


def test_numbers_are_known_for_good() -> None:
    # Seen once and written down, in units of 1/64: a change here changes the numbers of
    # every case.
    assert (64 * drawer("file/name", Values(), 0)(spec(6), "bias")).tolist() == [-83, -108, 31, -103, 52, 120]
    assert (64 * drawer("file/name", Values(), 3)(spec(6), "bias")).tolist() == [34, -126, -58, -73, -62, 29]


def test_the_parts_of_a_case_share_no_numbers() -> None:
    arrays = list(drawn(CASE).values())
    for index, one in enumerate(arrays):
        for other in arrays[:index]:
            size = min(one.size, other.size)
            assert np.mean(one.flat[:size] == other.flat[:size]) < 0.2


def test_numbers_depend_on_the_case_and_the_seed() -> None:
    base, renamed, reseeded = drawn(CASE), drawn(replace(CASE, id="file/name2")), drawn(CASE, seed=1)
    for name, values in base.items():
        assert np.mean(values == renamed[name]) < 0.2
        assert np.mean(values == reseeded[name]) < 0.2


def test_numbers_depend_on_nothing_else() -> None:
    other = replace(
        CASE,
        name="other",
        place=Location(Path("other.yaml"), 99),
        about="other",
        params={"units": 3, "return_sequences": True, "go_backwards": True, "activation": "relu"},
        dtypes=("bfloat16",),
        axes={"params.units": 3},
        steps=(*CASE.steps, CaseStep("call", {}, CASE.steps[0].input)),
    )
    drawn_again = drawn(other)
    for name, values in drawn(CASE).items():
        assert np.array_equal(values, drawn_again[name])


def test_a_layout_changes_no_number() -> None:
    draw = drawer("file/name", Values(), 0)
    batch_first = draw(Spec((4, 7, 5), ("batch", "time", "feature"), 1.0), "x")
    assert np.array_equal(
        draw(Spec((7, 4, 5), ("time", "batch", "feature"), 1.0), "x"), batch_first.swapaxes(0, 1)
    )
    kernel = draw(Spec((5, 12), ("feature", "gate"), 1.0), "kernel")
    assert np.array_equal(draw(Spec((12, 5), ("gate", "feature"), 1.0), "kernel"), kernel.T)


@pytest.mark.parametrize(
    "changes", [{"part": (2, 5)}, {"reversed": True}, {"part": (2, 5), "reversed": True}]
)
@pytest.mark.parametrize("dialect", ["keras", "torch"])
def test_a_part_of_the_input_has_the_numbers_of_the_first_input(
    dialect: str, changes: dict[str, Any]
) -> None:
    case = CORPUS[f"{dialect}/structure/product"]
    size = case.steps[0].input
    arrays = drawn(replace(case, steps=(case.steps[0], CaseStep("call", {}, replace(size, **changes)))))
    name, axis = ("sequences", 1) if dialect == "keras" else ("input", 0)
    whole, part = (np.moveaxis(arrays[f"step{step}/{name}"], axis, 0) for step in (0, 1))
    chosen = whole[slice(*changes.get("part", (None,)))]
    assert np.array_equal(part, chosen[::-1] if "reversed" in changes else chosen)


def test_each_call_gets_an_input_of_its_own() -> None:
    twice = drawn(replace(CASE, steps=CASE.steps * 2))
    assert np.mean(twice["step0/sequences"] == twice["step1/sequences"]) < 0.2


def test_a_larger_tensor_of_the_same_name_starts_with_the_numbers_of_the_smaller() -> None:
    draw = drawer("file/name", Values(), 0)
    small, large = draw(spec(3, 5), "x"), draw(spec(4, 5), "x")
    assert np.array_equal(large[:3], small)
    assert np.array_equal(draw(spec(20), "x"), large.ravel())


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_the_dyadic_grid_is_exact_in_every_dtype(dtype: str) -> None:
    for case in SHIPPED[::17]:
        if case.values.grid == "dyadic":
            for _, values in named(materialize(case, 0).request):
                assert np.array_equal(exactly(values, dtype).astype(np.float64), values, equal_nan=True)


def test_the_dyadic_grid_has_seven_bits_and_a_sign() -> None:
    assert bits(drawer("file/name", Values(), 0)(spec(5000), "x")) == 7


def test_the_float32_grid_has_all_bits_of_a_float32_and_no_more() -> None:
    values = drawer("file/name", Values(grid="float32"), 0)(spec(5000), "x")
    assert bits(values) == 24
    assert np.array_equal(exactly(values, "float32").astype(np.float64), values)


@pytest.mark.parametrize("grid", ["dyadic", "float32"])
@pytest.mark.parametrize("scale", [1.0, 16.0, 0.3])
@pytest.mark.parametrize("deviation", [0.1, 0.6, 0.8, 1.0, 1.2 / math.sqrt(5), 1.2 / math.sqrt(3)])
def test_numbers_spread_evenly_around_zero_as_wide_as_asked_within_a_factor_of_one_and_a_half(
    deviation: float, scale: float, grid: str
) -> None:
    values = drawer("file/name", Values(grid=grid, scale=scale), 0)(spec(20000, deviation=deviation), "x")
    ratio = float(np.std(values)) / (deviation * scale)
    assert 1 / 1.5 < ratio < 1.5
    assert abs(np.mean(values)) < 0.03 * np.std(values)
    assert np.max(values) == pytest.approx(-np.min(values), rel=1e-3)
    assert np.max(values) < 2 * np.std(values)


@pytest.mark.parametrize(
    ("grid", "smallest", "largest", "unit"),
    [
        ("dyadic", 16, 127, 2.0**-6),
        ("float32", 2**21, 2**24 - 1, 2.0**-23),
        ("integers", 1, 2, 1.0),
        ("exact", 1, 2, 1.0),
    ],
)
def test_no_number_is_near_zero_where_it_would_go_unnoticed(
    grid: str, smallest: int, largest: int, unit: float
) -> None:
    values = drawer("file/name", Values(grid=grid), 0)(spec(100000), "x") / unit
    # Integers, evenly over the whole range, on both sides.
    assert np.array_equal(values, np.round(values))
    for side in (values, -values):
        magnitudes = side[side > 0]
        assert 0.48 < len(magnitudes) / values.size < 0.52
        assert smallest <= np.min(magnitudes) < smallest * 1.001
        assert largest * 0.999 < np.max(magnitudes) <= largest
        assert np.mean(magnitudes) == pytest.approx((smallest + largest) / 2, rel=0.01)


@pytest.mark.parametrize("scale", [1.0, 8.0])
@pytest.mark.parametrize("deviation", [0.1, 1.0, 10.0])
def test_the_grids_of_integers_hold_nothing_but_small_integers_whatever_the_deviation(
    deviation: float, scale: float
) -> None:
    for grid in ("integers", "exact"):
        values = drawer("file/name", Values(grid=grid, scale=scale), 0)(spec(1000, deviation=deviation), "x")
        assert np.array_equal(np.unique(values), [-2, -1, 1, 2])


def test_the_grid_of_integers_brings_pre_activations_of_exactly_zero() -> None:
    request = materialize(CORPUS["keras/activations/at-zero"], 0).request
    x, (h, _) = (
        request.steps[0].arguments["sequences"].values[:, 0],
        [state.values for state in request.steps[0].arguments["initial_state"]],
    )
    z = (
        x @ request.weights["kernel"].values
        + h @ request.weights["recurrent_kernel"].values
        + request.weights["bias"].values
    )
    candidate = z[:, 6:9]
    assert np.any(candidate == 0)
    assert np.any(candidate < 0)
    assert np.any(candidate > 0)


def without_planted_rows(values: Array) -> Array:
    """The rows of an array in which not all numbers are the same, as they are where a
    case plants a number under its mask.
    """
    rows = values.reshape(-1, values.shape[-1])
    return rows[np.any(rows != rows[:, :1], axis=1)] if values.shape[-1] > 2 else rows


def test_no_shipped_case_has_a_zero_or_two_equal_rows() -> None:
    looked_at = 0
    for case in SHIPPED[::7]:
        for name, values in named(materialize(case, 0).request):
            if values.dtype.kind != "f" or values.ndim == 0 or values.size == 0 or name.endswith("/mask"):
                continue
            rows = without_planted_rows(values)
            looked_at += len(rows)
            assert np.all(rows != 0), (case.id, name)
            if values.shape[-1] > 2 and case.values.grid not in ("integers", "exact"):
                assert len(np.unique(rows, axis=0)) == len(rows), (case.id, name)
    assert looked_at > 10000


def test_cotangents_and_other_numbers_come_from_the_same_case() -> None:
    material = materialize(CASE, 0)
    name = "step0/cotangent[0]"
    assert np.array_equal(material.draw(spec(4, 3), name), drawer("file/name", Values(), 0)(spec(4, 3), name))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_a_cast_request_has_the_same_numbers_in_another_dtype(dtype: str) -> None:
    request = materialize(CASE, 0).request
    other = cast(request, dtype, "some")
    assert (other.implementation, other.dtype) == ("some", dtype)
    tensors = [
        other.weights["bias"],
        other.steps[0].arguments["sequences"],
        other.steps[0].arguments["initial_state"][1],
    ]
    held = "float32" if dtype == "bfloat16" else dtype
    assert {(tensor.dtype, str(tensor.values.dtype)) for tensor in tensors} == {(dtype, held)}
    for (_, before), (_, after) in zip(named(request), named(other), strict=True):
        assert np.array_equal(before, after.astype(np.float64))


def test_a_cast_leaves_cotangents_and_plain_arguments_as_they_are_in_kind() -> None:
    step = replace(
        materialize(CASE, 0).request.steps[0],
        arguments={"training": True, "mask": Tensor("bool", np.array([True]))},
        cotangents=(Tensor("float64", np.array([0.5])),),
    )
    (after,) = cast(replace(materialize(CASE, 0).request, steps=(step,)), "float32", "some").steps
    assert after.arguments["training"] is True
    assert after.arguments["mask"].dtype == "bool"
    assert after.cotangents is not None
    assert after.cotangents[0].dtype == "float32"


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (0.1, "float32"),
        (1 + 2**-11, "float16"),
        (1 + 2**-8, "bfloat16"),
        (1e30, "float16"),
        (2.0**-140, "bfloat16"),
        (0.1, "bfloat16"),
    ],
)
def test_a_number_that_would_change_is_refused_with_what_to_do(value: float, dtype: str) -> None:
    advice = f"do not exist in {dtype}; give the case .*grid: dyadic.*, or leave {dtype} out"
    with np.errstate(over="ignore"), pytest.raises(InexactValues, match=advice):
        exactly(np.array([1.0, value]), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
def test_nan_infinities_and_zero_exist_in_every_dtype(dtype: str) -> None:
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    assert np.array_equal(exactly(special, dtype), special, equal_nan=True)


@pytest.mark.parametrize(
    "case", [case for case in SHIPPED if case.expect is not None], ids=lambda case: case.id
)
def test_a_case_that_expects_an_exception_becomes_a_request_all_the_same(case: Case) -> None:
    request = materialize(case, 0).request
    assert [step.action for step in request.steps] == [step.action for step in case.steps]
    assert any({"sequences", "input", "inputs", "X"} & set(step.arguments) for step in request.steps)


def test_a_layer_without_a_twin_is_an_error_unless_an_exception_is_expected() -> None:
    case = replace(
        CORPUS["torch/structure/product"], params={"input_size": 5, "hidden_size": 3, "device": "meta"}
    )
    with pytest.raises(NotImplementedError, match="device"):
        materialize(case, 0)
    assert not materialize(replace(case, expect=ExpectedError("RuntimeError", None)), 0).request.weights
