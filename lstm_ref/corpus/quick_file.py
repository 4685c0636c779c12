"""quick.json: the cases of a quick run, by id. Chosen ahead by `python -m
lstm_ref.verdict.quick`, read here.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from lstm_ref.corpus.case import Location
from lstm_ref.corpus.errors import CorpusError, Problem
from lstm_ref.corpus.loading import corpus_root

NAME = "quick.json"
COMMAND = "python -m lstm_ref.verdict.quick"


def read(folder: Path) -> frozenset[str]:
    """The ids in a folder's file. Raises CorpusError where there is no such file, or it
    is not as it is written.
    """
    file = folder / NAME
    try:
        ids = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
            raise ValueError
    except (ValueError, OSError):
        raise CorpusError(
            [Problem(Location(file, 1), "is not a list of the cases of a quick run", f'run "{COMMAND}"')]
        ) from None
    return frozenset(ids)


def quick_cases() -> frozenset[str]:
    """Those of the cases that come with this package."""
    return read(corpus_root())


def text(ids: Iterable[str]) -> str:
    """The file as it is written: a line for each case, in order."""
    return json.dumps(sorted(ids), indent=0, ensure_ascii=False) + "\n"


def quick_dtypes(dtypes: Sequence[str]) -> tuple[str, ...]:
    """The dtypes in which a quick run takes a case: float32 only where there is no
    float64, which shows more.
    """
    return tuple(each for each in dtypes if each != "float32" or "float64" not in dtypes)
