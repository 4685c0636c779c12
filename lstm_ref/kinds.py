"""Of what kind a YAML file is, as far as a look at its text tells. Nothing heavy is
imported.
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
    """What is in the file. One that cannot be read is of no kind: it may be somebody
    else's.
    """
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
