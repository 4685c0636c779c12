"""Weights from file to file, as `lstm-ref convert` does it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_ref.conversion import ConversionError, LSTMWeights, Stack, to_torch
from lstm_ref.conversion.files import read, write
from lstm_ref.conversion.stack import narrowed
from lstm_ref.conversion.torch import by_name

RANDOM = np.random.default_rng(5)
FEATURES, UNITS = 5, 3


def one(features: int, units: int) -> LSTMWeights:
    shapes = ((features, 4 * units), (units, 4 * units), (4 * units,))
    return LSTMWeights(*(RANDOM.normal(size=shape).astype(np.float32) for shape in shapes))


STACK = Stack([[one(FEATURES, UNITS), one(FEATURES, UNITS)], [one(2 * UNITS, 2), one(2 * UNITS, 2)]])


def convert(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "lstm_ref.cli", "convert", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


# What one torch.nn.LSTM can hold, and so a state_dict of it.
EQUAL = Stack([[one(FEATURES, UNITS), one(FEATURES, UNITS)], [one(2 * UNITS, UNITS), one(2 * UNITS, UNITS)]])


def bits(stack: Any) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in by_name(Stack(stack)).items()}


@pytest.mark.parametrize("ending", [".npz", ".onnx", ".safetensors", ".pt"])
def test_no_bit_is_lost_in_a_file(ending: str, tmp_path: Path) -> None:
    pytest.importorskip(
        {".npz": "numpy", ".onnx": "onnx", ".safetensors": "safetensors", ".pt": "torch"}[ending]
    )
    stack, units = (EQUAL, "3, 3") if ending in (".pt", ".safetensors") else (STACK, "3, 2")
    write(stack, tmp_path / "start.npz")
    there = convert(tmp_path / "start.npz", "-o", tmp_path / f"there{ending}")
    assert there.returncode == 0, there.stderr
    assert (
        there.stdout == f"{tmp_path}/there{ending}: 2 layers in both directions, 5 features, {units} units\n"
    )
    back = convert(tmp_path / f"there{ending}", "-o", tmp_path / "back.npz")
    assert back.returncode == 0, back.stderr
    assert bits(read(tmp_path / "back.npz")) == bits(stack)


def test_a_keras_file_is_written_and_read(tmp_path: Path, keras_side: Any) -> None:
    del keras_side  # skips where Keras is not installed
    write(STACK, tmp_path / "start.npz")
    for ending in (".keras", ".h5"):
        there = convert(tmp_path / "start.npz", "-o", tmp_path / f"there{ending}")
        assert there.returncode == 0, there.stderr
        back = convert(tmp_path / f"there{ending}", "-o", tmp_path / f"back{ending}.npz")
        assert back.returncode == 0, back.stderr
        assert bits(read(tmp_path / f"back{ending}.npz")) == bits(STACK)


def test_a_written_model_computes_the_same_in_onnx_runtime(tmp_path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    from lstm_ref.reference.cell import State
    from lstm_ref.reference.stack import run_stack

    write(STACK, tmp_path / "model.onnx")
    x = RANDOM.normal(size=(4, 7, FEATURES)).astype(np.float32)
    zeros = [
        [State(*(np.zeros((4, len(w.recurrent_kernel)), np.float32) for _ in "hc")) for w in layer]
        for layer in STACK
    ]
    (right, _), _ = run_stack(x, zeros, STACK)
    (found,) = runtime.InferenceSession(tmp_path / "model.onnx").run(None, {"X": x.swapaxes(0, 1)})
    assert np.abs(found.swapaxes(0, 1) - right).max() < 1e-6


def test_a_file_is_not_written_over_unless_told(tmp_path: Path) -> None:
    write(STACK, tmp_path / "a.npz")
    (tmp_path / "b.npz").write_text("precious")
    refused = convert(tmp_path / "a.npz", "-o", tmp_path / "b.npz")
    assert (refused.returncode, (tmp_path / "b.npz").read_text()) == (4, "precious")
    assert "exists; --force writes over it" in refused.stderr
    assert convert(tmp_path / "a.npz", "-o", tmp_path / "b.npz", "--force").returncode == 0


def test_one_of_several_lstms_is_chosen_and_narrowed(tmp_path: Path) -> None:
    first, second = to_torch(one(FEATURES, UNITS)), to_torch(one(4, 2))
    named = {f"a.{name}": values for name, values in first.items()} | {
        f"b.{name}": values for name, values in second.items()
    }
    np.savez(tmp_path / "two.npz", **named)
    refused = convert(tmp_path / "two.npz", "-o", tmp_path / "out.npz")
    assert refused.returncode == 1
    assert "there are 2 LSTMs: 'a', 'b'; choose one" in refused.stderr
    assert (
        convert(
            tmp_path / "two.npz", "-o", tmp_path / "out.npz", "--prefix", "b", "--dtype", "float16"
        ).returncode
        == 0
    )
    assert read(tmp_path / "out.npz")[0][0].kernel.dtype == np.float16


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.txt", b"", "unknown ending '.txt'; known are .onnx"),
        ("a.npz", b"nonsense", "is not a .npz file of arrays"),
        ("a.onnx", b"nonsense", "is not an ONNX model|needs the package onnx"),
        ("a.pt", b"nonsense", "cannot be read|needs the package torch"),
    ],
)
def test_a_file_of_something_else_is_refused(name: str, content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ConversionError, match=reason):
        read(tmp_path / name)
    with pytest.raises(ConversionError, match="there is no file"):
        read(tmp_path / "other.npz")


@pytest.mark.parametrize("ending", [".npz", ".pt", ".safetensors", ".onnx"])
def test_bfloat16_goes_into_a_file_and_back(ending: str, tmp_path: Path) -> None:
    for package in (
        "ml_dtypes",
        {".npz": "numpy", ".onnx": "onnx", ".safetensors": "safetensors", ".pt": "torch"}[ending],
    ):
        pytest.importorskip(package)
    narrow = narrowed(EQUAL, "bfloat16")
    write(narrow, tmp_path / f"a{ending}")
    found = read(tmp_path / f"a{ending}")
    assert (found[0][0].kernel.dtype.name, bits(found)) == ("bfloat16", bits(narrow))


def test_conditions_stay_with_the_weights_in_npz(tmp_path: Path) -> None:
    write(Stack(STACK, ["mind the gap", "and the mask"]), tmp_path / "a.npz")
    assert read(tmp_path / "a.npz").conditions == ("mind the gap", "and the mask")
    said = convert(tmp_path / "a.npz", "-o", tmp_path / "b.npz").stderr
    assert said == "note: mind the gap\nnote: and the mask\n"


def test_what_cannot_be_written_leaves_the_old_file_whole(tmp_path: Path) -> None:
    write(STACK, tmp_path / "a.npz")
    (tmp_path / "b.pt").write_text("precious")
    refused = convert(tmp_path / "a.npz", "-o", tmp_path / "b.pt", "--force")
    assert (refused.returncode, (tmp_path / "b.pt").read_text()) == (1, "precious")
    assert "the layers have 3 and 3, 2 and 2 units" in refused.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a.npz", "b.pt"]


def test_a_prefix_that_chooses_nothing_is_not_passed_over(tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    write(STACK[:1], tmp_path / "a.onnx")
    refused = convert(tmp_path / "a.onnx", "-o", tmp_path / "b.npz", "--prefix", "encoder")
    assert refused.returncode == 1
    assert "'encoder' is not exactly one of the LSTM nodes, which are 'lstm0'" in refused.stderr
    (tmp_path / "a.keras").write_bytes(b"")
    refused = convert(tmp_path / "a.keras", "-o", tmp_path / "b.npz", "--prefix", "encoder")
    assert "from_keras(model.get_layer('encoder'))" in refused.stderr


def test_from_keras_to_pytorch_no_two_frameworks_share_a_process(
    tmp_path: Path, keras_side: Any, torch_side: Any
) -> None:
    del keras_side, torch_side  # skip where one is not installed
    write(EQUAL, tmp_path / "a.npz")
    assert convert(tmp_path / "a.npz", "-o", tmp_path / "a.keras").returncode == 0
    code = f"""
import sys
from lstm_ref.cli import main
try:
    main(["convert", {str(tmp_path / "a.keras")!r}, "-o", {str(tmp_path / "a.pt")!r}])
finally:
    print("torch" in sys.modules, "tensorflow" in sys.modules, "keras" in sys.modules)
"""
    script = tmp_path / "script.py"
    script.write_text(
        "if __name__ == '__main__':\n" + "".join(f"    {line}\n" for line in code.strip().splitlines())
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "True False False"
    assert bits(read(tmp_path / "a.pt")) == bits(EQUAL)
