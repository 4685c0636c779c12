"""flax.nnx.LSTMCell and flax.nnx.OptimizedLSTMCell in NumPy.

Source: the documentation of both classes, Flax 0.12, which gives them the same
equations:

    i = sigma(W_ii x + W_hi h + b_hi)       c' = f * c + i * g
    f = sigma(W_if x + W_hf h + b_hf)       h' = o * tanh(c')
    g = tanh(W_ig x + W_hg h + b_hg)
    o = sigma(W_io x + W_ho h + b_ho)
"""

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
)
from lstm_ref.dialects.flax.activations import function
from lstm_ref.dialects.flax.arguments import (
    batch_axes,
    batch_of,
    carry,
    from_rows,
    inputs_spec,
    rows_of,
    state,
)
from lstm_ref.dialects.initial import Initial
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.weights import LSTMWeights

NOWHERE = Place()
SIGMOID, TANH = {"callable": "sigmoid"}, {"callable": "tanh"}


class LSTMCell:
    """flax.nnx.LSTMCell: constructor, weights and call as documented, computed by the
    reference.

    Its weights are W_i, which is W_ii, W_if, W_ig and W_io side by side (in_features, 4
    hidden_features), and likewise W_h (hidden_features, 4 hidden_features) and b_h (4
    hidden_features,).
    """

    def __init__(
        self,
        in_features: int,
        hidden_features: int,
        gate_fn: Any = SIGMOID,
        activation_fn: Any = TANH,
        dtype: str = "float32",
    ) -> None:
        for name, size in (("in_features", in_features), ("hidden_features", hidden_features)):
            if not isinstance(size, int):
                raise TypeError(f"{name} must be an integer, not {size!r}")
        self.in_features = in_features
        self.hidden_features = hidden_features
        self.gate_fn = function(gate_fn)
        self.activation_fn = function(activation_fn)
        self.dtype = np.dtype(dtype)
        self._weights: dict[str, Array] = {}

    def __call__(self, carry: Sequence[Array] | None, inputs: Array) -> tuple[tuple[Array, Array], Array]:
        """One step from inputs (*batch, in_features) and carry (c, h), each (*batch,
        hidden_features); None is what `initialize_carry` gives, zeros.

        Returns the new carry (c, h), and h. Raises ValueError for other shapes.
        """
        result: tuple[tuple[Array, Array], Array] = self.vjp(inputs, carry)[0]
        return result

    def vjp(
        self, inputs: Array, carry: Sequence[Array] | None = None, drawn: Mapping[str, Array] | None = None
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of c, h and the output to
        gradients by name: weights, "inputs", "carry[0]", "carry[1]".
        """
        batch = np.shape(inputs)[:-1]
        x = rows_of(self.checked(inputs), batch, 1)
        before = state(carry, batch, self.hidden_features, self.dtype)
        (_, last), pull = run(x[..., None, :], before, self.canonical(), self.activation_fn, self.gate_fn)
        c, h = (from_rows(array, batch, 1) for array in (last.c, last.h))

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_c, d_h, d_y = (rows_of(cotangent, batch, 1) for cotangent in cotangents)
            gradient = pull(d_y[..., None, :], State(d_h, d_c))
            gradients = self.named(gradient.weights)
            gradients["inputs"] = from_rows(gradient.x[..., 0, :], batch, 1)
            if carry is not None:
                gradients["carry[0]"] = from_rows(gradient.initial.c, batch, 1)
                gradients["carry[1]"] = from_rows(gradient.initial.h, batch, 1)
            return gradients

        return ((c, h), h), pullback

    def checked(self, inputs: Array) -> Array:
        """The inputs in the dtype of the cell. Raises TypeError for another number of
        features.
        """
        if np.shape(inputs)[-1] != self.in_features:
            raise TypeError(f"inputs must have {self.in_features} features, not {np.shape(inputs)[-1]}")
        return np.asanyarray(inputs, self.dtype)

    def canonical(self) -> LSTMWeights:
        """The weights as the reference has them: gates and axes are in its order."""
        return LSTMWeights(self._weights["W_i"], self._weights["W_h"], self._weights["b_h"])

    def named(self, weights: LSTMWeights) -> dict[str, Array]:
        """The reverse of `canonical`, for gradients too."""
        return {"W_i": weights.kernel, "W_h": weights.recurrent_kernel, "b_h": weights.bias}

    def weight_specs(self, features: int, place: Place = NOWHERE) -> dict[str, Spec]:
        """W_i, W_h and b_h. `place` is where in a layer the cell is."""
        inputs, units = self.in_features, self.hidden_features
        own = {
            "W_i": Spec((inputs, 4 * units), ("feature", "gate"), kernel_deviation(inputs), role="kernel"),
            "W_h": Spec(
                (units, 4 * units), ("unit", "gate"), kernel_deviation(units), role="recurrent kernel"
            ),
            "b_h": Spec((4 * units,), ("gate",), BIAS_DEVIATION, role="bias"),
        }
        prefix = f"{place.name}/" if place.name else ""
        return {f"{prefix}{name}": spec._replace(own=name, place=place) for name, spec in own.items()}

    def initial(self, features: int) -> Mapping[str, Initial]:
        """Initial weights are not known yet: a case gives all weights."""
        return {}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take these weights. Raises ValueError where names or shapes are wrong."""
        specs = self.weight_specs(self.in_features)
        check_names(weights, specs)
        self._weights = {name: np.array(weights[name], self.dtype) for name in specs}

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self._weights

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs` of one step, and `carry` where given."""
        found: dict[str, Any] = {"inputs": inputs_spec(sizes, None)}
        if "carry" in call:
            found["carry"] = carry(call["carry"], batch_of(sizes), self.hidden_features, (0, 1))
        return found

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """A cell draws nothing."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """A cell leaves nothing behind."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """A cell is called, and nothing else."""
        raise NotImplementedError(f"the NumPy flax.nnx.{type(self).__name__} has no {action}")

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """c, h and the output, which is h."""
        axes = (*batch_axes(np.shape(arguments["inputs"])[:-1]), "unit")
        return Output("c", axes), Output("h", axes), Output("output", axes)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """A cell is a single step."""
        return None

    @property
    def carries_state(self) -> bool:
        """A cell records none."""
        return False


class OptimizedLSTMCell(LSTMCell):
    """flax.nnx.OptimizedLSTMCell, "the same as LSTMCell" by its documentation."""
