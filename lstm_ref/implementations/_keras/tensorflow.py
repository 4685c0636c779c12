"""Arrays of TensorFlow, under Keras 3 and Keras 2."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from typing import Any

import numpy as np

from lstm_ref.protocol.trace import Array, Tensor


class TensorFlow:
    """`tf.Tensor`s."""

    trains_eagerly = True

    def __init__(self) -> None:
        self.tf = import_module("tensorflow")

    def tensor(self, value: Tensor) -> Any:
        """A `tf.Tensor`; bfloat16 comes as float32."""
        return self.tf.cast(self.tf.constant(value.values), value.dtype)

    def read(self, array: Any) -> Tensor:
        """Its values; slices are added up."""
        dense = self.tf.convert_to_tensor(array)
        dtype = dense.dtype.name
        return Tensor(dtype, np.asarray(dense.numpy(), dtype=np.float32 if dtype == "bfloat16" else None))

    def values(self, array: Any) -> Array:
        """`numpy()`."""
        found: Array = array.numpy()
        return found

    def dtype(self, array: Any) -> str:
        """Of a tensor, or of what stands for one while a function is traced."""
        return str(array.dtype.name)

    def copy(self, array: Any) -> Any:
        """`tf.identity`."""
        return self.tf.identity(array)

    def flatten(self, nested: Any) -> list[Any]:
        """`tf.nest.flatten`."""
        return list(self.tf.nest.flatten(nested))

    def map(self, function: Callable[[Any], Any], nested: Any) -> Any:
        """`tf.nest.map_structure`."""
        return self.tf.nest.map_structure(function, nested)

    def stack(self, arrays: Sequence[Any]) -> Any:
        """In the widest of their dtypes."""
        widest = max((array.dtype for array in arrays), key=lambda dtype: int(dtype.size))
        return self.tf.stack([self.tf.cast(array, widest) for array in arrays])

    def transpose(self, array: Any, axes: Sequence[int]) -> Any:
        """`tf.transpose`."""
        return self.tf.transpose(array, axes)

    def at_once(self) -> AbstractContextManager[Any]:
        """`tf.init_scope`, which leaves the function that is being traced."""
        scope: AbstractContextManager[Any] = self.tf.init_scope()
        return scope

    def names(self) -> Mapping[str, Any]:
        """`tf`."""
        return {"tf": self.tf}

    def processor(self) -> Mapping[str, str | bool]:
        """Whether TensorFlow takes its matrix products from oneDNN, which chooses
        kernels by the processor.
        """
        return {"onednn": bool(import_module("tensorflow.python.util._pywrap_util_port").IsMklEnabled())}
