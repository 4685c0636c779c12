"""How values, numbers and places read in a report."""

import re
from collections.abc import Mapping

from markupsafe import Markup, escape

from lstm_ref.results.records import Number, Worst

# Characters that change the direction of the text after them, so that it reads as
# something else.
TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def place(worst: Worst) -> str:
    """Where the largest error is: "call 0, output, batch 1, time 2, unit 0"."""
    axes = [f"{axis} {index}" for axis, index in zip(worst.axes, worst.index, strict=False)]
    return ", ".join([f"call {worst.call}", worst.tensor, *axes])


def number(value: Number) -> str:
    """A number in full. "nan" and "inf" stay as they are, and "none" stands for no
    number.
    """
    return "none" if value is None else str(value)


def short(value: Number) -> str:
    """A number in three significant digits."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:.3g}"
    return number(value)


def cut(words: str, characters: int) -> str:
    """A text cut to a number of characters. An ellipsis stands for the rest."""
    return words if len(words) <= characters else f"{words[: characters - 1]}…"


def linked(source: str, pages: Mapping[str, str]) -> Markup:
    """The source as HTML, with a link at each name whose page is known. A page that it
    does not name stands at its end.
    """
    known = {name: address for name, address in pages.items() if address.startswith(("https://", "http://"))}
    names = "|".join(map(re.escape, sorted(known, key=len, reverse=True))) or "(?!)"
    parts = re.split(rf"(?<![\w.])({names})(?!\w)", source)
    shown = [_link(part, known[part]) if part in known else escape(visible(part)) for part in parts]
    further = [_link(name, address) for name, address in known.items() if name not in parts[1::2]]
    return Markup("").join(shown) + Markup("").join(Markup(" ({})").format(link) for link in further)


def _link(words: str, address: str) -> Markup:
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(address, visible(words))


def visible(words: str) -> str:
    """The text, with the code of every invisible character that changes its
    direction.
    """
    return TURNING.sub(lambda mark: f"\\u{ord(mark[0]):04x}", words)
