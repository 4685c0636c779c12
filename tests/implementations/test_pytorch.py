"""The adapter of `torch.nn` computes the documented layer with the weights of the
request, forward and backward.
"""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import load_divergences
from lstm_ref.implementations.pytorch import HOST, IMPLEMENTATIONS
from lstm_ref.protocol.trace import Request, Step, Tensor, Trace
from lstm_ref.runner.answers import Broken
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

pytestmark = pytest.mark.skipif(
    not installed(IMPLEMENTATIONS[0]), reason=f"torch is not installed: {HOST.install}"
)

Array = npt.NDArray[np.float64]
HIDDEN, BATCH, TIMESTEPS, INPUT = 3, 2, 4, 5
PARAMS = {"input_size": INPUT, "hidden_size": HIDDEN}
RNG = np.random.Generator(np.random.Philox(2))
SHAPES = {"weight_ih_l0": (12, INPUT), "weight_hh_l0": (12, HIDDEN), "bias_ih_l0": (12,), "bias_hh_l0": (12,)}
WEIGHTS = {name: RNG.normal(size=shape) for name, shape in SHAPES.items()}
X, H, C = (
    RNG.normal(size=shape) for shape in [(TIMESTEPS, BATCH, INPUT), (1, BATCH, HIDDEN), (1, BATCH, HIDDEN)]
)
COTANGENTS = [
    RNG.normal(size=shape) for shape in [(TIMESTEPS, BATCH, HIDDEN), (1, BATCH, HIDDEN), (1, BATCH, HIDDEN)]
]


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    started = Subject(launch(HOST))
    yield started
    started.close()


@pytest.fixture(scope="module")
def old_processor() -> Iterator[Subject]:
    """PyTorch as it is on a processor with nothing newer than SSE4.1."""
    usual = launch(HOST)
    started = Subject(replace(usual, environment={**usual.environment, **HOST.lowest}))
    yield started
    started.close()


def tensor(values: Any, dtype: str = "float64") -> Tensor:
    return Tensor(dtype, np.asarray(values))


def request(
    *steps: Step,
    params: dict[str, Any] = PARAMS,
    weights: dict[str, Array] = WEIGHTS,
    layer: str = "LSTM",
    dtype: str = "float64",
    weights_dtype: str = "",
    seed: int = 0,
) -> Request:
    given = {name: tensor(values, weights_dtype or dtype) for name, values in weights.items()}
    return Request("torch", layer, params, dtype, given, steps, seed)


def traced(subject: Subject, asked: Request) -> Trace:
    answer = subject.run(asked)
    assert isinstance(answer, Trace), answer
    return answer


def formula(
    weight_ih_l0: Array,
    weight_hh_l0: Array,
    bias_ih_l0: Array,
    bias_hh_l0: Array,
    x: Array,
    h: Array,
    c: Array,
) -> list[Array]:
    """The documented layer, gates in the order i, f, g, o: output, h_n, c_n."""
    ys = []
    h, c = h[0], c[0]
    for t in range(x.shape[0]):
        i, f, g, o = np.split(x[t] @ weight_ih_l0.T + bias_ih_l0 + h @ weight_hh_l0.T + bias_hh_l0, 4, axis=1)
        c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
        h = np.tanh(c) / (1 + np.exp(-o))
        ys.append(h)
    return [np.stack(ys), h[None], c[None]]


def test_one_step_by_hand_tells_the_gates_apart(subject: Subject) -> None:
    # The two biases add up: i open, f closed, g = tanh(0.549...) = 0.5, o open.
    bias = np.array([25, -25, 0.5493061443340549 / 2, 25])
    weights = {
        "weight_ih_l0": np.zeros((4, 1)),
        "weight_hh_l0": np.zeros((4, 1)),
        "bias_ih_l0": bias,
        "bias_hh_l0": bias,
    }
    step = Step("call", {"input": tensor(np.ones((1, 1, 1))), "hx": [tensor([[[0.3]]]), tensor([[[0.9]]])]})
    (result,) = traced(
        subject, request(step, params={"input_size": 1, "hidden_size": 1}, weights=weights)
    ).calls
    assert result.structure == "(*, (*, *))"
    y, h, c = (output.values for output in result.outputs)
    assert c == pytest.approx(np.array([[[0.5]]]), abs=1e-15)
    assert h == pytest.approx(np.array([[[0.46211715726000973]]]), abs=1e-15)
    assert y.tolist() == h.tolist()


def test_a_sequence_agrees_with_the_formula(subject: Subject) -> None:
    step = Step("call", {"input": tensor(X), "hx": [tensor(H), tensor(C)]})
    (result,) = traced(subject, request(step)).calls
    for observed, expected in zip(result.outputs, formula(**WEIGHTS, x=X, h=H, c=C), strict=True):
        assert observed.values == pytest.approx(expected, abs=1e-14)


def test_gradients_are_difference_quotients(
    subject: Subject, difference_quotients: Callable[..., dict[str, np.ndarray]]
) -> None:
    step = Step("call", {"input": tensor(X), "hx": [tensor(H), tensor(C)]}, tuple(map(tensor, COTANGENTS)))
    (result,) = traced(subject, request(step)).calls
    names = {"x": "input", "h": "hx[0]", "c": "hx[1]"}
    expected = difference_quotients(
        lambda point: float(sum(map(np.vdot, formula(**point), COTANGENTS))),
        {**WEIGHTS, "x": X, "h": H, "c": C},
    )
    assert set(result.gradients) == {names.get(name, name) for name in expected}
    for name, quotients in expected.items():
        gradient = result.gradients[names.get(name, name)]
        assert gradient is not None
        assert gradient.values == pytest.approx(quotients, abs=1e-7)


def test_every_documented_parameter_name_is_copied(subject: Subject) -> None:
    params = {**PARAMS, "num_layers": 2, "bidirectional": True, "proj_size": 2}
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, columns in (("l0", INPUT), ("l1", 4)):
        for direction in ("", "_reverse"):
            sizes = {
                "weight_ih": (12, columns),
                "weight_hh": (12, 2),
                "bias_ih": (12,),
                "bias_hh": (12,),
                "weight_hr": (2, 3),
            }
            shapes |= {f"{name}_{layer}{direction}": shape for name, shape in sizes.items()}
    weights = {name: RNG.normal(size=shape) for name, shape in shapes.items()}
    cotangents = tuple(
        tensor(RNG.normal(size=shape)) for shape in [(TIMESTEPS, BATCH, 4), (4, BATCH, 2), (4, BATCH, 3)]
    )
    step = Step("call", {"input": tensor(X)}, cotangents)
    (result,) = traced(subject, request(step, params=params, weights=weights)).calls
    assert list(result.gradients) == [*weights, "input"]
    (again,) = traced(
        subject, request(step, params=params, weights={**weights, "weight_hr_l1_reverse": np.zeros((2, 3))})
    ).calls
    assert np.array_equal(again.outputs[0].values[..., :2], result.outputs[0].values[..., :2])
    assert not again.outputs[0].values[..., 2:].any()


@pytest.mark.parametrize(("dtype", "error"), [("float32", 1e-6), ("float16", 1e-2), ("bfloat16", 5e-2)])
def test_the_requested_dtype_is_computed_and_told(subject: Subject, dtype: str, error: float) -> None:
    step = Step("call", {"input": tensor(X, dtype)}, tuple(tensor(values, dtype) for values in COTANGENTS))
    (result,) = traced(subject, request(step, dtype=dtype)).calls
    assert {output.dtype for output in result.outputs} == {dtype}
    assert {gradient.dtype for gradient in result.gradients.values() if gradient is not None} == {dtype}
    zero = np.zeros((1, BATCH, HIDDEN))
    assert result.outputs[0].values == pytest.approx(formula(**WEIGHTS, x=X, h=zero, c=zero)[0], abs=error)


@pytest.mark.parametrize(
    ("params", "features", "kind", "step", "message"),
    [
        ({**PARAMS, "hidden_size": 0}, INPUT, "ValueError", None, "hidden_size must be greater than zero"),
        ({**PARAMS, "nonlinearity": "relu"}, INPUT, "TypeError", None, "nonlinearity"),
        (PARAMS, INPUT + 1, "RuntimeError", 0, "Expected 5, got 6"),
    ],
)
def test_a_refusal_is_in_the_words_that_a_user_sees(
    subject: Subject, params: dict[str, Any], features: int, kind: str, step: int | None, message: str
) -> None:
    raised = traced(
        subject,
        request(Step("call", {"input": tensor(np.ones((2, 2, features)))}), params=params, weights={}),
    ).raised
    assert raised is not None
    assert (raised.types[0], raised.step) == (kind, step)
    assert message in raised.message


@pytest.mark.parametrize("weights", [{"kernel": np.zeros((5, 12))}, {**WEIGHTS, "bias_ih_l0": np.zeros(11)}])
def test_weights_of_another_name_or_shape_are_our_fault(subject: Subject, weights: dict[str, Array]) -> None:
    answer = subject.run(request(weights=weights))
    assert isinstance(answer, Broken)
    assert "WeightMismatch: the layer's weights are {'weight_ih_l0': (12, 5)" in answer.traceback


def test_a_reset_is_our_fault_since_modules_record_no_state(subject: Subject) -> None:
    answer = subject.run(request(Step("reset")))
    assert isinstance(answer, Broken)
    assert "torch.nn modules record no state" in answer.traceback


def test_an_unknown_layer_is_our_fault(subject: Subject) -> None:
    answer = subject.run(request(layer="LTSM"))
    assert isinstance(answer, Broken)
    assert "torch.nn has no layer 'LTSM'" in answer.traceback


def test_the_subject_says_what_it_runs_on(subject: Subject) -> None:
    assert subject.start() is None
    assert subject.facts is not None
    assert set(subject.facts.versions) == {"python", "numpy", "torch"}
    chosen = {name: os.environ[name] for name in HOST.lowest if name in os.environ}
    assert subject.facts.environment == {**HOST.environment, **chosen}


DEEP = {**PARAMS, "num_layers": 3, "dropout": 0.5}
DEEP_SHAPES = {
    f"{name.removesuffix('_l0')}_l{k}": (12, HIDDEN) if k and name == "weight_ih_l0" else shape
    for k in range(3)
    for name, shape in SHAPES.items()
}
DEEP_WEIGHTS = {name: RNG.normal(size=shape) for name, shape in DEEP_SHAPES.items()}


def of_layer(k: int) -> dict[str, Array]:
    return {
        name.replace(f"_l{k}", "_l0"): values
        for name, values in DEEP_WEIGHTS.items()
        if name.endswith(f"_l{k}")
    }


def deep(x: Array, masks: list[Array]) -> Array:
    """The output of three layers over x (T, N, H_in), those of the first two multiplied
    with masks (N, T, H).
    """
    zero = np.zeros((1, x.shape[1], HIDDEN))
    for k in range(3):
        x = formula(**of_layer(k), x=x, h=zero, c=zero)[0]
        x = x * masks[k].swapaxes(0, 1) if k < len(masks) else x
    return x


def call(**arguments: Any) -> Step:
    return Step("call", {"input": tensor(X), **arguments})


def test_the_masks_are_those_that_the_call_applied(subject: Subject) -> None:
    first, second = traced(subject, request(call(), call(), params=DEEP, weights=DEEP_WEIGHTS)).calls
    for result in (first, second):
        assert {name: mask.values.shape for name, mask in result.drawn.items()} == dict.fromkeys(
            ("dropout[0]", "dropout[1]"), (BATCH, TIMESTEPS, HIDDEN)
        )
        masks = [mask.values for mask in result.drawn.values()]
        assert {*np.unique(masks)} == {0.0, 2.0}
        assert result.outputs[0].values == pytest.approx(deep(X, masks), abs=1e-14)
    assert not np.array_equal(first.drawn["dropout[0]"].values, second.drawn["dropout[0]"].values)


def test_the_seed_repeats_them_and_another_one_does_not(subject: Subject) -> None:
    one, same, other = (
        traced(subject, request(call(), params=DEEP, weights=DEEP_WEIGHTS, seed=seed)).calls[0]
        for seed in (1, 1, 2)
    )
    assert np.array_equal(one.outputs[0].values, same.outputs[0].values)
    assert not np.array_equal(one.outputs[0].values, other.outputs[0].values)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_no_mask_is_drawn_out_of_training(subject: Subject, dtype: str) -> None:
    step = Step("call", {"input": tensor(X, dtype), "training": False})
    (result,) = traced(subject, request(step, params=DEEP, weights=DEEP_WEIGHTS, dtype=dtype)).calls
    assert result.drawn == {}
    assert result.outputs[0].values == pytest.approx(deep(X, []), abs=5e-2 if dtype == "bfloat16" else 1e-6)


def test_out_of_training_nothing_is_dropped_even_at_a_rate_that_needs_no_draw(subject: Subject) -> None:
    dropped, kept = traced(
        subject, request(call(), call(training=False), params={**DEEP, "dropout": 1.0}, weights=DEEP_WEIGHTS)
    ).calls
    assert not any(mask.values.any() for mask in dropped.drawn.values())
    assert len(dropped.drawn) == 2
    assert kept.drawn == {}
    assert kept.outputs[0].values == pytest.approx(deep(X, []), abs=1e-14)


PACKED: dict[str, Any] = {"lengths": [2, 4], "enforce_sorted": False, "packing": "pack_padded_sequence"}


@pytest.mark.parametrize("packing", ["pack_padded_sequence", "pack_sequence", "pad_sequence"])
def test_packed_sequences_come_back_in_their_order_padded(subject: Subject, packing: str) -> None:
    step = call(
        **PACKED | {"packing": packing, "padding_value": -1.5, "total_length": 6}, hx=[tensor(H), tensor(C)]
    )
    output, h_n, c_n = (array.values for array in traced(subject, request(step)).calls[0].outputs)
    assert output.shape == (6, BATCH, HIDDEN)
    for row, length in enumerate(PACKED["lengths"]):
        alone, h, c = formula(
            **WEIGHTS, x=X[:length, row : row + 1], h=H[:, row : row + 1], c=C[:, row : row + 1]
        )
        assert output[:length, row] == pytest.approx(alone[:, 0], abs=1e-14)
        assert (output[length:, row] == -1.5).all()
        assert h_n[:, row] == pytest.approx(h[:, 0], abs=1e-14)
        assert c_n[:, row] == pytest.approx(c[:, 0], abs=1e-14)


@pytest.mark.parametrize("padding", ["unpack_sequence", "unpad_sequence"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_unpacked_output_is_padded_on_the_side_that_is_asked_for(
    subject: Subject, padding: str, side: str
) -> None:
    alone, padded = (
        call(**PACKED),
        call(**PACKED | {"padding": padding, "padding_side": side, "padding_value": -1.5}),
    )
    whole, (output, *_) = (found.outputs for found in traced(subject, request(alone, padded)).calls)
    kept = slice(0, 2) if side == "right" else slice(2, 4)
    assert np.array_equal(output.values[kept, 0], whole[0].values[:2, 0])
    assert (np.delete(output.values[:, 0], np.arange(4)[kept], axis=0) == -1.5).all()
    assert np.array_equal(output.values[:, 1], whole[0].values[:, 1])


@pytest.mark.parametrize("padding", ["pad_packed_sequence", "unpack_sequence", "unpad_sequence"])
def test_the_lengths_of_packed_sequences_come_back_in_their_order(subject: Subject, padding: str) -> None:
    packed, plain = traced(subject, request(call(**PACKED, padding=padding), call())).calls
    assert {name: (tensor.dtype, tensor.values.tolist()) for name, tensor in packed.effects.items()} == {
        "lengths": ("int64", [2, 4]),
        "batch_sizes": ("int64", [2, 2, 1, 1]),
        "lengths[sorted_indices]": ("int64", [4, 2]),
        "sorted_indices[unsorted_indices]": ("int64", [0, 1]),
        "data.shape": ("int64", [6, HIDDEN]),
    }
    assert plain.effects == {}


def test_sequences_that_were_sorted_before_have_no_indices_and_are_in_their_order(subject: Subject) -> None:
    (found,) = traced(subject, request(call(**PACKED | {"lengths": [4, 2], "enforce_sorted": True}))).calls
    assert found.effects["lengths[sorted_indices]"].values.tolist() == [4, 2]
    assert found.effects["sorted_indices[unsorted_indices]"].values.tolist() == [0, 1]


def test_the_masks_of_packed_sequences_stand_sequence_by_sequence(subject: Subject) -> None:
    (result,) = traced(subject, request(call(**PACKED), params=DEEP, weights=DEEP_WEIGHTS)).calls
    steps = [mask.values for mask in result.drawn.values()]
    assert [mask.shape for mask in steps] == [(6, HIDDEN), (6, HIDDEN)]
    for row, (length, start) in enumerate(((2, 0), (4, 2))):
        alone = deep(X[:length, row : row + 1], [mask[None, start : start + length] for mask in steps])
        assert result.outputs[0].values[:length, row] == pytest.approx(alone[:, 0], abs=1e-14)


@pytest.mark.parametrize(
    "action", ["pickle", "deepcopy", "state-dict", "functional-call", "replace-parameters", "parametrize"]
)
def test_what_is_done_with_a_module_changes_no_number_and_no_gradient(subject: Subject, action: str) -> None:
    step = Step("call", {"input": tensor(X)}, tuple(map(tensor, COTANGENTS)))
    before, weights, after = traced(subject, request(step, Step(action), Step("weights"), step)).calls
    assert weights.structure == "{weight_ih_l0: *, weight_hh_l0: *, bias_ih_l0: *, bias_hh_l0: *}"
    for read, given in zip(weights.outputs, WEIGHTS.values(), strict=True):
        assert np.array_equal(read.values, given)
    for one, other in zip(before.outputs, after.outputs, strict=True):
        assert np.array_equal(one.values, other.values)
    assert list(after.gradients) == [*WEIGHTS, "input"]
    for name, gradient in before.gradients.items():
        found = after.gradients[name]
        assert gradient is not None
        assert found is not None
        assert np.array_equal(found.values, gradient.values)


def test_frozen_parameters_have_no_gradient(subject: Subject) -> None:
    step = Step("call", {"input": tensor(X)}, tuple(map(tensor, COTANGENTS)))
    before, after = traced(subject, request(step, Step("freeze"), step)).calls
    assert list(after.gradients) == ["input"]
    one, other = before.gradients["input"], after.gradients["input"]
    assert one is not None
    assert other is not None
    assert np.array_equal(one.values, other.values)


@pytest.mark.parametrize(
    ("actions", "kept"),
    [
        (["freeze-recurrent"], ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0"]),
        (
            ["freeze-recurrent", "pickle", "deepcopy", "parametrize"],
            ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0"],
        ),
        (["freeze", "freeze-recurrent"], []),
        (["freeze-first-layer"], []),
        (["freeze", "state-dict"], list(WEIGHTS)),
        (["freeze", "replace-parameters"], list(WEIGHTS)),
        (["freeze", "functional-call"], list(WEIGHTS)),
    ],
    ids=lambda value: "-then-".join(value),
)
def test_only_what_is_frozen_has_no_gradient(subject: Subject, actions: list[str], kept: list[str]) -> None:
    step = Step("call", {"input": tensor(X)}, tuple(map(tensor, COTANGENTS)))
    before, after = traced(subject, request(step, *map(Step, actions), step)).calls
    assert list(after.gradients) == [*kept, "input"]
    for name, gradient in after.gradients.items():
        had = before.gradients[name]
        assert gradient is not None
        assert had is not None
        assert np.array_equal(gradient.values, had.values)


def test_reset_parameters_draws_all_of_them_anew(subject: Subject) -> None:
    first, second = traced(
        subject, request(Step("weights"), Step("reset-parameters"), Step("weights"), weights={})
    ).calls
    for one, other in zip(first.outputs, second.outputs, strict=True):
        assert (np.abs(one.values) <= 1 / np.sqrt(HIDDEN)).all()
        assert (np.abs(other.values) <= 1 / np.sqrt(HIDDEN)).all()
        assert not np.isin(one.values, other.values).any()


def test_a_cell_is_one_step(subject: Subject) -> None:
    weights = {name.removesuffix("_l0"): values for name, values in WEIGHTS.items()}
    step = Step(
        "call",
        {"input": tensor(X[0]), "hx": [tensor(H[0]), tensor(C[0])]},
        tuple(tensor(values[0]) for values in COTANGENTS[1:]),
    )
    (result,) = traced(subject, request(step, params=PARAMS, weights=weights, layer="LSTMCell")).calls
    assert result.structure == "(*, *)"
    _, h, c = formula(**WEIGHTS, x=X[:1], h=H, c=C)
    for observed, expected in zip(result.outputs, (h[0], c[0]), strict=True):
        assert observed.values == pytest.approx(expected, abs=1e-14)
    assert list(result.gradients) == [*weights, "input", "hx[0]", "hx[1]"]


def test_what_decides_is_reported(subject: Subject, old_processor: Subject) -> None:
    for each in (subject, old_processor):
        assert each.start() is None
        assert each.facts is not None
        reported = each.facts.processor
        known = [entry for entry in load_divergences() if entry.implementation in each.facts.implementations]
        assert {name for entry in known for name in entry.processor} <= set(reported)
        relying = {name for each in IMPLEMENTATIONS for name in each.relies_on.values()}
        assert relying <= {name for name, value in reported.items() if isinstance(value, bool)}
    assert old_processor.facts is not None
    oldest = {"cpu_capability": "DEFAULT", "onednn_bf16": False, "onednn_f16": False}
    assert platform.machine() not in ("x86_64", "AMD64") or old_processor.facts.processor == oldest
    limits = {name: old_processor.facts.environment[name] for name in HOST.lowest}
    assert limits == HOST.lowest


def autocast_call() -> Request:
    cotangents = tuple(tensor(np.ones_like(values), "bfloat16") for values in COTANGENTS)
    step = Step("call", {"input": tensor(np.round(X, 1), "bfloat16")}, cotangents)
    return request(step, dtype="mixed_bfloat16", weights_dtype="float32")


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the levels are those of x86-64")
def test_autocast_raises_where_the_processor_has_no_kernel(old_processor: Subject) -> None:
    raised = traced(old_processor, autocast_call()).raised
    assert raised is not None
    assert "could not create a primitive descriptor for the LSTM forward" in raised.message


def test_autocast_is_given_float32_and_computes_in_half_precision(subject: Subject) -> None:
    trace = traced(subject, autocast_call())
    assert subject.facts is not None
    if not subject.facts.processor["onednn_bf16"]:
        assert trace.raised is not None
        pytest.skip("oneDNN has no LSTM in bfloat16 on this processor")
    (result,) = trace.calls
    assert {output.dtype for output in result.outputs} == {"bfloat16"}
    found = {name: gradient.dtype for name, gradient in result.gradients.items() if gradient is not None}
    assert found == {**dict.fromkeys(WEIGHTS, "float32"), "input": "bfloat16"}
    error = np.abs(result.outputs[0].values - formula(**WEIGHTS, x=np.round(X, 1), h=0 * H, c=0 * C)[0]).max()
    assert 1e-4 < error < 5e-2


def test_autocast_is_given_float32_even_where_it_would_take_less(subject: Subject) -> None:
    # Sequences of unequal lengths have results in the dtype of the input: PyTorch 2.13.
    step = Step("call", {"input": tensor(X, "bfloat16"), **PACKED})
    (result,) = traced(subject, request(step, dtype="mixed_bfloat16", weights_dtype="float32")).calls
    assert {output.dtype for output in result.outputs} == {"float32"}
