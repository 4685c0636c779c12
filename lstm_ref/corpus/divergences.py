"""A known, explained disagreement of one implementation."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lstm_ref.corpus.case import Location
from lstm_ref.corpus.read.documents import Document
from lstm_ref.corpus.read.models.divergences import DivergencesFile


@dataclass(frozen=True)
class Divergence:
    """The cases (an id, or a pattern of ids) in which an implementation is known to
    differ, since when and until when, and why.

    `kind` says who is wrong ("framework", "documentation") or that nobody is
    ("by-design"). `versions` maps a package to a version specifier; all must hold.
    `where` narrows the cases down to those in which every axis of a row
    ("params.unroll", "call.mask", "inside.unroll") has one of its values.

    `outcomes` are several where it is another from run to run. `processor` gives the
    values, one of which the framework has to report of the processor, by name. `match`
    is a regular expression found in the outcome's message. `dtypes` is None where the
    disagreement does not depend on the dtype. `measured` has by package the versions in
    which the entries of the file were looked for.
    """

    implementation: str
    cases: str
    kind: str
    versions: Mapping[str, str]
    outcomes: tuple[str, ...]
    match: str
    dtypes: tuple[str, ...] | None
    reason: str
    link: str | None
    place: Location
    where: tuple[Mapping[str, tuple[Any, ...]], ...] = ({},)
    processor: Mapping[str, tuple[str | bool, ...]] = field(default_factory=dict)
    measured: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def damages(self) -> bool:
        """Whether the process may be damaged where it does not end: it does not always
        end.
        """
        return "crash" in self.outcomes and len(self.outcomes) > 1


def divergences(document: Document, file: DivergencesFile) -> Iterator[Divergence]:
    """The entries of a file, in order."""
    for index, entry in enumerate(file.entries):
        patterns = [entry.cases] if isinstance(entry.cases, str) else entry.cases
        for implementation, cases in itertools.product(
            entry.implementations or [file.implementation], patterns
        ):
            yield Divergence(
                implementation=implementation,
                cases=cases,
                kind=entry.kind,
                versions=entry.versions,
                outcomes=(entry.outcome,) if isinstance(entry.outcome, str) else tuple(entry.outcome),
                match=entry.match,
                dtypes=tuple(entry.dtypes) if entry.dtypes else None,
                reason=entry.reason,
                link=entry.link,
                place=document.place(("entries", index)),
                where=tuple({axis: tuple(values) for axis, values in row.items()} for row in entry.where),
                processor={
                    name: tuple(value) if isinstance(value, list) else (value,)
                    for name, value in entry.processor.items()
                },
                measured={package: tuple(versions) for package, versions in file.measured.items()},
            )
