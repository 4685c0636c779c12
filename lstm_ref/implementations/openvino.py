"""OpenVINO on the CPU, with ONNX models as it reads them."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from lstm_ref.implementations._onnx import OnnxRuntimeAdapter, line_with
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="openvino",
    requires=("onnx", "openvino"),
    extra="openvino",
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
)

# Without this hint OpenVINO computes in bfloat16 where the processor can do that.
CONFIGURATION = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": "1"}

# The CPU plugin computes float64 in float32.
IN_FLOAT32 = {"float32": "float32"}


class OpenVino(OnnxRuntimeAdapter):
    """A model that is read, compiled for the CPU in float32, and run."""

    packages = ("openvino", "onnx")

    def __init__(self) -> None:
        super().__init__()
        self.core = import_module("openvino").Core()

    def versions(self) -> Mapping[str, str]:
        """The version of OpenVINO, without what a build adds to it
        ("2026.4.1-22107-...").
        """
        return {name: version.partition("-")[0] for name, version in super().versions().items()}

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """The compiled model."""
        compiled = self.core.compile_model(
            self.core.read_model(model.SerializeToString()), "CPU", CONFIGURATION
        )
        known = {
            name for port in compiled.inputs for name in port.names
        }  # one that it has no use for is gone

        def run(fed: Mapping[str, Any]) -> Sequence[Any]:
            found = compiled({name: array for name, array in fed.items() if name in known})
            return [found[value.name] for value in model.graph.output]

        return run

    def declined(self, error: Exception) -> str | None:
        """The message where it says that something is not supported, or that it does
        not know a function.
        """
        return line_with(
            error, "not supported", "unsupported", "not implemented", "unknown activation function"
        )


IMPLEMENTATIONS = (
    Implementation(
        name="openvino",
        dialect="onnx",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=OpenVino,
        differentiable=False,
        on_request=True,
    ),
)
