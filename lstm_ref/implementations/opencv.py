"""OpenCV's module dnn on the CPU, with ONNX models as it reads them."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.implementations._onnx import OnnxRuntimeAdapter, line_with
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="opencv",
    requires=("onnx", "cv2"),
    extra="opencv",
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "SILENT"},
)

# The module dnn has float32 weights and blobs.
IN_FLOAT32 = {"float32": "float32"}


class OpenCv(OnnxRuntimeAdapter):
    """A network that is read from the bytes of a model, and run."""

    packages = ("cv2", "onnx")

    def __init__(self) -> None:
        super().__init__()
        self.cv2 = import_module("cv2")
        self.cv2.setNumThreads(1)

    def versions(self) -> Mapping[str, str]:
        """OpenCV's under the name that people know."""
        found = dict(super().versions())
        return {"opencv": found.pop("cv2"), **found}

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """The network, with its inputs set by name."""
        network = self.cv2.dnn.readNetFromONNX(np.frombuffer(model.SerializeToString(), np.uint8))
        inputs = [value.name for value in model.graph.input]
        outputs = [value.name for value in model.graph.output]

        def run(fed: Mapping[str, Any]) -> Sequence[Any]:
            for name in inputs:
                network.setInput(fed[name], name)
            return list(network.forward(outputs))

        return run

    def declined(self, error: Exception) -> str | None:
        """What its messages call not supported or not implemented."""
        return line_with(error, "not supported", "unsupported", "not implemented", "doesn't support")


IMPLEMENTATIONS = (
    Implementation(
        name="opencv",
        dialect="onnx",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=OpenCv,
        differentiable=False,
        on_request=True,
    ),
)
