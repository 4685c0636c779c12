"""How much of a documented API the corpus covers: parameters, values, and combinations
of two and three values.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.corpus.case import ABSENT, SIZED, Case
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.read.models.cases import CasesFile
from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile

# A parameter and the text of one of its values.
Setting: TypeAlias = tuple[str, str]
Combination: TypeAlias = tuple[Setting, ...]
Excluded: TypeAlias = Mapping[Combination, str]

SIZES = (2, 3)  # of combinations


@dataclass(frozen=True)
class Covered:
    """A documented parameter and its values to cover. Further sets are the values in
    any case, the values in a case that is not refused, and the values in a case that
    passes somewhere. `passing` is None where no result was given.
    """

    name: str
    values: tuple[str, ...]
    covered: tuple[str, ...]
    accepted: tuple[str, ...]
    passing: tuple[str, ...] | None

    @property
    def missing(self) -> tuple[str, ...]:
        """Values that no case has."""
        return tuple(value for value in self.values if value not in self.covered)


@dataclass(frozen=True)
class Missing:
    """What no case has of the combinations of some parameters, and nothing explains.

    `values` are those of each parameter, and `where` is true at the combinations that
    are missing: it has an axis for each parameter.
    """

    parameters: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    where: np.ndarray[Any, Any]

    @property
    def total(self) -> int:
        """All combinations of these parameters."""
        return self.where.size

    @property
    def count(self) -> int:
        """Those that are missing."""
        return int(self.where.sum())

    def combinations(self) -> Iterator[Combination]:
        """Each that is missing, by its values."""
        for place in np.argwhere(self.where):
            found = zip(self.parameters, self.values, place, strict=True)
            yield tuple((parameter, values[k]) for parameter, values, k in found)


@dataclass(frozen=True)
class Combinations:
    """Combinations of this many values of different parameters. No case has those that
    are infeasible: `infeasible` counts them by the constraint that rules them out. No
    case has those that are missing, and nothing explains why.
    """

    size: int
    total: int
    covered: int
    passing: int | None
    infeasible: Mapping[str, int]
    missing: tuple[Missing, ...]

    @property
    def missing_count(self) -> int:
        """How many are missing."""
        return sum(each.count for each in self.missing)


@dataclass(frozen=True)
class LayerCoverage:
    """What the corpus covers of one layer. Combinations are of values that some case
    has which is not a refusal.
    """

    dialect: str
    layer: str
    cases: int
    parameters: tuple[Covered, ...]
    combinations: tuple[Combinations, ...]


def coverage(
    cases: Iterable[Case],
    tables: Mapping[str, ParametersFile],
    files: Iterable[tuple[str, CasesFile]],
    passing: frozenset[str] | None = None,
    of: frozenset[str] = frozenset(),
) -> Iterator[LayerCoverage]:
    """The coverage of each documented layer by these cases. `files` are all files of
    cases with the beginning of their ids, whose exclusions are constraints; `passing`
    are the ids of the cases that pass somewhere. Combinations are those that have all
    parameters `of` some names.
    """
    of_layers: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        of_layers.setdefault((case.dialect, case.layer), []).append(case)
    excluded = _exclusions(files)
    for dialect, table in tables.items():
        for name, layer in table.layers.items():
            mine = of_layers.get((dialect, name), [])
            constraints = {**_needs(layer), **excluded.get((dialect, name), {})}
            yield _of_layer(dialect, name, layer, mine, constraints, passing, of)


def _of_layer(
    dialect: str,
    name: str,
    layer: Layer,
    cases: Sequence[Case],
    excluded: Excluded,
    passing: frozenset[str] | None,
    of: frozenset[str],
) -> LayerCoverage:
    documented = _documented(layer)
    rows = [(case, row) for case in cases for row in _rows(case, layer)]
    accepted = [(case, row) for case, row in rows if case.expect is None]
    passed = None if passing is None else [(case, row) for case, row in accepted if case.id in passing]
    seen, taken = _values(rows), _values(accepted)
    right = None if passed is None else _values(passed)
    parameters = tuple(
        Covered(
            parameter,
            values,
            _of(values, seen.get(parameter, ())),
            _of(values, taken.get(parameter, ())),
            None if right is None else _of(values, right.get(parameter, ())),
        )
        for parameter, values in documented.items()
    )
    axes = {each.name: each.accepted for each in parameters if len(each.accepted) > 1}
    table = _table(axes, [row for _, row in accepted])
    table_passed = None if passed is None else _table(axes, [row for _, row in passed])
    refused = _refused(axes, [(case, row) for case, row in rows if case.expect is not None])
    combinations = tuple(_combined(size, axes, table, table_passed, excluded, refused, of) for size in SIZES)
    return LayerCoverage(dialect, name, len(cases), parameters, combinations)


def _documented(layer: Layer) -> dict[str, tuple[str, ...]]:
    """The values to cover of each documented parameter, by full key. A parameter that
    the table gives none has none.
    """
    found: dict[str, Sequence[Any]] = {
        f"params.{name}": each.values for name, each in layer.constructor.items()
    }
    found |= {f"call.{name}": each.values for name, each in layer.call.items()}
    found |= {f"input.{name}": each.values for name, each in layer.input.items()}
    return {key: tuple(dict.fromkeys(map(value_text, values))) for key, values in found.items()}


def _rows(case: Case, layer: Layer) -> Iterator[dict[str, str]]:
    """The value of each documented parameter, for each call of the case."""
    constructor = {
        f"params.{name}": value_text(case.params.get(name, each.default))
        for name, each in layer.constructor.items()
    }
    for step in case.steps:
        if step.action in SIZED:
            call = {f"call.{name}": value_text(step.arguments.get(name, ABSENT)) for name in layer.call}
            sizes = {
                f"input.{name}": value_text(
                    getattr(step.input, name) if getattr(step.input, name) is not None else each.default
                )
                for name, each in layer.input.items()
            }
            yield {**constructor, **call, **sizes}


def _values(rows: Sequence[tuple[Case, Mapping[str, str]]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for _, row in rows:
        for name, value in row.items():
            found.setdefault(name, set()).add(value)
    return found


def _of(values: Sequence[str], found: Iterable[str]) -> tuple[str, ...]:
    there = set(found)
    return tuple(value for value in values if value in there)


def _table(axes: Mapping[str, Sequence[str]], rows: Sequence[Mapping[str, str]]) -> np.ndarray[Any, Any]:
    """The position of each row's value on each axis (rows, axes). A value that is not
    on the axis has -1.
    """
    positions = [{value: k for k, value in enumerate(values)} for values in axes.values()]
    found = [
        [where.get(row.get(axis, ""), -1) for axis, where in zip(axes, positions, strict=True)]
        for row in rows
    ]
    table = np.array(found, np.int64).reshape(len(rows), len(axes))
    return np.unique(table, axis=0) if table.size else table


@dataclass(frozen=True)
class _Refused:
    """The rows of cases that have to be refused, though a case has each of their values
    that is none: some of these values must not meet. `names` are those of the cases.
    """

    table: np.ndarray[Any, Any]
    names: tuple[str, ...]


def _refused(axes: Mapping[str, Sequence[str]], rows: Sequence[tuple[Case, Mapping[str, str]]]) -> _Refused:
    known = [(case, row) for case, row in rows if all(row.get(axis) in axes[axis] for axis in axes)]
    found = {
        tuple(axes[axis].index(row[axis]) for axis in axes): case.id.partition("[")[0] for case, row in known
    }
    return _Refused(np.array(list(found), np.int64).reshape(len(found), len(axes)), tuple(found.values()))


def _combined(
    size: int,
    axes: Mapping[str, Sequence[str]],
    table: np.ndarray[Any, Any],
    passed: np.ndarray[Any, Any] | None,
    excluded: Excluded,
    refused: _Refused,
    of: frozenset[str],
) -> Combinations:
    names, values = list(axes), list(axes.values())
    rules = _by_axes(excluded, axes)
    total = covered = right = 0
    infeasible: dict[str, int] = {}
    missing: list[Missing] = []
    for chosen in itertools.combinations(range(len(names)), size):
        if not of <= {names[axis] for axis in chosen}:
            continue
        shape = tuple(len(values[axis]) for axis in chosen)
        met = _met(table, chosen, shape)
        total += met.size
        covered += int(met.sum())
        right += 0 if passed is None else int(_met(passed, chosen, shape).sum())
        left = ~met
        for why, where in itertools.chain(
            _ruled_out(rules, chosen, shape), _only_refused(refused, left, chosen, shape)
        ):
            if hits := int((left & where).sum()):
                infeasible[why] = infeasible.get(why, 0) + hits
                left &= ~where
        if left.any():
            missing.append(
                Missing(
                    tuple(names[axis] for axis in chosen), tuple(tuple(values[axis]) for axis in chosen), left
                )
            )
    return Combinations(size, total, covered, None if passed is None else right, infeasible, tuple(missing))


def _met(table: np.ndarray[Any, Any], axes: Sequence[int], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Which combinations of values stand in a row."""
    met = np.zeros(shape, bool)
    columns = table[:, list(axes)]
    met[tuple(columns[np.all(columns >= 0, axis=1)].T)] = True
    return met


# Constraints by the axes that they are about: the positions of the values, and why.
_Rules: TypeAlias = Mapping[tuple[int, ...], Sequence[tuple[tuple[int, ...], str]]]


def _by_axes(excluded: Excluded, axes: Mapping[str, Sequence[str]]) -> _Rules:
    names = list(axes)
    found: dict[tuple[int, ...], list[tuple[tuple[int, ...], str]]] = {}
    for rule, why in excluded.items():
        if all(name in axes and value in axes[name] for name, value in rule):
            ordered = sorted((names.index(name), list(axes[name]).index(value)) for name, value in rule)
            on = tuple(axis for axis, _ in ordered)
            found.setdefault(on, []).append((tuple(value for _, value in ordered), why))
    return found


def _ruled_out(
    rules: _Rules, axes: tuple[int, ...], shape: tuple[int, ...]
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Each constraint on some of these axes, and the combinations that it rules out."""
    for size in range(1, len(axes) + 1):
        for on in itertools.combinations(axes, size):
            for value, why in rules.get(on, ()):
                at = dict(zip(on, value, strict=True))
                where = np.zeros(shape, bool)
                where[tuple(at.get(axis, slice(None)) for axis in axes)] = True
                yield why, where


def _only_refused(
    refused: _Refused, left: np.ndarray[Any, Any], axes: tuple[int, ...], shape: tuple[int, ...]
) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """The cases that have to be refused, and the combinations that they have; nothing
    where these are none of what is left.
    """
    if not (left & _met(refused.table, axes, shape)).any():
        return
    for name in dict.fromkeys(refused.names):
        rows = [index for index, each in enumerate(refused.names) if each == name]
        yield f"only where it has to be refused, in {name}", _met(refused.table[rows], axes, shape)


def _exclusions(files: Iterable[tuple[str, CasesFile]]) -> dict[tuple[str, str], dict[Combination, str]]:
    """The combinations that no point has, by layer, each with the case that excludes
    it.
    """
    found: dict[tuple[str, str], dict[Combination, str]] = {}
    for prefix, file in files:
        for entry in file.cases:
            rules = found.setdefault((file.dialect, entry.layer or file.layer), {})
            for row in entry.exclude:
                rule = tuple((axis, value_text(value)) for axis, value in row.items())
                rules.setdefault(rule, f"excluded by {prefix}/{entry.name}: {shown(rule)}")
    return found


def _needs(layer: Layer) -> dict[Combination, str]:
    """The combinations that are ruled out by call arguments which make sense only with
    some values of others.
    """
    documented = {**_documented(layer), **_defaults(layer)}
    found: dict[Combination, str] = {}
    for name, argument in layer.call.items():
        for value, needed in argument.needs.items():
            for other, wanted in needed.items():
                key, only = f"params.{other}", [value_text(wanted)]
                for each in _others(key, only, documented):
                    rule = ((key, each), (f"call.{name}", value))
                    found[rule] = f"call.{name}={value} needs {key}={only[0]}"
        for key, values in argument.only_with.items():
            for each in _others(key, [value_text(value) for value in values], documented):
                for value in filter(lambda text: text != ABSENT, map(value_text, argument.values)):
                    rule = ((key, each), (f"call.{name}", value))
                    found[rule] = f"call.{name} makes no sense with {key}={each}"
    return found


def _others(key: str, wanted: Sequence[str], documented: Mapping[str, Sequence[str]]) -> list[str]:
    """The documented values that are not wanted."""
    return [each for each in documented.get(key, ()) if each not in wanted]


def _defaults(layer: Layer) -> dict[str, tuple[str, ...]]:
    """The values of each constructor argument, and its default."""
    return {
        f"params.{name}": tuple(dict.fromkeys(map(value_text, [*each.values, each.default])))
        for name, each in layer.constructor.items()
    }


def shown(combination: Combination) -> str:
    """As "params.unroll=true, call.mask=left"."""
    return ", ".join(f"{name}={value}" for name, value in combination)
