"""Running a request: the loop over its steps, the same for every adapter."""

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from lstm_ref.protocol.adapter import (
    Acting,
    Adapter,
    Affecting,
    Differentiating,
    Directional,
    Documented,
    Drawing,
    Readable,
    Seeded,
    Training,
)
from lstm_ref.protocol.documentation import ExampleRaised, example, run_example, signature
from lstm_ref.protocol.errors import AdapterError, NotOffered
from lstm_ref.protocol.trace import Call, PreviousOutputs, Raised, Request, Step, Tensor, Trace

# Arguments that a gradient can be asked for.
DIFFERENTIABLE = frozenset({"float64", "float32", "float16", "bfloat16"})
# Steps that need no layer.
OF_DOCUMENTATION = frozenset({"signature", "example"})


def run(adapter: Adapter, request: Request) -> Trace:
    """Build the layer, copy the weights in, take the steps until one raises. An
    exception of the adapter itself is left to the caller.
    """
    calls: list[Call] = []
    returned: tuple[Tensor, ...] = ()
    raised = None
    refusals: list[Raised] = []
    started = time.process_time()
    try:
        if isinstance(adapter, Seeded):
            adapter.seed(request.seed)
        layer = None
        actions = {step.action for step in request.steps}
        if not actions or actions - OF_DOCUMENTATION:
            construct = adapter.constructor(request)
            with _in_framework(step=None):
                layer = construct()
        if request.weights:
            adapter.set_weights(layer, request.weights)
        for index, step in enumerate(request.steps):
            if step.refused:
                try:
                    _call(adapter, layer, _with_previous(step, returned), index)
                except _FrameworkRaised as error:
                    refusals.append(error.raised)
            elif step.action == "call":
                calls.append(_call(adapter, layer, _with_previous(step, returned), index))
                returned = calls[-1].outputs
            elif step.action in OF_DOCUMENTATION:
                calls.append(Call("()", ()))
                calls[-1] = _documented(adapter, step, index, calls)
            elif step.action == "weights":
                calls.append(_weights(adapter, layer, index))
            elif not isinstance(adapter, Acting):
                raise NotOffered(f"this adapter takes no steps but calls, and not {step.action!r}")
            else:
                act = adapter.actor(
                    layer, step.action, index, _arguments(step, lambda _, value: adapter.tensor(value))
                )
                with _in_framework(index):
                    layer = act()
                if step.action == "train" and isinstance(adapter, Training):
                    calls += (
                        Call("()", (), drawn=_read_all(adapter, drawn)) for drawn in adapter.epochs(layer)
                    )
    except _FrameworkRaised as error:
        raised = error.raised
    return Trace(tuple(calls), raised, time.process_time() - started, tuple(refusals))


def _documented(adapter: Adapter, step: Step, index: int, calls: list[Call]) -> Call:
    """What the documentation says, or what its example prints.

    What an example printed before it raised is kept as well.
    """
    if not isinstance(adapter, Documented):
        raise NotOffered("this adapter has no documentation that could be read")
    given = step.arguments
    if step.action == "signature":
        name, _, method = given["name"].partition(".")
        found = adapter.documented(name)
        return Call("()", (), facts={"signature": signature(getattr(found, method) if method else found)})
    code = given["code"] or example(adapter.documented(given["docstring"]), given["block"])
    try:
        return Call("()", (), facts={"printed": run_example(code, adapter.namespace())})
    except ExampleRaised as raised:
        calls[-1] = Call("()", (), facts={"printed": raised.printed})
        with _in_framework(index):
            raise raised.error from raised


class _FrameworkRaised(Exception):
    """Ends a run early. An exception of the framework is a result, not a fault of the
    adapter.
    """

    def __init__(self, raised: Raised) -> None:
        super().__init__(raised.message)
        self.raised = raised


@contextmanager
def _in_framework(step: int | None) -> Iterator[None]:
    """An exception raised in this context is the framework's, unless the adapter says
    that it is its own.
    """
    try:
        yield
    except AdapterError:
        raise
    except Exception as error:
        types = tuple(kind.__name__ for kind in type(error).__mro__ if issubclass(kind, Exception))
        raise _FrameworkRaised(Raised(types, str(error), step, traceback.format_exc())) from error


def _with_previous(step: Step, returned: Sequence[Tensor]) -> Step:
    """The step, with copies of what the call before returned put in place. Copies are
    needed so that no gradient reaches back into that call.
    """
    return replace(step, arguments={name: _take(value, returned) for name, value in step.arguments.items()})


def _take(value: Any, returned: Sequence[Tensor]) -> Any:
    if isinstance(value, PreviousOutputs):
        return [
            _take(position, returned) if isinstance(position, PreviousOutputs) else returned[position]
            for position in value.outputs
        ]
    return value


def _read_all(adapter: Adapter, found: Mapping[str, Any]) -> dict[str, Tensor]:
    return {name: adapter.read(tensor) for name, tensor in found.items()}


def _weights(adapter: Adapter, layer: Any, index: int) -> Call:
    if not isinstance(adapter, Readable):
        raise NotOffered("this adapter does not read the weights of a layer")
    with _in_framework(index):
        found = dict(adapter.weights(layer))
    return Call(structure(found, lambda _: None), tuple(adapter.read(weight) for weight in found.values()))


def _call(adapter: Adapter, layer: Any, step: Step, index: int) -> Call:
    given: dict[str, tuple[Tensor, Any]] = {}

    def entered(path: str, value: Tensor) -> Any:
        given[path] = (value, adapter.tensor(value))
        return given[path][1]

    call = adapter.caller(layer, _arguments(step, entered))
    before = {path: adapter.read(tensor) for path, (_, tensor) in given.items()}

    def guarded() -> Any:
        with _in_framework(index):
            return call()

    gradients: dict[str, Tensor | None] = {}
    leaves = {path: tensor for path, (value, tensor) in given.items() if value.dtype in DIFFERENTIABLE}
    if step.cotangents is None:
        shown, outputs, _ = _flatten(adapter, guarded())
    elif not isinstance(adapter, Differentiating):
        raise NotOffered("this adapter does not differentiate")
    else:
        result, differentiate = adapter.record(layer, list(leaves.values()), guarded)
        shown, outputs, tensors = _flatten(adapter, result)
        # Outputs of other shapes than expected are shown as they are; they have no
        # inner product with these cotangents.
        if [output.values.shape for output in outputs] == [
            cotangent.values.shape for cotangent in step.cotangents
        ]:
            cotangents = [
                adapter.tensor(Tensor(output.dtype, wanted.values))
                for output, wanted in zip(outputs, step.cotangents, strict=True)
            ]
            with _in_framework(index):
                of_weights, of_leaves = differentiate(tensors, cotangents)
            gradients = {
                path: _read(adapter, gradient)
                for path, gradient in {**of_weights, **dict(zip(leaves, of_leaves, strict=True))}.items()
            }
    changed = tuple(
        path for path, (_, tensor) in given.items() if _differ(before[path], adapter.read(tensor))
    )
    drawn = _read_all(adapter, adapter.drawn(layer)) if isinstance(adapter, Drawing) else {}
    effects = _read_all(adapter, adapter.effects(layer)) if isinstance(adapter, Affecting) else {}
    found = Call(shown, outputs, gradients, changed, drawn, effects)
    if not step.derivatives:
        return found
    differentiated = step if gradients else replace(step, cotangents=None)
    return replace(found, **_derivatives(adapter, layer, differentiated, index, leaves, guarded))


def _derivatives(
    adapter: Adapter, layer: Any, step: Step, index: int, leaves: Mapping[str, Any], call: Callable[[], Any]
) -> dict[str, Any]:
    """The tangents and curvatures that the step wants, each from a separate call."""
    if not isinstance(adapter, Directional):
        raise NotOffered(
            "this adapter differentiates once, and backward; it knows no derivatives along a direction"
        )
    found: dict[str, Any] = {}
    if "forward-mode" in step.derivatives:
        tangents: list[Any] = []
        with _in_framework(index):
            structure(
                adapter.tangents(layer, lambda make: _arguments(step, make), step.direction)(),
                tangents.append,
            )
        found["tangents"] = tuple(_read(adapter, tangent) for tangent in tangents)
    if "second-order" in step.derivatives and step.cotangents is not None:
        of_weights = {
            name: adapter.tensor(value) for name, value in step.direction.items() if name not in leaves
        }
        of_leaves = [adapter.tensor(step.direction[path]) for path in leaves]
        cotangents = [adapter.tensor(cotangent) for cotangent in step.cotangents]
        result, differentiate = adapter.record_twice(layer, list(leaves.values()), call)
        with _in_framework(index):
            by_weights, by_leaves = differentiate(
                _flatten(adapter, result)[2], cotangents, (of_weights, of_leaves)
            )
        found["curvatures"] = {
            path: _read(adapter, array)
            for path, array in {**by_weights, **dict(zip(leaves, by_leaves, strict=True))}.items()
        }
    return found


def _read(adapter: Adapter, tensor: Any) -> Tensor | None:
    return None if tensor is None else adapter.read(tensor)


def _arguments(step: Step, make: Callable[[str, Tensor], Any]) -> dict[str, Any]:
    """The step's arguments. Each array is replaced by what the function makes from its
    path and value.
    """
    return {name: _argument(value, name, make) for name, value in step.arguments.items()}


def _argument(value: Any, path: str, make: Callable[[str, Tensor], Any]) -> Any:
    if isinstance(value, Tensor):
        return make(path, value)
    if isinstance(value, (list, tuple)):
        return [_argument(item, f"{path}[{index}]", make) for index, item in enumerate(value)]
    return value


def _flatten(adapter: Adapter, result: Any) -> tuple[str, tuple[Tensor, ...], list[Any]]:
    """How the result is nested, its arrays as values, and the same arrays as arrays of
    the framework.
    """
    tensors: list[Any] = []
    shown = structure(result, tensors.append)
    return shown, tuple(adapter.read(tensor) for tensor in tensors), tensors


def structure(result: Any, found: Callable[[Any], None]) -> str:
    """How a result is nested, with a star for each array. The arrays are added to
    `found` in order.
    """
    if result is None:
        return "None"
    if isinstance(result, dict):
        return "{" + ", ".join(f"{key}: {structure(value, found)}" for key, value in result.items()) + "}"
    if isinstance(result, (list, tuple)):
        inner = ", ".join(structure(item, found) for item in result)
        if isinstance(result, list):
            return f"[{inner}]"
        return f"({inner},)" if len(result) == 1 else f"({inner})"
    found(result)
    return "*"


def _differ(before: Tensor, after: Tensor) -> bool:
    """Bytes are compared: a NaN is equal to itself, and 0.0 is not -0.0."""
    return (
        before.dtype != after.dtype
        or before.values.shape != after.values.shape
        or before.values.tobytes() != after.values.tobytes()
    )
