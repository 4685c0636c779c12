"""A case and its matrix become points with stable ids."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_ref.corpus import Case, CaseStep, Equality, ExpectedError, Input, Relation, Term, Values, load
from lstm_ref.corpus.points.ids import point_ids, value_text

Cases = Callable[[str], list[Case]]


def names(cases: list[Case]) -> list[str]:
    return [case.id.removeprefix("toy/file/") for case in cases]


def test_a_case_without_matrix_is_one_point(cases: Cases, root: Path) -> None:
    (case,) = cases(
        "- {name: a, params: {rate: 1e-6}, call: {state: given, mask: absent}, values: {scale: 16}}"
    )
    assert case == Case(
        id="toy/file/a",
        name="a",
        place=case.place,
        dialect="toy",
        about="About the file.",
        source="The file's source.",
        layer="LSTM",
        params={"units": 3, "rate": 1e-6},
        values=Values("dyadic", 16.0),
        steps=(CaseStep("call", {"state": "given"}, Input(batch=4, timesteps=7, form="batched")),),
        expect=None,
        dtypes=("float64", "float32"),
        axes={},
        full_dtypes=("float64", "float32"),
    )
    assert str(case.place) == f"{root}/toy/file.yaml:10:3"


def test_what_a_case_says_wins_over_its_file(cases: Cases) -> None:
    (case,) = cases(
        "- {name: a, about: b, source: c, params: {units: 5}, input: {batch: 1}, expect: {raises: KeyError,"
        " match: m}, dtypes: [float32]}"
    )
    assert (case.about, case.source, case.params, case.expect, case.dtypes) == (
        "b",
        "c",
        {"units": 5},
        ExpectedError("KeyError", "m"),
        ("float32",),
    )
    assert case.steps[0].input == Input(batch=1, timesteps=7, form="batched")


def test_the_product_is_in_written_order_and_the_last_axis_turns_fastest(cases: Cases) -> None:
    found = cases("- {name: a, matrix: {params.unroll: [true, false], params.rate: [1, 2]}}")
    assert [(case.params["unroll"], case.params["rate"]) for case in found] == [
        (True, 1),
        (True, 2),
        (False, 1),
        (False, 2),
    ]


INHERITING = """\
kind: cases
dialect: toy
layer: LSTM
about: About the file.
source: The file's source.
defaults:
  params: {units: 3}
  input: {batch: 4, timesteps: 7}
  matrix: {params.rate: [1, 2], params.unroll: [false, true]}
  exclude: [{params.rate: 1, params.unroll: true}]
cases:
  - {name: none}
  - {name: more, exclude: [{params.rate: 2, params.unroll: true}]}
  - {name: own, matrix: {params.unroll: [true], params.activation: [relu]}}
"""


def test_a_case_has_its_own_axes_first_and_then_those_of_the_defaults(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(INHERITING)
    found = {
        name: [tuple(case.axes.items()) for case in load(root).cases if case.name == name]
        for name in ("none", "more", "own")
    }
    rate, unroll, activation = "params.rate", "params.unroll", "params.activation"
    assert found["none"] == [
        ((rate, 1), (unroll, False)),
        ((rate, 2), (unroll, False)),
        ((rate, 2), (unroll, True)),
    ]
    assert found["more"] == [((rate, 1), (unroll, False)), ((rate, 2), (unroll, False))]
    assert found["own"] == [((unroll, True), (activation, "relu"), (rate, 2))]


def test_an_id_shows_the_axes_that_differ_from_their_documented_default_sorted(cases: Cases) -> None:
    found = cases(
        "- {name: a, matrix: {params.unroll: [false, true], params.activation: [tanh, relu], call.state:"
        " [given, absent]}}"
    )
    assert names(found) == [
        "a[state=given]",
        "a",
        "a[activation=relu,state=given]",
        "a[activation=relu]",
        "a[state=given,unroll=true]",
        "a[unroll=true]",
        "a[activation=relu,state=given,unroll=true]",
        "a[activation=relu,unroll=true]",
    ]


def test_an_axis_without_documented_default_is_always_shown(cases: Cases) -> None:
    assert names(
        cases(
            "- {name: a, matrix: {params.units: [3], input.timesteps: [7], values.scale: [1, 16.0],"
            " input.form: [batched, unbatched]}}"
        )
    ) == [
        "a[timesteps=7,units=3]",
        "a[form=unbatched,timesteps=7,units=3]",
        "a[scale=16,timesteps=7,units=3]",
        "a[form=unbatched,scale=16,timesteps=7,units=3]",
    ]


def test_a_short_key_that_two_axes_share_is_written_in_full(cases: Cases) -> None:
    assert names(
        cases("- {name: a, matrix: {params.mask: [1], call.mask: [left], params.unroll: [true]}}")
    ) == ["a[call.mask=left,params.mask=1,unroll=true]"]


def test_an_id_does_not_depend_on_the_order_of_axes_and_values(cases: Cases) -> None:
    one = cases("- {name: a, matrix: {params.unroll: [false, true], params.rate: [0, 1]}}")
    other = cases("- {name: a, matrix: {params.rate: [1, 0], params.unroll: [true, false]}}")
    assert {case.id: case.params for case in one} == {case.id: case.params for case in other}


def test_an_id_does_not_change_when_a_case_is_added(cases: Cases) -> None:
    (before,) = cases("- {name: b, matrix: {params.rate: [1]}}")
    after = cases("- {name: a}\n- {name: b, matrix: {params.rate: [0, 1]}}")
    assert before.id in [case.id for case in after]


def test_exclude_removes_every_point_that_contains_it(cases: Cases) -> None:
    found = cases("""\
    - name: a
      matrix: {params.unroll: [false, true], params.rate: [0, 1], call.state: [absent, given]}
      exclude: [{params.unroll: true, params.rate: 1}]
    """)
    assert len(found) == 6
    assert not any(case.params["unroll"] and case.params["rate"] for case in found)


def test_exclude_tells_false_from_zero(cases: Cases) -> None:
    assert names(cases("- {name: a, matrix: {params.rate: [0, false]}, exclude: [{params.rate: 0}]}")) == [
        "a[rate=false]"
    ]


def test_include_adds_points_and_fills_them_up_with_the_case(cases: Cases) -> None:
    found = cases("""\
    - name: a
      params: {unroll: true}
      matrix: {params.unroll: [false], params.rate: [0], params.activation: [relu]}
      include: [{params.rate: 2}]
    """)
    assert names(found) == ["a[activation=relu]", "a[rate=2,unroll=true]"]
    assert found[1].axes == {"params.unroll": True, "params.rate": 2, "params.activation": "tanh"}
    assert found[1].params == {"units": 3, "unroll": True, "rate": 2, "activation": "tanh"}


def test_an_axis_reaches_every_group(cases: Cases) -> None:
    (case,) = cases(
        "- {name: a, matrix: {params.units: [9], call.state: [given], input.batch: [2], values.grid:"
        " [float32]}}"
    )
    assert (case.params, case.values) == ({"units": 9}, Values("float32", 1.0))
    assert case.steps == (CaseStep("call", {"state": "given"}, Input(batch=2, timesteps=7, form="batched")),)
    assert case.axes == {"params.units": 9, "call.state": "given", "input.batch": 2, "values.grid": "float32"}


def test_steps_inherit_the_case_and_add_their_own(cases: Cases) -> None:
    (case,) = cases(
        "- {name: a, input: {batch: 2}, steps: [{call: {state: given}}, reset, {call: {input: {timesteps:"
        " 1}}}, {call: {input: {shape: [1, 2]}}}]}"
    )
    assert case.steps == (
        CaseStep("call", {"state": "given"}, Input(batch=2, timesteps=7, form="batched")),
        CaseStep("reset", {}, Input()),
        CaseStep("call", {}, Input(batch=2, timesteps=1, form="batched")),
        CaseStep("call", {}, Input(shape=(1, 2))),
    )


def test_what_a_step_says_wins_over_the_default_call(root: Path, cases: Cases) -> None:
    cases("- {name: a, steps: [{call: {}}, {call: {state: absent}}]}")
    file = root / "toy" / "file.yaml"
    file.write_text(file.read_text().replace("\ncases:", "\n  call: {state: given}\ncases:"))
    (case,) = load(root).cases
    assert [step.arguments for step in case.steps] == [{"state": "given"}, {}]


def test_a_call_axis_reaches_every_call_of_the_steps(cases: Cases) -> None:
    (case,) = cases("- {name: a, matrix: {call.state: [given]}, steps: [{call: {}}, {call: {mask: left}}]}")
    assert [step.arguments for step in case.steps] == [{"state": "given"}, {"state": "given", "mask": "left"}]


def test_the_size_of_a_call_wins_over_that_of_the_case(cases: Cases) -> None:
    (case,) = cases("- {name: a, call: {input: {batch: 9}}}")
    assert case.steps[0].input == Input(batch=9, timesteps=7, form="batched")


def test_a_whole_shape_stands_alone(cases: Cases) -> None:
    (case,) = cases("- {name: a, input: {shape: [4, 5]}}")
    assert case.steps[0].input == Input(shape=(4, 5))


def call(arguments: dict[str, str] | None = None, **size: Any) -> CaseStep:
    """A call as the cases of this file make it."""
    return CaseStep("call", arguments or {}, replace(Input(batch=4, timesteps=7, form="batched"), **size))


def relation_of(case: Case) -> Relation:
    assert case.relation is not None
    return case.relation


def test_a_call_may_take_a_part_of_the_first_input_or_reverse_it(cases: Cases) -> None:
    (case,) = cases(
        "- {name: a, steps: [{call: {input: {part: [0, 3]}}}, {call: {input: {part: [3, 7], reversed:"
        " true}}}, {call: {}}]}"
    )
    assert case.steps == (call(part=(0, 3)), call(part=(3, 7), reversed=True), call())


def test_the_second_run_of_a_relation_is_the_first_but_for_what_it_says(cases: Cases) -> None:
    (case,) = cases(
        "- {name: a, params: {rate: 1}, call: {state: given, mask: left}, relation: {other: {params: {unroll:"
        " true}, call: {mask: absent}}}}"
    )
    assert relation_of(case) == Relation(
        {"units": 3, "rate": 1, "unroll": True}, (call({"state": "given"}),), (), exact=False
    )
    assert (case.params, case.steps) == ({"units": 3, "rate": 1}, (call({"state": "given", "mask": "left"}),))


def test_a_case_without_relation_has_none(cases: Cases) -> None:
    assert [case.relation for case in cases("- {name: a}")] == [None]


def test_what_a_relation_says_of_calls_and_inputs_holds_for_every_call_of_the_case(cases: Cases) -> None:
    (case,) = cases("""\
    - name: a
      steps: [{call: {state: given}}, reset, {call: {mask: left, input: {batch: 2}}}]
      relation: {other: {call: {mask: right, state: absent}, input: {batch: 3}}}
    """)
    assert relation_of(case).steps == (
        call({"mask": "right"}, batch=3),
        CaseStep("reset", {}, Input()),
        call({"mask": "right"}, batch=3),
    )


def test_the_steps_of_a_second_run_replace_those_of_the_case_and_start_from_its_call(cases: Cases) -> None:
    (case,) = cases("""\
    - name: a
      params: {stated: true}
      call: {state: given, mask: left}
      relation:
        other:
          input: {reversed: true}
          steps: [{call: {input: {part: [0, 3]}}}, reset,
            {call: {mask: absent, state: previous, input: {part: [3, 7], reversed: false}}}]
    """)
    first, reset, second = relation_of(case).steps
    assert first == call({"state": "given", "mask": "left"}, part=(0, 3), reversed=True)
    assert reset == CaseStep("reset", {}, Input())
    assert second == call({"state": "previous"}, part=(3, 7))


def test_the_axes_of_a_matrix_reach_both_runs_and_the_second_run_may_overrule_them(cases: Cases) -> None:
    found = cases("""\
    - name: a
      params: {stated: true}
      matrix: {params.rate: [1, 2], call.state: [absent, given]}
      relation: {other: {steps: [{call: {}}, {call: {state: previous}}]}}
    """)
    assert [(case.params["rate"], relation_of(case).params["rate"]) for case in found] == [
        (1, 1),
        (1, 1),
        (2, 2),
        (2, 2),
    ]
    assert [[step.arguments for step in relation_of(case).steps] for case in found[:2]] == [
        [{}, {"state": "previous"}],
        [{"state": "given"}, {"state": "previous"}],
    ]
    assert names(found) == ["a[rate=1]", "a[rate=1,state=given]", "a[rate=2]", "a[rate=2,state=given]"]


def test_a_relation_says_what_is_equal(cases: Cases) -> None:
    (case,) = cases("""\
    - name: a
      params: {stated: true}
      relation: {other: {},
        equal: [{left: {output: output, at: last-step}, right: h}, {left: h, right: output}], exact: true}
    """)
    assert relation_of(case).equal == (
        Equality(Term("output", "last-step"), Term("h", None)),
        Equality(Term("h", None), Term("output", None)),
    )
    assert relation_of(case).exact
    assert (relation_of(case).params, relation_of(case).steps) == (case.params, case.steps)


def test_training_is_a_step_with_the_arguments_of_a_call(cases: Cases) -> None:
    (case,) = cases("""\
    - name: a
      matrix: {call.state: [given]}
      steps: [{train: {epochs: 3, learning_rate: 0.125, mask: left, input: {timesteps: 2}}}, weights,
        {call: {}}]
    """)
    assert case.steps == (
        CaseStep(
            "train",
            {"state": "given", "epochs": 3, "learning_rate": 0.125, "mask": "left"},
            Input(batch=4, timesteps=2, form="batched"),
        ),
        CaseStep("weights", {}, Input()),
        call({"state": "given"}),
    )


def test_what_a_relation_says_of_calls_holds_for_training(cases: Cases) -> None:
    (case,) = cases(
        "- {name: a, steps: [{train: {epochs: 1, learning_rate: 1}}, {call: {}}], relation: {other: {call:"
        " {mask: left}}}}"
    )
    assert [step.arguments for step in relation_of(case).steps] == [
        {"epochs": 1, "learning_rate": 1.0, "mask": "left"},
        {"mask": "left"},
    ]


def test_versions_are_those_of_the_case_or_of_its_file(cases: Cases, root: Path) -> None:
    assert [case.versions for case in cases('- {name: a}\n- {name: b, versions: ["2"]}')] == [(), ("2",)]
    file = root / "toy" / "file.yaml"
    file.write_text(file.read_text().replace("\ncases:", '\n  versions: ["1"]\ncases:'))
    assert [case.versions for case in load(root).cases] == [("1",), ("2",)]


def test_weights_are_drawn_unless_the_layer_keeps_its_own(cases: Cases) -> None:
    drawn, initial = cases(
        "- {name: a, matrix: {values.weights: [drawn, initial]}, steps: [weights, {call: {}}]}"
    )
    assert (drawn.id, drawn.values.weights) == ("toy/file/a", "drawn")
    assert (initial.id, initial.values.weights) == ("toy/file/a[weights=initial]", "initial")


@pytest.mark.usefixtures("second_dialect")
def test_a_second_run_on_another_dialect_has_the_input_of_the_case_and_nothing_else(cases: Cases) -> None:
    (case,) = cases("""\
    - name: a
      input: {form: unbatched}
      call: {state: given, mask: left}
      relation: {other: {dialect: other, params: {size: 3}, call: {hx: given}},
        equal: [{left: output, right: {output: y, at: last-step}}]}
    """)
    relation = relation_of(case)
    assert (relation.dialect, relation.layer, relation.params) == ("other", "", {"size": 3})
    assert relation.steps == (CaseStep("call", {"hx": "given"}, Input(batch=4, timesteps=7, form="padded")),)
    assert relation.equal == (Equality(Term("output", None), Term("y", "last-step")),)


def test_a_second_run_may_be_on_another_layer(cases: Cases) -> None:
    other = "{layer: RNN, params: {cell: 1}, steps: [{call: {}}, {call: {start: previous}}]}"
    (case,) = cases(f"- {{name: a, steps: [reset, {{call: {{}}}}], relation: {{other: {other}}}}}")
    relation = relation_of(case)
    assert (relation.dialect, relation.layer, relation.params) == ("", "RNN", {"cell": 1})
    assert [step.input for step in relation.steps] == [Input(batch=4, timesteps=7)] * 2
    assert [step.arguments for step in relation.steps] == [
        {"start": "given"},
        {"start": "previous"},
    ]  # it is required, and given unless a case says more


def test_a_layer_without_time_takes_one_timestep_of_the_first_input(cases: Cases) -> None:
    other = (
        "{layer: Cell, params: {units: 3}, steps: [{call: {input: {timestep: 0}}}, {call: {input: {timestep:"
        " 4}}}, {call: {}}]}"
    )
    (case,) = cases(f"- {{name: a, call: {{input: {{timesteps: 5}}}}, relation: {{other: {other}}}}}")
    first, second, own = [step.input for step in relation_of(case).steps]
    assert (first, second) == (
        Input(batch=4, timesteps=5, timestep=0),
        Input(batch=4, timesteps=5, timestep=4),
    )
    assert [size.is_taken for size in (first, second, own)] == [True, True, False]
    assert own == Input(batch=4)


def test_a_second_run_may_have_the_weights_of_a_part(cases: Cases) -> None:
    with_part, without = cases(
        "- {name: a, relation: {other: {params: {unroll: true}, weights: forward}}}\n- {name: b, relation:"
        " {other: {params: {unroll: true}}}}"
    )
    assert [relation_of(case).weights for case in (with_part, without)] == ["forward", ""]


def test_axes_of_the_second_run_are_its_alone(cases: Cases) -> None:
    found = cases("""\
    - name: a
      matrix: {params.rate: [1], relation.other.params.rate: [2, 3],
        relation.other.call.mask: [absent, left], relation.other.input.batch: [4, 5]}
      relation: {other: {params: {unroll: true}, call: {mask: right}}}
    """)
    assert len(found) == 8
    assert {case.params["rate"] for case in found} == {1}
    assert all(case.steps == (call(),) for case in found)
    runs = [
        (
            relation_of(case).params["rate"],
            relation_of(case).steps[0].arguments.get("mask"),
            relation_of(case).steps[0].input.batch,
        )
        for case in found
    ]
    assert runs == [(rate, mask, batch) for rate in (2, 3) for mask in (None, "left") for batch in (4, 5)]
    assert found[-1].id == "toy/file/a[other.call.mask=left,other.input.batch=5,other.params.rate=3,rate=1]"


@pytest.mark.usefixtures("second_dialect")
def test_axes_of_a_second_run_on_another_dialect_have_its_words_and_defaults(cases: Cases) -> None:
    found = cases("""\
    - name: a
      matrix: {call.state: [absent], relation.other.call.hx: [absent], relation.other.params.proj: [0]}
      include: [{call.state: given, relation.other.call.hx: given}, {relation.other.params.proj: 2}]
      relation: {other: {dialect: other, params: {size: 3}}, equal: [{left: output, right: y}]}
    """)
    assert [
        (case.steps[0].arguments, relation_of(case).steps[0].arguments, relation_of(case).params)
        for case in found
    ] == [
        ({}, {}, {"size": 3, "proj": 0}),
        ({"state": "given"}, {"hx": "given"}, {"size": 3, "proj": 0}),
        ({}, {}, {"size": 3, "proj": 2}),
    ]
    assert names(found) == ["a", "a[other.call.hx=given,state=given]", "a[other.params.proj=2]"]


def test_an_unbatched_input_needs_no_batch(root: Path, cases: Cases) -> None:
    (case,) = cases("- {name: a, input: {form: unbatched}}")
    text = (root / "toy" / "file.yaml").read_text().replace("batch: 4, ", "")
    (root / "toy" / "file.yaml").write_text(text)
    (without,) = load(root).cases
    assert without.steps[0].input == replace(case.steps[0].input, batch=None)


def test_undocumented_parameters_are_parameters_that_a_case_names(cases: Cases) -> None:
    (case,) = cases("- {name: a, undocumented: {time_major: true}, expect: {raises: TypeError}}")
    assert case.params == {"units": 3, "time_major": True}
    assert case.undocumented == ("time_major",)


def test_a_required_parameter_may_be_missing_where_an_exception_is_expected(cases: Cases, root: Path) -> None:
    cases("- {name: a, expect: {raises: TypeError}}")
    file = root / "toy" / "file.yaml"
    file.write_text(file.read_text().replace("units: 3", "rate: 1"))
    assert load(root).cases[0].params == {"rate": 1}


def test_a_nested_layer_is_a_value(root: Path) -> None:
    (root / "toy" / "nested.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: RNN\nabout: a\nsource: b\ndefaults: {input: {batch: 1, timesteps:"
        " 2}}\ncases:\n  - name: a\n    matrix: {params.cell: [{layer: LSTM, params: {units: 1}}, [{layer:"
        " LSTM, params: {units: 2}}]]}\n"
    )
    found = load(root).cases
    assert found[0].params == {"cell": {"layer": "LSTM", "params": {"units": 1}}}
    assert [case.id for case in found] == [
        "toy/nested/a[cell=LSTM(units=1)]",
        "toy/nested/a[cell=[LSTM(units=2)]]",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (None, "null"),
        (3, "3"),
        (0.5, "0.5"),
        ("tanh", "tanh"),
        ("true", '"true"'),
        ("1", '"1"'),
        ("", '""'),
        ("a,b", '"a,b"'),
        ([1, "a"], '[1,"a"]'),
        ({"layer": "LSTM", "params": {"units": 3, "stated": True}}, "LSTM(stated=true,units=3)"),
        (float("nan"), ".nan"),
        (float("inf"), ".inf"),
        (-float("inf"), "-.inf"),
        ({"layer": "Masking"}, "Masking()"),
        ([{"layer": "Cell", "params": {"units": 3}}, "a", 1], "[Cell(units=3),a,1]"),
        ({"layer": "RNN", "params": {"cell": [{"layer": "Cell", "params": {}}]}}, "RNN(cell=[Cell()])"),
        ({"class_name": "L2", "config": {"l2": 0.01}}, "L2(l2=0.01)"),
        ({"callable": "tanh"}, "callable:tanh"),
        ("callable:tanh", '"callable:tanh"'),
        ("Masking()", '"Masking()"'),
        ({"layer": "LSTM", "params": 3}, '{"layer":"LSTM","params":3}'),
        ({"layer": "L,S", "params": {}}, '{"layer":"L,S","params":{}}'),
        ({"callable": "a b"}, '{"callable":"a b"}'),
    ],
)
def test_a_value_in_an_id_reads_as_in_yaml(value: object, text: str) -> None:
    assert value_text(value) == text


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.sampled_from([0.0, 1.0, 0.5])
    | st.text("atrue10, ]=()", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text("ab", max_size=1), inner, max_size=2)
        | st.fixed_dictionaries(
            {
                "layer": st.sampled_from(["a", "true", ""]),
                "params": st.dictionaries(st.text("ab", max_size=1), inner, max_size=2),
            }
        )
    ),
    max_leaves=4,
)


@given(VALUES, VALUES, VALUES, VALUES, VALUES)
def test_two_points_never_share_an_id(default: object, a: object, b: object, c: object, d: object) -> None:
    def name(first: object, second: object) -> str:
        id_of = point_ids("p", "n", ("params.x", "params.y"), {"params.x": default})
        return id_of([value_text(first), value_text(second)])

    same = (value_text(a), value_text(b)) == (value_text(c), value_text(d))
    assert (name(a, b) == name(c, d)) == same
