"""The command line, run as people run it: in a process of its own, in a folder that
knows nothing of this project.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from heads import head

import lstm_ref
from lstm_ref.cli.run import by_folder
from lstm_ref.cli.shared import waiting
from lstm_ref.implementations import discover
from lstm_ref.runner.launching import installed

needs_torch = pytest.mark.skipif(not installed(discover()["torch"]), reason="torch is not installed")

Cli = Callable[..., "subprocess.CompletedProcess[str]"]

WRONG = """\
kind: cases
dialect: torch
layer: LSTM
about: Four mistakes.
cases:
  - name: Not Kebab
    params: {hiden_size: 3}
    input: {batch: 4, timesteps: seven}
    colour: red
"""

RIGHT = (
    head("torch", "LSTM")
    + """\
  - name: small
    params: {input_size: 5, hidden_size: 3}
    input: {batch: 4, timesteps: 7, form: batched}
"""
)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    def run(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "lstm_ref.cli", *map(str, arguments)]
        # The package is found also where it is not installed.
        package = str(Path(lstm_ref.__file__).resolve().parent.parent)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        return subprocess.run(
            command,
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": package, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize("command", [[], ["run"], ["list"], ["check"], ["implementations"], ["report"]])
def test_help_teaches_with_an_example(cli: Cli, command: list[str]) -> None:
    done = cli(*command, "--help")
    assert done.returncode == 0
    assert f"lstm-ref {' '.join(command) or 'run'}" in done.stdout


def test_help_imports_nothing_heavy(cli: Cli) -> None:
    code = (
        "import sys, lstm_ref.cli; print([name for name in ('numpy', 'pytest', 'pydantic', 'jinja2', 'yaml')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_list_prints_ids_alone_to_stdout(cli: Cli) -> None:
    done = cli("list", "torch/structure")
    assert done.returncode == 0
    ids = done.stdout.split()
    assert ids
    assert all(case.startswith("torch/structure/") for case in ids)


def test_list_as_json_has_the_place_of_each_case(cli: Cli) -> None:
    cases = json.loads(cli("list", "keras/sizes", "--format", "json").stdout)
    assert {Path(case["file"]).name for case in cases} == {"sizes.yaml"}
    assert all(case["source"] and case["line"] > 0 for case in cases)


def test_list_of_nothing_is_bad_usage_with_a_suggestion(cli: Cli) -> None:
    done = cli("list", "keras/structur")
    assert done.returncode == 4
    assert "keras/structure" in done.stderr


def test_list_of_files_elsewhere_and_of_their_points(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RIGHT + RIGHT[RIGHT.index("  - name") :].replace("small", "other"))
    assert cli("list", "mine.yaml").stdout.split() == ["mine/small", "mine/other"]
    assert cli("list", "mine.yaml::other").stdout.split() == ["mine/other"]
    assert cli("list", tmp_path, "torch/sizes/one-unit").stdout.split()[-2:] == ["mine/small", "mine/other"]


@pytest.mark.parametrize("command", ["run", "list"])
def test_an_empty_pattern_chooses_nothing(cli: Cli, command: str) -> None:
    done = cli(command, "")
    assert done.returncode == 4
    assert "an empty pattern chooses nothing" in done.stderr


@pytest.mark.parametrize("command", ["run", "list"])
def test_mistakes_of_a_file_elsewhere_are_shown_and_nothing_is_run(
    cli: Cli, tmp_path: Path, command: str
) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done = cli(command, "wrong.yaml")
    assert done.returncode == 4
    assert "wrong.yaml:8:" in done.stdout + done.stderr
    assert "nothing was run" in done.stderr
    assert not (tmp_path / "reports").exists()


def test_check_finds_what_the_layer_would_refuse(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RIGHT.replace("hidden_size: 3", "hidden_size: 3, proj_size: 5"))
    done = cli("check", "mine.yaml")
    assert done.returncode == 1
    assert "mine.yaml:7:" in done.stdout
    assert "positive integer smaller than hidden_size 3, not 5" in done.stdout
    assert "expect: {raises: ...}" in done.stdout
    (tmp_path / "mine.yaml").write_text(
        RIGHT.replace("hidden_size: 3", "hidden_size: 3, proj_size: 5") + "    expect: {raises: ValueError}\n"
    )
    assert cli("check", "mine.yaml").returncode == 0


def test_check_of_the_corpus_finds_no_mistake(cli: Cli) -> None:
    done = cli("check")
    assert (done.returncode, done.stdout) == (0, "")
    assert "no mistake" in done.stderr


def test_check_shows_every_mistake_with_its_line(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done = cli("check", "wrong.yaml")
    assert done.returncode == 1
    lines = {int(line.split(":")[1]) for line in done.stdout.splitlines() if line.startswith("wrong.yaml:")}
    assert {6, 7, 8, 9} <= lines
    assert "hidden_size" in done.stdout


def test_check_as_json_is_for_programs(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text(WRONG)
    done = cli("check", "wrong.yaml", "--format", "json")
    assert done.returncode == 1
    assert {problem["line"] for problem in json.loads(done.stdout)} >= {6, 7, 8, 9}


def test_implementations_say_how_to_install_them(cli: Cli) -> None:
    known = json.loads(cli("implementations", "--format", "json").stdout)
    assert {"keras-tensorflow", "torch"} <= {implementation["name"] for implementation in known}
    assert all(implementation["install"] for implementation in known)


def test_a_report_is_made_again_beside_its_results(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "results.jsonl").write_text("nonsense\n")
    done = cli("report", "results.jsonl")
    assert done.returncode == 1
    assert "results.jsonl:1: this line is not JSON" in done.stderr


@pytest.mark.parametrize(
    "option", [["--impl", "toch"], ["--dtype", "float46"], ["--workers", "many"], ["--workers", "0"]]
)
def test_run_refuses_what_does_not_exist(cli: Cli, option: list[str]) -> None:
    done = cli("run", *option)
    assert done.returncode == 4
    assert any(word in done.stderr for word in ("did you mean", "neither a number"))


@needs_torch
def test_run_of_a_case_that_does_not_exist_is_bad_usage_with_a_suggestion(cli: Cli) -> None:
    done = cli("run", "torch/structur")
    assert done.returncode == 4
    assert "torch/structure" in done.stderr


@needs_torch
def test_run_writes_results_and_report_where_it_is_told(cli: Cli, tmp_path: Path) -> None:
    done = cli(
        "run",
        "torch/sizes/one-*",
        "--impl",
        "torch",
        "--dtype",
        "float64",
        "--results",
        "out/r.jsonl",
        "--report",
        "out/r.html",
        "--seed",
        7,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out/r.jsonl").read_text().splitlines()[0])["seed"] == 7
    assert "Does what its documentation says" in (tmp_path / "out/r.html").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
    again = cli("report", "out/r.jsonl", "-o", "again.html")
    assert again.returncode == 0
    assert (tmp_path / "again.html").read_text() == (tmp_path / "out/r.html").read_text()


@needs_torch
def test_run_does_not_mind_the_project_around_it(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n")
    done = cli(
        "run",
        "torch/sizes/one-unit*",
        "--impl",
        "torch",
        PYTEST_ADDOPTS="--no-such-option",
        PYTEST_PLUGINS="no_such_plugin",
    )
    assert done.returncode == 0, done.stdout + done.stderr


@needs_torch
def test_run_takes_a_case_file_of_somebody_else(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RIGHT)
    (tmp_path / "conftest.py").write_text("raise SystemExit('conftest of somebody else')\n")
    done = cli("run", "mine.yaml", "--impl", "torch")
    assert done.returncode == 0, done.stdout + done.stderr
    outcomes = [
        json.loads(line)
        for line in (tmp_path / "reports/chosen.jsonl").read_text().splitlines()
        if '"outcome"' in line
    ]
    assert [
        (outcome["case"], outcome["outcome"]) for outcome in outcomes if outcome["type"] == "outcome"
    ] == [("mine/small", "pass")] * 2


def test_all_case_files_of_a_folder_are_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = tmp_path / "a.yaml", tmp_path / "b.yml"
    for file in (first, second, tmp_path / "test_a.py"):
        file.touch()
    both = [str(first), str(second)]
    assert by_folder(both) == [str(tmp_path)]
    assert by_folder(both[:1]) == both[:1]
    with monkeypatch.context() as inside:
        inside.chdir(tmp_path)
        assert by_folder(both) == both
    (tmp_path / "c").mkdir()
    assert by_folder(both) == both


@needs_torch
def test_a_folder_is_run_for_its_cases_alone(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(RIGHT, encoding="utf-8")
    (folder / "test_own.py").write_text("raise AssertionError\n", encoding="utf-8")
    done = cli("run", folder, "--impl", "torch", "--dtype", "float64")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@needs_torch
def test_workers_give_the_same_outcomes(cli: Cli, tmp_path: Path) -> None:
    def outcomes(workers: int) -> list[tuple[Any, ...]]:
        done = cli("run", "torch/sizes/o*", "--impl", "torch", "--workers", workers)
        assert done.returncode == 0, done.stdout + done.stderr
        records = [json.loads(line) for line in (tmp_path / "reports/chosen.jsonl").read_text().splitlines()]
        return sorted(
            (r["case"], r["dtype"], r["outcome"], r["ratio"]) for r in records if r["type"] == "outcome"
        )

    assert outcomes(1) == outcomes(2)


def test_list_as_json_says_what_an_everyday_run_takes(cli: Cli) -> None:
    points = json.loads(cli("list", "torch/structure", "--format", "json").stdout)
    assert {point["everyday"] for point in points} == {True, False}


@needs_torch
def test_a_full_run_takes_what_an_everyday_run_leaves_out(cli: Cli, tmp_path: Path) -> None:
    pattern = "torch/structure/product[*form=packed-sorted,hx=given*num_layers=2*"
    points = json.loads(cli("list", pattern, "--format", "json").stdout)
    found = {}
    for options in ((), ("--full",)):
        done = cli("run", pattern, "--impl", "torch", "--dtype", "float64", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        records = map(json.loads, (tmp_path / "reports/chosen.jsonl").read_text().splitlines())
        found[options] = {record["case"] for record in records if record["type"] == "outcome"}
    assert found[()] == {point["id"] for point in points if point["everyday"]}
    assert found[("--full",)] == {point["id"] for point in points} > found[()]


@pytest.mark.parametrize(
    ("arguments", "said", "not_said"),
    [
        ([], "no framework is installed that could be judged; install one of them:", "Usage"),
        (
            ["torch/structure"],
            "no framework is installed that could be judged; install one of them:",
            "Usage",
        ),
        (["torch/structure", "--impl", "torch"], "none of what was asked for is installed:", "tensorflow"),
    ],
)
def test_where_nothing_is_installed_run_says_so_at_once_and_what_to_install(
    arguments: list[str], said: str, not_said: str
) -> None:
    code = f"""
import sys
import lstm_ref.runner.launching as launching
launching.installed = lambda implementation: False
from lstm_ref.cli import main
try:
    main(["run", *{arguments}])
finally:
    from lstm_ref.corpus.loading import _shipped
    print("pytest" in sys.modules, _shipped.cache_info().misses)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert said in done.stderr
    assert 'python -m pip install "lstm-ref[torch]"' in done.stderr
    assert not_said not in done.stderr
    assert done.stdout.split() == ["False", "0"]  # to read all cases takes seconds


TWO_CASES = (
    RIGHT
    + """\
  - name: wrong
    params: {input_size: 5, hidden_size: 3}
    input: {batch: 4, timesteps: 7, form: batched}
    expect: {raises: ValueError}
"""
)


@needs_torch
def test_what_failed_is_run_again_and_options_of_pytest_are_passed_on(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(TWO_CASES)
    first = cli("run", "mine.yaml", "--impl", "torch", "--junitxml", "junit.xml", COLUMNS="200")
    assert (first.returncode, "2 failed, 2 passed" in first.stdout) == (1, True), first.stdout + first.stderr
    assert (
        "FAILED mine.yaml::wrong[torch-float64] - returned a result, where the documented ValueError"
        in first.stdout
    )
    assert (tmp_path / "junit.xml").exists()
    again = cli("run", "mine.yaml", "--impl", "torch", "--lf", "-x")
    assert (again.returncode, "1 failed" in again.stdout, "passed" in again.stdout) == (
        1,
        True,
        False,
    ), again.stdout
    without_naming = cli("run", "--lf", "--impl", "torch")
    assert (without_naming.returncode, without_naming.stdout.splitlines()[-1].split(" failed")[0]) == (
        1,
        "2",
    ), without_naming.stdout
    copied = cli("run", "mine.yaml::wrong[torch-float64]")
    assert (copied.returncode, copied.stdout.splitlines()[-1].split(" failed")[0]) == (1, "1"), copied.stdout
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {
        ".cache",
        "chosen.html",
        "chosen.jsonl",
    }
    chosen = cli("run", "mine.yaml", "--impl", "torch", "--", "-k", "small and float32", "-v")
    assert (chosen.returncode, "small[torch-float32] PASSED" in chosen.stdout) == (0, True), (
        chosen.stdout + chosen.stderr
    )


@needs_torch
def test_an_unknown_option_of_pytest_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(RIGHT)
    done = cli("run", "mine.yaml", "--", "--no-such-option")
    assert done.returncode == 4
    assert "--no-such-option" in done.stderr


def test_check_takes_folders_and_both_suffixes(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "mine" / "deep").mkdir(parents=True)
    (tmp_path / "mine" / "right.yaml").write_text(RIGHT)
    (tmp_path / "mine" / "deep" / "wrong.yml").write_text(WRONG)
    (tmp_path / "mine" / "compose.yaml").write_text("services: {}\n")
    done = cli("check", "mine")
    assert done.returncode == 1
    assert {line.partition(":")[0] for line in done.stdout.splitlines() if not line.startswith(" ")} == {
        "mine/deep/wrong.yml"
    }
    assert cli("check", "mine/right.yaml").returncode == 0
    (tmp_path / "empty").mkdir()
    nothing = cli("check", "empty")
    assert nothing.returncode == 4
    assert "no file below empty holds cases" in nothing.stderr
    assert "small" in cli("list", "mine/right.yaml").stdout


def test_long_work_says_that_it_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    with waiting("still here", seconds=0.01):
        time.sleep(0.1)
    said = capsys.readouterr().err.splitlines()
    assert len(said) > 1
    assert said[0] == "still here (0 s)"
    with waiting("still here", seconds=10):
        pass
    assert capsys.readouterr().err == ""
