"""Ten requests, from trivial to ordinary, for trying a new subject while somebody
writes it.

The requests of each dialect are cases, in the file of its name beside this one.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.corpus import Case, load_file
from lstm_ref.oracle.policies import POLICIES
from lstm_ref.protocol.errors import WireError
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.wire import parse, tensor_from_json
from lstm_ref.runner.answers import CannotStart, Facts
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.offers import Documented, problems_of
from lstm_ref.runner.run import Run
from lstm_ref.runner.subject import AS_DESCRIBED, START_SECONDS, Subject
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Introduced, Target
from lstm_ref.verdict.divergences import Divergences

# Seconds that an answer may take here.
SECONDS = 10.0

# After this many requests in a row without an answer, no other is sent.
GIVEN_UP_AFTER = 3

# Of an array with more numbers only the first ones are shown.
NUMBERS_SHOWN = 4

SILENT = ("crash", "timeout")


@dataclass(frozen=True)
class Greeting:
    """How a subject started: its hello as it was sent, or what is wrong with it and
    what to do.
    """

    label: str
    command: Sequence[str]
    came: str
    wrong: Sequence[str] = ()
    todo: str = ""


@dataclass(frozen=True)
class Tried:
    """One request: what it is about, what was sent and what came, each as a line; the
    outcome, what is wrong, and what to do.
    """

    name: str
    about: str
    outcome: str
    sent: str
    came: str
    wrong: str = ""
    todo: str = ""


class Heard:
    """The lines that passed between judge and subject."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: bytes) -> None:
        self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))


class Bench:
    """The subjects that are tried, with all that they say."""

    def __init__(
        self, documented: Documented, seconds: float = SECONDS, start_seconds: float = START_SECONDS
    ) -> None:
        self.greetings: list[Greeting] = []
        self._documented = documented
        self._seconds = start_seconds, seconds
        self._heard: dict[str, Heard] = {}
        self._subjects: dict[str, Subject] = {}

    def introduce(self, launch: Launch) -> Introduced | str:
        """Start a subject. What it says, or what is wrong with that, is added to
        `greetings`.
        """
        heard = self._heard.setdefault(launch.subject, Heard())
        subject = self._subjects.setdefault(launch.subject, Subject(launch, *self._seconds, heard=heard))
        cannot = subject.start()
        came = heard.lines[0] if heard.lines else ""
        if cannot is not None or subject.facts is None:
            self.greetings.append(_no_greeting(launch, cannot or CannotStart("it never started", ""), came))
            return "it did not come up"
        wrong = [
            problem
            for known in subject.facts.implementations.values()
            for problem in problems_of(known, self._documented)
        ]
        self.greetings.append(
            Greeting(launch.subject, launch.command, came, wrong, AS_DESCRIBED if wrong else "")
        )
        return "it did not introduce itself well" if wrong else _introduced(subject.facts)

    def tried(self, column: str, target: Target) -> Iterator[Tried]:
        """The ten requests, one after the other."""
        if target.launch.subject not in self._subjects and isinstance(self.introduce(target.launch), str):
            return
        subjects = OutputsFirst({column: target}, self._subjects)
        run = Run(subjects, {column: target}, 0, Divergences([], self._documented), Path.cwd())
        known = subjects.introduction(column)
        if isinstance(known, CannotStart):
            self.greetings.append(_no_greeting(target.launch, known, ""))
            return
        silent = 0
        cases = smoke_cases(target.dialect, self._documented)
        for number, case in enumerate(cases, start=1):
            subjects.outputs_only = number < len(cases)
            if silent == GIVEN_UP_AFTER:
                yield Tried(
                    _name(case), case.about, "not-run", "", "", f"{silent} requests in a row had no answer"
                )
                continue
            found = self._tried(run, case, column, target.launch.subject, known)
            silent = silent + 1 if found.outcome in SILENT else 0
            yield found

    def _tried(self, run: Run, case: Case, column: str, label: str, known: Introduction) -> Tried:
        heard = self._heard[label]
        before = len(heard.lines)
        dtypes = [dtype for dtype in case.dtypes if POLICIES[dtype].compute in known.accumulation]
        outcome = run.outcome(replace(case, dtypes=tuple(dtypes[:1])), column, (dtypes or case.dtypes)[0])
        lines = [line for line in heard.lines[before:] if '"hello"' not in line[:40]]
        sent, came = (lines[0] if lines else ""), (lines[1] if len(lines) > 1 else "")
        wrong = "\n".join(filter(None, (outcome.message, outcome.detail.strip())))
        passed = outcome.outcome in ("pass", "unsupported")
        return Tried(
            _name(case),
            case.about,
            outcome.outcome,
            sent,
            came,
            wrong,
            "" if passed else TODO[outcome.outcome],
        )

    def close(self) -> None:
        """End all processes."""
        for subject in self._subjects.values():
            subject.close()


TODO: Mapping[str, str] = {
    "fail": (
        "compare what was sent and what came by hand: the numbers are few; the line above says what this"
        " request is about"
    ),
    "error": AS_DESCRIBED,
    "crash": (
        "the process has to outlive a request: answer with raised or broken instead; what it wrote to"
        " standard error is above"
    ),
    "timeout": (
        "answer each run with one line that ends in a line feed, and flush standard output after it (fflush,"
        " setvbuf, sys.stdout.flush)"
    ),
}


class OutputsFirst(Subjects):
    """Subjects that are asked for gradients only where `outputs_only` is false. So
    outputs are tried before gradients.
    """

    def __init__(self, targets: Mapping[str, Target], pool: Mapping[str, Subject]) -> None:
        names = {column: target.name for column, target in targets.items()}
        super().__init__(
            {column: target.launch for column, target in targets.items()}, names=names, pool=pool
        )
        self.outputs_only = False

    def introduction(self, column: str) -> Introduction | CannotStart:
        """What the subject says, without gradients where `outputs_only` is true."""
        known = super().introduction(column)
        return (
            known
            if isinstance(known, CannotStart) or not self.outputs_only
            else replace(known, gradients=False)
        )


def smoke_cases(dialect: str, documented: Documented) -> list[Case]:
    """The requests of a dialect. There are none if it has no file of them."""
    file = Path(__file__).with_name(f"{dialect}.yaml")
    return load_file(file, documented) if file.is_file() else []


def short(line: str) -> str:
    """A message as a person reads it: arrays as dtype, shape and numbers."""
    try:
        message = parse(line.encode())
    except WireError:
        return line
    inner = message.get("request", message.get("trace", message))
    return json.dumps(_with_numbers(inner), ensure_ascii=False).replace('"<', "").replace('>"', "")


def _with_numbers(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_numbers(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"dtype", "shape", "data"}:
        return _array(value)
    return {name: _with_numbers(each) for name, each in value.items() if each not in ([], {}, None)}


def _array(value: dict[str, Any]) -> Any:
    try:
        values = tensor_from_json(value).values
    except (WireError, KeyError, TypeError):
        return value
    numbers = np.array2string(
        values.ravel()[:NUMBERS_SHOWN], precision=6, separator=" ", max_line_width=10**6
    )
    more = f" and {values.size - NUMBERS_SHOWN} more" if values.size > NUMBERS_SHOWN else ""
    return f"<{value['dtype']} {tuple(values.shape)} {numbers}{more}>"


def _no_greeting(launch: Launch, cannot: CannotStart, came: str) -> Greeting:
    told = [cannot.reason, *cannot.stderr.strip().splitlines()[-12:]]
    return Greeting(launch.subject, launch.command, came, told, cannot.hint)


def _introduced(facts: Facts) -> Introduced:
    return Introduced(facts.versions, tuple(facts.implementations.values()))


def _name(case: Case) -> str:
    return case.id.rpartition("/")[2]
