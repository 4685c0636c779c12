"""Whether an implementation offers what a case asks for. What it does not offer is
unsupported.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from itertools import combinations
from typing import Any

from lstm_ref.corpus.case import ABSENT, Case, CaseStep
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile
from lstm_ref.oracle.policies import POLICIES
from lstm_ref.oracle.twin import TwinCall
from lstm_ref.protocol.introduction import Introduction

# The dtypes that ordinary cases are judged in.
ORDINARY = ("float64", "float32")

Documented = Mapping[str, ParametersFile]


def not_offered(case: Case, dtype: str, known: Introduction, documented: Documented) -> str | None:
    """Why the implementation does not offer the case in this dtype; None where it does.
    `documented` are the parameters by dialect.
    """
    reasons = list(dict.fromkeys(_reasons(case, dtype, known, documented)))
    return f"{known.name} declares {'; '.join(reasons)}" if reasons else None


def not_shown(made: Sequence[TwinCall], known: Introduction) -> str | None:
    """Why the implementation does not show what must be seen of these calls; None where
    it does.
    """
    reasons = []
    for action, drawing in (("call", True), ("train", False)):
        if action not in known.masks and any(call.draws for call in made if call.is_call == drawing):
            reasons.append(f"it does not show the random masks of a {action}")
    if not known.effects and any(call.effects for call in made):
        reasons.append(
            "it does not show what a call leaves behind"
            f" ({', '.join(sorted({name for call in made for name in call.effects}))})"
        )
    return f"{known.name} declares that {' and '.join(reasons)}" if reasons else None


def computable(dtypes: tuple[str, ...], known: Introduction) -> tuple[str, ...]:
    """The dtypes of a case. If the implementation computes in none of them, an ordinary
    one in which it computes.
    """
    if any(POLICIES[dtype].compute in known.accumulation for dtype in dtypes):
        return dtypes
    return tuple(dtype for dtype in ORDINARY if dtype in known.accumulation)[:1] or dtypes


def points_beyond(
    cases: Iterable[Case], chosen: Container[str], known: Introduction, documented: Documented
) -> Iterator[Case]:
    """Points of large matrices that an implementation offers, in addition to the chosen
    points, by id. The chosen points combine many parameters. An implementation that
    lacks a few parameters offers almost none of these points. With the additional ones,
    every two values that it offers meet.
    """
    if known.layers is None:
        return
    matrices: dict[str, list[Case]] = {}
    for case in cases:
        if case.dialect == known.dialect:
            matrices.setdefault(case.id.partition("[")[0], []).append(case)
    for points in matrices.values():
        if all(case.id in chosen for case in points):
            continue
        offered = [
            case for case in points if not_offered(case, _dtype(case, known), known, documented) is None
        ]
        met = {pair for case in offered if case.id in chosen for pair in _pairs(case)}
        # The points are tried in an order that mixes the values. In the order of the
        # matrix many more would be needed.
        for case in sorted(offered, key=lambda case: blake2b(case.id.encode(), digest_size=8).digest()):
            if case.id not in chosen and not (pairs := _pairs(case)) <= met:
                met |= pairs
                yield case


def _dtype(case: Case, known: Introduction) -> str:
    """One that the implementation computes in, where there is one."""
    return next(
        (dtype for dtype in computable(case.dtypes, known) if POLICIES[dtype].compute in known.accumulation),
        case.dtypes[0],
    )


def _pairs(case: Case) -> set[tuple[str, ...]]:
    """Every two values of its matrix."""
    values = [f"{axis}={value_text(value)}" for axis, value in case.axes.items()]
    return set(combinations(values, 2)) or {tuple(values)}


def _reasons(case: Case, dtype: str, known: Introduction, documented: Documented) -> Iterator[str]:
    computes_in = POLICIES[dtype].compute
    if computes_in not in known.accumulation:
        yield f"no arithmetic in {computes_in}"
    for derivative in case.derivatives:
        if derivative not in known.derivatives or (derivative == "second-order" and not known.gradients):
            yield f"no {derivative} derivatives"
    if not known.refusals and (
        case.expect is not None or any(step.expect is not None for step in case.steps)
    ):
        yield "no refusals: it raises no exception where one is documented"
    actions = {step.action for step in case.steps} - {"call"}
    if known.actions is not None and (missing := sorted(actions - set(known.actions))):
        yield f"no action {' and no action '.join(missing)}"
    if known.layers is not None:
        yield from _of_layer(case.layer, case.params, case.steps, known, documented[case.dialect])


def _of_layer(
    layer: str,
    params: Mapping[str, Any],
    steps: Sequence[CaseStep],
    known: Introduction,
    documented: ParametersFile,
) -> Iterator[str]:
    """What is not offered of a layer, and of the layers inside of it, which get no call
    of their own.
    """
    assert known.layers is not None
    if layer not in known.layers:
        yield f"no layer {layer}"
        return
    offered = known.layers[layer]
    constructor = documented.layers[layer].constructor if layer in documented.layers else {}
    for name in dict.fromkeys(
        [*params, *(key.partition(".")[2] for key in offered if key.startswith("params."))]
    ):
        default = constructor[name].default if name in constructor else None
        required = name not in constructor or constructor[name].required
        if name in params or not required:
            value = params.get(name, default)
            yield from _of_value(
                layer, f"params.{name}", value, offered, not required and _same(value, default)
            )
        yield from _inside(params.get(name), known, documented)
    for step in steps:
        for name, value in step.arguments.items():
            if name in documented_call(layer, documented):
                yield from _of_value(layer, f"call.{name}", value, offered, value == ABSENT)
        if step.input.form is not None:
            described = documented.layers[layer].input.get("form") if layer in documented.layers else None
            usual = described is not None and step.input.form == described.default
            yield from _of_value(layer, "input.form", step.input.form, offered, usual)


def documented_call(layer: str, documented: ParametersFile) -> Mapping[str, Any]:
    """The call arguments of a layer that have values to choose from; those of a
    training, as `epochs`, are part of the action.
    """
    return documented.layers[layer].call if layer in documented.layers else {}


def _of_value(
    layer: str, key: str, value: Any, offered: Mapping[str, Any], by_default: bool
) -> Iterator[str]:
    """A parameter that is not named is offered only at its default. One that is named
    is offered in the values that are listed.
    """
    values = offered.get(key)
    if values is None and not by_default:
        yield f"no {key} of {layer} (here {value_text(value)})"
    elif isinstance(values, list) and not any(_same(value, each) for each in values) and value != ABSENT:
        yield f"no value {value_text(value)} for {key} of {layer}"


def _inside(value: Any, known: Introduction, documented: ParametersFile) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _inside(each, known, documented)
    elif isinstance(value, Mapping) and "layer" in value:
        yield from _of_layer(value["layer"], value.get("params", {}), (), known, documented)


def _same(value: Any, other: Any) -> bool:
    return value_text(value) == value_text(other)


def problems_of(known: Introduction, documented: Documented) -> Iterator[str]:
    """What an implementation says of itself and the documentation does not know.
    Without this check nobody would notice a misspelt name.
    """
    if known.dialect not in documented:
        hint = did_you_mean(known.dialect, list(documented)) or f"known are {', '.join(documented)}"
        yield f"{known.name} follows the dialect {known.dialect!r}, which is not known; {hint}"
        return
    table = documented[known.dialect]
    if known.version and known.version not in table.versions:
        yield (
            f"{known.name} follows version {known.version!r} of {known.dialect}; known are"
            f" {', '.join(table.versions) or 'none'}"
        )
    actions = sorted({action for layer in table.layers.values() for action in layer.actions} - {"call"})
    for action in known.actions or ():
        if action not in actions:
            yield (
                f"{known.name} declares the action {action!r};"
                f" {did_you_mean(action, actions) or 'known are ' + ', '.join(actions)}"
            )
    for layer, offered in (known.layers or {}).items():
        if layer not in table.layers:
            yield (
                f"{known.name} declares the layer {layer!r};"
                f" {did_you_mean(layer, list(table.layers)) or 'known are ' + ', '.join(table.layers)}"
            )
            continue
        described = table.layers[layer]
        keys = [
            f"{group}.{name}"
            for group in ("params", "call", "input")
            for name in _documented(described, group)
        ]
        for key in offered:
            if key not in keys:
                yield (
                    f"{known.name} declares {key} of {layer}, which is not documented;"
                    f" {did_you_mean(key, keys) or 'see its parameters.yaml'}"
                )


def _documented(layer: Layer, group: str) -> Iterable[str]:
    groups: dict[str, Iterable[str]] = {"params": layer.constructor, "call": layer.call, "input": layer.input}
    return groups[group]
