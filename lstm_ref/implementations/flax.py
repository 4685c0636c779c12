"""The recurrent layers of Flax's `flax.nnx`, on JAX on the CPU."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.protocol.adapter import Gradients, Host, Implementation
from lstm_ref.protocol.errors import UnknownLayer, WeightMismatch
from lstm_ref.protocol.trace import Request, Tensor

HOST = Host(
    subject="flax",
    requires=("flax", "jax", "jaxlib"),
    extra="flax",
    environment={
        "JAX_PLATFORMS": "cpu",
        "JAX_ENABLE_X64": "1",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    },
)

ACCUMULATION = {"float64": "float64", "float32": "float32"}

LAYERS = ("LSTMCell", "OptimizedLSTMCell", "RNN", "Bidirectional")
CELLS = ("LSTMCell", "OptimizedLSTMCell")

# The gates of LSTMCell in the order of the blocks of W_i, W_h and b_h.
OF_INPUT = ("ii", "if_", "ig", "io")
OF_STATE = ("hi", "hf", "hg", "ho")

# What flax.nnx has not, and JAX has.
MERGING = ("add",)


class Flax:
    """`flax.nnx` cells and layers, each call by itself, as Python runs it."""

    def __init__(self) -> None:
        self.jax = import_module("jax")
        self.nnx = import_module("flax.nnx")
        self._leaves: Sequence[Any] | None = None
        self._pullback: tuple[Any, Any, Any] | None = None

    def versions(self) -> Mapping[str, str]:
        """Those of Flax, of JAX and of its compiler."""
        return {name: str(import_module(name).__version__) for name in ("flax", "jax", "jaxlib")}

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`flax.nnx.<layer>(**params)`, cells with `param_dtype` and `rngs`."""
        if request.layer not in LAYERS:
            raise UnknownLayer(request.layer, "flax.nnx")
        return lambda: self._made(request.layer, request.params, request.dtype)

    def _made(self, layer: str, params: Mapping[str, Any], dtype: str) -> Any:
        given = {name: self._value(value, dtype) for name, value in params.items()}
        if layer in CELLS:
            given |= {"param_dtype": dtype, "rngs": self.nnx.Rngs(0)}
        return getattr(self.nnx, layer)(**given)

    def _value(self, value: Any, dtype: str) -> Any:
        """A layer for its description, a function for its name."""
        if not isinstance(value, Mapping):
            return value
        if "layer" in value:
            return self._made(value["layer"], value["params"], dtype)
        name = value["callable"]
        if name == "concatenate":
            return lambda a, b: self.jax.numpy.concatenate([a, b], axis=-1)
        return getattr(self.jax.numpy if name in MERGING else self.nnx, name)

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """W_i, W_h and b_h of each cell, block by block where it has them so."""
        expected = {name: tuple(array.shape) for name, array in self.weights(layer).items()}
        given = {name: tensor.values.shape for name, tensor in weights.items()}
        if expected != given:
            raise WeightMismatch(expected, given)
        for prefix, cell in self._cells(layer):
            for name, variables in self._variables(cell).items():
                blocks = np.split(weights[prefix + name].values, len(variables), axis=-1)
                for variable, block in zip(variables, blocks, strict=True):
                    variable[...] = self.jax.numpy.array(block)

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """The same."""
        return {
            prefix + name: self.jax.numpy.concatenate([variable[...] for variable in variables], axis=-1)
            for prefix, cell in self._cells(layer)
            for name, variables in self._variables(cell).items()
        }

    def _cells(self, layer: Any) -> list[tuple[str, Any]]:
        """The cells of a layer, each with what comes before the names of its
        weights.
        """
        if hasattr(layer, "forward_rnn"):
            return [(f"{name}/", getattr(layer, name).cell) for name in ("forward_rnn", "backward_rnn")]
        return [("", getattr(layer, "cell", layer))]

    def _variables(self, cell: Any) -> dict[str, list[Any]]:
        """The parameters whose blocks side by side are W_i, W_h and b_h."""
        if hasattr(cell, "dense_i"):
            return {"W_i": [cell.dense_i.kernel], "W_h": [cell.dense_h.kernel], "b_h": [cell.dense_h.bias]}
        return {
            "W_i": [getattr(cell, name).kernel for name in OF_INPUT],
            "W_h": [getattr(cell, name).kernel for name in OF_STATE],
            "b_h": [getattr(cell, name).bias for name in OF_STATE],
        }

    def tensor(self, value: Tensor) -> Any:
        """An array of JAX, in this dtype."""
        return self.jax.numpy.array(value.values)

    def read(self, tensor: Any) -> Tensor:
        """A copy of the values, with JAX's word for their dtype."""
        return Tensor(str(tensor.dtype), np.array(tensor))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """The call; one that is recorded is a pure function of parameters and
        leaves.
        """

        def call() -> Any:
            if self._leaves is None:
                return self._called(layer, arguments)
            places = {id(leaf): place for place, leaf in enumerate(self._leaves)}
            graph, parameters, others = self.nnx.split(layer, self.nnx.Param, ...)

            def pure(values: Any, leaves: Sequence[Any]) -> Any:
                put = {name: _replaced(value, places, leaves) for name, value in arguments.items()}
                return self._called(self.nnx.merge(graph, values, others, copy=True), put)

            result, pullback = self.jax.vjp(pure, parameters, list(self._leaves))
            self._pullback = pullback, self.jax.tree.structure(result), (graph, others)
            return result

        return call

    def _called(self, layer: Any, arguments: Mapping[str, Any]) -> Any:
        """`layer(...)`, with a carry of tuples. Without one a cell has what its
        `initialize_carry` gives, as the documentation shows it.

        The output of padding elements is put to 0: the documentation does not say what
        it is.
        """
        given = {name: _as_tuples(value) for name, value in arguments.items()}
        if hasattr(layer, "initialize_carry"):
            inputs = given["inputs"]
            carry = given.get("carry")
            return layer(
                layer.initialize_carry(inputs.shape, self.nnx.Rngs(0)) if carry is None else carry, inputs
            )
        result = layer(given.pop("inputs"), **given)
        lengths = given.get("seq_lengths")
        if lengths is None:
            return result
        carry, outputs = result if isinstance(result, tuple) else (None, result)
        time_major = given.get("time_major", layer.time_major)
        valid = self._valid(outputs.shape[0 if time_major else -2], lengths, time_major)
        outputs = self.jax.numpy.where(valid[..., None], outputs, 0)
        return (carry, outputs) if isinstance(result, tuple) else outputs

    def _valid(self, timesteps: int, lengths: Any, time_major: bool) -> Any:
        """Which elements are not padding (*batch, time), or (time, *batch)."""
        valid = self.jax.numpy.arange(timesteps) < lengths[..., None]
        return self.jax.numpy.moveaxis(valid, -1, 0) if time_major else valid

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """`jax.vjp` around the call."""
        self._leaves = leaves
        try:
            result = call()
        finally:
            self._leaves = None
        assert self._pullback is not None
        pullback, structure, (graph, others) = self._pullback

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            of_parameters, of_leaves = pullback(self.jax.tree.unflatten(structure, list(cotangents)))
            return self.weights(self.nnx.merge(graph, of_parameters, others)), of_leaves

        return result, differentiate

    def release(self) -> None:
        """What JAX compiled for this request."""
        self._pullback = None
        self.jax.clear_caches()


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _replaced(value: Any, places: Mapping[int, int], leaves: Sequence[Any]) -> Any:
    """The argument with the leaves in the places of the arrays."""
    if isinstance(value, list):
        return [_replaced(part, places, leaves) for part in value]
    return leaves[places[id(value)]] if id(value) in places else value


IMPLEMENTATIONS = (
    Implementation(
        name="flax",
        dialect="flax",
        host=HOST,
        accumulation=ACCUMULATION,
        adapter=Flax,
        actions=(),
        on_request=True,
    ),
)
