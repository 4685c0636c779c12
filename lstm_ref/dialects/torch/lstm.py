"""torch.nn.LSTM in NumPy.

Source: the documentation of torch.nn.LSTM, PyTorch 2.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    BIAS_DEVIATION,
    Draw,
    Gradients,
    Output,
    Place,
    Pullback,
    Sizes,
    Spec,
    Unrolled,
    check_names,
    kernel_deviation,
    not_yet,
)
from lstm_ref.dialects.initial import Initial, Uniform
from lstm_ref.dialects.torch.modules import FLOATS, frozen_after, input_spec, with_role
from lstm_ref.dialects.torch.packing import (
    check_lengths,
    fields,
    from_steps,
    later,
    packing,
    padded_length,
    with_length,
)
from lstm_ref.dialects.torch.states import checked, hx_of
from lstm_ref.reference.activations import Array, sigmoid, tanh
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack
from lstm_ref.reference.weights import LSTMWeights


class LSTM:
    """torch.nn.LSTM: constructor, state_dict and call as documented, computed by the
    reference.

    A parameter without a twin raises NotImplementedError where it differs from its
    default. The message names it. A value that PyTorch documents as illegal raises
    ValueError.
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
        not_yet("torch.nn.LSTM", device=(device if device != "cpu" else None, None))
        for name, size in (
            ("input_size", input_size),
            ("hidden_size", hidden_size),
            ("num_layers", num_layers),
        ):
            if not isinstance(size, int):
                raise TypeError(f"{name} must be an integer, not {size!r}")
            if size <= 0:
                raise ValueError(f"{name} must be greater than zero, not {size}")
        if not isinstance(bias, bool):
            raise TypeError(f"bias must be a boolean, not {bias!r}")
        if not 0 <= proj_size < hidden_size:
            raise ValueError(
                f"proj_size must be zero or a positive integer smaller than hidden_size {hidden_size}, not"
                f" {proj_size}"
            )
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be a probability, not {dropout!r}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self.dtype = np.dtype(dtype or "float32")
        self._state_dict: dict[str, Array] | None = None
        self._frozen: frozenset[str] = frozenset()
        self._tied = False
        self._fields: Mapping[str, Array] = {}

    def load_state_dict(self, state_dict: Mapping[str, Array]) -> None:
        """Take the weights by their documented names. Raises ValueError where names or
        shapes are wrong.
        """
        specs = self.weight_specs(self.input_size)
        check_names(state_dict, specs)
        self._state_dict = {name: np.array(state_dict[name], self.dtype) for name in specs}

    def state_dict(self) -> dict[str, Array]:
        """The weights by name. Raises ValueError while there are none."""
        if self._state_dict is None:
            raise ValueError("the layer has no weights: call load_state_dict first")
        return self._state_dict

    def __call__(self, input: Array, hx: Sequence[Array] | None = None) -> tuple[Array, tuple[Array, Array]]:
        """Run the layer over input (T, N, H_in), (N, T, H_in) with batch_first, or (T,
        H_in) unbatched.

        hx is (h_0 (L*D, N, H_out), c_0 (L*D, N, H_cell)), without N where the input has
        none; zeros where absent.

        Returns output, (h_n, c_n): output (T, N, D*H_out) in the layout of the input,
        the states as hx. Raises ValueError for a wrong rank and RuntimeError for wrong
        sizes.
        """
        result: tuple[Array, tuple[Array, Array]] = self.vjp(input, hx)[0]
        return result

    def vjp(
        self,
        input: Array,
        hx: Sequence[Array] | None = None,
        training: bool = True,
        lengths: Sequence[int] | None = None,
        enforce_sorted: bool = False,
        packing: str = "pack_padded_sequence",
        padding: str = "pad_packed_sequence",
        padding_side: str = "right",
        padding_value: float = 0.0,
        total_length: int | None = None,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of output, h_n and c_n to
        gradients by name: weights, "input", "hx[0]", "hx[1]".

        `training` is the mode of the module. Only then is something dropped.

        With the `lengths` of its sequences the input stands for a packed one, and the
        output for the packed one that the layer returns, both padded: a sequence ends
        at its own length, in either direction, and the output, of the longest length or
        `total_length`, is `padding_value` after it, or before it with the
        `padding_side` "left". Which functions pack and pad makes no difference.
        """
        state_dict = self.state_dict()
        x = np.asanyarray(input)
        if x.ndim not in (2, 3):
            raise ValueError(f"input must have 2 or 3 dimensions, not shape {x.shape}")
        if x.dtype not in (*FLOATS, self.dtype):
            raise TypeError(f"input must be {self.dtype}, not {x.dtype}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"the input's last dimension must be input_size {self.input_size}, not {x.shape[-1]}"
            )
        batched = np.ndim(input) == 3
        x = self._sequences(np.asanyarray(input, self.dtype), batched)
        timesteps = x.shape[-2]
        if timesteps == 0:
            raise RuntimeError("a sequence must have at least one step")
        mask, steps = None, timesteps
        if lengths is not None:
            check_lengths(lengths, x.shape[-3], timesteps, enforce_sorted)
            mask, steps = (
                np.arange(timesteps) < np.reshape(lengths, (-1, 1)),
                padded_length(lengths, total_length),
            )
        before = np.array(
            [] if lengths is None or padding_side == "right" else [steps - length for length in lengths],
            np.int64,
        )
        self._fields = (
            {}
            if lengths is None
            else fields(lengths, (2 if self.bidirectional else 1) * (self.proj_size or self.hidden_size))
        )
        weights = [
            [LSTMWeights.from_torch(state_dict, suffix) for suffix in layer] for layer in self._suffixes()
        ]
        masks = (
            [np.asarray(drawn[f"dropout[{k}]"], self.dtype) for k in range(self.num_layers - 1)]
            if drawn
            else ()
        )
        dropout = masks if mask is None else [from_steps(each, mask) for each in masks]
        (y, last), pull_stack = run_stack(
            x, self._initial(x.shape[-3], batched, hx), weights, mask=mask, dropout=dropout
        )
        y = y if mask is None else _padded(y, mask, steps, padding_value)
        output = self._sequences_back(later(y, before) if before.size else y, batched)
        h_n, c_n = (
            _join([getattr(state, kind) for layer in last for state in layer], batched) for kind in ("h", "c")
        )

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_output, d_h, d_c = cotangents
            dy = self._sequences(d_output, batched)
            dy = later(dy, -before) if before.size else dy
            if mask is not None:
                dy = with_length(dy, timesteps) * mask[..., None]
            gradient = pull_stack(dy, self._by_layer(_split(d_h, batched), _split(d_c, batched)))
            gradients: Gradients = {}
            for layer, suffixes in zip(gradient.weights, self._suffixes(), strict=True):
                for d_weights, suffix in zip(layer, suffixes, strict=True):
                    gradients |= d_weights.to_torch(suffix)
            gradients = {
                name: gradient
                for name, gradient in self._by_parameter(gradients).items()
                if name not in self._frozen
            }
            gradients["input"] = self._sequences_back(gradient.x, batched)
            if hx is not None:
                for index, kind in enumerate(("h", "c")):
                    gradients[f"hx[{index}]"] = _join(
                        [getattr(state, kind) for layer in gradient.initial for state in layer], batched
                    )
            return gradients

        return (output, (h_n, c_n)), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by name, in the order of `state_dict`."""
        directions, outputs = 2 if self.bidirectional else 1, self.proj_size or self.hidden_size
        specs: dict[str, Spec] = {}
        for index, layer in enumerate(self._suffixes()):
            inputs = self.input_size if index == 0 else directions * outputs
            for direction, suffix in enumerate(layer):
                found = {
                    "weight_ih": Spec(
                        (4 * self.hidden_size, inputs), ("gate", "feature"), kernel_deviation(inputs)
                    ),
                    "weight_hh": Spec(
                        (4 * self.hidden_size, outputs), ("gate", "unit"), kernel_deviation(outputs)
                    ),
                }
                if self.bias:
                    found["bias_ih"] = found["bias_hh"] = Spec(
                        (4 * self.hidden_size,), ("gate",), BIAS_DEVIATION
                    )
                if self.proj_size:
                    shape, axes = (self.proj_size, self.hidden_size), ("output", "unit")
                    found["weight_hr"] = Spec(shape, axes, kernel_deviation(self.hidden_size))
                place = Place(suffix, (index,), direction)
                specs |= {f"{own}{suffix}": with_role(spec, own, place) for own, spec in found.items()}
        return specs

    def state_shapes(self, batch: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of h_0 and c_0, without a batch where it is None."""
        rows = self.num_layers * (2 if self.bidirectional else 1)
        middle = () if batch is None else (batch,)
        return (rows, *middle, self.proj_size or self.hidden_size), (rows, *middle, self.hidden_size)

    def load(self, weights: Mapping[str, Array]) -> None:
        """`load_state_dict`."""
        self.load_state_dict(weights)

    def weights(self) -> Mapping[str, Array]:
        """The parameters by name. Parameters that both directions share have only the
        name of the forward one.
        """
        return {
            name: values
            for name, values in self.state_dict().items()
            if not (self._tied and name.endswith("_reverse"))
        }

    def initial(self, features: int) -> Mapping[str, Initial]:
        """All weights, those of a projection too, are drawn from U(-sqrt(k), sqrt(k))
        with k = 1 / hidden_size.
        """
        bound = 1 / math.sqrt(self.hidden_size)
        return dict.fromkeys(self.weight_specs(features), Uniform(-bound, bound))

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`input`, batched or not, and `hx` (h_0, c_0) where given. Also the mode of
        the module, and how the input is packed.
        """
        batch = None if sizes.form == "unbatched" else sizes.batch
        axes = ("layer*direction", "unit") if batch is None else ("layer*direction", "batch", "unit")
        given = hx_of(call.get("hx"), self.state_shapes(batch), axes, previous=(1, 2))
        mode = {name: call[name] for name in ("training",) if name in call}
        return (
            {"input": input_spec(sizes, self.batch_first, call.get("input_dtype"))}
            | given
            | mode
            | packing(sizes, call)
        )

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """In training, the masks on the outputs of all layers but the last. For a
        packed input a mask has a row for each step of each sequence.
        """
        if not self.dropout or not arguments.get("training", True):
            return {}
        batched = np.ndim(arguments["input"]) == 3
        batch, timesteps = np.shape(self._sequences(arguments["input"], batched))[-3:-1]
        outputs = (2 if self.bidirectional else 1) * (self.proj_size or self.hidden_size)
        if (lengths := arguments.get("lengths")) is None:
            draw = Draw(((batch, timesteps, outputs),), ("batch", "time", "unit"), self.dropout)
        else:
            draw = Draw(((sum(lengths), outputs),), ("step", "unit"), self.dropout)
        return {f"dropout[{k}]": draw for k in range(self.num_layers - 1)}

    def effects(self) -> Mapping[str, Array]:
        """What a packed output of the last call says about its lengths. A module leaves
        nothing else behind.
        """
        return self._fields

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """What PyTorch does with any module. Most actions do not change what the module
        computes. `reset-parameters` draws new initial weights from the same
        distribution. Only `tie` and the actions that freeze make a difference: `tie`
        gives the backward direction the parameters of the forward one.
        """
        self._frozen = frozen_after("LSTM", action, self._frozen, self.weight_specs(self.input_size))
        if action == "tie":
            self._tied = True
            self._state_dict = {
                name: self.state_dict()[name.removesuffix("_reverse")] for name in self.state_dict()
            }

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """output, h_n, c_n; those of an unbatched input have no batch."""
        batch = ("batch",) if np.ndim(arguments["input"]) == 3 else ()
        sequence = (*batch, "time", "unit") if self.batch_first else ("time", *batch, "unit")
        states = ("layer*direction", *batch, "unit")
        return Output("output", sequence), Output("h_n", states), Output("c_n", states)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of a single layer in one direction, of sequences that are not
        packed.
        """
        if self.num_layers > 1 or self.bidirectional or arguments.get("lengths") is not None:
            return None
        batched = np.ndim(arguments["input"]) == 3
        x = self._sequences(np.asarray(arguments["input"], self.dtype), batched)
        initial = self._initial(x.shape[0], batched, arguments.get("hx"))[0][0]
        return Unrolled(
            x,
            initial,
            LSTMWeights.from_torch(self.state_dict()),
            tanh,
            sigmoid,
            lambda output: self._sequences(output, batched),
        )

    @property
    def carries_state(self) -> bool:
        """A module records none."""
        return False

    def _by_parameter(self, gradients: Gradients) -> Gradients:
        """The gradients of the parameters, from those of the weights by name: a
        parameter that serves twice has the sum of both.
        """
        if not self._tied:
            return {name: gradients[name] for name in self.state_dict()}
        return {name: gradients[name] + gradients[f"{name}_reverse"] for name in self.weights()}

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
        h_0, c_0 = checked(
            [np.zeros(shape, self.dtype) for shape in shapes] if hx is None else hx, shapes, self.dtype
        )
        return self._by_layer(_split(h_0, batched), _split(c_0, batched))

    def _by_layer(self, h: Sequence[Array], c: Sequence[Array]) -> list[list[State]]:
        """States by layer and direction, from lists in which row layer * D + direction
        stands.
        """
        states = [State(*pair) for pair in zip(h, c, strict=True)]
        directions = 2 if self.bidirectional else 1
        return [states[k : k + directions] for k in range(0, len(states), directions)]


def _padded(sequences: Array, mask: Array, timesteps: int, padding_value: float) -> Array:
    """The sequences (..., batch, timesteps, n) as they are padded: so many timesteps,
    `padding_value` where the mask (batch, timesteps) is False.
    """
    ends = with_length(mask[..., None], timesteps)
    return np.where(ends, with_length(sequences, timesteps), np.asarray(padding_value, sequences.dtype))


def _split(states: Array, batched: bool) -> list[Array]:
    """The rows (..., batch, n) of h or c (..., L*D, batch, n), or of (..., L*D, n)
    unbatched.
    """
    if not batched:
        states = states[..., None, :]
    return [states[..., row, :, :] for row in range(states.shape[-3])]


def _join(rows: Sequence[Array], batched: bool) -> Array:
    """The reverse of `_split`."""
    joined = np.stack(rows, axis=-3)
    return joined if batched else joined[..., 0, :]
