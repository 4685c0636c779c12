"""Numbers that a case has written out hold for the reference, or say where not."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from heads import head
from mpmath import exp, mp, mpf, tanh

from lstm_ref.corpus import Case, CorpusError, corpus_hash, load
from lstm_ref.corpus.meaning.literal_files import UnreadableNumbers, read_array
from lstm_ref.corpus.meaning.literals import half_unit
from lstm_ref.oracle.dry_run import problems_of
from lstm_ref.oracle.known import known
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


# --- masks, lengths, gradients ---

RIGHT = KERAS.replace("0.3238", "0.4048")
MASKED = RIGHT.replace("timesteps: 1", "timesteps: 3").replace(
    "    numbers:", "    call: {mask: written}\n    numbers:"
)
MASKED = MASKED.replace("[[[1.5]]]", "[[[1.5], [0.5], [-1.0]]]\n        mask: [[true, false, false]]")
GRADIENTS = RIGHT + "      cotangents: {output: 2}\n      gradients: {bias: [0.2031, 0, 0.49477, 0.09651]}\n"
PACKED = TORCH.replace("timesteps: 1}", "timesteps: 2, form: packed-unsorted}")
PACKED = PACKED.replace("{hx: given}", "{hx: given, lengths: written}").replace(
    "input: 1.0", "input: 1.0, lengths: [1]"
)


def test_a_mask_lengths_and_gradients_may_be_written_out(read: Read) -> None:
    assert messages(read(MASKED)) == []
    assert messages(read(PACKED)) == []
    assert messages(read(GRADIENTS)) == []
    (case,) = read(PACKED).values()
    assert materialize(case, 0).request.steps[0].arguments["lengths"] == (1,)


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (GRADIENTS, "0.49477", "0.41198", "the gradient of bias[2] is 0.41198 here, and 0.49"),
        (GRADIENTS, "{bias", "{biass", 'there is no gradient of biass; did you mean "bias"?'),
        (GRADIENTS, "{output: 2}", "{outptu: 2}", 'the call returns no outptu; did you mean "output"?'),
        (GRADIENTS, "{output: 2}", "{output: [2, 3]}", "output must have shape [1, 1], and has [2] here"),
        (MASKED, "[[true, false, false]]", "[[true, true, false]]", "output[0, 0] is 0.4048 here"),
        (MASKED, "[[true, false, false]]", "[[1, 0, 0]]", "mask must be true and false"),
        (MASKED, "[[true, false, false]]", "[[true, false]]", "mask must have shape [1, 3], and has [1, 2]"),
        (PACKED, "lengths: [1]", "lengths: [2]", "c_n[0, 0, 0] is 1.72991 here"),
        (PACKED, "lengths: [1]", "lengths: [1.5]", "lengths must be whole numbers"),
        (PACKED, "lengths: [1]", "lengths: [1, 1]", "lengths must have shape [1], and has [2] here"),
    ],
)
def test_what_is_wrong_of_these_is_told(read: Read, text: str, old: str, new: str, message: str) -> None:
    changed = text.replace(old, new)
    assert changed != text
    try:
        (found,) = messages(read(changed))
    except CorpusError as error:
        (problem,) = error.problems
        found = str(problem)
    assert message in found


@pytest.mark.parametrize(
    ("text", "old", "new", "message"),
    [
        (
            GRADIENTS,
            "      cotangents: {output: 2}\n",
            "",
            '"gradients" are those of a loss, and nothing says which',
        ),
        (MASKED, "\n        mask: [[true, false, false]]", "", "mask is not written out"),
        (MASKED, "{mask: written}", "{mask: gaps}", 'the call says "mask: gaps", and here it is written out'),
        (MASKED, "{mask: written}", "{}", "the call has no mask, and here it is written out"),
        (MASKED, "[[true, false, false]]", "[[true, false, 0]]", "mixes numbers with true and false"),
        (RIGHT, "0.5\n", "true\n", "must be a number or a list of numbers, not true"),
    ],
)
def test_words_and_numbers_that_contradict_each_other_are_one_mistake(
    read: Read, text: str, old: str, new: str, message: str
) -> None:
    assert old in text
    with pytest.raises(CorpusError) as raised:
        read(text.replace(old, new))
    (problem,) = raised.value.problems
    assert message in str(problem)


def test_a_cotangent_that_is_written_out_is_what_the_layer_is_asked_for(read: Read) -> None:
    (case,) = read(GRADIENTS).values()
    (step,) = known(case, case.dtypes).request.steps
    assert [each.values.tolist() for each in step.cotangents or ()] == [[[2.0]]]


# --- numbers in files ---


def in_file(folder: Path, name: str, content: bytes) -> str:
    """The case with its kernel in a file."""
    (folder / name).write_bytes(content)
    return RIGHT.replace("[[0.5, -0.25, 0.75, 1.0]]", f"{{file: {name}, array: kernel}}")


@pytest.mark.parametrize("kind", ["npz", "json", "csv", "csv-of-another-shape"])
def test_numbers_may_stand_in_a_file(read: Read, tmp_path: Path, kind: str) -> None:
    np.savez(tmp_path / "k.npz", kernel=np.array([[0.5, -0.25, 0.75, 1.0]]))
    text = {
        "npz": RIGHT.replace("[[0.5, -0.25, 0.75, 1.0]]", "{file: k.npz, array: kernel}"),
        "json": in_file(tmp_path, "k.json", b'{"kernel": [[0.5, -0.25, 0.75, 1]]}'),
        "csv": in_file(tmp_path, "k.csv", b"0.5,-0.25, 0.75,1.0\n").replace(", array: kernel", ""),
        "csv-of-another-shape": in_file(tmp_path, "column.csv", b"0.5\n-0.25\n0.75\n1.0\n").replace(
            "array: kernel", "shape: [1, 4]"
        ),
    }[kind]
    (case,) = read(text).values()
    (plain,) = read(RIGHT).values()
    assert messages({"a": case}) == []
    assert case.literals is not None
    assert plain.literals is not None
    assert case.literals.weights["kernel"].numbers == plain.literals.weights["kernel"].numbers
    assert case.literals.weights["kernel"].shape == (1, 4)


@pytest.mark.parametrize(
    ("name", "content", "half_unit"),
    [
        ("o.json", b'{"output": [[0.4048]]}', 5e-5),
        ("o.json", b'{"output": [[1]]}', 0.0),
        ("o.csv", b"0.32\n", 5e-3),
    ],
)
def test_printed_digits_count_in_a_file_too(
    read: Read, tmp_path: Path, name: str, content: bytes, half_unit: float
) -> None:
    (tmp_path / name).write_bytes(content)
    entry = f"{{file: {name}}}" if name.endswith("csv") else f"{{file: {name}, array: output}}"
    (case,) = read(RIGHT.replace("[[0.4048]]", entry)).values()
    assert case.literals is not None
    assert case.literals.expected["output"].half_units == pytest.approx([half_unit], abs=0)


def test_a_number_in_binary_is_right_to_half_of_its_last_bit(read: Read, tmp_path: Path) -> None:
    np.savez(tmp_path / "o.npz", output=np.array([[0.4048]], np.float32))
    (case,) = read(RIGHT.replace("[[0.4048]]", "{file: o.npz, array: output}")).values()
    assert case.literals is not None
    assert case.literals.expected["output"].half_units == (2.0**-26,)


def test_a_number_of_a_file_that_is_not_met_is_told_where_the_file_is_named(
    read: Read, tmp_path: Path
) -> None:
    (tmp_path / "o.csv").write_text("0.9\n")
    (found,) = messages(read(RIGHT.replace("[[0.4048]]", "{file: o.csv}")))
    assert "18:17: output[0, 0] is 0.9 here, and 0.4" in found


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npz", None, "there is no file none.npz"),
        ("../k.json", None, "../k.json is outside the folder of the case"),
        ("k.txt", b"1", "k.txt is of no known kind"),
        ("k.json", b"{", "k.json is not JSON"),
        ("k.json", b"[1]", "k.json must hold an object of arrays by name"),
        ("k.json", b'{"kernels": 1}', 'k.json has no array kernel (did you mean "kernels"?)'),
        ("k.json", b'{"kernel": [[1, 2], [3]]}', "kernel in k.json is ragged"),
        ("k.json", b'{"kernel": [1, [2]]}', "kernel in k.json is ragged"),
        ("k.json", b'{"kernel": ["one"]}', 'kernel in k.json holds "one", which is not a number'),
        ("k.json", b'{"kernel": [NaN]}', "k.json has numbers that are not finite"),
        ("k.json", b'{"kernel": [true]}', "must be numbers, not true and false"),
        ("k.json", b'{"kernel": [true, 1]}', "kernel in k.json mixes numbers with true and false"),
        ("k.json", b'{"kernel": []}', "kernel in k.json has an empty list"),
        ("k.npz", b"nothing", "k.npz is not a .npz of plain arrays"),
        ("k.csv", b"1,2\n", 'k.csv is a single array, of which "array" names none'),
    ],
)
def test_what_is_wrong_with_a_file_is_one_mistake_at_its_name(
    read: Read, tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    text = RIGHT.replace("[[0.5, -0.25, 0.75, 1.0]]", f"{{file: {name}, array: kernel}}")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(CorpusError) as raised:
        read(text)
    (problem,) = raised.value.problems
    assert f"file.yaml:12:17: {message}" in str(problem)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n", 'k.csv:1: "a" is not a number'),
        (b"1,2\n3\n", "k.csv:2: 1 numbers, and 2 in the first line"),
        (b"1,\n", "k.csv:1: nothing is not a number"),
        (b"\xff\n", "k.csv is not a CSV"),
    ],
)
def test_what_is_wrong_with_a_table_is_told_with_its_line(
    read: Read, tmp_path: Path, content: bytes, message: str
) -> None:
    text = in_file(tmp_path, "k.csv", content).replace(", array: kernel", "")
    with pytest.raises(CorpusError, match="csv") as raised:
        read(text)
    assert message in str(raised.value.problems[0])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{file: k.json}", '"array" must say which array of k.json'),
        ("{file: k.json, aray: kernel}", 'there is no "aray" here'),
        ("{array: kernel}", '"file" must be the name of a file beside the case'),
        (
            "{file: k.json, array: kernel, shape: [3]}",
            "has 4 numbers, of which no array of shape [3] can be made",
        ),
        ("{file: k.json, array: kernel, shape: [a]}", '"shape" must be a list of sizes'),
    ],
)
def test_what_is_wrong_with_the_name_of_an_array_is_told(
    read: Read, tmp_path: Path, entry: str, message: str
) -> None:
    text = in_file(tmp_path, "k.json", b'{"kernel": [[0.5, -0.25, 0.75, 1]]}')
    with pytest.raises(CorpusError) as raised:
        read(text.replace("{file: k.json, array: kernel}", entry))
    assert message in str(raised.value.problems[0])


def test_a_link_out_of_the_folder_is_no_way_out(read: Read, tmp_path: Path) -> None:
    folder = tmp_path / "cases"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("1\n")
    (folder / "k.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(UnreadableNumbers, match="outside the folder"):
        read_array(folder / "case.yaml", {"file": "k.csv"})


def test_the_hash_of_the_corpus_is_another_one_when_a_file_of_numbers_is(tmp_path: Path) -> None:
    (tmp_path / "keras").mkdir()
    file = tmp_path / "keras" / "k.csv"
    file.write_text("1\n")
    before = corpus_hash(tmp_path)
    file.write_text("2\n")
    assert corpus_hash(tmp_path) != before


# --- the shipped numbers, from the equations with 50 digits ---

Numbers = Sequence[Any]  # of mpmath


def steps_by_hand(
    x: Sequence[Numbers],
    taken: Sequence[bool],
    gates: str,
    kernel: Sequence[Numbers],
    recurrent: Sequence[Numbers],
    bias: Numbers,
    h: Numbers,
    c: Numbers,
) -> list[tuple[Numbers, Numbers]]:
    """(h, c) after each step of one row. The rows of the kernels and of the bias are
    gates x units.
    """
    units, found = len(h), []

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + exp(-z))

    for step, is_taken in zip(x, taken, strict=True):
        if is_taken:
            z = {
                gate: [
                    sum(w * v for w, v in zip(kernel[row], step, strict=True))
                    + sum(w * v for w, v in zip(recurrent[row], h, strict=True))
                    + bias[row]
                    for row in range(k * units, (k + 1) * units)
                ]
                for k, gate in enumerate(gates)
            }
            c = [
                sigmoid(f) * before + sigmoid(i) * tanh(g)
                for i, f, g, before in zip(z["i"], z["f"], z["g"], c, strict=True)
            ]
            h = [sigmoid(o) * tanh(after) for o, after in zip(z["o"], c, strict=True)]
        found.append((h, c))
    return found


def shipped(id: str) -> Case:
    (case,) = [case for case in load().cases if case.id == id]
    return case


def numbers_of(case: Case) -> dict[str, Any]:
    """The numbers that go in, as arrays of mpmath."""
    assert case.literals is not None
    return {
        name: np.reshape([mpf(number) for number in literal.numbers], literal.shape)
        for name, literal in {**case.literals.weights, **case.literals.arguments}.items()
    }


def met(case: Case, group: str, wanted: Mapping[str, Any]) -> None:
    """The numbers of a group are those that are wanted, to their last digit."""
    assert case.literals is not None
    found = getattr(case.literals, group)
    assert found.keys() == wanted.keys()
    for name, exact in wanted.items():
        literal = found[name]
        assert np.shape(exact) == literal.shape
        for number, half, right in zip(literal.numbers, literal.half_units, np.ravel(exact), strict=True):
            assert abs(number - right) <= half * 1.001, name


def keras_by_hand(given: Mapping[str, Any]) -> dict[str, Any]:
    outputs, h, c = [], [], []
    units = given["recurrent_kernel"].shape[0]
    batch, timesteps, _ = given["sequences"].shape
    for row in range(batch):
        found = steps_by_hand(
            given["sequences"][row],
            [bool(each) for each in given["mask"][row]] if "mask" in given else [True] * timesteps,
            "ifgo",
            given["kernel"].T,
            given["recurrent_kernel"].T,
            given["bias"],
            *(
                given[f"initial_state[{k}]"][row] if "initial_state[0]" in given else [mpf(0)] * units
                for k in (0, 1)
            ),
        )
        outputs.append([each for each, _ in found])
        h.append(found[-1][0])
        c.append(found[-1][1])
    return {"output": np.array(outputs), "h": np.array(h), "c": np.array(c)}


def torch_by_hand(given: Mapping[str, Any]) -> dict[str, Any]:
    timesteps, batch, _ = given["input"].shape
    lengths = [int(each) for each in given.get("lengths", [timesteps] * batch)]
    outputs = np.full((timesteps, batch, 2 if "weight_ih_l0_reverse" in given else 1), mpf(0))
    h, c = [], []
    for k, suffix in enumerate(("", "_reverse")[: outputs.shape[2]]):
        states: list[Any] = []
        for row, length in enumerate(lengths):
            order = range(length)[:: -1 if suffix else 1]
            found = steps_by_hand(
                [given["input"][t][row] for t in order],
                [True] * length,
                "ifgo",
                given[f"weight_ih_l0{suffix}"],
                given[f"weight_hh_l0{suffix}"],
                given[f"bias_ih_l0{suffix}"] + given[f"bias_hh_l0{suffix}"],
                *(given[f"hx[{n}]"][0][row] if "hx[0]" in given else [mpf(0)] for n in (0, 1)),
            )
            for t, (output, _) in zip(order, found, strict=True):
                outputs[t, row, k] = output[0]
            states.append(found[-1])
        h.append([each for each, _ in states])
        c.append([each for _, each in states])
    return {"output": outputs, "h_n": np.array(h), "c_n": np.array(c)}


def gradients_by_hand(case: Case, layer: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Difference quotients of the sum of outputs times cotangents, extrapolated: their
    error is below 1e-25.
    """
    assert case.literals is not None
    given = numbers_of(case)
    cotangents = {
        name: np.reshape(literal.numbers, literal.shape) for name, literal in case.literals.cotangents.items()
    }

    def loss(name: str, place: tuple[int, ...], moved: Any) -> Any:
        values = given[name].copy()
        values[place] += moved
        outputs = layer({**given, name: values})
        return sum(np.sum(outputs[each] * cotangents[each]) for each in cotangents)

    def derivative(name: str, place: tuple[int, ...]) -> Any:
        def quotient(step: Any) -> Any:
            return (loss(name, place, step) - loss(name, place, -step)) / (2 * step)

        step = mpf(10) ** -10
        return (4 * quotient(step / 2) - quotient(step)) / 3

    found = {}
    for name in case.literals.gradients:
        found[name] = np.empty(given[name].shape, object)
        for place in np.ndindex(given[name].shape):
            found[name][place] = derivative(name, place)
    return found


@pytest.mark.parametrize(
    ("id", "layer"),
    [
        ("keras/vectors/masked-with-gradients", keras_by_hand),
        ("keras/vectors/from-a-file", keras_by_hand),
        ("torch/vectors/packed-with-gradients", torch_by_hand),
        ("torch/vectors/two-directions", torch_by_hand),
    ],
)
def test_the_shipped_numbers_with_masks_files_and_gradients_are_those_of_the_equations(
    id: str, layer: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> None:
    case = shipped(id)
    assert case.literals is not None
    with mp.workdps(50):
        outputs = layer(numbers_of(case))
        met(case, "expected", {name: outputs[name] for name in case.literals.expected})
        met(case, "gradients", gradients_by_hand(case, layer))


def test_the_shipped_numbers_with_lengths_of_a_node_are_those_of_the_equations() -> None:
    case = shipped("onnx/vectors/lengths")
    with mp.workdps(50):
        given = numbers_of(case)
        outputs = np.full((3, 1, 2, 1), mpf(0))
        h, c = [], []
        for row, length in enumerate([1, 3]):
            bias = given["Wb"] + given["Rb"]
            x = [given["X"][t][row] for t in range(length)]
            found = steps_by_hand(
                x, [True] * length, "iofg", given["W"], given["R"], bias, [mpf(0)], [mpf(0)]
            )
            for t in range(length):
                outputs[t, 0, row] = found[t][0]
            h.append(found[-1][0])
            c.append(found[-1][1])
        met(case, "expected", {"Y": outputs, "Y_h": np.array([h]), "Y_c": np.array([c])})
