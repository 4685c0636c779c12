"""The judge's side of the protocol: subjects are started when first needed, asked, watched, and replaced when they end.

Whatever a framework does to its process is an answer to one request: the next request finds a new process.
"""

import contextlib
import functools
import importlib.resources
import importlib.util
import json
import os
import signal
import site
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import fastjsonschema

import lstm_ref
from lstm_ref.harness.errors import UnknownImplementation
from lstm_ref.implementations import Host, Implementation
from lstm_ref.implementations.errors import WireError
from lstm_ref.implementations.trace import Request, Trace
from lstm_ref.implementations.wire import PROTOCOL, Json, dump, parse, request_to_json, trace_from_json

START_SECONDS = 60.0
CASE_SECONDS = 30.0
CLOSE_SECONDS = 2.0
FAILED_STARTS = 2
LONGEST_LINE = 1 << 28
STDERR_TAIL = 1 << 14


@dataclass(frozen=True)
class Launch:
    """How to start a subject: its name, the command, and what is set in its environment beside the judge's own."""

    subject: str
    command: tuple[str, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True)
class Facts:
    """What a subject said about itself when it started: versions by package, pinned environment, dialect by implementation, and
    for each implementation the dtype in which it accumulates, by dtype. `processor` is what its framework says of the processor.
    """

    subject: str
    versions: Mapping[str, str]
    environment: Mapping[str, str]
    dialects: Mapping[str, str]
    accumulation: Mapping[str, Mapping[str, str]]
    processor: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Crashed:
    """The process ended in the middle of a request: "signal SIGSEGV" or "exit code 3", and the end of what it wrote to standard error."""

    cause: str
    stderr: str


@dataclass(frozen=True)
class TimedOut:
    """No answer within these seconds; the process was killed."""

    seconds: float
    stderr: str


@dataclass(frozen=True)
class Unsupported:
    """The implementation says that it does not offer this."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """The adapter failed or sent what the protocol does not allow; the framework is not to blame."""

    traceback: str


@dataclass(frozen=True)
class CannotStart:
    """The subject never became ready, so nothing ran."""

    reason: str
    stderr: str


Answer = Trace | Crashed | TimedOut | Unsupported | Broken | CannotStart


def installed(implementation: Implementation) -> bool:
    """Whether everything that the implementation requires can be found. Nothing is imported."""
    return not missing_modules(implementation)


def missing_modules(implementation: Implementation) -> list[str]:
    """The modules that the implementation requires and that cannot be found."""
    return [module for module in implementation.host.requires if not _found(module)]


def _found(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    # A folder of that name in the path is a namespace package, without a file of its own.
    return spec is not None and spec.origin is not None


def launch(host: Host) -> Launch:
    """The host under this interpreter. What a user has set of `lowest` stays as it is."""
    chosen = {name: os.environ[name] for name in host.lowest if name in os.environ}
    environment = {**host.environment, **chosen, "PYTHONPATH": _python_path()}
    return Launch(host.subject, (sys.executable, "-m", "lstm_ref.implementations", host.subject), environment)


def lowest(host: Host) -> Launch | None:
    """The host held to the oldest instructions; None where it cannot be held, or is already."""
    usual = launch(host)
    held = {**usual.environment, **host.lowest}
    return None if held == usual.environment else replace(usual, environment=held)


def _python_path() -> str:
    """The judge's own PYTHONPATH, which holds in any working folder, and this package's folder where it is not installed."""
    package = str(Path(lstm_ref.__file__).resolve().parent.parent)
    inherited = [os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    from_checkout = [] if package in {*site.getsitepackages(), site.getusersitepackages(), *inherited} else [package]
    return os.pathsep.join([*inherited, *from_checkout])


class Subjects:
    """The subjects of a run, one process for each host, by the implementations that live in them.

    `lifetimes` are the implementations that wear their process out, and the number of requests after which it is replaced.
    """

    def __init__(
        self,
        launches: Mapping[str, Launch],
        start_seconds: float = START_SECONDS,
        case_seconds: float = CASE_SECONDS,
        lifetimes: Mapping[str, int] | None = None,
    ) -> None:
        by_name = {each.subject: Subject(each, start_seconds, case_seconds) for each in launches.values()}
        self._subjects = {implementation: by_name[each.subject] for implementation, each in launches.items()}
        self._lifetimes = lifetimes or {}
        self._runs = dict.fromkeys(self._lifetimes, 0)

    @classmethod
    def of(cls, implementations: Mapping[str, Implementation]) -> "Subjects":
        """The subjects of declared implementations, under this interpreter."""
        lifetimes = {name: implementation.lifetime for name, implementation in implementations.items() if implementation.lifetime}
        return cls({name: launch(implementation.host) for name, implementation in implementations.items()}, lifetimes=lifetimes)

    @classmethod
    def held_back(cls, implementations: Mapping[str, Implementation]) -> "Subjects":
        """The same with the oldest instructions; without those that cannot be held to them, or are already."""
        launches = {name: lowest(implementation.host) for name, implementation in implementations.items()}
        return cls({name: each for name, each in launches.items() if each is not None})

    def hosts(self, implementation: str) -> bool:
        """Whether the implementation lives in one of the subjects."""
        return implementation in self._subjects

    def run(self, request: Request) -> Answer:
        """The answer of the subject that hosts the request's implementation. Raises UnknownImplementation."""
        subject, name = self._subject(request.implementation), request.implementation
        if name in self._lifetimes:
            self._runs[name] += 1
            if self._runs[name] % self._lifetimes[name] == 0:
                subject.close()
        return subject.run(request)

    def replace(self, implementation: str) -> None:
        """End the process that hosts the implementation: the next request finds a new one."""
        self._subject(implementation).close()

    def start(self, implementation: str) -> CannotStart | None:
        """Have the implementation's subject ready, or say why it is not."""
        return self._subject(implementation).start()

    def facts(self) -> dict[str, Facts]:
        """What the subjects that have started said about themselves, by subject."""
        return {subject.facts.subject: subject.facts for subject in self._subjects.values() if subject.facts is not None}

    def close(self) -> None:
        """End all processes."""
        for subject in self._subjects.values():
            subject.close()

    def __enter__(self) -> "Subjects":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _subject(self, implementation: str) -> "Subject":
        if implementation not in self._subjects:
            known = list(self._subjects)
            raise UnknownImplementation(implementation, known, get_close_matches(implementation, known, n=1))
        return self._subjects[implementation]


class Subject:
    """One subject: its process while there is one, and what it said about itself."""

    def __init__(self, launch: Launch, start_seconds: float = START_SECONDS, case_seconds: float = CASE_SECONDS) -> None:
        self.facts: Facts | None = None
        self._launch = launch
        self._start_seconds = start_seconds
        self._case_seconds = case_seconds
        self._process: _Process | None = None
        self._failed: list[CannotStart] = []
        self._sent = 0

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
            return _read_answer(message["id"], self._process.exchange(line, self._case_seconds))
        except _Ended as ended:
            self.close()
            return ended.answer
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            stderr = self._process.stderr()
            self.close()
            return Broken(f"{self._launch.subject} broke the protocol: {error}\n{stderr}")
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

    def _start(self) -> CannotStart | None:
        try:
            process = _Process(self._launch)
        except OSError as error:
            return CannotStart(f"{self._launch.command[0]} cannot be run: {error}", "")
        try:
            facts = _read_hello(process.exchange(b"", self._start_seconds))
        except _Ended as ended:
            process.close()
            reason = (
                f"not ready within {self._start_seconds:g} s"
                if isinstance(ended.answer, TimedOut)
                else f"ended before it was ready, {ended.answer.cause}"
            )
            return CannotStart(reason, ended.answer.stderr)
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            stderr = process.stderr()
            process.close()
            return CannotStart(f"its first line is no hello of protocol {PROTOCOL}: {error}", stderr)
        except BaseException:
            process.kill()
            process.close()
            raise
        self.facts = facts
        self._process = process
        return None


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
                cwd=self._folder.name,
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
            raise _Ended(TimedOut(seconds, self._tail.end()))
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
        raise WireError(
            f"it speaks protocol {message.get('protocol')!r}; start it with an interpreter that has this version of lstm_ref.implementations"
        )
    _validator("hello")(message)
    return Facts(
        subject=message["subject"],
        versions=message["versions"],
        environment=message["environment"],
        dialects={each["name"]: each["dialect"] for each in message["implementations"]},
        accumulation={each["name"]: each["accumulation"] for each in message["implementations"]},
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
