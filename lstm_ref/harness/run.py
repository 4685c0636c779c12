"""From a case to an outcome, on one implementation in one dtype. No pytest in here."""

import re
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_ref.corpus import as_yaml, corpus_root
from lstm_ref.corpus.case import Case
from lstm_ref.corpus.selection import last_part
from lstm_ref.harness.diagnosis import diagnose
from lstm_ref.harness.divergences import Divergences
from lstm_ref.harness.errors import HarnessError
from lstm_ref.harness.expectation import Expectation, expect, expect_bitwise, with_cotangents
from lstm_ref.harness.judge import Verdict, judge, judge_error
from lstm_ref.harness.materialize import cast, materialize
from lstm_ref.harness.policies import POLICIES
from lstm_ref.harness.relations import judge_relation, second_run
from lstm_ref.harness.subjects import Answer, Broken, CannotStart, Crashed, Subjects, TimedOut, Unsupported
from lstm_ref.implementations import Implementation
from lstm_ref.implementations.trace import Request, Trace
from lstm_ref.report.data import Outcome

NOTHING_FOUND = Verdict(())


@dataclass(frozen=True)
class _Finding:
    """What became of a case, before it is written up: the outcome, its message and the long version, and what was measured."""

    outcome: str
    message: str = ""
    detail: str = ""
    verdict: Verdict = NOTHING_FOUND
    framework_seconds: float | None = None


@dataclass(frozen=True)
class _Prepared:
    """The requests of a case, one for each run, and what each must produce."""

    requests: tuple[Request, ...]
    expectations: tuple[Expectation, ...]


class Run:
    """What all items of a run share: the subjects, the seed, the known divergences, and the expectation of the case at hand."""

    def __init__(self, subjects: Subjects, implementations: Mapping[str, Implementation], seed: int, divergences: Divergences, folder: Path) -> None:
        self.subjects = subjects
        self._implementations = implementations
        self._seed = seed
        self._divergences = divergences
        self._folder = folder
        self._prepared: tuple[tuple[Case, Mapping[str, str]], _Prepared] | None = None

    def outcome(self, case: Case, implementation: str, dtype: str) -> Outcome:
        """Run the case on the implementation, and judge it."""
        started = time.perf_counter()
        finding = self._find(case, implementation, dtype)
        versions = self._versions(implementation)
        divergence = self._divergences.matching(case.id, implementation, dtype, versions)
        if divergence is not None and finding.outcome == divergence.outcome and re.search(divergence.match, finding.message):
            detail = "\n\n".join(filter(None, (finding.message, finding.detail)))
            finding = replace(finding, outcome="divergence", message=f"{divergence.kind}: {divergence.reason}", detail=detail)
        elif divergence is not None and finding.outcome == "pass":
            finding = replace(
                finding,
                outcome="stale",
                message=f"listed as a divergence ({divergence.reason}), but it passes: remove the entry, or limit its versions",
            )
        worst = finding.verdict.worst
        passed = finding.outcome == "pass"
        return Outcome(
            case=case.id,
            implementation=implementation,
            dtype=dtype,
            outcome=finding.outcome,
            message=finding.message,
            file=self._shown(case.place.file),
            line=case.place.line,
            about=case.about,
            source=case.source,
            parameters={} if case.expect else _parameters(case),
            ratio=finding.verdict.ratio,
            bits=finding.verdict.bits if passed else None,
            bitwise=finding.verdict.bitwise,
            worst=worst,
            reproduce=self._reproduce(case, implementation, dtype),
            yaml="" if passed else as_yaml(case),
            detail=finding.detail,
            seconds=time.perf_counter() - started,
            framework_seconds=finding.framework_seconds,
        )

    def _find(self, case: Case, implementation: str, dtype: str) -> _Finding:
        known, computes_in = self._implementations[implementation], POLICIES[dtype].compute
        if computes_in not in known.accumulation:
            return _Finding("unsupported", f"{implementation} declares no arithmetic in {computes_in}")
        try:
            prepared = self._prepare(case, known.accumulation)
            prepared = prepared if known.differentiable else _outputs_only(prepared)
            for expectation in prepared.expectations:
                expectation.refuse_ill_conditioned(case.id, dtype)
            answers = [self.subjects.run(cast(request, dtype, implementation)) for request in prepared.requests]
            return self._judged(case, dtype, prepared, answers)
        except HarnessError as error:
            return _Finding("error", str(error))
        except Exception as error:
            return _Finding("error", f"the harness failed on this case: {type(error).__name__}: {error}", traceback.format_exc())

    def _judged(self, case: Case, dtype: str, prepared: "_Prepared", answers: Sequence[Answer]) -> _Finding:
        traces = [answer for answer in answers if isinstance(answer, Trace)]
        if len(traces) < len(answers):
            return next(_without_trace(answer) for answer in answers if not isinstance(answer, Trace))
        causes: tuple[str, ...] = ()
        if case.expect is not None:
            verdict = judge_error(case.expect, len(case.steps), traces[0])
            if prepared.expectations and not verdict.findings:
                verdict = judge(prepared.expectations[0], dtype, replace(traces[0], raised=None))
        elif case.relation is not None:
            # A relation within one run has one trace, which is both its sides.
            sides = [(prepared.expectations[k], traces[k]) for k in (0, -1)]
            verdict = judge_relation(case.relation, dtype, sides)
            wrong_sides = [side for side in sides if judge(side[0], dtype, side[1]).wrong] if verdict.wrong else []
            causes = tuple(dict.fromkeys(cause for expectation, trace in wrong_sides for cause in diagnose(expectation, dtype, trace)))
        else:
            verdict = judge(prepared.expectations[0], dtype, traces[0])
            causes = diagnose(prepared.expectations[0], dtype, traces[0]) if verdict.wrong else ()
        return _Finding(
            outcome="fail" if verdict.findings else "pass",
            message="\n".join((*causes, *verdict.findings)),
            detail="\n".join(trace.raised.traceback for trace in traces if trace.raised) if verdict.findings else "",
            verdict=verdict,
            framework_seconds=sum(trace.seconds for trace in traces),
        )

    def _prepare(self, case: Case, accumulation: Mapping[str, str]) -> "_Prepared":
        """The case's requests and expectations; kept for its other dtypes, and the other implementations that accumulate in the same way."""
        key = (case, accumulation)  # the id is no key: two files elsewhere may have one name
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = key, _prepare(case, self._seed, accumulation)
        return self._prepared[1]

    def _versions(self, implementation: str) -> Mapping[str, str]:
        for facts in self.subjects.facts().values():
            if implementation in facts.dialects:
                return facts.versions
        return {}

    def _shown(self, file: Path) -> str:
        """The file as a person would type it: from the working folder where it lies below it, as `cases/...` where it came with this package."""
        if file.is_relative_to(self._folder):
            return str(file.relative_to(self._folder))
        root = corpus_root()
        return str(Path("cases", file.relative_to(root))) if file.is_relative_to(root) else str(file)

    def _reproduce(self, case: Case, implementation: str, dtype: str) -> str:
        shipped = case.place.file.is_relative_to(corpus_root())
        point = case.id if shipped else f"{self._shown(case.place.file)}::{last_part(case)}"
        seed = f" --seed {self._seed}" if self._seed else ""
        return f"lstm-ref run '{point}' --impl {implementation} --dtype {dtype}{seed}"


def _prepare(case: Case, seed: int, accumulation: Mapping[str, str]) -> _Prepared:
    """A case that expects an exception of its last step has an expectation of the steps before; a relation has two runs, unless both are the same."""
    material = materialize(case, seed)
    if case.expect is not None:
        *before, last = material.request.steps
        if not before:
            return _Prepared((material.request,), ())
        right = with_cotangents(case.dialect, replace(material, request=replace(material.request, steps=tuple(before))))
        expectation = expect(case.id, case.dialect, right, case.dtypes, accumulation)
        return _Prepared((replace(right.request, steps=(*right.request.steps, last)),), (expectation,))
    if case.relation is not None:
        materials = [material]
        if (case.relation.params, case.relation.steps) != (case.params, case.steps):
            materials.append(materialize(second_run(case, case.relation), seed))
        # The noise of the two sides is independent.
        expectations = tuple(
            expect(f"{case.id}/{side}", case.dialect, with_cotangents(case.dialect, m), case.dtypes, accumulation) for side, m in enumerate(materials)
        )
    else:
        material = with_cotangents(case.dialect, material)
        if case.values.grid == "exact":
            expectations = (expect_bitwise(case.dialect, material, case.dtypes),)
        else:
            expectations = (expect(case.id, case.dialect, material, case.dtypes, accumulation),)
    return _Prepared(tuple(expectation.request for expectation in expectations), expectations)


def _outputs_only(prepared: _Prepared) -> _Prepared:
    """The same without gradients, for an implementation that has none."""
    requests = tuple(replace(r, steps=tuple(replace(step, cotangents=None) for step in r.steps)) for r in prepared.requests)
    expectations = tuple(
        replace(e, request=request, calls=tuple(replace(call, gradients=()) for call in e.calls))
        for e, request in zip(prepared.expectations, requests, strict=False)  # a request that must raise has no expectation
    )
    return _Prepared(requests, expectations)


def _without_trace(answer: Answer) -> _Finding:
    """What became of a request that has no trace."""
    match answer:
        case Crashed(cause, stderr):
            return _Finding("crash", f"the process ended: {cause}", stderr)
        case TimedOut(seconds, stderr):
            return _Finding("timeout", f"no answer within {seconds:g} s; the process was killed", stderr)
        case Unsupported(reason):
            return _Finding("unsupported", reason)
        case Broken(trace):
            return _Finding("error", f"the adapter failed: {trace.strip().splitlines()[-1] if trace.strip() else ''}", trace)
        case CannotStart(reason, stderr):
            return _Finding("error", f"the subject cannot start: {reason}", stderr)
        case Trace():
            raise AssertionError("a trace is judged")


def _parameters(case: Case) -> dict[str, Any]:
    """Every documented parameter that the case sets: constructor, call and input, by full key. Calls that differ give all their values."""
    parameters = {f"params.{name}": value for name, value in case.params.items()}
    calls = [step for step in case.steps if step.action == "call"]
    for name in dict.fromkeys(name for call in calls for name in call.arguments):
        parameters[f"call.{name}"] = _one_or_all([call.arguments[name] for call in calls if name in call.arguments])
    forms = [call.input.form for call in calls if call.input.form is not None]
    return parameters | ({"input.form": _one_or_all(forms)} if forms else {})


def _one_or_all(values: Sequence[Any]) -> Any:
    distinct = list(dict.fromkeys(str(value) for value in values))
    return values[0] if len(distinct) == 1 else ", ".join(distinct)
