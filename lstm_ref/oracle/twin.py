"""A request, run by the dialect's twin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lstm_ref.dialects import Dialect
from lstm_ref.dialects.dialect import Draw, Output, Twin
from lstm_ref.dialects.initial import Initial
from lstm_ref.protocol.steps import structure
from lstm_ref.protocol.trace import PreviousOutputs, Request, Step, Tensor, Trace
from lstm_ref.reference.activations import Array


@dataclass(frozen=True)
class Observed:
    """What an implementation drew, and a twin cannot know: the random masks of each
    call, and the weights that it began with.
    """

    drawn: Sequence[Mapping[str, Array]] = ()
    weights: Mapping[str, Array] = field(default_factory=dict)

    def masks(self, call: int) -> Mapping[str, Array]:
        """The masks of one call. There are none for a call that the trace does not
        have.
        """
        return self.drawn[call] if call < len(self.drawn) else {}

    @classmethod
    def of(cls, trace: Trace, request: Request) -> "Observed":
        """What the trace shows. If the request has no weights, they are those that were
        read first.
        """
        drawn = [{name: tensor.numbers for name, tensor in call.drawn.items()} for call in trace.calls]
        read = next((call for call in trace.calls if call.structure.startswith("{")), None)
        if request.weights or read is None:
            return cls(drawn)
        names = read.structure.strip("{}").replace(": *", "").split(", ")
        if len(names) != len(read.outputs):
            return cls(drawn)
        return cls(drawn, {name: tensor.numbers for name, tensor in zip(names, read.outputs, strict=True)})


NOTHING = Observed()
YIELDING = ("call", "weights")  # the actions that always have an entry in a trace


@dataclass(frozen=True)
class TwinCall:
    """What one call of a twin returned, its gradients and effects, by name. `draws` are
    the masks that it has to draw. `from_previous` has, by path, the axes of the arrays
    that the call before returned.

    Weights that are read are a call as well. `initial` says what they must look like
    where nobody has given them.

    An epoch of a training that draws masks is a call too, which returns nothing.
    Neither of them `is_call` of the layer.

    `tangents`, by output, and `curvatures`, by weight or argument, are the derivatives
    along the direction of the step. `step` is the number of the step that made the
    call.
    """

    structure: str
    names: tuple[Output, ...]
    outputs: Mapping[str, Array]
    gradients: Mapping[str, Array]
    from_previous: Mapping[str, tuple[str, ...]]
    effects: Mapping[str, Array] = field(default_factory=dict)
    draws: Mapping[str, Draw] = field(default_factory=dict)
    initial: Mapping[str, Initial] = field(default_factory=dict)
    is_call: bool = True
    tangents: Mapping[str, Array] = field(default_factory=dict)
    curvatures: Mapping[str, Array] = field(default_factory=dict)
    step: int = 0

    def arrays(self, kind: str) -> Mapping[str, Array]:
        """`kind` is "outputs", "gradients", "effects", "tangents" or "curvatures"."""
        found: Mapping[str, Array] = getattr(self, kind)
        return found

    def everything(self) -> tuple[Array, ...]:
        """All arrays, outputs first."""
        return (*self.outputs.values(), *self.gradients.values(), *self.effects.values())


@np.errstate(all="ignore")  # NaN and infinities are results like others
def run_twin(
    language: Dialect,
    request: Request,
    wrap: Callable[[Array], Array] = np.asarray,
    wrap_constant: Callable[[Array], Array] = np.asarray,
    observed: Observed = NOTHING,
) -> list[TwinCall]:
    """The calls of the request, made by the twin. `wrap` is put around every argument
    that is an array, and `wrap_constant` around weights and cotangents.

    Where nothing was observed, calls drop nothing.
    """
    twin = loaded(language, request, wrap_constant, observed, wrap)
    calls: list[TwinCall] = []
    returned: TwinCall | None = None
    for index, step in enumerate(request.steps):
        if step.refused:
            continue
        if step.action == "weights":
            calls.append(_weights(twin, request))
            continue
        arguments = arrays_of(step, wrap)
        if step.action == "train":
            calls += _trained(twin, arguments, observed, len(calls))
            continue
        if step.action != "call":
            twin.act(step.action, arguments)
            continue
        from_previous: dict[str, tuple[str, ...]] = {}
        for name, value in step.arguments.items():
            if isinstance(value, PreviousOutputs):
                assert returned is not None
                arguments[name] = _from_previous(value, name, returned, from_previous)
        draws = twin.draws(arguments)
        drawn = {"drawn": observed.masks(len(calls))} if draws and observed.drawn else {}
        result, pullback = twin.vjp(**arguments, **drawn)
        effects = twin.effects()
        arrays: list[Array] = []
        shown = structure(result, arrays.append)
        gradients = (
            {}
            if step.cotangents is None
            else pullback([wrap_constant(tensor.values) for tensor in step.cotangents])
        )
        names = twin.outputs(arguments)
        outputs = dict(zip((output.name for output in names), arrays, strict=True))
        returned = TwinCall(shown, names, outputs, gradients, from_previous, effects, draws, step=index)
        calls.append(returned)
    return calls


def _from_previous(
    value: PreviousOutputs, path: str, returned: TwinCall, axes: dict[str, tuple[str, ...]]
) -> list[Any]:
    """What the call before returned, nested as it is asked for. The axes of each array
    are added to `axes` by path.
    """
    found: list[Any] = []
    for k, position in enumerate(value.outputs):
        if isinstance(position, PreviousOutputs):
            found.append(_from_previous(position, f"{path}[{k}]", returned, axes))
        else:
            found.append(list(returned.outputs.values())[position])
            axes[f"{path}[{k}]"] = returned.names[position].axes
    return found


def loaded(
    language: Dialect,
    request: Request,
    wrap: Callable[[Array], Array] = np.asarray,
    observed: Observed = NOTHING,
    wrap_input: Callable[[Array], Array] = np.asarray,
) -> Twin:
    """The request's layer with its weights, or with those observed, or with zeros where
    nobody knows them. `wrap` is put around each weight. Embeddings are the input of the
    next layer, so they have `wrap_input` around them.
    """
    twin = language.build(request.layer, request.params, request.dtype)
    weights: Mapping[str, Array] = {
        name: tensor.values for name, tensor in request.weights.items()
    } or observed.weights
    specs = twin.weight_specs(features_of(request))
    weights = weights or {name: np.zeros(spec.shape) for name, spec in specs.items()}
    inputs = {name for name, spec in specs.items() if spec.role == "embedding"}
    twin.load({name: (wrap_input if name in inputs else wrap)(values) for name, values in weights.items()})
    return twin


def features_of(request: Request) -> int:
    """The number of features of the input of the first call, or training: the last axis
    of its first array.
    """
    shape = next(
        value.values.shape
        for step in request.steps
        if not step.refused
        for value in step.arguments.values()
        if isinstance(value, Tensor)
    )
    return int(shape[-1])


def arrays_of(step: Step, wrap: Callable[[Array], Array] = np.asarray) -> dict[str, Any]:
    """The step's arguments as a twin takes them."""
    return {name: _wrapped(value, wrap) for name, value in step.arguments.items()}


def _wrapped(value: Any, wrap: Callable[[Array], Array]) -> Any:
    if isinstance(value, Tensor):
        return wrap(value.values) if value.values.dtype.kind in "fc" else value.values
    return [_wrapped(part, wrap) for part in value] if isinstance(value, list) else value


def _trained(twin: Twin, arguments: Mapping[str, Any], observed: Observed, first: int) -> list[TwinCall]:
    """Train the twin with the masks of each epoch. Returns the epochs if there is
    something to draw. `first` is the position of the masks of the first epoch.
    """
    draws = twin.draws({"training": True, **arguments})
    epochs: int = arguments["epochs"] if draws else 0
    drawn = (
        {"drawn": [observed.masks(first + epoch) for epoch in range(epochs)]}
        if epochs and observed.drawn
        else {}
    )
    twin.act("train", {**arguments, **drawn})
    return [TwinCall("()", (), {}, {}, {}, draws=draws, is_call=False)] * epochs


def _weights(twin: Twin, request: Request) -> TwinCall:
    weights = twin.weights()
    specs = twin.weight_specs(features_of(request))
    return TwinCall(
        structure=structure(dict(weights), lambda _: None),
        names=tuple(Output(name, specs[name].axes) for name in weights),
        outputs=weights,
        gradients={},
        from_previous={},
        initial={} if request.weights else twin.initial(features_of(request)),
        is_call=False,
    )
