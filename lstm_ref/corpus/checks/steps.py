"""The steps of a run, and the sizes and derivatives that they need."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from lstm_ref.corpus.case import SIZED
from lstm_ref.corpus.checks.values import call_problems
from lstm_ref.corpus.checks.views import elements_of, entries_of, pattern_problems
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import (
    CaseSettings,
    merged_input,
    missing_sizes,
    split,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.models.base import Action
from lstm_ref.corpus.models.parameters import Layer, ParametersFile


def size_problems(entry: View, base: CaseSettings, layer: Layer) -> Iterator[Problem]:
    """Input words that a call needs and nobody gives."""
    axes = {split(axis)[1]: None for axis, _ in entries_of(entry, "matrix") if axis.startswith("input.")}
    case_input = merged_input(base.input, axes) if axes else dict(base.input)
    if entry.at("steps") is None:
        calls: list[tuple[View, Any]] = [(entry, {})]
    else:
        calls = [
            (step, call.data)
            for step in elements_of(entry, "steps")
            if (call := sized(step)) is not None and isinstance(call.data, dict)
        ]
    for view, call in calls:
        size: Mapping[str, Any] = case_input
        for over in (base.call.get("input"), call.get("input")):
            size = merged_input(size, over) if isinstance(over, dict) else size
        missing = missing_sizes(size, layer)
        if missing:
            yield view.at_value("the input needs " + ", ".join(f'"{word}"' for word in missing))


def steps_problems(run: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    """The steps of a case, or of the second run of a relation."""
    steps = run.at("steps")
    if steps is None:
        return
    if run.at("call") is not None:
        yield steps.at_key('"call" and "steps" exclude each other', "write the call as a step")
    for step in steps.elements():
        yield from _step_problems(step, dialect, layer)
    written = list(steps.elements())
    if written and not any(isinstance(step.data, dict) for step in written):
        yield steps.at_value("no step is a call")
    elif written and not any(step.at("call") or step.data == "weights" for step in written):
        yield steps.at_value("no step has a result", "add a call, or weights")


def sized(step: View) -> View | None:
    """What a step gives the layer: the arguments of a call, or of training."""
    return next(filter(None, (step.at(action) for action in SIZED)), None)


def _step_problems(step: View, dialect: ParametersFile, layer: Layer) -> Iterator[Problem]:
    action = (
        step.data
        if isinstance(step.data, str)
        else next(filter(None, (name if step.at(name) else None for name in SIZED)), None)
    )
    if action in get_args(Action) and action not in layer.actions:
        yield step.at_value(f'this layer has no action "{action}"', did_you_mean(str(action), layer.actions))
    yield from pattern_problems(step.at("expect", "match"))
    given = sized(step)
    if given is not None:
        words = {"epochs", "learning_rate"} if action == "train" else set()
        names = {name: value.data for name, value in given.entries() if name not in words}
        yield from call_problems(View(given.document, given.path, names), dialect, layer)


def derivatives_problems(entry: View, expects: bool) -> Iterator[Problem]:
    """Derivatives along a direction are those of one call of a layer with given
    weights.
    """
    derivatives = entry.at("derivatives")
    if derivatives is None:
        return
    if expects:
        yield derivatives.at_key(
            '"derivatives" and "expect" exclude each other', "a call that raises has none"
        )
    for other in ("steps", "relation"):
        if entry.at(other) is not None:
            yield derivatives.at_key(
                f'"derivatives" and "{other}" exclude each other',
                "they are those of one call, judged by itself",
            )
    weights = entry.at("values", "weights")
    if weights is not None and weights.data == "initial":
        yield weights.at_value("initial weights have no direction", 'leave "weights" out')
