"""How a case says that an argument is passed, and what the NumPy layer makes of it."""

from typing import Any

import numpy as np
import pytest

from lstm_ref.corpus import load
from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.dialects.keras.argument_forms import STATES, initial_state

WORDS = [
    word
    for word in load().parameters["keras"].layers["LSTM"].call["initial_state"].values
    if word not in ("absent", "previous")
]
RNG = np.random.default_rng(3)
X = RNG.normal(size=(4, 7, 5))
H, C = RNG.normal(size=(2, 4, 3))


def layer(**params: Any) -> keras.LSTM:
    made = keras.LSTM(3, dtype="float64", **params)
    made.set_weights([np.ones(shape) for shape in ((5, 12), (3, 12), (12,))])
    return made


@pytest.mark.parametrize("word", WORDS)
def test_the_layer_takes_the_documented_states_and_no_others(word: str) -> None:
    found = initial_state(word, 4, 3)
    if word in STATES:
        assert [(spec.shape, spec.source) for spec in found] == [((4, 3), "h/0"), ((4, 3), "c/0")]
        return
    states = found if isinstance(found, list) else [found]
    given = [
        None if spec is None else spec.values if hasattr(spec, "values") else np.ones(spec.shape)
        for spec in states
    ]
    with pytest.raises((ValueError, TypeError, np.exceptions.ComplexWarning)):
        layer()(X, given if isinstance(found, list) else given[0])


def test_an_unknown_state_is_refused() -> None:
    with pytest.raises(KeyError):
        initial_state("some", 4, 3)


@pytest.mark.parametrize(
    ("form", "word", "passed"),
    [
        (None, "given", None),
        ("array", "given", {"sequences": "array"}),
        ("name", "given-by-position", {"sequences": "name", "initial_state": "position"}),
        (None, "given-in-a-tuple", {"initial_state": "tuple"}),
        (None, "given-as-arrays", {"initial_state": "arrays"}),
    ],
)
def test_a_case_says_in_which_form_an_argument_goes(
    form: str | None, word: str, passed: dict[str, str] | None
) -> None:
    arguments = dialect("keras").arguments(layer(), Sizes(4, 7, 5, form), {"initial_state": word})
    assert arguments.get("passed") == passed
    assert [spec.shape for spec in arguments["initial_state"]] == [(4, 3)] * 2


@pytest.mark.parametrize(
    ("word", "passed"),
    [
        ("gaps", None),
        ("gaps-as-flat", None),
        ("gaps-as-array", {"mask": "array"}),
        ("left-as-lists", {"mask": "lists"}),
    ],
)
def test_a_case_says_in_which_form_a_mask_goes(word: str, passed: dict[str, str] | None) -> None:
    assert dialect("keras").arguments(layer(), Sizes(4, 7, 5), {"mask": word}).get("passed") == passed


@pytest.mark.parametrize(
    ("passed", "without"),
    [
        ({}, set()),
        ({"sequences": "name", "initial_state": "tuple"}, set()),
        ({"sequences": "array"}, {"sequences"}),
        ({"initial_state": "arrays"}, {"initial_state[0]", "initial_state[1]"}),
    ],
)
def test_an_array_of_numpy_has_no_gradient_and_no_form_changes_a_number(
    passed: dict[str, str], without: set[str]
) -> None:
    wanted, pull_wanted = layer().vjp(X, [H, C])
    found, pull_found = layer().vjp(X, [H, C], passed=passed)
    assert np.array_equal(found, wanted)
    all_gradients, gradients = pull_wanted([H]), pull_found([H])
    assert set(all_gradients) - set(gradients) == without
    assert all(np.array_equal(gradients[name], all_gradients[name]) for name in gradients)


def test_states_of_a_reset_are_those_that_a_call_starts_from_and_have_no_gradient() -> None:
    made, other = layer(stateful=True, version="2"), layer(stateful=True, version="2")
    made(X)
    found, pullback = made.vjp(X, [H, C], passed={"initial_state": "reset"})
    assert np.array_equal(found, other(X, [H, C]))
    assert set(pullback([H])) == {"kernel", "recurrent_kernel", "bias", "sequences"}
    assert np.array_equal(made(X), other(X))


@pytest.mark.parametrize(
    ("passed", "version"),
    [({"sequences": "lists"}, "3"), ({"mask": "lists"}, "2"), ({"initial_state": "arrays"}, "2")],
)
def test_a_form_that_is_not_taken_is_refused(passed: dict[str, str], version: str) -> None:
    with pytest.raises(TypeError, match="tensor"):
        layer(version=version).vjp(X, [H, C], passed=passed)
