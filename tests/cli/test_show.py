"""`lstm-ref show`: everything that a case is."""

import json
import subprocess
import sys
from typing import Any

import numpy as np
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.dialects import torch


def show(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["show", *arguments])


def data(case: str) -> dict[str, Any]:
    done = show(case, "--format", "json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_default_is_marked_and_whether_the_case_states_it() -> None:
    lines = show("torch/structure/product[batch_first=true]").stdout.splitlines()
    shown = {
        line.split()[0]: " ".join(line.split()[1:])
        for line in lines
        if line.startswith("  ") and line.split()
    }
    assert shown["batch_first"] == "true"
    assert shown["proj_size"] == "0 (given, the default)"
    assert shown["device"] == "null (default)"
    assert shown["hidden_size"] == "3"


def test_the_arrays_and_the_expected_outputs_are_those_of_the_reference() -> None:
    found = data("torch/structure/product")
    weights = {each["name"]: np.array(each["values"]) for each in found["weights"]}
    layer = torch.LSTM(5, 3, dtype="float64")
    layer.load(weights)
    (step,) = found["steps"]
    (given,) = step["arrays"]
    assert given["name"] == "input"
    assert given["shape"] == [7, 4, 5]
    output, (h_n, _) = layer(np.array(given["values"]))
    expected = {each["name"]: np.array(each["values"]) for each in step["expected"]}
    assert list(expected) == ["output", "h_n", "c_n"]
    assert np.array_equal(expected["output"], output)
    assert np.array_equal(expected["h_n"], h_n)


def test_a_mask_is_drawn_row_by_row() -> None:
    case = "keras/structure/product[mask=right]"
    (mask,) = (each for each in data(case)["steps"][0]["arrays"] if each["name"] == "mask")
    lines = [line.split()[-1] for line in show(case).stdout.splitlines() if line.strip().startswith("row ")]
    assert lines == ["".join("#" if step else "." for step in row) for row in mask["values"]]
    assert "." in "".join(lines)


def test_lengths_are_drawn_as_bars() -> None:
    text = show("torch/structure/product[form=packed-unsorted]").stdout
    assert "lengths: 1, 7, 2, 5" in text
    assert "    row 3  #####  5" in text
    assert "    row 0  ##  2" not in text


def test_the_divergences_that_are_about_a_case_are_told_in_any_version() -> None:
    text = show("keras/activations/of-the-state-since-keras-3[activation=sparsemax]").stdout
    assert "keras-tensorflow-xla (framework; keras >=3.8.0,<3.16.0.dev0)" in text
    assert "does not add up to one" in text
    assert not data("keras/structure/product")["divergences"]


def test_what_depends_on_a_framework_is_said_to() -> None:
    found = data("torch/dropout/in-training")
    assert "draws dropout masks" in found["not_known"]
    assert "nobody knows it before a run" in show("torch/dropout/in-training").stdout


def test_a_documented_exception_is_said() -> None:
    assert "  must raise ValueError" in show("keras/rejected/rate-out-of-range[dropout=-0.5]").stdout


def test_large_arrays_are_cut_unless_all_is_wanted() -> None:
    case = "torch/structure/product"
    assert "..." in show(case).stdout
    assert "..." not in show(case, "--all").stdout


def test_several_cases_are_too_many() -> None:
    done = show("torch/structure")
    assert done.exit_code == 4
    assert "name one of them:" in done.output


def test_it_starts_for_real() -> None:
    command = [sys.executable, "-m", "lstm_ref.cli", "show", "torch/structure/product"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("torch/structure/product\n")


def test_the_pages_of_the_documentation_are_told() -> None:
    page = "https://docs.pytorch.org/docs/stable/generated/torch.nn.LSTM.html"
    lines = show("torch/vectors/two-units").stdout.splitlines()
    assert lines[lines.index("  source   torch.nn.LSTM, the equations") + 1].strip() == page
    assert data("torch/vectors/two-units")["documentation"] == {"torch.nn.LSTM": page}
