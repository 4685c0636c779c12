"""What people hand over: whole models, checkpoints, plain arrays, and plain
mistakes.
"""

import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lstm_ref.conversion import (
    ConversionError,
    LSTMWeights,
    OnnxLSTM,
    Stack,
    from_keras,
    from_onnx,
    from_tensorflow1,
    from_torch,
    to_keras,
    to_onnx,
    to_tensorflow1,
    to_torch,
)
from lstm_ref.reference.activations import Array
from lstm_ref.reference.cell import State
from lstm_ref.reference.stack import run_stack

RANDOM = np.random.default_rng(3)
FEATURES, UNITS, BATCH, TIMESTEPS = 5, 3, 4, 7
X = RANDOM.normal(size=(BATCH, TIMESTEPS, FEATURES))


def one(features: int = FEATURES, units: int = UNITS, two: bool = False) -> LSTMWeights:
    shapes = [(features, 4 * units), (units, 4 * units), (4 * units,), *([(4 * units,)] if two else [])]
    return LSTMWeights(*(RANDOM.normal(size=shape) for shape in shapes))


PROJECTED = LSTMWeights(np.ones((5, 12)), np.ones((2, 12)), np.ones(12), projection=np.ones((3, 2)))
STACK = Stack(
    [[one(two=True), one(two=True)], [one(2 * UNITS, 2, two=True), one(2 * UNITS, 2, two=True)]],
    ["mind the gap"],
)
# As torch.nn.LSTM is.
EQUAL = Stack([[one(two=True), one(two=True)], [one(2 * UNITS, two=True), one(2 * UNITS, two=True)]])


def same(a: Any, b: Any) -> bool:
    return all(
        np.array_equal(x.kernel, y.kernel) and np.array_equal(x.recurrent_kernel, y.recurrent_kernel)
        for one_layer, other_layer in zip(a, b, strict=True)
        for x, y in zip(one_layer, other_layer, strict=True)
    )


def output(weights: Any, x: Array = X) -> Array:
    zeros = [
        [State(*(np.zeros((len(x), len(w.recurrent_kernel))) for _ in "hc")) for w in layer]
        for layer in weights
    ]
    (y, _), _ = run_stack(x, zeros, weights)
    return y


# --- plain mistakes ---

TAKERS: dict[str, Callable[[Any], Any]] = {
    "from_keras": from_keras,
    "from_onnx": from_onnx,
    "from_torch": from_torch,
    "from_tensorflow1": from_tensorflow1,
    "to_keras": to_keras,
    "to_onnx": to_onnx,
    "to_torch": to_torch,
    "to_tensorflow1": to_tensorflow1,
    "to_torch, target": lambda target: to_torch(STACK, target),
    "to_keras, target": lambda target: to_keras(STACK, target),
    "from_onnx, node": lambda node: from_onnx([node]),
    "from_torch, value": lambda value: from_torch({"weight_ih_l0": value, "weight_hh_l0": np.ones((12, 3))}),
    "from_onnx, array": lambda value: from_onnx((np.ones((1, 12, 5)), value)),
    "from_tensorflow1, kernel": lambda value: from_tensorflow1([(value, np.ones(12))]),
}
MISTAKES: dict[str, Any] = {
    "nothing": None,
    "number": 3,
    "path": "no/such/file.onnx",
    "a Path": Path("no/such/file.pt"),
    "empty list": [],
    "empty dict": {},
    "strings": ["kernel", "bias"],
    "list of nodes": [SimpleNamespace(op_type="LSTM", input=["X", "W", "R"], output=["Y"], attribute=[])],
    "graph without anything": SimpleNamespace(node=[], initializer=[]),
    "lists that do not fit": [[1.0, 2.0], [3.0]],
    "nested lists": [[[[1.0] * 3] * 12], None],
    "objects": np.array([object()]),
    "text array": np.array(["a"]),
    "scalar": np.float64(1.0),
    "integers": np.ones((12, 5), np.int8),
    "booleans": np.ones((12, 5), bool),
    "complex": np.ones((12, 5), complex),
    "P as a fourth array": (np.ones((1, 12, 5)), np.ones((1, 12, 3)), np.ones((1, 24)), np.ones((1, 9))),
    "R that is None": (np.ones((1, 12, 5)), None),
    "dict of other names": {"kernel": np.ones((5, 12)), 3: np.ones(3)},
    "dict of lists": {"weight_ih_l0": [[1.0, 2.0], [3.0]], "weight_hh_l0": "none"},
    "weights of strings": [[LSTMWeights("a", "b", "c")]],  # type: ignore[arg-type]
    "weights of integers": LSTMWeights(np.ones((5, 12), int), np.ones((3, 12), int), np.ones(12, int)),
    "mixed lists": [one(), "and more"],
    "a class": LSTMWeights,
    "a module": np,
    "a class of the same name": type("LSTM", (), {})(),
    "a cell of the same name": type("LSTMCell", (), {})(),
    "a wrapper of the same name": type("Bidirectional", (), {})(),
    "weights of nothing": LSTMWeights(None, None, None),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("taker", TAKERS)
def test_whatever_is_handed_over_works_or_is_refused_with_a_reason(taker: str, mistake: str) -> None:
    problems: tuple[str, ...] = ("it worked",)
    try:
        TAKERS[taker](MISTAKES[mistake])
    except ConversionError as refused:
        problems = refused.problems
    assert problems
    assert all(len(problem) > 8 for problem in problems)


@pytest.mark.parametrize(
    ("take", "reason"),
    [
        (
            lambda: from_onnx(MISTAKES["P as a fourth array"]),
            "a fourth array is P, and peepholes are not converted",
        ),
        (lambda: from_onnx(MISTAKES["R that is None"]), "W and R are required, and R is None"),
        (
            lambda: from_onnx([MISTAKES["list of nodes"][0]]),
            "a node does not hold its weights: hand over the model",
        ),
        (lambda: from_onnx("no/such/file.onnx"), "there is no file no/such/file.onnx|needs the package onnx"),
        (
            lambda: from_onnx((np.ones((1, 12, 5), np.int8), np.ones((1, 12, 3)))),
            "W is int8: quantized weights have to be scaled back",
        ),
        (
            lambda: from_torch(
                {"weight_ih_l0": np.ones((12, 5), np.uint8), "weight_hh_l0": np.ones((12, 3))}
            ),
            "weight_ih_l0 is uint8: quantized",
        ),
        (
            lambda: to_torch(LSTMWeights(np.ones((5, 12), int), np.ones((3, 12)), np.ones(12))),
            "kernel is int64: quantized",
        ),
        (
            lambda: to_torch({"weight_ih_l0": 1}),
            "the weights are a dict, not a Stack; read them with from_keras",
        ),
        (
            lambda: to_torch(
                [[one()]], {"weight_ih_l0": np.ones((12, 5), np.int8), "weight_hh_l0": np.ones((12, 3))}
            ),
            "quantized",
        ),
        (
            lambda: from_torch({"weight_ih_l0": np.ones((9, 5)), "weight_hh_l0": np.ones((9, 3))}),
            "is that of a GRU, not of an LSTM",
        ),
        (lambda: from_onnx((np.ones((1, 9, 5)), np.ones((1, 9, 3)))), "is that of a GRU, not of an LSTM"),
        (
            lambda: from_keras([np.ones((5, 9)), np.ones((3, 9)), np.ones(9)]),
            "is that of a GRU, not of an LSTM",
        ),
        (lambda: from_keras([np.ones((5, 12)), np.ones(12)]), "LSTM 0: expected kernel"),
        (
            lambda: from_tensorflow1((np.ones((8, 12)), np.ones(11))),
            "should be \\(features \\+ units, 4 units\\)",
        ),
        # As many rows as units, and none for a feature.
        (
            lambda: from_tensorflow1((np.ones((3, 12)), np.ones(12))),
            "should be \\(features \\+ units, 4 units\\)",
        ),
        (lambda: from_tensorflow1([]), "is neither a cell's \\(kernel, bias\\) nor a list of them"),
        (
            lambda: from_tensorflow1([(np.ones((8, 12)), np.ones(12))], gates="ijfo"),
            "gates must be the letters i, f, g, o",
        ),
        (lambda: to_tensorflow1(STACK), "layer 0 has two directions, and a cell has one"),
        (lambda: to_torch([]), "there is no layer"),
        (
            lambda: to_keras([[PROJECTED]]),
            "layer 0 has a projection \\(proj_size\\), and keras.layers.LSTM has none",
        ),
        (lambda: to_torch(STACK, dtype="int8"), "dtype int8 holds no fractions"),
        (lambda: to_torch(STACK, dtype="float23"), "there is no dtype 'float23'"),
    ],
)
def test_a_plain_mistake_is_told_with_what_to_do(take: Callable[[], Any], reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        take()


# --- what is reasonable works ---


def test_weights_need_no_stack_around_them() -> None:
    w = one()
    assert all(np.array_equal(a, b) for a, b in zip(to_keras(w), to_keras([[w]]), strict=True))
    assert (
        same(from_onnx(to_onnx([w, one(UNITS, UNITS)])), from_onnx(to_onnx([[w], [one(UNITS, UNITS)]])))
        is False
    )
    assert same(from_onnx(to_onnx(w)[0]), [[w]])


def test_nested_lists_of_numbers_are_arrays() -> None:
    (node,) = to_onnx(one())
    assert same(from_onnx([[node.W.tolist(), node.R.tolist()]]), from_onnx(node))


def test_a_stack_is_a_tuple_and_keeps_its_conditions() -> None:
    assert isinstance(STACK, tuple)
    again = pickle.loads(pickle.dumps(STACK))
    assert same(again, STACK)
    assert again.conditions == STACK.conditions == ("mind the gap",)


@pytest.mark.parametrize(
    "prefix", ["", "lstm.", "model.lstm.", "module.encoder.0.", "_forward_module.model.rnn."]
)
@pytest.mark.parametrize("inside", [lambda state: state, lambda state: {"epoch": 3, "state_dict": state}])
def test_a_state_dict_has_any_prefix_and_other_weights_beside(
    prefix: str, inside: Callable[[Any], Any]
) -> None:
    state = {f"{prefix}{name}": values for name, values in to_torch(EQUAL).items()} | {
        "head.weight": np.ones((2, 2))
    }
    assert same(from_torch(inside(state)), EQUAL)
    target = {name: np.zeros_like(values) for name, values in state.items()}
    to_torch(EQUAL, inside(target))
    assert all(
        np.array_equal(target[name], values)
        for name, values in state.items()
        if name.startswith(prefix) and "head" not in name
    )


def test_of_several_lstms_one_is_chosen_by_its_prefix() -> None:
    first, second = to_torch(one()), to_torch(one(4, 2))
    state = {f"a.{name}": values for name, values in first.items()} | {
        f"b.{name}": values for name, values in second.items()
    }
    with pytest.raises(ConversionError, match=r"there are 2 LSTMs: 'a', 'b'; choose one with prefix="):
        from_torch(state)
    with pytest.raises(ConversionError, match=r"there is no LSTM 'c'; there is 'a', 'b'"):
        from_torch(state, prefix="c")
    for prefix in ("b", "b."):
        assert np.array_equal(
            to_torch(from_torch(state, prefix=prefix))["weight_ih_l0"], second["weight_ih_l0"]
        )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_get_weights_is_taken_and_given(bidirectional: bool) -> None:
    stack = (
        Stack([[one(), one()], [one(2 * UNITS, 2), one(2 * UNITS, 2)]])
        if bidirectional
        else Stack([[one()], [one(UNITS, 2)]])
    )
    found = from_keras(to_keras(stack), bidirectional=bidirectional)
    assert same(found, stack)
    assert "arrays do not show their layers" in found.conditions[0]
    with pytest.raises(ConversionError, match="two LSTMs each"):
        from_keras(to_keras(one()), bidirectional=True)


def test_what_arrays_do_not_show_is_a_condition() -> None:
    assert "neither P, clip nor input_forget" in from_onnx(to_onnx(one())).conditions[0]


@pytest.mark.parametrize("write", [to_torch, to_keras, to_onnx, to_tensorflow1])
def test_weights_are_narrowed_on_purpose(write: Callable[..., Any]) -> None:
    written = write(one(), dtype="float32")
    arrays = (
        written.values()
        if isinstance(written, dict)
        else [array for part in written for array in (part if isinstance(part, tuple) else [part])]
    )
    assert {array.dtype for array in arrays} == {np.dtype("float32")}
    target = {name: np.zeros(values.shape, np.float32) for name, values in to_torch(one()).items()}
    with pytest.raises(ConversionError, match="to round on purpose, say dtype='float32'"):
        to_torch(one(), target)
    to_torch(one(), target, dtype="float32")
    assert np.any(target["weight_ih_l0"])


def test_a_number_that_a_narrower_dtype_cannot_hold_is_not_made_infinite() -> None:
    large = LSTMWeights(*(np.full(shape, 1e6) for shape in ((5, 12), (3, 12), (12,))))
    with pytest.raises(ConversionError) as refused:
        to_torch(large, dtype="float16")
    names = ("kernel", "recurrent_kernel", "bias")
    assert list(refused.value.problems) == [
        f"layer 0: {name} has numbers out of the range of float16, up to 1e+06" for name in names
    ]
    infinite = LSTMWeights(*(np.full(shape, np.inf) for shape in ((5, 12), (3, 12), (12,))))
    assert np.all(np.isinf(to_torch(infinite, dtype="float16")["weight_hh_l0"]))


def test_arrays_that_fit_two_layers_and_both_directions_of_one_are_ambiguous() -> None:
    square = Stack([[one(4, 4), one(4, 4)]])
    with pytest.raises(
        ConversionError, match="the arrays fit 2 layers and 1 bidirectional: say bidirectional=False or True"
    ):
        from_keras(to_keras(square))
    assert [len(layer) for layer in from_keras(to_keras(square), bidirectional=True)] == [2]
    assert [len(layer) for layer in from_keras(to_keras(square), bidirectional=False)] == [1, 1]
    # Where only one reading fits, nothing has to be said.
    assert [len(layer) for layer in from_keras(to_keras([[one(), one()]]))] == [2]


def test_layers_that_no_torch_module_holds_are_refused() -> None:
    with pytest.raises(
        ConversionError, match=r"the layers have 3, 2 units; torch\.nn\.LSTM has as many in all"
    ):
        to_torch([[one()], [one(UNITS, 2)]])


@pytest.mark.parametrize(
    ("weights", "reason"),
    [
        (LSTMWeights(None, None, None), "layer 0 has no kernel and no recurrent_kernel and no bias"),  # type: ignore[arg-type]
        (LSTMWeights(np.ones((5, 0)), np.ones((0, 0)), np.ones(0)), "layer 0 has no units"),
        (
            LSTMWeights(*(np.ones(shape, complex) for shape in ((5, 12), (3, 12), (12,)))),
            "kernel is complex128",
        ),
        (LSTMWeights(np.ma.masked_all((5, 12)), np.ones((3, 12)), np.ones(12)), "kernel is a masked array"),
    ],
)
def test_arrays_that_are_no_weights(weights: Any, reason: str) -> None:
    for write in (to_torch, to_keras, to_onnx, to_tensorflow1):
        with pytest.raises(ConversionError, match=reason):
            write(weights)


def test_bytes_in_the_other_order_and_lists_are_weights_too() -> None:
    w = one()
    swapped = LSTMWeights(*(np.asarray(values, ">f8") for values in (w.kernel, w.recurrent_kernel, w.bias)))
    listed: Any = LSTMWeights(w.kernel.tolist(), w.recurrent_kernel.tolist(), w.bias.tolist())  # type: ignore[arg-type]
    for other in (swapped, listed):
        assert all(values.dtype.isnative for values in to_torch(other).values())
        assert {name: values.tobytes() for name, values in to_torch(other).items()} == {
            n: v.tobytes() for n, v in to_torch(w).items()
        }


OPTIONS: dict[str, Callable[[Any], Any]] = {
    "dtype": lambda value: to_torch(one(), dtype=value),
    "prefix": lambda value: from_torch({"a.weight_ih_l0": 1}, prefix=value),
    "node": lambda value: from_onnx(to_onnx(one()), node=value),
    "forget_bias": lambda value: from_tensorflow1((np.ones((8, 12)), np.ones(12)), forget_bias=value),
    "forget_bias, back": lambda value: to_tensorflow1(one(), forget_bias=value),
    "gates": lambda value: from_tensorflow1((np.ones((8, 12)), np.ones(12)), gates=value),
}


@pytest.mark.parametrize(
    "value",
    [b"x", [], {"a": 1}, np.ones((3, 3)), np.array("x"), object(), LSTMWeights, one(), float("nan"), "x"],
)
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_another_kind_is_refused_with_a_reason(option: str, value: Any) -> None:
    with pytest.raises(ConversionError) as refused:
        OPTIONS[option](value)
    assert all(refused.value.problems)


def test_a_problem_of_another_process_keeps_its_reasons() -> None:
    assert pickle.loads(pickle.dumps(ConversionError(["a", "b"]))).problems == ("a", "b")


# --- TensorFlow 1 ---


def basic_lstm_cell(x: Array, kernel: Array, bias: Array, forget_bias: float) -> Array:
    """The documented rnn_cell.BasicLSTMCell: i, j, f, o = split([x, h] W + b), and
    forget_bias is added to f.
    """
    units = bias.size // 4
    h = c = np.zeros((len(x), units))
    outputs = []
    for t in range(x.shape[1]):
        i, j, f, o = np.split(np.concatenate([x[:, t], h], axis=1) @ kernel + bias, 4, axis=1)
        sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
        c = c * sigmoid(f + forget_bias) + sigmoid(i) * np.tanh(j)
        h = np.tanh(c) * sigmoid(o)
        outputs.append(h)
    return np.stack(outputs, axis=1)


@pytest.mark.parametrize("forget_bias", [1.0, 0.0])
def test_a_cell_of_tensorflow_1_computes_the_same(forget_bias: float) -> None:
    kernel, bias = RANDOM.normal(size=(FEATURES + UNITS, 4 * UNITS)), RANDOM.normal(size=4 * UNITS)
    weights = from_tensorflow1((kernel, bias), forget_bias)
    right = basic_lstm_cell(X, kernel, bias, forget_bias)
    assert np.abs(output(weights) - right).max() < 1e-13
    # Each of the two differences matters: the order of the gates, and the number that
    # is added at run time.
    for wrong in (
        from_tensorflow1((kernel, bias), forget_bias, gates="ifgo"),
        from_tensorflow1((kernel, bias), forget_bias + 1),
    ):
        assert np.abs(output(wrong) - right).max() > 0.05
    (back,) = to_tensorflow1(weights, forget_bias)
    assert np.array_equal(back.kernel, kernel)
    assert back.bias == pytest.approx(bias, abs=1e-15)
    two = Stack([[one()], [one(UNITS, 2, two=True)]])
    cells = to_tensorflow1(two)
    assert (
        np.abs(basic_lstm_cell(basic_lstm_cell(X, *cells[0], 1.0), *cells[1], 1.0) - output(two)).max()
        < 1e-13
    )


def test_the_block_lstm_of_tensorflow_computes_the_same(keras_side: Any) -> None:
    kernel, bias = RANDOM.normal(size=(FEATURES + UNITS, 4 * UNITS)), RANDOM.normal(size=4 * UNITS)
    for version, gates in ((1, "igfo"), (2, "ifgo")):
        found = keras_side(
            "block_lstm",
            version,
            X.astype(np.float32),
            kernel.astype(np.float32),
            bias.astype(np.float32),
            1.0,
        )
        # The second version adds nothing at run time.
        weights = from_tensorflow1((kernel, bias), forget_bias=1.0 if version == 1 else 0.0, gates=gates)
        assert np.abs(output(weights) - found).max() < 1e-6


# --- models of Keras ---


@pytest.mark.parametrize(
    ("name", "conditions"),
    [
        ("masking", ["masks steps: in PyTorch pack the sequences with their lengths"]),
        ("embedding with mask", ["layers[0], Embedding, is not part", "masks steps"]),
        ("embedding and dense", ["layers[0], Embedding, is not part", "layers[2], Dense, is not part"]),
        ("functional", ["Dense, is not part"]),
        ("stateful", ["is stateful: elsewhere hand the states"]),
        ("bidirectional last", ["is h_n of both directions side by side"]),
        ("recurrent dropout", ["at inference nothing differs"]),
        ("mask between model and LSTM", ["the mask= of the layer.layers[2] masks steps"]),
        ("given states", ["layers[3] starts from states that the model hands to it"]),
        ("convolution before", ["layers[0], Conv1D, is not part"]),
        ("mask after", []),
        ("functional row", []),
        ("own call", ["has a call() of its own, which is not read"]),
        ("plain", []),
    ],
)
def test_what_has_to_be_minded_is_said(keras_side: Any, name: str, conditions: list[str]) -> None:
    found = keras_side("conditions", name)
    assert len(found) == len(conditions), found
    for condition, said in zip(conditions, found, strict=True):
        assert condition in said


def test_lstms_side_by_side_in_a_model_are_listed(keras_side: Any) -> None:
    with pytest.raises(ConversionError, match=r"several LSTM layers, not one on the other: left, right\."):
        keras_side("branches")


def test_under_its_condition_a_masked_model_is_a_packed_module(keras_side: Any, torch_side: Any) -> None:
    lengths = [7, 2, 5, 1]
    outputs, state = keras_side("masked", X, lengths)
    packed, last = torch_side("packed", state, X, lengths)
    inside = np.arange(TIMESTEPS) < np.reshape(lengths, (-1, 1))
    assert np.abs(outputs - packed)[inside].max() < 1e-13
    assert np.abs(packed[~inside]).max() == 0
    # Keras repeats the last output, which is h_n.
    assert np.abs(outputs[:, -1] - last).max() < 1e-13


def test_a_module_without_numbers_or_with_an_lstm_inside(torch_side: Any) -> None:
    with pytest.raises(ConversionError, match="weight_ih_l0 is on the meta device"):
        torch_side("take", "meta")
    with pytest.raises(ConversionError, match=r"there are 2 LSTMs: 'encoder', 'decoder'"):
        torch_side("take", "two inside")
    with pytest.raises(ConversionError, match="has no LSTM inside"):
        torch_side("take", "none inside")
    assert torch_side("take", "one inside") == 2


# --- models of ONNX ---

onnx = pytest.importorskip("onnx")


def node(**attributes: Any) -> Any:
    given = {"hidden_size": UNITS, **attributes.pop("attributes", {})}
    inputs = ["X", "W", "R", *attributes.pop("inputs", ["B"])]
    return onnx.helper.make_node("LSTM", inputs, ["Y"], **given, **attributes)


def model(*nodes: Any, arrays: OnnxLSTM | None = None, **more: Array) -> Any:
    held = {**(arrays or to_onnx(one())[0])._asdict(), **more}
    initializers = [
        onnx.numpy_helper.from_array(np.ascontiguousarray(values), name) for name, values in held.items()
    ]
    ends = [onnx.helper.make_tensor_value_info(name, 11, None) for name in ("X", nodes[-1].output[0])]
    return onnx.helper.make_model(onnx.helper.make_graph(list(nodes), "g", ends[:1], ends[1:], initializers))


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda: model(node(attributes={"direction": "reverse"})), "has direction reverse"),
        (lambda: model(node(attributes={"clip": 0.5})), "has clip 0.5"),
        (lambda: model(node(attributes={"input_forget": 1})), "couples input and forget gate"),
        (
            lambda: model(node(attributes={"activations": ["Sigmoid", "Relu", "Tanh"]})),
            "has activations sigmoid, relu, tanh",
        ),
        (lambda: model(node(inputs=["B", "", "", "", "P"]), P=np.ones((1, 9))), r"has peepholes \(P\)"),
        (lambda: model(node(), W=np.ones((1, 12, 5), np.int8)), "W is int8: quantized"),
        (
            lambda: model(onnx.helper.make_node("GRU", ["X", "W", "R"], ["Y"], hidden_size=3)),
            "a GRU is not an LSTM",
        ),
        (lambda: model(onnx.helper.make_node("Relu", ["X"], ["Y"])), "the model has no LSTM node"),
        (lambda: node(), "a node does not hold its weights: hand over the model"),
        (
            lambda: model(
                node(name="a"), onnx.helper.make_node("LSTM", ["X", "W", "R"], ["Z"], hidden_size=UNITS)
            ),
            "does not read the output Y",
        ),
        (
            lambda: model(
                node(name="a"),
                onnx.helper.make_node("Relu", ["Y"], ["Q"]),
                onnx.helper.make_node("LSTM", ["Q", "W", "R"], ["Z"], hidden_size=UNITS),
            ),
            "stands Relu, which changes numbers",
        ),
    ],
)
def test_a_node_that_computes_something_else_is_refused(made: Callable[[], Any], reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        from_onnx(made())


TWO = to_onnx([[one(FEATURES, 2), one(FEATURES, 2)], [one(4, 2), one(4, 2)]])


def two(*between: Any, name: str = "X1") -> Any:
    """Two bidirectional nodes with something between Y0 and the X of the second."""
    held = {
        f"{key}{number}": values for number, each in enumerate(TWO) for key, values in each._asdict().items()
    }
    held["shape"] = np.array([0, 0, 4], np.int64)
    nodes = [
        onnx.helper.make_node(
            "LSTM",
            [x, f"W{n}", f"R{n}", f"B{n}"],
            [y],
            name=f"lstm{n}",
            hidden_size=2,
            direction="bidirectional",
        )
        for n, (x, y) in enumerate((("X", "Y0"), (name, "Y")))
    ]
    made = model(nodes[0], *between, nodes[1], arrays=TWO[0])
    made.graph.initializer.extend(
        onnx.numpy_helper.from_array(np.ascontiguousarray(v), k) for k, v in held.items()
    )
    return made


def reshaped(*axes: int) -> list[Any]:
    transpose = [onnx.helper.make_node("Transpose", ["Y0"], ["T"], perm=list(axes))] if axes else []
    return [*transpose, onnx.helper.make_node("Reshape", ["T" if axes else "Y0", "shape"], ["X1"])]


def test_what_stands_between_nodes_must_lay_directions_side_by_side() -> None:
    assert len(from_onnx(two(*reshaped(0, 2, 1, 3)))) == 2
    for wrong in ((), (2, 0, 1, 3), (0, 2, 3, 1)):
        with pytest.raises(ConversionError, match="does not lay the directions of Y side by side"):
            from_onnx(two(*reshaped(*wrong)))


def test_one_node_of_several_is_chosen() -> None:
    made = two(*reshaped(2, 0, 1, 3))
    with pytest.raises(ConversionError, match="choose one LSTM with node=: 'lstm0', 'lstm1'"):
        from_onnx(made)
    last = next(each for each in reversed(made.graph.node) if each.op_type == "LSTM")
    for chosen in ("lstm1", "Y", last):
        assert same(from_onnx(made, chosen), from_onnx(TWO[1]))
    with pytest.raises(
        ConversionError, match="'lstm7' is not exactly one of the LSTM nodes, which are 'lstm0', 'lstm1'"
    ):
        from_onnx(made, "lstm7")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"hidden_size": 4}, r"has hidden_size 4, and R \(1, 12, 3\) has 3"),
        ({"direction": "bidirectional"}, "has direction bidirectional, and arrays of 1 directions"),
        ({"layout": 2}, "has layout 2, expected 0 or 1"),
    ],
)
def test_attributes_that_contradict_the_arrays(attributes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        from_onnx(model(node(attributes=attributes)))


def test_bfloat16_is_no_quantized_layer() -> None:
    bfloat16 = np.dtype(pytest.importorskip("ml_dtypes").bfloat16)
    arrays = to_onnx(one(), dtype="bfloat16")[0]
    assert from_onnx(model(node(), arrays=arrays))[0][0].kernel.dtype == bfloat16


def test_every_reason_is_told_at_once() -> None:
    with pytest.raises(ConversionError) as refused:
        from_onnx(model(node(attributes={"direction": "reverse", "clip": 1.0, "input_forget": 1})))
    assert len(refused.value.problems) == 3


def test_lengths_and_states_of_a_node_are_conditions() -> None:
    w = one()
    found = from_onnx(model(node(inputs=["B", "lengths", "h", "c"]), arrays=to_onnx(w)[0]))
    assert same(found, [[w]])
    assert [condition.partition(":")[0] for condition in found.conditions] == [
        "the node takes sequence_lens",
        "the node starts from states that it is given",
    ]
    assert from_onnx(model(node(), arrays=to_onnx(w)[0])).conditions == ()
