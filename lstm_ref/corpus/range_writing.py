"""The ranges of versions in a file of divergences, written anew in its text: all else
stays as somebody wrote it.
"""

import json
import re
from collections.abc import Mapping, Sequence

ENTRY = re.compile(r"  - ")
VERSIONS = re.compile(r"(    versions: \{)(.*)(\}\s*)")
MEASURED = re.compile(r"measured: \{(.*)\}\s*")
ENTRIES = "entries:"


class NoSuchLine(ValueError):
    """A file of divergences that is laid out in another way: its line, and what was
    looked for.
    """

    def __init__(self, line: int, what: str) -> None:
        super().__init__(f"line {line}: {what}")
        self.line = line


def with_ranges(text: str, package: str, specifiers: Mapping[int, str]) -> str:
    """The text with these specifiers of the package, by the line in which an entry
    begins. Raises NoSuchLine where an entry does not have its versions on one line.
    """
    lines = text.split("\n")
    for begin, specifier in specifiers.items():
        at = _versions_of(lines, begin)
        lines[at] = re.sub(rf'(\b{re.escape(package)}: )"[^"]*"', rf'\g<1>"{specifier}"', lines[at], count=1)
    return "\n".join(lines)


def with_measured(text: str, package: str, versions: Sequence[str]) -> str:
    """The text with the versions of the package in which its entries were looked
    for.
    """
    lines = text.split("\n")
    listed = f"{package}: [{', '.join(map(json.dumps, versions))}]"
    entries = lines.index(ENTRIES)
    for index, line in enumerate(lines[:entries]):
        if found := MEASURED.fullmatch(line):
            others = re.sub(rf"\b{re.escape(package)}: \[[^]]*\](, )?", "", found[1]).rstrip(", ")
            lines[index] = f"measured: {{{', '.join(filter(None, (others, listed)))}}}"
            return "\n".join(lines)
    return "\n".join([*lines[:entries], f"measured: {{{listed}}}", *lines[entries:]])


def _versions_of(lines: Sequence[str], begin: int) -> int:
    """The index of the line with the versions of the entry that begins in a line."""
    for index in range(begin - 1, len(lines)):
        if index >= begin and ENTRY.match(lines[index]):
            break
        if VERSIONS.fullmatch(lines[index]):
            return index
    raise NoSuchLine(begin, "the entry does not have its versions on one line, as versions: {package: ...}")
