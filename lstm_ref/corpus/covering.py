"""Make the selections of points that cover the large matrices, with covertable
(https://covertable.walkframe.com).

python -m lstm_ref.corpus.covering write cases/covering.json python -m
lstm_ref.corpus.covering --check say whether it is current and covers what it has to;
needs no covertable
"""

import argparse
import itertools
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lstm_ref.corpus.errors import CorpusError
from lstm_ref.corpus.loading import case_files, corpus_root
from lstm_ref.corpus.points.covering_file import COMMAND, NAME, Selection, digest, read, text
from lstm_ref.corpus.points.matrix import Matrix, Row
from lstm_ref.corpus.points.verifier import no_points, uncovered
from lstm_ref.corpus.read.models.cases import CoveringEntry

MOST_SHOWN = 5  # combinations that a selection misses, in a message


@dataclass(frozen=True)
class Wanted:
    """A case of which a selection is wanted."""

    matrix: Matrix
    covering: CoveringEntry

    @property
    def digest(self) -> str:
        """The digest that shows whether a selection was made for this case."""
        return digest(self.matrix, self.covering)


def wanted(root: Path) -> dict[str, Wanted]:
    """The cases below a folder that ask for a selection, by their ids without axes.
    Raises CorpusError where a file is not valid YAML.
    """
    return {
        f"{prefix}/{entry.name}": Wanted(Matrix.of(entry.matrix, entry.exclude), entry.covering)
        for prefix, file in case_files(root)
        for entry in file.cases
        if entry.covering is not None
    }


def select(one: Wanted) -> tuple[Row, ...]:
    """Rows of the matrix, the same ones in every run. `faults` says whether they cover
    it.
    """
    from covertable import make

    matrix, covering = one.matrix, one.covering
    # Axes are named by their positions, because covertable reads a dot in a name as a
    # path.
    long = [k for k, axis in enumerate(matrix.axes) if axis in covering.pairs_with]
    others = [k for k, axis in enumerate(matrix.axes) if axis not in covering.pairs_with]
    strength = min(covering.strength, len(others))
    pairs = [{"fields": [axis, other], "strength": 2} for axis, other in itertools.product(long, others)]
    rows = make(
        [list(range(len(values))) for values in matrix.values],
        strength=1 if long else strength,
        sub_models=[{"fields": others, "strength": strength}, *pairs] if long else [],
        constraints=[
            {
                "operator": "or",
                "conditions": [
                    {"operator": "ne", "left": axis, "value": value} for axis, value in combination
                ],
            }
            for combination in matrix.excluded
        ],
    )
    return tuple(sorted(set(map(tuple, rows))))


def faults(wanted: Mapping[str, Wanted], selections: Mapping[str, Selection]) -> Iterator[str]:
    """What is wrong with selections: one sentence for each, which names the case."""
    for key, one in wanted.items():
        selection = selections.get(key)
        if selection is None:
            yield f"{key} has no selection"
        elif selection.digest != one.digest:
            yield f"the selection of {key} is stale"
        elif bad := list(no_points(one.matrix, selection.rows)):
            yield (
                f"the selection of {key} has rows that are not points, or are listed twice:"
                f" {_shown(list(map(str, bad)))}"
            )
        elif left := list(uncovered(one.matrix, one.covering, selection.rows)):
            yield f"the selection of {key} misses {len(left)} combinations: {_shown(left)}"
    for key in selections:
        if key not in wanted:
            yield f"{key} has a selection, but asks for none"


def _shown(found: Sequence[str]) -> str:
    return "; ".join(found[:MOST_SHOWN]) + ("; ..." if len(found) > MOST_SHOWN else "")


def main(arguments: list[str] | None = None) -> int:
    """Write or check the selections. Returns 0 where they are right afterwards, 1 where
    they are not, 2 where case files are broken.
    """
    parser = argparse.ArgumentParser(prog=COMMAND, description="Select the points that cover large matrices.")
    parser.add_argument(
        "--check",
        action="store_true",
        help="change nothing; fail where a selection is stale or misses a combination",
    )
    parser.add_argument(
        "--cases", type=Path, help="folder of the case files (default: those of this package)"
    )
    options = parser.parse_args(arguments)
    root: Path = options.cases or corpus_root()
    file = root / NAME
    command = COMMAND if options.cases is None else f"{COMMAND} --cases {shlex.quote(str(root))}"
    try:
        cases = wanted(root)
        found = read(root).of if options.check else {}
    except CorpusError as error:
        print(error, file=sys.stderr)
        return 2
    try:
        found = (
            found
            if options.check
            else {key: Selection(one.digest, select(one)) for key, one in cases.items()}
        )
    except ModuleNotFoundError as error:
        print(f'{error}: python -m pip install "lstm-ref[covering]"', file=sys.stderr)
        return 2
    if wrong := list(faults(cases, found)):
        print(*wrong, f'{file} is not as it must be: run "{command}"', sep="\n", file=sys.stderr)
        return 1
    if not options.check:
        file.write_text(text(found), encoding="utf-8", newline="\n")
        for key, one in found.items():
            print(f"{len(one.rows):>6} points of {key}")
        print(f"wrote {file}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
