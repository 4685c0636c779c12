"""Keras 3 on TensorFlow, converted to a model of LiteRT (TensorFlow Lite) for fixed
shapes, and run by its interpreter on the CPU.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

from lstm_ref.implementations._keras import (
    ACTIONS,
    ENVIRONMENT,
    IN_FLOAT32,
    Keras,
    Keras3,
    Plain,
    TensorFlow,
)
from lstm_ref.implementations._keras.actions import RATES
from lstm_ref.implementations._keras.arguments import plain
from lstm_ref.implementations._keras.calls import run
from lstm_ref.implementations._keras.framework import Framework
from lstm_ref.implementations._keras.layers import LiveLayer, parts, stateful
from lstm_ref.protocol.adapter import Host, Implementation
from lstm_ref.protocol.errors import NotOffered

HOST = Host(
    subject="keras-tflite",
    requires=("tensorflow", "keras"),
    extra="keras-tflite",
    environment={**ENVIRONMENT, "TF_USE_LEGACY_KERAS": "0"},
)


# From the documentation of the converter, "Keras LSTM fusion", limitations.
STATELESS = "currently there is support only for converting stateless Keras LSTM"


class Converted(Plain):
    """Each call is traced, converted with its own shapes and the weights as constants,
    and interpreted. This is how people deploy it: a model has one signature of fixed
    shapes.
    """

    def executor(self, at: Framework, live: LiveLayer) -> Callable[[Mapping[str, Any]], Any]:
        """The interpreter of the converted call. An exception of the layer is raised
        while the call is traced.
        """
        tf = import_module("tensorflow")

        def execute(arguments: Mapping[str, Any]) -> Any:
            if any(stateful(part) for _, part in parts(live.layer)):
                raise NotOffered(STATELESS)
            fixed = plain(arguments)
            if fixed.get("training") and any(
                getattr(part, rate, 0) for _, part in parts(live.layer) for rate in RATES
            ):
                raise NotOffered("a converted model is for inference, and shows no masks of dropout")
            arrays = {name: value for name, value in arguments.items() if name not in fixed}
            given = {f"x{place}": array for place, array in enumerate(at.backend.flatten(arrays))}
            structures = []

            def call(**named: Any) -> dict[str, Any]:
                put = tf.nest.pack_sequence_as(arrays, [named[name] for name in given])
                result, _, live.losses = run(at, live, {**fixed, **put})
                structures.append(result)
                return {f"y{place}": array for place, array in enumerate(at.backend.flatten(result))}

            specs = {name: tf.TensorSpec(array.shape, array.dtype, name) for name, array in given.items()}
            traced = tf.function(call, autograph=False).get_concrete_function(**specs)
            if live.losses:
                raise NotOffered("a converted model returns outputs, and no losses")
            found = self._runner(tf, traced)(**given)
            outputs = [tf.constant(found[f"y{place}"]) for place in range(len(found))]
            return tf.nest.pack_sequence_as(structures[-1], outputs)

        return execute

    def _runner(self, tf: Any, traced: Any) -> Callable[..., Mapping[str, Any]]:
        """The interpreter's function. Raises NotOffered, in the converter's words,
        where the converter does not offer what the call needs.
        """
        module = tf.Module()
        module.kept = list(traced.graph.variables)
        with TemporaryDirectory() as folder:
            tf.saved_model.save(module, folder, signatures=traced)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
            try:
                model = converter.convert()
            except Exception as error:
                if type(error).__name__ != "ConverterError":
                    raise
                raise NotOffered(f"the converter refuses: {_words(error)}") from error
        interpreter = tf.lite.Interpreter(model_content=model, num_threads=1)
        runner: Callable[..., Mapping[str, Any]] = interpreter.get_signature_runner()
        return runner


def _words(error: Exception) -> str:
    """The first error in the converter's message, without the place in the model."""
    lines = [line.rpartition("error: ")[2].strip() for line in str(error).splitlines()]
    return next((line for line in lines if line.startswith(("'tf", "failed", "Failed"))), lines[0])


def keras_tflite() -> Keras:
    """The adapter. Imports TensorFlow."""
    at, keras = TensorFlow(), import_module("keras")
    versions = {"tensorflow": at.tf.__version__, "keras": keras.__version__}
    return Keras(at, at.tf.keras, Keras3(), Converted(), versions)


IMPLEMENTATIONS = (
    Implementation(
        name="keras-tflite",
        dialect="keras",
        host=HOST,
        accumulation=IN_FLOAT32,
        adapter=keras_tflite,
        version="3",
        actions=ACTIONS,
        differentiable=False,
        on_request=True,
    ),
)
