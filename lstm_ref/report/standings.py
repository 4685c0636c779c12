"""What a report says first: for each implementation, whether it does what its
documentation says.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lstm_ref.report.findings import DEFECTS, NEW, STALE, Finding
from lstm_ref.report.tables import Tally, tally, versions
from lstm_ref.results.records import FAILING, Outcome, Results

# Findings that are counted together: the word for their anchor, and their name.
GROUPS = {
    NEW: "New failures",
    STALE: "Entries that are no longer true",
    "defects": "Known defects",
    "by-design": "Differences by design",
}


@dataclass(frozen=True)
class Standing:
    """An implementation: the verdict, and how many findings of each of GROUPS it has.

    `slug` is its name as part of an anchor. `state` decides the colour of the verdict.
    """

    implementation: str
    slug: str
    versions: str
    verdict: str
    state: str
    findings: dict[str, int]
    tally: Tally


def group_of(finding: Finding) -> str:
    """The one of GROUPS with which a finding is counted."""
    return "defects" if finding.kind in DEFECTS else finding.kind


def slugs(names: Iterable[str]) -> dict[str, str]:
    """Each name as part of an anchor and of a class: letters, digits and hyphens, no
    two the same.
    """
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "x"
        slug = plain
        while slug in found.values():
            slug = f"{plain}-{len(found)}"
        found[name] = slug
    return found


def standings(results: Results, found: Sequence[Finding]) -> list[Standing]:
    """A line for each implementation that was run: those with something new first, then
    in the order in which they were asked for. Implementations that could not be started
    are shown elsewhere.
    """
    names = results.implementations
    words = slugs(names)
    lines = []
    outcomes: dict[str, list[Outcome]] = {name: [] for name in names}
    for outcome in results.outcomes:
        outcomes[outcome.implementation].append(outcome)
    for name in names:
        own = tally(outcomes[name])
        mine = [finding for finding in found if name in finding.implementations]
        counts = {group: sum(group_of(each) == group for each in mine) for group in GROUPS}
        if own.total:
            verdict, state = _verdict(counts, own)
            lines.append(Standing(name, words[name], versions(results, name), verdict, state, counts, own))
    return sorted(lines, key=lambda line: (-line.findings[NEW], -line.findings[STALE]))


def _verdict(counts: dict[str, int], own: Tally) -> tuple[str, str]:
    """The verdict in a sentence, and the word for its colour."""
    new, stale, defects = counts[NEW], counts[STALE], counts["defects"]
    known = f", beside {_count(defects, 'known defect')}" if defects else ""
    if new:
        failing = sum(own.counts.get(word, 0) for word in FAILING if word != STALE)
        said = f"{_count(failing, 'check')} {_verb(failing, 'fails', 'fail')} in {_count(new, 'way')}"
        return f"Not as documented: {said} that no known divergence explains{known}.", "failing"
    if stale:
        said = f"{_count(stale, 'divergence')} {_verb(stale, 'is', 'are')} listed that it no longer has"
        return f"Better than listed: {said}{known}.", "stale"
    if not own.passed:
        return "Nothing could be judged.", "unsupported"
    unsupported = own.counts.get("unsupported", 0) + own.counts.get("not-run", 0)
    offered = " in all that it offers" if unsupported else ""
    if defects:
        return (
            f"Does what its documentation says, except for {_count(defects, 'known defect')}.",
            "divergence",
        )
    return f"Does what its documentation says{offered}.", "pass"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _verb(number: int, one: str, many: str) -> str:
    return one if number == 1 else many
