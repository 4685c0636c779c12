"""How values read, and which parameters a case sets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report.values import cut, linked, visible
from lstm_ref.results.reading import read
from lstm_ref.results.settings import text

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        ("true", '"true"'),
        ("tanh", "tanh"),
        ("", '""'),
        (3, "3"),
        ("3", '"3"'),
        (None, "null"),
        ({"rate": 0.5}, '{"rate":0.5}'),
    ],
)
def test_different_values_read_differently(value: Any, written: str) -> None:
    assert text(value) == written


@pytest.mark.parametrize(
    ("parameters", "pairs"),
    [
        ({"params.unroll": False}, [("params.unroll", "false")]),
        ({"params.input_shape": [7, 5]}, [("params.input_shape", "[7,5]")]),
        # Of calls that differ each value counts, as it is written where all are alike.
        ({"call.training": [False, True]}, [("call.training", "false"), ("call.training", "true")]),
        # What a layer in a layer is made of counts as what the layer itself is made of.
        (
            {"params.layer": {"layer": "LSTM", "params": {"units": 3}}, "params.units": 3},
            [("params.layer", "LSTM"), ("params.units", "3")],
        ),
        (
            {"params.cells": [{"layer": "Cell", "params": {"units": units}} for units in (3, 2)]},
            [("params.cells", "Cell"), ("params.units", "3"), ("params.units", "2")],
        ),
        (
            {"params.penalty": {"class_name": "L2", "config": {"l2": 0.5}}},
            [("params.penalty", "L2"), ("params.penalty.l2", "0.5")],
        ),
    ],
)
def test_every_setting_of_a_case_is_told_once(
    make: Make,
    write: Write,
    parameters: dict[str, Any],
    pairs: list[tuple[str, str]],
) -> None:
    (outcome,) = read(write(make["complete"]([make["outcome"](parameters=parameters)]))).outcomes
    assert outcome.settings == tuple(pairs)


def test_long_words_are_cut_where_they_are_too_long() -> None:
    assert (cut("abc", 3), cut("abcd", 3)) == ("abc", "ab…")


def test_what_turns_the_direction_of_words_is_seen() -> None:
    assert visible("safe\u202etxt.exe \u2066x\u2069 é") == r"safe\u202etxt.exe \u2066x\u2069 é"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("a.LSTM, argument b", '<a href="https://x.org/l" rel="noreferrer">a.LSTM</a>, argument b'),
        ("a.LSTMCell", 'a.LSTMCell (<a href="https://x.org/l" rel="noreferrer">a.LSTM</a>)'),
        ("b.a.LSTM <i>", 'b.a.LSTM &lt;i&gt; (<a href="https://x.org/l" rel="noreferrer">a.LSTM</a>)'),
    ],
)
def test_a_source_has_links_at_the_names_of_its_pages(source: str, shown: str) -> None:
    assert linked(source, {"a.LSTM": "https://x.org/l"}) == shown


def test_only_an_address_of_the_web_becomes_a_link() -> None:
    assert linked("a.LSTM", {"a.LSTM": "javascript:alert(1)"}) == "a.LSTM"
