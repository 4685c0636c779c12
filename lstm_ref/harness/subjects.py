"""The judge's side of the protocol: subjects are started when first needed, asked, watched, and replaced when they end.

Whatever a framework does to its process is an answer to one request: the next request finds a new process.
"""

import contextlib
import functools
import importlib.resources
import json
import os
import shlex
import signal
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import TracebackType
from typing import IO, Any

import fastjsonschema

from lstm_ref.harness.errors import UnknownImplementation
from lstm_ref.harness.launching import Launch, held_to
from lstm_ref.harness.targets import Target
from lstm_ref.implementations.errors import NotAMessage, WireError
from lstm_ref.implementations.introduction import Introduction
from lstm_ref.implementations.trace import Request, Trace
from lstm_ref.implementations.wire import PROTOCOL, Json, dump, parse, request_to_json, trace_from_json

START_SECONDS = 60.0
CASE_SECONDS = 30.0
CLOSE_SECONDS = 2.0
FAILED_STARTS = 2
LONGEST_LINE = 1 << 28

# What to do next, as the mistakes of somebody who writes a subject call for it.
PAGE = "lstm_ref/implementations/README.md"
WHERE_IT_IS = "see whether it is on the PATH, or at this path from the working folder, and may be run; quote the whole command as one argument"
AT_ONCE = "a subject writes its hello as soon as it starts, before it reads anything, and flushes its output"
ONLY_MESSAGES = f"only messages go to standard output, one JSON object a line; print everything else to standard error ({PAGE})"
AS_DESCRIBED = f"each message is described, with an example, in {PAGE}"
STDERR_TAIL = 1 << 14


@dataclass(frozen=True)
class Facts:
    """What a subject said about itself when it started: versions by package, pinned environment, what its framework says
    of the processor, and by name what each of its implementations is and can do.
    """

    subject: str
    versions: Mapping[str, str]
    environment: Mapping[str, str]
    implementations: Mapping[str, Introduction]
    processor: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Crashed:
    """The process ended in the middle of a request: "signal SIGSEGV" or "exit code 3", and the end of what it wrote to standard error."""

    cause: str
    stderr: str


@dataclass(frozen=True)
class TimedOut:
    """No answer within these seconds; the process was killed. `begun` is the line that it began and never ended."""

    seconds: float
    stderr: str
    begun: bytes = b""


@dataclass(frozen=True)
class Unsupported:
    """The implementation says that it does not offer this."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """The adapter failed or sent what the protocol does not allow; the framework is not to blame. `hint` says what to do."""

    traceback: str
    hint: str = ""


@dataclass(frozen=True)
class CannotStart:
    """The subject never became ready, so nothing ran. `hint` says what to do."""

    reason: str
    stderr: str
    hint: str = ""


Answer = Trace | Crashed | TimedOut | Unsupported | Broken | CannotStart


class Subjects:
    """The subjects of a run, one process for each launch, by the columns whose implementations live in them.

    `names` are what the subjects themselves call the implementations of some columns;
    without one a column is called as its implementation. Subjects of `pool`, by label,
    may be running already.
    """

    def __init__(
        self,
        launches: Mapping[str, Launch],
        start_seconds: float = START_SECONDS,
        case_seconds: float = CASE_SECONDS,
        names: Mapping[str, str] | None = None,
        pool: Mapping[str, "Subject"] | None = None,
    ) -> None:
        new = {each.subject: Subject(each, start_seconds, case_seconds) for each in launches.values()}
        by_label = {label: (pool or {}).get(label, subject) for label, subject in new.items()}
        self._subjects = {column: by_label[each.subject] for column, each in launches.items()}
        self._names = {column: (names or {}).get(column, column) for column in launches}
        self._runs: Counter[str] = Counter()

    @classmethod
    def of(cls, targets: Mapping[str, Target], pool: Mapping[str, "Subject"] | None = None) -> "Subjects":
        """The subjects of what is under test."""
        launches = {column: target.launch for column, target in targets.items()}
        return cls(launches, names={column: target.name for column, target in targets.items()}, pool=pool)

    @classmethod
    def held_back(cls, targets: Mapping[str, Target]) -> "Subjects":
        """The same with the oldest instructions; without those that cannot be held to them, or are already."""
        launches = {column: held_to(target.launch, target.lowest) for column, target in targets.items()}
        held = {column: each for column, each in launches.items() if each is not None}
        return cls(held, names={column: targets[column].name for column in held})

    def hosts(self, column: str) -> bool:
        """Whether the implementation of the column lives in one of the subjects."""
        return column in self._subjects

    def introduction(self, column: str) -> Introduction | CannotStart:
        """What the implementation of the column is and can do: its subject starts, if need be. Raises UnknownImplementation."""
        subject, name = self._subject(column), self._names[column]
        cannot = subject.start() if subject.facts is None else None
        if cannot is not None or subject.facts is None:
            return cannot or CannotStart("it never started", "")
        hosted = subject.facts.implementations
        return hosted[name] if name in hosted else CannotStart(f"it hosts {', '.join(hosted)}, and not {name}", "")

    def run(self, request: Request) -> Answer:
        """The answer of the subject that hosts the implementation of the column that the request names. Raises UnknownImplementation."""
        column = request.implementation
        known = self.introduction(column)
        if isinstance(known, CannotStart):
            return known
        if known.lifetime is not None:
            self._runs[column] += 1
            if self._runs[column] % known.lifetime == 0:
                self._subject(column).close()
        return self._subject(column).run(replace(request, implementation=known.name))

    def replace(self, column: str) -> None:
        """End the process that hosts the implementation of the column: the next request finds a new one."""
        self._subject(column).close()

    def start(self, column: str) -> CannotStart | None:
        """Have the column's subject ready, or say why it is not."""
        return self._subject(column).start()

    def facts(self, column: str) -> Facts | None:
        """What the column's subject said about itself; None where it never started."""
        return self._subject(column).facts

    def started(self) -> dict[str, tuple[tuple[str, ...], Facts]]:
        """The subjects that have started, by label, each with its columns and with what it said about itself."""
        found: dict[str, tuple[tuple[str, ...], Facts]] = {}
        for column, subject in self._subjects.items():
            if subject.facts is not None:
                columns = found[subject.label][0] if subject.label in found else ()
                found[subject.label] = (*columns, column), subject.facts
        return found

    def close(self) -> None:
        """End all processes."""
        for subject in self._subjects.values():
            subject.close()

    def __enter__(self) -> "Subjects":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _subject(self, column: str) -> "Subject":
        if column not in self._subjects:
            known = list(self._subjects)
            raise UnknownImplementation(column, known, get_close_matches(column, known, n=1))
        return self._subjects[column]


class Subject:
    """One subject: its process while there is one, and what it said about itself. `heard` is told each line that passes."""

    def __init__(
        self,
        launch: Launch,
        start_seconds: float = START_SECONDS,
        case_seconds: float = CASE_SECONDS,
        heard: Callable[[bytes], None] = lambda line: None,
    ) -> None:
        self.facts: Facts | None = None
        self._heard = heard
        self._launch = launch
        self._start_seconds = start_seconds
        self._case_seconds = case_seconds
        self._process: _Process | None = None
        self._failed: list[CannotStart] = []
        self._sent = 0

    @property
    def label(self) -> str:
        """What the judge calls it."""
        return self._launch.subject

    def start(self) -> CannotStart | None:
        """Have the process ready, or say why it is not. After two failures in a row the last one is repeated at once."""
        if self._process is not None and self._process.alive():
            return None
        self.close()
        if len(self._failed) >= FAILED_STARTS:
            return self._failed[-1]
        failure = self._start()
        if failure is None:
            self._failed.clear()
        else:
            self._failed.append(failure)
        return failure

    def run(self, request: Request) -> Answer:
        """The answer to the request. Whatever ends or confuses the process also ends it here, and the next request starts another."""
        try:
            message: Json = {"message": "run", "id": self._sent, "request": request_to_json(request)}
            _validator("run")(message)
            line = dump(message)
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            return Broken(f"the judge's own request breaks the protocol: {error}")
        cannot = self.start()
        if cannot is not None or self._process is None:
            return cannot or CannotStart("it never started", "")
        self._sent += 1
        try:
            return _read_answer(message["id"], self._exchange(self._process, line, self._case_seconds))
        except _Ended as ended:
            self.close()
            return ended.answer
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            stderr = self._process.stderr()
            self.close()
            reason, hint = _complaint(error, "the answer")
            return Broken(f"{self._launch.subject} broke the protocol: {reason}\n{stderr}", hint)
        except BaseException:
            # An answer that nobody waits for any more must not be taken for the next one's.
            self._process.kill()
            self.close()
            raise

    def close(self) -> None:
        """End the process, politely where it still listens."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _exchange(self, process: "_Process", line: bytes, seconds: float) -> bytes:
        if line:
            self._heard(line)
        answer = process.exchange(line, seconds)
        self._heard(answer)
        return answer

    def _start(self) -> CannotStart | None:
        try:
            process = _Process(self._launch)
        except OSError as error:
            return CannotStart(f"{self._launch.command[0]} cannot be run: {error.strerror}", "", WHERE_IT_IS)
        try:
            facts = _read_hello(self._exchange(process, b"", self._start_seconds))
        except _Ended as ended:
            process.close()
            by_hand = f"try it in a terminal: {shlex.join(self._launch.command)}"
            return CannotStart(_never_ready(ended.answer), ended.answer.stderr, f"{AT_ONCE}; {by_hand}")
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            stderr = process.stderr()
            process.close()
            reason, hint = _complaint(error, "the hello")
            return CannotStart(f"its first line is no hello of protocol {PROTOCOL}: {reason}", stderr, hint)
        except BaseException:
            process.kill()
            process.close()
            raise
        self.facts = facts
        self._process = process
        return None


def _complaint(error: WireError | fastjsonschema.JsonSchemaValueException, message: str) -> tuple[str, str]:
    """What is wrong with a message, and what to do about it."""
    if isinstance(error, fastjsonschema.JsonSchemaValueException):
        return error.message.replace("data", message, 1), AS_DESCRIBED
    return str(error), ONLY_MESSAGES if isinstance(error, NotAMessage) else AS_DESCRIBED


def _never_ready(answer: Crashed | TimedOut) -> str:
    if isinstance(answer, Crashed):
        return f"ended before it was ready, {answer.cause}"
    begun = f": {unended(answer.begun)}" if answer.begun else ""
    return f"not ready within {answer.seconds:g} s{begun}"


def unended(begun: bytes) -> str:
    """What is wrong with a line that was begun and never ended."""
    return f"it began the line {begun[:200]!r} and never ended it; end each message with a line feed, and flush"


class _Ended(Exception):
    """The process is gone: why."""

    def __init__(self, answer: Crashed | TimedOut) -> None:
        super().__init__(answer)
        self.answer = answer


class _Process:
    """A running command with its streams, in an empty folder of its own and in a session of its own: the terminal's Ctrl-C reaches only the judge."""

    def __init__(self, launch: Launch) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lstm-ref-", ignore_cleanup_errors=True)
        try:
            self._process = subprocess.Popen(
                launch.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=launch.folder or self._folder.name,
                env={**os.environ, "PYTHONWARNINGS": "", **launch.environment},
                start_new_session=True,
            )
        except OSError:
            self._folder.cleanup()
            raise
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._requests = self._process.stdin
        self._answers = self._process.stdout
        self._tail = _Tail(self._process.stderr)

    def alive(self) -> bool:
        return self._process.poll() is None

    def stderr(self) -> str:
        return self._tail.text()

    def exchange(self, line: bytes, seconds: float) -> bytes:
        """Send the line, if any, and wait for one. Raises _Ended when the process ends, or does not answer in time and is killed."""
        if line:
            self._tail.clear()
        late = threading.Event()

        def end() -> None:
            late.set()
            self.kill()

        watch = threading.Timer(seconds, end)
        watch.daemon = True
        watch.start()
        answer = b""
        try:
            # A process that is gone shows as a broken pipe here or as the end of its answers below.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                if line:
                    self._requests.write(line)
                    self._requests.flush()
            answer = self._answers.readline(LONGEST_LINE)
        finally:
            watch.cancel()
        if late.is_set():
            self._process.wait()
            raise _Ended(TimedOut(seconds, self._tail.end(), answer))
        if not answer:
            raise _Ended(Crashed(self._cause(), self._tail.end()))
        return answer

    def kill(self) -> None:
        """End the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def close(self) -> None:
        """Say bye, then end what does not leave, and read nothing more."""
        try:
            with contextlib.suppress(OSError):
                self._requests.write(dump({"message": "bye"}))
            for end in (self._requests.close, self._process.terminate, self.kill):
                with contextlib.suppress(OSError):
                    end()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(CLOSE_SECONDS)
                    break
        finally:
            self.kill()
            self._process.wait()
            self._tail.end()
            self._answers.close()
            with contextlib.suppress(OSError):
                self._requests.close()
            self._folder.cleanup()

    def _cause(self) -> str:
        try:
            code = self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return "it closed its output and went on running"
        if code >= 0:
            return f"exit code {code}"
        try:
            return f"signal {signal.Signals(-code).name}"
        except ValueError:
            return f"signal {-code}"


class _Tail:
    """The end of a stream, kept up to date by a thread, so that the process never waits for somebody to read it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._kept = bytearray()
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def text(self) -> str:
        with self._lock:
            return self._kept.decode("utf-8", "replace")

    def end(self) -> str:
        """The text once the stream has ended; a stream that somebody still holds open is left alone after a moment."""
        self._reader.join(CLOSE_SECONDS)
        return self.text()

    def _read(self) -> None:
        with self._stream:
            while chunk := os.read(self._stream.fileno(), 1 << 12):
                with self._lock:
                    self._kept += chunk
                    del self._kept[:-STDERR_TAIL]


def _read_hello(line: bytes) -> Facts:
    message = parse(line)
    if message.get("message") == "hello" and message.get("protocol") != PROTOCOL:
        raise WireError(f"it speaks protocol {message.get('protocol')!r}, and this version of lstm-ref speaks {PROTOCOL}")
    _validator("hello")(message)
    return Facts(
        subject=message["subject"],
        versions=message["versions"],
        environment=message.get("environment", {}),
        implementations={each["name"]: Introduction.from_json(each) for each in message["implementations"]},
        processor=message.get("processor", {}),
    )


def _read_answer(expected: int, line: bytes) -> Trace | Unsupported | Broken:
    message = parse(line)
    kind = message.get("message")
    if kind not in ("trace", "unsupported", "broken"):
        raise WireError(f"a run is answered with trace, unsupported or broken, not {kind!r}")
    _validator(kind)(message)
    if message["id"] != expected:
        raise WireError(f"run {expected} was answered with id {message['id']}")
    if kind == "trace":
        return trace_from_json(message["trace"])
    return Unsupported(message["reason"]) if kind == "unsupported" else Broken(message["traceback"])


@functools.cache
def _validator(kind: str) -> Callable[[Any], Any]:
    """The compiled schema of one kind of message; by kind, since its errors name the part that is wrong."""
    schema: Json = json.loads(importlib.resources.files("lstm_ref.implementations").joinpath("protocol.schema.json").read_text("utf-8"))
    compiled: Callable[[Any], Any] = fastjsonschema.compile({"definitions": schema["definitions"], "$ref": f"#/definitions/{kind}"})
    return compiled
