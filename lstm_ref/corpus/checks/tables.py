"""What is wrong with a parameter table, or a list of divergences, beyond its model."""

from collections.abc import Collection, Iterator

from lstm_ref.corpus.checks.views import elements_of, entries_of, pattern_problems, repeated_problems
from lstm_ref.corpus.documents import View
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean


def problems_of_parameters(file: View) -> Iterator[Problem]:
    """Every problem of a parameter table beyond those of its model: values that stand
    twice, and needs that nothing can meet.
    """
    constructors = {
        name: [key for key, _ in entries_of(layer, "constructor")]
        for name, layer in entries_of(file, "layers")
    }
    for name, layer in entries_of(file, "layers"):
        yield from _needs_problems(
            layer, constructors[name], {key for names in constructors.values() for key in names}
        )
        for group in ("constructor", "call", "input"):
            for _, parameter in entries_of(layer, group):
                yield from _like_problems(parameter, group, file)
                values = parameter.at("values")
                if values is not None:
                    yield from repeated_problems(values)


def _like_problems(entry: View, group: str, file: View) -> Iterator[Problem]:
    """Entries that are like an entry that does not exist."""
    like = entry.at("like")
    if like is None or not isinstance(like.data, str):
        return
    known = [
        f"{layer}.{name}" for layer, view in entries_of(file, "layers") for name, _ in entries_of(view, group)
    ]
    if like.data not in known:
        yield like.at_value(f'there is no "{like.data}" to be like', did_you_mean(like.data, known))


def problems_of_divergences(file: View) -> Iterator[Problem]:
    """Every problem of a list of divergences beyond those of its model: a file that is
    not named after its implementation, a bad regular expression.
    """
    implementation = file.at("implementation")
    stem = file.document.file.stem
    if implementation is not None and implementation.data != stem:
        yield implementation.at_value(
            f"the file is named {stem}.yaml", "a file of divergences is named after its implementation"
        )
    for entry in elements_of(file, "entries"):
        yield from pattern_problems(entry.at("match"))


def _needs_problems(layer: View, known: list[str], anywhere: Collection[str]) -> Iterator[Problem]:
    """Needed parameters that the layer does not have, or of a nested layer that no
    layer has, and needs of a value that an argument cannot have.
    """
    needs: list[View] = []
    for _, argument in entries_of(layer, "call"):
        values = [value.data for value in elements_of(argument, "values")]
        for value, needed in entries_of(argument, "needs"):
            needs.append(needed)
            if value not in values:
                yield needed.at_key(
                    f'"{value}" is no value of this argument', did_you_mean(value, map(str, values))
                )
    for _, output in entries_of(layer, "outputs"):
        needs += [
            needed
            for needed in (output.at("needs"), *(spot for _, spot in entries_of(output, "at")))
            if needed is not None
        ]
    for needed in needs:
        for path, parameter in needed.entries():
            name, *inner = path.split(".")
            if name not in known:
                yield parameter.at_key(f'unknown parameter "{name}"', did_you_mean(name, known))
            elif inner and inner[-1] not in anywhere:
                yield parameter.at_key(
                    f'no layer has a parameter "{inner[-1]}"', did_you_mean(inner[-1], anywhere)
                )
