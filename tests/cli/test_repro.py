"""A case as a program of its own."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lstm_ref.cli import main
from lstm_ref.dialects.reproduction import literal

CASES = """\
kind: cases
dialect: {dialect}
layer: LSTM
about: What the case is about.
source: a source
defaults:
  params: {params}
  input: {{batch: 2, timesteps: 3, features: 2}}
  dtypes: [float64, float32]
cases:
  - name: plain
  - name: two-calls
    params: {{{stateful}}}
    steps: [{{call: {{}}}}, {{call: {{{state}}}}}]
  - name: refused
    params: {{{wrong}}}
    expect: {{raises: ValueError}}
  - name: drawn
    params: {{dropout: 0.5{layers}}}
    call: {{training: true}}
  - name: trained
    steps: [weights, {{call: {{}}}}]
"""
KERAS = CASES.format(
    dialect="keras",
    params="{units: 2, return_sequences: true, return_state: true}",
    stateful="stateful: true",
    state="initial_state: previous",
    wrong="units: 0",
    layers="",
)
TORCH = CASES.format(
    dialect="torch",
    params="{input_size: 2, hidden_size: 2}",
    stateful="bias: false",
    state="hx: previous",
    wrong="num_layers: 0",
    layers=", num_layers: 2",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "k.yaml").write_text(KERAS, encoding="utf-8")
    (tmp_path / "t.yaml").write_text(TORCH, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def repro(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["repro", *arguments])
    return done.exit_code, done.output


@pytest.mark.parametrize("case", ["k.yaml::plain", "t.yaml::plain", "k.yaml::two-calls", "t.yaml::two-calls"])
@pytest.mark.parametrize("more", [[], ["--gradients"], ["--dtype", "float32"]])
def test_a_program_is_short_and_is_python(case: str, more: list[str], folder: Path) -> None:
    code, text = repro(case, *more)
    assert code == 0
    ast.parse(text)
    assert "lstm_ref" not in text
    assert max(map(len, text.splitlines())) <= 110
    assert len(text.splitlines()) < 120
    assert "# What the case is about." in text


@pytest.mark.parametrize(
    ("case", "framework"),
    [("k.yaml::plain", "tensorflow"), ("t.yaml::plain", "torch"), ("t.yaml::two-calls", "torch")],
)
def test_the_framework_gives_what_the_program_expects(
    case: str, framework: str, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip(framework)
    assert repro(case, "--gradients", "--run")[0] == 0
    assert len(re.findall("largest error .*, rounding explains", capfd.readouterr().out)) >= 3


def test_a_program_says_where_its_case_is_documented_and_breaks_no_address(tmp_path: Path) -> None:
    address = f"https://example.org/{'long-' * 30}"
    file = tmp_path / "k.yaml"
    file.write_text(KERAS.replace("a source", f"keras.layers.LSTM; {address}"), encoding="utf-8")
    lines = repro(f"{file}::plain")[1].splitlines()
    assert "# keras.layers.LSTM: https://keras.io/api/layers/recurrent_layers/lstm/" in lines
    assert f"# {address}" in lines


def test_a_framework_that_is_wrong_fails(folder: Path) -> None:
    pytest.importorskip("torch")
    code, text = repro("t.yaml::plain")
    assert code == 0
    wrong = text.replace("result = layer(tensor(input))", "result = layer(tensor(input) * 1.001)")
    assert wrong != text
    with pytest.raises(AssertionError, match="output: found"):
        exec(compile(wrong, "program", "exec"), {})


def test_a_runtime_gets_a_model_of_one_node_and_is_right_or_wrong(folder: Path) -> None:
    pytest.importorskip("onnx")
    code, text = repro("onnx/structure/product", "--impl", "onnx-reference", "--dtype", "float32")
    assert code == 0
    exec(compile(text, "program", "exec"), {})
    # The evaluator of onnx ignores sequence_lens.
    case = "onnx/structure/opsets[hidden_size_stated=false,opset=7,sequence_lens=unequal]"
    code, text = repro(case, "--impl", "onnx-reference", "--dtype", "float32")
    assert code == 0
    assert "hidden_size=" not in text
    with pytest.raises(AssertionError, match="Y: found"):
        exec(compile(text, "program", "exec"), {})


def test_what_must_be_refused_is_refused(folder: Path) -> None:
    pytest.importorskip("torch")
    code, text = repro("t.yaml::refused")
    assert code == 0
    exec(compile(text, "program", "exec"), {})
    with pytest.raises(AssertionError, match="nothing was raised; documented is ValueError"):
        exec(compile(text.replace("num_layers=0", "num_layers=1"), "program", "exec"), {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["k.yaml::drawn"], "draws masks that a program of its own cannot know"),
        (["k.yaml::trained"], "the step weights is not written yet"),
        (["k.yaml::plain", "--impl", "torch"], "torch does not run"),
        (["k.yaml::plain", "--impl", "keras-numpy"], "programs for keras-numpy are not written yet"),
        (["k.yaml::plain", "--impl", "troch"], "there is no implementation troch"),
        (["k.yaml::plain", "--dtype", "float8"], "there is no dtype float8"),
        (["onnx/structure/product", "--impl", "openvino"], "programs for openvino are not written yet"),
        (
            ["onnx/structure/product", "--impl", "onnxruntime", "--gradients"],
            "does not differentiate; leave out",
        ),
        (["k.yaml"], "'k.yaml' chooses 5 cases; name one of them"),
    ],
)
def test_what_cannot_be_shown_is_told(arguments: list[str], said: str, folder: Path) -> None:
    code, text = repro(*arguments)
    assert code == 4
    assert said in text


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.5, -1.75], "np.array([2, -7]) / 4"),
        ([3.0, 4.0], "np.array([3, 4]) * 1.0"),
        ([0.1], "np.array([0.10000000000000001])"),
        ([np.nan, np.inf, -np.inf], "np.array([np.nan, np.inf, -np.inf])"),
        ([True, False], "np.array([True, False])"),
    ],
)
def test_arrays_are_written_exactly(values: list[float], text: str) -> None:
    array = np.array(values)
    assert literal(array) == text
    np.testing.assert_array_equal(eval(text, {"np": np}), array)
