"""`lstm-ref claims`: the statements, chosen by source and verdict."""

import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main


def claims(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["claims", *arguments])


def listed(*arguments: str) -> list[dict[str, Any]]:
    done = claims("--format", "json", *arguments)
    assert done.exit_code == 0, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_every_statement_is_listed_with_its_source_and_verdict() -> None:
    found = listed()
    assert {each["source"]["kind"] for each in found} == {"article", "documentation", "docstring"}
    assert {verdict["verdict"] for each in found for verdict in each["verdicts"]} == {
        "true",
        "false",
        "under-conditions",
        "not-decidable",
    }
    assert len({each["claim"] for each in found}) == len(found)


def test_a_verdict_chooses() -> None:
    found = listed("--verdict", "not-decidable")
    assert "claims/keras-parameters/unroll-takes-memory" in [each["claim"] for each in found]
    assert all(each["verdicts"] == [{"verdict": "not-decidable", "versions": []}] for each in found)
    assert all(each["decided_by"] for each in found)


def test_verdicts_that_differ_by_version_are_both_told() -> None:
    (found,) = [each for each in listed() if each["claim"] == "claims/keras-parameters/state-in-a-list"]
    assert found["verdicts"] == [
        {"verdict": "true", "versions": ["2"]},
        {"verdict": "false", "versions": ["3"]},
    ]
    done = claims("--source", "keras-parameters", "--verdict", "true")
    assert "true (version 2); false (version 3)   claims/keras-parameters/state-in-a-list" in done.stdout


@pytest.mark.parametrize("source", ["torch-lstm", "claims/torch-lstm", "LSTM models", "lstm MODELS"])
def test_a_source_is_chosen_by_file_or_title(source: str) -> None:
    assert {each["claim"].split("/")[1] for each in listed("--source", source)} == {"torch-lstm"}


def test_the_text_has_the_statement_and_what_is_true() -> None:
    text = claims("--source", "keras-parameters", "--verdict", "false").stdout
    assert "An article on the parameters of the TensorFlow LSTM layer" in text
    assert "false   claims/keras-parameters/dropout-acts-on-h" in text
    assert "what is true: The argument dropout acts on the input x(t)" in text
    assert "The argument units is the size of the output." not in text


def test_an_unknown_source_is_refused_with_what_is_like_it() -> None:
    done = claims("--source", "torch-lstmm")
    assert done.exit_code == 4
    assert 'there is no source "torch-lstmm"; did you mean "torch-lstm"' in done.output


def test_a_mistaken_verdict_is_refused_with_those_that_there_are() -> None:
    done = claims("--verdict", "wrong")
    assert done.exit_code == 4
    assert "'false', 'under-conditions', 'true', 'not-decidable'" in done.output
