"""What cannot be converted is refused, with all reasons, and nothing is changed."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lstm_ref
from lstm_ref.conversion import (
    ConversionError,
    OnnxLSTM,
    from_keras,
    from_onnx,
    from_torch,
    to_keras,
    to_onnx,
    to_torch,
)
from lstm_ref.reference.weights import LSTMWeights

KERAS_ONLY = "for its weights alone use LSTMWeights.from_keras and to_keras"
PLAN = {"features": 5, "layers": [(3, 1)], "use_bias": True, "dtype": "float64"}


def direction(features: int = 5, units: int = 3, **others: Any) -> LSTMWeights:
    return replace(
        LSTMWeights(np.ones((features, 4 * units)), np.ones((units, 4 * units)), np.ones(4 * units)), **others
    )


PROJECTED = direction(
    units=2,
    kernel=np.ones((5, 12)),
    recurrent_kernel=np.ones((2, 12)),
    bias=np.ones(12),
    projection=np.ones((3, 2)),
)


def test_numpy_alone_is_imported() -> None:
    code = (
        "import sys; import lstm_ref.conversion; print(*sorted({name.partition('.')[0] for name in"
        " sys.modules} - sys.stdlib_module_names))"
    )
    folder = Path(lstm_ref.__file__).parent.parent
    before = subprocess.run(
        [sys.executable, "-c", code.replace("import lstm_ref.conversion;", "import numpy;")],
        capture_output=True,
        text=True,
        check=True,
    )
    after = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert set(after.stdout.split()) - set(before.stdout.split()) == {"lstm_ref"}


def test_peepholes_are_refused_and_not_lost() -> None:
    with_peepholes = direction(peepholes=np.ones(9))
    with pytest.raises(ConversionError, match="layer 0 has peepholes, which are not converted"):
        to_onnx([[with_peepholes]])
    with pytest.raises(ValueError, match=r"keras\.layers\.LSTM has no peepholes"):
        with_peepholes.to_keras()
    with pytest.raises(ValueError, match=r"torch\.nn\.LSTM has no peepholes"):
        with_peepholes.to_torch()


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        (
            "not built",
            [
                "the layer.cell is not built and has no weights yet: call the layer once, or"
                " layer.build((None, None, features))"
            ],
        ),
        (
            "other activations, and a GRU",
            [
                f"the layer.layers[0].cell has activation 'relu', expected 'tanh'; {KERAS_ONLY}",
                (
                    "the layer.layers[0].cell has recurrent_activation 'hard_sigmoid', expected 'sigmoid';"
                    f" {KERAS_ONLY}"
                ),
                "the layer.layers[1] is a GRU, not an LSTM",
            ],
        ),
        (
            "a callable activation",
            [f"the layer.cell has activation '<lambda>', expected 'tanh'; {KERAS_ONLY}"],
        ),
        ("backwards", [f"the layer has go_backwards=True as a forward direction; {KERAS_ONLY}"]),
        (
            "a sum of directions",
            [
                "the layer merges its directions by 'sum', expected 'concat'; convert forward_layer and"
                " backward_layer by themselves"
            ],
        ),
        ("cells in both directions", ["the layer does not have exactly one LSTM in each direction"]),
        (
            "a dense layer between",
            [
                "the layer[1] is a Dense, which is not known to compute an LSTM; of a model hand over the"
                " list of its LSTM layers"
            ],
        ),
        ("one on another that does not fit", ["layer 1: kernel (5, 12) should be kernel (2, 12)"]),
        (
            "no sequence for the next",
            [
                "the layer[0] returns its last output alone (return_sequences=False), no sequence for the"
                " layer[1]: convert each by itself"
            ],
        ),
        (
            "a mask between",
            ["the layer[1] masks steps by what the LSTM before it returns: convert each LSTM by itself"],
        ),
        ("nothing", ["there is no LSTM layer"]),
    ],
)
def test_a_keras_layer_that_is_not_the_lstm_of_all_frameworks(
    keras_side: Any, name: str, problems: list[str]
) -> None:
    with pytest.raises(ConversionError) as refused:
        keras_side("refused", name)
    assert list(refused.value.problems) == problems


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        ("GRU", ["the module GRU is a GRU, not an LSTM"]),
        (
            "parametrized",
            [
                "no weights of torch.nn.LSTM: parametrizations.weight_ih_l0.original0,"
                " parametrizations.weight_ih_l0.original1; hand over one LSTM by itself, without pruning or"
                " parametrization"
            ],
        ),
        ("no module", ["a method is neither a torch module nor a state_dict"]),
    ],
)
def test_a_torch_module_that_is_no_lstm(torch_side: Any, name: str, problems: list[str]) -> None:
    with pytest.raises(ConversionError) as refused:
        torch_side("refused", name)
    assert list(refused.value.problems) == problems


@pytest.mark.parametrize(
    ("state", "problems"),
    [
        (
            {},
            [
                "no weights of torch.nn.LSTM: nothing; hand over one LSTM by itself, without pruning or"
                " parametrization"
            ],
        ),
        (
            {
                "weight_ih_l0": (12, 5),
                "weight_hh_l0": (12, 3),
                "bias_ih_l0": (12,),
                "weight_ih_l1_reverse": (12, 3),
            },
            [
                "bias_hh_l0 is missing",
                *(
                    f"{name}_l0_reverse is missing"
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                ),
                *(f"{name}_l1 is missing" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")),
                *(f"{name}_l1_reverse is missing" for name in ("weight_hh", "bias_ih", "bias_hh")),
            ],
        ),
        (
            {"weight_ih_l0": (12, 5), "weight_hh_l0": (12, 3), "weight_hh": (12, 3)},
            ["weight_hh is one too many"],
        ),
        ({"weight_ih_l0": (60,), "weight_hh_l0": (12, 3)}, ["weight_ih_l0 (60,) should have 2 axes"]),
    ],
)
def test_a_state_dict_of_other_names_or_axes(state: dict[str, tuple[int, ...]], problems: list[str]) -> None:
    with pytest.raises(ConversionError) as refused:
        from_torch({name: np.ones(shape) for name, shape in state.items()})
    assert list(refused.value.problems) == problems


@pytest.mark.parametrize(
    ("nodes", "problems"),
    [
        ([], ["there is no layer"]),
        (
            [OnnxLSTM(np.ones((12, 5)), np.ones((1, 12, 3)))],
            ["layer 0: W and R have three axes, found (12, 5) and (1, 12, 3)"],
        ),
        (
            [OnnxLSTM(np.ones((2, 12, 5)), np.ones((1, 8, 3)), np.ones((2, 12)))],
            ["layer 0: R (1, 8, 3) should be R (2, 12, 3)", "layer 0: B (2, 12) should be B (2, 24)"],
        ),
        (
            [OnnxLSTM(np.ones((2, 12, 5)), np.ones((2, 12, 3)))] * 2,
            [
                "layer 1 forward: W (12, 5) should be W (12, 6)",
                "layer 1 backward: W (12, 5) should be W (12, 6)",
            ],
        ),
    ],
)
def test_onnx_arrays_that_are_not_those_of_nodes(nodes: list[OnnxLSTM], problems: list[str]) -> None:
    with pytest.raises(ConversionError) as refused:
        from_onnx(nodes)
    assert list(refused.value.problems) == problems


@pytest.mark.parametrize(
    ("weights", "problems"),
    [
        (((direction(), direction(), direction()),), ["layer 0 has 3 directions, expected 1 or 2"]),
        (
            ((direction(bias=np.ones(12, np.float32)),),),
            ["layer 0 has arrays of several dtypes: float32, float64"],
        ),
        (
            ((direction(bias=np.ones(11), recurrent_bias=np.ones(13)),), (direction(),)),
            [
                "layer 0: bias (11,) should be bias (12,)",
                "layer 0: recurrent_bias (13,) should be recurrent_bias (12,)",
                "layer 1: kernel (5, 12) should be kernel (3, 12)",
            ],
        ),
        (
            ((direction(kernel=np.ones(12)),),),
            [
                "layer 0: biases have one axis, all others two; found kernel (12,), recurrent_kernel (3, 12),"
                " bias (12,)"
            ],
        ),
        (
            ((direction(), direction(units=2)),),
            ["layer 0 has 3 units forward and 2 backward, and the ONNX operator LSTM has one hidden_size"],
        ),
        (
            ((direction(), PROJECTED),),
            [
                "layer 0 backward has a projection (proj_size), and the ONNX operator LSTM has none",
                "layer 0 has 3 units forward and 2 backward, and the ONNX operator LSTM has one hidden_size",
            ],
        ),
    ],
)
def test_weights_that_no_node_can_hold(weights: Any, problems: list[str]) -> None:
    with pytest.raises(ConversionError) as refused:
        to_onnx(weights)
    assert list(refused.value.problems) == problems


NARROW = (
    "is float64, and the target's float32 cannot hold every value of it; to round on purpose, say"
    " dtype='float32'"
)


@pytest.mark.parametrize(
    ("plan", "weights", "keras", "torch"),
    [
        (
            {},
            ((direction(features=4, units=2),),),
            [
                f"layer 0: {name}, the target's {theirs}"
                for name, theirs in {
                    "kernel has shape (4, 8)": (5, 12),
                    "recurrent_kernel has shape (2, 8)": (3, 12),
                    "bias has shape (8,)": (12,),
                }.items()
            ],
            [
                f"layer 0: {name}, the target's {theirs}"
                for name, theirs in {
                    "weight_ih_l0 has shape (8, 4)": (12, 5),
                    "weight_hh_l0 has shape (8, 2)": (12, 3),
                    "bias_ih_l0 has shape (8,)": (12,),
                    "bias_hh_l0 has shape (8,)": (12,),
                }.items()
            ],
        ),
        (
            {"dtype": "float32"},
            ((direction(),),),
            [f"layer 0: {name} {NARROW}" for name in ("kernel", "recurrent_kernel", "bias")],
            [f"layer 0: {name}_l0 {NARROW}" for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")],
        ),
        (
            {"use_bias": False},
            ((direction(),),),
            ["layer 0: the target has no bias, and this one is not zero"],
            ["layer 0: the target has no bias_ih_l0, and this one is not zero"],
        ),
        (
            {"layers": [(3, 1), (3, 1)]},
            ((direction(),),),
            ["the weights have 1 layer(s), the Keras layer has 2"],
            ["the weights have 1 layer(s), the torch module has 2"],
        ),
        (
            {"layers": [(3, 2)]},
            ((direction(),),),
            ["layer 0 of the weights has 1 direction(s), that of the Keras layer 2"],
            ["layer 0 of the weights has 1 direction(s), that of the torch module 2"],
        ),
        (
            {},
            ((PROJECTED,),),
            ["layer 0 has a projection (proj_size), and keras.layers.LSTM has none"],
            [
                "layer 0: weight_hh_l0 has shape (12, 2), the target's (12, 3)",
                "layer 0: the target has no weight_hr_l0",
            ],
        ),
    ],
)
def test_a_target_without_a_place_for_the_weights(
    keras_side: Any, torch_side: Any, plan: dict[str, Any], weights: Any, keras: list[str], torch: list[str]
) -> None:
    for side, problems in ((keras_side, keras), (torch_side, torch)):
        with pytest.raises(ConversionError) as refused:
            side("put", {**PLAN, **plan}, weights)
        assert list(refused.value.problems) == problems


def test_a_projection_that_only_the_target_has(torch_side: Any) -> None:
    with pytest.raises(ConversionError) as refused:
        torch_side("put", {**PLAN, "proj_size": 2}, ((direction(),),))
    assert "layer 0: there is no weight_hr_l0 for the one of the target" in refused.value.problems


def test_a_refused_conversion_changes_nothing(keras_side: Any, torch_side: Any) -> None:
    # The kernels fit, the bias does not: float64 layers without bias.
    plan = {**PLAN, "use_bias": False}
    arrays = [np.full((5, 12), 0.25), np.full((3, 12), 0.5)]
    assert [array.tolist() for array in keras_side("left", plan, [arrays], ((direction(),),))[0]] == [
        array.tolist() for array in arrays
    ]
    state = {"weight_ih_l0": np.full((12, 5), 0.25), "weight_hh_l0": np.full((12, 3), 0.5)}
    left = torch_side("left", plan, state, ((direction(),),))
    assert {name: values for name, (_, values, _) in left.items()} == {
        name: array.tobytes() for name, array in state.items()
    }


def test_the_message_has_every_problem_on_a_line_of_its_own() -> None:
    with pytest.raises(
        ValueError,
        match=r"^the weights cannot be converted:\n  weight_hh_l0 is missing\n  bias_hh_l0 is missing$",
    ):
        from_torch({"weight_ih_l0": np.ones((12, 5)), "bias_ih_l0": np.ones(12)})


def test_a_torch_module_is_no_keras_layer_and_the_other_way_round() -> None:
    module = type("LSTM", (), {"__module__": "torch.nn.modules.rnn"})()
    for refuse in (lambda: from_keras(module), lambda: to_keras(((direction(),),), module)):
        with pytest.raises(ConversionError, match="the layer is a torch module: use from_torch and to_torch"):
            refuse()
    for refuse in (lambda: from_torch(3), lambda: to_torch(((direction(),),), 3)):
        with pytest.raises(ConversionError, match="an int is neither a torch module nor a state_dict"):
            refuse()


def test_bfloat16_without_ml_dtypes_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tensor:
        """A bfloat16 tensor, as far as reading one goes."""

        dtype = "torch.bfloat16"

        def detach(self) -> "Tensor":
            return self

        def cpu(self) -> "Tensor":
            return self

        def view(self, dtype: Any) -> "Tensor":
            return self

        def numpy(self) -> Any:
            return np.zeros((4, 1), np.int16)

    monkeypatch.setitem(sys.modules, "torch", type(sys)("torch"))
    monkeypatch.setattr(sys.modules["torch"], "int16", "int16", raising=False)
    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(
        ConversionError,
        match=(
            r"NumPy has no bfloat16: python -m pip install ml_dtypes, or convert module.float\(\), which is"
            r" exact"
        ),
    ):
        from_torch({"weight_ih_l0": Tensor(), "weight_hh_l0": Tensor()})
