"""What all modules of torch.nn have in common: the input of a call, and what can be
done with a module beside calling it.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from lstm_ref.dialects.dialect import INPUT_DEVIATION, Given, Place, Role, Sizes, Spec

# After these actions the same parameters are frozen as before.
KEEPING = ("pickle", "deepcopy", "parametrize", "tie", "reset-parameters")

# After these the module has new parameters, and none of them is frozen.
RENEWING = ("state-dict", "functional-call", "replace-parameters")

# These freeze parameters: those whose names contain the word.
FREEZING = {"freeze": "", "freeze-recurrent": "weight_hh", "freeze-first-layer": "_l0"}

ROLES: Mapping[str, Role] = {
    "weight_ih": "kernel",
    "weight_hh": "recurrent kernel",
    "bias_ih": "bias",
    "bias_hh": "recurrent bias",
    "weight_hr": "projection",
}

NOWHERE = Place()

# The dtypes in which a twin computes. A module does not take an input in any other
# dtype.
FLOATS = (np.dtype("float64"), np.dtype("float32"))


def frozen_after(layer: str, action: str, frozen: frozenset[str], names: Iterable[str]) -> frozenset[str]:
    """Which of the parameters of these names are frozen after the action. Raises
    NotImplementedError for what PyTorch does not do with a module.
    """
    if action in FREEZING:
        return frozen | {name for name in names if FREEZING[action] in name}
    if action not in (*KEEPING, *RENEWING):
        raise NotImplementedError(
            f"the NumPy torch.nn.{layer} has no {action}: modules of torch.nn record no state; pass hx"
            " instead"
        )
    return frozen if action in KEEPING else frozenset()


def with_role(spec: Spec, own: str, place: Place = NOWHERE) -> Spec:
    """The spec of a parameter that is called so in a cell, and belongs to this LSTM of
    the module.
    """
    return spec._replace(role=ROLES[own], own=own, place=place)


def input_spec(sizes: Sizes, batch_first: bool, dtype: str | None = None) -> Spec | Given:
    """The input of torch.nn.LSTM, (T, N, H_in), (N, T, H_in) or unbatched (T, H_in);
    one of another dtype is all ones.
    """
    axes = ("time",) if sizes.form == "unbatched" else ("batch", "time") if batch_first else ("time", "batch")
    size = {"time": sizes.timesteps, "batch": sizes.batch}
    return of_dtype(
        Spec(
            sizes.shape or (*(size[axis] for axis in axes), sizes.features),
            (*axes, "feature"),
            INPUT_DEVIATION,
            "x",
        ),
        dtype,
    )


def cell_input_spec(sizes: Sizes, dtype: str | None = None) -> Spec | Given:
    """The input of torch.nn.LSTMCell, (N, H_in) or unbatched (H_in)."""
    axes = () if sizes.form == "unbatched" else ("batch",)
    return of_dtype(
        Spec(
            sizes.shape or (*(sizes.batch for _ in axes), sizes.features),
            (*axes, "feature"),
            INPUT_DEVIATION,
            "x",
        ),
        dtype,
    )


def of_dtype(spec: Spec, dtype: str | None) -> Spec | Given:
    """The array to be drawn. If a dtype is named, it is ones of that dtype instead."""
    return spec if dtype is None else Given(np.ones(spec.shape, dtype), spec.axes)
