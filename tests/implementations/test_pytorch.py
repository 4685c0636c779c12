"""The adapter of `torch.nn` computes the documented layer with the weights of the request, forward and backward."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.harness.subjects import Broken, Subject, installed, launch
from lstm_ref.implementations.pytorch import HOST, IMPLEMENTATIONS
from lstm_ref.implementations.trace import Request, Step, Tensor, Trace

pytestmark = pytest.mark.skipif(not installed(IMPLEMENTATIONS[0]), reason=f"torch is not installed: {HOST.install}")

Array = npt.NDArray[np.float64]
HIDDEN, BATCH, TIMESTEPS, INPUT = 3, 2, 4, 5
PARAMS = {"input_size": INPUT, "hidden_size": HIDDEN}
RNG = np.random.Generator(np.random.Philox(2))
SHAPES = {"weight_ih_l0": (12, INPUT), "weight_hh_l0": (12, HIDDEN), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
WEIGHTS = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}
X, H, C = (RNG.normal(size=shape) for shape in [(TIMESTEPS, BATCH, INPUT), (1, BATCH, HIDDEN), (1, BATCH, HIDDEN)])
COTANGENTS = [RNG.normal(size=shape) for shape in [(TIMESTEPS, BATCH, HIDDEN), (1, BATCH, HIDDEN), (1, BATCH, HIDDEN)]]


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    started = Subject(launch(HOST))
    yield started
    started.close()


def tensor(values: Any, dtype: str = "float64") -> Tensor:
    return Tensor(dtype, np.asarray(values))


def request(
    *steps: Step, params: dict[str, Any] = PARAMS, weights: dict[str, Array] = WEIGHTS, layer: str = "LSTM", dtype: str = "float64"
) -> Request:
    return Request("torch", layer, params, dtype, {name: tensor(values, dtype) for name, values in weights.items()}, steps)


def traced(subject: Subject, asked: Request) -> Trace:
    answer = subject.run(asked)
    assert isinstance(answer, Trace), answer
    return answer


def formula(weight_ih_l0: Array, weight_hh_l0: Array, bias_ih_l0: Array, bias_hh_l0: Array, x: Array, h: Array, c: Array) -> list[Array]:
    """The documented layer, gates in the order i, f, g, o: output, h_n, c_n."""
    ys = []
    h, c = h[0], c[0]
    for t in range(x.shape[0]):
        i, f, g, o = np.split(x[t] @ weight_ih_l0.T + bias_ih_l0 + h @ weight_hh_l0.T + bias_hh_l0, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        ys.append(h)
    return [np.stack(ys), h[None], c[None]]


def test_one_step_by_hand_tells_the_gates_apart(subject: Subject) -> None:
    # The two biases add up: i open, f closed, g = tanh(0.549...) = 0.5, o open.
    bias = np.array([25, -25, 0.5493061443340549 / 2, 25])
    weights = {"weight_ih_l0": np.zeros((4, 1)), "weight_hh_l0": np.zeros((4, 1)), "bias_ih_l0": bias, "bias_hh_l0": bias}
    step = Step("call", {"input": tensor(np.ones((1, 1, 1))), "hx": [tensor([[[0.3]]]), tensor([[[0.9]]])]})
    (result,) = traced(subject, request(step, params={"input_size": 1, "hidden_size": 1}, weights=weights)).calls
    assert result.structure == "(*, (*, *))"
    y, h, c = (output.values for output in result.outputs)
    assert c == pytest.approx(np.array([[[0.5]]]), abs=1e-15)
    assert h == pytest.approx(np.array([[[0.46211715726000973]]]), abs=1e-15)
    assert y.tolist() == h.tolist()


def test_a_sequence_agrees_with_the_formula(subject: Subject) -> None:
    step = Step("call", {"input": tensor(X), "hx": [tensor(H), tensor(C)]})
    (result,) = traced(subject, request(step)).calls
    for observed, expected in zip(result.outputs, formula(**WEIGHTS, x=X, h=H, c=C), strict=True):
        assert observed.values == pytest.approx(expected, abs=1e-14)


def test_gradients_agree_with_finite_differences(subject: Subject) -> None:
    step = Step("call", {"input": tensor(X), "hx": [tensor(H), tensor(C)]}, tuple(map(tensor, COTANGENTS)))
    (result,) = traced(subject, request(step)).calls
    point = {**WEIGHTS, "x": X, "h": H, "c": C}
    names = {"x": "input", "h": "hx[0]", "c": "hx[1]"}
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


def test_every_documented_parameter_name_is_copied(subject: Subject) -> None:
    params = {**PARAMS, "num_layers": 2, "bidirectional": True, "proj_size": 2}
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, columns in (("l0", INPUT), ("l1", 4)):
        for direction in ("", "_reverse"):
            sizes = {"weight_ih": (12, columns), "weight_hh": (12, 2), "bias_ih": (12,), "bias_hh": (12,), "weight_hr": (2, 3)}
            shapes |= {f"{name}_{layer}{direction}": shape for name, shape in sizes.items()}
    weights = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    cotangents = tuple(tensor(RNG.normal(size=shape)) for shape in [(TIMESTEPS, BATCH, 4), (4, BATCH, 2), (4, BATCH, 3)])
    step = Step("call", {"input": tensor(X)}, cotangents)
    (result,) = traced(subject, request(step, params=params, weights=weights)).calls
    assert list(result.gradients) == [*weights, "input"]
    (again,) = traced(subject, request(step, params=params, weights={**weights, "weight_hr_l1_reverse": np.zeros((2, 3))})).calls
    assert np.array_equal(again.outputs[0].values[..., :2], result.outputs[0].values[..., :2])
    assert not again.outputs[0].values[..., 2:].any()


@pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-6), ("float16", 1e-2), ("bfloat16", 5e-2)])
def test_the_requested_dtype_is_computed_and_told(subject: Subject, dtype: str, error: float) -> None:
    step = Step("call", {"input": tensor(X, dtype)}, tuple(tensor(values, dtype) for values in COTANGENTS))
    (result,) = traced(subject, request(step, dtype=dtype)).calls
    assert {output.dtype for output in result.outputs} == {dtype}
    assert {gradient.dtype for gradient in result.gradients.values() if gradient is not None} == {dtype}
    zero = np.zeros((1, BATCH, HIDDEN))
    assert result.outputs[0].values == pytest.approx(formula(**WEIGHTS, x=X, h=zero, c=zero)[0], abs=error)


@pytest.mark.parametrize(
    ("params", "features", "kind", "step", "message"),
    [
        ({**PARAMS, "hidden_size": 0}, INPUT, "ValueError", None, "hidden_size must be greater than zero"),
        ({**PARAMS, "nonlinearity": "relu"}, INPUT, "TypeError", None, "nonlinearity"),
        (PARAMS, INPUT + 1, "RuntimeError", 0, "Expected 5, got 6"),
    ],
)
def test_a_refusal_is_in_the_words_that_a_user_sees(
    subject: Subject, params: dict[str, Any], features: int, kind: str, step: int | None, message: str
) -> None:
    raised = traced(subject, request(Step("call", {"input": tensor(np.ones((2, 2, features)))}), params=params, weights={})).raised
    assert raised is not None
    assert (raised.types[0], raised.step) == (kind, step)
    assert message in raised.message


@pytest.mark.parametrize("weights", [{"kernel": np.zeros((5, 12))}, {**WEIGHTS, "bias_ih_l0": np.zeros(11)}])
def test_weights_of_another_name_or_shape_are_our_fault(subject: Subject, weights: dict[str, Array]) -> None:
    answer = subject.run(request(weights=weights))
    assert isinstance(answer, Broken)
    assert "WeightMismatch: the layer's weights are {'weight_ih_l0': (12, 5)" in answer.traceback


def test_a_reset_is_our_fault_since_modules_record_no_state(subject: Subject) -> None:
    answer = subject.run(request(Step("reset")))
    assert isinstance(answer, Broken)
    assert "torch.nn modules record no state" in answer.traceback


def test_an_unknown_layer_is_our_fault(subject: Subject) -> None:
    answer = subject.run(request(layer="LTSM"))
    assert isinstance(answer, Broken)
    assert "torch.nn has no layer 'LTSM'" in answer.traceback


def test_the_subject_says_what_it_runs_on(subject: Subject) -> None:
    assert subject.start() is None
    assert subject.facts is not None
    assert set(subject.facts.versions) == {"python", "numpy", "torch"}
    assert subject.facts.environment == HOST.environment
