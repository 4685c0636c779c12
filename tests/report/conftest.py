"""Result files to report on: made line by line, so that each test can break the line
that it is about.
"""

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Record = dict[str, Any]


def header(items: int, **changes: Any) -> Record:
    return {
        "type": "header",
        "format": 1,
        "lstm_ref": "0.1.0",
        "started": "2026-01-02T03:04:05+00:00",
        "seed": 0,
        "corpus": "c0ffee",
        "cases": items,
        "items": items,
        "options": {"dtype": ["float64", "float32"], "workers": 2},
        "platform": {
            "system": "Linux 6.1",
            "machine": "x86_64",
            "python": "3.11.7",
            "numpy": "2.4.6",
            "cpu": "AMD EPYC",
            "flags": ["avx2", "fma", "avx512f"],
        },
        "implementations": ["keras-tensorflow", "torch"],
        "missing": [],
        **changes,
    }


def subject(name: str, versions: dict[str, str]) -> Record:
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "-1"}
    return {
        "type": "subject",
        "subject": name,
        "implementations": [name],
        "versions": versions,
        "environment": environment,
    }


def outcome(**changes: Any) -> Record:
    return {
        "type": "outcome",
        "case": "keras/structure/product[use_bias=false]",
        "implementation": "keras-tensorflow",
        "dtype": "float64",
        "outcome": "pass",
        "message": "",
        "file": "cases/keras/structure.yaml",
        "line": 12,
        "about": "Every combination of the structural parameters computes the documented equations.",
        "source": 'keras.layers.LSTM, arguments "use_bias", "return_sequences"',
        "parameters": {"params.units": 3, "params.use_bias": False, "call.initial_state": "given"},
        "ratio": 0.31,
        "worst": {
            "call": 0,
            "tensor": "output",
            "index": [1, 2, 0],
            "axes": ["batch", "time", "unit"],
            "expected": 0.5,
            "observed": 0.5000000001,
            "error": 1e-10,
            "bound": 3.2e-10,
        },
        "reproduce": (
            "lstm-ref run 'keras/structure/product[use_bias=false]' --impl keras-tensorflow --dtype float64"
        ),
        "seconds": 0.02,
        "framework_seconds": 0.012,
        **changes,
    }


def footer(records: list[Record]) -> Record:
    counts = Counter(record["outcome"] for record in records if record["type"] == "outcome")
    return {
        "type": "footer",
        "finished": "2026-01-02T03:05:57+00:00",
        "seconds": 112.4,
        "framework_seconds": 81.5,
        "counts": dict(counts),
    }


def failure(**changes: Any) -> Record:
    case = changes.get("case", "keras/structure/product[use_bias=false]")
    return outcome(
        **{
            "outcome": "fail",
            "message": (
                "call 0, output: largest error 0.25 at batch 1, time 2, unit 0\nexpected 0.5, observed 0.75"
            ),
            "ratio": 7.8e8,
            "yaml": (
                f"kind: cases\ndialect: keras\nlayer: LSTM\ncases:\n  - name: product  # {case}\n    params:"
                " {units: 3, use_bias: false}\n"
            ),
            **changes,
        }
    )


def profile(**changes: Any) -> Record:
    return {
        "call": 0,
        "tensor": "output",
        "axis": "time",
        "places": ["0", "1", "2"],
        "ratios": [0.5, 7.8e8, "inf"],
        "expected": [0.25, 0.5, 1.0],
        "observed": [0.25, 0.75, "nan"],
        **changes,
    }


def claim(**changes: Any) -> Record:
    return {
        "claim": "claims/article/carry",
        "statement": "The last output is the <cell> state.",
        "place": "return values",
        "source": {"title": "An article", "kind": "article", "version": "Keras 2"},
        "verdict": "false",
        "side": "fails",
        "says": "They differ.",
        "corrected": "It is the hidden state.",
        "conditions": "",
        "decided_by": "",
        "note": "",
        "code": ["layer = LSTM(3)", "layer(x)  # x: (4, 7, 5)"],
        "seen": ["output and c: 12 of 12 numbers differ, by up to 0.4"],
        **changes,
    }


def complete(outcomes: list[Record], **changes: Any) -> list[Record]:
    records = [
        header(len(outcomes), **changes),
        subject("keras-tensorflow", {"tensorflow": "2.21.0", "keras": "3.15.1"}),
        subject("torch", {"torch": "2.13.0+cpu"}),
        *outcomes,
    ]
    return [*records, footer(records)]


def many(count: int, failing_every: int) -> Iterator[Record]:
    """Outcomes of a product like the corpus has: two documented APIs, two dtypes, eight
    axes.
    """
    axes = ["bias", "bidirectional", "go_backwards", "return_sequences", "return_state", "stateful", "unroll"]
    points = itertools.cycle(itertools.product(["tanh", "relu", "linear"], *[[False, True]] * len(axes)))
    for index in range(count // 2):
        dialect, implementation = (("keras", "keras-tensorflow"), ("torch", "torch"))[index // 384 % 2]
        file = f"{dialect}/subject-{index // 384}"
        point = dict(zip(["activation", *axes], next(points), strict=True))
        case = f"{file}/product[{','.join(f'{key}={value}'.lower() for key, value in point.items())}]"
        parameters = {f"params.{key}": value for key, value in point.items()} | {
            "params.units": 3,
            "call.initial_state": "given",
        }
        for dtype in ("float64", "float32"):
            make = failure if index % failing_every == 0 else outcome
            item = {
                "case": case,
                "implementation": implementation,
                "dtype": dtype,
                "file": f"cases/{file}.yaml",
                "parameters": parameters,
            }
            yield make(**item, ratio=index % 97 / 97)


@pytest.fixture
def make() -> dict[str, Callable[..., Any]]:
    return {
        "header": header,
        "subject": subject,
        "outcome": outcome,
        "failure": failure,
        "footer": footer,
        "profile": profile,
        "claim": claim,
        "complete": complete,
        "many": many,
    }


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[Record]], Path]:
    def write_lines(records: list[Record]) -> Path:
        file = tmp_path / "results.jsonl"
        file.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
        return file

    return write_lines
