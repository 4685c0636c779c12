"""What Keras' parameters are mistaken for: the parameters that a right layer would need
to do the same.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lstm_ref.dialects.dialect import Misreading

# What takes the two activations, and gives those that the layer has instead.
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
    """The parameters with other activations of all LSTMs and their cells, which alone
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
