"""flax.nnx.RNN in NumPy.

Source: flax.nnx.RNN, and flax.linen.RNN, where its arguments are documented. Where they
are silent, this follows:

* What the output holds at padding elements: 0. They "are NOT zeroed out", and no
  number is promised for them, so that implementations put 0 there as well before they
  are compared.
* The carry of a row without any step: the one that it began with, as no element
  of it is valid.
"""

from collections.abc import Callable, Mapping, Sequence
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
)
from lstm_ref.dialects.flax.arguments import (
    Shape,
    batch_axes,
    batch_of,
    carry,
    from_rows,
    inputs_spec,
    rows_of,
    seq_lengths,
    state,
)
from lstm_ref.dialects.flax.cells import NOWHERE, LSTMCell
from lstm_ref.dialects.initial import Initial
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import SequenceGradient, run

OVERRIDES = ("return_carry", "time_major", "reverse", "keep_order")


class RNN:
    """flax.nnx.RNN over an LSTM cell: constructor, weights and call as documented.

    `unroll` changes nothing that is computed.
    """

    def __init__(
        self,
        cell: LSTMCell,
        time_major: bool = False,
        return_carry: bool = False,
        reverse: bool = False,
        keep_order: bool = False,
        unroll: int = 1,
        dtype: str = "float32",
    ) -> None:
        self.cell = cell
        self.time_major = time_major
        self.return_carry = return_carry
        self.reverse = reverse
        self.keep_order = keep_order
        self.dtype = np.dtype(dtype)

    def __call__(self, inputs: Array, **options: Any) -> Any:
        """The call with its documented arguments, those of `vjp`."""
        return self.vjp(inputs, **options)[0]

    def vjp(
        self,
        inputs: Array,
        initial_carry: Sequence[Array] | None = None,
        seq_lengths: Array | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        reverse: bool | None = None,
        keep_order: bool | None = None,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call over inputs (*batch, time, in_features), or (time, *batch,
        in_features), with initial_carry (c, h), each (*batch, hidden_features), and
        seq_lengths (*batch); and its pullback to gradients by name.

        Returns the outputs (*batch, time, hidden_features), or the carry and these. An
        option that is None is that of the constructor.
        """
        asked = self.asked(return_carry, time_major, reverse, keep_order)
        batch = batch_in(inputs, asked["time_major"])
        x = sequences(self.cell.checked(inputs), batch, asked["time_major"])
        before = state(initial_carry, batch, self.cell.hidden_features, self.dtype)
        lengths = lengths_of(seq_lengths, batch, x.shape[-2])
        (y, last), pull = self.over(x, before, lengths, asked["reverse"], asked["keep_order"])
        outputs = laid_out(y, batch, asked["time_major"])
        c, h = (from_rows(array, batch, 1) for array in (last.c, last.h))

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_c, d_h = (
                (rows_of(cotangent, batch, 1) for cotangent in cotangents[:2])
                if asked["return_carry"]
                else (np.zeros_like(last.c), np.zeros_like(last.h))
            )
            dy = sequences(cotangents[-1], batch, asked["time_major"])
            gradient = pull(dy, State(d_h, d_c))
            gradients = self.cell.named(gradient.weights)
            gradients["inputs"] = laid_out(gradient.x, batch, asked["time_major"])
            if initial_carry is not None:
                gradients["initial_carry[0]"] = from_rows(gradient.initial.c, batch, 1)
                gradients["initial_carry[1]"] = from_rows(gradient.initial.h, batch, 1)
            return gradients

        return (((c, h), outputs) if asked["return_carry"] else outputs), pullback

    def over(
        self, x: Array, before: State, lengths: Array | None, reverse: bool, keep_order: bool
    ) -> tuple[tuple[Array, State], Callable[[Array, State], SequenceGradient]]:
        """The cell over x (..., rows, timesteps, features): the outputs, 0 after the
        end of a row, and the last state; and the pullback of both.

        In reverse the valid elements of each row change their order, and the padding
        stays at the end.
        """
        order = self.reversed_order(lengths, *x.shape[-3:-1]) if reverse else None
        mask = self.mask(lengths, x.shape[-2])
        valid = None if lengths is None else np.arange(x.shape[-2]) < lengths[:, None]
        (h, last), pull = run(
            reordered(x, order),
            before,
            self.cell.canonical(),
            self.cell.activation_fn,
            self.cell.gate_fn,
            mask,
        )
        back = order if keep_order else None

        def only_valid(steps: Array) -> Array:
            return steps if valid is None else np.where(valid[..., None], steps, 0)

        def pullback(dy: Array, d_last: State) -> SequenceGradient:
            gradient = pull(only_valid(reordered(dy, back)), d_last)
            return gradient._replace(x=reordered(gradient.x, order))

        return (reordered(only_valid(h), back), last), pullback

    def mask(self, lengths: Array | None, timesteps: int) -> Array | None:
        """Which steps a row takes (rows, timesteps)."""
        return None if lengths is None else np.arange(timesteps) < lengths[:, None]

    def reversed_order(self, lengths: Array | None, rows: int, timesteps: int) -> Array:
        """Which element comes at each step (rows, timesteps)."""
        steps = np.broadcast_to(np.arange(timesteps), (rows, timesteps))
        ends = np.full((rows, 1), timesteps) if lengths is None else lengths[:, None]
        return np.where(steps < ends, ends - 1 - steps, steps)

    def asked(self, *given: bool | None) -> dict[str, bool]:
        """The options of a call, in the order of OVERRIDES; one that is None is that of
        the constructor.
        """
        return {
            name: getattr(self, name) if value is None else value
            for name, value in zip(OVERRIDES, given, strict=True)
        }

    def asked_in(self, arguments: Mapping[str, Any]) -> dict[str, bool]:
        """The same of arguments by name."""
        return self.asked(*(arguments.get(name) for name in OVERRIDES))

    def weight_specs(self, features: int, place: Place = NOWHERE) -> dict[str, Spec]:
        """Those of the cell."""
        return self.cell.weight_specs(features, place)

    def initial(self, features: int) -> Mapping[str, Initial]:
        """Those of the cell."""
        return self.cell.initial(features)

    def load(self, weights: Mapping[str, Array]) -> None:
        """Into the cell."""
        self.cell.load(weights)

    def weights(self) -> Mapping[str, Array]:
        """Those of the cell."""
        return self.cell.weights()

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`inputs`; `initial_carry` and `seq_lengths` where given; and the options that
        the call has.
        """
        options = {name: call[name] for name in OVERRIDES if name in call}
        found: dict[str, Any] = {"inputs": inputs_spec(sizes, self.asked_in(options)["time_major"])}
        if "initial_carry" in call:
            found["initial_carry"] = carry(
                call["initial_carry"], batch_of(sizes), self.cell.hidden_features, (0, 1)
            )
        if "seq_lengths" in call:
            found["seq_lengths"] = seq_lengths(call["seq_lengths"], batch_of(sizes), sizes.timesteps)
        return found | options

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """Nothing is drawn."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """Nothing is left behind."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """A layer is called, and nothing else."""
        raise NotImplementedError(f"the NumPy flax.nnx.RNN has no {action}")

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The outputs, after the carry c, h where it is returned."""
        asked = self.asked_in(arguments)
        batch = batch_axes(np.shape(arguments["inputs"])[:-2])
        sequence = ("time", *batch) if asked["time_major"] else (*batch, "time")
        states = (Output("c", (*batch, "unit")), Output("h", (*batch, "unit")))
        return (*(states if asked["return_carry"] else ()), Output("outputs", (*sequence, "unit")))

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of sequences that are read forward and have no lengths."""
        asked = self.asked_in(arguments)
        if asked["reverse"] or arguments.get("seq_lengths") is not None:
            return None
        batch = batch_in(arguments["inputs"], asked["time_major"])
        x = sequences(np.asarray(arguments["inputs"], self.dtype), batch, asked["time_major"])
        before = state(arguments.get("initial_carry"), batch, self.cell.hidden_features, self.dtype)
        return Unrolled(
            x,
            before,
            self.cell.canonical(),
            self.cell.activation_fn,
            self.cell.gate_fn,
            lambda outputs: sequences(outputs, batch, asked["time_major"]),
        )

    @property
    def carries_state(self) -> bool:
        """A layer records none."""
        return False


def batch_in(inputs: Array, time_major: bool) -> Shape:
    """The dimensions of the batch of inputs (*batch, time, features), or (time, *batch,
    features).
    """
    return np.shape(inputs)[1:-1] if time_major else np.shape(inputs)[:-2]


def sequences(array: Array, batch: Shape, time_major: bool) -> Array:
    """(..., rows, timesteps, n) from the layout of the arguments."""
    return rows_of(_moved(array, -2 - len(batch), -2) if time_major else array, batch, 2)


def laid_out(steps: Array, batch: Shape, time_major: bool) -> Array:
    """The layout of the arguments from (..., rows, timesteps, n)."""
    found = from_rows(steps, batch, 2)
    return _moved(found, -2, -2 - len(batch)) if time_major else found


def _moved(array: Array, axis: int, to: int) -> Array:
    order = list(range(array.ndim))
    order.insert(array.ndim + to, order.pop(axis))
    return array.transpose(order)


def reordered(steps: Array, order: Array | None) -> Array:
    """(..., rows, timesteps, n) with the element of each step that `order` (rows,
    timesteps) names. An order that is its own inverse is that of the gradient too.
    """
    if order is None:
        return steps
    return np.take_along_axis(steps, order.reshape((1,) * (steps.ndim - 3) + (*order.shape, 1)), axis=-2)


def lengths_of(given: Array | None, batch: Shape, timesteps: int) -> Array | None:
    """One length a row (rows,). Raises ValueError where they are not one a row."""
    if given is None:
        return None
    if np.shape(given) != batch:
        raise ValueError(f"seq_lengths must have shape {batch}, not {np.shape(given)}")
    return np.reshape(given, -1)
