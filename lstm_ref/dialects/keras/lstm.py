"""The Keras dialect: keras.layers.LSTM in NumPy, as Keras 3 documents it.

    layer = LSTM(units=4, return_sequences=True)
    layer.set_weights([kernel, recurrent_kernel, bias])
    output = layer(sequences)

Source: the API documentation of Keras 3, keras.layers.LSTM and keras.layers.RNN.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    BIAS_DEVIATION,
    INPUT_DEVIATION,
    STATE_DEVIATION,
    Given,
    Gradients,
    Output,
    Pullback,
    Sizes,
    Spec,
    Twin,
    Unrolled,
    built,
    check_names,
    ends_with,
    kernel_deviation,
    not_yet,
)
from lstm_ref.implementations.trace import Handed
from lstm_ref.reference import activations
from lstm_ref.reference.activations import Activation, Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.weights import LSTMWeights

# Every name that keras.activations.get accepts, but for glu and threshold: the first changes the shape, the second has arguments without default.
ACTIVATIONS: dict[str | None, Activation] = {
    None: activations.linear,
    "celu": activations.elu,  # the same function while alpha is 1, its default
    "elu": activations.elu,
    "exponential": activations.exponential,
    "gelu": activations.gelu,
    "hard_shrink": activations.hard_shrink,
    "hard_sigmoid": activations.hard_sigmoid,
    "hard_silu": activations.hard_silu,
    "hard_swish": activations.hard_silu,
    "hard_tanh": activations.hard_tanh,
    "leaky_relu": activations.leaky_relu,
    "linear": activations.linear,
    "log_sigmoid": activations.log_sigmoid,
    "log_softmax": activations.log_softmax,
    "mish": activations.mish,
    "relu": activations.relu,
    "relu6": activations.relu6,
    "selu": activations.selu,
    "sigmoid": activations.sigmoid,
    "silu": activations.silu,
    "soft_shrink": activations.soft_shrink,
    "softmax": activations.softmax,
    "softplus": activations.softplus,
    "softsign": activations.softsign,
    "sparse_plus": activations.sparse_plus,
    "sparse_sigmoid": activations.sparse_sigmoid,
    "sparsemax": activations.sparsemax,
    "squareplus": activations.squareplus,
    "swish": activations.silu,
    "tanh": activations.tanh,
    "tanh_shrink": activations.tanh_shrink,
}


class LSTM:
    """keras.layers.LSTM: constructor, weights, call and states as documented, computed by the reference.

    A parameter that has no twin yet raises NotImplementedError naming it as soon as it differs from its default; a value that Keras
    documents as illegal raises ValueError.
    """

    def __init__(
        self,
        units: int,
        activation: str | None = "tanh",
        recurrent_activation: str | None = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: str | bool = "auto",
        *,
        dtype: str | None = None,
    ) -> None:
        not_yet(
            "keras.layers.LSTM",
            kernel_initializer=(kernel_initializer, "glorot_uniform"),
            # The twin has no weights until they are set. A real layer draws them first: zeros is what dtypes can draw that have no orthogonal.
            recurrent_initializer=("orthogonal" if recurrent_initializer == "zeros" else recurrent_initializer, "orthogonal"),
            bias_initializer=(bias_initializer, "zeros"),
            unit_forget_bias=(unit_forget_bias, True),
            kernel_regularizer=(kernel_regularizer, None),
            recurrent_regularizer=(recurrent_regularizer, None),
            bias_regularizer=(bias_regularizer, None),
            activity_regularizer=(activity_regularizer, None),
            kernel_constraint=(kernel_constraint, None),
            recurrent_constraint=(recurrent_constraint, None),
            bias_constraint=(bias_constraint, None),
            dropout=(dropout, 0.0),
            recurrent_dropout=(recurrent_dropout, 0.0),
            seed=(seed, None),
            use_cudnn=(use_cudnn, "auto"),
        )
        if not hasattr(units, "__index__") or units <= 0:
            raise ValueError(f"units must be a positive integer, not {units!r}")
        switches = {"use_bias": use_bias, "return_sequences": return_sequences, "return_state": return_state}
        switches |= {"go_backwards": go_backwards, "stateful": stateful, "unroll": unroll}
        if wrong := [f"{name}={value!r}" for name, value in switches.items() if not isinstance(value, bool)]:
            raise TypeError(f"must be true or false: {', '.join(wrong)}")
        self.units = int(units)
        self.activation = _activation(activation)
        self.recurrent_activation = _activation(recurrent_activation)
        self.use_bias = use_bias
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll  # how the loop runs, never what it computes
        self.dtype = np.dtype(dtype or "float32")
        if self.dtype.kind != "f":
            raise ValueError(f"dtype must be a floating-point type, not {dtype!r}")
        self.states: State | None = None
        self._weights: dict[str, Array] | None = None

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Take kernel (features, 4 units), recurrent_kernel (units, 4 units) and, with use_bias, bias (4 units,); gates i, f, c, o.

        Raises ValueError for a wrong number or shape.
        """
        names = list(self.weight_specs(0))
        if len(weights) != len(names):
            raise ValueError(f"set_weights expects {len(names)} arrays ({', '.join(names)}), not {len(weights)}")
        self.load(dict(zip(names, weights, strict=True)))

    def get_weights(self) -> list[Array]:
        """Copies of the weights in the order of `set_weights`. Raises ValueError while there are none."""
        return [weight.copy() for weight in self._loaded().values()]

    def reset_state(self) -> None:
        """Forget the states that a stateful layer recorded."""
        self.states = None if self.states is None else State(*(np.zeros_like(s) for s in self.states))

    def __call__(self, sequences: Array, initial_state: Sequence[Array] | None = None, mask: Array | None = None, training: bool = False) -> Any:
        """Run the layer over sequences (batch, timesteps, features).

        initial_state: [h, c], each (batch, units); zeros, or the recorded states of a stateful layer, where absent. mask (batch, timesteps):
        True is a step to take.

        Returns the output (batch, timesteps, units) with return_sequences, else (batch, units); with return_state (output, h, c). Raises
        ValueError for a wrong rank, number of states, or batch size of a stateful layer.
        """
        return self.vjp(sequences, initial_state, mask, training)[0]

    def vjp(
        self, sequences: Array, initial_state: Sequence[Array] | None = None, mask: Array | None = None, training: bool = False
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of the returned arrays to gradients by name: weights, "sequences",
        "initial_state[0]", "initial_state[1]".
        """
        weights = LSTMWeights.from_keras(self._loaded())
        x = np.asanyarray(sequences, self.dtype)
        if x.ndim != 3:
            raise ValueError(f"sequences must have 3 dimensions (batch, timesteps, features), not shape {x.shape}")
        if x.shape[1] == 0 or x.shape[2] != weights.kernel.shape[0]:
            raise ValueError(f"sequences must have one timestep or more and {weights.kernel.shape[0]} features, not shape {x.shape}")
        if mask is not None and np.shape(mask) != x.shape[:2]:
            raise ValueError(f"the mask must have shape {x.shape[:2]}, not {np.shape(mask)}")
        mask = None if mask is None else np.asarray(mask, bool)
        initial = self._initial(x.shape[0], initial_state)
        if self.go_backwards:
            x, mask = x[:, ::-1], None if mask is None else mask[:, ::-1]
        (h, last), pull_run = run(x, initial, weights, self.activation, self.recurrent_activation, mask)
        output, pull_output = _repeat_previous(h, mask)
        if self.stateful:
            self.states = last

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_output = cotangents[0] if self.return_sequences else _at_last_step(cotangents[0], h.shape[-2])
            d_last = State(*cotangents[1:]) if self.return_state else State(np.zeros_like(last.h), np.zeros_like(last.c))
            gradient = pull_run(pull_output(d_output), d_last)
            gradients = gradient.weights.to_keras()
            if not self.use_bias:
                del gradients["bias"]
            gradients["sequences"] = gradient.x[..., ::-1, :] if self.go_backwards else gradient.x
            if initial_state is not None:
                gradients |= {"initial_state[0]": gradient.initial.h, "initial_state[1]": gradient.initial.c}
            return gradients

        result = output if self.return_sequences else output[..., -1, :]
        return ((result, *last) if self.return_state else result), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by name, in the order of `set_weights`."""
        specs = {
            "kernel": Spec((features, 4 * self.units), ("feature", "gate"), kernel_deviation(features)),
            "recurrent_kernel": Spec((self.units, 4 * self.units), ("unit", "gate"), kernel_deviation(self.units)),
        }
        return specs | {"bias": Spec((4 * self.units,), ("gate",), BIAS_DEVIATION)} if self.use_bias else specs

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are wrong."""
        features = np.shape(weights["kernel"])[0] if "kernel" in weights else 0
        check_names(weights, self.weight_specs(features))
        self._weights = {name: np.array(weights[name], self.dtype) for name in self.weight_specs(features)}

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output and, with return_state, the states."""
        output = Output("output", ("batch", "time", "unit") if self.return_sequences else ("batch", "unit"))
        states = (Output("h", ("batch", "unit")), Output("c", ("batch", "unit")))
        return (output, *states) if self.return_state else (output,)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of a call without mask that returns sequences."""
        if not self.return_sequences or arguments.get("mask") is not None:
            return None
        x = np.asarray(arguments["sequences"], self.dtype)
        initial = self._initial(x.shape[0], arguments.get("initial_state"))
        weights = LSTMWeights.from_keras(self._loaded())
        return Unrolled(x[:, ::-1] if self.go_backwards else x, initial, weights, self.activation, self.recurrent_activation, lambda output: output)

    def _loaded(self) -> dict[str, Array]:
        if self._weights is None:
            raise ValueError("the layer has no weights: call set_weights first")
        return self._weights

    def _initial(self, batch: int, given: Sequence[Array] | None) -> State:
        if self.stateful and self.states is not None and self.states.h.shape[-2] != batch:
            raise ValueError(f"a stateful layer keeps its batch size: expected {self.states.h.shape[-2]}, got {batch}")
        if given is None:
            zeros = np.zeros((batch, self.units), self.dtype)
            return self.states if self.states is not None else State(zeros, zeros)
        if len(given) != 2:
            raise ValueError(f"initial_state must be [h, c], not {len(given)} arrays")
        h, c = (np.asanyarray(s, self.dtype) for s in given)
        for name, state in (("h", h), ("c", c)):
            if not ends_with(state, (batch, self.units)):
                raise ValueError(f"the initial {name} must have shape {(batch, self.units)}, not {state.shape}")
        return State(h, c)


def _activation(name: str | None) -> Activation:
    if name not in ACTIVATIONS:
        raise ValueError(f"unknown activation {name!r}; known are {', '.join(sorted(n for n in ACTIVATIONS if n))} and None")
    return ACTIVATIONS[name]


def _repeat_previous(h: Array, mask: Array | None) -> tuple[Array, Callable[[Array], Array]]:
    """The output of each step: h, which a masked step left as it was, but zeros before the first step that is not masked."""
    if mask is None:
        return h, lambda d: d
    begun = np.logical_or.accumulate(mask, axis=1)[..., None]
    return h * begun, lambda d: d * begun


def _at_last_step(d_output: Array, timesteps: int) -> Array:
    """The gradient (..., timesteps, units) of all outputs where only the last one, with gradient (..., units), was returned."""
    zeros = np.zeros_like(d_output)
    return np.stack([zeros] * (timesteps - 1) + [d_output], axis=-2)


def mask(kind: str, batch: int, timesteps: int) -> Array:
    """A mask (batch, timesteps), in which True is a step to take.

    "full" takes all steps; "right" and "left" miss another number of steps at the end or the beginning of each row; "gaps" misses every third
    step, another one in each row; "one-row-empty" is "gaps" with a last row that takes no step. Raises KeyError for another kind.
    """
    row, time = np.ogrid[:batch, :timesteps]
    lengths = timesteps - row % timesteps
    gaps = (time + row) % 3 != 0
    kinds: dict[str, Array] = {
        "full": np.ones((batch, timesteps), bool),
        "right": time < lengths,
        "left": time >= timesteps - lengths,
        "gaps": gaps,
        "one-row-empty": gaps & (row != batch - 1),
    }
    return kinds[kind]


class KerasDialect:
    """How a case of the Keras dialect becomes arguments."""

    name = "keras"
    layers: Mapping[str, Callable[..., Twin]] = {"LSTM": LSTM}

    def build(self, layer: str, params: Mapping[str, Any], dtype: str) -> Twin:
        """The twin of keras.layers.<layer>."""
        return built(self.layers, "keras.layers", layer, params, dtype)

    def features(self, params: Mapping[str, Any], features: int | None) -> int:
        """Keras layers learn it from their first input: the case has to say it."""
        if features is None:
            raise ValueError("a Keras case needs input.features")
        return features

    def arguments(self, twin: Twin | None, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`sequences`, `initial_state` [h, c] where given, `training`."""
        shape = sizes.shape or (sizes.batch, sizes.timesteps, sizes.features)
        arguments: dict[str, Any] = {"sequences": Spec(shape, ("batch", "time", "feature"), INPUT_DEVIATION)}
        if isinstance(twin, LSTM) and call.get("initial_state") == "given":
            arguments["initial_state"] = [Spec((sizes.batch, twin.units), ("batch", "unit"), STATE_DEVIATION)] * 2
        if call.get("initial_state") == "previous":
            arguments["initial_state"] = Handed((1, 2))
        if "mask" in call:
            arguments["mask"] = Given(mask(call["mask"], sizes.batch, sizes.timesteps), ("batch", "time"))
        if "training" in call:
            arguments["training"] = call["training"]
        return arguments

    def reset(self, twin: Twin) -> None:
        """`reset_state`."""
        assert isinstance(twin, LSTM)
        twin.reset_state()


DIALECT = KerasDialect()
