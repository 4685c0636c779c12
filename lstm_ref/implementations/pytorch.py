"""PyTorch's `torch.nn`, called eagerly on the CPU."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.implementations.adapter import Gradients, Host, Implementation
from lstm_ref.implementations.errors import UnknownAction, UnknownLayer, WeightMismatch
from lstm_ref.implementations.trace import Request, Tensor

HOST = Host(
    subject="torch",
    requires=("torch",),
    extra="torch",
    environment={
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
    },
)


class PyTorch:
    """`torch.nn` modules, eager."""

    def __init__(self) -> None:
        self.torch = import_module("torch")

    def versions(self) -> Mapping[str, str]:
        """PyTorch's version, which tells a CPU build."""
        return {"torch": str(self.torch.__version__)}

    def unsupported(self, request: Request) -> str | None:
        """Nothing is: what a case asks for is tried."""
        return None

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`torch.nn.<layer>(**params, dtype=...)`."""
        kind = getattr(self.torch.nn, request.layer, None)
        if kind is None:
            raise UnknownLayer(request.layer, "torch.nn")
        return partial(kind, **request.params, dtype=getattr(self.torch, request.dtype))

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy each parameter in place: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, ..."""
        parameters = dict(layer.named_parameters())
        expected = {name: tuple(parameter.shape) for name, parameter in parameters.items()}
        given = {name: tensor.values.shape for name, tensor in weights.items()}
        if expected != given:
            raise WeightMismatch(expected, given)
        with self.torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(self.tensor(weights[name]))

    def tensor(self, value: Tensor) -> Any:
        """A `torch.Tensor` of its own memory; bfloat16 comes as float32."""
        return self.torch.from_numpy(np.array(value.values)).to(getattr(self.torch, value.dtype))

    def read(self, tensor: Any) -> Tensor:
        """A copy of the values, so that a later step cannot change them."""
        dtype = str(tensor.dtype).removeprefix("torch.")
        held = tensor.detach().to(self.torch.float32) if dtype == "bfloat16" else tensor.detach()
        return Tensor(dtype, np.array(held.numpy()))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`layer(input=..., hx=(h_0, c_0))`; the documentation calls for a tuple.

        With `lengths`, which is no argument of the layer, the input is packed and the output padded again, as the documentation of
        `torch.nn.utils.rnn` shows it.
        """
        documented: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in arguments.items()}
        lengths = documented.pop("lengths", None)
        if lengths is None:
            return partial(layer, **documented)
        rnn = self.torch.nn.utils.rnn
        padded = documented.pop("input")

        def call() -> Any:
            packed = rnn.pack_padded_sequence(
                padded, lengths, batch_first=layer.batch_first, enforce_sorted=lengths == tuple(sorted(lengths, reverse=True))
            )
            output, states = layer(packed, **documented)
            return rnn.pad_packed_sequence(output, batch_first=layer.batch_first, total_length=padded.shape[1 if layer.batch_first else 0])[0], states

        return call

    def record(self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """The leaves are copies that nobody else holds; they require gradients from here on."""
        for leaf in leaves:
            leaf.requires_grad_(True)
        result = call()

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            parameters = dict(layer.named_parameters())
            found = self.torch.autograd.grad(list(outputs), [*parameters.values(), *leaves], grad_outputs=list(cotangents), allow_unused=True)
            return dict(zip(parameters, found[: len(parameters)], strict=True)), found[len(parameters) :]

        return result, differentiate

    def resetter(self, layer: Any, step: int) -> Callable[[], Any]:
        """Modules of `torch.nn` keep no state from call to call."""
        raise UnknownAction("reset", step, "but torch.nn modules record no state; pass hx instead")

    def release(self) -> None:
        """Modules keep nothing once they are out of use."""


IMPLEMENTATIONS = (
    Implementation(
        name="torch",
        dialect="torch",
        host=HOST,
        accumulation={"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"},
        adapter=PyTorch,
    ),
)
