"""Any module that implements `onnx.backend.base.Backend`.

The environment variable LSTM_REF_ONNX_BACKEND names it: "onnxruntime.backend", or your
own backend.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from lstm_ref.implementations._onnx import ACCUMULATION, OnnxRuntimeAdapter, line_with
from lstm_ref.protocol.adapter import Host, Implementation
from lstm_ref.protocol.errors import AdapterError

VARIABLE = "LSTM_REF_ONNX_BACKEND"


class NoBackend(AdapterError):
    """The variable names no module that is a backend."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"{reason}: set {VARIABLE} to a module that implements onnx.backend.base.Backend, such as"
            " onnxruntime.backend"
        )


class OnnxBackend(OnnxRuntimeAdapter):
    """The backend's `prepare`, on the CPU, and `run` of what it returns, with the
    inputs in their order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.backend = backend(os.environ.get(VARIABLE, ""))

    def versions(self) -> Mapping[str, str]:
        """The versions of onnx, and of the package of the module if it has one."""
        package = self.backend.__name__.partition(".")[0]
        version = getattr(import_module(package), "__version__", None)
        return {**super().versions(), **({package: str(version)} if version else {})}

    def prepare(self, model: Any) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
        """What the backend makes of the model."""
        prepared = self.backend.prepare(model, device="CPU")
        names = [value.name for value in model.graph.input]
        return lambda fed: prepared.run([fed[name] for name in names])

    def declined(self, error: Exception) -> str | None:
        """The exception that the interface has for this, or the same word from the
        runtime behind it.
        """
        own = type(error).__name__ in (
            "BackendIsNotSupposedToImplementIt",
            "NotImplemented",
            "NotImplementedError",
        )
        return str(error) if own else line_with(error, "not supported", "does not support")


def backend(name: str) -> Any:
    """The module of this name. Raises NoBackend."""
    if not name:
        raise NoBackend(f"{VARIABLE} is not set")
    try:
        module = import_module(name)
    except ImportError as error:
        raise NoBackend(f"{name} cannot be imported ({error})") from error
    missing = [function for function in ("prepare", "supports_device") if not hasattr(module, function)]
    if missing:
        raise NoBackend(f"{name} has no {' and no '.join(missing)}")
    if not module.supports_device("CPU"):
        raise NoBackend(f"{name} does not support the device CPU")
    return module


HOST = Host(
    subject="onnx-backend",
    requires=("onnx",),
    extra="onnx",
    environment={"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
)

BACKEND = Implementation(
    name="onnx-backend",
    dialect="onnx",
    host=HOST,
    accumulation=ACCUMULATION,
    adapter=OnnxBackend,
    differentiable=False,
    on_request=True,
)

# Without a module there is nothing to judge.
IMPLEMENTATIONS = (BACKEND,) if os.environ.get(VARIABLE) else ()
