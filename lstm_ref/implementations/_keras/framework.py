"""A backend, and a generation of Keras. Backends and generations differ in a few
things.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lstm_ref.protocol.errors import AdapterError
from lstm_ref.protocol.trace import Array, Tensor


class Generation(Protocol):
    """What Keras 3 and Keras 2 do differently, as far as an adapter has to know it."""

    def seed(self, keras: Any, seed: int) -> None:
        """Make repeatable whatever is drawn from here on."""

    def name(self, variable: Any) -> str:
        """A weight's own name, such as "kernel"."""

    def source(self, variable: Any) -> Any:
        """The weight as a gradient tape knows it."""

    def watch(self, layer: Any, found: dict[str, Any]) -> None:
        """Have the layer enter the masks that it forgets at the end of a call into
        `found`, by kind, "dropout" or "recurrent_dropout".
        """

    def masks(self, layer: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """By kind, the masks that the layer itself multiplied in. This is one mask,
        (batch, n) or (batch, timesteps, n), or a list with one for each gate.
        """

    def reset(self, layer: Any) -> None:
        """Forget the recorded states, as the documentation has it."""


class Backend(Protocol):
    """What an adapter does with the arrays of a backend."""

    @property
    def trains_eagerly(self) -> bool:
        """Whether `fit` can run op by op."""

    def tensor(self, value: Tensor) -> Any:
        """The array as the backend's own, a copy."""

    def read(self, array: Any) -> Tensor:
        """The values of an array of the backend, with its word for the dtype."""

    def values(self, array: Any) -> Array:
        """The values as a NumPy array."""

    def dtype(self, array: Any) -> str:
        """The word for its dtype, such as "float32"."""

    def copy(self, array: Any) -> Any:
        """Another array of the same values."""

    def flatten(self, nested: Any) -> list[Any]:
        """All arrays in lists, tuples and dicts, in an order of its own."""

    def map(self, function: Callable[[Any], Any], nested: Any) -> Any:
        """The same nesting, with each array replaced by the function's value."""

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Arrays of one shape along a new first axis, in the widest of their dtypes."""

    def transpose(self, array: Any, axes: Sequence[int]) -> Any:
        """The array with its axes in this order."""

    def at_once(self) -> AbstractContextManager[Any]:
        """A context in which everything is done now, even while a function is
        traced.
        """

    def names(self) -> Mapping[str, Any]:
        """What the documentation's examples call the backend."""

    def processor(self) -> Mapping[str, str | bool]:
        """What the backend tells about the processor, in the form of
        `KnowsProcessor`.
        """


@dataclass(frozen=True)
class Framework:
    """A backend, and `keras`, a module of the given generation."""

    backend: Backend
    keras: Any
    generation: Generation


@contextmanager
def ours(task: str) -> Iterator[None]:
    """A context for code of the adapter that runs inside the layer's call. An exception
    in it is a fault of the adapter.
    """
    try:
        yield
    except Exception as error:
        raise AdapterError(f"the adapter could not {task}: {type(error).__name__}: {error}") from error
