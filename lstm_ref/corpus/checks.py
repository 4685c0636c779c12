"""What the models cannot see: names against the parameter tables, and what contradicts itself within a file.

The checks read the data as written, so that they go on where something else in the file is wrong. Each yields every problem that it finds.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError

from lstm_ref.corpus import models
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import Settings, axis_defaults, axis_value, expand, included, merged_input, missing_sizes, product, settings, split
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.models import CasesFile, Layer, ParametersFile
from lstm_ref.corpus.points import needs_a_look, problems_of_points
from lstm_ref.corpus.validation import described, model_problems

MOST_POINTS = 100_000  # of one matrix; far above the full product of any layer

Parameters = Mapping[str, ParametersFile]


def problems_of_cases(file: View, parameters: Parameters) -> Iterator[Problem]:
    """Every problem of a file of cases beyond those of its model."""
    dialect_name = file.at("dialect")
    if dialect_name is None or not isinstance(dialect_name.data, str):
        return
    if dialect_name.data not in parameters:
        yield dialect_name.at_value(f'unknown dialect "{dialect_name.data}"', did_you_mean(dialect_name.data, parameters))
        return
    dialect = parameters[dialect_name.data]
    layer_name = file.at("layer")
    yield from _layer_problems(layer_name, dialect)
    layer = _layer(layer_name, dialect)
    defaults = file.at("defaults")
    if defaults is not None and layer is not None:
        yield from _group_problems(defaults, dialect, layer)
        yield from _pattern_problems(defaults.at("expect", "match"))
        yield from _dtype_problems(defaults)
    cases = file.at("cases")
    entries = list(cases.elements()) if cases else []
    yield from _name_problems(entries)
    for entry in entries:
        own_layer = entry.at("layer")
        yield from _layer_problems(own_layer, dialect)
        its_layer = _layer(own_layer, dialect) if own_layer else layer
        if its_layer is not None and isinstance(entry.data, dict):
            problems = list(_case_problems(entry, defaults, dialect, its_layer))
            yield from problems or _point_problems(file, entry, dialect, its_layer)


def problems_of_parameters(file: View) -> Iterator[Problem]:
    """Every problem of a parameter table beyond those of its model: values that stand twice, and needs that nothing can meet."""
    for _, layer in _entries(file, "layers"):
        yield from _needs_problems(layer)
        for group in ("constructor", "call", "input"):
            for _, parameter in _entries(layer, group):
                values = parameter.at("values")
                if values is not None:
                    yield from _repeated(values)


def problems_of_divergences(file: View) -> Iterator[Problem]:
    """Every problem of a list of divergences beyond those of its model: a file that is not named after its implementation, a bad regular
    expression.
    """
    implementation = file.at("implementation")
    stem = file.document.file.stem
    if implementation is not None and implementation.data != stem:
        yield implementation.at_value(f"the file is named {stem}.yaml", "a file of divergences is named after its implementation")
    for entry in _elements(file, "entries"):
        yield from _pattern_problems(entry.at("match"))


def _needs_problems(layer: View) -> Iterator[Problem]:
    """Needed parameters that the layer does not have, and needs of a value that an argument cannot have."""
    known = [name for name, _ in _entries(layer, "constructor")]
    needs: list[View] = []
    for _, argument in _entries(layer, "call"):
        values = [value.data for value in _elements(argument, "values")]
        for value, needed in _entries(argument, "needs"):
            needs.append(needed)
            if value not in values:
                yield needed.at_key(f'"{value}" is no value of this argument', did_you_mean(value, map(str, values)))
    for _, output in _entries(layer, "outputs"):
        needs += [needed for needed in (output.at("needs"), *(spot for _, spot in _entries(output, "at"))) if needed is not None]
    for needed in needs:
        for name, parameter in needed.entries():
            if name not in known:
                yield parameter.at_key(f'unknown parameter "{name}"', did_you_mean(name, known))


def _entries(view: View, key: str) -> Iterator[tuple[str, View]]:
    below = view.at(key)
    return below.entries() if below else iter(())


def _elements(view: View, key: str) -> Iterator[View]:
    below = view.at(key)
    return below.elements() if below else iter(())


def _layer(name: View | None, dialect: ParametersFile) -> Layer | None:
    return dialect.layers.get(name.data) if name is not None and isinstance(name.data, str) else None


def _layer_problems(name: View | None, dialect: ParametersFile) -> Iterator[Problem]:
    if name is not None and isinstance(name.data, str) and name.data not in dialect.layers:
        yield name.at_value(f'unknown layer "{name.data}" of dialect {dialect.dialect}', did_you_mean(name.data, dialect.layers))


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


def _case_problems(entry: View, defaults: View | None, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    default_data = defaults.data if defaults is not None and isinstance(defaults.data, dict) else {}
    base = settings(default_data, entry.data, steps=entry.at("steps") is not None)
    expects = isinstance(entry.data.get("expect", default_data.get("expect")), dict)
    yield from _group_problems(entry, dialect, layer)
    yield from _inherited_problems(entry, default_data, layer)
    yield from _undocumented_problems(entry, layer, expects)
    yield from _steps_problems(entry, dialect, layer)
    yield from _relation_problems(entry, dialect, layer, expects)
    yield from _matrix_problems(entry, base, dialect, layer)
    if not expects:
        yield from _required_problems(entry, base, layer)
    yield from _size_problems(entry, base, layer)
    yield from _pattern_problems(entry.at("expect", "match"))
    yield from _dtype_problems(entry)


# --- names and values of the four groups ---


def _known(group: str, layer: Layer) -> list[str]:
    if group == "params":
        return list(layer.constructor)
    if group == "call":
        return [name for name, argument in layer.call.items() if not argument.required]
    return [*layer.input, "shape"] if group == "input" else list(models.Values.model_fields)


def _group_problems(view: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    """The names in `params`, `call` and `input` of a case, of the defaults or of a step, and their values."""
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


def _entry_problems(group: str, name: str, value: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    known = _known(group, layer)
    if name in known:
        yield from _value_problems(group, name, value, dialect, layer)
    elif group == "params":
        yield value.at_key(
            f'unknown parameter "{name}"', did_you_mean(name, known) or f"the documented ones stand in {dialect.dialect}/parameters.yaml"
        )
    elif group == "call":
        argument = layer.call.get(name)
        hint = 'its size is described under "input"' if argument is not None and argument.required else did_you_mean(name, known)
        yield value.at_key(f'unknown call argument "{name}"', hint)
    elif name in models.Input.model_fields:  # any other name is the model's to refuse
        yield value.at_key(f'the input of this layer has no "{name}"', did_you_mean(name, known))


def _value_problems(group: str, name: str, value: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
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
            f"must be {' or '.join(words)}, not {described(value.data)}", did_you_mean(str(value.data), words) if len(words) > 1 else None
        )


def _nested_problems(value: View, dialect: ParametersFile) -> Iterator[Problem]:
    """The layers inside a parameter: a layer, or a list with layers in it."""
    for element in value.elements():
        yield from _nested_problems(element, dialect)
    name = value.at("layer")
    if name is None:
        return
    yield from _layer_problems(name, dialect)
    for key, inner in value.entries():
        if key not in ("layer", "params"):
            yield inner.at_key(f'unknown key "{key}"', did_you_mean(key, ("layer", "params")))
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


# --- what a case as a whole needs ---


def _inherited_problems(entry: View, defaults: Mapping[str, Any], layer: Layer) -> Iterator[Problem]:
    """Parameters that a case with a layer of its own inherits, and that this layer does not have."""
    own = entry.at("layer")
    params = defaults.get("params")
    if own is not None and isinstance(params, dict):
        for name in params:
            if name not in layer.constructor:
                yield own.at_value(
                    f'the layer {own.data} has no parameter "{name}", which the defaults give it', "move it from the defaults into the cases"
                )


def _undocumented_problems(entry: View, layer: Layer, expects: bool) -> Iterator[Problem]:
    undocumented = entry.at("undocumented")
    if undocumented is None:
        return
    if not expects:
        yield undocumented.at_key("undocumented parameters need an expected exception", 'add "expect: {raises: ...}"')
    for name, value in undocumented.entries():
        if name in layer.constructor:
            yield value.at_key(f'"{name}" is documented', 'write it under "params"')


def _required_problems(entry: View, base: Settings, layer: Layer) -> Iterator[Problem]:
    axes = [split(axis)[1] for axis, _ in _entries(entry, "matrix") if axis.startswith("params.")]
    yield from _missing(entry, "the layer", layer, {**base.params, **dict.fromkeys(axes)})


def _missing(view: View, name: str, layer: Layer, given: Mapping[str, Any]) -> Iterator[Problem]:
    for parameter, about in layer.constructor.items():
        if about.required and parameter not in given:
            yield view.at_value(f'{name} needs the parameter "{parameter}"')


def _size_problems(entry: View, base: Settings, layer: Layer) -> Iterator[Problem]:
    """Input words that a call needs and nobody gives."""
    axes = {split(axis)[1]: None for axis, _ in _entries(entry, "matrix") if axis.startswith("input.")}
    case_input = merged_input(base.input, axes) if axes else dict(base.input)
    if entry.at("steps") is None:
        calls: list[tuple[View, Any]] = [(entry, {})]
    else:
        calls = [
            (step, step.data["call"]) for step in _elements(entry, "steps") if isinstance(step.data, dict) and isinstance(step.data.get("call"), dict)
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
    if steps.data and not any(isinstance(step.data, dict) for step in steps.elements()):
        yield steps.at_value("no step is a call")


def _step_problems(step: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    if isinstance(step.data, str) and step.data in ("call", "reset") and step.data not in layer.actions:
        yield step.at_value(f'this layer has no action "{step.data}"', did_you_mean(step.data, layer.actions))
    call = step.at("call")
    if call is not None:
        yield from _call_problems(call, dialect, layer)


def _relation_problems(entry: View, dialect: ParametersFile, layer: Layer, expects: bool) -> Iterator[Problem]:
    relation = entry.at("relation")
    if relation is None:
        return
    if expects:
        yield relation.at_key('"relation" and "expect" exclude each other', "a run that raises has no outputs to compare")
    other = relation.at("other")
    if other is not None:
        yield from _group_problems(other, dialect, layer)
        yield from _steps_problems(other, dialect, layer)
    for pair in _elements(relation, "equal"):
        for side in ("left", "right"):
            term = pair.at(side)
            if term is not None:
                yield from _term_problems(term, layer)


def _term_problems(term: View, layer: Layer) -> Iterator[Problem]:
    name, spot = term.at("output") or term, term.at("at")
    if not isinstance(name.data, str):
        return
    if name.data not in layer.outputs:
        yield name.at_value(f'this layer has no output "{name.data}"', did_you_mean(name.data, layer.outputs))
    elif spot is not None and spot.data in get_args(models.Spot) and spot.data not in layer.outputs[name.data].at:
        known = list(layer.outputs[name.data].at)
        yield spot.at_value(f"{name.data} has no {spot.data}", did_you_mean(spot.data, known) if known else "a relation can name it as a whole only")


def _point_problems(file: View, entry: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    """What is wrong with the points of a case that is right as it is written."""
    if not needs_a_look((file.data.get("defaults"), entry.data), layer):
        return
    try:
        alone = CasesFile.model_validate({**file.data, "cases": [entry.data]})
    except ValidationError:  # told already, with its place
        return
    yield from problems_of_points(entry, expand(file.document, alone, dialect, ""), layer)


def _pattern_problems(match: View | None) -> Iterator[Problem]:
    if match is not None and isinstance(match.data, str):
        try:
            re.compile(match.data)
        except re.error as error:
            yield match.at_value(f"is no regular expression: {error}")


def _dtype_problems(view: View) -> Iterator[Problem]:
    dtypes = view.at("dtypes")
    if dtypes is not None:
        yield from _repeated(dtypes)


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


def _matrix_problems(entry: View, base: Settings, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    matrix, include, exclude = entry.at("matrix"), entry.at("include"), entry.at("exclude")
    for rows in (include, exclude):
        if rows is not None and (matrix is None or not matrix.data):
            yield rows.at_key(f'"{rows.path[-1]}" needs a matrix', "make it a case of its own")
    if matrix is None or not isinstance(matrix.data, dict):
        return
    known = [f"{group}.{name}" for group in ("params", "call", "input", "values") for name in _known(group, layer)]
    for axis, values in matrix.entries():
        if axis not in known:
            yield values.at_key(f'unknown axis "{axis}"', did_you_mean(axis, known))
            continue
        yield from _step_axis_problems(entry, axis, values)
        yield from _repeated(values, axis)
        for value in values.elements():
            yield from _axis_value_problems(axis, value, dialect, layer)
    axes = {axis: values for axis, values in matrix.data.items() if axis in known and isinstance(values, list)}
    for row in itertools.chain(_elements(entry, "include"), _elements(entry, "exclude")):
        for axis, value in row.entries():
            if axis not in matrix.data:
                yield value.at_key(f'"{axis}" is no axis of this matrix', did_you_mean(axis, axes))
    for row in _elements(entry, "exclude"):
        yield from _exclude_problems(row, axes)
    for row in _elements(entry, "include"):
        for axis, value in row.entries():
            if axis in axes:
                yield from _axis_value_problems(axis, value, dialect, layer)
    if math.prod(map(len, axes.values())) > MOST_POINTS:
        yield matrix.at_key(f"makes more than {MOST_POINTS} points")
    elif len(axes) == len(matrix.data):
        yield from _duplicate_problems(entry, matrix, axes, base, axis_defaults(axes, layer))


def _axis_value_problems(axis: str, value: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    group, name = split(axis)
    if group in ("input", "values"):
        model = models.Input if group == "input" else models.Values
        try:
            model.model_validate({name: value.data})
        except ValidationError as error:
            found = View(value.document, value.path, {name: value.data})
            yield from model_problems(error, model, found)
            return
    yield from _value_problems(group, name, value, dialect, layer)


def _step_axis_problems(entry: View, axis: str, values: View) -> Iterator[Problem]:
    """An axis of the calls, with steps, is that of every call: none may have a value of its own."""
    group, name = split(axis)
    for step in _elements(entry, "steps"):
        own = step.at("call", name) if group == "call" else step.at("call", "input", name) if group == "input" else None
        if own is not None:
            line = own.document.key_place(own.path).line
            yield values.at_key(f'the axis "{axis}" holds for every call, but the one in line {line} has its own "{name}"')
            return


def _exclude_problems(row: View, axes: Mapping[str, list[Any]]) -> Iterator[Problem]:
    for axis, value in row.entries():
        if axis in axes and value_text(axis_value(axis, value.data)) not in {value_text(axis_value(axis, known)) for known in axes[axis]}:
            yield value.at_value(f"excludes nothing: {described(value.data)} is no value of {axis}")
    if row.data == {}:
        yield row.at_value("excludes everything")


def _duplicate_problems(entry: View, matrix: View, axes: Mapping[str, list[Any]], base: Settings, defaults: Mapping[str, Any]) -> Iterator[Problem]:
    """Points that stand twice, or a matrix without any."""
    include, exclude = list(_elements(entry, "include")), [row.data for row in _elements(entry, "exclude") if isinstance(row.data, dict)]
    if not include and not exclude:
        return
    points = list(product(axes, exclude))
    if not points and not include:
        yield matrix.at_key("every point is excluded")
    taken = {_text(point) for point in points}
    for row in include:
        if not isinstance(row.data, dict):
            continue
        point = included(row.data, axes, base, dict(defaults))
        missing = [axis for axis in axes if axis not in point]
        if missing:
            yield row.at_value("the row needs " + ", ".join(f'"{axis}"' for axis in missing))
        elif _text(point) in taken:
            yield row.at_value("this point exists already")
        taken.add(_text(point))


def _text(point: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, value_text(value)) for axis, value in point.items()))
