"""Misreadings of Keras' parameters. Each gives the parameters with which a right layer
would do the same as the wrong one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lstm_ref.dialects.dialect import Misreading

# A function from the two activations to those that the wrong layer uses.
Change = Callable[[Any, Any], tuple[Any, Any]]


def _never_backwards(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
    return {**params, "go_backwards": False} if params.get("go_backwards") else None


def _other_activations(change: Change) -> Misreading:
    def misread(params: Mapping[str, Any]) -> Mapping[str, Any] | None:
        as_told = _with_activations(params, lambda *told: told)
        changed = _with_activations(params, change)
        return None if changed == as_told else changed

    return misread


def _with_activations(params: Mapping[str, Any], change: Change) -> Mapping[str, Any]:
    """The parameters with other activations in all LSTMs and their cells. Only these
    have `units`.
    """

    def inside(value: Any) -> Any:
        if isinstance(value, Mapping):
            return _with_activations(value, change)
        return [inside(part) for part in value] if isinstance(value, list) else value

    changed = {name: inside(value) for name, value in params.items()}
    if "units" in params:
        told = params.get("activation", "tanh"), params.get("recurrent_activation", "sigmoid")
        changed["activation"], changed["recurrent_activation"] = change(*told)
    return changed


MISREADINGS: Mapping[str, Misreading] = {
    "activation and recurrent_activation change places": _other_activations(lambda phi, sigma: (sigma, phi)),
    "the gates have a hard sigmoid for a sigmoid": _other_activations(
        lambda phi, sigma: (phi, "hard_sigmoid" if sigma == "sigmoid" else sigma)
    ),
    "go_backwards is ignored": _never_backwards,
}
