"""What a framework says of itself: the signatures of its classes and functions, and the
examples of its docstrings.

Examples are run as they are written, in a namespace that has what a reader is taken to
have imported.
"""

import ast
import contextlib
import doctest
import inspect
import io
import math
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from lstm_ref.protocol.errors import AdapterError

REQUIRED = "required"  # stands for an argument without default
_FENCE = re.compile(r"^[ ]*```(?:python)?[ ]*\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)


class ExampleRaised(Exception):
    """An example raised; `printed` is what it had printed before."""

    def __init__(self, error: Exception, printed: list[str]) -> None:
        super().__init__(str(error))
        self.error, self.printed = error, printed


def signature(documented: Any) -> dict[str, Any]:
    """The arguments of a class or function, in order, with their defaults; those that
    every layer takes are left out.

    A constructor that only hands its arguments on has those of the class that it hands
    them to.
    """
    if not inspect.isclass(documented):
        return _arguments(documented)
    for kind in documented.__mro__:
        construct = vars(kind).get("__init__")
        if construct is not None and (found := _arguments(construct)):
            return found
    return {}


def _arguments(function: Any) -> dict[str, Any]:
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_POSITIONAL for each in parameters):
        return {}
    return {
        each.name: REQUIRED if each.default is each.empty else _plain(each.default)
        for each in parameters
        if each.name not in ("self", "mode") and each.kind is not each.VAR_KEYWORD
    }


def _plain(value: Any) -> Any:
    """The value as JSON has it; what it has not, as it is shown."""
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    return value if value is None or isinstance(value, (bool, int, str)) else repr(value)


def example(documented: Any, block: int) -> str:
    """The code of one block of a docstring's examples: all its prompts together are the
    first, if it has any.
    """
    text = documented.__doc__ or ""
    prompts = doctest.DocTestParser().get_examples(text)
    prompted = "\n".join(prompt.source for prompt in prompts)
    blocks = ([prompted] if prompted else []) + [textwrap.dedent(code) for code in _FENCE.findall(text)]
    if block >= len(blocks):
        name = getattr(documented, "__name__", documented)
        there = f"has {len(blocks)} blocks of code, and none with number {block}"
        raise AdapterError(f"the docstring of {name} {there}")
    return blocks[block]


def run_example(code: str, namespace: Mapping[str, Any]) -> list[str]:
    """Run code as an interactive interpreter does, and return the lines that it prints,
    shown values among them.

    Raises ExampleRaised, a syntax error among the causes.
    """
    printed = io.StringIO()
    names = {**namespace, "__name__": "__main__"}
    try:
        tree = ast.parse(code)
        with contextlib.redirect_stdout(printed):
            for statement in tree.body:
                if isinstance(statement, ast.Expr):
                    value = eval(compile(ast.Expression(statement.value), "example", "eval"), names)
                    if value is not None:
                        print(repr(value))
                else:
                    exec(compile(ast.Module([statement], []), "example", "exec"), names)
    except Exception as error:
        raise ExampleRaised(error, printed.getvalue().splitlines()) from error
    return printed.getvalue().splitlines()
