"""The second run of a relation, and what has to be equal."""

from collections.abc import Generator, Iterator
from typing import get_args

from lstm_ref.corpus.checks.steps import steps_problems
from lstm_ref.corpus.checks.values import group_problems, missing_problems
from lstm_ref.corpus.checks.views import Around, elements_of, entries_of, layer_named, name_of
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.expansion import (
    OTHER,
    split,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.models.base import Spot
from lstm_ref.corpus.models.parameters import Layer, ParametersFile


def relation_problems(entry: View, around: Around, layer: Layer, expects: bool) -> Iterator[Problem]:
    relation = entry.at("relation")
    if relation is None:
        return
    if expects:
        yield relation.at_key(
            '"relation" and "expect" exclude each other', "a run that raises has no outputs to compare"
        )
    other = relation.at("other")
    second: Layer | None = layer
    if other is not None:
        dialect = _other_dialect(other, around)
        if dialect is None:
            name = other.at("dialect") or other
            yield name.at_value(
                f'unknown dialect "{name.data}"', did_you_mean(str(name.data), around.parameters)
            )
            second = None
        elif other.at("dialect") or other.at("layer"):
            second = yield from _other_layer_problems(entry, other, dialect, layer, around)
        if dialect is not None and second is not None:
            yield from group_problems(other, dialect, second)
            yield from steps_problems(other, dialect, second)
    for pair in elements_of(relation, "equal"):
        for side, its_layer in (("left", layer), ("right", second)):
            term = pair.at(side)
            if term is not None and its_layer is not None:
                yield from _term_problems(term, its_layer)


def _other_dialect(other: View, around: Around) -> ParametersFile | None:
    name = other.at("dialect")
    if name is None:
        return around.dialect
    return around.parameters.get(name.data) if isinstance(name.data, str) else None


def second_of(entry: View, around: Around, layer: Layer) -> tuple[ParametersFile, Layer] | None:
    """The dialect and layer of a relation's second run, where there is one."""
    other = entry.at("relation", "other")
    dialect = None if other is None else _other_dialect(other, around)
    if other is None or dialect is None:
        return None
    if not other.at("dialect") and not other.at("layer"):
        return dialect, layer
    name = other.at("layer")
    second = dialect.layers.get(name_of(layer, around)) if name is None else layer_named(name, dialect)
    return None if second is None else (dialect, second)


def _other_layer_problems(
    entry: View, other: View, dialect: ParametersFile, layer: Layer, around: Around
) -> Generator[Problem, None, Layer | None]:
    """What is wrong with a second run on another dialect or layer as a whole; returns
    that layer, where there is one.
    """
    name = other.at("layer")
    word = name_of(layer, around) if name is None else name.data
    second = dialect.layers.get(word) if isinstance(word, str) else None
    if second is None:
        place = name or other
        yield place.at_value(
            f'unknown layer "{word}" of dialect {dialect.dialect}', did_you_mean(str(word), dialect.layers)
        )
        return None
    given = [name for name, _ in entries_of(other, "params")]
    axes = [split(axis)[1] for axis, _ in entries_of(entry, "matrix") if axis.startswith(f"{OTHER}params.")]
    yield from missing_problems(other, str(word), second, dict.fromkeys(given + axes))
    if entry.at("steps") is not None and other.at("steps") is None:
        yield other.at_value("a second run on another layer needs its own steps", 'write them under "other"')
    return second


def _term_problems(term: View, layer: Layer) -> Iterator[Problem]:
    name, spot = term.at("output") or term, term.at("at")
    if not isinstance(name.data, str):
        return
    if name.data not in layer.outputs:
        yield name.at_value(f'this layer has no output "{name.data}"', did_you_mean(name.data, layer.outputs))
    elif spot is not None and spot.data in get_args(Spot) and spot.data not in layer.outputs[name.data].at:
        known = list(layer.outputs[name.data].at)
        yield spot.at_value(
            f"{name.data} has no {spot.data}",
            did_you_mean(spot.data, known) if known else "a relation can name it as a whole only",
        )
