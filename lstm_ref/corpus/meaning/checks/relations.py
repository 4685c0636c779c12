"""The second run of a relation, and what has to be equal."""

from collections.abc import Iterator

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.values import missing_problems
from lstm_ref.corpus.meaning.checks.views import elements_of
from lstm_ref.corpus.meaning.resolution import ResolvedCase
from lstm_ref.corpus.points.matrix import OTHER
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import OtherEntry, Spotted, Term
from lstm_ref.corpus.read.models.parameters import Layer


def naming_problems(case: ResolvedCase) -> Iterator[Problem]:
    """A dialect, a layer or an output that is not known, in the relation of a case."""
    relation, view = case.entry.relation, case.view.at("relation")
    if relation is None or view is None:
        return
    if case.second is None:
        yield from _second_problems(case, relation.other, view.at("other") or view)
    for key, pairs in relation.pairs.items():
        for pair, place in zip(pairs, elements_of(view, key), strict=True):
            yield from _term_problems(pair.left, place.at("left") or place, case.own.layer)
            if case.second is not None:
                yield from _term_problems(pair.right, place.at("right") or place, case.second.layer)


def _second_problems(case: ResolvedCase, other: OtherEntry, view: View) -> Iterator[Problem]:
    """Why there is no second layer."""
    name = view.at("dialect") or view
    dialect = case.tables.get(other.dialect) if other.dialect else case.own.dialect
    if dialect is None:
        yield name.at_value(
            f'unknown dialect "{other.dialect}"', did_you_mean(str(other.dialect), case.tables)
        )
        return
    word = other.layer or case.own.name
    yield (view.at("layer") or view).at_value(
        f'unknown layer "{word}" of dialect {dialect.dialect}', did_you_mean(word, dialect.layers)
    )


def relation_problems(case: ResolvedCase) -> Iterator[Problem]:
    """A relation that does not go with its case, or lacks what its second run needs."""
    relation, view = case.entry.relation, case.view.at("relation")
    if relation is None or view is None:
        return
    if case.is_refusal:
        yield view.at_key(
            '"relation" and "expect" exclude each other', "a run that raises has no outputs to compare"
        )
    other, second, place = relation.other, case.second, view.at("other") or view
    if second is not None and (other.dialect or other.layer):
        given = {**other.params, **dict.fromkeys(case.axes_of[f"{OTHER}params"])}
        yield from missing_problems(place, second.name, second.layer, given)
        if case.entry.steps is not None and other.steps is None:
            yield place.at_value(
                "a second run on another layer needs its own steps", 'write them under "other"'
            )


def _term_problems(term: Term, view: View, layer: Layer) -> Iterator[Problem]:
    output = term.output if isinstance(term, Spotted) else term
    if output not in layer.outputs:
        name = view.at("output") or view
        yield name.at_value(f'this layer has no output "{output}"', did_you_mean(output, layer.outputs))
    elif isinstance(term, Spotted) and term.at not in layer.outputs[output].at:
        known = list(layer.outputs[output].at)
        yield (view.at("at") or view).at_value(
            f"{output} has no {term.at}",
            did_you_mean(term.at, known) if known else "a relation can name it as a whole only",
        )
