"""What the summary says of versions that nobody measured."""

from pathlib import Path

from lstm_ref.corpus import Divergence, Location
from lstm_ref.results.records import SubjectRecord
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.targets import Target
from lstm_ref.runner.unmeasured import newer_than_measured

ENTRY = Divergence(
    "toy",
    "file/*",
    "framework",
    {"kit": ">=1"},
    ("fail",),
    "beyond",
    None,
    "It adds one.",
    None,
    Location(Path("toy.yaml"), 1),
    measured={"kit": ("1.0", "2.0")},
)


def target(column: str) -> Target:
    return Target(column, "toy", "keras", "", False, Launch("toy", (), {}))


def test_a_column_in_a_newer_version_is_told_once_whatever_it_is_called() -> None:
    targets = {"toy@new": target("toy@new"), "toy@old": target("toy@old")}
    subjects = [
        SubjectRecord("toy@new", ("toy@new",), {"kit": "2.1.dev3"}, {}),
        SubjectRecord("toy@old", ("toy@old",), {"kit": "2.0"}, {}),
    ]
    assert list(newer_than_measured([ENTRY, ENTRY], targets, subjects)) == [
        "the known disagreements of toy@new were measured up to kit 2.0; this is 2.1.dev3, where ranges that"
        " are open hold"
    ]
