"""The cases that come with the package, and the parameter tables against the installed
frameworks.
"""

import json
import math
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from itertools import combinations, product
from typing import Any

import pytest

from lstm_ref.corpus import Case, Input, load
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.read.models.parameters import CallArgument, Layer, Parameter
from lstm_ref.dialects import dialect as dialect_of
from lstm_ref.dialects.keras.masks import parts

CORPUS = load()


def of(prefix: str) -> list[Case]:
    return [case for case in CORPUS.cases if case.id.startswith(prefix)]


EVERYDAY_LSTM = [
    case
    for case in of("keras/")
    if case.layer == "LSTM" and case.everyday and case.relation is None and "3" in (case.versions or "3")
]

KERAS_LSTM = CORPUS.parameters["keras"].layers["LSTM"]
OF_KERAS_2 = {
    "time_major",
    "implementation",
    "batch_input_shape",
    "batch_size",
    "input_shape",
    "input_dim",
    "input_length",
}


def values_of(case: Case, axis: str) -> set[str]:
    """The values of a constructor or call argument of a Keras layer, as ids have them,
    in all calls and trainings of a case.
    """
    group, name = axis.split(".")
    if group == "params":
        return {value_text(case.params.get(name, KERAS_LSTM.constructor[name].default))}
    return {
        value_text(step.arguments.get(name, "absent"))
        for step in case.steps
        if step.action in ("call", "train")
    }


def shows(case: Case, name: str) -> bool:
    """Whether a case of the Keras layer lets a parameter do what it does: weights begin
    somewhere, or are projected.
    """
    if name.endswith("_initializer") or name == "unit_forget_bias":
        return case.values.weights == "initial"
    return not (name.endswith("_constraint") and case.params.get(name)) or any(
        step.action == "train" for step in case.steps
    )


def test_every_id_is_there_once() -> None:
    assert len({case.id for case in CORPUS.cases}) == len(CORPUS.cases)


AXES_OF_THE_PRODUCTS = {
    "keras": {
        "params.use_bias": 2,
        "params.return_sequences": 2,
        "params.return_state": 2,
        "params.go_backwards": 2,
        "params.unroll": 2,
        "params.zero_output_for_mask": 2,
        "params.dropout": 2,
        "params.recurrent_dropout": 2,
        "call.mask": 6,
        "call.initial_state": 2,
        "call.training": 2,
    },
    "torch": {
        "params.num_layers": 3,
        "params.bias": 2,
        "params.batch_first": 2,
        "params.dropout": 2,
        "params.bidirectional": 2,
        "params.proj_size": 2,
        "call.hx": 2,
        "call.training": 2,
        "input.form": 5,
    },
    "onnx": {
        "params.direction": 3,
        "params.layout": 2,
        "params.clip": 2,
        "params.input_forget": 2,
        "params.B": 2,
        "params.P": 2,
        "params.outputs": 7,
        "call.sequence_lens": 3,
        "call.initial_h": 2,
        "call.initial_c": 2,
    },
}


@pytest.mark.parametrize(
    "name",
    [
        "keras/structure/product",
        "keras/structure/stateful",
        "torch/structure/product",
        "onnx/structure/product",
    ],
)
def test_a_product_holds_every_combination_of_the_structural_parameters_and_covers_them_every_day(
    name: str,
) -> None:
    axes = AXES_OF_THE_PRODUCTS[name.partition("/")[0]]
    cases = [case for case in CORPUS.cases if case.id.partition("[")[0] == name]
    assert {axis: len({value_text(case.axes[axis]) for case in cases}) for axis in cases[0].axes} == axes
    assert len(cases) == math.prod(axes.values())
    selected = [case for case in cases if case.everyday]
    assert len(selected) < 100
    for three in combinations(axes, 3):
        found = {tuple(value_text(case.axes[axis]) for axis in three) for case in selected}
        assert len(found) == math.prod(axes[axis] for axis in three), three


def structural_values() -> dict[str, set[str]]:
    """Of each structural parameter of the Keras layer, as ids have them."""
    point, *_ = points = [case.axes for case in of("keras/structure/product")]
    return {axis: {value_text(point[axis]) for point in points} for axis in point} | {
        "params.stateful": {"false", "true"}
    }


def long_tailed() -> list[str]:
    """The other parameters of the Keras layer."""
    return [
        name
        for name in KERAS_LSTM.constructor
        if f"params.{name}" not in structural_values() and name not in OF_KERAS_2
    ]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", long_tailed())
def test_every_value_of_a_parameter_meets_every_structural_value_every_day(name: str, dtype: str) -> None:
    axes = structural_values()
    found: set[tuple[str, str, str]] = set()
    for case in EVERYDAY_LSTM:
        (value,) = values_of(case, f"params.{name}")
        # A case that is refused shows nothing, unless it is this value that is refused.
        if (
            dtype in case.dtypes
            and shows(case, name)
            and (case.expect is None or (name, value) == ("use_cudnn", "true"))
        ):
            found |= {(value, axis, other) for axis in axes for other in values_of(case, axis)}
    values = map(value_text, KERAS_LSTM.constructor[name].values)
    assert (
        not {(value, axis, other) for value in values for axis, others in axes.items() for other in others}
        - found
    )


@pytest.mark.parametrize("role", ["activation", "recurrent_activation"])
def test_five_activations_and_more_stand_in_each_role(role: str) -> None:
    found = {
        value_text(case.params.get(role, {"activation": "tanh", "recurrent_activation": "sigmoid"}[role]))
        for case in of("keras/activations")
    }
    assert found >= {"tanh", "sigmoid", "linear", "relu", "hard_sigmoid", "elu", "softplus", "null"}


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_a_dozen_cases_must_raise(dialect: str) -> None:
    rejected = {case.id for case in of(f"{dialect}/") if case.expect}
    assert len(rejected) >= 12
    assert rejected == {case.id for case in of(f"{dialect}/rejected")}


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_a_file_of_relations_holds_nothing_else(dialect: str) -> None:
    relations = of(f"{dialect}/relations/")
    assert relations
    assert all(case.relation is not None for case in relations)


def test_every_case_of_two_dialects_has_a_second_run_in_the_other_one() -> None:
    cases = of("cross/")
    assert cases
    assert all(
        case.relation is not None and case.relation.dialect not in ("", case.dialect) for case in cases
    )


# Parameters that change no operation of a layer whose weights are given, dropout where
# nothing is dropped.
NOT_COMPUTED = {
    "name",
    "kernel_initializer",
    "recurrent_initializer",
    "dropout",
    "recurrent_dropout",
    "outputs",
}


def computes_the_same(case: Case) -> bool:
    """Whether both runs of a relation do the same operations on the same numbers."""
    assert case.relation is not None
    runs = [(case.params, case.steps), (case.relation.params, case.relation.steps)]
    params = [
        {name: value for name, value in params.items() if name not in NOT_COMPUTED} for params, _ in runs
    ]
    # A part that is all of the input is the input.
    inputs = [[_whole(step.input) for step in steps if step.action == "call"] for _, steps in runs]
    return (
        params[0] == params[1]
        and inputs[0] == inputs[1]
        and not case.relation.dialect
        and not case.relation.layer
    )


def _whole(size: Input) -> Input:
    return replace(size, part=None) if size.part == (0, size.timesteps) else size


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_no_bit_may_differ_only_where_both_runs_compute_the_same(dialect: str) -> None:
    exact = [case for case in of(dialect) if case.relation and case.relation.exact]
    assert exact
    assert [case.id for case in exact if not computes_the_same(case)] == []


def test_every_kind_of_mask_meets_every_way_through_the_sequence() -> None:
    names = ("return_sequences", "go_backwards", "unroll")
    kinds = {
        parts(str(word)).kind
        for word in CORPUS.parameters["keras"].layers["LSTM"].call["mask"].values
        if word not in ("absent", "written")  # what is written out has vectors of its own
    }
    wanted = set(product(kinds, ("absent", "given"), *[(False, True)] * 3))
    cases = of("keras/masks/product")
    found = {
        (
            case.steps[0].arguments["mask"],
            case.steps[0].arguments.get("initial_state", "absent"),
            *(case.params[name] for name in names),
        )
        for case in cases
    }
    assert (found, len(cases)) == (wanted, 96)


@pytest.mark.parametrize("dialect", ["keras", "torch"])  # an operator has no policies
def test_half_precision_and_mixed_policies_are_run_in_both_dialects(dialect: str) -> None:
    found = {dtype for case in of(f"{dialect}/precisions/") for dtype in case.dtypes}
    assert found >= {"bfloat16", "float16", "mixed_bfloat16", "mixed_float16"}


def test_no_divergence_excuses_more_than_one_kind_of_failure() -> None:
    for entry in CORPUS.divergences:
        assert re.search(entry.match, "") is None, entry.place
        assert (
            re.search(
                entry.match,
                "raised ValueError in step 0: something else, where the documentation promises a result",
            )
            is None
        ), entry.place


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_sizes_are_pairwise_distinct_where_nothing_else_is_the_subject(dialect: str) -> None:
    for case in of(f"{dialect}/structure/"):
        size = case.steps[0].input
        language = dialect_of(dialect, case.versions[0] if case.versions else "")
        features = language.features(dict(case.params), size.features)
        specs = language.build(case.layer, case.params, "float64").weight_specs(features)
        units = next(
            dict(zip(spec.axes, spec.shape, strict=True))["gate"] // len(spec.gates)
            for spec in specs.values()
            if spec.role == "kernel"
        )
        numbers = [size.batch, size.timesteps, features, units]
        assert len(set(numbers)) == 4


# Where the installed constructor and call of each layer are. An encoder-decoder is no
# class.
SIGNATURES = {
    "keras": {
        **{
            name: (f"keras.layers.{name}.__init__", f"keras.layers.{name}.call")
            for name in (
                "LSTM",
                "LSTMCell",
                "RNN",
                "StackedRNNCells",
                "Bidirectional",
                "Masking",
                "Embedding",
            )
        },
        "Sequential": ("keras.Sequential.__init__", "keras.Sequential.call"),
    },
    "torch": {
        "LSTM": ("torch.nn.modules.rnn.RNNBase.__init__", "torch.nn.LSTM.forward"),
        "LSTMCell": ("torch.nn.LSTMCell.__init__", "torch.nn.LSTMCell.forward"),
    },
}
BASES = {"keras": ("keras.layers.RNN", "keras.layers.Layer"), "torch": ()}
NOT_DOCUMENTED = {"self", "mode", "args", "kwargs"}  # RNNBase's mode is what makes it an LSTM
LAYERS = [(dialect, layer) for dialect, layers in SIGNATURES.items() for layer in layers]

Signature = dict[str, Any]


@cache
def signatures(dialect: str) -> dict[str, Signature]:
    """By function: name to default, or to "required", in the order of the signature;
    read in a process of its own.
    """
    functions = [function for pair in SIGNATURES[dialect].values() for function in pair] + [
        f"{base}.__init__" for base in BASES[dialect]
    ]
    code = f"import inspect, json, {dialect}; empty = inspect.Parameter.empty; "
    code += (
        "found = lambda f: {n: 'required' if p.default is empty else p.default for n, p in"
        " inspect.signature(f).parameters.items()}; "
    )
    code += (
        "print(json.dumps({" + ", ".join(f"{function!r}: found({function})" for function in functions) + "}))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    found = json.loads(printed.splitlines()[-1])
    return {
        function: {name: value for name, value in found[function].items() if name not in NOT_DOCUMENTED}
        for function in functions
    }


def table_of(parameters: Mapping[str, Parameter]) -> Signature:
    """The same of a parameter table."""
    return {
        name: "required" if parameter.required else parameter.default
        for name, parameter in parameters.items()
    }


def documented_on(source: str) -> str:
    """The class whose documentation a source names first: "keras.layers.RNN, argument
    cell".
    """
    return source.partition(",")[0].partition(";")[0]


def arguments_of_the_call(dialect: str, layer: Layer) -> dict[str, CallArgument]:
    """The words of a call that are passed to the layer. PyTorch documents those as
    Inputs; others are the mode of the module, and what a packed input is made with.
    """
    return {
        name: word
        for name, word in layer.call.items()
        if dialect != "torch" or word.source.startswith(f"{layer.source}, Inputs")
    }


@pytest.mark.parametrize("dialect", SIGNATURES)
def test_every_layer_of_a_table_is_compared_with_an_installed_one(dialect: str) -> None:
    assert set(CORPUS.parameters[dialect].layers) - {"EncoderDecoder"} == set(SIGNATURES[dialect])


@pytest.mark.parametrize(("dialect", "name"), LAYERS)
def test_the_parameter_table_is_the_signature_of_the_installed_framework(dialect: str, name: str) -> None:
    if find_spec(dialect) is None:
        pytest.skip(f"{dialect} is not installed")
    layer = CORPUS.parameters[dialect].layers[name]
    constructor, call = (signatures(dialect)[function] for function in SIGNATURES[dialect][name])
    ours = {
        key: p for key, p in layer.constructor.items() if not p.source.startswith("tf.keras")
    }  # what Keras 2 alone documents is not in Keras 3
    own = {
        key: p
        for key, p in ours.items()
        if documented_on(p.source) not in BASES[dialect] or documented_on(p.source) == layer.source
    }
    assert list(table_of(own).items()) == list(constructor.items())
    passed = arguments_of_the_call(dialect, layer)
    assert list(passed) == list(call)
    assert [key for key, argument in passed.items() if argument.required] == [
        key for key, default in call.items() if default == "required"
    ]


# What of a node is not an attribute.
OF_THE_NODE = {"opset", "B", "P", "outputs", "constant", "hidden_size_stated"}


def test_the_parameter_table_of_onnx_is_the_schema_of_the_installed_operator() -> None:
    onnx = pytest.importorskip("onnx")
    layer = CORPUS.parameters["onnx"].layers["LSTM"]
    schema = onnx.defs.get_schema("LSTM", 22)
    assert layer.constructor.keys() - OF_THE_NODE == set(schema.attributes)
    for name, attribute in schema.attributes.items():
        written = (
            onnx.helper.get_attribute_value(attribute.default_value) if attribute.default_value.name else None
        )
        ours = None if layer.constructor[name].required else layer.constructor[name].default
        assert ours == (written.decode() if isinstance(written, bytes) else written), name
    assert [*layer.call, "W", "R", "B", "P"] == sorted(
        (entry.name for entry in schema.inputs), key=[*layer.call, "W", "R", "B", "P"].index
    )
    assert list(layer.outputs) == [output.name for output in schema.outputs]
    assert [
        onnx.defs.get_schema("LSTM", opset).since_version for opset in layer.constructor["opset"].values
    ] == [7, 14, 22]


INHERITED = [
    (dialect, name, key)
    for dialect, name in LAYERS
    for key, parameter in CORPUS.parameters[dialect].layers[name].constructor.items()
    if (base := documented_on(parameter.source)) in BASES[dialect]
    and base != CORPUS.parameters[dialect].layers[name].source
]


@pytest.mark.parametrize(("dialect", "name", "key"), INHERITED)
def test_what_a_layer_inherits_is_in_the_signature_of_its_base_class(
    dialect: str, name: str, key: str
) -> None:
    if find_spec(dialect) is None:
        pytest.skip(f"{dialect} is not installed")
    parameter = CORPUS.parameters[dialect].layers[name].constructor[key]
    assert signatures(dialect)[f"{documented_on(parameter.source)}.__init__"][key] == parameter.default
