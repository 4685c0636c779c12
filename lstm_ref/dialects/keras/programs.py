"""Cases as programs for Keras, and how its layers are called in code."""

import re
from collections.abc import Mapping
from typing import Any

from lstm_ref.dialects.reproduction import CHECK, CannotReproduce, Language, variable, wrapped
from lstm_ref.dialects.snippets import constructed
from lstm_ref.protocol.trace import Request, Step, Tensor

NAMESPACE = "keras.layers"
# Layers that stand elsewhere.
OUTSIDE = {"Sequential": "keras.Sequential"}
DOING = {"reset": "layer.reset_state()", "weights": "layer.get_weights()"}


def time_first(params: Mapping[str, Any]) -> bool:
    """Whether the first axis of an input is time. It is the batch in Keras 3."""
    return False


def programs(implementation: str, dtype: str) -> Language:
    """Those for Keras on TensorFlow. Raises CannotReproduce for another backend."""
    if implementation == "tf-keras":
        return KerasPrograms("tf_keras", dtype)
    if implementation.startswith("keras-tensorflow"):
        return KerasPrograms("keras", dtype)
    raise CannotReproduce(f"programs for {implementation} are not written yet")


class KerasPrograms:
    """Programs for Keras on TensorFlow: `module` is keras, or tf_keras."""

    def __init__(self, module: str, dtype: str) -> None:
        self._module, self._dtype = module, dtype
        self._compute = dtype.removeprefix("mixed_")
        self._of_variable = ".value" if module == "keras" else ""

    def imports(self) -> list[str]:
        """TensorFlow, Keras, and what makes and compares arrays."""
        module = "import keras" if self._module == "keras" else f"import {self._module} as keras"
        return [
            "import tensorflow as tf",
            module,
            "",
            *CHECK.splitlines(),
            "",
            f'def tensor(values, dtype="{self._compute}"):',
            "    return tf.cast(tf.constant(values), dtype) if dtype else tf.constant(values)",
            "",
        ]

    def layer(self, request: Request) -> list[str]:
        """The layer is built for its input, and takes its weights in order."""
        params = {**self._with_dtypes(request.params), "dtype": self._dtype}
        if request.layer in ("EncoderDecoder", "Sequential"):
            raise CannotReproduce(f"a model ({request.layer}) is not written yet")
        lines = wrapped(f"layer = {_qualified(constructed('keras', request.layer, params))}")
        if request.weights:
            first = next((step for step in request.steps if step.action == "call"), None)
            inputs = next(iter(first.arguments.values())) if first else None
            if not isinstance(inputs, Tensor):
                raise CannotReproduce("nothing says for which input the layer is built")
            lines.append(f"layer.build({inputs.values.shape})")
            lines += wrapped(f"layer.set_weights([{', '.join(map(variable, request.weights))}])")
        return lines

    def _with_dtypes(self, value: Any) -> Any:
        """The parameters, with the dtype added to each inner layer."""
        if isinstance(value, list):
            return [self._with_dtypes(each) for each in value]
        if not isinstance(value, Mapping):
            return value
        if "layer" in value and isinstance(value["layer"], str):
            inner = self._with_dtypes(value.get("params", {}))
            return {**value, "params": {**inner, "dtype": self._dtype}}
        return {name: self._with_dtypes(each) for name, each in value.items()}

    def call(self, step: Step, number: int, arguments: Mapping[str, str]) -> list[str]:
        """The input goes by position."""
        return [f"result = layer({_by_position(arguments)})"]

    def action(self, step: Step) -> list[str]:
        """A reset of states. Only the suite can take other actions."""
        if step.action == "reset":
            return ["layer.reset_state()" if self._module == "keras" else "layer.reset_states()"]
        raise CannotReproduce(f"the step {step.action} is not written yet")

    def flat(self) -> str:
        """As TensorFlow flattens."""
        return "[np.array(each) for each in tf.nest.flatten(result)]"

    def gradients(self, request: Request, step: Step, arguments: Mapping[str, str]) -> list[str]:
        """By a tape, of the weights alone."""
        names = list(request.weights)
        return [
            "with tf.GradientTape() as tape:",
            f"    result = layer({_by_position(arguments)})",
            "    loss = sum(",
            "        tf.reduce_sum(each * tensor(cotangent))",
            "        for each, cotangent in zip(tf.nest.flatten(result), cotangents)",
            "    )",
            "    loss += sum(tf.cast(each, loss.dtype) for each in layer.losses)",
            f"names = {names!r}",
            f"slopes = tape.gradient(loss, [each{self._of_variable} for each in layer.weights])",
            "gradients = {name: np.array(slope) for name, slope in zip(names, slopes)}",
        ]


def _qualified(text: str) -> str:
    """The call of the constructor. Objects inside it are written with their modules."""
    for name in ("L1L2", "L1", "L2", "OrthogonalRegularizer"):
        text = text.replace(f"={name}(", f"=keras.regularizers.{name}(")
    for name in ("MaxNorm", "MinMaxNorm", "UnitNorm", "NonNeg"):
        text = text.replace(f"={name}(", f"=keras.constraints.{name}(")
    # A function stands for itself, without quotes.
    return re.sub(r"=([a-z]\w*)(?=[,)\]])", r"=keras.activations.\1", text)


def _by_position(arguments: Mapping[str, str]) -> str:
    if "passed" in arguments:
        raise CannotReproduce("how the arguments are passed there is not written yet")
    first, *others = arguments
    return ", ".join([arguments[first], *(f"{name}={arguments[name]}" for name in others)])
