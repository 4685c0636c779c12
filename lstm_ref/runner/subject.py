"""One subject: it is started when first needed, asked, watched, and replaced when it
ends.

Whatever a framework does to its process, it is the answer to one request. The next
request finds a new process.
"""

import shlex
from collections.abc import Callable

import fastjsonschema

from lstm_ref.protocol.errors import NotAMessage, WireError
from lstm_ref.protocol.trace import Request
from lstm_ref.protocol.wire import PROTOCOL, Json, dump, request_to_json
from lstm_ref.runner.answers import (
    Answer,
    Broken,
    CannotStart,
    Crashed,
    Facts,
    TimedOut,
    read_answer,
    read_hello,
    validator,
)
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.process import Ended, Process

START_SECONDS = 60.0
CASE_SECONDS = 30.0
FAILED_STARTS = 2

# Hints on what to do next, for common mistakes in a subject.
PAGE = "lstm_ref/protocol/README.md"
WHERE_IT_IS = (
    "see whether it is on the PATH, or at this path from the working folder, and may be run; quote the whole"
    " command as one argument"
)
AT_ONCE = "a subject writes its hello as soon as it starts, before it reads anything, and flushes its output"
ONLY_MESSAGES = (
    "only messages go to standard output, one JSON object a line; print everything else to standard error"
    f" ({PAGE})"
)
AS_DESCRIBED = f"each message is described, with an example, in {PAGE}"


class Subject:
    """One subject: its process while there is one, and what it said about itself.
    `heard` is told each line that passes.
    """

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
        self._process: Process | None = None
        self._failed: list[CannotStart] = []
        self._sent = 0

    @property
    def label(self) -> str:
        """What the judge calls it."""
        return self._launch.subject

    def start(self) -> CannotStart | None:
        """Start the process if needed, or say why it cannot start. After two failures
        in a row the last one is repeated at once.
        """
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
        """The answer to the request. Whatever ends or confuses the process also ends it
        here, and the next request starts another.
        """
        try:
            message: Json = {"message": "run", "id": self._sent, "request": request_to_json(request)}
            validator("run")(message)
            line = dump(message)
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            return Broken(f"the judge's own request breaks the protocol: {error}")
        cannot = self.start()
        if cannot is not None or self._process is None:
            return cannot or CannotStart("it never started", "")
        self._sent += 1
        try:
            return read_answer(message["id"], self._exchange(self._process, line, self._case_seconds))
        except Ended as ended:
            self.close()
            return ended.answer
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            stderr = self._process.stderr()
            self.close()
            reason, hint = _complaint(error, "the answer")
            return Broken(f"{self._launch.subject} broke the protocol: {reason}\n{stderr}", hint)
        except BaseException:
            # A late answer must not be taken for the answer to the next request.
            self._process.kill()
            self.close()
            raise

    def close(self) -> None:
        """End the process. If it still listens, it is asked first."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _exchange(self, process: "Process", line: bytes, seconds: float) -> bytes:
        if line:
            self._heard(line)
        answer = process.exchange(line, seconds)
        self._heard(answer)
        return answer

    def _start(self) -> CannotStart | None:
        try:
            process = Process(self._launch)
        except OSError as error:
            return CannotStart(f"{self._launch.command[0]} cannot be run: {error.strerror}", "", WHERE_IT_IS)
        try:
            facts = read_hello(self._exchange(process, b"", self._start_seconds))
        except Ended as ended:
            process.close()
            by_hand = f"try it in a terminal: {shlex.join(self._launch.command)}"
            return CannotStart(_never_ready(ended.answer), ended.answer.stderr, f"{AT_ONCE}; {by_hand}")
        except (WireError, fastjsonschema.JsonSchemaValueException) as error:
            stderr = process.stderr()
            process.close()
            reason, hint = _complaint(error, "the hello")
            return CannotStart(
                f"its first line is not a hello of protocol {PROTOCOL}: {reason}", stderr, hint
            )
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
    return (
        f"it began the line {begun[:200]!r} and never ended it; end each message with a line feed, and flush"
    )
