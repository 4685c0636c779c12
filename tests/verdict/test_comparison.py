"""Numbers against numbers: what counts as the same, and how far apart the rest is."""

import numpy as np
import pytest

from lstm_ref.verdict.comparison import in_bounds, same, worst_index

NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1.0, 1.0, True),
        (0.0, -0.0, True),
        (NAN, NAN, True),
        (NAN, -NAN, True),
        (INF, INF, True),
        (INF, -INF, False),
        (NAN, INF, False),
        (NAN, 1.0, False),
        (1.0, np.nextafter(1.0, 2.0), False),
        (0.0, 5e-324, False),
    ],
)
def test_what_is_the_same(a: float, b: float, equal: bool) -> None:
    assert same(np.array([a]), np.array([b])).tolist() == [equal]
    assert same(np.array([b]), np.array([a])).tolist() == [equal]


@pytest.mark.parametrize(
    ("a", "b", "bound", "share"),
    [
        (1.0, 1.5, 0.25, 2.0),
        (1.5, 1.0, 1.0, 0.5),
        (1.0, 1.0, 0.0, 0.0),
        (1.0, 1.0000001, 0.0, INF),
        (NAN, NAN, 0.0, 0.0),
        (INF, INF, 1.0, 0.0),
        (NAN, 1.0, 1e300, INF),
        (INF, 1.0, 1e300, INF),
        (INF, -INF, INF, INF),
        (NAN, INF, INF, INF),
        (1.0, 2.0, INF, 0.0),
        (1e308, -1e308, 1.0, INF),
    ],
)
def test_a_difference_is_a_share_of_its_bound(a: float, b: float, bound: float, share: float) -> None:
    for one, other in ((a, b), (b, a)):
        assert in_bounds(np.array([one]), np.array([other]), np.array([bound])).tolist() == [share]


def test_the_worst_is_found_in_any_number_of_dimensions() -> None:
    shares = np.zeros((2, 3, 4))
    shares[1, 0, 2], shares[0, 2, 3] = INF, 7.0
    assert worst_index(shares) == (1, 0, 2)
    assert worst_index(np.array(1.0)) == ()
