"""A result file in Markdown, as data, as JUnit XML, and as annotations of GitHub."""

import json
import xml.etree.ElementTree as xml
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report import junit, markdown
from lstm_ref.report.annotations import annotations
from lstm_ref.report.data import as_data
from lstm_ref.results.reading import read
from lstm_ref.results.records import Results

Make = dict[str, Callable[..., Any]]
HOSTILE = "<script>alert(1)</script> | `x` **b** ]]> 100%\x00\x1b[0m \u202e, a:b\r\nsecond line"
PAGES = {"keras.layers.LSTM": "https://example.org/lstm_(layer)", "a guide": "javascript:alert(1)"}
LISTED = {"outcome": "divergence", "message": "framework: it is wrong", "link": "https://example.org/1"}


@pytest.fixture
def results(make: Make, write: Callable[[list[dict[str, Any]]], Path]) -> Callable[..., Results]:
    def of(*outcomes: dict[str, Any], whole: bool = True) -> Results:
        named = [{"case": f"k/f/c[n={index}]", **each} for index, each in enumerate(outcomes)]
        made = [make["failure" if each.get("outcome") == "fail" else "outcome"](**each) for each in named]
        return read(write(make["complete"](made)[: None if whole else -1]))

    return of


def test_markdown_has_a_verdict_each_and_what_is_new_with_its_command(
    results: Callable[..., Results],
) -> None:
    text = markdown.render(results({"outcome": "fail"}, {"outcome": "pass"}, LISTED))
    row = next(line for line in text.splitlines() if line.startswith("| keras-tensorflow |"))
    assert "1 check fails in 1 way" in row
    assert row.endswith("| 3 | 1 | 1 | 1 |")
    assert "### New: no known divergence explains it" in text
    assert "largest error 1e-10 at call 0, output, batch 1, time 2, unit 0" in text
    assert "\n```sh\nlstm-ref run 'keras/structure/product[use_bias=false]'" in text
    assert "- keras-tensorflow, framework: it is wrong (https://example.org/1)" in text


def test_every_format_says_where_a_failure_is_documented(results: Callable[..., Results]) -> None:
    found = results({"outcome": "fail", "documentation": PAGES})
    assert "[keras.layers.LSTM](https://example.org/lstm_%28layer%29)" in markdown.render(found)
    assert as_data(found)["findings"][0]["smallest"]["documentation"] == PAGES
    assert PAGES["keras.layers.LSTM"] in junit.render(found)


def test_markdown_says_that_a_run_is_not_whole(results: Callable[..., Results]) -> None:
    assert "**This is not a whole run:**" in markdown.render(results({}, whole=False))
    assert "no whole run" not in markdown.render(results({}))


def test_words_of_a_framework_are_no_markdown(results: Callable[..., Results]) -> None:
    text = markdown.render(results({"outcome": "fail", "message": HOSTILE}))
    assert "\\<script\\>" in text
    assert "\\*\\*b\\*\\*" in text
    assert "\u202e" not in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {row.replace("\\|", "").count("|") for row in rows} == {8}


def test_markdown_of_many_findings_says_how_many_are_left(results: Callable[..., Results]) -> None:
    many = [{"outcome": "fail", "message": f"{'x' * n} is wrong"} for n in range(1, 31)]
    text = markdown.render(results(*many))
    assert text.count("```sh") == markdown.SHOWN
    assert f"and {30 - markdown.SHOWN} more" in text


def test_data_is_json_and_has_every_finding(results: Callable[..., Results]) -> None:
    found = as_data(results({"outcome": "fail"}, {"outcome": "pass"}, LISTED))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["complete"]
    assert found["failed"]
    assert [each["kind"] for each in found["findings"]] == ["new", "framework"]
    assert found["findings"][0]["cases"] == ["k/f/c[n=0]"]
    assert found["findings"][0]["worst"]["index"] == [1, 2, 0]
    (line,) = found["implementations"]
    assert line["outcomes"] == {"pass": 1, "fail": 1, "divergence": 1}
    assert not as_data(results({}, LISTED))["failed"]
    assert not as_data(results({}, whole=False))["complete"]


def test_junit_counts_failures_errors_and_what_is_skipped(results: Callable[..., Results]) -> None:
    words = ("pass", "fail", "stale", "error", "crash", "timeout", "divergence", "unsupported", "not-run")
    root = xml.fromstring(junit.render(results(*({"outcome": word, "message": word} for word in words))))
    (suite,) = root
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "9", "failures": "2", "errors": "3", "skipped": "3"}
    told = {child.get("type"): child.tag for test in suite for child in test}
    assert told == {
        **dict.fromkeys(("fail", "stale"), "failure"),
        **dict.fromkeys(("error", "crash", "timeout"), "error"),
        **dict.fromkeys(("divergence", "unsupported", "not-run"), "skipped"),
    }
    test = suite[1]
    assert (test.get("file"), test.get("line")) == ("cases/keras/structure.yaml", "12")
    assert "lstm-ref run 'keras/structure/product" in str(test[0].text)


def test_junit_is_xml_whatever_a_framework_says(results: Callable[..., Results]) -> None:
    root = xml.fromstring(junit.render(results({"outcome": "fail", "message": HOSTILE})))
    failure = root[0][0][0]
    assert "<script>alert(1)</script>" in str(failure.get("message"))
    assert "\x00" not in str(failure.text)


def test_junit_of_a_run_that_is_not_whole_has_an_error(results: Callable[..., Results]) -> None:
    root = xml.fromstring(junit.render(results({}, whole=False)))
    assert [error.get("type") for error in root.iter("error")] == ["incomplete"]
    assert not list(xml.fromstring(junit.render(results({}))).iter("error"))


def test_a_finding_is_one_annotation_at_its_smallest_case(results: Callable[..., Results]) -> None:
    message = {"outcome": "fail", "message": "output is wrong"}
    (line,) = annotations(results(message, message, LISTED, {"outcome": "pass"}))
    assert line.startswith(
        "::error file=cases/keras/structure.yaml,line=12,title=keras-tensorflow in float64::"
    )
    assert "output is wrong%0A(and 1 case more)%0Alstm-ref run" in line


def test_an_annotation_is_one_line_whatever_a_framework_says(results: Callable[..., Results]) -> None:
    failed = {"outcome": "fail", "message": HOSTILE, "file": "a,b:c%.yaml"}
    (line,) = annotations(results(failed))
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("::error file=a%2Cb%3Ac%25.yaml,line=12,")
    assert "100%25" in line


def test_more_annotations_than_github_shows_end_with_their_number(results: Callable[..., Results]) -> None:
    many = [{"outcome": "fail", "message": f"{'x' * n} is wrong"} for n in range(1, 14)]
    lines = list(annotations(results(*many)))
    assert len(lines) == 10
    assert lines[-1] == "::error title=LSTM conformance::4 findings more are in the report"
