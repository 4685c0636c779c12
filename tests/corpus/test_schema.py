"""The schema for editors says what the loader says."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from lstm_ref.corpus import corpus_root
from lstm_ref.corpus.schema import main, schema

VALIDATOR = Draft7Validator(schema())
FILES = sorted(corpus_root().rglob("*.yaml"))


def errors(text: str) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(yaml.safe_load(text))]


def test_the_schema_is_a_schema() -> None:
    Draft7Validator.check_schema(schema())


def test_the_shipped_schema_is_current() -> None:
    assert main(["--check"]) == 0


def test_a_stale_schema_is_noticed_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--check", "--cases", str(tmp_path)]) == 1
    assert "is not current" in capsys.readouterr().err
    assert main(["--cases", str(tmp_path)]) == 0
    assert main(["--check", "--cases", str(tmp_path)]) == 0


def test_broken_tables_make_no_schema(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "parameters.yaml").write_text("kind: parameters\n")
    assert main(["--cases", str(tmp_path)]) == 2
    assert not (tmp_path / "schema.json").exists()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(corpus_root()).as_posix())
def test_a_shipped_file_is_valid_and_names_its_schema(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert errors(text) == []
    modeline = text.splitlines()[0]
    assert modeline.startswith("# yaml-language-server: $schema=")
    assert (file.parent / modeline.partition("=")[2]).resolve() == (corpus_root() / "schema.json").resolve()


HEAD = "kind: cases\ndialect: keras\nlayer: LSTM\nabout: a\nsource: b\n"


@pytest.mark.parametrize(
    "text",
    [
        "kind: claims",
        "kind: cases\ndialect: keras",
        HEAD + "cases: []",
        HEAD + "cases: [{name: a, parms: {}}]",
        HEAD + "cases: [{name: a, params: {unitz: 3}}]",
        HEAD + "cases: [{name: a, layer: LSTM, params: {unitz: 3}}]",
        HEAD + "cases: [{name: a, layer: GRU}]",
        HEAD + "cases: [{name: a, params: {hidden_size: 3}}]",
        HEAD + "cases: [{name: a, call: {hx: given}}]",
        HEAD + "cases: [{name: a, call: {initial_state: gone}}]",
        HEAD + "cases: [{name: a, steps: [{call: {hx: given}}]}]",
        HEAD + "cases: [{name: a, steps: [rest]}]",
        HEAD + "cases: [{name: a, matrix: {params.unitz: [3]}}]",
        HEAD + "cases: [{name: a, input: {form: batched}}]",
        HEAD + "defaults: {params: {unitz: 3}}\ncases: [{name: a}]",
        HEAD + "defaults: {relation: {other: {}}}\ncases: [{name: a}]",
        HEAD + "cases: [{name: a, input: {part: [0, 1]}}]",
        HEAD + "cases: [{name: a, call: {input: {part: [0]}}}]",
        HEAD + "cases: [{name: a, relation: {exact: true}}]",
        HEAD + "cases: [{name: a, relation: {other: {params: {unrol: true}}}}]",
        HEAD + "cases: [{name: a, relation: {other: {call: {hx: given}}}}]",
        HEAD + "cases: [{name: a, relation: {other: {input: {form: batched}}}}]",
        HEAD + "cases: [{name: a, relation: {other: {steps: [{call: {initial_state: gone}}]}}}]",
        HEAD + "cases: [{name: a, relation: {other: {}, equal: [{left: h_n, right: h}]}}]",
        HEAD + "cases: [{name: a, relation: {other: {}, equal: [{left: {output: h_n, at: last-step}, right:"
        " h}]}}]",
        HEAD
        + "cases: [{name: a, relation: {other: {}, equal: [{left: {output: h, at: last-step}, right: h}]}}]",
        HEAD
        + "cases: [{name: a, relation: {other: {}, equal: [{left: {output: output, at: forward-half}, right:"
        " h}]}}]",
        (
            "kind: divergences\nimplementation: x\nabout: a\nentries: [{cases: a, kind: bug, versions: {a:"
            " '>1'}, outcome: fail, reason: r}]"
        ),
    ],
)
def test_a_wrong_name_is_invalid(text: str) -> None:
    assert errors(text) != []


def test_a_right_file_is_valid() -> None:
    assert (
        errors(
            HEAD
            + "cases: [{name: a, params: {units: 3}, call: {initial_state: given, input: {batch: 1}}, matrix:"
            " {call.mask: [absent]}}]"
        )
        == []
    )


def test_a_right_relation_is_valid() -> None:
    other = (
        "{params: {unroll: true}, input: {reversed: true}, steps: [{call: {mask: gaps, input: {part: [0,"
        " 1]}}}, reset]}"
    )
    equal = "[{left: {output: output, at: last-step}, right: h}]"
    assert (
        errors(HEAD + f"cases: [{{name: a, relation: {{other: {other}, equal: {equal}, exact: true}}}}]")
        == []
    )


def properties_of(definition: str, group: str) -> dict[str, Any]:
    return dict(
        json.loads(json.dumps(schema()))["definitions"][definition]["properties"][group]["properties"]
    )


def test_an_editor_can_complete_and_explain_every_parameter() -> None:
    assert list(properties_of("torch.LSTM", "params"))[:3] == ["input_size", "hidden_size", "num_layers"]
    assert properties_of("keras.LSTM", "params")["unroll"] == {
        "description": "Whether the loop over time is unrolled. (keras.layers.LSTM, argument unroll)",
        "examples": [False, True],
        "default": False,
    }
