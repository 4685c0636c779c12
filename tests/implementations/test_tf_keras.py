"""The adapter of Keras 2 computes its layers with the weights of the request, where
they are not those of Keras 3.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.implementations.tf_keras import HOST, IMPLEMENTATIONS
from lstm_ref.protocol.trace import Call, Request, Step, Tensor, Trace
from lstm_ref.runner.answers import Unsupported
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

pytestmark = pytest.mark.skipif(
    not installed(IMPLEMENTATIONS[0]), reason=f"tf-keras is not installed: {HOST.install}"
)

Array = npt.NDArray[np.float64]
UNITS, BATCH, TIMESTEPS, FEATURES = 3, 2, 4, 5
RNG = np.random.Generator(np.random.Philox(2))
X = RNG.normal(size=(BATCH, TIMESTEPS, FEATURES))
ZERO = np.zeros((BATCH, UNITS))
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
    seed: int = 0,
) -> Request:
    return Request(
        "tf-keras",
        layer,
        params,
        "float64",
        {name: tensor(values) for name, values in weights.items()},
        steps,
        seed,
    )


def call(x: Array = X, **others: Any) -> Step:
    return Step("call", {"inputs": tensor(x), **others})


def calls(subject: Subject, asked: Request) -> tuple[Call, ...]:
    answer = subject.run(asked)
    assert isinstance(answer, Trace), answer
    assert answer.raised is None, answer.raised
    return answer.calls


def formula(
    weights: Mapping[str, Array],
    x: Array,
    h: Array = ZERO,
    c: Array = ZERO,
    drawn: Mapping[str, Array] | None = None,
) -> list[Array]:
    """The documented layer, gates in the order i, f, c, o; `drawn` multiplies x
    and h.
    """
    kernel, recurrent_kernel, bias = (np.split(values, 4, axis=-1) for values in weights.values())
    one = np.ones((1, 1, 1, 1))
    of_x, of_h = ((drawn or {}).get(kind, one) for kind in ("dropout", "recurrent_dropout"))
    ys = []
    for t in range(x.shape[1]):
        z = [
            (x[:, t] * of_x[gate % len(of_x), :, t % of_x.shape[2]]) @ kernel[gate]
            + (h * of_h[gate % len(of_h), :, 0]) @ recurrent_kernel[gate]
            + bias[gate]
            for gate in range(4)
        ]
        i, f, o = (1 / (1 + np.exp(-z[gate])) for gate in (0, 1, 3))
        c = f * c + i * np.tanh(z[2])
        h = o * np.tanh(c)
        ys.append(h)
    return [np.stack(ys, axis=1), h, c]


def assert_close(observed: Call, expected: list[Array]) -> None:
    assert len(observed.outputs) == len(expected)
    for output, wanted in zip(observed.outputs, expected, strict=True):
        assert output.values == pytest.approx(wanted, abs=1e-14)


def test_it_is_keras_2(subject: Subject) -> None:
    # hard_sigmoid(1) is 0.7 in Keras 2 and 2/3 in Keras 3. The candidate is 1, the
    # output gate open.
    weights = {
        "kernel": np.zeros((1, 4)),
        "recurrent_kernel": np.zeros((1, 4)),
        "bias": np.array([1.0, 0.0, 1.0, 9.0]),
    }
    params = {"units": 1, "activation": "linear", "recurrent_activation": "hard_sigmoid"}
    (result,) = calls(subject, request(call(np.ones((1, 1, 1))), params=params, weights=weights))
    assert result.outputs[0].values == pytest.approx(np.array([[0.7]]), abs=1e-15)
    assert subject.facts is not None
    assert set(subject.facts.versions) == {"python", "numpy", "tensorflow", "tf-keras"}
    assert subject.facts.versions["tf-keras"].startswith("2.")
    chosen = {name: os.environ[name] for name in HOST.lowest if name in os.environ}
    assert subject.facts.environment == {**HOST.environment, **chosen}


@pytest.mark.parametrize(
    ("params", "shapes"),
    [
        ({}, {}),
        # What cuDNN could compute has one mask for each timestep, on a CPU too.
        ({"dropout": 0.25}, {"dropout": (1, BATCH, TIMESTEPS, FEATURES)}),
        ({"dropout": 0.25, "unroll": True}, {"dropout": (1, BATCH, 1, FEATURES)}),
        (
            {"dropout": 0.25, "recurrent_dropout": 0.5},
            {"dropout": (4, BATCH, 1, FEATURES), "recurrent_dropout": (4, BATCH, 1, UNITS)},
        ),
    ],
)
def test_outputs_are_those_of_the_formula_with_the_masks_that_were_drawn(
    subject: Subject, params: dict[str, Any], shapes: dict[str, tuple[int, ...]]
) -> None:
    trained, not_trained = calls(
        subject, request(call(training=True), call(), params={**EVERYTHING, **params}, seed=1)
    )
    drawn = {name: mask.values for name, mask in trained.drawn.items()}
    assert {name: mask.shape for name, mask in drawn.items()} == shapes
    for name, mask in drawn.items():
        assert set(mask.ravel().tolist()) == {0.0, 1 / (1 - params[name])}
    assert_close(trained, formula(WEIGHTS, X, drawn=drawn))
    assert trained.structure == "[*, *, *]"
    assert not_trained.drawn == {}
    assert_close(not_trained, formula(WEIGHTS, X))


def test_masks_are_drawn_anew_by_each_call_and_again_by_the_same_seed(subject: Subject) -> None:
    step = call(np.ones((8, 1, 8)), training=True)
    asked = [
        request(step, step, params={"units": 1, "dropout": 0.5}, weights={}, seed=seed) for seed in (3, 3, 4)
    ]
    first, again, other = (
        [each.drawn["dropout"].values.tolist() for each in calls(subject, one)] for one in asked
    )
    assert first[0] != first[1]
    assert first == again
    assert first != other


def test_gradients_are_those_of_the_formula_and_its_losses(subject: Subject) -> None:
    cotangent = RNG.normal(size=(BATCH, UNITS))
    params = {"units": UNITS, "kernel_regularizer": {"class_name": "L2", "config": {"l2": 0.25}}}
    step = Step("call", {"inputs": tensor(X), "initial_state": [tensor(ZERO)] * 2}, (tensor(cotangent),))
    (result,) = calls(subject, request(step, params=params))

    def loss(weights: Mapping[str, Array]) -> Any:
        return (formula(weights, X)[1] * cotangent).sum() + 0.25 * (weights["kernel"] ** 2).sum()

    assert result.effects["losses"].values == pytest.approx(
        np.array([0.25 * (WEIGHTS["kernel"] ** 2).sum()]), abs=1e-13
    )
    assert list(result.gradients) == [*WEIGHTS, "inputs", "initial_state[0]", "initial_state[1]"]
    for name, values in WEIGHTS.items():
        gradient = result.gradients[name]
        assert gradient is not None
        for index in [(0,) * values.ndim, (-1,) * values.ndim]:
            moved = values.astype(complex)
            moved[index] += 1e-200j
            assert gradient.values[index] == pytest.approx(
                np.imag(loss({**WEIGHTS, name: moved})) / 1e-200, abs=1e-13
            )


def test_parts_have_their_own_names_and_masks(subject: Subject) -> None:
    one = {"layer": "LSTM", "params": {"units": UNITS, "return_sequences": True, "dropout": 0.25}}
    weights = {**lstm_weights(FEATURES, UNITS, "forward/"), **lstm_weights(FEATURES, UNITS, "backward/")}
    (result, read) = calls(
        subject,
        request(
            call(training=True),
            Step("weights"),
            params={"layer": one},
            weights=weights,
            layer="Bidirectional",
        ),
    )
    assert read.structure == "{" + ", ".join(f"{name}: *" for name in weights) + "}"
    ys = []
    for way, order in (("forward", slice(None)), ("backward", slice(None, None, -1))):
        own = {name: values for name, values in weights.items() if name.startswith(way)}
        # The timesteps of a mask are those of the input, in whatever order they are
        # processed.
        drawn = {"dropout": result.drawn[f"{way}/dropout"].values[:, :, order]}
        ys.append(formula(own, X[:, order], drawn=drawn)[0][:, order])
    assert_close(result, [np.concatenate(ys, axis=-1)])

    weights = {**lstm_weights(FEATURES, UNITS, "0/"), **lstm_weights(UNITS, UNITS, "1/")}
    inner = formula({name: values for name, values in weights.items() if name[0] == "0"}, X)[0]
    expected = formula({name: values for name, values in weights.items() if name[0] == "1"}, inner)[1]
    cells = [{"layer": "LSTMCell", "params": {"units": UNITS}}] * 2
    (result,) = calls(
        subject,
        request(
            call(),
            params={"cell": {"layer": "StackedRNNCells", "params": {"cells": cells}}},
            weights=weights,
            layer="RNN",
        ),
    )
    assert_close(result, [expected])
    layers = [
        {"layer": "LSTM", "params": {"units": UNITS, "return_sequences": each}} for each in (True, False)
    ]
    (result,) = calls(
        subject, request(call(), params={"layers": layers}, weights=weights, layer="Sequential")
    )
    assert_close(result, [expected])


def test_a_cell_draws_its_masks_itself(subject: Subject) -> None:
    states = [tensor(RNG.normal(size=(BATCH, UNITS))) for _ in range(2)]
    step = Step("call", {"inputs": tensor(X[:, 0]), "states": states, "training": True})
    (result,) = calls(subject, request(step, params={"units": UNITS, "dropout": 0.25}, layer="LSTMCell"))
    assert result.structure == "(*, [*, *])"
    drawn = {name: mask.values for name, mask in result.drawn.items()}
    assert drawn["dropout"].shape == (1, BATCH, 1, FEATURES)
    _, h, c = formula(WEIGHTS, X[:, :1], *(state.values for state in states), drawn=drawn)
    assert_close(result, [h, h, c])


def test_a_decoder_starts_from_the_states_of_its_encoder(subject: Subject) -> None:
    encoder, decoder = lstm_weights(FEATURES, UNITS, "encoder/"), lstm_weights(2, UNITS, "decoder/")
    params = {
        name: {"layer": "LSTM", "params": {"units": UNITS, "return_state": True}}
        for name in ("encoder", "decoder")
    }
    step = call(decoder_sequences=tensor(X[..., :2]))
    asked = request(
        step,
        Step("save-and-load"),
        step,
        params=params,
        weights={**encoder, **decoder},
        layer="EncoderDecoder",
    )
    _, *states = formula(encoder, X)
    _, h, c = formula(decoder, X[..., :2], *states)
    for result in calls(subject, asked):
        assert_close(result, [h, h, c])


@pytest.mark.parametrize(
    ("action", "forgets"),
    [
        ("reset", True),
        ("save-and-load", True),
        ("from-config", True),
        ("functional-model", False),
        ("weights", False),
    ],
)
def test_a_stateful_layer_goes_on_unless_it_is_reset_or_another(
    subject: Subject, action: str, forgets: bool
) -> None:
    found = calls(subject, request(call(), Step(action), call(), params={"units": UNITS, "stateful": True}))
    _, h, c = formula(WEIGHTS, X)
    assert_close(found[0], [h])
    assert_close(found[-1], [h if forgets else formula(WEIGHTS, X, h, c)[1]])


@pytest.mark.parametrize("unroll", [False, True])
def test_a_functional_model_takes_the_calls_and_an_unrolled_layer_has_one_for_each_length(
    subject: Subject, unroll: bool
) -> None:
    mask = np.arange(TIMESTEPS) < [[2], [3]]
    steps = (call(), call(X[:, 1:]), call(mask=tensor(mask, "bool")), call())
    found = calls(
        subject, request(Step("functional-model"), *steps, params={"units": UNITS, "unroll": unroll})
    )
    masked = np.concatenate(
        [formula(WEIGHTS, X[row : row + 1, : 2 + row], ZERO[:1], ZERO[:1])[1] for row in range(BATCH)]
    )
    for each, wanted in zip(
        found,
        (formula(WEIGHTS, X)[1], formula(WEIGHTS, X[:, 1:])[1], masked, formula(WEIGHTS, X)[1]),
        strict=True,
    ):
        assert_close(each, [wanted])


@pytest.mark.parametrize(
    ("passed", "without"),
    [
        ({"sequences": "name"}, set()),
        ({"sequences": "array"}, {"sequences"}),
        ({"initial_state": "tuple"}, set()),
        ({"initial_state": "position"}, set()),
        ({"initial_state": "reset"}, {"initial_state[0]", "initial_state[1]"}),
    ],
)
def test_arguments_are_passed_as_the_request_says(
    subject: Subject, passed: dict[str, str], without: set[str]
) -> None:
    h, c = RNG.normal(size=(2, BATCH, UNITS))
    arguments = {"sequences": tensor(X), "initial_state": [tensor(h), tensor(c)], "passed": passed}
    steps = (call(), Step("reset"), Step("call", arguments, (tensor(np.ones((BATCH, UNITS))),)))
    _, result = calls(subject, request(*steps, params={"units": UNITS, "stateful": True}))
    assert_close(result, [formula(WEIGHTS, X, h, c)[1]])
    assert {name for name, gradient in result.gradients.items() if gradient is None} == without


def test_lists_of_numbers_go_as_they_are_and_are_refused(subject: Subject) -> None:
    answer = subject.run(
        request(
            Step("call", {"sequences": tensor(X), "passed": {"sequences": "lists"}}), params={"units": UNITS}
        )
    )
    assert isinstance(answer, Trace)
    assert answer.raised is not None
    assert "'float' object has no attribute 'shape'" in answer.raised.message


def test_masks_of_a_time_major_layer_are_laid_out_like_any_other(subject: Subject) -> None:
    params = {"units": UNITS, "time_major": True, "dropout": 0.25}
    (result,) = calls(subject, request(call(X.swapaxes(0, 1), training=True), params=params, seed=1))
    drawn = {name: mask.values for name, mask in result.drawn.items()}
    assert drawn["dropout"].shape == (1, BATCH, TIMESTEPS, FEATURES)
    assert_close(result, [formula(WEIGHTS, X, drawn=drawn)[1]])


def test_training_is_gradient_descent_in_float64(subject: Subject) -> None:
    targets, rate = RNG.normal(size=(BATCH, UNITS)), 0.5
    train = Step(
        "train", {"inputs": tensor(X), "targets": tensor(targets), "epochs": 1, "learning_rate": rate}
    )
    (read,) = calls(subject, request(train, Step("weights"), params={"units": UNITS}))
    for (name, values), output in zip(WEIGHTS.items(), read.outputs, strict=True):
        for index in [(0,) * values.ndim, (-1,) * values.ndim]:
            moved = values.astype(complex)
            moved[index] += 1e-200j
            gradient = np.imag(((formula({**WEIGHTS, name: moved}, X)[1] - targets) ** 2).mean()) / 1e-200
            assert output.values[index] == pytest.approx(values[index] - rate * gradient, abs=1e-14)


@pytest.mark.parametrize("name", ["seed", "use_cudnn"])
def test_arguments_of_keras_3_are_not_offered(subject: Subject, name: str) -> None:
    nested = {"layer": {"layer": "LSTM", "params": {"units": UNITS, name: 1}}}
    for layer, params in (("LSTM", {"units": UNITS, name: 1}), ("Bidirectional", nested)):
        answer = subject.run(request(call(), params=params, layer=layer))
        assert answer == Unsupported(f"Keras 2 does not document the argument '{name}'")
