"""What an implementation does not offer is unsupported, with the reason; what it offers
is asked for.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from heads import KERAS_LSTM

from lstm_ref.corpus import Case, load_parameters
from lstm_ref.dialects.dialect import Draw
from lstm_ref.oracle.twin import TwinCall
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.runner.offers import computable, not_offered, not_shown, points_beyond, problems_of

Read = Callable[[str], dict[str, Case]]

ALL = Introduction(
    "it",
    "keras",
    {"float32": "float32"},
    actions=None,
    gradients=True,
    derivatives=("forward-mode", "second-order"),
    masks=("call", "train"),
    effects=True,
    refusals=True,
)
UNITS = {"params.units": True}

HEAD = KERAS_LSTM


def reason(read: Read, entry: str, dtype: str = "float32", **changes: object) -> str | None:
    (case,) = read(HEAD + entry).values()
    return not_offered(case, dtype, replace(ALL, **changes), load_parameters())


@pytest.mark.parametrize(
    ("entry", "offered", "told"),
    [
        ("  - {name: a}", UNITS, None),
        ("  - {name: a, params: {activation: tanh}}", UNITS, None),
        (
            "  - {name: a, params: {activation: relu}}",
            UNITS,
            "it declares no params.activation of LSTM (here relu)",
        ),
        ("  - {name: a, params: {activation: relu}}", {**UNITS, "params.activation": True}, None),
        ("  - {name: a, params: {activation: relu}}", {**UNITS, "params.activation": ["relu"]}, None),
        (
            "  - {name: a}",
            {**UNITS, "params.activation": ["relu"]},
            "it declares no value tanh for params.activation of LSTM",
        ),
        ("  - {name: a}", {"params.units": [2]}, "it declares no value 3 for params.units of LSTM"),
        ("  - {name: a, call: {mask: left}}", UNITS, "it declares no call.mask of LSTM (here left)"),
        (
            "  - {name: a, call: {mask: left}}",
            {**UNITS, "call.mask": ["right"]},
            "it declares no value left for call.mask of LSTM",
        ),
        ("  - {name: a}", {**UNITS, "call.mask": ["right"]}, None),
        ("  - {name: a, input: {form: lists}}", UNITS, "it declares no input.form of LSTM (here lists)"),
        (
            (
                "  - {name: a, layer: Bidirectional, params: {units: null, layer: {layer: LSTM, params:"
                " {units: 3, unroll: true}}}}"
            ),
            UNITS,
            "it declares no layer Bidirectional",
        ),
    ],
)
def test_a_parameter_that_is_not_named_is_offered_at_its_default(
    read: Read, entry: str, offered: dict[str, object], told: str | None
) -> None:
    if "Bidirectional" in entry:
        entry = entry.replace("units: null, ", "")
        text = HEAD.replace("  params: {units: 3}\n", "") + entry
        (case,) = read(text).values()
        found = not_offered(case, "float32", replace(ALL, layers={"LSTM": offered}), load_parameters())
        assert found == told
        around = {"LSTM": offered, "Bidirectional": {"params.layer": True}}
        inside = not_offered(case, "float32", replace(ALL, layers=around), load_parameters())
        assert inside == "it declares no params.unroll of LSTM (here true)"
        return
    assert reason(read, entry, layers={"LSTM": offered}) == told


@pytest.mark.parametrize(
    ("entry", "changes", "told"),
    [
        ("  - {name: a}", {"accumulation": {"float64": "float64"}}, "it declares no arithmetic in float32"),
        (
            "  - {name: a, params: {units: -1}, expect: {raises: ValueError}}",
            {"refusals": False},
            "it declares no refusals",
        ),
        ("  - {name: a}", {"refusals": False}, None),
        (
            "  - {name: a, steps: [{call: {mask: left}, expect: {raises: ValueError}}, {call: {}}]}",
            {"refusals": False},
            "it declares no refusals",
        ),
        (
            "  - {name: a, params: {stateful: true}, steps: [{call: {}}, reset, {call: {}}]}",
            {"actions": ()},
            "it declares no action reset",
        ),
        (
            "  - {name: a, params: {stateful: true}, steps: [{call: {}}, reset, {call: {}}]}",
            {"actions": ("reset",)},
            None,
        ),
    ],
)
def test_what_is_not_declared_is_told_by_name(
    read: Read, entry: str, changes: dict[str, object], told: str | None
) -> None:
    found = reason(read, entry, **changes)
    assert found is None if told is None else (found or "").startswith(told)


def test_what_is_not_offered_of_one_layer_of_several_is_told(read: Read) -> None:
    layers = (
        "[{layer: LSTM, params: {units: 3, return_sequences: true}}, {layer: LSTM, params: {units: 3, unroll:"
        " true}}]"
    )
    text = (
        HEAD.replace("  params: {units: 3}\n", "")
        + f"  - {{name: a, layer: Sequential, params: {{layers: {layers}}}}}"
    )
    (case,) = read(text).values()
    offered = {"Sequential": {"params.layers": True}, "LSTM": {**UNITS, "params.return_sequences": True}}
    found = not_offered(case, "float32", replace(ALL, layers=offered), load_parameters())
    assert found == "it declares no params.unroll of LSTM (here true)"


CALL = TwinCall("*", (), {}, {}, {})
MASK = {"dropout": Draw(((1, 2),), ("row", "feature"), 0.5)}


@pytest.mark.parametrize(
    ("call", "changes", "told"),
    [
        (
            replace(CALL, draws=MASK),
            {"masks": ("train",)},
            "it declares that it does not show the random masks of a call",
        ),
        (
            replace(CALL, draws=MASK, is_call=False),
            {"masks": ("call",)},
            "it declares that it does not show the random masks of a train",
        ),
        (
            replace(CALL, effects={"losses": np.ones(1)}),
            {"effects": False},
            "it declares that it does not show what a call leaves behind (losses)",
        ),
        (replace(CALL, draws=MASK, effects={"losses": np.ones(1)}), {}, None),
        (CALL, {"masks": (), "effects": False}, None),
    ],
)
def test_what_must_be_seen_and_is_not_shown_is_told(
    call: TwinCall, changes: dict[str, object], told: str | None
) -> None:
    assert not_shown([call], replace(ALL, **changes)) == told


@pytest.mark.parametrize(
    ("dtypes", "computes", "expected"),
    [
        (("float64", "float32"), ("float32",), ("float64", "float32")),
        (("float64",), ("float32",), ("float32",)),
        (("bfloat16",), ("float32", "float64"), ("float64",)),
        (("mixed_bfloat16",), ("bfloat16",), ("mixed_bfloat16",)),
        (("float64",), ("float16",), ("float64",)),
    ],
)
def test_a_case_in_none_of_its_dtypes_is_judged_in_another(
    dtypes: tuple[str, ...], computes: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert computable(dtypes, replace(ALL, accumulation={each: each for each in computes})) == expected


MATRIX = """
  - name: product
    matrix:
      params.return_sequences: [false, true]
      params.return_state: [false, true]
      params.use_bias: [true, false]
      call.mask: [absent, left, right]
"""


def test_of_a_large_matrix_points_are_added_in_which_all_offered_pairs_meet(read: Read) -> None:
    cases = list(read(HEAD + MATRIX).values())
    chosen = {case.id for case in cases if "use_bias=false" in case.id}
    offered = {**UNITS, "params.return_sequences": True, "params.return_state": True, "call.mask": ["left"]}
    found = list(points_beyond(cases, chosen, replace(ALL, layers={"LSTM": offered}), load_parameters()))
    assert all("use_bias" not in case.id and "right" not in case.id for case in found)
    met = {(case.axes["params.return_sequences"], case.axes["params.return_state"]) for case in found}
    met_by_mask = {(case.axes["params.return_state"], case.axes["call.mask"]) for case in found}
    assert len(met) == len(met_by_mask) == 4
    assert len(found) < 8
    assert list(points_beyond(cases, chosen, ALL, load_parameters())) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"dialect": "kears"}, "follows the dialect 'kears', which is not known; did you mean"),
        ({"version": "4"}, "follows version '4' of keras; known are 3, 2"),
        ({"actions": ("rest",)}, "declares the action 'rest'; did you mean"),
        ({"layers": {"LTSM": {}}}, "declares the layer 'LTSM'; did you mean"),
        (
            {"layers": {"LSTM": {"params.unit": True}}},
            "declares params.unit of LSTM, which is not documented; did you mean",
        ),
    ],
)
def test_a_word_that_nobody_documents_is_told(changes: dict[str, object], told: str) -> None:
    (problem,) = problems_of(replace(ALL, **changes), load_parameters())
    assert told in problem
    assert list(problems_of(ALL, load_parameters())) == []
