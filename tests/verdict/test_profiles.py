"""Where along time and gates the errors of an array are."""

from dataclasses import replace

import numpy as np

from lstm_ref.oracle.expectation import Expected
from lstm_ref.reference.activations import Array
from lstm_ref.results.records import Profile, Worst
from lstm_ref.verdict.comparison import in_bounds, worst_index
from lstm_ref.verdict.profiles import profiles, worst_of_each_axis

BOUND = 0.125


def found(axes: tuple[str, ...], values: Array, observed: Array) -> list[Profile]:
    bounds = np.full_like(values, BOUND)
    shares = in_bounds(observed, values, bounds)
    worst = Worst(1, "output", worst_index(shares), axes, 0.0, 0.0, 0.0, BOUND)
    return list(profiles(Expected("output", axes, values, {"float32": bounds}), observed, shares, worst))


def test_an_error_over_time_is_told_step_by_step_with_the_values_beside_it() -> None:
    values = np.arange(24.0).reshape(2, 4, 3)
    observed = values.copy()
    observed[0, 1, 0] += 0.25
    observed[1, 2, 1] -= 0.5
    assert found(("batch", "time", "unit"), values, observed) == [
        Profile(
            call=1,
            tensor="output",
            axis="time",
            places=("0", "1", "2", "3"),
            ratios=(0.0, 2.0, 4.0, 0.0),
            expected=(13.0, 16.0, 19.0, 22.0),
            observed=(13.0, 16.0, 18.5, 22.0),
        )
    ]


def test_many_steps_are_told_in_stretches_none_of_which_hides_its_largest_error() -> None:
    values = np.zeros((100, 2))
    observed = values.copy()
    observed[50, 1] = 1.0
    (told,) = found(("time", "unit"), values, observed)
    assert len(told.places) == 32
    assert (told.places[0], told.places[-1]) == ("0-3", "97-99")
    assert [place for place, ratio in zip(told.places, told.ratios, strict=True) if ratio] == ["49-51"]
    assert max(told.ratios) == 8.0
    assert told.expected == told.observed == ()


def test_an_error_in_a_kernel_is_told_gate_by_gate() -> None:
    values = np.zeros((3, 8))
    observed = values.copy()
    observed[2, 5] = 0.5
    (told,) = found(("feature", "gate"), values, observed)
    assert (told.axis, told.places, told.ratios) == ("gate", ("i", "f", "g", "o"), (0.0, 0.0, 4.0, 0.0))


def test_an_array_with_neither_has_no_profile() -> None:
    assert found(("batch", "unit"), np.zeros((2, 3)), np.ones((2, 3))) == []
    assert found(("batch", "time"), np.zeros((2, 3, 4)), np.ones((2, 3, 4))) == []


def test_of_several_arrays_the_worst_of_each_axis_is_kept() -> None:
    (over_time,) = found(("time",), np.zeros(2), np.ones(2))
    (by_gate,) = found(("gate",), np.zeros(4), np.ones(4))
    worse = replace(over_time, tensor="h")
    assert worst_of_each_axis([(2.0, by_gate), (3.0, over_time), (5.0, worse)]) == (worse, by_gate)
