"""The statements of a report: each with its verdict, and with the runs that show it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lstm_ref.report.tables import digest, versions
from lstm_ref.results.records import FAILING, Claimed, Outcome, Results

# Each verdict in the words of the report. The most important one comes first.
VERDICTS = {
    "false": "False",
    "under-conditions": "True under conditions",
    "true": "True",
    "not-decidable": "Not decidable here",
}
FEW = 12  # more statements than this are folded, those of a source together
KINDS = ("article", "documentation", "docstring")  # of sources, in the order in which they are shown
SIDES = {
    "holds": "The statement holds",
    "fails": "The statement does not hold",
    "corrected": "What is true holds",
    "": "",
}


@dataclass(frozen=True)
class StatementVerdict:
    """The verdict of a statement on some implementations, which are named with their
    versions. `state` is "confirmed" if every run showed what it must, and "refuted" if
    one did not. It is "open" if nothing was run or could be run.
    """

    verdict: str
    implementations: str
    state: str


@dataclass(frozen=True)
class Evidence:
    """A run that shows whether a statement holds: its lines, their results, and the
    implementations. `problem` says what is not as it must be. It is empty if all is.
    """

    says: str
    side: str
    code: tuple[str, ...]
    seen: tuple[str, ...]
    implementations: str
    problem: str
    reproduce: str


@dataclass(frozen=True)
class Statement:
    """A statement of a source. `source` is the index of the source in the report."""

    anchor: str
    claim: Claimed
    source: int
    verdicts: tuple[StatementVerdict, ...]
    evidence: tuple[Evidence, ...]

    @property
    def words(self) -> str:
        """The verdicts of the statement, once each, for a filter."""
        return " ".join(dict.fromkeys(verdict.verdict for verdict in self.verdicts))


@dataclass(frozen=True)
class SourceCounts:
    """A source, and how many statements of it have each verdict."""

    title: str
    kind: str
    version: str
    counts: dict[str, int]


@dataclass(frozen=True)
class Claims:
    """All statements of a report, those of one source together."""

    statements: tuple[Statement, ...]
    sources: tuple[SourceCounts, ...]
    counts: dict[str, int]

    def of(self, source: int) -> list[Statement]:
        """The statements of one source, the most misleading first."""
        rank = list(VERDICTS)
        mine = [each for each in self.statements if each.source == source]
        return sorted(mine, key=lambda each: rank.index(each.verdicts[0].verdict))

    def opens(self, source: int) -> bool:
        """Whether the statements of a source are shown without being asked for: where
        there are few in all, and where one of them is not what it is said to be.
        """
        refuted = any(verdict.state == "refuted" for each in self.of(source) for verdict in each.verdicts)
        return refuted or len(self.statements) <= FEW


def claims(results: Results) -> Claims:
    """The statements that a run was about, in the order of their files."""
    groups: dict[str, list[Outcome]] = {}
    for outcome in results.outcomes:
        if outcome.claim is not None:
            groups.setdefault(outcome.claim.claim, []).append(outcome)
    found = dict.fromkeys(_title(outcomes) for outcomes in groups.values())
    titles = sorted(found, key=lambda title: KINDS.index(title[1]) if title[1] in KINDS else len(KINDS))
    statements = tuple(
        _statement(results, f"claim-{digest(claim)}", titles.index(_title(some)), some)
        for claim, some in groups.items()
    )
    of_source = [[each for each in statements if each.source == index] for index in range(len(titles))]
    sources = tuple(
        SourceCounts(*title, _counts(some)) for title, some in zip(titles, of_source, strict=True)
    )
    return Claims(statements, sources, _counts(statements))


def _title(outcomes: Sequence[Outcome]) -> tuple[str, str, str]:
    source = _claim(outcomes[0]).source
    return source["title"], source["kind"], source["version"]


def _claim(outcome: Outcome) -> Claimed:
    assert outcome.claim is not None
    return outcome.claim


def _counts(statements: Sequence[Statement]) -> dict[str, int]:
    """The number of statements with each verdict. A statement with several verdicts
    counts for each of them.
    """
    found = Counter(word for statement in statements for word in statement.words.split())
    return {word: found[word] for word in VERDICTS if found[word]}


def _statement(results: Results, anchor: str, source: int, outcomes: Sequence[Outcome]) -> Statement:
    by_verdict: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_verdict.setdefault(_claim(outcome).verdict, []).append(outcome)
    verdicts = tuple(
        StatementVerdict(word, _names(results, some), _state(some))
        for word, some in sorted(by_verdict.items(), key=lambda pair: list(VERDICTS).index(pair[0]))
    )
    evidence = list(_evidence(outcomes))
    if verdicts[0].verdict == "false":  # what refutes it comes first
        evidence.sort(key=lambda run: run.side != "fails")
    return Statement(anchor, _claim(outcomes[0]), source, verdicts, tuple(evidence))


def _state(outcomes: Sequence[Outcome]) -> str:
    if any(outcome.outcome in FAILING for outcome in outcomes):
        return "refuted"
    return "confirmed" if all(outcome.outcome == "pass" for outcome in outcomes) else "open"


def _names(results: Results, outcomes: Sequence[Outcome]) -> str:
    """The implementations of the outcomes, each with the versions of its framework."""
    names = dict.fromkeys(outcome.implementation for outcome in outcomes)
    return "; ".join(f"{name} ({found})" if (found := versions(results, name)) else name for name in names)


def _evidence(outcomes: Sequence[Outcome]) -> Iterator[Evidence]:
    """Runs that came to the same on several implementations are one."""
    alike: dict[tuple[object, ...], list[Outcome]] = {}
    for outcome in outcomes:
        claim = _claim(outcome)
        if claim.code:
            problem = outcome.message if outcome.outcome != "pass" else ""
            alike.setdefault((outcome.case, claim.code, claim.seen, problem), []).append(outcome)
    for same in alike.values():
        claim = _claim(same[0])
        yield Evidence(
            says=claim.says,
            side=claim.side,
            code=claim.code,
            seen=claim.seen,
            implementations=", ".join(dict.fromkeys(outcome.implementation for outcome in same)),
            problem="" if same[0].outcome == "pass" else same[0].message,
            reproduce=same[0].reproduce,
        )
