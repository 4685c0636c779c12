"""The arguments of a call: which are passed by position, and in which form."""

from collections.abc import Mapping
from typing import Any

from lstm_ref.implementations._keras.framework import Framework

# The first argument of a call, which Keras wants by position: that of LSTM is
# documented as `inputs` and named `sequences` (3.15).
FIRST = ("sequences", "inputs")
# The second input of an encoder-decoder.
SECOND = "decoder_sequences"


def split(arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The inputs, which are passed by position, and the arguments that are passed by
    name.
    """
    inputs = [arguments[name] for name in (*FIRST, SECOND) if name in arguments]
    return inputs, {name: value for name, value in arguments.items() if name not in (*FIRST, SECOND)}


def in_form(at: Framework, value: Any, form: str | None) -> Any:
    """The argument as an array of NumPy, as lists of numbers, or with a tuple or arrays
    in place of the list of tensors.
    """
    match form:
        case "array":
            return at.backend.values(value)
        case "arrays":
            return [at.backend.values(each) for each in value]
        case "lists":
            return at.backend.values(value).tolist()
        case "tuple":
            return tuple(value)
        case _:
            return value


def by_place(
    at: Framework, layer: Any, sequences: Any, others: Mapping[str, Any], forms: Mapping[str, str]
) -> Any:
    """The call with the input by position and all else by name. `forms` can ask for
    something else: the input as `inputs`, the states by position, or states recorded by
    `reset_states` before the call.
    """
    rest = {name: value for name, value in others.items() if name != "initial_state"}
    if forms.get("sequences") == "name":
        return layer(inputs=sequences, **others)
    if forms.get("initial_state") == "position":
        return layer(sequences, others["initial_state"], **rest)
    if forms.get("initial_state") == "reset":
        layer.reset_states([at.backend.values(state) for state in others["initial_state"]])
        return layer(sequences, **rest)
    return layer(sequences, **others)


def plain(others: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are not arrays: True, False, None, a number or a word."""
    return {
        name: value
        for name, value in others.items()
        if value is None or isinstance(value, (bool, int, float, str))
    }
