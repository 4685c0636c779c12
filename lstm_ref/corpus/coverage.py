"""How much of a documented API the corpus covers: parameters, values, and combinations
of two and three values.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.corpus.case import ABSENT, SIZED, Case
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.models.cases import CasesFile
from lstm_ref.corpus.models.parameters import Layer, ParametersFile

# A parameter and the text of one of its values.
Setting: TypeAlias = tuple[str, str]
Combination: TypeAlias = tuple[Setting, ...]
Excluded: TypeAlias = Mapping[Combination, str]

# The sizes of combinations, each with the largest number of values that its parameters
# may have. All triples of parameters with many values would be millions.
SIZES = {2: None, 3: 4}


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
class Combinations:
    """Combinations of this many values of different parameters. SIZES limits how many
    values these parameters have. No case has those that are `infeasible`, because of
    the constraint that is given with them. No case has those that are `missing`, and
    nothing explains why.
    """

    size: int
    total: int
    covered: int
    passing: int | None
    infeasible: Mapping[str, tuple[Combination, ...]]
    missing: tuple[Combination, ...]


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
) -> Iterator[LayerCoverage]:
    """The coverage of each documented layer by these cases. `files` are all files of
    cases with the beginning of their ids, whose exclusions are constraints; `passing`
    are the ids of the cases that pass somewhere.
    """
    of_layers: dict[tuple[str, str], list[Case]] = {}
    for case in cases:
        of_layers.setdefault((case.dialect, case.layer), []).append(case)
    excluded = _exclusions(files)
    for dialect, table in tables.items():
        for name, layer in table.layers.items():
            mine = of_layers.get((dialect, name), [])
            constraints = {**_needs(layer), **excluded.get((dialect, name), {})}
            yield _of_layer(dialect, name, layer, mine, constraints, passing)


def _of_layer(
    dialect: str,
    name: str,
    layer: Layer,
    cases: Sequence[Case],
    excluded: Excluded,
    passing: frozenset[str] | None,
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
    combinations = tuple(
        _combined(size, most, axes, table, table_passed, excluded) for size, most in SIZES.items()
    )
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


def _combined(
    size: int,
    most: int | None,
    axes: Mapping[str, Sequence[str]],
    table: np.ndarray[Any, Any],
    passed: np.ndarray[Any, Any] | None,
    excluded: Excluded,
) -> Combinations:
    names, values = list(axes), list(axes.values())
    by_size = {rule: why for rule, why in excluded.items() if len(rule) <= size}
    total = covered = right = 0
    infeasible: dict[str, list[Combination]] = {}
    missing: list[Combination] = []
    short = [axis for axis, each in enumerate(values) if most is None or len(each) <= most]
    for chosen in itertools.combinations(short, size):
        shape = tuple(len(values[axis]) for axis in chosen)
        met = _met(table, chosen, shape)
        total += met.size
        covered += int(met.sum())
        right += 0 if passed is None else int(_met(passed, chosen, shape).sum())
        rules = [(rule, why) for rule, why in by_size.items() if _within(rule, chosen, names)]
        for where in np.argwhere(~met):
            settings = tuple((names[axis], values[axis][k]) for axis, k in zip(chosen, where, strict=True))
            why = next((why for rule, why in rules if set(rule) <= set(settings)), None)
            (missing if why is None else infeasible.setdefault(why, [])).append(settings)
    return Combinations(
        size,
        total,
        covered,
        None if passed is None else right,
        {why: tuple(each) for why, each in infeasible.items()},
        tuple(missing),
    )


def _met(table: np.ndarray[Any, Any], axes: Sequence[int], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Which combinations of values stand in a row."""
    met = np.zeros(shape, bool)
    columns = table[:, list(axes)]
    met[tuple(columns[np.all(columns >= 0, axis=1)].T)] = True
    return met


def _within(rule: Combination, axes: Sequence[int], names: Sequence[str]) -> bool:
    there = {names[axis] for axis in axes}
    return all(name in there for name, _ in rule)


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
    one value of a constructor argument.
    """
    found: dict[Combination, str] = {}
    for name, argument in layer.call.items():
        for value, needed in argument.needs.items():
            for other, wanted in needed.items():
                if other not in layer.constructor:
                    continue
                values = [*layer.constructor[other].values, layer.constructor[other].default]
                for each in dict.fromkeys(map(value_text, values)):
                    if each != value_text(wanted):
                        rule = ((f"params.{other}", each), (f"call.{name}", value))
                        found[rule] = f"call.{name}={value} needs params.{other}={value_text(wanted)}"
    return found


def shown(combination: Combination) -> str:
    """As "params.unroll=true, call.mask=left"."""
    return ", ".join(f"{name}={value}" for name, value in combination)
