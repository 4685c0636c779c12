"""Requests and traces as JSON: one message a line, arrays as dtype, shape and base64 of
their little-endian values in C order.

`protocol.schema.json` states the format of every message. bfloat16 values travel as
float32, which holds them exactly.
"""

import binascii
import json
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from lstm_ref.protocol.errors import NotAMessage, WireError
from lstm_ref.protocol.trace import Call, PreviousOutputs, Raised, Request, Step, Tensor, Trace

PROTOCOL = 3

Json = dict[str, Any]

# The dtype of each owner's word on the wire; NumPy has no bfloat16.
STORAGE: dict[str, np.dtype[Any]] = {
    "float64": np.dtype("<f8"),
    "float32": np.dtype("<f4"),
    "float16": np.dtype("<f2"),
    "bfloat16": np.dtype("<f4"),
    "complex128": np.dtype("<c16"),
    "complex64": np.dtype("<c8"),
    "int64": np.dtype("<i8"),
    "int32": np.dtype("<i4"),
    "int16": np.dtype("<i2"),
    "int8": np.dtype("i1"),
    "uint64": np.dtype("<u8"),
    "uint32": np.dtype("<u4"),
    "uint16": np.dtype("<u2"),
    "uint8": np.dtype("u1"),
    "bool": np.dtype("?"),
}


def dump(message: Json) -> bytes:
    """The message as one line. Raises WireError where it holds what JSON cannot say
    (NaN or infinity outside an array, an object).
    """
    try:
        return json.dumps(message, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
    except (TypeError, ValueError) as error:
        raise WireError(
            f"the message {message.get('message')!r} cannot be written as JSON: {error}; parameters and"
            " arguments are plain data, numbers in arrays"
        ) from error


def parse(line: bytes) -> Json:
    """The message in one line. Raises WireError where the line is not one JSON
    object.
    """
    try:
        message = json.loads(line, parse_constant=_refuse_constant)
    except ValueError as error:
        raise NotAMessage(f"not a line of JSON ({error}): {line[:200]!r}") from error
    if not isinstance(message, dict):
        raise NotAMessage(f"a message is one JSON object, this is not: {line[:200]!r}")
    return message


def request_to_json(request: Request) -> Json:
    """The request as plain data."""
    return {
        "implementation": request.implementation,
        "layer": request.layer,
        "params": dict(request.params),
        "dtype": request.dtype,
        "weights": _tensors_to_json(request.weights),
        "steps": [_step_to_json(step) for step in request.steps],
        "seed": request.seed,
    }


def request_from_json(data: Json) -> Request:
    """The request in plain data that fits the schema. Raises WireError where an array's
    bytes do not fit its shape.
    """
    return Request(
        implementation=data["implementation"],
        layer=data["layer"],
        params=data["params"],
        dtype=data["dtype"],
        weights=_tensors_from_json(data["weights"]),
        steps=tuple(_step_from_json(step) for step in data["steps"]),
        seed=data["seed"],
    )


def trace_to_json(trace: Trace) -> Json:
    """The trace as plain data."""
    return {
        "calls": [_call_to_json(call) for call in trace.calls],
        "raised": None if trace.raised is None else _raised_to_json(trace.raised),
        "seconds": trace.seconds,
        "refusals": [_raised_to_json(raised) for raised in trace.refusals],
    }


def trace_from_json(data: Json) -> Trace:
    """The trace in plain data that fits the schema. Raises WireError where an array's
    bytes do not fit its shape.
    """
    return Trace(
        calls=tuple(_call_from_json(call) for call in data["calls"]),
        raised=None if data.get("raised") is None else _raised_from_json(data["raised"]),
        seconds=data.get("seconds", 0.0),
        refusals=tuple(_raised_from_json(raised) for raised in data.get("refusals", ())),
    )


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _tensor_to_json(tensor: Tensor) -> Json:
    if tensor.dtype not in STORAGE:
        raise WireError(f"dtype {tensor.dtype!r} has no form on the wire; known are {', '.join(STORAGE)}")
    values = np.asarray(tensor.values, dtype=STORAGE[tensor.dtype])
    return {
        "dtype": tensor.dtype,
        "shape": list(values.shape),
        "data": binascii.b2a_base64(values.tobytes(), newline=False).decode("ascii"),
    }


def tensor_from_json(data: Json) -> Tensor:
    """The array in plain data that fits the schema. Raises WireError where its bytes do
    not fit its shape.
    """
    storage = STORAGE[data["dtype"]]
    shape = tuple(data["shape"])
    try:
        content = binascii.a2b_base64(data["data"])
    except ValueError as error:
        raise WireError(f"the values of an array of shape {shape} are not base64: {error}") from error
    if len(content) != prod(shape) * storage.itemsize:
        raise WireError(
            f"an array of shape {shape} and dtype {data['dtype']} takes {prod(shape) * storage.itemsize}"
            f" bytes, the message holds {len(content)}"
        )
    values = np.frombuffer(content, dtype=storage).reshape(shape)
    return Tensor(data["dtype"], values.astype(storage.newbyteorder("="), copy=False))


def _tensors_to_json(tensors: Mapping[str, Tensor]) -> Json:
    return {name: _tensor_to_json(tensor) for name, tensor in tensors.items()}


def _tensors_from_json(data: Json) -> dict[str, Tensor]:
    return {name: tensor_from_json(tensor) for name, tensor in data.items()}


def _step_to_json(step: Step) -> Json:
    return {
        "action": step.action,
        "arguments": {name: _argument_to_json(value) for name, value in step.arguments.items()},
        "cotangents": (
            None if step.cotangents is None else [_tensor_to_json(tensor) for tensor in step.cotangents]
        ),
        "refused": step.refused,
        "direction": _tensors_to_json(step.direction),
        "derivatives": list(step.derivatives),
    }


def _step_from_json(data: Json) -> Step:
    return Step(
        action=data["action"],
        arguments={name: _argument_from_json(value) for name, value in data["arguments"].items()},
        cotangents=(
            None
            if data["cotangents"] is None
            else tuple(tensor_from_json(tensor) for tensor in data["cotangents"])
        ),
        refused=data["refused"],
        direction=_tensors_from_json(data["direction"]),
        derivatives=tuple(data["derivatives"]),
    )


def _argument_to_json(value: Any) -> Json:
    """A call argument: an array, a list that holds at least one, what the call before
    returned, or plain data; the key says which.
    """
    if isinstance(value, Tensor):
        return {"tensor": _tensor_to_json(value)}
    if isinstance(value, PreviousOutputs):
        return {"previous": _previous_to_json(value)}
    if isinstance(value, (list, tuple)) and any(_holds_tensor(item) for item in value):
        return {"list": [_argument_to_json(item) for item in value]}
    return {"plain": value}


def _argument_from_json(data: Json) -> Any:
    if "tensor" in data:
        return tensor_from_json(data["tensor"])
    if "previous" in data:
        return _previous_from_json(data["previous"])
    if "list" in data:
        return [_argument_from_json(item) for item in data["list"]]
    return data["plain"]


def _previous_to_json(previous: PreviousOutputs) -> list[Any]:
    return [
        _previous_to_json(position) if isinstance(position, PreviousOutputs) else position
        for position in previous.outputs
    ]


def _previous_from_json(data: list[Any]) -> PreviousOutputs:
    return PreviousOutputs(
        tuple(_previous_from_json(position) if isinstance(position, list) else position for position in data)
    )


def _holds_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (
        isinstance(value, (list, tuple)) and any(_holds_tensor(item) for item in value)
    )


def _call_to_json(call: Call) -> Json:
    return {
        "structure": call.structure,
        "outputs": [_tensor_to_json(tensor) for tensor in call.outputs],
        "gradients": _gradients_to_json(call.gradients),
        "changed": list(call.changed),
        "drawn": _tensors_to_json(call.drawn),
        "effects": _tensors_to_json(call.effects),
        **({"facts": dict(call.facts)} if call.facts else {}),
        "tangents": [None if tensor is None else _tensor_to_json(tensor) for tensor in call.tangents],
        "curvatures": _gradients_to_json(call.curvatures),
    }


def _call_from_json(data: Json) -> Call:
    return Call(
        structure=data["structure"],
        outputs=tuple(tensor_from_json(tensor) for tensor in data["outputs"]),
        gradients=_gradients_from_json(data.get("gradients", {})),
        changed=tuple(data.get("changed", ())),
        drawn=_tensors_from_json(data.get("drawn", {})),
        effects=_tensors_from_json(data.get("effects", {})),
        tangents=tuple(
            None if tensor is None else tensor_from_json(tensor) for tensor in data.get("tangents", ())
        ),
        curvatures=_gradients_from_json(data.get("curvatures", {})),
        facts=data.get("facts", {}),
    )


def _gradients_to_json(gradients: Mapping[str, Tensor | None]) -> Json:
    return {name: None if tensor is None else _tensor_to_json(tensor) for name, tensor in gradients.items()}


def _gradients_from_json(data: Json) -> dict[str, Tensor | None]:
    return {name: None if tensor is None else tensor_from_json(tensor) for name, tensor in data.items()}


def _raised_to_json(raised: Raised) -> Json:
    return {
        "types": list(raised.types),
        "message": raised.message,
        "step": raised.step,
        "traceback": raised.traceback,
    }


def _raised_from_json(data: Json) -> Raised:
    return Raised(
        types=tuple(data["types"]), message=data["message"], step=data["step"], traceback=data["traceback"]
    )
