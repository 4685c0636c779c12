"""Packed input of torch.LSTM: each sequence by itself, forward and backward, and the
padding of its output.
"""

from typing import Any

import numpy as np
import pytest

from lstm_ref.dialects import dialect, torch
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.dialects.torch.packing import FORMS, check_lengths, fields, from_steps, later

RNG = np.random.default_rng(21)
X = RNG.normal(size=(4, 7, 5))
LENGTHS = (1, 7, 2, 5)


def layer() -> torch.LSTM:
    made = torch.LSTM(5, 3, num_layers=2, bidirectional=True, batch_first=True, dtype="float64")
    drawn = np.random.default_rng(22)
    made.load_state_dict({name: drawn.normal(size=spec.shape) for name, spec in made.weight_specs(5).items()})
    return made


def test_each_sequence_is_as_if_it_were_alone() -> None:
    made = layer()
    hx = [RNG.normal(size=shape) for shape in made.state_shapes(4)]
    (output, (h_n, c_n)), _ = made.vjp(X, hx, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        alone, (h, c) = made(X[row, :length], [state[:, row] for state in hx])
        assert output[row, :length] == pytest.approx(alone, abs=1e-14)
        assert not output[row, length:].any()
        assert h_n[:, row] == pytest.approx(h, abs=1e-14)
        assert c_n[:, row] == pytest.approx(c, abs=1e-14)


def test_what_lies_after_the_end_of_a_sequence_has_no_influence_and_no_gradient() -> None:
    made, ends = layer(), np.arange(7) < np.reshape(LENGTHS, (-1, 1))
    (output, last), pullback = made.vjp(X, lengths=LENGTHS)
    (other, _), _ = made.vjp(np.where(ends[..., None], X, 99.0), lengths=LENGTHS)
    assert np.array_equal(output, other)
    gradients = pullback([np.ones_like(output), *last])
    assert not gradients["input"][~ends].any()
    assert gradients["input"][ends].all()
    # Of the padded output nothing depends on anything there.
    again = pullback([np.where(ends[..., None], 1.0, 5.0) * np.ones_like(output), *last])
    assert all(np.array_equal(gradients[name], again[name]) for name in gradients)


@pytest.mark.parametrize(("total_length", "timesteps"), [(None, 7), (7, 7), (9, 9)])
def test_the_output_is_padded_with_the_value_to_the_length(total_length: int | None, timesteps: int) -> None:
    (output, _), pullback = layer().vjp(X, lengths=LENGTHS, padding_value=-1.5, total_length=total_length)
    plain = layer().vjp(X, lengths=LENGTHS)[0][0]
    assert output.shape == (4, timesteps, 6)
    for row, length in enumerate(LENGTHS):
        assert np.array_equal(output[row, :length], plain[row, :length])
        assert (output[row, length:] == -1.5).all()
    assert pullback([output, np.zeros((4, 4, 3)), np.zeros((4, 4, 3))])["input"].shape == X.shape


@pytest.mark.parametrize("total_length", [None, 9])
def test_the_padding_may_stand_before_each_sequence(total_length: int | None) -> None:
    options: dict[str, Any] = {"lengths": LENGTHS, "padding_value": -1.5, "total_length": total_length}
    (right, states), of_right = layer().vjp(X, **options)
    (left, same), of_left = layer().vjp(X, **options, padding_side="left")
    assert all(np.array_equal(one, other) for one, other in zip(states, same, strict=True))
    cotangent, moved = RNG.normal(size=right.shape), np.zeros(right.shape)
    for row, length in enumerate(LENGTHS):
        assert (left[row, : right.shape[1] - length] == -1.5).all()
        assert np.array_equal(left[row, right.shape[1] - length :], right[row, :length])
        moved[row, right.shape[1] - length :] = cotangent[row, :length]
    one, other = of_right([cotangent, *states]), of_left([moved, *states])
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_rows_move_later_round_the_end_and_back_whatever_stands_before_them() -> None:
    rows = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])[..., None]
    steps = np.array([1, 3])
    expected = np.array([[4, 1, 2, 3], [6, 7, 8, 5]])[..., None]
    assert np.array_equal(later(rows, steps), expected)
    assert np.array_equal(later(expected, -steps), rows)
    assert np.array_equal(later(np.stack([rows, 2 * rows]), steps), np.stack([expected, 2 * expected]))


def test_what_a_packed_output_says_of_its_lengths() -> None:
    made = layer()
    made.vjp(X, lengths=LENGTHS)
    found = {name: values.tolist() for name, values in made.effects().items()}
    assert found == {
        "lengths": [1, 7, 2, 5],
        "batch_sizes": [4, 3, 2, 2, 2, 1, 1],
        "lengths[sorted_indices]": [7, 5, 2, 1],
        "sorted_indices[unsorted_indices]": [0, 1, 2, 3],
        "data.shape": [15, 6],
    }
    assert {values.dtype for values in made.effects().values()} == {np.dtype("int64")}
    made.vjp(X)
    assert made.effects() == {}


def test_the_longest_sequence_has_as_many_steps_as_there_are_batch_sizes() -> None:
    assert fields([3, 3], 4)["batch_sizes"].tolist() == [2, 2, 2]
    assert sum(fields(LENGTHS, 4)["batch_sizes"]) == fields(LENGTHS, 4)["data.shape"][0]


def test_the_output_is_as_long_as_the_longest_sequence() -> None:
    assert layer().vjp(X, lengths=(1, 3, 2, 3))[0][0].shape == (4, 3, 6)
    with pytest.raises(ValueError, match="total_length 6 is less than the longest sequence, 7"):
        layer().vjp(X, lengths=LENGTHS, total_length=6)


@pytest.mark.parametrize(
    ("lengths", "enforce_sorted", "message"),
    [
        ((1, 7, 2), False, "one length for each of 4 sequences"),
        ((1, 7, 2, 5, 1), False, "one length for each of 4 sequences"),
        (((1, 7, 2, 5),), False, "one length for each of 4 sequences"),
        ((1, 7, 2, 0), False, "at least one step"),
        ((1, 7, 2, -1), False, "at least one step"),
        ((8, 7, 2, 5), False, "no sequence can be longer than the input, 7 steps"),
        ((1, 7, 2, 5), True, "must fall from row to row"),
    ],
)
def test_lengths_that_are_none_are_refused(lengths: Any, enforce_sorted: bool, message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        check_lengths(lengths, 4, 7, enforce_sorted)


def test_equal_and_falling_lengths_are_sorted() -> None:
    check_lengths((7, 7, 5, 1), 4, 7, enforce_sorted=True)
    check_lengths(LENGTHS, 4, 7, enforce_sorted=False)


@pytest.mark.parametrize("form", FORMS)
def test_a_form_has_lengths_that_can_be_packed(form: str) -> None:
    for batch, timesteps in ((1, 1), (1, 7), (4, 7), (6, 3)):
        check_lengths(
            FORMS[form].lengths(batch, timesteps), batch, timesteps, enforce_sorted=FORMS[form].sorted
        )


def test_the_forms_hold_the_lengths_that_matter() -> None:
    assert {form: kind.lengths(4, 7) for form, kind in FORMS.items()} == {
        "packed-equal": (7, 7, 7, 7),
        "packed-sorted": (7, 5, 2, 1),
        "packed-unsorted": (1, 7, 2, 5),
        "packed-ties": (3, 7, 3, 7),
        "listed-sorted": (7, 5, 2, 1),
        "listed-unsorted": (1, 7, 2, 5),
        "padded-sorted": (7, 5, 2, 1),
        "padded-unsorted": (1, 7, 2, 5),
    }


def test_a_single_sequence_has_more_than_one_step_and_fewer_than_the_input_where_it_can() -> None:
    for form in (
        "packed-sorted",
        "packed-unsorted",
        "listed-sorted",
        "listed-unsorted",
        "padded-sorted",
        "padded-unsorted",
    ):
        assert FORMS[form].lengths(1, 7) == (5,)
    assert [FORMS["packed-sorted"].lengths(1, timesteps) for timesteps in (1, 2, 3)] == [(1,), (1,), (1,)]


def test_a_case_says_how_its_input_is_packed() -> None:
    sizes = Sizes(4, 7, 5, form="listed-unsorted")
    call = {
        "padding": "unpack_sequence",
        "padding_side": "left",
        "padding_value": -1.5,
        "total_length": 9,
        "training": False,
    }
    found = dialect("torch").arguments(layer(), sizes, call)
    assert {name: value for name, value in found.items() if name != "input"} == {
        "lengths": LENGTHS,
        "enforce_sorted": False,
        "packing": "pack_sequence",
        "padding": "unpack_sequence",
        "padding_side": "left",
        "padding_value": -1.5,
        "total_length": 9,
        "training": False,
    }
    assert (
        dialect("torch").arguments(layer(), Sizes(4, 7, 5, form="packed-sorted"), {"enforce_sorted": False})[
            "enforce_sorted"
        ]
        is False
    )
    assert dialect("torch").arguments(layer(), Sizes(4, 7, 5, form="packed-sorted"), {"lengths": "zero"})[
        "lengths"
    ] == (7, 5, 2, 0)


def test_steps_of_one_sequence_after_the_other_become_a_padded_batch() -> None:
    steps = np.arange(1.0, 7.0).reshape(3, 2)
    mask = np.array([[True, False], [True, True]])
    assert from_steps(steps, mask).tolist() == [[[1, 2], [0, 0]], [[3, 4], [5, 6]]]
