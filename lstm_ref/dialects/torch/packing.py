"""Packed sequences: how a case says the lengths, what packing and padding refuse, and
what a packed sequence says about its lengths.

Source: torch.nn.utils.rnn.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Sizes, unequal_lengths
from lstm_ref.reference.activations import Array

Lengths = tuple[int, ...]


@dataclass(frozen=True)
class Form:
    """A form of packed input: the lengths of its rows from (batch, timesteps), and the
    function that packs it.

    `lengths` are equal or fall from row to row where it is `sorted`.
    pack_padded_sequence takes a padded batch, pack_sequence a list of sequences, of
    which pad_sequence makes a padded batch.
    """

    lengths: Callable[[int, int], Lengths]
    sorted: bool
    packing: str = "pack_padded_sequence"


def unequal(batch: int, timesteps: int) -> Lengths:
    """The lengths of sequences, in no order. A single sequence has a length between 1
    and that of the input, if there is one.
    """
    return unequal_lengths(batch, timesteps) if batch != 1 else (max(timesteps - 2, 1),)


def falling(batch: int, timesteps: int) -> Lengths:
    """The same lengths, the longest first."""
    return tuple(sorted(unequal(batch, timesteps), reverse=True))


def ties(batch: int, timesteps: int) -> Lengths:
    """Two lengths that alternate, so that several sequences have the same length."""
    return tuple(timesteps if row % 2 else max(timesteps // 2, 1) for row in range(batch))


# The arguments of a call that say how a packed output is padded.
UNPACKING = ("padding", "padding_side", "padding_value", "total_length")

# If there are enough rows, one is as long as the input and one has a single step.
FORMS: Mapping[str | None, Form] = {
    "packed-equal": Form(lambda batch, timesteps: (timesteps,) * batch, sorted=True),
    "packed-sorted": Form(falling, sorted=True),
    "packed-unsorted": Form(unequal, sorted=False),
    "packed-ties": Form(ties, sorted=False),
    "listed-sorted": Form(falling, sorted=True, packing="pack_sequence"),
    "listed-unsorted": Form(unequal, sorted=False, packing="pack_sequence"),
    "padded-sorted": Form(falling, sorted=True, packing="pad_sequence"),
    "padded-unsorted": Form(unequal, sorted=False, packing="pad_sequence"),
}

# Other lengths than those of the form, made from these (batch,) and the timesteps of
# the input. "written" is to be replaced by what a case has written out; all others are
# wrong, and no packed sequence can have them.
OTHER_LENGTHS: Mapping[str, Callable[[Lengths, int], Sequence[Any]]] = {
    "written": lambda lengths, timesteps: lengths,
    "zero": lambda lengths, timesteps: (*lengths[:-1], 0),
    "negative": lambda lengths, timesteps: (*lengths[:-1], -1),
    "too-long": lambda lengths, timesteps: (timesteps + 1, *lengths[1:]),
    "too-few": lambda lengths, timesteps: lengths[:-1],
    "too-many": lambda lengths, timesteps: (*lengths, lengths[-1]),
    "none": lambda lengths, timesteps: (),
    "nested": lambda lengths, timesteps: (list(lengths),),
}


def packing(sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that say how the input is packed, and its output padded again, from
    those of a call in a case; none where it is not packed.
    """
    if sizes.form not in FORMS:
        return {}
    form = FORMS[sizes.form]
    lengths = form.lengths(sizes.batch, sizes.timesteps)
    arguments = {
        "lengths": OTHER_LENGTHS[call["lengths"]](lengths, sizes.timesteps) if "lengths" in call else lengths,
        "enforce_sorted": call.get("enforce_sorted", form.sorted),
        "packing": form.packing,
    }
    return arguments | {name: call[name] for name in UNPACKING if name in call}


def in_order(lengths: Sequence[int]) -> bool:
    """Whether no sequence is longer than the one before."""
    return all(a >= b for a, b in itertools.pairwise(lengths))


def check_lengths(lengths: Sequence[int], batch: int, timesteps: int, enforce_sorted: bool) -> None:
    """Raise RuntimeError for lengths that the documentation does not allow: too few or
    too many, not positive, beyond the input, or unsorted where they must be sorted.
    """
    if np.shape(lengths) != (batch,):
        raise RuntimeError(f"there must be one length for each of {batch} sequences, not {lengths}")
    if not batch or min(lengths) <= 0:
        raise RuntimeError(f"every sequence must have at least one step, not {lengths}")
    if max(lengths) > timesteps:
        raise RuntimeError(f"no sequence can be longer than the input, {timesteps} steps, as in {lengths}")
    if enforce_sorted and not in_order(lengths):
        raise RuntimeError(f"with enforce_sorted the lengths must fall from row to row, not {lengths}")


def padded_length(lengths: Sequence[int], total_length: int | None) -> int:
    """The timesteps of the padded output. Raises ValueError where a sequence is
    longer.
    """
    longest = max(lengths)
    if total_length is not None and total_length < longest:
        raise ValueError(f"total_length {total_length} is less than the longest sequence, {longest}")
    return longest if total_length is None else total_length


def with_length(sequences: Array, timesteps: int) -> Array:
    """(..., batch, timesteps, n) cut off, or filled up with zeros, to so many
    timesteps.
    """
    missing = timesteps - sequences.shape[-2]
    if missing <= 0:
        return sequences[..., :timesteps, :]
    return np.concatenate(
        [sequences, np.zeros((*sequences.shape[:-2], missing, sequences.shape[-1]), sequences.dtype)], axis=-2
    )


def from_steps(steps: Array, mask: Array) -> Array:
    """(batch, timesteps, n), zeros after the end of each sequence, from the steps (sum
    of lengths, n) of one sequence after the other.
    """
    padded = np.zeros((*mask.shape, steps.shape[-1]), steps.dtype)
    padded[mask] = steps
    return padded


def later(sequences: Array, steps: Array) -> Array:
    """(..., batch, timesteps, n) with each row moved so many steps (batch,) later,
    round the end; negative ones are earlier.
    """
    timesteps = sequences.shape[-2]
    source = (np.arange(timesteps) - steps[:, None]) % timesteps
    return np.take_along_axis(
        sequences, source.reshape((1,) * (sequences.ndim - 3) + (*source.shape, 1)), axis=-2
    )


def fields(lengths: Sequence[int], outputs: int) -> dict[str, Array]:
    """What a packed sequence, with this number of outputs a step, says about its
    lengths; and the lengths that pad_packed_sequence returns with the padded batch.

    The documentation does not say in which order sequences of one length are sorted:
    only that `sorted_indices` sort, and `unsorted_indices` take it back.
    """
    return {
        "lengths": np.array(lengths, np.int64),
        "batch_sizes": np.array(
            [sum(length > t for length in lengths) for t in range(max(lengths))], np.int64
        ),
        "lengths[sorted_indices]": np.array(sorted(lengths, reverse=True), np.int64),
        "sorted_indices[unsorted_indices]": np.arange(len(lengths), dtype=np.int64),
        "data.shape": np.array([sum(lengths), outputs], np.int64),
    }
