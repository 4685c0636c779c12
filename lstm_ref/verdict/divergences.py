"""Known disagreements, applied to what was found."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from packaging.specifiers import SpecifierSet

from lstm_ref.corpus.case import ABSENT, SIZED, Case, CaseStep
from lstm_ref.corpus.divergences import Divergence
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.points.matrix import split
from lstm_ref.corpus.read.models.parameters import ParametersFile
from lstm_ref.corpus.selection import id_pattern
from lstm_ref.verdict.errors import UnknownFact


class Divergences:
    """The known divergences of all implementations. `parameters` are the documented
    ones by dialect.
    """

    def __init__(self, entries: Iterable[Divergence], parameters: Mapping[str, ParametersFile]) -> None:
        self._entries: dict[str, list[tuple[re.Pattern[str], Divergence]]] = {}
        for entry in entries:
            self._entries.setdefault(entry.implementation, []).append((id_pattern(entry.cases), entry))
        self.parameters = parameters

    def matching(
        self,
        case: Case,
        implementation: str,
        dtype: str,
        versions: Mapping[str, str],
        processor: Mapping[str, str | bool],
    ) -> list[Divergence]:
        """The entries for this item in these versions on this processor, in the order
        of their files.

        Raises UnknownFact where an entry needs to know what the subject does not tell.
        """
        return [
            entry
            for pattern, entry in self._entries.get(implementation, ())
            if (
                pattern.fullmatch(case.id)
                and (not entry.dtypes or dtype in entry.dtypes)
                and all(
                    package in versions
                    and SpecifierSet(specifier).contains(versions[package], prereleases=True)
                    for package, specifier in entry.versions.items()
                )
                and self._anywhere(entry, case)
                and _allows(entry, processor)
            )
        ]

    def about(self, case: Case) -> list[Divergence]:
        """The entries that are about the case, in whatever dtype and version and on
        whatever processor.
        """
        return [
            entry
            for entries in self._entries.values()
            for pattern, entry in entries
            if pattern.fullmatch(case.id) and self._anywhere(entry, case)
        ]

    def _anywhere(self, entry: Divergence, case: Case) -> bool:
        """Whether what narrows an entry down holds in some call of the case."""
        return any(
            not row or any(self._holds(row, case, step) for step in case.steps if step.action in SIZED)
            for row in entry.where
        )

    def _holds(self, row: Mapping[str, tuple[Any, ...]], case: Case, call: CaseStep) -> bool:
        inside = {split(axis)[1]: values for axis, values in row.items() if split(axis)[0] == "inside"}
        return all(
            value_text(self._value(axis, case, call)) in map(value_text, values)
            for axis, values in row.items()
            if split(axis)[0] != "inside"
        ) and (
            not inside
            or any(
                all(
                    value_text(self._parameter(case.dialect, layer, params, name)) in map(value_text, values)
                    for name, values in inside.items()
                )
                for layer, params in _layers(case.layer, case.params)
            )
        )

    def _value(self, axis: str, case: Case, call: CaseStep) -> Any:
        """The value of an axis in a call of the case; the documented default where the
        case does not set it.
        """
        group, name = split(axis)
        if group == "call":
            return call.arguments.get(name, ABSENT)
        return self._parameter(case.dialect, case.layer, case.params, name)

    def _parameter(self, dialect: str, layer: str, params: Mapping[str, Any], name: str) -> Any:
        """The value of a constructor argument; the documented default where it is not
        given.
        """
        constructor = self.parameters[dialect].layers[layer].constructor
        return params[name] if name in params else constructor[name].default if name in constructor else None


def _layers(layer: str, params: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """A layer and all those that it is made of, each with its arguments."""
    yield layer, params
    for value in params.values():
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, Mapping) and isinstance(each.get("layer"), str):
                yield from _layers(each["layer"], each.get("params", {}))


def _allows(entry: Divergence, processor: Mapping[str, str | bool]) -> bool:
    """Whether the processor is one that the entry is about."""
    for name, values in entry.processor.items():
        if name not in processor:
            raise UnknownFact(str(entry.place), name, entry.implementation, list(processor))
        if processor[name] not in values:
            return False
    return True
