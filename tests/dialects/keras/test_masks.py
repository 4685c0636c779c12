"""The masks that a case can name."""

import numpy as np
import pytest

from lstm_ref.dialects import keras
from lstm_ref.dialects.keras.masks import parts

KINDS = ("full", "right", "left", "gaps", "one-row-empty", "unsorted")


@pytest.mark.parametrize("batch", [4, 7])
@pytest.mark.parametrize("timesteps", [1, 5, 7])
def test_the_kinds_of_masks_are_what_they_are_called(batch: int, timesteps: int) -> None:
    full, right, left, gaps, empty, unsorted = (keras.mask(kind, batch, timesteps) for kind in KINDS)
    assert {(mask.shape, str(mask.dtype)) for mask in (full, right, left, gaps, empty, unsorted)} == {
        ((batch, timesteps), "bool")
    }
    assert full.all()
    assert not np.any(np.diff(right.astype(int), axis=1) > 0)
    assert not np.any(np.diff(unsorted.astype(int), axis=1) > 0)
    assert unsorted.any(axis=1).all()
    assert not np.any(np.diff(left.astype(int), axis=1) < 0)
    assert np.array_equal(right[:, ::-1], left)
    assert not empty[-1].any()
    assert np.array_equal(empty[:-1], gaps[:-1])
    if timesteps > 2:
        lengths = unsorted.sum(axis=1)
        assert np.any(np.diff(lengths) > 0)
        assert np.any(np.diff(lengths) < 0)
        assert len({tuple(row) for row in right}) == min(batch, timesteps)
        assert right.any(axis=1).all()
        assert all(len(set(row)) == 2 for row in gaps.tolist())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("word", "wanted", "one"), [("int", "int64", 1), ("float", "float64", 1), ("twos", "int64", 2)]
)
def test_a_mask_of_numbers_is_one_where_a_step_is_taken(kind: str, word: str, wanted: str, one: int) -> None:
    numbers, truths = keras.mask(f"{kind}-{word}", 4, 7), keras.mask(kind, 4, 7)
    assert str(numbers.dtype) == wanted
    assert np.array_equal(numbers == one, truths)
    assert np.array_equal(numbers == 0, ~truths)


def test_a_word_says_what_stands_under_the_mask() -> None:
    for kind in KINDS:
        assert parts(kind).under is None
        assert np.isnan(parts(f"{kind}-over-nan").under)
        assert parts(f"{kind}-float-over-infinity").under == np.inf
        assert np.array_equal(keras.mask(f"{kind}-int-over-nan", 4, 7), keras.mask(f"{kind}-int", 4, 7))


@pytest.mark.parametrize(
    ("layout", "shape"),
    [
        ("array", (4, 7)),
        ("lists", (4, 7)),
        ("one-row", (1, 7)),
        ("one-column", (4, 1)),
        ("flat", (7,)),
        ("three-axes", (4, 7, 1)),
        ("transposed", (7, 4)),
        ("one-step-more", (4, 8)),
        ("one-step-less", (4, 6)),
        ("one-row-more", (5, 7)),
    ],
)
def test_a_mask_of_another_shape_holds_what_one_of_the_documented_shape_does(
    layout: str, shape: tuple[int, ...]
) -> None:
    found, usual = keras.mask(f"left-as-{layout}", 4, 7), keras.mask("left", 4, 7)
    assert found.shape == shape
    assert parts(f"left-int-as-{layout}-over-nan")[:3] == ("left", 1, layout)
    common = (
        found.T
        if layout == "transposed"
        else np.reshape(found, (1, 7))
        if layout == "flat"
        else np.reshape(found, shape[:2])
    )
    rows, steps = (min(one, other) for one, other in zip(common.shape, usual.shape, strict=True))
    assert np.array_equal(common[:rows, :steps], usual[:rows, :steps])


@pytest.mark.parametrize(
    "word", ["some", "", "gaps-complex", "gaps-over-zero", "gaps-over-", "int", "gaps-as-", "gaps-as-rows"]
)
def test_an_unknown_kind_of_mask_is_refused(word: str) -> None:
    with pytest.raises(KeyError):
        keras.mask(word, 4, 7)
