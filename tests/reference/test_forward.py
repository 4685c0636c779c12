"""The forward pass alone: the numbers of `run`, without what its pullback holds."""

import tracemalloc
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lstm_ref.reference import sequence
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import forward, run, walk
from lstm_ref.reference.weights import LSTMWeights

BATCH, TIMESTEPS, FEATURES, UNITS = 3, 7, 2, 4


def drawn(*shape: int) -> Any:
    return np.random.default_rng(sum(shape)).uniform(-1, 1, shape)


def layer(batch: int, timesteps: int, features: int, units: int) -> tuple[Any, State, LSTMWeights]:
    """An input, an initial state and weights."""
    weights = LSTMWeights(drawn(features, 4 * units), drawn(units, 4 * units), drawn(4 * units))
    return drawn(batch, timesteps, features), State(drawn(batch, units), -drawn(batch, units)), weights


ASKED = {
    "plain": {},
    "mask": {"mask": drawn(BATCH, TIMESTEPS) > 0},
    "dropout": {"dropout": 2.0 * (drawn(4, BATCH, TIMESTEPS, FEATURES) > 0)},
    "recurrent-dropout": {"recurrent_dropout": 2.0 * (drawn(1, BATCH, 1, UNITS) > 0)},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("steps_at_once", [1, 3, TIMESTEPS])
def test_forward_alone_gives_the_numbers_of_run_however_many_steps_are_prepared_at_once(
    asked: Mapping[str, Any], steps_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, initial, weights = layer(BATCH, TIMESTEPS, FEATURES, UNITS)
    (h, last), _ = run(x, initial, weights, **asked)
    monkeypatch.setattr(sequence, "BLOCK", (steps_at_once - 1) * (1 + BATCH * 4 * UNITS))
    alone, last_alone = forward(walk(x, initial, weights, **asked))
    for expected, found in ((h, alone), (last.h, last_alone.h), (last.c, last_alone.c)):
        np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_gradients_are_the_same_however_many_steps_are_prepared_at_once(
    asked: Mapping[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    x, initial, weights = layer(BATCH, TIMESTEPS, FEATURES, UNITS)
    (h, last), pullback = run(x, initial, weights, **asked)
    monkeypatch.setattr(sequence, "BLOCK", 2 * (1 + BATCH * 4 * UNITS))
    _, pullback_of_blocks = run(x, initial, weights, **asked)
    one, other = pullback(h, last), pullback_of_blocks(h, last)
    np.testing.assert_allclose(other.x, one.x, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(other.weights.kernel, one.weights.kernel, rtol=1e-12, atol=1e-14)


def test_no_sequences_at_all_give_no_outputs() -> None:
    x, initial, weights = layer(0, TIMESTEPS, FEATURES, UNITS)
    h, last = forward(walk(x, initial, weights))
    assert h.shape == (0, TIMESTEPS, UNITS)
    assert last.c.shape == (0, UNITS)


def test_forward_alone_holds_its_output_and_needs_at_most_two_and_a_half_times_as_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, initial, weights = layer(batch=64, timesteps=256, features=8, units=32)
    monkeypatch.setattr(sequence, "BLOCK", 8 * 64 * 4 * 32)
    tracemalloc.start()
    try:
        kept = forward(walk(x, initial, weights))
        held, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    size = kept[0].nbytes
    assert held <= 1.1 * size, f"{held / size:.2f} times the output is held"
    assert peak <= 2.5 * size, f"{peak / size:.2f} times the output at the peak"
