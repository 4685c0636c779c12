"""What is told of two result files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from lstm_ref.cli import main
from lstm_ref.report.changes import Changes, changes
from lstm_ref.report.errors import CannotCompare
from lstm_ref.results.reading import read

Record = dict[str, Any]
Make = dict[str, Callable[..., Any]]
Results = Callable[..., Path]


@pytest.fixture
def results(make: Make, tmp_path: Path) -> Results:
    """A complete result file of these outcomes, under a name."""

    def write(name: str, outcomes: list[Record], **header: Any) -> Path:
        file = tmp_path / f"{name}.jsonl"
        lines = make["complete"](outcomes, **header)
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return file

    return write


@pytest.fixture
def compared(results: Results) -> Callable[..., Changes]:
    def compare(old: list[Record], new: list[Record], **header: Any) -> Changes:
        return changes(read(results("old", old)), read(results("new", new, **header)))

    return compare


def kinds(found: Changes) -> list[tuple[str, int]]:
    return [(group.kind, len(group.changes)) for group in found.groups]


def test_nothing_is_told_where_nothing_changed(make: Make, compared: Callable[..., Changes]) -> None:
    some = [make["outcome"](), make["failure"](dtype="float32"), make["outcome"](case="a/b", ratio=0.9)]
    found = compared(some, some)
    assert (found.groups, found.unchanged, found.is_worse, found.notes) == ((), 3, False, ())


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        ("pass", "fail", "newly-red"),
        ("divergence", "crash", "newly-red"),
        ("unsupported", "error", "newly-red"),
        ("fail", "pass", "newly-green"),
        ("divergence", "pass", "newly-green"),
        ("pass", "divergence", "newly-known"),
        ("timeout", "divergence", "no-longer-red"),
        ("pass", "unsupported", "no-longer-judged"),
        ("fail", "not-run", "no-longer-judged"),
        ("unsupported", "pass", "newly-judged"),
        (None, "pass", "new"),
        (None, "stale", "newly-red"),
        ("pass", None, "gone"),
        ("fail", None, "gone"),
    ],
)
def test_each_way_to_change_has_its_kind(
    was: str | None, now: str | None, kind: str, make: Make, compared: Callable[..., Changes]
) -> None:
    same = make["outcome"](case="a/same")
    sides = [[same, *([make["outcome"](outcome=word)] if word else [])] for word in (was, now)]
    found = compared(*sides)
    assert kinds(found) == [(kind, 1)]
    assert found.is_worse == (kind == "newly-red")
    assert found.counts == {kind: 1}


@pytest.mark.parametrize(
    ("ratio", "told"), [(7.8e8, False), (1.5e9, False), (1.6e9, True), (3.8e8, True), ("nan", True)]
)
def test_an_error_of_another_size_is_another_one(
    ratio: Any, told: bool, make: Make, compared: Callable[..., Changes]
) -> None:
    found = compared([make["failure"]()], [make["failure"](ratio=ratio)])
    assert kinds(found) == ([("red-changed", 1)] if told else [])
    assert not found.is_worse


def test_without_a_size_the_words_tell_but_not_their_numbers(
    make: Make, compared: Callable[..., Changes]
) -> None:
    def crash(message: str) -> Record:
        return make["outcome"](outcome="crash", message=message, ratio=None, worst=None)

    assert kinds(compared([crash("signal 11 at call 1")], [crash("signal 6 at call 2")])) == []
    assert kinds(compared([crash("signal SIGSEGV")], [crash("exit code 3")])) == [("red-changed", 1)]


def test_changes_of_one_cause_are_one_group(make: Make, compared: Callable[..., Changes]) -> None:
    cases = [f"keras/a[x={k}]" for k in range(4)]
    old = [make["outcome"](case=case) for case in cases]
    new = [make["failure"](case=case, message=f"largest error 0.{k + 1}") for k, case in enumerate(cases)]
    new[3] = make["failure"](case=cases[3], message="another rank")
    found = compared(old, new)
    assert kinds(found) == [("newly-red", 3), ("newly-red", 1)]
    assert found.groups[1].sentence == "another rank"


def labelled(outcomes: list[Record], label: str) -> tuple[list[Record], list[str]]:
    name = f"keras-tensorflow{label}"
    return [{**each, "implementation": name} for each in outcomes], [name, "torch"]


def test_versions_of_one_implementation_are_compared_by_themselves(make: Make, results: Results) -> None:
    old, names = labelled([make["outcome"]()], "@3.7")
    new, others = labelled([make["outcome"](outcome="fail")], "")
    found = changes(
        read(results("old", old, implementations=names)), read(results("new", new, implementations=others))
    )
    assert kinds(found) == [("newly-red", 1)]
    assert found.pairs == (("torch", "torch"), ("keras-tensorflow@3.7", "keras-tensorflow"))


def test_others_are_compared_as_told_and_refused_where_nothing_is_common(
    make: Make, results: Results
) -> None:
    old, names = labelled([make["outcome"]()], "@a")
    file = read(results("old", old, implementations=[names[0]]))
    only_torch = read(results("new", [make["outcome"](implementation="torch")], implementations=["torch"]))
    with pytest.raises(CannotCompare, match=r"no implementation is in both files.*--match"):
        changes(file, only_torch)
    assert changes(file, only_torch, {names[0]: "torch"}).unchanged == 1
    with pytest.raises(CannotCompare, match="the new file has no implementation troch"):
        changes(file, only_torch, {names[0]: "troch"})


def test_what_makes_a_comparison_weaker_is_noted(make: Make, results: Results) -> None:
    old = read(results("old", [make["outcome"]()]))
    new = results("new", [make["outcome"]()], corpus="other", seed=1)
    lines = new.read_text(encoding="utf-8").splitlines(keepends=True)
    new.write_text("".join(lines[:-1]), encoding="utf-8")  # without the footer
    assert changes(old, read(new)).notes == (
        "the case files differ: an outcome may have changed because its case did",
        "the seeds differ: 0 and 1; all numbers were drawn anew",
        "the new file is incomplete: the run did not finish: the file has no footer",
    )


# --- the command ---


@pytest.fixture
def files(make: Make, results: Results) -> tuple[str, str]:
    cases = [f"keras/a[x={k}]" for k in range(9)]
    old = [make["outcome"](case=case) for case in cases]
    hostile = "<script>alert(1)</script> \u202e *wrong* rank"
    new = [make["failure"](case=case, message=hostile) for case in cases]
    return str(results("old", old)), str(results("new", new))


def test_the_exit_code_says_whether_anything_is_newly_red(files: tuple[str, str]) -> None:
    run = CliRunner().invoke
    worse, better = run(main, ["diff", *files]), run(main, ["diff", *reversed(files)])
    assert (worse.exit_code, better.exit_code) == (1, 0)
    assert "Newly red: 9; unchanged: 0." in worse.output
    assert "Newly green: 9; unchanged: 0." in better.output
    assert worse.output.count("keras/a[x=") == 5
    assert "and 4 more" in worse.output
    assert run(main, ["diff", *files, "--all"]).output.count("keras/a[x=") == 9


def test_a_program_reads_every_change(files: tuple[str, str]) -> None:
    done = CliRunner().invoke(main, ["diff", *files, "--format", "json"])
    found = json.loads(done.output)
    assert (done.exit_code, found["counts"]) == (1, {"newly-red": 9})
    assert len(found["groups"][0]["changes"]) == 9
    assert found["groups"][0]["changes"][0]["ratios"] == [0.31, 7.8e8]


@pytest.mark.parametrize("format_", ["md", "html", "text"])
def test_hostile_words_are_only_words(format_: str, files: tuple[str, str], tmp_path: Path) -> None:
    target = tmp_path / "made" / "page"
    done = CliRunner().invoke(main, ["diff", *files, "--format", format_, "-o", str(target)])
    page = target.read_text(encoding="utf-8")
    assert done.output.strip() == str(target)
    assert "\u202e" not in page
    assert ("<script>" in page) == (format_ == "text")
    assert "*wrong*" not in page or format_ != "md"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--match", "torch"], "is not OLD=NEW"),
        (["--match", "troch=torch"], "the old file has no implementation troch, only keras-tensorflow"),
    ],
)
def test_a_wrong_command_line_says_what_is_right(more: list[str], said: str, files: tuple[str, str]) -> None:
    done = CliRunner().invoke(main, ["diff", *files, *more])
    assert done.exit_code == 4
    assert said in done.output
