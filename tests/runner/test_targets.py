"""What is under test has a column each, whatever subjects call themselves. Nothing is
started here.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from lstm_ref.protocol import Host, Implementation
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.runner.asked import Asked
from lstm_ref.runner.errors import BadSettings, BadTargets
from lstm_ref.runner.interpreters import Interpreter, Unfit
from lstm_ref.runner.launching import Launch
from lstm_ref.runner.settings import ProjectSettings, parsed, patterns_of, settings_of
from lstm_ref.runner.targets import Elsewhere, Introduced, Outsider, Target, elsewhere, outsiders, resolved

HERE = Path("/here")
KNOWN = {
    "known": Implementation(
        "known", "keras", object, {"float32": "float32"}, Host("host", ("numpy",), "x", {"THREADS": "1"})
    )
}  # type: ignore[arg-type]


def subject(name: str | None, command: str) -> Outsider:
    (found,) = outsiders([f"{name}={command}" if name else command], [], HERE)
    return found


def saying(**versions: Mapping[str, str]) -> Callable[[Launch], Introduced]:
    """Subjects by the first word of their command: each hosts "own", and those called
    several "other" as well.
    """

    def introduce(launch: Launch) -> Introduced:
        word = launch.command[0]
        names = ("own", "other") if word == "several" else ("own",)
        return Introduced(
            versions.get(word, {"pkg": "1"}),
            [Introduction(name, "keras", {"float32": "float32"}) for name in names],
        )

    return introduce


def fit(path: Path, modules: Sequence[str]) -> Interpreter:
    return Interpreter(path, {"pkg": "3.8"})


def columns(
    strangers: Sequence[Outsider], others: Sequence[Elsewhere] = (), **versions: Mapping[str, str]
) -> dict[str, Target]:
    return resolved(strangers, others, KNOWN, saying(**versions), fit)


def test_a_command_is_split_into_words_and_runs_where_it_was_named() -> None:
    (found,) = outsiders(["node 'my file.mjs' --fast"], [], HERE)
    assert (found.name, found.launch.command, found.launch.folder) == (
        None,
        ("node", "my file.mjs", "--fast"),
        HERE,
    )


@pytest.mark.parametrize(
    ("text", "name", "command"),
    [
        ("mine=node x", "mine", ("node", "x")),
        ("mine@3.8=./x", "mine@3.8", ("./x",)),
        ("node --option=1", None, ("node", "--option=1")),
        ("./a=b", None, ("./a=b",)),
    ],
)
def test_a_name_stands_before_the_command(text: str, name: str | None, command: tuple[str, ...]) -> None:
    (found,) = outsiders([text], [], HERE)
    assert (found.name, found.launch.command) == (name, command)


def test_a_column_has_the_name_that_it_was_given_or_the_subjects_own() -> None:
    found = columns([subject("mine", "a"), subject(None, "b")])
    assert {column: target.name for column, target in found.items()} == {"mine": "own", "own": "own"}


def test_a_subject_with_several_implementations_has_a_column_for_each() -> None:
    assert list(columns([subject("mine", "several")])) == ["own@mine", "other@mine"]
    assert list(columns([subject(None, "several")])) == ["own", "other"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ({"python": "3.11", "pkg": "3.8"}, {"python": "3.12", "pkg": "3.15"}, ["own@3.8", "own@3.15"]),
        ({"a": "1", "b": "2"}, {"a": "3", "b": "4"}, ["own@a-1+b-2", "own@a-3+b-4"]),
        ({"python": "3.11", "pkg": "1"}, {"python": "3.12", "pkg": "1"}, ["own@3.11", "own@3.12"]),
    ],
)
def test_two_subjects_of_one_name_are_two_columns_with_their_versions(
    first: Mapping[str, str], second: Mapping[str, str], expected: list[str]
) -> None:
    assert list(columns([subject(None, "old"), subject(None, "new")], old=first, new=second)) == expected


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(BadTargets, match="2 columns are called own; name them, as --subject NAME=COMMAND"):
        columns([subject(None, "a"), subject(None, "b")])


def test_a_known_implementation_under_another_interpreter_keeps_its_environment_and_gets_its_versions() -> (
    None
):
    found = columns([], [Elsewhere("known", "3.8", Path("/envs/python"), "told")])
    target = found["known@3.8"]
    assert (target.name, target.versions, target.launch.subject) == ("known", {"pkg": "3.8"}, "host@3.8")
    assert target.launch.command[0] == "/envs/python"
    assert target.launch.command[-1] == "host"
    assert target.launch.environment["THREADS"] == "1"
    # Packages of this interpreter are not those of the other.
    assert "PYTHONPATH" not in target.launch.environment


def test_all_problems_are_told_at_once() -> None:
    def look(path: Path, modules: Sequence[str]) -> Unfit:
        return Unfit(f"{path} is too old")

    others = [
        Elsewhere("known", "a", Path("/old"), "first"),
        Elsewhere("unknown", "b", Path("/new"), "second"),
    ]
    with pytest.raises(BadTargets) as error:
        resolved([subject(None, "silent")], others, KNOWN, lambda launch: "it says nothing", look)
    assert error.value.problems == (
        "subject 'silent': it says nothing",
        "first: /old is too old",
        "second: there is no implementation 'unknown'; known are known",
    )


def test_mistakes_of_commands_and_files_are_told_together() -> None:
    with pytest.raises(BadTargets) as error:
        outsiders(["", "'open"], ["nowhere.py"], HERE)
    assert len(error.value.problems) == 3


def test_an_interpreter_is_a_path_from_the_folder_and_its_link_is_kept(tmp_path: Path) -> None:
    (tmp_path / "env").mkdir()
    (tmp_path / "real").touch()
    (tmp_path / "env" / "python").symlink_to(tmp_path / "real")
    (found,) = elsewhere(["known@old=env/python"], tmp_path)
    assert found.interpreter == tmp_path / "env" / "python"


SETTINGS = ProjectSettings(HERE, subjects=("set=node x", "node y"), implementations=("known",))


def asked(*columns: str, subjects: Sequence[str] = ()) -> Asked:
    return Asked.of(columns, subjects, (), (), Path("/elsewhere"), SETTINGS)


def test_what_the_command_line_names_stands_in_place_of_the_settings() -> None:
    named = asked(subjects=["node z"])
    assert (named.columns, [each.launch.command for each in named.outsiders]) == ((), [("node", "z")])
    settled = asked()
    assert (settled.columns, len(settled.outsiders), settled.outsiders[0].launch.folder) == (
        ("known",),
        2,
        HERE,
    )


@pytest.mark.parametrize(
    ("columns", "started"),
    [
        (("known",), []),
        (("set",), ["x"]),
        (("own",), ["y"]),
        (("own@set",), ["x", "y"]),
        (("set", "own"), ["x", "y"]),
    ],
)
def test_nothing_is_started_that_nobody_asks_for(columns: tuple[str, ...], started: list[str]) -> None:
    seen: list[str] = []

    def introduce(launch: Launch) -> Introduced:
        seen.append(launch.command[1])
        return Introduced({"from": launch.command[1]}, [Introduction("own", "keras", {"float32": "float32"})])

    asked(*columns).resolved(KNOWN, introduce)
    assert seen == started


def test_the_nearest_table_counts_and_paths_are_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.lstm-ref]\nsubjects = ["a"]\ncases = ["mine.yaml", "keras"]\nseed = 3\n', encoding="utf-8"
    )
    (tmp_path / "mine.yaml").touch()
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    found = settings_of(inner)
    assert (found.folder, found.subjects, found.seed, found.full) == (tmp_path, ("a",), 3, False)
    assert patterns_of(found) == [str(tmp_path / "mine.yaml"), "keras"]


def test_without_a_table_there_are_no_settings(tmp_path: Path) -> None:
    assert settings_of(tmp_path) == ProjectSettings(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[tool.lstm-ref]\nseed = true", 'x:2: "seed" must be a whole number'),
        ("[tool.lstm-ref]\n\ncases = ['']", 'x:3: "cases" must be a list of words'),
        ("[tool.lstm-ref", "x: is not TOML"),
    ],
)
def test_mistakes_in_settings_have_their_place(text: str, told: str) -> None:
    with pytest.raises(BadSettings, match=told.replace("[", r"\[")):
        parsed(text, Path("x"))
