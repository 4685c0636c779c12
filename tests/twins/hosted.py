"""A subject that hosts the NumPy twins, or real implementations, with a fault planted
in front of them.

A script: `python hosted.py FAULT IMPLEMENTATION...`, where FAULT may be
`IMPLEMENTATION:FAULT` to be that one's alone. LSTM_REF_TEST_DEATH may name a file:
while there is none, the third request kills the process.
"""

import math
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lstm_ref.dialects import dialect
from lstm_ref.dialects.dialect import Draw
from lstm_ref.dialects.initial import Blocks, Exactly, Initial, Normal, Orthogonal, TruncatedNormal, Uniform
from lstm_ref.implementations import discover
from lstm_ref.protocol import Host, Implementation
from lstm_ref.protocol.adapter import Adapter, Gradients
from lstm_ref.protocol.server import serve
from lstm_ref.protocol.trace import Array, Request, Tensor

Weights = Mapping[str, Tensor]


class TwinAdapter:
    """A dialect's twin as if it were a framework: it computes in the dtype of the
    request, and draws what there is to draw.
    """

    def __init__(self, name: str) -> None:
        self._dialect = dialect(name)
        self._pullback: Any = None
        self._drawn: Mapping[str, Array] = {}
        self._epochs: list[Mapping[str, Array]] = []
        self._result: Any = None
        self._has_weights = False
        self._features: int | None = None
        self._dtype = ""
        self._random = np.random.default_rng()
        self.fault = ""
        self._requests = 0

    def versions(self) -> Mapping[str, str]:
        return {"twin": "1.2"}

    def unsupported(self, request: Request) -> str | None:
        self._requests += 1
        death = os.environ.get("LSTM_REF_TEST_DEATH")
        if death and self._requests == 3 and not Path(death).exists():
            Path(death).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return "twins have no softmax" if request.params.get("activation") == "softmax" else None

    def seed(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def weights(self, layer: Any) -> Mapping[str, Any]:
        self._built(layer, {})
        found: Mapping[str, Any] = layer.weights()
        return found

    def constructor(self, request: Request) -> Callable[[], Any]:
        self._has_weights = False
        self._drawn = {}  # what a layer draws is its own
        self._features = request.params.get("input_size")
        self._dtype = request.dtype
        return partial(self._dialect.build, request.layer, request.params, request.dtype)

    def set_weights(self, layer: Any, weights: Weights) -> None:
        layer.load({name: tensor.values for name, tensor in weights.items()})
        self._has_weights = True

    def _built(self, layer: Any, arguments: Mapping[str, Any]) -> None:
        """Draw the initial weights, as soon as the features are known, unless the layer
        was given some.
        """
        if not self._has_weights:
            features = self._features or int(np.shape(next(iter(arguments.values())))[-1])
            initial = layer.initial(features)
            layer.load(
                {
                    name: self._initial(name, initial[name], spec.shape)
                    for name, spec in layer.weight_specs(features).items()
                }
            )
            self._has_weights = True

    def _initial(self, name: str, initial: Initial, shape: tuple[int, ...]) -> Array:
        values = drawn_from(initial, shape, self._random)
        if self.fault == "kernels_spread_too_wide" and len(shape) > 1 and not isinstance(initial, Orthogonal):
            return values * 1.5
        if self.fault == "recurrent_kernel_not_orthogonal" and isinstance(initial, Orthogonal):
            return drawn_from(Uniform(-0.2, 0.2), shape, self._random)
        return np.zeros(shape) if self.fault == "forget_bias_missing" and name.endswith("bias") else values

    def tensor(self, value: Tensor) -> Any:
        return np.array(value.values)

    def read(self, tensor: Any) -> Tensor:
        return Tensor(str(tensor.dtype), np.array(tensor))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        @np.errstate(all="ignore")
        def call() -> Any:
            self._built(layer, arguments)
            draws = layer.draws(arguments)
            if self.fault != "masks_kept" or not self._drawn:
                self._drawn = {name: self._mask(draw) for name, draw in draws.items()}
            applied = (
                {name: np.ones_like(mask) for name, mask in self._drawn.items()}
                if self.fault == "masks_not_applied"
                else self._drawn
            )
            result, self._pullback = layer.vjp(**arguments, **({"drawn": applied} if draws else {}))
            if self.fault == "masks_misreported":
                self._drawn = {name: self._mask(draw) for name, draw in draws.items()}
            return result

        def tried() -> Any:
            try:
                self._result = call()
            except Exception:
                if self.fault == "refuses_nothing":
                    return self._result
                if self.fault == "state_advanced_by_refused_call":
                    layer.states = type(layer.states)(*(state + 1 for state in layer.states))
                if self.fault == "refuses_in_other_words":
                    raise ArithmeticError("no") from None
                raise
            if self.fault == "output_doubled":
                first, *others = self._result if isinstance(self._result, (tuple, list)) else (self._result,)
                return (2 * first, *others) if others else 2 * first
            return self._result

        return tried

    def _mask(self, draw: Draw) -> Array:
        rate = draw.rate / 2 if self.fault == "dropped_too_seldom" else draw.rate
        kept = 1.0 if self.fault == "masks_unscaled" else 1 / (1 - draw.rate)
        return np.where(self._random.random(draw.shapes[0]) < rate, 0.0, kept).astype(self._dtype)

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        result = call()

        @np.errstate(all="ignore")
        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            found = self._pullback(cotangents)
            if self.fault == "losses_not_differentiated":
                # What is left of the gradient without cotangents is that of the losses.
                of_losses = self._pullback([np.zeros_like(each) for each in cotangents])
                found = {name: gradient - of_losses[name] for name, gradient in found.items()}
            gradients = list(found.items())
            split = len(gradients) - len(leaves)
            return dict(gradients[:split]), [gradient for _, gradient in gradients[split:]]

        return result, differentiate

    def _train(self, layer: Any, arguments: Mapping[str, Any]) -> None:
        draws = layer.draws({"training": True, **arguments})

        def masks() -> list[Mapping[str, Array]]:
            return (
                [{name: self._mask(draw) for name, draw in draws.items()} for _ in range(arguments["epochs"])]
                if draws
                else []
            )

        applied = masks()
        if self.fault == "masks_kept":
            applied = applied[:1] * len(applied)
        drawn = {"drawn": applied} if applied and self.fault != "masks_not_applied" else {}
        faster = 2 if self.fault == "learns_too_fast" else 1
        if self.fault != "trains_nothing":
            layer.act("train", {**arguments, "learning_rate": faster * arguments["learning_rate"], **drawn})
        self._epochs = (
            masks()
            if self.fault == "masks_misreported"
            else []
            if self.fault == "masks_not_shown"
            else applied
        )

    def epochs(self, layer: Any) -> Sequence[Mapping[str, Any]]:
        return self._epochs

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        return self._drawn

    def effects(self, layer: Any) -> Mapping[str, Any]:
        found: Mapping[str, Any] = layer.effects()
        if self.fault == "losses_halved":
            return {name: values / 2 for name, values in found.items()}
        if self.fault == "loss_invented":
            return {"losses": np.zeros(1), **found}
        return {} if self.fault == "losses_not_reported" else found

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        def act() -> Any:
            if action == "train":
                self._train(layer, arguments)
            else:
                layer.act(action, arguments)
            self._has_weights = self._has_weights and action != "reset-parameters"
            return layer

        return act

    def release(self) -> None:
        pass


def drawn_from(initial: Initial, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Values as they are promised."""
    match initial:
        case Exactly(values):
            return values
        case Blocks(parts):
            return np.concatenate([drawn_from(part, (size,), random) for size, part in parts])
        case Uniform(low, high):
            return random.uniform(low, high, shape)
        case Normal(mean, deviation):
            return random.normal(mean, deviation, shape)
        case TruncatedNormal(mean, deviation):
            many = random.standard_normal(4 * math.prod(shape) + 100)
            return mean + deviation * many[np.abs(many) <= 2][: math.prod(shape)].reshape(shape)
        case Orthogonal(gain):
            tall = (max(shape), min(shape))
            columns = gain * np.linalg.qr(random.normal(size=tall))[0]
            return columns if shape == tall else columns.T


def gate_axis(name: str) -> int:
    """Where the gates lie in a weight: PyTorch has them first, Keras last."""
    return 0 if name.startswith("weight_") else -1


def unchanged(name: str, values: Array) -> Array:
    """No fault in the weights."""
    return values


def gates_swapped(name: str, values: Array) -> Array:
    """Input gate and forget gate exchanged, in every weight that has gates."""
    if name.startswith("weight_hr"):
        return values
    i, f, g, o = np.split(values, 4, axis=gate_axis(name))
    return np.concatenate([f, i, g, o], axis=gate_axis(name))


def recurrent_kernel_transposed(name: str, values: Array) -> Array:
    """Each gate's block of the recurrent kernel transposed, where it is square."""
    if not name.startswith(("recurrent_kernel", "weight_hh")):
        return values
    blocks = np.split(values, 4, axis=gate_axis(name))
    return (
        np.concatenate([block.T for block in blocks], axis=gate_axis(name))
        if blocks[0].shape[0] == blocks[0].shape[1]
        else values
    )


def last_bias_forgotten(name: str, values: Array) -> Array:
    """The only bias of Keras, the second one of PyTorch, as zeros."""
    return (
        np.zeros_like(values)
        if name.startswith(("bias_hh", "bias")) and not name.startswith("bias_ih")
        else values
    )


def output_gate_bias_of_one_unit_negated(name: str, values: Array) -> Array:
    """One wrong number."""
    if not name.startswith("bias") or name.startswith("bias_hh"):
        return values
    wrong = values.copy()
    wrong[-1] = -wrong[-1]
    return wrong


FAULTS: Mapping[str, Callable[[str, Array], Array]] = {
    function.__name__: function
    for function in (
        gates_swapped,
        recurrent_kernel_transposed,
        last_bias_forgotten,
        output_gate_bias_of_one_unit_negated,
    )
}
STATES_SWAPPED = "states_swapped"  # h and c exchanged on their way into the call


class Planted:
    """An adapter with a fault in front of it."""

    def __init__(self, adapter: Adapter, fault: str) -> None:
        self._adapter = adapter
        self._fault = fault
        if isinstance(adapter, TwinAdapter):
            adapter.fault = fault
        # All that it can do, as attributes: protocols are looked up without __getattr__
        # (Python 3.12).
        for name in dir(adapter):
            if not name.startswith("_") and not hasattr(self, name):
                setattr(self, name, getattr(adapter, name))

    def set_weights(self, layer: Any, weights: Weights) -> None:
        change = FAULTS.get(self._fault, unchanged)
        self._adapter.set_weights(
            layer,
            {name: replace(tensor, values=change(name, tensor.values)) for name, tensor in weights.items()},
        )

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        if self._fault == STATES_SWAPPED:
            arguments = {
                name: value[::-1] if name in ("initial_state", "hx") else value
                for name, value in arguments.items()
            }
        return self._adapter.caller(layer, arguments)


HOST = Host("twins", ("numpy",), "twins", {"OPENBLAS_NUM_THREADS": "1"})
DTYPES = {"float64": "float64", "float32": "float32"}
TWINS = {
    f"{name}-twin": Implementation(f"{name}-twin", name, partial(TwinAdapter, name), DTYPES, HOST)
    for name in ("keras", "torch")
}


def planted(implementation: Implementation, fault: str) -> Implementation:
    """The implementation with the fault, unless it is that of another one."""
    whose, _, what = fault.rpartition(":")
    if whose not in ("", implementation.name):
        return implementation
    return replace(implementation, adapter=lambda: Planted(implementation.adapter(), what))


if __name__ == "__main__":
    fault, *names = sys.argv[1:]
    serve([planted({**TWINS, **discover()}[name], fault) for name in names])
