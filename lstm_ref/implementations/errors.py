"""What can be wrong on our side of a subject: an adapter, a request or a message, never the framework."""


class AdapterError(Exception):
    """An adapter cannot do what was asked of it; the framework is not to blame."""


class WeightMismatch(AdapterError):
    """The weights of a request are not the weights of the layer, by name or shape."""

    def __init__(self, layer: dict[str, tuple[int, ...]], given: dict[str, tuple[int, ...]]) -> None:
        super().__init__(
            f"the layer's weights are {layer}, the request gives {given}; "
            "compare the dialect's weight names and shapes with the framework's documentation"
        )


class WeightsNotCopied(AdapterError):
    """Copying the weights failed."""

    def __init__(self, error: Exception) -> None:
        super().__init__(f"the adapter could not copy the weights: {type(error).__name__}: {error}")


class AmbiguousWeights(AdapterError):
    """Several weights of a layer share one name, so that a name does not say which is meant."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"the layer has several weights of one name: {names}; the adapter has to tell them apart before it can copy them")


class UnknownLayer(AdapterError):
    """The framework has no layer of that name."""

    def __init__(self, layer: str, namespace: str) -> None:
        super().__init__(f"{namespace} has no layer {layer!r}; see the spelling in the framework's documentation")


class UnknownAction(AdapterError):
    """A step names an action that nobody defined for this layer."""

    def __init__(self, action: str, step: int, reason: str) -> None:
        super().__init__(f"step {step} asks for {action!r}, {reason}")


class NotOffered(AdapterError):
    """The implementation has no such thing, as turns out when it is tried. The message is the reason."""


class UnknownSubject(AdapterError):
    """No implementation lives in a subject of that name."""

    def __init__(self, subject: str, known: list[str]) -> None:
        super().__init__(f"there is no subject {subject!r}; the subjects are {', '.join(known)}")


class DuplicateImplementation(AdapterError):
    """Two adapter files declare implementations of the same name."""

    def __init__(self, name: str, first: str, second: str) -> None:
        super().__init__(f"implementation {name!r} is declared in {first} and again in {second}; rename one of them")


class NoAdapterFile(AdapterError):
    """A file or package that should declare implementations declares none."""

    def __init__(self, place: str) -> None:
        super().__init__(f"{place} declares no implementations; it needs IMPLEMENTATIONS = (Implementation(name=..., dialect=..., ...),)")


class BrokenEntryPoint(AdapterError):
    """An installed package brings implementations that cannot be read."""

    def __init__(self, name: str, value: str, error: Exception) -> None:
        super().__init__(
            f"the entry point {name} = {value} of the group lstm_ref.implementations cannot be loaded: {type(error).__name__}: {error}; "
            "mend or uninstall its package"
        )


class IncompleteAdapter(AdapterError):
    """An adapter lacks functions that no layer can do without."""

    def __init__(self, name: str, missing: list[str]) -> None:
        super().__init__(f"the adapter {name} has no {', no '.join(missing)}; lstm_ref.implementations.adapter.Adapter says what each is for")


class WireError(AdapterError):
    """A value cannot travel between judge and subject, or a message cannot be read."""


class NotAMessage(WireError):
    """A line is no JSON object."""
