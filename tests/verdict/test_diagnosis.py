"""A failure is explained: by the mistake that fits all of it, or by the first step that
does not follow from the one before.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lstm_ref.corpus import load_file, load_parameters
from lstm_ref.dialects import Dialect, dialect
from lstm_ref.dialects.keras import LSTM
from lstm_ref.oracle.expectation import Expectation, expect, with_cotangents
from lstm_ref.oracle.materialize import Material, materialize
from lstm_ref.oracle.twin import Observed, loaded
from lstm_ref.protocol.trace import Call, Raised, Request, Tensor, Trace
from lstm_ref.reference.activations import Array, sigmoid, tanh
from lstm_ref.reference.cell import State, gates, step
from lstm_ref.reference.sequence import from_input
from lstm_ref.verdict.diagnosis import _inverse, diagnose
from lstm_ref.verdict.faults import Fault, faults
from lstm_ref.verdict.faults.requests import of_requests

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
# What the case below does not have, so that a fault of it changes nothing. (Keras has
# one bias.)
NOT_IN_THIS_CASE = (
    *(
        "first bias",
        "second bias",
        "mask",
        "lengths",
        "carried over",
        "reset",
        "directions",
        "layers",
        "encoder",
        "projection",
        "dropped",
    ),
    "peepholes",
    *("activation", "hard sigmoid", "backwards"),
)
KERAS = CASE.format(
    dialect="keras",
    params="{units: 3, return_sequences: true, return_state: true}",
    input="{batch: 4, timesteps: 7, features: 5}",
    call="{initial_state: given}",
)
STATEFUL = CASE.format(
    dialect="keras",
    params="{units: 3, return_sequences: true, return_state: true, stateful: true}",
    input="{batch: 4, timesteps: 7, features: 5}",
    call="{}\n    steps: [{call: {}}, {call: {}}, reset, {call: {}}]",
).replace("    call: {}\n", "")
SHOWN = "{layer: LSTM, params: {units: 3, return_sequences: true, return_state: true}}"
INPUT = "{batch: 4, timesteps: 7, features: 3}"
BIDIRECTIONAL = CASE.replace("LSTM", "Bidirectional").format(
    dialect="keras", params=f"{{layer: {SHOWN}}}", input=INPUT, call="{}"
)
ONE = "{layer: LSTM, params: {units: 3, return_sequences: true}}"
SEQUENTIAL = CASE.replace("LSTM", "Sequential").format(
    dialect="keras", params=f"{{layers: [{ONE}, {ONE}]}}", input=INPUT, call="{}"
)
TRANSLATING = CASE.replace("LSTM", "EncoderDecoder").format(
    dialect="keras", params=f"{{encoder: {SHOWN}, decoder: {SHOWN}}}", input=INPUT, call="{}"
)
TORCH = CASE.format(
    dialect="torch",
    params="{input_size: 5, hidden_size: 3}",
    input="{batch: 4, timesteps: 7}",
    call="{hx: given}",
)


NO_FAULT = Fault("nothing is wrong")


def prepared(text: str, folder: Path) -> tuple[Material, Expectation]:
    file = folder / "case.yaml"
    file.write_text(text, encoding="utf-8")
    (case,) = load_file(file, load_parameters())
    material = with_cotangents(dialect(case.dialect), materialize(case, seed=0))
    return material, expect(case.id, dialect(case.dialect), material, ("float32",))


def trace_of(expectation: Expectation, request: Request, fault: Fault = NO_FAULT) -> Trace:
    """What an implementation would answer that computes what the twin computes from
    this request, or the twin with a fault.
    """
    calls = []
    for call in fault.computed(expectation.dialect, request):
        outputs = tuple(Tensor("float32", values.astype(np.float32)) for values in call.outputs.values())
        calls.append(
            Call(
                call.structure,
                outputs,
                {
                    name: Tensor("float32", values.astype(np.float32))
                    for name, values in call.gradients.items()
                },
            )
        )
    return Trace(tuple(calls), None, 0.0)


# What an ordinary layer does not have, and the faults of that alone.
OTHERS = {
    "keras-masked": (
        KERAS.replace("given}", "given, mask: gaps}"),
        ["the mask is ignored", "the mask is read the wrong way round"],
    ),
    "keras-stateful": (STATEFUL, ["nothing is carried over to the next call", "a reset does nothing"]),
    "torch-both-biases": (TORCH, ["the first bias is ignored", "the second bias is ignored"]),
    "torch-packed": (
        TORCH.replace("timesteps: 7", "timesteps: 7, form: packed-unsorted"),
        ["the lengths are ignored"],
    ),
    "torch-bidirectional": (
        TORCH.replace("hidden_size: 3", "hidden_size: 3, bidirectional: true"),
        ["the directions change places"],
    ),
    "torch-three-layers": (
        TORCH.replace("hidden_size: 3", "hidden_size: 3, num_layers: 3"),
        ["the last two layers change places"],
    ),
    "keras-bidirectional": (BIDIRECTIONAL, ["the directions change places"]),
    "keras-two-layers": (SEQUENTIAL, ["the last two layers change places"]),
    "keras-encoder-decoder": (TRANSLATING, ["encoder and decoder change places"]),
    "keras-backwards": (
        KERAS.replace("units: 3", "units: 3, go_backwards: true"),
        ["go_backwards is ignored"],
    ),
    "torch-projected": (
        TORCH.replace("hidden_size: 3", "hidden_size: 3, proj_size: 2"),
        ["the projection's outputs are in reverse"],
    ),
}


def fault_of(language: Dialect, meaning: str) -> Fault:
    return next(fault for fault in faults(language) if fault.meaning == meaning)


@pytest.mark.parametrize(
    ("name", "meaning"), [(name, meaning) for name, (_, meanings) in OTHERS.items() for meaning in meanings]
)
def test_a_fault_of_what_not_every_layer_has_is_named(name: str, meaning: str, tmp_path: Path) -> None:
    material, expectation = prepared(OTHERS[name][0], tmp_path)
    planted = fault_of(expectation.dialect, meaning).plant(expectation.request, material.labels)
    assert planted is not None
    assert diagnose(expectation, "float32", trace_of(expectation, planted)) == (
        f"Every output is what a layer computes in which {meaning}.",
    )


DROPPING = {
    "keras": KERAS.replace("units: 3", "units: 3, dropout: 0.3").replace("given}", "given, training: true}"),
    "torch": TORCH.replace("hidden_size: 3", "hidden_size: 3, num_layers: 2, dropout: 0.3"),
    "torch-packed": (
        TORCH.replace("hidden_size: 3", "hidden_size: 3, num_layers: 2, dropout: 0.3").replace(
            "timesteps: 7", "timesteps: 7, form: packed-unsorted"
        )
    ),
}


@pytest.mark.parametrize("text", DROPPING.values(), ids=DROPPING)
def test_masks_that_are_drawn_and_not_applied_are_named(text: str, tmp_path: Path) -> None:
    material, drawing = prepared(text, tmp_path)
    random = np.random.default_rng(0)
    masks = [
        {
            name: np.where(random.random(draw.shapes[0]) < 0.3, 0.0, 1 / 0.7)
            for name, draw in call.draws.items()
        }
        for call in drawing.calls
    ]
    expectation = expect("any", drawing.dialect, material, ("float32",), observed=Observed(masks))
    assert diagnose(expectation, "float32", trace_of(expectation, drawing.request)) == (
        "Every output is what a layer computes in which nothing is dropped in training.",
    )


def test_a_mistake_that_a_layer_would_refuse_is_no_explanation(tmp_path: Path) -> None:
    _, expectation = prepared(DROPPING["torch-packed"], tmp_path)
    masks = [
        {name: np.ones(draw.shapes[0]) for name, draw in call.draws.items()} for call in expectation.calls
    ]
    trace = trace_of(expectation, expectation.request)
    wrong = replace(
        trace.calls[0],
        outputs=tuple(Tensor("float32", output.values + 1) for output in trace.calls[0].outputs),
    )
    assert (
        diagnose(replace(expectation, observed=Observed(masks)), "float32", replace(trace, calls=(wrong,)))
        == ()
    )


def test_a_mistake_that_gives_other_shapes_is_no_explanation(tmp_path: Path) -> None:
    _, expectation = prepared(
        TORCH.replace("timesteps: 7", "timesteps: 7, form: packed-unsorted").replace(
            "given}", "given, total_length: 9}"
        ),
        tmp_path,
    )
    trace = trace_of(expectation, expectation.request)
    wrong = replace(
        trace.calls[0],
        outputs=tuple(Tensor("float32", output.values + 1) for output in trace.calls[0].outputs),
    )
    assert diagnose(expectation, "float32", replace(trace, calls=(wrong,))) == ()


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        pytest.param(text, fault.meaning, id=f"{name}-{fault.meaning.replace(' ', '-')}")
        for name, text in (("keras", KERAS), ("torch", TORCH))
        for fault in of_requests(dialect(name))
    ],
)
def test_a_planted_fault_is_named(text: str, meaning: str, tmp_path: Path) -> None:
    material, expectation = prepared(text, tmp_path)
    planted = fault_of(expectation.dialect, meaning).plant(expectation.request, material.labels)
    if planted is None:
        assert any(word in meaning for word in NOT_IN_THIS_CASE)
        return
    assert diagnose(expectation, "float32", trace_of(expectation, planted)) == (
        f"Every output is what a layer computes in which {meaning}.",
    )


# Some of each kind.
FUNCTIONS = (
    "the forget gate is always open: c = c + i g",
    "the sigmoid is (1 + tanh(z)) / 2, and not of z / 2",
    "c is reset after each 4 steps",
    "h is stored in float16",
    "the outputs come a step late",
    "nothing goes back through the forget gate",
    "the derivative of tanh is 1 - s",
    "the gradient of the kernel is averaged over the rows",
    "nothing goes back over the border of a block of 4 steps",
    "the initial c has no gradient",
)


@pytest.mark.parametrize("text", [KERAS, TORCH], ids=["keras", "torch"])
@pytest.mark.parametrize("meaning", FUNCTIONS)
def test_a_wrong_function_is_named(text: str, meaning: str, tmp_path: Path) -> None:
    _, expectation = prepared(text, tmp_path)
    fault = fault_of(expectation.dialect, meaning)
    found = diagnose(expectation, "float32", trace_of(expectation, expectation.request, fault))
    if fault.backward:
        assert found == (
            "The outputs are right; the backward pass alone is wrong.",
            f"Every gradient is what a layer computes in which {meaning}.",
        )
    else:
        assert found == (f"Every output is what a layer computes in which {meaning}.",)


def as_onnx_lays_them_out(weights: Mapping[str, Array], features_first: bool) -> tuple[Array, Array, Array]:
    """Kernel (features, 4 units), recurrent kernel and the sum of the biases, of which
    each block is what ONNX has there: i, o, f, c.
    """
    names = ("kernel", "recurrent_kernel") if features_first else ("weight_ih_l0", "weight_hh_l0")
    kernel, recurrent = (weights[name] if features_first else weights[name].T for name in names)
    return (
        kernel,
        recurrent,
        weights["bias"] if features_first else weights["bias_ih_l0"] + weights["bias_hh_l0"],
    )


@pytest.mark.parametrize(("text", "batch_first"), [(KERAS, True), (TORCH, False)], ids=["keras", "torch"])
def test_a_layer_that_reads_the_layout_of_onnx_is_told_just_that(
    text: str, batch_first: bool, tmp_path: Path
) -> None:
    _, expectation = prepared(text, tmp_path)
    arguments = list(expectation.request.steps[0].arguments.values())
    x = arguments[0].values if batch_first else arguments[0].values.swapaxes(0, 1)
    h, c = (state.values if batch_first else state.values[0] for state in arguments[1])
    W, U, b = as_onnx_lays_them_out(
        {name: tensor.values for name, tensor in expectation.request.weights.items()},
        features_first=batch_first,
    )
    shown = []
    for t in range(7):
        z = x[:, t] @ W + h @ U + b
        input_gate, output_gate, forget_gate = (
            1 / (1 + np.exp(-z[:, block])) for block in (slice(0, 3), slice(3, 6), slice(6, 9))
        )
        c = forget_gate * c + input_gate * np.tanh(z[:, 9:12])
        h = output_gate * np.tanh(c)
        shown.append(h)
    results = (np.stack(shown, axis=1), h, c) if batch_first else (np.stack(shown), h[None], c[None])
    outputs = tuple(Tensor("float32", values.astype(np.float32)) for values in results)
    structure = expectation.calls[0].structure
    assert diagnose(expectation, "float32", Trace((Call(structure, outputs),), None, 0.0)) == (
        (
            "Every output is what a layer computes in which the gates' blocks are read as i, o, f, g (as in"
            " ONNX) instead of i, f, g, o."
        ),
    )


def changed(trace: Trace, call: int, output: int, index: tuple[int, ...], value: float) -> Trace:
    """The trace with one element of an output replaced."""
    tensor = trace.calls[call].outputs[output]
    values = tensor.values.copy()
    values[index] = value
    outputs = list(trace.calls[call].outputs)
    outputs[output] = Tensor(tensor.dtype, values)
    calls = list(trace.calls)
    calls[call] = replace(trace.calls[call], outputs=tuple(outputs))
    return replace(trace, calls=tuple(calls))


@pytest.mark.parametrize("value", [9.0, np.nan, np.inf])
@pytest.mark.parametrize("output", [1, 2], ids=["h", "c"])
def test_a_wrong_state_beside_a_right_output_is_told(value: float, output: int, tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    trace = changed(trace_of(expectation, expectation.request), 0, output, (2, 1), value)
    assert diagnose(expectation, "float32", trace) == (
        "The output is right; what is wrong is the state that is returned.",
    )


@pytest.mark.parametrize("output", [0, 1], ids=["output", "h"])
def test_the_first_wrong_call_is_named(output: int, tmp_path: Path) -> None:
    _, expectation = prepared(STATEFUL, tmp_path)
    trace = trace_of(expectation, expectation.request)
    index = (1,) * trace.calls[2].outputs[output].values.ndim
    for call in (2, 1):
        trace = changed(trace, call, output, index, 9.0)
        sentence = f"Call {call} is the first wrong one: look at what is carried over from the call before."
        assert diagnose(expectation, "float32", trace) == (sentence,)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_step_that_gives_no_number_is_named(value: float, tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    trace = trace_of(expectation, expectation.request)
    for t in (6, 4):
        trace = changed(trace, 0, 0, (3, t, 2), value)
        (sentence,) = diagnose(expectation, "float32", trace)
        assert (
            sentence
            == f"The first wrong step is {t}, worst in row 3, unit 2: it does not follow from the step"
            " before."
        )


def test_a_step_that_is_off_by_little_more_than_its_bound_is_named(tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    output = expectation.calls[0].outputs[0]
    right = trace_of(expectation, expectation.request)
    off = float(output.values[3, 6, 2] + 1.5 * output.bounds["float32"][3, 6, 2])
    (sentence,) = diagnose(expectation, "float32", changed(right, 0, 0, (3, 6, 2), off))
    assert sentence.startswith(
        "The first wrong step is 6, worst in row 3, unit 2: it does not follow from the step before."
    )


def test_a_function_is_inverted_where_it_reaches_a_number() -> None:
    found = _inverse(tanh, np.array([-1.5, -0.5, 0.0, 0.75, 1.5]))
    np.testing.assert_allclose(
        found, [np.nan, np.arctanh(-0.5), 0.0, np.arctanh(0.75), np.nan], rtol=0, atol=1e-12
    )


def test_no_gate_is_named_for_a_number_that_no_gate_can_give(tmp_path: Path) -> None:
    # An h beyond 1 has no cell state, whatever i, f and g are; and no output gate is
    # above 1.
    _, expectation = prepared(KERAS, tmp_path)
    (sentence,) = diagnose(
        expectation, "float32", changed(trace_of(expectation, expectation.request), 0, 0, (3, 4, 2), 1.5)
    )
    assert (
        sentence
        == "The first wrong step is 4, worst in row 3, unit 2: it does not follow from the step before."
    )


@pytest.mark.parametrize(
    "text",
    [
        KERAS.replace("given}", "given, mask: gaps}"),
        TORCH.replace("timesteps: 7", "timesteps: 7, form: packed-unsorted"),
        TORCH.replace("hidden_size: 3", "hidden_size: 3, num_layers: 2"),
        TORCH.replace("hidden_size: 3", "hidden_size: 3, bidirectional: true"),
    ],
    ids=["masked", "packed", "two-layers", "bidirectional"],
)
def test_no_step_is_blamed_where_a_step_does_not_simply_follow_from_the_one_before(
    text: str, tmp_path: Path
) -> None:
    _, expectation = prepared(text, tmp_path)
    trace = changed(trace_of(expectation, expectation.request), 0, 0, (1, 1, 1), 9.0)
    assert diagnose(expectation, "float32", trace) == ()


def test_nothing_but_nan_is_no_known_mistake(tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    call = trace_of(expectation, expectation.request).calls[0]
    nothing = tuple(Tensor("float32", np.full_like(output.values, np.nan)) for output in call.outputs)
    (sentence,) = diagnose(expectation, "float32", Trace((replace(call, outputs=nothing),), None, 0.0))
    assert sentence.startswith("The first wrong step is 0, worst in row 0, unit 0:")


@pytest.mark.parametrize("wrong", ["fewer calls", "an output less", "another shape", "raised"])
def test_nothing_is_told_of_what_cannot_be_compared(wrong: str, tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    trace = trace_of(expectation, expectation.request)
    (call,) = trace.calls
    turned = Tensor("float32", np.ascontiguousarray(call.outputs[0].values.swapaxes(0, 1)))
    odd = {
        "fewer calls": replace(trace, calls=()),
        "an output less": replace(trace, calls=(replace(call, outputs=call.outputs[:2]),)),
        "another shape": replace(trace, calls=(replace(call, outputs=(turned, *call.outputs[1:])),)),
        "raised": replace(
            changed(trace, 0, 0, (3, 4, 2), 9.0), raised=Raised(("ValueError", "Exception"), "", 0, "")
        ),
    }
    assert diagnose(expectation, "float32", odd[wrong]) == ()


@pytest.mark.parametrize("value", [None, np.nan])
def test_a_wrong_backward_pass_is_told_from_a_wrong_forward_pass(value: float | None, tmp_path: Path) -> None:
    _, expectation = prepared(KERAS, tmp_path)
    trace = trace_of(expectation, expectation.request)
    gradients = {name: tensor for name, tensor in trace.calls[0].gradients.items() if tensor}
    wrong = {
        name: Tensor(t.dtype, t.values + 1 if value is None else np.full_like(t.values, value))
        for name, t in gradients.items()
    }
    assert diagnose(
        expectation, "float32", replace(trace, calls=(replace(trace.calls[0], gradients=wrong),))
    ) == ("The outputs are right; the backward pass alone is wrong.",)


def test_the_first_wrong_step_its_row_unit_and_gate_are_named(tmp_path: Path) -> None:
    # From step 4 on, the output gate of row 2, unit 1 is half of what it should be.
    _, expectation = prepared(KERAS, tmp_path)
    twin = loaded(expectation.dialect, expectation.request)
    assert isinstance(twin, LSTM)
    arguments = expectation.request.steps[0].arguments
    call = twin.unrolled(
        {
            "sequences": arguments["sequences"].values,
            "initial_state": [t.values for t in arguments["initial_state"]],
        }
    )
    assert call is not None
    state, shown = call.initial, []
    for t in range(7):
        z_x = from_input(call.x, call.weights)[:, t]
        state, _ = step(z_x, state, call.weights)
        if t >= 4:
            h: Array = state.h.copy()
            h[2, 1] *= 0.5
            state = State(h, state.c)
        shown.append(state.h)
    outputs = tuple(
        Tensor("float32", values.astype(np.float32)) for values in (np.stack(shown, axis=1), state.h, state.c)
    )
    (sentence,) = diagnose(expectation, "float32", Trace((Call("(*, *, *)", outputs),), None, 0.0))
    assert sentence.startswith("The first wrong step is 4, worst in row 2, unit 1:")


@pytest.mark.parametrize(
    ("name", "power"),
    [("input gate i", 0.125), ("forget gate f", 0.125), ("candidate g", 2), ("output gate o", 2)],
)
def test_the_one_gate_that_can_be_wrong_is_named(name: str, power: float, tmp_path: Path) -> None:
    # In step 3 one gate is another one everywhere: no value of another gate explains
    # every element.
    _, expectation = prepared(KERAS, tmp_path)
    twin = loaded(expectation.dialect, expectation.request)
    assert isinstance(twin, LSTM)
    arguments = expectation.request.steps[0].arguments
    call = twin.unrolled(
        {
            "sequences": arguments["sequences"].values,
            "initial_state": [t.values for t in arguments["initial_state"]],
        }
    )
    assert call is not None
    state, shown = call.initial, []
    for t in range(7):
        z = gates(from_input(call.x, call.weights)[:, t] + state.h @ call.weights.recurrent_kernel)
        gate = {
            "input gate i": sigmoid(z[0])[0],
            "forget gate f": sigmoid(z[1])[0],
            "candidate g": tanh(z[2])[0],
            "output gate o": sigmoid(z[3])[0],
        }
        if t == 3:
            gate[name] = gate[name] ** power
        c = gate["forget gate f"] * state.c + gate["input gate i"] * gate["candidate g"]
        state = State(gate["output gate o"] * np.tanh(c), c)
        shown.append(state.h)
    outputs = tuple(
        Tensor("float32", values.astype(np.float32)) for values in (np.stack(shown, axis=1), state.h, state.c)
    )
    (sentence,) = diagnose(expectation, "float32", Trace((Call("(*, *, *)", outputs),), None, 0.0))
    assert "The first wrong step is 3," in sentence
    assert sentence.endswith(f"If one gate alone is wrong there, it is the {name}.")
