"""The adapter of Keras 3 computes the documented layers with the weights of the
request, forward and backward, in every mode.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.implementations._keras.calls import run
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.keras3 import Keras3
from lstm_ref.implementations._keras.layers import LiveLayer
from lstm_ref.implementations._keras.weights import set_weights
from lstm_ref.implementations.keras_tensorflow import HOST, IMPLEMENTATIONS
from lstm_ref.protocol.errors import AdapterError, WeightsNotCopied
from lstm_ref.protocol.trace import Call, Request, Step, Tensor, Trace
from lstm_ref.runner.answers import Broken
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

pytestmark = pytest.mark.skipif(
    not installed(IMPLEMENTATIONS[0]), reason=f"tensorflow is not installed: {HOST.install}"
)

Array = npt.NDArray[Any]
EAGER, GRAPH, XLA = "keras-tensorflow", "keras-tensorflow-graph", "keras-tensorflow-xla"
MODES = [EAGER, GRAPH, XLA]
# Compiling takes seconds, so that it is done for what the modes treat differently only.
QUICK = [EAGER, GRAPH]
UNITS, BATCH, TIMESTEPS, FEATURES = 3, 2, 4, 5
RNG = np.random.Generator(np.random.Philox(1))
X, H, C = (RNG.normal(size=shape) for shape in [(BATCH, TIMESTEPS, FEATURES), (BATCH, UNITS), (BATCH, UNITS)])
ZERO = np.zeros((BATCH, UNITS))
COTANGENTS = [RNG.normal(size=shape) for shape in [(BATCH, TIMESTEPS, UNITS), (BATCH, UNITS), (BATCH, UNITS)]]
MASK = np.array([[True, False, True, True], [False, True, True, False]])
EVERYTHING = {"units": UNITS, "return_sequences": True, "return_state": True}


def lstm_weights(features: int, units: int, prefix: str = "") -> dict[str, Array]:
    shapes = {"kernel": (features, 4 * units), "recurrent_kernel": (units, 4 * units), "bias": (4 * units,)}
    return {prefix + name: RNG.normal(size=shape) for name, shape in shapes.items()}


WEIGHTS = lstm_weights(FEATURES, UNITS)


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    started = Subject(launch(HOST))
    yield started
    started.close()


def tensor(values: Any, dtype: str = "float64") -> Tensor:
    return Tensor(dtype, np.asarray(values))


def request(
    *steps: Step,
    params: dict[str, Any],
    weights: Mapping[str, Array] = WEIGHTS,
    layer: str = "LSTM",
    dtype: str = "float64",
    mode: str = EAGER,
    seed: int = 0,
) -> Request:
    return Request(
        mode,
        layer,
        params,
        dtype,
        {name: tensor(values, dtype) for name, values in weights.items()},
        steps,
        seed,
    )


def call(x: Array = X, dtype: str = "float64", **others: Any) -> Step:
    return Step("call", {"sequences": tensor(x, dtype), **others})


def traced(subject: Subject, asked: Request) -> Trace:
    answer = subject.run(asked)
    assert isinstance(answer, Trace), answer
    return answer


def calls(subject: Subject, asked: Request) -> tuple[Call, ...]:
    answer = traced(subject, asked)
    assert answer.raised is None, answer.raised
    return answer.calls


def outputs(subject: Subject, asked: Request) -> list[Array]:
    return [output.values for each in calls(subject, asked) for output in each.outputs]


def formula(
    weights: Mapping[str, Array],
    x: Array,
    h: Array = ZERO,
    c: Array = ZERO,
    mask: Array | None = None,
    drawn: Mapping[str, Array] | None = None,
    prefix: str = "",
) -> list[Array]:
    """The documented layer, gates in the order i, f, c, o: outputs, last output state,
    last cell state. Complex numbers are welcome.

    A masked step repeats the output and keeps the states. `drawn` multiplies x and h,
    one mask (batch, timesteps, n) for each gate.
    """
    kernel, recurrent_kernel, bias = (
        np.split(weights[prefix + name], 4, axis=-1) for name in ("kernel", "recurrent_kernel", "bias")
    )
    one = np.ones((1, 1, 1, 1))
    of_x, of_h = ((drawn or {}).get(prefix + kind, one) for kind in ("dropout", "recurrent_dropout"))
    y, ys = np.zeros_like(h), []
    for t in range(x.shape[1]):
        z = [
            (x[:, t] * of_x[gate % len(of_x), :, t % of_x.shape[2]]) @ kernel[gate]
            + (h * of_h[gate % len(of_h), :, t % of_h.shape[2]]) @ recurrent_kernel[gate]
            + bias[gate]
            for gate in range(4)
        ]
        i, f, o = (1 / (1 + np.exp(-z[gate])) for gate in (0, 1, 3))
        next_c = f * c + i * np.tanh(z[2])
        next_h = o * np.tanh(next_c)
        taken = np.ones((len(x), 1), bool) if mask is None else mask[:, t : t + 1]
        y, h, c = (np.where(taken, new, old) for new, old in ((next_h, y), (next_h, h), (next_c, c)))
        ys.append(y)
    return [np.stack(ys, axis=1), h, c]


def gradients(loss: Any, point: Mapping[str, Array]) -> dict[str, Array]:
    """Exact to the last digits: the imaginary part of the loss a tiny imaginary step
    away.
    """
    found = {}
    for name, values in point.items():
        found[name] = np.zeros_like(values)
        for index in np.ndindex(values.shape):
            moved = values.astype(complex)
            moved[index] += 1e-200j
            found[name][index] = np.imag(loss({**point, name: moved})) / 1e-200
    return found


def values_of(tensors: Mapping[str, Tensor]) -> dict[str, Array]:
    return {name: each.values for name, each in tensors.items()}


def assert_close(observed: Call, expected: list[Array]) -> None:
    assert len(observed.outputs) == len(expected)
    for output, wanted in zip(observed.outputs, expected, strict=True):
        assert output.values == pytest.approx(wanted, abs=1e-14)


def test_one_step_by_hand_tells_the_gates_apart(subject: Subject) -> None:
    # Bias alone: i open, f closed, candidate tanh(0.549...) = 0.5, o open.
    weights = {
        "kernel": np.zeros((1, 4)),
        "recurrent_kernel": np.zeros((1, 4)),
        "bias": np.array([50, -50, 0.5493061443340549, 50]),
    }
    state = [tensor([[0.3]]), tensor([[0.9]])]
    y, h, c = outputs(
        subject,
        request(
            call(np.ones((1, 1, 1)), initial_state=state),
            params={"units": 1, "return_state": True},
            weights=weights,
        ),
    )
    assert c == pytest.approx(np.array([[0.5]]), abs=1e-15)
    assert h == pytest.approx(np.array([[0.46211715726000973]]), abs=1e-15)
    assert y.tolist() == h.tolist()


PLAIN: tuple[Any, ...] = ({}, {}, {})
MASKED: tuple[Any, ...] = ({}, {"mask": tensor(MASK, "bool")}, {})
SHARED: tuple[Any, ...] = (
    {"dropout": 0.25, "unroll": True},
    {"training": True, "mask": tensor(MASK, "bool")},
    {"dropout": (1, BATCH, 1, FEATURES)},
)
FOR_EACH_GATE: tuple[Any, ...] = (
    {"dropout": 0.25, "recurrent_dropout": 0.5},
    {"training": True},
    {"dropout": (4, BATCH, 1, FEATURES), "recurrent_dropout": (4, BATCH, 1, UNITS)},
)
NOT_IN_TRAINING: tuple[Any, ...] = ({"dropout": 0.25}, {"training": False}, {})


@pytest.mark.parametrize(
    ("mode", "params", "arguments", "shapes"),
    [(mode, *each) for mode in QUICK for each in (PLAIN, MASKED, SHARED, FOR_EACH_GATE, NOT_IN_TRAINING)]
    + [(XLA, *each) for each in (MASKED, FOR_EACH_GATE)],
)
def test_outputs_and_gradients_are_those_of_the_formula_with_the_masks_that_were_drawn(
    subject: Subject,
    mode: str,
    params: dict[str, Any],
    arguments: dict[str, Any],
    shapes: dict[str, tuple[int, ...]],
) -> None:
    step = Step(
        "call",
        {"sequences": tensor(X), "initial_state": [tensor(H), tensor(C)], **arguments},
        tuple(map(tensor, COTANGENTS)),
    )
    (result,) = calls(subject, request(step, params={**EVERYTHING, **params}, mode=mode))
    drawn = values_of(result.drawn)
    assert {name: mask.shape for name, mask in drawn.items()} == shapes
    for name, mask in drawn.items():
        assert set(mask.ravel().tolist()) == {0.0, 1 / (1 - params[name])}
    mask = MASK if "mask" in arguments else None

    def layer(point: Mapping[str, Array]) -> list[Array]:
        return formula(
            point, point["sequences"], point["initial_state[0]"], point["initial_state[1]"], mask, drawn
        )

    def loss(point: Mapping[str, Array]) -> Any:
        return sum((out * cotangent).sum() for out, cotangent in zip(layer(point), COTANGENTS, strict=True))

    point = {**WEIGHTS, "sequences": X, "initial_state[0]": H, "initial_state[1]": C}
    assert_close(result, layer(point))
    assert list(result.gradients) == list(point)
    for name, expected in gradients(loss, point).items():
        gradient = result.gradients[name]
        assert gradient is not None
        assert gradient.values == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("mode", QUICK)
def test_masks_are_drawn_anew_by_each_call_and_again_by_the_same_seed(subject: Subject, mode: str) -> None:
    step = call(np.ones((8, 1, 8)), training=True)
    asked = [
        request(step, step, params={"units": 1, "dropout": 0.5}, weights={}, mode=mode, seed=seed)
        for seed in (3, 3, 4)
    ]
    first, again, other = (
        [each.drawn["dropout"].values.tolist() for each in calls(subject, one)] for one in asked
    )
    assert first[0] != first[1]
    assert first == again
    assert first != other


@pytest.mark.parametrize("mode", QUICK)
def test_a_layer_keeps_its_initial_weights_where_none_are_given_and_the_seed_decides_them(
    subject: Subject, mode: str
) -> None:
    params = {"units": UNITS, "recurrent_initializer": {"class_name": "Constant", "config": {"value": 0.5}}}
    first, again, other = (
        calls(subject, request(call(), Step("weights"), params=params, weights={}, mode=mode, seed=seed))[1]
        for seed in (3, 3, 4)
    )
    assert first.structure == "{kernel: *, recurrent_kernel: *, bias: *}"
    kernel, recurrent_kernel, bias = (output.values for output in first.outputs)
    assert kernel.tolist() == again.outputs[0].values.tolist() != other.outputs[0].values.tolist()
    assert np.all(recurrent_kernel == 0.5)
    assert bias.tolist() == [0.0] * UNITS + [1.0] * UNITS + [0.0] * 2 * UNITS


@pytest.mark.parametrize("mode", QUICK)
def test_a_weight_that_is_not_trainable_has_no_gradient(subject: Subject, mode: str) -> None:
    layers = [
        {"layer": "LSTM", "params": {"units": UNITS, "return_sequences": True, "trainable": trainable}}
        for trainable in (True, False)
    ]
    weights = {**lstm_weights(FEATURES, UNITS, "0/"), **lstm_weights(UNITS, UNITS, "1/")}
    step = Step("call", {"sequences": tensor(X)}, (tensor(COTANGENTS[0]),))
    (result,) = calls(
        subject, request(step, params={"layers": layers}, weights=weights, layer="Sequential", mode=mode)
    )
    assert list(result.gradients) == ["0/kernel", "0/recurrent_kernel", "0/bias", "sequences"]
    params = {"layers": layers, "trainable": False}
    (result,) = calls(subject, request(step, params=params, weights=weights, layer="Sequential", mode=mode))
    assert list(result.gradients) == ["sequences"]


@pytest.mark.parametrize("mode", MODES)
def test_losses_are_told_and_differentiated(subject: Subject, mode: str) -> None:
    squares = {"class_name": "L2", "config": {"l2": 0.25}}
    params = {
        **EVERYTHING,
        "return_state": False,
        "kernel_regularizer": squares,
        "activity_regularizer": squares,
    }
    step = Step("call", {"sequences": tensor(X)}, (tensor(np.zeros_like(COTANGENTS[0])),))
    (result,) = calls(subject, request(step, params=params, mode=mode))

    def losses(point: Mapping[str, Array]) -> list[Any]:
        # That of the outputs is divided by the number of rows.
        return [
            0.25 * (formula(point, point["sequences"])[0] ** 2).sum() / BATCH,
            0.25 * (point["kernel"] ** 2).sum(),
        ]

    point = {**WEIGHTS, "sequences": X}
    assert result.effects["losses"].dtype == "float64"
    assert result.effects["losses"].values == pytest.approx(np.array(losses(point)), abs=1e-13)
    for name, expected in gradients(lambda moved: sum(losses(moved)), point).items():
        gradient = result.gradients[name]
        assert gradient is not None
        assert gradient.values == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("mode", QUICK)
def test_losses_of_another_call_are_not_told_again(subject: Subject, mode: str) -> None:
    params = {"units": UNITS, "activity_regularizer": "l2"}
    first, second = calls(subject, request(call(), call(2 * X), params=params, mode=mode))
    assert first.effects["losses"].values.shape == second.effects["losses"].values.shape == (1,)
    assert first.effects["losses"].values != second.effects["losses"].values


@pytest.mark.parametrize("mode", MODES)
def test_a_stateful_layer_goes_on_until_it_is_reset_and_carries_a_constant(
    subject: Subject, mode: str
) -> None:
    cotangent = tensor(COTANGENTS[1])
    steps = [Step("call", {"sequences": tensor(x)}, (cotangent,)) for x in (X[:, :2], X[:, 2:], X[:, 2:])]
    asked = request(
        steps[0], steps[1], Step("reset"), steps[2], params={"units": UNITS, "stateful": True}, mode=mode
    )
    first, second, third = calls(subject, asked)
    _, h, c = formula(WEIGHTS, X[:, :2])
    assert_close(first, [h])
    assert_close(second, [formula(WEIGHTS, X[:, 2:], h, c)[1]])
    assert_close(third, [formula(WEIGHTS, X[:, 2:])[1]])
    assert list(second.gradients) == ["kernel", "recurrent_kernel", "bias", "sequences"]
    point = {**WEIGHTS, "sequences": X[:, 2:]}
    expected = gradients(
        lambda moved: (formula(moved, moved["sequences"], h, c)[1] * COTANGENTS[1]).sum(), point
    )
    for name, gradient in second.gradients.items():
        assert gradient is not None
        assert gradient.values == pytest.approx(expected[name], abs=1e-13)


@pytest.mark.parametrize("mode", QUICK)
def test_the_cells_of_an_rnn_have_their_names_from_their_position(subject: Subject, mode: str) -> None:
    weights = {**lstm_weights(FEATURES, UNITS, "0/"), **lstm_weights(UNITS, 2, "1/")}
    cells = [
        {"layer": "LSTMCell", "params": {"units": units, "dropout": 0.25, "recurrent_dropout": 0.25}}
        for units in (UNITS, 2)
    ]
    inner = formula(weights, X, prefix="0/")[0]
    plain, dropped = calls(
        subject,
        request(
            call(),
            call(training=True),
            params={"cell": {"layer": "StackedRNNCells", "params": {"cells": cells}}},
            weights=weights,
            layer="RNN",
            mode=mode,
        ),
    )
    zero = np.zeros((BATCH, 2))
    assert_close(plain, [formula(weights, inner, zero, zero, prefix="1/")[1]])
    drawn = values_of(dropped.drawn)
    assert {name: mask.shape for name, mask in drawn.items()} == {
        "0/dropout": (4, BATCH, 1, FEATURES),
        "0/recurrent_dropout": (4, BATCH, 1, UNITS),
        "1/dropout": (4, BATCH, 1, UNITS),
        "1/recurrent_dropout": (4, BATCH, 1, 2),
    }
    inner = formula(weights, X, drawn=drawn, prefix="0/")[0]
    assert_close(dropped, [formula(weights, inner, zero, zero, drawn=drawn, prefix="1/")[1]])


@pytest.mark.parametrize("mode", MODES)
def test_a_cell_takes_one_step(subject: Subject, mode: str) -> None:
    arguments = {"inputs": tensor(X[:, 0]), "states": [tensor(H), tensor(C)], "training": True}
    step = Step("call", arguments, tuple(map(tensor, COTANGENTS[1:] + COTANGENTS[1:2])))
    (result,) = calls(
        subject, request(step, params={"units": UNITS, "dropout": 0.25}, layer="LSTMCell", mode=mode)
    )
    assert result.structure == "(*, [*, *])"
    drawn = values_of(result.drawn)
    assert drawn["dropout"].shape == (1, BATCH, 1, FEATURES)
    _, h, c = formula(WEIGHTS, X[:, :1], H, C, drawn=drawn)
    assert_close(result, [h, h, c])
    assert list(result.gradients) == [*WEIGHTS, "inputs", "states[0]", "states[1]"]


def test_stacked_cells_take_the_states_of_each(subject: Subject) -> None:
    weights = {**lstm_weights(FEATURES, UNITS, "0/"), **lstm_weights(UNITS, 2, "1/")}
    params = {"cells": [{"layer": "LSTMCell", "params": {"units": units}} for units in (UNITS, 2)]}
    states = [[H, C], [RNG.normal(size=(BATCH, 2)) for _ in range(2)]]
    step = Step(
        "call", {"inputs": tensor(X[:, 0]), "states": [[tensor(each) for each in pair] for pair in states]}
    )
    (result,) = calls(subject, request(step, params=params, weights=weights, layer="StackedRNNCells"))
    assert result.structure == "(*, [[*, *], [*, *]])"
    _, *inner = formula(weights, X[:, :1], *states[0], prefix="0/")
    _, *outer = formula(weights, inner[0][:, None], *states[1], prefix="1/")
    assert_close(result, [outer[0], *inner, *outer])


@pytest.mark.parametrize("mode", QUICK)
def test_the_directions_of_a_wrapper_have_their_own_weights_masks_and_gradients(
    subject: Subject, mode: str
) -> None:
    weights = {**lstm_weights(FEATURES, UNITS, "forward/"), **lstm_weights(FEATURES, UNITS, "backward/")}
    params = {
        "layer": {"layer": "LSTM", "params": {"units": UNITS, "return_sequences": True, "dropout": 0.25}},
        "merge_mode": None,
    }
    step = Step("call", {"sequences": tensor(X), "training": True}, (tensor(COTANGENTS[0]),) * 2)
    (result,) = calls(
        subject, request(step, params=params, weights=weights, layer="Bidirectional", mode=mode)
    )
    drawn = values_of(result.drawn)
    assert set(drawn) == {"forward/dropout", "backward/dropout"}
    assert {output.dtype for output in result.outputs} == {"float64"}
    backward = formula(weights, X[:, ::-1], drawn=drawn, prefix="backward/")[0][:, ::-1]
    assert_close(result, [formula(weights, X, drawn=drawn, prefix="forward/")[0], backward])
    assert list(result.gradients) == [*weights, "sequences"]


@pytest.mark.parametrize("mode", QUICK)
def test_a_sequential_model_computes_in_the_dtype_that_was_asked_for(subject: Subject, mode: str) -> None:
    # Sequential takes no dtype: in the default one it casts its input to float32
    # without a word.
    weights = {**lstm_weights(FEATURES, UNITS, "1/"), **lstm_weights(UNITS, UNITS, "2/")}
    layers = [
        {"layer": "Masking", "params": {}},
        {"layer": "LSTM", "params": EVERYTHING | {"return_state": False}},
    ]
    params = {"layers": [*layers, {"layer": "LSTM", "params": {"units": UNITS, "dropout": 0.25}}]}
    x = X * MASK[..., None]
    (result,) = calls(
        subject,
        request(call(x, training=True), params=params, weights=weights, layer="Sequential", mode=mode),
    )
    drawn = values_of(result.drawn)
    assert set(drawn) == {"2/dropout"}
    inner = formula(weights, x, mask=MASK, prefix="1/")[0]
    assert_close(result, [formula(weights, inner, mask=MASK, drawn=drawn, prefix="2/")[1]])


@pytest.mark.parametrize("mode", MODES)
def test_an_embedding_is_looked_up_masked_and_differentiated(subject: Subject, mode: str) -> None:
    tokens = np.array([[3, 0, 1, 1], [0, 2, 5, 0]])
    weights = {"0/embeddings": RNG.normal(size=(6, FEATURES)), **lstm_weights(FEATURES, UNITS, "1/")}
    embedding = {"layer": "Embedding", "params": {"input_dim": 6, "output_dim": FEATURES, "mask_zero": True}}
    params = {"layers": [embedding, {"layer": "LSTM", "params": {"units": UNITS}}]}
    step = Step("call", {"inputs": tensor(tokens, "int64")}, (tensor(COTANGENTS[1]),))
    (result,) = calls(subject, request(step, params=params, weights=weights, layer="Sequential", mode=mode))

    def layer(point: Mapping[str, Array]) -> Array:
        return formula(point, point["0/embeddings"][tokens], mask=tokens != 0, prefix="1/")[1]

    assert_close(result, [layer(weights)])
    assert list(result.gradients) == list(weights)
    for name, expected in gradients(lambda moved: (layer(moved) * COTANGENTS[1]).sum(), weights).items():
        gradient = result.gradients[name]
        assert gradient is not None
        assert gradient.values == pytest.approx(expected, abs=1e-13)


@pytest.mark.parametrize("mode", QUICK)
def test_a_decoder_starts_from_the_states_of_its_encoder(subject: Subject, mode: str) -> None:
    weights = {**lstm_weights(FEATURES, UNITS, "encoder/"), **lstm_weights(2, UNITS, "decoder/")}
    params = {
        name: {"layer": "LSTM", "params": {"units": UNITS, "return_state": True}}
        for name in ("encoder", "decoder")
    }
    target = RNG.normal(size=(BATCH, 6, 2))
    step = Step(
        "call",
        {"sequences": tensor(X), "decoder_sequences": tensor(target)},
        tuple(map(tensor, [COTANGENTS[1]] * 3)),
    )
    (result,) = calls(
        subject, request(step, params=params, weights=weights, layer="EncoderDecoder", mode=mode)
    )
    _, *states = formula(weights, X, prefix="encoder/")
    _, h, c = formula(weights, target, *states, prefix="decoder/")
    assert_close(result, [h, h, c])
    assert list(result.gradients) == [*weights, "sequences", "decoder_sequences"]


@pytest.mark.parametrize("action", ["save-and-load", "from-config", "functional-model"])
@pytest.mark.parametrize("first", [True, False])
def test_another_form_of_the_layer_computes_the_same(subject: Subject, action: str, first: bool) -> None:
    before = () if first else (call(),)
    after = call(X[:, 1:], mask=tensor(MASK[:, 1:], "bool"), initial_state=[tensor(H), tensor(C)])
    params = {**EVERYTHING, "go_backwards": True}
    *_, weights, result, weights_after = calls(
        subject,
        request(*before, Step(action), Step("weights"), after, Step(action), Step("weights"), params=params),
    )
    assert_close(result, formula(WEIGHTS, X[:, :0:-1], H, C, MASK[:, :0:-1]))
    for read in (weights, weights_after):
        assert [output.values.tolist() for output in read.outputs] == [
            values.tolist() for values in WEIGHTS.values()
        ]


@pytest.mark.parametrize("mode", QUICK)
def test_a_functional_model_takes_the_calls(subject: Subject, mode: str) -> None:
    found = traced(
        subject,
        request(
            Step("functional-model"),
            call(),
            call(X[:, 1:]),
            call(X[..., 1:]),
            params={"units": UNITS},
            mode=mode,
        ),
    )
    assert [each.outputs[0].values.shape for each in found.calls] == [(BATCH, UNITS)] * 2
    assert found.raised is not None
    assert "of layer 'functional" in found.raised.message


def test_an_unrolled_layer_has_a_functional_model_for_each_length(subject: Subject) -> None:
    found = outputs(
        subject,
        request(
            Step("functional-model"), call(), call(X[:, 1:]), call(), params={"units": UNITS, "unroll": True}
        ),
    )
    for output, x in zip(found, (X, X[:, 1:], X), strict=True):
        assert output == pytest.approx(formula(WEIGHTS, x)[1], abs=1e-14)


@pytest.mark.parametrize(
    ("passed", "without"),
    [
        ({"sequences": "array"}, {"sequences"}),
        ({"initial_state": "tuple"}, set()),
        ({"initial_state": "position"}, set()),
        ({"initial_state": "arrays"}, {"initial_state[0]", "initial_state[1]"}),
    ],
)
def test_arguments_are_passed_as_the_request_says(
    subject: Subject, passed: dict[str, str], without: set[str]
) -> None:
    h, c = RNG.normal(size=(2, BATCH, UNITS))
    arguments = {"sequences": tensor(X), "initial_state": [tensor(h), tensor(c)], "passed": passed}
    (result,) = calls(
        subject, request(Step("call", arguments, (tensor(np.ones((BATCH, UNITS))),)), params={"units": UNITS})
    )
    assert result.outputs[0].values == pytest.approx(formula(WEIGHTS, X, h, c)[1], abs=1e-14)
    assert {name for name, gradient in result.gradients.items() if gradient is None} == without


@pytest.mark.parametrize(
    ("form", "words"),
    [("name", "missing a required argument: 'sequences'"), ("lists", "Only input tensors may be passed")],
)
def test_what_keras_does_not_take_goes_as_it_is_and_is_refused(
    subject: Subject, form: str, words: str
) -> None:
    found = traced(
        subject,
        request(
            Step("call", {"sequences": tensor(X), "passed": {"sequences": form}}), params={"units": UNITS}
        ),
    )
    assert found.raised is not None
    assert words in found.raised.message


@pytest.mark.parametrize(
    ("action", "forgets"), [("save-and-load", True), ("from-config", True), ("functional-model", False)]
)
def test_only_another_layer_has_forgotten_the_states(subject: Subject, action: str, forgets: bool) -> None:
    asked = request(call(), Step(action), call(), params={"units": UNITS, "stateful": True})
    first, second = outputs(subject, asked)
    _, h, c = formula(WEIGHTS, X)
    assert first == pytest.approx(h, abs=1e-14)
    assert second == pytest.approx(h if forgets else formula(WEIGHTS, X, h, c)[1], abs=1e-14)


def test_a_stateful_functional_model_is_for_the_batch_of_its_first_call(subject: Subject) -> None:
    (_, second) = outputs(
        subject, request(Step("functional-model"), call(), call(), params={"units": UNITS, "stateful": True})
    )
    _, h, c = formula(WEIGHTS, X)
    assert second == pytest.approx(formula(WEIGHTS, X, h, c)[1], abs=1e-14)


@pytest.mark.parametrize("action", ["save-and-load", "from-config"])
def test_models_are_saved_and_copied_whole(subject: Subject, action: str) -> None:
    both = {
        name: {"layer": "LSTM", "params": {"units": UNITS, "return_state": True}}
        for name in ("encoder", "decoder")
    }
    weights = {**lstm_weights(FEATURES, UNITS, "encoder/"), **lstm_weights(2, UNITS, "decoder/")}
    step = Step("call", {"sequences": tensor(X), "decoder_sequences": tensor(X[..., :2])})
    before, after, read = calls(
        subject,
        request(
            step, Step(action), step, Step("weights"), params=both, weights=weights, layer="EncoderDecoder"
        ),
    )
    assert [output.values.tolist() for output in before.outputs] == [
        output.values.tolist() for output in after.outputs
    ]
    assert read.structure == "{" + ", ".join(f"{name}: *" for name in weights) + "}"
    stack = {"layers": [{"layer": "Masking", "params": {}}, {"layer": "LSTM", "params": {"units": UNITS}}]}
    weights = lstm_weights(FEATURES, UNITS, "1/")
    first, second = outputs(
        subject, request(call(), Step(action), call(), params=stack, weights=weights, layer="Sequential")
    )
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 1e-6)])
def test_training_is_gradient_descent_in_the_dtype_that_was_asked_for(
    subject: Subject, dtype: str, error: float
) -> None:
    # `fit` casts to floatx, and computes the loss in it: in the default one, float32,
    # the first of these is wrong by 1e-9.
    targets, rate = COTANGENTS[1], 0.5
    arguments = {
        "sequences": tensor(X, dtype),
        "targets": tensor(targets, dtype),
        "epochs": 2,
        "learning_rate": rate,
    }
    read, after = calls(
        subject,
        request(
            Step("train", arguments),
            Step("weights"),
            call(dtype=dtype),
            params={"units": UNITS, "return_state": True},
            dtype=dtype,
        ),
    )
    weights = WEIGHTS
    for _ in range(2):
        gradient = gradients(lambda moved: ((formula(moved, X)[1] - targets) ** 2).mean(), weights)
        weights = {name: values - rate * gradient[name] for name, values in weights.items()}
    for output, expected in zip(read.outputs, weights.values(), strict=True):
        assert output.dtype == dtype
        assert output.values == pytest.approx(expected, abs=error)
    assert after.outputs[0].values == pytest.approx(formula(weights, X)[1], abs=2 * error)


def test_training_leaves_the_default_dtype_as_it_was(subject: Subject) -> None:
    train = Step("train", {"sequences": tensor(X), "targets": tensor(H), "epochs": 1, "learning_rate": 0.5})
    asked = request(train, params={"units": UNITS})
    assert traced(subject, asked).raised is None
    (result,) = calls(subject, request(call(dtype="float32"), params={"units": UNITS}, dtype="float32"))
    assert result.outputs[0].dtype == "float32"


@pytest.mark.parametrize("mode", QUICK)
def test_a_function_is_as_good_as_its_name(subject: Subject, mode: str) -> None:
    names, functions = (
        {"units": UNITS, "activation": activation, "recurrent_activation": gate}
        for activation, gate in (
            ("relu", "hard_sigmoid"),
            ({"callable": "relu"}, {"callable": "hard_sigmoid"}),
        )
    )
    (named,), (called,) = (
        outputs(subject, request(call(), params=params, mode=mode)) for params in (names, functions)
    )
    assert named.tolist() == called.tolist()
    assert named.tolist() != outputs(subject, request(call(), params={"units": UNITS}, mode=mode))[0].tolist()


@pytest.mark.parametrize(
    ("mode", "dtype", "error"),
    [(mode, *each) for mode in QUICK for each in (("float32", 1e-6), ("float16", 1e-2), ("bfloat16", 5e-2))]
    + [(XLA, "float16", 1e-2)],
)
def test_the_requested_dtype_is_computed_and_told(
    subject: Subject, mode: str, dtype: str, error: float
) -> None:
    # The default initializer of recurrent_kernel, orthogonal, does not exist for
    # bfloat16 in TensorFlow 2.21.
    params = {"units": UNITS, "recurrent_initializer": "zeros"}
    step = Step("call", {"sequences": tensor(X, dtype)}, (tensor(COTANGENTS[1], dtype),))
    (result,) = calls(subject, request(step, params=params, dtype=dtype, mode=mode))
    assert result.outputs[0].dtype == dtype
    assert {gradient.dtype for gradient in result.gradients.values() if gradient is not None} == {dtype}
    assert result.outputs[0].values == pytest.approx(formula(WEIGHTS, X)[1], abs=error)


@pytest.mark.parametrize("mode", MODES)
def test_a_mixed_policy_keeps_weights_their_gradients_and_losses_in_float32(
    subject: Subject, mode: str
) -> None:
    params = {"units": UNITS, "dropout": 0.25, "kernel_regularizer": "l2", "activity_regularizer": "l2"}
    step = Step(
        "call", {"sequences": tensor(X, "float16"), "training": True}, (tensor(COTANGENTS[1], "float16"),)
    )
    asked = Request(
        mode,
        "LSTM",
        params,
        "mixed_float16",
        {name: tensor(values, "float32") for name, values in WEIGHTS.items()},
        (step,),
    )
    (result,) = calls(subject, asked)
    told = {name: gradient.dtype for name, gradient in result.gradients.items() if gradient is not None}
    assert told == {
        "kernel": "float32",
        "recurrent_kernel": "float32",
        "bias": "float32",
        "sequences": "float16",
    }
    assert (result.outputs[0].dtype, result.drawn["dropout"].dtype, result.effects["losses"].dtype) == (
        "float16",
        "float16",
        "float32",
    )


@pytest.mark.parametrize("mode", QUICK)
@pytest.mark.parametrize(
    ("params", "x", "step", "message"),
    [
        ({"units": -1}, X, None, "expected a positive integer"),
        ({"units": UNITS, "time_major": True}, X, None, "time_major"),
        ({"units": UNITS}, X[0], 0, "expected ndim=3"),
    ],
)
def test_a_refusal_is_in_the_words_that_a_user_sees(
    subject: Subject, mode: str, params: dict[str, Any], x: Array, step: int | None, message: str
) -> None:
    for weights in ({}, WEIGHTS):
        raised = traced(subject, request(call(x), params=params, weights=weights, mode=mode)).raised
        assert raised is not None
        assert (raised.types[0], raised.step) == ("ValueError", step)
        assert message in raised.message


@pytest.mark.parametrize("mode", QUICK)
@pytest.mark.parametrize("weights", [{"weight_ih_l0": np.zeros((12, 5))}, {**WEIGHTS, "bias": np.zeros(11)}])
def test_weights_of_another_name_or_shape_are_our_fault(
    subject: Subject, mode: str, weights: dict[str, Array]
) -> None:
    answer = subject.run(request(call(), params={"units": UNITS}, weights=weights, mode=mode))
    assert isinstance(answer, Broken)
    assert "WeightMismatch: the layer's weights are {'kernel': (5, 12)" in answer.traceback


def test_weights_that_share_a_name_are_not_guessed(subject: Subject) -> None:
    # A wrapper whose parts the adapter does not know.
    stack = {
        "layer": "Sequential",
        "params": {"layers": [{"layer": "LSTM", "params": EVERYTHING | {"return_state": False}}] * 2},
    }
    answer = subject.run(request(call(X[None]), params={"layer": stack}, layer="TimeDistributed"))
    assert isinstance(answer, Broken)
    assert "AmbiguousWeights" in answer.traceback


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (request(call(), params={"units": UNITS}, weights={**WEIGHTS, "0/kernel": ZERO}), "WeightMismatch"),
        (request(call(), params={}, layer="LTSM"), "keras.layers has no layer 'LTSM'"),
        (request(call(), params={"units": 1, "activation": {"callable": "tahn"}}), "has a function 'tahn'"),
        (request(Step("pickle"), params={"units": 1}), "step 0 asks for 'pickle', known are reset"),
        (request(Step("reset"), params={"units": 1}, layer="LSTMCell"), "the layer records no states"),
        (request(Step("save-and-load"), params={"units": 1}, layer="LSTMCell"), "put it into an RNN"),
        (request(Step("weights"), params={"units": 1}, weights={}), "call it before this step"),
        (
            request(Step("save-and-load"), params={"units": UNITS, "stateful": True}),
            "call it before this step",
        ),
    ],
)
def test_what_no_layer_has_is_our_fault(subject: Subject, asked: Request, message: str) -> None:
    answer = subject.run(asked)
    assert isinstance(answer, Broken)
    assert message in answer.traceback


def test_the_subject_says_what_it_runs_on(subject: Subject) -> None:
    assert subject.start() is None
    assert subject.facts is not None
    assert set(subject.facts.versions) == {"python", "numpy", "tensorflow", "keras"}
    assert subject.facts.versions["keras"].startswith("3.")
    chosen = {name: os.environ[name] for name in HOST.lowest if name in os.environ}
    assert subject.facts.environment == {**HOST.environment, **chosen}
    assert set(subject.facts.implementations) == set(MODES)


def test_a_failure_to_copy_weights_is_the_adapters_and_not_the_frameworks() -> None:
    # Copying runs inside the layer's own first call, where everything else that is
    # raised is the framework's.
    class Variable:
        name, shape = "kernel", (2, 2)

        def assign(self, values: Any) -> None:
            raise TypeError("not like that")

    class Layer:
        weights = (Variable(),)
        built = False

        def build(self, shape: tuple[int, ...]) -> None:
            pass

    class Arrays:
        at_once = nullcontext

        def tensor(self, value: Tensor) -> Any:
            return value.values

    layer = LiveLayer(Layer(), "float64")
    set_weights(Framework(Arrays(), None, Keras3()), layer, {"kernel": tensor(np.ones((2, 2)))})
    with pytest.raises(WeightsNotCopied, match="could not copy the weights: TypeError: not like that"):
        layer.layer.build((1, 2))


def test_a_call_that_left_the_weights_out_is_no_result() -> None:
    class Layer:
        built, losses = False, ()

        def build(self, shape: tuple[int, ...]) -> None: ...

        def __call__(self, inputs: Any) -> Any:
            return inputs

    at, layer = Framework(None, None, Keras3()), LiveLayer(Layer(), "float64")
    set_weights(at, layer, {"kernel": tensor(np.ones((2, 2)))})
    with pytest.raises(AdapterError, match=r"without building the parts of the weights \['kernel'\]"):
        run(at, layer, {"inputs": X})
