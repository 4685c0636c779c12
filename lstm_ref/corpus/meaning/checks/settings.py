"""Everything that a case says: names with values, each with the layer that it is
about, wherever it is written.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from lstm_ref.corpus.case import SIZED
from lstm_ref.corpus.meaning.checks.views import elements_of, entries_of
from lstm_ref.corpus.meaning.resolution import Documented, ResolvedCase, Run
from lstm_ref.corpus.points.matrix import OTHER, split
from lstm_ref.corpus.read.documents import View
from lstm_ref.corpus.read.models.cases import CallEntry, TrainEntry

# What stands beside the arguments of a call, by action.
WORDS_OF = {"call": frozenset[str](), "train": TrainEntry.model_fields.keys() - CallEntry.model_fields.keys()}


@dataclass(frozen=True)
class Setting:
    """A value that is written for a name of a group ("params", "call", "input" or
    "values"), and the layer that it is about.
    """

    group: str
    name: str
    value: View
    about: Documented

    @property
    def is_known(self) -> bool:
        """Whether the layer has the name."""
        return self.name in self.about.names(self.group)


def of_groups(view: View, about: Documented) -> Iterator[Setting]:
    """Those of `params`, `input` and `call` of a case, of the defaults or of a second
    run.
    """
    for group in ("params", "input"):
        for name, value in entries_of(view, group):
            yield from _with_nested(Setting(group, name, value, about))
    call = view.at("call")
    if call is not None:
        yield from _of_call(call, about)


def of_run(run: Run) -> Iterator[Setting]:
    """Those of a run and of all its steps."""
    yield from of_groups(run.view, run.about)
    for step in elements_of(run.view, "steps"):
        for action in SIZED:
            call = step.at(action)
            if call is not None:
                yield from (one for one in _of_call(call, run.about) if one.name not in WORDS_OF[action])


def _of_call(call: View, about: Documented) -> Iterator[Setting]:
    for name, value in call.entries():
        if name == "input":
            yield from (Setting("input", word, size, about) for word, size in value.entries())
        else:
            yield Setting("call", name, value, about)


def of_axes(case: ResolvedCase) -> Iterator[Setting]:
    """Those of the known axes of the matrix, and of the points that it includes."""
    matrix = case.entry.matrix
    listed = ((axis, one) for axis, values in entries_of(case.view, "matrix") for one in values.elements())
    rows = (row.entries() for row in elements_of(case.view, "include"))
    for axis, value in itertools.chain(listed, *rows):
        about = case.about(axis)
        if about is not None and axis in matrix and axis in case.known_axes:
            group, name = split(axis.removeprefix(OTHER))
            yield from _with_nested(Setting(group, name, value, about))


def _with_nested(setting: Setting) -> Iterator[Setting]:
    """The setting, and those of the layers in its value where it is a parameter."""
    yield setting
    if setting.group != "params" or not setting.is_known:
        return
    for part in parts(setting.value):
        name = part.at("layer")
        inner = setting.about.beside(name.data) if name is not None else None
        if inner is not None:
            for parameter, value in entries_of(part, "params"):
                yield from _with_nested(Setting("params", parameter, value, inner))


def parts(value: View) -> Iterator[View]:
    """A value, and what stands in it where it is a list, however deep."""
    yield value
    for element in value.elements():
        yield from parts(element)
