"""YAML to data: the values of YAML 1.2, and nothing that could do anything else than
hold data.
"""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from lstm_ref.corpus import CorpusError
from lstm_ref.corpus.read import documents
from lstm_ref.corpus.read.documents import parse


def data(text: str) -> Any:
    document, problems = parse(text.encode(), Path("x.yaml"))
    assert problems == []
    return document.data


def refused(text: str) -> list[tuple[int, int, str]]:
    try:
        _, problems = parse(text.encode(), Path("x.yaml"))
    except CorpusError as error:
        problems = list(error.problems)
    return [(problem.place.line, problem.place.column, problem.message) for problem in problems]


@pytest.fixture(params=["libyaml", "pure"], autouse=True)
def _both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        documents, "_Loader", yaml.CSafeLoader if request.param == "libyaml" else yaml.SafeLoader
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("017", 17),
        ("+12", 12),
        ("0o17", 15),
        ("0x1F", 31),
        ("-.inf", -math.inf),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("on", "on"),
        ("n", "n"),
        ("tRuE", "tRuE"),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2001-01-01", "2001-01-01"),
        ("0b11", "0b11"),
        ("1.2.3", "1.2.3"),
        ("=", "="),
        ("'1'", "1"),
        ('"true"', "true"),
        ('""', ""),
    ],
)
def test_a_scalar_has_its_yaml_1_2_value(text: str, value: Any) -> None:
    found = data(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(data("a: .nan")["a"])


def test_a_block_scalar_is_a_string() -> None:
    assert data("a: |\n  12\n") == {"a": "12\n"}


def test_every_part_knows_its_place() -> None:
    document, _ = parse(b"a:\n  - b: 1\n    c: [x, yy]\n", Path("x.yaml"))
    assert str(document.place(("a", 0, "c", 1))) == "x.yaml:3:12"
    assert str(document.key_place(("a", 0, "c"))) == "x.yaml:3:5"
    assert str(document.place(("a", 0))) == "x.yaml:2:5"


def test_the_place_of_what_is_missing_is_that_of_what_holds_it() -> None:
    document, _ = parse(b"a:\n  b: 1\n", Path("x.yaml"))
    assert document.place(("a", "c", "d")) == document.place(("a",))


def test_a_duplicate_key_names_both_lines_and_the_first_counts() -> None:
    document, problems = parse(b"a: 1\nb: 2\na: 3\n", Path("x.yaml"))
    assert [(problem.place.line, problem.message) for problem in problems] == [
        (3, 'the key "a" is used twice: here and in line 1')
    ]
    assert document.data == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "line", "column", "word"),
    [
        ("a: 1\nb: !!python/object/apply:os.system [exit]", 2, 4, "tags"),
        ("a: !!str 1", 1, 4, "tags"),
        ("a: ! b", 1, 4, "tags"),
        ("a: !mine {b: 1}", 1, 4, "tags"),
        ("a: &x 1", 1, 4, "anchors"),
        ("a: &x [1]", 1, 4, "anchors"),
        ("<<: {a: 1}", 1, 1, "merge keys"),
        ("1: a", 1, 1, "must be a string"),
        ("null: a", 1, 1, "must be a string"),
        ("[a]: b", 1, 1, "must be a string"),
        ("{a: 1}: b", 1, 1, "must be a string"),
        ("a: 1\n---\nb: 1", 2, 1, "second document"),
        ("%YAML 1.1\n---\na: 1", 1, 1, "YAML 1.2"),
        ("a: " + "[" * 60 + "]" * 60, 1, 53, "nested deeper"),
    ],
)
def test_what_is_more_than_data_is_refused_with_its_place(
    text: str, line: int, column: int, word: str
) -> None:
    (problem,) = refused(text)
    assert problem[:2] == (line, column)
    assert word in problem[2]


def test_an_alias_is_refused_beside_its_anchor() -> None:
    assert [
        (line, column, message.partition(" ")[0])
        for line, column, message in refused("a: &x 1\nb: *x\n*x : 2")
    ] == [
        (1, 4, "anchors"),
        (2, 4, "aliases"),
        (3, 1, "aliases"),
    ]


def test_what_follows_a_refused_key_is_still_read() -> None:
    document, problems = parse(b"{[a, [b]]: {c: 1}, d: 2}", Path("x.yaml"))
    assert document.data == {"d": 2}
    assert len(problems) == 1


@pytest.mark.parametrize(("text", "line"), [("a: 1\nb: [1", 2), ("a: 1\n\tb: 1", 2), ("a: b\n c: d", 2)])
def test_broken_yaml_is_an_error_at_its_line(text: str, line: int) -> None:
    (problem,) = refused(text)
    assert problem[0] in (line, line + 1)
    assert "is not YAML" in problem[2]


def test_a_character_that_yaml_does_not_allow_has_a_place() -> None:
    assert refused("a: 1\nb: \x01")[0][:2] == (2, 4)


def test_bytes_that_are_no_text_have_a_line() -> None:
    with pytest.raises(CorpusError, match=r"x\.yaml:2:1: is not UTF-8 text"):
        parse(b"a: 1\nb: \xff", Path("x.yaml"))


def test_an_empty_file_holds_no_document() -> None:
    assert "holds no document" in refused("# nothing\n")[0][2]
