"""Claims: each assertion, seen to hold and seen to fail; and a run of claims from the
outside.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lstm_ref.corpus.claim import Asserted, Claim, Example, Source, Weight
from lstm_ref.protocol.trace import Call, Raised, Tensor, Trace
from lstm_ref.verdict.claims import findings, refuted, returned_text, shapes_text

CLAIM = Claim(
    "claims/said/a", "Something.", "", Source("An article", "article", "1"), "true", "holds", Asserted()
)


def array(*shape: int, value: float = 0.0) -> Tensor:
    return Tensor("float32", np.full(shape, value, np.float32))


def trace(structure: str, *outputs: Tensor, weights: dict[str, Tensor] | None = None, **others: Any) -> Trace:
    calls = [Call(structure, outputs, **others)]
    if weights is not None:
        names = ", ".join(f"{name}: *" for name in weights)
        calls.append(Call("{" + names + "}", tuple(weights.values())))
    return Trace(tuple(calls), None, 0.0)


def found(asserted: Asserted, observed: Trace) -> list[str]:
    return list(findings(replace(CLAIM, asserted=asserted), observed, "float32"))


STATES = trace("(*, (*, *))", array(7, 4, 6), array(2, 4, 3), array(2, 4, 3))
PAIR = [[7, 4, 6], [[2, 4, 3], [2, 4, 3]]]
BIAS = {"bias": Tensor("float32", np.array([0, 0, 1, 1, 0, 0, 0, 0], np.float32))}
SPREAD = {"kernel": Tensor("float32", np.linspace(-0.5, 0.5, 3000, dtype=np.float32).reshape(30, 100))}
SIGNATURE = trace("()", facts={"signature": {"units": "required", "bias": True, "rate": 0.0}})
PRINTED = trace("()", facts={"printed": ["(32, 4)"]})


def example(*prints: str) -> Example:
    return Example("print()", "", 0, prints, None)


@pytest.mark.parametrize(
    ("asserted", "observed", "finding"),
    [
        (Asserted(returns=[4, 3]), trace("*", array(4, 3)), ""),
        (Asserted(returns=[4, 3]), trace("*", array(3, 4)), "the shapes (3, 4), not (4, 3)"),
        (Asserted(returns=PAIR), STATES, ""),
        (Asserted(returns=[[7, 4, 6], [2, 4, 3]]), STATES, "not [(7, 4, 6), (2, 4, 3)]"),
        (
            Asserted(returns=[[7, 4, 6], [2, 4, 3], [2, 4, 3]]),
            STATES,
            "the shapes [(7, 4, 6), [(2, 4, 3), (2, 4, 3)]]",
        ),
        (Asserted(container="tuple"), STATES, ""),
        (Asserted(container="list"), STATES, "is a tuple, not a list"),
        (Asserted(masks={"dropout": (1, 4)}), trace("*", array(4), drawn={"dropout": array(1, 4)}), ""),
        (
            Asserted(masks={"dropout": (1, 5)}),
            trace("*", array(4), drawn={"dropout": array(1, 4)}),
            "not (1, 5)",
        ),
        (Asserted(masks={"dropout": (1, 5)}), trace("*", array(4)), "the mask dropout has shape None"),
        (
            Asserted(masks={"dropout": (1, 4)}),
            trace("*", array(4), drawn={"dropout": array(1, 4), "recurrent_dropout": array(1, 3)}),
            "the masks recurrent_dropout are drawn as well",
        ),
        (
            Asserted(weights={"bias": Weight(shape=(8,), gates=(0, 1, 0, 0))}),
            trace("*", array(4), weights=BIAS),
            "",
        ),
        (
            Asserted(weights={"bias": Weight(shape=(4,))}),
            trace("*", array(4), weights=BIAS),
            "bias has shape (8,), not (4,)",
        ),
        (
            Asserted(weights={"bias": Weight(gates=(0, 0, 1, 0))}),
            trace("*", array(4), weights=BIAS),
            "bias begins with",
        ),
        (Asserted(weights={"bias": Weight(equal=0)}), trace("*", array(4), weights=BIAS), "bias begins with"),
        (
            Asserted(weights={"w": Weight(equal=0)}),
            trace("*", array(4), weights=BIAS),
            "there is no weight w, only bias",
        ),
        (Asserted(weights={"kernel": Weight(uniform=0.5)}), trace("*", array(4), weights=SPREAD), ""),
        (
            Asserted(weights={"kernel": Weight(uniform=0.4)}),
            trace("*", array(4), weights=SPREAD),
            "outside of -0.4 to 0.4",
        ),
        (
            Asserted(weights={"kernel": Weight(uniform=1)}),
            trace("*", array(4), weights=SPREAD),
            "is not uniform",
        ),
        (
            Asserted(weights={"kernel": Weight(orthogonal=True)}),
            trace("*", array(4), weights=SPREAD),
            "not orthogonal",
        ),
        (Asserted(parameters=3000), trace("*", array(4), weights=SPREAD), ""),
        (Asserted(parameters=2999), trace("*", array(4), weights=SPREAD), "3,000 numbers, not 2,999"),
        (Asserted(defaults={"bias": True, "rate": 0}), SIGNATURE, ""),
        (Asserted(defaults={"bias": False}), SIGNATURE, "the default of bias is True, not False"),
        (Asserted(defaults={"rate": False}), SIGNATURE, "the default of rate is 0.0, not False"),
        (Asserted(defaults={"seed": None}), SIGNATURE, "the signature has no argument seed"),
        (Asserted(signature={"units": "required", "bias": True, "rate": 0}), SIGNATURE, ""),
        (Asserted(signature={"units": "required", "bias": True}), SIGNATURE, "also has an argument rate"),
        (
            Asserted(signature={"bias": True, "units": "required", "rate": 0}),
            SIGNATURE,
            "the order of the arguments",
        ),
        (
            Asserted(signature={"units": 3, "bias": True, "rate": 0}),
            SIGNATURE,
            "the default of units is 'required'",
        ),
        (Asserted(example=example("(32, 4)")), PRINTED, ""),
        (Asserted(example=example("(32, 4)", "1")), PRINTED, "the example prints (32, 4), not (32, 4) / 1"),
        (Asserted(example=example()), PRINTED, "the example prints (32, 4), not nothing"),
    ],
)
def test_an_assertion_holds_or_says_what_was_seen(asserted: Asserted, observed: Trace, finding: str) -> None:
    if finding:
        assert any(finding in told for told in found(asserted, observed))
    else:
        assert found(asserted, observed) == []


def test_what_an_example_printed_counts_where_it_raised_as_well() -> None:
    raised = replace(PRINTED, raised=Raised(("ValueError", "Exception"), "no", 0, ""))
    assert found(Asserted(example=example("(32, 4)")), raised) == []
    assert found(Asserted(example=example("(32, 5)")), raised) != []


def test_shapes_are_shown_as_they_are_nested() -> None:
    assert returned_text(STATES.calls[0]) == shapes_text(PAIR) == "[(7, 4, 6), [(2, 4, 3), (2, 4, 3)]]"
    assert returned_text(trace("(*,)", array(3)).calls[0]) == shapes_text([[3]]) == "[(3,)]"


@pytest.mark.parametrize(
    ("verdict", "side", "message"),
    [
        (
            "true",
            "holds",
            'the verdict "true" is not confirmed: the statement no longer holds: it is so',
        ),
        (
            "false",
            "fails",
            'the verdict "false" is not confirmed: the statement is no longer refuted: it is so',
        ),
        (
            "false",
            "corrected",
            'the verdict "false" is not confirmed: the corrected statement no longer holds: it is so',
        ),
    ],
)
def test_a_failure_says_which_verdict_is_wrong_now(verdict: str, side: str, message: str) -> None:
    claim = replace(CLAIM, verdict=verdict, side=side)
    assert refuted(claim, ["it is so"]) == (message,)
    assert refuted(claim, []) == ()


# --- from the outside; the twins stand in for the frameworks ---

HEAD = """\
kind: claims
dialect: torch
layer: LSTM
about: What an article says.
source: {title: An article, kind: article, version: "2.13"}
defaults:
  params: {input_size: 5, hidden_size: 3}
  input: {batch: 4, timesteps: 7}
claims:
"""
SHAPE = """\
  - name: shape
    statement: The output has as many numbers as hidden_size says.
    place: outputs
    verdict: true
    shows: [{returns: [[7, 4, SIZE], [[1, 4, 3], [1, 4, 3]]]}]
"""
CARRY = """\
  - name: last
    statement: The last output is the cell state.
    verdict: false
    corrected: It is the hidden state.
    shows:
      - name: seen
        relation: {other: {}, differ: [{left: {output: output, at: last-step}, right: STATE}]}
      - name: hidden
        side: corrected
        relation: {other: {}, exact: true, equal: [{left: {output: output, at: last-step}, right: h_n}]}
"""
OPEN = """\
  - name: fast
    statement: It is fast.
    verdict: not-decidable
    decided_by: A clock.
"""


def text_of(*claims: str) -> str:
    return HEAD + "".join(claims)


def test_claims_are_items_and_their_statements_are_in_results_and_report(run: Any) -> None:
    done = run("file.yaml", yaml=text_of(SHAPE.replace("SIZE", "3"), CARRY.replace("STATE", "c_n"), OPEN))
    assert done.code == 0, done.text
    assert done.summary() == "3 passed, 1 skipped"
    by_case = {outcome.case: outcome for outcome in done.results.outcomes}
    assert {case: outcome.outcome for case, outcome in by_case.items()} == {
        "file/shape": "pass",
        "file/last/seen": "pass",
        "file/last/hidden": "pass",
        "file/fast": "not-run",
    }
    shape, seen = by_case["file/shape"].claim, by_case["file/last/seen"].claim
    assert shape is not None
    assert seen is not None
    assert (shape.claim, shape.verdict, shape.side) == ("file/shape", "true", "holds")
    assert shape.source == {"title": "An article", "kind": "article", "version": "2.13"}
    assert shape.code == ("layer = nn.LSTM(input_size=5, hidden_size=3)", "layer(x)  # x: (7, 4, 5)")
    assert shape.seen == ("returns [(7, 4, 3), [(1, 4, 3), (1, 4, 3)]]",)
    assert seen.seen[0].startswith("output at last-step and c_n: ")
    assert by_case["file/fast"].message == "what would decide it: A clock."
    page = done.report.read_text(encoding="utf-8")
    assert "The last output is the cell state." in page
    assert "It is the hidden state." in page


def test_a_claim_fails_when_what_it_asserts_is_not_so(run: Any) -> None:
    done = run("file.yaml", yaml=text_of(SHAPE.replace("SIZE", "4")))
    assert done.code == 1
    (outcome,) = done.results.outcomes
    assert outcome.outcome == "fail"
    assert outcome.message.startswith('the verdict "true" is not confirmed: the statement no longer holds: ')
    assert "the shapes [(7, 4, 3), [(1, 4, 3), (1, 4, 3)]], not [(7, 4, 4)" in outcome.message


def test_a_difference_that_the_reference_does_not_have_is_the_claims_own_mistake(run: Any) -> None:
    done = run("file.yaml", yaml=text_of(CARRY.replace("STATE", "h_n")))
    by_case = {outcome.case: outcome for outcome in done.results.outcomes}
    assert by_case["file/last/seen"].outcome == "error"
    assert (
        "the reference itself has no difference between output at last-step and h_n"
        in by_case["file/last/seen"].message
    )
