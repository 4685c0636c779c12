"""Weights in files, by the ending of their names."""

import zipfile
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.keras import from_keras, to_keras
from lstm_ref.conversion.onnx import from_onnx, to_onnx
from lstm_ref.conversion.stack import Stack, narrowed
from lstm_ref.conversion.torch import bfloat16, by_name, from_torch, tensor, to_torch
from lstm_ref.reference.activations import Array

# The packages that reading or writing a file needs, by the ending of its name.
CONDITIONS = "conditions"  # beside the arrays of an .npz file
BITS = ":bfloat16"  # the end of the name of a bfloat16 array, which .npz keeps as uint16

NEEDS = {
    ".onnx": "onnx",
    ".pt": "torch",
    ".pth": "torch",
    ".ckpt": "torch",
    ".safetensors": "safetensors",
    ".keras": "keras",
    ".h5": "keras",
    ".npz": "numpy",
}


def read(path: Path, prefix: str | None = None) -> Stack:
    """The weights in a file; `prefix` chooses one of several LSTMs in a state_dict, or
    the node of a model.

    `.npz` and `.safetensors` have the names of a PyTorch state_dict. Raises
    ConversionError for a file of another kind, for one that holds no LSTM, and where a
    package is missing.
    """
    readers: Mapping[str, Callable[[Path], Stack]] = {
        ".onnx": lambda file: from_onnx(file, prefix),
        ".safetensors": lambda file: from_torch(_package(file, "safetensors.numpy").load_file(file), prefix),
        ".npz": lambda file: _of_npz(file, prefix),
        **dict.fromkeys((".pt", ".pth", ".ckpt"), lambda file: from_torch(_checkpoint(file), prefix)),
        **dict.fromkeys((".keras", ".h5"), lambda file: from_keras(_model(file))),
    }
    if not path.is_file():
        raise ConversionError([f"there is no file {path}"])
    if prefix is not None and NEEDS[_ending(path)] == "keras":
        raise ConversionError(
            [f"{path.name}: a Keras model has no prefix; in Python: from_keras(model.get_layer({prefix!r}))"]
        )
    return readers[_ending(path)](path)


def write(weights: Any, path: Path, dtype: str | None = None) -> None:
    """Write the weights in a form that other programs can read: a model of LSTM nodes
    or layers, or a state_dict. Raises ConversionError.
    """
    stack = narrowed(weights, dtype)
    writers: Mapping[str, Callable[[Path], Any]] = {
        ".onnx": lambda file: _package(file, "onnx").save(_onnx_model(stack, file), file),
        ".safetensors": lambda file: _package(file, "safetensors.numpy").save_file(to_torch(stack), file),
        ".npz": lambda file: np.savez(file, **_for_npz(stack)),
        **dict.fromkeys((".pt", ".pth", ".ckpt"), lambda file: _save_checkpoint(to_torch(stack), file)),
        **dict.fromkeys((".keras", ".h5"), lambda file: _keras_model(stack, file).save(file)),
    }
    written = path.with_name(
        f".{path.stem}.part{path.suffix}"
    )  # the old file stays whole until the new one is
    try:
        writers[_ending(path)](written)
        written.replace(path)
    finally:
        written.unlink(missing_ok=True)


def _ending(path: Path) -> str:
    if path.suffix.lower() not in NEEDS:
        raise ConversionError(
            [f"{path.name}: unknown ending {path.suffix or '(none)'!r}; known are {', '.join(NEEDS)}"]
        )
    return path.suffix.lower()


def _package(path: Path, module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        name = NEEDS[_ending(path)]
        install = "tensorflow" if name == "keras" else name
        raise ConversionError(
            [f"{path.name} needs the package {name}: python -m pip install {install}"]
        ) from error


def _npz(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return {name: held[name] for name in held.files}
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ConversionError([f"{path} is not a .npz file of arrays: {error}"]) from error


def _for_npz(stack: Stack) -> dict[str, Any]:
    arrays: dict[str, Any] = {}
    for name, values in by_name(stack).items():
        kept_as_bits = values.dtype.name == "bfloat16"
        arrays[f"{name}{BITS}" if kept_as_bits else name] = values.view(np.uint16) if kept_as_bits else values
    return {**arrays, CONDITIONS: np.array(stack.conditions, str)} if stack.conditions else arrays


def _of_npz(path: Path, prefix: str | None) -> Stack:
    held = _npz(path)
    conditions = held.pop(CONDITIONS, np.array((), str))
    arrays = {
        name.removesuffix(BITS): values.view(bfloat16()) if name.endswith(BITS) else values
        for name, values in held.items()
    }
    return Stack(from_torch(arrays, prefix), map(str, conditions.ravel()))


def _checkpoint(path: Path) -> Any:
    torch = _package(path, "torch")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        hint = "only files of weights are read, since others could run code: save module.state_dict()"
        raise ConversionError([f"{path} cannot be read: {reason}; {hint}"]) from error


def _save_checkpoint(named: Mapping[str, Array], path: Path) -> None:
    torch = _package(path, "torch")
    torch.save({name: tensor(np.array(values)) for name, values in named.items()}, path)


def _model(path: Path) -> Any:
    keras = _package(path, "keras")
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise ConversionError([f"{path} cannot be read as a Keras model: {reason}"]) from error


def _keras_model(stack: Stack, path: Path) -> Any:
    """A Sequential of LSTM layers that return sequences, with the weights in it."""
    keras = _package(path, "keras")
    dtype = str(stack[0][0].kernel.dtype)
    layers = []
    for directions in stack:
        lstm = keras.layers.LSTM(len(directions[0].recurrent_kernel), return_sequences=True, dtype=dtype)
        layers.append(lstm if len(directions) == 1 else keras.layers.Bidirectional(lstm, dtype=dtype))
    model = keras.Sequential([keras.Input((None, len(stack[0][0].kernel)), dtype=dtype), *layers])
    to_keras(stack, model)
    return model


def _onnx_model(stack: Stack, path: Path) -> Any:
    """A model of one LSTM node a layer, from X (timesteps, batch, features) to Y
    (timesteps, batch, directions * units).
    """
    onnx = _package(path, "onnx")
    helper, numpy_helper = onnx.helper, import_module("onnx.numpy_helper")
    nodes, initializers, name = [], [], "X"
    for number, arrays in enumerate(to_onnx(stack)):
        directions, units = len(arrays.W), arrays.R.shape[2]
        held = {f"{key}{number}": values for key, values in arrays._asdict().items()}
        held[f"shape{number}"] = np.array([0, 0, directions * units], np.int64)
        initializers += [
            numpy_helper.from_array(np.ascontiguousarray(values), key) for key, values in held.items()
        ]
        direction = "bidirectional" if directions == 2 else "forward"
        inputs = [name, f"W{number}", f"R{number}", f"B{number}"]
        nodes.append(
            helper.make_node(
                "LSTM", inputs, [f"Y{number}"], name=f"lstm{number}", hidden_size=units, direction=direction
            )
        )
        nodes.append(helper.make_node("Transpose", [f"Y{number}"], [f"T{number}"], perm=[0, 2, 1, 3]))
        name = "Y" if number == len(stack) - 1 else f"X{number + 1}"
        nodes.append(helper.make_node("Reshape", [f"T{number}", f"shape{number}"], [name]))
    element = helper.np_dtype_to_tensor_dtype(stack[0][0].kernel.dtype)
    shapes = {
        "X": ["timesteps", "batch", len(stack[0][0].kernel)],
        "Y": ["timesteps", "batch", directions * units],
    }
    x, y = (helper.make_tensor_value_info(each, element, shape) for each, shape in shapes.items())
    graph = helper.make_graph(nodes, "lstm", [x], [y], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
