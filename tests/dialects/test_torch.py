"""torch.LSTM by itself: the documented constructor and call, weights by name, layouts,
and its refusals.
"""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.dialects import dialect, torch
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.dialects.initial import Uniform
from lstm_ref.oracle.materialize import materialize
from lstm_ref.oracle.twin import run_twin

Array = npt.NDArray[Any]
WrongGradients = Callable[..., dict[str, tuple[float, float]]]

CORPUS = load()
TABLE = CORPUS.parameters["torch"].layers["LSTM"]
RNG = np.random.default_rng(4)
X = RNG.normal(size=(7, 4, 5))  # (T, N, H_in)


def layer(**params: Any) -> torch.LSTM:
    made = torch.LSTM(5, 3, dtype=params.pop("dtype", "float64"), **params)
    drawn = np.random.default_rng(5)
    made.load_state_dict({name: drawn.normal(size=spec.shape) for name, spec in made.weight_specs(5).items()})
    return made


def states(made: torch.LSTM, batch: int | None = 4) -> tuple[Array, Array]:
    h_0, c_0 = (np.random.default_rng(6).normal(size=shape) for shape in made.state_shapes(batch))
    return h_0, c_0


def one_direction(
    x: Array, h: Array, c: Array, weights: dict[str, Array], suffix: str
) -> tuple[Array, Array, Array]:
    """output, h_n, c_n of one layer in one direction over x (T, N, H), by the equations
    in the documentation's words.
    """
    zeros = np.zeros(weights[f"weight_ih{suffix}"].shape[0])
    output = []
    for x_t in x:
        z = x_t @ weights[f"weight_ih{suffix}"].T + weights.get(f"bias_ih{suffix}", zeros)
        z = z + h @ weights[f"weight_hh{suffix}"].T + weights.get(f"bias_hh{suffix}", zeros)
        i, f, g, o = np.split(z, 4, axis=-1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        if f"weight_hr{suffix}" in weights:
            h = h @ weights[f"weight_hr{suffix}"].T
        output.append(h)
    return np.stack(output), h, c


def by_hand(made: torch.LSTM, x: Array, h_0: Array, c_0: Array) -> tuple[Array, Array, Array]:
    """output, h_n, c_n of the whole stack over x (T, N, H_in)."""
    weights, h_n, c_n = made.state_dict(), [], []
    directions = 2 if made.bidirectional else 1
    for index in range(made.num_layers):
        outputs = []
        for direction in range(directions):
            row = index * directions + direction
            suffix = f"_l{index}" + "_reverse" * direction
            output, h, c = one_direction(x[::-1] if direction else x, h_0[row], c_0[row], weights, suffix)
            outputs.append(output[::-1] if direction else output)
            h_n.append(h)
            c_n.append(c)
        x = np.concatenate(outputs, axis=-1)
    return x, np.stack(h_n), np.stack(c_n)


STRUCTURES = [
    {},
    {"bias": False},
    {"num_layers": 3},
    {"bidirectional": True},
    {"proj_size": 2},
    {"num_layers": 2, "bidirectional": True, "proj_size": 2},
    {"num_layers": 2, "bidirectional": True, "bias": False},
]


def test_the_constructor_has_the_documented_parameters_in_their_order_with_their_defaults() -> None:
    # That the table is the signature of the installed framework is a test of the
    # corpus.
    found = {
        name: "required" if p.default is p.empty else p.default
        for name, p in inspect.signature(torch.LSTM).parameters.items()
    }
    assert list(found.items()) == [
        (name, "required" if p.required else p.default) for name, p in TABLE.constructor.items()
    ]


def test_the_call_has_the_documented_arguments() -> None:
    # The other words of a call say what is done around it: the mode of the module,
    # packing and padding.
    parameters = inspect.signature(torch.LSTM.__call__).parameters
    documented = {name: p for name, p in TABLE.call.items() if p.source.startswith("torch.nn.LSTM, Inputs")}
    assert list(parameters) == ["self", *documented]
    assert [name for name, p in parameters.items() if p.default is p.empty] == [
        "self",
        *[name for name, p in documented.items() if p.required],
    ]


def test_it_is_used_as_its_documentation_says() -> None:
    made = torch.LSTM(input_size=5, hidden_size=3, bidirectional=True)
    made.load_state_dict(layer(bidirectional=True).state_dict())
    output, (h_n, c_n) = made(X)
    assert (output.shape, h_n.shape, c_n.shape) == ((7, 4, 6), (2, 4, 3), (2, 4, 3))


@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_it_computes_the_documented_equations_from_the_given_state(params: dict[str, Any]) -> None:
    made = layer(**params)
    output, (h_n, c_n) = made(X, states(made))
    for found, wanted in zip((output, h_n, c_n), by_hand(made, X, *states(made)), strict=True):
        assert found == pytest.approx(wanted, abs=1e-13)


@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_without_a_state_it_starts_from_zeros(params: dict[str, Any]) -> None:
    made = layer(**params)
    zeros = tuple(np.zeros_like(state) for state in states(made))
    assert np.array_equal(made(X)[0], made(X, zeros)[0])


@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_batch_first_moves_the_batch_of_input_and_output_alone(params: dict[str, Any]) -> None:
    made, first = layer(**params), layer(**params, batch_first=True)
    output, (h_n, c_n) = made(X, states(made))
    output_first, (h_first, c_first) = first(X.swapaxes(0, 1), states(made))
    assert np.array_equal(output_first.swapaxes(0, 1), output)
    assert np.array_equal(h_first, h_n)
    assert np.array_equal(c_first, c_n)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_an_unbatched_input_is_a_batch_of_one_without_its_axis(
    params: dict[str, Any], batch_first: bool
) -> None:
    made = layer(**params, batch_first=batch_first)
    h_0, c_0 = states(made, None)
    output, (h_n, c_n) = made(X[:, 0], (h_0, c_0))
    axis = 0 if batch_first else 1
    batched, (h_batched, c_batched) = made(np.expand_dims(X[:, 0], axis), (h_0[:, None], c_0[:, None]))
    assert output == pytest.approx(np.squeeze(batched, axis), abs=1e-14)
    assert h_n == pytest.approx(h_batched[:, 0], abs=1e-14)
    assert c_n == pytest.approx(c_batched[:, 0], abs=1e-14)


@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_the_shapes_are_those_of_the_documentation(params: dict[str, Any]) -> None:
    made = layer(**params)
    rows, outputs = made.num_layers * (2 if made.bidirectional else 1), made.proj_size or 3
    output, (h_n, c_n) = made(X)
    assert output.shape == (7, 4, outputs * (2 if made.bidirectional else 1))
    assert (h_n.shape, c_n.shape) == ((rows, 4, outputs), (rows, 4, 3))
    assert [name for name, *_ in made.outputs({"input": X})] == ["output", "h_n", "c_n"]


def test_the_weights_have_the_documented_names_and_order() -> None:
    # As torch.nn.LSTM(5, 3, num_layers=2, bidirectional=True, proj_size=2).state_dict()
    # has them, PyTorch 2.13.
    kinds = {
        "weight_ih": (12, 5),
        "weight_hh": (12, 2),
        "bias_ih": (12,),
        "bias_hh": (12,),
        "weight_hr": (2, 3),
    }
    wanted = {
        f"{kind}_l{index}{direction}": (12, 4) if index and kind == "weight_ih" else shape
        for index in range(2)
        for direction in ("", "_reverse")
        for kind, shape in kinds.items()
    }
    made = layer(num_layers=2, bidirectional=True, proj_size=2)
    assert {name: array.shape for name, array in made.state_dict().items()} == wanted
    assert list(made.state_dict()) == list(wanted)
    assert list(layer(bias=False).state_dict()) == ["weight_ih_l0", "weight_hh_l0"]


@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_weights_come_back_as_they_were_loaded(params: dict[str, Any]) -> None:
    weights = layer(**params).state_dict()
    made = torch.LSTM(5, 3, dtype="float64", **params)
    made.load_state_dict(dict(reversed(weights.items())))
    assert list(made.state_dict()) == list(weights)
    assert all(np.array_equal(made.state_dict()[name], values) for name, values in weights.items())


@pytest.mark.parametrize("dtype", ["float32", "float64", None])
def test_it_computes_in_its_dtype_which_is_float32_unless_said_otherwise(dtype: str | None) -> None:
    made = layer(num_layers=2, bidirectional=True, proj_size=2, dtype=dtype)
    (output, (h_n, c_n)), pullback = made.vjp(X, states(made))
    gradients = pullback([np.ones_like(array) for array in (output, h_n, c_n)])
    assert {
        str(array.dtype) for array in (output, h_n, c_n, *gradients.values(), *made.state_dict().values())
    } == {dtype or "float32"}


def test_a_device_without_a_twin_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"torch\.nn\.LSTM does not implement device yet"):
        torch.LSTM(5, 3, device="cuda")
    torch.LSTM(5, 3, device="cpu")


def test_another_layer_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match=r"no NumPy torch\.nn\.GRU yet"):
        dialect("torch").build("GRU", {}, "float64")


@pytest.mark.parametrize(
    ("params", "error", "message"),
    [
        ({"input_size": 0}, ValueError, "input_size must be greater than zero"),
        ({"hidden_size": -1}, ValueError, "hidden_size must be greater than zero"),
        ({"num_layers": 0}, ValueError, "num_layers must be greater than zero"),
        ({"hidden_size": 2.5}, TypeError, "hidden_size must be an integer"),
        ({"bias": "yes"}, TypeError, "bias must be a boolean"),
        (
            {"proj_size": -1},
            ValueError,
            "proj_size must be zero or a positive integer smaller than hidden_size 3",
        ),
        (
            {"proj_size": 3},
            ValueError,
            "proj_size must be zero or a positive integer smaller than hidden_size 3",
        ),
        ({"dropout": 1.1}, ValueError, "dropout must be a probability"),
        ({"dropout": True}, ValueError, "dropout must be a probability"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        torch.LSTM(**{"input_size": 5, "hidden_size": 3, **params})


def test_wrong_weights_are_refused_all_at_once() -> None:
    weights = layer().state_dict()
    wrong = {
        "weight_ih_l0": weights["weight_ih_l0"].T,
        "weight_hh_l0": weights["weight_hh_l0"],
        "bias_ih_l0": weights["bias_ih_l0"],
        "bias": X,
    }
    with pytest.raises(
        ValueError,
        match=(
            r"bias_hh_l0 is missing; bias is not a weight of this layer; weight_ih_l0 has shape \(5, 12\),"
            r" expected \(12, 5\)"
        ),
    ):
        torch.LSTM(5, 3).load_state_dict(wrong)


def test_a_layer_without_weights_says_what_to_do() -> None:
    with pytest.raises(ValueError, match="call load_state_dict first"):
        torch.LSTM(5, 3)(X)


@pytest.mark.parametrize(
    ("x", "hx", "error", "message"),
    [
        (X[0, 0], None, ValueError, "2 or 3 dimensions"),
        (X[None], None, ValueError, "2 or 3 dimensions"),
        (X[..., :4], None, RuntimeError, "input_size 5, not 4"),
        (X[:0], None, RuntimeError, "at least one step"),
        (X[:0, 0], None, RuntimeError, "at least one step"),
        (X, [np.zeros((1, 4, 3))], RuntimeError, r"hx must be \(h_0, c_0\), not 1 arrays"),
        (
            X,
            [np.zeros((1, 3, 3)), np.zeros((1, 4, 3))],
            RuntimeError,
            r"h_0 must have shape \(1, 4, 3\), not \(1, 3, 3\)",
        ),
        (
            X,
            [np.zeros((1, 4, 3)), np.zeros((2, 4, 3))],
            RuntimeError,
            r"c_0 must have shape \(1, 4, 3\), not \(2, 4, 3\)",
        ),
        (
            X[:, 0],
            [np.zeros((2, 3)), np.zeros((1, 3))],
            RuntimeError,
            r"h_0 must have shape \(1, 3\), not \(2, 3\)",
        ),
    ],
)
def test_wrong_arguments_are_refused(
    x: Array, hx: list[Array] | None, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        layer()(x, hx)


def test_no_state_is_recorded_that_could_be_reset() -> None:
    made = layer()
    assert np.array_equal(made(X)[0], made(X)[0])
    with pytest.raises(NotImplementedError, match="pass hx instead"):
        made.act("reset", {})


def test_all_weights_are_drawn_from_the_documented_interval() -> None:
    # 1 / sqrt(hidden_size), with a projection too: PyTorch 2.13,
    # RNNBase.reset_parameters.
    initial = layer(num_layers=2, proj_size=2).initial(5)
    assert list(initial) == list(layer(num_layers=2, proj_size=2).state_dict())
    assert set(initial.values()) == {Uniform(-1 / math.sqrt(3), 1 / math.sqrt(3))}


@pytest.mark.parametrize(
    "action", ["pickle", "deepcopy", "state-dict", "functional-call", "replace-parameters", "parametrize"]
)
def test_what_is_done_with_a_module_changes_no_number(action: str) -> None:
    made = layer()
    before = made(X)[0]
    made.act(action, {})
    (output, states), pullback = made.vjp(X)
    assert np.array_equal(output, before)
    assert {*made.state_dict()} < {*pullback([output, *states])}


def test_frozen_weights_have_no_gradients_and_the_input_has_the_one_it_had() -> None:
    made = layer(num_layers=2)
    (output, last), pullback = made.vjp(X, states(made))
    before = pullback([output, *last])
    made.act("freeze", {})
    after = made.vjp(X, states(made))[1]([output, *last])
    assert list(after) == ["input", "hx[0]", "hx[1]"]
    assert all(np.array_equal(after[name], before[name]) for name in after)


@pytest.mark.parametrize(
    ("actions", "frozen"),
    [
        (["freeze-recurrent"], {"weight_hh_l0", "weight_hh_l1"}),
        (["freeze-first-layer"], {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}),
        (
            ["freeze-recurrent", "freeze-first-layer"],
            {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hh_l1"},
        ),
        *(
            (["freeze-recurrent", action], {"weight_hh_l0", "weight_hh_l1"})
            for action in ("pickle", "deepcopy", "parametrize", "reset-parameters")
        ),
        *((["freeze", action], set()) for action in ("state-dict", "functional-call", "replace-parameters")),
    ],
    ids=lambda value: "-then-".join(value) if isinstance(value, list) else "",
)
def test_only_what_is_frozen_has_no_gradient_and_all_else_has_the_one_it_had(
    actions: list[str], frozen: set[str]
) -> None:
    made = layer(num_layers=2)
    (output, last), pullback = made.vjp(X, states(made))
    before = pullback([output, *last])
    for action in actions:
        made.act(action, {})
    after = made.vjp(X, states(made))[1]([output, *last])
    assert list(after) == [name for name in before if name not in frozen]
    assert all(np.array_equal(after[name], before[name]) for name in after)


def test_tied_directions_share_their_weights_whose_gradient_is_that_of_both() -> None:
    made, loose = layer(bidirectional=True), layer(bidirectional=True)
    made.act("tie", {})
    forward = {name: values for name, values in loose.state_dict().items() if not name.endswith("_reverse")}
    loose.load_state_dict(forward | {f"{name}_reverse": values for name, values in forward.items()})
    (output, last), pullback = made.vjp(X)
    (loose_output, _), loose_pullback = loose.vjp(X)
    assert list(made.weights()) == list(forward)
    assert np.array_equal(output, loose_output)
    together, apart = pullback([output, *last]), loose_pullback([output, *last])
    assert list(together) == [*forward, "input"]
    assert all(np.array_equal(together[name], apart[name] + apart[f"{name}_reverse"]) for name in forward)


def masks(made: torch.LSTM, arguments: dict[str, Any]) -> dict[str, Array]:
    drawn = np.random.default_rng(8)
    return {
        name: drawn.integers(0, 2, draw.shapes[0]) / (1 - draw.rate)
        for name, draw in made.draws(arguments).items()
    }


def test_dropout_is_on_the_outputs_of_all_layers_but_the_last() -> None:
    made, one = (
        layer(num_layers=3, bidirectional=True, dropout=0.3),
        torch.LSTM(5, 3, bidirectional=True, dtype="float64"),
    )
    found = masks(made, {"input": X})
    assert {name: array.shape for name, array in found.items()} == {
        "dropout[0]": (4, 7, 6),
        "dropout[1]": (4, 7, 6),
    }
    (output, (h_n, c_n)), _ = made.vjp(X, states(made), drawn=found)
    x, weights = X, made.state_dict()
    for k in range(3):
        one = torch.LSTM(x.shape[-1], 3, bidirectional=True, dtype="float64")
        one.load_state_dict(
            {name.replace(f"_l{k}", "_l0"): values for name, values in weights.items() if f"_l{k}" in name}
        )
        x, (h, c) = one(x, tuple(state[2 * k : 2 * k + 2] for state in states(made)))
        assert h_n[2 * k : 2 * k + 2] == pytest.approx(h, abs=1e-14)
        assert c_n[2 * k : 2 * k + 2] == pytest.approx(c, abs=1e-14)
        if k < 2:
            x = x * found[f"dropout[{k}]"].swapaxes(0, 1)
    assert output == pytest.approx(x, abs=1e-14)


@pytest.mark.parametrize(
    ("params", "arguments", "shape"),
    [
        ({"dropout": 0.3}, {"input": X}, (4, 7, 3)),
        ({"dropout": 0.3, "proj_size": 2, "bidirectional": True}, {"input": X}, (4, 7, 4)),
        ({"dropout": 0.3, "batch_first": True}, {"input": X.swapaxes(0, 1)}, (4, 7, 3)),
        ({"dropout": 0.3}, {"input": X[:, 0]}, (1, 7, 3)),
        ({"dropout": 0.3}, {"input": X, "lengths": (1, 7, 2, 5)}, (15, 3)),
        ({"dropout": 0.3}, {"input": X, "training": True}, (4, 7, 3)),
        ({"dropout": 0.3}, {"input": X, "training": False}, None),
        ({"dropout": 0.0}, {"input": X}, None),
        ({"dropout": 0.3, "num_layers": 1}, {"input": X}, None),
    ],
)
def test_a_mask_is_drawn_for_each_layer_but_the_last_in_training(
    params: dict[str, Any], arguments: dict[str, Any], shape: Any
) -> None:
    draws = layer(**{"num_layers": 2, **params}).draws(arguments)
    assert {name: (draw.shapes, draw.rate) for name, draw in draws.items()} == (
        {"dropout[0]": ((shape,), 0.3)} if shape else {}
    )


def test_a_call_changes_none_of_its_arguments() -> None:
    made = layer(num_layers=2, bidirectional=True)
    hx = states(made)
    arrays = [X, *hx, *made.state_dict().values()]
    before = [array.copy() for array in arrays]
    (output, (h_n, c_n)), pullback = made.vjp(X, hx)
    pullback([output, h_n, c_n])
    assert all(np.array_equal(one, other) for one, other in zip(before, arrays, strict=True))


FORMS: dict[str, dict[str, Any]] = {
    "time first": {},
    "batch first": {},
    "unbatched": {},
    "dropped": {},
    "packed": {"lengths": (1, 7, 2, 5), "padding_value": -1.5, "total_length": 9},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("params", STRUCTURES, ids=str)
def test_gradients_are_difference_quotients(
    params: dict[str, Any], form: str, wrong_gradients: WrongGradients
) -> None:
    made = layer(**params, batch_first=form == "batch first", dropout=0.0 if form == "time first" else 0.3)
    x = {"batch first": X.swapaxes(0, 1), "unbatched": X[:, 0]}.get(form, X)
    options: dict[str, Any] = {**FORMS[form], "drawn": masks(made, {"input": x, **FORMS[form]})}
    h_0, c_0 = states(made, None if form == "unbatched" else 4)
    point = {**made.state_dict(), "input": x, "hx[0]": h_0, "hx[1]": c_0}
    (output, (h_n, c_n)), pullback = made.vjp(x, (h_0, c_0), **options)
    cotangents = [RNG.normal(size=array.shape) for array in (output, h_n, c_n)]
    gradients = pullback(cotangents)
    assert list(gradients) == list(point)

    def loss(moved: Mapping[str, Array]) -> float:
        made.load_state_dict({name: moved[name] for name in made.state_dict()})
        output, (h_n, c_n) = made.vjp(moved["input"], (moved["hx[0]"], moved["hx[1]"]), **options)[0]
        return sum(float(np.vdot(a, b)) for a, b in zip((output, h_n, c_n), cotangents, strict=True))

    assert wrong_gradients(loss, point, gradients) == {}


REFUSED = [case for case in CORPUS.cases if case.dialect == "torch" and case.expect]


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.id)
def test_what_the_corpus_says_must_raise_is_refused_by_the_twin_too(case: Case) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        run_twin(dialect("torch"), materialize(case, 0).request)


def test_a_case_becomes_the_documented_arguments() -> None:
    to_arguments = dialect("torch").arguments
    made, first = layer(num_layers=2, proj_size=2), layer(batch_first=True)
    given = to_arguments(made, Sizes(4, 7, 5), {"hx": "given"})
    assert list(given) == ["input", "hx"]
    assert given["input"].shape == (7, 4, 5)
    assert [spec.shape for spec in given["hx"]] == [(2, 4, 2), (2, 4, 3)]
    assert to_arguments(first, Sizes(4, 7, 5), {})["input"].shape == (4, 7, 5)
    unbatched = to_arguments(made, Sizes(4, 7, 5, form="unbatched"), {"hx": "given"})
    assert unbatched["input"].shape == (7, 5)
    assert [spec.shape for spec in unbatched["hx"]] == [(2, 2), (2, 3)]
