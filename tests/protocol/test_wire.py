"""Requests and traces survive the journey between judge and subject."""

import base64
import json
from importlib.resources import files
from typing import Any

import fastjsonschema
import numpy as np
import pytest

from lstm_ref.protocol import wire
from lstm_ref.protocol.errors import WireError
from lstm_ref.protocol.trace import Call, PreviousOutputs, Raised, Request, Step, Tensor, Trace

SCHEMA = json.loads(files("lstm_ref.protocol").joinpath("protocol.schema.json").read_text("utf-8"))


def there_and_back(message: dict[str, Any]) -> dict[str, Any]:
    return wire.parse(wire.dump(message))


def same(first: Any, second: Any) -> bool:
    """Equal in every field, arrays in dtype, shape and bytes."""
    if isinstance(first, np.ndarray):
        return bool(
            first.dtype == second.dtype
            and first.shape == second.shape
            and first.tobytes() == second.tobytes()
        )
    if isinstance(first, dict):
        return first.keys() == second.keys() and all(same(first[key], second[key]) for key in first)
    if isinstance(first, (list, tuple)):
        return type(first) is type(second) and len(first) == len(second) and all(map(same, first, second))
    if hasattr(first, "__dataclass_fields__"):
        return type(first) is type(second) and same(vars(first), vars(second))
    return bool(first == second)


REQUEST = Request(
    implementation="keras-tensorflow",
    layer="RNN",
    params={"cell": {"layer": "LSTMCell", "params": {"units": 3}}, "unroll": True, "activation": None},
    dtype="bfloat16",
    weights={"kernel": Tensor("bfloat16", np.arange(6, dtype=np.float32).reshape(2, 3))},
    steps=(
        Step(
            "call",
            {
                "sequences": Tensor("float64", np.array([0.1, np.nan, -0.0])),
                "initial_state": [Tensor("float32", np.ones((2, 1), np.float32)), None],
            },
        ),
        Step("reset"),
        Step(
            "call",
            {"training": False, "names": ["a"], "mask": Tensor("bool", np.array([[True, False]]))},
            (Tensor("float16", np.zeros((0, 3), np.float16)),),
        ),
        Step(
            "call",
            refused=True,
            direction={"kernel": Tensor("float32", np.ones((2, 1), np.float32))},
            derivatives=("second-order",),
        ),
        Step(
            "call",
            {
                "initial_state": PreviousOutputs(
                    (PreviousOutputs((1, 2)), PreviousOutputs((3, PreviousOutputs((4,)))))
                )
            },
        ),
        Step("train", {"targets": Tensor("float64", np.ones((2, 3))), "epochs": 3, "learning_rate": 0.125}),
    ),
    seed=2**31 - 1,
)

TRACE = Trace(
    calls=(
        Call(
            "(*, (*,))",
            (Tensor("float64", np.array(1.5)), Tensor("int64", np.array([1 << 62]))),
            {"kernel": None, "x[0]": Tensor("float32", np.array([np.inf], np.float32))},
            ("x",),
            {"dropout": Tensor("float32", np.array([[0.0, 2.0]], np.float32))},
            {"losses": Tensor("float64", np.array([0.5, 0.25]))},
            (None, Tensor("float32", np.array([np.nan], np.float32))),
            {"kernel": Tensor("float64", np.array([1.5])), "x": None},
        ),
        Call(
            "()",
            (),
            facts={"signature": {"units": "required", "rate": 0.5, "seed": None}, "printed": ["(32, 4)"]},
        ),
    ),
    raised=Raised(("ValueError", "Exception"), "expected ndim=3, found \ud800", 1, "Traceback ..."),
    seconds=0.25,
)


def test_a_request_comes_back_as_it_was() -> None:
    assert same(wire.request_from_json(there_and_back(wire.request_to_json(REQUEST))), REQUEST)


def test_a_trace_comes_back_as_it_was() -> None:
    assert same(wire.trace_from_json(there_and_back(wire.trace_to_json(TRACE))), TRACE)


@pytest.mark.parametrize("dtype", list(wire.STORAGE))
def test_every_dtype_keeps_its_bytes(dtype: str) -> None:
    values = np.array([[0, 1, 1], [1, 0, 1]]).astype(wire.STORAGE[dtype]).T
    call = Call("*", (Tensor(dtype, values),))
    (back,) = wire.trace_from_json(there_and_back(wire.trace_to_json(Trace((call,), None, 0.0)))).calls
    assert back.outputs[0].dtype == dtype
    assert back.outputs[0].values.tolist() == values.tolist()


# The number one, byte for byte.
ONE = {
    "float64": bytes.fromhex("000000000000f03f"),
    "float32": bytes.fromhex("0000803f"),
    "float16": bytes.fromhex("003c"),
    "bfloat16": bytes.fromhex("0000803f"),
    "complex128": bytes.fromhex("000000000000f03f 0000000000000000"),
    "complex64": bytes.fromhex("0000803f 00000000"),
    **{
        f"{kind}int{bits}": (1).to_bytes(bits // 8, "little")
        for kind in ("", "u")
        for bits in (64, 32, 16, 8)
    },
    "bool": b"\1",
}


@pytest.mark.parametrize("dtype", list(wire.STORAGE))
def test_values_are_little_endian_in_c_order(dtype: str) -> None:
    values = np.array([[1, 0], [1, 1]]).astype(wire.STORAGE[dtype].newbyteorder(">")).T
    sent = wire.trace_to_json(Trace((Call("*", (Tensor(dtype, values),)),), None, 0.0))["calls"][0][
        "outputs"
    ][0]
    content = base64.b64decode(sent["data"])
    size = len(content) // 4
    assert sent["shape"] == [2, 2]
    assert [content[start : start + size] for start in range(0, 4 * size, size)] == [
        ONE[dtype],
        ONE[dtype],
        bytes(size),
        ONE[dtype],
    ]


def test_the_schema_knows_the_same_dtypes_and_version() -> None:
    assert SCHEMA["definitions"]["dtype"]["enum"] == list(wire.STORAGE)
    assert SCHEMA["definitions"]["hello"]["properties"]["protocol"] == {"const": wire.PROTOCOL}


def test_messages_fit_the_schema() -> None:
    validate = fastjsonschema.compile(SCHEMA)
    validate({"message": "run", "id": 0, "request": there_and_back(wire.request_to_json(REQUEST))})
    validate({"message": "trace", "id": 0, "trace": there_and_back(wire.trace_to_json(TRACE))})
    with pytest.raises(fastjsonschema.JsonSchemaValueException):
        validate({"message": "trace", "id": 0, "trace": {"raised": None}})


def test_a_subject_may_leave_out_what_it_has_nothing_to_say_about() -> None:
    message = {"message": "trace", "id": 0, "trace": {"calls": [{"structure": "()", "outputs": []}]}}
    fastjsonschema.compile(SCHEMA)(message)
    assert wire.trace_from_json(message["trace"]) == Trace((Call("()", ()),), None, 0.0)


def test_an_array_with_too_few_bytes_is_refused() -> None:
    data = wire.trace_to_json(TRACE)
    data["calls"][0]["outputs"][1]["shape"] = [2]
    with pytest.raises(WireError, match=r"shape \(2,\) and dtype int64 takes 16 bytes, the message holds 8"):
        wire.trace_from_json(data)


def test_values_that_are_not_base64_are_refused() -> None:
    data = wire.trace_to_json(TRACE)
    data["calls"][0]["outputs"][1]["data"] = "A"
    with pytest.raises(WireError, match="not base64"):
        wire.trace_from_json(data)


@pytest.mark.parametrize("line", [b"hello\n", b"[1]\n", b'{"a": NaN}\n', b"\xff\n", b'{"message": "ru'])
def test_a_line_that_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(WireError):
        wire.parse(line)


@pytest.mark.parametrize("value", [float("nan"), float("-inf"), object(), np.float32(1)])
def test_a_parameter_that_json_cannot_say_is_refused(value: Any) -> None:
    with pytest.raises(WireError, match="cannot be written as JSON"):
        wire.dump({"message": "run", "value": value})


def test_a_dtype_without_a_form_is_refused() -> None:
    with pytest.raises(WireError, match="'float8'"):
        wire.trace_to_json(Trace((Call("*", (Tensor("float8", np.zeros(1)),)),), None, 0.0))
