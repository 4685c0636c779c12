"""`lstm-ref coverage`: what is told of the corpus, and the exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.corpus.coverage import Combinations, Covered, LayerCoverage, Missing
from lstm_ref.results.records import Outcome

PAIR = Missing(("params.a", "params.b"), (("1", "2"), ("x",)), np.array([[True], [False]]))
MANY = Missing(("params.a", "call.c"), (("1", "2"), tuple("abcdefghijklmno")), np.ones((2, 15), bool))


def found(missing: bool) -> LayerCoverage:
    values = ("1", "2", "3") if missing else ("1", "2")
    return LayerCoverage(
        "torch",
        "LSTM",
        1234,
        (Covered("params.a", values, ("1", "2"), ("1", "2"), ("1",)), Covered("params.b", (), (), (), None)),
        (Combinations(2, 100, 67, 5, {"because": 2}, (PAIR, MANY)),),
    )


def coverage(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["coverage", *arguments])


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    def tell(missing: bool) -> None:
        monkeypatch.setattr("lstm_ref.corpus.coverage.coverage", lambda *given: [found(missing)])

    return tell


def test_values_and_combinations_are_told(told: Callable[[bool], None]) -> None:
    told(True)
    done = coverage()
    assert done.exit_code == 1
    assert "torch.LSTM: 1,234 cases" in done.stdout
    assert "params.a  2 of 3 values, 1 pass somewhere; missing: 3" in done.stdout
    assert "params.b  no values to cover" in done.stdout
    assert (
        "pairs: 67 of 100 meet in a case (5 pass somewhere), 2 are infeasible, 31 are missing" in done.stdout
    )
    assert "params.b=x" not in done.stdout


def test_all_that_is_missing_is_named_where_it_is_wanted(told: Callable[[bool], None]) -> None:
    told(False)
    done = coverage("--missing")
    assert done.exit_code == 0
    assert "    infeasible, 2: because" in done.stdout
    assert "    missing: params.a=1, params.b=x\n" in done.stdout
    assert "    missing, 30 of 30: params.a, call.c\n" in done.stdout
    assert "call.c=b" not in done.stdout


def test_however_much_is_missing_of_a_parameter_that_is_asked_for_it_is_named(
    told: Callable[[bool], None],
) -> None:
    told(False)
    assert "    missing: params.a=2, call.c=b\n" in coverage("--parameter", "params.a").stdout
    done = coverage("--parameter", "params.aa")
    assert done.exit_code == 4
    assert 'did you mean "params.a"' in done.output


def test_json_is_for_programs(told: Callable[[bool], None]) -> None:
    told(False)
    (layer,) = json.loads(coverage("--format", "json", "--missing").stdout)
    assert layer["parameters"][0]["covered"] == ["1", "2"]
    named, counted = layer["combinations"][0]["missing_of"]
    assert named == {"parameters": ["params.a", "params.b"], "total": 2, "missing": 1, "values": [["1", "x"]]}
    assert (counted["missing"], counted["values"]) == (30, None)
    (layer,) = json.loads(coverage("--format", "json").stdout)
    assert (layer["combinations"][0]["missing"], layer["combinations"][0]["missing_of"]) == (31, [])


def test_another_layer_is_told_with_those_there_are() -> None:
    done = coverage("torch.LSTMCel")
    assert done.exit_code == 4
    assert 'did you mean "torch.LSTMCell"' in done.output


def test_a_layer_alone_is_counted_and_what_passes_is_taken_from_a_result_file(
    result_file: Callable[..., Path], outcome: Callable[..., Outcome]
) -> None:
    file = result_file(outcome("torch/cell/product", "pass"), outcome("torch/cell/product[hx=given]", "fail"))
    done = coverage("torch.LSTMCell", "--results", str(file), "--format", "json")
    (layer,) = json.loads(done.stdout)
    assert (layer["dialect"], layer["layer"]) == ("torch", "LSTMCell")
    passing: dict[str, Any] = {each["name"]: each["passing"] for each in layer["parameters"]}
    assert passing["params.bias"] == ["true"]
    assert passing["call.hx"] == ["absent"]


def test_it_starts_for_real() -> None:
    command = [sys.executable, "-m", "lstm_ref.cli", "coverage", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Exit codes" in done.stdout
