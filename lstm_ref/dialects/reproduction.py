"""A request as a program of its own: NumPy and the framework, and nothing of this
suite.

It is short enough for an issue tracker. It ends with an assertion that fails where the
framework does not give the documented numbers.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Protocol

import numpy as np

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
    lines = [f"# {line}" for text in told for line in _unbroken(text, WIDTH - 2)]
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
    return wrapped(text if len(text) <= WIDTH else f"{name} = ({literal(values)})")


def wrapped(text: str) -> list[str]:
    """The lines of a statement. A long one is broken inside its brackets."""
    return _unbroken(text, WIDTH, "    ")


def _unbroken(text: str, width: int, indent: str = "") -> list[str]:
    """The text in lines, with no word broken: an address stays whole."""
    return textwrap.wrap(
        text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
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
            lines += wrapped(f"check({title!r}, {mine}, {values}, {right.bound:.3g})")
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


def indented(lines: Sequence[str]) -> list[str]:
    """The lines inside a block."""
    return [f"    {line}" for line in lines]


def writes(dialect: str, implementation: str, dtype: str) -> Language:
    """The language of programs for an implementation of a dialect: its module
    `programs` has it. Raises CannotReproduce where there is none.
    """
    try:
        module = import_module(f"lstm_ref.dialects.{dialect}.programs")
    except ModuleNotFoundError:
        raise CannotReproduce(f"programs for {implementation} are not written yet") from None
    language: Language = module.programs(implementation, dtype)
    return language
