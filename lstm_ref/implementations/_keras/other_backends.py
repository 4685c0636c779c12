"""Arrays of Keras' other backends, through `keras.ops` and `keras.tree`."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import Any

import numpy as np

from lstm_ref.implementations._keras.adapter import Keras
from lstm_ref.implementations._keras.keras3 import Keras3
from lstm_ref.implementations._keras.modes import Mode
from lstm_ref.protocol.errors import AdapterError
from lstm_ref.protocol.trace import Array, Tensor

# float64 is not float64 everywhere (Keras 3.15): on NumPy the weights of such a layer
# are float32, and so is what `keras.ops` makes of an array of float64; on JAX it needs
# a setting that Keras does not make. So float64 is not offered there, and not judged.
IN_FLOAT32 = {"float32": "float32"}
# All but "train", for a backend that has no `fit`.
ACTIONS = ("weights", "reset", "save-and-load", "from-config", "functional-model")


@dataclass(frozen=True)
class KerasArrays:
    """Arrays of the backend that `keras` was imported with.

    `trains_eagerly` says whether `fit` runs op by op where `run_eagerly` is asked for,
    so that the masks of an epoch can be read.
    """

    keras: Any
    trains_eagerly: bool

    def tensor(self, value: Tensor) -> Any:
        """An array of the backend; bfloat16 comes as float32."""
        return self.keras.ops.convert_to_tensor(np.array(value.values), dtype=value.dtype)

    def read(self, array: Any) -> Tensor:
        """Its values, in the dtype that the array has."""
        dtype = self.dtype(array)
        return Tensor(dtype, np.array(self.values(array), dtype=np.float32 if dtype == "bfloat16" else None))

    def values(self, array: Any) -> Array:
        """`keras.ops.convert_to_numpy`."""
        found: Array = self.keras.ops.convert_to_numpy(array)
        return found

    def dtype(self, array: Any) -> str:
        """The word for it that all backends share."""
        return str(self.keras.backend.standardize_dtype(array.dtype))

    def copy(self, array: Any) -> Any:
        """An array that nothing else changes."""
        return self.tensor(self.read(array))

    def flatten(self, nested: Any) -> list[Any]:
        """`keras.tree.flatten`."""
        return list(self.keras.tree.flatten(nested))

    def map(self, function: Callable[[Any], Any], nested: Any) -> Any:
        """`keras.tree.map_structure`."""
        return self.keras.tree.map_structure(function, nested)

    def stack(self, arrays: Sequence[Any]) -> Any:
        """In the widest of their dtypes."""
        widest = self.keras.backend.result_type(*map(self.dtype, arrays))
        return self.keras.ops.stack([self.keras.ops.cast(array, widest) for array in arrays])

    def transpose(self, array: Any, axes: Sequence[int]) -> Any:
        """`keras.ops.transpose`."""
        return self.keras.ops.transpose(array, axes)

    def at_once(self) -> AbstractContextManager[Any]:
        """Layers are built before anything is traced."""
        return nullcontext()

    def names(self) -> Mapping[str, Any]:
        """None but those of Keras."""
        return {}

    def processor(self) -> Mapping[str, str | bool]:
        """Nothing is known."""
        return {}


def keras_on(backend: str, mode: Mode, trains_eagerly: bool = False) -> Keras:
    """The adapter on a backend, which is called like its package. Imports Keras; raises
    AdapterError where Keras has another backend.
    """
    keras = import_module("keras")
    found = keras.config.backend()
    if found != backend:
        raise AdapterError(f"Keras is on the backend {found}: set KERAS_BACKEND={backend} before its import")
    versions = {backend: version(backend).partition("+")[0], "keras": keras.__version__}
    return Keras(KerasArrays(keras, trains_eagerly), keras, Keras3(), mode, versions)
