"""ONNX Runtime on the CPU."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from lstm_ref.implementations._onnx import ACCUMULATION, OnnxRuntimeAdapter, line_with
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="onnxruntime",
    requires=("onnx", "onnxruntime"),
    extra="onnxruntime",
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
)


class OnnxRuntime(OnnxRuntimeAdapter):
    """An inference session of one thread, with the default optimizations."""

    packages = ("onnxruntime", "onnx")

    def __init__(self) -> None:
        super().__init__()
        self.runtime = import_module("onnxruntime")
        self.runtime.set_default_logger_severity(4)

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """A session of the CPU provider."""
        options = self.runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = self.runtime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        return lambda fed: session.run(None, dict(fed))

    def declined(self, error: Exception) -> str | None:
        """The status NOT_IMPLEMENTED. For layout 1 and double it has other statuses,
        and the message says "not supported" (1.32).
        """
        return (
            str(error)
            if type(error).__name__ == "NotImplemented"
            else line_with(error, "are not supported", "does not support")
        )


IMPLEMENTATIONS = (
    Implementation(
        name="onnxruntime",
        dialect="onnx",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=OnnxRuntime,
        differentiable=False,
        on_request=True,
    ),
)
