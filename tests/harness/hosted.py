"""A subject that hosts the NumPy twins, or real implementations, with a fault planted in front of them.

A script: `python hosted.py FAULT IMPLEMENTATION...`. LSTM_REF_TEST_DEATH may name a file: while there is none, the third request kills the process.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.dialects import dialect
from lstm_ref.implementations import Host, Implementation, discover
from lstm_ref.implementations.adapter import Adapter, Gradients
from lstm_ref.implementations.errors import UnknownAction
from lstm_ref.implementations.server import serve
from lstm_ref.implementations.trace import Array, Request, Tensor

Weights = Mapping[str, Tensor]


class TwinAdapter:
    """A dialect's twin as if it were a framework: it computes in the dtype of the request."""

    def __init__(self, name: str) -> None:
        self._dialect = dialect(name)
        self._pullback: Any = None
        self._requests = 0

    def versions(self) -> Mapping[str, str]:
        return {"twin": "1.2"}

    def unsupported(self, request: Request) -> str | None:
        self._requests += 1
        death = os.environ.get("LSTM_REF_TEST_DEATH")
        if death and self._requests == 3 and not Path(death).exists():
            Path(death).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return "twins have no softmax" if request.params.get("activation") == "softmax" else None

    def constructor(self, request: Request) -> Callable[[], Any]:
        return partial(self._dialect.build, request.layer, request.params, request.dtype)

    def set_weights(self, layer: Any, weights: Weights) -> None:
        layer.load({name: tensor.values for name, tensor in weights.items()})

    def tensor(self, value: Tensor) -> Any:
        return np.array(value.values)

    def read(self, tensor: Any) -> Tensor:
        return Tensor(str(tensor.dtype), np.array(tensor))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        @np.errstate(all="ignore")
        def call() -> Any:
            result, self._pullback = layer.vjp(**arguments)
            return result

        return call

    def record(self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        result = call()

        @np.errstate(all="ignore")
        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            gradients = list(self._pullback(cotangents).items())
            split = len(gradients) - len(leaves)
            return dict(gradients[:split]), [gradient for _, gradient in gradients[split:]]

        return result, differentiate

    def resetter(self, layer: Any, step: int) -> Callable[[], Any]:
        if self._dialect.name == "torch":
            raise UnknownAction("reset", step, "but nothing is recorded")
        return partial(self._dialect.reset, layer)

    def release(self) -> None:
        pass


def gate_axis(name: str) -> int:
    """Where the gates lie in a weight: PyTorch has them first, Keras last."""
    return 0 if name.startswith("weight_") else -1


def unchanged(name: str, values: Array) -> Array:
    """No fault in the weights."""
    return values


def gates_swapped(name: str, values: Array) -> Array:
    """Input gate and forget gate exchanged, in every weight that has gates."""
    if name.startswith("weight_hr"):
        return values
    i, f, g, o = np.split(values, 4, axis=gate_axis(name))
    return np.concatenate([f, i, g, o], axis=gate_axis(name))


def recurrent_kernel_transposed(name: str, values: Array) -> Array:
    """Each gate's block of the recurrent kernel transposed, where it is square."""
    if not name.startswith(("recurrent_kernel", "weight_hh")):
        return values
    blocks = np.split(values, 4, axis=gate_axis(name))
    return np.concatenate([block.T for block in blocks], axis=gate_axis(name)) if blocks[0].shape[0] == blocks[0].shape[1] else values


def last_bias_forgotten(name: str, values: Array) -> Array:
    """The only bias of Keras, the second one of PyTorch, as zeros."""
    return np.zeros_like(values) if name.startswith(("bias_hh", "bias")) and not name.startswith("bias_ih") else values


def output_gate_bias_of_one_unit_negated(name: str, values: Array) -> Array:
    """One wrong number."""
    if not name.startswith("bias") or name.startswith("bias_hh"):
        return values
    wrong = values.copy()
    wrong[-1] = -wrong[-1]
    return wrong


FAULTS: Mapping[str, Callable[[str, Array], Array]] = {
    function.__name__: function
    for function in (gates_swapped, recurrent_kernel_transposed, last_bias_forgotten, output_gate_bias_of_one_unit_negated)
}
STATES_SWAPPED = "states_swapped"  # h and c exchanged on their way into the call


class Planted:
    """An adapter with a fault in front of it."""

    def __init__(self, adapter: Adapter, fault: str) -> None:
        self._adapter = adapter
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def set_weights(self, layer: Any, weights: Weights) -> None:
        change = FAULTS.get(self._fault, unchanged)
        self._adapter.set_weights(layer, {name: replace(tensor, values=change(name, tensor.values)) for name, tensor in weights.items()})

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        if self._fault == STATES_SWAPPED:
            arguments = {name: value[::-1] if name in ("initial_state", "hx") else value for name, value in arguments.items()}
        return self._adapter.caller(layer, arguments)


HOST = Host("twins", ("numpy",), "twins", {"OPENBLAS_NUM_THREADS": "1"})
DTYPES = {"float64": "float64", "float32": "float32"}
TWINS = {f"{name}-twin": Implementation(f"{name}-twin", name, HOST, DTYPES, partial(TwinAdapter, name)) for name in ("keras", "torch")}


def planted(implementation: Implementation, fault: str) -> Implementation:
    """The implementation with the fault."""
    return replace(implementation, adapter=lambda: Planted(implementation.adapter(), fault))


if __name__ == "__main__":
    fault, *names = sys.argv[1:]
    serve([planted({**TWINS, **discover()}[name], fault) for name in names])
