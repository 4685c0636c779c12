"""What is wrong with a file is said all at once, each with its place and what to write
instead.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ref.corpus import Case, CorpusError, Location, Problem, load, load_file, load_parameters

Problems = Callable[[str], tuple[Problem, ...]]


def written(root: Path, cases: str) -> Path:
    file = root / "toy" / "written.yaml"
    head = (
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ndefaults: {params: {units: 3}, input:"
        " {batch: 1, timesteps: 1}}\n"
    )
    file.write_text(head + cases, encoding="utf-8")
    return file


def lines(problems: tuple[Problem, ...]) -> list[int]:
    return [problem.place.line for problem in problems]


def test_five_mistakes_are_five_problems_in_the_order_of_their_lines(problems: Problems) -> None:
    found = problems("""\
      - name: Wrong Name
        params: {unitz: 3}
      - name: b
        values: {scale: big}
        inpt: {batch: 1}
      - name: c
        params: {unroll: true, unroll: false}
        """)
    assert lines(found) == [10, 11, 13, 14, 16]
    assert [problem.hint for problem in found if problem.hint and "did you mean" in problem.hint] == [
        'did you mean "units"?',
        'did you mean "input"?',
    ]


def test_a_problem_prints_as_file_line_column_message_hint(problems: Problems, root: Path) -> None:
    (problem,) = problems("- {name: a, params: {unrol: true}}")
    assert str(problem) == f'{root}/toy/file.yaml:10:22: unknown parameter "unrol" (did you mean "unroll"?)'


def test_a_mistake_in_a_matrix_is_told_once(problems: Problems) -> None:
    assert (
        len(
            problems(
                "- {name: a, params: {unrol: true}, matrix: {params.activation: [a, b, c], call.state:"
                " [absent, given]}}"
            )
        )
        == 1
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("name: two words", "lower-case words"),
        ("about: x", '"name" is missing'),
        ("name: a, about: ''", "more than blanks"),
        ("name: a, source: ' '", "more than blanks"),
        ("name: a, layer: LSTMM", 'unknown layer "LSTMM" of dialect toy'),
        ("name: a, layer: RNN", 'the layer RNN has no parameter "units"'),
        ("name: a, params: [units]", "must be a mapping, not a list"),
        ("name: a, params: null", "must be a mapping, not nothing"),
        ("name: a, input: {batch: -1}", "must be 0 or more, not -1"),
        ("name: a, input: {batch: 1.0}", "must be a whole number, not the number 1.0"),
        ("name: a, input: {batch: true}", "must be a whole number, not true"),
        ("name: a, input: {shape: [1], batch: 2}", "nothing else may stand beside it"),
        ("name: a, input: {form: packed}", "must be batched or unbatched"),
        ("name: a, values: {grid: float16}", "must be dyadic or float32 or integers or exact"),
        ("name: a, values: {scale: 0}", "must be more than 0"),
        ("name: a, values: {scale: .inf}", "must be a finite number"),
        ("name: a, layer: RNN, input: {features: 1}", 'the input of this layer has no "features"'),
        ("name: a, call: {sate: given}", 'unknown call argument "sate"'),
        ("name: a, call: {state: gven}", "must be absent or given or previous"),
        ("name: a, call: {state: {a: 1}}", "not a mapping"),
        ("name: a, call: {inputs: x}", 'unknown call argument "inputs"'),
        ("name: a, call: {input: {batch: x}}", "must be a whole number"),
        ("name: a, steps: []", "must not be empty"),
        ("name: a, steps: [rest, {call: {}}]", "must be reset"),
        ("name: a, steps: [3, {call: {}}]", 'a step is "call:"'),
        ("name: a, steps: [reset]", "no step is a call"),
        ("name: a, steps: [weights]", "no step is a call"),
        ("name: a, steps: [{train: {epochs: 1, learning_rate: 1}}]", "no step has a result"),
        ("name: a, steps: [pickle, {call: {}}]", 'this layer has no action "pickle"'),
        ("name: a, steps: [{train: {epochs: 0, learning_rate: 1}}, weights]", "must be 1 or more"),
        ("name: a, steps: [{train: {epochs: 1, learning_rate: 0}}, weights]", "must be more than 0"),
        ("name: a, steps: [{train: {epochs: 1}}, weights]", '"learning_rate" is missing'),
        (
            "name: a, steps: [{train: {epochs: 1, learning_rate: 1, sate: given}}, weights]",
            'unknown call argument "sate"',
        ),
        (
            "name: a, steps: [{train: {epochs: 1, learning_rate: 1, state: gone}}, weights]",
            "must be absent or given",
        ),
        (
            (
                "name: a, steps: [{train: {epochs: 1, learning_rate: 1, input: {shape: [1], batch: 2}}},"
                " weights]"
            ),
            "nothing else may stand beside it",
        ),
        ("name: a, steps: [{train: {epochs: 1, learning_rate: 1}, call: {}}]", 'unknown key "call"'),
        (
            (
                "name: a, layer: RNN, params: {cell: 1}, steps: [{train: {epochs: 1, learning_rate: 1}},"
                " {call: {}}]"
            ),
            'has no action "train"',
        ),
        (
            (
                "name: a, matrix: {call.mask: [left]}, steps: [{train: {epochs: 1, learning_rate: 1, mask:"
                " left}}, weights]"
            ),
            "holds for every call",
        ),
        (
            (
                "name: a, params: {stated: true}, steps: [{train: {epochs: 1, learning_rate: 1, state:"
                " previous}}, weights]"
            ),
            "this is the first call",
        ),
        (
            (
                "name: a, params: {stated: true}, steps: [{train: {epochs: 1, learning_rate: 1}}, {call:"
                " {state: previous}}]"
            ),
            "this is the first call",
        ),
        ("name: a, call: {epochs: 3}", 'unknown call argument "epochs"'),
        ("name: a, versions: ['3']", 'unknown version "3" of dialect toy'),
        ("name: a, versions: ['1', '1']", "is listed twice"),
        ("name: a, versions: []", "must not be empty"),
        ("name: a, versions: [1]", "must be a string"),
        ("name: a, values: {weights: drown}", "must be drawn or initial"),
        ("name: a, values: {weights: initial}", "initial weights have to be read"),
        ("name: a, matrix: {values.weights: [drawn, initial]}", "initial weights have to be read"),
        ("name: a, params: {activation: {callable: 3}}", "must be a name, not the number 3"),
        ("name: a, params: {activation: {callable: tanh, params: {}}}", 'unknown key "params"'),
        ("name: a, params: {activation: [{class_name: L2, confg: {}}]}", 'unknown key "confg"'),
        ("name: a, params: {activation: {class_name: L2, config: 3}}", "must be a mapping, not the number 3"),
        ("name: a, covering: {strength: 1, runs: always}", '"covering" needs a matrix'),
        (
            "name: a, matrix: {params.rate: [1]}, covering: {strength: 1, runs: sometimes}",
            "must be everyday or always",
        ),
        ("name: a, matrix: {params.rate: [1]}, covering: {strength: 0, runs: always}", "must be 1 or more"),
        (
            "name: a, matrix: {params.rate: [1]}, covering: {strength: 2, runs: always}",
            "2 axes cannot be combined: there are 1",
        ),
        (
            (
                "name: a, matrix: {params.rate: [1], params.unroll: [true]}, covering: {strength: 2, runs:"
                " always, pairs_with: [params.rate]}"
            ),
            "2 axes cannot be combined: there are 1 others",
        ),
        (
            (
                "name: a, matrix: {params.rate: [1]}, covering: {strength: 1, runs: always, pairs_with:"
                " [params.rte]}"
            ),
            '"params.rte" is not an axis',
        ),
        (
            (
                "name: a, matrix: {params.rate: [1]}, covering: {strength: 1, runs: always, full_dtypes:"
                " [float64]}"
            ),
            '"full_dtypes" and "runs: always" exclude each other',
        ),
        (
            (
                "name: a, matrix: {params.rate: [1]}, covering: {strength: 1, runs: everyday, full_dtypes:"
                " [float16]}"
            ),
            "the case does not run in float16",
        ),
        (
            (
                "name: a, matrix: {params.rate: [1]}, dtypes: [float16], covering: {strength: 1, runs:"
                " everyday, full_dtypes: [float16, float64]}"
            ),
            "the case does not run in float64",
        ),
        (
            (
                "name: a, matrix: {params.rate: [1]}, covering: {strength: 1, runs: everyday, full_dtypes:"
                " [float64, float64]}"
            ),
            'the string "float64" is listed twice',
        ),
        (
            (
                "name: a, matrix: {params.rate: [1], params.units: [1]}, covering: {strength: 1, runs:"
                " always, pairs_with: [params.rate, params.rate]}"
            ),
            "is listed twice",
        ),
        (
            "name: a, matrix: {params.rate: [1]}, covering: {strength: 1, runs: always}",
            "the selection of points is missing",
        ),
        ("name: a, relation: {other: {dialect: othr, params: {}}}", 'unknown dialect "othr"'),
        ("name: a, relation: {other: {dialect: 3, params: {}}}", "must be a string"),
        ("name: a, relation: {other: {dialect: [other], params: {}}}", "must be a string"),
        ("name: a, relation: {other: {dialect: other, layer: RNN}}", 'unknown layer "RNN" of dialect other'),
        ("name: a, relation: {other: {layer: RNM}}", 'unknown layer "RNM" of dialect toy'),
        ("name: a, relation: {other: {dialect: other}}", 'LSTM needs the parameter "size"'),
        (
            "name: a, relation: {other: {dialect: other, params: {size: 1, units: 1}}}",
            'unknown parameter "units"',
        ),
        (
            "name: a, relation: {other: {dialect: other, params: {size: 1}, call: {state: given}}}",
            'unknown call argument "state"',
        ),
        (
            "name: a, relation: {other: {dialect: other, params: {size: 1}, steps: [{call: {}}, reset]}}",
            'has no action "reset"',
        ),
        (
            "name: a, steps: [{call: {}}], relation: {other: {dialect: other, params: {size: 1}}}",
            "needs its own steps",
        ),
        (
            (
                "name: a, relation: {other: {dialect: other, params: {size: 1}}, equal: [{left: output,"
                " right: h}]}"
            ),
            'no output "h"',
        ),
        (
            "name: a, relation: {other: {dialect: other, params: {size: 1}}, equal: [{left: y, right: y}]}",
            'no output "y"',
        ),
        (
            (
                "name: a, relation: {other: {dialect: other, params: {size: 1, proj: 1}}, equal: [{left:"
                " output, right: hn}]}"
            ),
            "hn needs proj: 0",
        ),
        (
            (
                "name: a, relation: {other: {dialect: other, params: {size: 1, proj: 1}, steps: [{call: {}},"
                " {call: {hx: previous}}]}}"
            ),
            "hx: previous needs proj: 0",
        ),
        (
            (
                "name: a, relation: {other: {dialect: other, params: {size: 1}, input: {timesteps: 3}, call:"
                " {input: {part: [0, 2]}}}}"
            ),
            "has another 'timesteps'",
        ),
        (
            (
                "name: a, relation: {other: {layer: RNN, params: {cell: {layer: LSTM, params: {units: 1}}}},"
                " equal: [{left: output, right: h}]}"
            ),
            "h needs cell.stated: true",
        ),
        (
            (
                "name: a, relation: {other: {layer: RNN, params: {cell: [3]}}, equal: [{left: output, right:"
                " {output: output, at: first-step}}]}"
            ),
            "output at first-step needs cell.0.unroll: true",
        ),
        (
            (
                "name: a, relation: {other: {layer: RNN, params: {cell: []}}, equal: [{left: output, right:"
                " {output: output, at: first-step}}]}"
            ),
            "output at first-step needs cell.0.unroll: true",
        ),
        ("name: a, call: {}, steps: [{call: {}}]", "exclude each other"),
        ("name: a, layer: RNN, steps: [{call: {}}, reset]", 'has no action "reset"'),
        ("name: a, expect: {raises: ValueError, match: '('}", "not a regular expression"),
        (
            "name: a, steps: [{call: {}, expect: {raises: KeyError, match: '('}}, {call: {}}]",
            "not a regular expression",
        ),
        ("name: a, steps: [{call: {epochs: 3}}]", 'unknown call argument "epochs"'),
        ("name: a, call: {input: null}", "must be a mapping, not nothing"),
        ("name: a, steps: [{call: {input: null}}]", "must be a mapping, not nothing"),
        ("name: a, relation: {other: {call: {input: null}}}", "must be a mapping, not nothing"),
        ("name: a, expect: {match: x}", '"raises" is missing'),
        ("name: a, dtypes: [float32, float32]", "is listed twice"),
        ("name: a, dtypes: [double]", "must be float64 or"),
        ("name: a, undocumented: {x: 1}", "need an expected exception"),
        ("name: a, undocumented: {unroll: 1}, expect: {raises: KeyError}", '"unroll" is documented'),
        ("name: a, matrix: {params.unrol: [true]}", 'unknown axis "params.unrol"'),
        ("name: a, matrix: {units: [1]}", 'unknown axis "units"'),
        ("name: a, matrix: {params.units: []}", "must not be empty"),
        ("name: a, matrix: {params.units: 3}", "must be a list"),
        ("name: a, matrix: {params.units: [1, 2, 1]}", "is listed twice"),
        ("name: a, matrix: {values.scale: [1, 1.0]}", "is listed twice"),
        ("name: a, matrix: {values.scale: [1, x]}", "must be a number"),
        ("name: a, matrix: {input.timesteps: [1, -2]}", "must be 0 or more"),
        ("name: a, matrix: {call.state: [given, gone]}", "must be absent or given"),
        ("name: a, matrix: {input.form: [packed]}", "must be batched or unbatched"),
        ("name: a, include: [{params.units: 1}]", '"include" needs a matrix'),
        ("name: a, exclude: [{params.units: 1}]", '"exclude" needs a matrix'),
        ("name: a, matrix: {params.units: [1]}, exclude: [{params.units: 2}]", "excludes nothing"),
        (
            "name: a, matrix: {params.units: [1]}, exclude: [{params.unroll: true}]",
            "is not an axis of this matrix",
        ),
        ("name: a, matrix: {params.units: [1]}, exclude: [{params.units: 1}]", "every point is excluded"),
        ("name: a, matrix: {params.units: [1]}, exclude: [{}]", "excludes everything"),
        ("name: a, matrix: {params.units: [1]}, include: [{params.units: 1}]", "exists already"),
        ("name: a, matrix: {input.timesteps: [1]}, include: [{input.timesteps: -2}]", "must be 0 or more"),
        ("name: a, matrix: {call.state: [given]}, include: [{call.state: gone}]", "must be absent or given"),
        (
            "name: a, matrix: {params.units: [1]}, include: [{params.units: 2}, {params.units: 2}]",
            "exists already",
        ),
        ("name: a, matrix: {params.unroll: [true]}, include: [{params.unroll: false}, {}]", "exists already"),
        (
            "name: a, matrix: {input.features: [1], params.units: [1]}, include: [{params.units: 2}]",
            'the row needs "input.features"',
        ),
        (
            "name: a, matrix: {call.state: [given]}, steps: [{call: {}}, {call: {state: absent}}]",
            "holds for every call",
        ),
        (
            "name: a, matrix: {input.batch: [1]}, steps: [{call: {}}, {call: {input: {batch: 2}}}]",
            "holds for every call",
        ),
        ("name: a, input: {part: [0, 1]}", 'unknown key "part"'),
        ("name: a, call: {input: {reversed: 1}}", "must be true or false"),
        ("name: a, call: {input: {part: [0, 1, 2]}}", "must be [start, stop]"),
        ("name: a, call: {input: {part: [2, 2]}}", "must be [start, stop]"),
        ("name: a, call: {input: {part: [-1, 2]}}", "must be 0 or more"),
        (
            "name: a, call: {input: {part: [0, 8]}}",
            "part [0, 8] is out of range: the case's first input has 7 timesteps",
        ),
        ("name: a, call: {input: {timestep: 3}}", '"timestep" is for a layer whose input has no time'),
        ("name: a, call: {input: {timestep: -1}}", "must be 0 or more"),
        (
            "name: a, call: {input: {timestep: 1, reversed: true}}",
            'neither "part" nor "reversed" may stand beside it',
        ),
        ("name: a, call: {input: {timestp: 1}}", 'unknown key "timestp"'),
        (
            "name: a, relation: {other: {layer: Cell, params: {units: 3}, input: {timestep: 7}}}",
            "timestep 7 is out of range: the case's first input has 0 to 6",
        ),
        (
            "name: a, relation: {other: {layer: Cell, params: {units: 3}, input: {part: [0, 1]}}}",
            "the input of this layer has no time",
        ),
        (
            "name: a, relation: {other: {layer: Cell, params: {units: 3}, input: {reversed: true}}}",
            "the input of this layer has no time",
        ),
        (
            "name: a, relation: {other: {layer: Cell, params: {units: 3}, input: {timestep: 1, batch: 3}}}",
            "has another 'batch'",
        ),
        (
            (
                "name: a, input: {shape: [4, 7]}, relation: {other: {layer: Cell, params: {units: 3}, input:"
                " {timestep: 1, batch: 4}}}"
            ),
            "not as a shape",
        ),
        (
            "name: a, layer: Cell, call: {input: {timestep: 1}}",
            "timestep 1 is out of range: the case's first input has none",
        ),
        ("name: a, relation: {other: {params: {unroll: true}, weights: 0}}", "must be a string"),
        ("name: a, relation: {other: {params: {unroll: true}, weights: ' '}}", "must be more than blanks"),
        ("name: a, relation: {other: {params: {unroll: true}, wieghts: x}}", 'unknown key "wieghts"'),
        (
            (
                "name: a, relation: {other: {params: {unroll: true}}, equal: [{left: output, right: {output:"
                " h, at: every-call}}]}"
            ),
            "h has no every-call",
        ),
        (
            "name: a, matrix: {relation.other.params.unroll: [true]}",
            'unknown axis "relation.other.params.unroll"',
        ),
        (
            "name: a, matrix: {relation.other.params.unrol: [true]}, relation: {other: {}}",
            'unknown axis "relation.other.params.unrol"',
        ),
        (
            (
                "name: a, matrix: {relation.other.params.units: [1]}, relation: {other: {layer: RNN, params:"
                " {cell: {layer: LSTM, params: {units: 1}}}}}"
            ),
            'unknown axis "relation.other.params.units"',
        ),
        (
            "name: a, matrix: {relation.other.values.scale: [2]}, relation: {other: {}}",
            'unknown axis "relation.other.values.scale"',
        ),
        (
            "name: a, matrix: {relation.other.call.mask: [lft]}, relation: {other: {}}",
            "must be absent or left or right",
        ),
        (
            "name: a, matrix: {relation.other.input.form: [packed]}, relation: {other: {}}",
            "must be batched or unbatched",
        ),
        ("name: a, matrix: {relation.other.input.batch: [-1]}, relation: {other: {}}", "must be 0 or more"),
        (
            (
                "name: a, matrix: {relation.other.call.hx: [gven]}, relation: {other: {dialect: other,"
                " params: {size: 1}}}"
            ),
            "must be absent or given or previous",
        ),
        (
            "name: a, matrix: {relation.other.params.proj: [1]}, relation: {other: {dialect: other}}",
            'LSTM needs the parameter "size"',
        ),
        (
            (
                "name: a, matrix: {relation.other.call.mask: [left]}, relation: {other: {steps: [{call:"
                " {mask: right}}]}}"
            ),
            "holds for every call, but the one in line 10 has its own",
        ),
        (
            (
                "name: a, matrix: {params.unroll: [false], relation.other.params.unroll: [false, true]},"
                " relation: {other: {}}"
            ),
            "the second run is the first",
        ),
        (
            "name: a, steps: [{call: {}}, {call: {input: {part: [0, 2], timesteps: 3}}}]",
            "has another 'timesteps'",
        ),
        (
            "name: a, steps: [{call: {input: {shape: [4, 7]}}}, {call: {input: {reversed: true}}}]",
            "not as a shape",
        ),
        ("name: a, input: {shape: [4, 7]}, call: {input: {reversed: true}}", "not as a shape"),
        ("name: a, call: {state: previous}", "this is the first call"),
        (
            (
                "name: a, params: {stated: true}, matrix: {call.state: [absent, previous]}, steps: [{call:"
                " {}}, {call: {}}]"
            ),
            "this is the first call",
        ),
        (
            "name: a, params: {stated: true}, steps: [reset, {call: {state: previous}}]",
            "this is the first call",
        ),
        ("name: a, steps: [{call: {}}, {call: {state: previous}}]", "state: previous needs stated: true"),
        (
            "name: a, matrix: {params.stated: [true, false]}, steps: [{call: {}}, {call: {state: previous}}]",
            "state: previous needs stated: true",
        ),
        ("name: a, relation: {exact: true}", '"other" is missing'),
        ("name: a, relation: {other: {params: {rate: 1}}, equal: []}", "must not be empty"),
        ("name: a, relation: {other: {params: {rate: 1}}, exact: 1}", "must be true or false"),
        ("name: a, relation: {other: {params: {rat: 1}}}", 'unknown parameter "rat"'),
        ("name: a, relation: {other: {parms: {}}}", 'unknown key "parms"'),
        ("name: a, relation: {other: {call: {sate: given}}}", 'unknown call argument "sate"'),
        ("name: a, relation: {other: {input: {prt: [0, 1]}}}", 'unknown key "prt"'),
        ("name: a, relation: {other: {steps: [rest, {call: {}}]}}", "must be reset"),
        ("name: a, relation: {other: {steps: [reset]}}", "no step is a call"),
        ("name: a, relation: {other: {steps: []}}", "must not be empty"),
        ("name: a, relation: {other: {call: {}, steps: [{call: {}}]}}", "exclude each other"),
        (
            "name: a, relation: {other: {params: {rate: 1}}}, expect: {raises: KeyError}",
            '"relation" and "expect" exclude each other',
        ),
        ("name: a, relation: {other: {}}", "the second run is the first, and nothing is compared"),
        (
            "name: a, matrix: {params.unroll: [false, true]}, relation: {other: {params: {unroll: true}}}",
            "the second run is the first at [unroll=true]",
        ),
        ("name: a, relation: {other: {}, equal: [{left: output, right: output}]}", "both sides are the same"),
        ("name: a, relation: {other: {}, equal: [{left: output}]}", '"right" is missing'),
        ("name: a, relation: {other: {}, equal: [{left: outptu, right: h}]}", 'no output "outptu"'),
        (
            "name: a, relation: {other: {}, equal: [{left: {output: x, at: last-step}, right: h}]}",
            'no output "x"',
        ),
        (
            "name: a, relation: {other: {}, equal: [{left: {output: output, at: midle}, right: h}]}",
            "must be last-step or first-step or",
        ),
        ("name: a, relation: {other: {}, equal: [{left: {output: output}, right: h}]}", '"at" is missing'),
        ("name: a, relation: {other: {}, equal: [{left: 3, right: h}]}", "must be the name of an output"),
        (
            "name: a, relation: {other: {}, equal: [{left: {output: h, at: last-step}, right: h}]}",
            "h has no last-step",
        ),
        (
            "name: a, relation: {other: {}, equal: [{left: {output: output, at: backward-half}, right: h}]}",
            "output has no backward-half",
        ),
        ("name: a, relation: {other: {}, equal: [{left: output, right: h}]}", "h needs stated: true"),
        (
            "name: a, relation: {other: {params: {stated: true}}, equal: [{left: h, right: output}]}",
            "h needs stated: true",
        ),
        (
            (
                "name: a, params: {stated: true}, relation: {other: {params: {stated: false}}, equal: [{left:"
                " h, right: h}]}"
            ),
            "h needs stated: true",
        ),
        (
            (
                "name: a, params: {unroll: true}, relation: {other: {}, equal: [{left: output, right:"
                " {output: output, at: forward-half}}]}"
            ),
            "output at forward-half needs unroll: false",
        ),
        ("name: a, relation: {other: {steps: [{call: {state: previous}}]}}", "this is the first call"),
        (
            (
                "name: a, relation: {other: {params: {stated: true}, steps: [{call: {}}, {call: {input:"
                " {part: [5, 9]}}}]}}"
            ),
            "is out of range",
        ),
        (
            "name: a, input: {shape: [4, 7]}, relation: {other: {input: {timesteps: 2}}}",
            'the input needs "batch"',
        ),
        ("name: a, derivatives: third-order", "must be forward-mode or second-order"),
        (
            "name: a, derivatives: second-order, expect: {raises: KeyError}",
            '"derivatives" and "expect" exclude each other',
        ),
        (
            "name: a, derivatives: second-order, steps: [{call: {}}, {call: {}}]",
            '"derivatives" and "steps" exclude each other',
        ),
        (
            "name: a, derivatives: second-order, relation: {other: {params: {rate: 1}}}",
            '"derivatives" and "relation" exclude each other',
        ),
        (
            "name: a, derivatives: second-order, values: {weights: initial}",
            "initial weights have no direction",
        ),
    ],
)
@pytest.mark.usefixtures("second_dialect")
def test_a_mistake_is_named(problems: Problems, entry: str, message: str) -> None:
    found = problems(f"- {{{entry}}}")
    assert any(message in problem.message for problem in found), found
    assert {problem.place.line for problem in found} == {10}


def test_the_parameters_of_a_nested_layer_are_a_mapping(problems: Problems) -> None:
    found = problems("- {name: a, layer: RNN, params: {cell: {layer: LSTM, params: [units]}}}")
    assert "must be a mapping, not a list" in [problem.message for problem in found]


def test_an_unknown_version_is_told_beside_those_that_there_are(problems: Problems) -> None:
    (problem,) = problems("- {name: a, versions: ['3']}")
    assert problem.hint == "known: 1, 2"


@pytest.mark.parametrize(
    ("entry", "hint"),
    [
        ("call: {state: gven}", 'did you mean "given"?'),
        ("call: {inputs: x}", 'its size is described under "input"'),
        ("call: {sate: given}", 'did you mean "state"?'),
        ("params: {zzzz: 1}", "known: units, activation, unroll, rate, mask, stated"),
    ],
)
def test_a_name_or_value_that_is_not_known_is_told_what_is(problems: Problems, entry: str, hint: str) -> None:
    (problem,) = problems(f"- {{name: a, {entry}}}")
    assert problem.hint == hint


def test_what_an_axis_gives_need_not_be_given_again(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\n"
        "cases: [{name: a, matrix: {params.units: [1, 2], input.batch: [1], input.timesteps: [3]}}]\n"
    )
    assert [(case.params["units"], case.steps[0].input.timesteps) for case in load(root).cases] == [
        (1, 3),
        (2, 3),
    ]


def test_derivatives_go_with_weights_that_are_drawn(cases: Callable[[str], list[Case]]) -> None:
    (case,) = cases("- {name: a, derivatives: second-order, values: {weights: drawn}}")
    assert case.steps


def test_what_a_nested_layer_is_may_be_needed(cases: Callable[[str], list[Case]]) -> None:
    found = cases("""\
    - name: one
      relation:
        other: {layer: RNN, params: {cell: {layer: LSTM, params: {units: 1, stated: true}}}}
        equal: [{left: output, right: h}]
    - name: list
      relation:
        other: {layer: RNN, params: {cell: [{layer: LSTM, params: {units: 1, unroll: true}}]}}
        equal: [{left: output, right: {output: output, at: first-step}}]
    """)
    assert len(found) == 2


def test_what_only_the_points_show_has_the_place_where_it_is_written_and_is_told_beside_other_mistakes(
    problems: Problems,
) -> None:
    found = problems("""\
      - name: a
        matrix: {params.unroll: [false, true], params.rate: [0, 1]}
        steps:
          - call: {}
          - call:
              state: previous
              input: {part: [3, 8]}
      - name: b
        relation:
          other:
            steps:
              - call: {}
              - call:
                  input: {reversed: true, batch: 2}
          equal:
            - left: output
              right: h
      - name: c
        params: {unrol: true}
        """)
    assert lines(found) == [15, 16, 23, 26, 28]


def test_what_is_refused_hides_nothing_else(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nsource: b\n"  # about is missing
        "defaults: {input: {batch: 1, timesteps: 1}}\n"
        "cases:\n"
        "  - {name: a, params: {units: 1}, colour: red, call: {sate: given}, matrix: {params.rat: [1]}}\n"
        "  - {name: b, params: {units: 1}, call: {state: previous}}\n"
        "  - {name: c, inpt: {}}\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [(problem.place.line, problem.message) for problem in caught.value.problems] == [
        (1, '"about" is missing'),
        (7, 'unknown key "colour"'),
        (7, 'unknown call argument "sate"'),
        (7, 'unknown axis "params.rat"'),
        (8, '"previous" is what the call before returned, and this is the first call'),
        (8, "state: previous needs stated: true"),
        (9, 'the layer needs the parameter "units"'),
        (9, 'unknown key "inpt"'),
    ]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("steps: [3]", 'a step is "call:" or "train:" with its arguments, or a word such as reset'),
        ("undocumented: 3", "must be a mapping, not the number 3"),
        ("exclude: 3", "must be a list, not the number 3"),
        ("exclude: [{params.unroll: true}], matrix: 3", "must be a mapping, not the number 3"),
        ("derivatives: second-order, relation: 3", "must be a mapping, not the number 3"),
        ("undocumented: {x: 1}, expect: 3", "must be a mapping, not the number 3"),
        ("derivatives: second-order, expect: 3", "must be a mapping, not the number 3"),
        ("relation: {other: {params: {rate: 1}}}, expect: 3", "must be a mapping, not the number 3"),
        ("layer: 3, params: {cell: 1}", "must be a string, not the number 3"),
        ("relation: {other: {layer: 3, params: {cell: 1}}}", "must be a string, not the number 3"),
        (
            "matrix: {params.unroll: [], params.rate: [1]}, exclude: [{params.unroll: true}]",
            "must not be empty",
        ),
    ],
)
def test_what_may_follow_from_what_is_refused_is_not_told(
    problems: Problems, entry: str, message: str
) -> None:
    (problem,) = problems(f"- {{name: a, {entry}}}")
    assert problem.message == message


def test_what_defaults_say_that_are_refused_is_missed_nowhere(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ndefaults: 3\ncases: [{name: a}]\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [problem.message for problem in caught.value.problems] == ["must be a mapping, not the number 3"]


def test_a_case_keeps_its_places_where_an_element_of_a_list_is_refused(problems: Problems) -> None:
    found = problems("""\
      - name: a
        steps:
          - 3
          - {call: {sate: given}}
          - 4
          - {call: {mask: lft}}
      - 3
      - name: b
        steps:
          - {call: {mask: lft}}
          - resett
          - {call: {state: gven}}
        """)
    assert lines(found) == [12, 13, 14, 15, 16, 19, 20, 21]


def test_a_mistake_in_a_nested_layer_has_the_place_of_the_inner_key(problems: Problems) -> None:
    found = problems("""\
    - name: a
      layer: RNN
      params:
        cell:
          - {layer: LSTM, params: {unit: 3}}
          - {layer: LSTN, params: {}}
          - {layer: LSTM, params: {units: 3}, parms: {}}
    """)
    in_cells = [(problem.place.line, problem.message) for problem in found if problem.place.line > 12]
    assert in_cells == [
        (14, 'LSTM needs the parameter "units"'),
        (14, 'unknown parameter "unit"'),
        (15, 'unknown layer "LSTN" of dialect toy'),
        (16, 'unknown key "parms"'),
    ]


# Each key of a case, and of what stands in it. X is whatever somebody may write there.
ANYWHERE = (
    *(
        "name: X",
        "name: a, X: 1",
        "name: a, layer: X",
        "name: a, about: X",
        "name: a, params: X",
        "name: a, params: {units: X}",
        "name: a, input: X",
    ),
    *(
        "name: a, input: {batch: X}",
        "name: a, input: {shape: X}",
        "name: a, call: X",
        "name: a, call: {state: X}",
        "name: a, call: {input: X}",
    ),
    *(
        "name: a, call: {input: {part: X}}",
        "name: a, steps: X",
        "name: a, steps: [X]",
        "name: a, steps: [{call: X}]",
        "name: a, steps: [{train: X}]",
    ),
    *(
        "name: a, steps: [{call: {}, expect: X}, {call: {}}]",
        "name: a, values: X",
        "name: a, values: {grid: X}",
        "name: a, dtypes: X",
    ),
    *(
        "name: a, dtypes: [X]",
        "name: a, versions: X",
        "name: a, versions: [X]",
        "name: a, derivatives: X",
        "name: a, undocumented: X",
    ),
    *(
        "name: a, expect: X",
        "name: a, expect: {raises: X}",
        "name: a, expect: {raises: KeyError, match: X}",
        "name: a, matrix: X",
    ),
    *(
        "name: a, matrix: {params.units: X}",
        "name: a, matrix: {params.units: [X]}",
        "name: a, matrix: {X: [1]}",
        "name: a, exclude: X",
    ),
    *(
        "name: a, matrix: {params.units: [1, 2]}, exclude: X",
        "name: a, matrix: {params.units: [1, 2]}, exclude: [X]",
    ),
    *(
        "name: a, matrix: {params.units: [1, 2]}, exclude: [{params.units: X}]",
        "name: a, matrix: {params.units: [1, 2]}, include: X",
    ),
    *(
        "name: a, matrix: {params.units: [1, 2]}, include: [X]",
        "name: a, matrix: {params.units: [1, 2]}, include: [{params.units: X}]",
    ),
    *(
        "name: a, matrix: {params.units: [1, 2]}, covering: X",
        "name: a, matrix: {params.units: [1, 2]}, covering: {strength: X, runs: always}",
    ),
    *(
        "name: a, relation: X",
        "name: a, relation: {other: X}",
        "name: a, relation: {other: {dialect: X}}",
        "name: a, relation: {other: {layer: X}}",
    ),
    *(
        "name: a, relation: {other: {params: X}}",
        "name: a, relation: {other: {steps: X}}",
        "name: a, relation: {other: {call: X}}",
    ),
    *(
        "name: a, relation: {other: {params: {unroll: true}}, equal: X}",
        "name: a, relation: {other: {params: {unroll: true}}, equal: [X]}",
    ),
    "name: a, relation: {other: {params: {unroll: true}}, equal: [{left: X, right: output}]}",
    (
        "name: a, relation: {other: {params: {unroll: true}}, equal: [{left: {output: X, at: last-step},"
        " right: output}]}"
    ),
    (
        "name: a, relation: {other: {params: {unroll: true}}, equal: [{left: {output: output, at: X}, right:"
        " output}]}"
    ),
    *(
        "name: a, layer: RNN, params: {cell: X}",
        "name: a, layer: RNN, params: {cell: {layer: X}}",
        "name: a, layer: RNN, params: {cell: [{layer: X}]}",
    ),
    "name: a, layer: RNN, params: {cell: {layer: LSTM, params: X}}",
)


@pytest.mark.parametrize("place", ANYWHERE)
@pytest.mark.usefixtures("second_dialect")
def test_whatever_is_written_anywhere_ends_in_problems_or_in_cases(
    place: str, root: Path, write: Callable[[str, str], Path]
) -> None:
    read: list[Case] = []
    told: list[Problem] = []
    for whatever in (
        "3",
        "-1.5",
        "true",
        "null",
        "[3]",
        "[[a]]",
        "{a: 1}",
        "{}",
        "[]",
        "text",
        "''",
        ".nan",
        "[{a: [b]}]",
    ):
        write("toy/file.yaml", f"- {{{place.replace('X', whatever)}}}")
        try:
            read += load(root).cases
        except CorpusError as error:
            told += error.problems
    assert len(read) + len(told) >= 13
    assert all(problem.message and problem.place.line == 10 for problem in told), told


def test_what_is_refused_as_yaml_is_not_complained_about_again(problems: Problems) -> None:
    (problem,) = problems("- {name: a, input: !int 3}")
    assert "tags are not allowed" in problem.message


def test_an_error_holds_each_problem_once() -> None:
    one, other = Problem(Location(Path("b.yaml"), 1), "one"), Problem(Location(Path("a.yaml"), 2), "other")
    assert CorpusError([one, other, one]).problems == (other, one)


def test_a_name_may_stand_once_in_a_file(problems: Problems) -> None:
    (problem,) = problems("- name: a\n- name: b\n- name: a\n")
    assert problem.message == 'the name "a" is used twice: here and in line 10'
    assert problem.place.line == 12


def test_a_matrix_has_an_end(problems: Problems) -> None:
    values = list(range(400))
    (problem,) = problems(f"- {{name: a, matrix: {{params.units: {values}, params.rate: {values}}}}}")
    assert "more than 100000 points" in problem.message
    matrix = f"{{params.units: {values}, params.rate: {values}}}"
    (problem,) = problems(f"- {{name: a, matrix: {matrix}, covering: {{strength: 1, runs: everyday}}}}")
    assert "more than 100000 points" in problem.message
    # Of a matrix that is only covered nothing else exists.
    (problem,) = problems(f"- {{name: a, matrix: {matrix}, covering: {{strength: 1, runs: always}}}}")
    assert "the selection of points is missing" in problem.message


def test_a_required_parameter_and_the_size_of_the_input_are_asked_for(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ncases: [{name: a}]\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [problem.message for problem in caught.value.problems] == [
        'the layer needs the parameter "units"',
        'the input needs "batch", "timesteps"',
    ]


@pytest.mark.parametrize("missing", ["kind", "dialect", "layer", "about", "source", "cases"])
def test_every_key_of_a_file_is_asked_for(root: Path, missing: str) -> None:
    keys = {
        "kind": "cases",
        "dialect": "toy",
        "layer": "LSTM",
        "about": "a",
        "source": "b",
        "cases": "[{name: a, params: {units: 1}}]",
    }
    text = (
        "".join(f"{key}: {value}\n" for key, value in keys.items() if key != missing)
        + "defaults: {input: {batch: 1, timesteps: 1}}\n"
    )
    (root / "toy" / "file.yaml").write_text(text)
    with pytest.raises(CorpusError, match=f'"{missing}" is missing'):
        load(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: clams", "must be a known kind"),
        ("kind: [cases]", "must be a known kind"),
        ("- a", "must be a mapping"),
        ("kind: cases\ndialect: tony", 'unknown dialect "tony"'),
    ],
)
def test_a_file_of_an_unknown_kind_or_dialect_is_refused(root: Path, text: str, message: str) -> None:
    (root / "toy" / "file.yaml").write_text(text)
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert any(message in problem.message and problem.hint for problem in caught.value.problems)


def test_a_dialect_and_a_layer_have_names(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: [toy]\nlayer: {a: 1}\nabout: a\nsource: b\ncases: [{name: a}]\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [(problem.place.line, problem.message) for problem in caught.value.problems] == [
        (2, "must be a string, not a list"),
        (3, "must be a string, not a mapping"),
    ]


def test_the_defaults_are_checked_once(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ndefaults: {params: {units: 1, unrol:"
        " true}, call: {state: no}, input: {batch: 1, timesteps: 1}, expect: {raises: KeyError, match:"
        " '['}}\ncases: [{name: a}, {name: b}]\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert lines(caught.value.problems) == [6, 6, 6]


def test_what_is_wrong_with_inherited_axes_is_told_once_where_it_is_written(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ndefaults:\n  params: {units: 1}\n "
        " input: {batch: 1, timesteps: 1}\n  matrix:\n    params.unrol: [true]\n    call.mask: [lft]\n "
        " exclude:\n    - {call.state: given}\ncases: [{name: a}, {name: b, matrix: {params.rate: [1, 2]}}]\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert lines(caught.value.problems) == [10, 11, 13]


@pytest.mark.parametrize(
    "defaults",
    [
        "{matrix: 3}",
        "{matrix: [params.unroll]}",
        "{exclude: {call.mask: left}}",
        "{matrix: {params.rate: [1]}, exclude: 3}",
        "{matrix: {}, exclude: []}",
    ],
)
@pytest.mark.parametrize(
    "cases", ["[{name: a}]", "[a]", "[{name: a, matrix: 3}]", "{name: a}", "[{name: a, exclude: {}}]", "[]"]
)
def test_inheritance_of_anything_ends_in_problems_or_in_cases(root: Path, defaults: str, cases: str) -> None:
    (root / "toy" / "file.yaml").write_text(
        f"kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ndefaults: {defaults}\ncases: {cases}\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert all(problem.place.line in (6, 7) for problem in caught.value.problems)


def test_problems_of_several_files_come_together(root: Path) -> None:
    for name in ("b", "a"):
        (root / "toy" / f"{name}.yaml").write_text("kind: cases\n")
    (root / "toy" / "late.yml").write_text("kind: cases\n")
    (root / "toy" / "Name.yaml").write_text("kind: cases\n")
    (root / "toy" / "wrong.yaml").write_text("kind: [\n")
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [file.name for file in dict.fromkeys(problem.place.file for problem in caught.value.problems)] == [
        "Name.yaml",
        "a.yaml",
        "b.yaml",
        "late.yml",
        "wrong.yaml",
    ]


def test_a_broken_table_does_not_make_every_name_of_its_dialect_unknown(root: Path) -> None:
    (root / "toy" / "parameters.yaml").write_text("kind: parameters\ndialect: toy\n")
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ncases: [{name: a}]\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert {problem.place.file.name for problem in caught.value.problems} == {"parameters.yaml"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("units: {about: a, source: b}", 'either "default" or "required: true"'),
        ("units: {about: a, source: b, required: true, default: 1}", 'either "default" or "required: true"'),
        ("units: {about: a, required: true}", '"source" is missing'),
        ("units: {about: a, source: b, default: 1, values: [1, 1]}", "is listed twice"),
    ],
)
def test_a_parameter_of_a_table_has_a_source_and_either_a_default_or_none(
    root: Path, text: str, message: str
) -> None:
    table = (root / "toy" / "parameters.yaml").read_text()
    (root / "toy" / "parameters.yaml").write_text(
        table.replace("units: {about: Size., source: tests, required: true}", text)
    )
    with pytest.raises(CorpusError, match=message):
        load(root)


def test_an_optional_call_argument_may_be_absent(root: Path) -> None:
    table = (root / "toy" / "parameters.yaml").read_text()
    (root / "toy" / "parameters.yaml").write_text(
        table.replace("values: [absent, given, previous]", "values: [given, previous]")
    )
    with pytest.raises(CorpusError, match='"absent" among its values'):
        load(root)


CELL_OUTPUTS = """\
    outputs:
      output: {about: Output., source: tests, at: {first-step: {cell.0.unroll: true}}}
      h: {about: State., source: tests, needs: {cell.stated: true}}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "needs: {previous: {stated: true}}",
            "needs: {before: {stated: true}}",
            '"before" is not a value of this argument',
        ),
        (
            "needs: {previous: {stated: true}}",
            "needs: {previous: {state: true}}",
            r'unknown parameter "state" \(did you mean "stated"',
        ),
        ("needs: {stated: true}}", "needs: {sated: true}}", 'unknown parameter "sated"'),
        ("forward-half: {unroll: false}", "forward-half: {unrol: false}", 'unknown parameter "unrol"'),
        ("forward-half: {unroll: false}", "forward: {unroll: false}", "must be last-step or first-step"),
        (
            "needs: {cell.stated: true}",
            "needs: {cel.stated: true}",
            r'unknown parameter "cel" \(did you mean "cell"',
        ),
        (
            "needs: {cell.stated: true}",
            "needs: {cell.sated: true}",
            r'no layer has a parameter "sated" \(did you mean "stated"',
        ),
        ('versions: ["1", "2"]', "versions: [1, 2]", "must be a string"),
        (CELL_OUTPUTS, "", '"outputs" is missing'),
    ],
)
def test_a_need_can_be_met(root: Path, old: str, new: str, message: str) -> None:
    table = (root / "toy" / "parameters.yaml").read_text()
    assert old in table
    (root / "toy" / "parameters.yaml").write_text(table.replace(old, new))
    with pytest.raises(CorpusError, match=message):
        load(root)


def test_an_entry_that_a_table_refuses_hides_no_other_and_keeps_its_name(root: Path) -> None:
    file = root / "toy" / "parameters.yaml"
    table = file.read_text()
    refused, repeated = "stated: {about: ", "values: [absent, given, previous]"
    assert refused in table
    assert repeated in table
    file.write_text(
        table.replace(refused, "stated: {abut: ").replace(
            repeated, "values: [absent, given, given, previous]"
        )
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    messages = [problem.message for problem in caught.value.problems]
    assert any("unknown key" in message for message in messages)
    assert any("is listed twice" in message for message in messages)
    assert not any("unknown parameter" in message for message in messages)


def test_all_that_is_wrong_with_a_list_of_divergences_is_told_at_once(root: Path) -> None:
    (root / "divergences").mkdir()
    (root / "divergences" / "toy.yaml").write_text(
        "kind: divergences\nimplementation: other\nabout: a\nentries:\n"
        "  - {cases: [toy/a], reson: a}\n  - {cases: [toy/a], reason: b, match: '('}\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    told = [problem for problem in caught.value.problems if problem.place.file.name == "toy.yaml"]
    assert [problem.place.line for problem in told if "regular expression" in problem.message] == [6]
    assert [problem.place.line for problem in told if "the file is named toy.yaml" in problem.message] == [2]
    assert [problem.place.line for problem in told if 'unknown key "reson"' in problem.message] == [5]


def test_a_table_stands_in_the_folder_of_its_dialect(root: Path) -> None:
    (root / "toy" / "parameters.yaml").rename(root / "toy" / "tables.yaml")
    with pytest.raises(CorpusError, match=r"stand in toy/parameters\.yaml"):
        load(root)


def test_a_file_outside_the_corpus_is_checked_against_its_tables(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ncases: [{name: a, params: {unitz: 3},"
        " input: {batch: 1, timesteps: 2}}]\n"
    )
    with pytest.raises(CorpusError, match='did you mean "units"'):
        load_file(file, load_parameters(root), root)
    file.write_text(file.read_text().replace("unitz", "units"))
    assert [case.id for case in load_file(file, load_parameters(root), root)] == ["mine/a"]


def test_a_file_that_is_not_there_is_a_problem(root: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read"):
        load_file(root / "toy" / "nothing.yaml", load_parameters(root), root)


@pytest.mark.parametrize(
    ("entry", "message", "hint"),
    [
        (
            "- {name: a, expect: {raises: ValueErorr}}",
            "there is no exception ValueErorr",
            'did you mean "ValueError"',
        ),
        (
            "- {name: a, steps: [{call: {}, expect: {raises: Nobodys}}, {call: {}}]}",
            "there is no exception Nobodys",
            None,
        ),
        (
            "- {name: a, expect: {raises: ToyErro}}",
            "there is no exception ToyErro",
            'did you mean "ToyError"',
        ),
    ],
)
def test_an_exception_that_nobody_has_is_a_mistake(
    problems: Problems, root: Path, entry: str, message: str, hint: str | None
) -> None:
    table = root / "toy" / "parameters.yaml"
    table.write_text(
        table.read_text(encoding="utf-8").replace("layers:\n", "exceptions: [ToyError]\nlayers:\n", 1),
        encoding="utf-8",
    )
    (problem,) = problems(entry)
    assert problem.message == message
    assert (hint or "parameters.yaml") in (problem.hint or "")
    load_file(
        written(
            root, "cases: [{name: a, expect: {raises: ToyError}}, {name: b, expect: {raises: KeyError}}]\n"
        ),
        load_parameters(root),
        root,
    )


def test_an_unknown_key_of_a_case_is_told_with_the_known_ones(problems: Problems) -> None:
    (problem,) = problems("- {name: a, colour: red}")
    assert problem.message == 'unknown key "colour"'
    assert (problem.hint or "").startswith("known: name, about, source, layer, params, ")
