"""From a case as written to its points: defaults applied, the matrix multiplied out,
every point with its id.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from lstm_ref.corpus.case import (
    ABSENT,
    SIZED,
    Case,
    CaseStep,
    Equality,
    ExpectedError,
    Input,
    Relation,
    Term,
    Values,
)
from lstm_ref.corpus.covering_file import Selections
from lstm_ref.corpus.documents import Document
from lstm_ref.corpus.ids import point_ids, value_text
from lstm_ref.corpus.matrix import Matrix, Point, axis_value
from lstm_ref.corpus.models.cases import (
    CallStepEntry,
    CaseEntry,
    CasesFile,
    OtherEntry,
    Spotted,
    TrainStepEntry,
)
from lstm_ref.corpus.models.cases import Step as WrittenStep
from lstm_ref.corpus.models.parameters import Layer, ParametersFile

OTHER = "relation.other."  # what the axes of a relation's second run begin with
# The groups that an axis may be of, and the settings in which they stand.
GROUPS = {name: name for name in ("params", "call", "input", "values")} | {
    OTHER + name: f"other_{name}" for name in ("params", "call", "input")
}
# The words of an input that are no size, but take from the case's first input.
TAKEN = frozenset({"part", "reversed", "timestep"})

Parameters = Mapping[str, ParametersFile]  # by dialect


@dataclass(frozen=True)
class CaseSettings:
    """What a case says in each group, by name, before its matrix. `call` may hold
    "input", the size of that call's input. The `other` ones are what the second run of
    a relation has of its own.
    """

    params: Mapping[str, Any]
    call: Mapping[str, Any]
    input: Mapping[str, Any]
    values: Mapping[str, Any]
    other_params: Mapping[str, Any]
    other_call: Mapping[str, Any]
    other_input: Mapping[str, Any]

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


@cache
def split(axis: str) -> tuple[str, str]:
    """Group and name of an axis."""
    group, _, name = axis.rpartition(".")
    return group, name


def settings(defaults: Mapping[str, Any], entry: Mapping[str, Any], *, steps: bool) -> CaseSettings:
    """The settings of a case as written, over the file's defaults. With steps, a case
    has no call of its own.
    """
    merged = {
        group: {**_mapping(defaults, group), **_mapping(entry, group)} for group in ("params", "values")
    }
    call = _mapping(defaults, "call") if steps else {**_mapping(defaults, "call"), **_mapping(entry, "call")}
    other = _mapping(_mapping(entry, "relation"), "other")
    of_other = {GROUPS[OTHER + group]: _mapping(other, group) for group in ("params", "call", "input")}
    return CaseSettings(
        call=call,
        input=merged_input(_mapping(defaults, "input"), _mapping(entry, "input")),
        **merged,
        **of_other,
    )


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def merged_input(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`; a whole shape replaces all words, and a size replaces a
    whole shape.
    """
    if "shape" in over or ("shape" in base and over.keys() - TAKEN):
        return dict(over)
    return {**base, **over}


def missing_sizes(size: Mapping[str, Any], layer: Layer) -> list[str]:
    """The words that an input of this layer needs, and this one does not have."""
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


def axis_defaults(
    axes: Iterator[str] | Sequence[str] | Mapping[str, Any], layer: Layer, second: Layer | None
) -> Point:
    """The documented default of each axis that has one. The second layer is that of a
    relation's second run.
    """
    if second is not None:
        inner = {axis: axis.removeprefix(OTHER) for axis in axes if axis.startswith(OTHER)}
        of_second = axis_defaults(list(inner.values()), second, None)
        of_first = axis_defaults([axis for axis in axes if axis not in inner], layer, None)
        return of_first | {axis: of_second[short] for axis, short in inner.items() if short in of_second}
    defaults: Point = {}
    for axis in axes:
        group, name = split(axis)
        if group == "call":
            defaults[axis] = ABSENT
        elif group == "values":
            defaults[axis] = axis_value(axis, getattr(Values(), name))
        elif group == "input":
            word = layer.input.get(name)  # type: ignore[call-overload]
            if word is not None and word.default is not None:
                defaults[axis] = word.default
        elif name in layer.constructor and not layer.constructor[name].required:
            defaults[axis] = layer.constructor[name].default
    return defaults


def included(row: Mapping[str, Any], matrix: Mapping[str, Any], base: CaseSettings, defaults: Point) -> Point:
    """The point of an `include` row: an axis that it leaves out has the case's own
    value, or the documented default; without either it is missing.
    """
    point: Point = {}
    for axis in matrix:
        group, name = split(axis)
        if axis in row:
            point[axis] = axis_value(axis, row[axis])
        elif name in base.group(group):
            point[axis] = axis_value(axis, base.group(group)[name])
        elif axis in defaults:
            point[axis] = defaults[axis]
    return point


def other_layer(other: OtherEntry, dialect: str, layer: str, parameters: Parameters) -> Layer:
    """The layer of a relation's second run."""
    return parameters[other.dialect or dialect].layers[other.layer or layer]


def expand(
    document: Document,
    file: CasesFile,
    parameters: Parameters,
    prefix: str,
    selections: Selections,
    *,
    everyday: bool = False,
) -> Iterator[Case]:
    """The cases of a checked file, or those of them that an everyday run takes.

    `prefix` is the part of the ids that stands for the file; the selections are those
    of its cases, by name.
    """
    defaults = file.defaults.model_dump(exclude_unset=True)
    for index, entry in enumerate(file.cases):
        layer_name = entry.layer or file.layer
        layer = parameters[file.dialect].layers[layer_name]
        base = settings(defaults, entry.model_dump(exclude_unset=True), steps=entry.steps is not None)
        expect = entry.expect or file.defaults.expect
        second = (
            other_layer(entry.relation.other, file.dialect, layer_name, parameters)
            if entry.relation
            else None
        )
        documented = axis_defaults(entry.matrix, layer, second)
        template = Case(
            id="",
            name=entry.name,
            place=document.place(("cases", index)),
            dialect=file.dialect,
            about=entry.about or file.about,
            source=entry.source or file.source,
            layer=layer_name,
            params={},
            values=Values(),
            steps=(),
            expect=ExpectedError(expect.raises, expect.match) if expect else None,
            dtypes=(dtypes := tuple(entry.dtypes or file.defaults.dtypes)),
            full_dtypes=dtypes,
            axes={},
            undocumented=tuple(entry.undocumented),
            versions=tuple(entry.versions or file.defaults.versions or ()),
            derivatives=(entry.derivatives,) if entry.derivatives else (),
        )
        id_of = point_ids(prefix, entry.name, entry.matrix, documented)
        # Many points differ in parameters alone, and share all else.
        of_params = {
            axis: name for axis in entry.matrix for group, name in [split(axis)] if group == "params"
        }
        further = [axis for axis in entry.matrix if axis not in of_params]
        shared: dict[tuple[str, ...], tuple[CaseSettings, tuple[CaseStep, ...], Values]] = {}
        for point, selected in _points(entry, base, documented, selections, everyday):
            key = tuple(value_text(point[axis]) for axis in further if axis in point)
            if key not in shared:
                here = base.at({axis: point[axis] for axis in further if axis in point})
                shared[key] = here, _steps(entry.steps, _call_of(here), {}, layer), _values(here)
            here, steps, values = shared[key]
            params = {
                **here.params,
                **{name: point[axis] for axis, name in of_params.items() if axis in point},
            }
            yield replace(
                template,
                id=id_of(point),
                params={**params, **entry.undocumented},
                values=values,
                steps=steps,
                axes=point,
                relation=_relation(entry, replace(here, params=params), steps, second) if second else None,
                everyday=selected or entry.covering is None,
                covering=selected and entry.covering is not None and entry.covering.runs == "everyday",
                full_dtypes=dtypes
                if selected or entry.covering is None
                else tuple(entry.covering.full_dtypes or dtypes),
            )


def _values(here: CaseSettings) -> Values:
    return Values(**{**here.values, "scale": float(here.values.get("scale", Values.scale))})


def _points(
    entry: CaseEntry, base: CaseSettings, documented: Point, selections: Selections, everyday: bool
) -> Iterator[tuple[Point, bool]]:
    """The points of a case in the order of its matrix, then those of `include`, and
    whether each belongs to a covering selection.

    Of a matrix of which the selection is all that is wanted, nothing else is looked at;
    what `include` names of it is selected as well.
    """
    matrix = Matrix.of(entry.matrix, entry.exclude)
    further = [included(row, entry.matrix, base, documented) for row in entry.include]
    if entry.covering is None:
        yield from ((matrix.point(row), False) for row in matrix.rows())
        yield from ((point, False) for point in further)
        return
    selected = {*selections.of[entry.name].rows, *filter(None, map(matrix.row, further))}
    whole = entry.covering.runs == "everyday" and not everyday
    for row in matrix.rows() if whole else sorted(selected):
        yield matrix.point(row), row in selected
    yield from ((point, True) for point in further if matrix.row(point) is None)


def _relation(
    entry: CaseEntry, here: CaseSettings, first: Sequence[CaseStep], second: Layer
) -> Relation | None:
    """The second run: the case's settings, and over them what the relation says. Its
    own steps, if it has any, replace those of the case, `first`.

    On another dialect or layer names mean something else: of the case's settings only
    the input's size holds there, and its form where both have it.
    """
    if entry.relation is None:
        return None
    other = entry.relation.other
    over = _over({"input": here.other_input}, here.other_call)
    if other.dialect or other.layer:
        below: Mapping[str, Any] = {
            "input": {word: size for word, size in here.input.items() if means_the_same(word, size, second)}
        }
        params = here.other_params
    else:
        below, params = _call_of(here), {**here.params, **here.other_params}
    steps = (
        _steps(entry.steps, below, over, second)
        if other.steps is None
        else _steps(other.steps, _over(below, over), {}, second)
    )
    whole = next(step.input.timesteps for step in first if step.action in SIZED)
    steps = tuple(
        step if step.input.timestep is None else replace(step, input=replace(step.input, timesteps=whole))
        for step in steps
    )
    equal = tuple(Equality(_term(pair.left), _term(pair.right)) for pair in entry.relation.equal or ())
    return Relation(
        params,
        steps,
        equal,
        entry.relation.exact,
        other.dialect or "",
        other.layer or "",
        other.weights or "",
    )


def _term(term: str | Spotted) -> Term:
    return Term(term, None) if isinstance(term, str) else Term(term.output, term.at)


def _call_of(here: CaseSettings) -> Mapping[str, Any]:
    return _over({"input": here.input}, here.call)


def _over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A call, and on top of it what another says."""
    return {**base, **over, "input": merged_input(base.get("input", {}), over.get("input", {}))}


def _steps(
    written: Sequence[WrittenStep] | None, below: Mapping[str, Any], above: Mapping[str, Any], layer: Layer
) -> tuple[CaseStep, ...]:
    """The steps of a run; every call starts from `below`, and `above` wins over it."""
    if written is None:
        return (_sized("call", _over(below, above), layer),)
    return tuple(_step(step, below, above, layer) for step in written)


def _step(step: WrittenStep, below: Mapping[str, Any], above: Mapping[str, Any], layer: Layer) -> CaseStep:
    if isinstance(step, CallStepEntry):
        call = _sized("call", _over(_over(below, step.call.model_dump(exclude_unset=True)), above), layer)
        return (
            call
            if step.expect is None
            else replace(call, expect=ExpectedError(step.expect.raises, step.expect.match))
        )
    if isinstance(step, TrainStepEntry):
        return _sized("train", _over(_over(below, step.train.model_dump(exclude_unset=True)), above), layer)
    return CaseStep(step, {}, Input())


def _sized(action: str, call: Mapping[str, Any], layer: Layer) -> CaseStep:
    needed = {name: about.values[0] for name, about in layer.call.items() if about.required and about.values}
    arguments = {
        name: value for name, value in {**needed, **call}.items() if name != "input" and value != ABSENT
    }
    sizes: dict[str, Any] = (
        {} if "shape" in call["input"] else {word: about.default for word, about in layer.input.items()}
    )
    given = {
        name: value for name, value in call["input"].items() if name != "timesteps" or name in layer.input
    }
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return CaseStep(action, arguments, Input(**{**sizes, **lists}))
