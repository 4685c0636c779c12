"""The statements of a report: verdicts, what shows them, and a page that needs no
script.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report.claims import Claims, claims
from lstm_ref.report.html import render
from lstm_ref.results.errors import ResultFileError
from lstm_ref.results.reading import read

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]


def found(make: Make, write: Write, *outcomes: dict[str, Any]) -> Claims:
    return claims(read(write(make["complete"](list(outcomes)))))


@pytest.fixture
def outcome(make: Make) -> Callable[..., dict[str, Any]]:
    def made(
        case: str, implementation: str = "torch", outcome: str = "pass", message: str = "", **changes: Any
    ) -> dict[str, Any]:
        record: dict[str, Any] = make["outcome"](
            case=case,
            implementation=implementation,
            outcome=outcome,
            message=message,
            claim=make["claim"](**changes),
        )
        return record

    return made


def test_the_cases_of_a_claim_are_one_statement(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    one = outcome("claims/article/carry/seen")
    two = {**outcome("claims/article/carry/right", side="corrected"), "line": one["line"] + 1}
    other = outcome("claims/article/units", claim="claims/article/units", verdict="true", side="holds")
    shown = found(make, write, one, two, other, make["outcome"]())
    assert [statement.claim.claim for statement in shown.statements] == [
        "claims/article/carry",
        "claims/article/units",
    ]
    assert [evidence.side for evidence in shown.statements[0].evidence] == ["fails", "corrected"]
    assert shown.counts == {"false": 1, "true": 1}
    assert [(source.title, source.counts) for source in shown.sources] == [
        ("An article", {"false": 1, "true": 1})
    ]


def test_the_most_misleading_statement_of_a_source_is_first(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    right = outcome("claims/article/a", claim="claims/article/a", verdict="true")
    partly = outcome("claims/article/b", claim="claims/article/b", verdict="under-conditions")
    wrong = outcome("claims/article/c", claim="claims/article/c", verdict="false")
    shown = found(make, write, right, partly, wrong)
    assert [statement.claim.claim for statement in shown.of(0)] == [
        "claims/article/c",
        "claims/article/b",
        "claims/article/a",
    ]


@pytest.mark.parametrize(
    ("word", "state"), [("pass", "confirmed"), ("fail", "refuted"), ("unsupported", "open")]
)
def test_a_verdict_is_confirmed_where_every_run_shows_it(
    make: Make, write: Write, outcome: Callable[..., Any], word: str, state: str
) -> None:
    shown = found(
        make,
        write,
        outcome("claims/article/carry/a"),
        outcome("claims/article/carry/b", outcome=word, message="no"),
    )
    ((verdict,),) = [statement.verdicts for statement in shown.statements]
    assert (verdict.verdict, verdict.state) == ("false", state)
    assert verdict.implementations == "torch (torch 2.13.0+cpu)"
    assert [evidence.problem for evidence in shown.statements[0].evidence] == [
        "",
        "" if word == "pass" else "no",
    ]


def test_what_refutes_a_statement_is_shown_first(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    right = outcome("claims/article/carry/a", "keras-tensorflow", verdict="true", side="holds")
    wrong = {**outcome("claims/article/carry/b"), "line": right["line"] + 1}
    (statement,) = found(make, write, right, wrong).statements
    assert [evidence.side for evidence in statement.evidence] == ["fails", "holds"]


def test_verdicts_that_differ_are_told_apart(make: Make, write: Write, outcome: Callable[..., Any]) -> None:
    new = outcome("claims/article/carry/new", "keras-tensorflow")
    old = outcome("claims/article/carry/old", "torch", verdict="true", side="holds")
    (statement,) = found(make, write, new, old).statements
    assert [(verdict.verdict, verdict.implementations.split(" ")[0]) for verdict in statement.verdicts] == [
        ("false", "keras-tensorflow"),
        ("true", "torch"),
    ]
    assert statement.words == "false true"


def test_what_several_implementations_show_alike_is_shown_once(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    case = "claims/article/carry"
    alike = found(make, write, outcome(case, "keras-tensorflow"), outcome(case, "torch"))
    assert [evidence.implementations for evidence in alike.statements[0].evidence] == [
        "keras-tensorflow, torch"
    ]
    unlike = found(
        make, write, outcome(case, "keras-tensorflow"), outcome(case, "torch", seen=["something else"])
    )
    assert [evidence.implementations for evidence in unlike.statements[0].evidence] == [
        "keras-tensorflow",
        "torch",
    ]


def test_articles_stand_before_docstrings(make: Make, write: Write, outcome: Callable[..., Any]) -> None:
    docstring = {"title": "Docstrings", "kind": "docstring", "version": "3"}
    first = outcome("claims/a", claim="claims/a/a", source=docstring)
    assert [source.kind for source in found(make, write, first, outcome("claims/b")).sources] == [
        "article",
        "docstring",
    ]


def test_the_page_shows_statement_verdict_truth_and_lines(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    page = render(read(write(make["complete"]([outcome("claims/article/carry")]))))
    section = page[page.index('<section id="claims"') : page.index('<section id="files"')]
    assert "The last output is the &lt;cell&gt; state." in section
    assert "<strong>What is true:</strong> It is the hidden state." in section
    assert "layer(x)  # x: (4, 7, 5)" in section
    assert '<span class="seen">output and c: 12 of 12 numbers differ, by up to 0.4</span>' in section
    assert '<a href="#claims">' in page


def test_a_filter_needs_no_script(make: Make, write: Write, outcome: Callable[..., Any]) -> None:
    right = outcome(
        "claims/other/a",
        claim="claims/other/a",
        verdict="true",
        source={"title": "B", "kind": "article", "version": "3"},
    )
    page = render(read(write(make["complete"]([outcome("claims/article/carry"), right]))))
    section = page[page.index('<section id="claims"') : page.index('<section id="files"')]
    for word in ("true", "false"):
        assert (
            f"#claims:has(#verdict-{word}:checked) .claim:not(.{word}-claim) {{ display: none; }}" in section
        )
        assert len(re.findall(rf'<article class="[^"]*\b{word}-claim\b', section)) == 1
        assert f'id="verdict-{word}"' in section
    for number in (0, 1):
        assert f"#claims:has(#source-{number}:checked) .source-{number}-not {{ display: none; }}" in section
        assert len(re.findall(rf'<details class="[^"]*\bsource-{number}-not\b', section)) == 1
    # A source of which nothing is left goes as well.
    assert (
        "#claims:has(#verdict-true:checked) .claims-of:not(:has(.true-claim)) { display: none; }" in section
    )
    assert "<script" not in section


def test_a_statement_that_is_not_confirmed_any_more_says_so(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    page = render(
        read(write(make["complete"]([outcome("claims/article/carry", outcome="fail", message="it is <so>")])))
    )
    section = page[page.index('<section id="claims"') : page.index('<section id="files"')]
    assert "not confirmed any more on torch (torch 2.13.0+cpu)" in section
    assert '<p class="problem">it is &lt;so&gt;' in section


def test_a_report_without_claims_has_no_section_of_them(make: Make, write: Write) -> None:
    page = render(read(write(make["complete"]([make["outcome"]()]))))
    assert 'id="claims"' not in page
    assert '"#claims"' not in page


def test_a_claim_that_does_not_follow_the_schema_is_refused(
    make: Make, write: Write, outcome: Callable[..., Any]
) -> None:
    with pytest.raises(ResultFileError, match="verdict"):
        found(make, write, outcome("claims/article/carry", verdict="perhaps"))
