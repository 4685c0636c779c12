"""flax.nnx.Bidirectional in NumPy.

Source: flax.nnx.Bidirectional: it "processes the input in both directions and merges
the results", which the default merge_fn puts side by side.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import Draw, Gradients, Output, Place, Pullback, Sizes, Spec, Unrolled
from lstm_ref.dialects.flax.arguments import (
    batch_axes,
    batch_of,
    carry,
    from_rows,
    inputs_spec,
    rows_of,
    seq_lengths,
    state,
)
from lstm_ref.dialects.flax.rnn import RNN, batch_in, laid_out, lengths_of, sequences
from lstm_ref.dialects.initial import Initial
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State

DIRECTIONS = ("forward_rnn", "backward_rnn")
MERGED = ("concatenate", "add")


class Bidirectional:
    """flax.nnx.Bidirectional over two RNN layers: constructor, weights and call as
    documented.

    `merge_fn` is {"callable": "concatenate"}, the default, or {"callable": "add"}.
    """

    def __init__(
        self,
        forward_rnn: RNN,
        backward_rnn: RNN,
        merge_fn: Any = None,
        time_major: bool = False,
        return_carry: bool = False,
        dtype: str = "float32",
    ) -> None:
        self.merge = MERGED[0] if merge_fn is None else merge_fn["callable"]
        if self.merge not in MERGED:
            raise NotImplementedError(f"merge_fn {self.merge} has no twin yet")
        self.rnns = (forward_rnn, backward_rnn)
        self.time_major = time_major
        self.return_carry = return_carry
        self.dtype = np.dtype(dtype)

    def __call__(self, inputs: Array, **options: Any) -> Any:
        """The call with its documented arguments, those of `vjp`."""
        return self.vjp(inputs, **options)[0]

    def vjp(
        self,
        inputs: Array,
        initial_carry: Sequence[Sequence[Array]] | None = None,
        seq_lengths: Array | None = None,
        return_carry: bool | None = None,
        time_major: bool | None = None,
        drawn: Mapping[str, Array] | None = None,
    ) -> tuple[Any, Pullback]:
        """As that of RNN. A carry is ((c, h), (c, h)), forward first, and the output of
        the backward layer stands at the time of the input that it belongs to.
        """
        time_major = self.time_major if time_major is None else time_major
        shown = self.return_carry if return_carry is None else return_carry
        given = (None, None) if initial_carry is None else initial_carry
        batch = batch_in(inputs, time_major)
        x = sequences(self.rnns[0].cell.checked(inputs), batch, time_major)
        lengths = lengths_of(seq_lengths, batch, x.shape[-2])
        runs = [
            rnn.over(
                x,
                state(pair, batch, rnn.cell.hidden_features, self.dtype),
                lengths,
                direction == 1,
                direction == 1,
            )
            for direction, (rnn, pair) in enumerate(zip(self.rnns, given, strict=True))
        ]
        (forward, backward), lasts = [y for (y, _), _ in runs], [last for (_, last), _ in runs]
        merged = forward + backward if self.merge == "add" else np.concatenate([forward, backward], axis=-1)
        carries = tuple((from_rows(last.c, batch, 1), from_rows(last.h, batch, 1)) for last in lasts)
        outputs = laid_out(merged, batch, time_major)

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            dy = sequences(cotangents[-1], batch, time_major)
            parts = [dy, dy]
            if self.merge == "concatenate":
                units = self.rnns[0].cell.hidden_features
                parts = [dy[..., :units], dy[..., units:]]
            gradients: Gradients = {}
            dx = []
            for k, ((_, pull), rnn, last) in enumerate(zip(runs, self.rnns, lasts, strict=True)):
                d_c, d_h = (
                    (rows_of(each, batch, 1) for each in cotangents[2 * k : 2 * k + 2])
                    if shown
                    else (np.zeros_like(last.c), np.zeros_like(last.h))
                )
                gradient = pull(parts[k], State(d_h, d_c))
                gradients |= {
                    f"{DIRECTIONS[k]}/{name}": values
                    for name, values in rnn.cell.named(gradient.weights).items()
                }
                dx.append(gradient.x)
                if initial_carry is not None:
                    gradients[f"initial_carry[{k}][0]"] = from_rows(gradient.initial.c, batch, 1)
                    gradients[f"initial_carry[{k}][1]"] = from_rows(gradient.initial.h, batch, 1)
            gradients["inputs"] = laid_out(dx[0] + dx[1], batch, time_major)
            return gradients

        return ((carries, outputs) if shown else outputs), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """Those of both layers, as forward_rnn/W_i and so on."""
        specs: dict[str, Spec] = {}
        for k, rnn in enumerate(self.rnns):
            specs |= rnn.weight_specs(features, Place(DIRECTIONS[k], (0,), k))
        return specs

    def initial(self, features: int) -> Mapping[str, Initial]:
        """As that of a cell."""
        return {}

    def load(self, weights: Mapping[str, Array]) -> None:
        """Each layer takes its own. Raises ValueError where names or shapes are
        wrong.
        """
        strange = [name for name in weights if name.partition("/")[0] not in DIRECTIONS]
        if strange:
            raise ValueError(f"wrong weights: {', '.join(strange)} belong to no direction")
        for own, rnn in zip(DIRECTIONS, self.rnns, strict=True):
            rnn.load(
                {
                    name.partition("/")[2]: values
                    for name, values in weights.items()
                    if name.startswith(f"{own}/")
                }
            )

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return {
            f"{own}/{name}": values
            for own, rnn in zip(DIRECTIONS, self.rnns, strict=True)
            for name, values in rnn.weights().items()
        }

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """As those of RNN, with a carry for each direction."""
        options = {name: call[name] for name in ("return_carry", "time_major") if name in call}
        time_major = bool(options.get("time_major", self.time_major))
        found: dict[str, Any] = {"inputs": inputs_spec(sizes, time_major)}
        if (word := call.get("initial_carry")) is not None:
            pairs = [
                carry(word, batch_of(sizes), rnn.cell.hidden_features, (2 * k, 2 * k + 1), k)
                for k, rnn in enumerate(self.rnns)
            ]
            found["initial_carry"] = PreviousOutputs(tuple(pairs)) if word == "previous" else pairs
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
        raise NotImplementedError(f"the NumPy flax.nnx.Bidirectional has no {action}")

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The outputs, after the carries c, h of both directions where they are
        returned.
        """
        batch = batch_axes(np.shape(arguments["inputs"])[:-2])
        time_major = arguments.get("time_major", self.time_major)
        sequence = ("time", *batch) if time_major else (*batch, "time")
        states = [
            Output(f"{direction}_{kind}", (*batch, "unit"))
            for direction in ("forward", "backward")
            for kind in ("c", "h")
        ]
        shown = arguments.get("return_carry", self.return_carry)
        return (*(states if shown else ()), Output("outputs", (*sequence, "unit")))

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """It is two LSTMs, and shows the h of neither alone."""
        return None

    @property
    def carries_state(self) -> bool:
        """A layer records none."""
        return False
