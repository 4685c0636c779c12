"""Numbers that a case has written out hold for the reference, or say where not."""

from collections.abc import Callable

import numpy as np
import pytest
from heads import head
from mpmath import exp, mp, mpf, tanh

from lstm_ref.corpus import Case, CorpusError, load
from lstm_ref.corpus.literals import half_unit
from lstm_ref.oracle.dry_run import problems_of
from lstm_ref.oracle.materialize import materialize

Read = Callable[[str], dict[str, Case]]

KERAS = (
    head("keras", "LSTM")
    + """\
  - name: a
    params: {units: 1}
    input: {batch: 1, timesteps: 1, features: 1}
    numbers:
      weights:
        kernel: [[0.5, -0.25, 0.75, 1.0]]
        recurrent_kernel: 0.5
        bias: [0.125, 1.0, -0.25, 0.5]
      arguments:
        sequences: [[[1.5]]]
      expected:
        output: [[0.3238]]
"""
)
TORCH = (
    head("torch", "LSTM")
    + """\
  - name: a
    params: {input_size: 1, hidden_size: 1}
    input: {batch: 1, timesteps: 1}
    call: {hx: given}
    numbers:
      weights: {weight_ih_l0: 0.5, weight_hh_l0: 0.5, bias_ih_l0: 0.25, bias_hh_l0: 0.25}
      arguments: {input: 1.0, "hx[0]": 2.0, "hx[1]": 1.0}
      expected: {c_n: [[[1.72991]]]}
"""
)
ONNX = (
    head("onnx", "LSTM")
    + """\
  - name: a
    params: {hidden_size: 1}
    input: {batch: 1, timesteps: 1, features: 1}
    numbers:
      weights: {W: 0.1, R: 0.1, Wb: 0, Rb: 0}
      arguments: {X: 1.0}
      expected: {Y_h: [[[0.02744]]]}
"""
)


def messages(cases: dict[str, Case]) -> list[str]:
    return [str(problem).partition(".yaml:")[2] for problem in problems_of(cases.values())]


@pytest.mark.parametrize("text", [TORCH, ONNX], ids=["torch", "onnx"])
def test_numbers_that_are_right_are_no_mistake(read: Read, text: str) -> None:
    assert messages(read(text)) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0.3238", "0.9238", "18:19: output[0, 0] is 0.9238 here, and 0."),
        (
            "        bias: [0.125, 1.0, -0.25, 0.5]\n",
            "",
            "10:5: the numbers of bias are missing; it has shape [4]",
        ),
        ("[0.125, 1.0, -0.25, 0.5]", "[0.125, 1.0]", "13:15: bias must have shape [4], and has [2] here"),
        ("        bias:", "        biass:", '14:17: the case has no weight biass; did you mean "bias"?'),
        ("        output:", "        outptu:", '18:18: the call returns no outptu; did you mean "output"?'),
    ],
)
def test_a_mistake_stands_where_it_was_made(read: Read, old: str, new: str, message: str) -> None:
    (found,) = messages(read(KERAS.replace(old, new)))
    assert message.partition(" ")[2] in found


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[[[1.5]]]", "[[[one]]]", 'must be a number or a list of numbers, not the string "one"'),
        ("[[[1.5]]]", "[[[1.5], [1.5, 2.0]]]", "has shape (2,), the first of its list (1,)"),
        ("[[[1.5]]]", "[[[.nan]]]", "must be a finite number"),
        ("[[[1.5]]]", "[]", "must not be empty"),
        ("    numbers:", "    steps: [{call: {}}]\n    numbers:", '"steps" cannot stand beside "numbers"'),
        ("    numbers:", "    dtypes: [float16]\n    numbers:", "not in float16"),
    ],
)
def test_what_is_no_array_is_one_mistake(read: Read, old: str, new: str, message: str) -> None:
    with pytest.raises(CorpusError) as raised:
        read(KERAS.replace(old, new))
    (problem,) = raised.value.problems
    assert message in str(problem)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0.50", 0.005), ("-1.5", 0.05), ("1e-3", 5e-4), ("2.50e-3", 5e-6), ("7", 0.0), ("-0", 0.0)],
)
def test_half_a_unit_is_that_of_the_last_printed_digit(text: str, expected: float) -> None:
    assert half_unit(text) == pytest.approx(expected, abs=0)


def test_every_dtype_gets_the_same_rounded_numbers(read: Read) -> None:
    (case,) = read(KERAS.replace("[[[1.5]]]", "[[[0.1]]]")).values()
    (values,) = [each.values for each in materialize(case, 0).request.steps[0].arguments.values()]
    assert values.item() == float(np.float32(0.1))


def test_the_shipped_numbers_are_those_of_the_equations_with_50_digits() -> None:
    (case,) = [case for case in load().cases if case.id == "keras/vectors/one-unit"]
    assert case.literals is not None
    given = {**case.literals.weights, **case.literals.arguments}
    with mp.workdps(50):
        kernel, recurrent, bias = (
            [mpf(number) for number in given[name].numbers] for name in ("kernel", "recurrent_kernel", "bias")
        )
        h, c = (mpf(given[f"initial_state[{k}]"].numbers[0]) for k in range(2))
        outputs = []
        for x in given["sequences"].numbers:
            i, f, g, o = (kernel[k] * x + recurrent[k] * h + bias[k] for k in range(4))
            c = c / (1 + exp(-f)) + tanh(g) / (1 + exp(-i))
            h = tanh(c) / (1 + exp(-o))
            outputs.append(h)
        for name, wanted in (("output", outputs), ("h", [h]), ("c", [c])):
            literal = case.literals.expected[name]
            for number, half, exact in zip(literal.numbers, literal.half_units, wanted, strict=True):
                assert abs(number - exact) <= half * 1.001


def test_the_numbers_of_the_node_test_are_those_of_one_step_with_equal_gates() -> None:
    (case,) = [case for case in load().cases if case.id == "onnx/vectors/defaults"]
    assert case.literals is not None
    rows = np.reshape(case.literals.expected["Y_h"].numbers, (3, 3))
    for row, total in zip(rows, ("0.3", "0.7", "1.1"), strict=True):
        with mp.workdps(50):
            gate = 1 / (1 + exp(-mpf(total)))
            assert all(abs(number - gate * tanh(gate * tanh(mpf(total)))) <= 5e-8 for number in row)
