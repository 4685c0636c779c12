"""Cases are chosen by id, pattern, file and folder."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ref.corpus import Case, NothingSelectedError, gather, load, select


@pytest.fixture
def all_cases(root: Path, write: Callable[[str, str], Path]) -> tuple[Case, ...]:
    write(
        "toy/one.yaml",
        "- {name: gaps, matrix: {call.mask: [absent, left], params.unroll: [false, true]}}\n- {name:"
        " gaps-again}\n",
    )
    write("toy/deep/two.yaml", "- {name: gaps}")
    return load(root).cases


Select = Callable[..., list[str]]


@pytest.fixture
def selected(all_cases: tuple[Case, ...]) -> Select:
    return lambda *patterns: [case.id for case in select(all_cases, patterns)]


ONE = [
    "toy/one/gaps",
    "toy/one/gaps[unroll=true]",
    "toy/one/gaps[mask=left]",
    "toy/one/gaps[mask=left,unroll=true]",
]
AGAIN = "toy/one/gaps-again"
TWO = "toy/deep/two/gaps"


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("toy/one/gaps", ONE[:1]),
        ("toy/one/gaps[mask=left]", ONE[2:3]),
        ("toy/one/gaps[*", ONE[1:]),
        ("toy/one/gaps[mask=*]", ONE[2:]),
        ("toy/one/gap?", ONE[:1]),
        ("*gaps", [TWO, ONE[0]]),
        ("toy/one", [*ONE, AGAIN]),
        ("toy/", [TWO, *ONE, AGAIN]),
        ("cases/toy/one.yaml", [*ONE, AGAIN]),
        ("cases/toy/one.yaml::gaps[mask=left]", ONE[2:3]),
        ("cases/toy/one.yaml::gaps", ONE[:1]),
        ("cases/toy/one.yaml::*again", [AGAIN]),
        ("cases/toy", [TWO, *ONE, AGAIN]),
    ],
)
def test_a_pattern_selects(selected: Select, pattern: str, ids: list[str]) -> None:
    assert selected(pattern) == ids


@pytest.mark.parametrize("pattern", ["toy/one/gaps", "cases/toy/one.yaml::gaps"])
def test_a_name_means_all_points_of_a_case_that_has_none_without_axes(
    all_cases: tuple[Case, ...], pattern: str
) -> None:
    left = [case for case in all_cases if case.id != ONE[0]]
    assert [case.id for case in select(left, [pattern])] == ONE[1:]


@pytest.mark.parametrize(
    ("pattern", "ids"),
    [
        ("toy/one.yaml", [*ONE, AGAIN]),
        ("toy/one.yaml::gaps[mask=*", ONE[2:]),
        ("toy/deep", [TWO]),
        (".", [TWO, *ONE, AGAIN]),
    ],
)
def test_a_file_or_folder_that_exists_selects_what_it_holds(
    selected: Select, root: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, ids: list[str]
) -> None:
    monkeypatch.chdir(root)
    assert selected(pattern) == ids
    assert selected(str(root / pattern)) == ids


def test_cases_come_in_the_order_of_the_corpus_and_once(selected: Select) -> None:
    assert selected(AGAIN, "toy/deep", "*again") == [TWO, AGAIN]


def test_no_pattern_selects_everything(selected: Select) -> None:
    assert selected() == [TWO, *ONE, AGAIN]


@pytest.mark.parametrize(
    ("pattern", "close"),
    [
        ("toy/one/gap", "toy/one/gaps"),
        ("toy/one/gaps[mask=lift]", "toy/one/gaps[mask=left]"),
        ("toy/on", "toy/one"),
        ("cases/toy/on.yaml", "toy/one"),
        ("cases/toy/one.yaml::gasp", "toy/one/gaps"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error_with_what_is_close(
    selected: Select, pattern: str, close: str
) -> None:
    with pytest.raises(NothingSelectedError) as caught:
        selected(AGAIN, pattern)
    assert f'"{pattern}"' in str(caught.value)
    assert f'did you mean "{close}"' in str(caught.value)


@pytest.mark.parametrize("pattern", ["toy/one/gaps[mask=lef]", "toy/one/gaps[am]", "toy/one/[g]aps"])
def test_brackets_stand_for_themselves(selected: Select, pattern: str) -> None:
    with pytest.raises(NothingSelectedError):
        selected(pattern)


def test_of_a_folder_elsewhere_the_case_files_are_taken_and_other_yaml_is_let_alone(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "compose.yaml").write_text("services: {web: {image: none}}\n", encoding="utf-8")
    (folder / "own.yaml").write_text(
        "kind: cases\ndialect: keras\nlayer: LSTM\nabout: Own.\nsource: a test\n"
        "cases: [{name: plain, params: {units: 3}, input: {batch: 1, timesteps: 1, features: 1}}]\n",
        encoding="utf-8",
    )
    assert [case.id for case in gather([str(folder)])] == ["own/plain"]
