"""Numbers that a case has written out, with the precision in which they are printed."""

import re
from collections.abc import Iterator

from lstm_ref.corpus.case import Literal, Literals
from lstm_ref.corpus.documents import Document, Key, View

_PRINTED = re.compile(r"[-+]?[0-9]*(?P<point>\.(?P<decimals>[0-9]*))?(?:[eE](?P<exponent>[-+]?[0-9]+))?")


def literals(document: Document, path: tuple[Key, ...]) -> Literals:
    """The numbers of a checked case, which stand at this path of its file."""
    data = document.data
    for key in path:
        data = data[key]
    numbers = View(document, path, data)
    weights, arguments, expected = (
        dict(below.entries()) if (below := numbers.at(group)) else {}
        for group in ("weights", "arguments", "expected")
    )
    return Literals(
        place=document.key_place(path),
        weights={name: _literal(view) for name, view in weights.items()},
        arguments={name: _literal(view) for name, view in arguments.items()},
        expected={name: _literal(view) for name, view in expected.items()},
        written=data,
    )


def half_unit(text: str) -> float:
    """Half a unit in the last printed digit: 0.005 of "0.50". A whole number is exact,
    and so is one in another base.
    """
    found = _PRINTED.fullmatch(text)
    if found is None or (found["point"] is None and found["exponent"] is None):
        return 0.0
    return 0.5 * 10.0 ** (int(found["exponent"] or 0) - len(found["decimals"] or ""))


def _literal(view: View) -> Literal:
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
    )


def _leaves(view: View) -> Iterator[View]:
    if not isinstance(view.data, list):
        yield view
    for part in view.elements():
        yield from _leaves(part)
