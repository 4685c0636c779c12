"""Problems that show only in the points of a case: calls that contradict each other or
the parameters of their layer, and relations that compare nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lstm_ref.corpus.case import ABSENT, PREVIOUS, SIZED, WRITTEN, Case, CaseStep, Input, Relation, Term
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.meaning.checks.steps import missing_size_problems
from lstm_ref.corpus.meaning.checks.views import elements_of
from lstm_ref.corpus.meaning.resolution import TAKEN, Documented, ResolvedCase, Run, means_the_same
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.parameters import Layer

INITIAL = "initial"  # weights that are not drawn


def has_anything_to_check(case: ResolvedCase) -> bool:
    """Whether the points of a case have anything that is checked here; most have not,
    and there may be many.
    """
    needed = (value for argument in case.own.layer.call.values() for value in argument.needs)
    limited = {name for name, argument in case.own.layer.call.items() if argument.only_with}
    special = {
        PREVIOUS,
        *limited,
        *(f"call.{name}" for name in limited),
        WRITTEN,
        INITIAL,
        "numbers",
        *TAKEN,
        *needed,
    }
    written = [case.settings.call, case.settings.values, case.view.data]
    return case.second is not None or not special.isdisjoint(_words(written))


def problems_of_points(case: ResolvedCase, points: Iterable[Case]) -> Iterator[Problem]:
    """Every problem of the points of one case. A problem that several points share
    comes once for each.
    """
    own, *second = case.runs
    for point in points:
        first = next(step.input for step in point.steps if step.action in SIZED)
        yield from _run_problems(case, own, point.params, point.steps, first)
        yield from _written_problems(case, own, point)
        if point.values.weights == INITIAL and not any(step.action == "weights" for step in point.steps):
            yield (case.view.at("values") or case.view).at_value(
                "initial weights have to be read", 'add the step "weights"'
            )
        for other in second if point.relation is not None else ():
            assert point.relation is not None
            yield from _run_problems(case, other, point.relation.params, point.relation.steps, first)
            yield from _equal_problems(case.view, point, point.relation, own.about, other.about)


def _words(data: Any) -> Iterator[str]:
    """All keys and strings in a piece of data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, list):
        for element in data:
            yield from _words(element)
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _words(value)


# --- a run ---


def _run_problems(
    case: ResolvedCase, run: Run, params: Mapping[str, Any], steps: Sequence[CaseStep], first: Input
) -> Iterator[Problem]:
    called, layer = False, run.about.layer
    for index, step in enumerate(steps):
        if step.action not in SIZED:
            continue
        for name, value in step.arguments.items():
            if name not in layer.call:  # how long is trained, and how fast
                continue
            view = _written(case.view, run.view, index, name)
            if value == PREVIOUS and not called:
                yield view.at_value(
                    f'"{PREVIOUS}" is what the call before returned, and this is the first call'
                )
            lacking = _lacking(layer.call[name].needs.get(value, {}), params, run.about)
            if lacking:
                yield view.at_value(f"{name}: {value} needs {lacking}")
            for key, wanted in layer.call[name].only_with.items():
                if value != ABSENT and value_text(_setting(key, params, step, run)) not in map(
                    value_text, wanted
                ):
                    said = " or ".join(map(value_text, wanted))
                    yield view.at_value(f"{name} makes sense only with {key}: {said}")
        yield from _input_problems(_written(case.view, run.view, index, "input"), step.input, first, layer)
        called = called or step.action == "call"


def _setting(key: str, params: Mapping[str, Any], step: CaseStep, run: Run) -> Any:
    """What a call has below a full key."""
    group, _, name = key.partition(".")
    if group == "params":
        return _parameter(name, params, run.about)
    return step.arguments.get(name, ABSENT) if group == "call" else getattr(step.input, name)


def _written_problems(case: ResolvedCase, run: Run, point: Case) -> Iterator[Problem]:
    """Masks and lengths that are said to be written out and are not, or the other way
    round.
    """
    there = point.literals.arguments if point.literals else {}
    for index, step in enumerate(point.steps):
        for name, argument in run.about.layer.call.items():
            word = step.arguments.get(name)
            view = _written(case.view, run.view, index, name)
            if word == WRITTEN and name not in there:
                hint = f"write it below numbers, as numbers: {{arguments: {{{name}: ...}}}}"
                yield view.at_value(f"{name} is not written out", hint)
            elif word != WRITTEN and name in there and WRITTEN in argument.values:
                place = case.view.at("numbers", "arguments", name) or view
                said = f'the call says "{name}: {word}"' if word else f"the call has no {name}"
                yield place.at_value(
                    f"{said}, and here it is written out", f"write call: {{{name}: {WRITTEN}}}"
                )


def _written(entry: View, run: View, index: int, name: str) -> View:
    """Where an argument of a call is written: in its step, for all calls of the run, or
    as an axis. Otherwise the run itself.
    """
    steps = list((run.at("steps") or run).elements())
    own = next(filter(None, (steps[index].at(action, name) for action in SIZED)), None) if steps else None
    return (
        own
        or run.at("call", name)
        or (run.at("input") if name == "input" else None)
        or entry.at("matrix", f"call.{name}")
        or run
    )


def _input_problems(view: View, size: Input, first: Input, layer: Layer) -> Iterator[Problem]:
    yield from missing_size_problems(
        view, {word: value for word, value in vars(size).items() if value is not None}, layer
    )
    if not size.is_taken:
        return
    if size.timestep is not None and "timesteps" in layer.input:
        one = [size.timestep, size.timestep + 1]
        yield view.at_value(
            '"timestep" is for a layer whose input has no time, and this one has', f'write "part: {one}"'
        )
    elif size.timestep is None and "timesteps" not in layer.input:
        yield view.at_value(
            "the input of this layer has no time, of which something could be taken",
            'write "timestep", one of the first input',
        )
    elif size.shape is not None or first.shape is not None:
        yield view.at_value(
            "part, reversed and timestep take from the case's first input: its sizes must be given by name,"
            " not as a shape"
        )
    elif differ := [
        word
        for word, value in vars(first).items()
        if value not in (None, getattr(size, word)) and means_the_same(word, value, layer)
    ]:
        yield view.at_value(
            "part, reversed and timestep take from the case's first input, but this call has another "
            + ", ".join(map(repr, differ))
        )
    elif size.part is not None and size.part[1] > (size.timesteps or 0):
        yield view.at_value(
            f"part {list(size.part)} is out of range: the case's first input has"
            f" {size.timesteps or 0} timesteps"
        )
    elif size.timestep is not None and size.timestep >= (size.timesteps or 0):
        yield view.at_value(f"timestep {size.timestep} is out of range: {_range(size.timesteps)}")


def _range(timesteps: int | None) -> str:
    """The timesteps that the case's first input has."""
    return (
        f"the case's first input has 0 to {timesteps - 1}" if timesteps else "the case's first input has none"
    )


def _lacking(needs: Mapping[str, Any], params: Mapping[str, Any], documented: Documented) -> str:
    """The needed values that these parameters do not have, as "return_state: true"."""
    return ", ".join(
        f"{path}: {value_text(value)}"
        for path, value in needs.items()
        if value_text(_parameter(path, params, documented)) != value_text(value)
    )


def _parameter(path: str, params: Mapping[str, Any], documented: Documented) -> Any:
    """The value of a parameter, or its default; `layer.units` is one of the layer
    inside. None where there is no such layer.
    """
    name, _, inner = path.partition(".")
    known = documented.layer.constructor
    found = params.get(name, known[name].default) if name in known else None
    while inner and isinstance(found, list):
        index, _, inner = inner.partition(".")
        found = found[int(index)] if _is_index(index, found) else None
    if not inner:
        return found
    layer = documented.beside(found.get("layer")) if isinstance(found, dict) else None
    if layer is None or found is None:
        return None
    return _parameter(inner, found.get("params", {}), layer)


def _is_index(text: str, elements: Sequence[Any]) -> bool:
    return text.removeprefix("-").isdigit() and -len(elements) <= int(text) < len(elements)


# --- what two runs have in common ---


def _equal_problems(
    view: View, case: Case, second: Relation, own: Documented, others: Documented
) -> Iterator[Problem]:
    same = (
        own.layer is others.layer
        and value_text(second.params) == value_text(case.params)
        and second.steps == case.steps
        and not second.weights
    )
    relation = view.at("relation") or view
    if same and not (second.equal or second.differ):
        hint = 'say in "other" what differs, or in "equal" what agrees'
        yield relation.at_key(f"the second run is the first{_at(case)}, and nothing is compared", hint)
    for key, pairs in (("equal", second.equal), ("differ", second.differ)):
        for pair, place in zip(pairs, elements_of(relation, key), strict=True):
            if same and pair.left == pair.right:
                yield place.at_value(f"both sides are the same{_at(case)}")
            yield from _term_problems(place.at("left") or place, pair.left, case.params, own)
            yield from _term_problems(place.at("right") or place, pair.right, second.params, others)


def _at(case: Case) -> str:
    _, bracket, axes = case.id.partition("[")
    return f" at [{axes}" if bracket else ""


def _term_problems(
    view: View, term: Term, params: Mapping[str, Any], documented: Documented
) -> Iterator[Problem]:
    output = documented.layer.outputs[term.output]
    needs = output.needs if term.at is None else {**output.needs, **output.at[term.at]}  # type: ignore[index]
    lacking = _lacking(needs, params, documented)
    if lacking:
        yield view.at_value(f"{term.output}{f' at {term.at}' if term.at else ''} needs {lacking}")
