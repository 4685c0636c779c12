"""Relations whose other run is on another dialect: the same weights in the other
layout, and a fault on either side is told.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from heads import head

from lstm_ref.corpus import Case
from lstm_ref.results.records import Outcome
from lstm_ref.runner.run import Run, partner_of
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.divergences import Divergences

Read = Callable[[str], dict[str, Case]]
Judged = Callable[..., Outcome]
Start = Callable[..., Subjects]

PLAIN = (
    head(
        "keras",
        "LSTM",
        "params: {units: 3, return_sequences: true, return_state: true}",
        "input: {batch: 4, timesteps: 7, features: 5}",
    )
    + """\
  - name: plain
    relation:
      other: {dialect: torch, layer: LSTM, params: {input_size: 5, hidden_size: 3}}
      equal: [{left: output, right: output}, {left: c, right: c_n}]
  - name: without-bias
    params: {use_bias: false}
    relation:
      other: {dialect: torch, layer: LSTM,
        params: {input_size: 5, hidden_size: 3, bias: false, batch_first: true}}
      equal: [{left: output, right: output}, {left: c, right: c_n}]
  - name: states
    call: {initial_state: given}
    relation:
      other: {dialect: torch, layer: LSTM, params: {input_size: 5, hidden_size: 3, batch_first: true},
        call: {hx: given}}
      equal: [{left: output, right: output}, {left: h, right: h_n}, {left: c, right: c_n}]
  - name: one-without-bias
    params: {use_bias: false}
    relation:
      other: {dialect: torch, layer: LSTM, params: {input_size: 5, hidden_size: 3, batch_first: true}}
      equal: [{left: output, right: output}]
  - name: cells
    relation:
      other:
        dialect: torch
        layer: LSTMCell
        params: {input_size: 5, hidden_size: 3}
        steps: [{call: {input: {timestep: 0}}}]
      equal: [{left: {output: output, at: first-step}, right: h_1}]
  - name: another-size
    relation:
      other: {dialect: torch, layer: LSTM, params: {input_size: 5, hidden_size: 4, batch_first: true}}
      equal: [{left: h, right: h_n}]
"""
)
STACKS = (
    head("keras", "Sequential", "input: {batch: 4, timesteps: 7, features: 5}")
    + """\
  - name: stacked
    params:
      layers: [{layer: LSTM, params: {units: 3, return_sequences: true}},
        {layer: LSTM, params: {units: 3, return_sequences: true}}]
    relation:
      other: {dialect: torch, layer: LSTM,
        params: {input_size: 5, hidden_size: 3, num_layers: 2, batch_first: true}}
      equal: [{left: output, right: output}]
  - name: bidirectional
    layer: Bidirectional
    params: {layer: {layer: LSTM, params: {units: 3, return_sequences: true, return_state: true}}}
    call: {initial_state: given}
    relation:
      other: {dialect: torch, layer: LSTM,
        params: {input_size: 5, hidden_size: 3, bidirectional: true, batch_first: true}, call: {hx: given}}
      equal:
        - {left: output, right: output}
        - {left: backward_c, right: {output: c_n, at: backward-half}}
  - name: stacked-bidirectional
    params:
      layers:
        - {layer: Bidirectional, params: {layer: {layer: LSTM, params: {units: 3, return_sequences: true}}}}
        - {layer: Bidirectional, params: {layer: {layer: LSTM, params: {units: 3, return_sequences: true}}}}
    relation:
      other: {dialect: torch, layer: LSTM,
        params: {input_size: 5, hidden_size: 3, num_layers: 2, bidirectional: true, batch_first: true}}
      equal: [{left: output, right: output}]
  - name: fewer-layers
    params: {layers: [{layer: LSTM, params: {units: 3, return_sequences: true}}]}
    relation:
      other: {dialect: torch, layer: LSTM,
        params: {input_size: 5, hidden_size: 3, num_layers: 2, batch_first: true}}
      equal: [{left: output, right: output}]
"""
)
TEXTS = {
    **dict.fromkeys(("plain", "without-bias", "one-without-bias", "states", "cells"), PLAIN),
    **dict.fromkeys(("stacked", "bidirectional", "stacked-bidirectional"), STACKS),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TEXTS)
def test_two_dialects_with_the_same_weights_agree(name: str, dtype: str, read: Read, judged: Judged) -> None:
    outcome = judged(read(TEXTS[name])[name], dtype=dtype)
    assert (outcome.outcome, outcome.message) == ("pass", "")
    assert outcome.bitwise is not None


@pytest.mark.parametrize(
    ("name", "fault", "complaint"),
    [
        ("plain", "torch-twin:gates_swapped", "the other run: output: "),
        ("plain", "keras-twin:gates_swapped", "the case's run: output: "),
        ("plain", "torch-twin:output_gate_bias_of_one_unit_negated", "the other run: output: "),
        ("plain", "torch-twin:last_bias_forgotten", "the other run: output: "),
        ("cells", "torch-twin:last_bias_forgotten", "the other run: h_1: "),
        ("stacked-bidirectional", "torch-twin:last_bias_forgotten", "the other run: output: "),
        ("without-bias", "torch-twin:gates_swapped", "the other run: output: "),
        ("states", "torch-twin:states_swapped", "the other run: output: "),
        ("states", "keras-twin:states_swapped", "the case's run: output: "),
        ("stacked", "torch-twin:recurrent_kernel_transposed", "the other run: output: "),
        ("bidirectional", "torch-twin:output_gate_bias_of_one_unit_negated", "the other run: output: "),
        ("bidirectional", "keras-twin:states_swapped", "the case's run: output: "),
        ("stacked-bidirectional", "torch-twin:gates_swapped", "the other run: output: "),
    ],
)
def test_a_fault_on_one_side_is_told_of_that_side(
    name: str, fault: str, complaint: str, read: Read, judged: Judged
) -> None:
    outcome = judged(read(TEXTS[name])[name], fault)
    assert outcome.outcome == "fail"
    assert complaint in outcome.message
    other = {"the other run": "the case's run", "the case's run": "the other run"}[
        complaint.partition(":")[0]
    ]
    assert f"{other}:" not in outcome.message


@pytest.mark.parametrize(
    ("text", "name", "complaint"),
    [
        (PLAIN, "another-size", "both need as many LSTMs, of one size"),
        (STACKS, "fewer-layers", "both need as many LSTMs, of one size"),
    ],
)
def test_weights_that_do_not_fit_blame_the_case(
    text: str, name: str, complaint: str, read: Read, judged: Judged
) -> None:
    outcome = judged(read(text)[name])
    assert outcome.outcome == "error"
    assert complaint in outcome.message


def test_without_a_partner_the_case_cannot_be_judged(start: Start, hosted: ModuleType, read: Read) -> None:
    alone = {"keras-twin": Target.of(hosted.TWINS["keras-twin"])}
    outcome = Run(start("keras-twin"), alone, 0, Divergences([], {}), Path()).outcome(
        read(PLAIN)["plain"], "keras-twin", "float64"
    )
    assert outcome.outcome == "error"
    assert outcome.message.startswith("file/plain compares with a layer of torch, ")


def test_the_partner_is_the_first_that_takes_all_cases(hosted: ModuleType) -> None:
    twins = {name: Target.of(each) for name, each in hosted.TWINS.items()}
    slow, other = (
        replace(twins["torch-twin"], column="slow", slow=True),
        replace(twins["torch-twin"], column="other"),
    )
    assert partner_of("torch", {"slow": slow, **twins, "other": other}) is twins["torch-twin"]
    assert partner_of("torch", {"slow": slow, "keras-twin": twins["keras-twin"]}) is None
