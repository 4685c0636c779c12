"""Every problem of a file of cases beyond those of its model."""

import builtins
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from lstm_ref.corpus.checks.matrices import full_dtypes_problems, matrix_problems
from lstm_ref.corpus.checks.points import has_anything_to_check, problems_of_points
from lstm_ref.corpus.checks.relations import relation_problems, second_of
from lstm_ref.corpus.checks.steps import derivatives_problems, size_problems, steps_problems
from lstm_ref.corpus.checks.values import group_problems, layer_problems, missing_problems
from lstm_ref.corpus.checks.views import (
    Around,
    elements_of,
    entries_of,
    layer_named,
    pattern_problems,
    repeated_problems,
)
from lstm_ref.corpus.covering_file import Selections
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import (
    CaseSettings,
    Parameters,
    expand,
    settings,
    split,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.models.cases import CasesFile
from lstm_ref.corpus.models.parameters import Layer, ParametersFile
from lstm_ref.corpus.types import problems_of_types

# The names of Python's exceptions, which every framework raises as well.
OF_PYTHON = tuple(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
)


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
    around = Around(parameters, dialect, selections)
    layer_name = file.at("layer")
    yield from layer_problems(layer_name, dialect)
    layer = layer_named(layer_name, dialect)
    defaults = file.at("defaults")
    if defaults is not None and layer is not None:
        yield from group_problems(defaults, dialect, layer)
        yield from pattern_problems(defaults.at("expect", "match"))
        yield from _raises_problems(defaults, dialect)
        yield from _list_problems(defaults, dialect)
        if defaults.at("expect") is None:
            yield from problems_of_types(defaults, layer, dialect, None)
    cases = file.at("cases")
    entries = list(cases.elements()) if cases else []
    yield from _name_problems(entries)
    for entry in entries:
        own_layer = entry.at("layer")
        yield from layer_problems(own_layer, dialect)
        its_layer = layer_named(own_layer, dialect) if own_layer else layer
        if its_layer is not None and isinstance(entry.data, dict):
            problems = list(_case_problems(entry, defaults, around, its_layer))
            yield from problems or _point_problems(file, entry, around, its_layer)


def _raises_problems(view: View, dialect: ParametersFile) -> Iterator[Problem]:
    """Expected exceptions that are neither Python's nor the framework's."""
    for expect in (view.at("expect"), *(step.at("expect") for step in elements_of(view, "steps"))):
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


def _case_problems(entry: View, defaults: View | None, around: Around, layer: Layer) -> Iterator[Problem]:
    dialect = around.dialect
    default_data = defaults.data if defaults is not None and isinstance(defaults.data, dict) else {}
    base = settings(default_data, entry.data, steps=entry.at("steps") is not None)
    expects = isinstance(entry.data.get("expect", default_data.get("expect")), dict)
    second = second_of(entry, around, layer)
    yield from group_problems(entry, dialect, layer)
    yield from _inherited_problems(entry, default_data, layer)
    yield from _undocumented_problems(entry, layer, expects)
    yield from derivatives_problems(entry, expects)
    yield from steps_problems(entry, dialect, layer)
    yield from relation_problems(entry, around, layer, expects)
    yield from matrix_problems(entry, base, around, layer, second)
    yield from full_dtypes_problems(entry, default_data)
    if not expects:
        yield from _required_problems(entry, base, layer)
        yield from problems_of_types(entry, layer, dialect, second)
    yield from size_problems(entry, base, layer)
    yield from pattern_problems(entry.at("expect", "match"))
    yield from _raises_problems(entry, dialect)
    yield from _list_problems(entry, dialect)


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
    axes = [split(axis)[1] for axis, _ in entries_of(entry, "matrix") if axis.startswith("params.")]
    yield from missing_problems(entry, "the layer", layer, {**base.params, **dict.fromkeys(axes)})


def _point_problems(file: View, entry: View, around: Around, layer: Layer) -> Iterator[Problem]:
    """What is wrong with the points of a case that is right as it is written."""
    if not has_anything_to_check((file.data.get("defaults"), entry.data), layer):
        return
    try:
        alone = CasesFile.model_validate({**file.data, "cases": [entry.data]})
    except ValidationError:  # told already, with its place
        return
    points = expand(file.document, alone, around.parameters, "", around.selections)
    yield from problems_of_points(entry, points, layer, around.parameters)


def _list_problems(view: View, dialect: ParametersFile) -> Iterator[Problem]:
    """The dtypes and versions of a case, or of the defaults."""
    for name in ("dtypes", "versions"):
        values = view.at(name)
        if values is not None:
            yield from repeated_problems(values)
    for version in elements_of(view, "versions"):
        if isinstance(version.data, str) and version.data not in dialect.versions:
            hint = (
                did_you_mean(version.data, dialect.versions)
                or f'they stand in {dialect.dialect}/parameters.yaml under "versions"'
            )
            yield version.at_value(f'unknown version "{version.data}" of dialect {dialect.dialect}', hint)
