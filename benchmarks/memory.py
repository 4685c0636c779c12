"""Resident memory of the real subjects over a run. It has to stay below its budget and
flat: the second half may add at most 5 %.

Every request builds a fresh layer, with a mask where there is one, which is what makes
Keras keep memory until its session is cleared.
"""

import argparse

import numpy as np
import psutil

from lstm_ref.implementations import discover
from lstm_ref.protocol.trace import Request, Step, Tensor, Trace
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

BUDGET_MB = {"keras-tensorflow": 800, "torch": 400}
GROWTH = 1.05


def tensor(*shape: int) -> Tensor:
    return Tensor("float64", np.ones(shape) / 8)


REQUESTS = {
    "keras-tensorflow": Request(
        "keras-tensorflow",
        "LSTM",
        {"units": 3, "return_sequences": True},
        "float64",
        {"kernel": tensor(5, 12), "recurrent_kernel": tensor(3, 12), "bias": tensor(12)},
        (
            Step(
                "call",
                {"sequences": tensor(4, 7, 5), "mask": Tensor("bool", np.tri(4, 7, 2, bool))},
                (tensor(4, 7, 3),),
            ),
        ),
    ),
    "torch": Request(
        "torch",
        "LSTM",
        {"input_size": 5, "hidden_size": 3},
        "float64",
        {
            "weight_ih_l0": tensor(12, 5),
            "weight_hh_l0": tensor(12, 3),
            "bias_ih_l0": tensor(12),
            "bias_hh_l0": tensor(12),
        },
        (Step("call", {"input": tensor(7, 4, 5)}, (tensor(7, 4, 3), tensor(1, 4, 3), tensor(1, 4, 3))),),
    ),
}


def measure(name: str, requests: int, points: int) -> list[tuple[int, float]]:
    """(requests answered, MB resident) at equal distances over the run."""
    subject = Subject(launch(discover()[name].host))
    measured = []
    try:
        for done in range(1, requests + 1):
            answer = subject.run(REQUESTS[name])
            if not isinstance(answer, Trace) or answer.raised is not None:
                raise SystemExit(f"{name} did not answer: {answer}")
            if done % (requests // points) == 0:
                (process,) = psutil.Process().children()
                measured.append((done, process.memory_info().rss / 1e6))
    finally:
        subject.close()
    return measured


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--requests",
        type=int,
        default=1000,
        help="requests a subject answers, at least 20 (default %(default)s)",
    )
    parser.add_argument(
        "--impl", action="append", choices=list(REQUESTS), help="measure this one only; may be repeated"
    )
    options = parser.parse_args()
    kept = True
    for name in options.impl or REQUESTS:
        implementation = discover()[name]
        if not installed(implementation):
            print(f"{name}: not measured, not installed: {implementation.host.install}")
            kept = False
            continue
        measured = measure(name, options.requests, points=10)
        middle, largest = measured[len(measured) // 2 - 1][1], max(each for _, each in measured)
        print(f"{name:24} {'requests':>8} {'MB':>6}")
        for done, resident in measured:
            print(f"{'':24} {done:8} {resident:6.0f}")
        print(
            f"{'budget':24} {'':8} {BUDGET_MB[name]:6} "
            f" {'kept' if largest <= BUDGET_MB[name] else 'EXCEEDED'}"
        )
        print(
            f"{'flat, second half':24} {'':8} {100 * (largest / middle - 1):+5.1f}% "
            f" {'kept' if largest <= GROWTH * middle else 'EXCEEDED'}"
        )
        kept = kept and largest <= BUDGET_MB[name] and largest <= GROWTH * middle
    raise SystemExit(not kept)


if __name__ == "__main__":
    main()
