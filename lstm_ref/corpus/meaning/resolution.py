"""A case as written with what its words stand for: its layers in the tables, the
defaults of its file merged in, its matrix. Checks and expansion both start from it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from lstm_ref.corpus.case import ABSENT, Values
from lstm_ref.corpus.points.covering_file import Selections
from lstm_ref.corpus.points.matrix import OTHER, Matrix, Point, axis_value, split
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import CaseEntry, CasesFile, Defaults, OtherEntry, ValuesEntry
from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile

# The groups that an axis may be of, and the settings in which they stand.
GROUPS = {name: name for name in ("params", "call", "input", "values")} | {
    OTHER + name: f"other_{name}" for name in ("params", "call", "input")
}
# The words of an input that are no size, but take from the case's first input.
TAKEN = frozenset({"part", "reversed", "timestep"})

Parameters = Mapping[str, ParametersFile]  # by dialect


@dataclass(frozen=True)
class WrittenCase:
    """A case as its model reads it, and where it is written.

    Both lack the parts that the model refuses. `refused` are the keys of the case, or
    of the defaults of its file, that contain such a part. What seems to be missing
    below them may have been refused.
    """

    entry: CaseEntry
    view: View
    refused: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Documented:
    """A layer by its name, and the table in which it stands."""

    dialect: ParametersFile
    name: str

    @property
    def layer(self) -> Layer:
        """What is documented about it."""
        return self.dialect.layers[self.name]

    def names(self, group: str) -> list[str]:
        """The names that "params", "call", "input" or "values" may have for it."""
        if group == "params":
            return list(self.layer.constructor)
        if group == "call":
            arguments = self.layer.call.items()
            return [name for name, argument in arguments if argument.values or not argument.required]
        return [*self.layer.input, "shape"] if group == "input" else list(ValuesEntry.model_fields)

    def beside(self, name: object) -> "Documented | None":
        """The layer with this name of the same dialect; None where there is none."""
        known = isinstance(name, str) and name in self.dialect.layers
        return Documented(self.dialect, str(name)) if known else None


@dataclass(frozen=True)
class Run:
    """A run of a case as written: its own, or the second one of a relation."""

    entry: CaseEntry | OtherEntry
    view: View
    about: Documented


@dataclass(frozen=True)
class CaseSettings:
    """What a case says in each group, by name, before its matrix is applied. `call` may
    hold "input", the size of the input of that call. The `other` settings belong to the
    second run of a relation.
    """

    params: Mapping[str, Any]
    call: Mapping[str, Any]
    input: Mapping[str, Any]
    values: Mapping[str, Any]
    other_params: Mapping[str, Any]
    other_call: Mapping[str, Any]
    other_input: Mapping[str, Any]

    @classmethod
    def of(cls, defaults: Defaults, entry: CaseEntry) -> "CaseSettings":
        """Those of a case over those of its file. With steps, a case has no call of its
        own.
        """
        other = entry.relation.other if entry.relation else OtherEntry()
        return cls(
            params={**defaults.params, **entry.params},
            call={**given(defaults.call), **(given(entry.call) if entry.steps is None else {})},
            input=merged_input(given(defaults.input), given(entry.input)),
            values={**given(defaults.values), **given(entry.values)},
            other_params=other.params,
            other_call=given(other.call),
            other_input=given(other.input),
        )

    def group(self, name: str) -> Mapping[str, Any]:
        """The settings of one of GROUPS."""
        found: Mapping[str, Any] = getattr(self, GROUPS[name])
        return found

    def at(self, point: Point) -> "CaseSettings":
        """These settings at a point of the matrix."""
        changed: dict[str, dict[str, Any]] = {}
        for axis, value in point.items():
            group, name = split(axis)
            here = changed[group] if group in changed else dict(self.group(group))
            changed[group] = (
                merged_input(here, {name: value}) if group.endswith("input") else {**here, name: value}
            )
        return replace(self, **{GROUPS[group]: values for group, values in changed.items()})


@dataclass(frozen=True)
class ResolvedCase:
    """A case with all that it is about. The selections are those of the cases of its
    file, by name.

    `second` is the layer of a relation's second run; None without a relation, and where
    no table has that layer.
    """

    written: WrittenCase
    file: CasesFile
    own: Documented
    second: Documented | None
    tables: Parameters
    selections: Selections

    @property
    def entry(self) -> CaseEntry:
        """The case as written."""
        return self.written.entry

    @property
    def view(self) -> View:
        """Where it is written."""
        return self.written.view

    @property
    def is_refusal(self) -> bool:
        """Whether the whole case expects an exception."""
        expects = self.entry.expect is not None or self.file.defaults.expect is not None
        return expects or "expect" in self.written.refused

    @cached_property
    def settings(self) -> CaseSettings:
        """What it says, and what the defaults of its file say."""
        return CaseSettings.of(self.file.defaults, self.entry)

    @cached_property
    def matrix(self) -> Matrix:
        """Its matrix, which may have no axis."""
        return Matrix.of(self.entry.matrix, self.entry.exclude)

    @cached_property
    def documented(self) -> Point:
        """The documented default of each axis that has one. All axes must be known."""
        return dict(self._documented())

    def _documented(self) -> Iterator[tuple[str, Any]]:
        for axis in self.entry.matrix:
            about = self.about(axis)
            value = None if about is None else _axis_default(axis.removeprefix(OTHER), about.layer)
            if value is not None:
                yield axis, value[0]

    def about(self, axis: str) -> Documented | None:
        """The layer that an axis belongs to. None if there is no second run."""
        return self.second if axis.startswith(OTHER) else self.own

    @cached_property
    def known_axes(self) -> list[str]:
        """The axes that it may have."""
        return [
            f"{group}.{name}"
            for group in GROUPS
            if (about := self.about(f"{group}.")) is not None
            for name in about.names(group.removeprefix(OTHER))
        ]

    @property
    def included(self) -> list[Point]:
        """The points of the rows of `include`."""
        return [self._included(row) for row in self.entry.include]

    def _included(self, row: Mapping[str, Any]) -> Point:
        """The value of an axis that a row leaves out: the one of the case, or the
        documented default. Without either it is missing.
        """
        point: Point = {}
        for axis in self.entry.matrix:
            group, name = split(axis)
            if axis in row:
                point[axis] = axis_value(axis, row[axis])
            elif name in self.settings.group(group):
                point[axis] = axis_value(axis, self.settings.group(group)[name])
            elif axis in self.documented:
                point[axis] = self.documented[axis]
        return point

    @property
    def axes_of(self) -> Mapping[str, list[str]]:
        """The names of its axes by their group."""
        found: dict[str, list[str]] = {group: [] for group in GROUPS}
        for axis in self.entry.matrix:
            group, name = split(axis)
            found.setdefault(group, []).append(name)
        return found

    @property
    def runs(self) -> Iterable[Run]:
        """Its own run, and the second one where its layer is known."""
        yield Run(self.entry, self.view, self.own)
        other = self.view.at("relation", "other")
        if self.entry.relation is not None and other is not None and self.second is not None:
            yield Run(self.entry.relation.other, other, self.second)


def resolved(
    written: WrittenCase, file: CasesFile, tables: Parameters, selections: Selections
) -> ResolvedCase | None:
    """The case with what its words stand for; None where no table has its layer."""
    dialect = tables.get(file.dialect)
    name = written.entry.layer or file.layer
    if dialect is None or name not in dialect.layers:
        return None
    own = Documented(dialect, name)
    return ResolvedCase(written, file, own, _second(written.entry, own, tables), tables, selections)


def _second(entry: CaseEntry, own: Documented, tables: Parameters) -> Documented | None:
    if entry.relation is None:
        return None
    other = entry.relation.other
    dialect = tables.get(other.dialect) if other.dialect else own.dialect
    name = other.layer or own.name
    return Documented(dialect, name) if dialect is not None and name in dialect.layers else None


def given(model: BaseModel) -> dict[str, Any]:
    """What is written of a model, without its defaults."""
    return model.model_dump(exclude_unset=True)


def merged_input(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`. A whole shape replaces all words, and a size replaces a
    whole shape.
    """
    if "shape" in over or ("shape" in base and over.keys() - TAKEN):
        return dict(over)
    return {**base, **over}


def missing_sizes(size: Mapping[str, Any], layer: Layer) -> list[str]:
    """The words that an input of this layer needs, and that this one does not have."""
    if "shape" in size:
        return []
    return [
        word
        for word, about in layer.input.items()
        if about.required and word not in size and not _holds(about.unless, size)
    ]


def means_the_same(word: str, value: Any, layer: Layer) -> bool:
    """Whether a word of the input of another layer means the same in this one: a size
    does, a form where it is one of this layer's.
    """
    return word in layer.input and (word != "form" or value in layer.input["form"].values)


def _holds(condition: Mapping[str, Any], size: Mapping[str, Any]) -> bool:
    return bool(condition) and all(size.get(word) == value for word, value in condition.items())


def _axis_default(axis: str, layer: Layer) -> tuple[Any] | None:
    """The documented default of an axis, alone in a tuple: it may be null. None where
    there is none.
    """
    group, name = split(axis)
    if group == "call":
        return (ABSENT,)
    if group == "values":
        return (axis_value(axis, getattr(Values(), name)),)
    if group == "input":
        word = layer.input.get(name)  # type: ignore[call-overload]
        return None if word is None or word.default is None else (word.default,)
    parameter = layer.constructor.get(name)
    return None if parameter is None or parameter.required else (parameter.default,)
