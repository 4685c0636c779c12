"""`lstm-ref new`: a valid case file, by options or by questions."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.corpus import corpus_root, load_file, load_parameters

TOLD = ["--name", "first", "--about", "A sentence.", "--source", "The documentation."]


def new(file: Path, *arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, ["new", str(file), *arguments], input=said)


@pytest.mark.parametrize(
    ("dialect", "layer"),
    [("keras", "LSTM"), ("keras", "LSTMCell"), ("torch", "LSTM"), ("torch", "LSTMCell"), ("onnx", "LSTM")],
)
def test_what_it_writes_is_valid_and_has_the_next_command(tmp_path: Path, dialect: str, layer: str) -> None:
    file = tmp_path / "deep" / "mine.yaml"
    done = new(file, "--dialect", dialect, "--layer", layer, *TOLD)
    assert done.exit_code == 0, done.output
    assert f"Next: lstm-ref run {file}" in done.stdout
    checked = CliRunner().invoke(main, ["check", str(file)])
    assert checked.exit_code == 0, checked.output


def test_the_first_line_tells_editors_the_schema(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    new(file, "--dialect", "torch", "--layer", "LSTM", *TOLD)
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# yaml-language-server: $schema={corpus_root() / 'schema.json'}"
    assert Path(first.partition("=")[2]).exists()


def test_options_become_parameters_arguments_and_axes(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    done = new(
        file,
        *("--dialect", "torch", "--layer", "LSTM", *TOLD),
        *("--param", "num_layers=2", "--param", "bidirectional=true", "--call", "hx=given"),
        *("--matrix", "params.batch_first=false,true"),
    )
    assert done.exit_code == 0, done.output
    one, two = load_file(file, load_parameters())
    assert one.params["num_layers"] == 2
    assert one.params["bidirectional"] is True
    assert one.steps[0].arguments["hx"] == "given"
    assert (one.params["batch_first"], two.params["batch_first"]) == (False, True)


def test_what_no_option_says_is_asked(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    said = "torch\nLSTM\nmasked\nIt is about something.\n\nproj_size\nproj_size=2\n\n"
    done = new(file, said=said)
    assert done.exit_code == 0, done.output
    assert 'An argument "proj_size" is not NAME=VALUE' in done.output
    (case,) = load_file(file, load_parameters())
    assert (case.name, case.about, case.source) == ("masked", "It is about something.", "torch.nn.LSTM")
    assert case.params["proj_size"] == 2


def test_a_file_that_exists_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("mine", encoding="utf-8")
    done = new(file, "--dialect", "torch", "--layer", "LSTM", *TOLD)
    assert done.exit_code == 4
    assert "exists, and is left alone" in done.output
    assert file.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--dialect", "kers", "--layer", "LSTM"], 4, 'did you mean "keras"'),
        (["--dialect", "keras", "--layer", "LST"], 4, 'did you mean "LSTM"'),
        (["--dialect", "keras", "--layer", "LSTM", "--param", "unrol=true"], 1, "unroll"),
        (["--dialect", "keras", "--layer", "LSTM", "--param", "unroll"], 4, "is not NAME=VALUE"),
        (["--dialect", "keras", "--layer", "LSTM", "--call", "mask=rihgt"], 1, "right"),
    ],
)
def test_what_is_no_case_is_told_and_not_written(
    tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    file = tmp_path / "mine.yaml"
    done = new(file, *arguments, *TOLD)
    assert done.exit_code == code, done.output
    assert told in done.output
    assert not file.exists()


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    done = new(tmp_path / "mine.txt", "--dialect", "torch", "--layer", "LSTM", *TOLD)
    assert done.exit_code == 4
    assert "mine.yaml" in done.output


def test_it_starts_for_real(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lstm_ref.cli", "new", str(tmp_path / "mine.yaml"), "--dialect", "onnx"]
    done = subprocess.run([*command, "--layer", "LSTM", *TOLD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 case\n" in done.stdout
