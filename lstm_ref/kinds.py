"""The kind of a YAML file, as far as a quick look at its text shows it. Nothing heavy
is imported.
"""

import re
from pathlib import Path

SUFFIXES = (".yaml", ".yml")

CASES = re.compile(r"^kind:\s*[\"']?(cases|claims)\b", re.MULTILINE)
OTHER = re.compile(r"^kind:\s*[\"']?(parameters|divergences|documentation)\b", re.MULTILINE)


def is_case_file(path: Path) -> bool:
    """Whether it is YAML of a kind that is run: cases, or claims."""
    return path.suffix in SUFFIXES and bool(CASES.search(_text(path)))


def is_other_file(path: Path) -> bool:
    """Whether it is YAML of another kind that this package knows."""
    return path.suffix in SUFFIXES and bool(OTHER.search(_text(path)))


def _text(path: Path) -> str:
    """The text of the file. A file that cannot be read has no kind, because it may not
    belong to this suite.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
