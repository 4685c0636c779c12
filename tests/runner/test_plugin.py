"""Runs of pytest from the outside: what is collected, what fails, and what is written.

The twins stand in for the frameworks, which take seconds to start.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, entry_points
from pathlib import Path
from typing import Any
from unittest.mock import Mock
from xml.etree import ElementTree

import pytest
from heads import KERAS_LSTM, TORCH_LSTM

import lstm_ref
from lstm_ref.kinds import is_case_file
from lstm_ref.protocol import Host, Implementation
from lstm_ref.results.reading import read
from lstm_ref.results.records import Missing, Outcome
from lstm_ref.runner import targets
from lstm_ref.runner.nodeids import Choice
from lstm_ref.runner.plan import not_run
from lstm_ref.runner.targets import Target
from lstm_ref.runner.writer import left_out, with_versions, without_numbers

FOUR_POINTS = (
    TORCH_LSTM
    + """\
  - name: point
    matrix:
      params.bidirectional: [false, true]
      call.hx: [absent, given]
"""
)
TWO_LAYERS = """\
  - name: two-layers
    params: {num_layers: 2}
"""
KERAS = (
    KERAS_LSTM
    + """\
  - name: plain
  - name: softmax
    params: {activation: softmax}
"""
)


Pytest = Callable[..., Any]


def timeless(outcome: Outcome) -> Outcome:
    return replace(outcome, seconds=None, framework_seconds=None)


def test_a_case_file_is_run_and_its_results_and_report_are_written(run: Pytest) -> None:
    done = run("file.yaml", yaml=FOUR_POINTS)
    assert done.code == 0, done.text
    assert done.summary() == "8 passed"
    assert done.outcomes() == {
        (f"file/point{axes}", dtype): "pass"
        for axes in ("", "[bidirectional=true]", "[hx=given]", "[bidirectional=true,hx=given]")
        for dtype in ("float64", "float32")
    }
    results = done.results
    assert results.incomplete == ""
    assert (results.header.cases, results.header.items, results.header.seed) == (4, 8, 0)
    assert results.header.implementations == ("keras-twin", "torch-twin")
    assert [missing.implementation for missing in results.header.missing] == ["absent"]
    assert [subject.versions["twin"] for subject in results.subjects] == ["1.2"]
    assert results.footer is not None
    assert results.footer.counts == {"pass": 8}
    assert {(o.file, o.line, o.about, o.source) for o in results.outcomes} == {
        ("file.yaml", 10, "A claim of the tests.", "torch.nn.LSTM")
    }
    assert all(
        o.worst is not None and o.ratio is not None and 0 <= float(o.ratio) < 1 for o in results.outcomes
    )
    assert all(
        o.bits is not None and float(o.bits) > (40 if o.dtype == "float64" else 12) for o in results.outcomes
    )
    assert done.report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "outcomes  8 pass" in done.text
    assert (
        'not run   absent: no_such_framework not installed (python -m pip install "lstm-ref[nothing]")'
        in done.text
    )


def test_one_point_is_run_by_its_name_and_axes(run: Pytest) -> None:
    done = run("file.yaml::point[hx=given]", yaml=FOUR_POINTS)
    assert (done.code, set(done.outcomes())) == (
        0,
        {("file/point[hx=given]", "float64"), ("file/point[hx=given]", "float32")},
    ), done.text
    assert done.summary() == "2 passed"


def test_one_item_is_run_by_its_node_id(run: Pytest) -> None:
    done = run("file.yaml::point[bidirectional=true,hx=given][torch-twin-float32]", yaml=FOUR_POINTS)
    assert (done.code, set(done.outcomes())) == (
        0,
        {("file/point[bidirectional=true,hx=given]", "float32")},
    ), done.text
    point = run("file.yaml::point[torch-twin-float64]")
    assert (point.code, set(point.outcomes())) == (0, {("file/point", "float64")}), point.text


def test_an_item_and_a_point_are_run_together(run: Pytest) -> None:
    done = run("file.yaml::two-layers", "file.yaml::point[hx=given]", yaml=FOUR_POINTS + TWO_LAYERS)
    assert (done.code, {case for case, _ in done.outcomes()}) == (
        0,
        {"file/point[hx=given]", "file/two-layers"},
    ), done.text


def test_cases_are_chosen_by_pattern(run: Pytest) -> None:
    done = run(
        "--lstm-case",
        "file/point[bi*",
        "--lstm-case",
        "file/two*",
        "--lstm-dtype",
        "float32",
        yaml=FOUR_POINTS + TWO_LAYERS,
    )
    assert done.code == 0, done.text
    assert set(done.outcomes()) == {
        ("file/point[bidirectional=true]", "float32"),
        ("file/point[bidirectional=true,hx=given]", "float32"),
        ("file/two-layers", "float32"),
    }


def test_implementations_are_chosen_by_name(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text(KERAS, encoding="utf-8")
    done = run("--lstm-impl", "keras-twin", yaml=FOUR_POINTS)
    assert {case for case, _ in done.outcomes()} == {"other/plain", "other/softmax"}
    assert done.results.header.implementations == ("keras-twin",)
    assert done.results.header.missing == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--lstm-impl", "troch-twin"),
            "there is no implementation 'troch-twin'; did you mean 'torch-twin'?",
        ),
        (
            ("--lstm-impl", "xyz"),
            "there is no implementation 'xyz'; known are keras-twin, torch-twin, absent",
        ),
        (("--lstm-dtype", "flaot32"), "there is no dtype 'flaot32'; did you mean 'float32'?"),
        (("--lstm-case", "file/poinnt"), 'no case matches "file/poinnt" (did you mean "file/point"?)'),
        (("--lstm-impl", "absent"), "absent: no_such_framework not installed; python -m pip install"),
    ],
)
def test_what_is_not_there_is_a_usage_error_with_a_hint(
    run: Pytest, arguments: tuple[str, ...], message: str
) -> None:
    done = run("file.yaml", *arguments, yaml=FOUR_POINTS)
    assert done.code == pytest.ExitCode.USAGE_ERROR
    assert message in done.text
    assert not re.search(r"Traceback|plugin\.py", done.text)


def test_yaml_of_somebody_else_is_left_alone(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").write_text("services: {}\n", encoding="utf-8")
    (tmp_path / "other.yaml.txt").write_text(FOUR_POINTS, encoding="utf-8")
    done = run("--collect-only", "-q", yaml=FOUR_POINTS)
    assert (done.code, done.summary()) == (0, "8 tests collected")
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        ("kind: case\ncases: []\n", 'did you mean "cases"'),
        ("cases: []\n", '"kind" is missing'),
        ("- 1\n", "must be a mapping"),
        ("kind: [\n", ""),
    ],
)
def test_yaml_of_an_unknown_kind_is_a_mistake_in_the_corpus(
    run: Pytest, tmp_path: Path, content: str, mistake: str
) -> None:
    folder = tmp_path / "cases" / "torch"
    folder.mkdir(parents=True)
    (folder / "mistaken.yaml").write_text(content, encoding="utf-8")
    done = run(
        "--continue-on-collection-errors", yaml=FOUR_POINTS, LSTM_REF_TEST_CORPUS=str(tmp_path / "cases")
    )
    assert (done.code, done.summary()) == (pytest.ExitCode.TESTS_FAILED, "8 passed, 1 error")
    assert re.search(r"mistaken\.yaml:\d+:\d+: .*" + re.escape(mistake), done.text)
    assert not re.search(r"Traceback|plugin\.py", done.text)


def test_first_requests_to_new_subjects_are_no_cases_of_a_run(run: Pytest) -> None:
    done = run(
        "--collect-only", "-q", str(Path(lstm_ref.__file__).parent / "smoke"), "file.yaml", yaml=FOUR_POINTS
    )
    assert (done.code, done.summary()) == (0, "8 tests collected"), done.text


def test_tables_and_divergences_of_the_corpus_are_no_items(run: Pytest, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    for kind in ("parameters", "divergences", '"divergences"'):
        (folder / f"{kind.strip(chr(34))}.yaml").write_text(f"kind: {kind}\n", encoding="utf-8")
    done = run("--collect-only", "-q", yaml=FOUR_POINTS, LSTM_REF_TEST_CORPUS=str(folder))
    assert (done.code, done.summary()) == (0, "8 tests collected")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_second_run_on_the_same_result_file_is_refused_and_harms_nothing(
    run: Pytest, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    fcntl = pytest.importorskip("fcntl")
    first = run("file.yaml", yaml=FOUR_POINTS)
    written = (tmp_path / "reports" / "chosen.jsonl").read_bytes()
    with (tmp_path / "reports" / "chosen.jsonl").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = run("file.yaml", *workers)
    assert (first.code, second.code) == (0, pytest.ExitCode.USAGE_ERROR)
    assert "another run is writing" in second.text
    assert "--results and --report" in second.text
    assert not re.search(r"Traceback|plugin\.py", second.text)
    assert (tmp_path / "reports" / "chosen.jsonl").read_bytes() == written
    assert run("file.yaml").code == 0


def test_a_run_without_cases_writes_nothing(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    done = run()
    assert (done.code, done.summary()) == (0, "1 passed")
    assert not (tmp_path / "reports").exists()


def test_who_chooses_cases_runs_no_other_tests(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    done = run("--lstm-case", "file/point[hx=given]", yaml=FOUR_POINTS)
    assert (done.code, done.summary()) == (0, "2 passed, 1 deselected")


def test_a_report_that_cannot_be_written_is_told_before_anything_runs(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "occupied").write_text("", encoding="utf-8")
    for option in ("--lstm-report", "--lstm-results"):
        done = run("file.yaml", option, "occupied/file", yaml=FOUR_POINTS)
        assert done.code == pytest.ExitCode.USAGE_ERROR
        assert "occupied cannot be written: " in done.text
        assert not re.search(r"Traceback|plugin\.py", done.text)


def test_workers_find_the_same_as_one_process(run: Pytest) -> None:
    yaml = FOUR_POINTS + TWO_LAYERS
    alone = run("file.yaml", yaml=yaml, LSTM_REF_TEST_FAULT="states_swapped")
    together = run("file.yaml", "-n", "2", LSTM_REF_TEST_FAULT="states_swapped")
    assert alone.code == together.code == pytest.ExitCode.TESTS_FAILED
    assert [timeless(o) for o in alone.results.outcomes] == [timeless(o) for o in together.results.outcomes]
    assert sorted(alone.outcomes().values()) == ["fail"] * 4 + ["pass"] * 6
    # One cause of several failures stands in the summary once.
    assert all(
        "4 x   Every output is what a layer computes in which the initial h and c change places." in done.text
        for done in (alone, together)
    )
    one, other = alone.results, together.results
    assert replace(one.header, started="", options={}) == replace(other.header, started="", options={})
    assert one.subjects == other.subjects
    assert other.footer is not None
    assert other.footer.counts == {"pass": 6, "fail": 4}


def test_the_same_seed_gives_the_same_verdicts_to_the_last_bit_and_another_one_other_numbers(
    run: Pytest,
) -> None:
    first, again = (run("file.yaml", yaml=FOUR_POINTS).results for _ in range(2))
    assert [timeless(o) for o in first.outcomes] == [timeless(o) for o in again.outcomes]
    other = run("file.yaml", "--lstm-seed", "7")
    assert (other.code, other.results.header.seed) == (0, 7)
    assert all(
        one.worst != two.worst for one, two in zip(first.outcomes, other.results.outcomes, strict=True)
    )
    assert all(o.reproduce.endswith(" --seed 7") for o in other.results.outcomes)


PAGE = "https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html"


def test_a_failure_says_where_the_case_stands_what_is_wrong_and_how_to_see_it_again(run: Pytest) -> None:
    done = run("file.yaml::point[hx=given]", yaml=FOUR_POINTS, LSTM_REF_TEST_FAULT="states_swapped")
    assert done.code == pytest.ExitCode.TESTS_FAILED
    for line in (
        "outcome    fail: torch-twin in float32",
        "case       file/point[hx=given]",
        "file       file.yaml:10",
        "claim      A claim of the tests.",
        "source     torch.nn.LSTM",
        f"           {PAGE}",
        "reproduce  lstm-ref run 'file.yaml::point[hx=given]' --impl torch-twin --dtype float32",
    ):
        assert f"\n{line}\n" in done.text or f"\n  {line}\n" in done.text
    assert re.search(
        r"\noutput: \d+ of 84 elements are beyond the bound, worst at \[time \d, batch \d, unit \d\]:"
        r" expected [-\d.e]+, observed [-\d.e]+, error ",
        done.text,
    )
    failed = done.results.outcomes[0]
    assert failed.outcome == "fail"
    assert failed.yaml.startswith("kind: cases")
    assert failed.documentation == {"torch.nn.LSTM": PAGE}
    assert all(line in done.text.splitlines() for line in failed.message.splitlines())


def test_every_mistake_of_a_broken_file_is_shown_with_its_line(run: Pytest) -> None:
    broken = (
        FOUR_POINTS.replace("source: torch.nn.LSTM\n", "")
        .replace("hidden_size: 3", "hiden_size: 3")
        .replace("timesteps: 7", "timesteps: seven")
    )
    done = run("file.yaml", yaml=broken)
    assert done.code == pytest.ExitCode.INTERRUPTED
    mistakes = re.findall(r"file\.yaml:(\d+:\d+: .*)", done.text)
    assert mistakes == [
        '1:1: "source" is missing',
        '6:27: unknown parameter "hiden_size" (did you mean "hidden_size" or "input_size"?)',
        '7:32: must be a whole number, not the string "seven"',
        '9:5: the layer needs the parameter "hidden_size"',
    ]
    assert not re.search(r"Traceback|plugin\.py", done.text)


def test_a_broken_file_does_not_keep_the_others_from_being_checked(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("kind: cases\nlayer: [\n", encoding="utf-8")
    done = run("--continue-on-collection-errors", yaml=FOUR_POINTS)
    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert done.summary() == "8 passed, 1 error"
    assert re.search(r"broken\.yaml:\d+", done.text)


def test_an_interrupted_run_leaves_its_outcomes_and_says_that_it_is_incomplete(run: Pytest) -> None:
    done = run("file.yaml", "-x", yaml=FOUR_POINTS, LSTM_REF_TEST_FAULT="states_swapped")
    assert done.code == pytest.ExitCode.TESTS_FAILED
    results = done.results
    assert results.footer is None
    assert 0 < len(results.outcomes) < 8
    assert results.incomplete == f"{8 - len(results.outcomes)} of 8 items have no outcome"
    assert done.report.exists()


def test_a_subject_that_is_killed_costs_one_case(run: Pytest, tmp_path: Path) -> None:
    done = run("file.yaml", yaml=FOUR_POINTS, LSTM_REF_TEST_DEATH=str(tmp_path / "died"))
    assert done.code == pytest.ExitCode.TESTS_FAILED
    assert done.summary() == "1 failed, 7 passed"
    assert done.results.incomplete == ""
    (crash,) = [outcome for outcome in done.results.outcomes if outcome.outcome == "crash"]
    assert crash.message == "the process ended: signal SIGKILL"
    assert "crash: torch-twin in float64" in done.text


def test_what_an_implementation_does_not_offer_is_skipped_with_its_reason(run: Pytest) -> None:
    done = run("file.yaml", "-rs", yaml=KERAS)
    assert (done.code, done.summary()) == (0, "2 passed, 2 skipped")
    assert done.outcomes() == {
        (f"file/{name}", dtype): outcome
        for name, outcome in (("plain", "pass"), ("softmax", "unsupported"))
        for dtype in DTYPES
    }
    assert "twins have no softmax" in done.text


DTYPES = ("float64", "float32")


def test_a_known_divergence_is_an_expected_failure(run: Pytest) -> None:
    done = run(
        "file.yaml",
        yaml=FOUR_POINTS,
        LSTM_REF_TEST_FAULT="states_swapped",
        LSTM_REF_TEST_DIVERGENCE="file/*hx=given]",
    )
    assert (done.code, done.summary()) == (0, "4 passed, 4 xfailed")
    known = [outcome for outcome in done.results.outcomes if outcome.outcome == "divergence"]
    assert {outcome.message for outcome in known} == {"framework: it is known to be wrong"}
    assert len({outcome.detail for outcome in known}) == 4
    assert all("beyond the bound" in outcome.detail for outcome in known)


def test_a_failure_with_another_message_is_not_the_known_one(run: Pytest) -> None:
    done = run(
        "file.yaml",
        yaml=FOUR_POINTS,
        LSTM_REF_TEST_FAULT="states_swapped",
        LSTM_REF_TEST_DIVERGENCE="file/*hx=given]",
        LSTM_REF_TEST_MATCH="raised RuntimeError",
    )
    assert (done.code, done.summary()) == (pytest.ExitCode.TESTS_FAILED, "4 failed, 4 passed")
    assert sorted(done.outcomes().values()) == ["fail"] * 4 + ["pass"] * 4


def test_a_listed_divergence_that_is_none_fails(run: Pytest) -> None:
    done = run("file.yaml", yaml=FOUR_POINTS, LSTM_REF_TEST_DIVERGENCE="file/*hx=given]")
    assert (done.code, done.summary()) == (pytest.ExitCode.TESTS_FAILED, "4 failed, 4 passed")
    assert sorted(done.outcomes().values()) == ["pass"] * 4 + ["stale"] * 4
    assert (
        "listed as a divergence (it is known to be wrong), but it passes: remove the entry, or limit its"
        " versions" in done.text
    )


def test_a_divergence_excuses_no_other_case(run: Pytest) -> None:
    done = run(
        "file.yaml",
        yaml=FOUR_POINTS,
        LSTM_REF_TEST_FAULT="states_swapped",
        LSTM_REF_TEST_DIVERGENCE="file/point[hx=given]",
    )
    assert (done.code, done.summary()) == (pytest.ExitCode.TESTS_FAILED, "2 failed, 4 passed, 2 xfailed")


def test_the_result_file_is_lines_of_json_in_the_order_of_its_parts(run: Pytest, tmp_path: Path) -> None:
    run(
        "file.yaml",
        "--lstm-results",
        "elsewhere/found.jsonl",
        "--lstm-report",
        "elsewhere/shown.html",
        yaml=FOUR_POINTS,
    )
    lines = [
        json.loads(line)["type"]
        for line in (tmp_path / "elsewhere" / "found.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert lines == ["header", "subject", *["outcome"] * 8, "footer"]
    assert (tmp_path / "elsewhere" / "shown.html").exists()
    assert not (tmp_path / "reports").exists()


def test_the_judging_process_imports_no_framework(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "import sys\ndef pytest_unconfigure():\n    print('IMPORTED', sorted({'torch', 'tensorflow', 'keras'}"
        " & set(sys.modules)))\n",
        encoding="utf-8",
    )
    assert "IMPORTED []" in run("file.yaml", "-s", yaml=FOUR_POINTS).text


# --- what a person sees on the way ---


def test_a_run_opens_with_what_it_is_going_to_do(run: Pytest, tmp_path: Path) -> None:
    for workers, said in (((), "1 worker"), (("-n", "2"), "2 workers")):
        done = run(*workers, yaml=FOUR_POINTS)
        assert re.search(rf"\nlstm-ref [\d.]+: 4 cases, 8 items on torch-twin[^\n]*; {said}\n", done.text), (
            done.text
        )
        assert "\nresults go to reports/results.jsonl, the report to reports/conformance.html\n" in done.text
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    assert "8 items and 1 test on torch-twin" in run(yaml=FOUR_POINTS).text


def test_the_last_line_of_progress_counts_everything(run: Pytest) -> None:
    assert "\n8 of 8 items, 100 %\n" in run(yaml=FOUR_POINTS).text
    assert (
        "\n8 of 8 items, 100 %, 8 failed\n" in run(yaml=FOUR_POINTS, LSTM_REF_TEST_FAULT="gates_swapped").text
    )
    verbose = run("-v", yaml=FOUR_POINTS).text
    assert "of 8 items" not in verbose
    assert verbose.count("PASSED") == 8


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_test_that_has_a_case_in_its_name_is_no_case(
    run: Pytest, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    text = (
        "import pytest\n\n\n@pytest.mark.parametrize('name', ['file.yaml::point'])\ndef test_other(name):\n  "
        "  pass\n"
    )
    (tmp_path / "test_other.py").write_text(text, encoding="utf-8")
    done = run(*workers, yaml=FOUR_POINTS)
    assert (done.code, done.summary()) == (0, "9 passed")
    assert (done.results.header.items, done.results.incomplete) == (8, "")
    (tmp_path / "file.yaml").unlink()
    assert "results go to" not in run(*workers).text


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_the_first_line_of_a_failure_is_its_cause_wherever_it_is_shown(
    run: Pytest, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    done = run(
        "file.yaml::point",
        "--junitxml=junit.xml",
        *workers,
        yaml=FOUR_POINTS,
        LSTM_REF_TEST_FAULT="gates_swapped",
        COLUMNS="300",
    )
    cause = "Every output is what a layer computes in which the gates' blocks are read as"
    # Of two workers either may be first.
    first, second = sorted(line for line in done.text.splitlines() if line.startswith("FAILED"))
    assert first.startswith(f"FAILED file.yaml::point[torch-twin-float32] - {cause}")
    assert second.startswith(f"FAILED file.yaml::point[torch-twin-float64] - {cause}")
    messages = [node.get("message", "") for node in ElementTree.parse(tmp_path / "junit.xml").iter("failure")]
    assert len(messages) == 2
    assert all(message.startswith(cause) for message in messages)


def test_causes_that_differ_in_numbers_alone_are_counted_together(run: Pytest) -> None:
    done = run(yaml=FOUR_POINTS, LSTM_REF_TEST_FAULT="output_gate_bias_of_one_unit_negated")
    counted = [line for line in done.text.splitlines() if re.match(r" +\d+ x ", line)]
    assert sum(int(line.split()[0]) for line in counted) == 8
    assert len(counted) < 8
    assert any(re.match(r" +\d x   The first wrong step is \d", line) for line in counted), counted


def test_what_is_left_out_is_one_line_with_reasons_and_commands() -> None:
    slow = [
        Missing(name, "slow, and part of a full run only", f"lstm-ref run --impl {name}")
        for name in ("a", "b")
    ]
    absent = [Missing(name, "keras not installed", "python -m pip install keras") for name in ("c", "d")]
    assert (
        left_out([*slow, *absent])
        == "a, b: slow, and part of a full run only (lstm-ref run --full, or --impl NAME); c, d: keras not"
        " installed (python -m pip install keras)"
    )


def test_what_runs_on_request_is_left_out_of_every_other_run() -> None:
    known = Implementation("mine", "onnx", Mock(), {}, Host("mine", (), "mine", {}), on_request=True)
    for full in (False, True):
        left = not_run(known, full=full, asked=False)
        assert left is not None
        assert left_out([left]) == "mine: run where they are asked for (lstm-ref run --impl NAME)"
        assert not_run(known, full=full, asked=True) is None


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_part_never_replaces_the_record_of_all(
    run: Pytest, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "more.yaml").write_text(FOUR_POINTS, encoding="utf-8")
    assert len(run(*workers, yaml=FOUR_POINTS).results.outcomes) == 16
    record, page = tmp_path / "reports" / "results.jsonl", tmp_path / "reports" / "conformance.html"
    whole = record.read_bytes(), page.read_bytes()
    parts = [("-kfloat32",), ("some",), ("--lstm-case", "file/point")]
    if not workers:
        parts += [
            ("--lstm-impl", "torch-twin"),
            ("--lstm-dtype", "float32"),
            ("file.yaml::point",),
            ("file.yaml::point[torch-twin-float32]",),
            ("file.yaml",),
            ("--deselect=file.yaml::point[torch-twin-float32]",),
            ("--ignore=some",),
        ]
    for part in parts:
        done = run(*part, *workers)
        assert done.code == 0, done.text
        assert 0 < len(done.results.outcomes) <= 16
        assert "reports/chosen.jsonl" in done.text
        assert (record.read_bytes(), page.read_bytes()) == whole, part
    if not workers:
        run("--lstm-case", "file/point", "--lstm-results", "mine.jsonl", "--lstm-report", "mine.html")
        assert len(read(tmp_path / "mine.jsonl").outcomes) == 2
        assert "reports/results.jsonl" in run(".").text


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_what_failed_last_is_run_again_alone(run: Pytest, workers: tuple[str, ...]) -> None:
    cache = ("-p", "cacheprovider", *workers)
    first = run(*cache, yaml=FOUR_POINTS, LSTM_REF_TEST_FAULT="states_swapped")
    failed = {key for key, outcome in first.outcomes().items() if outcome == "fail"}
    assert 0 < len(failed) < 8
    again = run(*cache, "--lf")
    assert set(again.outcomes()) == failed
    assert set(again.outcomes().values()) == {"pass"}


def test_what_failed_last_is_run_first(run: Pytest) -> None:
    cache = ("-p", "cacheprovider")
    assert (
        "4 failed, 4 passed" in run(*cache, yaml=FOUR_POINTS, LSTM_REF_TEST_FAULT="states_swapped").summary()
    )
    again = re.findall(r"::(\S+) PASSED", run(*cache, "--ff", "-v").text)
    assert len(again) == 8
    assert all("hx=given" in name for name in again[:4])


def test_a_point_is_run_beside_other_tests(run: Pytest, tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    done = run("test_other.py", "file.yaml::point[hx=given]", yaml=FOUR_POINTS)
    assert (done.code, done.summary()) == (0, "3 passed"), done.text


CAUSES = [
    "output: 84 of 84 elements are beyond the bound, worst at [batch 0, time 6]: expected 0.0284987256,"
    " observed -0.303783059, error 3e-1"
]
CAUSES += [
    "output: 7 of 12 elements are beyond the bound, worst at [batch 3, time 1]: expected -1, observed nan,"
    " error inf"
]


def test_causes_are_alike_without_their_numbers() -> None:
    assert len(set(map(without_numbers, CAUSES))) == 1
    assert without_numbers("information: nano") == "information: nano"


def test_versions_are_told_once_for_all_that_need_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"keras": "3.15.1", "tensorflow-cpu": "2.21.0", "torch": "2.13.0"}

    def version(package: str) -> str:
        if package not in known:
            raise PackageNotFoundError
        return known[package]

    monkeypatch.setattr(targets, "version", version)
    monkeypatch.setattr(targets, "packages_distributions", lambda: {"tensorflow": ["tensorflow-cpu"]})
    hosts = {
        "eager": ("tensorflow", "keras"),
        "graph": ("tensorflow", "keras"),
        "torch": ("torch",),
        "own": ("mine",),
    }
    known_ones = [
        Target.of(Implementation(name, "any", Mock(), {}, Host(name, modules, "any", {})))
        for name, modules in hosts.items()
    ]
    assert (
        with_versions(known_ones)
        == "eager, graph (tensorflow 2.21.0, keras 3.15.1), torch (torch 2.13.0), own"
    )


def test_of_two_names_the_longer_one_is_told_apart() -> None:
    assert Choice.of("a.yaml::x[unroll=true][torch-script-mixed_float16]") == Choice(
        "a.yaml::x[unroll=true]", "torch-script", "mixed_float16"
    )
    assert Choice.of("a.yaml::x[unroll=true]") == Choice("a.yaml::x[unroll=true]")


# --- on a terminal, and in a log ---


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """What a terminal is sent by a run of the twins in the folder."""
    pty = pytest.importorskip("pty")
    path = os.pathsep.join(
        [str(Path(__file__).parents[1] / "twins"), str(Path(lstm_ref.__file__).parent.parent)]
    )
    plugins = [
        "-p",
        "lstm_ref.pytest_plugin",
        "-p",
        "twins_instead",
        "-p",
        "xdist.plugin",
        "-p",
        "no:cacheprovider",
    ]
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *plugins, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": path,
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "TERM": "xterm",
            "COLUMNS": "100",
        },
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        sent = bytearray()
        with contextlib.suppress(OSError):  # the end, on Linux
            while chunk := os.read(ours, 1 << 12):
                sent += chunk
        os.close(ours)
    assert process.returncode == 0, sent.decode()
    return sent.decode()


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_on_a_terminal_a_line_is_written_over_and_goes(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "file.yaml").write_text(FOUR_POINTS, encoding="utf-8")
    sent = on_a_terminal(tmp_path, *workers, "-p", "slowly")
    assert re.search(r"\r[1-7] of 8 items, \d+ %; about \d+ s left", sent), sent
    last = [line.rpartition("\r")[2] for line in sent.replace("\r\n", "\n").split("\n")]
    assert not any("of 8 items" in line for line in last)


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_the_letters_of_other_tests_stay_on_a_terminal(tmp_path: Path, workers: tuple[str, ...]) -> None:
    (tmp_path / "file.yaml").write_text(FOUR_POINTS, encoding="utf-8")
    (tmp_path / "test_a.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_a(n): pass\n", encoding="utf-8"
    )
    (tmp_path / "test_z.py").write_text(
        "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_z(n): pass\n", encoding="utf-8"
    )
    sent = on_a_terminal(tmp_path, *workers, "-p", "slowly")
    sent = re.sub(r"\x1b\[[\d;]*m", "", sent)
    assert not re.search(r"\r\d of 8 items", sent), sent
    assert re.search(r"\n8 of 8 items, 100 %\r\n", sent), sent
    lines = [re.sub(r"^\S+\.(py|yaml) +| *\[ *\d+%\]$", "", line) for line in sent.split("\r\n")]
    assert sum(len(line) for line in lines if re.fullmatch(r"\.+", line)) == 26, sent


def test_a_log_has_no_control_characters(run: Pytest) -> None:
    for workers in ((), ("-n", "2")):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", run(*workers, yaml=FOUR_POINTS, CI="true").text)


# --- projects of others ---

THEIRS = {
    "conftest.py": (
        """\
def pytest_addoption(parser):
    for name in ("--dtype", "--case", "--impl", "--full", "--report", "--results"):
        parser.addoption(name, default="theirs")
"""
    ),
    "test_theirs.py": (
        """\
import sys


def test_their_option(request):
    assert request.config.getoption("--dtype") == "theirs"


def test_nothing_heavy_came_along():
    heavy = {"numpy", "pydantic", "jinja2", "yaml", "lstm_ref.corpus", "lstm_ref.runner.plan"}
    assert not heavy & set(sys.modules)
"""
    ),
    "compose.yaml": "services: {web: {image: any}}\n",
}


def test_in_a_project_without_cases_the_plugin_does_nothing(tmp_path: Path) -> None:
    for name, text in THEIRS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    environment = {
        **os.environ,
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONPATH": str(Path(lstm_ref.__file__).parent.parent),
    }
    command = [sys.executable, "-m", "pytest", "-p", "lstm_ref.pytest_plugin", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
    # Where the package is installed, pytest lists it as it lists every plugin.
    assert "lstm-ref" not in re.sub(r"(?m)^plugins: .*", "", done.stdout)
    assert {path.name for path in tmp_path.iterdir()} - {"__pycache__"} == set(THEIRS)


# Another plugin has YAML files as well, with items of its own.
WITH_YAML = {
    "conftest.py": (
        """\
import pytest


class Theirs(pytest.Item):
    def runtest(self):
        pass


class File(pytest.File):
    def collect(self):
        for name in ("one", "two[a-b]"):
            yield Theirs.from_parent(self, name=name)


def pytest_collect_file(file_path, parent):
    return File.from_parent(parent, path=file_path) if file_path.name.startswith("test_") else None
"""
    ),
    "test_theirs.yaml": "kind: Deployment\n",
}


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_yaml_items_of_another_plugin_are_left_alone(
    run: Pytest, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    for name, text in WITH_YAML.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    for arguments, passed in (
        ((), 2),
        (("test_theirs.yaml::one",), 1),
        (("test_theirs.yaml::one", "test_theirs.yaml::two[a-b]"), 2),
    ):
        done = run(*arguments, *workers)
        assert (done.code, done.summary()) == (0, f"{passed} passed"), done.text
        assert "of 2 items" not in done.text
    assert not (tmp_path / "reports").exists()
    beside = run("test_theirs.yaml::one", "file.yaml::point[hx=given]", *workers, yaml=FOUR_POINTS)
    assert re.match(r"3 passed", beside.summary()), beside.text


def test_a_file_that_cannot_be_read_is_no_case_file(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    assert not is_case_file(tmp_path / "folder.yaml")
    assert not is_case_file(tmp_path / "gone.yaml")


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "workers"])
def test_cases_that_nothing_runs_are_skipped_and_said_to_be(
    run: Pytest, tmp_path: Path, workers: tuple[str, ...]
) -> None:
    (tmp_path / "test_other.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    done = run("-rs", *workers, yaml=KERAS, LSTM_REF_TEST_KNOWN="absent")
    assert (done.code, done.summary()) == (0, "1 passed, 1 skipped"), done.text
    said = 'lstm-ref: nothing here runs keras; what would: python -m pip install "lstm-ref[nothing]"'
    assert said in done.text.splitlines()
    assert re.search(rf"SKIPPED \[1\] .*{re.escape(said)}", done.text)
    (tmp_path / "test_other.py").unlink()
    assert run(*workers, LSTM_REF_TEST_KNOWN="absent").code == pytest.ExitCode.NO_TESTS_COLLECTED


def test_the_plugin_is_an_entry_point_under_the_name_of_its_module() -> None:
    """Else a conftest that names the module would register it a second time, which
    pytest refuses.
    """
    (found,) = [entry for entry in entry_points(group="pytest11") if entry.value == "lstm_ref.pytest_plugin"]
    assert found.name == "lstm_ref.pytest_plugin"


def test_cases_outside_of_the_root_folder_are_named_by_a_path_that_leads_to_them(
    run: Pytest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    there = tmp_path_factory.mktemp("elsewhere") / "mine.yaml"
    there.write_text(FOUR_POINTS, encoding="utf-8")
    done = run(str(there), "--rootdir", str(tmp_path), LSTM_REF_TEST_FAULT="gates_swapped")
    named = re.findall(r"FAILED (\S+?)::point", done.text)
    assert len(named) == 8, done.text
    assert {(tmp_path / path).resolve() for path in named} == {there.resolve()}
    assert run(f"{named[0]}::point").summary() == "2 passed"
    # And where the root folder is another than the one that one works in.
    (tmp_path / "link").symlink_to(there.parent)
    (tmp_path / "root").mkdir()
    for file in (there, tmp_path / "link" / "mine.yaml"):
        done = run(
            str(file), "--rootdir", str(tmp_path / "root"), LSTM_REF_TEST_FAULT="gates_swapped", COLUMNS="300"
        )
        named, *_ = re.findall(r"FAILED (\S+)::point", done.text)
        assert (tmp_path / named).resolve() == there.resolve()
        assert run(f"{named}::point[torch-twin-float32]").summary() == "1 passed"
