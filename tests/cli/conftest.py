"""A result file for commands that read one."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ref.results.records import Header, Outcome, Worst
from lstm_ref.results.writing import ResultFile, record

WORST = Worst(0, "h_n", (0, 1, 2), ("layer*direction", "batch", "unit"), 0.1, 0.2, 0.1, 1e-6)


def outcome_of(case: str, outcome: str, **changes: object) -> Outcome:
    values: dict[str, object] = {
        "implementation": "torch",
        "dtype": "float32",
        "message": "" if outcome == "pass" else "output: 3 elements are beyond the bound\nin units: <1>",
        "file": f"cases/{case.rpartition('/')[0]}.yaml",
        "line": 12,
        "about": "About it.",
        "source": "torch.nn.LSTM",
        "parameters": {"params.bias": True},
        "worst": None if outcome == "unsupported" else WORST,
        "ratio": None if outcome == "unsupported" else 0.5 if outcome == "pass" else 1e5,
        "reproduce": f"lstm-ref run '{case}' --impl torch --dtype float32",
        "seconds": 0.25,
    }
    return Outcome(case=case, outcome=outcome, **{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def outcome() -> Callable[..., Outcome]:
    return outcome_of


@pytest.fixture
def result_file(tmp_path: Path) -> Callable[..., Path]:
    def written(*outcomes: Outcome, whole: bool = True) -> Path:
        platform = {
            "system": "Linux",
            "machine": "x86_64",
            "python": "3.11",
            "numpy": "2",
            "cpu": "",
            "flags": [],
        }
        names = tuple(dict.fromkeys(each.implementation for each in outcomes))
        count = len(outcomes)
        header = Header(
            "0.1.0", "2026-01-02T03:04:05+00:00", 0, "c0ffee", count, count, {}, platform, names, ()
        )
        file = ResultFile(tmp_path / "results.jsonl")
        file.begin(header)
        for each in outcomes:
            file.outcome(record(each))
        if whole:
            file.finish()
        file.close()
        return file.path

    return written
