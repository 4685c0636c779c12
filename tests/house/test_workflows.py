"""What the jobs of hosted CI call is there: nothing else tries them here."""

import shlex
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

import lstm_ref
from lstm_ref.cli import main

CHECKOUT = Path(lstm_ref.__file__).parent.parent
WORKFLOWS = [
    *(CHECKOUT / ".github" / "workflows").glob("*.yml"),
    *(CHECKOUT / "examples" / "downstream" / ".github" / "workflows").glob("*.yml"),
]

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="the workflows are part of a checkout")


def steps(file: Path) -> list[dict[str, Any]]:
    jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands() -> list[tuple[Path, list[str]]]:
    runs = [(file, step["run"]) for file in WORKFLOWS for step in steps(file) if "run" in step]
    return [(file, shlex.split(line)) for file, run in runs for line in run.splitlines()]


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_step_uses_something_or_runs_something(file: Path) -> None:
    assert all(("uses" in step) != ("run" in step) for step in steps(file))
    assert all("@" in step["uses"] for step in steps(file) if "uses" in step)


def test_jobs_wait_for_jobs_that_there_are() -> None:
    for file in WORKFLOWS:
        jobs = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
        assert {job["needs"] for job in jobs.values() if "needs" in job} <= set(jobs)


def test_environments_of_tox_are_there() -> None:
    tox = ConfigParser(interpolation=None)
    tox.read(CHECKOUT / "tox.ini", encoding="utf-8")
    known = {name.removeprefix("testenv:") for name in tox.sections()}
    labels = {line.partition("=")[0].strip() for line in tox["tox"]["labels"].splitlines() if line}
    called = [words for _, words in commands() if words[0] == "tox"]
    assert called
    for words in called:
        option, name = words[2:4]
        assert (words[1], name in {"-e": known, "-m": labels}[option]) == ("run", True), words


def test_commands_have_the_options_that_they_are_given() -> None:
    called = [words for _, words in commands() if words[0] == "lstm-ref"]
    through_tox = [words for _, words in commands() if words[:4] == ["tox", "run", "-e", "report"]]
    called += [["lstm-ref", "run", *words[5:]] for words in through_tox]
    assert {words[1] for words in called} == {"run", "merge", "report"}
    for words in called:
        command = main.get_command(click.Context(main), words[1])
        assert command is not None
        parser = command.make_parser(click.Context(command))
        parser.parse_args(args=list(words[2:]))


def test_every_part_is_merged() -> None:
    jobs = yaml.safe_load((CHECKOUT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    parts = jobs["part"]["strategy"]["matrix"]["part"]
    (merge,) = [words for _, words in commands() if words[:2] == ["lstm-ref", "merge"]]
    assert merge[2:-2] == [f"parts/part-{number}.jsonl" for number in parts]
    run = next(step["run"] for step in jobs["part"]["steps"] if "--shard" in step.get("run", ""))
    assert f"/{len(parts)} " in run
