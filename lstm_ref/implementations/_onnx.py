"""What all runtimes of ONNX have in common: the model of one LSTM node that is made
from a request, and the subject's side of a call. The package `onnx` makes the models. A
runtime gets a complete model, and arrays by name.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.protocol.adapter import Gradients
from lstm_ref.protocol.errors import NotOffered, UnknownAction, UnknownLayer, WeightMismatch
from lstm_ref.protocol.trace import Request, Tensor

# The IR version of a model for each opset. A runtime of that time can read it. Before
# version 4 an initializer has to be an input of the graph as well.
IR_VERSIONS = {7: 4, 14: 7, 22: 10}

ATTRIBUTES = (
    "direction",
    "layout",
    "activations",
    "activation_alpha",
    "activation_beta",
    "clip",
    "input_forget",
)
INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")
ACCUMULATION = {"float64": "float64", "float32": "float32"}


@dataclass
class OperatorNode:
    """The node of a request: its parameters and weights. For each set of inputs, a
    function that runs the node is made once and kept.
    """

    params: Mapping[str, Any]
    dtype: str
    weights: dict[str, Any] = field(default_factory=dict)
    runs: dict[tuple[str, ...], Any] = field(default_factory=dict)

    @property
    def directions(self) -> int:
        """How many there are."""
        return 2 if self.params.get("direction") == "bidirectional" else 1

    @property
    def outputs(self) -> list[str]:
        """The names of the outputs that the node has."""
        return str(self.params.get("outputs", "Y+Y_h+Y_c")).split("+")

    def inputs(self, features: int) -> dict[str, Any]:
        """W, R, B and P, made of the parts of the weights. For a node that nobody can
        build they are zeros.
        """
        H, D = int(self.params["hidden_size"]), self.directions
        wanted: dict[str, tuple[int, ...]] = {"W": (D, 4 * H, features), "R": (D, 4 * H, H)}
        wanted |= {"B": (D, 8 * H)} if self.params.get("B", True) else {}
        wanted |= {"P": (D, 3 * H)} if self.params.get("P") else {}
        if not self.weights:
            return {name: np.zeros(shape, self.dtype) for name, shape in wanted.items()}
        parts = [["W", "R", "Wb", "Rb", "P"], ["WB", "RB", "WBb", "RBb", "PB"]][:D]
        found: dict[str, Any] = {"W": np.stack([self.weights[names[0]] for names in parts])}
        found["R"] = np.stack([self.weights[names[1]] for names in parts])
        if "B" in wanted:
            found["B"] = np.stack(
                [np.concatenate([self.weights[name] for name in names[2:4]]) for names in parts]
            )
        if "P" in wanted:
            found["P"] = np.stack([self.weights[names[4]] for names in parts])
        shapes = {name: tuple(array.shape) for name, array in found.items()}
        if shapes != wanted:
            raise WeightMismatch(wanted, shapes)
        return found


class OnnxRuntimeAdapter:
    """The adapter of a runtime. Each runtime says how it prepares a model and runs it.
    If a runtime raises because it does not implement something, `declined` finds this
    in the exception.
    """

    packages: tuple[str, ...] = ("onnx",)

    def __init__(self) -> None:
        self.onnx = import_module("onnx")

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """A function that runs the model. It takes arrays by name, and returns the
        outputs in order.
        """
        raise NotImplementedError

    def declined(self, error: Exception) -> str | None:
        """The words in which the runtime says that it does not implement what is asked.
        None where the exception says something else.
        """
        return str(error) if isinstance(error, NotImplementedError) else None

    def versions(self) -> Mapping[str, str]:
        """Those of the runtime, and of the package that makes its models."""
        return {name: str(import_module(name).__version__) for name in self.packages}

    def unsupported(self, request: Request) -> str | None:
        """Nothing is refused beforehand. Whatever a case asks for is tried."""
        return None

    def seed(self, seed: int) -> None:
        """Nothing is drawn."""

    def constructor(self, request: Request) -> Callable[[], Any]:
        """A node. Whether the runtime takes it is known only when it is first run."""
        if request.layer != "LSTM":
            raise UnknownLayer(request.layer, "ONNX")
        return lambda: OperatorNode(request.params, request.dtype)

    def set_weights(self, layer: OperatorNode, weights: Mapping[str, Tensor]) -> None:
        """The parts of W, R, B and P."""
        layer.weights.update({name: np.array(tensor.values) for name, tensor in weights.items()})

    def weights(self, layer: OperatorNode) -> Mapping[str, Any]:
        """The same parts."""
        return layer.weights

    def tensor(self, value: Tensor) -> Any:
        """A NumPy array of its own memory."""
        return np.array(value.values)

    def read(self, tensor: Any) -> Tensor:
        """A copy of the values, with NumPy's word for their dtype."""
        return Tensor(str(np.asarray(tensor).dtype), np.array(tensor))

    def caller(self, layer: OperatorNode, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """The model of the node with these inputs, run."""
        given = {name: value[0] if isinstance(value, list) else value for name, value in arguments.items()}
        weights = layer.inputs(int(given["X"].shape[-1]))
        fed = given if layer.params.get("constant", True) else {**given, **weights}
        key = (*given, str([array.shape for array in given.values()]))

        def call() -> Any:
            try:
                if key not in layer.runs:
                    layer.runs[key] = self.prepare(model(self.onnx, layer, given, weights))
                return tuple(layer.runs[key](fed))
            except Exception as error:
                if (words := self.declined(error)) is not None:
                    raise NotOffered(words) from error
                raise

        return call

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """The operator has no gradients."""
        raise NotOffered("ONNX runtimes run a model; they do not differentiate it")

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """Nothing is drawn."""
        return {}

    def effects(self, layer: Any) -> Mapping[str, Any]:
        """Nothing is left behind."""
        return {}

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """A node is called, and nothing else."""
        raise UnknownAction(action, step, "which a node of a model does not have")

    def release(self) -> None:
        """Nothing is kept."""


def line_with(error: Exception, *said: str) -> str | None:
    """The line of the message that has one of these words in it, without the place in
    the source that it names.
    """
    return next(
        (
            line.rpartition("THROWN:")[2].strip()
            for line in str(error).splitlines()
            if any(words in line.lower() for words in said)
        ),
        None,
    )


def model(onnx: Any, node: OperatorNode, given: Mapping[str, Any], weights: Mapping[str, Any]) -> Any:
    """A model of the node alone, with the inputs that are given and their shapes. It is
    not checked, because a case may ask what a runtime does with a node that is not
    allowed.

    The sizes of the outputs have names. OpenCV's new engine reads no model in which a
    size has neither number nor name (5.0).
    """
    helper, params = onnx.helper, node.params
    present = {**given, **weights}
    names = [name if name in present else "" for name in INPUTS]
    while not names[-1]:
        names.pop()
    shown = [name if name in node.outputs else "" for name in ("Y", "Y_h", "Y_c")]
    while not shown[-1]:
        shown.pop()
    attributes = {name: params[name] for name in ATTRIBUTES if params.get(name) is not None}
    if params.get("opset") == 7 and not params.get("layout"):
        attributes.pop("layout", None)  # which version 7 does not have
    if params.get("hidden_size_stated", True):
        attributes["hidden_size"] = params["hidden_size"]
    made = helper.make_node("LSTM", names, shown, **attributes)
    constants = weights if params.get("constant", True) else {}
    fed = {name: array for name, array in present.items() if name not in constants}
    opset = int(params.get("opset", 22))
    graph = helper.make_graph(
        [made],
        "lstm",
        [_value(onnx, name, array.dtype, array.shape) for name, array in fed.items()],
        [
            _value(
                onnx,
                name,
                np.dtype(node.dtype),
                [f"{name}_{axis}" for axis in range(4 if name == "Y" else 3)],
            )
            for name in node.outputs
        ],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=IR_VERSIONS.get(opset, 10)
    )


def _value(onnx: Any, name: str, dtype: Any, shape: Sequence[int | str]) -> Any:
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(dtype), shape)
