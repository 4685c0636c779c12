"""Steps of training, and what a call leaves behind beside its result, through a whole
run.
"""

from collections.abc import Callable

import pytest
from heads import head

from lstm_ref.corpus import Case
from lstm_ref.results.records import Outcome

Read = Callable[[str], dict[str, Case]]
Judged = Callable[..., Outcome]

CASES = (
    head(
        "keras",
        "LSTM",
        "params: {units: 3, return_sequences: true}",
        "input: {batch: 4, timesteps: 5, features: 5}",
    )
    + """\
  - name: trained-and-read
    steps: [{train: {epochs: 3, learning_rate: 0.125}}, weights]
  - name: trained-and-called
    params: {bias_regularizer: {class_name: L2, config: {l2: 0.5}}}
    steps: [{call: {}}, {train: {epochs: 2, learning_rate: 0.125, mask: gaps}}, {call: {}}]
  - name: losses
    params:
      kernel_regularizer: {class_name: L1, config: {l1: 0.25}}
      activity_regularizer: {class_name: L2, config: {l2: 0.5}}
  - name: without-losses
"""
)
NESTED = (
    head("keras", "Bidirectional")
    + """\
  - name: losses-of-two
    params: {layer: {layer: LSTM,
      params: {units: 3, kernel_regularizer: {class_name: L2, config: {l2: 0.5}}}}}
    input: {batch: 4, timesteps: 5, features: 5}
  - name: trained-in-both-directions
    params: {layer: {layer: LSTM, params: {units: 3}}}
    input: {batch: 4, timesteps: 5, features: 5}
    steps: [{train: {epochs: 3, learning_rate: 0.125}}, weights, {call: {}}]
"""
)
TEXTS = {
    **dict.fromkeys(("trained-and-read", "trained-and-called", "losses", "without-losses"), CASES),
    **dict.fromkeys(("losses-of-two", "trained-in-both-directions"), NESTED),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TEXTS)
def test_what_is_trained_and_lost_as_documented_passes(
    name: str, dtype: str, read: Read, judged: Judged
) -> None:
    outcome = judged(read(TEXTS[name])[name], dtype=dtype)
    assert (outcome.outcome, outcome.message) == ("pass", "")


@pytest.mark.parametrize(
    ("name", "fault", "complaint"),
    [
        ("trained-and-read", "learns_too_fast", "kernel: 60 of 60 elements are beyond the bound"),
        ("trained-and-read", "trains_nothing", "bias: 12 of 12 elements are beyond the bound"),
        ("trained-and-called", "learns_too_fast", "call 1: output: 60 of 60 elements are beyond the bound"),
        ("trained-and-called", "losses_halved", "call 0: losses: 1 of 1 elements are beyond the bound"),
        (
            "trained-in-both-directions",
            "learns_too_fast",
            "call 0: backward/kernel: 60 of 60 elements are beyond the bound",
        ),
        (
            "trained-in-both-directions",
            "trains_nothing",
            "call 1: output: 24 of 24 elements are beyond the bound",
        ),
        ("losses", "losses_halved", "losses: 2 of 2 elements are beyond the bound"),
        ("losses", "losses_not_reported", "losses are missing"),
        ("losses", "losses_not_differentiated", "gradient of kernel: 60 of 60 elements are beyond the bound"),
        ("losses-of-two", "losses_halved", "losses: 2 of 2 elements are beyond the bound"),
        (
            "losses-of-two",
            "losses_not_differentiated",
            "gradient of backward/kernel: 60 of 60 elements are beyond the bound",
        ),
        ("without-losses", "loss_invented", "losses are unexpected"),
    ],
)
def test_what_is_trained_or_lost_otherwise_fails(
    name: str, fault: str, complaint: str, read: Read, judged: Judged
) -> None:
    outcome = judged(read(TEXTS[name])[name], fault)
    assert outcome.outcome == "fail"
    assert complaint in outcome.message
