"""A request as a program of its own: NumPy and the framework, and nothing of this
suite.

It is short enough for an issue tracker. It ends with an assertion that fails where the
framework does not give the documented numbers.
"""

import math
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lstm_ref.dialects.snippets import constructed
from lstm_ref.protocol.trace import PreviousOutputs, Request, Step, Tensor
from lstm_ref.reference.activations import Array

WIDTH = 100
LARGEST_STEP = 24  # 2^-24 is the last bit of float32 below 1
DIGITS = 17  # significant digits: enough to tell every float64 from all others


class CannotReproduce(Exception):
    """No stand-alone program can show this. The message is the reason."""


@dataclass(frozen=True)
class Right:
    """An expected array: its name, its numbers, and how far rounding may lead from
    them.
    """

    name: str
    values: Array
    bound: float


@dataclass(frozen=True)
class Shown:
    """What a call has to return. Where gradients are wanted, it has them by weight or
    argument.
    """

    outputs: tuple[Right, ...]
    gradients: tuple[Right, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """The documented exception. The framework may raise it or a subclass of it."""

    raises: str
    match: str | None


class Language(Protocol):
    """How a framework's programs are written."""

    def imports(self) -> list[str]:
        """The imports, after that of NumPy."""

    def layer(self, request: Request) -> list[str]:
        """The lines that make `layer`, with its weights. Each weight is in a variable
        of its name.
        """

    def call(self, step: Step, number: int, arguments: Mapping[str, str]) -> list[str]:
        """The lines that compute `result`. The arguments are expressions."""

    def action(self, step: Step) -> list[str]:
        """The lines for a step that is not a call."""

    def flat(self) -> str:
        """An expression for the arrays of `result` in order, as NumPy arrays."""

    def gradients(self, request: Request, step: Step, arguments: Mapping[str, str]) -> list[str]:
        """The lines that compute `result`, and `gradients` by name. These are the
        gradients of the sum of outputs times `cotangents`, plus the losses of the
        layer.
        """


def program(
    language: Language,
    request: Request,
    told: Sequence[str],
    expected: Sequence[Shown] | Refusal,
) -> str:
    """The program. It begins with the comments `told`, which say what it shows. Raises
    CannotReproduce for steps that only the suite can take.
    """
    lines = [f"# {line}" for text in told for line in textwrap.wrap(text, WIDTH - 2)]
    lines += ["import numpy as np", *language.imports(), ""]
    for name, tensor in request.weights.items():
        lines += _assigned(variable(name), tensor.values)
    body = [*language.layer(request)]
    number = 0
    for step in request.steps:
        if step.refused or step.derivatives:
            raise CannotReproduce("a step refused on the way, and a second derivative, are not written yet")
        if step.action != "call":
            body += language.action(step)
            continue
        body.append("")
        arguments: dict[str, str] = {}
        for name, value in step.arguments.items():
            arguments[name] = _argument(value, name, number, body)
        shown = expected[number] if not isinstance(expected, Refusal) else None
        if shown is not None and shown.gradients and step.cotangents is not None:
            for k, cotangent in enumerate(step.cotangents):
                body += _assigned(f"cotangent{k}", cotangent.values)
            body.append(f"cotangents = [{', '.join(f'cotangent{k}' for k in range(len(step.cotangents)))}]")
            body += language.gradients(request, step, arguments)
        else:
            body += language.call(step, number, arguments)
        if shown is not None:
            body += _checked(shown, language, number)
        number += 1
    if isinstance(expected, Refusal):
        body = _refused(body, expected)
    return "\n".join([*lines, *body]) + "\n"


def variable(name: str) -> str:
    """The name of a variable for this array: forward_kernel for forward/kernel."""
    words = "".join(letter if letter.isalnum() else "_" for letter in name).strip("_")
    return f"of_{words}" if words[0].isdigit() else words


def _argument(value: Any, name: str, call: int, body: list[str]) -> str:
    """The argument as an expression. Arrays are assigned to variables first."""
    if isinstance(value, Tensor):
        own = f"{variable(name)}{call or ''}"
        body += _assigned(own, value.values)
        if value.values.dtype.kind != "f":
            return f"tensor({own}, None)"
        return f"tensor({own})" if value.dtype == "float64" else f'tensor({own}, "{value.dtype}")'
    if isinstance(value, PreviousOutputs):
        return _from_previous(value)
    if isinstance(value, (list, tuple)):
        inside = [_argument(part, f"{name}_{k}", call, body) for k, part in enumerate(value)]
        return f"[{', '.join(inside)}]"
    if isinstance(value, Mapping):
        raise CannotReproduce(f"how {name} is passed there is not written yet")
    return repr(value)


def _from_previous(value: PreviousOutputs) -> str:
    parts = (
        _from_previous(each) if isinstance(each, PreviousOutputs) else f"tensor(found[{each}])"
        for each in value.outputs
    )
    return f"[{', '.join(parts)}]"


def _assigned(name: str, values: Array) -> list[str]:
    text = f"{name} = {literal(values)}"
    return _wrapped(text if len(text) <= WIDTH else f"{name} = ({literal(values)})")


def _wrapped(text: str) -> list[str]:
    """The lines of a statement. A long one is broken inside its brackets."""
    return textwrap.wrap(
        text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def literal(values: Array) -> str:
    """The array as an expression. If possible, it is written as whole numbers divided
    by a power of two.
    """
    if values.size == 0:
        return f"np.zeros({values.shape})"
    if values.dtype.kind in "biu":
        dtype = "" if values.dtype in (np.bool_, np.int64) else f", np.{values.dtype}"
        return f"np.array({values.tolist()}{dtype})"
    for step in range(LARGEST_STEP + 1):
        scaled = values * 2.0**step
        if np.all(np.isfinite(scaled)) and np.all(scaled == np.round(scaled)):
            whole = f"np.array({scaled.astype(np.int64).tolist()})"
            return f"{whole} / {2**step}" if step else f"{whole} * 1.0"
    return f"np.array({_numbers(values.tolist(), DIGITS)})"


def _numbers(values: Any, digits: int) -> str:
    if isinstance(values, list):
        return f"[{', '.join(_numbers(each, digits) for each in values)}]"
    if math.isnan(values):
        return "np.nan"
    if math.isinf(values):
        return "np.inf" if values > 0 else "-np.inf"
    return f"{values:.{digits}g}"


def _checked(shown: Shown, language: Language, call: int) -> list[str]:
    """The lines that compare what a call gave."""
    lines = [f"found = {language.flat()}"]
    for what, arrays in (("found", shown.outputs), ("gradients", shown.gradients)):
        if not arrays:
            continue
        lines.append("# The documented equations, and how far rounding may lead from them.")
        for k, right in enumerate(arrays):
            mine = f"{what}[{k}]" if what == "found" else f"{what}[{right.name!r}]"
            numbers = _numbers(right.values.tolist(), _digits(right))
            values = f"np.array({numbers})" if right.values.size else f"np.zeros({right.values.shape})"
            title = _title(right, what, call)
            lines += _wrapped(f"check({title!r}, {mine}, {values}, {right.bound:.3g})")
    return lines


def _title(right: Right, what: str, call: int) -> str:
    own = right.name if what == "found" else f"the gradient of {right.name}"
    return f"{own} of call {call}" if call else own


def _digits(right: Right) -> int:
    """The number of digits with which the error of the literal is at most a hundredth
    of the bound.
    """
    largest = float(np.max(np.abs(right.values), initial=0.0, where=np.isfinite(right.values)))
    if right.bound <= 0 or largest == 0:
        return DIGITS
    return max(3, min(DIGITS, math.ceil(math.log10(largest / right.bound)) + 3))


CHECK = """\
def check(name, found, expected, bound):
    assert found.shape == expected.shape, f"{name}: shape {found.shape}, documented {expected.shape}"
    error = np.nan_to_num(np.abs(found.astype(float) - expected), nan=np.inf).max(initial=0.0)
    print(f"{name}: largest error {error:.3g}, rounding explains {bound:.3g}")
    assert error <= bound, f"{name}: found {found.tolist()}, documented {expected.tolist()}"
"""


def _refused(body: Sequence[str], refusal: Refusal) -> list[str]:
    """The lines for a call of which the documentation says that it raises."""
    return [
        "try:",
        *(f"    {line}" if line else line for line in body),
        "except Exception as error:",
        "    names = [kind.__name__ for kind in type(error).__mro__]",
        f'    assert {refusal.raises!r} in names, f"documented is {refusal.raises}, not {{error!r}}"',
        '    print("refused, as it is documented:", error)',
        "else:",
        f'    raise AssertionError("nothing was raised; documented is {refusal.raises}")',
    ]


class Keras:
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
        lines = _wrapped(f"layer = {_qualified(constructed('keras', request.layer, params))}")
        if request.weights:
            first = next((step for step in request.steps if step.action == "call"), None)
            inputs = next(iter(first.arguments.values())) if first else None
            if not isinstance(inputs, Tensor):
                raise CannotReproduce("nothing says for which input the layer is built")
            lines.append(f"layer.build({inputs.values.shape})")
            lines += _wrapped(f"layer.set_weights([{', '.join(map(variable, request.weights))}])")
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


class Torch:
    """Programs for PyTorch."""

    def __init__(self, dtype: str) -> None:
        if dtype.startswith("mixed_"):
            raise CannotReproduce("autocast is not written yet")
        self._dtype = dtype

    def imports(self) -> list[str]:
        """PyTorch, and what makes and compares arrays."""
        return [
            "import torch",
            "",
            *CHECK.splitlines(),
            "",
            f'def tensor(values, dtype="{self._dtype}"):',
            "    return torch.tensor(values, dtype=getattr(torch, dtype) if dtype else None)",
            "",
            "def plain(found):  # NumPy has no bfloat16",
            "    return (found.float() if found.dtype is torch.bfloat16 else found).detach().numpy()",
            "",
            "def flat(result):",
            "    if isinstance(result, torch.Tensor):",
            "        return [result]",
            "    return [tensor for each in result for tensor in flat(each)]",
            "",
        ]

    def layer(self, request: Request) -> list[str]:
        """The weights come as a state_dict."""
        params = {**request.params}
        made = constructed("torch", request.layer, params).replace("nn.", "torch.nn.", 1)
        lines = _wrapped(f"layer = {made[:-1]}{', ' if params else ''}dtype=torch.{self._dtype})")
        if request.weights:
            pairs = ", ".join(f"{name!r}: tensor({variable(name)})" for name in request.weights)
            lines += _wrapped(f"layer.load_state_dict({{{pairs}}})")
        return lines

    def call(self, step: Step, number: int, arguments: Mapping[str, str]) -> list[str]:
        """The states are a pair. A packed result is padded again."""
        return list(self._call(step, arguments))

    def _call(self, step: Step, arguments: Mapping[str, str]) -> Iterator[str]:
        given = dict(arguments)
        if (training := given.pop("training", None)) is not None:
            yield f"layer.train({training})"
        how = {name: given.pop(name) for name in [*given] if name in OF_PACKING}
        if "hx" in given:
            given["hx"] = f"tuple({given['hx']})"
        first, *others = given
        value = given[first]
        if how:
            usual = step.arguments.get("packing") == "pack_padded_sequence"
            if not usual or how.keys() & set(OF_PADDING):
                raise CannotReproduce("this way to pack or to pad is not written yet")
            yield "rnn = torch.nn.utils.rnn"
            yield (
                f"packed = rnn.pack_padded_sequence({value}, {how['lengths']}, batch_first=layer.batch_first,"
                f" enforce_sorted={how['enforce_sorted']})"
            )
            value = "packed"
        rest = "".join(f", {name}={given[name]}" for name in others)
        if not how:
            yield f"result = layer({value}{rest})"
            return
        yield f"output, states = layer({value}{rest})"
        yield "padded, _ = rnn.pad_packed_sequence(output, batch_first=layer.batch_first)"
        yield "result = (padded, states)"

    def action(self, step: Step) -> list[str]:
        """Only the suite can take actions."""
        raise CannotReproduce(f"the step {step.action} is not written yet")

    def flat(self) -> str:
        """Arrays of NumPy; bfloat16 as float32, which holds it."""
        return "[plain(each) for each in flat(result)]"

    def gradients(self, request: Request, step: Step, arguments: Mapping[str, str]) -> list[str]:
        """By autograd, of the weights alone."""
        return [
            "layer.zero_grad()",
            *self._call(step, arguments),
            "outputs = [each for each in flat(result) if each.is_floating_point()]",
            "loss = sum((each * tensor(c)).sum() for each, c in zip(outputs, cotangents))",
            "loss.backward()",
            "gradients = {name: plain(weight.grad) for name, weight in layer.named_parameters()}",
        ]


# The IR version of a model for each opset. A runtime of that time can read it.
IR_VERSIONS = {7: 4, 14: 7}
# The inputs of a node, in their documented order.
INPUTS = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"]
# How each runtime is imported, and the expression that runs `model` on `fed`.
RUNTIMES = {
    "onnxruntime": (
        "import onnxruntime",
        "onnxruntime.InferenceSession(\n"
        '        model.SerializeToString(), providers=["CPUExecutionProvider"]\n'
        "    ).run(None, fed)",
    ),
    "onnx-reference": (
        "from onnx.reference import ReferenceEvaluator",
        "ReferenceEvaluator(model).run(None, fed)",
    ),
}


class Onnx:
    """Programs for a runtime of ONNX: a model of one node, made for its inputs."""

    def __init__(self, implementation: str, dtype: str) -> None:
        if implementation not in RUNTIMES:
            raise CannotReproduce(f"programs for {implementation} are not written yet")
        self._imported, self._ran = RUNTIMES[implementation]
        self._dtype = dtype

    def imports(self) -> list[str]:
        """ONNX, the runtime, and what makes and compares arrays."""
        return [
            self._imported,
            "from onnx import helper, numpy_helper",
            "",
            *CHECK.splitlines(),
            "",
            f'def tensor(values, dtype="{self._dtype}"):',
            "    return values.astype(dtype) if dtype else values",
            "",
        ]

    def layer(self, request: Request) -> list[str]:
        """W, R, B and P hold the weights of all directions; `layer` makes a model and
        runs it.
        """
        params = dict(request.params)
        wanted = str(params.pop("outputs", "Y+Y_h+Y_c")).split("+")
        shown = ["Y", "Y_h", "Y_c"][: 1 + max(["Y", "Y_h", "Y_c"].index(name) for name in wanted)]
        names = [name if name in wanted else "" for name in shown]
        opset = int(params.pop("opset", 22))
        constants = "weights" if params.pop("constant", True) else "{}"
        if not params.pop("hidden_size_stated", True):
            params.pop("hidden_size")
        if opset == OLDEST and not params.get("layout"):
            params.pop("layout", None)
        attributes = {
            name: value for name, value in params.items() if name not in ("B", "P") and value is not None
        }
        listed = "".join(f", {name}={value!r}" for name, value in attributes.items())
        return [
            *_wrapped(f"weights = {{{', '.join(_weights(request))}}}"),
            "",
            "def layer(**given):",
            "    present = {**given, **weights}",
            *_indented(_wrapped(f'inputs = [name if name in present else "" for name in {INPUTS}]')),
            "    while not inputs[-1]:",
            "        inputs.pop()",
            *_indented(_wrapped(f'node = helper.make_node("LSTM", inputs, {names}{listed})')),
            f"    constants = {constants}",
            "    fed = {name: value for name, value in present.items() if name not in constants}",
            "    of_numpy, info = helper.np_dtype_to_tensor_dtype, helper.make_tensor_value_info",
            "    graph = helper.make_graph(",
            '        [node], "lstm",',
            "        [info(name, of_numpy(value.dtype), value.shape) for name, value in fed.items()],",
            f'        [info(name, of_numpy(np.dtype("{self._dtype}")), [None] * (4 if name == "Y" else 3))',
            f"         for name in {wanted}],",
            "        [numpy_helper.from_array(value, name) for name, value in constants.items()],",
            "    )",
            f'    opsets = [helper.make_opsetid("", {opset})]',
            "    model = helper.make_model(graph, opset_imports=opsets,"
            f" ir_version={IR_VERSIONS.get(opset, 10)})",
            f"    return {self._ran}",
        ]

    def call(self, step: Step, number: int, arguments: Mapping[str, str]) -> list[str]:
        """Every input is passed by name. A state from the call before is a list of one
        array.
        """
        given = {
            name: f"{value}[0]" if isinstance(step.arguments[name], (PreviousOutputs, list)) else value
            for name, value in arguments.items()
        }
        return [f"result = layer({', '.join(f'{name}={value}' for name, value in given.items())})"]

    def action(self, step: Step) -> list[str]:
        """A node is called, and nothing else."""
        raise CannotReproduce(f"the step {step.action} is not written yet")

    def flat(self) -> str:
        """The outputs as they are."""
        return "result"

    def gradients(self, request: Request, step: Step, arguments: Mapping[str, str]) -> list[str]:
        """A runtime has none."""
        raise CannotReproduce("runtimes of ONNX do not differentiate; leave out --gradients")


OLDEST = 7  # the opset that has no attribute layout


def _weights(request: Request) -> Iterator[str]:
    """The inputs that hold weights. Each is made of its parts in both directions."""
    directions = [("W", "R", "Wb", "Rb", "P"), ("WB", "RB", "WBb", "RBb", "PB")]
    there = [names for names in directions if names[0] in request.weights]
    if not there:
        return
    yield f"'W': tensor(np.stack([{', '.join(names[0] for names in there)}]))"
    yield f"'R': tensor(np.stack([{', '.join(names[1] for names in there)}]))"
    if there[0][2] in request.weights:
        pairs = (f"np.concatenate([{names[2]}, {names[3]}])" for names in there)
        yield f"'B': tensor(np.stack([{', '.join(pairs)}]))"
    if there[0][4] in request.weights:
        yield f"'P': tensor(np.stack([{', '.join(names[4] for names in there)}]))"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def writes(dialect: str, implementation: str, dtype: str) -> Language:
    """The language of programs for an implementation of a dialect. Raises
    CannotReproduce where there is none.
    """
    if dialect == "keras" and (implementation == "tf-keras" or implementation.startswith("keras-tensorflow")):
        return Keras("tf_keras" if implementation == "tf-keras" else "keras", dtype)
    if dialect == "torch":
        return Torch(dtype)
    if dialect == "onnx":
        return Onnx(implementation, dtype)
    raise CannotReproduce(f"programs for {implementation} are not written yet")


# The arguments of a call that say how its input is packed, and its output padded.
OF_PADDING = ("padding", "padding_side", "padding_value", "total_length")
OF_PACKING = ("lengths", "enforce_sorted", "packing", *OF_PADDING)
