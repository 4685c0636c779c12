"""In which versions a listed disagreement was seen, and the range that follows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_ref.corpus import Case, Divergence, Location, load_parameters
from lstm_ref.results.records import Header, Outcome, Results, SubjectRecord
from lstm_ref.verdict.divergences import Divergences
from lstm_ref.verdict.known import beyond_measured, known, samples
from lstm_ref.verdict.ranges import Measured, Sighting, does_as_listed, measured, packages

PLACE = Location(Path("toy.yaml"), 5)
ENTRY = Divergence(
    "toy", "file/*", "framework", {"kit": "==2.*"}, ("fail",), "^beyond", None, "It adds one.", None, PLACE
)


def of(written: str, **words: str) -> Measured:
    """An entry that was seen ("x"), gone ("."), both ("?") or neither ("!", " ") in
    these versions.
    """
    made = {
        "x": lambda version: Sighting(version, 1),
        ".": lambda version: Sighting(version, 0, ("a",)),
        "?": lambda version: Sighting(version, 1, ("a",)),
        "!": lambda version: Sighting(version, 0, (), ("a",)),
        " ": Sighting,
    }
    sightings = [made[word](name[1:].replace("_", ".")) for name, word in words.items()]
    return Measured(PLACE, ("toy",), "kit", written, "It adds one.", tuple(sightings))


@pytest.mark.parametrize(
    ("words", "specifier"),
    [
        ({"v1": "x", "v2": "x"}, ">=1"),
        ({"v1": ".", "v2": "x"}, ">=2"),
        ({"v1": "x", "v2": "."}, ">=1,<2"),
        ({"v1": ".", "v2": "x", "v3": "?", "v4": "."}, ">=2,<4"),
        # What was not seen, and did not pass, says nothing.
        ({"v1": " ", "v2": "x", "v3": "!", "v4": "."}, ">=2,<4"),
        # A pre-release stands for its release, which lies behind it.
        ({"v1": "x", "v2_0_dev7": "."}, ">=1,<2.0.dev0"),
        ({"v1": ".", "v2_0_dev7": "x"}, ">=2.0.dev0"),
        ({"v1": ".", "v2": "."}, None),
        ({"v1": "x", "v2": ".", "v3": "x"}, None),
    ],
)
def test_a_range_holds_exactly_the_versions_in_which_it_was_seen(
    words: Mapping[str, str], specifier: str | None
) -> None:
    assert of("==2.*", **words).specifier == specifier


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        ({"v1": ".", "v2": "x", "v3": "."}, ()),
        ({"v1": "x", "v2": "x"}, ("1",)),
        ({"v1": ".", "v2": "."}, ("2",)),
        ({"v1": "!", "v2": " "}, ()),
        ({"v2": "?"}, ("2",)),
    ],
)
def test_a_range_is_wrong_in_a_version_that_shows_the_contrary(
    words: Mapping[str, str], wrong: Sequence[str]
) -> None:
    assert of("==2.*", **words).wrong == wrong


def outcome(case: str, column: str, word: str, message: str = "", detail: str = "") -> Outcome:
    return Outcome(case, column, "float64", word, message, "a.yaml", 1, "about", "source", {}, detail=detail)


@pytest.mark.parametrize(
    ("word", "message", "detail", "does"),
    [
        ("fail", "beyond the bound", "", True),
        ("fail", "something else", "", False),
        # What explains a failure stands in lines of its own before what was found.
        ("fail", "The gates are in another order.\nbeyond the bound", "", True),
        ("crash", "beyond the bound", "", False),
        ("divergence", "framework: It adds one.", "beyond the bound", True),
        ("divergence", "framework: Another entry's reason.", "something else", False),
        ("pass", "", "", False),
        ("stale", "beyond the bound", "", False),
    ],
)
def test_an_outcome_does_as_listed_where_its_own_message_says_so(
    word: str, message: str, detail: str, does: bool
) -> None:
    assert does_as_listed(outcome("file/a", "toy", word, message, detail), ENTRY) is does


CASES = """\
kind: cases
dialect: keras
layer: LSTM
about: a
source: b
defaults: {params: {units: 2}, input: {batch: 2, timesteps: 2, features: 2}}
cases: [{name: a}, {name: b}, {name: c}, {name: d}, {name: e}]
"""


@pytest.fixture
def cases(read: Callable[[str], dict[str, Case]]) -> dict[str, Case]:
    return {f"file/{name}": replace(case, id=f"file/{name}") for name, case in read(CASES).items()}


def results(versions: Mapping[str, str], *outcomes: Outcome) -> Results:
    header = Header("0", "", 0, "", 1, 1, {}, {}, tuple(versions), ())
    subjects = [
        SubjectRecord(column, (column,), {"kit": version, "numpy": "2"}, {})
        for column, version in versions.items()
    ]
    return Results(header, tuple(subjects), outcomes, None, "")


def test_each_version_of_a_package_is_looked_at_by_itself(cases: dict[str, Case]) -> None:
    one = results(
        {"toy@old": "1.0", "toy": "2.0"},
        outcome("file/a", "toy@old", "pass"),
        outcome("file/a", "toy", "divergence", "framework: It adds one."),
        outcome("file/b", "toy", "fail", "beyond the bound"),
        outcome("file/b", "toy@old", "unsupported"),
    )
    other = results({"toy": "3.0"}, outcome("file/b", "toy", "stale"))
    entries = Divergences([ENTRY, replace(ENTRY, implementation="tiny")], load_parameters())
    assert packages([one, other]) == ["kit"]
    (found,) = measured([one, other], cases, entries, "kit")
    assert [(each.version, each.word) for each in found.sightings] == [
        ("1.0", "gone"),
        ("2.0", "there"),
        ("3.0", "gone"),
    ]
    assert (found.specifier, found.wrong) == (">=2.0,<3.0", ())


def test_what_comes_goes_and_comes_again_has_an_entry_for_each_time(cases: dict[str, Case]) -> None:
    runs = [
        results({"toy": version}, outcome("file/a", "toy", word, "beyond" if word == "fail" else ""))
        for version, word in {"1.0": "fail", "2.0": "pass", "3.0": "fail"}.items()
    ]
    early = replace(ENTRY, versions={"kit": ">=1.0,<2.0"})
    late = replace(ENTRY, versions={"kit": ">=3.0"}, place=Location(Path("toy.yaml"), 9))
    entries = Divergences([early, late], load_parameters())
    assert [each.wrong for each in measured(runs, cases, entries, "kit")] == [(), ()]
    alone = Divergences([early], load_parameters())
    assert [each.wrong for each in measured(runs, cases, alone, "kit")] == [("3.0",)]


def test_what_was_measured_before_is_kept_where_it_is_not_run_again(cases: dict[str, Case]) -> None:
    runs = [
        results({"toy": "3.0"}, outcome("file/a", "toy", "fail", "beyond")),
        results({"toy": "4.0"}, outcome("file/a", "toy", "pass")),
    ]
    before = replace(ENTRY, versions={"kit": ">=2.0"}, measured={"kit": ("1.0", "2.0", "3.0")})
    (found,) = measured(runs, cases, Divergences([before], load_parameters()), "kit")
    assert [each.word for each in found.sightings] == ["gone", "there", "there", "gone"]
    assert (found.specifier, found.wrong) == (">=2.0,<4.0", ("4.0",))


def test_what_is_only_assumed_gives_way_to_what_was_seen(cases: dict[str, Case]) -> None:
    runs = [results({"toy": "1.0"}, outcome("file/a", "toy", "fail", "beyond"))]
    before = replace(ENTRY, versions={"kit": ">=3.0"}, measured={"kit": ("1.0", "2.0", "3.0")})
    (found,) = measured(runs, cases, Divergences([before], load_parameters()), "kit")
    assert (found.specifier, found.wrong) == (">=1.0", ("1.0",))


def test_a_few_cases_from_all_over_an_entry_are_enough(cases: dict[str, Case]) -> None:
    entries = [ENTRY, replace(ENTRY, cases="file/b", place=Location(Path("toy.yaml"), 9))]
    about = Divergences(entries, load_parameters())
    some = [case.id for case in samples(list(cases.values()), entries, about, 2)]
    assert some == ["file/a", "file/b", "file/d"]


def test_an_entry_is_listed_with_the_measured_versions_that_its_range_holds() -> None:
    entries = [
        replace(ENTRY, measured={"kit": ("1.0", "2.0")}),
        replace(ENTRY, implementation="tiny", measured={"kit": ("1.0", "2.0")}),
    ]
    (found,) = known(entries)
    assert found.implementations == ("toy", "tiny")
    assert found.versions == {"kit": {"1.0": False, "2.0": True}}


@pytest.mark.parametrize(
    ("versions", "told"),
    [
        ({"kit": "2.0"}, []),
        ({"kit": "1.9"}, []),
        ({"kit": "2.1.dev4"}, [("kit", "2.0", "2.1.dev4")]),
        ({"kit": "of its own"}, []),
        ({"other": "9"}, []),
    ],
)
def test_a_version_beyond_all_that_were_measured_is_told(
    versions: Mapping[str, str], told: Sequence[tuple[str, str, str]]
) -> None:
    entries = [replace(ENTRY, measured={"kit": ("1.0", "2.0")})]
    assert beyond_measured(entries, "toy", versions) == told
    assert beyond_measured(entries, "tiny", versions) == []
