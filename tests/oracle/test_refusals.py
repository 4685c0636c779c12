"""Calls in the middle of a run that have to be refused: whether they are, and whether
the layer goes on as if nothing had been.
"""

from collections.abc import Callable
from types import ModuleType

import pytest
from heads import head

from lstm_ref.corpus import Case, CaseStep, ExpectedError, Input
from lstm_ref.oracle.materialize import cast, materialize
from lstm_ref.protocol import steps
from lstm_ref.protocol.trace import Raised, Trace
from lstm_ref.results.records import Outcome
from lstm_ref.verdict.judge import judge_refusals

Read = Callable[[str], dict[str, Case]]
Judged = Callable[..., Outcome]

CASES = (
    head(
        "keras",
        "LSTM",
        "params: {units: 3, stateful: true, return_state: true}",
        "input: {batch: 4, timesteps: 7, features: 5}",
    )
    + """\
  - name: between
    steps:
      - call: {}
      - call: {input: {batch: 6}}
        expect: {raises: ValueError, match: batch size}
      - call: {}
  - name: twice
    steps:
      - call: {input: {features: 6}}
        expect: {raises: ValueError, match: features}
      - call: {}
      - call: {input: {timesteps: 0}}
        expect: {raises: Exception, match: timestep}
      - call: {initial_state: previous}
  - name: related
    params: {stateful: false}
    relation:
      other:
        steps:
          - call: {}
          - call: {input: {features: 6}}
            expect: {raises: ValueError, match: features}
"""
)


@pytest.mark.parametrize("name", ["between", "twice", "related"])
def test_calls_that_are_refused_leave_the_layer_as_it_was(name: str, read: Read, judged: Judged) -> None:
    outcome = judged(read(CASES)[name])
    assert (outcome.outcome, outcome.message) == ("pass", "")


@pytest.mark.parametrize(
    ("name", "fault", "complaint"),
    [
        (
            "between",
            "refuses_nothing",
            (
                "step 1: returned a result, where the documented ValueError with a message like 'batch size'"
                " must be raised"
            ),
        ),
        (
            "between",
            "refuses_in_other_words",
            (
                "step 1: raised ArithmeticError in step 1: no, where the documented ValueError with a message"
                " like"
            ),
        ),
        (
            "between",
            "state_advanced_by_refused_call",
            "Call 1 is the first wrong one: look at what is carried over from the call before.",
        ),
        (
            "twice",
            "refuses_nothing",
            (
                "step 2: returned a result, where the documented Exception with a message like 'timestep'"
                " must be raised"
            ),
        ),
        (
            "twice",
            "refuses_in_other_words",
            "step 2: raised ArithmeticError in step 2: no, where the documented Exception with",
        ),
        ("related", "refuses_nothing", "step 1: returned a result, where the documented ValueError"),
    ],
)
def test_a_layer_that_does_not_refuse_or_is_not_what_it_was_fails(
    name: str, fault: str, complaint: str, read: Read, judged: Judged
) -> None:
    outcome = judged(read(CASES)[name], fault)
    assert outcome.outcome == "fail"
    assert complaint in outcome.message


def test_the_loop_goes_on_after_a_refused_step_and_keeps_what_it_raised(
    hosted: ModuleType, read: Read
) -> None:
    request = cast(materialize(read(CASES)["twice"], 0).request, "float64", "keras-twin")
    assert [step.refused for step in request.steps] == [True, False, True, False]
    trace = steps.run(hosted.TwinAdapter("keras"), request)
    assert trace.raised is None
    assert len(trace.calls) == 2
    assert [(raised.step, raised.types[0]) for raised in trace.refusals] == [
        (0, "ValueError"),
        (2, "ValueError"),
    ]


EXPECTED = ExpectedError("ValueError", "bad")
STEPS = tuple(CaseStep("call", {}, Input(4, 7, 5), expect) for expect in (None, EXPECTED, None, EXPECTED))


def raised(step: int | None, message: str = "bad") -> Raised:
    return Raised(("ValueError", "Exception"), message, step, "")


@pytest.mark.parametrize(
    ("refusals", "ended", "findings"),
    [
        ((raised(1), raised(3)), None, []),
        (
            (raised(1),),
            None,
            [
                "step 3: returned a result, where the documented ValueError with a message like 'bad' must be"
                " raised"
            ],
        ),
        (
            (raised(3),),
            None,
            [
                "step 1: returned a result, where the documented ValueError with a message like 'bad' must be"
                " raised"
            ],
        ),
        (
            (raised(1, "good"), raised(3)),
            None,
            [
                "step 1: raised ValueError in step 1: good, where the documented ValueError with a message"
                " like 'bad' must be raised"
            ],
        ),
        (
            (),
            raised(2, "ended"),
            [
                "step 1: returned a result, where the documented ValueError with a message like 'bad' must be"
                " raised"
            ],
        ),
        # A run that ended in step 2 says nothing about step 3, and one whose layer was
        # never built nothing at all.
        ((raised(1),), raised(2, "ended"), []),
        ((), raised(None, "ended"), []),
    ],
)
def test_every_step_that_was_reached_and_had_to_be_refused_is_judged(
    refusals: tuple[Raised, ...], ended: Raised | None, findings: list[str]
) -> None:
    assert list(judge_refusals(STEPS, Trace((), ended, 0.0, refusals))) == findings


def test_a_first_step_that_was_never_reached_is_not_judged() -> None:
    for ended in (raised(None, "ended"), raised(0, "ended")):
        assert list(judge_refusals(STEPS[1:], Trace((), ended, 0.0))) == []


def test_a_refusal_that_nobody_asked_for_or_that_came_twice_is_told() -> None:
    to_refuse = [
        CaseStep("call", {}, Input()),
        CaseStep("call", {}, Input(), expect=ExpectedError("ValueError", None)),
    ]
    raised = Raised(("ValueError", "Exception"), "no", 1, "")

    def found(*refusals: Raised) -> list[str]:
        return list(judge_refusals(to_refuse, Trace((), None, 0.0, refusals)))

    assert found(raised) == []
    assert found(raised, raised) == ["step 1: said to be refused twice"]
    assert found(raised, Raised(("ValueError",), "no", 0, "")) == [
        "raised ValueError in step 0: no, where nothing is to be refused"
    ]
    assert found(raised, Raised(("ValueError",), "no", None, "")) == [
        "raised ValueError while the layer was built: no, where nothing is to be refused"
    ]
