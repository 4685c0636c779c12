"""Misreadings of the attributes of the operator."""

from collections.abc import Iterable, Mapping
from typing import Any

from lstm_ref.dialects.dialect import Misreading
from lstm_ref.dialects.onnx.activations import DEFAULT, FUNCTIONS
from lstm_ref.dialects.onnx.lstm import DIRECTIONS

Params = Mapping[str, Any]


def names_of(params: Params) -> tuple[str, ...]:
    """The activation functions, three for each direction."""
    return tuple(params.get("activations") or DEFAULT * len(DIRECTIONS[params.get("direction", "forward")]))


def values_of(params: Params) -> list[dict[str, Any]]:
    """The parameters of each function that the node gives it, in the order of the
    functions.
    """
    left = {key: iter(params.get(f"activation_{key}") or ()) for key in ("alpha", "beta")}
    return [
        {key: next(left[key], default) for key, default in FUNCTIONS[name].defaults.items()}
        for name in names_of(params)
    ]


def with_functions(params: Params, functions: Iterable[tuple[str, Mapping[str, Any]]]) -> Params | None:
    """The node with these functions and parameters. None where it has them already, or
    where a function lacks a parameter that it needs.
    """
    pairs = list(functions)
    if pairs == list(zip(names_of(params), values_of(params), strict=True)) or any(
        None in values.values() for _, values in pairs
    ):
        return None
    found = dict(params) | {"activations": [name for name, _ in pairs]}
    for key in ("alpha", "beta"):
        found[f"activation_{key}"] = [values[key] for _, values in pairs if key in values] or None
    return found


def exchanged(a: int, b: int) -> Misreading:
    """In each direction, the functions at these two places are exchanged."""

    def misread(params: Params) -> Params | None:
        pairs = list(zip(names_of(params), values_of(params), strict=True))
        for first in range(0, len(pairs), 3):
            pairs[first + a], pairs[first + b] = pairs[first + b], pairs[first + a]
        return with_functions(params, pairs)

    return misread


def same_in_both_directions(params: Params) -> Params | None:
    """The second direction has the functions of the first."""
    pairs = list(zip(names_of(params), values_of(params), strict=True))
    return with_functions(params, pairs[:3] * (len(pairs) // 3))


def without(key: str) -> Misreading:
    """Every function has its default for this parameter."""

    def misread(params: Params) -> Params | None:
        names, found = names_of(params), []
        for name, own in zip(names, values_of(params), strict=True):
            defaults = FUNCTIONS[name].defaults
            found.append(own | ({key: defaults[key]} if key in defaults else {}))
        return with_functions(params, zip(names, found, strict=True))

    return misread


def by_position(params: Params) -> Params | None:
    """The first value goes to the first function, whether it uses it or not, and so
    on.
    """
    names = names_of(params)
    given = {key: list(params.get(f"activation_{key}") or ()) for key in ("alpha", "beta")}
    values = [
        {
            key: given[key][place] if place < len(given[key]) else default
            for key, default in FUNCTIONS[name].defaults.items()
        }
        for place, name in enumerate(names)
    ]
    return with_functions(params, zip(names, values, strict=True))


def left_out(name: str) -> Misreading:
    """The attribute is ignored."""
    return lambda params: (
        {key: value for key, value in params.items() if key != name} if params.get(name) else None
    )


MISREADINGS: Mapping[str, Misreading] = {
    "the activations of the gates and of the candidate change places": exchanged(0, 1),
    "the activations of the candidate and of the output change places": exchanged(1, 2),
    "the second direction has the activations of the first": same_in_both_directions,
    "activation_alpha is ignored": without("alpha"),
    "activation_beta is ignored": without("beta"),
    "activation_alpha and activation_beta go by the place of the function": by_position,
    "clip is ignored": left_out("clip"),
    "input_forget is ignored": left_out("input_forget"),
}
