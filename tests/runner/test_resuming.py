"""A run goes on where an interrupted one stopped."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from heads import TORCH_LSTM

from lstm_ref.implementations import discover
from lstm_ref.results.errors import ResultFileError
from lstm_ref.results.reading import read
from lstm_ref.runner.resuming import differences
from lstm_ref.runner.targets import Target

Pytest = Callable[..., Any]

CASES = (
    TORCH_LSTM
    + """\
  - {name: plain, matrix: {params.bias: [true, false], call.hx: [absent, given]}}
"""
)
FAULT = "states_swapped"  # four of the eight items see it


@pytest.fixture
def interrupted(run: Pytest, tmp_path: Path) -> Callable[..., Path]:
    """The result file of a run that stopped in the middle of its sixth outcome."""

    def run_and_cut(*arguments: str, lines: int = 7, torn: int = 100, **environment: str) -> Path:
        run(*arguments, yaml=CASES, **environment)
        file = tmp_path / "reports" / "results.jsonl"
        whole = file.read_bytes().splitlines(keepends=True)
        file.write_bytes(b"".join(whole[:lines]) + whole[lines][:torn])
        return file

    return run_and_cut


def all_but_times(file: Path) -> list[dict[str, Any]]:
    records = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    times = ("started", "finished", "seconds", "framework_seconds")
    return sorted(
        ({name: value for name, value in each.items() if name not in times} for each in records), key=str
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_it_has_the_file_and_the_end_of_a_whole_run(
    run: Pytest, tmp_path: Path, interrupted: Callable[..., Path], workers: tuple[str, ...]
) -> None:
    whole = run(yaml=CASES, LSTM_REF_TEST_FAULT=FAULT)
    uninterrupted = all_but_times(tmp_path / "reports" / "results.jsonl")
    file = interrupted(LSTM_REF_TEST_FAULT=FAULT)
    kept = file.read_bytes().rpartition(b"\n")[0]
    done = run("--lstm-resume", *workers, LSTM_REF_TEST_FAULT=FAULT)
    assert "results.jsonl has the outcomes of 5 of 8 items: the others are run now" in done.text
    assert (done.code, done.summary()) == (whole.code, whole.summary())
    assert file.read_bytes().startswith(kept)
    assert all_but_times(file) == uninterrupted


def test_the_first_failure_that_stops_it_is_a_new_one(run: Pytest, tmp_path: Path) -> None:
    run("-x", yaml=CASES, LSTM_REF_TEST_FAULT=FAULT)
    file = tmp_path / "reports" / "results.jsonl"
    assert [outcome.outcome for outcome in read(file).outcomes].count("fail") == 1
    done = run("-x", "--lstm-resume", LSTM_REF_TEST_FAULT=FAULT)
    assert [outcome.outcome for outcome in read(file).outcomes].count("fail") == 2
    assert "the same command with --resume (of pytest: --lstm-resume) goes on from here" in done.text


def test_what_failed_before_comes_first_wherever_it_stands(run: Pytest, tmp_path: Path) -> None:
    run(yaml=CASES, LSTM_REF_TEST_FAULT=FAULT)
    file = tmp_path / "reports" / "results.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    last = next(line for line in reversed(lines) if '"outcome": "fail"' in line)
    file.write_text("".join([*lines[:2], last]), encoding="utf-8")
    run("-x", "--lstm-resume", LSTM_REF_TEST_FAULT=FAULT)
    assert [outcome.outcome for outcome in read(file).outcomes].count("fail") == 2


def test_another_version_is_a_difference_before_anything_starts(run: Pytest) -> None:
    begun = run(yaml=CASES).results
    (subject,) = begun.subjects
    target = Target.of(next(iter(discover().values())))
    column = subject.implementations[0]
    now = replace(target, column=column, versions={"twin": "9"})
    then = subject.versions["twin"]
    assert differences(begun, begun.header, [now]) == [f"twin of {column}: {then} then, 9 now"]


def test_what_is_complete_stays_as_it_is(run: Pytest, tmp_path: Path) -> None:
    run(yaml=CASES)
    file = tmp_path / "reports" / "results.jsonl"
    written = file.read_bytes()
    done = run("--lstm-resume", LSTM_REF_TEST_FAULT=FAULT)
    assert "has the outcomes of 8 of 8 items: there is nothing left to run" in done.text
    assert (done.code, done.summary(), file.read_bytes()) == (0, "8 passed", written)


def test_without_a_file_it_begins(run: Pytest) -> None:
    done = run("--lstm-resume", yaml=CASES)
    assert "results.jsonl has no run to go on with: this one begins" in done.text
    assert (done.code, len(done.results.outcomes)) == (0, 8)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_another_run_is_refused_with_every_difference_and_its_file_stays(
    run: Pytest, tmp_path: Path, interrupted: Callable[..., Path], workers: tuple[str, ...]
) -> None:
    file = interrupted()
    header, *rest = file.read_bytes().splitlines(keepends=True)
    other = json.loads(header)
    other["platform"]["numpy"] = "1.0"
    file.write_bytes(json.dumps(other).encode() + b"\n" + b"".join(rest))
    written = file.read_bytes()
    (tmp_path / "file.yaml").write_text(CASES.replace("[true, false]", "[true]"), encoding="utf-8")
    done = run("--lstm-resume", "--lstm-seed", "3", *workers)
    assert done.code == 4
    said = re.findall(r"^(?:ERROR:)?  ([a-z.]+): (.*) then, (.*) now$", done.text, re.MULTILINE)
    assert [(name, then, now) for name, then, now in said if name not in ("corpus", "platform.numpy")] == [
        ("seed", "0", "3"),
        ("cases", "4", "2"),
        ("items", "8", "4"),
    ]
    assert {name for name, _, _ in said} >= {"corpus", "platform.numpy"}
    assert file.read_bytes() == written


def test_a_framework_that_says_something_else_when_it_starts_ends_the_run(
    run: Pytest, interrupted: Callable[..., Path]
) -> None:
    file = interrupted()
    lines = [json.loads(line) for line in file.read_bytes().splitlines()[:-1]]
    for line in lines:
        if line["type"] == "subject":
            line["processor"] = {"bf16": True}
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    written = file.read_bytes()
    done = run("--lstm-resume")
    assert done.code != 0
    assert "is of a run on another framework: twins.processor.bf16: True then, nothing now" in done.text
    assert file.read_bytes() == written


@pytest.mark.parametrize("option", ["--lf", "--stepwise"])
def test_it_runs_no_other_part(run: Pytest, option: str) -> None:
    done = run("--lstm-resume", option, "-p", "cacheprovider", "-p", "stepwise", yaml=CASES)
    assert done.code == 4
    assert f"{option} runs another part than what is left; leave it out" in done.text


def test_a_file_that_cannot_be_read_is_refused_and_stays(
    run: Pytest, interrupted: Callable[..., Path]
) -> None:
    file = interrupted()
    file.write_bytes(b"{}\n" + file.read_bytes())
    written = file.read_bytes()
    with pytest.raises(ResultFileError):
        read(file)
    done = run("--lstm-resume")
    assert (done.code, "results.jsonl:1: a line of type None" in done.text) == (4, True)
    assert file.read_bytes() == written


def test_the_file_says_which_cases_of_ones_own_were_run(run: Pytest) -> None:
    first, second = (run(yaml=text).results.header.corpus for text in (CASES, CASES + "# another\n"))
    assert first != second


def test_the_file_says_what_was_asked_for(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "known.yaml").write_text(
        "kind: divergences\nimplementation: torch-twin\nentries: []\n", encoding="utf-8"
    )
    options = run("-k", "plain", yaml=CASES).results.header.options
    assert options["keyword"] == "plain"
