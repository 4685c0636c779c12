"""The result file belongs to one run at a time."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_ref.results.errors import ResultsInUse
from lstm_ref.results.reading import read
from lstm_ref.results.records import Header
from lstm_ref.results.writing import ResultFile, record

pytest.importorskip("fcntl", reason="without flock nobody is kept out")

PLATFORM = {"system": "", "machine": "", "python": "", "numpy": "", "cpu": "", "flags": []}
HEADER = Header(
    lstm_ref="0",
    started="2026-01-01T00:00:00+00:00",
    seed=0,
    corpus="",
    cases=0,
    items=0,
    options={},
    platform=PLATFORM,
    implementations=(),
    missing=(),
)


def begun(path: Path) -> ResultFile:
    file = ResultFile(path)
    file.begin(HEADER)
    return file


def test_a_second_run_on_the_same_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first = begun(path)
    written = path.read_bytes()
    with pytest.raises(
        ResultsInUse,
        match=(
            r"another run is writing .*results\.jsonl; wait for it, or give this one its own with --results"
        ),
    ):
        begun(path)
    assert path.read_bytes() == written
    first.finish()
    first.close()
    assert read(path).incomplete == ""


def test_runs_on_two_files_do_not_mind_each_other(tmp_path: Path) -> None:
    files = [begun(tmp_path / name) for name in ("one.jsonl", "other.jsonl")]
    for file in files:
        file.finish()
        file.close()
    assert [read(file.path).incomplete for file in files] == ["", ""]


def test_a_file_that_nobody_holds_any_more_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("what an older run left behind\n" * 99, encoding="utf-8")
    for _ in range(2):
        file = begun(path)
        file.finish()
        file.close()
        assert len(path.read_text(encoding="utf-8").splitlines()) == 2
        assert read(path).incomplete == ""


def test_what_has_come_in_is_in_the_file_before_it_is_closed_and_the_footer_sums_it_up(
    tmp_path: Path,
) -> None:
    file = begun(tmp_path / "results.jsonl")
    file.subject({"name": "toy", "versions": {"toy": "1"}})
    file.subject({"name": "toy", "versions": {"toy": "1"}})
    file.outcome({"outcome": "pass", "framework_seconds": 0.25})
    file.outcome({"outcome": "fail", "framework_seconds": 0.5})
    file.outcome({"outcome": "fail", "framework_seconds": None})
    lines = [json.loads(line) for line in file.path.read_text(encoding="utf-8").splitlines()]
    assert [line["type"] for line in lines] == ["header", "subject", "outcome", "outcome", "outcome"]
    assert [line["framework_seconds"] for line in lines[2:]] == [0.25, 0.5, None]
    file.finish()
    footer = json.loads(file.path.read_text(encoding="utf-8").splitlines()[-1])
    file.close()
    assert (footer["type"], footer["counts"], footer["framework_seconds"]) == (
        "footer",
        {"pass": 1, "fail": 2},
        0.75,
    )
    assert 0 <= footer["seconds"] < 60


def test_numbers_that_json_does_not_have_are_written_as_words() -> None:
    found = record(replace(HEADER, options={"a": float("nan"), "b": [float("inf"), (-float("inf"), 0.5)]}))
    assert found["options"] == {"a": "nan", "b": ["inf", ["-inf", 0.5]]}
