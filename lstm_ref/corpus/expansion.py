"""From a resolved case to its points: the matrix multiplied out, every point with its
id.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
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
from lstm_ref.corpus.meaning.literals import literals
from lstm_ref.corpus.meaning.resolution import CaseSettings, ResolvedCase, given, means_the_same, merged_input
from lstm_ref.corpus.points.ids import point_ids, value_text
from lstm_ref.corpus.points.matrix import Point, split
from lstm_ref.corpus.read.models.cases import (
    CallStepEntry,
    ExpectEntry,
    RelationEntry,
    Spotted,
    TrainStepEntry,
)
from lstm_ref.corpus.read.models.cases import Step as WrittenStep
from lstm_ref.corpus.read.models.parameters import Layer


def expand(case: ResolvedCase, prefix: str, *, everyday: bool = False) -> Iterator[Case]:
    """The points of a checked case, or those of them that an everyday run takes.

    `prefix` is the part of the ids that stands for the file.
    """
    entry, file, layer = case.entry, case.file, case.own.layer
    covering = entry.covering
    dtypes = tuple(entry.dtypes or file.defaults.dtypes)
    beyond = tuple(covering.full_dtypes or dtypes) if covering else dtypes
    at_point = partial(
        Case,
        name=entry.name,
        place=case.view.place,
        dialect=file.dialect,
        about=entry.about or file.about,
        source=entry.source or file.source,
        layer=case.own.name,
        expect=_expected(entry.expect or file.defaults.expect),
        dtypes=dtypes,
        undocumented=tuple(entry.undocumented),
        versions=tuple(entry.versions or file.defaults.versions or ()),
        derivatives=(entry.derivatives,) if entry.derivatives else (),
        literals=literals(case.view.document, (*case.view.path, "numbers")) if entry.numbers else None,
    )
    axes = case.matrix.axes
    id_of = point_ids(prefix, entry.name, axes, case.documented)
    # Many points differ in parameters alone, and share all else.
    of_params = {axis: name for axis in axes for group, name in [split(axis)] if group == "params"}
    further = {k: axis for k, axis in enumerate(axes) if axis not in of_params}
    shared: dict[tuple[str, ...], tuple[CaseSettings, tuple[CaseStep, ...], Values]] = {}
    for point, texts, selected in _points(case, everyday):
        key = tuple(texts[k] for k in further)
        if key not in shared:
            here = case.settings.at({axis: point[axis] for axis in further.values()})
            shared[key] = here, _steps(entry.steps, _call_of(here), {}, layer), _values(here)
        here, steps, values = shared[key]
        params = {**here.params, **{name: point[axis] for axis, name in of_params.items()}}
        yield at_point(
            id=id_of(texts),
            params={**params, **entry.undocumented},
            values=values,
            steps=steps,
            axes=point,
            relation=_relation(case, entry.relation, replace(here, params=params), steps)
            if entry.relation
            else None,
            everyday=selected or covering is None,
            covering=selected and covering is not None and covering.runs == "everyday",
            full_dtypes=dtypes if selected else beyond,
        )


def _expected(expect: ExpectEntry | None) -> ExpectedError | None:
    return None if expect is None else ExpectedError(expect.raises, expect.match)


def _values(here: CaseSettings) -> Values:
    return Values(**{**here.values, "scale": float(here.values.get("scale", Values.scale))})


def _points(case: ResolvedCase, everyday: bool) -> Iterator[tuple[Point, Sequence[str], bool]]:
    """The points of a case in the order of its matrix, then those of `include`; the
    texts of their values, and whether each belongs to a covering selection.

    Of a matrix of which the selection is all that is wanted, nothing else is looked at;
    what `include` names of it is selected as well.
    """
    matrix, covering = case.matrix, case.entry.covering
    further = [(point, [value_text(point[axis]) for axis in matrix.axes]) for point in case.included]
    if covering is None:
        yield from ((matrix.point(row), matrix.texts_of(row), False) for row in matrix.rows())
        yield from ((point, texts, False) for point, texts in further)
        return
    selected = {
        *case.selections.of[case.entry.name].rows,
        *filter(None, (matrix.row(point) for point, _ in further)),
    }
    whole = covering.runs == "everyday" and not everyday
    for row in matrix.rows() if whole else sorted(selected):
        yield matrix.point(row), matrix.texts_of(row), row in selected
    yield from ((point, texts, True) for point, texts in further if matrix.row(point) is None)


def _relation(
    case: ResolvedCase, relation: RelationEntry, here: CaseSettings, first: Sequence[CaseStep]
) -> Relation:
    """The second run: the case's settings, and over them what the relation says. Its
    own steps, if it has any, replace those of the case, `first`.

    On another dialect or layer names mean something else: of the case's settings only
    the input's size holds there, and its form where both have it.
    """
    assert case.second is not None, "a checked case has a second layer where it has a relation"
    other, second = relation.other, case.second.layer
    over = _over({"input": here.other_input}, here.other_call)
    if other.dialect or other.layer:
        below: Mapping[str, Any] = {
            "input": {word: size for word, size in here.input.items() if means_the_same(word, size, second)}
        }
        params = here.other_params
    else:
        below, params = _call_of(here), {**here.params, **here.other_params}
    steps = (
        _steps(case.entry.steps, below, over, second)
        if other.steps is None
        else _steps(other.steps, _over(below, over), {}, second)
    )
    whole = next(step.input.timesteps for step in first if step.action in SIZED)
    steps = tuple(
        step if step.input.timestep is None else replace(step, input=replace(step.input, timesteps=whole))
        for step in steps
    )
    pairs = {
        key: tuple(Equality(_term(pair.left), _term(pair.right)) for pair in written)
        for key, written in relation.pairs.items()
    }
    return Relation(
        params,
        steps,
        exact=relation.exact,
        dialect=other.dialect or "",
        layer=other.layer or "",
        weights=other.weights or "",
        **pairs,
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
        call = _sized("call", _over(_over(below, given(step.call)), above), layer)
        return replace(call, expect=_expected(step.expect)) if step.expect else call
    if isinstance(step, TrainStepEntry):
        return _sized("train", _over(_over(below, given(step.train)), above), layer)
    return CaseStep(step, {}, Input())


def _sized(action: str, call: Mapping[str, Any], layer: Layer) -> CaseStep:
    needed = {name: about.values[0] for name, about in layer.call.items() if about.required and about.values}
    arguments = {
        name: value for name, value in {**needed, **call}.items() if name != "input" and value != ABSENT
    }
    sizes: dict[str, Any] = (
        {} if "shape" in call["input"] else {word: about.default for word, about in layer.input.items()}
    )
    named = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in call["input"].items()
        if name != "timesteps" or name in layer.input
    }
    return CaseStep(action, arguments, Input(**{**sizes, **named}))
