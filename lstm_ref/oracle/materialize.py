"""From a case to a request: weights, inputs, states and cotangents, drawn from the
case's own random numbers.

The numbers of a tensor depend on the run's seed, the case's id and the tensor's name,
and on nothing else: adding a case changes no other, and all implementations and dtypes
get the same values.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any

import numpy as np

from lstm_ref.corpus.case import SIZED, Case, Input, Literal, Relation, Values
from lstm_ref.dialects import Dialect, dialect
from lstm_ref.dialects.dialect import AXES, ROW, Given, Label, Labels, Sizes, Spec, Twin
from lstm_ref.dialects.layouts import canonical, groups, lstms, named, of_place, places, within
from lstm_ref.oracle.errors import InexactValues, NoSuchPart, WeightsDoNotFit, WeightsLeftOver
from lstm_ref.oracle.literals import cotangents_of, with_literals
from lstm_ref.oracle.policies import POLICIES
from lstm_ref.protocol.steps import OF_DOCUMENTATION
from lstm_ref.protocol.trace import Request, Step, Tensor
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

# The smallest and largest integer of each grid. Times a power of two they are exact in
# every dtype down to bfloat16 (8 bits), or in float32 (24 bits). None is near zero,
# because nobody would notice such a weight. Those of the exact grid are small: one step
# of a linear layer, and its gradients, stay below 2^24.
MAGNITUDES = {"dyadic": (16, 127), "float32": (2**21, 2**24 - 1), "integers": (1, 2), "exact": (1, 2)}

DIRECTION_DEVIATION = 0.5

Draw = Callable[[Spec, str], Array]


@dataclass(frozen=True)
class Material:
    """A case as arrays: the request in float64, without cotangents; what is known of
    each weight and argument; and where more numbers of this case come from.
    `cotangents` are those that the case has written out, by output.
    """

    request: Request
    labels: Labels
    draw: Draw
    cotangents: Mapping[str, Literal] = field(default_factory=dict)

    def weight_labels(self) -> dict[str, Label]:
        """The labels of the weights that are given, by name."""
        return {name: self.labels.weights[name] for name in self.request.weights}


def second_run(case: Case, relation: Relation) -> Case:
    """The case that is the other side of the relation. It keeps the id. So it has the
    same numbers.
    """
    return replace(
        case,
        dialect=relation.dialect or case.dialect,
        layer=relation.layer or case.layer,
        params=relation.params,
        steps=relation.steps,
        relation=None,
    )


def is_of_documentation(case: Case) -> bool:
    """Whether the case runs no layer. It only reads the documentation or runs its code,
    or has no steps at all.
    """
    return all(step.action in OF_DOCUMENTATION for step in case.steps)


def materialize(
    case: Case,
    seed: int,
    version: str = "",
    like: Material | None = None,
    part: str = "",
    draw: Draw | None = None,
) -> Material:
    """The request that the case stands for, in one version of its dialect.

    A case that expects an exception may have parameters that no layer can be built
    with; its request then has no weights. A request whose layer keeps its initial
    weights has none either.

    `like` is the first run of a relation. This run takes over its weights, in its own
    layout. With a `part` it takes those of that part alone, and the states given to
    that part. `draw` draws the numbers. Without it they follow from the case and the
    seed.

    Raises NoSuchPart, WeightsDoNotFit and WeightsLeftOver where it cannot.
    """
    if is_of_documentation(case):
        asked = tuple(Step(step.action, step.arguments) for step in case.steps)
        request = Request("", case.layer, {}, "float64", {}, asked)
        return Material(request, Labels({}), drawer(case.id, case.values, seed))
    language = dialect(case.dialect, version)
    first = next((step for step in case.steps if step.action in SIZED and step.expect is None), case.steps[0])
    features = _features(language, case, first.input)
    draw = draw or drawer(case.id, case.values, seed)
    twin = _twin(language, case)
    specs = {} if twin is None else twin.weight_specs(features)
    labels = Labels({name: spec.label for name, spec in specs.items()})
    drawn = (
        {name: draw(spec, name) for name, spec in specs.items()}
        if like is None
        else weights_of_second_run(like, specs, part)
    )
    if like is not None and part and part in (rows := lstms(like.weight_labels())):
        draw = with_states_of(draw, rows.index(part))
    steps = []
    for index, step in enumerate(case.steps):
        arguments: dict[str, Any] = {}
        here: dict[str, Label] = {}
        if step.arguments or step.action == "call":
            found = language.arguments(twin, _sizes(language, case, step.input), step.arguments)
            # A part of the first input has the first input's numbers.
            name_of_input = "step0" if step.input.is_taken else f"step{index}"
            draw_here = (
                draw
                if step.input.timestep is None
                else one_timestep(draw, step.input.timestep, step.input.timesteps or 0)
            )
            arguments = {
                name: _drawn(value, name, name_of_input, draw_here, here) for name, value in found.items()
            }
            arguments = {
                name: _chosen(value, here.get(name, Label(())).axes, step.input)
                for name, value in arguments.items()
            }
        labels = labels._replace(steps=(*labels.steps, here))
        steps.append(
            Step(step.action, arguments, refused=step.expect is not None, derivatives=case.derivatives)
        )
    weights = (
        {}
        if case.values.weights == "initial"
        else {name: Tensor("float64", values) for name, values in drawn.items()}
    )
    if case.derivatives:
        steps = [
            replace(step, direction=_direction(weights, step, labels.at(index), draw))
            for index, step in enumerate(steps)
        ]
    request = Request(
        "", case.layer, case.params, "float64", weights, tuple(steps), _key(f"{seed}/{case.id}") % 2**31
    )
    if case.literals is not None:
        request = with_literals(request, case.literals, case.dtypes)
    return Material(request, labels, draw, cotangents_of(case))


def _direction(
    weights: Mapping[str, Tensor], step: Step, labels: Mapping[str, Label], draw: Draw
) -> dict[str, Tensor]:
    """One number for each weight and each number of each argument."""
    moved = {
        **weights,
        **{path: tensor for name, value in step.arguments.items() for path, tensor in _tensors(value, name)},
    }
    specs = {
        path: Spec(tensor.values.shape, labels[path].axes, DIRECTION_DEVIATION)
        for path, tensor in moved.items()
    }
    return {path: Tensor("float64", draw(spec, f"direction/{path}")) for path, spec in specs.items()}


def _tensors(value: Any, path: str) -> Iterator[tuple[str, Tensor]]:
    """The floating-point arrays in an argument, by path."""
    if isinstance(value, Tensor):
        if value.values.dtype.kind == "f":
            yield path, value
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _tensors(part, f"{path}[{index}]")


def weights_of_second_run(like: Material, specs: Mapping[str, Spec], part: str = "") -> dict[str, Array]:
    """The weights of a first run, or of a part of its layer, for a layer with these
    specs. The numbers stay the same. Names and layout are those of the specs.

    Raises NoSuchPart, WeightsDoNotFit, and WeightsLeftOver where a number would be
    lost.
    """
    given = {name: tensor.values for name, tensor in like.request.weights.items()}
    labels = like.weight_labels()
    if part:
        inside = of_place(labels, part)
        if not inside:
            raise NoSuchPart(part, places(labels.values()))
        given = {own: given[name] for own, name in inside.items()}
        labels = {own: within(labels[name], part) for own, name in inside.items()}
    if all(name in given and given[name].shape == spec.shape for name, spec in specs.items()):
        taken = {name: given[name] for name in specs}
        left = [name for name in given if name not in specs]
    else:
        try:
            wanted = {name: spec.label for name, spec in specs.items()}
            pairs = list(
                zip(canonical(given, labels), groups(labels).values(), groups(wanted).values(), strict=True)
            )
            taken = {
                name: values
                for layer, _, group in pairs
                for name, values in named(two_biases(layer), group, wanted).items()
            }
        except (
            ValueError
        ) as error:  # another number of LSTMs, weights of none, or a projection on one side alone
            raise WeightsDoNotFit(given, specs) from error
        if {name: values.shape for name, values in taken.items()} != {
            name: spec.shape for name, spec in specs.items()
        }:
            raise WeightsDoNotFit(given, specs)
        without_bias = [first for _, first, second in pairs if "bias" not in second]
        left = [
            name
            for first in without_bias
            for role, name in first.items()
            if role in ("bias", "recurrent bias")
        ]
    if left:
        raise WeightsLeftOver(left, specs)
    return taken


def two_biases(layer: LSTMWeights) -> LSTMWeights:
    """The same LSTM with two biases instead of one: the bias times 2 and the bias times
    -1. These are exact in every dtype, and so is their sum. A layer that ignores one of
    them, or counts one twice, computes something else.
    """
    return (
        layer
        if layer.recurrent_bias is not None
        else replace(layer, bias=2 * layer.bias, recurrent_bias=-layer.bias)
    )


def cast(request: Request, dtype: str, implementation: str) -> Request:
    """The request for an implementation, in a dtype or mixed policy. Raises
    InexactValues where a number would change.
    """
    policy = POLICIES[dtype]

    def convert(value: Any, target: str) -> Any:
        if isinstance(value, Tensor) and value.dtype == "float64":
            return Tensor(target, exactly(value.values, target))
        if isinstance(value, (list, tuple)):
            return type(value)(convert(part, target) for part in value)
        if isinstance(value, Mapping):
            return {name: convert(part, target) for name, part in value.items()}
        return value

    steps = tuple(
        replace(
            step,
            arguments=convert(step.arguments, policy.compute),
            cotangents=convert(step.cotangents, policy.compute),
            direction={
                name: convert(value, policy.weights if name in request.weights else policy.compute)
                for name, value in step.direction.items()
            },
        )
        for step in request.steps
    )
    return replace(
        request,
        implementation=implementation,
        dtype=dtype,
        weights=convert(request.weights, policy.weights),
        steps=steps,
    )


def exactly(values: Array, dtype: str) -> Array:
    """The values in another dtype; bfloat16 is held as float32. Raises InexactValues
    where one of them does not exist there.
    """
    if dtype == "bfloat16":
        held = values.astype(np.float32)
        exact = (held.view(np.uint32) & 0xFFFF == 0) & (held == values)
    else:
        held = values.astype(dtype)
        exact = held == values
    if not np.all(exact | np.isnan(values)):
        raise InexactValues(dtype)
    return held


def drawer(case_id: str, values: Values, seed: int) -> Draw:
    """What draws the numbers of one case: arrays of a spec's shape and about its
    deviation, by name.
    """

    def draw(spec: Spec, name: str) -> Array:
        smallest, largest = MAGNITUDES[values.grid]
        # Uniform integers up to this magnitude have the deviation largest / sqrt(3).
        # The smallest are left out, which makes it only a little larger.
        step = (
            1.0
            if values.grid in ("integers", "exact")
            else 2.0 ** round(math.log2(spec.deviation * values.scale * math.sqrt(3) / largest))
        )
        if (axis := row_axis(spec)) is not None and spec.shape[axis] > 0:
            # Each row is drawn by itself: elsewhere it is an array of its own.
            one = Spec(
                (*spec.shape[:axis], *spec.shape[axis + 1 :]),
                (*spec.axes[:axis], *spec.axes[axis + 1 :]),
                spec.deviation,
            )
            return np.stack([draw(one, f"{name}/{row}") for row in range(spec.shape[axis])], axis=axis)
        raw = np.random.Philox(key=_key(f"{seed}/{case_id}/{name}")).random_raw(math.prod(spec.shape))
        sign = 1 - 2 * (raw & np.uint64(1)).astype(np.int64)
        magnitude = smallest + (raw >> np.uint64(1)) % np.uint64(largest - smallest + 1)
        integers = sign * magnitude.astype(np.int64)
        order = _drawing_order(spec)
        drawn = (integers * step).reshape([spec.shape[axis] for axis in order])
        laid_out = np.ascontiguousarray(drawn.transpose(np.argsort(order)))
        if spec.planted is not None:
            laid_out[np.broadcast_to(spec.planted.where, spec.shape)] = spec.planted.value
        return laid_out

    return draw


def one_timestep(draw: Draw, timestep: int, timesteps: int) -> Draw:
    """Draws one timestep of an input, for a layer whose input has no time axis. Other
    layers draw the whole sequence under the same name.
    """

    def drawn(spec: Spec, name: str) -> Array:
        if spec.source != "x":
            return draw(spec, name)
        time = spec.axes.index("feature")
        whole = spec._replace(
            shape=(*spec.shape[:time], timesteps, *spec.shape[time:]),
            axes=(*spec.axes[:time], "time", *spec.axes[time:]),
        )
        return np.ascontiguousarray(draw(whole, name).take(timestep, axis=time))

    return drawn


def with_states_of(draw: Draw, row: int) -> Draw:
    """Draws the initial states of one LSTM out of several layers and directions: the
    one with this number. It is for a layer in which that LSTM is the first.
    """

    def drawn(spec: Spec, name: str) -> Array:
        kind, _, own = spec.source.partition("/")
        if kind not in ("h", "c"):
            return draw(spec, name)
        if (axis := row_axis(spec)) is not None:
            more = (*spec.shape[:axis], row + spec.shape[axis], *spec.shape[axis + 1 :])
            return draw(spec._replace(shape=more), name).take(range(row, more[axis]), axis=axis)
        return draw(spec, f"{name.removesuffix(spec.source)}{kind}/{row + int(own or 0)}")

    return drawn


def row_axis(spec: Spec) -> int | None:
    """The axis along which an array holds several arrays that other layers keep apart.
    None where there is no such axis, or where nobody can name the axes.
    """
    (row,) = ROW
    return spec.axes.index(row) if row in spec.axes and len(spec.axes) == len(spec.shape) else None


def _key(name: str) -> int:
    """128 bits that stand for a name."""
    return int.from_bytes(blake2b(name.encode(), digest_size=16).digest(), "little")


def _drawing_order(spec: Spec) -> list[int]:
    """The axes in the order of AXES. Nobody can name the axes of a malformed array: it
    is drawn as it is.
    """
    if len(spec.axes) != len(spec.shape):
        return list(range(len(spec.shape)))
    return sorted(range(len(spec.shape)), key=lambda axis: AXES.index(spec.axes[axis]))


def _twin(language: Dialect, case: Case) -> Twin | None:
    try:
        return language.build(case.layer, case.params, "float64")
    except Exception:
        if case.expect is None:
            raise
        return None


def _features(language: Dialect, case: Case, size: Input) -> int:
    # A layer that must refuse a negative size is given an empty input, which it should
    # never see.
    return max(language.features(case.params, size.shape[-1] if size.shape else size.features), 0)


def _sizes(language: Dialect, case: Case, size: Input) -> Sizes:
    return Sizes(
        batch=size.batch if size.batch is not None else (size.shape[0] if size.shape else 1),
        timesteps=size.timesteps if size.timesteps is not None else 1,
        features=_features(language, case, size),
        form=size.form,
        shape=size.shape,
    )


def _drawn(value: Any, path: str, step: str, draw: Draw, labels: dict[str, Label]) -> Any:
    """The value with its Specs drawn, each under the name of its step and path. The
    labels of all arrays are added to `labels` by path.
    """
    if isinstance(value, Spec):
        labels[path] = value.label
        return Tensor("float64", draw(value, f"{step}/{value.source or path}"))
    if isinstance(value, Given):
        labels[path] = value.label
        return Tensor(str(value.values.dtype), value.values)
    if isinstance(value, list):
        return [_drawn(part, f"{path}[{index}]", step, draw, labels) for index, part in enumerate(value)]
    return value


def _chosen(value: Any, axes: tuple[str, ...], size: Input) -> Any:
    """The timesteps that this call is given of a sequence: all of them, a part, or all
    in reverse.
    """
    if not isinstance(value, Tensor) or "time" not in axes:
        return value
    over_time = np.moveaxis(value.values, axes.index("time"), 0)
    over_time = over_time[slice(*size.part)] if size.part else over_time
    over_time = over_time[::-1] if size.reversed else over_time
    return Tensor(value.dtype, np.ascontiguousarray(np.moveaxis(over_time, 0, axes.index("time"))))
