"""Each thing that can be wrong with a result is found, and said in a sentence that
names it.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from lstm_ref.corpus.case import ExpectedError
from lstm_ref.dialects import dialect
from lstm_ref.dialects.dialect import Draw, Labels
from lstm_ref.dialects.initial import Uniform
from lstm_ref.oracle.expectation import Expectation, Expected, ExpectedCall
from lstm_ref.oracle.twin import TwinCall
from lstm_ref.protocol.trace import Array, Call, Raised, Request, Tensor, Trace
from lstm_ref.verdict.judge import Verdict, drawn_as_promised, judge, judge_error, unusable

OUTPUT = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
STATE = np.array([[0.25, -0.5, 0.75], [-1.0, 1.25, 1.5]])
BIAS = np.arange(1.0, 13.0)
BOUND = 0.125


def expected(name: str, axes: tuple[str, ...], values: Array, bound: float = BOUND) -> Expected:
    return Expected(
        name,
        axes,
        values,
        {"float32": np.full_like(values, bound), "float64": np.full_like(values, bound / 1024)},
    )


EXPECTED_CALL = ExpectedCall(
    structure="(*, *)",
    outputs=(expected("output", ("batch", "unit"), OUTPUT), expected("h", ("batch", "unit"), STATE)),
    gradients=(
        expected("bias", ("gate",), BIAS),
        expected("sequences", ("batch", "time", "feature"), np.ones((2, 4, 5))),
    ),
)
RIGHT = Call(
    structure="(*, *)",
    outputs=(Tensor("float32", OUTPUT.astype(np.float32)), Tensor("float32", STATE.astype(np.float32))),
    gradients={
        "bias": Tensor("float32", BIAS.astype(np.float32)),
        "sequences": Tensor("float32", np.ones((2, 4, 5), np.float32)),
    },
)
TWO_BITS = math.log2(math.sqrt(np.mean(STATE**2)) / BOUND)


def expectation(*calls: ExpectedCall) -> Expectation:
    return Expectation(
        dialect=dialect("keras"),
        labels=Labels({}),
        request=Request("", "LSTM", {}, "float64", {}, ()),
        calls=calls,
    )


def verdict(*observed: Call, of: ExpectedCall = EXPECTED_CALL, dtype: str = "float32") -> Verdict:
    return judge(expectation(*[of] * max(len(observed), 1)), dtype, Trace(observed, None, 0.0))


def with_output(values: Array, dtype: str = "float32") -> Call:
    return replace(RIGHT, outputs=(Tensor(dtype, values), RIGHT.outputs[1]))


def with_gradients(changes: Mapping[str, Tensor | None]) -> Call:
    return replace(RIGHT, gradients={**RIGHT.gradients, **changes})


def changed(values: Array, index: tuple[int, ...], value: float) -> Array:
    result = values.astype(np.float32)
    result[index] = value
    return result


def test_a_result_that_is_exactly_right_passes() -> None:
    found = verdict(RIGHT)
    assert found.findings == ()
    assert found.ratio == 0
    assert found.bits == pytest.approx(TWO_BITS)


def test_a_result_within_the_bounds_passes_and_shows_how_close_it_came() -> None:
    found = verdict(with_output(changed(OUTPUT, (1, 2), 6.0625)))
    assert found.findings == ()
    assert found.ratio == pytest.approx(0.5)
    assert found.worst is not None
    assert (found.worst.call, found.worst.tensor, found.worst.index, found.worst.axes) == (
        0,
        "output",
        (1, 2),
        ("batch", "unit"),
    )
    assert (found.worst.expected, found.worst.observed, found.worst.error, found.worst.bound) == (
        6.0,
        6.0625,
        0.0625,
        0.125,
    )


def test_an_error_of_exactly_the_bound_passes() -> None:
    found = verdict(with_output(changed(OUTPUT, (1, 2), 6.125)))
    assert (found.findings, found.ratio, found.wrong) == ((), 1, False)


def test_one_wrong_element_is_found_and_placed_by_its_axes() -> None:
    found = verdict(with_output(changed(OUTPUT, (1, 2), 6.25)))
    assert found.findings == (
        (
            "output: 1 of 6 elements are beyond the bound, worst at [batch 1, unit 2]: expected 6, observed"
            " 6.25, error 0.25 = 2 x the bound 0.12"
        ),
    )
    assert found.ratio == pytest.approx(2)


def test_the_worst_of_several_wrong_elements_is_shown() -> None:
    values = changed(changed(OUTPUT, (0, 0), 1.5), (1, 0), 3.0)
    (finding,) = verdict(with_output(values)).findings
    assert finding.startswith(
        "output: 2 of 6 elements are beyond the bound, worst at [batch 1, unit 0]: expected 4, observed 3,"
    )


def test_what_is_beyond_its_bound_says_where_along_its_axis_and_nothing_else_does() -> None:
    bias = changed(BIAS, (4,), BIAS[4] + 0.5)
    wrong = replace(RIGHT, gradients={**RIGHT.gradients, "bias": Tensor("float32", bias.astype(np.float32))})
    (told,) = verdict(wrong).profiles
    assert (told.tensor, told.axis, told.ratios) == ("gradient of bias", "gate", (0.0, 4.0, 0.0, 0.0))
    assert verdict(RIGHT).profiles == ()


def test_an_error_is_measured_by_the_bound_of_its_element() -> None:
    bounds = np.full_like(OUTPUT, BOUND)
    bounds[0, 1] = 2.0
    call = replace(
        EXPECTED_CALL,
        outputs=(replace(EXPECTED_CALL.outputs[0], bounds={"float32": bounds}), EXPECTED_CALL.outputs[1]),
    )
    found = verdict(with_output(changed(changed(OUTPUT, (0, 1), 3.0), (1, 1), 5.1)), of=call)
    assert found.findings == ()
    assert found.worst is not None
    assert found.worst.index == (1, 1)


def test_a_wrong_gradient_is_placed_by_gate_and_unit() -> None:
    found = verdict(with_gradients({"bias": Tensor("float32", changed(BIAS, (7,), 9.0))}))
    assert found.findings == (
        (
            "gradient of bias: 1 of 12 elements are beyond the bound, worst at [gate g, unit 1]: expected 8,"
            " observed 9, error 1 = 8 x the bound 0.12"
        ),
    )


def test_a_wrong_gradient_is_placed_in_time() -> None:
    (finding,) = verdict(
        with_gradients({"sequences": Tensor("float32", changed(np.ones((2, 4, 5)), (1, 3, 2), 0.0))})
    ).findings
    assert (
        "gradient of sequences: 1 of 40 elements are beyond the bound, worst at [batch 1, time 3, feature 2]:"
        " expected 1, observed 0" in finding
    )


def test_every_wrong_array_is_told() -> None:
    call = replace(
        with_output(OUTPUT + 1),
        gradients={"bias": Tensor("float32", BIAS + 1), "sequences": RIGHT.gradients["sequences"]},
    )
    findings = verdict(call).findings
    assert [finding.partition(":")[0] for finding in findings] == ["output", "gradient of bias"]


def test_a_wrong_structure_is_told_with_the_names_of_what_is_expected() -> None:
    found = verdict(replace(RIGHT, structure="[*, *]"))
    assert found.findings == ("returned [*, *], expected (*, *) (output, h)",)
    assert found.ratio is None
    assert found.bits is None


def test_too_few_outputs_are_told() -> None:
    assert verdict(replace(RIGHT, structure="*", outputs=RIGHT.outputs[:1])).findings == (
        "returned *, expected (*, *) (output, h)",
    )


def test_another_number_of_outputs_than_their_structure_says_is_told() -> None:
    assert verdict(replace(RIGHT, outputs=RIGHT.outputs[:1])).findings == (
        "returned 1 arrays in (*, *), which holds 2",
    )


def test_a_wrong_shape_is_told_and_its_gradients_are_not() -> None:
    call = replace(with_output(OUTPUT.T), gradients={})
    assert verdict(call).findings == ("output has shape (3, 2), expected (2, 3)",)


def test_a_wrong_dtype_is_told() -> None:
    assert verdict(with_output(OUTPUT, "float64")).findings == ("output is float64, expected float32",)


def test_a_right_number_in_a_wrong_dtype_is_told_for_gradients_too() -> None:
    assert verdict(with_gradients({"bias": Tensor("float64", BIAS)})).findings == (
        "gradient of bias is float64, expected float32",
    )


def test_values_are_compared_in_a_wrong_dtype_too() -> None:
    found = verdict(with_output(changed(OUTPUT, (1, 2), 6.25), "float64"))
    assert found.findings[0] == "output is float64, expected float32"
    assert found.findings[1].startswith(
        "output: 1 of 6 elements are beyond the bound, worst at [batch 1, unit 2]"
    )
    assert found.wrong
    assert found.ratio == pytest.approx(2)


def test_gradients_are_compared_beside_an_output_of_a_wrong_dtype() -> None:
    call = replace(
        with_output(OUTPUT, "float64"), gradients={**RIGHT.gradients, "bias": Tensor("float32", BIAS + 1)}
    )
    assert [finding.partition(":")[0] for finding in verdict(call).findings] == [
        "output is float64, expected float32",
        "gradient of bias",
    ]


@pytest.mark.parametrize(
    "wrong",
    [
        with_output(changed(OUTPUT, (1, 2), 6.25)),
        with_output(changed(OUTPUT, (1, 2), math.nan)),
        with_gradients({"bias": Tensor("float32", BIAS + 1)}),
    ],
    ids=["output", "nan", "gradient"],
)
def test_a_number_beyond_its_bound_makes_the_verdict_wrong(wrong: Call) -> None:
    assert verdict(wrong).wrong


@pytest.mark.parametrize(
    "odd",
    [
        RIGHT,
        with_output(OUTPUT, "float64"),
        with_output(OUTPUT.T),
        with_gradients({"bias": None}),
        with_gradients({"kernel": Tensor("float32", BIAS)}),
        replace(RIGHT, structure="[*, *]"),
        replace(RIGHT, changed=("mask",)),
    ],
    ids=["right", "dtype", "shape", "no-gradient", "unexpected-gradient", "structure", "argument"],
)
def test_what_is_no_number_beyond_its_bound_leaves_the_numbers_right(odd: Call) -> None:
    assert not verdict(odd).wrong


def test_a_missing_gradient_is_told() -> None:
    assert verdict(replace(RIGHT, gradients={"bias": RIGHT.gradients["bias"]})).findings == (
        "the gradient of sequences is missing",
    )


def test_an_unexpected_gradient_is_told() -> None:
    assert verdict(with_gradients({"kernel": Tensor("float32", BIAS)})).findings == (
        "the gradient of kernel is unexpected",
    )


def test_a_gradient_that_the_framework_says_does_not_exist_is_told() -> None:
    (finding,) = verdict(with_gradients({"bias": None})).findings
    assert finding == "gradient of bias does not exist, so the framework says; expected shape (12,)"


def test_a_changed_argument_is_told() -> None:
    assert verdict(replace(RIGHT, changed=("initial_state[0]",))).findings == (
        "changed its argument initial_state[0] in place",
    )


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_told_where_one_is_expected(wrong: float) -> None:
    found = verdict(with_output(changed(OUTPUT, (0, 1), wrong)))
    (finding,) = found.findings
    assert f"worst at [batch 0, unit 1]: expected 2, observed {wrong:.9g}" in finding
    assert found.ratio == math.inf


@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
def test_the_same_nan_or_infinity_passes(special: float) -> None:
    values = changed(OUTPUT, (0, 1), special).astype(np.float64)
    call = replace(
        EXPECTED_CALL, outputs=(expected("output", ("batch", "unit"), values), EXPECTED_CALL.outputs[1])
    )
    assert verdict(with_output(values.astype(np.float32)), of=call).findings == ()
    assert "expected" in verdict(RIGHT, of=call).findings[0]


def test_the_other_infinity_is_told() -> None:
    values = changed(OUTPUT, (0, 1), math.inf).astype(np.float64)
    call = replace(
        EXPECTED_CALL, outputs=(expected("output", ("batch", "unit"), values), EXPECTED_CALL.outputs[1])
    )
    assert (
        "expected inf, observed -inf, error inf = inf x"
        in verdict(with_output(changed(OUTPUT, (0, 1), -math.inf)), of=call).findings[0]
    )


def test_where_the_bound_is_zero_the_number_must_be_the_same() -> None:
    call = replace(
        EXPECTED_CALL,
        outputs=(expected("output", ("batch", "unit"), OUTPUT, bound=0.0), EXPECTED_CALL.outputs[1]),
    )
    assert verdict(RIGHT, of=call).findings == ()
    assert (
        verdict(with_output(np.nextafter(OUTPUT.astype(np.float32), np.float32(9))), of=call).findings != ()
    )


def test_an_empty_array_passes() -> None:
    empty = np.zeros((0, 3))
    call = replace(
        EXPECTED_CALL, outputs=(expected("output", ("batch", "unit"), empty), EXPECTED_CALL.outputs[1])
    )
    assert verdict(with_output(empty.astype(np.float32)), of=call).findings == ()


def test_each_dtype_has_its_own_bounds() -> None:
    narrow = with_output(OUTPUT + 0.01, "float64")
    in_float64 = replace(
        narrow,
        outputs=tuple(Tensor("float64", np.asarray(o.values, np.float64)) for o in narrow.outputs),
        gradients={
            name: Tensor("float64", np.asarray(g.values, np.float64))
            for name, g in RIGHT.gradients.items()
            if g is not None
        },
    )
    assert verdict(with_output((OUTPUT + 0.01).astype(np.float32))).findings == ()
    assert len(verdict(in_float64, dtype="float64").findings) == 1


def test_the_bits_are_those_of_the_array_that_is_verified_worst() -> None:
    vague = expected("h", ("batch", "unit"), STATE, bound=1.0)
    call = replace(EXPECTED_CALL, outputs=(EXPECTED_CALL.outputs[0], vague))
    assert verdict(RIGHT, of=call).bits == pytest.approx(TWO_BITS - 3)


def test_the_call_is_named_where_there_are_several() -> None:
    found = verdict(RIGHT, with_output(changed(OUTPUT, (0, 0), 9.0)))
    (finding,) = found.findings
    assert finding.startswith("call 1: output: 1 of 6 elements")
    assert found.worst is not None
    assert found.worst.call == 1


def test_calls_that_did_not_return_are_counted() -> None:
    found = judge(expectation(EXPECTED_CALL, EXPECTED_CALL), "float32", Trace((RIGHT,), None, 0.0))
    assert found.findings == ("1 calls returned, 2 were made",)


def test_an_exception_in_the_place_of_a_result_is_told_with_its_first_two_lines() -> None:
    raised = Raised(
        ("InvalidArgumentError", "OpError", "Exception"),
        "\n  Exception in call.\n\n\x1b[1mMatrix size-incompatible\x1b[0m\nthird line",
        1,
        "traceback",
    )
    found = judge(expectation(EXPECTED_CALL), "float32", Trace((RIGHT,), raised, 0.0))
    (finding,) = found.findings
    assert (
        finding
        == "raised InvalidArgumentError in step 1: Exception in call. Matrix size-incompatible, where the"
        " documentation promises a result"
    )


def test_an_exception_while_building_is_told_as_such() -> None:
    found = judge(
        expectation(EXPECTED_CALL),
        "float32",
        Trace((), Raised(("ValueError", "Exception"), "", None, ""), 0.0),
    )
    assert found.findings == (
        (
            "raised ValueError while the layer was built: (no message), where the documentation promises a"
            " result"
        ),
    )


def raising(message: str, *types: str, step: int | None = 0) -> Trace:
    return Trace((), Raised((*types, "Exception"), message, step, ""), 0.0)


@pytest.mark.parametrize(
    ("wanted", "trace"),
    [
        (ExpectedError("ValueError", None), raising("anything", "ValueError")),
        (
            ExpectedError("ValueError", r"expected ndim=\d"),
            raising("Input 0: expected ndim=3, found ndim=2", "ValueError"),
        ),
        (ExpectedError("LookupError", None), raising("a class of its own", "KeyError", "LookupError")),
    ],
)
def test_the_documented_exception_passes(wanted: ExpectedError, trace: Trace) -> None:
    assert judge_error(wanted, 1, trace) == Verdict(())


@pytest.mark.parametrize(
    ("trace", "finding"),
    [
        (
            Trace((RIGHT,), None, 0.0),
            "returned a result, where the documented ValueError with a message like 'ndim=3' must be raised",
        ),
        (
            raising("expected ndim=3", "TypeError"),
            (
                "raised TypeError in step 0: expected ndim=3, where the documented ValueError with a message"
                " like 'ndim=3' must be raised"
            ),
        ),
        (
            raising("no idea", "ValueError"),
            (
                "raised ValueError in step 0: no idea, where the documented ValueError with a message like"
                " 'ndim=3' must be raised"
            ),
        ),
    ],
)
def test_another_exception_another_message_or_none_is_told(trace: Trace, finding: str) -> None:
    assert judge_error(ExpectedError("ValueError", "ndim=3"), 1, trace).findings == (finding,)


def test_of_a_single_step_the_construction_may_raise() -> None:
    assert judge_error(
        ExpectedError("ValueError", None), 1, raising("units", "ValueError", step=None)
    ) == Verdict(())


def test_of_several_steps_the_last_one_must_raise() -> None:
    assert judge_error(
        ExpectedError("ValueError", None), 3, raising("batch", "ValueError", step=2)
    ) == Verdict(())


@pytest.mark.parametrize(
    ("step", "where"), [(0, "in step 0"), (1, "in step 1"), (None, "while the layer was built")]
)
def test_the_right_exception_of_an_earlier_step_is_told(step: int | None, where: str) -> None:
    found = judge_error(ExpectedError("ValueError", None), 3, raising("batch", "ValueError", step=step))
    assert found.findings == (f"raised ValueError {where}: batch, too early: step 2 must raise it",)


def test_of_two_steps_the_construction_is_too_early() -> None:
    found = judge_error(ExpectedError("ValueError", None), 2, raising("units", "ValueError", step=None))
    assert found.findings == (
        "raised ValueError while the layer was built: units, too early: step 1 must raise it",
    )


@pytest.mark.parametrize(("steps", "step"), [(1, 1), (3, 3), (3, 99)])
def test_an_exception_of_a_step_that_does_not_exist_is_told(steps: int, step: int) -> None:
    found = judge_error(ExpectedError("ValueError", None), steps, raising("batch", "ValueError", step=step))
    assert found.findings == (f"raised ValueError in step {step}: batch, step {steps - 1} must raise it",)


def test_a_mixed_policy_keeps_weights_and_their_gradients_wider_than_all_else() -> None:
    def in_dtypes(narrow: str, wide: str) -> tuple[str, ...]:
        call = replace(
            RIGHT,
            outputs=tuple(Tensor(narrow, tensor.values) for tensor in RIGHT.outputs),
            gradients={
                "bias": Tensor(wide, BIAS),
                "projection": Tensor(wide, STATE),
                "sequences": Tensor(narrow, np.ones((2, 4, 5))),
            },
        )
        return judge(expectation(in_half_precision), "mixed_float16", Trace((call,), None, 0.0)).findings

    def wider(array: Expected) -> Expected:
        return replace(array, bounds={"mixed_float16": array.bounds["float32"]})

    gradients = (*EXPECTED_CALL.gradients, expected("projection", ("unit", "output"), STATE))
    in_half_precision = replace(
        EXPECTED_CALL,
        outputs=tuple(map(wider, EXPECTED_CALL.outputs)),
        gradients=tuple(map(wider, gradients)),
    )
    assert in_dtypes("float16", "float32") == ()
    assert in_dtypes("float16", "float16") == (
        "gradient of bias is float16, expected float32",
        "gradient of projection is float16, expected float32",
    )
    assert in_dtypes("float32", "float32") == (
        "output is float32, expected float16",
        "h is float32, expected float16",
        "gradient of sequences is float32, expected float16",
    )


DRAW = Draw(((1, 4, 1, 50),), ("gate", "batch", "time", "feature"), 0.5)


def drawing(*calls: Array) -> tuple[Expectation, Trace]:
    """Calls that draw a mask each, and return what is right."""
    drawn = [replace(RIGHT, drawn={"dropout": Tensor("float32", mask)}) for mask in calls]
    return expectation(*[replace(EXPECTED_CALL, draws={"dropout": DRAW})] * len(calls)), Trace(
        tuple(drawn), None, 0.0
    )


def test_masks_are_as_promised_where_they_are_likely_and_each_call_has_its_own() -> None:
    one, other = (
        np.where(np.random.default_rng(seed).random(DRAW.shapes[0]) < 0.5, 0.0, 2.0) for seed in (0, 1)
    )
    for calls, promised in (
        ((one, other), True),
        ((one, one), False),
        ((one, np.zeros_like(one)), False),
        ((one, 1.5 * other), False),
    ):
        expected_calls, trace = drawing(*calls)
        assert drawn_as_promised(expected_calls, "float32", trace) is promised


TWIN_CALL = TwinCall("(*, *)", (), {"output": OUTPUT, "h": STATE}, {}, {}, draws={"dropout": DRAW})
READ = replace(TWIN_CALL, draws={}, initial={"output": Uniform(-10, 10)})
MASK = Tensor("float32", np.full(DRAW.shapes[0], 2.0))


@pytest.mark.parametrize(
    ("made", "call", "findings"),
    [
        # Unlikely, and yet something can be computed from it.
        (
            TWIN_CALL,
            replace(RIGHT, drawn={"dropout": MASK}),
            (),
        ),
        (TWIN_CALL, RIGHT, ("the mask dropout was not drawn",)),
        (
            TWIN_CALL,
            replace(RIGHT, drawn={"dropout": MASK, "other": MASK}),
            (
                "the mask other was drawn, where nothing is to be dropped",
                "the mask dropout drops 0 of 200 elements, which",
            ),
        ),
        (
            TWIN_CALL,
            replace(RIGHT, drawn={"dropout": replace(MASK, values=MASK.values[0])}),
            ("the mask dropout has shape (4, 1, 50), expected (1, 4, 1, 50)",),
        ),
        (
            TWIN_CALL,
            replace(RIGHT, drawn={"dropout": replace(MASK, values=MASK.values * np.nan)}),
            (
                "the mask dropout holds nan, where only 0 and",
                "the mask dropout drops 0 of 200 elements, which",
            ),
        ),
        (READ, RIGHT, ()),
        (READ, with_output(OUTPUT + 100), ()),
        (READ, replace(RIGHT, structure="[*, *]"), ("returned [*, *], expected (*, *) (output, h)",)),
        (READ, replace(RIGHT, outputs=RIGHT.outputs[:1]), ("returned 1 arrays in (*, *), which holds 2",)),
        (READ, with_output(OUTPUT.T), ("output has shape (3, 2), expected (2, 3)",)),
        (
            READ,
            with_output(changed(OUTPUT, (0, 1), math.nan)),
            ("output begins with nan in 1 of its 6 elements",),
        ),
    ],
)
def test_what_nothing_can_be_computed_from_is_told(
    made: TwinCall, call: Call, findings: tuple[str, ...]
) -> None:
    found = unusable([made], "float32", Trace((call,), None, 0.0))
    assert len(found) == len(findings)
    assert all(finding.startswith(wanted) for finding, wanted in zip(found, findings, strict=True))


def test_of_several_calls_the_unusable_one_is_named_and_their_number_is_counted() -> None:
    drawn = replace(RIGHT, drawn={"dropout": MASK})
    assert unusable([TWIN_CALL, TWIN_CALL], "float32", Trace((drawn, RIGHT), None, 0.0)) == (
        "call 1: the mask dropout was not drawn",
    )
    assert unusable([TWIN_CALL, TWIN_CALL], "float32", Trace((drawn,), None, 0.0)) == (
        "1 calls returned, 2 were made",
    )


@pytest.mark.parametrize("dtype", ["complex128", "bool"])
def test_an_effect_of_any_floating_point_dtype_will_do_and_no_other(dtype: str) -> None:
    losses = np.ones(2)
    call = replace(EXPECTED_CALL, effects=(expected("losses", ("losses",), losses),))
    assert verdict(replace(RIGHT, effects={"losses": Tensor("float64", losses)}), of=call).findings == ()
    found = verdict(replace(RIGHT, effects={"losses": Tensor(dtype, losses.astype(dtype))}), of=call)
    assert found.findings == (f"losses is {dtype}, expected a floating-point dtype",)


def test_effects_that_are_missing_and_unexpected_are_told() -> None:
    call = replace(EXPECTED_CALL, effects=(expected("losses", ("losses",), np.ones(2)),))
    assert verdict(RIGHT, of=call).findings == ("losses are missing",)
    both = {"losses": Tensor("float32", np.ones(2)), "counts": Tensor("int64", np.ones(2))}
    assert verdict(replace(RIGHT, effects=both), of=call).findings == ("counts are unexpected",)


def test_weights_of_another_shape_are_no_draws_that_can_be_judged() -> None:
    call = replace(EXPECTED_CALL, initial={"output": Uniform(-10, -9)})
    assert verdict(RIGHT, of=call).findings == ("output begins with 1 in it, outside of -10 to -9",)
    assert verdict(with_output(OUTPUT.T), of=call).findings == ("output has shape (3, 2), expected (2, 3)",)


def test_an_array_whose_axes_nobody_can_name_is_placed_all_the_same() -> None:
    call = replace(EXPECTED_CALL, outputs=(expected("output", ("unit",), OUTPUT), EXPECTED_CALL.outputs[1]))
    (finding,) = verdict(with_output(changed(OUTPUT, (1, 2), 7.0)), of=call).findings
    assert "worst at [axis 1, axis 2]: expected 6, observed 7" in finding


def test_a_difference_that_overflows_is_a_finding() -> None:
    call = replace(
        EXPECTED_CALL,
        outputs=(expected("output", ("batch", "unit"), np.full((2, 3), 1.5e308)), EXPECTED_CALL.outputs[1]),
    )
    findings = verdict(with_output(np.full((2, 3), -1.5e308), "float64"), of=call, dtype="float64").findings
    assert any(finding.startswith("output: 6 of 6 elements are beyond the bound") for finding in findings)
