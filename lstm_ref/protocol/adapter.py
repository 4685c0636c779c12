"""What an adapter declares and what it has to know about its framework. One file a
framework; nothing else lists them.

A file that has a tuple `IMPLEMENTATIONS` is an adapter. Those of this package and of
entry points are read without importing their framework: that happens when an adapter is
constructed, in the subject.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, requires
from typing import Any, Protocol, TypeAlias, runtime_checkable

from lstm_ref.protocol.introduction import Layers
from lstm_ref.protocol.trace import Request, Tensor

# The gradients of one recorded call: those of the weights by name, and those of the
# leaves in their order; None where the framework has none.
Gradients: TypeAlias = tuple[Mapping[str, Any], Sequence[Any]]

# The same of a call that is differentiated twice: from outputs, cotangents, and a
# direction of weights and leaves.
TwiceDifferentiate: TypeAlias = Callable[[Sequence[Any], Sequence[Any], Gradients], Gradients]

# The arguments of a call, from what makes an array of the framework of a path and a
# value.
Arguments: TypeAlias = Callable[[Callable[[str, Tensor], Any]], Mapping[str, Any]]


class Adapter(Protocol):
    """What no layer can do without. The loop over the steps of a request is in
    `steps.run`.

    `constructor` and `caller` prepare and return the one thing to do in the framework.
    Only what happens when that is called counts as the framework's. An exception
    anywhere else is a fault of the adapter, and so is an AdapterError everywhere.

    What some adapters can do besides stands in the protocols below. Where one is
    missing, what needs it is `unsupported`.
    """

    def versions(self) -> Mapping[str, str]:
        """The versions of the framework's packages that can change a number."""

    def constructor(self, request: Request) -> Callable[[], Any]:
        """What constructs the layer, in the request's dtype."""

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy all weights in by name, at once or as soon as the layer has any. Raises
        WeightMismatch.
        """

    def tensor(self, value: Tensor) -> Any:
        """The array as the framework's own, a copy that nobody else holds."""

    def read(self, tensor: Any) -> Tensor:
        """The framework's array, with the framework's own word for its dtype."""

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """What calls the layer with these arguments, by their documented names."""


@runtime_checkable
class Differentiating(Protocol):
    """What an adapter has besides, where its framework differentiates."""

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        """What the call returns, and a function of outputs and cotangents that
        differentiates their inner product, plus the losses that the call added, by all
        weights and the leaves.
        """


@runtime_checkable
class Directional(Protocol):
    """What an adapter has besides, where its framework differentiates along a
    direction: by name of the weight or path of the argument.
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
        """As `record`; the function differentiates the inner product of the gradients
        and the direction again.
        """


@runtime_checkable
class Drawing(Protocol):
    """What an adapter has besides, where it can show the random masks of dropout."""

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """The random masks that the last call drew, by name, as the framework's arrays;
        see `trace.Call`.
        """


@runtime_checkable
class Training(Protocol):
    """What an adapter has besides, where it can show the random masks of a training."""

    def epochs(self, layer: Any) -> Sequence[Mapping[str, Any]]:
        """The random masks of each epoch of the last training, as `drawn` gives those
        of a call; none of a layer that has nothing to draw.
        """


@runtime_checkable
class Seeded(Protocol):
    """What an adapter has besides, where its framework draws random numbers."""

    def seed(self, seed: int) -> None:
        """Make repeatable whatever the framework draws from here on."""


@runtime_checkable
class Affecting(Protocol):
    """What an adapter has besides, where a call leaves something behind beside its
    result.
    """

    def effects(self, layer: Any) -> Mapping[str, Any]:
        """What the last call left behind, by name, as the framework's arrays; see
        `trace.Call`.
        """


@runtime_checkable
class Readable(Protocol):
    """What an adapter has besides, where the weights of a layer can be read."""

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """All weights of the layer by name, as the framework's arrays."""


@runtime_checkable
class Acting(Protocol):
    """What an adapter has besides, where a layer can be changed or replaced between
    calls.
    """

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """What takes an action other than "call" and "weights", and returns the layer
        to go on with.

        Prepared and called as `caller` is. Raises UnknownAction where the layer has no
        such action.
        """


@runtime_checkable
class Refusing(Protocol):
    """What an adapter has besides, where it has to see a request to tell whether it is
    offered.
    """

    def unsupported(self, request: Request) -> str | None:
        """Why this implementation does not offer what is asked, or None."""


@runtime_checkable
class Releasing(Protocol):
    """What an adapter has besides, where its framework keeps something of layers that
    are no longer used.
    """

    def release(self) -> None:
        """Give it back."""


@runtime_checkable
class Documented(Protocol):
    """What an adapter has besides, where its framework has documentation that Python
    can read.
    """

    def documented(self, name: str) -> Any:
        """The documented class or function of this name. Raises UnknownLayer."""

    def namespace(self) -> Mapping[str, Any]:
        """What a reader of the documentation's examples is taken to have imported, by
        name.
        """


@runtime_checkable
class KnowsProcessor(Protocol):
    """What an adapter has besides, where its framework tells what the processor
    decides.
    """

    def processor(self) -> Mapping[str, str | bool]:
        """What the framework says of the processor it runs on, by name.

        A level is a word ("AVX2"). A kind of arithmetic that the framework only has
        kernels for on some processors is true or false.
        """


@dataclass(frozen=True)
class Host:
    """A subject as its adapter file declares it: one interpreter with one framework.

    `requires` are the modules that must be importable, `extra` the extra of this
    package that installs them, `environment` what is set before the process starts.

    `lowest` are variables that hold the framework to the oldest instructions it has
    kernels for, each with the value that does. A user who sets one is left his value.
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
        """What installs these modules: the extra, unless it has other packages and none
        of these.
        """
        packages = _packages_of(self.extra)
        if packages and not packages & {module.replace("_", "-") for module in missing}:
            return f"install what has the module{'s' * (len(missing) > 1)} {' and '.join(missing)}"
        return f'python -m pip install "lstm-ref[{self.extra}]"'


def _packages_of(extra: str) -> set[str]:
    """The packages that an extra of this one installs by name; none where this one is
    not installed.
    """
    try:
        found = requires("lstm-ref") or []
    except PackageNotFoundError:
        return set()
    wanted = re.compile(rf"^([\w.-]+).*;.*\bextra == ['\"]{re.escape(extra)}['\"]")
    return {match[1].lower().replace("_", "-") for text in found if (match := wanted.search(text))}


# An adapter file that declares no host is one of its own, named after the file.
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
