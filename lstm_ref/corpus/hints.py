"""Suggestions for a word that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches

LONGEST_LIST = 20


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A question that names the closest known words. If none is close, all known words,
    if they are few. Otherwise None.
    """
    words = list(known)
    close = get_close_matches(word, words, n=2, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(f'"{match}"' for match in close) + "?"
    return "known: " + ", ".join(words) if 0 < len(words) <= LONGEST_LIST else None
