"""The adapter of Keras on PyTorch differentiates, and says on which backend it is."""

import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest

from lstm_ref.implementations.keras_torch import HOST, IMPLEMENTATIONS
from lstm_ref.protocol.errors import AdapterError
from lstm_ref.protocol.trace import Request, Step, Tensor, Trace
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

pytestmark = pytest.mark.skipif(
    not installed(IMPLEMENTATIONS[0]), reason=f"Keras and PyTorch are not installed: {HOST.install}"
)

RNG = np.random.Generator(np.random.Philox(5))
SHAPES = {"kernel": (5, 12), "recurrent_kernel": (3, 12), "bias": (12,), "sequences": (2, 4, 5)}
VALUES = {name: RNG.normal(size=shape).astype(np.float32) for name, shape in SHAPES.items()}
COTANGENT = RNG.normal(size=(2, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    started = Subject(launch(HOST))
    yield started
    started.close()


def loss(values: dict[str, np.ndarray]) -> float:
    """The documented layer in float64, times the cotangent."""
    x, h, c = values["sequences"], np.zeros((2, 3)), np.zeros((2, 3))
    for t in range(x.shape[1]):
        z = x[:, t] @ values["kernel"] + h @ values["recurrent_kernel"] + values["bias"]
        i, f, g, o = np.split(z, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
    return float((h * COTANGENT).sum())


def test_gradients_of_weights_and_inputs_are_difference_quotients(
    subject: Subject, difference_quotients: Callable[..., dict[str, np.ndarray]]
) -> None:
    def tensor(values: np.ndarray) -> Tensor:
        return Tensor("float32", values)

    step = Step("call", {"sequences": tensor(VALUES["sequences"])}, cotangents=(tensor(COTANGENT),))
    weights = {name: tensor(values) for name, values in VALUES.items() if name != "sequences"}
    trace = subject.run(Request("keras-torch", "LSTM", {"units": 3}, "float32", weights, (step,)))
    assert isinstance(trace, Trace), trace
    assert trace.raised is None, trace.raised
    exact = {name: values.astype(np.float64) for name, values in VALUES.items()}
    for name, quotients in difference_quotients(loss, exact).items():
        observed = trace.calls[0].gradients[name]
        assert observed is not None
        assert observed.values == pytest.approx(quotients, abs=1e-5), name


def test_on_another_backend_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    keras = SimpleNamespace(config=SimpleNamespace(backend=lambda: "jax"), __version__="3.15.1")
    monkeypatch.setitem(sys.modules, "keras", keras)
    with pytest.raises(AdapterError, match="Keras is on the backend jax: set KERAS_BACKEND=torch before"):
        IMPLEMENTATIONS[0].adapter()
