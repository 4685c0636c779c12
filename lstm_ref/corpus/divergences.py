"""A known, explained disagreement of one implementation."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from lstm_ref.corpus.case import Place
from lstm_ref.corpus.documents import Document
from lstm_ref.corpus.models import DivergencesFile


@dataclass(frozen=True)
class Divergence:
    """The cases (an id, or a pattern of ids) in which an implementation is known to differ, since when and until when, and why.

    `kind` says who is wrong ("framework", "documentation") or that nobody is ("by-design"). `versions` maps a package to a version
    specifier; all must hold. `match` is a regular expression found in
    the outcome's message. `dtypes` is None where the disagreement does not depend on the dtype.
    """

    implementation: str
    cases: str
    kind: str
    versions: Mapping[str, str]
    outcome: str
    match: str
    dtypes: tuple[str, ...] | None
    reason: str
    link: str | None
    place: Place


def divergences(document: Document, file: DivergencesFile) -> Iterator[Divergence]:
    """The entries of a file, in order."""
    for index, entry in enumerate(file.entries):
        for cases in [entry.cases] if isinstance(entry.cases, str) else entry.cases:
            yield Divergence(
                implementation=file.implementation,
                cases=cases,
                kind=entry.kind,
                versions=entry.versions,
                outcome=entry.outcome,
                match=entry.match,
                dtypes=tuple(entry.dtypes) if entry.dtypes else None,
                reason=entry.reason,
                link=entry.link,
                place=document.place(("entries", index)),
            )
