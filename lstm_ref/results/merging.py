"""Several result files as one: the shards of a run, or runs of several versions."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lstm_ref.results.errors import CannotMerge
from lstm_ref.results.reading import read
from lstm_ref.results.records import FORMAT, Footer, Outcome, Results, SubjectRecord
from lstm_ref.results.writing import record

OF_THE_SUITE = ("python", "numpy")  # what every subject has, beside its framework


@dataclass(frozen=True)
class _Read:
    """A file, and what is in it."""

    file: Path
    results: Results


def merged(files: Sequence[Path]) -> str:
    """The text of one result file that holds everything in these files.

    Two files may have an implementation of one name with different versions of its
    framework. Each version then becomes a column of its own: keras-tensorflow@3.8.0.

    Raises ResultFileError for a file that cannot be read. Raises CannotMerge, with
    every reason, for files that do not fit together.
    """
    found = _labelled([_Read(file, read(file)) for file in files])
    if problems := [*_apart(found), *_incomplete(found), *_missing_shards(found), *_twice(found)]:
        raise CannotMerge(problems)
    outcomes = [outcome for one in found for outcome in one.results.outcomes]
    first = found[0].results.header
    headers = [one.results.header for one in found]
    header = replace(
        first,
        started=min(header.started for header in headers),
        cases=len({outcome.case for outcome in outcomes}),
        items=len(outcomes),
        options=_options(found),
        implementations=_columns(found),
        missing=tuple(dict.fromkeys(each for header in headers for each in header.missing)),
    )
    subjects = list({_key(subject): subject for one in found for subject in one.results.subjects}.values())
    footers = [one.results.footer for one in found if one.results.footer is not None]
    footer = Footer(
        finished=max(each.finished for each in footers),
        seconds=round(sum(each.seconds for each in footers), 3),
        framework_seconds=round(sum(each.framework_seconds for each in footers), 3),
        counts=dict(Counter(outcome.outcome for outcome in outcomes)),
    )
    lines = [
        {"type": "header", "format": FORMAT, **record(header)},
        *({"type": "subject", **record(subject)} for subject in subjects),
        *({"type": "outcome", **_without_nothing(record(outcome))} for outcome in outcomes),
        {"type": "footer", **record(footer)},
    ]
    encoded = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    return "".join(encoded(line) + "\n" for line in lines)


def _labelled(found: Sequence[_Read]) -> list[_Read]:
    """The same files. An implementation that has several versions in them gets a label
    for each.
    """
    versions: dict[str, dict[tuple[tuple[str, str], ...], None]] = {}
    for one in found:
        for name in one.results.header.implementations:
            if own := _versions(one.results, name):
                versions.setdefault(name, {})[own] = None
    several = {name for name, different in versions.items() if len(different) > 1}
    return [_Read(one.file, _with_labels(one.results, several, versions)) for one in found]


def _versions(results: Results, implementation: str) -> tuple[tuple[str, str], ...]:
    """Those of the implementation's framework, by package."""
    hosts = [subject for subject in results.subjects if implementation in subject.implementations]
    found = {
        package: version
        for subject in hosts
        for package, version in subject.versions.items()
        if package not in OF_THE_SUITE
    }
    return tuple(found.items())


def _with_labels(
    results: Results, several: Iterable[str], versions: Mapping[str, Iterable[tuple[tuple[str, str], ...]]]
) -> Results:
    calls = {
        name: f"{name}@{_telling(_versions(results, name), list(versions[name]))}"
        for name in several
        if name in results.header.implementations and _versions(results, name)
    }

    if not calls:
        return results

    def called(names: Iterable[str]) -> tuple[str, ...]:
        return tuple(calls.get(name, name) for name in names)

    header = replace(results.header, implementations=called(results.header.implementations))
    subjects = tuple(
        replace(
            subject,
            subject=" ".join(dict.fromkeys(called([subject.subject]))),
            implementations=called(subject.implementations),
        )
        for subject in results.subjects
    )
    outcomes = tuple(
        replace(outcome, implementation=calls.get(outcome.implementation, outcome.implementation))
        for outcome in results.outcomes
    )
    return replace(results, header=header, subjects=subjects, outcomes=outcomes)


def _telling(own: Sequence[tuple[str, str]], all_of_them: Sequence[Sequence[tuple[str, str]]]) -> str:
    """The versions that distinguish this one from the others, joined."""
    differing = [
        version for package, version in own if len({dict(other).get(package) for other in all_of_them}) > 1
    ]
    return "-".join(differing)


def _apart(found: Sequence[_Read]) -> list[str]:
    """Files that were made with other cases, or with other numbers, than the first
    file.
    """
    first = found[0]
    problems = []
    for one in found[1:]:
        for what, own, others in (
            ("case files", one.results.header.corpus, first.results.header.corpus),
            ("seed", one.results.header.seed, first.results.header.seed),
            ("version of lstm-ref", one.results.header.lstm_ref, first.results.header.lstm_ref),
        ):
            if own != others:
                problems.append(
                    f"{one.file} and {first.file} differ in their {what}: {own} and {others}; run both with"
                    " the same"
                )
    return problems


def _incomplete(found: Sequence[_Read]) -> list[str]:
    return [
        f"{one.file} is incomplete: {one.results.incomplete}; run it again"
        for one in found
        if one.results.incomplete
    ]


def _columns(found: Sequence[_Read]) -> tuple[str, ...]:
    """All columns. A column that never started is left out where another file has it
    started: one part of a run may have nothing to do for it.
    """
    names = dict.fromkeys(name for one in found for name in one.results.header.implementations)
    started = {name for name in names if any(_versions(one.results, name) for one in found)}
    bases = {name.partition("@")[0] for name in started - {name.partition("@")[0] for name in started}}
    return tuple(name for name in names if name in started or name not in bases)


def _missing_shards(found: Sequence[_Read]) -> list[str]:
    """The parts of a run that no file holds, by column. A file that is no part belongs
    to no such run.
    """
    parts = [one for one in found if "shard" in one.results.header.options]
    columns = _columns(parts)
    missing: dict[str, list[str]] = {}
    for column in columns:
        there: dict[str, set[int]] = {}
        for one in parts:
            if _takes(one.results, column):
                part, _, of = str(one.results.header.options["shard"]).partition("/")
                there.setdefault(of, set()).add(int(part))
        for of, parts_there in there.items():
            for number in sorted({*range(1, int(of) + 1)} - parts_there):
                missing.setdefault(f"{number}/{of}", []).append(column)
    return [
        f"the part {part} of {'the run' if len(lacking) == len(columns) else ', '.join(lacking)} is missing;"
        " add its file"
        for part, lacking in missing.items()
    ]


def _takes(results: Results, column: str) -> bool:
    """Whether this part of a run belongs to the column. The name decides; where nothing
    of the column started, the name without its version does.
    """
    names, base = results.header.implementations, column.partition("@")[0]
    return column in names or (base in names and not _versions(results, base))


def _twice(found: Sequence[_Read]) -> list[str]:
    """Outcomes that are in two files. Each pair of files gives one problem."""
    places: dict[tuple[str, str, str], Path] = {}
    pairs: dict[tuple[Path, Path], list[Outcome]] = {}
    for one in found:
        for outcome in one.results.outcomes:
            key = outcome.case, outcome.implementation, outcome.dtype
            if key in places:
                pairs.setdefault((places[key], one.file), []).append(outcome)
            places.setdefault(key, one.file)
    return [
        f"{second} has {len(some):,} outcomes that {first} has too, such as {some[0].case} on"
        f" {some[0].implementation} in {some[0].dtype}; leave one of the files out"
        for (first, second), some in pairs.items()
    ]


def _options(found: Sequence[_Read]) -> Mapping[str, Any]:
    """The options that are the same in all files, and which files were merged."""
    options = [one.results.header.options for one in found]
    shared = {
        name: value
        for name, value in options[0].items()
        if name not in ("merged", "shard") and all(other.get(name) == value for other in options)
    }
    return {**shared, "merged": [str(one.file) for one in found]}


def _key(subject: SubjectRecord) -> str:
    return json.dumps(record(subject), sort_keys=True)


def _without_nothing(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """The outcome without fields that say nothing."""
    kept = ("seconds", "framework_seconds")
    return {name: value for name, value in outcome.items() if value is not None or name in kept}
