"""What can be wrong with an adapter, a request or a message. None of these errors is
the framework's.
"""


class AdapterError(Exception):
    """An adapter cannot do what was asked of it. The framework is not to blame."""


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
    """Several weights of a layer share one name, so that a name does not say which is
    meant.
    """

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the layer has several weights of one name: {names}; the adapter has to tell them apart before"
            " it can copy them"
        )


class UnknownLayer(AdapterError):
    """The framework has no layer of that name."""

    def __init__(self, layer: str, namespace: str) -> None:
        super().__init__(
            f"{namespace} has no layer {layer!r}; see the spelling in the framework's documentation"
        )


class UnknownAction(AdapterError):
    """A step names an action that nobody defined for this layer."""

    def __init__(self, action: str, step: int, reason: str) -> None:
        super().__init__(f"step {step} asks for {action!r}, {reason}")


class NotOffered(AdapterError):
    """The implementation does not offer what was asked, and this shows only when it is
    tried. The message is the reason.
    """


class IncompleteAdapter(AdapterError):
    """An adapter lacks functions that no layer can do without."""

    def __init__(self, name: str, missing: list[str]) -> None:
        super().__init__(
            f"the adapter {name} has no {', no '.join(missing)}; lstm_ref.protocol.adapter.Adapter says what"
            " each is for"
        )


class WireError(AdapterError):
    """A value cannot travel between judge and subject, or a message cannot be read."""


class NotAMessage(WireError):
    """A line is not a JSON object."""
