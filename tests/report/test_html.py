"""The page made of a result file."""

import itertools
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report.html import render
from lstm_ref.report.listing import _text as indices_as_text
from lstm_ref.results.reading import read

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]

VOID = {"meta", "input", "br", "link"}


class Outline(HTMLParser):
    """What of a page can be checked without a browser."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.fragments: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[int] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.ids += [named["id"]] if "id" in named else []
        self.headings += [int(tag[1])] if re.fullmatch("h[1-6]", tag) else []
        self.addresses += [named[name] for name in ("src", "href") if name in named]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def page_of(make: Make, write: Write, outcomes: list[dict[str, Any]], **changes: Any) -> str:
    return render(read(write(make["complete"](outcomes, **changes))))


def verdicts(page: str) -> dict[str, tuple[str, ...]]:
    """Of the first table: the cells of each implementation, without markup."""
    found = re.search('<table class="standings">.*?</table>', page, re.DOTALL)
    assert found is not None
    rows = [
        re.findall("<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall("<tr.*?</tr>", found[0], re.DOTALL)
    ]
    plain = [
        [" ".join(re.sub("<small>.*?</small>|<[^>]*>", "", cell).split()) for cell in row] for row in rows[1:]
    ]
    return {name: tuple(cells) for name, *cells in plain}


def data_of(page: str) -> Any:
    found = re.search(r'id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found.group(1))


def test_the_page_loads_nothing_and_its_links_lead_somewhere(make: Make, write: Write) -> None:
    page = page_of(make, write, [make["outcome"](), make["failure"](dtype="float32")])
    outline = Outline(page)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert all(address.startswith("#") for address in outline.addresses)
    anchors = [address[1:] for address in outline.addresses if "=" not in address]
    assert set(anchors) <= set(outline.ids)
    assert not re.search(r"@import|url\(", page)
    assert outline.headings[0] == 1
    assert all(
        after - before <= 1 for before, after in zip(outline.headings, outline.headings[1:], strict=False)
    )


def test_a_failure_is_told_in_full(make: Make, write: Write) -> None:
    page = page_of(make, write, [make["failure"](detail="Traceback: boom")])
    for text in (
        "cases/keras/structure.yaml:12",
        "call 0, output, batch 1, time 2, unit 0",
        "lstm-ref run",
        "use_bias: false}",
        "Traceback: boom",
        "7.8e+08",
    ):
        assert text in page


def test_an_error_over_time_is_drawn_and_its_numbers_are_told(make: Make, write: Write) -> None:
    page = page_of(make, write, [make["failure"](profiles=[make["profile"]()])])
    (figure,) = re.findall("<figure>.*?</figure>", page, re.DOTALL)
    assert "Error / bound over time (logarithmic): output, call 0" in figure
    assert 'aria-label="Error / bound at 0: 0.5, 1: 7.8e+08, 2: inf"' in figure
    heights = [float(height) for height in re.findall("v(-?[0-9.]+)h22", figure)]
    assert heights[0] > heights[1] > heights[2] == -64
    assert figure.count('class="within"') == 1
    assert [line.split() for line in re.findall("(?:expected|observed) .*", figure)] == [
        ["expected", "0.25", "0.5", "1.0"],
        ["observed", "0.25", "0.75", "nan</pre>"],
    ]


def test_a_finished_run_without_failure_says_so(make: Make, write: Write) -> None:
    page = page_of(make, write, [make["outcome"](), make["outcome"](dtype="float32")])
    assert verdicts(page) == {"keras-tensorflow": ("Does what its documentation says.", "0", "0", "2 of 2")}
    assert "Incomplete" not in page


def test_an_unfinished_run_says_so_first(make: Make, write: Write) -> None:
    page = render(read(write(make["complete"]([make["outcome"]()])[:-1])))
    assert page.index("Incomplete.") < page.index("Does what its documentation says.")


def test_unsupported_is_not_counted_as_passed(make: Make, write: Write) -> None:
    page = page_of(
        make,
        write,
        [make["outcome"](), make["outcome"](dtype="float32", outcome="unsupported", message="no float32")],
    )
    assert verdicts(page) == {
        "keras-tensorflow": ("Does what its documentation says in all that it offers.", "0", "0", "1 of 2")
    }
    assert "no float32" in page


def test_a_missing_implementation_is_named_with_the_command_that_installs_it(
    make: Make, write: Write
) -> None:
    missing = [
        {"implementation": "keras-jax", "reason": "jax not installed", "command": "python -m pip install jax"}
    ]
    page = page_of(make, write, [make["outcome"]()], missing=missing)
    assert "Not run: 1 implementation" in page
    assert re.search("<dt>keras-jax</dt><dd>jax not installed: <code>python -m pip install jax</code>", page)


def test_text_of_the_result_file_is_never_markup(make: Make, write: Write) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    page = page_of(
        make,
        write,
        [
            make["failure"](
                case=f"k/f/{evil}",
                about=evil,
                message=evil,
                yaml=evil,
                detail=evil,
                parameters={"params.x": evil},
            )
        ],
    )
    assert "<img" not in page
    assert data_of(page)["parameters"] == [["params.x", evil]]


def position(character: str) -> int:
    """What a character of a column stands for."""
    return ord(character) - ord("!")


def test_the_list_gives_back_every_outcome(make: Make, write: Write) -> None:
    outcomes = list(make["many"](400, 20))
    for each in outcomes:
        if each["case"] == outcomes[7]["case"]:
            each["documentation"] = {"keras.layers.LSTM": "https://example.org/lstm"}
    results = read(write(make["complete"](outcomes)))
    data = data_of(render(results))
    shown = []
    columns = [itertools.accumulate(map(position, data["rows"]["case"]))]
    columns += [map(position, data["rows"][column]) for column in ("implementation", "dtype", "outcome")]
    for row in zip(*columns, strict=True):
        name, pieces, own = data["cases"][row[0]]
        stem, file, line, about, source, pages, shared = data["names"][name]
        case = stem + ",".join(data["pieces"][position(piece)] for piece in pieces)
        parameters = sorted(tuple(data["parameters"][position(index)]) for index in [*shared, *own])
        file, about, source = (data["texts"][index] for index in (file, about, source))
        shown.append(
            (
                case,
                data["implementations"][row[1]],
                data["dtypes"][row[2]],
                data["outcomes"][row[3]],
                file,
                line,
                about,
                source,
                dict(data["pages"][index] for index in pages),
                parameters,
            )
        )
    expected = [
        (
            *(o.case, o.implementation, o.dtype, o.outcome, o.file, o.line, o.about, o.source),
            o.documentation,
            sorted(o.settings),
        )
        for o in results.outcomes
    ]
    assert shown == expected


@pytest.mark.parametrize("failing_every", [50, 1])
def test_ten_thousand_results_fit_a_megabyte_however_much_fails(
    make: Make, write: Write, failing_every: int
) -> None:
    page = page_of(make, write, list(make["many"](10_000, failing_every)))
    assert len(page.encode()) < 1_000_000


def test_no_flood_of_failures_hides_a_failure_of_another_cause(make: Make, write: Write) -> None:
    flood = [
        make["failure"](
            case=f"k/a/{index}", file="cases/k/a.yaml", yaml="x" * 5_000, message=f"flood {index}"
        )
        for index in range(500)
    ]
    page = page_of(
        make,
        write,
        [*flood, make["failure"](case="k/z/lonely", file="cases/k/z.yaml", message="another thing")],
    )
    assert page.count('class="finding new-kind') == 2
    assert verdicts(page)["keras-tensorflow"][1:3] == ("2", "0")
    assert "<code>k/z/lonely</code>" in page


def test_a_number_of_findings_links_to_exactly_these(make: Make, write: Write) -> None:
    known = [
        make["outcome"](case=f"k/f/{kind}", outcome="divergence", message=f"{kind}: it is so")
        for kind in ("framework", "documentation", "by-design")
    ]
    outcomes = [*known, make["failure"](), make["outcome"](implementation="torch")]
    page = page_of(make, write, outcomes)
    assert verdicts(page)["keras-tensorflow"][1:] == ("1", "2", "1", "0 of 4")
    for word, count in (("new", 1), ("defects", 2), ("by-design", 1)):
        assert f'href="#{word}-keras-tensorflow"' in page
        sections = re.findall(rf'<section class="kind of-{word}".*?</section>', page, re.DOTALL)
        assert (
            sum(
                len(re.findall('<details class="finding [^"]*on-keras-tensorflow', each)) for each in sections
            )
            == count
        )
        assert f"#{word}-keras-tensorflow:target ~ .kind:not(.of-{word})" in page


def test_a_run_of_nothing_makes_a_page(make: Make, write: Write) -> None:
    assert "Nothing was run." in page_of(make, write, [])


def test_the_same_results_make_the_same_page(make: Make, write: Write) -> None:
    outcomes = list(make["many"](40, 5))
    assert page_of(make, write, outcomes) == page_of(make, write, outcomes[::-1])


def test_every_index_is_a_character_of_its_own_and_none_is_half_a_pair() -> None:
    indices = [*range(0xD7C0, 0xD840), 0, 1, 100_000]
    text = indices_as_text(indices)
    assert len(set(text)) == len(indices)
    assert text.encode("utf-8").decode("utf-8") == text  # half pairs could not be written
    assert [ord(each) - (33 if ord(each) < 0xD800 else 2081) for each in text] == indices
