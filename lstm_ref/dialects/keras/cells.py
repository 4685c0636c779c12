"""keras.layers.LSTMCell and keras.layers.StackedRNNCells in NumPy: one step of an LSTM,
or of several on top of one another.

Source: the API documentation of Keras 3, keras.layers.LSTMCell,
keras.layers.StackedRNNCells and keras.layers.RNN, argument cell.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    INPUT_DEVIATION,
    STATE_DEVIATION,
    Draw,
    Gradients,
    Output,
    Pullback,
    Sizes,
    Spec,
    Unrolled,
)
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.keras.inner_layers import from_previous, joined, of_part, passed
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.outer_layer import OuterLayer, pulled_through
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array


class LSTMCell:
    """keras.layers.LSTMCell: the LSTM of the same parameters, over one step."""

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        self._params: dict[str, Any] = {name: value for name, value in locals().items() if name != "self"}
        self.step = self.layer(return_state=True)
        self.units = self.step.units

    @property
    def trainable(self) -> bool:
        """Whether the weights take part in training."""
        return self.step.trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self.step.trainable = value

    def layer(self, **flags: Any) -> LSTM:
        """The LSTM with the parameters of this cell, and with the parameters given
        here.
        """
        return LSTM(**self._params, **flags)

    def __call__(
        self, inputs: Array, states: Sequence[Array], training: bool = False
    ) -> tuple[Array, list[Array]]:
        """One step from inputs (batch, features) and states [h, c], each (batch,
        units): (h, [h, c]). Raises ValueError for wrong shapes.
        """
        return self.vjp(inputs, states, training)[0]

    def vjp(
        self,
        inputs: Array,
        states: Sequence[Array],
        training: bool = False,
        *,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[tuple[Array, list[Array]], Pullback]:
        """The step and its pullback, to gradients by name: weights, "inputs",
        "states[0]", "states[1]".
        """
        x = np.asanyarray(inputs)
        if type(x) is np.ndarray and x.ndim != 2:
            raise ValueError(f"inputs must have 2 dimensions (batch, features), not shape {x.shape}")
        (output, h, c), pull = self.step.vjp(x[..., None, :], list(states), None, training, drawn=drawn)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            gradients = pull(cotangents)
            found = {name: gradients[name] for name in self.step.weights() if name in gradients}
            x_gradient = gradients["sequences"][..., 0, :]
            return found | {
                "inputs": x_gradient,
                **{f"states[{k}]": gradients[f"initial_state[{k}]"] for k in range(2)},
            }

        return (output, [h, c]), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """Those of keras.layers.LSTM."""
        return self.step.weight_specs(features)

    def initial(self, features: int) -> Mapping[str, Initial]:
        """What the initializers give."""
        return self.step.initial(features)

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are
        wrong.
        """
        self.step.load(weights)

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self.step.weights()

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, which may carry leading axes."""
        self.step.take(weights)

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint of the weight of this name makes of it."""
        return self.step.project(name, weight)

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """One step has no mask."""
        return None

    def state_specs(self, batch: int, layer: int = 0) -> list[Spec]:
        """[h, c] of the cell of a layer."""
        return [
            Spec((batch, self.units), ("batch", "unit"), STATE_DEVIATION, f"{name}/{layer}") for name in "hc"
        ]

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs`, `states` [h, c], `training`."""
        states = (
            PreviousOutputs((1, 2)) if call.get("states") == "previous" else self.state_specs(sizes.batch)
        )
        return {"inputs": _inputs(sizes), "states": states, **passed(call, "training")}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """The masks of one step."""
        return self.step.draws(
            {"sequences": np.asanyarray(arguments["inputs"])[..., None, :], **passed(arguments, "training")}
        )

    def effects(self) -> Mapping[str, Array]:
        """The losses of the regularizers."""
        return self.step.effects()

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """What keras.layers.LSTM does, but for `reset`: a cell records no states."""
        if action == "reset":
            raise NotImplementedError("keras.layers.LSTMCell has no reset_state")
        self.step.act(action, arguments)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output, which is h, and both states."""
        return tuple(Output(name, ("batch", "unit")) for name in ("output", "h", "c"))

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """A single step has no steps inside."""
        return None

    @property
    def carries_state(self) -> bool:
        """A cell is given its states."""
        return False


class StackedRNNCells(OuterLayer):
    """keras.layers.StackedRNNCells: each cell's output is the next one's input; each
    has its own states.
    """

    def __init__(
        self,
        cells: Sequence[LSTMCell],
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        if not cells or not all(isinstance(cell, LSTMCell) for cell in cells):
            raise ValueError(f"cells must be a list of cells, not {cells!r}")
        self.cells = list(cells)
        super().__init__({str(k): cell for k, cell in enumerate(self.cells)}, version, trainable)

    def __call__(
        self, inputs: Array, states: Sequence[Sequence[Array]], training: bool = False
    ) -> tuple[Array, Sequence[list[Array]]]:
        """One step from inputs (batch, features) and states [[h, c], ...], one pair a
        cell: the last cell's output, and the new states.
        """
        return self.vjp(inputs, states, training)[0]

    def vjp(
        self,
        inputs: Array,
        states: Sequence[Sequence[Array]],
        training: bool = False,
        *,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[tuple[Array, Sequence[list[Array]]], Pullback]:
        """The step and its pullback, to gradients by name: weights, "inputs",
        "states[0][0]", ...
        """
        if len(states) != len(self.cells):
            raise ValueError(f"states must be {len(self.cells)} pairs [h, c], one a cell, not {len(states)}")
        y, after = inputs, []
        pulls: dict[str, Pullback] = {}
        for k, (cell, before) in enumerate(zip(self.cells, states, strict=True)):
            (y, new), pulls[str(k)] = cell.vjp(y, before, training, drawn=of_part(drawn, str(k)))
            after.append(new)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_states = {place: cotangents[1 + 2 * k : 3 + 2 * k] for k, place in enumerate(pulls)}
            found, d_inputs = pulled_through(pulls, cotangents[0], d_states)
            states = {
                f"states[{k}][{j}]": found[str(k)][f"states[{j}]"]
                for k in range(len(pulls))
                for j in range(2)
            }
            return self.inner.gradients(found) | {"inputs": d_inputs, **states}

        # The states of all cells are a list in Keras 3 and a tuple in Keras 2. No
        # documentation says which.
        return (y, self.rules.states_of_cells(after)), pullback

    def features(self, features: int) -> list[int]:
        """How many numbers go into each cell."""
        return [features, *(cell.units for cell in self.cells[:-1])]

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """One step has no mask."""
        return None

    def state_specs(self, batch: int) -> list[list[Spec]]:
        """[[h, c], ...], one pair a cell."""
        return [cell.state_specs(batch, k) for k, cell in enumerate(self.cells)]

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs`, `states` [[h, c], ...], `training`."""
        given = self.state_specs(sizes.batch)
        states = from_previous(given, 1) if call.get("states") == "previous" else given
        return {"inputs": _inputs(sizes), "states": states, **passed(call, "training")}

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """The masks of each cell: 0/dropout, ..."""
        batch, n = np.shape(arguments["inputs"])[-2:]
        read = zip(self.inner.layers.items(), self.features(n), strict=True)
        return joined(
            {
                place: cell.draws({**arguments, "inputs": np.zeros((batch, features))})
                for (place, cell), features in read
            }
        )

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The last cell's output, and the states of all: h_0, c_0, h_1, c_1, ..."""
        names = ("output", *(f"{state}_{k}" for k in range(len(self.cells)) for state in "hc"))
        return tuple(Output(name, ("batch", "unit")) for name in names)


def _inputs(sizes: Sizes) -> Spec:
    return Spec(sizes.shape or (sizes.batch, sizes.features), ("batch", "feature"), INPUT_DEVIATION, "x")
