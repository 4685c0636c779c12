"""Numbers that a case has written out: in place of drawn ones, and as what the
reference itself must come to.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lstm_ref.corpus.case import Case, Literal, Literals, Location
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.protocol.trace import Request, Step, Tensor
from lstm_ref.reference.activations import Array

if TYPE_CHECKING:
    from lstm_ref.oracle.expectation import Expectation, Expected


class LiteralIsWrong(CannotJudge):
    """Numbers that are written in a case do not go with it; the place says which."""

    def __init__(self, place: Location, message: str) -> None:
        super().__init__(f"{place}: {message}")
        self.place = place
        self.message = message


def with_literals(request: Request, literals: Literals, dtypes: Sequence[str]) -> Request:
    """The request with the numbers that are written out in place of all that are drawn,
    and in place of masks and lengths. Where float32 is among the dtypes they are
    rounded to it, for all.

    Raises LiteralIsWrong where one is missing, is not there in the layer, or has
    another shape.
    """
    single = "float32" in dtypes
    (step,) = request.steps
    weights = {
        name: Tensor("float64", array_of(name, literal, request.weights[name].values.shape, single))
        for name, literal in _matched("weight", literals.weights, request.weights, literals.place)
    }
    wanted = dict(_tensors(step.arguments))
    chosen = dict(_chosen(step.arguments))  # needed only where they are written out
    written = {name: literal for name, literal in literals.arguments.items() if name not in chosen}
    given: dict[str, Any] = {
        path: Tensor("float64", array_of(path, literal, wanted[path].values.shape, single))
        for path, literal in _matched("argument", written, wanted, literals.place, chosen)
    }
    for name, literal in literals.arguments.items():
        if name in chosen:
            given[name] = _instead(name, literal, chosen[name])
    arguments = {name: _replaced(value, name, given) for name, value in step.arguments.items()}
    steps = (Step(step.action, arguments),)
    return Request(
        request.implementation, request.layer, request.params, request.dtype, weights, steps, request.seed
    )


def cotangents_of(case: Case) -> Mapping[str, Literal]:
    """The cotangents that a case has written out, by output; in all its dtypes they are
    the same.
    """
    if case.literals is None or "float32" not in case.dtypes:
        return {} if case.literals is None else case.literals.cotangents
    return {
        name: replace(literal, numbers=tuple(map(float, np.array(literal.numbers, np.float32))))
        for name, literal in case.literals.cotangents.items()
    }


def written_cotangents(written: Mapping[str, Literal], outputs: Mapping[str, Array]) -> list[Array]:
    """One cotangent for each output of a call, 0 where none is written out. Raises
    LiteralIsWrong.
    """
    for name, literal in written.items():
        if name not in outputs:
            hint = did_you_mean(name, outputs) or f"it returns {', '.join(outputs)}"
            raise LiteralIsWrong(literal.place(0), f"the call returns no {name}; {hint}")
    return [
        array_of(name, written[name], values.shape, False) if name in written else np.zeros(values.shape)
        for name, values in outputs.items()
    ]


def refuse_unmet(literals: Literals, expectation: "Expectation") -> None:
    """Raise LiteralIsWrong where an output or a gradient that the reference computes is
    not the one that is written out. An expectation without gradients is asked for none.

    It has to be within half a unit of the last printed digit, and beyond that within
    the bound of the coarsest dtype, in which it may have been computed.
    """
    (call,) = expectation.calls
    _refuse_unmet(literals.expected, call.outputs, "the call returns no {}", "it returns")
    if call.gradients:
        _refuse_unmet(literals.gradients, call.gradients, "there is no gradient of {}", "there are those of")


def _refuse_unmet(
    written: Mapping[str, Literal], arrays: "Sequence[Expected]", none: str, known: str
) -> None:
    by_name = {array.name: array for array in arrays}
    of_what = "" if known == "it returns" else "the gradient of "
    for name, literal in written.items():
        if name not in by_name:
            hint = did_you_mean(name, by_name) or f"{known} {', '.join(by_name)}"
            raise LiteralIsWrong(literal.place(0), f"{none.format(name)}; {hint}")
        found = by_name[name]
        shape = found.values.shape
        numbers = array_of(name, literal, shape, False)
        half_units = np.broadcast_to(np.reshape(literal.half_units, literal.shape), shape)
        widest = np.max([np.broadcast_to(each, shape) for each in found.bounds.values()], axis=0)
        wrong = np.argwhere(~(np.abs(found.values - numbers) <= half_units * (1 + 1e-9) + widest))
        if len(wrong):
            where = tuple(int(index) for index in wrong[0])
            flat = int(np.ravel_multi_index(where, shape)) if literal.shape else 0
            raise LiteralIsWrong(
                literal.place(flat),
                f"{of_what}{name}{list(where)} is {float(numbers[where])!r} here, and"
                f" {float(found.values[where])!r} in the reference; {len(wrong)} of {numbers.size} differ",
            )


def _matched(
    kind: str,
    written: Mapping[str, Literal],
    wanted: Mapping[str, Tensor],
    place: Location,
    further: Iterable[str] = (),
) -> Iterable[tuple[str, Literal]]:
    """The literals by name; of all that are wanted, and of no other. The case may have
    `further` ones.
    """
    for name, literal in written.items():
        if name not in wanted:
            known = [*wanted, *further]
            hint = did_you_mean(name, known) or f"it has {', '.join(known)}"
            raise LiteralIsWrong(literal.place(0), f"the case has no {kind} {name}; {hint}")
    for name, tensor in wanted.items():
        if name not in written:
            raise LiteralIsWrong(
                place, f"the numbers of {name} are missing; it has shape {list(tensor.values.shape)}"
            )
    return written.items()


def array_of(name: str, literal: Literal, shape: tuple[int, ...], single: bool) -> Array:
    """The array that is written out, in this shape; rounded to float32 for `single`.
    Raises LiteralIsWrong for another shape.
    """
    if literal.truth:
        raise LiteralIsWrong(literal.place(0), f"{name} must be numbers, not true and false")
    if literal.shape not in ((), shape):
        raise LiteralIsWrong(
            literal.place(0), f"{name} must have shape {list(shape)}, and has {list(literal.shape)} here"
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


def _chosen(arguments: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """The arguments for which a case has words: masks and lengths."""
    for name, value in arguments.items():
        whole = isinstance(value, tuple) and bool(value) and all(isinstance(part, int) for part in value)
        if whole or (isinstance(value, Tensor) and value.values.dtype.kind in "biu"):
            yield name, value


def _instead(name: str, literal: Literal, value: Any) -> Any:
    """What is written out in place of a mask or of lengths, of the same dtype."""
    like = value.values if isinstance(value, Tensor) else np.array(value)
    if literal.truth != (like.dtype.kind == "b"):
        wanted = "true and false" if like.dtype.kind == "b" else "whole numbers"
        raise LiteralIsWrong(literal.place(0), f"{name} must be {wanted}")
    numbers = array_of(name, replace(literal, truth=False), like.shape, False)
    if not np.array_equal(numbers, np.round(numbers)):
        raise LiteralIsWrong(literal.place(0), f"{name} must be whole numbers")
    found = numbers.astype(like.dtype)
    return Tensor(value.dtype, found) if isinstance(value, Tensor) else tuple(map(int, found))


def _replaced(value: Any, path: str, given: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_replaced(part, f"{path}[{index}]", given) for index, part in enumerate(value)]
    return given.get(path, value)
