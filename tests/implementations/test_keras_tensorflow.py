"""The adapter of `tf.keras` computes the documented layer with the weights of the request, forward and backward."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.harness.subjects import Broken, Subject, installed, launch
from lstm_ref.implementations.errors import WeightsNotCopied
from lstm_ref.implementations.keras_tensorflow import HOST, IMPLEMENTATIONS, KerasTensorFlow
from lstm_ref.implementations.trace import Request, Step, Tensor, Trace

pytestmark = pytest.mark.skipif(not installed(IMPLEMENTATIONS[0]), reason=f"tensorflow is not installed: {HOST.install}")

Array = npt.NDArray[np.float64]
UNITS, BATCH, TIMESTEPS, FEATURES = 3, 2, 4, 5
RNG = np.random.Generator(np.random.Philox(1))
WEIGHTS = {name: RNG.normal(size=shape) for name, shape in {"kernel": (FEATURES, 12), "recurrent_kernel": (UNITS, 12), "bias": (12,)}.items()}
X, H, C = (RNG.normal(size=shape) for shape in [(BATCH, TIMESTEPS, FEATURES), (BATCH, UNITS), (BATCH, UNITS)])
COTANGENTS = [RNG.normal(size=shape) for shape in [(BATCH, TIMESTEPS, UNITS), (BATCH, UNITS), (BATCH, UNITS)]]


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    started = Subject(launch(HOST))
    yield started
    started.close()


def tensor(values: Any, dtype: str = "float64") -> Tensor:
    return Tensor(dtype, np.asarray(values))


def request(*steps: Step, params: dict[str, Any], weights: dict[str, Array] = WEIGHTS, layer: str = "LSTM", dtype: str = "float64") -> Request:
    return Request("keras-tensorflow", layer, params, dtype, {name: tensor(values, dtype) for name, values in weights.items()}, steps)


def call(x: Array = X, dtype: str = "float64", **others: Any) -> Step:
    return Step("call", {"sequences": tensor(x, dtype), **others})


def traced(subject: Subject, asked: Request) -> Trace:
    answer = subject.run(asked)
    assert isinstance(answer, Trace), answer
    return answer


def outputs(subject: Subject, asked: Request) -> list[Array]:
    answer = traced(subject, asked)
    assert answer.raised is None, answer.raised
    return [output.values for each in answer.calls for output in each.outputs]


def formula(kernel: Array, recurrent_kernel: Array, bias: Array, x: Array, h: Array, c: Array) -> list[Array]:
    """The documented layer, gates in the order i, f, c, o: outputs, last output state, last cell state."""
    ys = []
    for t in range(x.shape[1]):
        i, f, g, o = np.split(x[:, t] @ kernel + h @ recurrent_kernel + bias, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        ys.append(h)
    return [np.stack(ys, axis=1), h, c]


def test_one_step_by_hand_tells_the_gates_apart(subject: Subject) -> None:
    # Bias alone: i open, f closed, candidate tanh(0.549...) = 0.5, o open.
    weights = {"kernel": np.zeros((1, 4)), "recurrent_kernel": np.zeros((1, 4)), "bias": np.array([50, -50, 0.5493061443340549, 50])}
    state = [tensor([[0.3]]), tensor([[0.9]])]
    y, h, c = outputs(subject, request(call(np.ones((1, 1, 1)), initial_state=state), params={"units": 1, "return_state": True}, weights=weights))
    assert c == pytest.approx(np.array([[0.5]]), abs=1e-15)
    assert h == pytest.approx(np.array([[0.46211715726000973]]), abs=1e-15)
    assert y.tolist() == h.tolist()


def test_a_sequence_agrees_with_the_formula(subject: Subject) -> None:
    asked = request(call(initial_state=[tensor(H), tensor(C)]), params={"units": UNITS, "return_sequences": True, "return_state": True})
    for observed, expected in zip(outputs(subject, asked), formula(**WEIGHTS, x=X, h=H, c=C), strict=True):
        assert observed == pytest.approx(expected, abs=1e-14)


def test_gradients_agree_with_finite_differences(subject: Subject) -> None:
    step = Step("call", {"sequences": tensor(X), "initial_state": [tensor(H), tensor(C)]}, tuple(map(tensor, COTANGENTS)))
    (result,) = traced(subject, request(step, params={"units": UNITS, "return_sequences": True, "return_state": True})).calls
    point = {**WEIGHTS, "x": X, "h": H, "c": C}
    names = {"x": "sequences", "h": "initial_state[0]", "c": "initial_state[1]"}
    assert set(result.gradients) == {names.get(name, name) for name in point}
    for name, values in point.items():
        expected = np.zeros_like(values)
        for index in np.ndindex(values.shape):
            losses = []
            for delta in (1e-6, -1e-6):
                moved = values.copy()
                moved[index] += delta
                losses.append(sum(np.vdot(out, cotangent) for out, cotangent in zip(formula(**{**point, name: moved}), COTANGENTS, strict=True)))
            expected[index] = (losses[0] - losses[1]) / 2e-6
        gradient = result.gradients[names.get(name, name)]
        assert gradient is not None
        assert gradient.values == pytest.approx(expected, abs=1e-7)


def test_a_stateful_layer_goes_on_until_it_is_reset_and_carries_a_constant(subject: Subject) -> None:
    cotangent = tensor(COTANGENTS[1])
    steps = [Step("call", {"sequences": tensor(x)}, (cotangent,)) for x in (X[:, :2], X[:, 2:], X[:, 2:])]
    first, second, third = traced(subject, request(steps[0], steps[1], Step("reset"), steps[2], params={"units": UNITS, "stateful": True})).calls
    zero = np.zeros((BATCH, UNITS))
    _, h, c = formula(**WEIGHTS, x=X[:, :2], h=zero, c=zero)
    assert first.outputs[0].values == pytest.approx(h, abs=1e-14)
    assert second.outputs[0].values == pytest.approx(formula(**WEIGHTS, x=X[:, 2:], h=h, c=c)[1], abs=1e-14)
    assert third.outputs[0].values == pytest.approx(formula(**WEIGHTS, x=X[:, 2:], h=zero, c=zero)[1], abs=1e-14)
    assert list(second.gradients) == ["kernel", "recurrent_kernel", "bias", "sequences"]


def test_a_mask_arrives_as_it_is(subject: Subject) -> None:
    mask = np.array([[True, False, True, True], [False, True, True, False]])
    (y,) = outputs(subject, request(call(mask=tensor(mask, "bool")), params={"units": UNITS}))
    for row in range(BATCH):
        zero = np.zeros((1, UNITS))
        assert y[row] == pytest.approx(formula(**WEIGHTS, x=X[row : row + 1, mask[row]], h=zero, c=zero)[1][0], abs=1e-14)


def test_a_nested_layer_is_built_with_the_same_dtype_and_weights(subject: Subject) -> None:
    cell = {"layer": "LSTMCell", "params": {"units": UNITS}}
    wrapped = traced(subject, request(call(), params={"cell": cell}, layer="RNN")).calls[0].outputs[0]
    assert wrapped.dtype == "float64"
    assert wrapped.values.tolist() == outputs(subject, request(call(), params={"units": UNITS}))[0].tolist()


@pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-6), ("float16", 1e-2), ("bfloat16", 5e-2)])
def test_the_requested_dtype_is_computed_and_told(subject: Subject, dtype: str, error: float) -> None:
    # The default initializer of recurrent_kernel, orthogonal, does not exist for bfloat16 in TensorFlow 2.21.
    params = {"units": UNITS, "recurrent_initializer": "zeros"}
    step = Step("call", {"sequences": tensor(X, dtype)}, (tensor(COTANGENTS[1], dtype),))
    (result,) = traced(subject, request(step, params=params, dtype=dtype)).calls
    assert result.outputs[0].dtype == dtype
    assert {gradient.dtype for gradient in result.gradients.values() if gradient is not None} == {dtype}
    zero = np.zeros((BATCH, UNITS))
    assert result.outputs[0].values == pytest.approx(formula(**WEIGHTS, x=X, h=zero, c=zero)[1], abs=error)


@pytest.mark.parametrize(
    ("params", "x", "step", "message"),
    [
        ({"units": -1}, X, None, "expected a positive integer"),
        ({"units": UNITS, "time_major": True}, X, None, "time_major"),
        ({"units": UNITS}, X[0], 0, "expected ndim=3"),
    ],
)
def test_a_refusal_is_in_the_words_that_a_user_sees(subject: Subject, params: dict[str, Any], x: Array, step: int | None, message: str) -> None:
    for weights in ({}, WEIGHTS):
        raised = traced(subject, request(call(x), params=params, weights=weights)).raised
        assert raised is not None
        assert (raised.types[0], raised.step) == ("ValueError", step)
        assert message in raised.message


@pytest.mark.parametrize("weights", [{"weight_ih_l0": np.zeros((12, 5))}, {**WEIGHTS, "bias": np.zeros(11)}])
def test_weights_of_another_name_or_shape_are_our_fault(subject: Subject, weights: dict[str, Array]) -> None:
    answer = subject.run(request(call(), params={"units": UNITS}, weights=weights))
    assert isinstance(answer, Broken)
    assert "WeightMismatch: the layer's weights are {'kernel': (5, 12)" in answer.traceback


def test_weights_that_share_a_name_are_not_guessed(subject: Subject) -> None:
    params = {"layer": {"layer": "LSTM", "params": {"units": UNITS}}}
    answer = subject.run(request(call(), params=params, layer="Bidirectional"))
    assert isinstance(answer, Broken)
    assert "AmbiguousWeights" in answer.traceback


def test_an_unknown_layer_is_our_fault(subject: Subject) -> None:
    answer = subject.run(request(call(), params={}, layer="LTSM"))
    assert isinstance(answer, Broken)
    assert "tf.keras.layers has no layer 'LTSM'" in answer.traceback


def test_the_subject_says_what_it_runs_on(subject: Subject) -> None:
    assert subject.start() is None
    assert subject.facts is not None
    assert set(subject.facts.versions) == {"python", "numpy", "tensorflow", "keras"}
    assert subject.facts.environment == HOST.environment


def test_a_failure_to_copy_weights_is_the_adapters_and_not_the_frameworks() -> None:
    # Copying runs inside the layer's own first call, where everything else that is raised is the framework's.
    class Variable:
        name, shape = "kernel", (2, 2)

        def assign(self, values: Any) -> None:
            raise TypeError("not like that")

    class Layer:
        weights = (Variable(),)

        def build(self, shape: tuple[int, ...]) -> None:
            pass

    adapter, layer = KerasTensorFlow.__new__(KerasTensorFlow), Layer()
    adapter.tensor = lambda value: value.values  # type: ignore[method-assign]
    adapter.set_weights(layer, {"kernel": tensor(np.ones((2, 2)))})
    with pytest.raises(WeightsNotCopied, match="could not copy the weights: TypeError: not like that"):
        layer.build((1, 2))
