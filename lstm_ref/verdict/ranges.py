"""In which versions of a package a listed disagreement was seen, and the range that
follows from it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from lstm_ref.corpus.case import Case, Location
from lstm_ref.corpus.divergences import Divergence
from lstm_ref.results.records import Outcome, Results
from lstm_ref.verdict.divergences import Divergences

# What every subject has, beside its framework.
EVERYWHERE = ("python", "numpy")
LABEL = "@"

# What became of the cases of an entry in one version: they do what it says, they pass,
# some of each, they fail in another way, or none was judged.
THERE, GONE, SOME, OTHER, UNKNOWN = "there", "gone", "some", "other", "unknown"


@dataclass(frozen=True)
class Sighting:
    """What became of an entry's cases in one version of a package: how many do what it
    says, and the ids of those that pass, and of those that fail in another way.

    What was measured before is `assumed` to be as the range has it.
    """

    version: str
    there: int = 0
    passing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    assumed: bool = False

    @property
    def word(self) -> str:
        """All of it in one word."""
        if self.there:
            return SOME if self.passing else THERE
        return GONE if self.passing else OTHER if self.others else UNKNOWN


@dataclass(frozen=True)
class Measured:
    """An entry, in all versions of a package that were run, the oldest first.

    `written` is its specifier of that package. `dialect` is what its cases speak.
    """

    place: Location
    implementations: tuple[str, ...]
    package: str
    written: str
    reason: str
    sightings: tuple[Sighting, ...]

    @property
    def specifier(self) -> str | None:
        """The range that holds exactly the versions in which it was seen, open where it
        is seen in the newest; None where there is no such range.

        What is assumed gives way where it does not go together with what was seen.
        """
        seen = [each for each in self.sightings if not each.assumed]
        return _range(self.sightings) or _range(seen)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The versions in which what is written does not hold: it is seen outside the
        range, or passes inside.
        """
        written = SpecifierSet(self.written)
        return tuple(
            each.version
            for each in self.sightings
            if each.word == SOME
            or (
                (each.word == THERE) != written.contains(each.version, prereleases=True)
                and each.word in (THERE, GONE)
            )
        )


def _range(sightings: Iterable[Sighting]) -> str | None:
    known = [each for each in sightings if each.word in (THERE, GONE, SOME)]
    seen = [index for index, each in enumerate(known) if each.word != GONE]
    if not seen or len(seen) != seen[-1] - seen[0] + 1:
        return None
    parts = [f">={_bound(known[seen[0]].version)}"]
    if seen[-1] + 1 < len(known):
        parts.append(f"<{_bound(known[seen[-1] + 1].version)}")
    return ",".join(parts)


def measured(
    results: Iterable[Results], cases: Mapping[str, Case], entries: Divergences, package: str
) -> list[Measured]:
    """Every entry about the package that some outcome is about, in the order of the
    files. `cases` are those of the outcomes, by id.
    """
    found: dict[Location, dict[str, list[tuple[Outcome, Divergence]]]] = {}
    about: dict[str, list[Divergence]] = {}
    for one in results:
        versions = {column: known.get(package) for column, known in _versions(one).items()}
        for outcome in one.outcomes:
            version = versions.get(outcome.implementation)
            if version is None or outcome.case not in cases:
                continue
            if outcome.case not in about:
                about[outcome.case] = entries.about(cases[outcome.case])
            some = list(_about(outcome, about[outcome.case], package))
            for entry in _signs(outcome, some, package, version):
                found.setdefault(entry.place, {}).setdefault(version, []).append((outcome, entry))
    return [
        _measured(place, by_version, package) for place, by_version in sorted(found.items(), key=_in_order)
    ]


def packages(results: Iterable[Results]) -> list[str]:
    """The packages of which one implementation was run in several versions."""
    seen: dict[tuple[str, str], set[str]] = {}
    for one in results:
        for column, versions in _versions(one).items():
            for package, version in versions.items():
                if package not in EVERYWHERE:
                    seen.setdefault((column.partition(LABEL)[0], package), set()).add(version)
    return sorted({package for (_, package), versions in seen.items() if len(versions) > 1})


def newest(versions: Iterable[str]) -> str | None:
    """The newest of some versions; None where there is none that can be compared."""
    known = [version for version in versions if _version(version) is not None]
    return max(known, key=Version, default=None)


def does_as_listed(outcome: Outcome, entry: Divergence) -> bool:
    """Whether an outcome of a run is what the entry says that happens, whatever the
    versions. What explains a failure stands before its message, on lines of its own.
    """
    if outcome.outcome == "divergence":
        return outcome.message == f"{entry.kind}: {entry.reason}" or _says(outcome.detail, entry)
    return outcome.outcome in entry.outcomes and _says(outcome.message, entry)


def _says(message: str, entry: Divergence) -> bool:
    lines = message.split("\n")
    return any(re.search(entry.match, "\n".join(lines[first:])) for first in range(len(lines)))


def _about(outcome: Outcome, entries: Sequence[Divergence], package: str) -> Iterable[Divergence]:
    name = outcome.implementation.partition(LABEL)[0]
    return (
        entry
        for entry in entries
        if entry.implementation == name
        and package in entry.versions
        and (not entry.dtypes or outcome.dtype in entry.dtypes)
    )


def _signs(outcome: Outcome, some: Sequence[Divergence], package: str, version: str) -> Iterable[Divergence]:
    """The entries that the outcome says something of. What comes, goes and comes again
    has an entry for each time: one that holds in a version explains what it does there.
    """

    def holds(entry: Divergence) -> bool:
        return SpecifierSet(entry.versions[package]).contains(version, prereleases=True)

    explained = any(holds(entry) and does_as_listed(outcome, entry) for entry in some)
    return (entry for entry in some if holds(entry) or not (explained and does_as_listed(outcome, entry)))


def _measured(
    place: Location, by_version: Mapping[str, Sequence[tuple[Outcome, Divergence]]], package: str
) -> Measured:
    entries = [entry for some in by_version.values() for _, entry in some]
    sightings = {version: _sighting(version, some) for version, some in by_version.items()}
    return Measured(
        place,
        tuple(dict.fromkeys(entry.implementation for entry in entries)),
        package,
        entries[0].versions[package],
        entries[0].reason,
        tuple(_in_order_of_versions({**_earlier(entries[0], package), **sightings})),
    )


def _earlier(entry: Divergence, package: str) -> dict[str, Sighting]:
    """What was seen in the versions that were measured before, as the range has it."""
    written = SpecifierSet(entry.versions[package])
    return {
        version: Sighting(version, 1, assumed=True)
        if written.contains(version, prereleases=True)
        else Sighting(version, 0, (entry.cases,), assumed=True)
        for version in entry.measured.get(package, ())
    }


def _in_order_of_versions(sightings: Mapping[str, Sighting]) -> Iterable[Sighting]:
    return (sightings[version] for version in sorted(sightings, key=Version))


def _sighting(version: str, some: Sequence[tuple[Outcome, Divergence]]) -> Sighting:
    there = [outcome for outcome, entry in some if does_as_listed(outcome, entry)]
    passing = {outcome.case: None for outcome, _ in some if outcome.outcome in ("pass", "stale")}
    ids = {outcome.case for outcome in there}
    others = {
        outcome.case: None
        for outcome, _ in some
        if outcome.case not in ids and outcome.outcome in ("fail", "error", "crash", "timeout", "divergence")
    }
    return Sighting(version, len(there), tuple(passing), tuple(others))


def _versions(results: Results) -> dict[str, Mapping[str, str]]:
    return {column: subject.versions for subject in results.subjects for column in subject.implementations}


def _in_order(pair: tuple[Location, object]) -> tuple[str, int]:
    return str(pair[0].file), pair[0].line


def _bound(version: str) -> str:
    """The version as an end of a range: a pre-release stands for all of its release."""
    parsed = Version(version)
    return f"{parsed.base_version}.dev0" if parsed.is_prerelease else version


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None
