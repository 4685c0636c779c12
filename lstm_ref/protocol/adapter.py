"""What an adapter declares and what it has to know about its framework. There is one
file for each framework, and no list of these files. A file that has a tuple
`IMPLEMENTATIONS` is an adapter. Reading an adapter file of this package or of an entry
point does not import its framework. The subject imports it when it constructs the
adapter.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from typing import Any, Protocol, TypeAlias, runtime_checkable

from lstm_ref.protocol.introduction import Layers
from lstm_ref.protocol.trace import Request, Tensor

# The gradients of one recorded call: those of the weights by name, and those of the
# leaves in their order. A gradient is None where the framework has none.
Gradients: TypeAlias = tuple[Mapping[str, Any], Sequence[Any]]

# The same for a call that is differentiated twice. It takes outputs, cotangents, and a
# direction of weights and leaves.
TwiceDifferentiate: TypeAlias = Callable[[Sequence[Any], Sequence[Any], Gradients], Gradients]

# Makes the arguments of a call. It is given a function that makes an array of the
# framework from a path and a value.
Arguments: TypeAlias = Callable[[Callable[[str, Tensor], Any]], Mapping[str, Any]]


class Adapter(Protocol):
    """What no layer can do without. The loop over the steps of a request is in
    `steps.run`.

    `constructor` and `caller` prepare everything, and return a function that does one
    thing in the framework. An exception in that function is the framework's. An
    exception anywhere else is a fault of the adapter, and so is an AdapterError
    everywhere.

    The protocols below are what some adapters can do in addition. A case that needs one
    is `unsupported` where the adapter lacks it.
    """

    def versions(self) -> Mapping[str, str]:
        """The versions of the framework's packages that can change a number."""

    def constructor(self, request: Request) -> Callable[[], Any]:
        """What constructs the layer, in the request's dtype."""

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy all weights in by name: now, or as soon as the layer has its weights.
        Raises WeightMismatch.
        """

    def tensor(self, value: Tensor) -> Any:
        """The array as one of the framework, in memory that nobody else uses."""

    def read(self, tensor: Any) -> Tensor:
        """The framework's array, with the framework's own word for its dtype."""

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """What calls the layer with these arguments, by their documented names."""


@runtime_checkable
class Differentiating(Protocol):
    """Optional: for an adapter whose framework differentiates."""

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """What the call returns, and a function of outputs and cotangents. The function
        differentiates their inner product, plus the losses that the call added, with
        respect to all weights and the leaves.
        """


@runtime_checkable
class Directional(Protocol):
    """Optional: for an adapter whose framework differentiates along a direction. A
    direction is keyed by the name of the weight or the path of the argument.
    """

    def tangents(
        self, layer: Any, arguments: Arguments, direction: Mapping[str, Tensor]
    ) -> Callable[[], Any]:
        """What calls the layer in forward mode and returns the derivatives of its
        outputs, nested as these are. Raises NotOffered.
        """

    def record_twice(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, TwiceDifferentiate]:
        """As `record`, but the function differentiates once more: the inner product of
        the gradients and the direction.
        """


@runtime_checkable
class Drawing(Protocol):
    """Optional: for an adapter that can show the random masks of dropout."""

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """The random masks that the last call drew, by name, as the framework's arrays;
        see `trace.Call`.
        """


@runtime_checkable
class Training(Protocol):
    """Optional: for an adapter that can show the random masks of a training."""

    def epochs(self, layer: Any) -> Sequence[Mapping[str, Any]]:
        """The random masks of each epoch of the last training, in the form of `drawn`.
        There are none for a layer that has nothing to draw.
        """


@runtime_checkable
class Seeded(Protocol):
    """Optional: for an adapter whose framework draws random numbers."""

    def seed(self, seed: int) -> None:
        """Make repeatable whatever the framework draws from here on."""


@runtime_checkable
class Affecting(Protocol):
    """Optional: for an adapter whose calls leave something behind."""

    def effects(self, layer: Any) -> Mapping[str, Any]:
        """What the last call left behind, by name, as the framework's arrays; see
        `trace.Call`.
        """


@runtime_checkable
class Readable(Protocol):
    """Optional: for an adapter that can read the weights of a layer."""

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """All weights of the layer by name, as the framework's arrays."""


@runtime_checkable
class Acting(Protocol):
    """Optional: for an adapter that can change or replace a layer between calls."""

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """A function that takes an action other than "call" and "weights", and returns
        the layer for the next steps. It is prepared and called like that of `caller`.
        Raises UnknownAction where the layer has no such action.
        """


@runtime_checkable
class Refusing(Protocol):
    """Optional: for an adapter that may refuse a request after it has seen it."""

    def unsupported(self, request: Request) -> str | None:
        """Why this implementation does not offer what is asked, or None."""


@runtime_checkable
class Releasing(Protocol):
    """Optional: for an adapter whose framework keeps something of layers that are no
    longer used.
    """

    def release(self) -> None:
        """Free what the framework keeps."""


@runtime_checkable
class Documented(Protocol):
    """Optional: for a framework that has documentation which Python can read."""

    def documented(self, name: str) -> Any:
        """The documented class or function of this name. Raises UnknownLayer."""

    def namespace(self) -> Mapping[str, Any]:
        """By name, what a reader of the documentation's examples is expected to have
        imported.
        """


@runtime_checkable
class KnowsProcessor(Protocol):
    """Optional: for an adapter whose framework says which of its results depend on the
    processor.
    """

    def processor(self) -> Mapping[str, str | bool]:
        """What the framework says of the processor it runs on, by name.

        A level is a word ("AVX2"). A kind of arithmetic is true or false: the framework
        has kernels for it only on some processors.
        """


@dataclass(frozen=True)
class Host:
    """A subject as its adapter file declares it: one interpreter with one framework.

    `requires` are the modules that must be importable, `extra` the extra of this
    package that installs them, `environment` what is set before the process starts.

    `lowest` are environment variables with values that limit the framework to the
    oldest instructions for which it has kernels. A value that the user has set is kept.
    """

    subject: str
    requires: tuple[str, ...]
    extra: str
    environment: Mapping[str, str]
    lowest: Mapping[str, str] = field(default_factory=dict)

    @property
    def install(self) -> str:
        """The command that installs the framework."""
        return self.install_of(self.requires)

    def install_of(self, missing: Sequence[str]) -> str:
        """The command that installs these modules. It names the extra, unless the extra
        has packages and none of these modules is among them.
        """
        packages = _packages_of(self.extra)
        if packages and not packages & {module.replace("_", "-") for module in missing}:
            return f"install what has the module{'s' * (len(missing) > 1)} {' and '.join(missing)}"
        return f'python -m pip install "lstm-ref[{self.extra}]"'


def _packages_of(extra: str) -> set[str]:
    """The names of the packages that an extra of this package installs. Empty where
    this package is not installed.
    """
    try:
        found = requires("lstm-ref") or []
    except PackageNotFoundError:
        return set()
    wanted = re.compile(rf"^([\w.-]+).*;.*\bextra == ['\"]{re.escape(extra)}['\"]")
    return {match[1].lower().replace("_", "-") for text in found if (match := wanted.search(text))}


# An adapter file that declares no host has a host of its own, named after the file.
OF_THE_FILE = Host(subject="", requires=(), extra="", environment={})


@dataclass(frozen=True)
class Implementation:
    """Something real that runs a dialect, and the host it lives in.

    `version` is that of the dialect's documentation that it follows, where several are
    known. `accumulation` has the dtypes that it computes in, each with the dtype in
    which the sums of a matrix product are kept. `adapter` imports the framework when
    called.

    `layers` and `actions` limit what it offers, as `introduction.Introduction` says;
    None is all that there is. One that is not `differentiable` is judged by its outputs
    alone. Without `refusals` no case is run that expects an exception.

    One that is `covering_only` is too slow for everyday runs, and for more than the
    points that cover the large matrices. Where a framework gives nothing back of what
    its requests leave behind, `lifetime` is the number of them after which the process
    is replaced.

    One that is `on_request` runs only where it is asked for by name. `relies_on` names,
    for a dtype, what the processor must offer for the framework's own kernels to run in
    it: one of the names that the adapter's `processor` gives.
    """

    name: str
    dialect: str
    adapter: Callable[[], Adapter]
    accumulation: Mapping[str, str]
    host: Host = OF_THE_FILE
    layers: Layers | None = None
    actions: tuple[str, ...] | None = None
    refusals: bool = True
    differentiable: bool = True
    version: str = ""
    covering_only: bool = False
    on_request: bool = False
    lifetime: int | None = None
    relies_on: Mapping[str, str] = field(default_factory=dict)
