"""What is converted and converted back has every bit that it had: in real layers, of
all sizes, whatever the bits.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lstm_ref.conversion import OnnxLSTM, from_onnx, to_onnx

SETTINGS = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
DTYPES = {name: np.dtype(name) for name in ("float64", "float32", "float16")}
if find_spec("ml_dtypes"):
    DTYPES["bfloat16"] = np.dtype(import_module("ml_dtypes").bfloat16)
SIZES = st.integers(1, 4)
SEEDS = st.integers(0, 2**32 - 1)

Plan = dict[str, Any]
Array = np.ndarray[Any, Any]


def uniform(units: int, directions: int, layers: int) -> list[tuple[int, int]]:
    return [(units, directions)] * layers


SAME = st.builds(uniform, SIZES, st.integers(1, 2), st.integers(1, 3))  # all that torch.nn.LSTM can be
MIXED = st.lists(st.tuples(SIZES, st.integers(1, 2)), min_size=1, max_size=3)


def plans(layers: st.SearchStrategy[list[tuple[int, int]]]) -> st.SearchStrategy[Plan]:
    return st.fixed_dictionaries(
        {
            "features": SIZES,
            "layers": layers,
            "use_bias": st.booleans(),
            "dtype": st.sampled_from(sorted(DTYPES)),
        }
    )


def any_bits(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    """Numbers of all kinds: any size, NaN, infinities, and zeros of both signs."""
    itemsize = DTYPES[dtype].itemsize
    values = rng.integers(0, 256, size=(*shape, itemsize), dtype=np.uint8).view(DTYPES[dtype])[..., 0]
    chosen = rng.integers(0, 8, size=shape)
    values[chosen == 0] = 0.0
    values[chosen == 1] = -0.0
    values[chosen == 2] = np.inf
    return values


def keras_arrays(plan: Plan, seed: int) -> list[list[Array]]:
    """get_weights() of each layer: kernel (features, 4 units), recurrent_kernel (units,
    4 units), bias; of both directions one after the other.
    """
    rng, features, found = np.random.default_rng(seed), plan["features"], []
    for units, directions in plan["layers"]:
        shapes = [(features, 4 * units), (units, 4 * units), *([(4 * units,)] if plan["use_bias"] else [])]
        found.append([any_bits(rng, shape, plan["dtype"]) for shape in shapes * directions])
        features = units * directions
    return found


def torch_state(plan: Plan, seed: int) -> dict[str, Array]:
    """A state_dict, in the order of the documentation."""
    rng, features, found = np.random.default_rng(seed), plan["features"], {}
    projected = plan.get("proj_size", 0)
    for layer, (hidden, directions) in enumerate(plan["layers"]):
        outputs = projected or hidden
        for suffix in (f"_l{layer}", f"_l{layer}_reverse")[:directions]:
            shapes = {"weight_ih": (4 * hidden, features), "weight_hh": (4 * hidden, outputs)}
            if plan["use_bias"]:
                shapes |= {"bias_ih": (4 * hidden,), "bias_hh": (4 * hidden,)}
            if projected:
                shapes["weight_hr"] = (projected, hidden)
            found |= {
                f"{word}{suffix}": any_bits(rng, shape, plan["dtype"]) for word, shape in shapes.items()
            }
        features = outputs * directions
    return found


def bits(state: dict[str, Array]) -> dict[str, tuple[str, bytes, tuple[int, ...]]]:
    """As `torch_side` tells them."""
    return {
        name: (f"torch.{array.dtype.name}", array.tobytes(), array.shape) for name, array in state.items()
    }


def raw(arrays: list[list[Array]]) -> list[list[tuple[str, bytes, tuple[int, ...]]]]:
    return [[(array.dtype.name, array.tobytes(), array.shape) for array in layer] for layer in arrays]


def transposed(plan: Plan, arrays: list[list[Array]]) -> dict[str, Array]:
    """The state_dict in which torch.nn.LSTM documents what Keras has: transposed, its
    second bias zero.
    """
    state, parts = {}, 3 if plan["use_bias"] else 2
    for layer, held in enumerate(arrays):
        for direction, suffix in enumerate((f"_l{layer}", f"_l{layer}_reverse")[: len(held) // parts]):
            kernel, recurrent_kernel, *bias = held[parts * direction : parts * (direction + 1)]
            state |= {f"weight_ih{suffix}": kernel.T.copy(), f"weight_hh{suffix}": recurrent_kernel.T.copy()}
            state |= {f"bias_ih{suffix}": bias[0], f"bias_hh{suffix}": np.zeros_like(bias[0])} if bias else {}
    return state


@SETTINGS
@given(plan=plans(SAME), seed=SEEDS)
def test_from_keras_to_torch_and_back(keras_side: Any, torch_side: Any, plan: Plan, seed: int) -> None:
    arrays = keras_arrays(plan, seed)
    weights = keras_side("taken", plan, arrays)
    expected = transposed(plan, arrays)
    assert torch_side("put", plan, weights) == bits(expected)
    assert raw(keras_side("put", plan, torch_side("taken", plan, expected))) == raw(arrays)


@SETTINGS
@given(plan=plans(MIXED), seed=SEEDS)
def test_from_keras_to_onnx_and_back(keras_side: Any, plan: Plan, seed: int) -> None:
    arrays = keras_arrays(plan, seed)
    nodes = to_onnx(keras_side("taken", plan, arrays))
    assert {array.dtype.name for node in nodes for array in node} == {plan["dtype"]}
    assert raw(keras_side("put", plan, from_onnx(nodes))) == raw(arrays)


@SETTINGS
@given(plan=plans(SAME), seed=SEEDS)
def test_from_torch_to_onnx_and_back(torch_side: Any, plan: Plan, seed: int) -> None:
    state = torch_state(plan, seed)
    nodes = to_onnx(torch_side("taken", plan, state))
    assert torch_side("put", plan, from_onnx(nodes)) == bits(state)


@SETTINGS
@given(plan=plans(MIXED), seed=SEEDS)
def test_from_onnx_to_the_canonical_arrays_and_back(plan: Plan, seed: int) -> None:
    rng, features, nodes = np.random.default_rng(seed), plan["features"], []
    for hidden, directions in plan["layers"]:
        shapes = [
            (directions, 4 * hidden, features),
            (directions, 4 * hidden, hidden),
            (directions, 8 * hidden),
        ]
        nodes.append(OnnxLSTM(*(any_bits(rng, shape, plan["dtype"]) for shape in shapes)))
        features = hidden * directions
    assert raw([list(node) for node in to_onnx(from_onnx(nodes))]) == raw([list(node) for node in nodes])


@SETTINGS
@given(plan=plans(SAME), seed=SEEDS, projected=st.integers(1, 3))
def test_from_torch_with_a_projection_to_the_canonical_arrays_and_back(
    torch_side: Any, plan: Plan, seed: int, projected: int
) -> None:
    (units, directions), *others = plan["layers"]
    plan = {**plan, "layers": uniform(units + projected, directions, 1 + len(others)), "proj_size": projected}
    state = torch_state(plan, seed)
    assert torch_side("put", plan, torch_side("taken", plan, state)) == bits(state)


@SETTINGS
@given(plan=plans(st.builds(uniform, SIZES, st.just(1), st.just(1))), seed=SEEDS)
def test_a_cell_has_the_weights_of_a_layer(keras_side: Any, torch_side: Any, plan: Plan, seed: int) -> None:
    arrays = keras_arrays(plan, seed)
    state, weights = torch_side("cell", plan, keras_side("taken", plan, arrays))
    assert state == bits(
        {name.removesuffix("_l0"): array for name, array in transposed(plan, arrays).items()}
    )
    assert raw(keras_side("put", plan, weights)) == raw(arrays)


def test_a_state_dict_does_as_well_as_its_module(torch_side: Any) -> None:
    plan = {"features": 5, "layers": uniform(3, 2, 2), "use_bias": True, "dtype": "float32"}
    state = torch_state(plan, seed=1)
    assert torch_side("put", plan, torch_side("from_state_dict", state)) == bits(state)


def test_a_weight_that_two_directions_share_is_read_for_both(torch_side: Any) -> None:
    plan = {"features": 5, "layers": uniform(3, 2, 1), "use_bias": True, "dtype": "float32"}
    state = torch_state(plan, seed=1)
    weights = torch_side("tied", plan, state)
    assert torch_side("put", plan, weights) == bits({**state, "weight_hh_l0_reverse": state["weight_hh_l0"]})


def test_two_biases_become_their_sum_in_keras(keras_side: Any, torch_side: Any) -> None:
    plan = {"features": 1, "layers": uniform(1, 1, 1), "use_bias": True, "dtype": "float32"}
    state = {
        name: np.zeros(shape, np.float32)
        for name, shape in {"weight_ih_l0": (4, 1), "weight_hh_l0": (4, 1)}.items()
    }
    # 2^24 + 1 rounds to 2^24 in float32.
    state |= {
        "bias_ih_l0": np.array([1, 2**24, 0, 0.5], np.float32),
        "bias_hh_l0": np.array([2, 1, -3, 0], np.float32),
    }
    ((_, _, bias),) = keras_side("put", plan, torch_side("taken", plan, state))
    assert bias.tolist() == [3, 2**24, -3, 0.5]


def test_no_bias_and_a_bias_of_zeros_are_the_same(keras_side: Any, torch_side: Any) -> None:
    without: Plan = {"features": 2, "layers": uniform(3, 1, 2), "use_bias": False, "dtype": "float64"}
    arrays = keras_arrays(without, seed=1)
    weights = keras_side("taken", without, arrays)
    state = torch_side("put", {**without, "use_bias": True}, weights)
    zero = np.zeros(12)
    assert state == bits(
        {
            **transposed(without, arrays),
            **{f"{name}_l{layer}": zero for name in ("bias_ih", "bias_hh") for layer in (0, 1)},
        }
    )
    assert raw(keras_side("put", without, from_onnx(to_onnx(weights)))) == raw(arrays)
    assert raw(
        keras_side("put", without, from_onnx([OnnxLSTM(W, R) for W, R, _ in to_onnx(weights)]))
    ) == raw(arrays)


def test_a_wider_target_takes_the_values_as_they_are(keras_side: Any, torch_side: Any) -> None:
    plan = {"features": 2, "layers": uniform(3, 2, 1), "use_bias": True, "dtype": "float32"}
    arrays = [
        [np.nextafter(np.float32(1), np.float32(2)) * np.ones(array.shape, np.float32) for array in layer]
        for layer in keras_arrays(plan, 1)
    ]
    weights = keras_side("taken", plan, arrays)
    wide = [[array.astype(np.float64) for array in layer] for layer in arrays]
    assert raw(keras_side("put", {**plan, "dtype": "float64"}, weights)) == raw(wide)
    assert torch_side("put", {**plan, "dtype": "float64"}, weights) == bits(transposed(plan, wide))


def test_every_form_of_a_keras_lstm_is_read_layer_by_layer_forward_first(keras_side: Any) -> None:
    for form, (weights, parts) in keras_side("forms").items():
        found = [[w.kernel, w.recurrent_kernel, w.bias] for directions in weights for w in directions]
        assert raw(found) == raw(parts), form
        assert [len(directions) for directions in weights] == {
            "Bidirectional": [2],
            "RNN of cells": [1, 1],
            "Sequential": [1, 2],
            "list": [1, 2],
        }.get(form, [1])


def test_nothing_shares_memory(keras_side: Any, torch_side: Any) -> None:
    plan = {"features": 2, "layers": uniform(3, 1, 1), "use_bias": True, "dtype": "float64"}
    assert (
        keras_side("shares_memory", plan, [[np.ones((2, 12)), np.ones((3, 12)), np.ones(12)]]) == [False] * 3
    )
    state = {
        "weight_ih_l0": np.ones((12, 2)),
        "weight_hh_l0": np.ones((12, 3)),
        "bias_ih_l0": np.ones(12),
        "bias_hh_l0": np.ones(12),
    }
    assert torch_side("shares_memory", plan, state) == [False] * 3
    node = OnnxLSTM(np.ones((1, 12, 2)), np.ones((1, 12, 3)), np.ones((1, 24)))
    weights = from_onnx([node])
    (again,) = to_onnx(weights)
    assert not any(
        np.shares_memory(a, b)
        for a in node
        for b in vars(weights[0][0]).values()
        if a is not None and b is not None
    )
    assert not any(
        np.shares_memory(a, b)
        for a in again
        for b in vars(weights[0][0]).values()
        if a is not None and b is not None
    )
