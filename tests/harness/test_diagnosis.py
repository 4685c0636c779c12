"""A failure is explained: by the mistake that fits all of it, or by the first step that does not follow from the one before."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstm_ref.corpus import load_file, load_parameters
from lstm_ref.dialects.keras import LSTM
from lstm_ref.harness.diagnosis import diagnose
from lstm_ref.harness.expectation import Expectation, expect, with_cotangents
from lstm_ref.harness.faults import Fault, faults
from lstm_ref.harness.materialize import Material, materialize
from lstm_ref.harness.twin import loaded, run_twin
from lstm_ref.implementations.trace import Call, Request, Tensor, Trace
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State, gates, step

CASE = """
kind: cases
dialect: {dialect}
layer: LSTM
about: One layer that shows its h after every step.
source: a test
cases:
  - name: shown
    params: {params}
    input: {input}
    call: {call}
"""
KERAS = CASE.format(
    dialect="keras",
    params="{units: 3, return_sequences: true, return_state: true}",
    input="{batch: 4, timesteps: 7, features: 5}",
    call="{initial_state: given}",
)
TORCH = CASE.format(dialect="torch", params="{input_size: 5, hidden_size: 3}", input="{batch: 4, timesteps: 7}", call="{hx: given}")


def prepared(text: str, folder: Path) -> tuple[Material, Expectation]:
    file = folder / "case.yaml"
    file.write_text(text, encoding="utf-8")
    (case,) = load_file(file, load_parameters())
    material = with_cotangents(case.dialect, materialize(case, seed=0))
    return material, expect(case.id, case.dialect, material, ("float32",))


def trace_of(expectation: Expectation, request: Request) -> Trace:
    """What an implementation would answer that computes what the twin computes from this request."""
    calls = []
    for call in run_twin(expectation.dialect, request):
        outputs = tuple(Tensor("float32", values.astype(np.float32)) for values in call.outputs.values())
        calls.append(Call(call.structure, outputs, {name: Tensor("float32", values.astype(np.float32)) for name, values in call.gradients.items()}))
    return Trace(tuple(calls), None, 0.0)


@pytest.mark.parametrize("text", [KERAS, TORCH], ids=["keras", "torch"])
@pytest.mark.parametrize("fault", list(faults()), ids=lambda fault: fault.meaning.replace(" ", "-"))
def test_a_planted_fault_is_named(text: str, fault: Fault, tmp_path: Path) -> None:
    material, expectation = prepared(text, tmp_path)
    planted = fault.plant(expectation.request, material.axes)
    if planted is None:
        assert "second bias" in fault.meaning or "first bias" in fault.meaning  # Keras has one bias
        return
    assert diagnose(expectation, "float32", trace_of(expectation, planted)) == (f"Every output is what a layer computes in which {fault.meaning}.",)


def test_a_wrong_backward_pass_is_told_from_a_wrong_forward_pass(tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    trace = trace_of(expectation, expectation.request)
    wrong = {name: Tensor(tensor.dtype, tensor.values + 1) for name, tensor in trace.calls[0].gradients.items()}
    assert diagnose(expectation, "float32", replace(trace, calls=(replace(trace.calls[0], gradients=wrong),))) == (
        "The outputs are right; the backward pass alone is wrong.",
    )


def test_the_first_wrong_step_its_row_unit_and_gate_are_named(tmp_path: Path) -> None:
    # From step 4 on, the output gate of row 2, unit 1 is half of what it should be.
    _, expectation = prepared(KERAS, tmp_path)
    twin = loaded(expectation.dialect, expectation.request)
    assert isinstance(twin, LSTM)
    arguments = expectation.request.steps[0].arguments
    call = twin.unrolled({"sequences": arguments["sequences"].values, "initial_state": [t.values for t in arguments["initial_state"]]})
    assert call is not None
    state, shown = call.initial, []
    for t in range(7):
        z_x = call.x[:, t] @ call.weights.kernel + call.weights.bias
        state, _ = step(z_x, state, call.weights)
        if t >= 4:
            h: Array = state.h.copy()
            h[2, 1] *= 0.5
            state = State(h, state.c)
        shown.append(state.h)
    outputs = tuple(Tensor("float32", values.astype(np.float32)) for values in (np.stack(shown, axis=1), state.h, state.c))
    (sentence,) = diagnose(expectation, "float32", Trace((Call("(*, *, *)", outputs),), None, 0.0))
    assert sentence.startswith("The first wrong step is 4, worst in row 2, unit 1:")


def test_the_one_gate_that_can_be_wrong_is_named(tmp_path: Path) -> None:
    # In step 3 the output gate is squared everywhere: no value of another gate explains every element.
    _, expectation = prepared(KERAS, tmp_path)
    twin = loaded(expectation.dialect, expectation.request)
    assert isinstance(twin, LSTM)
    arguments = expectation.request.steps[0].arguments
    call = twin.unrolled({"sequences": arguments["sequences"].values, "initial_state": [t.values for t in arguments["initial_state"]]})
    assert call is not None
    state, shown = call.initial, []
    for t in range(7):
        z_x = call.x[:, t] @ call.weights.kernel + call.weights.bias
        z_o = gates(z_x + state.h @ call.weights.recurrent_kernel)[3]
        state, _ = step(z_x, state, call.weights)
        if t == 3:
            state = State(state.h / (1 + np.exp(-z_o)), state.c)
        shown.append(state.h)
    outputs = tuple(Tensor("float32", values.astype(np.float32)) for values in (np.stack(shown, axis=1), state.h, state.c))
    (sentence,) = diagnose(expectation, "float32", Trace((Call("(*, *, *)", outputs),), None, 0.0))
    assert "The first wrong step is 3," in sentence
    assert "Only the output gate o can be wrong there." in sentence
