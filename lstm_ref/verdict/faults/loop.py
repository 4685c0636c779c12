"""Mistakes of the loop over time: what a step starts from, which steps are taken, and
which parts of vectors and batches a kernel leaves out.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State, step
from lstm_ref.reference.sequence import choose, from_input, spread
from lstm_ref.verdict.faults.fault import Fault
from lstm_ref.verdict.faults.wrapping import (
    Arguments,
    Wrong,
    bound,
    in_run,
    in_step,
    in_walk,
    with_arguments,
    with_result,
)

STEPS = frozenset({"steps"})
FIVE_STEPS = frozenset({"more than 4 steps"})
MASKED = frozenset({"mask"})

# The state that step t starts from: of all states, the first of which is the initial
# one.
Start: TypeAlias = Callable[[list[State], int], State]
# The state after step t: of the mask (batch, timesteps), t, and the states after and
# before the step, if it is taken.
Choice: TypeAlias = Callable[[Array, int, State, State], State]
# Which step's input step t reads, of so many.
Reading: TypeAlias = Callable[[int, int], int]


def of_loops() -> Iterator[Fault]:
    """The faults of this kind."""
    for meaning, start in STARTS.items():
        needs = FIVE_STEPS if "each 4 steps" in meaning else STEPS
        yield Fault(meaning, replacements=in_walk(walking(start=start)), needs=needs)
    for meaning, reading in READINGS.items():
        yield Fault(meaning, replacements=in_walk(walking(reading=reading)), needs=STEPS)
    for meaning, choice in CHOICES.items():
        yield Fault(meaning, replacements=in_walk(walking(choice=choice)), needs=MASKED)
    for meaning, change in MASKS.items():
        yield Fault(meaning, replacements=in_run(with_mask(change)), needs=MASKED)
    yield Fault("the outputs come a step late", replacements=in_run(with_result(delayed)), needs=STEPS)
    yield Fault(
        "a masked step reads zeros, and is taken",
        replacements=in_run(with_arguments(with_zeros_for_masked)),
        needs=MASKED,
    )
    yield Fault(
        "the last state is that after all steps, masked or not",
        replacements=in_run(with_last_of_all_steps),
        needs=MASKED,
    )
    for meaning, wrong in TAILS.items():
        yield Fault(meaning, replacements=in_step(wrong))
    for meaning, wrong in RUNS.items():
        yield Fault(meaning, replacements=in_run(wrong))


def right_start(states: list[State], t: int) -> State:
    """The state after the step before."""
    return states[-1]


def right_choice(mask: Array, t: int, after: State, before: State) -> State:
    """The state after the step where it is taken."""
    return choose(mask[:, t, None], after, before)


def walking(
    start: Start = right_start, choice: Choice = right_choice, reading: Reading = lambda t, timesteps: t
) -> Wrong:
    """A loop that starts its steps elsewhere, goes on from other states, or reads other
    steps.
    """

    def wrong(right: Any) -> Any:
        arguments = bound(right)

        def walk(*args: Any, **kwargs: Any) -> Iterator[Any]:
            given = arguments(*args, **kwargs)
            timesteps = given.x.shape[-2]
            z_x = from_input(given.x, given.weights, spread(given.dropout, timesteps))
            drop_h = spread(given.recurrent_dropout, timesteps)
            states = [given.initial]
            for t in range(timesteps):
                after, pull = step(
                    z_x[..., reading(t, timesteps), :],
                    start(states, t),
                    given.weights,
                    given.activation,
                    given.recurrent_activation,
                    None if drop_h is None else drop_h[..., t, :],
                    given.variant,
                )
                states.append(after if given.mask is None else choice(given.mask, t, after, states[-1]))
                yield states[-1], pull

        return walk

    return wrong


def zero(state: State) -> State:
    """Zeros, in place of a state."""
    return State(*map(np.zeros_like, state))


def at_blocks(change: Callable[[list[State]], State]) -> Start:
    """The start is changed after each 4 steps."""
    return lambda states, t: change(states) if t and t % 4 == 0 else states[-1]


def earlier(states: list[State]) -> State:
    """The state before the last step."""
    return states[max(len(states) - 2, 0)]


STARTS: Mapping[str, Start] = {
    "the state is reset after each 4 steps": at_blocks(lambda states: zero(states[-1])),
    "h is reset after each 4 steps": at_blocks(lambda states: states[-1]._replace(h=zero(states[-1]).h)),
    "c is reset after each 4 steps": at_blocks(lambda states: states[-1]._replace(c=zero(states[-1]).c)),
    "after each 4 steps the initial state comes back": at_blocks(lambda states: states[0]),
    "after each 4 steps the h of the step before the last is taken": at_blocks(
        lambda states: states[-1]._replace(h=earlier(states).h)
    ),
    "each step starts from the h of the step before the last": lambda states, t: states[-1]._replace(
        h=earlier(states).h
    ),
    "each step starts from the c of the step before the last": lambda states, t: states[-1]._replace(
        c=earlier(states).c
    ),
    "every second step starts where the one before it did": lambda states, t: (
        earlier(states) if t % 2 else states[-1]
    ),
    "each step starts from the initial h": lambda states, t: states[-1]._replace(h=states[0].h),
    "each step starts from the initial c": lambda states, t: states[-1]._replace(c=states[0].c),
    "the first step starts from zeros in all rows but the first": lambda states, t: (
        State(*(np.concatenate([part[..., :1, :], 0 * part[..., 1:, :]], axis=-2) for part in states[-1]))
        if t == 0
        else states[-1]
    ),
}

READINGS: Mapping[str, Reading] = {
    "each step reads the input of the step before": lambda t, timesteps: max(t - 1, 0),
    "each step reads the input of the next step": lambda t, timesteps: min(t + 1, timesteps - 1),
    "the last step reads the input of the step before it": lambda t, timesteps: min(t, max(timesteps - 2, 0)),
    "every second step reads the input of the step before it": lambda t, timesteps: t - t % 2,
}

CHOICES: Mapping[str, Choice] = {
    "a masked step changes c": lambda mask, t, after, before: State(
        right_choice(mask, t, after, before).h, after.c
    ),
    "a masked step changes h": lambda mask, t, after, before: State(
        after.h, right_choice(mask, t, after, before).c
    ),
    "a masked step resets the state": lambda mask, t, after, before: right_choice(
        mask, t, after, zero(before)
    ),
    "a masked step resets h": lambda mask, t, after, before: right_choice(
        mask, t, after, before._replace(h=zero(before).h)
    ),
    "a masked step resets c": lambda mask, t, after, before: right_choice(
        mask, t, after, before._replace(c=zero(before).c)
    ),
    "a step is taken by all rows if one row takes it": lambda mask, t, after, before: (
        after if np.any(mask[:, t]) else before
    ),
    "a step is taken by no row if one row does not take it": lambda mask, t, after, before: (
        after if np.all(mask[:, t]) else before
    ),
}


def with_mask(change: Callable[[Array], Array]) -> Wrong:
    """A run with another mask (batch, timesteps)."""
    return with_arguments(lambda given: {} if given.mask is None else {"mask": change(given.mask)})


def as_lengths(mask: Array) -> Array:
    """As many steps at the beginning as the mask takes anywhere."""
    found: Array = np.arange(mask.shape[1]) < np.sum(mask, axis=1, keepdims=True)
    return found


def up_to_last(mask: Array) -> Array:
    """All steps up to the last one that is taken."""
    found: Array = np.logical_or.accumulate(mask[:, ::-1], axis=1)[:, ::-1]
    return found


MASKS: Mapping[str, Callable[[Array], Array]] = {
    "all rows have the mask of the first row": lambda mask: np.broadcast_to(mask[:1], mask.shape),
    "the mask comes a step late": lambda mask: np.roll(mask, 1, axis=1),
    "the mask comes a step early": lambda mask: np.roll(mask, -1, axis=1),
    "the rows' masks change places": lambda mask: np.roll(mask, 1, axis=0),
    "the mask is read in reverse": lambda mask: mask[:, ::-1],
    "the steps taken are counted, and come first": as_lengths,
    "a row ends at its first masked step": lambda mask: np.logical_and.accumulate(mask, axis=1),
    "only steps after the last one taken are masked": up_to_last,
    "only steps before the first one taken are masked": lambda mask: np.logical_or.accumulate(mask, axis=1),
    "a row takes one step more": lambda mask: mask | np.roll(as_lengths(mask) & mask, 1, axis=1),
    "a row takes its last step not": lambda mask: mask & np.roll(up_to_last(mask), -1, axis=1),
}


def delayed(given: Arguments, value: Any) -> Any:
    """h one step late: the first is the initial one."""
    h, last = value
    first = np.broadcast_to(given.initial.h[..., None, :], h[..., :1, :].shape)
    return np.concatenate([first, h[..., :-1, :]], axis=-2), last


def with_zeros_for_masked(given: Arguments) -> Mapping[str, Any]:
    """A masked step reads zeros, and is taken."""
    if given.mask is None:
        return {}
    return {"x": np.where(given.mask[..., None], given.x, 0), "mask": None}


def with_last_of_all_steps(right: Any) -> Any:
    """The last state is that after all steps, masked or not."""
    arguments = bound(right)

    def run(*args: Any, **kwargs: Any) -> Any:
        (h, _), pull = right(*args, **kwargs)
        (_, last), _ = right(**{**vars(arguments(*args, **kwargs)), "mask": None})
        return (h, last), pull

    return run


def without_odd(values: Array) -> Array:
    """The values (..., n) with zeros for the last of an odd number."""
    if values.shape[-1] % 2 == 0:
        return values
    return np.concatenate([values[..., :-1], 0 * values[..., -1:]], axis=-1)


def units_not_read(given: Arguments) -> Mapping[str, Any]:
    """The recurrent kernel does not read the last of an odd number of outputs."""
    return {"before": given.before._replace(h=without_odd(given.before.h))}


def units_not_computed(given: Arguments, after: State) -> State:
    """The last of an odd number of outputs stays zero."""
    return after._replace(h=without_odd(after.h))


def rows_not_computed(given: Arguments, after: State) -> State:
    """The last of an odd number of rows stays as it was before the step."""
    if after.h.shape[-2] % 2 == 0:
        return after
    return State(
        *(
            np.concatenate([new[..., :-1, :], old[..., -1:, :]], axis=-2)
            for new, old in zip(after, given.before, strict=True)
        )
    )


def rows_in_blocks(given: Arguments, after: State) -> State:
    """Rows after the last full block of 4 stay as they were before the step."""
    whole = after.h.shape[-2] // 4 * 4
    return State(
        *(
            np.concatenate([new[..., :whole, :], old[..., whole:, :]], axis=-2)
            for new, old in zip(after, given.before, strict=True)
        )
    )


TAILS: Mapping[str, Wrong] = {
    "the recurrent kernel does not read the last of an odd number of units": with_arguments(units_not_read),
    "the last of an odd number of units is not computed": with_result(units_not_computed),
    "the last of an odd number of rows is not computed": with_result(rows_not_computed),
    "rows after the last full block of 4 are not computed": with_result(rows_in_blocks),
}

RUNS: Mapping[str, Wrong] = {
    "the last of an odd number of features is not read": with_arguments(
        lambda given: {"x": without_odd(given.x)}
    ),
    "all rows read the input of the first row": with_arguments(
        lambda given: {"x": np.broadcast_to(given.x[..., :1, :, :], given.x.shape)}
    ),
    "all rows start from the state of the first row": with_arguments(
        lambda given: {
            "initial": State(*(np.broadcast_to(part[..., :1, :], part.shape) for part in given.initial))
        }
    ),
}
