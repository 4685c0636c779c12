"""The cases of a quick run."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from heads import head

from lstm_ref.corpus import Case, CorpusError
from lstm_ref.corpus.quick_file import quick_cases, quick_dtypes, read
from lstm_ref.dialects import dialect, dialects
from lstm_ref.verdict import noticing, quick
from lstm_ref.verdict.faults import faults
from lstm_ref.verdict.noticing import noticed, noticed_by
from lstm_ref.verdict.quick import chosen, everyday_cases, missing

SHIPPED = (
    head("torch", "LSTM")
    + """\
  - {name: own, params: {input_size: 5, hidden_size: 3}, input: {batch: 4, timesteps: 7}}
"""
)


@cache
def cells() -> list[Case]:
    """A small corpus: the cells of torch."""
    return [case for case in everyday_cases() if case.id.startswith("torch/cell/")]


def test_what_is_shipped_has_every_name_and_value_and_notices_every_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[set[noticing.Shown]] = []

    def noticed_once(cases: Sequence[Case]) -> set[noticing.Shown]:
        seen.append(noticed_by(cases))
        return seen[-1]

    monkeypatch.setattr(quick, "noticed_by", noticed_once)
    assert missing(everyday_cases(), quick_cases()) == []
    assert len(quick_cases()) < len(everyday_cases()) / 4
    every_fault = {fault.meaning for name in dialects() for fault in faults(dialect(name))}
    assert {shown.meaning for shown in seen[-1]} == every_fault


def test_what_is_chosen_lacks_nothing_and_less_lacks_something_with_its_name() -> None:
    told: list[str] = []
    ids = frozenset(case.id for case in chosen(cells(), told.append))
    assert len(ids) < len(cells()) / 2
    assert missing(cells(), ids) == []
    assert told[-1].endswith("faults too")
    for name in sorted(ids)[:3]:
        assert missing(cells(), ids - {name}), name
    assert missing(cells(), ids | {"torch/gone"}) == ["torch/gone is not a case of an everyday run"]


def test_a_fault_that_no_chosen_case_notices_is_named() -> None:
    ordinary = next(case for case in cells() if noticed(case))
    lacks = missing([ordinary], frozenset())
    assert f"none notices in torch {ordinary.layer}: the recurrent kernel is transposed" in lacks


def test_a_fault_within_the_margin_is_not_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    ratios = {"far": 64.0, "near": 63.0}
    monkeypatch.setattr(noticing, "ratios", lambda *arguments: iter(ratios.items()))
    case = next(case for case in cells() if noticing.comparable(case))
    assert {shown.meaning for shown in noticed(case)} == {"far"}


def test_a_case_is_taken_for_a_fault_that_only_it_notices(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out = next(case for case in cells() if case not in chosen(cells(), lambda line: None))
    shown = noticing.Shown("torch", left_out.layer, "something rare")
    monkeypatch.setattr(quick, "changing", lambda cases, but=(): {shown})
    monkeypatch.setattr(quick, "noticed", lambda case, let_off=(): {shown} if case is left_out else set())
    assert left_out in chosen(cells(), lambda line: None)


@pytest.mark.parametrize("content", ["", "{}", "[1]", "["])
def test_another_file_is_refused_with_what_makes_it_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "quick.json").write_text(content, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"quick\.json:1.*python -m lstm_ref\.verdict\.quick"):
        read(tmp_path)


def test_float32_is_left_out_where_there_is_float64() -> None:
    assert quick_dtypes(("float32", "float64")) == ("float64",)
    assert quick_dtypes(("float32", "bfloat16")) == ("float32", "bfloat16")


def test_a_quick_run_says_so_and_takes_all_cases_of_ones_own(run: Callable[..., Any]) -> None:
    done = run("--lstm-quick", yaml=SHIPPED)
    assert "; a quick selection" in done.text
    assert done.outcomes() == {("file/own", "float64"): "pass"}
    assert done.results.header.options["quick"] is True
    assert "Quick selection." in done.report.read_text(encoding="utf-8")
    assert done.report.name == "chosen.html"


def test_a_run_is_not_quick_and_full(run: Callable[..., Any]) -> None:
    done = run("--lstm-quick", "--lstm-full", yaml=SHIPPED)
    assert (done.code, "a run is quick or full; leave one of the options out" in done.text) == (4, True)


def test_a_quick_run_in_float32_takes_the_cases_in_float32(run: Callable[..., Any]) -> None:
    assert run("--lstm-quick", "--lstm-dtype", "float32", yaml=SHIPPED).outcomes() == {
        ("file/own", "float32"): "pass"
    }
