"""TensorFlow with one generation of Keras, which differ in a few things."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from lstm_ref.protocol.errors import AdapterError


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
        """By kind the masks that the layer itself multiplied in: one, (batch, n) or
        (batch, timesteps, n), or a list of one for each gate.
        """

    def reset(self, layer: Any) -> None:
        """Forget the recorded states, as the documentation has it."""


@dataclass(frozen=True)
class Framework:
    """TensorFlow `tf`, and `keras`, a module of the given generation."""

    tf: Any
    keras: Any
    generation: Generation


@contextmanager
def ours(task: str) -> Iterator[None]:
    """What is raised in here is our fault, although it runs inside the layer's call."""
    try:
        yield
    except Exception as error:
        raise AdapterError(f"the adapter could not {task}: {type(error).__name__}: {error}") from error
