"""The weights of one layer in the layout of another one."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from heads import head

from lstm_ref.corpus import Case
from lstm_ref.dialects import dialect
from lstm_ref.dialects.dialect import Label, Spec
from lstm_ref.dialects.layouts import canonical, groups, lstms, named
from lstm_ref.oracle.dry_run import problems_of
from lstm_ref.oracle.errors import NoSuchPart, WeightsDoNotFit, WeightsLeftOver
from lstm_ref.oracle.materialize import Material, exactly, materialize, second_run, weights_of_second_run
from lstm_ref.protocol.trace import Tensor
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

Read = Callable[[str], dict[str, Case]]


def specs_of(language: str, layer: str, /, **params: Any) -> dict[str, Spec]:
    return dialect(language).build(layer, params, "float64").weight_specs(5)


def labels_of(language: str, layer: str, /, **params: Any) -> dict[str, Label]:
    return {name: spec.label for name, spec in specs_of(language, layer, **params).items()}


def drawn(specs: dict[str, Spec]) -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {name: random.normal(size=spec.shape) for name, spec in specs.items()}


KERAS_LSTM = {"layer": "LSTM", "params": {"units": 3, "return_sequences": True}}
OF_KERAS = {"kernel": "kernel", "recurrent kernel": "recurrent_kernel", "bias": "bias"}
OF_TORCH = {
    "kernel": "weight_ih",
    "recurrent kernel": "weight_hh",
    "bias": "bias_ih",
    "recurrent bias": "bias_hh",
}


@pytest.mark.parametrize(
    ("language", "layer", "params", "found"),
    [
        ("keras", "LSTM", {"units": 3}, {"": OF_KERAS}),
        (
            "keras",
            "Bidirectional",
            {"layer": KERAS_LSTM},
            {
                way: {role: f"{way}/{name}" for role, name in OF_KERAS.items()}
                for way in ("forward", "backward")
            },
        ),
        (
            "keras",
            "Sequential",
            {"layers": [{"layer": "Bidirectional", "params": {"layer": KERAS_LSTM}}, KERAS_LSTM]},
            {
                place: {role: f"{place}/{name}" for role, name in OF_KERAS.items()}
                for place in ("0/forward", "0/backward", "1")
            },
        ),
        ("torch", "LSTMCell", {"input_size": 5, "hidden_size": 3}, {"": OF_TORCH}),
        (
            "torch",
            "LSTM",
            {
                "input_size": 5,
                "hidden_size": 3,
                "num_layers": 11,
                "bidirectional": True,
                "proj_size": 2,
                "bias": False,
            },
            {
                f"_l{layer}{way}": {
                    "kernel": f"weight_ih_l{layer}{way}",
                    "recurrent kernel": f"weight_hh_l{layer}{way}",
                    "projection": f"weight_hr_l{layer}{way}",
                }
                for layer in range(11)
                for way in ("", "_reverse")
            },
        ),
    ],
)
def test_the_weights_of_one_lstm_belong_together_in_the_order_of_layers_and_directions(
    language: str, layer: str, params: dict[str, Any], found: dict[str, dict[str, str]]
) -> None:
    grouped = groups(labels_of(language, layer, **params))
    assert list(grouped.items()) == list(found.items())


EMBEDDED = {
    "layers": [
        {"layer": "Embedding", "params": {"input_dim": 9, "output_dim": 4}},
        {"layer": "Bidirectional", "params": {"layer": KERAS_LSTM}},
        KERAS_LSTM,
    ]
}


def test_a_weight_of_no_lstm_is_refused() -> None:
    with pytest.raises(ValueError, match="0/embeddings is not a weight of an LSTM"):
        groups(labels_of("keras", "Sequential", **EMBEDDED))


def test_the_lstms_among_other_layers_are_found() -> None:
    assert lstms(labels_of("keras", "Sequential", **EMBEDDED)) == ["1/forward", "1/backward", "2"]


def test_both_layouts_of_the_same_numbers_are_the_same_lstms() -> None:
    specs = specs_of("keras", "Bidirectional", layer=KERAS_LSTM)
    keras, of_keras = drawn(specs), {name: spec.label for name, spec in specs.items()}
    of_torch = labels_of("torch", "LSTM", input_size=5, hidden_size=3, bidirectional=True)
    torch = {
        name: array
        for layer, group in zip(canonical(keras, of_keras), groups(of_torch).values(), strict=True)
        for name, array in named(layer, group, of_torch).items()
    }
    assert list(torch) == list(of_torch)
    assert np.array_equal(torch["weight_ih_l0"], keras["forward/kernel"].T)
    assert np.array_equal(torch["weight_hh_l0_reverse"], keras["backward/recurrent_kernel"].T)
    assert np.array_equal(torch["bias_ih_l0"] + torch["bias_hh_l0"], keras["forward/bias"])
    back = {
        name: array
        for layer, group in zip(canonical(torch, of_torch), groups(of_keras).values(), strict=True)
        for name, array in named(layer, group, of_keras).items()
    }
    assert {name: array.tobytes() for name, array in back.items()} == {
        name: array.tobytes() for name, array in keras.items()
    }


def test_gates_in_another_order_are_put_into_that_of_the_reference_and_back() -> None:
    of_keras = labels_of("keras", "LSTM", units=3)
    of_onnx = {name: label._replace(axes=label.axes[::-1], gates="iofg") for name, label in of_keras.items()}
    (layer,) = canonical(keras := drawn(specs_of("keras", "LSTM", units=3)), of_keras)
    onnx = named(layer, groups(of_onnx)[""], of_onnx)
    blocks = {gate: keras["kernel"][:, 3 * k : 3 * k + 3] for k, gate in enumerate("ifgo")}
    assert np.array_equal(onnx["kernel"], np.concatenate([blocks[gate].T for gate in "iofg"]))
    assert np.array_equal(onnx["bias"][3:6], keras["bias"][9:])
    (back,) = canonical(onnx, of_onnx)
    assert all(np.array_equal(getattr(back, name), keras[name]) for name in keras)


def test_a_bias_that_nobody_asks_for_is_left_out() -> None:
    layer = LSTMWeights(np.ones((5, 12)), np.ones((3, 12)), np.zeros(12))
    labels = labels_of("keras", "LSTM", units=3, use_bias=False)
    assert set(named(layer, groups(labels)[""], labels)) == {"kernel", "recurrent_kernel"}


FILE = (
    head("keras", "LSTM")
    + """\
  - name: first
    params: {units: 3}
    input: {batch: 4, timesteps: 7, features: 5}
"""
)


PARTS = (
    head("keras", "Bidirectional", "input: {batch: 4, timesteps: 7, features: 5}")
    + """\
  - name: halves
    params: {layer: {layer: LSTM, params: {units: 3, return_sequences: true}}}
    call: {initial_state: given}
    relation:
      other: {layer: LSTM, params: {units: 3, return_sequences: true, go_backwards: true},
        weights: backward, call: {initial_state: given}}
      equal: [{left: {output: output, at: backward-half}, right: {output: output, at: reversed}}]
  - name: model
    layer: Sequential
    params:
      layers: [{layer: Bidirectional,
        params: {layer: {layer: LSTM, params: {units: 3, return_sequences: true}}}},
          {layer: LSTM, params: {units: 2}}]
  - name: read
    layer: EncoderDecoder
    params: {encoder: {layer: LSTM, params: {units: 3, return_state: true}},
      decoder: {layer: LSTM, params: {units: 3}}}
"""
)
BOTH = (
    head("torch", "LSTM")
    + """\
  - name: both
    params: {input_size: 5, hidden_size: 3, bidirectional: true}
    input: {batch: 4, timesteps: 7}
    call: {hx: given}
    relation:
      other: {params: {bidirectional: false}, weights: _l0_reverse, input: {reversed: true}}
      equal: [{left: {output: h_n, at: backward-half}, right: h_n}]
"""
)


@pytest.fixture
def first(read: Read) -> Material:
    return materialize(read(FILE)["first"], 0)


def test_a_layer_with_the_same_weights_takes_them_as_they_are(first: Material) -> None:
    specs = dialect("keras").build("LSTM", {"units": 3, "return_sequences": True}, "float64").weight_specs(5)
    taken = weights_of_second_run(first, specs)
    assert list(taken) == ["kernel", "recurrent_kernel", "bias"]
    assert all(values is first.request.weights[name].values for name, values in taken.items())


@pytest.mark.parametrize(
    ("language", "params"),
    [
        ("keras", {"units": 3, "use_bias": False}),
        ("torch", {"input_size": 5, "hidden_size": 3, "bias": False}),
    ],
)
def test_a_bias_without_a_place_is_told_and_not_dropped(
    language: str, params: dict[str, Any], first: Material
) -> None:
    specs = dialect(language).build("LSTM", params, "float64").weight_specs(5)
    with pytest.raises(
        WeightsLeftOver,
        match=r"the second run has no place for bias of the first: .*; give both layers a bias, or neither",
    ):
        weights_of_second_run(first, specs)


def test_weights_without_a_place_ask_for_the_part(read: Read) -> None:
    both = materialize(read(BOTH)["both"], 0)
    specs = dialect("torch").build("LSTM", {"input_size": 5, "hidden_size": 3}, "float64").weight_specs(5)
    with pytest.raises(
        WeightsLeftOver,
        match=r'no place for weight_ih_l0_reverse, .*; say with "weights" which part of the first layer',
    ):
        weights_of_second_run(both, specs)


def test_a_single_bias_is_split_exactly_into_two_that_are_both_needed(first: Material) -> None:
    taken = weights_of_second_run(
        first, dialect("torch").build("LSTM", {"input_size": 5, "hidden_size": 3}, "float64").weight_specs(5)
    )
    bias = first.request.weights["bias"].values
    assert np.array_equal(taken["bias_ih_l0"] + taken["bias_hh_l0"], bias)
    for other in (taken["bias_ih_l0"], taken["bias_hh_l0"], 2 * taken["bias_ih_l0"], 2 * taken["bias_hh_l0"]):
        assert not np.any(other == bias)
    for dtype in ("float32", "bfloat16", "float16"):
        parts = [exactly(taken[name], dtype) for name in ("bias_ih_l0", "bias_hh_l0")]
        assert np.array_equal(parts[0] + parts[1], bias)


def test_a_layer_without_bias_gives_zeros_to_one_that_has_two(read: Read) -> None:
    without = materialize(read(FILE.replace("units: 3", "units: 3, use_bias: false"))["first"], 0)
    taken = weights_of_second_run(
        without,
        dialect("torch").build("LSTM", {"input_size": 5, "hidden_size": 3}, "float64").weight_specs(5),
    )
    assert not np.any(taken["bias_ih_l0"])
    assert not np.any(taken["bias_hh_l0"])


@pytest.mark.parametrize(
    ("name", "part", "layer", "params", "prefix"),
    [
        ("halves", "forward", "LSTM", {"units": 3}, "forward/"),
        ("halves", "backward", "LSTM", {"units": 3}, "backward/"),
        ("halves", "backward", "LSTMCell", {"units": 3}, "backward/"),
        ("model", "1", "LSTM", {"units": 2}, "1/"),
        ("model", "0/backward", "LSTM", {"units": 3}, "0/backward/"),
        ("model", "0", "Bidirectional", {"layer": {"layer": "LSTM", "params": {"units": 3}}}, "0/"),
        ("read", "decoder", "LSTM", {"units": 3}, "decoder/"),
        ("read", "encoder", "LSTM", {"units": 3}, "encoder/"),
    ],
)
def test_a_part_gives_its_own_weights(
    name: str, part: str, layer: str, params: dict[str, Any], prefix: str, read: Read
) -> None:
    whole = materialize(read(PARTS)[name], 0)
    features = 6 if part == "1" else 5
    taken = weights_of_second_run(
        whole, dialect("keras").build(layer, params, "float64").weight_specs(features), part
    )
    assert taken
    assert all(values is whole.request.weights[prefix + name].values for name, values in taken.items())


@pytest.mark.parametrize("part", ["_l0", "_l0_reverse"])
def test_a_direction_of_a_module_gives_its_own_weights(part: str, read: Read) -> None:
    whole = materialize(read(BOTH)["both"], 0)
    taken = weights_of_second_run(
        whole,
        dialect("torch").build("LSTM", {"input_size": 5, "hidden_size": 3}, "float64").weight_specs(5),
        part,
    )
    assert {name: values.tobytes() for name, values in taken.items()} == {
        name: whole.request.weights[name.removesuffix("_l0") + part].values.tobytes() for name in taken
    }
    keras = weights_of_second_run(
        whole, dialect("keras").build("LSTM", {"units": 3}, "float64").weight_specs(5), part
    )
    assert np.array_equal(keras["kernel"], whole.request.weights[f"weight_ih{part}"].values.T)


@pytest.mark.parametrize(
    ("name", "part", "hint"),
    [
        ("halves", "foward", 'did you mean "forward"?'),
        ("halves", "left", "known: forward, backward"),
        ("model", "0/forwards", 'did you mean "0/forward"'),
        ("model", "2", "known: 0, 0/forward, 0/backward, 1"),
    ],
)
def test_a_part_that_is_not_there_is_told_with_those_that_are(
    name: str, part: str, hint: str, read: Read
) -> None:
    whole = materialize(read(PARTS)[name], 0)
    with pytest.raises(NoSuchPart, match=f'the first layer has no part "{part}"; {re.escape(hint)}'):
        weights_of_second_run(
            whole, dialect("keras").build("LSTM", {"units": 3}, "float64").weight_specs(5), part
        )


def test_a_layer_without_parts_says_so(first: Material) -> None:
    with pytest.raises(
        NoSuchPart, match='the first layer has no part "forward"; it has none: leave out "weights"'
    ):
        weights_of_second_run(
            first, dialect("keras").build("LSTM", {"units": 3}, "float64").weight_specs(5), "forward"
        )


def test_a_part_has_its_own_states(read: Read) -> None:
    for text, name, argument in ((PARTS, "halves", "initial_state"), (BOTH, "both", "hx")):
        case = read(text)[name]
        assert case.relation is not None
        first = materialize(case, 0)
        second = materialize(second_run(case, case.relation), 0, like=first, part=case.relation.weights)
        whole, own = first.request.steps[0].arguments[argument], second.request.steps[0].arguments[argument]
        # The backward states are the last two in Keras, and the last row of each in
        # PyTorch.
        expected = (
            whole[2:]
            if argument == "initial_state"
            else [Tensor(each.dtype, each.values[1:]) for each in whole]
        )
        assert [each.values.tobytes() for each in own] == [each.values.tobytes() for each in expected]


@pytest.mark.parametrize(
    ("relation", "message"),
    [
        ("{other: {params: {use_bias: false}}}", "has no place for bias of the first"),
        ("{other: {params: {unroll: true}, weights: forward}}", 'has no part "forward"'),
        (
            "{other: {params: {units: 4}}, equal: [{left: output, right: output}]}",
            "both need as many LSTMs, of one size",
        ),
    ],
)
def test_weights_that_cannot_be_taken_over_are_a_mistake_in_the_file(
    relation: str, message: str, read: Read
) -> None:
    (problem,) = problems_of(read(FILE + f"    relation: {relation}\n").values())
    assert message in problem.message
    assert (problem.place.file.name, problem.place.line) == ("file.yaml", 7)


def test_weights_that_can_be_taken_over_are_no_mistake(read: Read) -> None:
    cases = [case for text in (PARTS, BOTH) for case in read(text).values()]
    assert len(cases) > 3
    assert list(problems_of(cases)) == []


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
def test_a_layer_of_another_size_or_number_takes_nothing(
    layer: str, params: dict[str, int], first: Material
) -> None:
    with pytest.raises(
        WeightsDoNotFit,
        match="the weights kernel, recurrent_kernel, bias cannot be those of a layer with weight_ih_l0",
    ):
        weights_of_second_run(first, dialect("torch").build(layer, params, "float64").weight_specs(5))


def test_a_layer_that_is_no_lstm_takes_nothing(first: Material) -> None:
    with pytest.raises(WeightsDoNotFit, match="cannot be those of a layer with embeddings"):
        weights_of_second_run(
            first,
            dialect("keras").build("Embedding", {"input_dim": 5, "output_dim": 3}, "float64").weight_specs(5),
        )


def test_a_cell_takes_the_weights_of_a_layer(first: Material) -> None:
    taken = weights_of_second_run(
        first,
        dialect("torch").build("LSTMCell", {"input_size": 5, "hidden_size": 3}, "float64").weight_specs(5),
    )
    assert np.array_equal(taken["weight_ih"], first.request.weights["kernel"].values.T)
