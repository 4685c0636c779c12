"""Cases in which an implementation draws something: what it has drawn is what it has to
apply, and is judged itself.
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
    head(
        "keras",
        "LSTM",
        "params: {units: 32, dropout: 0.3, recurrent_dropout: 0.2, return_sequences: true}",
        "input: {batch: 32, timesteps: 3, features: 32}",
        "call: {training: true}",
    )
    + """\
  - name: twice
    steps:
      - call: {training: true}
      - call: {training: true}
  - name: inference
    call: {training: false}
  - name: trained
    steps: [{train: {epochs: 2, learning_rate: 0.5}}, weights, {call: {training: true}}]
  - name: trained-unrolled
    steps: [{train: {epochs: 2, learning_rate: 0.5}}, {call: {}}, {call: {}}]
    relation:
      other: {params: {unroll: true}}
  - name: seeded
    params: {seed: 7}
    relation:
      other: {params: {return_sequences: false}}
      equal:
        - {left: {output: output, at: last-step}, right: output}
      exact: true
"""
)
NESTED = (
    head("keras", "Bidirectional", "input: {batch: 48, timesteps: 2, features: 32}", "call: {training: true}")
    + """\
  - name: bidirectional
    params:
      layer: {layer: LSTM, params: {units: 16, dropout: 0.3, recurrent_dropout: 0.2}}
  - name: trained-in-both-directions
    params:
      layer: {layer: LSTM, params: {units: 16, dropout: 0.3}}
    steps: [{train: {epochs: 2, learning_rate: 0.5}}, weights, {call: {}}]
  - name: stack
    layer: Sequential
    params:
      layers:
        - {layer: LSTM, params: {units: 16, return_sequences: true, dropout: 0.3}}
        - layer: Bidirectional
          params: {layer: {layer: LSTM, params: {units: 16, recurrent_dropout: 0.2}}}
"""
)
TORCH = (
    head(
        "torch",
        "LSTM",
        "params: {input_size: 5, hidden_size: 16, num_layers: 3, dropout: 0.3}",
        "input: {batch: 12, timesteps: 7}",
    )
    + """\
  - name: padded
  - name: unbatched
    input: {form: unbatched}
  - name: packed
    params: {bidirectional: true}
    input: {form: packed-unsorted}
  - name: not-in-training
    call: {training: false}
"""
)
TEXTS = {
    **dict.fromkeys(("twice", "inference", "trained", "trained-unrolled", "seeded"), KERAS),
    **dict.fromkeys(("bidirectional", "trained-in-both-directions", "stack"), NESTED),
    **dict.fromkeys(("padded", "unbatched", "packed", "not-in-training"), TORCH),
}


@pytest.mark.parametrize("name", TEXTS)
def test_masks_that_are_right_and_applied_pass(name: str, read: Read, judged: Judged) -> None:
    outcome = judged(read(TEXTS[name])[name])
    assert (outcome.outcome, outcome.message) == ("pass", "")


@pytest.mark.parametrize(
    ("name", "fault", "complaint"),
    [
        (
            "twice",
            "masks_unscaled",
            r"call 0: the mask dropout holds 1, where only 0 and 1 / \(1 - rate\) = 1.42857143 may stand",
        ),
        (
            "twice",
            "dropped_too_seldom",
            "the mask recurrent_dropout drops .* which a rate of 0.2 does once in 10.12 times",
        ),
        ("twice", "masks_kept", "calls 0 and 1 share the mask dropout, where each call draws its own"),
        ("twice", "masks_misreported", "call 0: output: .* elements are beyond the bound"),
        (
            "twice",
            "masks_not_applied",
            "Every output is what a layer computes in which nothing is dropped in training",
        ),
        ("trained", "masks_unscaled", r"call 1: the mask dropout holds 1, where only"),
        (
            "trained",
            "dropped_too_seldom",
            "call 0: the mask recurrent_dropout drops .* which a rate of 0.2 does",
        ),
        ("trained", "masks_kept", "calls 0 and 1 share the mask dropout, where each call draws its own"),
        ("trained", "masks_misreported", "call 2: kernel: .* elements are beyond the bound"),
        ("trained", "masks_not_applied", "call 2: kernel: .* elements are beyond the bound"),
        ("trained", "masks_not_shown", "2 calls returned, 4 were made"),
        ("trained", "learns_too_fast", "call 2: kernel: .* elements are beyond the bound"),
        (
            "trained-in-both-directions",
            "masks_unscaled",
            r"call 1: the mask backward/dropout holds 1, where only",
        ),
        (
            "trained-in-both-directions",
            "masks_kept",
            "calls 0 and 1 share the mask forward/dropout, where each call draws its own",
        ),
        (
            "trained-in-both-directions",
            "masks_not_applied",
            "call 2: backward/kernel: .* elements are beyond the bound",
        ),
        ("bidirectional", "masks_unscaled", "the mask backward/recurrent_dropout holds 1, where only"),
        ("bidirectional", "dropped_too_seldom", "the mask forward/dropout drops .* which a rate of 0.3 does"),
        ("bidirectional", "masks_misreported", "output: .* elements are beyond the bound"),
        ("stack", "masks_unscaled", "the mask 1/backward/recurrent_dropout holds 1, where only"),
        ("stack", "dropped_too_seldom", "the mask 0/dropout drops .* which a rate of 0.3 does"),
        ("stack", "masks_not_applied", "nothing is dropped in training"),
        ("padded", "masks_unscaled", r"the mask dropout\[1\] holds 1, where only"),
        ("padded", "dropped_too_seldom", r"the mask dropout\[0\] drops .* which a rate of 0.3 does"),
        ("unbatched", "masks_misreported", "output: .* elements are beyond the bound"),
        ("packed", "masks_unscaled", r"the mask dropout\[0\] holds 1, where only"),
        ("packed", "dropped_too_seldom", r"the mask dropout\[1\] drops .* which a rate of 0.3 does"),
        ("packed", "masks_misreported", "output: .* elements are beyond the bound"),
        ("packed", "masks_not_applied", "nothing is dropped in training"),
    ],
)
def test_masks_that_are_wrong_fail(name: str, fault: str, complaint: str, read: Read, judged: Judged) -> None:
    outcome = judged(read(TEXTS[name])[name], fault)
    assert outcome.outcome == "fail"
    assert re.search(complaint, outcome.message), outcome.message
