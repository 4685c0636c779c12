"""covering.json: of each large matrix, the rows that cover its combinations. Made ahead
by `python -m lstm_ref.corpus.covering`, read here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from lstm_ref.corpus.case import Location
from lstm_ref.corpus.errors import CorpusError, Problem
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.points.matrix import Matrix, Row
from lstm_ref.corpus.read.models.cases import CoveringEntry

NAME = "covering.json"
COMMAND = "python -m lstm_ref.corpus.covering"


@dataclass(frozen=True)
class Selection:
    """The selected rows of a matrix, in its order. The digest is that of the matrix and
    of what had to be covered.
    """

    digest: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Selections:
    """The selections of a folder's cases, by their ids without axes, and the command
    that makes them anew.
    """

    of: Mapping[str, Selection]
    command: str

    def below(self, prefix: str) -> "Selections":
        """The selections of the cases of one file, by their names."""
        start = f"{prefix}/"
        return Selections(
            {
                key.removeprefix(start): selection
                for key, selection in self.of.items()
                if key.startswith(start)
            },
            self.command,
        )


def digest(matrix: Matrix, covering: CoveringEntry) -> str:
    """A digest of axes, values, exclusions, and what has to be covered."""
    values = [
        [axis, *map(value_text, of_axis)] for axis, of_axis in zip(matrix.axes, matrix.values, strict=True)
    ]
    written = json.dumps([values, matrix.excluded, covering.strength, covering.pairs_with])
    return sha256(written.encode()).hexdigest()[:16]


def read(folder: Path, command: str = COMMAND) -> Selections:
    """The selections in a folder. Empty where it has no such file. Raises CorpusError
    where the file is not in the form of `text`.
    """
    file = folder / NAME
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        found = {
            key: Selection(str(one["digest"]), tuple(tuple(map(int, row)) for row in one["rows"]))
            for key, one in data.items()
        }
    except FileNotFoundError:
        return Selections({}, command)
    except (ValueError, TypeError, KeyError, AttributeError, OSError):
        raise CorpusError(
            [Problem(Location(file, 1), "is not a file of selections", f'run "{command}"')]
        ) from None
    return Selections(found, command)


def text(selections: Mapping[str, Selection]) -> str:
    """The file as it is written: a line for each case, in the order of their ids."""
    lines = [
        f"{json.dumps(key)}: {json.dumps({'digest': one.digest, 'rows': one.rows}, separators=(',', ':'))}"
        for key, one in sorted(selections.items())
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"
