"""The steps of a run, and the sizes and derivatives that they need."""

from collections.abc import Iterator, Mapping
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.views import elements_of
from lstm_ref.corpus.meaning.resolution import ResolvedCase, Run, given, merged_input, missing_sizes
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import CallEntry, CallStepEntry, Step, TrainStepEntry
from lstm_ref.corpus.read.models.parameters import Layer


def steps_of(run: Run) -> Iterator[tuple[Step, View]]:
    """The steps of a run, each with its place; that of the run where they are not
    written.
    """
    steps = run.entry.steps or []
    return zip(steps, list(elements_of(run.view, "steps")) or [run.view] * len(steps), strict=True)


def call_of(step: Step) -> CallEntry | None:
    """What a step gives the layer: the arguments of a call, or of training."""
    if isinstance(step, CallStepEntry):
        return step.call
    return step.train if isinstance(step, TrainStepEntry) else None


def action_problems(run: Run) -> Iterator[Problem]:
    """Steps that are not actions of the layer, or that expect what cannot be."""
    actions = run.about.layer.actions
    for step, view in steps_of(run):
        action = (
            "call"
            if isinstance(step, CallStepEntry)
            else "train"
            if isinstance(step, TrainStepEntry)
            else step
        )
        if action not in actions:
            yield view.at_value(f'this layer has no action "{action}"', did_you_mean(action, actions))


def steps_problems(run: Run) -> Iterator[Problem]:
    """Steps that do not make a run."""
    steps, view = run.entry.steps, run.view.at("steps")
    if steps is None or view is None:
        return
    if "call" in run.entry.model_fields_set:
        yield view.at_key('"call" and "steps" exclude each other', "write the call as a step")
    if all(isinstance(step, str) for step in steps):
        yield view.at_value("no step is a call")
    elif not any(isinstance(step, CallStepEntry) or step == "weights" for step in steps):
        yield view.at_value("no step has a result", "add a call, or weights")


def size_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Input words that a call needs and nobody gives."""
    base, axes = case.settings, case.axes_of["input"]
    of_case = merged_input(base.input, dict.fromkeys(axes)) if axes else base.input
    run = Run(case.entry, case.view, case.own)
    calls = [(view, call) for step, view in steps_of(run) if (call := call_of(step)) is not None]
    for view, call in calls if case.entry.steps is not None else [(case.view, CallEntry())]:
        size: Mapping[str, Any] = of_case
        for over in (base.call.get("input"), given(call).get("input")):
            size = size if over is None else merged_input(size, over)
        yield from missing_size_problems(view, size, case.own.layer)


def missing_size_problems(view: View, size: Mapping[str, Any], layer: Layer) -> Iterator[Problem]:
    """The words that this input needs and does not have."""
    if missing := missing_sizes(size, layer):
        yield view.at_value("the input needs " + ", ".join(f'"{word}"' for word in missing))


def derivatives_problems(case: ResolvedCase) -> Iterator[Problem]:
    """Derivatives along a direction are those of one call of a layer with given
    weights.
    """
    derivatives = case.view.at("derivatives")
    if case.entry.derivatives is None or derivatives is None:
        return
    if case.is_refusal:
        yield derivatives.at_key(
            '"derivatives" and "expect" exclude each other', "a call that raises has none"
        )
    for other in ("steps", "relation"):
        if getattr(case.entry, other) is not None:
            yield derivatives.at_key(
                f'"derivatives" and "{other}" exclude each other',
                "they are those of one call, judged by itself",
            )
    weights = case.view.at("values", "weights")
    if weights is not None and case.entry.values.weights == "initial":
        yield weights.at_value("initial weights have no direction", 'leave "weights" out')
