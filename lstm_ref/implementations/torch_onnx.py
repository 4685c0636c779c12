"""PyTorch's `torch.nn` layers as people deploy them: exported by `torch.onnx.export`,
and run by ONNX Runtime on the CPU. Each of the two exporters is an implementation.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from io import BytesIO
from typing import Any

from lstm_ref.implementations._onnx import line_with
from lstm_ref.implementations.pytorch import HOST as OF_PYTORCH
from lstm_ref.implementations.pytorch_modes import Export
from lstm_ref.protocol.adapter import Gradients, Host, Implementation
from lstm_ref.protocol.errors import NotOffered
from lstm_ref.protocol.trace import Request

HOST = Host(
    subject="torch-onnx",
    requires=("torch", "onnx", "onnxscript", "onnxruntime"),
    extra="torch-onnx",
    environment=OF_PYTORCH.environment,
)

# Actions after which the parameters are no longer those of a module that can be traced.
NO_MODULES = ("functional-call", "parametrize")


class Exported(Export):
    """The module is exported for the shapes of a call, with its weights as constants.
    `dynamo` is the argument of `torch.onnx.export` that chooses the exporter.
    """

    def __init__(self, dynamo: bool) -> None:
        super().__init__()
        self._dynamo = dynamo
        self.runtime = import_module("onnxruntime")
        self.runtime.set_default_logger_severity(4)

    def versions(self) -> Mapping[str, str]:
        """Those of PyTorch, of the packages that make the model, and of the runtime."""
        others = ("onnx", "onnxscript", "onnxruntime")
        return {**super().versions(), **{name: str(import_module(name).__version__) for name in others}}

    def unsupported(self, request: Request) -> str | None:
        """What no exporter takes, or no model can say."""
        if any("lengths" in step.arguments for step in request.steps):
            return "torch.onnx.export: the input has to be a tensor, and not a PackedSequence"
        if any(step.action in NO_MODULES for step in request.steps):
            return "torch.onnx.export takes a torch.nn.Module with parameters of its own"
        return None

    def converted(self, layer: Any, input: Any, options: Mapping[str, Any]) -> Any:
        """A function that runs the session of the exported module."""
        if layer.training and getattr(layer, "dropout", 0):
            raise NotOffered("torch.onnx.export makes a model for inference, which drops nothing")
        around = import_module("lstm_ref.implementations._scriptable").OfTensor(layer).eval()
        given = (input, options["hx"]) if options.get("hx") is not None else (input,)
        file = BytesIO()
        try:
            program = self.torch.onnx.export(around, given, file, dynamo=self._dynamo, verbose=False)
        except Exception as error:
            if (words := line_with(error, "not supported", "unsupported")) is not None:
                raise NotOffered(words) from error
            raise
        content = file.getvalue() or program.model_proto.SerializeToString()
        session = self.runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
        is_cell = isinstance(layer, self.torch.nn.LSTMCell)
        return partial(self._run, session, is_cell)

    def _run(self, session: Any, is_cell: bool, input: Any, hx: Any = None) -> Any:
        """The outputs, nested as the module nests them."""
        given = [input, *(hx or ())]
        names = [each.name for each in session.get_inputs()]
        fed = {name: array.detach().numpy() for name, array in zip(names, given, strict=True)}
        found = [self.torch.tensor(array) for array in session.run(None, fed)]
        return tuple(found) if is_cell else (found[0], tuple(found[1:]))

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """A model has no gradients."""
        raise NotOffered("ONNX runtimes run a model; they do not differentiate it")


exported = partial(
    Implementation,
    dialect="torch",
    host=HOST,
    accumulation={"float32": "float32"},
    refusals=False,
    differentiable=False,
    on_request=True,
)

IMPLEMENTATIONS = (
    exported(name="torch-onnx", adapter=partial(Exported, dynamo=True)),
    exported(name="torch-onnx-script", adapter=partial(Exported, dynamo=False)),
)
