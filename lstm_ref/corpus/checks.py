"""What the models cannot see: names against the parameter tables, and what contradicts
itself within a file.

The checks read the data as written, so that they go on where something else in the file
is wrong. Each yields every problem that it finds.
"""

import builtins
import itertools
import math
import re
from collections.abc import Collection, Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import ValidationError

from lstm_ref.corpus import models
from lstm_ref.corpus.case import SIZED
from lstm_ref.corpus.covering_file import Selections, digest
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import (
    GROUPS,
    OTHER,
    CaseSettings,
    Parameters,
    axis_defaults,
    expand,
    included,
    merged_input,
    missing_sizes,
    settings,
    split,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.matrix import Matrix, axis_value
from lstm_ref.corpus.models import CasesFile, CoveringEntry, Layer, ParametersFile
from lstm_ref.corpus.points import needs_a_look, problems_of_points
from lstm_ref.corpus.types import problems_of_types
from lstm_ref.corpus.validation import described, model_problems

# The names of Python's exceptions, which every framework raises as well.
OF_PYTHON = tuple(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
)

MOST_POINTS = 100_000  # of one matrix; far above the full product of any layer


@dataclass(frozen=True)
class _Around:
    """What the cases of one file are checked against: the tables of all dialects and
    its own, and the selections of its cases by name.
    """

    parameters: Parameters
    dialect: ParametersFile
    selections: Selections


def problems_of_cases(file: View, parameters: Parameters, selections: Selections) -> Iterator[Problem]:
    """Every problem of a file of cases beyond those of its model. The selections are
    those of its cases, by name.
    """
    dialect_name = file.at("dialect")
    if dialect_name is None or not isinstance(dialect_name.data, str):
        return
    if dialect_name.data not in parameters:
        yield dialect_name.at_value(
            f'unknown dialect "{dialect_name.data}"', did_you_mean(dialect_name.data, parameters)
        )
        return
    dialect = parameters[dialect_name.data]
    around = _Around(parameters, dialect, selections)
    layer_name = file.at("layer")
    yield from _layer_problems(layer_name, dialect)
    layer = _layer(layer_name, dialect)
    defaults = file.at("defaults")
    if defaults is not None and layer is not None:
        yield from _group_problems(defaults, dialect, layer)
        yield from _pattern_problems(defaults.at("expect", "match"))
        yield from _raises_problems(defaults, dialect)
        yield from _list_problems(defaults, dialect)
        if defaults.at("expect") is None:
            yield from problems_of_types(defaults, layer, dialect, None)
    cases = file.at("cases")
    entries = list(cases.elements()) if cases else []
    yield from _name_problems(entries)
    for entry in entries:
        own_layer = entry.at("layer")
        yield from _layer_problems(own_layer, dialect)
        its_layer = _layer(own_layer, dialect) if own_layer else layer
        if its_layer is not None and isinstance(entry.data, dict):
            problems = list(_case_problems(entry, defaults, around, its_layer))
            yield from problems or _point_problems(file, entry, around, its_layer)


def problems_of_parameters(file: View) -> Iterator[Problem]:
    """Every problem of a parameter table beyond those of its model: values that stand
    twice, and needs that nothing can meet.
    """
    constructors = {
        name: [key for key, _ in _entries(layer, "constructor")] for name, layer in _entries(file, "layers")
    }
    for name, layer in _entries(file, "layers"):
        yield from _needs_problems(
            layer, constructors[name], {key for names in constructors.values() for key in names}
        )
        for group in ("constructor", "call", "input"):
            for _, parameter in _entries(layer, group):
                yield from _like_problems(parameter, group, file)
                values = parameter.at("values")
                if values is not None:
                    yield from _repeated(values)


def _like_problems(entry: View, group: str, file: View) -> Iterator[Problem]:
    """An entry that is like one that is not there."""
    like = entry.at("like")
    if like is None or not isinstance(like.data, str):
        return
    known = [
        f"{layer}.{name}" for layer, view in _entries(file, "layers") for name, _ in _entries(view, group)
    ]
    if like.data not in known:
        yield like.at_value(f'there is no "{like.data}" to be like', did_you_mean(like.data, known))


def problems_of_divergences(file: View) -> Iterator[Problem]:
    """Every problem of a list of divergences beyond those of its model: a file that is
    not named after its implementation, a bad regular expression.
    """
    implementation = file.at("implementation")
    stem = file.document.file.stem
    if implementation is not None and implementation.data != stem:
        yield implementation.at_value(
            f"the file is named {stem}.yaml", "a file of divergences is named after its implementation"
        )
    for entry in _elements(file, "entries"):
        yield from _pattern_problems(entry.at("match"))


def _needs_problems(layer: View, known: list[str], anywhere: Collection[str]) -> Iterator[Problem]:
    """Needed parameters that the layer does not have, or of a nested layer that no
    layer has, and needs of a value that an argument cannot have.
    """
    needs: list[View] = []
    for _, argument in _entries(layer, "call"):
        values = [value.data for value in _elements(argument, "values")]
        for value, needed in _entries(argument, "needs"):
            needs.append(needed)
            if value not in values:
                yield needed.at_key(
                    f'"{value}" is no value of this argument', did_you_mean(value, map(str, values))
                )
    for _, output in _entries(layer, "outputs"):
        needs += [
            needed
            for needed in (output.at("needs"), *(spot for _, spot in _entries(output, "at")))
            if needed is not None
        ]
    for needed in needs:
        for path, parameter in needed.entries():
            name, *inner = path.split(".")
            if name not in known:
                yield parameter.at_key(f'unknown parameter "{name}"', did_you_mean(name, known))
            elif inner and inner[-1] not in anywhere:
                yield parameter.at_key(
                    f'no layer has a parameter "{inner[-1]}"', did_you_mean(inner[-1], anywhere)
                )


def _entries(view: View, key: str) -> Iterator[tuple[str, View]]:
    below = view.at(key)
    return below.entries() if below else iter(())


def _elements(view: View, key: str) -> Iterator[View]:
    below = view.at(key)
    return below.elements() if below else iter(())


def _layer(name: View | None, dialect: ParametersFile) -> Layer | None:
    return dialect.layers.get(name.data) if name is not None and isinstance(name.data, str) else None


def _raises_problems(view: View, dialect: ParametersFile) -> Iterator[Problem]:
    """Expected exceptions that are neither Python's nor the framework's."""
    for expect in (view.at("expect"), *(step.at("expect") for step in _elements(view, "steps"))):
        raises = expect.at("raises") if expect is not None else None
        if raises is None or not isinstance(raises.data, str):
            continue
        known = [*OF_PYTHON, *dialect.exceptions]
        if raises.data not in known:
            hint = (
                did_you_mean(raises.data, known)
                or f'one of the framework\'s own is listed in {dialect.dialect}/parameters.yaml, "exceptions"'
            )
            yield raises.at_value(f"there is no exception {raises.data}", hint)


def _layer_problems(name: View | None, dialect: ParametersFile) -> Iterator[Problem]:
    if name is not None and isinstance(name.data, str) and name.data not in dialect.layers:
        yield name.at_value(
            f'unknown layer "{name.data}" of dialect {dialect.dialect}',
            did_you_mean(name.data, dialect.layers),
        )


def _name_problems(entries: list[View]) -> Iterator[Problem]:
    first: dict[str, View] = {}
    for entry in entries:
        name = entry.at("name")
        if name is None or not isinstance(name.data, str):
            continue
        if name.data in first:
            line = first[name.data].document.place(first[name.data].path).line
            yield name.at_value(f'the name "{name.data}" stands twice: here and in line {line}')
        first.setdefault(name.data, name)


def _case_problems(entry: View, defaults: View | None, around: _Around, layer: Layer) -> Iterator[Problem]:
    dialect = around.dialect
    default_data = defaults.data if defaults is not None and isinstance(defaults.data, dict) else {}
    base = settings(default_data, entry.data, steps=entry.at("steps") is not None)
    expects = isinstance(entry.data.get("expect", default_data.get("expect")), dict)
    second = _second(entry, around, layer)
    yield from _group_problems(entry, dialect, layer)
    yield from _inherited_problems(entry, default_data, layer)
    yield from _undocumented_problems(entry, layer, expects)
    yield from _derivatives_problems(entry, expects)
    yield from _steps_problems(entry, dialect, layer)
    yield from _relation_problems(entry, around, layer, expects)
    yield from _matrix_problems(entry, base, around, layer, second)
    yield from _full_dtypes_problems(entry, default_data)
    if not expects:
        yield from _required_problems(entry, base, layer)
        yield from problems_of_types(entry, layer, dialect, second)
    yield from _size_problems(entry, base, layer)
    yield from _pattern_problems(entry.at("expect", "match"))
    yield from _raises_problems(entry, dialect)
    yield from _list_problems(entry, dialect)


# --- names and values of the four groups ---


def _known(group: str, layer: Layer) -> list[str]:
    if group == "params":
        return list(layer.constructor)
    if group == "call":
        return [name for name, argument in layer.call.items() if argument.values or not argument.required]
    return [*layer.input, "shape"] if group == "input" else list(models.ValuesEntry.model_fields)


def _group_problems(view: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    """The names in `params`, `call` and `input` of a case, of the defaults or of a
    step, and their values.
    """
    for name, value in _entries(view, "params"):
        yield from _entry_problems("params", name, value, dialect, layer)
    for name, value in _entries(view, "input"):
        yield from _entry_problems("input", name, value, dialect, layer)
    call = view.at("call")
    if call is not None:
        yield from _call_problems(call, dialect, layer)


def _call_problems(call: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    for name, value in call.entries():
        if name == "input":
            yield from _group_problems(View(call.document, call.path, {"input": value.data}), dialect, layer)
        else:
            yield from _entry_problems("call", name, value, dialect, layer)


def _entry_problems(
    group: str, name: str, value: View, dialect: ParametersFile, layer: Layer
) -> Iterator[Problem]:
    known = _known(group, layer)
    if name in known:
        yield from _value_problems(group, name, value, dialect, layer)
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
    elif name in models.InputEntry.model_fields:  # any other name is the model's to refuse
        yield value.at_key(f'the input of this layer has no "{name}"', did_you_mean(name, known))


def _value_problems(
    group: str, name: str, value: View, dialect: ParametersFile, layer: Layer
) -> Iterator[Problem]:
    if group == "params":
        yield from _nested_problems(value, dialect)
    elif group == "call":
        yield from _closed_problems(value, layer.call[name].values)
    elif group == "input" and name != "shape":
        yield from _closed_problems(value, layer.input[name].values)  # type: ignore[index]


def _closed_problems(value: View, allowed: list[models.Scalar]) -> Iterator[Problem]:
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
    yield from _layer_problems(name, dialect)
    yield from _key_problems(value, ("layer", "params"))
    layer = _layer(name, dialect)
    if layer is None:
        if not isinstance(name.data, str):
            yield name.at_value(f"must be the name of a layer, not {described(name.data)}")
        return
    params = value.at("params")
    if params is not None and not isinstance(params.data, dict):
        yield params.at_value(f"must be a mapping, not {described(params.data)}")
    for key, inner in _entries(value, "params"):
        yield from _entry_problems("params", key, inner, dialect, layer)
    given = params.data if params is not None and isinstance(params.data, dict) else {}
    yield from _missing(value, str(name.data), layer, given)


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


# --- what a case as a whole needs ---


def _inherited_problems(entry: View, defaults: Mapping[str, Any], layer: Layer) -> Iterator[Problem]:
    """Parameters that a case with a layer of its own inherits, and that this layer does
    not have.
    """
    own = entry.at("layer")
    params = defaults.get("params")
    if own is not None and isinstance(params, dict):
        for name in params:
            if name not in layer.constructor:
                yield own.at_value(
                    f'the layer {own.data} has no parameter "{name}", which the defaults give it',
                    "move it from the defaults into the cases",
                )


def _undocumented_problems(entry: View, layer: Layer, expects: bool) -> Iterator[Problem]:
    undocumented = entry.at("undocumented")
    if undocumented is None:
        return
    if not expects:
        yield undocumented.at_key(
            "undocumented parameters need an expected exception", 'add "expect: {raises: ...}"'
        )
    for name, value in undocumented.entries():
        if name in layer.constructor:
            yield value.at_key(f'"{name}" is documented', 'write it under "params"')


def _required_problems(entry: View, base: CaseSettings, layer: Layer) -> Iterator[Problem]:
    axes = [split(axis)[1] for axis, _ in _entries(entry, "matrix") if axis.startswith("params.")]
    yield from _missing(entry, "the layer", layer, {**base.params, **dict.fromkeys(axes)})


def _missing(view: View, name: str, layer: Layer, given: Mapping[str, Any]) -> Iterator[Problem]:
    for parameter, about in layer.constructor.items():
        if about.required and parameter not in given:
            yield view.at_value(f'{name} needs the parameter "{parameter}"')


def _size_problems(entry: View, base: CaseSettings, layer: Layer) -> Iterator[Problem]:
    """Input words that a call needs and nobody gives."""
    axes = {split(axis)[1]: None for axis, _ in _entries(entry, "matrix") if axis.startswith("input.")}
    case_input = merged_input(base.input, axes) if axes else dict(base.input)
    if entry.at("steps") is None:
        calls: list[tuple[View, Any]] = [(entry, {})]
    else:
        calls = [
            (step, call.data)
            for step in _elements(entry, "steps")
            if (call := _sized(step)) is not None and isinstance(call.data, dict)
        ]
    for view, call in calls:
        size: Mapping[str, Any] = case_input
        for over in (base.call.get("input"), call.get("input")):
            size = merged_input(size, over) if isinstance(over, dict) else size
        missing = missing_sizes(size, layer)
        if missing:
            yield view.at_value("the input needs " + ", ".join(f'"{word}"' for word in missing))


def _steps_problems(run: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    """The steps of a case, or of the second run of a relation."""
    steps = run.at("steps")
    if steps is None:
        return
    if run.at("call") is not None:
        yield steps.at_key('"call" and "steps" exclude each other', "write the call as a step")
    for step in steps.elements():
        yield from _step_problems(step, dialect, layer)
    written = list(steps.elements())
    if written and not any(isinstance(step.data, dict) for step in written):
        yield steps.at_value("no step is a call")
    elif written and not any(step.at("call") or step.data == "weights" for step in written):
        yield steps.at_value("no step has a result", "add a call, or weights")


def _sized(step: View) -> View | None:
    """What a step gives the layer: the arguments of a call, or of training."""
    return next(filter(None, (step.at(action) for action in SIZED)), None)


def _step_problems(step: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    action = (
        step.data
        if isinstance(step.data, str)
        else next(filter(None, (name if step.at(name) else None for name in SIZED)), None)
    )
    if action in get_args(models.Action) and action not in layer.actions:
        yield step.at_value(f'this layer has no action "{action}"', did_you_mean(str(action), layer.actions))
    yield from _pattern_problems(step.at("expect", "match"))
    given = _sized(step)
    if given is not None:
        words = {"epochs", "learning_rate"} if action == "train" else set()
        names = {name: value.data for name, value in given.entries() if name not in words}
        yield from _call_problems(View(given.document, given.path, names), dialect, layer)


def _derivatives_problems(entry: View, expects: bool) -> Iterator[Problem]:
    """Derivatives along a direction are those of one call of a layer with given
    weights.
    """
    derivatives = entry.at("derivatives")
    if derivatives is None:
        return
    if expects:
        yield derivatives.at_key(
            '"derivatives" and "expect" exclude each other', "a call that raises has none"
        )
    for other in ("steps", "relation"):
        if entry.at(other) is not None:
            yield derivatives.at_key(
                f'"derivatives" and "{other}" exclude each other',
                "they are those of one call, judged by itself",
            )
    weights = entry.at("values", "weights")
    if weights is not None and weights.data == "initial":
        yield weights.at_value("initial weights have no direction", 'leave "weights" out')


def _relation_problems(entry: View, around: _Around, layer: Layer, expects: bool) -> Iterator[Problem]:
    relation = entry.at("relation")
    if relation is None:
        return
    if expects:
        yield relation.at_key(
            '"relation" and "expect" exclude each other', "a run that raises has no outputs to compare"
        )
    other = relation.at("other")
    second: Layer | None = layer
    if other is not None:
        dialect = _other_dialect(other, around)
        if dialect is None:
            name = other.at("dialect") or other
            yield name.at_value(
                f'unknown dialect "{name.data}"', did_you_mean(str(name.data), around.parameters)
            )
            second = None
        elif other.at("dialect") or other.at("layer"):
            second = yield from _other_layer_problems(entry, other, dialect, layer, around)
        if dialect is not None and second is not None:
            yield from _group_problems(other, dialect, second)
            yield from _steps_problems(other, dialect, second)
    for pair in _elements(relation, "equal"):
        for side, its_layer in (("left", layer), ("right", second)):
            term = pair.at(side)
            if term is not None and its_layer is not None:
                yield from _term_problems(term, its_layer)


def _other_dialect(other: View, around: _Around) -> ParametersFile | None:
    name = other.at("dialect")
    if name is None:
        return around.dialect
    return around.parameters.get(name.data) if isinstance(name.data, str) else None


def _second(entry: View, around: _Around, layer: Layer) -> tuple[ParametersFile, Layer] | None:
    """The dialect and layer of a relation's second run, where there is one."""
    other = entry.at("relation", "other")
    dialect = None if other is None else _other_dialect(other, around)
    if other is None or dialect is None:
        return None
    if not other.at("dialect") and not other.at("layer"):
        return dialect, layer
    name = other.at("layer")
    second = dialect.layers.get(_name_of(layer, around)) if name is None else _layer(name, dialect)
    return None if second is None else (dialect, second)


def _name_of(layer: Layer, around: _Around) -> str:
    """The name of a layer of the file's own dialect."""
    return next(name for name, known in around.dialect.layers.items() if known is layer)


def _other_layer_problems(
    entry: View, other: View, dialect: ParametersFile, layer: Layer, around: _Around
) -> Generator[Problem, None, Layer | None]:
    """What is wrong with a second run on another dialect or layer as a whole; returns
    that layer, where there is one.
    """
    name = other.at("layer")
    word = _name_of(layer, around) if name is None else name.data
    second = dialect.layers.get(word) if isinstance(word, str) else None
    if second is None:
        place = name or other
        yield place.at_value(
            f'unknown layer "{word}" of dialect {dialect.dialect}', did_you_mean(str(word), dialect.layers)
        )
        return None
    given = [name for name, _ in _entries(other, "params")]
    axes = [split(axis)[1] for axis, _ in _entries(entry, "matrix") if axis.startswith(f"{OTHER}params.")]
    yield from _missing(other, str(word), second, dict.fromkeys(given + axes))
    if entry.at("steps") is not None and other.at("steps") is None:
        yield other.at_value("a second run on another layer needs its own steps", 'write them under "other"')
    return second


def _term_problems(term: View, layer: Layer) -> Iterator[Problem]:
    name, spot = term.at("output") or term, term.at("at")
    if not isinstance(name.data, str):
        return
    if name.data not in layer.outputs:
        yield name.at_value(f'this layer has no output "{name.data}"', did_you_mean(name.data, layer.outputs))
    elif (
        spot is not None
        and spot.data in get_args(models.Spot)
        and spot.data not in layer.outputs[name.data].at
    ):
        known = list(layer.outputs[name.data].at)
        yield spot.at_value(
            f"{name.data} has no {spot.data}",
            did_you_mean(spot.data, known) if known else "a relation can name it as a whole only",
        )


def _point_problems(file: View, entry: View, around: _Around, layer: Layer) -> Iterator[Problem]:
    """What is wrong with the points of a case that is right as it is written."""
    if not needs_a_look((file.data.get("defaults"), entry.data), layer):
        return
    try:
        alone = CasesFile.model_validate({**file.data, "cases": [entry.data]})
    except ValidationError:  # told already, with its place
        return
    points = expand(file.document, alone, around.parameters, "", around.selections)
    yield from problems_of_points(entry, points, layer, around.parameters)


def _pattern_problems(match: View | None) -> Iterator[Problem]:
    if match is not None and isinstance(match.data, str):
        try:
            re.compile(match.data)
        except re.error as error:
            yield match.at_value(f"is no regular expression: {error}")


def _list_problems(view: View, dialect: ParametersFile) -> Iterator[Problem]:
    """The dtypes and versions of a case, or of the defaults."""
    for name in ("dtypes", "versions"):
        values = view.at(name)
        if values is not None:
            yield from _repeated(values)
    for version in _elements(view, "versions"):
        if isinstance(version.data, str) and version.data not in dialect.versions:
            hint = (
                did_you_mean(version.data, dialect.versions)
                or f'they stand in {dialect.dialect}/parameters.yaml under "versions"'
            )
            yield version.at_value(f'unknown version "{version.data}" of dialect {dialect.dialect}', hint)


def _repeated(values: View, axis: str = "") -> Iterator[Problem]:
    """Values that stand twice in a list, that of an axis if it is named."""
    first: dict[str, int] = {}
    for value in values.elements():
        text = value_text(axis_value(axis, value.data))
        line = value.document.place(value.path).line
        if text in first:
            yield value.at_value(f"{described(value.data)} stands twice: here and in line {first[text]}")
        first.setdefault(text, line)


# --- the matrix ---


def _matrix_problems(
    entry: View,
    base: CaseSettings,
    around: _Around,
    layer: Layer,
    second: tuple[ParametersFile, Layer] | None,
) -> Iterator[Problem]:
    """What is wrong with a matrix. The second dialect and layer are those of a
    relation's second run.
    """
    own = (around.dialect, layer)
    about = {group: second if group.startswith(OTHER) else own for group in GROUPS}
    matrix, include, exclude = entry.at("matrix"), entry.at("include"), entry.at("exclude")
    for rows in (include, exclude):
        if rows is not None and (matrix is None or not matrix.data):
            yield rows.at_key(f'"{rows.path[-1]}" needs a matrix', "make it a case of its own")
    covering = entry.at("covering")
    if covering is not None and (matrix is None or not matrix.data):
        yield covering.at_key('"covering" needs a matrix')
    if matrix is None or not isinstance(matrix.data, dict):
        return
    known = [
        f"{group}.{name}"
        for group, of in about.items()
        if of is not None
        for name in _known(group.removeprefix(OTHER), of[1])
    ]
    for axis, values in matrix.entries():
        if axis not in known:
            yield values.at_key(f'unknown axis "{axis}"', did_you_mean(axis, known))
            continue
        yield from _step_axis_problems(entry, axis, values)
        yield from _repeated(values, axis)
        for value in values.elements():
            yield from _axis_value_problems(axis, value, about)
    axes = {
        axis: values for axis, values in matrix.data.items() if axis in known and isinstance(values, list)
    }
    for row in itertools.chain(_elements(entry, "include"), _elements(entry, "exclude")):
        for axis, value in row.entries():
            if axis not in matrix.data:
                yield value.at_key(f'"{axis}" is no axis of this matrix', did_you_mean(axis, axes))
    for row in _elements(entry, "exclude"):
        yield from _exclude_problems(row, axes)
    for row in _elements(entry, "include"):
        for axis, value in row.entries():
            if axis in axes:
                yield from _axis_value_problems(axis, value, about)
    runs = covering.at("runs") if covering else None
    if math.prod(map(len, axes.values())) > MOST_POINTS and (runs is None or runs.data != "always"):
        yield matrix.at_key(f"makes more than {MOST_POINTS} points")
    elif len(axes) == len(matrix.data) and all(axes.values()):
        yield from _duplicate_problems(
            entry, matrix, axes, base, axis_defaults(axes, layer, second and second[1])
        )
        if covering is not None:
            yield from _covering_problems(entry, covering, axes, around)


def _axis_value_problems(
    axis: str, value: View, about: Mapping[str, tuple[ParametersFile, Layer] | None]
) -> Iterator[Problem]:
    """A value that an axis cannot have; `about` is the dialect and layer that each
    group is about.
    """
    of, (group, name) = about[split(axis)[0]], split(axis.removeprefix(OTHER))
    if of is None:  # no known axis, and told as such
        return
    if group in ("input", "values"):
        model = models.InputEntry if group == "input" else models.ValuesEntry
        try:
            model.model_validate({name: value.data})
        except ValidationError as error:
            found = View(value.document, value.path, {name: value.data})
            yield from model_problems(error, model, found)
            return
    yield from _value_problems(group, name, value, *of)


def _step_axis_problems(entry: View, axis: str, values: View) -> Iterator[Problem]:
    """An axis of the calls, with steps, is that of every call: none may have a value of
    its own.
    """
    group, name = split(axis.removeprefix(OTHER))
    run = entry.at("relation", "other") or entry if axis.startswith(OTHER) else entry
    for step in _elements(run, "steps"):
        given = _sized(step)
        own = (
            None
            if given is None
            else given.at(name)
            if group == "call"
            else given.at("input", name)
            if group == "input"
            else None
        )
        if own is not None:
            line = own.document.key_place(own.path).line
            yield values.at_key(
                f'the axis "{axis}" holds for every call, but the one in line {line} has its own "{name}"'
            )
            return


def _exclude_problems(row: View, axes: Mapping[str, list[Any]]) -> Iterator[Problem]:
    for axis, value in row.entries():
        if axis in axes and value_text(axis_value(axis, value.data)) not in {
            value_text(axis_value(axis, known)) for known in axes[axis]
        }:
            yield value.at_value(f"excludes nothing: {described(value.data)} is no value of {axis}")
    if row.data == {}:
        yield row.at_value("excludes everything")


def _duplicate_problems(
    entry: View, matrix: View, axes: Mapping[str, list[Any]], base: CaseSettings, defaults: Mapping[str, Any]
) -> Iterator[Problem]:
    """Points that stand twice, or a matrix without any. Of a matrix that is covered,
    `include` may name points.
    """
    whole = Matrix.of(axes, _exclude(entry))
    include = list(_elements(entry, "include"))
    if not include and not whole.occurs({}):
        yield matrix.at_key("every point is excluded")
    taken: set[tuple[tuple[str, str], ...]] = set()
    for row in include:
        if not isinstance(row.data, dict):
            continue
        point = included(row.data, axes, base, dict(defaults))
        missing = [axis for axis in axes if axis not in point]
        if missing:
            yield row.at_value("the row needs " + ", ".join(f'"{axis}"' for axis in missing))
            continue
        if _text(point) in taken or (whole.row(point) is not None and entry.at("covering") is None):
            yield row.at_value("this point exists already")
        taken.add(_text(point))


def _exclude(entry: View) -> list[Mapping[str, Any]]:
    return [row.data for row in _elements(entry, "exclude") if isinstance(row.data, dict)]


def _covering_problems(
    entry: View, covering: View, axes: Mapping[str, list[Any]], around: _Around
) -> Iterator[Problem]:
    """What cannot be covered, and a selection that is missing or was made of another
    matrix.
    """
    try:
        wanted = CoveringEntry.model_validate(covering.data)
    except ValidationError:  # told already, with its place
        return
    for axis in _elements(covering, "pairs_with"):
        if axis.data not in axes:
            yield axis.at_value(
                f'"{axis.data}" is no axis of this matrix', did_you_mean(str(axis.data), axes)
            )
    others = [axis for axis in axes if axis not in wanted.pairs_with]
    strength = covering.at("strength")
    if strength is not None and wanted.strength > len(others):
        yield strength.at_value(
            f"{wanted.strength} axes cannot be combined: there are"
            f" {len(others)}{' others' if wanted.pairs_with else ''}"
        )
    pairs = covering.at("pairs_with")
    if pairs is not None:
        yield from _repeated(pairs)
    name = entry.at("name")
    selection = around.selections.of.get(str(name.data)) if name else None
    if selection is None or selection.digest != digest(Matrix.of(axes, _exclude(entry)), wanted):
        state = (
            "is missing"
            if selection is None
            else "is stale: the matrix, or what is to be covered, has changed since"
        )
        yield covering.at_key(f"the selection of points {state}", f'run "{around.selections.command}"')


def _full_dtypes_problems(entry: View, defaults: Mapping[str, Any]) -> Iterator[Problem]:
    """Dtypes of a full run that the case itself does not have, or that no full run asks
    for.
    """
    full = entry.at("covering", "full_dtypes")
    if full is None:
        return
    yield from _repeated(full)
    if entry.data["covering"].get("runs") == "always":
        yield full.at_key(
            '"full_dtypes" and "runs: always" exclude each other', "beyond the selection there are no points"
        )
    known = entry.data.get("dtypes", defaults.get("dtypes", models.Defaults().dtypes))
    for dtype in full.elements():
        if isinstance(known, list) and dtype.data not in known:
            yield dtype.at_value(
                f"the case does not run in {dtype.data}", f"it runs in {', '.join(map(str, known))}"
            )


def _text(point: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, value_text(value)) for axis, value in point.items()))
