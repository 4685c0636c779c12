"""What the versions of Keras do differently. The rules of each version are one
value.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lstm_ref.dialects.keras.activations import ACTIVATIONS, ACTIVATIONS_2
from lstm_ref.reference.activations import Activation

# Arguments of the constructor that describe the input, for a Sequential that starts
# with this layer. Keras 3 warns about the first two.
SIZES = ("input_shape", "input_dim")
SIZES_OF_KERAS_2 = (*SIZES, "batch_input_shape", "batch_size", "input_length")


@dataclass(frozen=True)
class Rules:
    """How the layers of one version differ from those of another.

    `refused` has the arguments of the constructor that the version does not have, each
    with the exception that it raises. `several` is the container in which a call
    returns several results. `states_of_cells` is that in which a cell returns the
    states of several cells.
    """

    activations: Mapping[str | None, Activation]
    refused: Mapping[str, type[Exception]]
    sizes: tuple[str, ...]
    several: type[list[Any]] | type[tuple[Any, ...]]
    states_of_cells: type[list[Any]] | type[tuple[Any, ...]]
    # A layer that is not stateful has nothing to reset.
    reset_needs_stateful: bool
    # Initial states may come as arrays of NumPy.
    takes_arrays: bool
    # Dropout may draw another mask at every timestep.
    draws_over_time: bool
    # Weights that are not trainable keep their penalty.
    penalizes_frozen: bool
    # Losses come part by part. Otherwise those of all outputs come before those of all
    # weights.
    losses_by_part: bool

    def check(self, given: Iterable[str], sizes: Iterable[str]) -> None:
        """Raise what the version raises for arguments that it does not have."""
        for name in given:
            if name in self.refused:
                raise self.refused[name](f"keras.layers.LSTM of this version of Keras has no {name}")
        if unknown := [name for name in sizes if name not in self.sizes]:
            raise ValueError(f"unrecognized keyword arguments: {', '.join(unknown)}")


KERAS_3 = Rules(
    activations=ACTIVATIONS,
    refused={"time_major": ValueError},
    sizes=SIZES,
    several=tuple,
    states_of_cells=list,
    reset_needs_stateful=False,
    takes_arrays=True,
    draws_over_time=False,
    penalizes_frozen=False,
    losses_by_part=False,
)
KERAS_2 = Rules(
    activations=ACTIVATIONS_2,
    refused={"seed": TypeError, "use_cudnn": TypeError},
    sizes=SIZES_OF_KERAS_2,
    several=list,
    states_of_cells=tuple,
    reset_needs_stateful=True,
    takes_arrays=False,
    draws_over_time=True,
    penalizes_frozen=True,
    losses_by_part=True,
)
# Where no version is named, a layer may have what either version has.
EITHER = Rules(**{**vars(KERAS_3), "refused": {}, "sizes": SIZES_OF_KERAS_2})

RULES: Mapping[str, Rules] = {"3": KERAS_3, "2": KERAS_2, "": EITHER}
