"""The ONNX operator LSTM in NumPy.

Source: the documentation of the ONNX operator LSTM, opsets 7, 14 and 22. Where it is
silent, this follows:

* How input and forget gate are coupled: f = 1 - i, as Greff et al. 2017 have it, who
  name these gates.
* What Y holds after the end of a row: 0. Nothing was computed there.
* The last states of a row without steps: those that it began with, as no step has
  changed them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    BIAS_DEVIATION,
    INPUT_DEVIATION,
    PEEPHOLE_DEVIATION,
    Draw,
    Gradients,
    Output,
    Place,
    Pullback,
    Sizes,
    Spec,
    Unrolled,
    check_names,
    ends_with,
    kernel_deviation,
)
from lstm_ref.dialects.initial import Initial
from lstm_ref.dialects.layouts import canonical, groups, named
from lstm_ref.dialects.onnx.activations import DEFAULT, attribute, made
from lstm_ref.dialects.onnx.arguments import alone, path_of, sequence_lens, state
from lstm_ref.reference.activations import Activation, Array
from lstm_ref.reference.cell import State, Variant
from lstm_ref.reference.parametric import clipped
from lstm_ref.reference.sequence import run
from lstm_ref.reference.stack import run_backward
from lstm_ref.reference.weights import LSTMWeights

DIRECTIONS: Mapping[str, tuple[str, ...]] = {
    "forward": ("forward",),
    "reverse": ("reverse",),
    "bidirectional": ("forward", "reverse"),
}
OPSETS = (7, 14, 22)
OUTPUTS = ("Y", "Y_h", "Y_c")


class LSTM:
    """The operator LSTM: attributes, inputs and outputs as documented.

    `B`, `P` and `outputs` say which optional inputs and outputs the node has.
    `constant` says whether W, R, B and P are initializers of the model or inputs of it,
    and `hidden_size_stated` whether this attribute stands in the node: R says it as
    well. These two change nothing that is computed. A value that the documentation does
    not allow raises ValueError.
    """

    def __init__(
        self,
        hidden_size: int,
        opset: int = 22,
        direction: str = "forward",
        layout: int = 0,
        activations: Sequence[str] | None = None,
        activation_alpha: Sequence[float] | None = None,
        activation_beta: Sequence[float] | None = None,
        clip: float | None = None,
        input_forget: int = 0,
        B: bool = True,
        P: bool = False,
        outputs: str = "Y+Y_h+Y_c",
        constant: bool = True,
        hidden_size_stated: bool = True,
        dtype: str = "float32",
    ) -> None:
        if opset not in OPSETS:
            raise ValueError(f"opset must be one of {OPSETS}, not {opset}")
        if direction not in DIRECTIONS:
            raise ValueError(f"direction must be forward, reverse or bidirectional, not {direction!r}")
        if layout not in (0, 1):
            raise ValueError(f"layout must be 0 or 1, not {layout!r}")
        if layout and opset < 14:
            raise ValueError("layout came with opset 14")
        directions = DIRECTIONS[direction]
        names = tuple(activations) if activations is not None else DEFAULT * len(directions)
        if len(names) != 3 * len(directions):
            raise ValueError(
                f"there must be 3 activation functions for each direction, {3 * len(directions)} in all, not"
                f" {len(names)}"
            )
        if input_forget not in (0, 1):
            raise ValueError(f"input_forget must be 0 or 1, not {input_forget!r}")
        if clip is not None and clip <= 0:
            raise ValueError(f"clip must be positive, not {clip!r}")
        self.hidden_size = hidden_size
        self.directions = directions
        self.layout = layout
        self.functions = made(names, activation_alpha or (), activation_beta or ())
        self.clip = None if clip is None else attribute(clip)
        self.coupled = bool(input_forget)
        self.B = B
        self.P = P
        self.shown = tuple(outputs.split("+"))
        self.dtype = np.dtype(dtype)
        self._weights: dict[str, Array] = {}
        if not self.shown or any(name not in OUTPUTS for name in self.shown):
            raise ValueError(f"outputs must be some of {', '.join(OUTPUTS)}, joined by +, not {outputs!r}")

    def __call__(
        self,
        X: Array,
        sequence_lens: Array | None = None,
        initial_h: Array | None = None,
        initial_c: Array | None = None,
    ) -> tuple[Array, ...]:
        """Run the node over X (T, N, features), or (N, T, features) with layout 1. The
        lengths (N,) are int32; the initial states (D, N, H), or (N, D, H), are zero
        where absent.

        Returns those of Y (T, D, N, H) or (N, T, D, H), Y_h and Y_c that the node has.
        Raises ValueError for what has another shape, and for lengths that are negative
        or longer than X.
        """
        result: tuple[Array, ...] = self.vjp(X, sequence_lens, initial_h, initial_c)[0]
        return result

    def vjp(
        self,
        X: Array,
        sequence_lens: Array | None = None,
        initial_h: Array | None = None,
        initial_c: Array | None = None,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of the outputs that the node
        has to gradients by name.
        """
        x = np.asanyarray(X, self.dtype)
        if x.ndim < 3:
            raise ValueError(f"X must have 3 dimensions, not shape {x.shape}")
        x = x if self.layout else x.swapaxes(-2, -3)
        batch, timesteps = x.shape[-3:-1]
        mask = None if sequence_lens is None else self._mask(sequence_lens, batch, timesteps)
        given = {"initial_h": alone(initial_h), "initial_c": alone(initial_c)}
        h_0, c_0 = (self._by_direction(self._checked(name, value, batch)) for name, value in given.items())
        runs = [
            self.one_direction(k, x, State(h, c), weights, mask)
            for k, (h, c, weights) in enumerate(zip(h_0, c_0, self._canonical(), strict=True))
        ]
        ends = np.ones((batch, timesteps, 1), bool) if mask is None else mask[..., None]
        found = {
            "Y": self._joined([np.where(ends, h, 0) for (h, _), _ in runs], time=True),
            "Y_h": self._joined([last.h for (_, last), _ in runs]),
            "Y_c": self._joined([last.c for (_, last), _ in runs]),
        }

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            wanted = dict.fromkeys(OUTPUTS, None) | dict(zip(self.shown, cotangents, strict=True))
            dY, dh, dc = (
                self._by_direction(np.zeros_like(found[name]) if value is None else value, time=name == "Y")
                for name, value in wanted.items()
            )
            parts = [
                pull(np.where(ends, y, 0), State(h, c))
                for (_, pull), y, h, c in zip(runs, dY, dh, dc, strict=True)
            ]
            dx = sum((part.x for part in parts[1:]), start=parts[0].x)
            labels = {name: spec.label for name, spec in self.weight_specs(x.shape[-1]).items()}
            gradients: Gradients = {}
            for part, group in zip(parts, groups(labels).values(), strict=True):
                gradients |= named(part.weights, group, labels)
            gradients["X"] = dx if self.layout else dx.swapaxes(-2, -3)
            for name, value, kind in (("initial_h", initial_h, "h"), ("initial_c", initial_c, "c")):
                if value is not None:
                    gradients[path_of(name, value)] = self._joined(
                        [getattr(part.initial, kind) for part in parts]
                    )
            return gradients

        return tuple(found[name] for name in self.shown), pullback

    def one_direction(
        self, index: int, x: Array, initial: State, weights: LSTMWeights, mask: Array | None
    ) -> Any:
        """One direction of the node over x (batch, timesteps, features): what `run`
        gives.
        """
        f, g, h = self.functions_of(index)
        steps = run if self.directions[index] == "forward" else run_backward
        return steps(x, initial, weights, g, f, mask, variant=Variant(h, self.coupled))

    def functions_of(self, index: int) -> tuple[Activation, Activation, Activation]:
        """The functions f, g and h of a direction. A threshold clips what goes into
        each of them.
        """
        limit = self.clip
        f, g, h = self.functions[3 * index : 3 * index + 3]
        return (f, g, h) if limit is None else (clipped(f, limit), clipped(g, limit), clipped(h, limit))

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The parts of W, R, B and P, as the documentation calls them: W, R, Wb, Rb and
        P, and of a second direction WB, RB, WBb, RBb and PB.
        """
        H = self.hidden_size
        specs: dict[str, Spec] = {}
        for index, direction in enumerate(self.directions):
            place = Place(direction if len(self.directions) > 1 else "", (0,), index)
            own = {
                "W": Spec((4 * H, features), ("gate", "feature"), kernel_deviation(features), role="kernel"),
                "R": Spec((4 * H, H), ("gate", "unit"), kernel_deviation(H), role="recurrent kernel"),
            }
            if self.B:
                own["Wb"] = Spec((4 * H,), ("gate",), BIAS_DEVIATION, role="bias")
                own["Rb"] = Spec((4 * H,), ("gate",), BIAS_DEVIATION, role="recurrent bias")
            own = {name: spec._replace(gates="iofg") for name, spec in own.items()}
            if self.P:
                own["P"] = Spec((3 * H,), ("gate",), PEEPHOLE_DEVIATION, role="peepholes", gates="iof")
            specs |= {
                of_direction(name, index): spec._replace(own=name, place=place) for name, spec in own.items()
            }
        return specs

    def initial(self, features: int) -> Mapping[str, Initial]:
        """A node has no weights of its own."""
        return {}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take these weights. Raises ValueError where names or shapes are wrong."""
        features = weights["W"].shape[-1] if "W" in weights else 0
        specs = self.weight_specs(features)
        check_names(weights, specs)
        self._weights = {name: np.array(weights[name], self.dtype) for name in specs}

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self._weights

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """X, and those of sequence_lens, initial_h and initial_c that the call is
        given.
        """
        found: dict[str, Any] = {"X": input_spec(sizes, self.layout)}
        if "sequence_lens" in call:
            found["sequence_lens"] = sequence_lens(call["sequence_lens"], sizes.batch, sizes.timesteps)
        for name, output in (("initial_h", "Y_h"), ("initial_c", "Y_c")):
            if name in call:
                previous = self.shown.index(output) if output in self.shown else -1
                found[name] = state(
                    call[name], self._state_shape(sizes.batch), self._state_axes, name[-1], previous
                )
        return found

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """A node draws nothing."""
        return {}

    def effects(self) -> Mapping[str, Array]:
        """A node leaves nothing behind."""
        return {}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """A node is called, and nothing else."""
        raise NotImplementedError(f"the ONNX operator LSTM has no {action}")

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """Those that the node has."""
        sequence = (
            ("batch", "time", "layer*direction", "unit")
            if self.layout
            else ("time", "layer*direction", "batch", "unit")
        )
        return tuple(Output(name, sequence if name == "Y" else self._state_axes) for name in self.shown)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of a plain LSTM in the forward direction that shows Y."""
        f, g, h = self.functions[:3]
        plain = (
            self.directions == ("forward",)
            and not self.P
            and not self.coupled
            and self.clip is None
            and g is h
        )
        if not plain or self.shown[0] != "Y" or arguments.get("sequence_lens") is not None:
            return None
        x = np.asarray(arguments["X"], self.dtype)
        x = x if self.layout else x.swapaxes(-2, -3)
        (h_0,), (c_0,) = (
            self._by_direction(self._checked(name, alone(arguments.get(name)), x.shape[-3]))
            for name in ("initial_h", "initial_c")
        )
        return Unrolled(
            x, State(h_0, c_0), self._canonical()[0], g, f, lambda Y: self._by_direction(Y, time=True)[0]
        )

    @property
    def carries_state(self) -> bool:
        """A node records none."""
        return False

    def _canonical(self) -> list[LSTMWeights]:
        return canonical(
            self._weights,
            {name: spec.label for name, spec in self.weight_specs(self._weights["W"].shape[-1]).items()},
        )

    def _mask(self, lengths: Array, batch: int, timesteps: int) -> Array:
        """Which steps a row takes (batch, timesteps)."""
        if np.shape(lengths) != (batch,) or lengths.dtype != np.int32:
            raise ValueError(
                f"sequence_lens must be int32 of shape ({batch},), not {lengths.dtype} of {np.shape(lengths)}"
            )
        if np.min(lengths, initial=0) < 0 or np.max(lengths, initial=0) > timesteps:
            raise ValueError(f"sequence_lens must be from 0 to seq_length {timesteps}, not {lengths}")
        taken: Array = np.arange(timesteps) < lengths[:, None]
        return taken

    def _state_shape(self, batch: int) -> tuple[int, int, int]:
        D = len(self.directions)
        return (batch, D, self.hidden_size) if self.layout else (D, batch, self.hidden_size)

    @property
    def _state_axes(self) -> tuple[str, ...]:
        return ("batch", "layer*direction", "unit") if self.layout else ("layer*direction", "batch", "unit")

    def _checked(self, name: str, value: Array | None, batch: int) -> Array:
        """A state of the right shape, zeros where it is absent."""
        shape = self._state_shape(batch)
        if value is None:
            return np.zeros(shape, self.dtype)
        if not ends_with(value, shape):
            raise ValueError(f"{name} must have shape {shape}, not {np.shape(value)}")
        return np.asanyarray(value, self.dtype)

    def _by_direction(self, array: Array, time: bool = False) -> list[Array]:
        """(batch, H) of each direction from a state, (batch, timesteps, H) from Y."""
        if time:
            rows = [
                array[..., k, :] if self.layout else array[..., k, :, :] for k in range(len(self.directions))
            ]
            return rows if self.layout else [row.swapaxes(-2, -3) for row in rows]
        return [array[..., k, :] if self.layout else array[..., k, :, :] for k in range(len(self.directions))]

    def _joined(self, rows: Sequence[Array], time: bool = False) -> Array:
        """The reverse of `_by_direction`."""
        if time and not self.layout:
            rows = [row.swapaxes(-2, -3) for row in rows]
        return np.stack(rows, axis=-2 if self.layout else -3)


def of_direction(name: str, index: int) -> str:
    """The name of a part of the weights in the first or the second direction: W and WB,
    Rb and RBb.
    """
    return name if index == 0 else f"{name[0]}B{name[1:]}"


def input_spec(sizes: Sizes, layout: int) -> Spec:
    """X, (T, N, features), or (N, T, features) with layout 1."""
    shape, axes = (sizes.timesteps, sizes.batch, sizes.features), ("time", "batch", "feature")
    if layout:
        shape, axes = (sizes.batch, sizes.timesteps, sizes.features), ("batch", "time", "feature")
    return Spec(sizes.shape or shape, axes, INPUT_DEVIATION, "x")
