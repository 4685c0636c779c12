"""Cases as programs for runtimes of ONNX."""

from collections.abc import Iterator, Mapping
from typing import Any

from lstm_ref.dialects.reproduction import CHECK, CannotReproduce, Language, indented, wrapped
from lstm_ref.protocol.trace import PreviousOutputs, Request, Step

NAMESPACE = "onnx"
OUTSIDE: Mapping[str, str] = {}
DOING: Mapping[str, str] = {}


def time_first(params: Mapping[str, Any]) -> bool:
    """Whether the first axis of an input is time."""
    return bool(params.get("layout", 0) == 0)


def programs(implementation: str, dtype: str) -> Language:
    """Those for a runtime. Raises CannotReproduce for one that is not known."""
    return OnnxPrograms(implementation, dtype)


# The IR version of a model for each opset. A runtime of that time can read it.
IR_VERSIONS = {7: 4, 14: 7}
# The inputs of a node, in their documented order.
INPUTS = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
# How each runtime is imported, and the expression that runs `model` on `fed`.
RUNTIMES = {
    "onnxruntime": (
        "import onnxruntime",
        "onnxruntime.InferenceSession(\n"
        '        model.SerializeToString(), providers=["CPUExecutionProvider"]\n'
        "    ).run(None, fed)",
    ),
    "onnx-reference": (
        "from onnx.reference import ReferenceEvaluator",
        "ReferenceEvaluator(model).run(None, fed)",
    ),
}


class OnnxPrograms:
    """Programs for a runtime of ONNX: a model of one node, made for its inputs."""

    def __init__(self, implementation: str, dtype: str) -> None:
        if implementation not in RUNTIMES:
            raise CannotReproduce(f"programs for {implementation} are not written yet")
        self._imported, self._ran = RUNTIMES[implementation]
        self._dtype = dtype

    def imports(self) -> list[str]:
        """ONNX, the runtime, and what makes and compares arrays."""
        return [
            self._imported,
            "from onnx import helper, numpy_helper",
            "",
            *CHECK.splitlines(),
            "",
            f'def tensor(values, dtype="{self._dtype}"):',
            "    return values.astype(dtype) if dtype else values",
            "",
        ]

    def layer(self, request: Request) -> list[str]:
        """W, R, B and P hold the weights of all directions; `layer` makes a model and
        runs it.
        """
        params = dict(request.params)
        wanted = str(params.pop("outputs", "Y+Y_h+Y_c")).split("+")
        shown = ["Y", "Y_h", "Y_c"][: 1 + max(["Y", "Y_h", "Y_c"].index(name) for name in wanted)]
        names = [name if name in wanted else "" for name in shown]
        opset = int(params.pop("opset", 22))
        constants = "weights" if params.pop("constant", True) else "{}"
        if not params.pop("hidden_size_stated", True):
            params.pop("hidden_size")
        if opset == OLDEST and not params.get("layout"):
            params.pop("layout", None)
        attributes = {
            name: value for name, value in params.items() if name not in ("B", "P") and value is not None
        }
        listed = "".join(f", {name}={value!r}" for name, value in attributes.items())
        return [
            *wrapped(f"weights = {{{', '.join(_weights(request))}}}"),
            "",
            "def layer(**given):",
            "    present = {**given, **weights}",
            *indented(wrapped(f'inputs = [name if name in present else "" for name in {INPUTS}]')),
            "    while not inputs[-1]:",
            "        inputs.pop()",
            *indented(wrapped(f'node = helper.make_node("LSTM", inputs, {names}{listed})')),
            f"    constants = {constants}",
            "    fed = {name: value for name, value in present.items() if name not in constants}",
            "    of_numpy, info = helper.np_dtype_to_tensor_dtype, helper.make_tensor_value_info",
            "    graph = helper.make_graph(",
            '        [node], "lstm",',
            "        [info(name, of_numpy(value.dtype), value.shape) for name, value in fed.items()],",
            f'        [info(name, of_numpy(np.dtype("{self._dtype}")), [None] * (4 if name == "Y" else 3))',
            f"         for name in {wanted}],",
            "        [numpy_helper.from_array(value, name) for name, value in constants.items()],",
            "    )",
            f'    opsets = [helper.make_opsetid("", {opset})]',
            "    model = helper.make_model(graph, opset_imports=opsets,"
            f" ir_version={IR_VERSIONS.get(opset, 10)})",
            f"    return {self._ran}",
        ]

    def call(self, step: Step, number: int, arguments: Mapping[str, str]) -> list[str]:
        """Every input is passed by name. A state from the call before is a list of one
        array.
        """
        given = {
            name: f"{value}[0]" if isinstance(step.arguments[name], (PreviousOutputs, list)) else value
            for name, value in arguments.items()
        }
        return [f"result = layer({', '.join(f'{name}={value}' for name, value in given.items())})"]

    def action(self, step: Step) -> list[str]:
        """A node is called, and nothing else."""
        raise CannotReproduce(f"the step {step.action} is not written yet")

    def flat(self) -> str:
        """The outputs as they are."""
        return "result"

    def gradients(self, request: Request, step: Step, arguments: Mapping[str, str]) -> list[str]:
        """A runtime has none."""
        raise CannotReproduce("runtimes of ONNX do not differentiate; leave out --gradients")


OLDEST = 7  # the opset that has no attribute layout


def _weights(request: Request) -> Iterator[str]:
    """The inputs that hold weights. Each is made of its parts in both directions."""
    directions = [("W", "R", "Wb", "Rb", "P"), ("WB", "RB", "WBb", "RBb", "PB")]
    there = [names for names in directions if names[0] in request.weights]
    if not there:
        return
    yield f"'W': tensor(np.stack([{', '.join(names[0] for names in there)}]))"
    yield f"'R': tensor(np.stack([{', '.join(names[1] for names in there)}]))"
    if there[0][2] in request.weights:
        pairs = (f"np.concatenate([{names[2]}, {names[3]}])" for names in there)
        yield f"'B': tensor(np.stack([{', '.join(pairs)}]))"
    if there[0][4] in request.weights:
        yield f"'P': tensor(np.stack([{', '.join(names[4] for names in there)}]))"
