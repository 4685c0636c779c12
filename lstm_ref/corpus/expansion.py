"""From a case as written to its points: defaults applied, the matrix multiplied out, every point with its id."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from lstm_ref.corpus.case import ABSENT, Case, Equality, Expected, Input, Relation, Step, Term, Values
from lstm_ref.corpus.documents import Document
from lstm_ref.corpus.ids import point_id, value_text
from lstm_ref.corpus.models import CaseEntry, CasesFile, Layer, ParametersFile, Spotted
from lstm_ref.corpus.models import Step as WrittenStep

GROUPS = ("params", "call", "input", "values")
TAKEN = frozenset({"part", "reversed"})  # the words of an input that are no size, but take from the case's first input

Point = dict[str, Any]  # axis to value


@dataclass(frozen=True)
class Settings:
    """What a case says in each group, by name, before its matrix. `call` may hold "input", the size of that call's input."""

    params: Mapping[str, Any]
    call: Mapping[str, Any]
    input: Mapping[str, Any]
    values: Mapping[str, Any]

    def group(self, name: str) -> Mapping[str, Any]:
        """The settings of one of GROUPS."""
        return {"params": self.params, "call": self.call, "input": self.input, "values": self.values}[name]

    def at(self, point: Point) -> "Settings":
        """These settings at a point of the matrix."""
        changed = {group: dict(self.group(group)) for group in GROUPS}
        for axis, value in point.items():
            group, name = split(axis)
            changed[group] = merged_input(changed[group], {name: value}) if group == "input" else {**changed[group], name: value}
        return Settings(**changed)


def split(axis: str) -> tuple[str, str]:
    """Group and name of an axis."""
    group, _, name = axis.partition(".")
    return group, name


def settings(defaults: Mapping[str, Any], entry: Mapping[str, Any], *, steps: bool) -> Settings:
    """The settings of a case as written, over the file's defaults. With steps, a case has no call of its own."""
    merged = {group: {**_mapping(defaults, group), **_mapping(entry, group)} for group in ("params", "values")}
    call = _mapping(defaults, "call") if steps else {**_mapping(defaults, "call"), **_mapping(entry, "call")}
    return Settings(call=call, input=merged_input(_mapping(defaults, "input"), _mapping(entry, "input")), **merged)


def _mapping(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def merged_input(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`; a whole shape replaces all words, and a size replaces a whole shape."""
    if "shape" in over or ("shape" in base and over.keys() - TAKEN):
        return dict(over)
    return {**base, **over}


def missing_sizes(size: Mapping[str, Any], layer: Layer) -> list[str]:
    """The words that an input of this layer needs, and this one does not have."""
    if "shape" in size:
        return []
    return [word for word, about in layer.input.items() if about.required and word not in size and not _holds(about.unless, size)]


def _holds(condition: Mapping[str, Any], size: Mapping[str, Any]) -> bool:
    return bool(condition) and all(size.get(word) == value for word, value in condition.items())


def axis_defaults(axes: Iterator[str] | Sequence[str] | Mapping[str, Any], layer: Layer) -> Point:
    """The documented default of each axis that has one."""
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


def axis_value(axis: str, value: Any) -> Any:
    """The value of an axis as ids and comparisons use it: a scale of 16.0 is the scale 16."""
    return int(value) if axis == "values.scale" and isinstance(value, float) and value.is_integer() else value


def product(matrix: Mapping[str, Sequence[Any]], exclude: Sequence[Mapping[str, Any]]) -> Iterator[Point]:
    """Every combination, in written order, that no row of `exclude` is part of."""
    rules = [{axis: value_text(axis_value(axis, value)) for axis, value in row.items()} for row in exclude]
    for combination in itertools.product(*matrix.values()):
        point = {axis: axis_value(axis, value) for axis, value in zip(matrix, combination, strict=True)}
        texts = {axis: value_text(value) for axis, value in point.items()} if rules else {}
        if not any(rule.items() <= texts.items() for rule in rules):
            yield point


def included(row: Mapping[str, Any], matrix: Mapping[str, Any], base: Settings, defaults: Point) -> Point:
    """The point of an `include` row: an axis that it leaves out has the case's own value, or the documented default; without either it is missing."""
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


def expand(document: Document, file: CasesFile, dialect: ParametersFile, prefix: str) -> Iterator[Case]:
    """The cases of a checked file. `prefix` is the part of the ids that stands for the file."""
    defaults = file.defaults.model_dump(exclude_unset=True)
    for index, entry in enumerate(file.cases):
        layer = dialect.layers[entry.layer or file.layer]
        base = settings(defaults, entry.model_dump(exclude_unset=True), steps=entry.steps is not None)
        expect = entry.expect or file.defaults.expect
        documented = axis_defaults(entry.matrix, layer)
        template = Case(
            id="",
            name=entry.name,
            place=document.place(("cases", index)),
            dialect=file.dialect,
            about=entry.about or file.about,
            source=entry.source or file.source,
            layer=entry.layer or file.layer,
            params={},
            values=Values(),
            steps=(),
            expect=Expected(expect.raises, expect.match) if expect else None,
            dtypes=tuple(entry.dtypes or file.defaults.dtypes),
            axes={},
            undocumented=tuple(entry.undocumented),
        )
        rows = (included(row, entry.matrix, base, documented) for row in entry.include)
        for point in itertools.chain(product(entry.matrix, entry.exclude), rows):
            here = base.at(point)
            yield replace(
                template,
                id=point_id(prefix, entry.name, point, documented),
                params={**here.params, **entry.undocumented},
                values=Values(here.values.get("grid", Values.grid), float(here.values.get("scale", Values.scale))),
                steps=_steps(entry.steps, _call_of(here), {}, layer),
                axes=point,
                relation=_relation(entry, here, layer),
            )


def _relation(entry: CaseEntry, here: Settings, layer: Layer) -> Relation | None:
    """The second run: the case's settings, and over them what the relation says. Its own steps, if it has any, replace those of the case."""
    if entry.relation is None:
        return None
    other = entry.relation.other
    over = _over({"input": other.input.model_dump(exclude_unset=True)}, other.call.model_dump(exclude_unset=True))
    below = _call_of(here)
    steps = _steps(entry.steps, below, over, layer) if other.steps is None else _steps(other.steps, _over(below, over), {}, layer)
    equal = tuple(Equality(_term(pair.left), _term(pair.right)) for pair in entry.relation.equal or ())
    return Relation({**here.params, **other.params}, steps, equal, entry.relation.exact)


def _term(term: str | Spotted) -> Term:
    return Term(term, None) if isinstance(term, str) else Term(term.output, term.at)


def _call_of(here: Settings) -> Mapping[str, Any]:
    return _over({"input": here.input}, here.call)


def _over(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A call, and on top of it what another says."""
    return {**base, **over, "input": merged_input(base.get("input", {}), over.get("input", {}))}


def _steps(written: Sequence[WrittenStep] | None, below: Mapping[str, Any], above: Mapping[str, Any], layer: Layer) -> tuple[Step, ...]:
    """The steps of a run; every call starts from `below`, and `above` wins over it."""
    if written is None:
        return (_call(_over(below, above), layer),)
    return tuple(
        Step("reset", {}, Input()) if step == "reset" else _call(_over(_over(below, step.call.model_dump(exclude_unset=True)), above), layer)
        for step in written
    )


def _call(call: Mapping[str, Any], layer: Layer) -> Step:
    arguments = {name: value for name, value in call.items() if name != "input" and value != ABSENT}
    sizes: dict[str, Any] = {} if "shape" in call["input"] else {word: about.default for word, about in layer.input.items()}
    lists = {name: tuple(value) if isinstance(value, list) else value for name, value in call["input"].items()}
    return Step("call", arguments, Input(**{**sizes, **lists}))
