"""The PyTorch dialect: torch.nn.LSTM in NumPy, as PyTorch documents it.

    layer = LSTM(input_size=5, hidden_size=3, bidirectional=True)
    layer.load_state_dict({"weight_ih_l0": ..., ...})
    output, (h_n, c_n) = layer(input)

Source: the documentation of torch.nn.LSTM, PyTorch 2. L layers, D directions (1 or 2), T timesteps, N batch, H_in input_size, H_cell hidden_size,
H_out proj_size or, without projection, hidden_size.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    BIAS_DEVIATION,
    INPUT_DEVIATION,
    STATE_DEVIATION,
    Gradients,
    Output,
    Pullback,
    Sizes,
    Spec,
    Twin,
    Unrolled,
    built,
    check_names,
    ends_with,
    kernel_deviation,
    not_yet,
)
from lstm_ref.implementations.trace import Handed
from lstm_ref.reference.activations import Array, sigmoid, tanh
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack
from lstm_ref.reference.weights import LSTMWeights


class LSTM:
    """torch.nn.LSTM: constructor, state_dict and call as documented, computed by the reference.

    A parameter that has no twin yet raises NotImplementedError naming it as soon as it differs from its default; a value that PyTorch
    documents as illegal raises ValueError.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: str | None = None,
        dtype: str | None = None,
    ) -> None:
        not_yet("torch.nn.LSTM", dropout=(dropout, 0.0), device=(device, None))
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size), ("num_layers", num_layers)):
            if not isinstance(size, int):
                raise TypeError(f"{name} must be an integer, not {size!r}")
            if size <= 0:
                raise ValueError(f"{name} must be greater than zero, not {size}")
        if not isinstance(bias, bool):
            raise TypeError(f"bias must be a boolean, not {bias!r}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(f"proj_size must be zero or a positive integer smaller than hidden_size {hidden_size}, not {proj_size}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.dtype = np.dtype(dtype or "float32")
        self._state_dict: dict[str, Array] | None = None

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Take the weights by their documented names. Raises ValueError where names or shapes are wrong."""
        specs = self.weight_specs(self.input_size)
        check_names(state_dict, specs)
        self._state_dict = {name: np.array(state_dict[name], self.dtype) for name in specs}

    def state_dict(self) -> dict[str, Array]:
        """The weights by name. Raises ValueError while there are none."""
        if self._state_dict is None:
            raise ValueError("the layer has no weights: call load_state_dict first")
        return self._state_dict

    def __call__(self, input: Array, hx: Sequence[Array] | None = None) -> tuple[Array, tuple[Array, Array]]:
        """Run the layer over input (T, N, H_in), (N, T, H_in) with batch_first, or (T, H_in) unbatched.

        hx is (h_0 (L*D, N, H_out), c_0 (L*D, N, H_cell)), without N where the input has none; zeros where absent.

        Returns output, (h_n, c_n): output (T, N, D*H_out) in the layout of the input, the states as hx. Raises ValueError for a wrong rank and
        RuntimeError for wrong sizes.
        """
        result: tuple[Array, tuple[Array, Array]] = self.vjp(input, hx)[0]
        return result

    def vjp(self, input: Array, hx: Sequence[Array] | None = None, lengths: Sequence[int] | None = None) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of output, h_n and c_n to gradients by name: weights, "input", "hx[0]", "hx[1]".

        With the `lengths` of its sequences the input stands for a packed one, and the output for the packed one that the layer returns, both
        padded: a sequence ends at its own length, in either direction, and the output is zero after it.
        """
        state_dict = self.state_dict()
        x = np.asanyarray(input, self.dtype)
        if x.ndim not in (2, 3):
            raise ValueError(f"input must have 2 or 3 dimensions, not shape {x.shape}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(f"the input's last dimension must be input_size {self.input_size}, not {x.shape[-1]}")
        batched = x.ndim == 3
        x = self._sequences(x, batched)
        if x.shape[1] == 0:
            raise RuntimeError("a sequence must have at least one step")
        weights = [[LSTMWeights.from_torch(state_dict, suffix) for suffix in layer] for layer in self._suffixes()]
        mask = None if lengths is None else np.arange(x.shape[1]) < np.reshape(lengths, (-1, 1))
        (y, last), pull_stack = run_stack(x, self._initial(x.shape[0], batched, hx), weights, mask=mask)
        output = self._sequences_back(_zero_after_end(y, mask), batched)
        h_n, c_n = (_join([getattr(state, kind) for layer in last for state in layer], batched) for kind in ("h", "c"))

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_output, d_h, d_c = cotangents
            gradient = pull_stack(
                _zero_after_end(self._sequences(d_output, batched), mask), self._by_layer(_split(d_h, batched), _split(d_c, batched))
            )
            gradients: Gradients = {}
            for layer, suffixes in zip(gradient.weights, self._suffixes(), strict=True):
                for d_weights, suffix in zip(layer, suffixes, strict=True):
                    gradients |= d_weights.to_torch(suffix)
            gradients = {name: gradients[name] for name in state_dict}
            gradients["input"] = self._sequences_back(gradient.x, batched)
            if hx is not None:
                for index, kind in enumerate(("h", "c")):
                    gradients[f"hx[{index}]"] = _join([getattr(state, kind) for layer in gradient.initial for state in layer], batched)
            return gradients

        return (output, (h_n, c_n)), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by name, in the order of `state_dict`."""
        directions, outputs, specs = 2 if self.bidirectional else 1, self.proj_size or self.hidden_size, {}
        for index, layer in enumerate(self._suffixes()):
            inputs = self.input_size if index == 0 else directions * outputs
            for suffix in layer:
                specs[f"weight_ih{suffix}"] = Spec((4 * self.hidden_size, inputs), ("gate", "feature"), kernel_deviation(inputs))
                specs[f"weight_hh{suffix}"] = Spec((4 * self.hidden_size, outputs), ("gate", "unit"), kernel_deviation(outputs))
                if self.bias:
                    specs[f"bias_ih{suffix}"] = specs[f"bias_hh{suffix}"] = Spec((4 * self.hidden_size,), ("gate",), BIAS_DEVIATION)
                if self.proj_size:
                    specs[f"weight_hr{suffix}"] = Spec((self.proj_size, self.hidden_size), ("output", "unit"), kernel_deviation(self.hidden_size))
        return specs

    def state_shapes(self, batch: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of h_0 and c_0, without a batch where it is None."""
        rows = self.num_layers * (2 if self.bidirectional else 1)
        middle = () if batch is None else (batch,)
        return (rows, *middle, self.proj_size or self.hidden_size), (rows, *middle, self.hidden_size)

    def load(self, weights: Mapping[str, Array]) -> None:
        """`load_state_dict`."""
        self.load_state_dict(weights)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """output, h_n, c_n; those of an unbatched input have no batch."""
        batch = ("batch",) if np.ndim(arguments["input"]) == 3 else ()
        sequence = (*batch, "time", "unit") if self.batch_first else ("time", *batch, "unit")
        states = ("layer*direction", *batch, "unit")
        return Output("output", sequence), Output("h_n", states), Output("c_n", states)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of a single layer in one direction, of sequences that are not packed."""
        if self.num_layers > 1 or self.bidirectional or arguments.get("lengths") is not None:
            return None
        batched = np.ndim(arguments["input"]) == 3
        x = self._sequences(np.asarray(arguments["input"], self.dtype), batched)
        initial = self._initial(x.shape[0], batched, arguments.get("hx"))[0][0]
        return Unrolled(x, initial, LSTMWeights.from_torch(self.state_dict()), tanh, sigmoid, lambda output: self._sequences(output, batched))

    def _suffixes(self) -> list[list[str]]:
        """The ends of the weights' names, by layer and direction."""
        directions = ("", "_reverse") if self.bidirectional else ("",)
        return [[f"_l{layer}{direction}" for direction in directions] for layer in range(self.num_layers)]

    def _sequences(self, x: Array, batched: bool) -> Array:
        """(..., batch, timesteps, features) from the layout of the arguments."""
        if not batched:
            return x[..., None, :, :]
        return x if self.batch_first else x.swapaxes(-2, -3)

    def _sequences_back(self, x: Array, batched: bool) -> Array:
        """The layout of the arguments from (..., batch, timesteps, features)."""
        if not batched:
            return x[..., 0, :, :]
        return x if self.batch_first else x.swapaxes(-2, -3)

    def _initial(self, batch: int, batched: bool, hx: Sequence[Array] | None) -> list[list[State]]:
        shapes = self.state_shapes(batch if batched else None)
        if hx is None:
            hx = [np.zeros(shape, self.dtype) for shape in shapes]
        if len(hx) != 2:
            raise RuntimeError(f"hx must be (h_0, c_0), not {len(hx)} arrays")
        for name, state, shape in zip(("h_0", "c_0"), hx, shapes, strict=True):
            if not ends_with(state, shape):
                raise RuntimeError(f"{name} must have shape {shape}, not {np.shape(state)}")
        h_0, c_0 = (_split(np.asanyarray(state, self.dtype), batched) for state in hx)
        return self._by_layer(h_0, c_0)

    def _by_layer(self, h: Sequence[Array], c: Sequence[Array]) -> list[list[State]]:
        """States by layer and direction, from lists in which row layer * D + direction stands."""
        states = [State(*pair) for pair in zip(h, c, strict=True)]
        directions = 2 if self.bidirectional else 1
        return [states[k : k + directions] for k in range(0, len(states), directions)]


def _zero_after_end(sequences: Array, mask: Array | None) -> Array:
    """The sequences (..., batch, timesteps, n), or their gradient, with zeros where the mask is False."""
    return sequences if mask is None else sequences * mask[..., None]


def _split(states: Array, batched: bool) -> list[Array]:
    """The rows (..., batch, n) of h or c (..., L*D, batch, n), or of (..., L*D, n) unbatched."""
    if not batched:
        states = states[..., None, :]
    return [states[..., row, :, :] for row in range(states.shape[-3])]


def _join(rows: Sequence[Array], batched: bool) -> Array:
    """The reverse of `_split`."""
    joined = np.stack(rows, axis=-3)
    return joined if batched else joined[..., 0, :]


# The lengths of packed sequences (batch,), by the form of the input. Where rows are enough, one is as long as the input and one has a single step.
LENGTHS: dict[str | None, Callable[[int, int], list[int]]] = {
    "packed-equal": lambda batch, timesteps: [timesteps] * batch,
    "packed-sorted": lambda batch, timesteps: sorted(_unequal(batch, timesteps), reverse=True),
    "packed-unsorted": lambda batch, timesteps: _unequal(batch, timesteps),
}


def _unequal(batch: int, timesteps: int) -> list[int]:
    """Lengths in no order: 1, then the whole, then what lies between."""
    lengths = [1, timesteps, *(2 + (3 * row) % max(timesteps - 2, 1) for row in range(batch))]
    return [min(length, timesteps) for length in lengths[:batch]]


class TorchDialect:
    """How a case of the PyTorch dialect becomes arguments."""

    name = "torch"
    layers: Mapping[str, Callable[..., Twin]] = {"LSTM": LSTM}

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of torch.nn.<layer>."""
        return built(self.layers, "torch.nn", layer, params, dtype)

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """`input_size`, unless the case wants another number."""
        return int(params["input_size"]) if features is None else features

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`input`, batched or not, and `hx` (h_0, c_0) where given."""
        batch = None if sizes.form == "unbatched" else sizes.batch
        batch_first = isinstance(twin, LSTM) and twin.batch_first
        axes = ("time",) if batch is None else ("batch", "time") if batch_first else ("time", "batch")
        size = {"time": sizes.timesteps, "batch": sizes.batch}
        shape = sizes.shape or (*(size[axis] for axis in axes), sizes.features)
        arguments: dict[str, Any] = {"input": Spec(shape, (*axes, "feature"), INPUT_DEVIATION)}
        if sizes.form in LENGTHS:
            arguments["lengths"] = LENGTHS[sizes.form](sizes.batch, sizes.timesteps)
        if call.get("hx") == "previous":
            arguments["hx"] = Handed((1, 2))
        if isinstance(twin, LSTM) and call.get("hx") == "given":
            rows = ("layer*direction", "unit") if batch is None else ("layer*direction", "batch", "unit")
            arguments["hx"] = [Spec(state, rows, STATE_DEVIATION) for state in twin.state_shapes(batch)]
        return arguments

    def reset(self, twin: Twin) -> None:
        """Modules of torch.nn record no state."""
        raise NotImplementedError("torch.nn modules record no state that could be reset; pass hx instead")


DIALECT = TorchDialect()
