"""Cases of exact arithmetic: no bound, and no change of a weight too small to be
noticed.
"""

from dataclasses import replace

import numpy as np
import pytest

from lstm_ref.corpus import Case, load
from lstm_ref.dialects import dialect
from lstm_ref.oracle.errors import NotExact
from lstm_ref.oracle.expectation import expect_bitwise, with_cotangents
from lstm_ref.oracle.materialize import cast, materialize
from lstm_ref.oracle.twin import run_twin
from lstm_ref.protocol.trace import Request, Tensor

EXACT = [case for case in load().cases if case.values.grid == "exact"]


def bits(case: Case, request: Request) -> list[bytes]:
    """Everything that the layer computes in float32, to the last bit."""
    return [
        array.tobytes() for call in run_twin(dialect(case.dialect), request) for array in call.everything()
    ]


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
def test_all_bounds_are_zero(case: Case) -> None:
    expectation = expect_bitwise(
        dialect(case.dialect), with_cotangents(dialect(case.dialect), materialize(case, seed=0)), case.dtypes
    )
    arrays = [array for call in expectation.calls for array in (*call.outputs, *call.gradients)]
    assert len(arrays) >= 4
    assert not any(np.any(array.bounds[dtype]) for array in arrays for dtype in case.dtypes)


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
def test_a_millionth_of_any_single_weight_changes_a_bit_in_float32(case: Case) -> None:
    request = cast(with_cotangents(dialect(case.dialect), materialize(case, seed=0)).request, "float32", "")
    right = bits(case, request)
    starts_from_zero = "initial_state" not in request.steps[0].arguments
    units = case.params["units"]
    unnoticed = []
    for name, tensor in request.weights.items():
        for index in np.ndindex(tensor.values.shape):
            if starts_from_zero and (name == "recurrent_kernel" or units <= index[-1] < 2 * units):
                # What h_0 = 0 and c_0 = 0 are multiplied by changes nothing.
                continue
            changed = tensor.values.copy()
            changed[index] *= np.float32(1 + 1e-6)
            if (
                bits(case, replace(request, weights={**request.weights, name: Tensor("float32", changed)}))
                == right
            ):
                unnoticed.append((name, index))
    assert not unnoticed


def test_a_case_that_has_to_round_is_refused() -> None:
    case = next(case for case in load().cases if case.id.startswith("keras/values/all-bits"))
    with pytest.raises(NotExact, match="not every operation is exact in float32"):
        expect_bitwise(
            dialect(case.dialect),
            with_cotangents(dialect(case.dialect), materialize(case, seed=0)),
            ("float32",),
        )
