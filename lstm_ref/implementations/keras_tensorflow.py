"""Keras on TensorFlow, through `tf.keras`, called eagerly as its users call it."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from lstm_ref.implementations.adapter import Gradients, Host, Implementation
from lstm_ref.implementations.errors import AmbiguousWeights, UnknownLayer, WeightMismatch, WeightsNotCopied
from lstm_ref.implementations.trace import Request, Tensor

HOST = Host(
    subject="keras-tensorflow",
    requires=("tensorflow",),
    extra="tensorflow",
    environment={
        "KERAS_BACKEND": "tensorflow",
        # The subject's working folder is its own and empty: no keras.json of the user's changes floatx or epsilon.
        "KERAS_HOME": ".",
        "TF_USE_LEGACY_KERAS": "0",
        "TF_ENABLE_ONEDNN_OPTS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "-1",
    },
)


class KerasTensorFlow:
    """`tf.keras.layers`, eager."""

    def __init__(self) -> None:
        self.tf = import_module("tensorflow")
        self.keras = self.tf.keras

    def versions(self) -> Mapping[str, str]:
        """TensorFlow's and Keras' versions."""
        return {"tensorflow": self.tf.__version__, "keras": version("keras")}

    def unsupported(self, request: Request) -> str | None:
        """Nothing is: what a case asks for is tried."""
        return None

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`tf.keras.layers.<layer>(**params, dtype=...)`; nested layers get the same dtype."""
        return lambda: self._construct(request.layer, request.params, request.dtype)

    def _construct(self, layer: str, params: Mapping[str, Any], dtype: str) -> Any:
        kind = getattr(self.keras.layers, layer, None)
        if kind is None:
            raise UnknownLayer(layer, "tf.keras.layers")
        return kind(**{name: self._param(value, dtype) for name, value in params.items()}, dtype=dtype)

    def _param(self, value: Any, dtype: str) -> Any:
        if isinstance(value, Mapping) and set(value) == {"layer", "params"}:
            return self._construct(value["layer"], value["params"], dtype)
        if isinstance(value, list):
            return [self._param(item, dtype) for item in value]
        return value

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy the weights in as soon as the layer's own first call has built it, so that a refused call is refused in the words that users see."""
        build = layer.build

        @wraps(build)
        def build_with_weights(*shapes: Any, **named_shapes: Any) -> None:
            build(*shapes, **named_shapes)
            variables = self._variables(layer)
            expected = {name: tuple(variable.shape) for name, variable in variables.items()}
            given = {name: tensor.values.shape for name, tensor in weights.items()}
            if expected != given:
                raise WeightMismatch(expected, given)
            try:
                for name, variable in variables.items():
                    variable.assign(self.tensor(weights[name]))
            except Exception as error:  # this runs inside the layer's call, but copying is our part of it
                raise WeightsNotCopied(error) from error

        layer.build = build_with_weights

    def _variables(self, layer: Any) -> dict[str, Any]:
        """The layer's weights by name: "kernel", "recurrent_kernel", "bias"."""
        names = [variable.name for variable in layer.weights]
        if len(set(names)) < len(names):
            raise AmbiguousWeights([variable.path for variable in layer.weights])
        return dict(zip(names, layer.weights, strict=True))

    def tensor(self, value: Tensor) -> Any:
        """A `tf.Tensor`; bfloat16 comes as float32."""
        return self.tf.cast(self.tf.constant(value.values), value.dtype)

    def read(self, tensor: Any) -> Tensor:
        """A dense tensor's values. A gradient may come as slices, which `convert_to_tensor` adds up."""
        dense = self.tf.convert_to_tensor(tensor)
        dtype = dense.dtype.name
        return Tensor(dtype, np.asarray(dense.numpy(), dtype=np.float32 if dtype == "bfloat16" else None))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`layer(sequences, **others)`: Keras wants the first argument by position, whatever its name."""
        first = [value for name, value in arguments.items() if name == "sequences"]
        others = {name: value for name, value in arguments.items() if name != "sequences"}
        return lambda: layer(*first, **others)

    def record(self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """A `tf.GradientTape` over this call alone: states carried over from an earlier one are constants."""
        with self.tf.GradientTape() as tape:
            for leaf in leaves:
                tape.watch(leaf)
            result = call()

        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            variables = self._variables(layer)
            sources = [*(variable.value for variable in variables.values()), *leaves]
            found = tape.gradient(list(outputs), sources, output_gradients=list(cotangents))
            return dict(zip(variables, found[: len(variables)], strict=True)), found[len(variables) :]

        return result, differentiate

    def resetter(self, layer: Any, step: int) -> Callable[[], Any]:
        """`layer.reset_state()`."""
        return lambda: layer.reset_state()

    def release(self) -> None:
        """`clear_session`: fresh masked layers keep 0.14 MB each until then (Keras 3.15)."""
        self.keras.backend.clear_session()


IMPLEMENTATIONS = (
    Implementation(
        name="keras-tensorflow",
        dialect="keras",
        host=HOST,
        accumulation={"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"},
        adapter=KerasTensorFlow,
    ),
)
