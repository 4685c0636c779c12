"""A case as a test vector: all its arrays, for whoever cannot run a subject."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lstm_ref.corpus.case import Case
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.oracle.expectation import Expected, ExpectedCall
from lstm_ref.oracle.known import known
from lstm_ref.oracle.materialize import cast
from lstm_ref.protocol.trace import PreviousOutputs, Tensor
from lstm_ref.reference.activations import Array


class LeftOut(CannotJudge):
    """A case that is not a test vector; the message says why."""


@dataclass(frozen=True)
class Vector:
    """A case as arrays by path, with a description as plain data.

    Inputs are in the dtype of the vector; bfloat16 is held as float32. Expected outputs
    and their bounds are in float64.
    """

    arrays: Mapping[str, Array]
    about: Mapping[str, Any]


def vector(case: Case, dtype: str, gradients: bool, seed: int) -> Vector:
    """The test vector of a case in a dtype. Raises LeftOut where nobody could follow it
    without this suite, or where its result depends on what is drawn.
    """
    if case.expect is not None or any(step.expect for step in case.steps):
        raise LeftOut("it has to raise an exception")
    if case.relation is not None:
        raise LeftOut("it compares two runs with one another")
    if any(step.action != "call" for step in case.steps):
        raise LeftOut("it has steps other than calls")
    if not gradients and case.derivatives:
        raise LeftOut("it is about derivatives")
    try:
        version = case.versions[0] if case.versions else ""
        found = known(case, [dtype], version, gradients=gradients, seed=seed)
        found.refuse_ill_conditioned(case.id, dtype)
        request = cast(found.request, dtype, "")
    except (CannotJudge, NotImplementedError) as error:
        raise LeftOut(str(error)) from error
    arrays = {f"weights/{name}": tensor.values for name, tensor in request.weights.items()}
    steps = []
    for index, step in enumerate(request.steps):
        plain: dict[str, Any] = {}
        for name, value in step.arguments.items():
            plain[name] = _argument(value, f"steps/{index}/{name}", arrays)
        for position, cotangent in enumerate(step.cotangents or ()):
            arrays[f"steps/{index}/cotangents/{position}"] = cotangent.values
        steps.append(plain)
    calls = []
    for index, call in enumerate(found.calls):
        for kind, each in _expected(call):
            arrays[f"calls/{index}/{kind}/{each.name}"] = each.values
            arrays[f"calls/{index}/bounds/{kind}/{each.name}"] = each.bounds[dtype]
        calls.append({"returns": call.structure, "outputs": [each.name for each in call.outputs]})
    about = {
        "id": case.id,
        "about": case.about,
        "source": case.source,
        "dialect": case.dialect,
        "layer": case.layer,
        "params": dict(case.params),
        "steps": steps,
        "calls": calls,
    }
    return Vector(arrays, about)


def _expected(call: ExpectedCall) -> Iterator[tuple[str, Expected]]:
    for kind in ("outputs", "gradients", "effects"):
        for each in getattr(call, kind):
            yield kind, each


def _argument(value: Any, path: str, arrays: dict[str, Array]) -> Any:
    """The argument as the index has it: {"array": path}, {"previous": positions} for
    what the call before returned, or plain data.
    """
    if isinstance(value, Tensor):
        arrays[path] = value.values
        return {"array": path}
    if isinstance(value, PreviousOutputs):
        return {"previous": _positions(value)}
    if isinstance(value, (list, tuple)):
        return [_argument(part, f"{path}[{k}]", arrays) for k, part in enumerate(value)]
    return value


def _positions(value: PreviousOutputs) -> list[Any]:
    return [part if isinstance(part, int) else _positions(part) for part in value.outputs]
