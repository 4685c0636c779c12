"""A matrix, what it includes and excludes, and its covering."""

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from lstm_ref.corpus.checks.steps import sized
from lstm_ref.corpus.checks.values import value_problems
from lstm_ref.corpus.checks.views import Around, elements_of, known_names, repeated_problems
from lstm_ref.corpus.covering_file import digest
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import (
    GROUPS,
    OTHER,
    CaseSettings,
    axis_defaults,
    included,
    split,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.matrix import Matrix, axis_value
from lstm_ref.corpus.models.cases import CoveringEntry, Defaults, InputEntry, ValuesEntry
from lstm_ref.corpus.models.parameters import Layer, ParametersFile
from lstm_ref.corpus.validation import described, model_problems

MOST_POINTS = 100_000  # of one matrix; far above the full product of any layer


def matrix_problems(
    entry: View,
    base: CaseSettings,
    around: Around,
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
        for name in known_names(group.removeprefix(OTHER), of[1])
    ]
    for axis, values in matrix.entries():
        if axis not in known:
            yield values.at_key(f'unknown axis "{axis}"', did_you_mean(axis, known))
            continue
        yield from _step_axis_problems(entry, axis, values)
        yield from repeated_problems(values, axis)
        for value in values.elements():
            yield from _axis_value_problems(axis, value, about)
    axes = {
        axis: values for axis, values in matrix.data.items() if axis in known and isinstance(values, list)
    }
    for row in itertools.chain(elements_of(entry, "include"), elements_of(entry, "exclude")):
        for axis, value in row.entries():
            if axis not in matrix.data:
                yield value.at_key(f'"{axis}" is no axis of this matrix', did_you_mean(axis, axes))
    for row in elements_of(entry, "exclude"):
        yield from _exclude_problems(row, axes)
    for row in elements_of(entry, "include"):
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
        model = InputEntry if group == "input" else ValuesEntry
        try:
            model.model_validate({name: value.data})
        except ValidationError as error:
            found = View(value.document, value.path, {name: value.data})
            yield from model_problems(error, model, found)
            return
    yield from value_problems(group, name, value, *of)


def _step_axis_problems(entry: View, axis: str, values: View) -> Iterator[Problem]:
    """An axis of the calls, with steps, is that of every call: none may have a value of
    its own.
    """
    group, name = split(axis.removeprefix(OTHER))
    run = entry.at("relation", "other") or entry if axis.startswith(OTHER) else entry
    for step in elements_of(run, "steps"):
        given = sized(step)
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
    include = list(elements_of(entry, "include"))
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
    return [row.data for row in elements_of(entry, "exclude") if isinstance(row.data, dict)]


def _covering_problems(
    entry: View, covering: View, axes: Mapping[str, list[Any]], around: Around
) -> Iterator[Problem]:
    """What cannot be covered, and a selection that is missing or was made of another
    matrix.
    """
    try:
        wanted = CoveringEntry.model_validate(covering.data)
    except ValidationError:  # told already, with its place
        return
    for axis in elements_of(covering, "pairs_with"):
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
        yield from repeated_problems(pairs)
    name = entry.at("name")
    selection = around.selections.of.get(str(name.data)) if name else None
    if selection is None or selection.digest != digest(Matrix.of(axes, _exclude(entry)), wanted):
        state = (
            "is missing"
            if selection is None
            else "is stale: the matrix, or what is to be covered, has changed since"
        )
        yield covering.at_key(f"the selection of points {state}", f'run "{around.selections.command}"')


def full_dtypes_problems(entry: View, defaults: Mapping[str, Any]) -> Iterator[Problem]:
    """Dtypes of a full run that the case itself does not have, or that no full run asks
    for.
    """
    full = entry.at("covering", "full_dtypes")
    if full is None:
        return
    yield from repeated_problems(full)
    if entry.data["covering"].get("runs") == "always":
        yield full.at_key(
            '"full_dtypes" and "runs: always" exclude each other', "beyond the selection there are no points"
        )
    known = entry.data.get("dtypes", defaults.get("dtypes", Defaults().dtypes))
    for dtype in full.elements():
        if isinstance(known, list) and dtype.data not in known:
            yield dtype.at_value(
                f"the case does not run in {dtype.data}", f"it runs in {', '.join(map(str, known))}"
            )


def _text(point: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, value_text(value)) for axis, value in point.items()))
