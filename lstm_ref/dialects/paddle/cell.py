"""paddle.nn.LSTMCell in NumPy.

Source: the documentation of paddle.nn.LSTMCell, Paddle 3.3.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Draw, Gradients, Output, Pullback, Sizes, Spec, Unrolled, check_names
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.paddle.arguments import checked_inputs, checked_states, inputs_spec, states
from lstm_ref.dialects.paddle.weights import CellWeights, canonical, frozen_after, named, sizes_checked
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run


class LSTMCell:
    """paddle.nn.LSTMCell: constructor, parameters and call as documented, computed by
    the reference.

    Raises ValueError for sizes that are not positive, and for a projection that is not
    smaller than the hidden state.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        weight_ih_attr: Any = None,
        weight_hh_attr: Any = None,
        bias_ih_attr: Any = None,
        bias_hh_attr: Any = None,
        proj_size: int | None = 0,
        name: str | None = None,
        dtype: str = "float32",
    ) -> None:
        sizes_checked(input_size=input_size, hidden_size=hidden_size)
        self.input_size = input_size
        self.hidden_size = hidden_size
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
        self, inputs: Array, states: Sequence[Array] | None = None
    ) -> tuple[Array, tuple[Array, Array]]:
        """One step from inputs (N, input_size) and states (h, c), each (N,
        hidden_size); zeros where absent. With a projection h is (N, proj_size).

        Returns the output, which is h, and the states (h, c). Raises ValueError for
        other shapes.
        """
        result: tuple[Array, tuple[Array, Array]] = self.vjp(inputs, states)[0]
        return result

    def vjp(
        self, inputs: Array, states: Sequence[Array] | None = None, drawn: Mapping[str, Array] | None = None
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of outputs, h and c to
        gradients by name: weights, "inputs", "states[0]", "states[1]".
        """
        x = checked_inputs(inputs, self.input_size, 2, self.dtype)
        before = State(*checked_states(states, self.state_shapes(x.shape[-2]), self.dtype))
        (_, last), pull = run(x[..., None, :], before, canonical(self._weights))

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_y, d_h, d_c = cotangents
            gradient = pull(d_y[..., None, :], State(d_h, d_c))
            of_weights = named(gradient.weights)
            gradients: Gradients = {
                name: of_weights[name] for name in self._weights if name not in self._frozen
            }
            gradients["inputs"] = gradient.x[..., 0, :]
            if states is not None:
                gradients |= {"states[0]": gradient.initial.h, "states[1]": gradient.initial.c}
            return gradients

        return (last.h, (last.h, last.c)), pullback

    def state_shapes(self, batch: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """The shapes of h and c."""
        return (batch, self.of_cell.outputs), (batch, self.hidden_size)

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The parameters by name, in the order of the documentation; weight_ho is
        last.
        """
        return self.of_cell.specs(self.input_size)

    def initial(self, features: int) -> Mapping[str, Initial]:
        """U(-std, std) with std = 1 / sqrt(hidden_size), or what an attribute says."""
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
        """`inputs` of one step, and `states` where given."""
        found: dict[str, Any] = {"inputs": inputs_spec(sizes, None)}
        if "states" in call:
            shapes = self.state_shapes(sizes.batch)
            found["states"] = states(call["states"], shapes, ("batch", "unit"), ("h/0", "c/0"), (1, 2))
        return found

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """A cell drops nothing."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """A cell leaves nothing behind."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """What Paddle does with any layer. Only what freezes parameters, or makes a new
        layer of them, makes a difference.
        """
        specs = self.weight_specs(self.input_size)
        if action == "state-dict":
            self._frozen = self.of_cell.frozen(specs)
        else:
            self._frozen = frozen_after("LSTMCell", action, self._frozen, specs)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output, which is h, and the states."""
        return tuple(Output(name, ("batch", "unit")) for name in ("outputs", "h", "c"))

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """A cell is a single step."""
        return None

    @property
    def carries_state(self) -> bool:
        """A cell records none."""
        return False
