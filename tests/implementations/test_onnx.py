"""The runtimes of ONNX: the model that is made of a request, and what a runtime says
that it does not implement.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lstm_ref.dialects import onnx as dialect
from lstm_ref.implementations._onnx import OnnxRuntimeAdapter, OperatorNode, line_with, model
from lstm_ref.implementations.onnx_backend import VARIABLE, NoBackend, OnnxBackend, backend
from lstm_ref.protocol.errors import NotOffered, UnknownAction, UnknownLayer, WeightMismatch
from lstm_ref.protocol.steps import run
from lstm_ref.protocol.trace import Request, Step, Tensor

onnx = pytest.importorskip("onnx")

T, N, F, H = 3, 2, 5, 4
RNG = np.random.default_rng(3)
X = RNG.normal(size=(T, N, F)).astype(np.float32)


class Recorded(OnnxRuntimeAdapter):
    """A runtime that keeps what it is given, and returns numbers of no meaning or
    raises.
    """

    def __init__(self, raises: Exception | None = None) -> None:
        super().__init__()
        self.models: list[Any] = []
        self.fed: list[Mapping[str, Any]] = []
        self.raises = raises

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        self.models.append(model)

        def run(fed: Mapping[str, Any]) -> Sequence[Any]:
            if self.raises is not None:
                raise self.raises
            self.fed.append(fed)
            return [np.zeros(1, np.float32) for _ in model.graph.output]

        return run


def request(steps: Sequence[Mapping[str, Any]] = ({},), **params: Any) -> Request:
    twin = dialect.LSTM(H, **params)
    weights = {
        name: Tensor("float32", RNG.normal(size=spec.shape).astype(np.float32))
        for name, spec in twin.weight_specs(F).items()
    }
    calls = tuple(Step("call", {"X": Tensor("float32", X), **step}) for step in steps)
    return Request("", "LSTM", {"hidden_size": H, **params}, "float32", weights, calls)


def made_of(asked: Request) -> Any:
    adapter = Recorded()
    run(adapter, asked)
    return adapter.models[0]


def attributes(made: Any) -> dict[str, Any]:
    return {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in made.graph.node[0].attribute
    }


@pytest.mark.parametrize("opset", [7, 14, 22])
@pytest.mark.parametrize("constant", [True, False])
def test_the_model_of_a_node_that_has_everything_is_valid(opset: int, constant: bool) -> None:
    everything: dict[str, Any] = {
        "direction": "bidirectional",
        "activations": ["HardSigmoid", "Tanh", "Relu", "Sigmoid", "LeakyRelu", "Tanh"],
        "activation_alpha": [0.25, 0.5],
        "activation_beta": [0.5],
        "clip": 0.5,
        "input_forget": 1,
        "P": True,
    }
    asked = request(
        [{"sequence_lens": Tensor("int32", np.array([1, 3], np.int32))}],
        opset=opset,
        constant=constant,
        **everything,
    )
    made = made_of(asked)
    onnx.checker.check_model(made, full_check=True)
    assert list(made.graph.node[0].input) == ["X", "W", "R", "B", "sequence_lens", "", "", "P"]
    assert {value.name for value in made.graph.initializer} == ({"W", "R", "B", "P"} if constant else set())
    assert {value.name for value in made.graph.input} == {"X", "sequence_lens"} | (
        set() if constant else {"W", "R", "B", "P"}
    )
    assert made.opset_import[0].version == opset
    found = attributes(made)
    assert found.keys() == {"hidden_size"} | everything.keys() - {"P"}
    assert (found["direction"], found["clip"], found["activation_alpha"]) == (
        b"bidirectional",
        0.5,
        [0.25, 0.5],
    )


def test_weights_stand_by_direction_as_the_documentation_has_them() -> None:
    asked = request(direction="bidirectional", P=True)
    parts = {name: tensor.values for name, tensor in asked.weights.items()}
    arrays = {value.name: onnx.numpy_helper.to_array(value) for value in made_of(asked).graph.initializer}
    assert np.array_equal(arrays["W"], np.stack([parts["W"], parts["WB"]]))
    assert np.array_equal(arrays["R"], np.stack([parts["R"], parts["RB"]]))
    assert np.array_equal(arrays["B"][1], np.concatenate([parts["WBb"], parts["RBb"]]))
    assert np.array_equal(arrays["P"], np.stack([parts["P"], parts["PB"]]))


def test_the_evaluator_of_onnx_computes_a_plain_node_as_the_twin_does() -> None:
    asked = request(direction="bidirectional", P=True)
    twin = dialect.LSTM(H, direction="bidirectional", P=True, dtype="float64")
    twin.load({name: tensor.values for name, tensor in asked.weights.items()})
    found = __import__("onnx.reference").reference.ReferenceEvaluator(made_of(asked)).run(None, {"X": X})
    for observed, wanted in zip(found, twin(X), strict=True):
        np.testing.assert_allclose(observed, wanted, rtol=0, atol=1e-5)


def test_outputs_and_attributes_that_a_node_does_not_have_are_left_out() -> None:
    made = made_of(request(outputs="Y_c", B=False, hidden_size_stated=False))
    assert list(made.graph.node[0].output) == ["", "", "Y_c"]
    assert list(made.graph.node[0].input) == ["X", "W", "R"]
    assert attributes(made) == {}
    assert list(made_of(request(outputs="Y")).graph.node[0].output) == ["Y"]
    assert attributes(made_of(request(opset=7, layout=0))) == {"hidden_size": H}
    assert attributes(made_of(request(opset=14, layout=0))) == {"hidden_size": H, "layout": 0}


def test_a_model_is_made_once_for_all_calls_that_have_the_same_inputs() -> None:
    lengths = Tensor("int32", np.array([1, 3], np.int32))
    adapter = Recorded()
    run(adapter, request([{}, {}, {"sequence_lens": lengths}], constant=False))
    assert len(adapter.models) == 2
    assert [set(fed) for fed in adapter.fed] == [{"X", "W", "R", "B"}] * 2 + [
        {"X", "W", "R", "B", "sequence_lens"}
    ]


def test_a_node_that_nobody_can_build_has_zeros_for_weights() -> None:
    arrays = OperatorNode({"hidden_size": H, "direction": "sideways"}, "float32").inputs(F)
    assert {name: array.shape for name, array in arrays.items()} == {
        "W": (1, 4 * H, F),
        "R": (1, 4 * H, H),
        "B": (1, 8 * H),
    }
    assert not any(np.any(array) for array in arrays.values())


def test_weights_of_another_shape_are_ours_to_mend() -> None:
    node = OperatorNode(
        {"hidden_size": H},
        "float32",
        {name: tensor.values[:-1] for name, tensor in request().weights.items()},
    )
    with pytest.raises(WeightMismatch):
        node.inputs(F)


def test_what_a_runtime_does_not_implement_is_told_in_its_words() -> None:
    with pytest.raises(NotOffered, match="no such thing here"):
        run(Recorded(NotImplementedError("no such thing here")), request())
    raised = run(Recorded(RuntimeError("something else")), request()).raised
    assert raised is not None
    assert raised.message == "something else"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "FAIL\nBatchwise operations (layout == 1) are not supported.",
            "Batchwise operations (layout == 1) are not supported.",
        ),
        ("in a pass:\nCALLBACK HAS THROWN: Not supported: softsign", "Not supported: softsign"),
        ("batch_size is not matched", None),
    ],
)
def test_the_line_that_says_it_is_found(message: str, words: str | None) -> None:
    assert line_with(RuntimeError(message), "not supported") == words


def test_only_the_operator_lstm_is_known_and_it_does_nothing_but_compute() -> None:
    adapter = Recorded()
    with pytest.raises(UnknownLayer, match="ONNX has no layer 'GRU'"):
        adapter.constructor(Request("", "GRU", {}, "float32", {}, ()))
    with pytest.raises(UnknownAction, match="'reset'"):
        adapter.actor(None, "reset", 0, {})
    with pytest.raises(NotOffered, match="do not differentiate"):
        adapter.record(None, [], lambda: None)


def test_a_model_says_the_shapes_of_its_inputs() -> None:
    node = OperatorNode(
        {"hidden_size": H}, "float32", {name: tensor.values for name, tensor in request().weights.items()}
    )
    (value,) = model(onnx, node, {"X": X}, node.inputs(F)).graph.input
    assert [size.dim_value for size in value.type.tensor_type.shape.dim] == [T, N, F]


BACKEND = """
from onnx.reference import ReferenceEvaluator

class Prepared:
    def __init__(self, model):
        self.model = model

    def run(self, inputs):
        names = [value.name for value in self.model.graph.input]
        return ReferenceEvaluator(self.model).run(None, dict(zip(names, inputs, strict=True)))

def prepare(model, device="CPU", **options):
    assert device == "CPU"
    return Prepared(model)

def supports_device(device):
    return device == DEVICE
"""


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in ("a_backend", "a_backend_of_graphics", "no_backend"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "a_backend.py").write_text(BACKEND.replace("DEVICE", '"CPU"'))
    (tmp_path / "a_backend_of_graphics.py").write_text(BACKEND.replace("DEVICE", '"CUDA"'))
    (tmp_path / "no_backend.py").write_text("prepare = print")
    return tmp_path


def test_any_backend_is_judged_by_the_name_of_its_module(
    modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "a_backend")
    asked = request(constant=False)
    trace = run(OnnxBackend(), asked)
    twin = dialect.LSTM(H, dtype="float64")
    twin.load({name: tensor.values for name, tensor in asked.weights.items()})
    assert trace.raised is None
    assert trace.calls[0].structure == "(*, *, *)"
    np.testing.assert_allclose(trace.calls[0].outputs[0].values, twin(X)[0], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", f"{VARIABLE} is not set: set {VARIABLE} to a module"),
        ("not.there", "not.there cannot be imported"),
        ("no_backend", "no_backend has no supports_device"),
        ("a_backend_of_graphics", "does not support the device CPU"),
    ],
)
def test_what_is_no_backend_is_refused(modules: Path, name: str, message: str) -> None:
    with pytest.raises(NoBackend, match=message):
        backend(name)


def test_the_sizes_of_outputs_have_names_of_their_own() -> None:
    sizes = [
        size.dim_param
        for value in made_of(request()).graph.output
        for size in value.type.tensor_type.shape.dim
    ]
    assert all(sizes)
    assert len(sizes) == len(set(sizes)) == 4 + 3 + 3
