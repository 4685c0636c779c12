"""The catalogue of planted faults: each is a mistake of its own, and the right
functions come back after it.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from lstm_ref.corpus import load
from lstm_ref.dialects import dialect, dialects
from lstm_ref.dialects.dialect import Replacement
from lstm_ref.dialects.keras import LSTM
from lstm_ref.oracle.twin import run_twin
from lstm_ref.reference import cell, sequence
from lstm_ref.reference.activations import Array, sigmoid, softmax, tanh
from lstm_ref.reference.cell import PLAIN, State, Variant
from lstm_ref.reference.weights import LSTMWeights
from lstm_ref.verdict.faults import faults
from lstm_ref.verdict.faults.fault import replaced
from lstm_ref.verdict.faults.step import with_equations
from lstm_ref.verdict.faults.watching import watching
from lstm_ref.verdict.faults.wrapping import in_run, in_step, with_result
from lstm_ref.verdict.noticing import changes, prepared

CASES = {case.id: case for case in load().cases}
RANDOM = np.random.default_rng(5)
BATCH, UNITS, OUTPUTS = 4, 3, 2


def test_there_are_two_hundred_different_mistakes_and_more() -> None:
    meanings = {fault.meaning for name in dialects() for fault in faults(dialect(name))}
    assert len(meanings) >= 200


@pytest.mark.parametrize("name", dialects())
def test_no_two_faults_have_one_name(name: str) -> None:
    counted = Counter(fault.meaning for fault in faults(dialect(name)))
    assert [meaning for meaning, count in counted.items() if count > 1] == []


@pytest.mark.parametrize("variant", [PLAIN, Variant(softmax, coupled=True)], ids=["plain", "coupled"])
@pytest.mark.parametrize("projected", [False, True])
@pytest.mark.parametrize("peepholes", [False, True])
@pytest.mark.parametrize("gates", [0, 1, 4])
def test_the_right_equations_are_the_step_of_the_reference(
    variant: Variant, projected: bool, peepholes: bool, gates: int
) -> None:
    outputs = OUTPUTS if projected else UNITS
    weights = LSTMWeights(
        kernel=np.zeros((1, 4 * UNITS)),
        recurrent_kernel=RANDOM.normal(size=(outputs, 4 * UNITS)),
        bias=np.zeros(4 * UNITS),
        projection=RANDOM.normal(size=(UNITS, OUTPUTS)) if projected else None,
        peepholes=RANDOM.normal(size=3 * UNITS) if peepholes else None,
    )
    before = State(RANDOM.normal(size=(BATCH, outputs)), RANDOM.normal(size=(BATCH, UNITS)))
    dropped = RANDOM.integers(0, 2, (gates, BATCH, outputs)) * 2.0 if gates else None
    given = (RANDOM.normal(size=(BATCH, 4 * UNITS)), before, weights, tanh, sigmoid, dropped, variant)
    after = State(RANDOM.normal(size=(BATCH, outputs)), RANDOM.normal(size=(BATCH, UNITS)))
    (right, pull), (found, pull_found) = cell.step(*given), with_equations()(cell.step)(*given)
    pairs = [*zip(right, found, strict=True), *zip(flat(pull(after)), flat(pull_found(after)), strict=True)]
    assert len(pairs) == (6 if projected else 5)
    assert all(np.array_equal(a, b) for a, b in pairs)


def flat(gradient: cell.StepGradient) -> list[Array]:
    return [part for part in (gradient.z, *gradient.before, gradient.projection) if part is not None]


def fail_inside(replacements: Sequence[Replacement], right: Mapping[str, Any]) -> None:
    """Raise an error where other functions are in place of the right ones."""
    with replaced(replacements):
        assert all(getattr(sequence, name) is not function for name, function in right.items())
        raise RuntimeError("in between")


def test_the_right_functions_come_back_even_after_an_error() -> None:
    right, right_step, right_vjp = sequence.run, sequence.step, LSTM.vjp
    wrong = in_run(with_result(lambda given, value: value))
    with pytest.raises(RuntimeError, match="in between"):
        fail_inside((*wrong, *in_step(with_equations())), {"run": right, "step": right_step})
    assert sequence.run is right
    assert sequence.step is right_step
    assert LSTM.vjp is right_vjp
    for name in dialects():
        for fault in faults(dialect(name)):
            before = [getattr(owner, key) for owner, key, _ in fault.replacements]
            with replaced(fault.replacements):
                pass
            assert [getattr(owner, key) for owner, key, _ in fault.replacements] == before


@pytest.mark.parametrize(
    ("id", "done"),
    [
        ("keras/structure/product", {"steps", "vjp", "_initial"}),
        ("torch/structure/product[bidirectional=true,num_layers=2]", {"stack", "layers", "directions"}),
        ("onnx/structure/product[P=true,direction=reverse]", {"peepholes", "backward direction"}),
    ],
)
def test_what_a_layer_does_is_seen(id: str, done: set[str]) -> None:
    language, material = prepared(CASES[id])
    with watching(language) as seen:
        run_twin(language, material.request)
    assert done <= seen
    assert not {"mask", "dropout", "recurrent dropout", "dropout of layers"} & seen
    with watching(language) as nothing:
        pass
    assert nothing == set()


# Between them these cases have everything in which faults differ.
RICH = """\
keras/structure/product[return_sequences=true,return_state=true]
keras/structure/product[go_backwards=true,return_sequences=true]
keras/dropout/training-then-inference
keras/bidirectional/stateful[layer=LSTM(return_sequences=true,return_state=true,stateful=true,units=3)]
keras/models/reset
keras/masks/zeros-instead-of-outputs[mask=gaps-float,unroll=true]
torch/weights/frozen-first-layer[form=packed-unsorted]
torch/dropout/in-training[form=listed-unsorted,proj_size=2]
torch/packed/total-length[form=packed-sorted,total_length=9]
torch/structure/product[bidirectional=true,num_layers=3]
onnx/activations/by-direction[P=true,sequence_lens=unequal]
onnx/sizes/one-row
onnx/structure/product[B=false,P=true,clip=0.5,initial_h=given]
""".splitlines()


def test_every_fault_is_a_mistake_of_its_own() -> None:
    shown: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for number, id in enumerate(RICH):
        for fault, calls, _ in changes(*prepared(CASES[id]), frozenset()):
            kind = "gradients" if fault.backward else "outputs"
            arrays = [array for call in calls or () for array in call.arrays(kind).values()]
            shown[fault.meaning].append((number, b"".join(np.round(each, 9).tobytes() for each in arrays)))
    assert len(shown) > 200
    same: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for meaning, found in shown.items():
        same[tuple(found)].append(meaning)
    assert [meanings for meanings in same.values() if len(meanings) > 1] == []
