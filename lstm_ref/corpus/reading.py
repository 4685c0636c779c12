"""A file of cases from its document to its points: read by its models, resolved,
checked, expanded. A case that is wrong hides no other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import expand
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks import (
    has_anything_to_check,
    layer_problems,
    problems_of_case,
    problems_of_head,
    problems_of_names,
    problems_of_points,
)
from lstm_ref.corpus.meaning.resolution import Parameters, ResolvedCase, WrittenCase, resolved
from lstm_ref.corpus.points.covering_file import Selections
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import CaseEntry, CasesFile, Defaults
from lstm_ref.corpus.read.models.parameters import ParametersFile
from lstm_ref.corpus.read.validation import salvaged

UNNAMED = {"name": "unnamed"}  # stands in for a name that is missing; that is told by itself


@dataclass(frozen=True)
class ReadCases:
    """The points of a file, and what is wrong with it beyond what its model refuses."""

    cases: Sequence[Case] = ()
    problems: Sequence[Problem] = ()


def read_cases(
    view: View,
    model: CasesFile | None,
    tables: Parameters,
    prefix: str,
    selections: Selections,
    *,
    everyday: bool = False,
) -> ReadCases:
    """The points of a file of cases, or only those of an everyday run. `model` is None
    for a file that its model refuses. Then as much is read as can be.

    `prefix` is the part of the ids that stands for the file. The selections are those
    of its cases, by name.
    """
    dialect = dialect_of(view, tables)
    if not isinstance(dialect, ParametersFile):
        return ReadCases(problems=dialect)
    file, defaults = (model, view.at("defaults")) if model is not None else head_of(view, dialect.dialect)
    written = list(_written(view, model, defaults))
    problems = [*problems_of_head(view, defaults, file, dialect), *problems_of_names(written)]
    read = read_each([(one, file) for one in written], tables, prefix, selections, everyday=everyday)
    return ReadCases(read.cases, [*problems, *read.problems])


def dialect_of(view: View, tables: Parameters) -> ParametersFile | list[Problem]:
    """The table of the dialect that a file names. If there is none, the problems of the
    name that its model does not report.
    """
    name = view.at("dialect")
    if name is None or not isinstance(name.data, str):
        return []
    if name.data not in tables:
        return [name.at_value(f'unknown dialect "{name.data}"', did_you_mean(name.data, tables))]
    return tables[name.data]


def read_each(
    written: Iterable[tuple[WrittenCase, CasesFile]],
    tables: Parameters,
    prefix: str,
    selections: Selections,
    *,
    everyday: bool = False,
) -> ReadCases:
    """The points of cases, each below the head of its file, whose dialect is known."""
    read: list[ReadCases] = []
    for one, file in written:
        case = resolved(one, file, tables, selections)
        read.append(
            ReadCases(problems=list(layer_problems(one, tables[file.dialect])))
            if case is None
            else _read_case(case, prefix, everyday)
        )
    return ReadCases(
        [point for one in read for point in one.cases], [problem for one in read for problem in one.problems]
    )


def _read_case(case: ResolvedCase, prefix: str, everyday: bool) -> ReadCases:
    """The problems of a case. If it has none, its points and their problems."""
    problems = list(problems_of_case(case))
    if problems or case.written.refused:
        return ReadCases(problems=problems)
    all_shown = has_anything_to_check(case)
    points = list(expand(case, prefix, everyday=everyday and not all_shown))
    taken = [point for point in points if point.everyday] if everyday else points
    return ReadCases(taken, list(problems_of_points(case, points)) if all_shown else ())


def head_of(view: View, dialect: str) -> tuple[CasesFile, View | None]:
    """What can be read of the head of a file that its model refuses, and of the
    defaults in it.
    """
    layer, written = view.at("layer"), view.at("defaults")
    defaults, rest = (written and salvaged(Defaults, written, {})) or (Defaults(), None)
    name: Any = layer.data if layer is not None and isinstance(layer.data, str) else ""
    head = CasesFile.model_construct(dialect=dialect, layer=name, about="", source="", defaults=defaults)
    return head, rest


def _written(view: View, model: CasesFile | None, defaults: View | None) -> Iterator[WrittenCase]:
    """The cases of a file. If the model refuses the file, each case is read by itself,
    without the parts that are refused.
    """
    cases = view.at("cases")
    views = list(cases.elements()) if cases is not None else []
    if model is not None:
        yield from map(WrittenCase, model.cases, views)
        return
    above = refused(view.at("defaults"), defaults)
    for one in views:
        found = salvaged(CaseEntry, one, UNNAMED)
        if found is not None:
            entry, rest = found
            yield WrittenCase(entry, rest, above | refused(one, rest) | (UNNAMED.keys() - rest.data.keys()))


def refused(written: View | None, rest: View | None) -> frozenset[str]:
    """The keys below which a model refuses a part of what is written."""
    if written is None:
        return frozenset()
    if rest is None:
        return frozenset(Defaults.model_fields)
    return frozenset(key for key, value in written.data.items() if rest.data.get(key) is not value)
