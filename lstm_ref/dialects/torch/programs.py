"""Cases as programs for PyTorch, and how its modules are called in code."""

from collections.abc import Iterator, Mapping
from typing import Any

from lstm_ref.dialects.reproduction import CHECK, CannotReproduce, Language, variable, wrapped
from lstm_ref.dialects.snippets import constructed
from lstm_ref.protocol.trace import Request, Step

NAMESPACE = "nn"
OUTSIDE: Mapping[str, str] = {}
DOING = {"weights": "layer.named_parameters()"}
# The arguments of a call that say how its input is packed, and its output padded.
OF_PADDING = ("padding", "padding_side", "padding_value", "total_length")
OF_PACKING = ("lengths", "enforce_sorted", "packing", *OF_PADDING)


def time_first(params: Mapping[str, Any]) -> bool:
    """Whether the first axis of an input is time."""
    return not params.get("batch_first", False)


def programs(implementation: str, dtype: str) -> Language:
    """Those for PyTorch, whatever the mode."""
    del implementation
    return TorchPrograms(dtype)


class TorchPrograms:
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
        lines = wrapped(f"layer = {made[:-1]}{', ' if params else ''}dtype=torch.{self._dtype})")
        if request.weights:
            pairs = ", ".join(f"{name!r}: tensor({variable(name)})" for name in request.weights)
            lines += wrapped(f"layer.load_state_dict({{{pairs}}})")
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
