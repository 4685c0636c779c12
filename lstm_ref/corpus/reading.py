"""A file of cases from its document to its points: read by its models, resolved,
checked, expanded. A case that is wrong hides no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.checks import (
    has_anything_to_check,
    layer_problems,
    problems_of_case,
    problems_of_defaults,
    problems_of_names,
    problems_of_points,
)
from lstm_ref.corpus.covering_file import Selections
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import expand
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.models.cases import CaseEntry, CasesFile, Defaults
from lstm_ref.corpus.resolution import Documented, Parameters, ResolvedCase, WrittenCase, resolved
from lstm_ref.corpus.validation import salvaged

UNNAMED = {"name": "unnamed"}  # stands in for a name that is missing; that is told by itself


@dataclass
class ReadCases:
    """The points of a file, and what is wrong with it beyond what its model refuses."""

    cases: list[Case] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_cases(
    view: View,
    model: CasesFile | None,
    tables: Parameters,
    prefix: str,
    selections: Selections,
    *,
    everyday: bool = False,
) -> ReadCases:
    """The points of a file of cases, or those of them that an everyday run takes. The
    file may be one that its model refuses.

    `prefix` is the part of the ids that stands for the file; the selections are those
    of its cases, by name.
    """
    read = ReadCases()
    name, layer = view.at("dialect"), view.at("layer")
    if name is None or not isinstance(name.data, str):
        return read
    if name.data not in tables:
        hint = did_you_mean(name.data, tables)
        read.problems.append(name.at_value(f'unknown dialect "{name.data}"', hint))
        return read
    dialect = tables[name.data]
    file, defaults = (model, view.at("defaults")) if model is not None else _head(view, name.data)
    read.problems += layer_problems(layer, dialect)
    if defaults is not None and file.layer in dialect.layers:
        read.problems += problems_of_defaults(defaults, file.defaults, Documented(dialect, file.layer))
    written = list(_written(view, model, defaults))
    read.problems += problems_of_names(written, dialect)
    for one in written:
        case = resolved(one, file, tables, selections)
        if case is not None:
            _read_case(read, case, prefix, everyday)
    return read


def _read_case(read: ReadCases, case: ResolvedCase, prefix: str, everyday: bool) -> None:
    """Add what is wrong with a case; where nothing is, its points."""
    problems = list(problems_of_case(case))
    if not problems and not case.written.refused:
        all_shown = has_anything_to_check(case)
        points = list(expand(case, prefix, everyday=everyday and not all_shown))
        if all_shown:
            problems += problems_of_points(case, points)
        read.cases += [point for point in points if point.everyday] if everyday else points
    read.problems += problems


def _head(view: View, dialect: str) -> tuple[CasesFile, View | None]:
    """What can be read of the head of a file that its model refuses, and the defaults
    in it.
    """
    layer, written = view.at("layer"), view.at("defaults")
    is_mapping = written is not None and isinstance(written.data, dict)
    defaults, rest = salvaged(Defaults, written, {}) if written and is_mapping else (Defaults(), None)
    name: Any = layer.data if layer is not None and isinstance(layer.data, str) else ""
    head = CasesFile.model_construct(dialect=dialect, layer=name, about="", source="", defaults=defaults)
    return head, rest


def _written(view: View, model: CasesFile | None, defaults: View | None) -> Iterator[WrittenCase]:
    """The cases of a file. Where the model refuses the file, each is read by itself,
    without what is refused of it.
    """
    cases = view.at("cases")
    views = list(cases.elements()) if cases is not None else []
    if model is not None:
        yield from map(WrittenCase, model.cases, views)
        return
    below = _refused(view.at("defaults"), defaults)
    for one in views:
        if isinstance(one.data, dict):
            entry, rest = salvaged(CaseEntry, one, UNNAMED)
            yield WrittenCase(entry, rest, below | _refused(one, rest) | (UNNAMED.keys() - one.data.keys()))


def _refused(written: View | None, rest: View | None) -> frozenset[str]:
    """The keys below which a model refuses something of what is written."""
    whole = written.data if written is not None and isinstance(written.data, dict) else {}
    left = rest.data if rest is not None else {}
    return frozenset(key for key, value in whole.items() if key not in left or left[key] is not value)
