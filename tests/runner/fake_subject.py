"""A subject without a framework that does to its process what the request's layer says;
run as a script.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.protocol.adapter import Gradients, Host, Implementation
from lstm_ref.protocol.server import serve
from lstm_ref.protocol.trace import Request, Tensor


def _kill(number: int) -> None:
    os.kill(os.getpid(), number)


def _print() -> None:
    print("noise from Python")
    os.write(1, b'{"message": "trace"}\n')
    print("complaint", file=sys.stderr, flush=True)


def _close_output() -> None:
    os.closerange(3, 64)
    time.sleep(600)


def _read() -> None:
    assert os.read(0, 1) == b""


def _raise() -> None:
    raise ValueError("refused")


def _complain_and_die() -> None:
    os.write(2, b"x" * 100_000 + b"last words\n")
    _kill(signal.SIGABRT)


DEEDS: Mapping[str, Callable[[], Any]] = {
    "work": lambda: None,
    "pid": lambda: None,
    "segfault": lambda: _kill(signal.SIGSEGV),
    "abort": _complain_and_die,
    "exit": lambda: os._exit(3),
    "sys-exit": lambda: sys.exit(4),
    "hang": lambda: time.sleep(600),
    "close-output": _close_output,
    "print": _print,
    "read": _read,
    "raise": _raise,
}


class Fake:
    """Doubles its input, after the deed."""

    def versions(self) -> Mapping[str, str]:
        return {"fake": "1.0"}

    def unsupported(self, request: Request) -> str | None:
        return "no fakes today" if request.layer == "unsupported" else None

    def constructor(self, request: Request) -> Callable[[], Any]:
        deed = DEEDS[request.layer]

        def layer(x: Any) -> Any:
            deed()
            return np.array([os.getpid()]) if request.layer == "pid" else 2 * x

        return lambda: layer

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        raise LookupError("a bug of the adapter")

    def tensor(self, value: Tensor) -> Any:
        return np.array(value.values)

    def read(self, tensor: Any) -> Tensor:
        return Tensor(str(tensor.dtype), tensor)

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        return lambda: layer(**arguments)

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        return call(), lambda outputs, cotangents: ({}, list(cotangents))

    def seed(self, seed: int) -> None:
        pass

    def weights(self, layer: Any) -> Mapping[str, Any]:
        return {}

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        return {}

    def effects(self, layer: Any) -> Mapping[str, Any]:
        return {}

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        return lambda: layer

    def release(self) -> None:
        pass


if __name__ == "__main__":
    host = Host("fake", (), "fake", {"FAKE_THREADS": "1"})
    lifetime = int(sys.argv[1]) if len(sys.argv) > 1 else None
    serve([Implementation("fake", "keras", Fake, {"float64": "float64"}, host, lifetime=lifetime)])
