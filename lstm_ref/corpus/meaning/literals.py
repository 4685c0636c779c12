"""Numbers that a case has written out, with the precision in which they are printed."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lstm_ref.corpus.case import Literal, Literals
from lstm_ref.corpus.meaning.literal_files import read_array
from lstm_ref.corpus.read.documents import Document, Key, View

_PRINTED = re.compile(r"[-+]?[0-9]*(?P<point>\.(?P<decimals>[0-9]*))?(?:[eE](?P<exponent>[-+]?[0-9]+))?")


def literals(document: Document, path: tuple[Key, ...]) -> Literals:
    """The numbers of a checked case, which stand at this path of its file."""
    data = document.data
    for key in path:
        data = data[key]
    numbers = View(document, path, data)

    def group(name: str) -> Mapping[str, Literal]:
        below = numbers.at(name)
        return {each: _literal(view) for each, view in below.entries()} if below else {}

    return Literals(
        place=document.key_place(path),
        weights=group("weights"),
        arguments=group("arguments"),
        expected=group("expected"),
        cotangents=group("cotangents"),
        gradients=group("gradients"),
        written=_as_printed(numbers),
    )


class Printed(float):
    """A number that is written again as it was printed."""

    text: str


def _as_printed(view: View) -> Any:
    """The data of a view. A number keeps the digits with which it is written."""
    if isinstance(view.data, dict):
        return {key: _as_printed(part) for key, part in view.entries()}
    if isinstance(view.data, list):
        return [_as_printed(part) for part in view.elements()]
    if not isinstance(view.data, float):
        return view.data
    made = Printed(view.data)
    made.text = view.document.node(view.path).text
    return made


def half_unit(text: str) -> float:
    """Half a unit in the last printed digit: 0.005 of "0.50". A whole number is exact,
    and so is one in another base.
    """
    found = _PRINTED.fullmatch(text)
    if found is None or (found["point"] is None and found["exponent"] is None):
        return 0.0
    return 0.5 * 10.0 ** (int(found["exponent"] or 0) - len(found["decimals"] or ""))


def _literal(view: View) -> Literal:
    if isinstance(view.data, dict):
        return _of_file(view)
    shape: list[int] = []
    data = view.data
    while isinstance(data, list):
        shape.append(len(data))
        data = data[0]
    leaves = list(_leaves(view))
    return Literal(
        tuple(shape),
        tuple(float(leaf.data) for leaf in leaves),
        tuple(half_unit(leaf.document.node(leaf.path).text) for leaf in leaves),
        tuple(leaf.document.place(leaf.path) for leaf in leaves),
        isinstance(leaves[0].data, bool),
    )


def _of_file(view: View) -> Literal:
    """The array of a file; all of it stands where the file is named."""
    found = read_array(view.document.file, view.data)
    halves = tuple(map(half_unit, found.texts)) or found.half_units or (0.0,) * len(found.numbers)
    place = view.document.place(view.path)
    return Literal(found.shape, found.numbers, halves, (place,), found.truth)


def _leaves(view: View) -> Iterator[View]:
    if not isinstance(view.data, list):
        yield view
    for part in view.elements():
        yield from _leaves(part)
