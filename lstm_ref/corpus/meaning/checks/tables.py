"""What is wrong with a parameter table, or a list of divergences, beyond its model."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.views import entries_of, repeated_problems
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile


def problems_of_parameters(table: ParametersFile, view: View) -> Iterator[Problem]:
    """Every problem of a parameter table beyond those of its model: values that stand
    twice, and needs that nothing can meet. `view` is of the whole file: an entry that
    the model refuses still has a name that others may need.
    """
    names = {
        name: [key for key, _ in entries_of(layer, "constructor")]
        for name, layer in entries_of(view, "layers")
    }
    anywhere = {key for keys in names.values() for key in keys}
    for name, layer in table.layers.items():
        yield from _needs_problems(layer, view, ("layers", name), names[name], anywhere)
        groups = (("constructor", layer.constructor), ("call", layer.call), ("input", layer.input))
        for group, parameters in groups:
            for parameter in parameters:
                values = view.at("layers", name, group, parameter, "values")
                if values is not None:
                    yield from repeated_problems(values)


def problems_of_divergences(view: View) -> Iterator[Problem]:
    """A list of divergences that is not named after its implementation."""
    stem, place = view.document.file.stem, view.at("implementation")
    if place is not None and place.data != stem:
        yield place.at_value(
            f"the file is named {stem}.yaml", "a file of divergences is named after its implementation"
        )


def _needs_problems(
    layer: Layer, view: View, path: tuple[str, ...], known: list[str], anywhere: Collection[str]
) -> Iterator[Problem]:
    """Needed parameters that the layer does not have, or of a nested layer that no
    layer has, and needs of a value that an argument cannot have.
    """
    needs: list[tuple[tuple[str, ...], Mapping[str, Any]]] = []
    for name, argument in layer.call.items():
        for value, needed in argument.needs.items():
            place = (*path, "call", name, "needs", value)
            needs.append((place, needed))
            if value not in argument.values and (spot := view.at(*place)) is not None:
                yield spot.at_key(
                    f'"{value}" is not a value of this argument',
                    did_you_mean(value, map(str, argument.values)),
                )
    for name, output in layer.outputs.items():
        needs.append(((*path, "outputs", name, "needs"), output.needs))
        needs += [((*path, "outputs", name, "at", spot), needed) for spot, needed in output.at.items()]
    for place, parameters in needs:
        for parameter in parameters:
            name, *inner = parameter.split(".")
            spot = view.at(*place, parameter)
            if spot is not None and name not in known:
                yield spot.at_key(f'unknown parameter "{name}"', did_you_mean(name, known))
            elif spot is not None and inner and inner[-1] not in anywhere:
                yield spot.at_key(
                    f'no layer has a parameter "{inner[-1]}"', did_you_mean(inner[-1], anywhere)
                )
