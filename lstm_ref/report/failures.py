"""The failures of a report: which are shown in full, and how their numbers read."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, zip_longest

from lstm_ref.report.data import FAILING, Outcome, Results
from lstm_ref.report.values import place

# A report stays below 1 MB, however much fails. The result file holds every failure in full.
FULL_TEXT_BYTES = 300_000
DETAIL_CHARACTERS = 4_000


@dataclass(frozen=True)
class Failure:
    """A failing outcome, ready to be shown. `anchor` is its place in the page."""

    anchor: str
    outcome: Outcome
    headline: str
    place: str
    detail: str


def failures(results: Results) -> tuple[list[Failure], int]:
    """The failures shown in full, and how many there are altogether.

    Where there are too many, each implementation and file has its turn, so that no flood hides another failure.
    """
    failing = [outcome for outcome in results.outcomes if outcome.outcome in FAILING]
    shown: list[Failure] = []
    room = FULL_TEXT_BYTES
    for outcome in _in_turn(failing):
        failure = _failure(f"failure-{len(shown) + 1}", outcome)
        room -= len(outcome.yaml) + len(outcome.message) + len(failure.detail) + 1_000
        if room < 0:
            break
        shown.append(failure)
    return shown, len(failing)


def _in_turn(failing: list[Outcome]) -> Iterator[Outcome]:
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in failing:
        groups.setdefault((outcome.implementation, outcome.file), []).append(outcome)
    return (outcome for outcome in chain.from_iterable(zip_longest(*groups.values())) if outcome is not None)


def _failure(anchor: str, outcome: Outcome) -> Failure:
    headline = outcome.message.strip().split("\n")[0] or "no message"
    detail = outcome.detail if len(outcome.detail) <= DETAIL_CHARACTERS else f"[...]\n{outcome.detail[-DETAIL_CHARACTERS:]}"
    return Failure(anchor, outcome, headline, place(outcome.worst) if outcome.worst else "", detail)
