"""Files of claims: from statements to cases, and what is wrong with a file, with its
place.
"""

from pathlib import Path

import pytest

from lstm_ref.corpus import Case, CorpusError, Problem, load, load_file, select
from lstm_ref.corpus.claim import Weight
from lstm_ref.corpus.selection import last_part
from lstm_ref.kinds import is_case_file

HEAD = """\
kind: claims
dialect: toy
layer: LSTM
about: What an article says.
source: {title: An article, kind: article, version: toy 1}
defaults:
  params: {units: 3}
  input: {batch: 4, timesteps: 7}
claims:
"""


def write(root: Path, claims: str, name: str = "said.yaml") -> Path:
    file = root / "claims" / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(HEAD + claims, encoding="utf-8")
    return file


def cases(root: Path, claims: str) -> list[Case]:
    write(root, claims)
    return list(load(root).cases)


def problems(root: Path, claims: str) -> list[Problem]:
    write(root, claims)
    with pytest.raises(CorpusError) as caught:
        load(root)
    return list(caught.value.problems)


def claim(verdict: str, rest: str) -> str:
    return f"  - name: a\n    statement: Something.\n    verdict: {verdict}\n{rest}"


def test_an_exhibit_is_a_case_with_the_claim_and_what_it_asserts(root: Path) -> None:
    (case,) = cases(
        root, claim("true", "    place: units\n    shows: [{params: {rate: 1}, returns: [4, 3]}]\n")
    )
    assert case.id == "claims/said/a"
    assert case.params == {"units": 3, "rate": 1}
    assert (case.steps[0].input.batch, case.steps[0].input.timesteps) == (4, 7)
    assert (case.about, case.source) == ("Something.", "An article, units, speaks of toy 1")
    assert case.dtypes == ("float32",)
    assert case.place.line == 14
    assert case.claim is not None
    assert (case.claim.id, case.claim.verdict, case.claim.side) == ("claims/said/a", "true", "holds")
    assert case.claim.asserted.returns == [4, 3]
    assert case.claim.source.version == "toy 1"


def test_several_exhibits_have_names_and_sides(root: Path) -> None:
    text = """\
    conditions: units is 3.
    shows:
      - {name: three, side: holds, returns: [4, 3]}
      - {name: two, side: fails, params: {units: 2}, returns: [4, 2]}
      - {name: loop, side: corrected, matrix: {params.unroll: [false, true]}, conforms: true}
"""
    found = cases(root, claim("under-conditions", text))
    assert [(case.id, case.claim and case.claim.side) for case in found] == [
        ("claims/said/a/three", "holds"),
        ("claims/said/a/two", "fails"),
        ("claims/said/a/loop", "corrected"),
        ("claims/said/a/loop[unroll=true]", "corrected"),
    ]
    assert {case.claim.id for case in found if case.claim} == {"claims/said/a"}
    # The claim chooses all of them, and each has a name of its own in the file.
    assert select(found, ["claims/said/a"]) == found
    assert [last_part(case) for case in found] == ["a/three", "a/two", "a/loop", "a/loop[unroll=true]"]


def test_a_false_statement_fails_unless_an_exhibit_says_else(root: Path) -> None:
    text = """\
    corrected: Something else.
    shows:
      - {name: seen, returns: [4, 2]}
      - {name: right, side: corrected, returns: [4, 3]}
"""
    found = cases(root, claim("false", text))
    assert [case.claim and (case.claim.verdict, case.claim.side) for case in found] == [
        ("false", "fails"),
        ("false", "corrected"),
    ]


def test_a_verdict_of_each_version_holds_for_the_exhibits_of_that_version(root: Path) -> None:
    text = """\
    corrected: Something else.
    shows:
      - {name: old, versions: ["1"], returns: [4, 3]}
      - {name: new, versions: ["2"], returns: [4, 3]}
"""
    found = cases(root, claim('{"1": true, "2": false}', text))
    assert [
        (case.versions, case.claim and case.claim.verdict, case.claim and case.claim.side) for case in found
    ] == [
        (("1",), "true", "holds"),
        (("2",), "false", "fails"),
    ]


def test_what_cannot_be_decided_is_a_case_that_runs_nothing(root: Path) -> None:
    (case,) = cases(root, claim("not-decidable", "    decided_by: A larger machine.\n"))
    assert (case.id, case.steps, case.place.line) == ("claims/said/a", (), 10)
    assert case.claim is not None
    assert (case.claim.verdict, case.claim.side, case.claim.decided_by) == (
        "not-decidable",
        "",
        "A larger machine.",
    )


def test_differences_are_told_from_equalities(root: Path) -> None:
    text = """\
    shows:
      - relation:
          other: {params: {rate: 1}}
          equal: [{left: output, right: output}]
          differ: [{left: {output: output, at: last-step}, right: {output: output, at: first-step}}]
"""
    (case,) = cases(root, claim("true", text))
    assert case.relation is not None
    assert [pair.left.at for pair in case.relation.equal] == [None]
    assert [pair.left.at for pair in case.relation.differ] == ["last-step"]


def test_weights_are_those_of_a_new_layer_after_a_call(root: Path) -> None:
    (case,) = cases(
        root, claim("true", "    shows: [{weights: {w: {shape: [3, 4], equal: 0.0}}, parameters: 12}]\n")
    )
    assert case.values.weights == "initial"
    assert [step.action for step in case.steps] == ["call", "weights"]
    assert case.claim is not None
    assert case.claim.asserted.weights == {"w": Weight(shape=(3, 4), equal=0.0)}
    assert case.claim.asserted.parameters == 12


def test_another_layer_has_nothing_of_the_defaults_parameters(root: Path) -> None:
    text = (
        "    layer: RNN\n    shows: [{params: {cell: {layer: LSTM, params: {units: 2}}}, returns: [4, 2]}]\n"
    )
    (case,) = cases(root, claim("true", text))
    assert case.layer == "RNN"
    assert case.params == {"cell": {"layer": "LSTM", "params": {"units": 2}}}


def test_documentation_is_read_and_examples_are_run_without_a_layer(root: Path) -> None:
    (root / "claims" / "examples").mkdir(parents=True)
    (root / "claims" / "examples" / "shown.py").write_text("print(1)\n")
    text = """\
    shows:
      - {name: defaults, layer: LSTM.call, defaults: {rate: 0}}
      - {name: file, example: {file: shown.py, prints: ["1"]}}
      - {name: docstring, example: {docstring: LSTM, block: 1}}
"""
    found = cases(root, claim("true", text))
    assert [(case.steps[0].action, dict(case.steps[0].arguments)) for case in found] == [
        ("signature", {"name": "LSTM.call"}),
        ("example", {"code": "print(1)\n", "docstring": "", "block": 0}),
        ("example", {"code": "", "docstring": "LSTM", "block": 1}),
    ]


def test_an_example_changes_the_digest_of_the_corpus(root: Path) -> None:
    (root / "claims" / "examples").mkdir(parents=True)
    example = root / "claims" / "examples" / "shown.py"
    example.write_text("print(1)\n")
    write(root, claim("true", '    shows: [{example: {file: shown.py, prints: ["1"]}}]\n'))
    before = load(root).hash
    example.write_text("print(2)\n")
    assert load(root).hash != before


def test_a_file_of_claims_is_one_that_is_run(root: Path) -> None:
    assert is_case_file(write(root, claim("true", "    shows: [{returns: [4, 3]}]\n")))


SHOWN = "    shows: [{returns: [4, 3]}]\n"


@pytest.mark.parametrize(
    ("verdict", "rest", "line", "column", "message", "hint"),
    [
        ("fasle", SHOWN, 12, 14, "must be true, false, under-conditions, not-decidable, or one of these", ""),
        ("false", SHOWN, 12, 14, 'the verdict false needs "corrected"', ""),
        ("under-conditions", SHOWN, 12, 14, 'the verdict under-conditions needs "conditions"', ""),
        ("not-decidable", "", 12, 14, 'the verdict not-decidable needs "decided_by"', ""),
        ("true", f"    corrected: x\n{SHOWN}", 13, 5, '"corrected" belongs to the verdict false', ""),
        ("true", "", 12, 14, "the verdict true needs an exhibit of the side holds", ""),
        (
            "false",
            "    corrected: x\n    shows: [{side: corrected, returns: [4, 3]}]\n",
            12,
            14,
            "the verdict false needs an exhibit of the side fails",
            "",
        ),
        (
            "true",
            "    shows: [{side: fails, returns: [4, 3]}]\n",
            13,
            20,
            "an exhibit of the verdict true cannot have the side fails",
            "it has holds",
        ),
        (
            "under-conditions",
            f"    conditions: x\n{SHOWN}",
            14,
            13,
            'under conditions each exhibit needs a "side"',
            "holds, fails or corrected",
        ),
        ('{"3": true}', SHOWN, 12, 15, 'unknown version "3" of dialect toy', "known: 1, 2"),
        (
            '{"1": true, "2": false}',
            f"    corrected: x\n{SHOWN}",
            14,
            13,
            "this exhibit is for versions of several verdicts, or of none",
            'give it "versions" of one verdict',
        ),
        (
            "true",
            "    shows: [{params: {rate: 1}}]\n",
            13,
            13,
            "this exhibit asserts nothing",
            "one of expect, ",
        ),
        (
            "true",
            "    shows: [{params: {rat: 1}, returns: [4, 3]}]\n",
            13,
            23,
            'unknown parameter "rat"',
            'did you mean "rate"?',
        ),
        (
            "true",
            "    shows: [{retruns: [4, 3]}]\n",
            13,
            14,
            'unknown key "retruns"',
            'did you mean "returns"?',
        ),
        ("true", "    shows: [{returns: [4, three]}]\n", 13, 23, "must be a shape such as [32, 4]", ""),
        (
            "true",
            "    shows: [{side: hold, returns: [4]}]\n",
            13,
            20,
            "must be holds or fails or corrected",
            'did you mean "holds"?',
        ),
        (
            "true",
            "    shows: [{returns: [4, 3]}, {name: b, returns: [4, 3]}]\n",
            13,
            13,
            'where a claim has several exhibits, each needs a "name"',
            "",
        ),
        (
            "true",
            "    shows: [{name: b, returns: [4, 3]}, {name: b, returns: [4, 3]}]\n",
            13,
            48,
            'the name "b" is used twice: here and in line 13',
            "",
        ),
        (
            "true",
            "    shows: [{params: {rate: 1}, defaults: {rate: 0}}]\n",
            13,
            14,
            '"defaults" and "params" exclude each other',
            "make it an exhibit of its own",
        ),
        (
            "true",
            "    shows: [{expect: {raises: ValueError}, returns: [4, 3]}]\n",
            13,
            44,
            '"expect" and "returns" exclude each other',
            "",
        ),
        (
            "true",
            "    shows: [{returns: [4, 3], container: list}]\n",
            13,
            31,
            '"container" needs "returns"',
            "",
        ),
        ("true", "    shows: [{example: {prints: []}}]\n", 13, 23, 'needs either "file" or "docstring"', ""),
        (
            "true",
            "    shows: [{relation: {other: {}, differ: [{left: outpt, right: output}]}}]\n",
            13,
            52,
            'this layer has no output "outpt"',
            'did you mean "output"?',
        ),
        (
            "true",
            "    shows: [{relation: {other: {}, differ: [{left: output, right: output}]}}]\n",
            13,
            45,
            "both sides are the same",
            "",
        ),
    ],
)
def test_a_mistake_has_its_place_and_what_to_write_instead(
    root: Path, verdict: str, rest: str, line: int, column: int, message: str, hint: str
) -> None:
    found = problems(root, claim(verdict, rest))
    told = [problem for problem in found if message in problem.message]
    assert told, "\n".join(map(str, found))
    assert (told[0].place.line, told[0].place.column) == (line, column), str(told[0])
    assert hint in (told[0].hint or "")


def test_a_missing_example_is_told_with_those_that_there_are(root: Path) -> None:
    (root / "claims" / "examples").mkdir(parents=True)
    (root / "claims" / "examples" / "shown.py").write_text("print(1)\n")
    (problem,) = problems(root, claim("true", "    shows: [{example: {file: shwon.py}}]\n"))
    assert (problem.message, problem.hint) == (
        "there is no file shwon.py in examples",
        'did you mean "shown.py"?',
    )


def test_names_of_claims_stand_once(root: Path) -> None:
    (problem,) = problems(root, claim("true", SHOWN) + claim("true", SHOWN))
    assert problem.message == 'the name "a" is used twice: here and in line 10'
    assert problem.place.line == 14


@pytest.mark.parametrize(
    "exhibit",
    [
        "call: {mask: [1]}, parameters: 3",
        "call: 3, weights: {}",
        "params: 3, returns: [3]",
        "relation: {other: {}, equal: 3, differ: [3]}",
        "matrix: 3, layer: 3, conforms: 3",
        "signature: 3, layer: pad",
    ],
)
def test_whatever_a_model_refuses_of_an_exhibit_is_told_where_it_stands(root: Path, exhibit: str) -> None:
    found = problems(root, claim("true", f"    shows:\n      - {{{exhibit}}}\n"))
    assert {problem.place.line for problem in found} == {14}
    assert not any("unknown layer" in problem.message for problem in found)


def test_a_mistake_in_the_parameters_of_the_defaults_is_told_where_it_stands(root: Path) -> None:
    file = write(root, claim("true", SHOWN))
    file.write_text(file.read_text().replace("units: 3", "unitz: 3"))
    with pytest.raises(CorpusError) as caught:
        load(root)
    found = [problem for problem in caught.value.problems if "unitz" in problem.message]
    assert [(problem.place.line, problem.place.column) for problem in found] == [(7, 12)]


def test_a_file_outside_of_the_corpus_is_read_as_well(root: Path, tmp_path: Path) -> None:
    file = write(root, claim("true", SHOWN))
    elsewhere = tmp_path / "mine.yaml"
    elsewhere.write_text(file.read_text())
    (case,) = load_file(elsewhere, load(root).parameters, root)
    assert case.id == "mine/a"
