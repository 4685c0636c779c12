"""The ways to execute a call on TensorFlow: op by op, or in a `tf.function`, which may
be compiled.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from lstm_ref.implementations._keras.calls import Differentiate, Result, run, trained
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import LiveLayer
from lstm_ref.implementations._keras.masks import forget_masks
from lstm_ref.implementations._keras.modes import Plain
from lstm_ref.protocol.adapter import Gradients


class Eager(Plain):
    """Op by op, with a gradient tape around the call."""

    def record(
        self, at: Framework, live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """The tape records this call alone. So states from an earlier call are
        constants.
        """
        with import_module("tensorflow").GradientTape() as tape:
            for leaf in leaves:
                tape.watch(leaf)
            result = call()
        return result, lambda outputs, cotangents: gradients(at, live, tape, leaves, outputs, cotangents)


@dataclass(frozen=True)
class Traced:
    """In a `tf.function` that is given every array as an argument. Gradients are taken
    inside of it, as `Model.fit` does: a loop inside a compiled function cannot be
    differentiated from outside ("Support for TensorList crossing the XLA/TF boundary is
    not implemented", TensorFlow 2.21).
    """

    jit_compile: bool

    def executor(self, at: Framework, live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """One function for all calls of the layer."""
        function = import_module("tensorflow").function(
            lambda arguments: run(at, live, arguments), jit_compile=self.jit_compile, autograph=False
        )

        def execute(arguments: Mapping[str, Any]) -> Any:
            result, live.masks, live.losses = function(dict(arguments))
            return result

        return execute

    def record(
        self, at: Framework, live: LiveLayer, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Differentiate]:
        """The cotangents are known only after the result. So one function of both runs
        twice, from the same variables, and the first time with zeros as cotangents.
        """
        tf = import_module("tensorflow")
        again: list[Callable[[Sequence[Any]], Gradients]] = []

        def execute(arguments: Mapping[str, Any]) -> Any:
            given = dict(arguments)
            flat = tf.nest.flatten(given)
            positions = tuple(
                next(position for position, value in enumerate(flat) if value is leaf) for leaf in leaves
            )
            if positions not in live.recorders:
                live.recorders[positions] = self._recorder(at, live, positions)
            forward, both = live.recorders[positions]
            outputs = tf.nest.flatten(forward.get_concrete_function(given).structured_outputs)
            forget_masks(live)
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

    def _recorder(self, at: Framework, live: LiveLayer, positions: Sequence[int]) -> tuple[Any, Any]:
        """The call alone, which tells the shapes of its outputs and is never run, and
        the call with its gradients; the leaves are at these positions among the
        arguments.
        """
        tf = import_module("tensorflow")

        def both(arguments: Mapping[str, Any], cotangents: Sequence[Any]) -> tuple[Result, Gradients]:
            given = tf.nest.flatten(arguments)
            leaves = [given[position] for position in positions]
            with tf.GradientTape() as tape:
                for leaf in leaves:
                    tape.watch(leaf)
                result, masks, losses = run(at, live, arguments)
            live.losses = losses
            return (result, masks, losses), gradients(
                at, live, tape, leaves, tf.nest.flatten(result), cotangents
            )

        return tf.function(lambda arguments: run(at, live, arguments)[0], autograph=False), tf.function(
            both, jit_compile=self.jit_compile, autograph=False
        )


def gradients(
    at: Framework,
    live: LiveLayer,
    tape: Any,
    leaves: Sequence[Any],
    outputs: Sequence[Any],
    cotangents: Sequence[Any],
) -> Gradients:
    """Of the outputs' inner product with the cotangents, plus the losses, by the
    trainable weights and the leaves. Slices are added up.
    """
    tf, weights = import_module("tensorflow"), trained(at, live)
    sources = [*map(at.generation.source, weights.values()), *leaves]
    seeds = [*cotangents, *map(tf.ones_like, live.losses)]
    found = [
        None if gradient is None else tf.convert_to_tensor(gradient)
        for gradient in tape.gradient([*outputs, *live.losses], sources, output_gradients=seeds)
    ]
    return dict(zip(weights, found[: len(weights)], strict=True)), found[len(weights) :]
