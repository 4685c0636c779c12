"""keras.Masking and keras.Embedding: which steps they mask, what they let through, and
the inputs that a case becomes.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus.loading import load_parameters
from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.dialect import Given, Sizes
from lstm_ref.dialects.initial import Uniform

Array = npt.NDArray[Any]
Disagreements = Callable[..., dict[str, tuple[float, float]]]

TABLES = load_parameters()["keras"].layers
RNG = np.random.default_rng(8)
X = RNG.normal(size=(3, 4, 2))
X[0, 1] = X[2, 3] = 2.5
X[1, 2, 0] = 2.5  # one feature alone
MASK = np.array([[1, 0, 1, 1], [1, 1, 1, 1], [1, 1, 1, 0]], bool)
IDS = np.array([[1, 0, 5, 2], [3, 3, 0, 0]], np.int32)


def embedding(**params: Any) -> keras.Embedding:
    made = keras.Embedding(6, 5, dtype="float64", **params)
    made.load({"embeddings": TABLE})
    return made


TABLE = RNG.normal(size=(6, 5))


@pytest.mark.parametrize(("name", "kind"), [("Masking", keras.Masking), ("Embedding", keras.Embedding)])
def test_constructor_and_call_have_the_documented_parameters(name: str, kind: Any) -> None:
    # That the tables are the signatures of the installed framework is a test of the
    # corpus.
    parameters = {
        key: p
        for key, p in inspect.signature(kind).parameters.items()
        if p.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    own = {
        key: p for key, p in TABLES[name].constructor.items() if p.source.startswith(f"keras.layers.{name},")
    }
    assert {key: "required" if p.default is p.empty else p.default for key, p in parameters.items()} == {
        key: "required" if p.required else p.default for key, p in own.items()
    }
    assert list(parameters) == list(own)
    assert list(inspect.signature(kind.__call__).parameters) == ["self", *TABLES[name].call]


def test_a_step_is_masked_where_all_features_have_the_value() -> None:
    made = keras.Masking(2.5)
    assert np.array_equal(made.compute_mask(X), MASK)
    assert np.array_equal(made(X), X * MASK[..., None])
    assert np.array_equal(keras.Masking()(X), X)


def test_masked_steps_pass_no_gradient(disagreements: Disagreements) -> None:
    _, pullback = keras.Masking(2.5).vjp(X)
    assert np.array_equal(pullback([np.ones_like(X)])["inputs"], np.broadcast_to(MASK[..., None], X.shape))


def test_the_form_of_an_input_says_which_steps_hold_the_value() -> None:
    made = keras.Masking(-1.0)
    spec = made.arguments(Sizes(5, 7, 3, "gaps"), {})["inputs"]
    assert (spec.shape, spec.source, spec.planted.value) == ((5, 7, 3), "x", -1.0)
    assert np.array_equal(~spec.planted.where[..., 0], keras.mask("gaps", 5, 7))
    assert made.arguments(Sizes(5, 7, 3, "full"), {})["inputs"].planted is None


def test_integers_become_rows_of_the_table() -> None:
    assert np.array_equal(embedding()(IDS)[0], TABLE[[1, 0, 5, 2]])
    assert embedding().compute_mask(IDS) is None
    assert np.array_equal(embedding(mask_zero=True).compute_mask(IDS), IDS != 0)


def test_the_gradient_of_a_row_is_the_sum_over_its_places(disagreements: Disagreements) -> None:
    d = RNG.normal(size=(2, 4, 5))
    gradient = embedding().vjp(IDS)[1]([d])["embeddings"]
    assert gradient[3] == pytest.approx(d[1, 0] + d[1, 1], abs=1e-15)
    assert not gradient[4].any()
    assert disagreements(embedding(), {"inputs": IDS}) == {}


def test_a_table_of_several_runs_is_looked_up_in_each() -> None:
    made = embedding()
    made.take({"embeddings": np.stack([TABLE, 2 * TABLE])})
    assert np.array_equal(made(IDS), np.stack([TABLE[IDS], 2 * TABLE[IDS]]))


def test_the_table_starts_as_documented() -> None:
    assert embedding().initial(0) == {"embeddings": Uniform(-0.05, 0.05)}


def test_a_case_becomes_integers_of_which_no_two_rows_are_alike() -> None:
    made = dialect("keras").build(
        "Embedding", {"input_dim": 6, "output_dim": 5, "mask_zero": True}, "float64"
    )
    assert dialect("keras").features({"input_dim": 6}, None) == 0
    given = made.arguments(Sizes(4, 7, 0, "right"), {})["inputs"]
    assert isinstance(given, Given)
    assert given.values.dtype == np.int32
    assert np.array_equal(given.values != 0, keras.mask("right", 4, 7))
    whole = made.arguments(Sizes(4, 7, 0, "full"), {})["inputs"].values
    assert set(whole.flat) == {1, 2, 3, 4, 5}
    assert len({tuple(row) for row in whole}) == 4


def test_an_integer_outside_the_table_is_refused() -> None:
    for wrong in (-1, 6):
        with pytest.raises(ValueError, match="between 0 and 5"):
            embedding()(np.array([[1, wrong]]))


def test_what_is_no_part_of_a_mask_is_refused_by_name() -> None:
    with pytest.raises(NotImplementedError, match="embeddings_regularizer, lora_rank"):
        keras.Embedding(6, 5, embeddings_regularizer="l2", lora_rank=2)


def test_weights_are_checked() -> None:
    with pytest.raises(ValueError, match="kernel is not a weight"):
        keras.Masking().load({"kernel": TABLE})
    with pytest.raises(ValueError, match="embeddings has shape"):
        embedding().load({"embeddings": TABLE[:5]})
    with pytest.raises(ValueError, match="no weights"):
        keras.Embedding(6, 5)(IDS)
