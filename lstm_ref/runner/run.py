"""From a case to an outcome, on one implementation and in one dtype. It knows nothing
of pytest.
"""

import re
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_ref.corpus import as_yaml, corpus_root
from lstm_ref.corpus.case import Case
from lstm_ref.corpus.divergences import Divergence
from lstm_ref.corpus.pages import pages
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.selection import last_part
from lstm_ref.dialects import dialect
from lstm_ref.oracle.errors import CannotJudge, NotInThisDtype
from lstm_ref.oracle.expectation import Expectation, expect, expect_bitwise, with_cotangents_of
from lstm_ref.oracle.literals import refuse_unmet
from lstm_ref.oracle.materialize import Material, cast, materialize, second_run
from lstm_ref.oracle.policies import POLICIES
from lstm_ref.oracle.twin import NOTHING, YIELDING, Observed, TwinCall, run_twin
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.trace import Request, Trace
from lstm_ref.results.records import Claimed, Outcome
from lstm_ref.runner.answers import Answer, Broken, CannotStart, Crashed, Facts, TimedOut, Unsupported
from lstm_ref.runner.errors import NoPartner
from lstm_ref.runner.offers import not_offered, not_shown
from lstm_ref.runner.since import not_yet
from lstm_ref.runner.subject import unended
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict import claims
from lstm_ref.verdict.diagnosis import diagnose
from lstm_ref.verdict.divergences import Divergences
from lstm_ref.verdict.judge import (
    Verdict,
    drawn_as_promised,
    judge,
    judge_error,
    judge_number_of_calls,
    judge_refusals,
    judge_unexpected,
    unusable,
)
from lstm_ref.verdict.relations import judge_relation

NOTHING_FOUND = Verdict(())


@dataclass(frozen=True)
class _Finding:
    """What a case came to, before it is written: the outcome, its message, the long
    version, the measurements, and the runs in which a number is wrong.
    """

    outcome: str
    message: str = ""
    detail: str = ""
    verdict: Verdict = NOTHING_FOUND
    framework_seconds: float | None = None
    wrong: "Sequence[tuple[Expectation, Trace]]" = ()
    claim: Claimed | None = None


@dataclass(frozen=True)
class _OneRun:
    """One run of a case: the column that makes it, the request, and what the run must
    produce in the dtypes of the case.

    The expectation is None if it depends on what the implementation draws. Then
    `expect` computes it in one dtype, from what was observed.

    `unseen` says what of the run the implementation does not show. `made` are the calls
    of a twin that drew nothing. A run whose only call must raise has neither calls nor
    an expectation.
    """

    column: str
    request: Request
    expect: Callable[[Observed, tuple[str, ...]], Expectation] | None = None
    expectation: Expectation | None = None
    unseen: str | None = None
    made: tuple[TwinCall, ...] = ()

    def unusable(self, dtype: str, trace: Trace) -> tuple[str, ...]:
        """Why nothing right can be computed from what was drawn. Empty if nothing had
        to be drawn.
        """
        draws = self.expect is not None and self.expectation is None
        return unusable(self.made, dtype, trace) if draws else ()


class _CannotRun(Exception):
    """A case that is not run: why."""

    def __init__(self, finding: _Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


class Run:
    """What all items of a run share: the subjects by column, the seed, the known
    divergences, and the expectation of the current case.

    `held_back` are the same subjects, limited to the oldest instructions that their
    frameworks have kernels for. They start when a failure has to be explained.
    """

    def __init__(
        self,
        subjects: Subjects,
        targets: Mapping[str, Target],
        seed: int,
        divergences: Divergences,
        folder: Path,
        held_back: Subjects | None = None,
    ) -> None:
        self.subjects = subjects
        self._held_back = held_back
        self._targets = targets
        self._seed = seed
        self._divergences = divergences
        self._folder = folder
        self._prepared: tuple[object, tuple[_OneRun, ...]] | None = None

    def outcome(self, case: Case, column: str, dtype: str) -> Outcome:
        """Run the case on the implementation of the column, and judge it."""
        started = time.perf_counter()
        finding = self._find(case, column, dtype, self.subjects)
        facts = self.subjects.facts(column) or Facts("", {}, {}, {})
        name = self._targets[column].name
        try:
            entries = self._divergences.matching(case, name, dtype, facts.versions, facts.processor)
        except CannotJudge as error:
            finding, entries = _Finding("error", str(error)), []
        # Of several entries about the case it does what one says.
        divergence = next(
            (entry for entry in entries if _is_listed(finding, entry)), entries[0] if entries else None
        )
        if divergence is not None and divergence.damages:
            self.subjects.replace(column)
        if divergence is not None and _is_listed(finding, divergence):
            detail = "\n\n".join(filter(None, (finding.message, finding.detail)))
            finding = replace(
                finding,
                outcome="divergence",
                message=f"{divergence.kind}: {divergence.reason}",
                detail=detail,
            )
        elif divergence is not None and finding.outcome == "pass":
            finding = self._stale(case, column, dtype, finding, divergence)
        elif finding.outcome in ("fail", "crash"):
            finding = self._explained(case, column, dtype, finding, facts)
        worst = finding.verdict.worst
        passed = finding.outcome == "pass"
        return Outcome(
            case=case.id,
            implementation=column,
            dtype=dtype,
            outcome=finding.outcome,
            message=_writable(finding.message),
            file=self._shown(case.place.file),
            line=case.place.line,
            about=case.about,
            source=case.source,
            documentation=pages(case, self._divergences.parameters),
            parameters={} if case.expect else _parameters(case),
            ratio=finding.verdict.ratio,
            bits=finding.verdict.bits if passed else None,
            bitwise=finding.verdict.bitwise,
            worst=worst,
            profiles=() if passed else finding.verdict.profiles,
            reproduce=self._reproduce(case, column, dtype),
            yaml="" if passed or case.claim else as_yaml(case),
            detail=_writable(finding.detail),
            seconds=time.perf_counter() - started,
            framework_seconds=finding.framework_seconds,
            link=(divergence.link or "") if divergence and finding.outcome in ("divergence", "stale") else "",
            claim=finding.claim or (None if case.claim is None else claims.shown(case, (), NOTHING_FOUND)),
        )

    def close(self) -> None:
        """End all processes."""
        for subjects in filter(None, (self.subjects, self._held_back)):
            subjects.close()

    def _stale(
        self, case: Case, column: str, dtype: str, finding: _Finding, divergence: Divergence
    ) -> _Finding:
        """A pass where a divergence is listed; whether only newer processors pass."""
        message = (
            f"listed as a divergence ({divergence.reason}), but it passes: remove the entry, or limit its"
            " versions"
        )
        held = self._find_held_back(case, column, dtype)
        if held is not None and _is_listed(held, divergence):
            so = "say with `processor` where the entry applies"
            message = f"{self._processor_decides(column, 'does what is listed')}; {so}\n{message}"
        return replace(finding, outcome="stale", message=message)

    def _explained(self, case: Case, column: str, dtype: str, finding: _Finding, facts: Facts) -> _Finding:
        """The finding with an explanation in front: the processor, or a mistake that
        gives exactly these numbers.
        """
        causes = dict.fromkeys(_causes(finding.wrong, dtype))
        known = facts.implementations.get(self._targets[column].name)
        needed = known.relies_on.get(dtype) if known is not None else None
        if needed is not None and facts.processor.get(needed) is False and not finding.verdict.wrong:
            causes[f"this processor has no {needed}, on which {column} relies in {dtype}"] = None
        elif not causes:
            held = self._find_held_back(case, column, dtype)
            if held is not None and held.outcome == "pass":
                so = "a kernel for newer processors is wrong"
                causes[f"{self._processor_decides(column, 'passes')}; {so}"] = None
        return replace(finding, message="\n".join((*causes, finding.message)))

    def _find_held_back(self, case: Case, column: str, dtype: str) -> _Finding | None:
        """What the case comes to with the oldest instructions. None if the
        implementation cannot be limited to them.
        """
        if self._held_back is None or not self._held_back.hosts(column):
            return None
        return self._find(case, column, dtype, self._held_back)

    def _processor_decides(self, column: str, does: str) -> str:
        lowest = self._targets[column].lowest
        return (
            f"the processor decides: with {' '.join(f'{name}={value}' for name, value in lowest.items())} it"
            f" {does}"
        )

    def _find(self, case: Case, column: str, dtype: str, subjects: Subjects) -> _Finding:
        if case.claim is not None and case.claim.verdict == "not-decidable":
            why = claims.EXPLAINED.format(case.claim.decided_by)
            return _Finding("not-run", why, claim=claims.shown(case, (), NOTHING_FOUND))
        # An implementation that computes in none of the dtypes of a case is judged in
        # another one, where that can be.
        listed = dtype in case.dtypes
        case = case if listed else replace(case, dtypes=(dtype,))
        try:
            known = _introduced(column, subjects)
            self._require(case, dtype, known, _versions(column, subjects))
            sides = self._prepare(case, column, dtype, known, subjects)
            for side in sides:
                if side.unseen:
                    return _Finding("unsupported", side.unseen)
                if side.expectation is not None:
                    side.expectation.refuse_ill_conditioned(case.id, dtype)
            answers = [subjects.run(cast(side.request, dtype, side.column)) for side in sides]
            return self._judged(case, dtype, sides, answers)
        except _CannotRun as why:
            return why.finding
        except NotInThisDtype as error:
            return _Finding("error" if listed else "unsupported", str(error))
        except CannotJudge as error:
            return _Finding("error", str(error))
        except Exception as error:
            return _Finding(
                "error",
                f"the judge failed on this case: {type(error).__name__}: {error}",
                traceback.format_exc(),
            )

    def _require(self, case: Case, dtype: str, known: Introduction, versions: Mapping[str, str]) -> None:
        """Raise _CannotRun if the implementation does not offer the case, or its
        version does not have what the case needs.
        """
        documented = self._divergences.parameters
        if reason := not_offered(case, dtype, known, documented):
            raise _CannotRun(_Finding("unsupported", reason))
        table = documented.get(case.dialect)
        if table is not None and (reason := not_yet(case, table, versions)):
            raise _CannotRun(_Finding("unsupported", reason))

    def _judged(
        self, case: Case, dtype: str, sides: "Sequence[_OneRun]", answers: Sequence[Answer]
    ) -> _Finding:
        traces = [answer for answer in answers if isinstance(answer, Trace)]
        if len(traces) < len(answers):
            return next(_without_trace(answer) for answer in answers if not isinstance(answer, Trace))
        wrong: list[tuple[Expectation, Trace]] = []
        verdict = NOTHING_FOUND
        raised = next((trace.raised for trace in traces if trace.raised is not None), None)
        if case.expect is not None:
            verdict = judge_error(case.expect, len(case.steps), traces[0])
            if not verdict.findings and claims.is_judged_by_reference(case):
                verdict = _judge_before(case, sides[0], dtype, replace(traces[0], raised=None))
        elif raised is not None:
            verdict = judge_unexpected(raised)
        elif claims.is_judged_by_reference(case) and (not_usable := _unusable(sides, dtype, traces)):
            verdict = Verdict(not_usable)
        elif claims.is_judged_by_reference(case):
            judged = [
                (_expectation(case, side, dtype, trace), trace)
                for side, trace in zip(sides, traces, strict=True)
            ]
            if case.relation is not None:
                # A relation within one run has one trace, which is both its sides.
                verdict = judge_relation(case.relation, dtype, (judged[0], judged[-1]))
            else:
                verdict = judge(judged[0][0], dtype, judged[0][1])
            wrong = [side for side in judged if judge(side[0], dtype, side[1]).wrong] if verdict.wrong else []
        runs = [case.steps, *([case.relation.steps] if case.relation else [])]
        accepted = [
            finding
            for steps, trace in zip(runs, traces, strict=False)
            for finding in judge_refusals(steps, trace)
        ]
        verdict = replace(verdict, findings=(*accepted, *verdict.findings))
        if case.claim is not None:
            found = [*verdict.findings, *claims.findings(case.claim, traces[0], POLICIES[dtype].weights)]
            verdict = replace(verdict, findings=claims.refuted(case.claim, found))
        return _Finding(
            claim=None if case.claim is None else claims.shown(case, traces, verdict),
            outcome="fail" if verdict.findings else "pass",
            message="\n".join(verdict.findings),
            detail=(
                "\n".join(trace.raised.traceback for trace in traces if trace.raised)
                if verdict.findings
                else ""
            ),
            verdict=verdict,
            framework_seconds=sum(trace.seconds for trace in traces),
            wrong=wrong,
        )

    def _prepare(
        self, case: Case, column: str, dtype: str, known: Introduction, subjects: Subjects
    ) -> "Sequence[_OneRun]":
        """The runs of the case, ready to be sent. They are kept for its other dtypes,
        and for implementations with the same expectation.
        """
        partner = self._partner(case, column, dtype, known, subjects)
        # The id is not a key: two files elsewhere may have one name.
        key = (
            case,
            *map(_decisive, (known, partner[1])),
        )
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = key, self._sides(case, known, partner[1])
        return [
            replace(side, column=to)
            for side, to in zip(self._prepared[1], (column, partner[0]), strict=False)
        ]

    def _partner(
        self, case: Case, column: str, dtype: str, known: Introduction, subjects: Subjects
    ) -> tuple[str, Introduction]:
        """The column that makes the second run of a relation, and its implementation.
        None if there is none.
        """
        if case.relation is None:
            return column, known
        other = second_run(case, case.relation)
        target = (
            self._targets[column]
            if other.dialect == case.dialect
            else partner_of(other.dialect, self._targets)
        )
        if target is None:
            raise NoPartner(case.id, other.dialect)
        partner = _introduced(target.column, subjects)
        self._require(other, dtype, partner, _versions(target.column, subjects))
        return target.column, partner

    def _sides(self, case: Case, known: Introduction, partner: Introduction) -> "tuple[_OneRun, ...]":
        """The runs of a case. A relation has two, unless both are the same. If the last
        step must raise, the expectation is that of the steps before it.
        """
        first = materialize(case, self._seed, known.version)
        if not claims.is_judged_by_reference(case):
            return (_OneRun("", first.request),)
        if case.expect is not None:
            *before, last = first.request.steps
            if not any(step.action in (*YIELDING, "train") for step in before):
                return (_OneRun("", first.request),)
            right = replace(first, request=replace(first.request, steps=tuple(before)))
            side = _side(case, case.id, right, known)
            return (replace(side, request=replace(side.request, steps=(*side.request.steps, last))),)
        if case.relation is None:
            side = _side(case, case.id, first, known)
            if case.literals is not None and side.expectation is not None:
                refuse_unmet(case.literals, side.expectation)
            return (side,)
        # The noise of the two sides is independent.
        side = _side(case, f"{case.id}/0", first, known)
        other = second_run(case, case.relation)
        same = (other.dialect, other.layer, other.params, other.steps) == (
            case.dialect,
            case.layer,
            case.params,
            case.steps,
        )
        if same and not case.relation.weights:
            return (side,)
        material = materialize(other, self._seed, partner.version, like=first, part=case.relation.weights)
        return (side, _side(other, f"{case.id}/1", material, partner))

    def _shown(self, file: Path) -> str:
        """The file as a person would type it: relative to the working folder if it is
        below it, and as `cases/...` if it came with this package.
        """
        if file.is_relative_to(self._folder):
            return str(file.relative_to(self._folder))
        root = corpus_root()
        return str(Path("cases", file.relative_to(root))) if file.is_relative_to(root) else str(file)

    def _reproduce(self, case: Case, column: str, dtype: str) -> str:
        shipped = case.place.file.is_relative_to(corpus_root())
        point = case.id if shipped else f"{self._shown(case.place.file)}::{last_part(case)}"
        seed = f" --seed {self._seed}" if self._seed else ""
        return f"lstm-ref run '{point}' --impl {column} --dtype {dtype}{seed}"


def partner_of(dialect_name: str, targets: Mapping[str, Target]) -> Target | None:
    """The implementation that runs the other side of a relation with another dialect:
    the first that takes all cases.
    """
    return next(
        (target for target in targets.values() if target.dialect == dialect_name and not target.slow), None
    )


def _introduced(column: str, subjects: Subjects) -> Introduction:
    """What the implementation of the column says of itself. Raises _CannotRun if its
    subject does not start.
    """
    known = subjects.introduction(column)
    if isinstance(known, CannotStart):
        raise _CannotRun(_without_trace(known))
    return known


def _versions(column: str, subjects: Subjects) -> Mapping[str, str]:
    """Those of the subject of the column."""
    facts = subjects.facts(column)
    return {} if facts is None else facts.versions


def _decisive(known: Introduction) -> tuple[object, ...]:
    """Everything about an implementation that decides what it is asked, and what is
    expected of it.
    """
    return known.version, known.accumulation, known.gradients, known.masks, known.effects


def _side(case: Case, name: str, material: Material, known: Introduction) -> _OneRun:
    """A run, and what it must produce unless that depends on what is drawn. `name` is
    the key of the noise.
    """
    language = dialect(case.dialect, known.version)
    made = run_twin(language, material.request)
    dtypes = tuple(dtype for dtype in case.dtypes if POLICIES[dtype].compute in known.accumulation)
    random = not material.request.weights or any(call.draws for call in made)
    unseen = not_shown(made, known)
    # Statements speak of what is returned; gradients are for the other cases.
    material = with_cotangents_of(made, material) if known.gradients and case.claim is None else material
    if unseen:
        return _OneRun("", material.request, unseen=unseen)
    if case.values.grid == "exact":
        return _OneRun("", material.request, expectation=expect_bitwise(language, material, dtypes))

    def expectation(observed: Observed, dtypes: tuple[str, ...]) -> Expectation:
        return expect(name, language, material, dtypes, known.accumulation, observed)

    known_now = None if random else expectation(NOTHING, dtypes)
    return _OneRun("", material.request, expectation, known_now, made=tuple(made))


def _is_listed(finding: _Finding, divergence: Divergence) -> bool:
    """Whether the finding is what the entry lists."""
    return finding.outcome in divergence.outcomes and bool(re.search(divergence.match, finding.message))


def _expectation(case: Case, side: _OneRun, dtype: str, trace: Trace) -> Expectation:
    """What the run must produce, once it is known what was drawn."""
    if side.expectation is not None:
        return side.expectation
    assert side.expect is not None
    found = side.expect(Observed.of(trace, side.request), (dtype,))
    if drawn_as_promised(found, dtype, trace):  # else the case is not to blame
        found.refuse_ill_conditioned(case.id, dtype)
    return found


def _judge_before(case: Case, side: _OneRun, dtype: str, trace: Trace) -> Verdict:
    """Judge the steps before the one that had to raise, and did. `trace` holds these
    steps alone.
    """
    if side.expect is None and side.expectation is None:
        return judge_number_of_calls(0, trace)
    if not_usable := side.unusable(dtype, trace):
        return Verdict(not_usable)
    return judge(_expectation(case, side, dtype, trace), dtype, trace)


def _unusable(sides: Sequence[_OneRun], dtype: str, traces: Sequence[Trace]) -> tuple[str, ...]:
    """Why nothing right can be computed from what one of the runs drew."""
    names = ("",) if len(sides) == 1 else ("the case's run: ", "the other run: ")
    runs = zip(names, sides, traces, strict=True)
    return tuple(name + finding for name, side, trace in runs for finding in side.unusable(dtype, trace))


def _causes(wrong: "Iterable[tuple[Expectation, Trace]]", dtype: str) -> list[str]:
    """What explains wrong numbers. An error in this search changes no verdict."""
    try:
        return [cause for expectation, trace in wrong for cause in diagnose(expectation, dtype, trace)]
    except Exception as error:
        return [f"(the search for the cause failed: {type(error).__name__}: {error})"]


def _writable(text: str) -> str:
    """The text without characters that UTF-8 cannot hold: a message may quote bytes
    that are not text.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _without_trace(answer: Answer) -> _Finding:
    """The finding of a request that gave no trace."""
    match answer:
        case Crashed(cause, stderr):
            return _Finding("crash", f"the process ended: {cause}", stderr)
        case TimedOut(seconds, stderr, begun):
            told = f"\n{unended(begun)}" if begun else ""
            return _Finding(
                "timeout", f"no answer within {seconds:g} s; the process was killed{told}", stderr
            )
        case Unsupported(reason):
            return _Finding("unsupported", reason)
        case Broken(trace, hint):
            said = trace.strip().splitlines()
            what = f"{said[0]}; {hint}" if hint else f"the adapter failed: {said[-1] if said else ''}"
            return _Finding("error", what, trace)
        case CannotStart(reason, stderr, hint):
            return _Finding(
                "error", f"the subject cannot start: {'; '.join(filter(None, (reason, hint)))}", stderr
            )
        case Trace():
            raise AssertionError("a trace is judged")


def _parameters(case: Case) -> dict[str, Any]:
    """Every documented parameter that the case sets, by full key: of the constructor,
    the call and the input. If calls differ, the value is a list.
    """
    parameters = {f"params.{name}": value for name, value in case.params.items()}
    calls = [step for step in case.steps if step.action == "call"]
    for name in dict.fromkeys(name for call in calls for name in call.arguments):
        parameters[f"call.{name}"] = _one_or_all(
            [call.arguments[name] for call in calls if name in call.arguments]
        )
    forms = [call.input.form for call in calls if call.input.form is not None]
    return parameters | ({"input.form": _one_or_all(forms)} if forms else {})


def _one_or_all(values: Sequence[Any]) -> Any:
    distinct = {value_text(value): value for value in values}
    return values[0] if len(distinct) == 1 else list(distinct.values())
