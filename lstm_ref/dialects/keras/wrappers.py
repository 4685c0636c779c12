"""keras.layers.RNN and keras.layers.Bidirectional in NumPy: cells over time, and a
layer in both directions.

Source: the API documentation of Keras 3, keras.layers.RNN and
keras.layers.Bidirectional.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Gradients, Output, Place, Pullback, Sizes, Twin, Unrolled
from lstm_ref.dialects.keras.cells import LSTMCell, StackedRNNCells
from lstm_ref.dialects.keras.inner_layers import Recurrent, fresh, from_previous, of_part, passed, to_train
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.outer_layer import OuterLayer, mask_after, pulled_through
from lstm_ref.reference.activations import Array

MERGE_MODES = ("sum", "mul", "concat", "ave", None)


class RNN(OuterLayer):
    """keras.layers.RNN over one cell, or over several on top of one another.

    At every step each cell reads the output of the cell below it. No cell takes a
    masked step. So it is the same if the cells run one after the other over the whole
    sequence.
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        self.stacked = not isinstance(cell, LSTMCell)
        self.stack = (
            cell
            if isinstance(cell, StackedRNNCells)
            else StackedRNNCells([cell] if isinstance(cell, LSTMCell) else cell)
        )
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.stateful = stateful
        last = len(self.stack.cells) - 1
        self.layers = [
            each.layer(
                return_sequences=return_sequences or k < last,
                return_state=True,
                stateful=stateful,
                unroll=unroll,
            )
            for k, each in enumerate(self.stack.cells)
        ]
        self.units = self.layers[-1].units
        self.go_backwards = go_backwards
        self.zero_output_for_mask = zero_output_for_mask
        super().__init__(
            {str(k) if self.stacked else "": layer for k, layer in enumerate(self.layers)}, version, trainable
        )

    @property
    def go_backwards(self) -> bool:
        """Whether the first cell starts at the end of the sequence. The other cells
        take the steps in the order in which the first returns them.
        """
        return self.layers[0].go_backwards

    @go_backwards.setter
    def go_backwards(self, value: bool) -> None:
        self.layers[0].go_backwards = value

    @property
    def zero_output_for_mask(self) -> bool:
        """Whether the output of a masked step is zero."""
        return self.layers[-1].zero_output_for_mask

    @zero_output_for_mask.setter
    def zero_output_for_mask(self, value: bool) -> None:
        self.layers[-1].zero_output_for_mask = value

    def __call__(
        self, sequences: Array, initial_state: Any = None, mask: Array | None = None, training: bool = False
    ) -> Any:
        """Run over sequences (batch, timesteps, features) from initial_state, [h, c] of
        the cell, or [[h, c], ...] of a list of cells; zeros where absent. mask (batch,
        timesteps): True is a step to take.

        Returns what keras.layers.LSTM does; of a list of cells the states come as one
        [h, c] a cell.
        """
        return self.vjp(sequences, initial_state, mask, training)[0]

    def vjp(
        self,
        sequences: Array,
        initial_state: Any = None,
        mask: Array | None = None,
        training: bool | None = False,
        *,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, to gradients by name: weights, "sequences",
        "initial_state[0]", or "initial_state[0][0]", ... of a list.
        """
        initial = (
            [None] * len(self.layers)
            if initial_state is None
            else list(initial_state)
            if self.stacked
            else [initial_state]
        )
        if len(initial) != len(self.layers):
            raise ValueError(
                f"initial_state must be {len(self.layers)} pairs [h, c], one a cell, not {len(initial)}"
            )
        y, states = sequences, []
        pulls: dict[str, Pullback] = {}
        for place, before, layer in zip(self.inner.layers, initial, self.layers, strict=True):
            (y, *last), pulls[place] = layer.vjp(y, before, mask, bool(training), drawn=of_part(drawn, place))
            mask = mask_after(layer, mask)
            states.append(last)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_last = (
                cotangents[1:]
                if self.return_state
                else [np.zeros_like(state) for pair in states for state in pair]
            )
            d_states = {place: d_last[2 * k : 2 * k + 2] for k, place in enumerate(pulls)}
            found, d_sequences = pulled_through(pulls, cotangents[0], d_states)
            gradients = self.inner.gradients(found) | {"sequences": d_sequences}
            for k, place in enumerate(pulls if initial_state is not None else ()):
                cell = f"[{k}]" if self.stacked else ""
                gradients |= {
                    f"initial_state{cell}[{j}]": found[place][f"initial_state[{j}]"] for j in range(2)
                }
            return gradients

        result = [y, *(states if self.stacked else states[0])]
        return (self.rules.several(result) if self.return_state else y), pullback

    def reset_state(self) -> None:
        """Forget the states that a stateful layer recorded."""
        self.act("reset", {})

    def features(self, features: int) -> list[int]:
        """How many numbers go into each cell."""
        return self.stack.features(features)

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """The mask, in the order of the output."""
        return mask_after(self, arguments.get("mask"))

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`sequences`, `initial_state` where given, `mask`, `training`."""
        states = self.stack.state_specs(sizes.batch)
        return _arguments(self, self.layers[0], sizes, call, states if self.stacked else states[0], 1)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output and, with return_state, h and c, or of a list of cells h_0, c_0,
        h_1, c_1, ...
        """
        output = Output("output", ("batch", "time", "unit") if self.return_sequences else ("batch", "unit"))
        names = (
            [f"{state}_{k}" for k in range(len(self.layers)) for state in "hc"]
            if self.stacked
            else ["h", "c"]
        )
        return (
            (output, *(Output(name, ("batch", "unit")) for name in names)) if self.return_state else (output,)
        )

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """Those of the one cell."""
        return None if self.stacked else self.layers[0].unrolled(arguments)


class Bidirectional(OuterLayer):
    """keras.layers.Bidirectional: a forward layer that reads the sequence, and a
    backward layer that reads it from its other end. The backward layer is a copy of the
    first, or another layer.

    The outputs of both stand at the time of the input that they were computed from.
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        *,
        trainable: bool = True,
        name: str | None = None,
        dtype: str | None = None,
        version: str = "3",
    ) -> None:
        for argument, given in (("layer", layer), ("backward_layer", backward_layer)):
            if not isinstance(given, LSTM | RNN) and not (argument == "backward_layer" and given is None):
                raise ValueError(f"{argument} must be a recurrent layer, not {given!r}")
        if merge_mode not in MERGE_MODES:
            raise ValueError(
                f"merge_mode must be one of {', '.join(map(repr, MERGE_MODES))}, not {merge_mode!r}"
            )
        if weights is not None:
            raise NotImplementedError(
                "the NumPy keras.layers.Bidirectional does not implement weights: what they are is not"
                " documented"
            )
        self.forward: Recurrent = fresh(layer)
        self.backward: Recurrent = fresh(layer if backward_layer is None else backward_layer)
        if backward_layer is None:
            self.backward.go_backwards = not self.forward.go_backwards
        if self.backward.go_backwards == self.forward.go_backwards:
            raise ValueError(
                f"layer and backward_layer must differ in go_backwards; both have {self.forward.go_backwards}"
            )
        for attribute in ("stateful", "return_sequences", "return_state"):
            if getattr(self.forward, attribute) != getattr(self.backward, attribute):
                raise ValueError(f"layer and backward_layer must have the same {attribute}")
        self.return_sequences = self.forward.return_sequences
        self.return_state = self.forward.return_state
        if self.return_sequences:
            self.forward.zero_output_for_mask = self.backward.zero_output_for_mask = True
        self.merge_mode = merge_mode
        self.units = self.forward.units + (self.backward.units if merge_mode == "concat" else 0)
        super().__init__({"forward": self.forward, "backward": self.backward}, version, trainable)

    def __call__(
        self,
        sequences: Array,
        initial_state: Sequence[Any] | None = None,
        mask: Array | None = None,
        training: bool | None = None,
    ) -> Any:
        """Run both layers over sequences (batch, timesteps, features).

        initial_state: the states of the forward layer, then those of the backward
        layer. mask (batch, timesteps): True is a step to take.

        Returns the merged output, with merge_mode None both outputs; with return_state
        followed by the states of the forward layer and those of the backward layer.
        """
        return self.vjp(sequences, initial_state, mask, training)[0]

    def vjp(
        self,
        sequences: Array,
        initial_state: Sequence[Any] | None = None,
        mask: Array | None = None,
        training: bool | None = None,
        *,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, to gradients by name: forward/kernel, ...,
        "sequences", "initial_state[0]", ...
        """
        if initial_state is not None and (len(initial_state) == 0 or len(initial_state) % 2):
            raise ValueError(
                f"initial_state must be the states of both directions, not {len(initial_state)} arrays"
            )
        half = 0 if initial_state is None else len(initial_state) // 2
        given = (None, None) if initial_state is None else (initial_state[:half], initial_state[half:])
        runs = [
            layer.vjp(sequences, state, mask, bool(training), drawn=of_part(drawn, place))
            for (place, layer), state in zip(self.inner.layers.items(), given, strict=True)
        ]
        results = [list(result) if self.return_state else [result] for result, _ in runs]
        forward, backward = results[0][0], self._in_order(results[1][0])
        count = [len(_flat(result[1:])) for result in results]
        merged, pull_merged = _merge(self.merge_mode, forward, backward)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            first = 2 if self.merge_mode is None else 1
            d_forward, d_backward = pull_merged(list(cotangents[:first]))
            d_states = [cotangents[first : first + count[0]], cotangents[first + count[0] :]]
            d_outputs = [d_forward, self._in_order(d_backward)]
            found = {
                place: pull([d_output, *d_last])
                for place, (_, pull), d_output, d_last in zip(
                    self.inner.layers, runs, d_outputs, d_states, strict=True
                )
            }
            gradients = self.inner.gradients(found) | {
                "sequences": found["forward"]["sequences"] + found["backward"]["sequences"]
            }
            for place, start in (("forward", 0), ("backward", half)):
                gradients |= {
                    _moved(name, start): gradient
                    for name, gradient in found[place].items()
                    if name.startswith("initial_state")
                }
            return gradients

        states = [*results[0][1:], *results[1][1:]]
        if self.merge_mode is not None and not self.return_state:
            return merged[0], pullback
        # "Returned as a list", says the documentation; Keras 3 returns a tuple, here
        # and wherever else there are several.
        return self.rules.several([*merged, *states]), pullback

    def placed(self, number: int, inner: Place) -> Place:
        """The parts are the directions."""
        return inner._replace(direction=number)

    def _in_order(self, sequence: Array) -> Array:
        """The backward layer's output in the order of the input, and the other way
        round.
        """
        return sequence[..., ::-1, :] if self.return_sequences else sequence

    def reset_state(self) -> None:
        """Forget the states that stateful layers recorded."""
        self.act("reset", {})

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """The mask."""
        return mask_after(self, arguments.get("mask"))

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`sequences`, `initial_state` (the forward layer's, then the backward layer's)
        where given, `mask`, `training`.
        """
        states = [
            layer.arguments(sizes, {"initial_state": "given"})["initial_state"]
            for layer in (self.forward, self.backward)
        ]
        both = [_of_direction(state, direction) for direction in range(2) for state in states[direction]]
        return _arguments(self, self.forward, sizes, call, both, 2 if self.merge_mode is None else 1)

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """output, or forward_output and backward_output; with return_state forward_h,
        forward_c, backward_h, backward_c.
        """
        of = {place: layer.outputs({}) for place, layer in self.inner.layers.items()}
        axes = of["forward"][0].axes
        merged = (
            [Output(f"{place}_output", axes) for place in of]
            if self.merge_mode is None
            else [Output("output", axes)]
        )
        states = [
            Output(f"{place}_{state.name}", state.axes) for place, found in of.items() for state in found[1:]
        ]
        return (*merged, *states)


def _arguments(
    whole: RNN | Bidirectional,
    layer: Twin,
    sizes: Sizes,
    call: Mapping[str, Any],
    states: list[Any],
    first: int,
) -> dict[str, Any]:
    """The arguments of a call, or of a training. `layer` gets all but the states, which
    the call before returned from position `first` on.
    """
    found = layer.arguments(sizes, passed(call, "mask", "training"))
    arguments = {"sequences": found.pop("sequences")}
    if "initial_state" in call:
        arguments["initial_state"] = (
            from_previous(states, first) if call["initial_state"] == "previous" else states
        )
    return arguments | found | to_train(call, whole.outputs({})[0], whole.units, sizes)


def _of_direction(state: Any, direction: int) -> Any:
    """The specs of the states of one direction. Other dialects have the directions as
    rows of one array, so each state is drawn as the row that it has there.
    """
    if isinstance(state, list):
        return [_of_direction(part, direction) for part in state]
    name, _, layer = state.source.partition("/")
    return state._replace(source=f"{name}/{2 * int(layer or 0) + direction}")


def _merge(
    mode: str | None, y: Array, z: Array
) -> tuple[list[Array], Callable[[list[Array]], tuple[Array, Array]]]:
    """The merged output of both directions, and its pullback to the two outputs."""
    if mode == "sum":
        return [y + z], lambda d: (d[0], d[0])
    if mode == "ave":
        return [(y + z) / 2], lambda d: (d[0] / 2, d[0] / 2)
    if mode == "mul":
        return [y * z], lambda d: (d[0] * z, d[0] * y)
    if mode == "concat":
        units = y.shape[-1]
        return [np.concatenate([y, z], axis=-1)], lambda d: (d[0][..., :units], d[0][..., units:])
    return [y, z], lambda d: (d[0], d[1])


def _flat(states: Sequence[Any]) -> list[Array]:
    return [array for state in states for array in (state if isinstance(state, list) else [state])]


def _moved(name: str, start: int) -> str:
    """initial_state[k]... of one direction as it stands in the list of both."""
    index, _, rest = name.removeprefix("initial_state[").partition("]")
    return f"initial_state[{int(index) + start}]{rest}"
