"""Layers that keep the weights they were constructed with: those are judged by what is
promised, and all that is computed by those.
"""

import re
from collections.abc import Callable

import pytest
from heads import head

from lstm_ref.corpus import Case
from lstm_ref.results.records import Outcome

Read = Callable[[str], dict[str, Case]]
Judged = Callable[..., Outcome]

KERAS = (
    head("keras", "LSTM", "input: {batch: 2, timesteps: 3, features: 40}", "values: {weights: initial}")
    + """\
  - name: read-between
    params: {units: 24}
    steps: [{call: {}}, weights, {call: {}}]
  - name: both-directions
    layer: Bidirectional
    params: {layer: {layer: LSTM, params: {units: 24}}}
    steps: [{call: {}}, weights]
"""
)
TORCH = (
    head(
        "torch",
        "LSTM",
        "params: {input_size: 20, hidden_size: 30, num_layers: 2}",
        "input: {batch: 2, timesteps: 3}",
        "values: {weights: initial}",
    )
    + """\
  - name: read-first
    steps: [weights, {call: {}}]
  - name: drawn-again
    steps: [reset-parameters, weights, {call: {}}]
"""
)
TEXTS = {"read-between": KERAS, "both-directions": KERAS, "read-first": TORCH, "drawn-again": TORCH}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TEXTS)
def test_weights_as_they_are_promised_pass(name: str, dtype: str, read: Read, judged: Judged) -> None:
    outcome = judged(read(TEXTS[name])[name], dtype=dtype)
    assert (outcome.outcome, outcome.message) == ("pass", "")


@pytest.mark.parametrize(
    ("name", "fault", "complaints"),
    [
        (
            "read-between",
            "kernels_spread_too_wide",
            [r"call 1: kernel begins with .* in it, outside of", "call 1: kernel is not uniform from"],
        ),
        (
            "read-between",
            "recurrent_kernel_not_orthogonal",
            ["call 1: recurrent_kernel is not orthogonal with gain 1"],
        ),
        (
            "read-between",
            "forget_bias_missing",
            [r"call 1: bias begins with .* at \[24\] 0, expected 1$"],
        ),
        (
            "both-directions",
            "kernels_spread_too_wide",
            ["forward/kernel is not uniform", "backward/kernel is not uniform"],
        ),
        (
            "both-directions",
            "forget_bias_missing",
            ["call 1: forward/bias begins with", "call 1: backward/bias begins with"],
        ),
        (
            "read-first",
            "kernels_spread_too_wide",
            ["call 0: weight_ih_l0 is not uniform from -0.1826 to 0.1826", "weight_hh_l1 begins with"],
        ),
        ("drawn-again", "kernels_spread_too_wide", ["weight_hh_l0 is not uniform"]),
    ],
)
def test_weights_of_another_distribution_fail(
    name: str, fault: str, complaints: list[str], read: Read, judged: Judged
) -> None:
    outcome = judged(read(TEXTS[name])[name], fault)
    assert outcome.outcome == "fail"
    for complaint in complaints:
        assert re.search(complaint, outcome.message), outcome.message


@pytest.mark.parametrize(
    ("name", "call"),
    [("read-between", 0), ("read-between", 2), ("both-directions", 0), ("read-first", 1), ("drawn-again", 1)],
)
def test_calls_are_judged_with_the_weights_that_were_read(
    name: str, call: int, read: Read, judged: Judged
) -> None:
    outcome = judged(read(TEXTS[name])[name], "output_doubled")
    assert outcome.outcome == "fail"
    assert f"call {call}: output: " in outcome.message
