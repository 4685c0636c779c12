"""What the adapters of Keras 3 and Keras 2 on TensorFlow share: layers and their
weights by name, dropout masks, losses, models, actions.

`Generation` lists what differs between the two; `Eager` and `Traced` are the ways to
execute a call.
"""

import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np

from lstm_ref.protocol.adapter import Gradients
from lstm_ref.protocol.errors import (
    AdapterError,
    AmbiguousWeights,
    NotOffered,
    UnknownAction,
    UnknownLayer,
    WeightMismatch,
    WeightsNotCopied,
)
from lstm_ref.protocol.trace import Request, Tensor

# The CPU, one thread, and no settings of the user's.
ENVIRONMENT = {
    "KERAS_BACKEND": "tensorflow",
    # The subject's working folder is its own and empty: no keras.json of the user's
    # changes floatx or epsilon.
    "KERAS_HOME": ".",
    "TF_ENABLE_ONEDNN_OPTS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "-1",
}

ACCUMULATION = {"float64": "float64", "float32": "float32", "float16": "float32", "bfloat16": "float32"}

# TensorFlow's own kernels, and compiled code for the oldest processor that it starts
# on, which has AVX.
LOWEST = {
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "ONEDNN_MAX_CPU_ISA": "SSE41",
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX",
}

# The first argument of a call, which Keras wants by position: that of LSTM is
# documented as `inputs` and named `sequences` (3.15).
FIRST = ("sequences", "inputs")
# The second input of an encoder-decoder.
SECOND = "decoder_sequences"
# What a step "train" has beside the arguments of a call.
OF_TRAINING = ("targets", "epochs", "learning_rate")

RATES = ("dropout", "recurrent_dropout")
NOTHING: Mapping[str, Any] = MappingProxyType({})

Shape = tuple[int | None, ...]
Differentiate = Callable[[Sequence[Any], Sequence[Any]], Gradients]
# What a call returned, the masks that it drew by name, and the losses that it added.
Result = tuple[Any, dict[str, Any], list[Any]]


class Generation(Protocol):
    """What Keras 3 and Keras 2 do differently, as far as an adapter has to know it."""

    def seed(self, keras: Any, seed: int) -> None:
        """Make repeatable whatever is drawn from here on."""

    def name(self, variable: Any) -> str:
        """A weight's own name, such as "kernel"."""

    def source(self, variable: Any) -> Any:
        """The weight as a gradient tape knows it."""

    def watch(self, layer: Any, found: dict[str, Any]) -> None:
        """Have the layer enter the masks that it forgets at the end of a call into
        `found`, by kind, "dropout" or "recurrent_dropout".
        """

    def masks(self, layer: Any, found: Mapping[str, Any]) -> Mapping[str, Any]:
        """By kind the masks that the layer itself multiplied in: one, (batch, n) or
        (batch, timesteps, n), or a list of one for each gate.
        """

    def reset(self, layer: Any) -> None:
        """Forget the recorded states, as the documentation has it."""


class EncoderDecoder:
    """The encoder-decoder of the guide "Working with RNNs", a functional model: the
    decoder starts from the states that the encoder returns.

    It is built as soon as the number of features is known, like a layer.
    """

    def __init__(self, keras: Any, encoder: Any, decoder: Any) -> None:
        self.keras, self.encoder, self.decoder = keras, encoder, decoder
        self.model: Any = None

    @property
    def built(self) -> bool:
        """Whether there is a model."""
        return self.model is not None

    @property
    def losses(self) -> list[Any]:
        """Those of the model."""
        return list(self.model.losses)

    def build(self, inputs: Sequence[Any]) -> None:
        """Make the model of these `keras.Input`s."""
        sequences, decoder_sequences = inputs
        _, *states = self.encoder(sequences)
        self.model = self.keras.Model(
            [sequences, decoder_sequences], self.decoder(decoder_sequences, initial_state=states)
        )

    def __call__(self, inputs: Sequence[Any], **others: Any) -> Any:
        """What the decoder returns."""
        return self.model(inputs, **others)

    def around(self, model: Any) -> "EncoderDecoder":
        """The same with another model of such layers."""
        other = EncoderDecoder(
            self.keras, model.get_layer(self.encoder.name), model.get_layer(self.decoder.name)
        )
        other.model = model
        return other


@dataclass
class LiveLayer:
    """A layer while its request runs.

    `functional` says that calls go through functional models around the layer, which
    `models` keeps by the arguments that they take and, of an unrolled layer, the number
    of timesteps. `weights` are those that were given, `waiting` the names of those
    whose part is not built yet, `inputs` the shapes and dtypes of the last inputs, and
    `forms` those of the arguments of the last call that are not passed as usual.

    `found` is what the parts of the layer enter while a call runs; `masks` and `losses`
    are those of the last call, `epochs` the masks of the last training. `execute` runs
    a call with its arguments; `recorders` are the functions that also differentiate it,
    by the positions of what they differentiate by.
    """

    layer: Any
    dtype: str
    functional: bool = False
    models: dict[tuple[str, ...], Any] = field(default_factory=dict)
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    inputs: Sequence[tuple[Shape, str]] = ()
    forms: Mapping[str, str] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    masks: Mapping[str, Any] = field(default_factory=dict)
    epochs: Sequence[Mapping[str, Any]] = ()
    losses: Sequence[Any] = ()
    recorders: dict[tuple[int, ...], tuple[Any, Any]] = field(default_factory=dict)
    execute: Callable[[Mapping[str, Any]], Any] = field(default=lambda arguments: None)


class Mode(Protocol):
    """A way to execute calls."""

    def executor(self, adapter: "Keras", live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """What calls the layer with given arguments, enters masks and losses in `live`,
        and returns the rest.
        """

    def record(
        self, adapter: "Keras", live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """What the call returns, and what differentiates it."""


class Eager:
    """Op by op, with a gradient tape around the call."""

    def executor(self, adapter: "Keras", live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """The layer itself."""

        def execute(arguments: Mapping[str, Any]) -> Any:
            result, live.masks, live.losses = adapter.run(live, arguments)
            return result

        return execute

    def record(
        self, adapter: "Keras", live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """The tape is over this call alone: states carried over from an earlier one are
        constants.
        """
        with adapter.tf.GradientTape() as tape:
            for leaf in leaves:
                tape.watch(leaf)
            result = call()
        return result, lambda outputs, cotangents: adapter.gradients(live, tape, leaves, outputs, cotangents)


@dataclass(frozen=True)
class Traced:
    """In a `tf.function` that is given every array as an argument. Gradients are taken
    inside of it, as `Model.fit` does: a loop inside a compiled function cannot be
    differentiated from outside ("Support for TensorList crossing the XLA/TF boundary is
    not implemented", TensorFlow 2.21).
    """

    jit_compile: bool

    def executor(self, adapter: "Keras", live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """One function for all calls of the layer."""
        function = adapter.tf.function(
            lambda arguments: adapter.run(live, arguments), jit_compile=self.jit_compile, autograph=False
        )

        def execute(arguments: Mapping[str, Any]) -> Any:
            result, live.masks, live.losses = function(dict(arguments))
            return result

        return execute

    def record(
        self, adapter: "Keras", live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """The cotangents come after the result, so that one function of both runs
        twice, from the same variables: at first with zeros.
        """
        tf = adapter.tf
        again: list[Callable[[Sequence[Any]], Gradients]] = []

        def execute(arguments: Mapping[str, Any]) -> Any:
            given = dict(arguments)
            flat = tf.nest.flatten(given)
            positions = tuple(
                next(position for position, value in enumerate(flat) if value is leaf) for leaf in leaves
            )
            if positions not in live.recorders:
                live.recorders[positions] = self._recorder(adapter, live, positions)
            forward, both = live.recorders[positions]
            outputs = tf.nest.flatten(forward.get_concrete_function(given).structured_outputs)
            adapter.forget_masks(live)
            zeros = [tf.zeros(output.shape, output.dtype) for output in outputs]
            variables = both.get_concrete_function(given, zeros).variables
            before = [tf.identity(variable) for variable in variables]
            (result, live.masks, live.losses), _ = both(given, zeros)

            def differentiate(cotangents: Sequence[Any]) -> Gradients:
                for variable, value in zip(variables, before, strict=True):
                    variable.assign(value)
                gradients: Gradients = both(given, list(cotangents))[1]
                return gradients

            again.append(differentiate)
            return result

        live.execute, plain = execute, live.execute
        try:
            result = call()
        finally:
            live.execute = plain
        return result, lambda outputs, cotangents: again[0](cotangents)

    def _recorder(self, adapter: "Keras", live: LiveLayer, positions: Sequence[int]) -> tuple[Any, Any]:
        """The call alone, which tells the shapes of its outputs and is never run, and
        the call with its gradients; the leaves are at these positions among the
        arguments.
        """
        tf = adapter.tf

        def both(arguments: Mapping[str, Any], cotangents: Sequence[Any]) -> tuple[Result, Gradients]:
            given = tf.nest.flatten(arguments)
            leaves = [given[position] for position in positions]
            with tf.GradientTape() as tape:
                for leaf in leaves:
                    tape.watch(leaf)
                result, masks, losses = adapter.run(live, arguments)
            live.losses = losses
            return (result, masks, losses), adapter.gradients(
                live, tape, leaves, tf.nest.flatten(result), cotangents
            )

        return tf.function(lambda arguments: adapter.run(live, arguments)[0], autograph=False), tf.function(
            both, jit_compile=self.jit_compile, autograph=False
        )


class Keras:
    """The adapter of `keras`, a module of the given generation, on TensorFlow `tf`, in
    one mode. Its layers are `LiveLayer`.
    """

    def __init__(
        self, tf: Any, keras: Any, generation: Generation, mode: Mode, versions: Mapping[str, str]
    ) -> None:
        self.tf, self.keras, self.generation, self.mode, self._versions = (
            tf,
            keras,
            generation,
            mode,
            versions,
        )

    def versions(self) -> Mapping[str, str]:
        """TensorFlow's and Keras' versions."""
        return self._versions

    def processor(self) -> Mapping[str, str | bool]:
        """Whether TensorFlow takes its matrix products from oneDNN, which chooses
        kernels by the processor.
        """
        return {"onednn": bool(import_module("tensorflow.python.util._pywrap_util_port").IsMklEnabled())}

    def seed(self, seed: int) -> None:
        """As `keras.utils.set_random_seed`."""
        self.generation.seed(self.keras, seed)

    def constructor(self, request: Request) -> Callable[[], Any]:
        """`keras.layers.<layer>(**params, dtype=...)`; nested layers get the same
        dtype.
        """
        return lambda: self._live(
            self._construct(request.layer, request.params, request.dtype), request.dtype
        )

    def _construct(self, layer: str, params: Mapping[str, Any], dtype: str) -> Any:
        given = {name: self._param(value, dtype) for name, value in params.items()}
        if layer == "EncoderDecoder":
            return EncoderDecoder(self.keras, **given)
        if layer == "Sequential":
            with self._policy(dtype):
                return self.keras.Sequential(**given)
        kind = getattr(self.keras.layers, layer, None)
        if kind is None:
            raise UnknownLayer(layer, "keras.layers")
        return kind(**given, dtype=dtype)

    @contextmanager
    def _policy(self, dtype: str) -> Iterator[None]:
        """For a model, which takes no dtype and has that of the global policy."""
        before = self.keras.mixed_precision.global_policy()
        self.keras.mixed_precision.set_global_policy(dtype)
        try:
            yield
        finally:
            self.keras.mixed_precision.set_global_policy(before)

    def _param(self, value: Any, dtype: str) -> Any:
        """A nested layer, a function, or plain data, of which Keras gets a copy."""
        if isinstance(value, list):
            return [self._param(item, dtype) for item in value]
        if isinstance(value, Mapping) and set(value) == {"layer", "params"}:
            return self._construct(value["layer"], value["params"], dtype)
        if isinstance(value, Mapping) and set(value) == {"callable"}:
            return self._function(value["callable"])
        return copy.deepcopy(value)

    def _function(self, name: str) -> Any:
        for namespace in (self.keras.activations, getattr(self.keras, "ops", None)):
            if callable(function := getattr(namespace, name, None)):
                return function
        raise AdapterError(f"neither keras.activations nor keras.ops has a function {name!r}")

    def _live(self, layer: Any, dtype: str, functional: bool = False) -> LiveLayer:
        live = LiveLayer(layer, dtype, functional)
        live.execute = self.mode.executor(self, live)
        for prefix, part in _parts(layer):
            self.generation.watch(part, live.found.setdefault(prefix, {}))
        return live

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        """Copy the weights into each part as soon as the layer's own first call has
        built it, so that a refused call is refused in the words that users see.
        """
        live: LiveLayer = layer
        live.weights = weights
        parts = dict(_leaves(live.layer))
        of_parts: dict[str, dict[str, Tensor]] = {prefix: {} for prefix in parts}
        for name, value in weights.items():
            of_parts.setdefault(name.rpartition("/")[0], {})[name] = value
        if set(of_parts) != set(parts):
            raise WeightMismatch(
                {_joined(prefix, "..."): () for prefix in parts},
                {name: tensor.values.shape for name, tensor in weights.items()},
            )
        for prefix, part in parts.items():
            if part.built:
                self._copy(part, prefix, of_parts[prefix])
            else:
                self._copy_when_built(live, part, prefix, of_parts[prefix])

    def _copy_when_built(
        self, live: LiveLayer, part: Any, prefix: str, weights: Mapping[str, Tensor]
    ) -> None:
        live.waiting.update(weights)
        build = part.build

        @wraps(build)
        def build_with_weights(*shapes: Any, **named_shapes: Any) -> None:
            build(*shapes, **named_shapes)
            with self.tf.init_scope():
                self._copy(part, prefix, weights)
            live.waiting.difference_update(weights)

        part.build = build_with_weights

    def _copy(self, part: Any, prefix: str, weights: Mapping[str, Tensor]) -> None:
        variables = self._named(part, prefix)
        expected = {name: tuple(variable.shape) for name, variable in variables.items()}
        given = {name: tensor.values.shape for name, tensor in weights.items()}
        if expected != given:
            raise WeightMismatch(expected, given)
        try:
            for name, variable in variables.items():
                variable.assign(self.tensor(weights[name]))
        except Exception as error:  # this runs inside the layer's call, but copying is our part of it
            raise WeightsNotCopied(error) from error

    def _named(self, part: Any, prefix: str) -> dict[str, Any]:
        """The weights of a part by name."""
        with _ours("name the weights"):
            named = [(_joined(prefix, self.generation.name(variable)), variable) for variable in part.weights]
        if len({name for name, _ in named}) < len(named):
            raise AmbiguousWeights([name for name, _ in named])
        return dict(named)

    def _variables(self, layer: Any) -> dict[str, Any]:
        """The layer's weights by name: "kernel", "forward/kernel",
        "1/recurrent_kernel", "decoder/bias".
        """
        return {
            name: variable
            for prefix, part in _leaves(layer)
            for name, variable in self._named(part, prefix).items()
        }

    def weights(self, layer: Any) -> Mapping[str, Any]:
        """Copies of all weights. Raises AdapterError before the first call of a layer
        that keeps its initial ones: it has none yet.
        """
        live: LiveLayer = layer
        self._build(live)
        return {
            name: self.tf.identity(self.generation.source(variable))
            for name, variable in self._variables(live.layer).items()
        }

    def tensor(self, value: Tensor) -> Any:
        """A `tf.Tensor`; bfloat16 comes as float32."""
        return self.tf.cast(self.tf.constant(value.values), value.dtype)

    def read(self, tensor: Any) -> Tensor:
        """A tensor's values."""
        dense = self.tf.convert_to_tensor(tensor)
        dtype = dense.dtype.name
        return Tensor(dtype, np.asarray(dense.numpy(), dtype=np.float32 if dtype == "bfloat16" else None))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`layer(sequences, **others)`, or a functional model of the same arguments;
        `passed` says of an argument in which other form it goes.
        """
        live: LiveLayer = layer
        tensors = {name: value for name, value in arguments.items() if name != "passed"}

        def call() -> Any:
            inputs, others = _split(tensors)
            live.inputs = [(tuple(each.shape), each.dtype.name) for each in inputs]
            if isinstance(live.layer, EncoderDecoder) and not live.layer.built:
                live.layer.build(self._placeholders(live))
            if live.functional and not isinstance(live.layer, EncoderDecoder):
                self._model(live, inputs, others)
            live.forms = arguments.get("passed", {})
            return live.execute(
                {name: _in_form(value, live.forms.get(name)) for name, value in tensors.items()}
            )

        return call

    def run(self, live: LiveLayer, arguments: Mapping[str, Any]) -> Result:
        """One call; what comes out of it may be traced."""
        inputs, others = _split(arguments)
        if live.functional and not isinstance(live.layer, EncoderDecoder):
            target, given = self._model(live, inputs, others)
            result = target(given, **_plain(others))
        else:
            target = live.layer
            result = _by_place(target, inputs[0] if len(inputs) == 1 else inputs, others, live.forms)
        if live.waiting:
            raise AdapterError(
                f"the layer was called without building the parts of the weights {sorted(live.waiting)}"
            )
        masks = self._masks(live) if others.get("training") else {}
        return result, masks, list(target.losses)

    def _masks(self, live: LiveLayer) -> dict[str, Any]:
        """The masks by name, each (gates, batch, timesteps, n)."""
        masks = {}
        with _ours("read the dropout masks"):
            for prefix, part in _parts(live.layer):
                for kind, drawn in self.generation.masks(part, live.found[prefix]).items():
                    gates = self.tf.stack(drawn if isinstance(drawn, (list, tuple)) else [drawn])
                    if len(gates.shape) == 4 and getattr(part, "time_major", False):
                        gates = self.tf.transpose(gates, (0, 2, 1, 3))
                    masks[_joined(prefix, kind)] = (
                        gates if len(gates.shape) == 4 else gates[:, :, self.tf.newaxis, :]
                    )
        return masks

    def forget_masks(self, live: LiveLayer) -> None:
        """Have cells that are called directly, which keep their masks, draw new ones;
        what they kept is of a trace that nobody runs.
        """
        for prefix, part in _parts(live.layer):
            for forget in ("reset_dropout_mask", "reset_recurrent_dropout_mask"):
                if hasattr(part, forget):
                    getattr(part, forget)()
            live.found[prefix].clear()

    def record(self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]) -> tuple[Any, Differentiate]:
        """As the mode does it."""
        return self.mode.record(self, layer, leaves, call)

    def gradients(
        self,
        live: LiveLayer,
        tape: Any,
        leaves: Sequence[Any],
        outputs: Sequence[Any],
        cotangents: Sequence[Any],
    ) -> Gradients:
        """Of the outputs' inner product with the cotangents, plus the losses, by the
        trainable weights and the leaves. Slices are added up.
        """
        whole = live.layer.model if isinstance(live.layer, EncoderDecoder) else live.layer
        trainable = {id(variable) for variable in whole.trainable_weights}
        variables = {
            name: variable
            for name, variable in self._variables(live.layer).items()
            if id(variable) in trainable
        }
        sources = [*map(self.generation.source, variables.values()), *leaves]
        seeds = [*cotangents, *map(self.tf.ones_like, live.losses)]
        found = [
            None if gradient is None else self.tf.convert_to_tensor(gradient)
            for gradient in tape.gradient([*outputs, *live.losses], sources, output_gradients=seeds)
        ]
        return dict(zip(variables, found[: len(variables)], strict=True)), found[len(variables) :]

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        """Of the last call."""
        live: LiveLayer = layer
        return live.masks

    def epochs(self, layer: Any) -> Sequence[Mapping[str, Any]]:
        """The masks of each epoch of the last training; none where nothing was
        dropped.
        """
        live: LiveLayer = layer
        return live.epochs

    def effects(self, layer: Any) -> Mapping[str, Any]:
        """The losses, 1-D; under a mixed policy those of weights and of outputs differ
        in dtype, and the wider one holds both.
        """
        live: LiveLayer = layer
        if not live.losses:
            return {}
        widest = max((loss.dtype for loss in live.losses), key=lambda dtype: int(dtype.size))
        return {"losses": self.tf.stack([self.tf.cast(loss, widest) for loss in live.losses])}

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        """`reset`, `train`, `save-and-load`, `from-config`, `functional-model`."""
        live: LiveLayer = layer
        actions: dict[str, Callable[[], LiveLayer]] = {
            "reset": lambda: self._reset(live),
            "train": lambda: self._train(live, arguments),
            "save-and-load": lambda: self._save_and_load(live),
            "from-config": lambda: self._from_config(live),
            "functional-model": lambda: self._functional_model(live),
        }
        if action not in actions:
            raise UnknownAction(action, step, f"known are {', '.join(actions)}")
        if action == "reset" and not any(hasattr(part, "stateful") for _, part in _parts(live.layer)):
            raise UnknownAction(action, step, "but the layer records no states")
        if (
            action in ("train", "save-and-load")
            and hasattr(live.layer, "state_size")
            and not hasattr(live.layer, "cell")
        ):
            raise UnknownAction(action, step, "but a cell is no layer over time; put it into an RNN")
        return actions[action]

    def _reset(self, live: LiveLayer) -> LiveLayer:
        for layer in (
            (live.layer.encoder, live.layer.decoder)
            if isinstance(live.layer, EncoderDecoder)
            else (live.layer,)
        ):
            self.generation.reset(layer)
        return live

    def _train(self, live: LiveLayer, arguments: Mapping[str, Any]) -> LiveLayer:
        """`fit` on all rows at once. It computes the loss, and casts its inputs, in
        floatx, which has to be the layer's dtype then.

        A layer that drops something is trained eagerly: elsewhere nobody could read its
        masks.
        """
        inputs, others = _split({name: value for name, value in arguments.items() if name not in OF_TRAINING})
        live.inputs = [(tuple(each.shape), each.dtype.name) for each in inputs]
        floatx = self.keras.backend.floatx()
        self.keras.backend.set_floatx("float32" if live.dtype.startswith("mixed_") else live.dtype)
        try:
            model, given = self._model(live, inputs, others, _plain(others))
            if isinstance(model.output, (list, tuple)):
                model = self.keras.Model(model.inputs, model.output[0])
            drops = others.get("training", True) and any(
                getattr(part, rate, 0) for _, part in _parts(live.layer) for rate in RATES
            )
            drawn: list[Mapping[str, Any]] = []
            reader = self.keras.callbacks.LambdaCallback(
                on_epoch_begin=lambda epoch, logs: self.forget_masks(live),
                on_epoch_end=lambda epoch, logs: drawn.append(self._masks(live)),
            )
            model.compile(
                optimizer=self.keras.optimizers.SGD(arguments["learning_rate"]), loss="mse", run_eagerly=drops
            )
            rows = int(inputs[0].shape[0])
            values = [each.numpy() for each in given]
            model.fit(
                values if len(values) > 1 else values[0],
                arguments["targets"].numpy(),
                batch_size=rows,
                epochs=arguments["epochs"],
                shuffle=False,
                verbose=0,
                callbacks=[reader] if drops else [],
            )
            live.epochs = drawn
        finally:
            self.keras.backend.set_floatx(floatx)
        return live

    def _save_and_load(self, live: LiveLayer) -> LiveLayer:
        """As a `.keras` file, in which a layer is part of a functional model."""
        whole = isinstance(live.layer, (EncoderDecoder, self.keras.Sequential))
        self._build(live)
        model = live.layer.model if isinstance(live.layer, EncoderDecoder) else live.layer
        if not whole:
            inputs = self._placeholders(live)
            model = self.keras.Model(inputs, live.layer(*inputs))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "model.keras")
            model.save(path)
            loaded = self.keras.models.load_model(path)
        if isinstance(live.layer, EncoderDecoder):
            loaded = live.layer.around(loaded)
        return self._live(loaded if whole else loaded.get_layer(live.layer.name), live.dtype, live.functional)

    def _from_config(self, live: LiveLayer) -> LiveLayer:
        """`from_config(get_config())` and the same weights."""
        if isinstance(live.layer, EncoderDecoder):
            self._build(live)
            layer: Any = live.layer.around(self.keras.Model.from_config(live.layer.model.get_config()))
        else:
            layer = type(live.layer).from_config(live.layer.get_config())
        other = self._live(layer, live.dtype, live.functional)
        weights = (
            {name: self.read(weight) for name, weight in self.weights(live).items()}
            if live.layer.built
            else live.weights
        )
        if weights:
            self.set_weights(other, weights)
        return other

    def _functional_model(self, live: LiveLayer) -> LiveLayer:
        live.functional = True
        return live

    def _build(self, live: LiveLayer) -> None:
        """Build the layer, if nothing else has, for the inputs of the last call."""
        if not live.layer.built:
            inputs = self._placeholders(live)
            live.layer.build(inputs) if isinstance(live.layer, EncoderDecoder) else live.layer(*inputs)

    def _placeholders(self, live: LiveLayer) -> list[Any]:
        """A `keras.Input` for each input of the last call; before that, what fits the
        weights: (None, None, features).
        """
        batch = self._batch(live)
        if live.inputs:
            return [
                self.keras.Input(self._open(live, shape, dtype), batch_size=batch, dtype=dtype)
                for shape, dtype in live.inputs
            ]
        inner = (
            ("encoder/kernel", "decoder/kernel")
            if isinstance(live.layer, EncoderDecoder)
            else tuple(live.weights)[:1]
        )
        kernels = [
            live.weights[name].values
            for name in inner
            if name in live.weights and name.split("/")[-1] == "kernel"
        ]
        if not kernels or any(_stateful(part) for _, part in _parts(live.layer)):
            raise AdapterError("nothing says yet which inputs the layer is for: call it before this step")
        return [
            self.keras.Input((None, kernel.shape[0]), dtype=live.dtype.removeprefix("mixed_"))
            for kernel in kernels
        ]

    def _batch(self, live: LiveLayer) -> int | None:
        """A layer that is stateful is for one batch size."""
        return (
            live.inputs[0][0][0]
            if live.inputs and any(_stateful(part) for _, part in _parts(live.layer))
            else None
        )

    def _model(
        self,
        live: LiveLayer,
        inputs: Sequence[Any],
        others: Mapping[str, Any],
        fixed: Mapping[str, Any] = NOTHING,
    ) -> tuple[Any, list[Any]]:
        """The functional model that takes these arrays, and the arrays in its order.
        Whatever is no array it takes when it is called, unless it is `fixed`: the layer
        is called with that while the model is made.
        """
        nest = self.tf.nest
        arrays = {name: value for name, value in others.items() if name not in _plain(others)}
        given = [*inputs, *nest.flatten(arrays)]
        if isinstance(live.layer, EncoderDecoder):
            if fixed:
                raise NotOffered(f"the model of an encoder and a decoder is made without {', '.join(fixed)}")
            self._build(live)
            return live.layer.model, given
        lengths = tuple(f"timesteps:{each.shape[1]}" for each in inputs if _unrolled(live.layer))
        taken = lengths + tuple(
            f"{name}:{len(each.shape)}" for name, value in arrays.items() for each in nest.flatten(value)
        )
        taken += tuple(f"{name}={value}" for name, value in fixed.items())
        if taken not in live.models:
            batch = self._batch(live)

            def placeholder(each: Any) -> Any:
                return self.keras.Input(
                    self._open(live, tuple(each.shape), each.dtype.name),
                    batch_size=batch,
                    dtype=each.dtype.name,
                )

            first = self._placeholders(live)
            rest = {name: nest.map_structure(placeholder, value) for name, value in arrays.items()}
            live.models[taken] = self.keras.Model(
                [*first, *nest.flatten(rest)], live.layer(*first, **rest, **fixed)
            )
        return live.models[taken], given

    def _open(self, live: LiveLayer, shape: Shape, dtype: str) -> Shape:
        """The shape without batch, for any number of timesteps: (timesteps, features),
        a mask's or token's (timesteps,), or a state's (units,). A layer that is
        unrolled is for the number that it was given.
        """
        if _unrolled(live.layer):
            return shape[1:]
        return (
            (None, *shape[2:]) if len(shape) > 2 or not dtype.startswith(("float", "bfloat")) else shape[1:]
        )

    def documented(self, name: str) -> Any:
        """`keras.layers.<name>`."""
        found = getattr(self.keras.layers, name, None)
        if found is None:
            raise UnknownLayer(name, "keras.layers")
        return found

    def namespace(self) -> Mapping[str, Any]:
        """`np`, `tf`, `keras`, and the names that examples of the documentation use
        without a module.
        """
        keras = self.keras
        layers = {name: getattr(keras.layers, name) for name in ("LSTM", "RNN", "Bidirectional", "Dense")}
        models = {"Sequential": keras.Sequential, "Input": keras.Input}
        return {"np": np, "tf": self.tf, "keras": keras, **models, **layers}

    def release(self) -> None:
        """`clear_session`: fresh masked layers keep 0.14 MB each until then (Keras
        3.15).
        """
        self.keras.backend.clear_session()


@contextmanager
def _ours(task: str) -> Iterator[None]:
    """What is raised in here is our fault, although it runs inside the layer's call."""
    try:
        yield
    except Exception as error:
        raise AdapterError(f"the adapter could not {task}: {type(error).__name__}: {error}") from error


def _parts(layer: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The layer and the layers and cells in it, each with the prefix of its weights'
    names.
    """
    yield prefix, layer
    inner: list[tuple[str, Any]] = []
    if isinstance(layer, EncoderDecoder):
        inner = [("encoder", layer.encoder), ("decoder", layer.decoder)]
    elif hasattr(layer, "forward_layer"):
        inner = [("forward", layer.forward_layer), ("backward", layer.backward_layer)]
    elif hasattr(layer, "cells"):
        inner = [(str(position), cell) for position, cell in enumerate(layer.cells)]
    elif hasattr(layer, "cell"):
        inner = [("", layer.cell)]
    elif type(layer).__name__ == "Sequential":
        inner = [(str(position), each) for position, each in enumerate(layer.layers)]
    for name, each in inner:
        yield from _parts(each, _joined(prefix, name))


def _leaves(layer: Any) -> Iterator[tuple[str, Any]]:
    """The parts without further parts: those that have weights of their own."""
    return ((prefix, part) for prefix, part in _parts(layer) if len(list(_parts(part))) == 1)


def _stateful(part: Any) -> bool:
    return bool(getattr(part, "stateful", False))


def _unrolled(layer: Any) -> bool:
    return any(getattr(part, "unroll", False) for _, part in _parts(layer))


def _joined(prefix: str, name: str) -> str:
    return "/".join(filter(None, (prefix, name)))


def _split(arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The inputs, which go by position, and the arguments that go by name."""
    inputs = [arguments[name] for name in (*FIRST, SECOND) if name in arguments]
    return inputs, {name: value for name, value in arguments.items() if name not in (*FIRST, SECOND)}


def _in_form(value: Any, form: str | None) -> Any:
    """The argument as an array of NumPy, as lists of numbers, or with a tuple or arrays
    in place of the list of tensors.
    """
    match form:
        case "array":
            return value.numpy()
        case "arrays":
            return [each.numpy() for each in value]
        case "lists":
            return value.numpy().tolist()
        case "tuple":
            return tuple(value)
        case _:
            return value


def _by_place(layer: Any, sequences: Any, others: Mapping[str, Any], forms: Mapping[str, str]) -> Any:
    """The call with the input by position and all else by name, unless `forms` has it
    otherwise: the input as `inputs`, the states by position, or recorded by
    `reset_states` beforehand.
    """
    rest = {name: value for name, value in others.items() if name != "initial_state"}
    if forms.get("sequences") == "name":
        return layer(inputs=sequences, **others)
    if forms.get("initial_state") == "position":
        return layer(sequences, others["initial_state"], **rest)
    if forms.get("initial_state") == "reset":
        layer.reset_states([state.numpy() for state in others["initial_state"]])
        return layer(sequences, **rest)
    return layer(sequences, **others)


def _plain(others: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that are no arrays: True, False, None, a number or a word."""
    return {
        name: value
        for name, value in others.items()
        if value is None or isinstance(value, (bool, int, float, str))
    }
