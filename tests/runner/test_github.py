"""What a run says in a job of GitHub Actions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from heads import head

ONE_WRONG = (
    head("keras", "LSTM")
    + """\
  - name: wrong
    params: {units: 2}
    input: {batch: 2, timesteps: 2, features: 2}
    dtypes: [float64]
    expect: {raises: ValueError}
"""
)


def test_a_job_of_github_gets_annotations_and_a_summary(run: Callable[..., Any], tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n", encoding="utf-8")
    done = run(
        *("file.yaml", "--lstm-impl", "keras-twin"),
        yaml=ONE_WRONG,
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(summary),
    )
    assert done.code == 1
    lines = [line for line in done.text.splitlines() if line.startswith("::error ")]
    assert len(lines) == 1
    assert lines[0].startswith("::error file=file.yaml,line=7,title=keras-twin in float64::file/wrong: ")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## LSTM conformance\n")
    assert "file/wrong" in text


def test_elsewhere_nothing_is_marked_and_a_summary_that_cannot_be_written_is_told(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    summary = str(tmp_path / "none" / "summary.md")
    done = run("file.yaml", "--lstm-impl", "keras-twin", yaml=ONE_WRONG, GITHUB_STEP_SUMMARY=summary)
    assert done.code == 1
    assert "::error" not in done.text
    assert f"the summary {summary} cannot be written: No such file" in done.text
    assert done.results.incomplete == ""
