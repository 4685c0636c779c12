"""The pages of documentation on which a case rests.

A table of parameters has the address of each page once, under the name by which sources
call it. A source names what it is about: "keras.layers.LSTM, argument use_bias".
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.meaning.resolution import Parameters

_ADDRESS = re.compile(r"https?://[^\s,;\"')\]]+")


def pages(case: Case, tables: Parameters) -> dict[str, str]:
    """The addresses of the pages that the source of the case names, by name, in order.
    An address that stands in the source itself has no other name.

    Where the source names none, it is the page of the layer. A claim is about a
    docstring or a page of its layer; that of an article has none.
    """
    known = tuple((name, address) for table in tables.values() for name, address in table.pages.items())
    table, layer = tables.get(case.dialect), case.layer.partition(".")[0]
    named = _named(case.source, known)
    of_layer = _named(table.layers[layer].source, known) if table and layer in table.layers else ()
    if case.claim is None:
        return dict(named or of_layer)
    return {} if case.claim.source.kind == "article" else dict(of_layer or named)


@lru_cache(maxsize=4096)
def _named(source: str, known: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple(dict(_in_order(source, dict(known))).items())


def _in_order(source: str, known: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for address in _ADDRESS.findall(source):
        yield address.rstrip("."), address.rstrip(".")
    if known:
        # Of "a.b" and "a.b.c" the longer one comes first, and "x.a.b" is neither.
        names = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
        for name in re.findall(rf"(?<![\w.])(?:{names})(?!\w)", source):
            yield name, known[name]
