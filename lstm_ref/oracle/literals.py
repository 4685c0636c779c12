"""Numbers that a case has written out: in place of drawn ones, and as what the
reference itself must come to.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_ref.corpus.case import Literal, Literals, Location
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.protocol.trace import Request, Step, Tensor
from lstm_ref.reference.activations import Array

if TYPE_CHECKING:
    from lstm_ref.oracle.expectation import Expectation


class LiteralIsWrong(CannotJudge):
    """Numbers that are written in a case do not go with it; the place says which."""

    def __init__(self, place: Location, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


def with_literals(request: Request, literals: Literals, dtypes: Sequence[str]) -> Request:
    """The request with the numbers that are written out in place of all that are drawn.
    Where float32 is among the dtypes they are rounded to it, for all.

    Raises LiteralIsWrong where one is missing, is not there in the layer, or has
    another shape.
    """
    single = "float32" in dtypes
    (step,) = request.steps
    weights = {
        name: Tensor("float64", _array(name, literal, request.weights[name].values.shape, single))
        for name, literal in _matched("weight", literals.weights, request.weights, literals.place)
    }
    wanted = dict(_tensors(step.arguments))
    given = {
        path: Tensor("float64", _array(path, literal, wanted[path].values.shape, single))
        for path, literal in _matched("argument", literals.arguments, wanted, literals.place)
    }
    arguments = {name: _replaced(value, name, given) for name, value in step.arguments.items()}
    steps = (Step(step.action, arguments),)
    return Request(
        request.implementation, request.layer, request.params, request.dtype, weights, steps, request.seed
    )


def refuse_unmet(literals: Literals, expectation: "Expectation") -> None:
    """Raise LiteralIsWrong where an output that the reference computes is not the one
    that is written out.

    It has to be within half a unit of the last printed digit, and beyond that within
    the bound of the coarsest dtype, in which it may have been computed.
    """
    outputs = {output.name: output for output in expectation.calls[0].outputs}
    for name, literal in literals.expected.items():
        if name not in outputs:
            hint = did_you_mean(name, outputs) or f"it returns {', '.join(outputs)}"
            raise LiteralIsWrong(literal.places[0], f"the call returns no {name}; {hint}")
        found = outputs[name]
        shape = found.values.shape
        numbers = _array(name, literal, shape, False)
        half_units = np.broadcast_to(np.reshape(literal.half_units, literal.shape), shape)
        widest = np.max([np.broadcast_to(each, shape) for each in found.bounds.values()], axis=0)
        wrong = np.argwhere(~(np.abs(found.values - numbers) <= half_units * (1 + 1e-9) + widest))
        if len(wrong):
            where = tuple(int(index) for index in wrong[0])
            flat = int(np.ravel_multi_index(where, shape)) if literal.shape else 0
            raise LiteralIsWrong(
                literal.places[flat],
                f"{name}{list(where)} is {float(numbers[where])!r} here, and {float(found.values[where])!r}"
                f" in the reference; {len(wrong)} of {numbers.size} differ",
            )


def _matched(
    kind: str, written: Mapping[str, Literal], wanted: Mapping[str, Tensor], place: Location
) -> Iterable[tuple[str, Literal]]:
    """The literals by name; of all that are wanted, and of no other."""
    for name, literal in written.items():
        if name not in wanted:
            hint = did_you_mean(name, wanted) or f"it has {', '.join(wanted)}"
            raise LiteralIsWrong(literal.places[0], f"the case has no {kind} {name}; {hint}")
    for name, tensor in wanted.items():
        if name not in written:
            raise LiteralIsWrong(
                place, f"the numbers of {name} are missing; it has shape {list(tensor.values.shape)}"
            )
    return written.items()


def _array(name: str, literal: Literal, shape: tuple[int, ...], single: bool) -> Array:
    if literal.shape not in ((), shape):
        raise LiteralIsWrong(
            literal.places[0], f"{name} must have shape {list(shape)}, and has {list(literal.shape)} here"
        )
    numbers = np.reshape(np.array(literal.numbers), literal.shape)
    rounded = numbers.astype(np.float32).astype(np.float64) if single else numbers
    return np.array(np.broadcast_to(rounded, shape))


def _tensors(arguments: Mapping[str, Any]) -> Iterable[tuple[str, Tensor]]:
    """The arrays of floating-point numbers in arguments, by path: hx[0]."""
    for name, value in arguments.items():
        if isinstance(value, Tensor) and value.values.dtype.kind == "f":
            yield name, value
        elif isinstance(value, list):
            yield from _tensors({f"{name}[{index}]": part for index, part in enumerate(value)})


def _replaced(value: Any, path: str, given: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_replaced(part, f"{path}[{index}]", given) for index, part in enumerate(value)]
    return given.get(path, value)
