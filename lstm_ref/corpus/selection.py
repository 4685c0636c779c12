"""Choosing cases by id, pattern, file or folder."""

import re
from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.errors import NothingSelectedError


def select(cases: Sequence[Case], patterns: Iterable[str]) -> list[Case]:
    """The cases that any pattern matches, each once, in the order of the corpus;
    without patterns, all of them.

    A pattern is an id; a pattern of ids, where `*` stands for any characters, `?` for
    one, and brackets for themselves; the beginning of ids up to a slash (`keras`,
    `keras/structure`); a case file or a folder (`cases/keras/structure.yaml`), the file
    with `::name[...]` to name, by the last part of its id or a pattern of that, cases
    in it. Raises NothingSelectedError for a pattern that matches nothing.
    """
    wanted = list(patterns)
    return _in_order(cases, [_found(cases, pattern) for pattern in wanted]) if wanted else list(cases)


def everyday(cases: Sequence[Case], patterns: Iterable[str]) -> list[Case]:
    """As `select`, but with fewer points: of a large matrix only the points of an
    everyday run. If a pattern names none of these, all that it names are taken.

    Raises NothingSelectedError for a pattern that matches nothing.
    """
    wanted = list(patterns)
    return (
        _in_order(cases, [of_everyday(_found(cases, pattern)) for pattern in wanted])
        if wanted
        else of_everyday(cases)
    )


def of_everyday(cases: Sequence[Case]) -> list[Case]:
    """The cases that an everyday run takes. All of them where it takes none."""
    return [case for case in cases if case.everyday] or list(cases)


def matching(cases: Sequence[Case], pattern: str) -> list[Case]:
    """The cases that a pattern matches, possibly none."""
    matches = _matcher(pattern)
    return [case for case in cases if matches(case)]


def _found(cases: Sequence[Case], pattern: str) -> list[Case]:
    """The cases that a pattern matches. The name of a case is the id of its point
    without axes. If there is no such point, the name means all points of the case.
    """
    found = matching(cases, pattern) or matching(cases, f"{pattern}[*")
    if not found:
        raise NothingSelectedError(pattern, _close(pattern, cases))
    return found


def _in_order(cases: Sequence[Case], chosen: Iterable[Iterable[Case]]) -> list[Case]:
    ids = {case.id for some in chosen for case in some}
    return [case for case in cases if case.id in ids]


def id_pattern(pattern: str) -> re.Pattern[str]:
    """The regular expression of a pattern of ids: only `*` and `?` are special."""
    return re.compile(
        "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in pattern),
        re.DOTALL,
    )


def _matcher(pattern: str) -> Callable[[Case], bool]:
    location, colons, last = pattern.partition("::")
    path = Path(location)
    if path.exists() and (path.suffix or path.is_dir()):
        return _in_path(path.resolve(), last if colons else "*")
    name = (
        _id_of_path(location)
        if colons or location.endswith(".yaml") or location.startswith("cases/")
        else location.rstrip("/")
    )
    if colons:
        expression = id_pattern(f"{name}/{last}")
        return lambda case: bool(expression.fullmatch(case.id))
    expression = id_pattern(name)
    return lambda case: case.id.startswith(f"{name}/") or bool(expression.fullmatch(case.id))


def _in_path(path: Path, last: str) -> Callable[[Case], bool]:
    expression = id_pattern(last)

    def matches(case: Case) -> bool:
        file = _resolved(case.place.file.absolute())
        return (file == path or path in file.parents) and bool(expression.fullmatch(last_part(case)))

    return matches


_resolved = cache(Path.resolve)


def last_part(case: Case) -> str:
    """The part of a case's id that names it within its file: `gaps[mask=left]`."""
    _, bracket, axes = case.id.partition("[")
    return case.name + bracket + axes


def _id_of_path(location: str) -> str:
    """`cases/keras/structure.yaml` named from anywhere, as where the corpus is
    installed: the part that ids start with.
    """
    return location.removeprefix("cases/").removesuffix(".yaml").rstrip("/")


def _close(pattern: str, cases: Sequence[Case]) -> str | None:
    name = _id_of_path(pattern.replace("::", "/"))
    stem = name.partition("[")[0]
    stems = dict.fromkeys(case.id.partition("[")[0] for case in cases)
    if stem in stems:
        known = [case.id for case in cases if case.id.partition("[")[0] == stem]
    else:
        known = list(dict.fromkeys([*stems, *(stem.rpartition("/")[0] for stem in stems)]))
    close = get_close_matches(name, known, n=2, cutoff=0.6)
    return "did you mean " + " or ".join(f'"{match}"' for match in close) + "?" if close else None
