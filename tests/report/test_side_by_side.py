"""Versions of one implementation, side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from lstm_ref.report.findings import findings
from lstm_ref.report.html import render
from lstm_ref.report.side_by_side import side_by_side
from lstm_ref.results.reading import read
from lstm_ref.results.records import Results

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]

COLUMNS = ["k@3.7", "k@3.8", "k", "torch"]


def versions(make: Make, write: Write) -> Results:
    """A finding that all have, one that is gone, one that has come, and one of another
    implementation.
    """
    shown = {"Always.": COLUMNS[:3], "Gone.": ["k@3.7"], "Come.": ["k"], "Another's.": ["torch"]}
    outcomes = [
        make["outcome"](
            case=f"k/f/{sentence[:-1].lower()}-{number}",
            implementation=column,
            outcome="divergence" if column in having and number < 2 else "pass",
            message=f"framework: {sentence}" if column in having and number < 2 else "",
        )
        for sentence, having in shown.items()
        for column in COLUMNS
        for number in range(3)
    ]
    lines = make["complete"](outcomes)
    lines[0]["implementations"] = COLUMNS
    return read(write(lines))


def test_a_finding_has_its_checks_by_version_and_what_has_come_is_first(make: Make, write: Write) -> None:
    results = versions(make, write)
    (table,) = side_by_side(results, findings(results))
    assert table.labels == {"k@3.7": "3.7", "k@3.8": "3.8", "k": "k"}
    assert [(line.finding.sentence, list(line.checks.values())) for line in table.lines] == [
        ("Come.", [0, 0, 2]),
        ("Always.", [2, 2, 2]),
        ("Gone.", [2, 0, 0]),
    ]


def test_the_page_has_the_table_only_where_there_are_several_versions(make: Make, write: Write) -> None:
    page = render(versions(make, write))
    assert '<section id="versions"' in page
    assert "Versions side by side" in page
    assert 'id="versions"' not in render(read(write(make["complete"]([make["outcome"]()]))))
