"""The result file belongs to one run at a time."""

from pathlib import Path

import pytest

from lstm_ref.harness.errors import ResultsInUse
from lstm_ref.harness.results import ResultFile
from lstm_ref.report.data import Header, read

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


def test_a_second_run_on_the_same_file_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    first = ResultFile(path, HEADER)
    written = path.read_bytes()
    with pytest.raises(ResultsInUse, match=r"another run is writing .*results\.jsonl; wait for it, or give this one its own with --results"):
        ResultFile(path, HEADER)
    assert path.read_bytes() == written
    first.finish()
    first.close()
    assert read(path).incomplete == ""


def test_runs_on_two_files_do_not_mind_each_other(tmp_path: Path) -> None:
    for file in [ResultFile(tmp_path / name, HEADER) for name in ("one.jsonl", "other.jsonl")]:
        file.close()


def test_a_file_that_nobody_holds_any_more_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text("what an older run left behind\n" * 99, encoding="utf-8")
    for _ in range(2):
        file = ResultFile(path, HEADER)
        file.finish()
        file.close()
        assert len(path.read_text(encoding="utf-8").splitlines()) == 2
        assert read(path).incomplete == ""
