"""Numbers that stand in a file beside the case: .npz, .json or .csv."""

import csv
import json
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from lstm_ref.corpus.hints import did_you_mean

KINDS = (".npz", ".json", ".csv")
KEYS = ("file", "array", "shape")
MOST_NUMBERS = 1_000_000


class UnreadableNumbers(Exception):
    """Numbers that a case names in a file cannot be had; the hint says what to do."""

    def __init__(self, problem: str, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True)
class FileArray:
    """An array of a file: its numbers in C order, and as text as they are printed. A
    number in binary has as text its value, and `half_units` are half the distance to
    the next one that its dtype has.
    """

    shape: tuple[int, ...]
    numbers: tuple[float, ...]
    texts: tuple[str, ...] = ()
    half_units: tuple[float, ...] = ()
    truth: bool = False


def read_array(case_file: Path, entry: Mapping[str, Any]) -> FileArray:
    """The array that an entry names: its `file`, relative to that of the case; which
    `array` of it, but for .csv, which is one; and its `shape`, if not that of the file.

    Raises UnreadableNumbers.
    """
    name, array, shape = (entry.get(key) for key in KEYS)
    if unknown := [key for key in entry if key not in KEYS]:
        hint = did_you_mean(str(unknown[0]), KEYS) or f"known are {', '.join(KEYS)}"
        raise UnreadableNumbers(f'there is no "{unknown[0]}" here', hint)
    if not isinstance(name, str) or not name:
        raise UnreadableNumbers('"file" must be the name of a file beside the case')
    found = _of_shape(_named(_arrays(_beside(case_file, name)), name, array), name, shape)
    if found.numbers and not all(map(math.isfinite, found.numbers)):
        raise UnreadableNumbers(f"{name} has numbers that are not finite")
    if not found.numbers:
        raise UnreadableNumbers(f"the array in {name} is empty")
    return found


def _beside(case_file: Path, name: str) -> Path:
    """The file, which must lie in the folder of the case or below."""
    folder = case_file.resolve().parent
    file = (folder / name).resolve()
    if not file.is_relative_to(folder):
        raise UnreadableNumbers(f"{name} is outside the folder of the case", f"copy it into {folder}")
    if file.suffix not in KINDS:
        raise UnreadableNumbers(
            f"{name} is of no known kind", f"write {', '.join(KINDS[:-1])} or {KINDS[-1]}"
        )
    if not file.is_file():
        near = [path.name for path in sorted(folder.glob(f"*{file.suffix}"))]
        hint = did_you_mean(name, near) or f"it is looked for in {folder}"
        raise UnreadableNumbers(f"there is no file {name}", hint)
    return file


def _arrays(file: Path) -> Mapping[str, FileArray]:
    try:
        about = file.stat()
        return _read(file, about.st_mtime_ns, about.st_size)
    except OSError as error:
        raise UnreadableNumbers(f"{file.name} cannot be read: {error.strerror or error}") from error


@lru_cache(maxsize=16)
def _read(file: Path, changed: int, size: int) -> Mapping[str, FileArray]:
    """All arrays of a file, as it was when it was changed last."""
    readers: dict[str, Callable[[Path], Mapping[str, FileArray]]] = {
        ".npz": _of_npz,
        ".json": _of_json,
        ".csv": _of_csv,
    }
    return readers[file.suffix](file)


def _of_npz(file: Path) -> dict[str, FileArray]:
    import numpy as np  # only here: all other files are read without it

    found = {}
    try:
        with np.load(file, allow_pickle=False) as arrays:
            for name in arrays.files:
                values = np.asarray(arrays[name])
                if values.dtype.kind not in "fiub":
                    raise UnreadableNumbers(f"{name} in {file.name} holds no numbers, but {values.dtype}")
                _check_size(values.size, file)
                exact = values.astype(np.float64)
                spacing = (
                    np.spacing(np.abs(values)) / 2 if values.dtype.kind == "f" else np.zeros(values.shape)
                )
                found[name] = FileArray(
                    values.shape,
                    tuple(map(float, exact.flat)),
                    half_units=tuple(map(float, spacing.flat)),
                    truth=values.dtype.kind == "b",
                )
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        raise UnreadableNumbers(f"{file.name} is not a .npz of plain arrays: {error}") from error
    return found


class _Printed(float):
    """A number with the text that stands for it."""

    text: str

    @classmethod
    def of(cls, text: str) -> "_Printed":
        """The number of a text."""
        made = cls(text)
        made.text = text
        return made


def _of_json(file: Path) -> dict[str, FileArray]:
    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text, parse_float=_Printed.of, parse_int=_Printed.of)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise UnreadableNumbers(f"{file.name} is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise UnreadableNumbers(f"{file.name} must hold an object of arrays by name")
    return {name: _nested(value, name, file) for name, value in data.items()}


def _nested(data: Any, name: str, file: Path) -> FileArray:
    shape: list[int] = []
    inside = data
    while isinstance(inside, list) and inside:
        shape.append(len(inside))
        inside = inside[0]
    if isinstance(inside, list):
        raise UnreadableNumbers(f"{name} in {file.name} has an empty list")
    leaves = list(_leaves(data, tuple(shape), name, file))
    _check_size(len(leaves), file)
    truths = sum(isinstance(leaf, bool) for leaf in leaves)
    if truths not in (0, len(leaves)):
        raise UnreadableNumbers(f"{name} in {file.name} mixes numbers with true and false")
    texts = () if truths else tuple(getattr(leaf, "text", repr(leaf)) for leaf in leaves)
    return FileArray(tuple(shape), tuple(map(float, leaves)), texts, truth=bool(truths))


def _leaves(data: Any, shape: tuple[int, ...], name: str, file: Path) -> Iterator[float]:
    if isinstance(data, list):
        if not shape or len(data) != shape[0]:
            raise UnreadableNumbers(f"{name} in {file.name} is ragged: its lists have different lengths")
        for part in data:
            yield from _leaves(part, shape[1:], name, file)
    elif shape:
        raise UnreadableNumbers(f"{name} in {file.name} is ragged: its lists have different depths")
    elif isinstance(data, float | bool):
        yield data
    else:
        raise UnreadableNumbers(f"{name} in {file.name} holds {json.dumps(data)[:40]}, which is not a number")


def _of_csv(file: Path) -> dict[str, FileArray]:
    rows: list[list[str]] = []
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            reader = csv.reader(lines)
            for row in reader:
                if row:
                    cells = [cell.strip() for cell in row]
                    for cell in cells:
                        _check_number(cell, file, reader.line_num)
                    if rows and len(cells) != len(rows[0]):
                        raise UnreadableNumbers(
                            f"{file.name}:{reader.line_num}: {len(cells)} numbers, and {len(rows[0])} in the"
                            " first line"
                        )
                    rows.append(cells)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UnreadableNumbers(f"{file.name} is not a CSV: {error}") from error
    texts = tuple(cell for row in rows for cell in row)
    _check_size(len(texts), file)
    return {"": FileArray((len(rows), len(rows[0]) if rows else 0), tuple(map(float, texts)), texts)}


def _check_number(cell: str, file: Path, line: int) -> None:
    try:
        float(cell)
    except ValueError:
        said = "nothing" if not cell else f'"{cell[:40]}"'
        raise UnreadableNumbers(
            f"{file.name}:{line}: {said} is not a number", "a table has numbers alone, and no heading"
        ) from None


def _check_size(numbers: int, file: Path) -> None:
    if numbers > MOST_NUMBERS:
        raise UnreadableNumbers(f"{file.name} has {numbers:,} numbers; at most {MOST_NUMBERS:,} are read")


def _named(arrays: Mapping[str, FileArray], file: str, array: object) -> FileArray:
    if "" in arrays and len(arrays) == 1:
        if array is not None:
            raise UnreadableNumbers(f'{file} is a single array, of which "array" names none')
        return arrays[""]
    known = ", ".join(arrays)
    if not isinstance(array, str):
        raise UnreadableNumbers(f'"array" must say which array of {file}', f"it has {known}")
    if array not in arrays:
        raise UnreadableNumbers(
            f"{file} has no array {array}", did_you_mean(array, arrays) or f"it has {known}"
        )
    return arrays[array]


def _of_shape(found: FileArray, file: str, shape: object) -> FileArray:
    if shape is None:
        return found
    sizes: list[Any] = shape if isinstance(shape, list) else [shape]
    if not all(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes):
        raise UnreadableNumbers('"shape" must be a list of sizes')
    if math.prod(sizes) != len(found.numbers):
        raise UnreadableNumbers(
            f"{file} has {len(found.numbers)} numbers, of which no array of shape {sizes} can be made"
        )
    return FileArray(tuple(sizes), found.numbers, found.texts, found.half_units, found.truth)
