"""Reading a result file."""

import json
from collections.abc import Callable
from dataclasses import fields
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from lstm_ref.results.errors import ResultFileError
from lstm_ref.results.reading import read
from lstm_ref.results.records import FAILING, OUTCOMES, Footer, Header, Outcome, Profile, SubjectRecord

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]

SCHEMA = json.loads((files("lstm_ref.results") / "results.schema.json").read_text(encoding="utf-8"))


def test_a_complete_file_reads_as_values(make: Make, write: Write) -> None:
    results = read(write(make["complete"]([make["outcome"](), make["failure"](dtype="float32")])))
    assert results.incomplete == ""
    assert results.header.implementations == ("keras-tensorflow", "torch")
    assert [subject.subject for subject in results.subjects] == ["keras-tensorflow", "torch"]
    passed, failed = results.outcomes
    assert (passed.outcome, failed.outcome) == ("pass", "fail")
    assert passed.worst is not None
    assert passed.worst.axes == ("batch", "time", "unit")
    assert passed.worst.index == (1, 2, 0)
    assert results.footer is not None
    assert results.footer.seconds == 112.4


def test_a_file_without_footer_is_incomplete(make: Make, write: Write) -> None:
    results = read(write(make["complete"]([make["outcome"]()])[:-1]))
    assert results.footer is None
    assert results.incomplete == "the run did not finish: the file has no footer"


def test_missing_outcomes_are_counted_though_there_is_a_footer(make: Make, write: Write) -> None:
    records = [make["header"](3), make["outcome"]()]
    assert read(write([*records, make["footer"](records)])).incomplete == "2 of 3 items have no outcome"


def test_a_torn_last_line_is_left_out_and_makes_the_file_incomplete(make: Make, write: Write) -> None:
    file = write(make["complete"]([make["outcome"](), make["outcome"](dtype="float32")])[:-1])
    file.write_text(file.read_text()[:-40])
    results = read(file)
    assert [outcome.dtype for outcome in results.outcomes] == ["float64"]
    assert results.incomplete == "1 of 2 items have no outcome"


def test_a_last_line_may_be_torn_in_the_middle_of_a_character(make: Make, write: Write) -> None:
    file = write(make["complete"]([make["outcome"]()])[:-1])
    file.write_bytes(file.read_bytes() + '{"type": "outcome", "message": "größer'.encode()[:-3])
    assert len(read(file).outcomes) == 1


def test_a_line_that_is_no_text_is_an_error_with_its_line(make: Make, write: Write) -> None:
    file = write(make["complete"]([make["outcome"](message="size")]))
    file.write_bytes(file.read_bytes().replace(b'"size"', b'"\xc3"'))
    with pytest.raises(ResultFileError, match=r"results\.jsonl:4: this line is not UTF-8: byte"):
        read(file)


def test_a_torn_line_in_the_middle_is_an_error_with_its_line(make: Make, write: Write) -> None:
    file = write(make["complete"]([make["outcome"](), make["outcome"](dtype="float32")]))
    lines = file.read_text().split("\n")
    lines[3] = lines[3][:-40]
    file.write_text("\n".join(lines))
    with pytest.raises(ResultFileError, match=r"results\.jsonl:4: this line is not JSON"):
        read(file)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"outcome": "passed"}, "outcome must be one of"),
        ({"line": "twelve"}, "line must be integer"),
        ({"colour": "red"}, "must not contain .*colour"),
        ({"worst": {"call": 0}}, "worst must contain"),
        ({"type": "verdict"}, "a line of type 'verdict'; known types are header, subject, outcome, footer"),
    ],
)
def test_a_line_that_does_not_follow_the_schema_is_an_error_with_its_line(
    make: Make, write: Write, change: dict[str, Any], problem: str
) -> None:
    records = make["complete"]([make["outcome"]()])
    records[3] |= change
    with pytest.raises(ResultFileError, match=rf"results\.jsonl:4: .*{problem}"):
        read(write(records))


def test_a_line_without_a_required_field_is_an_error_that_names_it(make: Make, write: Write) -> None:
    records = make["complete"]([make["outcome"]()])
    del records[3]["source"]
    with pytest.raises(ResultFileError, match="source"):
        read(write(records))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda records: records[1:], r":1: the first line is not a header"),
        (lambda records: [], r":1: the first line is not a header"),
        (lambda records: [*records, records[-2]], r":6: a line after the footer"),
        (lambda records: [records[0], *records], r":2: a second header"),
        (
            lambda records: [*records[:4], records[3], records[4]],
            r":5: a second outcome of .* the first is in line 4",
        ),
        (
            lambda records: [{**records[0], "format": 4}, *records[1:]],
            r":1: the file has format 4; this version reads 1 and 2 and 3",
        ),
        (
            lambda records: [*records[:-1], {**records[-1], "counts": {"pass": 7}}],
            r":5: the footer counts \{'pass': 7\}, the file holds \{'pass': 1\}",
        ),
    ],
)
def test_a_file_that_contradicts_itself_is_an_error(
    make: Make, write: Write, change: Callable[[Any], Any], problem: str
) -> None:
    with pytest.raises(ResultFileError, match=problem):
        read(write(change(make["complete"]([make["outcome"]()]))))


def test_a_subject_that_several_workers_started_alike_is_there_once(make: Make, write: Write) -> None:
    records = make["complete"]([make["outcome"]()])
    assert len(read(write([*records[:2], records[1], *records[2:]])).subjects) == 2


def test_outcomes_have_the_same_order_whichever_worker_was_first(make: Make, write: Write) -> None:
    outcomes = [
        make["outcome"](case=f"k/f/{name}", line=line, dtype=dtype)
        for line, name in [(3, "b"), (9, "a")]
        for dtype in ("float64", "float32")
    ]
    forward, backward = read(write(make["complete"](outcomes))), read(write(make["complete"](outcomes[::-1])))
    assert forward.outcomes == backward.outcomes
    assert [(outcome.case, outcome.dtype) for outcome in forward.outcomes[:2]] == [
        ("k/f/b", "float64"),
        ("k/f/b", "float32"),
    ]


def test_what_is_not_a_number_comes_as_its_name(make: Make, write: Write) -> None:
    worst = {**make["outcome"]()["worst"], "observed": "nan", "error": "inf"}
    outcome = read(write(make["complete"]([make["failure"](ratio="inf", worst=worst)]))).outcomes[0]
    assert outcome.worst is not None
    assert (outcome.ratio, outcome.worst.observed, outcome.worst.error) == ("inf", "nan", "inf")


def test_profiles_are_read_and_a_file_of_format_1_has_none(make: Make, write: Write) -> None:
    records = make["complete"]([make["failure"](profiles=[make["profile"]()])], format=2)
    (told,) = read(write(records)).outcomes[0].profiles
    places, ratios = ("0", "1", "2"), (0.5, 7.8e8, "inf")
    assert told == Profile(0, "output", "time", places, ratios, (0.25, 0.5, 1.0), (0.25, 0.75, "nan"))
    assert read(write(make["complete"]([make["failure"]()], format=1))).outcomes[0].profiles == ()


def test_documentation_is_read_and_a_file_of_format_2_has_none(make: Make, write: Write) -> None:
    told = {"keras.layers.LSTM": "https://example.org/lstm"}
    records = make["complete"]([make["outcome"](documentation=told)], format=3)
    assert read(write(records)).outcomes[0].documentation == told
    assert read(write(make["complete"]([make["outcome"]()], format=2))).outcomes[0].documentation == {}


def test_the_schema_is_valid_and_accepts_each_kind_of_line(make: Make) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    for record in make["complete"]([make["outcome"](), make["failure"](dtype="float32")]):
        jsonschema.validate(record, SCHEMA, jsonschema.Draft7Validator)


def test_the_schema_knows_the_outcomes_of_the_report() -> None:
    assert set(SCHEMA["definitions"]["outcome"]["properties"]["outcome"]["enum"]) == set(OUTCOMES)
    assert set(FAILING) < set(OUTCOMES)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("header", Header), ("subject", SubjectRecord), ("outcome", Outcome), ("footer", Footer)],
)
def test_the_schema_has_exactly_the_fields_of_the_values(kind: str, value: Any) -> None:
    assert set(SCHEMA["definitions"][kind]["properties"]) - {"type", "format"} == {
        field.name for field in fields(value)
    }
