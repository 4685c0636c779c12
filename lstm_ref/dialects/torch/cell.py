"""torch.nn.LSTMCell in NumPy.

Source: the documentation of torch.nn.LSTMCell, PyTorch 2.
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
    Pullback,
    Sizes,
    Spec,
    Unrolled,
    check_names,
    kernel_deviation,
    not_yet,
)
from lstm_ref.dialects.initial import Initial, Uniform
from lstm_ref.dialects.torch.modules import FLOATS, cell_input_spec, frozen_after, with_role
from lstm_ref.dialects.torch.states import checked, hx_of
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.weights import LSTMWeights


class LSTMCell:
    """torch.nn.LSTMCell: constructor, state_dict and call as documented, computed by
    the reference.

    A device other than the CPU raises NotImplementedError. The documentation names no
    illegal sizes.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: str | None = None,
        dtype: str | None = None,
    ) -> None:
        not_yet("torch.nn.LSTMCell", device=(device if device != "cpu" else None, None))
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(size, int):
                raise TypeError(f"{name} must be an integer, not {size!r}")
            if size < 0:
                raise RuntimeError(f"{name} must not be negative, as {size} is")
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        self.dtype = np.dtype(dtype or "float32")
        self._state_dict: dict[str, Array] | None = None
        self._frozen: frozenset[str] = frozenset()

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

    def __call__(self, input: Array, hx: Sequence[Array] | None = None) -> tuple[Array, Array]:
        """One step from input (N, H_in) or (H_in), and hx (h_0, c_0), each (N, H_cell)
        or (H_cell); zeros where absent.

        Returns (h_1, c_1) of the shapes of hx. Raises ValueError for a wrong rank and
        RuntimeError for wrong sizes.
        """
        result: tuple[Array, Array] = self.vjp(input, hx)[0]
        return result

    def vjp(
        self, input: Array, hx: Sequence[Array] | None = None, drawn: Mapping[str, Array] | None = None
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of h_1 and c_1 to gradients by
        name: weights, "input", "hx[0]", "hx[1]".
        """
        x = np.asanyarray(input)
        if np.ndim(input) not in (1, 2):
            raise ValueError(f"input must have 1 or 2 dimensions, not shape {np.shape(input)}")
        if x.dtype not in (*FLOATS, self.dtype):
            raise TypeError(f"input must be {self.dtype}, not {x.dtype}")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"the input's last dimension must be input_size {self.input_size}, not {x.shape[-1]}"
            )
        x, state_dict = np.asanyarray(input, self.dtype), self.state_dict()
        batched = np.ndim(input) == 2
        shapes = self.state_shapes(x.shape[-2] if batched else None)
        before = checked(
            [np.zeros(shape, self.dtype) for shape in shapes] if hx is None else hx, shapes, self.dtype
        )

        def rows(array: Array) -> Array:
            return array if batched else array[..., None, :]

        def rows_back(array: Array) -> Array:
            return array if batched else array[..., 0, :]

        (_, last), pull = run(
            rows(x)[..., None, :], State(*map(rows, before)), LSTMWeights.from_torch(state_dict, "")
        )

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_h, d_c = map(rows, cotangents)
            gradient = pull(np.zeros_like(d_h)[..., None, :], State(d_h, d_c))
            of_weights = gradient.weights.to_torch("")
            gradients: Gradients = {name: of_weights[name] for name in state_dict if name not in self._frozen}
            gradients["input"] = rows_back(gradient.x[..., 0, :])
            if hx is not None:
                gradients |= {"hx[0]": rows_back(gradient.initial.h), "hx[1]": rows_back(gradient.initial.c)}
            return gradients

        return (rows_back(last.h), rows_back(last.c)), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by name, in the order of `state_dict`."""
        inputs, units = self.input_size, self.hidden_size
        specs = {
            "weight_ih": Spec((4 * units, inputs), ("gate", "feature"), kernel_deviation(inputs)),
            "weight_hh": Spec((4 * units, units), ("gate", "unit"), kernel_deviation(units)),
        }
        specs |= (
            dict.fromkeys(("bias_ih", "bias_hh"), Spec((4 * units,), ("gate",), BIAS_DEVIATION))
            if self.bias
            else {}
        )
        return {name: with_role(spec, name) for name, spec in specs.items()}

    def state_shapes(self, batch: int | None) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of h_0 and c_0, without a batch where it is None."""
        shape = (self.hidden_size,) if batch is None else (batch, self.hidden_size)
        return shape, shape

    def load(self, weights: Mapping[str, Array]) -> None:
        """`load_state_dict`."""
        self.load_state_dict(weights)

    def weights(self) -> Mapping[str, Array]:
        """`state_dict`."""
        return self.state_dict()

    def initial(self, features: int) -> Mapping[str, Initial]:
        """All weights are drawn from U(-sqrt(k), sqrt(k)) with k = 1 / hidden_size."""
        bound = 1 / math.sqrt(max(self.hidden_size, 1))
        return dict.fromkeys(self.weight_specs(features), Uniform(-bound, bound))

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`input`, batched or not, and `hx` (h_0, c_0) where given."""
        batch = None if sizes.form == "unbatched" else sizes.batch
        axes = ("unit",) if batch is None else ("batch", "unit")
        given = hx_of(call.get("hx"), self.state_shapes(batch), axes, previous=(0, 1))
        return {"input": cell_input_spec(sizes, call.get("input_dtype"))} | given

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """A cell drops nothing."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """A module leaves nothing behind."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """As for torch.nn.LSTM."""
        self._frozen = frozen_after("LSTMCell", action, self._frozen, self.weight_specs(self.input_size))

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """h_1, c_1; those of an unbatched input have no batch."""
        axes = ("batch", "unit") if np.ndim(arguments["input"]) == 2 else ("unit",)
        return Output("h_1", axes), Output("c_1", axes)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """A cell is a single step."""
        return None

    @property
    def carries_state(self) -> bool:
        """A module records none."""
        return False
