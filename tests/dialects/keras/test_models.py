"""keras.Sequential and the encoder and decoder against compositions of the reference's
loop over time, made by hand; their gradients and training.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus.loading import load_parameters
from lstm_ref.dialects import dialect, keras
from lstm_ref.dialects.dialect import Sizes
from lstm_ref.reference.cell import State
from lstm_ref.reference.sequence import run
from lstm_ref.reference.weights import LSTMWeights

Array = npt.NDArray[Any]
Disagreements = Callable[..., dict[str, tuple[float, float]]]

TABLES = load_parameters()["keras"].layers
RNG = np.random.default_rng(9)
B, T, F, U, V = 4, 7, 5, 3, 2
X = RNG.normal(size=(B, T, F))
# A beginning, a gap, an end, an empty row.
MASK = np.array([[0, 0, 1, 1, 1, 1, 1], [1, 1, 0, 1, 0, 1, 1], [1, 1, 1, 1, 0, 0, 0], [0] * 7], bool)
HOLES = np.where(MASK[..., None], X, 0)
IDS = np.where(MASK, 1 + np.arange(B * T).reshape(B, T) % 5, 0)


def weights(features: int, units: int) -> dict[str, Array]:
    shapes = {"kernel": (features, 4 * units), "recurrent_kernel": (units, 4 * units), "bias": (4 * units,)}
    return {name: RNG.normal(size=shape) for name, shape in shapes.items()}


W, W2, WIDE, WD = weights(F, U), weights(U, V), weights(2 * U, V), weights(F, U)
TABLE = RNG.normal(size=(6, F))


def put(**places: dict[str, Array]) -> dict[str, Array]:
    return {f"{place.strip('_')}/{name}": w for place, found in places.items() for name, w in found.items()}


def by_reference(
    x: Array, w: dict[str, Array], state: State | None = None, mask: Array | None = None
) -> tuple[Array, State]:
    """h after every step and the last state, forwards in time."""
    zeros = np.zeros((B, w["recurrent_kernel"].shape[0]))
    (h, last), _ = run(x, state or State(zeros, zeros), LSTMWeights.from_keras(w), mask=mask)
    return h, last


def lstm(units: int, **params: Any) -> keras.LSTM:
    return keras.LSTM(units, dtype="float64", **params)


def sequential(*layers: Any, **places: dict[str, Array]) -> keras.Sequential:
    made = keras.Sequential(layers)
    made.load(put(**places))
    return made


def two(**params: Any) -> keras.Sequential:
    return sequential(lstm(U, return_sequences=True, **params), lstm(V, **params), _0=W, _1=W2)


def test_constructor_and_call_have_the_documented_parameters() -> None:
    # That the tables are the signatures of the installed framework is a test of the
    # corpus.
    parameters = {
        key: p
        for key, p in inspect.signature(keras.Sequential).parameters.items()
        if p.kind is not inspect.Parameter.KEYWORD_ONLY
    }
    table = TABLES["Sequential"]
    assert [(key, p.default) for key, p in parameters.items()] == [
        (key, p.default) for key, p in table.constructor.items()
    ]
    assert list(inspect.signature(keras.Sequential.__call__).parameters) == ["self", *table.call]
    assert list(inspect.signature(keras.EncoderDecoder.__call__).parameters) == [
        "self",
        *TABLES["EncoderDecoder"].call,
    ]


def test_each_layer_reads_the_output_of_the_one_before() -> None:
    assert two()(X) == pytest.approx(by_reference(by_reference(X, W)[0], W2)[0][:, -1], abs=1e-14)


def test_a_mask_goes_along_with_the_sequence() -> None:
    lower, _ = by_reference(X, W, mask=MASK)
    wanted = by_reference(lower, W2, mask=MASK)[0][:, -1] * MASK.any(axis=1)[:, None]
    assert two()(X, mask=MASK) == pytest.approx(wanted, abs=1e-14)


@pytest.mark.parametrize("value", [0.0, 2.5])
def test_masking_makes_the_mask_of_all_that_follow(value: float) -> None:
    made = sequential(keras.Masking(value), lstm(U, return_sequences=True), lstm(V), _1=W, _2=W2)
    assert made(np.where(MASK[..., None], X, value)) == pytest.approx(two()(HOLES, mask=MASK), abs=1e-14)


def test_an_embedding_makes_the_mask_where_it_is_told_to() -> None:
    rows = TABLE[IDS]
    for mask_zero, mask in ((True, MASK), (False, None)):
        made = sequential(
            keras.Embedding(6, F, mask_zero=mask_zero, dtype="float64"),
            lstm(U),
            _0={"embeddings": TABLE},
            _1=W,
        )
        wanted = by_reference(rows, W, mask=mask)[0][:, -1] * (
            1 if mask is None else mask.any(axis=1)[:, None]
        )
        assert made(IDS) == pytest.approx(wanted, abs=1e-14)


def test_a_reversed_sequence_has_its_mask_reversed() -> None:
    made = sequential(lstm(U, return_sequences=True, go_backwards=True), lstm(V), _0=W, _1=W2)
    mask = MASK[:, ::-1]
    wanted = (
        by_reference(by_reference(X[:, ::-1], W, mask=mask)[0], W2, mask=mask)[0][:, -1]
        * MASK.any(axis=1)[:, None]
    )
    assert made(X, mask=MASK) == pytest.approx(wanted, abs=1e-14)


def test_both_directions_keep_the_order_of_the_mask() -> None:
    made = keras.Sequential([keras.Bidirectional(lstm(U, return_sequences=True)), lstm(V)])
    made.load({**put(**{"0/forward": W, "0/backward": WD}), **put(_1=WIDE)})
    forward, _ = by_reference(X, W, mask=MASK)
    backward, _ = by_reference(X[:, ::-1], WD, mask=MASK[:, ::-1])
    merged = np.concatenate([forward, backward[:, ::-1]], axis=-1) * MASK[..., None]
    wanted = by_reference(merged, WIDE, mask=MASK)[0][:, -1] * MASK.any(axis=1)[:, None]
    assert made(X, mask=MASK) == pytest.approx(wanted, abs=1e-14)
    assert made.weight_specs(F)["1/kernel"].shape == (2 * U, 4 * V)


def test_a_layer_without_sequence_has_no_mask_to_hand_over() -> None:
    assert two().used_outputs({"inputs": X, "mask": MASK}) is None
    kept = sequential(keras.Masking(), lstm(U, return_sequences=True, go_backwards=True), _1=W)
    assert np.array_equal(kept.used_outputs({"inputs": HOLES}), MASK[:, ::-1])


def test_stateful_layers_go_on_until_they_are_reset() -> None:
    made = two(stateful=True)
    made(X[:, :3])
    assert made(X[:, 3:]) == pytest.approx(two()(X), abs=1e-14)
    made.act("reset", {})
    assert np.array_equal(made(X), two()(X))


def test_each_layer_draws_masks_for_its_own_input() -> None:
    made = two(dropout=0.3)
    assert {name: draw.shapes[0] for name, draw in made.draws({"inputs": X, "training": True}).items()} == {
        "0/dropout": (1, B, 1, F),
        "1/dropout": (1, B, 1, U),
    }
    drop = np.where(RNG.random((1, B, 1, U)) < 0.3, 0, 1 / 0.7)
    output, _ = made.vjp(X, True, drawn={"1/dropout": drop})
    assert output == pytest.approx(by_reference(by_reference(X, W)[0] * drop[0], W2)[0][:, -1], abs=1e-13)
    first = sequential(
        keras.Embedding(6, F, dtype="float64"), lstm(U, dropout=0.3), _0={"embeddings": TABLE}, _1=W
    )
    assert {
        name: draw.shapes[0] for name, draw in first.draws({"inputs": IDS, "training": True}).items()
    } == {"1/dropout": (1, B, 1, F)}


@pytest.mark.parametrize("mask", [None, MASK])
def test_the_gradients_of_a_stack_are_difference_quotients(
    mask: Array | None, disagreements: Disagreements
) -> None:
    made = two(kernel_regularizer="l2")
    assert list(made.vjp(X, mask=mask)[1]([np.ones((B, V))])) == [*put(_0=W, _1=W2), "inputs"]
    assert disagreements(made, {"inputs": X, "mask": mask}) == {}


def test_the_gradients_behind_a_masking_layer_are_difference_quotients(disagreements: Disagreements) -> None:
    made = sequential(keras.Masking(), lstm(U, return_sequences=True), lstm(V), _1=W, _2=W2)
    gradients = made.vjp(HOLES)[1]([np.ones((B, V))])
    assert not gradients["inputs"][~MASK].any()
    weights_alone = {
        name: array for name, array in disagreements(made, {"inputs": HOLES}).items() if name != "inputs"
    }
    assert weights_alone == {}


def test_the_gradients_of_a_table_are_difference_quotients(disagreements: Disagreements) -> None:
    made = sequential(
        keras.Embedding(6, F, mask_zero=True, dtype="float64"), lstm(U), _0={"embeddings": TABLE}, _1=W
    )
    assert list(made.vjp(IDS)[1]([np.ones((B, U))])) == ["0/embeddings", *put(_1=W)]
    assert disagreements(made, {"inputs": IDS}) == {}


def test_what_is_not_trainable_has_no_gradient() -> None:
    made = keras.Sequential([keras.Bidirectional(lstm(U))], trainable=False)
    made.load(put(**{"0/forward": W, "0/backward": WD}))
    assert list(made.vjp(X)[1]([np.ones((B, 2 * U))])) == ["inputs"]


def test_training_moves_every_layer_down_the_gradient() -> None:
    made, targets = two(), RNG.normal(size=(B, V))
    wanted = dict(made.weights())
    for _ in range(2):
        made.load(wanted)
        result, pullback = made.vjp(X)
        gradients = pullback([2 * (result - targets) / targets.size])
        wanted = {name: w - 0.5 * gradients[name] for name, w in wanted.items()}
    trained = two()
    trained.act("train", {"inputs": X, "targets": targets, "epochs": 2, "learning_rate": 0.5})
    for name, w in trained.weights().items():
        assert w == pytest.approx(wanted[name], abs=1e-14), name


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([], NotImplementedError, "made of recurrent layers"),
        ([keras.LSTMCell(3)], NotImplementedError, "made of recurrent layers"),
        ([lstm(U, return_state=True)], ValueError, "exactly one output"),
        ([lstm(U, return_sequences=True), keras.Embedding(6, 5)], ValueError, "an Embedding must come first"),
    ],
)
def test_what_is_no_stack_is_refused(layers: list[Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        keras.Sequential(layers)


# --- encoder and decoder ---


def encoder_decoder(**params: Any) -> keras.EncoderDecoder:
    made = keras.EncoderDecoder(lstm(U, return_state=True), lstm(U, **params))
    made.load(put(encoder=W, decoder=WD))
    return made


Y = RNG.normal(size=(B, T + 2, F))


def test_the_decoder_starts_where_the_encoder_ended() -> None:
    _, last = by_reference(X, W)
    wanted, end = by_reference(Y, WD, last)
    assert encoder_decoder()(X, Y) == pytest.approx(wanted[:, -1], abs=1e-14)
    found = encoder_decoder(return_sequences=True, return_state=True)(X, Y)
    assert [pytest.approx(array, abs=1e-14) for array in (wanted, *end)] == list(found)


def test_the_gradients_reach_back_into_the_encoder(disagreements: Disagreements) -> None:
    made = encoder_decoder(return_sequences=True)
    assert list(made.vjp(X, Y)[1]([np.ones((B, T + 2, U))])) == [
        *put(encoder=W, decoder=WD),
        "sequences",
        "decoder_sequences",
    ]
    assert disagreements(made, {"sequences": X, "decoder_sequences": Y}) == {}


def test_both_draw_masks_for_sequences_of_their_own_length() -> None:
    made = keras.EncoderDecoder(
        lstm(U, return_state=True, dropout=0.3, version="2"), lstm(U, dropout=0.2, version="2")
    )
    drawn = made.draws({"sequences": X, "decoder_sequences": Y, "training": True})
    assert {name: (draw.shapes[-1], draw.rate) for name, draw in drawn.items()} == {
        "encoder/dropout": ((4, B, T, F), 0.3),
        "decoder/dropout": ((4, B, T + 2, F), 0.2),
    }
    assert made.draws({"sequences": X, "decoder_sequences": Y}) == {}


def test_an_encoder_without_states_is_refused() -> None:
    with pytest.raises(ValueError, match="must return its state"):
        keras.EncoderDecoder(lstm(U), lstm(U))


def test_a_case_becomes_layers_and_their_arguments() -> None:
    language = dialect("keras")
    sizes = Sizes(B, T, F)
    layers = [{"layer": "Masking", "params": {"mask_value": 2.5}}, {"layer": "LSTM", "params": {"units": U}}]
    made = language.build("Sequential", {"layers": layers}, "float64")
    arguments = language.arguments(
        made, Sizes(B, T, F, "gaps"), {"training": True, "epochs": 3, "learning_rate": 0.5}
    )
    assert list(arguments) == ["inputs", "training", "targets", "epochs", "learning_rate"]
    assert arguments["inputs"].planted.value == 2.5
    assert arguments["targets"].shape == (B, U)
    assert list(made.weight_specs(F)) == ["1/kernel", "1/recurrent_kernel", "1/bias"]
    plain = language.build("Sequential", {"layers": layers[1:]}, "float64")
    assert list(language.arguments(plain, sizes, {"mask": "gaps"})) == ["inputs", "mask"]
    both = {"encoder": {"layer": "LSTM", "params": {"units": U, "return_state": True}}, "decoder": layers[1]}
    arguments = language.arguments(language.build("EncoderDecoder", both, "float64"), sizes, {})
    assert {name: spec.shape for name, spec in arguments.items()} == {
        "sequences": (B, T, F),
        "decoder_sequences": (B, T + 2, F),
    }


def test_the_number_of_features_comes_from_the_input_unless_that_is_integers() -> None:
    language = dialect("keras")
    embedding = {"layers": [{"layer": "Embedding", "params": {"input_dim": 6, "output_dim": 5}}]}
    assert language.features(embedding, None) == 0
    assert language.features({"layers": [{"layer": "LSTM", "params": {"units": 3}}]}, 5) == 5
    with pytest.raises(ValueError, match=r"input\.features"):
        language.features({"layers": [{"layer": "LSTM", "params": {"units": 3}}]}, None)


def test_a_model_whose_masking_depends_on_a_layer_is_not_trained() -> None:
    made = keras.Sequential(
        [
            keras.LSTM(U, return_sequences=True, dtype="float64"),
            keras.Masking(),
            keras.LSTM(U, dtype="float64"),
        ]
    )
    made.load({name: np.ones(spec.shape) for name, spec in made.weight_specs(F).items()})
    with pytest.raises(NotImplementedError, match="Masking in the first place"):
        made.act("train", {"inputs": X, "targets": np.zeros((len(X), U)), "epochs": 1, "learning_rate": 0.5})
