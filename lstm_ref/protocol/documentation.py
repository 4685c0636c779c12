"""What a framework says about itself: the signatures of its classes and functions, and
the examples in its docstrings.

Examples are run as they are written, in a namespace that has what a reader is expected
to have imported.
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
    """An example raised an exception. `printed` is what it printed before."""

    def __init__(self, error: Exception, printed: list[str]) -> None:
        super().__init__(str(error))
        self.error, self.printed = error, printed


def signature(documented: Any) -> dict[str, Any]:
    """The arguments of a class or function, in order, with their defaults. Arguments
    that every layer takes are left out.

    A constructor that only passes its arguments on has the arguments of the class to
    which it passes them.
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
    """The value as plain JSON data. A value that JSON does not have is given as Python
    shows it.
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    return value if value is None or isinstance(value, (bool, int, str)) else repr(value)


def example(documented: Any, block: int) -> str:
    """The code of one block of a docstring's examples. If there are prompts, all of
    them together are the first block.
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
    """Run code as an interactive interpreter does. Returns the lines that it prints,
    including the values that an interpreter shows.

    Raises ExampleRaised, also for a syntax error.
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
