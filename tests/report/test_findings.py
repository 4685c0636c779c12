"""From outcomes to findings: what is one finding, and what is told of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report.factors import ANYWHERE, DTYPE, NOT_SET
from lstm_ref.report.findings import Finding, findings, without_numbers
from lstm_ref.results.reading import read

Make = dict[str, Callable[..., Any]]
Found = Callable[..., list[Finding]]


@pytest.fixture
def found(make: Make, write: Callable[[list[dict[str, Any]]], Path]) -> Found:
    """Findings of outcomes, each of which is a case of its own unless it says which."""

    def of(*outcomes: dict[str, Any]) -> list[Finding]:
        named = [{"case": f"k/f/c[n={index}]", **each} for index, each in enumerate(outcomes)]
        return findings(read(write(make["complete"]([make["outcome"](**each) for each in named]))))

    return of


def told(finding: Finding) -> dict[str, tuple[str, ...]]:
    return {factor.parameter: factor.values for factor in finding.factors.factors}


FAILED = {"outcome": "fail", "message": "output: 4 of 84 elements are beyond the bound"}
LISTED = {"outcome": "divergence", "message": "framework: it is wrong"}


def test_numbers_do_not_make_two_causes_of_one() -> None:
    few = "4 of 1,084 differ by 1.5e-7 or nan"
    many = "12 of 84 differ by 0.25 or inf"
    assert without_numbers(few) == without_numbers(many)
    assert without_numbers("h differs by 1") != without_numbers("c differs by 1")


def test_failures_of_one_cause_are_one_finding(found: Found) -> None:
    other = {**FAILED, "message": "h: 4 of 12 elements are beyond the bound"}
    more = {**FAILED, "message": "output: 12 of 12 elements are beyond the bound\nh: 3 of 3 elements are"}
    shown = found(FAILED, other, more, {"outcome": "pass"})
    assert [(len(each.outcomes), each.kind) for each in shown] == [(2, "new"), (1, "new")]


def test_divergences_are_findings_by_their_reason(found: Found) -> None:
    twice = {**LISTED, "implementation": "torch", "case": "t/f/a"}
    other = {**LISTED, "message": "documentation: it says 3 and means 4"}
    third = {**LISTED, "message": "documentation: it says 3 and means 5"}
    shown = found(LISTED, {**LISTED, "dtype": "float32"}, other, third)
    assert [(each.kind, each.reason, len(each.outcomes)) for each in shown] == [
        ("framework", "it is wrong", 2),
        ("documentation", "it says 3 and means 4", 1),
        ("documentation", "it says 3 and means 5", 1),
    ]
    # What has no case in common may be wrong in the same words and have nothing to do
    # with it.
    assert [each.implementations for each in found(LISTED, twice)] == [("keras-tensorflow",), ("torch",)]


def test_what_is_new_comes_first_then_what_most_outcomes_show(found: Found) -> None:
    stale = {"outcome": "stale", "message": "listed as a divergence (so), but it passes"}
    rare = {**LISTED, "message": "framework: seldom"}
    shown = found(LISTED, LISTED, rare, {**LISTED, "message": "by-design: so"}, stale, FAILED)
    assert [each.kind for each in shown] == ["new", "stale", "framework", "framework", "by-design"]
    assert shown[3].reason == "seldom"


def test_what_was_not_judged_is_no_finding(found: Found) -> None:
    assert found({"outcome": "unsupported"}, {"outcome": "not-run"}, {"outcome": "pass"}) == []


def test_a_permalink_survives_another_case_and_other_numbers(found: Found) -> None:
    (before,) = found(FAILED)
    first = {**FAILED, "message": FAILED["message"].replace("4", "7"), "case": "k/a/first", "line": 1}
    other = {**FAILED, "message": "something else", "case": "k/a/a", "line": 1}
    _, after = sorted(found(other, first, FAILED, {"outcome": "pass"}), key=lambda each: len(each.outcomes))
    assert before.anchor == after.anchor
    assert before.anchor != found(LISTED)[0].anchor


def test_the_smallest_case_is_the_shortest_to_read_in_the_widest_dtype(found: Found) -> None:
    long = {**FAILED, "yaml": "long: case\n" * 9, "case": "k/f/long"}
    short = {**FAILED, "yaml": "short: case\n", "case": "k/f/short", "dtype": "float16"}
    wide = {**short, "dtype": "float64"}
    none = {**FAILED, "yaml": "", "case": "k/f/none"}
    (finding,) = found(long, short, wide, none)
    assert (finding.smallest.case, finding.smallest.dtype) == ("k/f/short", "float64")
    assert finding.dtypes == ("float64", "float16")


@pytest.mark.parametrize(
    ("ratios", "largest"),
    [
        ((2.0, 30.0, None), 30.0),
        ((2.0, "nan"), "nan"),
        (("inf", 7.0), "inf"),
    ],
)
def test_the_largest_error_is_that_of_the_worst_outcome(found: Found, ratios: Any, largest: Any) -> None:
    (finding,) = found(*({**FAILED, "ratio": ratio} for ratio in ratios))
    assert finding.worst is not None
    assert finding.worst.ratio == largest


def test_a_sentence_goes_on_until_it_says_something(found: Found) -> None:
    reason = f"It is documented. It is not so, however {'long ' * 20}one looks for it. More."
    (finding,) = found({**LISTED, "message": f"framework: {reason}", "link": "https://example.org/1"})
    assert finding.sentence == reason.removesuffix(" More.")
    assert (finding.reason, finding.link) == (reason, "https://example.org/1")


def test_a_factor_is_shared_by_all_points_and_by_no_passing_one(found: Found) -> None:
    (finding,) = found(
        {**FAILED, "parameters": {"params.unroll": True, "params.units": 3, "call.mask": "left"}},
        {**FAILED, "parameters": {"params.unroll": True, "params.units": 3, "call.mask": "gaps"}},
        {"outcome": "pass", "parameters": {"params.unroll": True, "params.units": 3, "call.mask": "right"}},
        {"outcome": "pass", "parameters": {"params.unroll": False, "params.units": 3}},
    )
    assert told(finding) == {"call.mask": ("gaps", "left")}
    assert (finding.factors.each, finding.factors.compared, finding.factors.left) == (True, 2, 0)


def test_values_that_have_to_meet_are_told_together(found: Found) -> None:
    def point(unroll: bool, backwards: bool) -> dict[str, Any]:
        return {"parameters": {"params.unroll": unroll, "params.go_backwards": backwards, "params.units": 3}}

    (finding,) = found(
        {**FAILED, **point(True, True)},
        *({"outcome": "pass", **point(*each)} for each in ((True, False), (False, True), (False, False))),
    )
    assert told(finding) == {"params.unroll": ("true",), "params.go_backwards": ("true",)}
    assert not finding.factors.each


def test_the_dtype_is_a_factor_as_any_other(found: Found) -> None:
    given = {"parameters": {"call.hx": "given"}}
    (finding,) = found({**FAILED, **given, "dtype": "float16"}, {"outcome": "pass", **given})
    assert told(finding) == {DTYPE: ("float16",)}


def test_a_word_is_a_factor_in_whatever_parameter_it_stands(found: Found) -> None:
    def point(state: str, gates: str) -> dict[str, Any]:
        return {"parameters": {"params.activation": state, "params.recurrent_activation": gates}}

    (finding,) = found(
        {**FAILED, **point("relu", "tanh")},
        {**FAILED, **point("tanh", "relu")},
        {"outcome": "pass", **point("tanh", "tanh")},
        {"outcome": "pass", **point("elu", "tanh")},
        {"outcome": "pass", **point("tanh", "elu")},
    )
    assert told(finding) == {ANYWHERE: ("relu",)}
    assert finding.factors.names("params.activation", "relu")
    assert not finding.factors.names("params.activation", "tanh")


def test_a_parameter_that_only_some_points_set_may_be_a_factor(found: Found) -> None:
    (finding,) = found(
        {**FAILED, "parameters": {"params.mask": True}},
        {**FAILED, "parameters": {"params.mask": True, "params.sequences": False}},
        {"outcome": "pass", "parameters": {"params.mask": True, "params.sequences": True}},
        {"outcome": "pass", "parameters": {"params.mask": False}},
    )
    assert told(finding) == {"params.mask": ("true",), "params.sequences": ("false", NOT_SET)}


def test_a_default_may_have_to_meet_something(found: Found) -> None:
    def point(dtype: str, **parameters: Any) -> dict[str, Any]:
        return {"dtype": dtype, "parameters": {"params.units": 3, **parameters}}

    drawn = {"params.initializer": "zeros"}
    (finding,) = found(
        {**FAILED, **point("bfloat16")},
        *({"outcome": "pass", **each} for each in (point("float32"), point("bfloat16", **drawn))),
    )
    assert told(finding) == {DTYPE: ("bfloat16",), "params.initializer": (NOT_SET,)}
    assert finding.factors.left == 0


def test_what_nearly_all_passing_points_lack_is_told_with_the_number_that_have_it(found: Found) -> None:
    same = {"parameters": {"params.unroll": True}}
    other = {"outcome": "pass", "parameters": {"params.unroll": False}}
    (finding,) = found({**FAILED, **same}, {"outcome": "pass", **same}, *[other] * 30)
    assert told(finding) == {"params.unroll": ("true",)}
    assert (finding.factors.left, finding.factors.compared) == (1, 31)


def test_nothing_is_blamed_where_passing_points_have_all_of_it(found: Found) -> None:
    same = {"parameters": {"params.unroll": True}}
    other = {"outcome": "pass", "parameters": {"params.unroll": False}}
    (finding,) = found({**FAILED, **same}, *[{"outcome": "pass", **same}] * 5, other)
    assert told(finding) == {}


def test_points_are_compared_with_passing_ones_of_their_own_implementation(found: Found) -> None:
    same = {"parameters": {"params.unroll": True}}
    (finding,) = found(
        {**FAILED, **same},
        {"outcome": "pass", "parameters": {"params.unroll": False}},
        {"outcome": "pass", "implementation": "torch", "case": "t/f/a", **same},
    )
    assert told(finding) == {"params.unroll": ("true",)}


def test_a_finding_gives_the_command_that_prints_its_smallest_case_as_a_program(found: Found) -> None:
    (finding,) = found(
        {**FAILED, "reproduce": "lstm-ref run 'k/f/lstm-ref run' --impl torch --dtype float64"}
    )
    assert finding.program == "lstm-ref repro 'k/f/lstm-ref run' --impl torch --dtype float64"
