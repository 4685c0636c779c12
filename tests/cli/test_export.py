"""`lstm-ref export`: test vectors that say all that is needed, and nothing wrong."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.dialects import torch

READER = Path(__file__).parents[2] / "examples" / "vectors" / "check.py"


def export(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["export", *arguments])


def index(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def check() -> Callable[..., Any]:
    """The reader that people are given."""
    spec = spec_from_file_location("reader_of_vectors", READER)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = module.check
    return found


def right(params: dict[str, Any], weights: dict[str, Any], call: dict[str, Any], wrong: float = 1.0) -> Any:
    layer = torch.LSTM(**params, dtype="float64")
    layer.load({name: values.astype(np.float64) * wrong for name, values in weights.items()})
    hx = tuple(state.astype(np.float64) for state in call["hx"]) if "hx" in call else None
    output, states = layer(call["input"].astype(np.float64), hx)
    return [array.astype(np.float32) for array in (output, *states)]


def test_a_right_layer_agrees_with_every_vector_and_a_wrong_one_with_none(
    tmp_path: Path, check: Callable[..., Any]
) -> None:
    folder = tmp_path / "vectors"
    done = export("torch/sizes/one-*", "-o", str(folder))
    assert done.exit_code == 0, done.output
    cases = index(folder)["cases"]
    assert len(cases) > 3
    assert list(check(folder, right)) == []
    wrong = list(check(folder, lambda *given: right(*given, wrong=1.0001)))
    assert {line.partition(": ")[0] for line in wrong} == {case["id"] for case in cases}


def test_json_has_the_numbers_of_npz(tmp_path: Path) -> None:
    for format_ in ("npz", "json"):
        assert (
            export("torch/structure/product", "-o", str(tmp_path / format_), "--format", format_).exit_code
            == 0
        )
    written = json.loads((tmp_path / "json" / "00000.json").read_text(encoding="utf-8"))
    with np.load(tmp_path / "npz" / "00000.npz") as arrays:
        assert set(written) == set(arrays)
        for path, values in arrays.items():
            read = np.array(written[path]["values"], written[path]["dtype"]).reshape(written[path]["shape"])
            assert read.dtype == values.dtype
            assert np.array_equal(read, values)


def test_index_and_arrays_are_as_the_schema_says_that_lies_beside_them(tmp_path: Path) -> None:
    folder = tmp_path / "vectors"
    assert export("keras/vectors", "keras/masks/over-*", "-o", str(folder), "--format", "json").exit_code == 0
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(index(folder), schema, jsonschema.Draft7Validator)
    of_array = {"$ref": "#/definitions/array", "definitions": schema["definitions"]}
    for case in index(folder)["cases"]:
        for array in json.loads((folder / case["file"]).read_text(encoding="utf-8")).values():
            jsonschema.validate(array, of_array, jsonschema.Draft7Validator)


def test_the_reader_in_c_reads_every_array(tmp_path: Path) -> None:
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("there is no C compiler")
    reader, folder = tmp_path / "read", tmp_path / "vectors"
    source = READER.with_name("read.c")
    subprocess.run([compiler, "-Wall", "-Wextra", "-Werror", str(source), "-o", str(reader)], check=True)
    export("keras/vectors/masked-*", "keras/masks/over-*", "-o", str(folder), "--format", "json")
    found = set()
    for case in index(folder)["cases"]:
        file = folder / case["file"]
        for name, array in json.loads(file.read_text(encoding="utf-8")).items():
            done = subprocess.run([reader, file, name], capture_output=True, text=True, check=True)
            read, right = np.array(done.stdout.split(), np.float64), np.array(array["values"], np.float64)
            np.testing.assert_array_equal(read, right)
            found.add(array["dtype"])
            found |= {"nan"} if np.isnan(right).any() else set()
    assert found >= {"bool", "float32", "float64", "nan"}
    assert subprocess.run([reader, file, "none"], capture_output=True, check=False).returncode == 1


def test_no_number_is_lost_in_json_that_json_does_not_have(tmp_path: Path) -> None:
    done = export(
        "keras/masks/over-any-number[mask=gaps-over-nan]", "-o", str(tmp_path / "v"), "--format", "json"
    )
    assert done.exit_code == 0, done.output
    written = json.loads((tmp_path / "v" / "00000.json").read_text(encoding="utf-8"))
    assert "nan" in written["steps/0/sequences"]["values"]


def test_gradients_are_there_unless_nobody_wants_them(tmp_path: Path) -> None:
    export("torch/structure/product", "-o", str(tmp_path / "a"))
    export("torch/structure/product", "-o", str(tmp_path / "b"), "--no-gradients")
    paths = [set(np.load(tmp_path / name / "00000.npz")) for name in "ab"]
    assert "calls/0/gradients/weight_hh_l0" in paths[0]
    assert {path.split("/")[2] for path in paths[0] - paths[1]} == {"cotangents", "gradients", "bounds"}
    assert not any("gradients" in path or "cotangents" in path for path in paths[1])


def test_a_dialect_whose_implementations_do_not_differentiate_has_no_gradients(tmp_path: Path) -> None:
    done = export("onnx/structure/product", "-o", str(tmp_path / "v"))
    assert done.exit_code == 0, done.output
    assert {path.split("/")[2] for path in np.load(tmp_path / "v" / "00000.npz") if "calls" in path} == {
        "outputs",
        "bounds",
    }


def test_what_is_left_out_has_its_reason(tmp_path: Path) -> None:
    done = export(
        *("torch/structure/product", "torch/dropout/in-training", "keras/relations/last-output-is-state"),
        *("keras/rejected/rate-out-of-range[dropout=-0.5]", "-o", str(tmp_path / "v")),
    )
    assert done.exit_code == 0, done.output
    reasons = {each["id"].partition("[")[0]: each["reason"] for each in index(tmp_path / "v")["left_out"]}
    assert "draws dropout masks" in reasons["torch/dropout/in-training"]
    assert "compares two runs" in reasons["keras/relations/last-output-is-state"]
    assert "raise an exception" in reasons["keras/rejected/rate-out-of-range"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    done = export("torch/structure/product", "-o", str(tmp_path))
    assert done.exit_code == 4
    assert "is not empty" in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["torch/structure/product", "--dtype", "float8"], "there is no dtype 'float8' to export"),
        (["torch/dropout/in-training"], "none of 1 case can be written"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_written(tmp_path: Path, arguments: list[str], told: str) -> None:
    done = export(*arguments, "-o", str(tmp_path / "v"))
    assert done.exit_code == 4
    assert told in done.output
    assert not (tmp_path / "v").exists()


def test_it_starts_for_real(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lstm_ref.cli", "export", "torch/structure/product"]
    done = subprocess.run([*command, "-o", str(tmp_path / "v")], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "1 case, 0 cases left out" in done.stdout
