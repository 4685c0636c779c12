"""paddle.nn.LSTM in NumPy.

Source: the documentation of paddle.nn.LSTM, Paddle 3.3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    Draw,
    Gradients,
    Output,
    Place,
    Pullback,
    Sizes,
    Spec,
    Unrolled,
    check_names,
)
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.paddle.arguments import (
    checked_inputs,
    checked_lengths,
    checked_states,
    inputs_spec,
    sequence_length,
    states,
    with_nan,
)
from lstm_ref.dialects.paddle.weights import CellWeights, canonical, frozen_after, named, sizes_checked
from lstm_ref.reference.activations import Array, sigmoid, tanh
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack

DIRECTIONS: Mapping[str, int] = {"forward": 1, "bidirect": 2, "bidirectional": 2}


class LSTM:
    """paddle.nn.LSTM: constructor, parameters and call as documented, computed by the
    reference.

    Raises ValueError for sizes that are not positive, an unknown direction, a
    projection that is not smaller than the hidden state, and a dropout outside of 0 to
    1.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        direction: str = "forward",
        time_major: bool = False,
        dropout: float = 0.0,
        weight_ih_attr: Any = None,
        weight_hh_attr: Any = None,
        bias_ih_attr: Any = None,
        bias_hh_attr: Any = None,
        proj_size: int = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        sizes_checked(input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be {' or '.join(DIRECTIONS)}, not {direction!r}")
        if not 0 <= dropout <= 1:
            raise ValueError(f"dropout must be from 0 to 1, not {dropout!r}")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.directions = DIRECTIONS[direction]
        self.time_major = time_major
        self.dropout = float(dropout)
        self.of_cell = CellWeights.of(
            hidden_size,
            proj_size,
            {
                "weight_ih_attr": weight_ih_attr,
                "weight_hh_attr": weight_hh_attr,
                "bias_ih_attr": bias_ih_attr,
                "bias_hh_attr": bias_hh_attr,
            },
        )
        self.dtype = np.dtype(dtype)
        self._weights: dict[str, Array] = {}
        self._frozen = self.of_cell.frozen(self.weight_specs(input_size))

    def __call__(
        self,
        inputs: Array,
        initial_states: Sequence[Array] | None = None,
        sequence_length: Array | None = None,
    ) -> tuple[Array, tuple[Array, Array]]:
        """Run the layer over inputs (N, T, input_size), or (T, N, input_size) with
        time_major.

        initial_states is (h, c), (L * D, N, hidden_size) each, zeros where absent; with
        a projection h has proj_size units. sequence_length (N,) has the length of each
        sequence, after which is padding.

        Returns outputs, (h, c): outputs (N, T, D * hidden_size) in the layout of the
        inputs, 0 in the padding, the states as initial_states. Raises ValueError for
        other shapes.
        """
        result: tuple[Array, tuple[Array, Array]] = self.vjp(inputs, initial_states, sequence_length)[0]
        return result

    def vjp(
        self,
        inputs: Array,
        initial_states: Sequence[Array] | None = None,
        sequence_length: Array | None = None,
        training: bool = True,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of outputs, h and c to
        gradients by name: weights, "inputs", "initial_states[0]", "initial_states[1]".

        `training` is the mode of the layer. Only then is something dropped.
        """
        x = self._sequences(checked_inputs(inputs, self.input_size, 3, self.dtype))
        batch, timesteps = x.shape[-3:-1]
        if timesteps == 0:
            raise ValueError("a sequence must have at least one step")
        lengths = checked_lengths(sequence_length, batch, timesteps)
        mask = None if lengths is None else np.arange(timesteps) < lengths[:, None]
        before = checked_states(initial_states, self.state_shapes(batch), self.dtype)
        weights = [[canonical(self._weights, suffix) for suffix in layer] for layer in self._suffixes()]
        masks = (
            [np.asarray(drawn[f"dropout[{k}]"], self.dtype) for k in range(self.num_layers - 1)]
            if drawn
            else ()
        )
        (y, last), pull = run_stack(x, self._by_layer(*before), weights, mask=mask, dropout=masks)
        h, c = (
            np.stack([getattr(state, kind) for layer in last for state in layer], axis=-3)
            for kind in ("h", "c")
        )

        def valid(steps: Array) -> Array:
            return steps if mask is None else steps * mask[..., None]

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_y, d_h, d_c = cotangents
            gradient = pull(valid(self._sequences(d_y)), self._by_layer(d_h, d_c))
            found: Gradients = {}
            for layer, suffixes in zip(gradient.weights, self._suffixes(), strict=True):
                for d_weights, suffix in zip(layer, suffixes, strict=True):
                    found |= named(d_weights, suffix)
            gradients = {name: found[name] for name in self._weights if name not in self._frozen}
            gradients["inputs"] = self._sequences(gradient.x)
            if initial_states is not None:
                for index, kind in enumerate(("h", "c")):
                    gradients[f"initial_states[{index}]"] = np.stack(
                        [getattr(state, kind) for layer in gradient.initial for state in layer], axis=-3
                    )
            return gradients

        return (self._sequences(valid(y)), (h, c)), pullback

    def state_shapes(self, batch: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """The shapes of h and c."""
        rows = self.num_layers * self.directions
        return (rows, batch, self.of_cell.outputs), (rows, batch, self.hidden_size)

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The parameters by name, cell by cell. The documentation has no name for
        weight_ho; here it ends as the others of its cell do.
        """
        specs: dict[str, Spec] = {}
        for index, layer in enumerate(self._suffixes()):
            inputs = self.input_size if index == 0 else self.directions * self.of_cell.outputs
            for direction, suffix in enumerate(layer):
                specs |= self.of_cell.specs(inputs, suffix, Place(suffix, (index,), direction))
        return specs

    def initial(self, features: int) -> Mapping[str, Initial]:
        """Those of each cell."""
        return self.of_cell.initial(self.weight_specs(features))

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take these weights. Raises ValueError where names or shapes are wrong."""
        specs = self.weight_specs(self.input_size)
        check_names(weights, specs)
        self._weights = {name: np.array(weights[name], self.dtype) for name in specs}

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self._weights

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs`; `initial_states` and `sequence_length` where given; and the mode of
        the layer.
        """
        found: dict[str, Any] = {"inputs": inputs_spec(sizes, self.time_major)}
        if "initial_states" in call:
            found["initial_states"] = states(
                call["initial_states"],
                self.state_shapes(sizes.batch),
                ("layer*direction", "batch", "unit"),
                ("h", "c"),
                (1, 2),
            )
        if "sequence_length" in call:
            found["sequence_length"] = sequence_length(call["sequence_length"], sizes)
        if sizes.form == "nan-in-padding":
            found["inputs"] = with_nan(found["inputs"], found["sequence_length"], self.time_major)
        return found | {name: call[name] for name in ("training",) if name in call}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """In training, the masks on the outputs of all layers but the last."""
        if not self.dropout or not arguments.get("training", True):
            return {}
        batch, timesteps = np.shape(self._sequences(arguments["inputs"]))[-3:-1]
        shape = (batch, timesteps, self.directions * self.of_cell.outputs)
        draw = Draw((shape,), ("batch", "time", "unit"), self.dropout)
        return {f"dropout[{k}]": draw for k in range(self.num_layers - 1)}

    def effects(self) -> Mapping[str, Array]:
        """A layer leaves nothing behind."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """As for LSTMCell."""
        specs = self.weight_specs(self.input_size)
        if action == "state-dict":
            self._frozen = self.of_cell.frozen(specs)
        else:
            self._frozen = frozen_after("LSTM", action, self._frozen, specs)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """outputs, h and c."""
        sequence = ("time", "batch", "unit") if self.time_major else ("batch", "time", "unit")
        of_states = ("layer*direction", "batch", "unit")
        return Output("outputs", sequence), Output("h", of_states), Output("c", of_states)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of a single layer in one direction, where nothing is padding."""
        if self.num_layers * self.directions > 1 or arguments.get("sequence_length") is not None:
            return None
        x = self._sequences(np.asarray(arguments["inputs"], self.dtype))
        before = checked_states(arguments.get("initial_states"), self.state_shapes(x.shape[0]), self.dtype)
        initial = self._by_layer(*before)[0][0]
        return Unrolled(x, initial, canonical(self._weights, "_l0"), tanh, sigmoid, self._sequences)

    @property
    def carries_state(self) -> bool:
        """A layer records none."""
        return False

    def _suffixes(self) -> list[list[str]]:
        """The ends of the parameters' names, by layer and direction."""
        ends = ("", "_reverse")[: self.directions]
        return [[f"_l{layer}{end}" for end in ends] for layer in range(self.num_layers)]

    def _sequences(self, array: Array) -> Array:
        """(..., N, T, n) from the layout of the arguments, or back."""
        return array.swapaxes(-2, -3) if self.time_major else array

    def _by_layer(self, h: Array, c: Array) -> list[list[State]]:
        """States by layer and direction; row layer * D + direction has that of one."""
        found = [State(h[..., row, :, :], c[..., row, :, :]) for row in range(h.shape[-3])]
        return [found[k : k + self.directions] for k in range(0, len(found), self.directions)]
