"""What only shows once a case is expanded: calls that contradict each other or their layer's parameters, and relations that compare nothing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lstm_ref.corpus.case import PREVIOUS, Case, Input, Relation, Step, Term
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import TAKEN, missing_sizes
from lstm_ref.corpus.ids import value_text
from lstm_ref.corpus.models import Layer


def needs_a_look(written: Iterable[Any], layer: Layer) -> bool:
    """Whether a case as written has anything that is checked here; most have not, and need no second expansion."""
    special = {"relation", PREVIOUS, *TAKEN, *(value for argument in layer.call.values() for value in argument.needs)}
    return any(not special.isdisjoint(_words(data)) for data in written)


def problems_of_points(entry: View, points: Iterable[Case], layer: Layer) -> Iterator[Problem]:
    """Every problem of the points of one case; one that several points share comes several times, each time the same."""
    for case in points:
        first = next(step.input for step in case.steps if step.action == "call")
        yield from _run_problems(entry, entry, case.params, case.steps, first, layer)
        relation = entry.at("relation")
        if case.relation is not None and relation is not None:
            other = relation.at("other") or relation
            yield from _run_problems(entry, other, case.relation.params, case.relation.steps, first, layer)
            yield from _equal_problems(relation, case, case.relation, layer)


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


def _run_problems(entry: View, run: View, params: Mapping[str, Any], steps: tuple[Step, ...], first: Input, layer: Layer) -> Iterator[Problem]:
    called = False
    for index, step in enumerate(steps):
        if step.action != "call":
            continue
        for name, value in step.arguments.items():
            view = _written(entry, run, index, name)
            if value == PREVIOUS and not called:
                yield view.at_value(f'"{PREVIOUS}" is what the call before returned, and this is the first call')
            lacking = _lacking(layer.call[name].needs.get(value, {}), params, layer)
            if lacking:
                yield view.at_value(f"{name}: {value} needs {lacking}")
        yield from _input_problems(_written(entry, run, index, "input"), step.input, first, layer)
        called = True


def _written(entry: View, run: View, index: int, name: str) -> View:
    """Where it is written what an argument of a call is: in its step, for all calls of the run, or as an axis; else the run."""
    steps = list((run.at("steps") or run).elements())
    own = steps[index].at("call", name) if steps else None
    return own or run.at("call", name) or (run.at("input") if name == "input" else None) or entry.at("matrix", f"call.{name}") or run


def _input_problems(view: View, size: Input, first: Input, layer: Layer) -> Iterator[Problem]:
    missing = missing_sizes({word: value for word, value in vars(size).items() if value is not None}, layer)
    if missing:
        yield view.at_value("the input needs " + ", ".join(f'"{word}"' for word in missing))
    if size.part is None and not size.reversed:
        return
    whole = replace(size, part=None, reversed=False)
    if size.shape is not None or first.shape is not None:
        yield view.at_value("part and reversed take from the case's first input: its sizes must be given by name, not as a shape")
    elif whole != replace(first, part=None, reversed=False):
        differ = [word for word, value in vars(whole).items() if value != getattr(first, word) and word not in TAKEN]
        yield view.at_value("part and reversed take from the case's first input, but this call has another " + ", ".join(map(repr, differ)))
    elif size.part is not None and size.part[1] > (size.timesteps or 0):
        yield view.at_value(f"part {list(size.part)} does not lie inside the {size.timesteps or 0} timesteps of the case's first input")


def _lacking(needs: Mapping[str, Any], params: Mapping[str, Any], layer: Layer) -> str:
    """The needed parameters that these are not, as "return_state: true"."""
    return ", ".join(
        f"{name}: {value_text(value)}"
        for name, value in needs.items()
        if value_text(params.get(name, layer.constructor[name].default)) != value_text(value)
    )


# --- what two runs have in common ---


def _equal_problems(relation: View, case: Case, second: Relation, layer: Layer) -> Iterator[Problem]:
    same = value_text(second.params) == value_text(case.params) and second.steps == case.steps
    if same and not second.equal:
        hint = 'say in "other" what differs, or in "equal" what agrees'
        yield relation.at_key(f"the second run is the first{_at(case)}, and nothing is compared", hint)
    written = relation.at("equal")
    for pair, view in zip(second.equal, written.elements() if written else (), strict=True):
        if same and pair.left == pair.right:
            yield view.at_value(f"both sides are the same{_at(case)}")
        yield from _term_problems(view.at("left") or view, pair.left, case.params, layer)
        yield from _term_problems(view.at("right") or view, pair.right, second.params, layer)


def _at(case: Case) -> str:
    _, bracket, axes = case.id.partition("[")
    return f" at [{axes}" if bracket else ""


def _term_problems(view: View, term: Term, params: Mapping[str, Any], layer: Layer) -> Iterator[Problem]:
    output = layer.outputs[term.output]
    needs = output.needs if term.at is None else {**output.needs, **output.at[term.at]}  # type: ignore[index]
    lacking = _lacking(needs, params, layer)
    if lacking:
        yield view.at_value(f"{term.output}{f' at {term.at}' if term.at else ''} needs {lacking}")
