"""States that are nested, as those of several cells are, go from one call to the
next.
"""

from collections.abc import Callable

import pytest
from heads import head

from lstm_ref.corpus import Case
from lstm_ref.results.records import Outcome

Read = Callable[[str], dict[str, Case]]
Judged = Callable[..., Outcome]

CELLS = (
    "{layer: StackedRNNCells, params: {cells: [{layer: LSTMCell, params: {units: 3}}, {layer: LSTMCell,"
    " params: {units: 3}}]}}"
)
TEXT = (
    head("keras", "RNN", "input: {batch: 4, timesteps: 7, features: 5}")
    + f"""\
  - name: split
    params: {{cell: {CELLS}, return_sequences: true, return_state: true}}
    call: {{initial_state: given}}
    relation:
      other: {{steps: [{{call: {{input: {{part: [0, 3]}}}}}},
        {{call: {{input: {{part: [3, 7]}}, initial_state: previous}}}}]}}
  - name: both-directions
    layer: Bidirectional
    params: {{layer: {{layer: RNN, params: {{cell: {CELLS}, return_sequences: true, return_state: true}}}}}}
    steps: [call: {{}}, call: {{initial_state: previous}}]
    relation:
      other:
        layer: RNN
        weights: forward
        params: {{cell: {CELLS}, return_sequences: true, return_state: true}}
        steps: [call: {{}}, call: {{initial_state: previous}}]
      equal: [{{left: {{output: output, at: forward-half}}, right: output}}]
  - name: cell-by-cell
    params: {{cell: {CELLS}}}
    input: {{timesteps: 2}}
    call: {{initial_state: given}}
    relation:
      other:
        layer: StackedRNNCells
        params: {{cells: [{{layer: LSTMCell, params: {{units: 3}}}},
          {{layer: LSTMCell, params: {{units: 3}}}}]}}
        steps: [call: {{input: {{timestep: 0}}}}, call: {{input: {{timestep: 1}}, states: previous}}]
      equal: [{{left: output, right: output}}]
"""
)


@pytest.mark.parametrize("name", ["split", "both-directions", "cell-by-cell"])
def test_what_a_call_returned_is_handed_to_the_next_cell_by_cell(
    name: str, read: Read, judged: Judged
) -> None:
    outcome = judged(read(TEXT)[name])
    assert (outcome.outcome, outcome.message) == ("pass", "")


@pytest.mark.parametrize(
    ("name", "told"), [("split", "the other run: call 1: "), ("both-directions", "the case's run: call 1: ")]
)
def test_states_of_another_cell_are_told(name: str, told: str, read: Read, judged: Judged) -> None:
    outcome = judged(read(TEXT)[name], "keras-twin:states_swapped")
    assert outcome.outcome == "fail"
    assert told in outcome.message
