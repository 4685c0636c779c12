"""keras.layers.LSTM in NumPy.

Source: the API documentation of Keras 3, keras.layers.LSTM and keras.layers.RNN; where
it differs, that of Keras 2.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_ref.dialects.dialect import (
    BIAS_DEVIATION,
    INPUT_DEVIATION,
    STATE_DEVIATION,
    Draw,
    Given,
    Gradients,
    Output,
    Planted,
    Pullback,
    Sizes,
    Spec,
    Unrolled,
    check_names,
    ends_with,
    kernel_deviation,
)
from lstm_ref.dialects.initial import Exactly, Initial
from lstm_ref.dialects.keras import argument_forms, masks
from lstm_ref.dialects.keras.activations import activation as activation_of
from lstm_ref.dialects.keras.constraints import constraint as constraint_of
from lstm_ref.dialects.keras.initializers import initializer as initializer_of
from lstm_ref.dialects.keras.regularizers import regularizer as regularizer_of
from lstm_ref.dialects.keras.rules import RULES
from lstm_ref.dialects.keras.training import fit
from lstm_ref.protocol.trace import PreviousOutputs
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.weights import LSTMWeights


class LSTM:
    """keras.layers.LSTM: constructor, weights, call, states, penalties and training as
    documented, computed by the reference.

    What Keras documents as illegal raises ValueError. What should be true or false and
    is neither raises TypeError. `version` is that of the documentation: "3", "2", or ""
    for what either of them has. The last keyword arguments are those of
    keras.layers.Layer and keras.layers.RNN, and those that change no number. `sizes`
    are sizes of the input that a layer can be told beforehand.
    """

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
        zero_output_for_mask: bool = False,
        trainable: bool = True,
        implementation: int = 2,
        name: str | None = None,
        time_major: bool | None = None,
        dtype: str | None = None,
        version: str = "3",
        **sizes: Any,
    ) -> None:
        if not hasattr(units, "__index__") or units <= 0:
            raise ValueError(f"units must be a positive integer, not {units!r}")
        switches = {"use_bias": use_bias, "return_sequences": return_sequences, "return_state": return_state}
        switches |= {
            "go_backwards": go_backwards,
            "stateful": stateful,
            "unroll": unroll,
            "unit_forget_bias": unit_forget_bias,
        }
        switches |= {"zero_output_for_mask": zero_output_for_mask, "trainable": trainable}
        if wrong := [f"{name}={value!r}" for name, value in switches.items() if not isinstance(value, bool)]:
            raise TypeError(f"must be true or false: {', '.join(wrong)}")
        if not (use_cudnn == "auto" or isinstance(use_cudnn, bool)):
            raise ValueError(f'use_cudnn must be "auto", true or false, not {use_cudnn!r}')
        if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
            raise ValueError(f"seed must be an integer or None, not {seed!r}")
        of_versions = {
            "seed": seed is not None,
            "use_cudnn": use_cudnn != "auto",
            "time_major": time_major is not None,
        }
        self.rules = RULES[version]
        self.rules.check([name for name, is_given in of_versions.items() if is_given], sizes)
        for rate_name, rate in (("dropout", dropout), ("recurrent_dropout", recurrent_dropout)):
            if not 0 <= rate <= 1:
                raise ValueError(f"{rate_name} must be between 0 and 1, not {rate!r}")
        self.units = int(units)
        self.activation = activation_of(activation, self.rules.activations)
        self.recurrent_activation = activation_of(recurrent_activation, self.rules.activations)
        self.use_bias = use_bias
        self.initializers = {
            "kernel": initializer_of(kernel_initializer),
            "recurrent_kernel": initializer_of(recurrent_initializer),
            "bias": initializer_of(bias_initializer),
        }
        self.unit_forget_bias = unit_forget_bias
        if use_bias and not unit_forget_bias:
            self.initializers["bias"]((4 * self.units,))  # refuses to be one for matrices
        self.regularizers = {
            "kernel": regularizer_of(kernel_regularizer),
            "recurrent_kernel": regularizer_of(recurrent_regularizer),
            "bias": regularizer_of(bias_regularizer),
        }
        self.activity_regularizer = regularizer_of(activity_regularizer)
        self.constraints = {
            "kernel": constraint_of(kernel_constraint),
            "recurrent_kernel": constraint_of(recurrent_constraint),
            "bias": constraint_of(bias_constraint),
        }
        self.dropout = dropout
        self.recurrent_dropout = recurrent_dropout
        self.return_sequences = return_sequences
        self.return_state = return_state
        self.go_backwards = go_backwards
        self.stateful = stateful
        self.unroll = unroll  # how the loop runs, never what it computes
        self.zero_output_for_mask = zero_output_for_mask
        self.trainable = trainable
        self.time_major = bool(time_major)
        self.name = name
        self.dtype = np.dtype(dtype or "float32")
        if self.dtype.kind != "f":
            raise ValueError(f"dtype must be a floating-point type, not {dtype!r}")
        self.states: State | None = None
        self._weights: dict[str, Array] | None = None
        self._losses: list[Array] = []

    def set_weights(self, weights: Sequence[Array]) -> None:
        """Take kernel (features, 4 units), recurrent_kernel (units, 4 units) and, with
        use_bias, bias (4 units,); gates i, f, c, o.

        Raises ValueError for a wrong number or shape.
        """
        names = list(self.weight_specs(0))
        if len(weights) != len(names):
            raise ValueError(
                f"set_weights expects {len(names)} arrays ({', '.join(names)}), not {len(weights)}"
            )
        self.load(dict(zip(names, weights, strict=True)))

    def get_weights(self) -> list[Array]:
        """Copies of the weights in the order of `set_weights`. Raises ValueError while
        there are none.
        """
        return [weight.copy() for weight in self._loaded().values()]

    def reset_state(self, states: Sequence[Array] | None = None) -> None:
        """Forget the states that a stateful layer recorded, or record `states` [h, c]
        in their place.

        Raises AttributeError for a layer that is not stateful in Keras 2, whose
        documentation calls it reset_states.
        """
        if self.rules.reset_needs_stateful and not self.stateful:
            raise AttributeError("the layer must be stateful to have states to reset")
        if states is not None:
            self.states = State(*(np.asanyarray(state, self.dtype) for state in states))
        elif self.states is not None:
            self.states = State(*(np.zeros_like(state) for state in self.states))

    def __call__(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | None = None,
        mask: Array | None = None,
        training: bool = False,
    ) -> Any:
        """Run the layer over sequences (batch, timesteps, features).

        initial_state: [h, c], each (batch, units); zeros, or the recorded states of a
        stateful layer, where absent. mask (batch, timesteps): True, or a number other
        than 0, is a step to take.

        Returns the output (batch, timesteps, units) with return_sequences, else (batch,
        units); with return_state (output, h, c), a list in Keras 2. Raises ValueError
        for a wrong rank, number of states, or batch size of a stateful layer.
        """
        return self.vjp(sequences, initial_state, mask, training)[0]

    def vjp(
        self,
        sequences: Array,
        initial_state: Sequence[Array] | None = None,
        mask: Array | None = None,
        training: bool = False,
        drawn: Mapping[str, Array] | None = None,
        passed: Mapping[str, str] | None = None,
    ) -> tuple[Any, Pullback]:
        """The call and its pullback, from the cotangents of the returned arrays to
        gradients by name: weights that are trainable, "sequences", "initial_state[0]",
        "initial_state[1]".

        `drawn` are the masks "dropout" (gates, batch, timesteps, features) and
        "recurrent_dropout" (gates, batch, timesteps, units), with length 1 for an axis
        that shares a mask, and gates in the order i, f, c, o. Without a mask nothing is
        dropped. `passed` says in which form an argument is passed: a NumPy array has no
        gradient. Raises TypeError for a form that is not taken.
        """
        forms = passed or {}
        argument_forms.check(forms, self.rules)
        if forms.get("initial_state") == "reset":
            self.reset_state(initial_state)
            initial_state = None
        weights = LSTMWeights.from_keras(self._loaded())
        x = self._batch_major(self._sequences(sequences, weights.kernel.shape[-2]))
        batch, timesteps = np.shape(x)[-3:-1]
        mask = self._mask(mask, batch, timesteps)
        initial = self._initial(batch, initial_state)
        drop = {
            name: values[..., ::-1, :] if self.go_backwards else values
            for name, values in (drawn or {}).items()
        }
        if self.go_backwards:
            x = x[..., ::-1, :]
        if mask is not None:
            # The input at a step that is not taken does not matter. It may be NaN.
            x = np.where(mask[..., None], x, 0)
        (h, last), pull_run = run(
            x,
            initial,
            weights,
            self.activation,
            self.recurrent_activation,
            mask,
            drop.get("dropout"),
            drop.get("recurrent_dropout"),
        )
        every_output, pull_output = _masked_output(
            h, mask, zeros=self.zero_output_for_mask and self.return_sequences
        )
        output = every_output if self.return_sequences else every_output[..., -1, :]
        losses, d_weights, d_activity = self._penalties(output, batch)
        self._losses = losses
        if self.stateful:
            self.states = last

        def pullback(cotangents: Sequence[Array]) -> Gradients:
            d_output = self._batch_major(cotangents[0]) if self.return_sequences else cotangents[0]
            d_output = d_output if d_activity is None else d_output + d_activity
            d_outputs = d_output if self.return_sequences else _at_last_step(d_output, timesteps)
            d_last = (
                State(*cotangents[1:])
                if self.return_state
                else State(np.zeros_like(last.h), np.zeros_like(last.c))
            )
            gradient = pull_run(pull_output(d_outputs), d_last)
            found = gradient.weights.to_keras()
            gradients = {
                name: found[name] + d_weights[name] if name in d_weights else found[name]
                for name in self._trained()
            }
            if forms.get("sequences") not in argument_forms.ARRAYS:
                gradients["sequences"] = self._batch_major(
                    gradient.x[..., ::-1, :] if self.go_backwards else gradient.x
                )
            if initial_state is not None and forms.get("initial_state") not in argument_forms.ARRAYS:
                gradients |= {f"initial_state[{k}]": d_state for k, d_state in enumerate(gradient.initial)}
            return gradients

        result = self._batch_major(output) if self.return_sequences else output
        return (self.rules.several([result, *last]) if self.return_state else result), pullback

    def weight_specs(self, features: int) -> dict[str, Spec]:
        """The weights by name, in the order of `set_weights`."""
        specs = {
            "kernel": Spec(
                (features, 4 * self.units),
                ("feature", "gate"),
                kernel_deviation(features),
                role="kernel",
                own="kernel",
            ),
            "recurrent_kernel": Spec(
                (self.units, 4 * self.units),
                ("unit", "gate"),
                kernel_deviation(self.units),
                role="recurrent kernel",
                own="recurrent_kernel",
            ),
        }
        bias = Spec((4 * self.units,), ("gate",), BIAS_DEVIATION, role="bias", own="bias")
        return specs | {"bias": bias} if self.use_bias else specs

    def load(self, weights: Mapping[str, Array]) -> None:
        """Take the weights by name. Raises ValueError where names or shapes are
        wrong.
        """
        features = np.shape(weights["kernel"])[0] if "kernel" in weights else 0
        check_names(weights, self.weight_specs(features))
        self._weights = {
            name: np.array(weights[name], self.dtype, subok=True) for name in self.weight_specs(features)
        }

    def weights(self) -> Mapping[str, Array]:
        """The weights by name."""
        return self._loaded()

    def take(self, weights: Mapping[str, Array]) -> None:
        """Go on with these weights, as they are: after perturbed runs of training they
        carry a leading axis of runs.
        """
        self._weights = dict(weights)

    def project(self, name: str, weight: Array) -> Array:
        """What the constraint on the weight of this name makes of it."""
        constraint = self.constraints[name]
        return weight if constraint is None else constraint(weight, RANKS[name])

    def initial(self, features: int) -> Mapping[str, Initial]:
        """What the initializers give. unit_forget_bias adds 1 to the bias of the forget
        gate, and "will also force bias_initializer=zeros".
        """
        initializers = dict(self.initializers)
        if self.unit_forget_bias:
            initializers["bias"] = lambda shape: Exactly(np.repeat([0.0, 1.0, 0.0, 0.0], self.units))
        return {name: initializers[name](spec.shape) for name, spec in self.weight_specs(features).items()}

    def arguments(self, sizes: Sizes, call: Mapping[str, Any]) -> dict[str, Any]:
        """`sequences`, `initial_state` [h, c] where given, `mask`, `training`; of a
        training step, which has epochs, also `targets`, `epochs` and `learning_rate`.
        `passed` has, by name, the form of each argument that is not passed in the
        documented form.
        """
        batch_and_time = (sizes.timesteps, sizes.batch) if self.time_major else (sizes.batch, sizes.timesteps)
        axes = ("time", "batch") if self.time_major else ("batch", "time")
        planted = None
        if "mask" in call and (under := masks.parts(call["mask"]).under) is not None:
            steps = ~masks.mask(masks.parts(call["mask"]).kind, sizes.batch, sizes.timesteps)
            planted = Planted((steps.T if self.time_major else steps)[..., None], under)
        shape = sizes.shape or (*batch_and_time, sizes.features)
        arguments: dict[str, Any] = {
            "sequences": Spec(shape, (*axes, "feature"), INPUT_DEVIATION, "x", planted)
        }
        state = call.get("initial_state")
        if state == "previous":
            arguments["initial_state"] = PreviousOutputs((1, 2))
        elif state is not None:
            arguments["initial_state"] = argument_forms.initial_state(state, sizes.batch, self.units)
        layout = masks.parts(call["mask"]).layout if "mask" in call else ""
        if "mask" in call:
            arguments["mask"] = Given(
                masks.mask(call["mask"], sizes.batch, sizes.timesteps), () if layout else ("batch", "time")
            )
        forms = {
            "sequences": sizes.form,
            "initial_state": argument_forms.STATES.get(state or ""),
            "mask": layout if layout in masks.FORMS else "",
        }
        if passed := {name: form for name, form in forms.items() if form}:
            arguments["passed"] = passed
        if "training" in call:
            arguments["training"] = call["training"]
        if "epochs" in call:
            output = self.outputs({})[0]
            sizes_of = {"batch": sizes.batch, "time": sizes.timesteps, "unit": self.units}
            arguments["targets"] = Spec(
                tuple(sizes_of[axis] for axis in output.axes), output.axes, STATE_DEVIATION
            )
            arguments |= {name: call[name] for name in ("epochs", "learning_rate")}
        return arguments

    def draws(self, arguments: Mapping[str, Any]) -> Mapping[str, Draw]:
        """`dropout` of the inputs and `recurrent_dropout` of the states, in training.

        Keras documents neither whether the gates share a mask nor, before Keras 3,
        whether the timesteps do.
        """
        if not arguments.get("training"):
            return {}
        batch, timesteps, features = np.shape(self._batch_major(np.asanyarray(arguments["sequences"])))[-3:]
        over_time = (1, timesteps) if self.rules.draws_over_time and timesteps > 1 else (1,)
        drawn = {}
        if self.dropout:
            shapes = tuple((gates, batch, steps, features) for steps in over_time for gates in (1, 4))
            drawn["dropout"] = Draw(shapes, ("gate", "batch", "time", "feature"), self.dropout)
        if self.recurrent_dropout:
            shapes = tuple((gates, batch, 1, self.units) for gates in (1, 4))
            drawn["recurrent_dropout"] = Draw(
                shapes, ("gate", "batch", "time", "unit"), self.recurrent_dropout
            )
        return drawn

    def effects(self) -> Mapping[str, Array]:
        """`losses` (penalties,) of the last call, where the layer has regularizers:
        first the penalty of the output, then those of the weights.
        """
        if not self._losses:
            return {}
        return {"losses": np.concatenate(np.broadcast_arrays(*self._losses, subok=True), axis=-1)}

    def act(self, action: str, arguments: Mapping[str, Any]) -> None:
        """`reset`, `train`, and those that put another layer with the same weights in
        this one's place: `save-and-load`, `from-config`, `functional-model`. States are
        no weights, so the other layer has no recorded states yet.
        """
        match action:
            case "reset":
                self.reset_state(**arguments)
            case "train":
                fit(self, arguments)
            case "save-and-load" | "from-config":
                self.states = None
            case "functional-model":
                if self.stateful:
                    raise ValueError("a model of a stateful layer must say its batch size")
            case _:
                raise NotImplementedError(f"the NumPy keras.layers.LSTM has no {action}")

    def used_outputs(self, arguments: Mapping[str, Any]) -> Array | None:
        """Which steps of the output sequence come from steps that the mask does not
        skip. None without a mask or a sequence.
        """
        if not self.return_sequences or arguments.get("mask") is None:
            return None
        timesteps, batch = np.shape(arguments["sequences"])[:2][:: 1 if self.time_major else -1]
        mask = self._mask(arguments["mask"], batch, timesteps)
        return mask if mask is None or not self.time_major else mask.T

    def outputs(self, arguments: Mapping[str, Any]) -> tuple[Output, ...]:
        """The output and, with return_state, the states."""
        sequence = ("time", "batch", "unit") if self.time_major else ("batch", "time", "unit")
        output = Output("output", sequence if self.return_sequences else ("batch", "unit"))
        states = (Output("h", ("batch", "unit")), Output("c", ("batch", "unit")))
        return (output, *states) if self.return_state else (output,)

    def unrolled(self, arguments: Mapping[str, Any]) -> Unrolled | None:
        """The steps of a call without masks that returns sequences."""
        if not self.return_sequences or arguments.get("mask") is not None or self.draws(arguments):
            return None
        x = self._batch_major(np.asarray(arguments["sequences"], self.dtype))
        initial = self._initial(x.shape[0], arguments.get("initial_state"))
        weights = LSTMWeights.from_keras(self._loaded())
        return Unrolled(
            x[:, ::-1] if self.go_backwards else x,
            initial,
            weights,
            self.activation,
            self.recurrent_activation,
            self._batch_major,
        )

    @property
    def carries_state(self) -> bool:
        """`stateful`."""
        return self.stateful

    def _loaded(self) -> dict[str, Array]:
        if self._weights is None:
            raise ValueError("the layer has no weights: call set_weights first")
        return self._weights

    def _trained(self) -> list[str]:
        """The names of the weights that take part in training."""
        return list(self._loaded()) if self.trainable else []

    def _batch_major(self, sequence: Array) -> Array:
        """(batch, timesteps, n) from the layout of the layer, and back. time_major of
        Keras 2 has the first two axes in the other order.
        """
        return sequence.swapaxes(-3, -2) if self.time_major else sequence

    def _sequences(self, given: Array, features: int) -> Array:
        x = np.asanyarray(given, self.dtype)
        shape = x.shape if type(x) is np.ndarray else x.shape[-3:]
        if len(shape) != 3:
            raise ValueError(
                f"sequences must have 3 dimensions (batch, timesteps, features), not shape {shape}"
            )
        if shape[0 if self.time_major else 1] == 0 or shape[2] != features:
            raise ValueError(
                f"sequences must have one timestep or more and {features} features, not shape {shape}"
            )
        return x

    def _mask(self, given: Array | None, batch: int, timesteps: int) -> Array | None:
        """The mask (batch, timesteps) in the order of the steps. A mask of one row is
        used for all rows, and a third axis of length 1 does not matter. The
        documentation says nothing about either.
        """
        if given is None:
            return None
        mask = np.asarray(given, bool)
        mask = mask[:, :, 0] if mask.ndim == 3 and mask.shape[2] == 1 else mask
        if mask.shape not in ((batch, timesteps), (1, timesteps)):
            raise ValueError(f"the mask must have shape {(batch, timesteps)}, not {np.shape(given)}")
        mask = np.broadcast_to(mask, (batch, timesteps))
        return mask[:, ::-1] if self.go_backwards else mask

    def _initial(self, batch: int, given: Sequence[Array] | Array | None) -> State:
        if self.stateful and self.states is not None and self.states.h.shape[-2] != batch:
            raise ValueError(
                f"a stateful layer keeps its batch size: expected {self.states.h.shape[-2]}, got {batch}"
            )
        if given is None:
            zeros = np.zeros((batch, self.units), self.dtype)
            return self.states if self.states is not None else State(zeros, zeros)
        if isinstance(given, np.ndarray):
            raise ValueError("initial_state must be [h, c], not one array")
        if len(given) != 2:
            raise ValueError(f"initial_state must be [h, c], not {len(given)} arrays")
        h, c = (np.asanyarray(s, self.dtype) for s in given)
        for name, state in (("h", h), ("c", c)):
            if not ends_with(state, (batch, self.units)):
                raise ValueError(
                    f"the initial {name} must have shape {(batch, self.units)}, not {state.shape}"
                )
        return State(h, c)

    def _penalties(self, output: Array, batch: int) -> tuple[list[Array], dict[str, Array], Array | None]:
        """The penalties (..., 1) of a call, and their gradients: by weight, and of the
        output.

        The output is what return_sequences chooses. States that return_state adds have
        no penalty. The penalty of the output is divided by the batch size. A weight
        that is not trainable has no penalty in Keras 3, and has one in Keras 2. The
        documentation says nothing about it.
        """
        losses, d_weights, d_activity = [], {}, None
        if self.activity_regularizer is not None:
            loss, d_output = self.activity_regularizer(output, 3 if self.return_sequences else 2)
            losses.append(loss / batch)
            d_activity = d_output / batch
        for name, weight in self._loaded().items():
            regularizer = self.regularizers[name]
            if regularizer is not None and (self.trainable or self.rules.penalizes_frozen):
                loss, d_weights[name] = regularizer(weight, RANKS[name])
                losses.append(loss)
        return losses, d_weights, d_activity


RANKS = {"kernel": 2, "recurrent_kernel": 2, "bias": 1}


def _masked_output(h: Array, mask: Array | None, zeros: bool) -> tuple[Array, Callable[[Array], Array]]:
    """The output of each step. A masked step repeats the h before it, and it is zero
    before the first step that is not masked. With `zeros` all masked steps are zero.
    """
    if mask is None:
        return h, lambda d: d
    shown = (mask if zeros else np.logical_or.accumulate(mask, axis=1))[..., None]
    return np.where(shown, h, 0), lambda d: np.where(shown, d, 0)


def _at_last_step(d_output: Array, timesteps: int) -> Array:
    """The gradient (..., timesteps, units) of all outputs where only the last one, with
    gradient (..., units), was returned.
    """
    zeros = np.zeros_like(d_output)
    return np.stack([zeros] * (timesteps - 1) + [d_output], axis=-2)
