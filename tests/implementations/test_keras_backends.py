"""The adapters of Keras on PyTorch and JAX differentiate, and say on which backend they
are.
"""

import sys
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from lstm_ref.implementations import keras_jax, keras_torch
from lstm_ref.protocol.adapter import Implementation
from lstm_ref.protocol.errors import AdapterError
from lstm_ref.protocol.trace import Request, Step, Tensor, Trace
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

RNG = np.random.Generator(np.random.Philox(5))
SHAPES = {"kernel": (5, 12), "recurrent_kernel": (3, 12), "bias": (12,), "sequences": (2, 4, 5)}
VALUES = {name: RNG.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
COTANGENT = RNG.normal(size=(2, 3)).astype(np.float32)


@pytest.fixture(
    scope="module",
    params=[*keras_torch.IMPLEMENTATIONS, *keras_jax.IMPLEMENTATIONS],
    ids=lambda each: each.name,
)
def implementation(request: pytest.FixtureRequest) -> Implementation:
    found: Implementation = request.param
    if not installed(found):
        pytest.skip(f"it is not installed: {found.host.install}")
    return found


@pytest.fixture(scope="module")
def subject(implementation: Implementation) -> Iterator[Subject]:
    started = Subject(launch(implementation.host))
    yield started
    started.close()


def documented(values: dict[str, np.ndarray], h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last states of the documented layer, in float64."""
    x = values["sequences"]
    for t in range(x.shape[1]):
        z = x[:, t] @ values["kernel"] + h @ values["recurrent_kernel"] + values["bias"]
        i, f, g, o = np.split(z, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
    return h, c


def differentiated(subject: Subject, implementation: Implementation, calls: int, **params: object) -> Trace:
    def tensor(values: np.ndarray) -> Tensor:
        return Tensor("float32", values)

    step = Step("call", {"sequences": tensor(VALUES["sequences"])}, cotangents=(tensor(COTANGENT),))
    weights = {name: tensor(values) for name, values in VALUES.items() if name != "sequences"}
    asked = Request(implementation.name, "LSTM", {"units": 3, **params}, "float32", weights, (step,) * calls)
    trace = subject.run(asked)
    assert isinstance(trace, Trace), trace
    assert trace.raised is None, trace.raised
    return trace


EXACT = {name: values.astype(np.float64) for name, values in VALUES.items()}
NOTHING = np.zeros((2, 3))


def test_gradients_of_weights_and_inputs_are_difference_quotients(
    subject: Subject,
    implementation: Implementation,
    difference_quotients: Callable[..., dict[str, np.ndarray]],
) -> None:
    def loss(values: dict[str, np.ndarray]) -> float:
        return float((documented(values, NOTHING, NOTHING)[0] * COTANGENT).sum())

    trace = differentiated(subject, implementation, calls=1)
    for name, quotients in difference_quotients(loss, EXACT).items():
        observed = trace.calls[0].gradients[name]
        assert observed is not None
        assert observed.values == pytest.approx(quotients, abs=1e-5), name


def test_a_stateful_layer_goes_on_after_a_call_that_is_differentiated(
    subject: Subject, implementation: Implementation
) -> None:
    once = documented(EXACT, NOTHING, NOTHING)
    twice = documented(EXACT, *once)
    if implementation.name == "keras-torch":
        pytest.skip("Keras cannot train a stateful layer on PyTorch")
    trace = differentiated(subject, implementation, calls=2, stateful=True)
    for call, (h, _) in zip(trace.calls, (once, twice), strict=True):
        assert call.outputs[0].values == pytest.approx(h, abs=1e-5)


@pytest.mark.parametrize(("module", "backend"), [(keras_torch, "torch"), (keras_jax, "jax")])
def test_on_another_backend_it_does_not_start(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, backend: str
) -> None:
    keras = SimpleNamespace(config=SimpleNamespace(backend=lambda: "numpy"), __version__="3.15.1")
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(
        AdapterError, match=f"Keras is on the backend numpy: set KERAS_BACKEND={backend} before"
    ):
        module.IMPLEMENTATIONS[0].adapter()
