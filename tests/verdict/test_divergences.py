"""Known disagreements: which items an entry is about."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from heads import KERAS_LSTM, head

from lstm_ref.corpus import Case, Divergence, Location, load_divergences, load_parameters
from lstm_ref.verdict.divergences import Divergences
from lstm_ref.verdict.errors import UnknownFact

Read = Callable[[str], dict[str, Case]]
Where = tuple[Mapping[str, tuple[Any, ...]], ...]

CASES = (
    KERAS_LSTM
    + """\
  - name: product
    matrix:
      params.unroll: [false, true]
      params.dropout: [0.0, 0.3]
      call.mask: [absent, gaps, left]
  - name: two-calls
    steps: [{call: {mask: gaps}}, {call: {training: true}}]
  - name: trained
    steps: [{train: {epochs: 1, learning_rate: 0.125, mask: gaps}}, weights]
"""
)
ENTRY = Divergence(
    "toy",
    "file/*",
    "framework",
    {"toy": ">=1"},
    ("fail",),
    "beyond",
    None,
    "It adds one.",
    None,
    Location(Path("toy.yaml"), 1),
)


def matched(cases: Mapping[str, Case], *where: Mapping[str, tuple[Any, ...]], of: str = "toy") -> set[str]:
    divergences = Divergences([replace(ENTRY, where=where)] if where else [ENTRY], load_parameters())
    return {
        name for name, case in cases.items() if divergences.matching(case, of, "float32", {"toy": "1.2"}, {})
    }


PRODUCT: tuple[str, ...] = (
    "",
    "dropout=0.3",
    "mask=gaps",
    "dropout=0.3,mask=gaps",
    "mask=left",
    "dropout=0.3,mask=left",
)
PRODUCT += tuple(f"{axes},unroll=true".lstrip(",") for axes in PRODUCT)
ALL = {f"product[{axes}]" if axes else "product" for axes in PRODUCT} | {"two-calls", "trained"}


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ((), ALL),
        (({},), ALL),
        (({"params.unroll": (True,)},), {name for name in ALL if "unroll" in name}),
        # What a case does not set has the documented default.
        (({"params.unroll": (False,)},), {name for name in ALL if "unroll" not in name}),
        (({"params.return_sequences": (False,)},), ALL),
        (({"params.dropout": (0.3,)},), {name for name in ALL if "dropout" in name}),
        (({"params.dropout": (0.0,)},), {name for name in ALL if "dropout" not in name}),
        (({"call.mask": ("left",)},), {name for name in ALL if "left" in name}),
        (
            ({"call.mask": ("left", "gaps")},),
            {name for name in ALL if "left" in name or "gaps" in name} | {"two-calls", "trained"},
        ),
        (({"call.mask": ("absent",)},), {name for name in ALL if "mask" not in name} - {"trained"}),
        (
            ({"params.unroll": (True,), "call.mask": ("left",)},),
            {"product[mask=left,unroll=true]", "product[dropout=0.3,mask=left,unroll=true]"},
        ),
        (
            ({"params.unroll": (True,)}, {"call.mask": ("left",)}),
            {name for name in ALL if "unroll" in name or "left" in name},
        ),
        # Both in one call, not one in each.
        (({"call.mask": ("gaps",), "call.training": (True,)},), set()),
        (({"call.training": (True,)},), {"two-calls"}),
        (({"params.unroll": ("true",)},), set()),
        (({"params.no_such_thing": (True,)},), set()),
    ],
)
def test_an_entry_is_about_the_points_in_which_every_axis_of_a_row_has_one_of_its_values(
    where: Where, names: set[str], read: Read
) -> None:
    assert matched(read(CASES), *where) == names


NESTED = (
    head("keras", "Bidirectional", "input: {batch: 4, timesteps: 7, features: 5}")
    + """\
  - {name: plain, params: {layer: {layer: LSTM, params: {units: 3, dropout: 0.3}}}}
  - {name: both, params: {layer: {layer: LSTM, params: {units: 3, dropout: 0.3, unroll: true}}}}
  - name: apart
    params:
      layer: {layer: LSTM, params: {units: 3, dropout: 0.3}}
      backward_layer: {layer: LSTM, params: {units: 3, unroll: true, go_backwards: true}}
  - name: list
    layer: RNN
    params:
      cell: [{layer: LSTMCell, params: {units: 2}}, {layer: LSTMCell, params: {units: 3, dropout: 0.3}}]
"""
)


@pytest.mark.parametrize(
    ("row", "names"),
    [
        ({"inside.dropout": (0.3,)}, {"plain", "both", "apart", "list"}),
        ({"inside.dropout": (0.3,), "inside.unroll": (True,)}, {"both"}),
        ({"inside.unroll": (False,)}, {"plain", "apart", "list"}),
        ({"inside.dropout": (0.3,), "params.merge_mode": ("concat",)}, {"plain", "both", "apart"}),
        ({"params.dropout": (0.3,)}, set()),
    ],
)
def test_an_axis_inside_is_of_the_layer_or_of_one_that_it_is_made_of(
    row: Mapping[str, tuple[Any, ...]], names: set[str], read: Read
) -> None:
    assert matched(read(NESTED), row) == names


def test_an_entry_without_rows_is_about_a_case_without_calls_too(read: Read) -> None:
    cases = read(CASES)
    told = {"signature": replace(cases["trained"], steps=cases["trained"].steps[1:])}
    assert matched(told) == {"signature"}
    assert matched(told, {"params.unroll": (False,)}) == set()


def test_an_entry_is_about_its_own_implementation(read: Read) -> None:
    assert matched(read(CASES), {}, of="toy-graph") == set()


FILE = """\
kind: divergences
implementation: keras-tensorflow
about: What is known.
entries:
  - cases: [keras/structure/*, keras/sizes/one-step]
    implementations: [keras-tensorflow, keras-tensorflow-graph]
    where:
      - {params.unroll: [true]}
      - {call.mask: [gaps, left]}
    kind: framework
    versions: {keras: "==3.15.*"}
    outcome: fail
    match: "beyond the bound"
    reason: It is wrong.
  - cases: keras/masks/*
    where:
      - {inside.kernel_regularizer: [l1, {class_name: L1, config: {l1: 0.25}}]}
    kind: framework
    versions: {keras: "==3.15.*"}
    processor: {onednn_bf16: false, cpu_capability: [default, AVX2]}
    outcome: [crash, fail]
    match: "beyond the bound"
    reason: It is wrong there, too.
"""


def test_an_entry_stands_for_all_its_patterns_and_implementations(tmp_path: Path) -> None:
    (tmp_path / "divergences").mkdir()
    (tmp_path / "divergences" / "keras-tensorflow.yaml").write_text(FILE, encoding="utf-8")
    found = load_divergences(tmp_path)
    objects = {"inside.kernel_regularizer": ("l1", {"class_name": "L1", "config": {"l1": 0.25}})}
    rows = ({"params.unroll": (True,)}, {"call.mask": ("gaps", "left")})
    assert [(entry.implementation, entry.cases, entry.where) for entry in found] == [
        ("keras-tensorflow", "keras/structure/*", rows),
        ("keras-tensorflow", "keras/sizes/one-step", rows),
        ("keras-tensorflow-graph", "keras/structure/*", rows),
        ("keras-tensorflow-graph", "keras/sizes/one-step", rows),
        ("keras-tensorflow", "keras/masks/*", (objects,)),
    ]
    assert [entry.outcomes for entry in found] == [("fail",)] * 4 + [("crash", "fail")]
    assert [entry.processor for entry in found] == [{}] * 4 + [
        {"onednn_bf16": (False,), "cpu_capability": ("default", "AVX2")}
    ]


@pytest.mark.parametrize(
    ("entry", "dtype", "versions", "processor", "about"),
    [
        ({"dtypes": ("float16", "float32")}, "float32", {"toy": "1.2"}, {}, True),
        ({"dtypes": ("float16", "float32")}, "float64", {"toy": "1.2"}, {}, False),
        ({}, "float32", {"toy": "0.9"}, {}, False),
        ({}, "float32", {"toy": "2.0rc1"}, {}, True),
        ({}, "float32", {}, {}, False),
        ({"versions": {"toy": ">=1", "other": "==3.*"}}, "float32", {"toy": "1.2", "other": "2"}, {}, False),
        ({"processor": {"bf16": (False,)}}, "float32", {"toy": "1.2"}, {"bf16": False}, True),
        ({"processor": {"bf16": (False,)}}, "float32", {"toy": "1.2"}, {"bf16": True}, False),
        ({"processor": {"level": ("default", "AVX2")}}, "float32", {"toy": "1.2"}, {"level": "AVX2"}, True),
        (
            {"processor": {"level": ("AVX2",), "bf16": (False,)}},
            "float32",
            {"toy": "1.2"},
            {"level": "AVX2", "bf16": True},
            False,
        ),
    ],
)
def test_an_entry_is_about_its_dtypes_versions_and_processors(
    entry: Mapping[str, Any],
    dtype: str,
    versions: Mapping[str, str],
    processor: Mapping[str, str | bool],
    about: bool,
    read: Read,
) -> None:
    divergences = Divergences([replace(ENTRY, **entry)], load_parameters())
    found = divergences.matching(read(CASES)["trained"], "toy", dtype, versions, processor)
    assert bool(found) is about


def test_every_entry_about_a_case_is_found_in_the_order_of_the_file(read: Read) -> None:
    entries = [replace(ENTRY, match=match) for match in ("one", "another")]
    entries.append(replace(ENTRY, match="newer", versions={"toy": ">=2"}))
    found = Divergences(entries, load_parameters()).matching(
        read(CASES)["trained"], "toy", "float32", {"toy": "1.2"}, {}
    )
    assert [entry.match for entry in found] == ["one", "another"]


def test_what_the_subject_does_not_tell_of_its_processor_is_asked_for(read: Read) -> None:
    divergences = Divergences([replace(ENTRY, processor={"level": ("AVX2",)})], load_parameters())
    with pytest.raises(UnknownFact, match="level"):
        divergences.matching(read(CASES)["trained"], "toy", "float32", {"toy": "1.2"}, {"bf16": True})


@pytest.mark.parametrize(
    ("outcomes", "damages"),
    [
        (("fail",), False),
        (("crash",), False),
        (("crash", "fail"), True),
        (("timeout", "crash"), True),
        (("fail", "timeout"), False),
    ],
)
def test_a_process_may_be_damaged_where_it_sometimes_ends_and_sometimes_answers(
    outcomes: tuple[str, ...], damages: bool
) -> None:
    assert replace(ENTRY, outcomes=outcomes).damages is damages
