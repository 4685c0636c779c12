"""The weights of one layer in the layout of another one."""

from pathlib import Path

import numpy as np
import pytest

from lstm_ref.corpus import Case, load_file, load_parameters
from lstm_ref.dialects import dialect
from lstm_ref.dialects.layouts import canonical, groups, named
from lstm_ref.harness.errors import WeightsDoNotFit
from lstm_ref.harness.materialize import Material, materialize, taken_over
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

UNITS = 3


def arrays(**shapes: tuple[int, ...]) -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {name.replace("__", "/"): random.normal(size=shape) for name, shape in shapes.items()}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["kernel", "recurrent_kernel"], [{"kernel": "kernel", "recurrent_kernel": "recurrent_kernel"}]),
        (
            ["forward/kernel", "forward/bias", "backward/kernel", "backward/bias"],
            [{"kernel": f"{way}/kernel", "bias": f"{way}/bias"} for way in ("forward", "backward")],
        ),
        (["0/forward/kernel", "0/backward/kernel", "1/kernel"], [{"kernel": name} for name in ("0/forward/kernel", "0/backward/kernel", "1/kernel")]),
        (["weight_ih", "bias_hh"], [{"weight_ih": "weight_ih", "bias_hh": "bias_hh"}]),
        (
            ["weight_ih_l0", "weight_hr_l0", "weight_ih_l0_reverse", "weight_hr_l0_reverse", "weight_ih_l10"],
            [
                {"weight_ih": "weight_ih_l0", "weight_hr": "weight_hr_l0"},
                {"weight_ih": "weight_ih_l0_reverse", "weight_hr": "weight_hr_l0_reverse"},
                {"weight_ih": "weight_ih_l10"},
            ],
        ),
    ],
)
def test_names_of_one_lstm_belong_together_in_the_order_of_layers_and_directions(names: list[str], found: list[dict[str, str]]) -> None:
    assert groups(names) == found


@pytest.mark.parametrize("name", ["0/embeddings", "weights", "weight_ih_l0_backward", "kernel/0", "weight_xx_l0"])
def test_a_name_of_no_lstm_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is no weight of an LSTM"):
        groups(["kernel", name])


def test_both_layouts_of_the_same_numbers_are_the_same_lstms() -> None:
    keras = arrays(forward__kernel=(5, 12), forward__recurrent_kernel=(3, 12), forward__bias=(12,), backward__kernel=(5, 12))
    keras |= arrays(backward__recurrent_kernel=(3, 12), backward__bias=(12,))
    names = [f"{kind}_l0{way}" for way in ("", "_reverse") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
    torch = {name: array for layer, group in zip(canonical(keras), groups(names), strict=True) for name, array in named(layer, group).items()}
    assert list(torch) == names
    assert np.array_equal(torch["weight_ih_l0"], keras["forward/kernel"].T)
    assert np.array_equal(torch["weight_hh_l0_reverse"], keras["backward/recurrent_kernel"].T)
    assert np.array_equal(torch["bias_ih_l0"] + torch["bias_hh_l0"], keras["forward/bias"])
    back = {name: array for layer, group in zip(canonical(torch), groups(keras), strict=True) for name, array in named(layer, group).items()}
    assert {name: array.tobytes() for name, array in back.items()} == {name: array.tobytes() for name, array in keras.items()}


def test_a_bias_that_nobody_asks_for_is_left_out() -> None:
    layer = LSTMWeights(np.ones((5, 12)), np.ones((3, 12)), np.zeros(12))
    assert set(named(layer, {"kernel": "0/kernel", "recurrent_kernel": "0/recurrent_kernel"})) == {"0/kernel", "0/recurrent_kernel"}


FILE = """\
kind: cases
dialect: keras
layer: LSTM
about: A claim of the tests.
source: a test
cases:
  - name: first
    params: {units: 3}
    input: {batch: 4, timesteps: 7, features: 5}
"""


@pytest.fixture
def first(tmp_path: Path) -> Material:
    file = tmp_path / "file.yaml"
    file.write_text(FILE, encoding="utf-8")
    case: Case
    (case,) = load_file(file, load_parameters())
    return materialize(case, 0)


def test_a_layer_with_the_same_weights_takes_them_as_they_are(first: Material) -> None:
    specs = dialect("keras").build("LSTM", {"units": 3, "return_sequences": True}, "float64").weight_specs(5)
    taken = taken_over(first, specs)
    assert list(taken) == ["kernel", "recurrent_kernel", "bias"]
    assert all(values is first.request.weights[name].values for name, values in taken.items())


def test_a_layer_with_fewer_weights_of_the_same_names_takes_those(first: Material) -> None:
    specs = dialect("keras").build("LSTM", {"units": 3, "use_bias": False}, "float64").weight_specs(5)
    assert list(taken_over(first, specs)) == ["kernel", "recurrent_kernel"]


@pytest.mark.parametrize(
    ("layer", "params"),
    [
        ("LSTM", {"input_size": 5, "hidden_size": 4}),
        ("LSTM", {"input_size": 6, "hidden_size": 3}),
        ("LSTM", {"input_size": 5, "hidden_size": 3, "num_layers": 2}),
        ("LSTM", {"input_size": 5, "hidden_size": 3, "bidirectional": True}),
        ("LSTM", {"input_size": 5, "hidden_size": 3, "proj_size": 2}),
    ],
)
def test_a_layer_of_another_size_or_number_takes_nothing(layer: str, params: dict[str, int], first: Material) -> None:
    with pytest.raises(WeightsDoNotFit, match="the weights kernel, recurrent_kernel, bias cannot be those of a layer with weight_ih_l0"):
        taken_over(first, dialect("torch").build(layer, params, "float64").weight_specs(5))


def test_a_layer_that_is_no_lstm_takes_nothing(first: Material) -> None:
    with pytest.raises(WeightsDoNotFit, match="cannot be those of a layer with embeddings"):
        taken_over(first, dialect("keras").build("Embedding", {"input_dim": 5, "output_dim": 3}, "float64").weight_specs(5))


def test_a_cell_takes_the_weights_of_a_layer(first: Material) -> None:
    taken = taken_over(first, dialect("torch").build("LSTMCell", {"input_size": 5, "hidden_size": 3}, "float64").weight_specs(5))
    assert np.array_equal(taken["weight_ih"], first.request.weights["kernel"].values.T)
