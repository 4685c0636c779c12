"""What a claim says of its exhibits: the verdict of their versions, and the side that
each shows.
"""

from collections.abc import Sequence
from pathlib import Path

from lstm_ref.corpus.read.models.claims import ClaimEntry, ClaimsFile, Exhibit, verdict_word

ALONE = ("defaults", "signature", "example")  # what is asserted of no layer in particular


def verdicts(entry: ClaimEntry, versions: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Each verdict of a claim with the versions that it speaks of; none are all."""
    if not isinstance(entry.verdict, dict):
        return [((), verdict_word(entry.verdict))]
    words = {version: verdict_word(word) for version, word in entry.verdict.items()}
    spoken: dict[str, list[str]] = {word: [] for word in words.values()}
    for version in filter(words.__contains__, versions):
        spoken[words[version]].append(version)
    return [(tuple(of), word) for word, of in spoken.items()]


def versions_of(
    file: ClaimsFile, entry: ClaimEntry, exhibit: Exhibit, known: Sequence[str]
) -> tuple[str, ...]:
    """Those of an exhibit: its own, else those that the verdict speaks of."""
    spoken = list(entry.verdict) if isinstance(entry.verdict, dict) else []
    of_verdict = [version for version in known if version in spoken]
    return tuple(exhibit.versions or file.defaults.versions or of_verdict)


def verdict_in(entry: ClaimEntry, versions: Sequence[str], known: Sequence[str]) -> str:
    """The verdict in these versions; a checked file has one."""
    for spoken, word in verdicts(entry, known):
        if not spoken or set(versions) <= set(spoken):
            return word
    return ""


def side_of(exhibit: Exhibit, verdict: str) -> str:
    """Which side of the statement an exhibit shows; where it does not say, the side of
    the verdict.
    """
    return exhibit.side or ("fails" if verdict == "false" else "holds")


def example_file(claims: Path, name: str) -> Path:
    """Where the file of an example stands that claims in this file name."""
    return claims.parent / "examples" / name
