"""What a corpus covers, on one small enough to be counted by hand."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ref.corpus import CorpusError, load
from lstm_ref.corpus.coverage import Combination, Combinations, LayerCoverage, coverage
from lstm_ref.corpus.loading import case_files

TABLE = """\
kind: parameters
dialect: torch
about: Parameters.
source: Here.
layers:
  LSTM:
    about: A layer.
    source: Here.
    constructor:
      input_size: {about: A size., source: Here., required: true}
      hidden_size: {about: A size., source: Here., required: true}
      bias: {about: A switch., source: Here., default: true, values: [true, false]}
      bidirectional: {about: A switch., source: Here., default: false, values: [false, true]}
      proj_size: {about: A size., source: Here., default: 0, values: [0, 2, -1, 1]}
    call:
      input: {about: The input., source: Here., required: true}
      hx: {about: States., source: Here., values: [absent, given]}
    input:
      batch: {about: A size., required: true}
      timesteps: {about: A size., required: true}
    outputs:
      output: {about: The outputs., source: Here.}
    actions: [call]
"""
CASES = """\
kind: cases
dialect: torch
layer: LSTM
about: Something.
source: Here.
defaults:
  params: {input_size: 5, hidden_size: 3}
  input: {batch: 2, timesteps: 3}
cases:
  - name: product
    matrix:
      params.bias: [true, false]
      params.bidirectional: [false, true]
    exclude: [{params.bias: false, params.bidirectional: true}]
  - name: states
    params: {proj_size: 2}
    steps: [{call: {}}, {call: {hx: given}}]
  - name: refused
    params: {proj_size: -1}
    expect: {raises: ValueError}
"""


@pytest.fixture
def counted(tmp_path: Path) -> Callable[..., LayerCoverage]:
    folder = tmp_path / "torch"
    folder.mkdir()
    (folder / "parameters.yaml").write_text(TABLE, encoding="utf-8")
    (folder / "some.yaml").write_text(CASES, encoding="utf-8")

    def of_all(passing: frozenset[str] | None = None, wanted: frozenset[str] = frozenset()) -> LayerCoverage:
        corpus = load(tmp_path)
        (found,) = coverage(corpus.cases, corpus.parameters, case_files(tmp_path), passing, wanted)
        return found

    return of_all


def of(combinations: Combinations) -> list[Combination]:
    """All that are missing."""
    return [one for each in combinations.missing for one in each.combinations()]


def test_each_documented_value_is_covered_or_missing_by_name(counted: Callable[..., LayerCoverage]) -> None:
    found = {each.name: each for each in counted().parameters}
    assert found["params.proj_size"].covered == ("0", "2", "-1")
    assert found["params.proj_size"].missing == ("1",)
    assert found["call.hx"].covered == ("absent", "given")
    assert found["params.hidden_size"].values == ()


def test_a_value_that_is_only_refused_is_in_no_combination(counted: Callable[..., LayerCoverage]) -> None:
    found = counted()
    (sizes,) = (each for each in found.parameters if each.name == "params.proj_size")
    assert sizes.accepted == ("0", "2")
    assert not any("-1" in dict(each).values() for each in of(found.combinations[0]))


def test_pairs_and_triples_are_met_infeasible_or_missing(counted: Callable[..., LayerCoverage]) -> None:
    pairs, triples = counted().combinations
    # Four axes of two values: six pairs of them with four combinations each, and four
    # triples with eight.
    assert (pairs.size, pairs.total, triples.size, triples.total) == (2, 24, 3, 32)
    (why,) = pairs.infeasible
    assert why == ("excluded by torch/some/product: params.bias=false, params.bidirectional=true")
    assert pairs.infeasible[why] == 1
    assert (("params.bias", "false"), ("params.bidirectional", "true")) not in of(pairs)
    # bias=true meets both directions, both sizes and both states; bias=false is with
    # one direction, size 0 and no state; direction true with size 0 and no state;
    # size 0 with no state, size 2 with both.
    assert pairs.covered == 3 + 3 + 3 + 3 + 3 + 3
    assert len(of(pairs)) == pairs.missing_count == pairs.total - pairs.covered - 1
    assert (("params.bias", "false"), ("call.hx", "given")) in of(pairs)
    for each in (pairs, triples):
        assert each.total == each.covered + sum(each.infeasible.values()) + each.missing_count
    # The same two values with each value of the two others.
    assert list(triples.infeasible.values()) == [4]
    bias = ("params.bias", "false"), ("params.bidirectional", "false"), ("call.hx", "given")
    assert bias in of(triples)


def test_what_meets_only_where_it_is_refused_is_infeasible(
    counted: Callable[..., LayerCoverage], tmp_path: Path
) -> None:
    refused = "  - {name: both, params: {bias: false, proj_size: 2}, expect: {raises: ValueError}}\n"
    (tmp_path / "torch" / "some.yaml").write_text(CASES + refused, encoding="utf-8")
    pairs, triples = counted().combinations
    why = "only where it has to be refused, in torch/some/both"
    # With size 2: no bias, which is not there otherwise. The layer has one direction
    # and no state, and both are met with size 2, and without bias.
    assert pairs.infeasible[why] == 1
    assert (("params.bias", "false"), ("params.proj_size", "2")) not in of(pairs)
    assert triples.infeasible[why] == 2


def test_combinations_of_some_parameters_alone_are_counted_where_they_are_wanted(
    counted: Callable[..., LayerCoverage],
) -> None:
    pairs, triples = counted(wanted=frozenset({"params.bias", "call.hx"})).combinations
    assert (pairs.total, triples.total) == (4, 16)
    assert [each.parameters for each in pairs.missing] == [("params.bias", "call.hx")]
    assert of(pairs) == [(("params.bias", "false"), ("call.hx", "given"))]


def test_what_passes_somewhere_is_counted_apart(counted: Callable[..., LayerCoverage]) -> None:
    assert counted().combinations[0].passing is None
    found = counted(frozenset({"torch/some/product", "torch/some/refused"}))
    parameters = {each.name: each for each in found.parameters}
    assert parameters["params.bias"].passing == ("true",)
    assert parameters["params.proj_size"].passing == ("0",)
    assert found.combinations[0].passing == 6


def test_a_call_argument_that_needs_another_explains_what_is_not_there(
    counted: Callable[..., LayerCoverage], tmp_path: Path
) -> None:
    table = tmp_path / "torch" / "parameters.yaml"
    needing = "values: [absent, given], needs: {given: {proj_size: 2}}"
    table.write_text(TABLE.replace("values: [absent, given]", needing), encoding="utf-8")
    pairs, _ = counted().combinations
    why = "call.hx=given needs params.proj_size=2"
    assert pairs.infeasible[why] == 1
    assert (("params.proj_size", "0"), ("call.hx", "given")) not in of(pairs)


def test_an_argument_that_goes_with_some_values_alone_explains_what_is_not_there(
    counted: Callable[..., LayerCoverage], tmp_path: Path
) -> None:
    table = tmp_path / "torch" / "parameters.yaml"
    needing = "values: [absent, given], only_with: {params.proj_size: [2, -1, 1]}"
    table.write_text(TABLE.replace("values: [absent, given]", needing), encoding="utf-8")
    pairs, _ = counted().combinations
    assert pairs.infeasible["call.hx makes no sense with params.proj_size=0"] == 1
    cases = CASES.replace("  - name: refused", "  - {name: a, call: {hx: given}}\n  - name: refused")
    (tmp_path / "torch" / "some.yaml").write_text(cases, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"hx makes sense only with params\.proj_size: 2 or -1 or 1"):
        counted()
