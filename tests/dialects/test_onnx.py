"""onnx.LSTM by itself: the equations of the operator's documentation, row by row, its
layouts, its gradients and its refusals.
"""

import inspect
import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.dialects import dialect, onnx
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.dialects.layouts import canonical, groups, named
from lstm_ref.dialects.onnx.activations import with_parameters
from lstm_ref.dialects.onnx.misreadings import MISREADINGS
from lstm_ref.dialects.onnx.mistakes import MISTAKES
from lstm_ref.oracle.materialize import materialize
from lstm_ref.oracle.twin import run_twin

Array = npt.NDArray[Any]

CORPUS = load()
TABLE = CORPUS.parameters["onnx"].layers["LSTM"]
RNG = np.random.default_rng(4)
T, N, F, H = 6, 4, 5, 3
LENGTHS = np.array([2, 6, 0, 4], np.int32)

FUNCTIONS: Mapping[str, Callable[..., float]] = {
    "Relu": lambda x: max(0.0, x),
    "Tanh": math.tanh,
    "Sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "Affine": lambda x, alpha, beta: alpha * x + beta,
    "LeakyRelu": lambda x, alpha: x if x >= 0 else alpha * x,
    "ThresholdedRelu": lambda x, alpha: x if x >= alpha else 0.0,
    "ScaledTanh": lambda x, alpha, beta: alpha * math.tanh(beta * x),
    "HardSigmoid": lambda x, alpha, beta: min(max(alpha * x + beta, 0.0), 1.0),
    "Elu": lambda x, alpha: x if x >= 0 else alpha * (math.exp(x) - 1),
    "Softsign": lambda x: x / (1 + abs(x)),
    "Softplus": lambda x: math.log(1 + math.exp(x)),
}


def node(**params: Any) -> onnx.LSTM:
    made = onnx.LSTM(H, dtype="float64", **params)
    drawn = np.random.default_rng(5)
    made.load({name: drawn.normal(size=spec.shape) for name, spec in made.weight_specs(F).items()})
    return made


def row_by_hand(
    x: Array,
    h: Array,
    c: Array,
    W: Array,
    R: Array,
    B: Array,
    P: Array,
    fgh: tuple[Callable[[float], float], ...],
    clip: float = math.inf,
    coupled: bool = False,
) -> tuple[list[Array], Array, Array]:
    """The outputs and last states of one row (steps, F), in the words and the order of
    the documentation.
    """

    def of(function: Callable[[float], float], z: Array) -> Array:
        return np.array([function(min(max(float(v), -clip), clip)) for v in z])

    f_, g_, h_ = fgh
    Wi, Wo, Wf, Wc = np.split(W, 4)
    Ri, Ro, Rf, Rc = np.split(R, 4)
    Wbi, Wbo, Wbf, Wbc, Rbi, Rbo, Rbf, Rbc = np.split(B, 8)
    Pi, Po, Pf = np.split(P, 3)
    outputs = []
    for x_t in x:
        it = of(f_, Wi @ x_t + Ri @ h + Pi * c + Wbi + Rbi)
        ft = 1 - it if coupled else of(f_, Wf @ x_t + Rf @ h + Pf * c + Wbf + Rbf)
        ct = of(g_, Wc @ x_t + Rc @ h + Wbc + Rbc)
        c = ft * c + it * ct
        ot = of(f_, Wo @ x_t + Ro @ h + Po * c + Wbo + Rbo)
        h = ot * of(h_, c)
        outputs.append(h)
    return outputs, h, c


def by_hand(
    made: onnx.LSTM,
    X: Array,
    lengths: Array,
    h_0: Array,
    c_0: Array,
    functions: list[Callable[[float], float]],
) -> tuple[Array, Array, Array]:
    """Y, Y_h and Y_c with layout 0."""
    weights, D = made.weights(), len(made.directions)
    Y, Y_h, Y_c = np.zeros((T, D, N, H)), np.array(h_0), np.array(c_0)
    for d, direction in enumerate(made.directions):
        second = "B" if d else ""
        W, R = weights[f"W{second}"], weights[f"R{second}"]
        B = np.concatenate([weights[f"W{second}b"], weights[f"R{second}b"]]) if made.B else np.zeros(8 * H)
        P = weights[f"P{second}"] if made.P else np.zeros(3 * H)
        fgh = tuple(functions[3 * d : 3 * d + 3])
        for n, length in enumerate(lengths):
            order = range(length) if direction == "forward" else range(length - 1, -1, -1)
            clip = math.inf if made.clip is None else made.clip
            found, Y_h[d, n], Y_c[d, n] = row_by_hand(
                X[list(order), n], h_0[d, n], c_0[d, n], W, R, B, P, fgh, clip, made.coupled
            )
            for t, h in zip(order, found, strict=True):
                Y[t, d, n] = h
    return Y, Y_h, Y_c


X = RNG.normal(size=(T, N, F))
DEFAULT = [FUNCTIONS[name] for name in ("Sigmoid", "Tanh", "Tanh")]


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize(
    ("B", "P", "clip", "input_forget"),
    list(itertools.product([True, False], [False, True], [None, 0.5], [0, 1])),
)
def test_it_computes_the_documented_equations(
    direction: str, lengths: Array | None, B: bool, P: bool, clip: float | None, input_forget: int
) -> None:
    made = node(direction=direction, B=B, P=P, clip=clip, input_forget=input_forget)
    D = len(made.directions)
    h_0, c_0 = RNG.normal(size=(2, D, N, H))
    found = made(X, lengths, h_0, c_0)
    expected = by_hand(made, X, np.full(N, T) if lengths is None else lengths, h_0, c_0, DEFAULT * D)
    for observed, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(observed, wanted, rtol=0, atol=1e-13)


def test_states_that_are_absent_are_zero() -> None:
    made, zero = node(direction="bidirectional"), np.zeros((2, N, H))
    assert all(np.array_equal(a, b) for a, b in zip(made(X), made(X, None, zero, zero), strict=True))


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("place", range(3))
def test_every_function_of_the_list_serves_in_each_place(name: str, place: int) -> None:
    names, own = ["Sigmoid", "Tanh", "Tanh"], dict(zip(("alpha", "beta"), (0.75, 0.25), strict=True))
    names[place] = name
    takes = [key for key in own if key in inspect.signature(FUNCTIONS[name]).parameters]
    made = node(activations=names, **{f"activation_{key}": [own[key]] for key in takes})
    functions = list(DEFAULT)
    functions[place] = lambda x: FUNCTIONS[name](x, **{key: own[key] for key in takes})
    h_0, c_0 = RNG.normal(size=(2, 1, N, H))
    for observed, wanted in zip(
        made(X, None, h_0, c_0), by_hand(made, X, np.full(N, T), h_0, c_0, functions), strict=True
    ):
        np.testing.assert_allclose(observed, wanted, rtol=1e-12, atol=1e-12)


def test_alpha_and_beta_are_taken_in_order_by_those_that_have_a_use_for_them() -> None:
    names = ["Sigmoid", "Affine", "LeakyRelu", "HardSigmoid", "Tanh", "Elu"]
    made = node(
        direction="bidirectional",
        activations=names,
        activation_alpha=[0.5, 0.25, 0.375, 0.75],
        activation_beta=[-0.5, 0.625],
    )
    functions = [
        FUNCTIONS["Sigmoid"],
        lambda x: 0.5 * x - 0.5,
        lambda x: x if x >= 0 else 0.25 * x,
        lambda x: min(max(0.375 * x + 0.625, 0.0), 1.0),
        math.tanh,
        lambda x: x if x >= 0 else 0.75 * (math.exp(x) - 1),
    ]
    h_0, c_0 = RNG.normal(size=(2, 2, N, H))
    for observed, wanted in zip(
        made(X, None, h_0, c_0), by_hand(made, X, np.full(N, T), h_0, c_0, functions), strict=True
    ):
        np.testing.assert_allclose(observed, wanted, rtol=0, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "alpha", "beta"),
    [("LeakyRelu", 0.01, 0), ("ThresholdedRelu", 1, 0), ("HardSigmoid", 0.2, 0.5), ("Elu", 1, 0)],
)
def test_a_parameter_that_is_not_given_is_that_of_the_operator_of_that_name_in_32_bits(
    name: str, alpha: float, beta: float
) -> None:
    said = node(activations=["Sigmoid", name, "Tanh"], activation_alpha=[alpha], activation_beta=[beta])
    assert np.array_equal(node(activations=["Sigmoid", name, "Tanh"])(X)[0], said(X)[0])
    (values,) = with_parameters([name], [], [])
    assert values["alpha"] == float(np.float32(alpha))


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
def test_a_layout_is_another_order_of_the_same_numbers(lengths: Array | None) -> None:
    h_0, c_0 = RNG.normal(size=(2, 2, N, H))
    Y, Y_h, Y_c = node(direction="bidirectional", P=True)(X, lengths, h_0, c_0)
    states = (h_0.swapaxes(0, 1), c_0.swapaxes(0, 1))
    found = node(direction="bidirectional", P=True, layout=1)(X.swapaxes(0, 1), lengths, *states)
    for observed, wanted in zip(
        found, (Y.transpose(2, 0, 1, 3), Y_h.swapaxes(0, 1), Y_c.swapaxes(0, 1)), strict=True
    ):
        assert np.array_equal(observed, wanted)


@pytest.mark.parametrize("layout", [0, 1])
def test_a_layout_never_changes_a_value_that_is_drawn(layout: int) -> None:
    def drawn(layout: int) -> Mapping[str, Any]:
        id_ = f"onnx/structure/calls[direction=bidirectional{',layout=1' if layout else ''}]"
        case = next(case for case in CORPUS.cases if case.id == id_)
        same = next(
            case for case in CORPUS.cases if case.id == "onnx/structure/calls[direction=bidirectional]"
        )
        return materialize(Case(**{**vars(case), "id": same.id}), 0).request.steps[0].arguments

    for name in ("X", "initial_h", "initial_c"):
        assert np.array_equal(drawn(1)[name].values.swapaxes(0, 1), drawn(0)[name].values)


def test_only_the_outputs_that_the_node_has_are_returned() -> None:
    Y, Y_h, Y_c = node()(X)
    for shown, wanted in {
        "Y": [Y],
        "Y_h": [Y_h],
        "Y_c": [Y_c],
        "Y+Y_c": [Y, Y_c],
        "Y_h+Y_c": [Y_h, Y_c],
    }.items():
        found = node(outputs=shown)
        assert all(np.array_equal(a, b) for a, b in zip(found(X), wanted, strict=True))
        assert [output.name for output in found.outputs({})] == shown.split("+")


@pytest.mark.parametrize(
    "params",
    [{}, {"direction": "bidirectional", "layout": 1, "P": True, "input_forget": 1, "outputs": "Y_h+Y_c"}],
)
def test_gradients_are_difference_quotients(
    params: dict[str, Any], wrong_gradients: Callable[..., dict[str, tuple[float, float]]]
) -> None:
    made = node(**params)
    D = len(made.directions)
    x = X.swapaxes(0, 1) if params else X
    states = {
        name: RNG.normal(size=(N, D, H) if params else (D, N, H)) for name in ("initial_h", "initial_c")
    }
    result, pullback = made.vjp(x, LENGTHS, **states)
    cotangents = [RNG.normal(size=np.shape(array)) for array in result]
    found = pullback(cotangents)
    given = {"X": x, **states, **made.weights()}
    assert set(found) == set(given)

    def loss(point: Mapping[str, Any]) -> float:
        other = node(**params)
        other.load({key: point[key] for key in made.weights()})
        outputs = other(point["X"], LENGTHS, point["initial_h"], point["initial_c"])
        return float(sum(np.sum(a * b) for a, b in zip(outputs, cotangents, strict=True)))

    assert wrong_gradients(loss, given, found) == {}


def test_weights_say_their_gates_and_their_place() -> None:
    made = node(direction="bidirectional", P=True)
    labels = {name: spec.label for name, spec in made.weight_specs(F).items()}
    assert list(labels) == ["W", "R", "Wb", "Rb", "P", "WB", "RB", "WBb", "RBb", "PB"]
    assert {label.gates for name, label in labels.items() if name[0] != "P"} == {"iofg"}
    forward, reverse = canonical(made.weights(), labels)
    blocks = np.split(made.weights()["WB"], 4)
    assert np.array_equal(reverse.kernel, np.concatenate([blocks[k] for k in (0, 2, 3, 1)]).T)
    assert forward.peepholes is not None
    i, o, f = np.split(made.weights()["P"], 3)
    assert np.array_equal(forward.peepholes, np.concatenate([i, f, o]))
    for layer, group in zip((forward, reverse), groups(labels).values(), strict=True):
        for name, values in named(layer, group, labels).items():
            assert np.array_equal(values, made.weights()[name])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"opset": 13}, "opset must be one of"),
        ({"direction": "sideways"}, "direction must be"),
        ({"layout": 2}, "layout must be"),
        ({"opset": 7, "layout": 1}, "layout came with opset 14"),
        ({"activations": ["Sigmoid", "Tanh"]}, "3 activation functions for each direction, 3 in all, not 2"),
        ({"direction": "bidirectional", "activations": ["Sigmoid", "Tanh", "Tanh"]}, "6 in all, not 3"),
        ({"activations": ["Sigmoid", "Gelu", "Tanh"]}, "not Gelu"),
        ({"activations": ["Sigmoid", "Affine", "Tanh"]}, "Affine has no default alpha and beta"),
        ({"clip": -1.0}, "clip must be positive"),
        ({"input_forget": 2}, "input_forget must be"),
        ({"outputs": "Z"}, "outputs must be some of"),
    ],
)
def test_attributes_that_are_not_documented_are_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        onnx.LSTM(H, **params)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X": X[0]}, "X must have 3 dimensions"),
        ({"X": X, "sequence_lens": LENGTHS[:3]}, "sequence_lens must be int32 of shape"),
        ({"X": X, "sequence_lens": LENGTHS.astype(np.int64)}, "not int64"),
        ({"X": X, "sequence_lens": LENGTHS + 1}, "from 0 to seq_length 6"),
        ({"X": X, "sequence_lens": LENGTHS - 1}, "from 0 to seq_length 6"),
        ({"X": X, "initial_h": np.zeros((1, N + 1, H))}, "initial_h must have shape"),
        ({"X": X, "initial_c": np.zeros((1, N, H + 1))}, "initial_c must have shape"),
    ],
)
def test_inputs_that_are_not_documented_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        node()(**arguments)


def test_an_action_is_none_of_a_node() -> None:
    with pytest.raises(NotImplementedError, match="has no reset"):
        node().act("reset", {})


def test_the_constructor_is_the_table() -> None:
    signature = list(inspect.signature(onnx.LSTM).parameters.values())
    assert [parameter.name for parameter in signature] == [*TABLE.constructor, "dtype"]
    for parameter in signature[1:-1]:
        assert parameter.default == TABLE.constructor[parameter.name].default
    words = TABLE.call["sequence_lens"].values[1:]
    for word in words:
        assert set(node().arguments(Sizes(N, T, F), {"sequence_lens": word})) == {"X", "sequence_lens"}


# A node that has everything, so that each mistake shows.
EVERYTHING = {
    "direction": "bidirectional",
    "activations": ["Sigmoid", "Affine", "LeakyRelu", "Sigmoid", "Tanh", "Elu"],
    "activation_alpha": [0.5, 0.25, 0.75],
    "activation_beta": [-0.25],
    "clip": 0.5,
    "input_forget": 1,
    "P": True,
}


def outputs_of(params: Mapping[str, Any]) -> tuple[Array, ...]:
    made = dialect("onnx").build("LSTM", {"hidden_size": H, **params}, "float64")
    drawn = np.random.default_rng(5)
    made.load({name: drawn.normal(size=spec.shape) for name, spec in made.weight_specs(F).items()})
    c_0 = np.random.default_rng(6).normal(size=(2, N, H))
    result: tuple[Array, ...] = made.vjp(X, LENGTHS, None, c_0)[0]
    return result


MISTAKEN = {
    **{meaning: misread(EVERYTHING) for meaning, misread in MISREADINGS.items()},
    **{
        meaning: mistake(EVERYTHING, [{"X": X, "sequence_lens": LENGTHS}])
        for meaning, mistake in MISTAKES.items()
    },
}


@pytest.mark.parametrize("meaning", MISTAKEN)
def test_every_mistake_changes_a_node_that_has_everything(meaning: str) -> None:
    params = MISTAKEN[meaning]
    if meaning == "activation_beta is ignored" or meaning == "activation_alpha is ignored":
        assert params is None  # a line has no default to fall back on
        params = {
            "activations": ["HardSigmoid", "Tanh", "Tanh"],
            "activation_alpha": [0.5],
            "activation_beta": [0.25],
        }
        (changed,) = [misread(params) for name, misread in MISREADINGS.items() if name == meaning]
        assert changed is not None
        kept = "alpha" if "beta" in meaning else "beta"
        assert changed[f"activation_{kept}"] == params[f"activation_{kept}"]
        assert changed != params
        return
    if meaning.endswith("by the place of the function"):
        assert params is None  # the line would be left without a beta
        return
    assert params is not None
    assert not all(
        np.array_equal(a, b) for a, b in zip(outputs_of(params), outputs_of(EVERYTHING), strict=True)
    )


def test_parameters_by_place_are_those_of_the_places() -> None:
    by_place = MISREADINGS["activation_alpha and activation_beta go by the place of the function"]
    found = by_place({"activations": ["Sigmoid", "Tanh", "LeakyRelu"], "activation_alpha": [0.25]})
    assert found is not None
    assert found["activation_alpha"] == [0.01]
    assert by_place({"activations": ["LeakyRelu", "Tanh", "Tanh"], "activation_alpha": [0.25]}) is None


def test_the_output_gate_that_sees_the_old_c_is_what_it_says() -> None:
    params = {"P": True, "outputs": "Y_c"}
    mistaken = MISTAKES["the output gate's peepholes see the old c"](params, [])
    assert mistaken is not None
    made = dialect("onnx").build("LSTM", {"hidden_size": H, **mistaken}, "float64")
    right = node(P=True)
    made.load(right.weights())
    # With the output gate's peepholes at 0 there is no old or new c to see, and the
    # steps are the node's.
    blind = dict(right.weights()) | {"P": right.weights()["P"] * np.repeat([1, 0, 1], H)}
    made.load(blind)
    right.load(blind)
    np.testing.assert_allclose(made.vjp(X, LENGTHS)[0][0], right(X, LENGTHS)[2], rtol=0, atol=1e-15)


def test_every_case_that_is_not_refused_runs_by_the_twin() -> None:
    cases = [
        case for case in CORPUS.cases if case.dialect == "onnx" and case.everyday and case.expect is None
    ]
    assert len(cases) > 150
    for case in cases[::5]:
        calls = run_twin(dialect("onnx"), materialize(case, 0).request)
        assert all(np.all(np.isfinite(array)) for call in calls for array in call.outputs.values()), case.id
