"""The list of known disagreements: in which of the measured versions each is, and by
which cases it is looked for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet

from lstm_ref.corpus.case import Case, Location
from lstm_ref.corpus.divergences import Divergence
from lstm_ref.verdict.divergences import Divergences
from lstm_ref.verdict.ranges import newest


@dataclass(frozen=True)
class Known:
    """An entry: the implementations that it is about, its range of each package, and of
    a package that was measured whether it is in each version.
    """

    place: Location
    implementations: tuple[str, ...]
    kind: str
    reason: str
    ranges: Mapping[str, str]
    versions: Mapping[str, Mapping[str, bool]]


def known(entries: Iterable[Divergence]) -> list[Known]:
    """All entries of the files, in their order."""
    by_place: dict[Location, list[Divergence]] = {}
    for entry in entries:
        by_place.setdefault(entry.place, []).append(entry)
    return [
        Known(
            place,
            tuple(dict.fromkeys(entry.implementation for entry in alike)),
            alike[0].kind,
            alike[0].reason,
            alike[0].versions,
            {
                package: {
                    version: SpecifierSet(alike[0].versions[package]).contains(version, prereleases=True)
                    for version in versions
                }
                for package, versions in alike[0].measured.items()
                if package in alike[0].versions
            },
        )
        for place, alike in by_place.items()
    ]


def samples(
    cases: Sequence[Case], entries: Iterable[Divergence], about: Divergences, most: int
) -> list[Case]:
    """At most so many cases of each entry, from all over what it names, each once."""
    of_entries: dict[Location, list[Case]] = {}
    wanted = {entry.place for entry in entries}
    for case in cases:
        if case.everyday:
            for place in {entry.place for entry in about.about(case)} & wanted:
                of_entries.setdefault(place, []).append(case)
    chosen = {case.id for some in of_entries.values() for case in some[:: max(1, -(-len(some) // most))]}
    return [case for case in cases if case.id in chosen]


def beyond_measured(
    entries: Iterable[Divergence], implementation: str, versions: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Packages in a version that is newer than all in which the implementation's known
    disagreements were looked for: the package, the newest of those, and this one.
    """
    found: dict[str, tuple[str, str, str]] = {}
    for entry in entries:
        if entry.implementation != implementation:
            continue
        for package, measured in entry.measured.items():
            last, now = newest(measured), versions.get(package)
            if last is not None and now is not None and now != last and newest([last, now]) == now:
                found[package] = package, last, now
    return list(found.values())
