"""`lstm-ref report`: the formats, and where they are written."""

import json
import subprocess
import sys
import xml.etree.ElementTree as xml
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lstm_ref.cli import main
from lstm_ref.results.records import Outcome

Written = Callable[..., Path]
Made = Callable[..., Outcome]


def report(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["report", *arguments])


@pytest.fixture
def file(result_file: Written, outcome: Made) -> Path:
    return result_file(outcome("torch/a/b", "pass"), outcome("torch/a/c", "fail"))


@pytest.mark.parametrize(
    ("format_", "name", "begins"),
    [
        ("html", "conformance.html", "<!doctype html>"),
        ("md", "conformance.md", "## LSTM conformance"),
        ("json", "conformance.json", "{"),
        ("junit", "junit.xml", "<?xml"),
    ],
)
def test_each_format_has_its_file_beside_the_results(
    file: Path, format_: str, name: str, begins: str
) -> None:
    done = report(str(file), "--format", format_)
    assert done.exit_code == 0, done.output
    assert done.stdout.strip() == str(file.with_name(name))
    text = file.with_name(name).read_text(encoding="utf-8")
    assert text.lower().startswith(begins.lower())
    assert "torch/a/c" in text


def test_without_a_format_it_is_html(file: Path) -> None:
    assert report(str(file)).stdout.strip().endswith("conformance.html")


def test_a_dash_is_standard_output(file: Path) -> None:
    assert json.loads(report(str(file), "--format", "json", "-o", "-").stdout)["failed"] is True
    text = report(str(file), "--format", "junit", "-o", "-").stdout
    assert xml.fromstring(text)[0].get("failures") == "1"
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_what_is_no_result_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    done = report(str(file), "--format", "md")
    assert done.exit_code != 0
    assert "x.jsonl" in done.output
    assert "Traceback" not in done.output


def test_it_starts_for_real(file: Path) -> None:
    command = [sys.executable, "-m", "lstm_ref.cli", "report", str(file), "--format", "md", "-o", "-"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## LSTM conformance\n")
