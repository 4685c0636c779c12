"""Mistakes of back-propagation through time: gradients that are cut off, left out,
averaged, or added up from other steps.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State, StepGradient
from lstm_ref.reference.dropout import pull_to_weights
from lstm_ref.reference.sequence import SequenceGradient, rows, rows_of_mask, spread
from lstm_ref.verdict.faults.fault import Fault, replaced
from lstm_ref.verdict.faults.wrapping import Arguments, Wrong, bound, giving, in_run, in_walk, pulling

STEPS, FIVE_STEPS = frozenset({"steps"}), frozenset({"more than 4 steps"})


def of_gradients() -> Iterator[Fault]:
    """The faults of this kind."""
    for meaning, (cotangents, needs) in COTANGENTS.items():
        yield Fault(meaning, replacements=in_run(pulling(cotangents)), needs=needs, backward=True)
    for meaning, given in GIVEN.items():
        yield Fault(meaning, replacements=in_run(giving(given)), needs=needs_of(meaning), backward=True)
    for meaning, passed_on in PASSED_ON.items():
        needs = FIVE_STEPS if "4 steps" in meaning else STEPS
        yield Fault(meaning, replacements=in_walk(pulling_steps(passed_on)), needs=needs, backward=True)
    for meaning, sums in SUMS.items():
        yield Fault(meaning, replacements=in_run(adding_up(sums)), needs=needs_of(meaning), backward=True)
    yield Fault(
        "masked steps are taken on the way back",
        replacements=in_run(unmasked),
        needs=frozenset({"mask"}),
        backward=True,
    )


def needs_of(meaning: str) -> frozenset[str]:
    """What a layer has to have to make the mistake: what the sentence names."""
    parts = {
        "projection": "projection",
        "peepholes": "peepholes",
        "second bias": "second bias",
        "biases": "second bias",
        "step": "steps",
        "dropout of the input": "dropout",
        "dropout of h": "recurrent dropout",
    }
    return frozenset(part for word, part in parts.items() if word in meaning)


def no_state(d_last: State) -> State:
    """No gradient of the last state."""
    return State(*map(np.zeros_like, d_last))


def last_step_alone(given: Arguments, dh: Array, d_last: State) -> tuple[Array, State]:
    """Only the output of the last step has a gradient."""
    return np.concatenate([0 * dh[..., :-1, :], dh[..., -1:, :]], axis=-2), d_last


NOTHING: frozenset[str] = frozenset()

COTANGENTS: Mapping[str, tuple[Callable[[Arguments, Array, State], Any], frozenset[str]]] = {
    "the gradient of the returned h is left out": (
        lambda given, dh, d_last: (dh, State(no_state(d_last).h, d_last.c)),
        NOTHING,
    ),
    "the gradient of the returned c is left out": (
        lambda given, dh, d_last: (dh, State(d_last.h, no_state(d_last).c)),
        NOTHING,
    ),
    "the gradients of the returned h and c change places": (
        lambda given, dh, d_last: (dh, exchanged(d_last)),
        NOTHING,
    ),
    "only the output of the last step has a gradient": (last_step_alone, STEPS),
    "the gradients of the outputs come a step late": (
        lambda given, dh, d_last: (np.roll(dh, 1, axis=-2), d_last),
        STEPS,
    ),
    "the gradients of the outputs are averaged over the steps": (
        lambda given, dh, d_last: (dh / dh.shape[-2], d_last),
        STEPS,
    ),
    "the outputs of masked steps have no gradient": (
        lambda given, dh, d_last: (dh if given.mask is None else dh * given.mask[..., None], d_last),
        frozenset({"mask"}),
    ),
}


WEIGHTS = ("kernel", "recurrent_kernel", "bias", "recurrent_bias", "projection", "peepholes")


def rows_in(given: Arguments) -> int:
    """The number of rows."""
    return int(given.x.shape[-3])


def of_weights(**change: Callable[[Any, Arguments], Any]) -> Callable[..., SequenceGradient]:
    """The gradients with those of some weights changed, where there are any."""

    def changed(given: Arguments, found: SequenceGradient) -> SequenceGradient:
        weights = {
            name: to(getattr(found.weights, name), given)
            for name, to in change.items()
            if getattr(found.weights, name) is not None
        }
        return found._replace(weights=replace(found.weights, **weights))

    return changed


def everything(change: Callable[[Array, Arguments], Array]) -> Callable[..., SequenceGradient]:
    """All gradients changed."""

    def changed(given: Arguments, found: SequenceGradient) -> SequenceGradient:
        of_all = of_weights(**dict.fromkeys(WEIGHTS, change))(given, found)
        initial = State(*(change(part, given) for part in found.initial))
        return of_all._replace(x=change(found.x, given), initial=initial)

    return changed


def exchanged(pair: State) -> State:
    """The gradients of h and c in each other's place, where these have one shape."""
    return State(*pair[::-1]) if pair.h.shape == pair.c.shape else pair


def bounded(values: Array, given: Arguments) -> Array:
    """The values, none of them beyond 1."""
    return np.clip(values, -1, 1)


def none_of(values: Array, given: Arguments) -> Array:
    """No gradient."""
    return np.zeros_like(values)


def averaged(values: Array, given: Arguments) -> Array:
    """The mean over the rows, and not the sum."""
    mean: Array = values / rows_in(given)
    return mean


def halved(values: Array, given: Arguments) -> Array:
    """Half of the gradient."""
    return values / 2


def negative(values: Array, given: Arguments) -> Array:
    """The gradient with the other sign."""
    return -values


GIVEN: Mapping[str, Callable[[Arguments, SequenceGradient], SequenceGradient]] = {
    "the initial h has no gradient": lambda given, found: found._replace(
        initial=State(0 * found.initial.h, found.initial.c)
    ),
    "the initial c has no gradient": lambda given, found: found._replace(
        initial=State(found.initial.h, 0 * found.initial.c)
    ),
    "the gradients of the initial h and c change places": lambda given, found: found._replace(
        initial=exchanged(found.initial)
    ),
    "the input has no gradient": lambda given, found: found._replace(x=0 * found.x),
    "the gradient of the input comes a step late": lambda given, found: found._replace(
        x=np.roll(found.x, 1, axis=-2)
    ),
    "the gradient of the input is that of the last step alone": lambda given, found: found._replace(
        x=np.concatenate([0 * found.x[..., :-1, :], found.x[..., -1:, :]], axis=-2)
    ),
    "the kernel has no gradient": of_weights(kernel=none_of),
    "the recurrent kernel has no gradient": of_weights(recurrent_kernel=none_of),
    "the biases have no gradient": of_weights(bias=none_of, recurrent_bias=none_of),
    "the second bias has no gradient": of_weights(recurrent_bias=none_of),
    "the biases have half of the gradient each": of_weights(bias=halved, recurrent_bias=halved),
    "the gradient of the kernel is averaged over the rows": of_weights(kernel=averaged),
    "the gradient of the recurrent kernel is averaged over the rows": of_weights(recurrent_kernel=averaged),
    "the gradient of the bias is averaged over the rows": of_weights(bias=averaged, recurrent_bias=averaged),
    "the gradient of the projection is averaged over the rows": of_weights(projection=averaged),
    "the gradient of the bias has the wrong sign": of_weights(bias=negative),
    "all gradients are averaged over the rows": everything(averaged),
    "all gradients have the wrong sign": everything(negative),
    "the gradients of weights are bounded to [-1, 1]": of_weights(**dict.fromkeys(WEIGHTS, bounded)),
    "the peepholes have no gradient": of_weights(peepholes=none_of),
}


def pulling_steps(change: Callable[[int, int, StepGradient], StepGradient]) -> Wrong:
    """A loop in which the pullback of each step gives other gradients, by the number of
    the step and of all steps.
    """

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def walk(*args: Any, **kwargs: Any) -> Iterator[Any]:
            timesteps = arguments(*args, **kwargs).x.shape[-2]
            for t, (state, pull) in enumerate(right(*args, **kwargs)):
                yield state, lambda after, t=t, pull=pull: change(t, timesteps, pull(after))

        return walk

    return wrong


def cut_off(found: StepGradient) -> StepGradient:
    """Nothing goes on to the step before."""
    return found._replace(before=State(*map(np.zeros_like, found.before)))


PASSED_ON: Mapping[str, Callable[[int, int, StepGradient], StepGradient]] = {
    "nothing goes back over the border of a block of 4 steps": lambda t, timesteps, found: (
        cut_off(found) if t and t % 4 == 0 else found
    ),
    "nothing goes back further than 3 steps from the end": lambda t, timesteps, found: (
        cut_off(found) if timesteps - t >= 3 else found
    ),
    "only the last step adds to the gradients of weights and input": lambda t, timesteps, found: (
        found if t == timesteps - 1 else found._replace(z=0 * found.z)
    ),
    "the first step adds nothing to the gradients of weights and input": lambda t, timesteps, found: (
        found if t else found._replace(z=0 * found.z)
    ),
}


def unmasked(right: Any) -> Any:
    """A run with the pullback that it has without a mask."""
    arguments = bound(right)

    def run(*args: Any, **kwargs: Any) -> Any:
        value, _ = right(*args, **kwargs)
        _, pull = right(**{**vars(arguments(*args, **kwargs)), "mask": None})
        return value, pull

    return run


# What the gradients of weights are made of: the arguments of the run, its h (batch,
# timesteps, outputs), and dz (batch, timesteps, 4 units), the gradients of what goes
# into the gates.
Parts: TypeAlias = SimpleNamespace
Sums: TypeAlias = Callable[[Parts], Mapping[str, Array]]


def adding_up(sums: Sums) -> Wrong:
    """A run with other gradients of weights, by name."""

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def run(*args: Any, **kwargs: Any) -> Any:
            found: dict[int, Array] = {}

            def noted(t: int, timesteps: int, gradient: StepGradient) -> StepGradient:
                found[t] = gradient.z
                return gradient

            with replaced(in_walk(pulling_steps(noted))):
                (h, last), pull = right(*args, **kwargs)
            given = arguments(*args, **kwargs)

            def pullback(dh: Array, d_last: State) -> SequenceGradient:
                gradient = pull(dh, d_last)
                dz = np.stack([found[t] for t in range(h.shape[-2])], axis=-2)
                parts = Parts(given=given, h=h, dz=dz, right=gradient.weights)
                weights = replace(gradient.weights, **sums(parts))
                return SequenceGradient(gradient.x, gradient.initial, weights)

            return (h, last), pullback

        return run

    return wrong


def before(parts: Parts) -> Array:
    """The h before each step."""
    first = np.broadcast_to(parts.given.initial.h[..., None, :], parts.h[..., :1, :].shape)
    return np.concatenate([first, parts.h[..., :-1, :]], axis=-2)


def recurrent(parts: Parts, h: Array, dz: Array) -> Mapping[str, Array]:
    """The gradient of the recurrent kernel from these h and dz."""
    drop = rows_of_mask(spread(parts.given.recurrent_dropout, parts.h.shape[-2]))
    return {"recurrent_kernel": pull_to_weights(rows(h), drop, rows(dz))}


def input_kernel(parts: Parts, x: Array, dz: Array) -> Mapping[str, Array]:
    """The gradient of the kernel from these x and dz."""
    drop = rows_of_mask(spread(parts.given.dropout, parts.h.shape[-2]))
    return {"kernel": pull_to_weights(rows(x), drop, rows(dz))}


def last_alone(values: Array) -> Array:
    """Zeros for all steps but the last."""
    return np.concatenate([0 * values[..., :-1, :], values[..., -1:, :]], axis=-2)


def first_row_alone(values: Array) -> Array:
    """Zeros for all rows but the first."""
    return np.concatenate([values[..., :1, :, :], 0 * values[..., 1:, :, :]], axis=-3)


def biases(parts: Parts, dz: Array) -> Mapping[str, Array]:
    """The gradients of the biases from this dz."""
    total = np.sum(dz, axis=(-3, -2))
    return {"bias": total} | ({} if parts.right.recurrent_bias is None else {"recurrent_bias": total})


SUMS: Mapping[str, Sums] = {
    "the gradient of the recurrent kernel has the h after each step": lambda parts: recurrent(
        parts, parts.h, parts.dz
    ),
    "the gradient of the recurrent kernel leaves out the initial h": lambda parts: recurrent(
        parts, np.concatenate([0 * parts.h[..., :1, :], parts.h[..., :-1, :]], axis=-2), parts.dz
    ),
    "the gradient of the recurrent kernel is that of the last step": lambda parts: recurrent(
        parts, before(parts), last_alone(parts.dz)
    ),
    "the gradient of the recurrent kernel is that of the first row": lambda parts: recurrent(
        parts, before(parts), first_row_alone(parts.dz)
    ),
    "the gradient of the kernel is that of the last step": lambda parts: input_kernel(
        parts, parts.given.x, last_alone(parts.dz)
    ),
    "the gradient of the kernel is that of the first row": lambda parts: input_kernel(
        parts, parts.given.x, first_row_alone(parts.dz)
    ),
    "the gradient of the kernel has the input of the step before": lambda parts: input_kernel(
        parts, np.roll(parts.given.x, 1, axis=-2), parts.dz
    ),
    "the gradient of the bias is that of the last step": lambda parts: biases(parts, last_alone(parts.dz)),
    "the gradient of the bias is that of the first row": lambda parts: biases(
        parts, first_row_alone(parts.dz)
    ),
    "the gradient of the kernel forgets the dropout of the input": lambda parts: {
        "kernel": pull_to_weights(rows(parts.given.x), None, rows(parts.dz))
    },
    "the gradient of the recurrent kernel forgets the dropout of h": lambda parts: {
        "recurrent_kernel": pull_to_weights(rows(before(parts)), None, rows(parts.dz))
    },
    "the gradient of the kernel is not summed over the rows, but taken of their mean": lambda parts: {
        "kernel": pull_to_weights(np.mean(parts.given.x, axis=-3), None, np.sum(parts.dz, axis=-3))
    },
}
