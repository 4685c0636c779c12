"""Relations: what they compare, how much they forgive, and whom they blame."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from heads import head

from lstm_ref.corpus import Case, Equality, Term, load_file, load_parameters
from lstm_ref.dialects import dialect
from lstm_ref.oracle.expectation import Expectation, expect, with_cotangents
from lstm_ref.oracle.materialize import materialize, second_run
from lstm_ref.oracle.twin import run_twin
from lstm_ref.protocol.trace import Call, Raised, Tensor, Trace
from lstm_ref.verdict.errors import DifferenceDoesNotHold, NotComparable, RelationDoesNotHold
from lstm_ref.verdict.judge import Verdict
from lstm_ref.verdict.relations import _Compared, _judge_difference, _taken, judge_relation

FILE = (
    head(
        "keras",
        "LSTM",
        "params: {{units: 3, return_sequences: true, return_state: true}}",
        "input: {{batch: 4, timesteps: 7, features: 5}}",
        "call: {{initial_state: given}}",
    )
    + """\
  - name: related
    relation: {relation}
"""
)
UNROLL = "{other: {params: {unroll: true}}}"
SPLIT = (
    "{other: {steps: [{call: {input: {part: [0, 3]}}}, {call: {input: {part: [3, 7]}, initial_state:"
    " previous}}]}}"
)
LAST = "{other: {}, equal: [{left: {output: output, at: last-step}, right: h}], exact: true}"
REVERSED = "{other: {params: {go_backwards: true}, input: {reversed: true}}}"
STEP_BY_STEP = """
      other:
        layer: LSTMCell
        params: {units: 3}
        steps: [{call: {input: {timestep: 0}}}, {call: {states: previous, input: {timestep: 1}}},
          {call: {states: previous, input: {timestep: 2}}},
          {call: {states: previous, input: {timestep: 3}}}, {call: {states: previous, input: {timestep: 4}}},
          {call: {states: previous, input: {timestep: 5}}}, {call: {states: previous, input: {timestep: 6}}}]
      equal: [{left: output, right: {output: h, at: every-call}}, {left: c, right: c}]
"""


def related(folder: Path, relation: str) -> Case:
    file = folder / "related.yaml"
    file.write_text(FILE.format(relation=relation), encoding="utf-8")
    (case,) = load_file(file, load_parameters())
    return case


def sides(case: Case) -> list[tuple[Expectation, Trace]]:
    """Both sides, as an implementation answers that rounds the exact results to
    float32.
    """
    assert case.relation is not None
    first = materialize(case, seed=0)
    second = materialize(second_run(case, case.relation), seed=0, like=first, part=case.relation.weights)
    found = []
    for number, side in enumerate((first, second)):
        material = with_cotangents(dialect(case.dialect), side)
        expectation = expect(f"{case.id}/{number}", dialect(case.dialect), material, ("float32",))
        calls = [
            Call(
                call.structure,
                tuple(Tensor("float32", values.astype(np.float32)) for values in call.outputs.values()),
                {
                    name: Tensor("float32", values.astype(np.float32))
                    for name, values in call.gradients.items()
                },
            )
            for call in run_twin(dialect(case.dialect), expectation.request)
        ]
        found.append((expectation, Trace(tuple(calls), None, 0.0)))
    return found


def judged(case: Case, both: list[tuple[Expectation, Trace]]) -> Verdict:
    assert case.relation is not None
    return judge_relation(case.relation, "float32", both)


def nudged(side: tuple[Expectation, Trace], output: int, bounds: float) -> tuple[Expectation, Trace]:
    """The side with one element of an output of its last call off by so many bounds."""
    expectation, _ = side
    expected = expectation.calls[-1].outputs[output]
    index = (1,) * expected.values.ndim
    return set_to(side, output, float(expected.values[index] + bounds * expected.bounds["float32"][index]))


def set_to(side: tuple[Expectation, Trace], output: int, value: float) -> tuple[Expectation, Trace]:
    """The side with one element of an output of its last call replaced."""
    expectation, trace = side
    values = trace.calls[-1].outputs[output].values.copy()
    values[(1,) * values.ndim] = value
    return expectation, with_outputs(trace, output, Tensor("float32", values))


def with_outputs(trace: Trace, output: int, tensor: Tensor) -> Trace:
    outputs = list(trace.calls[-1].outputs)
    outputs[output] = tensor
    return replace(trace, calls=(*trace.calls[:-1], replace(trace.calls[-1], outputs=tuple(outputs))))


@pytest.mark.parametrize(
    "relation",
    [UNROLL, SPLIT, LAST, REVERSED, STEP_BY_STEP],
    ids=["unroll", "split", "last", "reversed", "step-by-step"],
)
def test_a_relation_that_holds_passes(relation: str, tmp_path: Path) -> None:
    case = related(tmp_path, relation)
    verdict = judged(case, sides(case))
    assert verdict.findings == ()
    assert verdict.bitwise
    assert verdict.bits is not None
    assert verdict.bits > 10
    right = "h" if relation == LAST else "h at every-call" if relation == STEP_BY_STEP else "the same"
    left = "output at last-step" if relation == LAST else "output"
    assert verdict.seen[0] == f"{left} is {right} to the last bit"


@pytest.mark.parametrize("relation", [UNROLL, SPLIT, REVERSED], ids=["unroll", "split", "reversed"])
def test_a_difference_within_both_bounds_is_forgiven_and_recorded(relation: str, tmp_path: Path) -> None:
    case = related(tmp_path, relation)
    left, right = sides(case)
    verdict = judged(case, [left, nudged(right, output=0, bounds=0.9)])
    assert verdict.findings == ()
    assert not verdict.wrong
    assert verdict.bitwise is False
    assert verdict.ratio is not None
    assert 0.2 < verdict.ratio < 0.9
    assert verdict.worst is not None
    assert verdict.worst.error == abs(verdict.worst.expected - verdict.worst.observed)
    assert verdict.ratio == pytest.approx(verdict.worst.error / verdict.worst.bound)
    assert f"output is the same within {verdict.worst.error:.2g}" in verdict.seen


def test_two_sides_at_opposite_ends_of_their_bounds_agree(tmp_path: Path) -> None:
    # What each of them may be off adds up: 1.8 bounds of one side are 0.9 of both.
    case = related(tmp_path, UNROLL)
    left, right = sides(case)
    verdict = judged(case, [nudged(left, output=0, bounds=-0.9), nudged(right, output=0, bounds=0.9)])
    assert verdict.findings == ()
    assert verdict.ratio == pytest.approx(0.9, rel=0.05)


@pytest.mark.parametrize("relation", [UNROLL, SPLIT, REVERSED], ids=["unroll", "split", "reversed"])
@pytest.mark.parametrize(("wrong", "which"), [(0, "the case's run"), (1, "the other run")])
def test_a_side_that_is_wrong_by_itself_is_told_as_such(
    relation: str, wrong: int, which: str, tmp_path: Path
) -> None:
    case = related(tmp_path, relation)
    both = sides(case)
    both[wrong] = nudged(both[wrong], output=0, bounds=9)
    verdict = judged(case, both)
    (finding,) = verdict.findings
    call = "call 1: " if relation == SPLIT and wrong else ""
    assert finding.startswith(
        f"{which}: {call}output: 1 of {48 if call else 84} elements are beyond the bound, worst at [batch 1,"
        " time 1, unit 1]: "
    )
    assert (verdict.wrong, verdict.bitwise) == (True, False)
    assert verdict.ratio == pytest.approx(9, rel=0.1)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("wrong", "which"), [(0, "the case's run"), (1, "the other run")])
def test_no_number_on_one_side_is_told(value: float, wrong: int, which: str, tmp_path: Path) -> None:
    case = related(tmp_path, UNROLL)
    both = sides(case)
    both[wrong] = set_to(both[wrong], output=1, value=value)
    verdict = judged(case, both)
    (finding,) = verdict.findings
    assert finding.startswith(
        f"{which}: h: 1 of 12 elements are beyond the bound, worst at [batch 1, unit 1]: expected "
    )
    assert f"observed {value:.9g}" in finding
    assert verdict.wrong


def test_the_same_wrong_number_on_both_sides_is_told_of_both(tmp_path: Path) -> None:
    case = related(tmp_path, UNROLL)
    verdict = judged(case, [set_to(side, output=1, value=np.nan) for side in sides(case)])
    assert [finding.partition(": h:")[0] for finding in verdict.findings] == [
        "the case's run",
        "the other run",
    ]


def test_a_wrong_gradient_of_one_side_is_told(tmp_path: Path) -> None:
    case = related(tmp_path, UNROLL)
    left, (expectation, trace) = sides(case)
    bias = trace.calls[0].gradients["bias"]
    assert bias is not None
    call = replace(
        trace.calls[0], gradients={**trace.calls[0].gradients, "bias": replace(bias, values=-bias.values)}
    )
    (finding,) = judged(case, [left, (expectation, replace(trace, calls=(call,)))]).findings
    assert finding.startswith("the other run: gradient of bias: 12 of 12 elements are beyond the bound")


def test_a_wrong_shape_or_dtype_of_one_side_is_told_and_breaks_nothing(tmp_path: Path) -> None:
    case = related(tmp_path, UNROLL)
    left, (expectation, trace) = sides(case)
    h = trace.calls[0].outputs[1].values
    turned = with_outputs(trace, 1, Tensor("float32", np.ascontiguousarray(h.T)))
    assert judged(case, [left, (expectation, turned)]).findings == (
        "the other run: h has shape (3, 4), expected (4, 3)",
    )
    double = with_outputs(trace, 1, Tensor("float64", h.astype(np.float64)))
    assert judged(case, [left, (expectation, double)]).findings == (
        "the other run: h is float64, expected float32",
    )


def test_where_one_side_copies_the_other_not_a_bit_may_differ(tmp_path: Path) -> None:
    case = related(tmp_path, LAST)
    left, right = sides(case)
    verdict = judged(case, [left, nudged(right, output=1, bounds=0.1)])
    (finding,) = verdict.findings
    assert finding.startswith(
        "output at last-step and h differ in 1 of 12 elements, worst at [batch 1, unit 1]"
    )
    assert finding.endswith("not a bit may differ")
    assert verdict.wrong


def test_one_run_that_is_both_sides_is_judged_once(tmp_path: Path) -> None:
    case = related(tmp_path, LAST)
    side = nudged(sides(case)[0], output=2, bounds=9)
    (finding,) = judged(case, [side, side]).findings
    assert finding.startswith("the case's run: c: 1 of 12 elements are beyond the bound")


def test_of_several_equalities_the_one_that_is_farthest_off_is_shown(tmp_path: Path) -> None:
    case = related(tmp_path, UNROLL)
    left, right = sides(case)
    worst = judged(case, [left, nudged(nudged(right, output=0, bounds=0.4), output=1, bounds=0.9)]).worst
    assert worst is not None
    assert worst.tensor == "h against h"


def test_terms_of_another_length_blame_the_case(tmp_path: Path) -> None:
    case = related(
        tmp_path,
        "{other: {steps: [{call: {input: {part: [0, 3]}}}]}, equal: [{left: output, right: output}]}",
    )
    with pytest.raises(NotComparable, match="output and output cannot be compared"):
        judged(case, sides(case))


def test_a_relation_that_the_reference_breaks_blames_the_case(tmp_path: Path) -> None:
    case = related(tmp_path, "{other: {params: {activation: relu}}}")
    with pytest.raises(RelationDoesNotHold, match="No implementation is to blame"):
        judged(case, sides(case))


def test_terms_without_a_common_shape_blame_the_case(tmp_path: Path) -> None:
    case = related(tmp_path, "{other: {params: {unroll: true}}, equal: [{left: output, right: h}]}")
    with pytest.raises(NotComparable, match="output and h cannot be compared"):
        judged(case, sides(case))


def test_each_step_of_a_cell_is_one_timestep_of_the_whole_input(tmp_path: Path) -> None:
    case = related(tmp_path, STEP_BY_STEP)
    (whole, _), (steps, _) = sides(case)
    sequences = whole.request.steps[0].arguments["sequences"].values
    assert [step.arguments["inputs"].values.tobytes() for step in steps.request.steps] == [
        sequences[:, t].tobytes() for t in range(7)
    ]


def test_a_difference_in_any_call_of_a_cell_is_told_where_it_is(tmp_path: Path) -> None:
    case = related(tmp_path, STEP_BY_STEP)
    assert case.relation is not None
    left, (expectation, trace) = sides(case)
    calls = list(trace.calls)
    values = calls[2].outputs[1].values.copy()
    bound = expectation.calls[2].outputs[1].bounds["float32"]
    values[1, 1] += 0.9 * bound[1, 1]
    calls[2] = replace(
        calls[2], outputs=(calls[2].outputs[0], Tensor("float32", values), calls[2].outputs[2])
    )
    both = [left, (expectation, replace(trace, calls=tuple(calls)))]
    assert judged(case, both).findings == ()
    finding, *_ = judge_relation(replace(case.relation, exact=True), "float32", both).findings
    assert finding.startswith(
        "output and h at every-call differ in 1 of 84 elements, worst at [batch 1, time 2, unit 1]"
    )


def test_the_last_call_alone_is_no_sequence(tmp_path: Path) -> None:
    case = related(tmp_path, STEP_BY_STEP.replace("{output: h, at: every-call}", "h"))
    with pytest.raises(NotComparable, match="output and h cannot be compared"):
        judged(case, sides(case))


def test_a_side_that_raises_is_a_finding(tmp_path: Path) -> None:
    case = related(tmp_path, UNROLL)
    left, (expectation, _) = sides(case)
    raised = Trace((), Raised(("ValueError",), "no unroll today", 0, ""), 0.0)
    verdict = judged(case, [left, (expectation, raised)])
    assert verdict.ratio is not None  # of the side that was compared
    assert verdict.findings == (
        (
            "the other run: raised ValueError in step 0: no unroll today, where the documentation promises a"
            " result"
        ),
    )


def differing(case: Case, *pairs: Equality) -> Case:
    assert case.relation is not None
    return replace(case, relation=replace(case.relation, equal=(), differ=pairs))


LAST_AND_CELL = Equality(Term("output", "last-step"), Term("c", None))


def test_a_difference_holds_where_some_element_differs_by_more_than_rounding(tmp_path: Path) -> None:
    case = differing(related(tmp_path, "{other: {}, equal: [{left: output, right: h}]}"), LAST_AND_CELL)
    both = sides(case)
    verdict = judged(case, [both[0], both[0]])
    assert verdict.findings == ()
    assert verdict.seen[0].startswith("output at last-step and c: 12 of 12 numbers differ, by up to ")


def test_a_relation_may_have_equalities_and_differences(tmp_path: Path) -> None:
    case = related(tmp_path, "{other: {}, equal: [{left: {output: output, at: last-step}, right: h}]}")
    assert case.relation is not None
    both = [sides(case)[0]] * 2
    verdict = judge_relation(replace(case.relation, differ=(LAST_AND_CELL,)), "float32", both)
    assert (verdict.findings, len(verdict.seen), verdict.ratio) == ((), 2, 0)


def test_a_difference_fails_where_the_implementation_has_none(tmp_path: Path) -> None:
    case = differing(related(tmp_path, "{other: {}, equal: [{left: output, right: h}]}"), LAST_AND_CELL)
    expectation, trace = sides(case)[0]
    pair = _judge_difference(LAST_AND_CELL, "float32", [(expectation, without_difference(trace))] * 2)
    assert pair.findings == (
        (
            "output at last-step and c: no element differs by more than rounding can explain, the largest"
            " difference is 0"
        ),
    )


def without_difference(trace: Trace) -> Trace:
    """The same with the last output in the place of the cell state."""
    (call,) = trace.calls
    output, h, c = call.outputs
    return replace(
        trace, calls=(replace(call, outputs=(output, h, replace(c, values=output.values[:, -1]))),)
    )


def test_a_difference_that_the_reference_does_not_have_blames_nobody(tmp_path: Path) -> None:
    last = Equality(Term("output", "last-step"), Term("h", None))
    case = differing(related(tmp_path, "{other: {}, equal: [{left: output, right: h}]}"), last)
    both = sides(case)
    with pytest.raises(
        DifferenceDoesNotHold,
        match="the reference itself has no difference between output at last-step and h",
    ):
        judged(case, [both[0], both[0]])


@pytest.mark.parametrize(
    ("axes", "at", "left", "taken"),
    [
        (("layer*direction", "batch", "unit"), "first-row", ("batch", "unit"), np.s_[0]),
        (("layer*direction", "batch", "unit"), "last-row", ("batch", "unit"), np.s_[3]),
        (
            ("layer*direction", "batch", "unit"),
            "forward-half",
            ("layer*direction", "batch", "unit"),
            np.s_[[0, 2]],
        ),
        (
            ("layer*direction", "batch", "unit"),
            "backward-half",
            ("layer*direction", "batch", "unit"),
            np.s_[[1, 3]],
        ),
        (("time", "batch", "unit"), "first-step", ("batch", "unit"), np.s_[0]),
        (("time", "batch", "unit"), "last-step", ("batch", "unit"), np.s_[3]),
        (("time", "batch", "unit"), "reversed", ("time", "batch", "unit"), np.s_[::-1]),
        (("time", "batch", "unit"), "forward-half", ("time", "batch", "unit"), np.s_[:, :, :3]),
        (("time", "batch", "unit"), "backward-half", ("time", "batch", "unit"), np.s_[:, :, 3:]),
        (("batch", "unit"), "backward-half", ("batch", "unit"), np.s_[:, 3:]),
    ],
)
def test_a_part_of_a_term_is_where_its_name_says(
    axes: tuple[str, ...], at: str, left: tuple[str, ...], taken: Any
) -> None:
    values = np.arange(48.0).reshape(4, 2, 6) if len(axes) == 3 else np.arange(12.0).reshape(2, 6)
    side = _taken(_Compared("output", axes, values, values + 100, values + 200), at)
    assert side.axes == left
    for found, whole in ((side.observed, values), (side.expected, values + 100), (side.bound, values + 200)):
        assert np.array_equal(found, whole[taken])
