"""Every mode of PyTorch computes what eager PyTorch does, and cannot do what it says
that it cannot.
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.implementations.pytorch import HOST
from lstm_ref.implementations.pytorch_modes import IMPLEMENTATIONS, quantizable_name, with_two_threads
from lstm_ref.protocol.trace import Call, Request, Step, Tensor, Trace
from lstm_ref.runner.answers import Unsupported
from lstm_ref.runner.launching import installed, launch
from lstm_ref.runner.subject import Subject

pytestmark = pytest.mark.skipif(
    not installed(IMPLEMENTATIONS[0]), reason=f"torch is not installed: {HOST.install}"
)

Array = npt.NDArray[np.float64]
HIDDEN, BATCH, TIMESTEPS, INPUT = 3, 2, 4, 5
SIZES = {"input_size": INPUT, "hidden_size": HIDDEN}
STACK = {**SIZES, "num_layers": 2, "bidirectional": True}
MODES = [implementation.name for implementation in IMPLEMENTATIONS]
DIFFERENTIABLE = [implementation.name for implementation in IMPLEMENTATIONS if implementation.differentiable]
PACKED = ["torch-native", "torch-script", "torch-compile"]
# A first compilation prepares the headers of a C++ compiler.
CASE_SECONDS = 180.0

# The subject, with adapters that try what they say they cannot do.
WILLING = """
from dataclasses import replace
from lstm_ref.implementations.pytorch_modes import IMPLEMENTATIONS
from lstm_ref.protocol.server import serve

def willing(make):
    def adapter():
        made = make()
        made.unsupported = lambda request: None
        return made
    return adapter

serve([replace(each, adapter=willing(each.adapter)) for each in IMPLEMENTATIONS])
"""


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    started = Subject(launch(HOST), case_seconds=CASE_SECONDS)
    yield started
    started.close()


@pytest.fixture(scope="module")
def willing() -> Iterator[Subject]:
    started = Subject(
        replace(launch(HOST), command=(sys.executable, "-c", WILLING)), case_seconds=CASE_SECONDS
    )
    yield started
    started.close()


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.Generator(np.random.Philox(seed)).normal(size=shape)


def weights(layer: str, params: dict[str, Any]) -> dict[str, Array]:
    if layer == "LSTMCell":
        shapes: dict[str, tuple[int, ...]] = {
            "weight_ih": (12, INPUT),
            "weight_hh": (12, HIDDEN),
            "bias_ih": (12,),
            "bias_hh": (12,),
        }
    else:
        directions = ("", "_reverse") if params.get("bidirectional") else ("",)
        outputs, shapes = params.get("proj_size", 0) or HIDDEN, {}
        for k in range(params.get("num_layers", 1)):
            for direction in directions:
                place = f"l{k}{direction}"
                shapes[f"weight_ih_{place}"] = (12, INPUT if k == 0 else len(directions) * outputs)
                shapes[f"weight_hh_{place}"] = (12, outputs)
                shapes |= {f"bias_ih_{place}": (12,), f"bias_hh_{place}": (12,)}
                if params.get("proj_size"):
                    shapes[f"weight_hr_{place}"] = (outputs, HIDDEN)
    return {name: 0.5 * numbers(*shape, seed=1 + index) for index, (name, shape) in enumerate(shapes.items())}


def call(
    dtype: str = "float64",
    differentiated: bool = False,
    states: bool = True,
    timesteps: int = TIMESTEPS,
    **more: Any,
) -> Step:
    """A call of STACK."""
    arguments = {"input": Tensor(dtype, numbers(timesteps, BATCH, INPUT, seed=20)), **more}
    if states:
        arguments["hx"] = [Tensor(dtype, numbers(4, BATCH, HIDDEN, seed=seed)) for seed in (21, 22)]
    shapes = [(timesteps, BATCH, 2 * HIDDEN), (4, BATCH, HIDDEN), (4, BATCH, HIDDEN)]
    cotangents = tuple(Tensor(dtype, numbers(*shape, seed=30 + k)) for k, shape in enumerate(shapes))
    return Step("call", arguments, cotangents if differentiated else None)


def cell_call(dtype: str = "float64", differentiated: bool = False, **more: Any) -> Step:
    arguments = {
        "input": Tensor(dtype, numbers(BATCH, INPUT, seed=20)),
        "hx": [Tensor(dtype, numbers(BATCH, HIDDEN, seed=seed)) for seed in (21, 22)],
    }
    cotangents = tuple(Tensor(dtype, numbers(BATCH, HIDDEN, seed=seed)) for seed in (30, 31))
    return Step("call", {**arguments, **more}, cotangents if differentiated else None)


def request(
    implementation: str,
    *steps: Step,
    params: dict[str, Any] = STACK,
    layer: str = "LSTM",
    dtype: str = "float64",
) -> Request:
    own = {name: Tensor(dtype, values) for name, values in weights(layer, params).items()}
    return Request(implementation, layer, params, dtype, own, steps, seed=7)


PACKING = {"lengths": [TIMESTEPS, 2], "packing": "pack_padded_sequence", "enforce_sorted": False}


def calls(subject: Subject, asked: Request) -> Sequence[Call]:
    answer = subject.run(asked)
    if isinstance(answer, Unsupported) and "compiler" in answer.reason:
        pytest.skip(answer.reason)
    assert isinstance(answer, Trace), answer
    assert answer.raised is None, answer.raised
    return answer.calls


def assert_same(observed: Call, expected: Call, error: float) -> None:
    assert observed.structure == expected.structure
    for here, there in zip(observed.outputs, expected.outputs, strict=True):
        assert here.dtype == there.dtype
        assert here.values == pytest.approx(there.values, abs=error)
    assert list(observed.gradients) == list(expected.gradients)
    for name, gradient in expected.gradients.items():
        found = observed.gradients[name]
        assert gradient is not None
        assert found is not None, name
        assert found.values == pytest.approx(gradient.values, abs=error), name


@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-14), ("float32", 3e-6)])
@pytest.mark.parametrize("name", MODES)
def test_a_stack_is_what_it_is_in_eager_mode(subject: Subject, name: str, dtype: str, error: float) -> None:
    step = call(dtype, differentiated=name in DIFFERENTIABLE)
    (observed,), (expected,) = (calls(subject, request(each, step, dtype=dtype)) for each in (name, "torch"))
    assert_same(observed, expected, error)


@pytest.mark.parametrize("name", MODES)
def test_a_cell_is_what_it_is_in_eager_mode(subject: Subject, name: str) -> None:
    step = cell_call(differentiated=name in DIFFERENTIABLE)
    (observed,), (expected,) = (
        calls(subject, request(each, step, params=SIZES, layer="LSTMCell")) for each in (name, "torch")
    )
    assert_same(observed, expected, 1e-14)


@pytest.mark.parametrize("name", PACKED)
def test_a_packed_input_and_one_that_is_not_are_what_they_are_in_eager_mode(
    subject: Subject, name: str
) -> None:
    steps = [call(differentiated=True, **PACKING), call(differentiated=True)]
    for observed, expected in zip(
        *(calls(subject, request(each, *steps)) for each in (name, "torch")), strict=True
    ):
        assert_same(observed, expected, 1e-14)


@pytest.mark.parametrize("name", [name for name in MODES if name != "torch-quantizable"])
def test_the_masks_are_those_of_eager_mode_and_known(subject: Subject, name: str) -> None:
    steps = [call(differentiated=name in DIFFERENTIABLE), call(training=False)]
    observed, expected = (
        calls(subject, request(each, *steps, params={**STACK, "dropout": 0.5})) for each in (name, "torch")
    )
    assert set(np.unique(observed[0].drawn["dropout[0]"].values)) == {0.0, 2.0}
    assert np.array_equal(observed[0].drawn["dropout[0]"].values, expected[0].drawn["dropout[0]"].values)
    assert_same(observed[0], expected[0], 1e-14)
    assert_same(observed[1], expected[1], 1e-14)
    assert not observed[1].drawn


def test_a_quantizable_module_draws_no_mask_in_training_and_shows_it(subject: Subject) -> None:
    trained, evaluated = calls(
        subject, request("torch-quantizable", call(), call(training=False), params={**STACK, "dropout": 0.5})
    )
    assert not trained.drawn
    assert_same(trained, evaluated, 0)


@pytest.mark.parametrize("name", MODES)
def test_calls_of_several_lengths_and_a_change_between_them(subject: Subject, name: str) -> None:
    differentiated = name in DIFFERENTIABLE
    steps = [
        call(),
        call(timesteps=7),
        Step("replace-parameters"),
        call(timesteps=7, differentiated=differentiated),
    ]
    for observed, expected in zip(
        *(calls(subject, request(each, *steps)) for each in (name, "torch")), strict=True
    ):
        assert_same(observed, expected, 1e-14)


@pytest.mark.parametrize("name", MODES)
def test_the_weights_are_read_by_their_documented_names(subject: Subject, name: str) -> None:
    (read,) = calls(subject, request(name, Step("weights")))
    expected = weights("LSTM", STACK)
    assert read.structure == "{" + ", ".join(f"{each}: *" for each in expected) + "}"
    assert all(
        np.array_equal(found.values, values)
        for found, values in zip(read.outputs, expected.values(), strict=True)
    )


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"),
    reason="whether PyTorch has oneDNN depends on the processor",
)
def test_without_onednn_float32_is_rounded_otherwise(subject: Subject) -> None:
    step = call("float32", timesteps=50)
    (observed,), (expected,) = (
        calls(subject, request(each, step, dtype="float32")) for each in ("torch-native", "torch")
    )
    assert not np.array_equal(observed.outputs[0].values, expected.outputs[0].values)


def test_without_a_gradient_there_is_none(subject: Subject) -> None:
    answer = subject.run(request("torch-no-grad", call(differentiated=True)))
    assert isinstance(answer, Trace)
    assert answer.raised is not None
    assert "does not require grad" in answer.raised.message


def test_two_threads_are_set_for_the_call_alone() -> None:
    seen = [1]
    torch = SimpleNamespace(get_num_threads=lambda: seen[-1], set_num_threads=seen.append)
    with pytest.raises(RuntimeError, match="of the call"), with_two_threads(torch):
        raise RuntimeError("of the call")
    assert seen == [1, 2, 1]


def test_parameters_of_a_quantizable_module_by_name() -> None:
    assert quantizable_name("bias_hh_l1_reverse") == "layers.1.layer_bw.cell.hgates.bias"
    assert quantizable_name("weight_ih_l10") == "layers.10.layer_fw.cell.igates.weight"
    assert quantizable_name("weight_hh") == "hgates.weight"


PROJECTED = {**SIZES, "proj_size": 2}
PROJECTED_STATES = {"hx": [Tensor("float64", numbers(1, BATCH, size, seed=21)) for size in (2, HIDDEN)]}

# What a mode says that it cannot do, and, where the request is tried, PyTorch's own
# words, which the reason repeats.
LIMITS = [
    ("torch-script", request("", Step("parametrize"), call()), ""),
    ("torch-script", request("", Step("parametrize"), cell_call(), params=SIZES, layer="LSTMCell"), ""),
    ("torch-script", request("", Step("functional-call"), call()), "failed to convert Python type"),
    ("torch-export", request("", call(**PACKING)), "Could not guard on data-dependent expression"),
    (
        "torch-export",
        request("", call(**{**PACKING, "lengths": [TIMESTEPS, TIMESTEPS]})),
        "Could not guard on data-dependent expression",
    ),
    (
        "torch-export",
        request("", call(states=False, **PACKING), params=SIZES),
        "Could not guard on data-dependent expression",
    ),
    (
        "torch-export",
        request("", Step("functional-call"), call()),
        "Expected `mod` to be an instance of `torch.nn.Module`",
    ),
    ("torch-quantizable", request("", call(**PACKING)), "'PackedSequence' object has no attribute 'size'"),
    (
        "torch-quantizable",
        request("", call("float32", states=False), params=PROJECTED, dtype="float32"),
        "mat1 and mat2 shapes cannot be multiplied",
    ),
    ("torch-quantizable", request("", call(states=False)), "must have the same dtype, but got Float and "),
    (
        "torch-quantizable",
        request("", call("bfloat16", states=False), dtype="bfloat16"),
        "must have the same dtype, but got Float and ",
    ),
    ("torch-quantizable", request("", Step("functional-call"), call()), "Expected module type"),
    (
        "torch-quantizable",
        request("", Step("parametrize"), cell_call(), params=SIZES, layer="LSTMCell"),
        "Expected module type",
    ),
]


@pytest.mark.parametrize(
    ("name", "asked", "words"), LIMITS, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_a_mode_says_that_it_cannot_do_it_still_cannot(
    subject: Subject, willing: Subject, name: str, asked: Request, words: str
) -> None:
    declined = subject.run(replace(asked, implementation=name))
    assert isinstance(declined, Unsupported), declined
    assert words in declined.reason
    tried = willing.run(replace(asked, implementation=name))
    assert isinstance(tried, Trace), tried
    assert tried.raised is not None
    assert words in tried.raised.message


def test_projected_states_do_not_help_a_quantizable_module(willing: Subject) -> None:
    tried = willing.run(
        request("torch-quantizable", call(states=False, **PROJECTED_STATES), params=PROJECTED)
    )
    assert isinstance(tried, Trace)
    assert tried.raised is not None


def test_an_exported_program_has_no_parametrized_weight_to_differentiate_by(
    subject: Subject, willing: Subject
) -> None:
    asked = request("torch-export", Step("parametrize"), call(differentiated=True))
    declined = subject.run(asked)
    assert isinstance(declined, Unsupported)
    tried = willing.run(asked)
    assert (
        not isinstance(tried, Trace) or tried.raised is not None or None in tried.calls[0].gradients.values()
    )


def test_a_cell_is_not_compiled_without_a_compiler() -> None:
    launched = launch(HOST)
    without = Subject(
        replace(launched, environment={**launched.environment, "CXX": "no-such-compiler"}),
        case_seconds=CASE_SECONDS,
    )
    try:
        declined = without.run(request("torch-compile", cell_call(), params=SIZES, layer="LSTMCell"))
        assert isinstance(declined, Unsupported), declined
        assert "No working C++ compiler" in declined.reason
        calls(without, request("torch-compile", call()))
    finally:
        without.close()


def test_an_unbatched_input_is_tried_where_a_quantizable_module_takes_it_for_a_batch(
    subject: Subject,
) -> None:
    unbatched = Step("call", {"input": Tensor("float32", numbers(TIMESTEPS, INPUT))})
    (observed,), (expected,) = (
        calls(subject, request(each, unbatched, params=SIZES, dtype="float32"))
        for each in ("torch-quantizable", "torch")
    )
    assert expected.outputs[0].values.shape == (TIMESTEPS, HIDDEN)
    assert observed.outputs[0].values.shape == (TIMESTEPS, INPUT, HIDDEN)


RUN = """
from contextlib import contextmanager

import numpy as np
import torch

from lstm_ref.implementations.pytorch_modes import Compile, Script, Within, no_compiler
from lstm_ref.protocol.steps import run
from lstm_ref.protocol.trace import Request, Step, Tensor

def ones(*shape):
    return Tensor("float32", np.ones(shape, np.float32))

def done(adapter, layer, hidden_size, step):
    trace = run(adapter, Request("", layer, {"input_size": 2, "hidden_size": hidden_size}, "float32", {},
      (step,)))
    assert trace.raised is None, trace.raised
"""


def printed(code: str) -> str:
    """What the code prints, after RUN in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", RUN + code],
            capture_output=True,
            text=True,
            check=True,
            cwd=folder,
            env={**os.environ, **launch(HOST).environment},
        )
    return done.stdout.strip()


def test_released_scripts_leave_no_classes_behind_and_can_be_made_again() -> None:
    code = """
script = Script()
held = []
for hidden_size in (2, 3, 4, 3):
    done(script, "LSTM", hidden_size, Step("call", {"input": ones(2, 2, 2)}))
    before = len(torch.jit._recursive.concrete_type_store.methods_compiled)
    script.release()
    held.append((before > 0, len(torch.jit._recursive.concrete_type_store.methods_compiled), script._made))
print(held)
"""
    assert printed(code) == str([(True, 0, None)] * 4)


def test_a_cell_is_compiled_whatever_was_compiled_before() -> None:
    code = """
compiled = Compile()
if no_compiler() is None:
    # What is compiled once more than this is left to eager execution.
    torch._dynamo.config.recompile_limit = 1
for hidden_size in () if no_compiler() else (2, 3, 4):
    done(compiled, "LSTMCell", hidden_size, Step("call", {"input": ones(2, 2)}))
print(no_compiler() or torch._dynamo.utils.counters["stats"]["unique_graphs"])
"""
    graphs = printed(code)
    if "compiler" in graphs:
        pytest.skip(graphs)
    assert graphs == "3"


def test_a_context_holds_in_the_call_and_in_its_differentiation() -> None:
    code = """
entered = []

@contextmanager
def context(torch):
    entered.append("in")
    yield
    entered.append("out")

done(Within(context), "LSTMCell", 3, Step("call", {"input": ones(2, 2)}, (ones(2, 3), ones(2, 3))))
print(*entered)
"""
    assert printed(code) == "in out in out"


def test_what_is_compiled_is_kept_in_the_folder_of_the_subject_and_nowhere_else() -> None:
    kept = printed("import os\nprint(os.environ['TORCHINDUCTOR_CACHE_DIR'])").splitlines()[-1]
    assert not Path(kept).is_absolute()
