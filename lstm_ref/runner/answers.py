"""The answers of a subject, read and checked against the schema of the protocol."""

import functools
import importlib.resources
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import fastjsonschema

from lstm_ref.protocol.errors import WireError
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.protocol.trace import Trace
from lstm_ref.protocol.wire import PROTOCOL, Json, parse, trace_from_json


@dataclass(frozen=True)
class Facts:
    """What a subject said about itself when it started: versions by package, pinned
    environment, what its framework says of the processor, and by name what each of its
    implementations is and can do.
    """

    subject: str
    versions: Mapping[str, str]
    environment: Mapping[str, str]
    implementations: Mapping[str, Introduction]
    processor: Mapping[str, str | bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Crashed:
    """The process ended in the middle of a request: "signal SIGSEGV" or "exit code 3",
    and the end of what it wrote to standard error.
    """

    cause: str
    stderr: str


@dataclass(frozen=True)
class TimedOut:
    """There was no answer within these seconds, and the process was killed. `begun` is
    a line that it began and did not end.
    """

    seconds: float
    stderr: str
    begun: bytes = b""


@dataclass(frozen=True)
class Unsupported:
    """The implementation says that it does not offer this."""

    reason: str


@dataclass(frozen=True)
class Broken:
    """The adapter failed, or sent something that the protocol does not allow. The
    framework is not to blame. `hint` says what to do.
    """

    traceback: str
    hint: str = ""


@dataclass(frozen=True)
class CannotStart:
    """The subject never became ready, so nothing ran. `hint` says what to do."""

    reason: str
    stderr: str
    hint: str = ""


Answer = Trace | Crashed | TimedOut | Unsupported | Broken | CannotStart


def read_hello(line: bytes) -> Facts:
    message = parse(line)
    if message.get("message") == "hello" and message.get("protocol") != PROTOCOL:
        raise WireError(
            f"it speaks protocol {message.get('protocol')!r}, and this version of lstm-ref speaks {PROTOCOL}"
        )
    validator("hello")(message)
    return Facts(
        subject=message["subject"],
        versions=message["versions"],
        environment=message.get("environment", {}),
        implementations={each["name"]: Introduction.from_json(each) for each in message["implementations"]},
        processor=message.get("processor", {}),
    )


def read_answer(expected: int, line: bytes) -> Trace | Unsupported | Broken:
    message = parse(line)
    kind = message.get("message")
    if kind not in ("trace", "unsupported", "broken"):
        raise WireError(f"a run is answered with trace, unsupported or broken, not {kind!r}")
    validator(kind)(message)
    if message["id"] != expected:
        raise WireError(f"run {expected} was answered with id {message['id']}")
    if kind == "trace":
        return trace_from_json(message["trace"])
    return Unsupported(message["reason"]) if kind == "unsupported" else Broken(message["traceback"])


@functools.cache
def validator(kind: str) -> Callable[[Any], Any]:
    """The compiled schema of one kind of message; by kind, since its errors name the
    part that is wrong.
    """
    schema: Json = json.loads(
        importlib.resources.files("lstm_ref.protocol").joinpath("protocol.schema.json").read_text("utf-8")
    )
    compiled: Callable[[Any], Any] = fastjsonschema.compile(
        {"definitions": schema["definitions"], "$ref": f"#/definitions/{kind}"}
    )
    return compiled
