"""Names and values in the four groups of a case: params, call, input and values."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lstm_ref.corpus.checks.views import entries_of, known_names, layer_named
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.models.base import Scalar
from lstm_ref.corpus.models.cases import InputEntry
from lstm_ref.corpus.models.parameters import Layer, ParametersFile
from lstm_ref.corpus.validation import described


def layer_problems(name: View | None, dialect: ParametersFile) -> Iterator[Problem]:
    if name is not None and isinstance(name.data, str) and name.data not in dialect.layers:
        yield name.at_value(
            f'unknown layer "{name.data}" of dialect {dialect.dialect}',
            did_you_mean(name.data, dialect.layers),
        )


def group_problems(view: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    """The names in `params`, `call` and `input` of a case, of the defaults or of a
    step, and their values.
    """
    for name, value in entries_of(view, "params"):
        yield from _entry_problems("params", name, value, dialect, layer)
    for name, value in entries_of(view, "input"):
        yield from _entry_problems("input", name, value, dialect, layer)
    call = view.at("call")
    if call is not None:
        yield from call_problems(call, dialect, layer)


def call_problems(call: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    for name, value in call.entries():
        if name == "input":
            yield from group_problems(View(call.document, call.path, {"input": value.data}), dialect, layer)
        else:
            yield from _entry_problems("call", name, value, dialect, layer)


def _entry_problems(
    group: str, name: str, value: View, dialect: ParametersFile, layer: Layer
) -> Iterator[Problem]:
    known = known_names(group, layer)
    if name in known:
        yield from value_problems(group, name, value, dialect, layer)
    elif group == "params":
        yield value.at_key(
            f'unknown parameter "{name}"',
            did_you_mean(name, known) or f"the documented ones stand in {dialect.dialect}/parameters.yaml",
        )
    elif group == "call":
        argument = layer.call.get(name)
        hint = (
            'its size is described under "input"'
            if argument is not None and argument.required
            else did_you_mean(name, known)
        )
        yield value.at_key(f'unknown call argument "{name}"', hint)
    elif name in InputEntry.model_fields:  # any other name is the model's to refuse
        yield value.at_key(f'the input of this layer has no "{name}"', did_you_mean(name, known))


def value_problems(
    group: str, name: str, value: View, dialect: ParametersFile, layer: Layer
) -> Iterator[Problem]:
    if group == "params":
        yield from _nested_problems(value, dialect)
    elif group == "call":
        yield from _closed_problems(value, layer.call[name].values)
    elif group == "input" and name != "shape":
        yield from _closed_problems(value, layer.input[name].values)  # type: ignore[index]


def _closed_problems(value: View, allowed: list[Scalar]) -> Iterator[Problem]:
    """A value outside a closed list; an empty list allows everything."""
    if allowed and value_text(value.data) not in map(value_text, allowed) and value.data is not None:
        words = [value_text(word) for word in allowed]
        yield value.at_value(
            f"must be {' or '.join(words)}, not {described(value.data)}",
            did_you_mean(str(value.data), words) if len(words) > 1 else None,
        )


def _nested_problems(value: View, dialect: ParametersFile) -> Iterator[Problem]:
    """What stands for something else than data inside a parameter: a layer, an object,
    a function, or a list with some in it.
    """
    for element in value.elements():
        yield from _nested_problems(element, dialect)
    for word, settings_word in (("class_name", "config"), ("callable", None)):
        yield from _object_problems(value, word, settings_word)
    name = value.at("layer")
    if name is None:
        return
    yield from layer_problems(name, dialect)
    yield from _key_problems(value, ("layer", "params"))
    layer = layer_named(name, dialect)
    if layer is None:
        if not isinstance(name.data, str):
            yield name.at_value(f"must be the name of a layer, not {described(name.data)}")
        return
    params = value.at("params")
    if params is not None and not isinstance(params.data, dict):
        yield params.at_value(f"must be a mapping, not {described(params.data)}")
    for key, inner in entries_of(value, "params"):
        yield from _entry_problems("params", key, inner, dialect, layer)
    given = params.data if params is not None and isinstance(params.data, dict) else {}
    yield from missing_problems(value, str(name.data), layer, given)


def _object_problems(value: View, word: str, settings_word: str | None) -> Iterator[Problem]:
    """An object `{class_name: L2, config: {...}}`, or a function `{callable: tanh}`."""
    name = value.at(word)
    if name is None:
        return
    if not isinstance(name.data, str):
        yield name.at_value(f"must be a name, not {described(name.data)}")
    yield from _key_problems(value, (word, settings_word) if settings_word else (word,))
    config = value.at(settings_word) if settings_word else None
    if config is not None and not isinstance(config.data, dict):
        yield config.at_value(f"must be a mapping, not {described(config.data)}")


def _key_problems(value: View, known: Collection[str]) -> Iterator[Problem]:
    for key, inner in value.entries():
        if key not in known:
            yield inner.at_key(f'unknown key "{key}"', did_you_mean(key, known))


def missing_problems(view: View, name: str, layer: Layer, given: Mapping[str, Any]) -> Iterator[Problem]:
    for parameter, about in layer.constructor.items():
        if about.required and parameter not in given:
            yield view.at_value(f'{name} needs the parameter "{parameter}"')
