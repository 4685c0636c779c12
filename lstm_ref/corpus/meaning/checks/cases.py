"""Every problem of a file of cases beyond those of its model, but for those that only
its points show.
"""

import builtins
from collections.abc import Callable, Iterable, Iterator, Sequence

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.literals import literal_problems
from lstm_ref.corpus.meaning.checks.matrices import (
    axes_problems,
    full_dtypes_problems,
    matrix_problems,
    rows_problems,
)
from lstm_ref.corpus.meaning.checks.relations import naming_problems, relation_problems
from lstm_ref.corpus.meaning.checks.settings import Setting, of_axes, of_groups, of_run
from lstm_ref.corpus.meaning.checks.steps import (
    action_problems,
    derivatives_problems,
    size_problems,
    steps_problems,
)
from lstm_ref.corpus.meaning.checks.values import (
    axis_problems,
    missing_problems,
    name_problems,
    setting_problems,
)
from lstm_ref.corpus.meaning.checks.views import elements_of, repeated_problems
from lstm_ref.corpus.meaning.resolution import Documented, ResolvedCase, WrittenCase
from lstm_ref.corpus.meaning.types import type_problems
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import CasesFile
from lstm_ref.corpus.read.models.parameters import ParametersFile

# The names of Python's exceptions, which every framework raises as well.
OF_PYTHON = tuple(
    name for name, kind in vars(builtins).items() if isinstance(kind, type) and issubclass(kind, Exception)
)


def problems_of_head(
    view: View, written: View | None, file: CasesFile, dialect: ParametersFile
) -> Iterator[Problem]:
    """What is wrong with the head of a file, whatever its cases say. `written` is where
    its defaults stand.
    """
    if (layer := view.at("layer")) is not None:
        yield from name_problems(layer, layer.data, dialect)
    if written is None or file.layer not in dialect.layers:
        return
    for setting in of_groups(written, Documented(dialect, file.layer)):
        yield from setting_problems(setting)
        if file.defaults.expect is None:
            yield from _type_problems(setting)
    yield from _raises_problems(written, dialect)
    yield from _list_problems(written, dialect)


def problems_of_names(cases: Iterable[WrittenCase]) -> Iterator[Problem]:
    """Names of cases that are listed twice."""
    first: dict[str, View] = {}
    for case in cases:
        name = case.view.at("name")
        if name is None:
            continue
        if name.data in first:
            yield name.at_value(
                f'the name "{name.data}" is used twice: here and in line {first[name.data].line}'
            )
        first.setdefault(name.data, name)


def layer_problems(case: WrittenCase, dialect: ParametersFile) -> Iterator[Problem]:
    """A layer of its own that the dialect does not have."""
    if case.entry.layer is not None:
        yield from name_problems(case.view.at("layer") or case.view, case.entry.layer, dialect)


def problems_of_case(case: ResolvedCase) -> Iterator[Problem]:
    """What is wrong with a case, its points aside: with what it names, with what it
    lacks, and with what contradicts what else it says.

    Of a case that its model refuses in part, nothing is said that depends on that part.
    """
    for setting in of_axes(case):
        yield from axis_problems(setting)
        if not case.is_refusal:
            yield from _type_problems(setting)
    for run in case.runs:
        for setting in of_run(run):
            yield from setting_problems(setting)
            if not case.is_refusal:
                yield from _type_problems(setting)
        yield from action_problems(run)
    yield from naming_problems(case)
    yield from literal_problems(case.view)
    yield from _inherited_problems(case)
    yield from axes_problems(case)
    yield from _raises_problems(case.view, case.own.dialect)
    yield from _list_problems(case.view, case.own.dialect)
    for check, keys in TOGETHER:
        if case.written.refused.isdisjoint(keys):
            yield from check(case)


def _type_problems(setting: Setting) -> Iterator[Problem]:
    if setting.group == "params" and setting.is_known:
        parameter = setting.about.layer.constructor[setting.name]
        yield from type_problems(setting.value, parameter, setting.about.dialect)


def _raises_problems(view: View, dialect: ParametersFile) -> Iterator[Problem]:
    """Expected exceptions that are neither Python's nor the framework's."""
    for expect in (view.at("expect"), *(step.at("expect") for step in elements_of(view, "steps"))):
        raises = expect.at("raises") if expect is not None else None
        known = [*OF_PYTHON, *dialect.exceptions]
        if raises is not None and raises.data not in known:
            hint = (
                did_you_mean(raises.data, known)
                or f'one of the framework\'s own is listed in {dialect.dialect}/parameters.yaml, "exceptions"'
            )
            yield raises.at_value(f"there is no exception {raises.data}", hint)


def _inherited_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Parameters that a case with a layer of its own inherits, and that this layer does
    not have.
    """
    for name in case.file.defaults.params if case.entry.layer is not None else ():
        if name not in case.own.layer.constructor:
            yield (case.view.at("layer") or case.view).at_value(
                f'the layer {case.own.name} has no parameter "{name}", which the defaults give it',
                "move it from the defaults into the cases",
            )


def _list_problems(view: View, dialect: ParametersFile) -> Iterator[Problem]:
    """The dtypes and versions of a case, or of the defaults."""
    for name in ("dtypes", "versions"):
        values = view.at(name)
        if values is not None:
            yield from repeated_problems(values)
    for version in elements_of(view, "versions"):
        if version.data not in dialect.versions:
            hint = (
                did_you_mean(version.data, dialect.versions)
                or f'they stand in {dialect.dialect}/parameters.yaml under "versions"'
            )
            yield version.at_value(f'unknown version "{version.data}" of dialect {dialect.dialect}', hint)


def _undocumented_problems(case: ResolvedCase) -> Iterator[Problem]:
    undocumented = case.view.at("undocumented")
    if undocumented is None:
        return
    if not case.is_refusal:
        yield undocumented.at_key(
            "undocumented parameters need an expected exception", 'add "expect: {raises: ...}"'
        )
    for name, value in undocumented.entries():
        if name in case.own.layer.constructor:
            yield value.at_key(f'"{name}" is documented', 'write it under "params"')


def _required_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Required parameters that neither the case nor an axis of it gives."""
    if not case.is_refusal:
        given = {**case.settings.params, **dict.fromkeys(case.axes_of["params"])}
        yield from missing_problems(case.view, "the layer", case.own.layer, given)


def _runs_problems(case: ResolvedCase) -> Iterator[Problem]:
    for run in case.runs:
        yield from steps_problems(run)


OF_A_POINT = frozenset({"params", "call", "input", "values"})
# The checks of what keys of a case say together, and these keys.
TOGETHER: Sequence[tuple[Callable[[ResolvedCase], Iterator[Problem]], frozenset[str]]] = (
    (_runs_problems, frozenset({"call", "steps", "relation"})),
    (_undocumented_problems, frozenset({"undocumented"})),
    (derivatives_problems, frozenset({"derivatives", "expect", "steps", "relation", "values"})),
    (relation_problems, frozenset({"relation", "expect", "steps", "matrix"})),
    (
        matrix_problems,
        frozenset({"name", "matrix", "include", "exclude", "covering", "relation", *OF_A_POINT}),
    ),
    (rows_problems, frozenset({"matrix"})),
    (full_dtypes_problems, frozenset({"covering", "dtypes"})),
    (_required_problems, frozenset({"params", "matrix"})),
    (size_problems, frozenset({"input", "call", "steps", "matrix"})),
)
