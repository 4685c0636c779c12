"""A matrix, what it includes and excludes, and its covering."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.steps import call_of, steps_of
from lstm_ref.corpus.meaning.checks.views import elements_of, entries_of, repeated_problems
from lstm_ref.corpus.meaning.resolution import ResolvedCase
from lstm_ref.corpus.points.covering_file import digest
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.points.matrix import OTHER, Point, axis_value, split
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import CoveringEntry
from lstm_ref.corpus.read.validation import described

ALONE = "make it a case of its own"
MOST_POINTS = 100_000  # of one matrix; far above the full product of any layer


def axes_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Axes that are not known, or of which a step says something else, and values that
    stand twice.
    """
    for axis, values in entries_of(case.view, "matrix"):
        if axis not in case.known_axes:
            yield values.at_key(f'unknown axis "{axis}"', did_you_mean(axis, case.known_axes))
            continue
        yield from _step_axis_problems(case, axis, values)
        yield from repeated_problems(values, axis)


def rows_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Rows of `include` and `exclude` that are not of the matrix."""
    matrix = case.entry.matrix
    known = {axis: values for axis, values in matrix.items() if axis in case.known_axes}
    for name in ("include", "exclude") if matrix else ():
        for row in elements_of(case.view, name):
            for axis, value in row.entries():
                if axis not in matrix:
                    yield value.at_key(f'"{axis}" is not an axis of this matrix', did_you_mean(axis, known))
            if name == "exclude":
                yield from _exclude_problems(row, known)


def matrix_problems(case: ResolvedCase) -> Iterator[Problem]:
    """A matrix that is missing, too large or empty, and repeated points."""
    matrix, covering, view = case.entry.matrix, case.entry.covering, case.view.at("matrix")
    if view is None or not matrix:
        yield from _missing_problems(case.view)
    elif math.prod(map(len, matrix.values())) > MOST_POINTS and (
        covering is None or covering.runs != "always"
    ):
        yield view.at_key(f"makes more than {MOST_POINTS} points")
    elif set(matrix) <= set(case.known_axes):
        yield from _duplicate_problems(case, view)
        if covering is not None:
            yield from _covering_problems(case, covering)


def _missing_problems(case: View) -> Iterator[Problem]:
    """What only a matrix can have, of a case without one."""
    for name, hint in (("include", ALONE), ("exclude", ALONE), ("covering", None)):
        written = case.at(name)
        if written is not None:
            yield written.at_key(f'"{name}" needs a matrix', hint)


def _step_axis_problems(case: ResolvedCase, axis: str, values: View) -> Iterator[Problem]:
    """An axis of the calls holds for every call of the steps. A step must not have a
    value of its own for it.
    """
    group, name = split(axis.removeprefix(OTHER))
    first, *others = case.runs
    for step, view in steps_of(others[0] if axis.startswith(OTHER) else first):
        call = call_of(step)
        if call is None:
            continue
        own = {"call": (name,), "input": ("input", name)}.get(group)
        found = (
            next(filter(None, (view.at(action, *own) for action in ("call", "train"))), None) if own else None
        )
        if found is not None:
            line = found.document.key_place(found.path).line
            yield values.at_key(
                f'the axis "{axis}" holds for every call, but the one in line {line} has its own "{name}"'
            )
            return


def _exclude_problems(row: View, axes: Mapping[str, list[Any]]) -> Iterator[Problem]:
    for axis, value in row.entries():
        if axis in axes and value_text(axis_value(axis, value.data)) not in {
            value_text(axis_value(axis, known)) for known in axes[axis]
        }:
            yield value.at_value(f"excludes nothing: {described(value.data)} is not a value of {axis}")
    if row.data == {}:
        yield row.at_value("excludes everything")


def _duplicate_problems(case: ResolvedCase, matrix: View) -> Iterator[Problem]:
    """Repeated points, or a matrix without any. Of a matrix that is covered,
    `include` may name points.
    """
    if not case.entry.include and not case.matrix.occurs({}):
        yield matrix.at_key("every point is excluded")
    taken: set[tuple[tuple[str, str], ...]] = set()
    for row, point in zip(elements_of(case.view, "include"), case.included, strict=True):
        missing = [axis for axis in case.matrix.axes if axis not in point]
        if missing:
            yield row.at_value("the row needs " + ", ".join(f'"{axis}"' for axis in missing))
            continue
        is_of_matrix = case.entry.covering is None and case.matrix.row(point) is not None
        if _text(point) in taken or is_of_matrix:
            yield row.at_value("this point exists already")
        taken.add(_text(point))


def _covering_problems(case: ResolvedCase, wanted: CoveringEntry) -> Iterator[Problem]:
    """What cannot be covered, and a selection that is missing or was made of another
    matrix.
    """
    covering, axes = case.view.at("covering"), case.matrix.axes
    assert covering is not None
    for axis in elements_of(covering, "pairs_with"):
        if axis.data not in axes:
            yield axis.at_value(f'"{axis.data}" is not an axis of this matrix', did_you_mean(axis.data, axes))
    others = [axis for axis in axes if axis not in wanted.pairs_with]
    if wanted.strength > len(others):
        yield (covering.at("strength") or covering).at_value(
            f"{wanted.strength} axes cannot be combined: there are"
            f" {len(others)}{' others' if wanted.pairs_with else ''}"
        )
    if (pairs := covering.at("pairs_with")) is not None:
        yield from repeated_problems(pairs)
    selection = case.selections.of.get(case.entry.name)
    if selection is None or selection.digest != digest(case.matrix, wanted):
        state = (
            "is missing"
            if selection is None
            else "is stale: the matrix, or what is to be covered, has changed since"
        )
        yield covering.at_key(f"the selection of points {state}", f'run "{case.selections.command}"')


def full_dtypes_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Dtypes of a full run that the case itself does not have, or that no full run asks
    for.
    """
    covering, full = case.entry.covering, case.view.at("covering", "full_dtypes")
    if covering is None or full is None:
        return
    yield from repeated_problems(full)
    if covering.runs == "always":
        yield full.at_key(
            '"full_dtypes" and "runs: always" exclude each other', "beyond the selection there are no points"
        )
    known = case.entry.dtypes or case.file.defaults.dtypes
    for dtype in full.elements():
        if dtype.data not in known:
            yield dtype.at_value(f"the case does not run in {dtype.data}", f"it runs in {', '.join(known)}")


def _text(point: Point) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((axis, value_text(value)) for axis, value in point.items()))
