"""Cases as programs for Paddle, and how its layers are called in code."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lstm_ref.dialects.reproduction import CHECK, CannotReproduce, Language, variable, wrapped
from lstm_ref.dialects.snippets import constructed
from lstm_ref.protocol.trace import Request, Step

NAMESPACE = "nn"
OUTSIDE: Mapping[str, str] = {}
DOING = {"weights": "layer.named_parameters()"}
# Where the classes are that stand among the arguments of a constructor.
CLASSES = {"ParamAttr": "paddle", "Constant": "paddle.nn.initializer"}
CLASSES |= dict.fromkeys(("Uniform", "Normal"), CLASSES["Constant"])


def time_first(params: Mapping[str, Any]) -> bool:
    """Whether the first axis of an input is time."""
    return bool(params.get("time_major"))


def programs(implementation: str, dtype: str) -> Language:
    """Those for Paddle, whatever the mode."""
    del implementation
    return PaddlePrograms(dtype)


class PaddlePrograms:
    """Programs for Paddle."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._weights: Mapping[str, str] = {}

    def imports(self) -> list[str]:
        """Paddle, and what makes and compares arrays."""
        return [
            "import paddle",
            "",
            *CHECK.splitlines(),
            "",
            f'paddle.set_default_dtype("{self._dtype}")',
            "",
            f'def tensor(values, dtype="{self._dtype}"):',
            "    return paddle.to_tensor(values, dtype=dtype)",
            "",
            "def flat(result):",
            "    if isinstance(result, paddle.Tensor):",
            "        return [result]",
            "    return [tensor for each in result for tensor in flat(each)]",
            "",
        ]

    def layer(self, request: Request) -> list[str]:
        """The weights are set one by one, in the cells where there is a projection:
        there the names of the layer's parameters are not those of its cells (3.3).
        """
        made = constructed("paddle", request.layer, request.params).replace("nn.", "paddle.nn.", 1)
        for name, place in CLASSES.items():
            made = re.sub(rf"\b{name}\(", f"{place}.{name}(", made)
        in_cells = request.layer == "LSTM" and request.params.get("proj_size")
        both = request.params.get("direction", "forward") != "forward"
        self._weights = {
            name: _in_a_cell(name, both) if in_cells else f"layer.{name}" for name in request.weights
        }
        return [
            *wrapped(f"layer = {made}"),
            *(f"{place}.set_value(tensor({variable(name)}))" for name, place in self._weights.items()),
        ]

    def call(self, step: Step, number: int, arguments: Mapping[str, str]) -> list[str]:
        """The states are a pair. What comes after the end of a sequence is not
        compared.
        """
        return list(self._call(arguments))

    def _call(self, arguments: Mapping[str, str]) -> Iterator[str]:
        given = dict(arguments)
        if (training := given.pop("training", None)) is not None:
            yield "layer.train()" if training == "True" else "layer.eval()"
        for name in ("initial_states", "states"):
            if name in given:
                given[name] = f"tuple({given[name]})"
        first, *others = given
        rest = "".join(f", {name}={given[name]}" for name in others)
        yield f"result = layer({given[first]}{rest})"
        if "sequence_length" in given:
            yield "outputs, states = result"
            yield "time = 0 if layer.time_major else 1"
            yield f"steps = paddle.arange(outputs.shape[time]).astype({given['sequence_length']}.dtype)"
            yield f"valid = (steps.unsqueeze(0) < {given['sequence_length']}.unsqueeze(1)).unsqueeze(-1)"
            yield "valid = valid.transpose([1, 0, 2]) if layer.time_major else valid"
            yield "result = (paddle.where(valid, outputs, paddle.zeros_like(outputs)), states)"

    def action(self, step: Step) -> list[str]:
        """Only the suite can take actions."""
        raise CannotReproduce(f"the step {step.action} is not written yet")

    def flat(self) -> str:
        """Arrays of NumPy."""
        return "[each.detach().numpy() for each in flat(result)]"

    def gradients(self, request: Request, step: Step, arguments: Mapping[str, str]) -> list[str]:
        """By `Tensor.backward`, of the weights alone."""
        return [
            "layer.clear_gradients()",
            *self._call(arguments),
            "loss = sum((each * tensor(c)).sum() for each, c in zip(flat(result), cotangents))",
            "loss.backward()",
            "gradients = {}",
            *(f"gradients[{name!r}] = {place}.grad.numpy()" for name, place in self._weights.items()),
        ]


def _in_a_cell(name: str, both: bool) -> str:
    """weight_ih_l1_reverse is weight_ih of the second cell of the second layer."""
    own, _, place = name.partition("_l")
    index, _, reverse = place.partition("_")
    cell = ("cell_bw" if reverse else "cell_fw") if both else "cell"
    return f"layer[{index}].{cell}.{own}"
