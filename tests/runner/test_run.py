"""From a case to an outcome: what is asked, what becomes of the answer, and how it is
written up. No process is started here.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from heads import KERAS_LSTM

from lstm_ref.corpus import Case, Divergence, Location, load, load_file, load_parameters
from lstm_ref.protocol import Host, Implementation
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.trace import Array, Call, Raised, Request, Tensor, Trace
from lstm_ref.results.records import Outcome
from lstm_ref.runner.answers import Answer, Crashed, Facts
from lstm_ref.runner.run import Run
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.divergences import Divergences

HEAD = KERAS_LSTM
ORDINARY = "  - name: ordinary\n"
REFUSED = """\
  - name: refused
    params: {stateful: true}
    steps: [{call: {}}, {call: {}}, {call: {input: {batch: 5}}}]
    expect: {raises: ValueError, match: batch}
"""
RELATED = """\
  - name: related
    relation: {other: {params: {unroll: true}}}
"""
PREVIOUS = """\
  - name: previous
    params: {return_state: true}
    steps: [{call: {}}, {call: {initial_state: previous}}]
"""
REFUSED_AT_ONCE = """\
  - name: refused-at-once
    params: {units: 0}
    expect: {raises: ValueError}
"""
REFUSED_AFTER_DROPPING = """\
  - name: refused-after-dropping
    params: {stateful: true, dropout: 0.5}
    steps: [{call: {training: true}}, {call: {input: {batch: 5}}}]
    expect: {raises: ValueError, match: batch}
"""
REFUSED_AFTER_EXACT = """\
  - name: refused-after-exact
    params: {stateful: true, activation: linear, recurrent_activation: linear}
    values: {grid: exact}
    input: {timesteps: 1}
    steps: [{call: {}}, {call: {input: {batch: 5}}}]
    expect: {raises: ValueError, match: batch}
"""
REFUSED_FIRST = """\
  - name: refused-first
    params: {return_sequences: true}
    steps:
      - call: {input: {features: 6}}
        expect: {raises: ValueError, match: features}
      - call: {input: {timesteps: 5}}
"""
# Without a limit to the gates, rounding grows from step to step.
CHAOTIC = """\
  - name: chaotic
    params: {units: 9, recurrent_activation: tanh}
    values: {scale: 3}
    input: {timesteps: 60, features: 9}
"""
CHAOTIC_DROPPING = CHAOTIC.replace("units: 9,", "units: 9, dropout: 0.5,") + "    call: {training: true}\n"


def never() -> Any:
    raise AssertionError("nobody starts the toy")


NOTHING_SAID: Mapping[str, str | bool] = {}
TOY = Implementation(
    "toy", "keras", never, {"float64": "float64", "float32": "float32"}, Host("toy", (), "toy", {})
)


def introduction(toy: Implementation) -> Introduction:
    """One that can do all that the twins can, as the toy declares it."""
    return Introduction(
        toy.name,
        toy.dialect,
        toy.accumulation,
        toy.version,
        layers=toy.layers,
        actions=toy.actions,
        gradients=toy.differentiable,
        derivatives=("forward-mode", "second-order"),
        masks=("call", "train"),
        effects=True,
        refusals=toy.refusals,
        relies_on=toy.relies_on,
    )


Change = Callable[[int, Trace], Answer]
Twin = Callable[[Request], Trace]


class Answering:
    """Subjects that answer with what the twin answers, changed: the change gets the
    number of the request as well.
    """

    def __init__(
        self, twin: Twin, change: Change, processor: Mapping[str, str | bool], toy: Implementation
    ) -> None:
        self._introduction = introduction(toy)
        self.asked: list[Request] = []
        self._processor = processor
        self.replaced: list[str] = []
        self._twin = twin
        self._change = change

    def replace(self, implementation: str) -> None:
        self.replaced.append(implementation)

    def run(self, request: Request) -> Answer:
        self.asked.append(request)
        return self._change(len(self.asked) - 1, self._twin(request))

    def introduction(self, column: str) -> Introduction:
        return self._introduction

    def facts(self, column: str) -> Facts:
        return Facts("toy", {"toy": "1.2"}, {}, {"toy": self._introduction}, self._processor)

    def hosts(self, implementation: str) -> bool:
        return implementation == "toy"


class Bench:
    """Runs cases in a folder, and keeps what the implementation was asked."""

    def __init__(self, twin: Twin, folder: Path) -> None:
        self.folder = folder
        self.asked: list[Request] = []
        self.replaced: list[str] = []
        self._twin = twin

    def case(self, entry: str, name: str = "file.yaml") -> Case:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(HEAD + entry, encoding="utf-8")
        (case,) = load_file(file, load_parameters())
        return case

    def outcomes(
        self,
        *cases: Case,
        change: Change = lambda number, trace: trace,
        dtype: str = "float32",
        toy: Implementation = TOY,
        known: tuple[Divergence, ...] = (),
        seed: int = 0,
        processor: Mapping[str, str | bool] = NOTHING_SAID,
        held_back: Change | None = None,
    ) -> list[Outcome]:
        answering = Answering(self._twin, change, processor, toy)
        self.asked, self.replaced = answering.asked, answering.replaced
        held = Answering(self._twin, held_back, processor, toy) if held_back else None
        run = Run(
            cast(Subjects, answering),
            {"toy": Target.of(toy)},
            seed,
            Divergences(known, load_parameters()),
            self.folder,
            held_back=cast("Subjects | None", held),
        )
        return [run.outcome(case, "toy", dtype) for case in cases]

    def outcome(self, case: Case, **options: Any) -> Outcome:
        (outcome,) = self.outcomes(case, **options)
        return outcome


@pytest.fixture
def bench(keras_twin: Twin, tmp_path: Path) -> Bench:
    return Bench(keras_twin, tmp_path)


def output(trace: Trace, change: Callable[[Array], Array], call: int = 0, dtype: str = "float32") -> Trace:
    """The trace with another first output of a call."""
    first, *others = trace.calls[call].outputs
    calls = list(trace.calls)
    calls[call] = replace(calls[call], outputs=(Tensor(dtype, change(first.values)), *others))
    return replace(trace, calls=tuple(calls))


def test_what_is_right_passes_with_its_bits_and_without_its_yaml(bench: Bench) -> None:
    found = bench.outcome(bench.case(ORDINARY))
    assert (found.outcome, found.message, found.detail, found.yaml) == ("pass", "", "", "")
    assert found.bits is not None
    assert float(found.bits) > 12
    assert found.parameters == {"params.units": 3}


def test_calls_that_differ_give_each_of_their_values(bench: Bench) -> None:
    text = """\
  - name: calls
    steps:
      - call: {training: false, mask: gaps}
      - call: {training: true, mask: gaps}
"""
    assert bench.outcome(bench.case(text)).parameters == {
        "params.units": 3,
        "call.training": [False, True],
        "call.mask": "gaps",
    }


def test_the_cause_of_a_wrong_number_comes_before_the_findings(bench: Bench) -> None:
    case = bench.case(ORDINARY + "    params: {return_sequences: true}\n")
    found = bench.outcome(case, change=lambda _, trace: output(trace, lambda values: values + 1))
    assert found.outcome == "fail"
    cause, finding = found.message.splitlines()
    assert cause.startswith("The first wrong step is 0,")
    assert finding.startswith("output: 84 of 84 elements are beyond the bound")
    assert found.bits is None
    assert found.yaml.startswith("kind: cases")


def test_where_no_number_is_wrong_no_cause_is_looked_for(bench: Bench) -> None:
    found = bench.outcome(
        bench.case(ORDINARY),
        change=lambda _, trace: output(trace, lambda values: values.astype(np.float64), dtype="float64"),
    )
    assert (found.outcome, found.message) == ("fail", "output is float64, expected float32")


def test_an_exception_of_the_last_step_is_expected_after_calls_with_gradients(bench: Bench) -> None:
    found = bench.outcome(bench.case(REFUSED))
    assert (found.outcome, found.message) == ("pass", "")
    (request,) = bench.asked
    assert [step.cotangents is not None for step in request.steps] == [True, True, False]
    assert found.bits is not None


@pytest.mark.parametrize("call", [0, 1])
def test_the_calls_before_an_expected_exception_are_judged(bench: Bench, call: int) -> None:
    found = bench.outcome(
        bench.case(REFUSED), change=lambda _, trace: output(trace, lambda values: values + 1, call)
    )
    assert found.outcome == "fail"
    assert f"call {call}: output: 12 of 12 elements are beyond the bound" in found.message


def test_an_expected_exception_that_comes_too_early_fails(bench: Bench) -> None:
    early = Raised(("ValueError", "Exception"), "the batch", 1, "Traceback of it")
    found = bench.outcome(
        bench.case(REFUSED), change=lambda _, trace: replace(trace, calls=trace.calls[:1], raised=early)
    )
    assert (found.outcome, found.message) == (
        "fail",
        "raised ValueError in step 1: the batch, too early: step 2 must raise it",
    )
    assert found.detail == "Traceback of it"


def test_the_right_exception_does_not_make_up_for_a_call_that_never_returned(bench: Bench) -> None:
    found = bench.outcome(bench.case(REFUSED), change=lambda _, trace: replace(trace, calls=trace.calls[:1]))
    assert (found.outcome, found.message) == ("fail", "1 calls returned, 2 were made")


def test_both_sides_of_a_relation_are_asked_with_gradients(bench: Bench) -> None:
    found = bench.outcome(bench.case(RELATED))
    assert (found.outcome, found.bitwise) == ("pass", True)
    assert [request.params.get("unroll", False) for request in bench.asked] == [False, True]
    assert all(request.steps[0].cotangents for request in bench.asked)


@pytest.mark.parametrize(("wrong", "which"), [(0, "the case's run"), (1, "the other run")])
def test_a_wrong_side_of_a_relation_is_named(bench: Bench, wrong: int, which: str) -> None:
    def change(number: int, trace: Trace) -> Trace:
        return output(trace, lambda values: values + 1) if number == wrong else trace

    found = bench.outcome(bench.case(RELATED), change=change)
    assert found.outcome == "fail"
    assert f"{which}: output: 12 of 12 elements are beyond the bound" in found.message


def test_a_crash_on_either_side_of_a_relation_is_the_outcome(bench: Bench) -> None:
    for wrong in (0, 1):
        found = bench.outcome(
            bench.case(RELATED),
            change=lambda number, trace, wrong=wrong: Crashed("signal", "") if number == wrong else trace,
        )
        assert (found.outcome, found.message) == ("crash", "the process ended: signal")


def test_a_call_may_start_from_the_previous_one_outside_a_relation(bench: Bench) -> None:
    assert bench.outcome(bench.case(PREVIOUS)).outcome == "pass"
    found = bench.outcome(
        bench.case(PREVIOUS), change=lambda _, trace: output(trace, lambda values: values + 1, call=1)
    )
    assert (found.outcome, found.message.splitlines()[0]) == (
        "fail",
        "Call 1 is the first wrong one: look at what is carried over from the call before.",
    )


def test_a_case_that_rounding_can_turn_upside_down_is_never_run(bench: Bench) -> None:
    found = bench.outcome(bench.case(CHAOTIC))
    assert found.outcome == "error"
    assert "cannot be judged in float32: rounding alone leaves" in found.message
    assert bench.asked == []


def test_an_arithmetic_that_the_implementation_does_not_declare_is_unsupported(bench: Bench) -> None:
    case = replace(bench.case(ORDINARY), dtypes=("bfloat16",))
    found = bench.outcome(case, dtype="bfloat16")
    assert (found.outcome, found.message) == ("unsupported", "toy declares no arithmetic in bfloat16")
    assert bench.asked == []


@pytest.mark.parametrize("entry", [ORDINARY, RELATED, REFUSED, PREVIOUS])
def test_an_implementation_without_gradients_is_asked_for_none(bench: Bench, entry: str) -> None:
    assert bench.outcome(bench.case(entry), toy=replace(TOY, differentiable=False)).outcome == "pass"
    assert not any(step.cotangents for request in bench.asked for step in request.steps)


@pytest.mark.parametrize(
    ("derivatives", "differentiable", "asked"),
    [("second-order", False, False), ("second-order", True, True), ("forward-mode", False, True)],
)
def test_second_derivatives_are_asked_only_of_an_implementation_with_gradients(
    derivatives: str, differentiable: bool, asked: bool, tmp_path: Path
) -> None:
    bench = Bench(lambda request: Trace((), None, 0.0), tmp_path)
    case = next(case for case in load().cases if case.derivatives == (derivatives,))
    found = bench.outcome(case, toy=replace(TOY, dialect="torch", differentiable=differentiable))
    assert [step.derivatives for request in bench.asked for step in request.steps] == [(derivatives,)] * asked
    assert (found.outcome, found.message) == (
        ("fail", "0 calls returned, 1 were made")
        if asked
        else ("unsupported", "toy declares no second-order derivatives")
    )


def test_two_files_of_the_same_name_are_two_cases(bench: Bench) -> None:
    one, other = (
        bench.case(ORDINARY, "one/file.yaml"),
        bench.case(ORDINARY + "    params: {return_state: true}\n", "other/file.yaml"),
    )
    assert one.id == other.id
    assert [found.outcome for found in bench.outcomes(one, other, one)] == ["pass"] * 3
    assert [request.params.get("return_state", False) for request in bench.asked] == [False, True, False]


def test_a_case_elsewhere_is_reproduced_by_its_file(bench: Bench, tmp_path: Path) -> None:
    case = bench.case("  - name: some\n    matrix: {params.unroll: [true]}\n", "own/file.yaml")
    assert (
        bench.outcome(case).reproduce
        == "lstm-ref run 'own/file.yaml::some[unroll=true]' --impl toy --dtype float32"
    )
    bench.folder = tmp_path / "another"
    assert (
        bench.outcome(case, seed=3).reproduce
        == f"lstm-ref run '{tmp_path}/own/file.yaml::some[unroll=true]' --impl toy --dtype float32 --seed 3"
    )


def test_a_case_of_the_package_is_reproduced_by_its_id(bench: Bench) -> None:
    case = next(case for case in load().cases if case.id == "keras/structure/product[unroll=true]")
    found = bench.outcome(case, dtype="float64")
    assert found.reproduce == "lstm-ref run 'keras/structure/product[unroll=true]' --impl toy --dtype float64"
    assert found.file == "cases/keras/structure.yaml"


def wrong(number: int, trace: Trace) -> Trace:
    return output(trace, lambda values: values + 1)


def divergence(**changes: Any) -> Divergence:
    entry = Divergence(
        "toy",
        "file/*",
        "framework",
        {"toy": ">=1,<2"},
        ("fail",),
        "output: 12 of 12 .* beyond",
        None,
        "It adds one.",
        None,
        HERE,
    )
    return replace(entry, **changes)


HERE = Location(Path("toy.yaml"), 1)


def test_a_known_failure_is_a_divergence_and_keeps_what_was_found(bench: Bench) -> None:
    found = bench.outcome(bench.case(ORDINARY), change=wrong, known=(divergence(),))
    assert (found.outcome, found.message) == ("divergence", "framework: It adds one.")
    assert "output: 12 of 12 elements are beyond the bound" in found.detail


def test_a_divergence_says_where_its_maintainers_are_told(bench: Bench) -> None:
    known = (divergence(link="https://example.org/issues/1"),)
    assert (
        bench.outcome(bench.case(ORDINARY), change=wrong, known=known).link == "https://example.org/issues/1"
    )
    assert bench.outcome(bench.case(ORDINARY), known=known).link == "https://example.org/issues/1"  # stale
    assert bench.outcome(bench.case(ORDINARY), change=wrong).link == ""


@pytest.mark.parametrize(
    "entry",
    [
        divergence(match="raised InvalidArgumentError"),
        divergence(match="output: 11 of 12"),
        divergence(outcomes=("crash",)),
        divergence(dtypes=("float64",)),
        divergence(versions={"toy": ">=2"}),
        divergence(versions={"other": ">=1"}),
        divergence(cases="file/another"),
        divergence(implementation="toy-two"),
    ],
    ids=["message", "other-message", "outcome", "dtype", "version", "package", "case", "implementation"],
)
def test_a_failure_that_the_entry_is_not_about_stays_a_failure(bench: Bench, entry: Divergence) -> None:
    found = bench.outcome(bench.case(ORDINARY), change=wrong, known=(entry,))
    assert found.outcome == "fail"
    assert "output: 12 of 12 elements are beyond the bound" in found.message


def test_of_several_entries_about_a_case_the_one_that_says_what_happens_is_taken(bench: Bench) -> None:
    other = divergence(match="raised InvalidArgumentError", reason="It raises.")
    found = bench.outcome(bench.case(ORDINARY), change=wrong, known=(other, divergence()))
    assert (found.outcome, found.message) == ("divergence", "framework: It adds one.")
    assert bench.outcome(bench.case(ORDINARY), known=(other, divergence())).outcome == "stale"


def test_a_crash_in_a_case_that_is_known_to_fail_stays_a_crash(bench: Bench) -> None:
    found = bench.outcome(
        bench.case(ORDINARY), change=lambda *_: Crashed("signal SIGSEGV", ""), known=(divergence(match="."),)
    )
    assert found.outcome == "crash"


@pytest.mark.parametrize(
    "change", [wrong, lambda *_: Crashed("signal SIGABRT", "")], ids=["answered", "crashed"]
)
def test_where_memory_is_damaged_each_of_the_outcomes_is_the_known_one_and_the_process_is_replaced(
    bench: Bench, change: Change
) -> None:
    known = divergence(outcomes=("crash", "fail"), match="beyond|signal SIGABRT")
    assert bench.outcome(bench.case(ORDINARY), change=change, known=(known,)).outcome == "divergence"
    assert bench.replaced == ["toy"]
    assert bench.outcome(bench.case(ORDINARY), known=(known,)).outcome == "stale"
    assert bench.replaced == ["toy"]


def test_a_process_that_answered_is_kept_where_nothing_damages_it(bench: Bench) -> None:
    for known in ((), (divergence(),), (divergence(outcomes=("crash", "fail"), cases="file/another"),)):
        bench.outcome(bench.case(ORDINARY), change=wrong, known=known)
        assert bench.replaced == []


def test_a_known_failure_that_passes_is_stale(bench: Bench) -> None:
    found = bench.outcome(bench.case(ORDINARY), known=(divergence(),))
    assert (found.outcome, found.message) == (
        "stale",
        "listed as a divergence (It adds one.), but it passes: remove the entry, or limit its versions",
    )


# --- what the processor decides ---


def right(number: int, trace: Trace) -> Trace:
    return trace


def raising(number: int, trace: Trace) -> Trace:
    return replace(trace, calls=(), raised=Raised(("RuntimeError", "Exception"), "no primitive", 0, ""))


# A toy with kernels for half precisions, or so, that only some processors have.
CHOOSY = replace(
    TOY,
    host=replace(TOY.host, lowest={"TOY_MAX_ISA": "SSE41"}),
    relies_on={"float32": "toy_f32"},
)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ({"toy_f32": (False,)}, "divergence"),
        ({"toy_f32": (True,)}, "fail"),
        ({"level": ("AVX2",)}, "divergence"),
        ({"level": ("SSE4", "AVX2")}, "divergence"),
        ({"level": ("AVX512",)}, "fail"),
        ({"level": ("AVX2",), "toy_f32": (True,)}, "fail"),
    ],
)
def test_an_entry_is_about_the_processors_that_it_names(
    bench: Bench, condition: Mapping[str, tuple[str | bool, ...]], outcome: str
) -> None:
    here = {"toy_f32": False, "level": "AVX2"}
    entry = divergence(processor=condition)
    case = bench.case(ORDINARY)
    assert bench.outcome(case, change=wrong, known=(entry,), processor=here).outcome == outcome
    # What an entry is not about is not stale either.
    passed = bench.outcome(case, known=(entry,), processor=here).outcome
    assert passed == ("stale" if outcome == "divergence" else "pass")


def test_an_entry_that_asks_for_what_the_subject_does_not_report_is_an_error(bench: Bench) -> None:
    entry = divergence(processor={"toy_f23": (False,)})
    found = bench.outcome(bench.case(ORDINARY), known=(entry,), processor={"toy_f32": False})
    assert found.outcome == "error"
    assert 'toy.yaml:1:1: the divergence depends on "toy_f23", which toy does not report' in found.message
    assert 'did you mean "toy_f32"?' in found.message


def test_an_exception_that_the_processor_explains_says_so_first(bench: Bench) -> None:
    case = bench.case(ORDINARY)
    lacking = bench.outcome(case, change=raising, toy=CHOOSY, processor={"toy_f32": False})
    assert lacking.message.splitlines()[0] == "this processor has no toy_f32, on which toy relies in float32"
    assert "raised RuntimeError in step 0: no primitive" in lacking.message
    for processor, change in (({"toy_f32": True}, raising), ({"toy_f32": False}, wrong), ({}, raising)):
        found = bench.outcome(case, change=change, toy=CHOOSY, processor=processor)
        assert found.outcome == "fail"
        assert "this processor" not in found.message


def test_a_failure_that_is_gone_with_older_instructions_says_so_first(bench: Bench) -> None:
    case = bench.case(ORDINARY)
    found = bench.outcome(case, change=wrong, toy=CHOOSY, held_back=right)
    assert found.outcome == "fail"
    first, second = found.message.splitlines()[:2]
    assert (
        first
        == "the processor decides: with TOY_MAX_ISA=SSE41 it passes; a kernel for newer processors is wrong"
    )
    assert second.startswith("output: 12 of 12 elements are beyond the bound")
    assert "processor" not in bench.outcome(case, change=wrong, toy=CHOOSY, held_back=wrong).message
    crashed = bench.outcome(case, change=lambda *_: Crashed("signal SIGILL", ""), toy=CHOOSY, held_back=right)
    assert (crashed.outcome, crashed.message.splitlines()[0]) == ("crash", first)


def test_a_stale_entry_that_older_instructions_still_need_says_so_first(bench: Bench) -> None:
    case, known = bench.case(ORDINARY), (divergence(),)
    found = bench.outcome(case, toy=CHOOSY, known=known, held_back=wrong)
    assert found.outcome == "stale"
    assert (
        found.message.splitlines()[0]
        == "the processor decides: with TOY_MAX_ISA=SSE41 it does what is listed; say with `processor` where"
        " the entry applies"
    )
    assert "processor" not in bench.outcome(case, toy=CHOOSY, known=known, held_back=right).message


def test_a_call_that_returned_where_the_only_one_had_to_raise_is_told(bench: Bench) -> None:
    case = bench.case(REFUSED_AT_ONCE)
    assert bench.outcome(case).outcome == "pass"
    returned = Call("*", (Tensor("float32", np.ones(2)),))
    found = bench.outcome(case, change=lambda _, trace: replace(trace, calls=(returned,)))
    assert (found.outcome, found.message) == ("fail", "1 calls returned, 0 were made")


@pytest.mark.parametrize("entry", [REFUSED_AFTER_DROPPING, REFUSED_AFTER_EXACT])
def test_what_comes_before_an_expected_exception_is_judged_in_every_kind_of_case(
    bench: Bench, entry: str
) -> None:
    case = bench.case(entry)
    assert bench.outcome(case).outcome == "pass"
    found = bench.outcome(case, change=lambda _, trace: output(trace, lambda values: values + 1))
    assert "output: 12 of 12 elements are beyond the bound" in found.message
    assert found.outcome == "fail"


def with_mask(trace: Trace, change: Callable[[Array], Array]) -> Trace:
    """The trace with another first mask of its first call."""
    first, *others = trace.calls
    (name, mask), *more = first.drawn.items()
    drawn = {name: Tensor(mask.dtype, change(mask.values)), **dict(more)}
    return replace(trace, calls=(replace(first, drawn=drawn), *others))


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda mask: mask[..., :1], "the mask dropout has shape"),
        (lambda mask: np.ones((2, *mask.shape[:-1], 99)), "the mask dropout has shape"),
        (lambda mask: np.full_like(mask, np.nan), "holds nan"),
        (lambda mask: mask * 1e30, "where only 0 and"),
    ],
    ids=["broadcast", "shape", "nan", "gigantic"],
)
def test_masks_that_nothing_can_be_computed_with_are_a_failure(
    bench: Bench, change: Callable[[Array], Array], finding: str
) -> None:
    case = bench.case(REFUSED_AFTER_DROPPING)
    found = bench.outcome(case, change=lambda _, trace: with_mask(trace, change))
    assert found.outcome == "fail"
    assert finding in found.message


def test_a_case_that_rounding_turns_upside_down_with_right_masks_is_no_failure_of_the_framework(
    bench: Bench,
) -> None:
    found = bench.outcome(bench.case(CHAOTIC_DROPPING))
    assert found.outcome == "error"
    assert "cannot be judged in float32: rounding alone leaves" in found.message


def test_the_cause_is_looked_for_in_the_first_call_that_was_to_return(bench: Bench) -> None:
    found = bench.outcome(
        bench.case(REFUSED_FIRST), change=lambda _, trace: output(trace, lambda values: values + 1)
    )
    assert found.outcome == "fail"
    assert found.message.startswith("The first wrong step is 0,")


def test_a_search_for_the_cause_that_fails_leaves_the_failure(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diagnose(*_: object) -> None:
        raise ZeroDivisionError("nobody knows")

    monkeypatch.setattr("lstm_ref.runner.run.diagnose", diagnose)
    found = bench.outcome(bench.case(ORDINARY), change=wrong)
    assert found.outcome == "fail"
    cause, finding = found.message.splitlines()
    assert cause == "(the search for the cause failed: ZeroDivisionError: nobody knows)"
    assert finding.startswith("output: 12 of 12")


def test_a_message_that_quotes_bytes_which_are_no_text_can_be_written(bench: Bench) -> None:
    raised = Raised(("OSError", "Exception"), "no file \udcff", 0, "in \udcff")
    found = bench.outcome(
        bench.case(ORDINARY), change=lambda _, trace: replace(trace, calls=(), raised=raised)
    )
    assert "no file \\udcff" in found.message
    assert found.detail == "in \\udcff"
    assert (found.message + found.detail).encode("utf-8")
