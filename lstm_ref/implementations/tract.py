"""tract on the CPU, through its Python package, with ONNX models as it reads them."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lstm_ref.implementations._onnx import OnnxRuntimeAdapter, line_with
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="tract",
    requires=("onnx", "tract"),
    extra="tract",
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "RUST_BACKTRACE": "0"},
)

# "LstmEpilogue only supports f32 and f16 preactivations, got F64" (0.23).
IN_FLOAT32 = {"float32": "float32"}


class Tract(OnnxRuntimeAdapter):
    """A model that is loaded from a file, typed, optimized, and run."""

    def __init__(self) -> None:
        super().__init__()
        self.tract = import_module("tract")

    def versions(self) -> Mapping[str, str]:
        """That of the installed package, whose module does not say one."""
        return {"tract": version("tract"), **super().versions()}

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """A runnable, which takes its inputs in the order of the graph."""
        with TemporaryDirectory() as folder:
            file = Path(folder, "model.onnx")
            file.write_bytes(model.SerializeToString())
            runnable = self.tract.onnx().load(str(file)).into_model().into_runnable()
        names = [value.name for value in model.graph.input]
        return lambda fed: [found.to_numpy() for found in runnable.run([fed[name] for name in names])]

    def declined(self, error: Exception) -> str | None:
        """What its messages call not supported or not implemented."""
        return line_with(error, "not supported", "only supports", "not implemented")


IMPLEMENTATIONS = (
    Implementation(
        name="tract",
        dialect="onnx",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=Tract,
        differentiable=False,
        on_request=True,
    ),
)
