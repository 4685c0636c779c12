"""`lstm-ref divergences`: the list, and ranges measured from result files."""

import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.corpus import Divergence, corpus_root, load, load_divergences
from lstm_ref.results.records import Header, Outcome
from lstm_ref.results.writing import ResultFile, record

CASE = "keras/rejected/use-cudnn-of-a-configuration"
MESSAGE = "returned a result, where the documented ValueError with a message like 'cuDNN' must be raised"
# The module: the package has its command by that name.
command = sys.modules["lstm_ref.cli.divergences"]
PLATFORM = {"system": "s", "machine": "m", "python": "3", "numpy": "2", "cpu": "c", "flags": ["avx2"]}


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["divergences", *map(str, arguments)])


@pytest.fixture
def written(tmp_path: Path, outcome: Callable[..., Outcome]) -> Callable[..., Path]:
    """The result file of a run of one version, in which the case had this outcome."""

    def write(version: str, word: str) -> Path:
        column = f"keras-tensorflow@{version}"
        header = Header("0", "2026-01-02T03:04:05+00:00", 0, "c", 1, 1, {}, PLATFORM, (column,), ())
        file = ResultFile(tmp_path / f"{version}.jsonl")
        file.begin(header)
        versions = {"python": "3", "numpy": "2", "tensorflow": "2.21.0", "keras": version}
        file.subject(
            {"subject": column, "implementations": [column], "versions": versions, "environment": {}}
        )
        file.outcome(record(outcome(CASE, word, implementation=column, message=MESSAGE, worst=None)))
        file.finish()
        file.close()
        return file.path

    return write


def entry() -> Divergence:
    return next(each for each in load_divergences() if each.cases.startswith(CASE))


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Divergence:
    """The only entry there is, of which no version was measured."""
    alone = replace(entry(), versions={"keras": "==9.*"}, measured={})
    corpus = replace(load(), divergences=(alone,))
    monkeypatch.setattr("lstm_ref.corpus.load", lambda: corpus)
    return alone


def test_the_list_has_every_entry_with_its_range() -> None:
    text = invoke().stdout
    assert all(each.reason in text for each in load_divergences())
    found = json.loads(invoke("--format", "json").stdout)
    assert {"entry", "implementations", "kind", "reason", "ranges", "versions"} == set(found[0])
    assert {each["reason"] for each in found} == {each.reason for each in load_divergences()}


def test_a_range_that_is_not_what_was_seen_is_told_and_fails_a_check(
    written: Callable[..., Path], listed: Divergence
) -> None:
    files = [written("2.0", "pass"), written("2.1", "fail"), written("2.2", "pass")]
    told = invoke(*files, "--check")
    assert told.exit_code == 1
    assert f". x .  {listed.place.file.name}:{listed.place.line}  " in told.stdout
    assert "==9.* -> >=2.1,<2.2" in told.stdout
    (found,) = json.loads(invoke(*files, "--format", "json").stdout)
    assert (found["measured"], found["wrong"]) == (">=2.1,<2.2", ["2.1"])
    assert invoke(written("0.8", "pass"), written("0.9", "pass"), "--check").exit_code == 0


def test_the_table_of_the_documentation_is_the_one_that_the_command_writes() -> None:
    page = (corpus_root() / "divergences" / "README.md").read_text(encoding="utf-8")
    _, _, table = page.partition("<!-- lstm-ref divergences --format md -->\n")
    assert table == invoke("--format", "md").stdout


def test_nothing_can_be_measured_where_no_version_differs(written: Callable[..., Path]) -> None:
    told = invoke(written("2.0", "pass"))
    assert told.exit_code == 4
    assert "no package differs in what was run; name one with --package" in told.output
    told = invoke("--write")
    assert told.exit_code == 4
    assert "--check and --write need result files, or --python" in told.output


def test_measured_ranges_are_written_into_the_file_that_the_entry_stands_in(
    written: Callable[..., Path], listed: Divergence, tmp_path: Path
) -> None:
    copy = tmp_path / listed.place.file.name
    text = listed.place.file.read_text(encoding="utf-8")
    copy.write_text(text, encoding="utf-8")
    files = [written("2.0", "pass"), written("2.1", "fail"), written("2.2", "pass")]
    found, package = command._measured(files, None)
    command._write([replace(found[0], place=replace(found[0].place, file=copy))], package)
    new = copy.read_text(encoding="utf-8")
    assert 'keras: ["2.0", "2.1", "2.2"]' in new
    changed = set(new.splitlines()) - set(text.splitlines())
    assert any('{keras: ">=2.1,<2.2"}' in line for line in changed)
    assert len(changed) == 2
