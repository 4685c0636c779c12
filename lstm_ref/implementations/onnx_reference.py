"""The reference evaluator of the package onnx, in NumPy."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from lstm_ref.implementations._onnx import ACCUMULATION, OnnxRuntimeAdapter
from lstm_ref.protocol.adapter import Host, Implementation

HOST = Host(
    subject="onnx-reference",
    requires=("onnx",),
    extra="onnx",
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
)


class OnnxReference(OnnxRuntimeAdapter):
    """`onnx.reference.ReferenceEvaluator`."""

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """An evaluator of the model."""
        evaluator = import_module("onnx.reference").ReferenceEvaluator(model)
        return lambda fed: evaluator.run(None, dict(fed))


IMPLEMENTATIONS = (
    Implementation(
        name="onnx-reference",
        dialect="onnx",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=OnnxReference,
        differentiable=False,
        on_request=True,
    ),
)
