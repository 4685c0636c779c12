"""What is wrong with a single setting: its name, its value, and what its value stands
for.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.settings import Setting, parts
from lstm_ref.corpus.meaning.resolution import TAKEN, Documented
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.base import Scalar, Strict
from lstm_ref.corpus.read.models.cases import InputEntry, ValuesEntry
from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile
from lstm_ref.corpus.read.validation import described, model_problems


def name_problems(view: View, name: object, dialect: ParametersFile) -> Iterator[Problem]:
    """A name of a layer that the dialect does not have. What is not a name is another
    matter.
    """
    if isinstance(name, str) and name not in dialect.layers:
        hint = did_you_mean(name, dialect.layers)
        yield view.at_value(f'unknown layer "{name}" of dialect {dialect.dialect}', hint)


def setting_problems(setting: Setting) -> Iterator[Problem]:
    """A name that the layer does not have, or a value that its name cannot have."""
    value, layer = setting.value, setting.about.layer
    if not setting.is_known:
        yield from _name_problems(setting)
    elif setting.group == "params":
        for part in parts(value):
            yield from _object_problems(part)
            yield from _nested_problems(part, setting.about)
    elif setting.group == "call":
        yield from _closed_problems(value, layer.call[setting.name].values)
    elif setting.group == "input" and setting.name != "shape":
        yield from _closed_problems(value, layer.input[setting.name].values)  # type: ignore[index]


def _name_problems(setting: Setting) -> Iterator[Problem]:
    group, name, layer = setting.group, setting.name, setting.about.layer
    known = setting.about.names(group)
    if group == "params":
        hint = did_you_mean(name, known) or (
            f"the documented ones stand in {setting.about.dialect.dialect}/parameters.yaml"
        )
        yield setting.value.at_key(f'unknown parameter "{name}"', hint)
    elif group == "call":
        is_input = name in layer.call and layer.call[name].required
        yield setting.value.at_key(
            f'unknown call argument "{name}"',
            'its size is described under "input"' if is_input else did_you_mean(name, known),
        )
    elif name not in TAKEN:
        yield setting.value.at_key(f'the input of this layer has no "{name}"', did_you_mean(name, known))


def axis_problems(setting: Setting) -> Iterator[Problem]:
    """A value of an axis that its name cannot have. What the model reads elsewhere is
    read here.
    """
    models: Mapping[str, type[Strict]] = {"input": InputEntry, "values": ValuesEntry}
    model = models.get(setting.group)
    if model is not None:
        alone = {setting.name: setting.value.data}
        try:
            model.model_validate(alone)
        except ValidationError as error:
            yield from model_problems(error, model, View(setting.value.document, setting.value.path, alone))
            return
    yield from setting_problems(setting)


def _closed_problems(value: View, allowed: list[Scalar]) -> Iterator[Problem]:
    """A value outside a closed list; an empty list allows everything."""
    if allowed and value_text(value.data) not in map(value_text, allowed) and value.data is not None:
        words = [value_text(word) for word in allowed]
        yield value.at_value(
            f"must be {' or '.join(words)}, not {described(value.data)}",
            did_you_mean(str(value.data), words) if len(words) > 1 else None,
        )


def _object_problems(value: View) -> Iterator[Problem]:
    """An object `{class_name: L2, config: {...}}`, or a function `{callable: tanh}`."""
    for word, settings_word in (("class_name", "config"), ("callable", None)):
        name = value.at(word)
        if name is None:
            continue
        if not isinstance(name.data, str):
            yield name.at_value(f"must be a name, not {described(name.data)}")
        yield from _key_problems(value, (word, settings_word) if settings_word else (word,))
        config = value.at(settings_word) if settings_word else None
        if config is not None and not isinstance(config.data, dict):
            yield config.at_value(f"must be a mapping, not {described(config.data)}")


def _nested_problems(value: View, about: Documented) -> Iterator[Problem]:
    """A layer inside a parameter."""
    name = value.at("layer")
    if name is None:
        return
    yield from name_problems(name, name.data, about.dialect)
    yield from _key_problems(value, ("layer", "params"))
    if not isinstance(name.data, str):
        yield name.at_value(f"must be the name of a layer, not {described(name.data)}")
    inner = about.beside(name.data)
    if inner is None:
        return
    params = value.at("params")
    if params is not None and not isinstance(params.data, dict):
        yield params.at_value(f"must be a mapping, not {described(params.data)}")
    given = params.data if params is not None and isinstance(params.data, dict) else {}
    yield from missing_problems(value, inner.name, inner.layer, given)


def _key_problems(value: View, known: Collection[str]) -> Iterator[Problem]:
    for key, inner in value.entries():
        if key not in known:
            yield inner.at_key(f'unknown key "{key}"', did_you_mean(key, known))


def missing_problems(view: View, name: str, layer: Layer, given: Mapping[str, Any]) -> Iterator[Problem]:
    """Required parameters that are not given."""
    for parameter, about in layer.constructor.items():
        if about.required and parameter not in given:
            yield view.at_value(f'{name} needs the parameter "{parameter}"')
