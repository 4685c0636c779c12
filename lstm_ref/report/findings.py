"""From outcomes to findings. All outcomes with one cause are one finding, however many
cases show it.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lstm_ref.report.factors import Factors, Passing, factors
from lstm_ref.report.tables import digest, sharing_cases
from lstm_ref.results.records import DTYPES, FAILING, Outcome, Results, Worst

NUMBER = re.compile(r"[-+]?(?:\d+(?:,\d{3})*(?:\.\d+)?(?:e[-+]?\d+)?|\b(?:nan|inf)\b)")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"'(])")

# A reason first quotes the documentation. What is wrong follows.
SHORTEST = 100

# Who is wrong, as the beginning of a divergence's reason says it. "new" means that no
# divergence explains it.
NEW = "new"
STALE = "stale"
KINDS = (NEW, STALE, "framework", "documentation", "by-design")
# The kinds that are known and explained defects.
DEFECTS = ("framework", "documentation")


@dataclass(frozen=True)
class Finding:
    """Something that is not as documented, with all outcomes that show it.

    `anchor` depends only on what is wrong, so it stays the same when cases are added.
    `kind` is one of KINDS. `sentence` says what is wrong, `reason` all of it.
    `smallest` is the shortest case that shows it, `worst` that with the largest error /
    bound, None where nothing was measured.
    """

    anchor: str
    kind: str
    sentence: str
    reason: str
    link: str
    outcomes: tuple[Outcome, ...]
    smallest: Outcome
    worst: Outcome | None
    factors: Factors

    @property
    def implementations(self) -> tuple[str, ...]:
        """The implementations that show it, each once."""
        return tuple(dict.fromkeys(outcome.implementation for outcome in self.outcomes))

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes in which it shows, the widest first."""
        return tuple(sorted({outcome.dtype for outcome in self.outcomes}, key=_width))

    @property
    def cases(self) -> tuple[str, ...]:
        """The hand-written names of the cases that show it, each once."""
        names = (outcome.case.partition("[")[0] for outcome in self.outcomes)
        return tuple(dict.fromkeys(names))

    @property
    def seen(self) -> str:
        """What was observed in the smallest case: the judge's words."""
        return self.smallest.message if self.kind == NEW else self.smallest.detail

    @property
    def program(self) -> str:
        """The command that prints the smallest case as a program of its own."""
        return self.smallest.reproduce.replace("lstm-ref run", "lstm-ref repro", 1)

    @property
    def place(self) -> Worst | None:
        """Where the largest error is, and what stood there."""
        return self.worst.worst if self.worst else None


def without_numbers(message: str) -> str:
    """The message without its numbers, so that messages can be compared that differ
    only in these.
    """
    return NUMBER.sub("#", message)


def cause(outcome: Outcome) -> str:
    """The cause of an outcome, which other outcomes may share. It is the listed reason,
    or the first line of a failure without its numbers.
    """
    if outcome.outcome in FAILING and outcome.outcome != STALE:
        return without_numbers(headline(outcome))
    return outcome.message


def headline(outcome: Outcome) -> str:
    """The outcome in one line."""
    return outcome.message.strip().partition("\n")[0] or outcome.outcome


def findings(results: Results) -> list[Finding]:
    """Everything that is not as documented: first what is new, then entries that are no
    longer true, then known defects. Defects of the framework come before those of its
    documentation. Within each group, the finding with the most outcomes comes first.
    """
    groups: dict[tuple[str, str, str], list[Outcome]] = {}
    families = {name: group[0] for group in sharing_cases(results) for name in group}
    passed: dict[str, list[Outcome]] = {name: [] for name in results.implementations}
    for outcome in results.outcomes:
        kind = kind_of(outcome)
        if kind:
            key = (kind, cause(outcome), families[outcome.implementation])
            groups.setdefault(key, []).append(outcome)
        elif outcome.outcome == "pass":
            passed[outcome.implementation].append(outcome)
    passing = {name: Passing(outcomes) for name, outcomes in passed.items()}
    compared: dict[tuple[str, ...], Passing] = {}
    found = []
    for (kind, words, family), outcomes in groups.items():
        names = tuple(dict.fromkeys(outcome.implementation for outcome in outcomes))
        if names not in compared:
            compared[names] = Passing.of_several([passing[name] for name in names])
        anchor = f"finding-{digest(kind, words, family)}"
        found.append(_finding(anchor, kind, outcomes, compared[names]))
    return sorted(found, key=lambda each: (KINDS.index(each.kind), -len(each.outcomes)))


def kind_of(outcome: Outcome) -> str:
    """Which of KINDS an outcome is. Empty for one that is as documented or was not
    judged.
    """
    if outcome.outcome == STALE:
        return STALE
    if outcome.outcome in FAILING:
        return NEW
    if outcome.outcome != "divergence":
        return ""
    word = outcome.message.partition(":")[0]
    return word if word in KINDS else "framework"


def _finding(anchor: str, kind: str, outcomes: Sequence[Outcome], passing: Passing) -> Finding:
    smallest = min(outcomes, key=_size)
    reason = smallest.message.strip() or smallest.outcome
    if kind not in (NEW, STALE):
        reason = reason.removeprefix(f"{kind}:").strip()
    return Finding(
        anchor=anchor,
        kind=kind,
        sentence=_beginning(reason.partition("\n")[0]),
        reason=reason,
        link=next((outcome.link for outcome in outcomes if outcome.link), ""),
        outcomes=tuple(outcomes),
        smallest=smallest,
        worst=_worst(outcomes),
        factors=factors(outcomes, passing),
    )


def _beginning(reason: str) -> str:
    """The first sentences, as many as are needed to say something."""
    said: list[str] = []
    for sentence in SENTENCE_END.split(reason):
        said.append(sentence)
        if sum(map(len, said)) >= SHORTEST:
            break
    return " ".join(said)


def _size(outcome: Outcome) -> tuple[int, int, int, str]:
    """A key for sorting. The outcome with the least to read comes first. Among equal
    ones it is that of the widest dtype, which rounds least.
    """
    return len(outcome.yaml) or 10**9, len(outcome.parameters), _width(outcome.dtype), outcome.case


def _width(dtype: str) -> int:
    return DTYPES.index(dtype) if dtype in DTYPES else len(DTYPES)


def _worst(outcomes: Iterable[Outcome]) -> Outcome | None:
    measured = [outcome for outcome in outcomes if outcome.worst is not None]
    return max(measured, key=lambda outcome: _rank(outcome.ratio), default=None)


def _rank(ratio: object) -> float:
    """The error as a number. NaN and infinities are words in a result file, and nothing
    is worse than they are.
    """
    if isinstance(ratio, bool) or ratio is None:
        return -1.0
    return float(ratio) if isinstance(ratio, (int, float)) else float("inf")
