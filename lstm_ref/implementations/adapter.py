"""What an adapter declares and what it has to know about its framework. One file a framework; nothing else lists them.

A file of this package that has a tuple `IMPLEMENTATIONS` is an adapter. It is read without importing its framework: that happens when an
adapter is constructed, in the subject.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lstm_ref.implementations.trace import Request, Tensor

# The gradients of one recorded call: those of the weights by name, and those of the leaves in their order; None where the framework has none.
Gradients = tuple[Mapping[str, Any], Sequence[Any]]


class Adapter(Protocol):
    """The framework's side of a request; the loop over its steps is in `steps.run`.

    `constructor`, `caller` and `resetter` prepare and return the one thing to do in the framework: only what happens when that is called, or in
    differentiating, counts as the framework's. An exception anywhere else is a fault of the adapter, and so is an AdapterError everywhere.
    """

    def versions(self) -> Mapping[str, str]:
        """The versions of the framework's packages that can change a number."""

    def unsupported(self, request: Request) -> str | None:
        """Why this implementation does not offer what is asked, or None."""

    def constructor(self, request: Request) -> Callable[[], Any]:
        """What constructs the layer, in the request's dtype."""

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy all weights in by name, at once or as soon as the layer has any. Raises WeightMismatch."""

    def tensor(self, value: Tensor) -> Any:
        """The array as the framework's own, a copy that nobody else holds."""

    def read(self, tensor: Any) -> Tensor:
        """The framework's array, with the framework's own word for its dtype."""

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """What calls the layer with these arguments, by their documented names."""

    def record(self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """What the call returns, and a function of outputs and cotangents that differentiates their inner product by all weights and the leaves."""

    def resetter(self, layer: Any, step: int) -> Callable[[], Any]:
        """What makes the layer forget its recorded states. Raises UnknownAction where it has none."""

    def release(self) -> None:
        """Give back what the framework keeps of layers that are no longer used."""


@dataclass(frozen=True)
class Host:
    """A subject as its adapter file declares it: one interpreter with one framework.

    `requires` are the modules that must be importable, `extra` the extra of this package that installs them, `environment` what is set
    before the process starts.
    """

    subject: str
    requires: tuple[str, ...]
    extra: str
    environment: Mapping[str, str]

    @property
    def install(self) -> str:
        """The command that installs the framework."""
        return f'python -m pip install "lstm-ref[{self.extra}]"'


@dataclass(frozen=True)
class Implementation:
    """Something real that runs a dialect, and the host it lives in.

    `accumulation` gives for each dtype that it computes in the dtype in which the sums of a matrix product are kept. `adapter` imports the
    framework when called. One that is not `differentiable` is judged by its outputs alone.
    """

    name: str
    dialect: str
    host: Host
    accumulation: Mapping[str, str]
    adapter: Callable[[], Adapter]
    differentiable: bool = True
