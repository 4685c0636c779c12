"""What an item pays for the journey to a subject and back, without any framework.

The subject is this file again: it returns an ordinary Keras case's outputs and
gradients without computing them. Budget: 2 ms an item for transport and pytest
together; here the transport alone is measured, and 1 ms is left to pytest.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.protocol import Host, Implementation
from lstm_ref.protocol.adapter import Gradients
from lstm_ref.protocol.server import serve
from lstm_ref.protocol.trace import Request, Step, Tensor, Trace
from lstm_ref.runner.launching import Launch, launch
from lstm_ref.runner.subject import Subject

BUDGET_MS = 1.0
HOST = Host("echo", (), "echo", {})
SHAPES = {"kernel": (5, 12), "recurrent_kernel": (3, 12), "bias": (12,)}
OUTPUTS = [(4, 7, 3), (4, 3), (4, 3)]


class Echo:
    """Returns as much as an LSTM with three units does, and computes nothing."""

    def versions(self) -> Mapping[str, str]:
        return {}

    def unsupported(self, request: Request) -> str | None:
        return None

    def constructor(self, request: Request) -> Callable[[], Any]:
        outputs = tuple(np.zeros(shape) for shape in OUTPUTS)
        return lambda: lambda **arguments: outputs

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        self.held = {name: tensor.values for name, tensor in weights.items()}

    def tensor(self, value: Tensor) -> Any:
        return value.values

    def read(self, tensor: Any) -> Tensor:
        return Tensor("float64", tensor)

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        return lambda: layer(**arguments)

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        return call(), lambda outputs, cotangents: (self.held, list(leaves))

    def seed(self, seed: int) -> None:
        pass

    def weights(self, layer: Any) -> Mapping[str, Any]:
        return self.held

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        return {}

    def effects(self, layer: Any) -> Mapping[str, Any]:
        return {}

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        return lambda: layer

    def release(self) -> None:
        pass


def measure(items: int) -> list[float]:
    """Milliseconds of each round trip, encoding, validation and decoding of both
    directions included.
    """

    def tensor(*shape: int) -> Tensor:
        return Tensor("float64", np.ones(shape))

    arguments = {"sequences": tensor(4, 7, 5), "initial_state": [tensor(4, 3), tensor(4, 3)]}
    step = Step("call", arguments, tuple(tensor(*shape) for shape in OUTPUTS))
    request = Request(
        "echo",
        "LSTM",
        {"units": 3},
        "float64",
        {name: tensor(*shape) for name, shape in SHAPES.items()},
        (step,),
    )
    subject = Subject(
        Launch(
            "echo",
            (sys.executable, __file__, "--subject"),
            {"PYTHONPATH": launch(HOST).environment["PYTHONPATH"]},
        )
    )
    times = []
    try:
        for _ in range(items + 20):
            started = time.perf_counter()
            answer = subject.run(request)
            times.append(1000 * (time.perf_counter() - started))
            if not isinstance(answer, Trace) or answer.raised is not None:
                raise SystemExit(f"the echo did not answer: {answer}")
    finally:
        subject.close()
    return times[20:]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--items", type=int, default=1000, help="round trips to measure (default %(default)s)"
    )
    parser.add_argument("--subject", action="store_true", help="be the subject; for this benchmark itself")
    options = parser.parse_args()
    if options.subject:
        serve([Implementation("echo", "keras", Echo, {"float64": "float64"}, HOST)])
        return
    times = measure(options.items)
    median = statistics.median(times)
    print(f"{'round trips':24} {len(times)}")
    for name, value in (
        ("median", median),
        ("95 %", statistics.quantiles(times, n=20)[-1]),
        ("largest", max(times)),
    ):
        print(f"{name:24} {value:.2f} ms")
    print(f"{'budget, median':24} {BUDGET_MS:.2f} ms  {'kept' if median <= BUDGET_MS else 'EXCEEDED'}")
    raise SystemExit(median > BUDGET_MS)


if __name__ == "__main__":
    main()
