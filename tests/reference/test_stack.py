"""The gradients of a stack against difference quotients of its values, which fifty
digits confirm elsewhere.
"""

from typing import Any

import numpy as np
import pytest

from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack
from lstm_ref.reference.weights import LSTMWeights

BATCH, TIMESTEPS, FEATURES, UNITS = 2, 3, 2, 3
WEIGHTS = ("kernel", "recurrent_kernel", "bias")
# One row takes every step, the other one misses the first and the last.
MASK = np.array([[True, True, True], [False, True, False]])
STEP = 2.0**-17  # the quotient is off by its square and less than 1e-16 / STEP

Arrays = dict[str, Any]  # "x", or the name behind layer and direction: "0/1/kernel"


def drawn(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def arrays(directions: int) -> Arrays:
    """The input, and what each layer and direction has."""
    found = {"x": drawn(0, BATCH, TIMESTEPS, FEATURES)}
    for layer in range(2):
        shapes: dict[str, tuple[int, ...]] = {
            "kernel": (FEATURES if layer == 0 else directions * UNITS, 4 * UNITS),
            "recurrent_kernel": (UNITS, 4 * UNITS),
            "bias": (4 * UNITS,),
            "h": (BATCH, UNITS),
            "c": (BATCH, UNITS),
        }
        for direction in range(directions):
            for k, (name, shape) in enumerate(shapes.items(), start=1):
                found[f"{layer}/{direction}/{name}"] = drawn(100 * layer + 10 * direction + k, *shape)
    return found


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("dropped", [False, True])
def test_gradients_agree_with_difference_quotients(directions: int, dropped: bool) -> None:
    dropout = (np.where(drawn(50, BATCH, TIMESTEPS, directions * UNITS) > 0, 2.0, 0.0),) if dropped else ()
    places = [[f"{layer}/{direction}" for direction in range(directions)] for layer in range(2)]

    def ran(values: Arrays) -> Any:
        states = [[State(values[f"{place}/h"], values[f"{place}/c"]) for place in row] for row in places]
        weights = [
            [LSTMWeights(*(values[f"{place}/{name}"] for name in WEIGHTS)) for place in row] for row in places
        ]
        return run_stack(values["x"], states, weights, mask=MASK, dropout=dropout)

    here = arrays(directions)
    (y, _), pullback = ran(here)
    of_y = drawn(60, *y.shape)
    of_last = [
        [
            State(drawn(70 + 2 * k + d, BATCH, UNITS), drawn(80 + 2 * k + d, BATCH, UNITS))
            for d in range(directions)
        ]
        for k in range(2)
    ]

    def loss(values: Arrays) -> float:
        (y, last), _ = ran(values)
        pairs = [pair for row in zip(last, of_last, strict=True) for pair in zip(*row, strict=True)]
        return float(
            np.sum(y * of_y) + sum(np.sum(state.h * d.h) + np.sum(state.c * d.c) for state, d in pairs)
        )

    gradient = pullback(of_y, of_last)
    found = {"x": gradient.x}
    for layer, row in enumerate(places):
        for direction, place in enumerate(row):
            found |= {
                f"{place}/{name}": getattr(gradient.weights[layer][direction], name) for name in WEIGHTS
            }
            found |= {
                f"{place}/{name}": getattr(gradient.initial[layer][direction], name) for name in ("h", "c")
            }
    for seed, (name, value) in enumerate(here.items(), start=1000):
        along = drawn(seed, *value.shape)
        slope = (loss({**here, name: value + STEP * along}) - loss({**here, name: value - STEP * along})) / (
            2 * STEP
        )
        assert np.sum(found[name] * along) == pytest.approx(slope, abs=1e-8), name
