"""The cases that come with the package, and the parameter tables against the installed frameworks."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from itertools import product
from typing import Any

import pytest

from lstm_ref.corpus import Case, load

CORPUS = load()


def of(prefix: str) -> list[Case]:
    return [case for case in CORPUS.cases if case.id.startswith(prefix)]


def test_every_id_is_there_once() -> None:
    assert len({case.id for case in CORPUS.cases}) == len(CORPUS.cases)


def test_the_keras_product_holds_every_combination_of_the_boolean_parameters() -> None:
    names = ("use_bias", "return_sequences", "return_state", "go_backwards", "stateful", "unroll")
    wanted = {(*booleans, state) for *booleans, state in product(*[(False, True)] * 6, ("absent", "given"))}
    cases = of("keras/structure/product")
    found = {(*(case.params[name] for name in names), case.steps[0].arguments.get("initial_state", "absent")) for case in cases}
    assert (found, len(cases)) == (wanted, 128)


def test_the_torch_product_holds_every_combination_of_the_structural_parameters() -> None:
    names = ("num_layers", "bias", "batch_first", "bidirectional", "proj_size")
    wanted = set(product((1, 2, 3), (False, True), (False, True), (False, True), (0, 2), ("absent", "given"), ("batched", "unbatched")))
    cases = of("torch/structure/product")
    found = {(*(case.params[name] for name in names), case.steps[0].arguments.get("hx", "absent"), case.steps[0].input.form) for case in cases}
    assert (found, len(cases)) == (wanted, 192)


@pytest.mark.parametrize("role", ["activation", "recurrent_activation"])
def test_five_activations_and_more_stand_in_each_role(role: str) -> None:
    found = {case.params.get(role, {"activation": "tanh", "recurrent_activation": "sigmoid"}[role]) for case in of("keras/activations")}
    assert found >= {"tanh", "sigmoid", "linear", "relu", "hard_sigmoid", "elu", "softplus", None}


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_a_dozen_cases_must_raise(dialect: str) -> None:
    rejected = [case for case in of(f"{dialect}/") if case.expect]
    assert len(rejected) >= 12
    assert all(case.id.startswith(f"{dialect}/rejected/") for case in rejected)


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_relations_stand_in_a_file_of_their_own_and_say_so_in_every_case(dialect: str) -> None:
    for case in of(f"{dialect}/"):
        assert (case.relation is not None) == case.id.startswith(f"{dialect}/relations/"), case.id


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_no_bit_may_differ_only_where_one_run_is_compared_with_itself(dialect: str) -> None:
    exact = {
        case.name: (case.relation.params, case.relation.steps) == (case.params, case.steps)
        for case in of(dialect)
        if case.relation and case.relation.exact
    }
    assert exact
    assert all(exact.values())


def test_every_kind_of_mask_meets_every_way_through_the_sequence() -> None:
    names = ("return_sequences", "go_backwards", "unroll")
    kinds = CORPUS.parameters["keras"].layers["LSTM"].call["mask"].values
    wanted = set(product([kind for kind in kinds if kind != "absent"], ("absent", "given"), *[(False, True)] * 3))
    cases = of("keras/masks/product")
    found = {
        (case.steps[0].arguments["mask"], case.steps[0].arguments.get("initial_state", "absent"), *(case.params[name] for name in names))
        for case in cases
    }
    assert (found, len(cases)) == (wanted, 80)


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_half_precision_is_run_in_both_dialects_and_mixed_policies_where_there_are_some(dialect: str) -> None:
    mixed = {"mixed_bfloat16", "mixed_float16"} if dialect == "keras" else set()
    assert {dtype for case in of(f"{dialect}/precisions/") for dtype in case.dtypes} == {"bfloat16", "float16"} | mixed


def test_no_divergence_excuses_more_than_one_kind_of_failure() -> None:
    for entry in CORPUS.divergences:
        assert re.search(entry.match, "") is None, entry.place
        assert re.search(entry.match, "raised ValueError in step 0: something else, where the documentation promises a result") is None, entry.place


@pytest.mark.parametrize("dialect", CORPUS.parameters)
def test_sizes_are_pairwise_distinct_where_nothing_else_is_the_subject(dialect: str) -> None:
    for case in of(f"{dialect}/structure/"):
        size = case.steps[0].input
        params = case.params
        numbers = [size.batch, size.timesteps, size.features or params["input_size"], params.get("units") or params["hidden_size"]]
        assert len(set(numbers)) == 4


SIGNATURES = {
    "keras": ("keras", "keras.layers.LSTM.__init__", "keras.layers.LSTM.call"),
    "torch": ("torch", "torch.nn.modules.rnn.RNNBase.__init__", "torch.nn.LSTM.forward"),
}
NOT_DOCUMENTED = {"self", "mode", "kwargs"}  # RNNBase's mode is what makes it an LSTM


def signature(package: str, function: str) -> dict[str, Any]:
    """Name to default, or to "required", in the order of the signature; read in a process of its own."""
    code = f"import inspect, json, {package}; empty = inspect.Parameter.empty; s = inspect.signature({function}).parameters; "
    code += "print(json.dumps({n: 'required' if p.default is empty else p.default for n, p in s.items()}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    return {name: default for name, default in json.loads(found.stdout.splitlines()[-1]).items() if name not in NOT_DOCUMENTED}


@pytest.mark.parametrize("dialect", SIGNATURES)
def test_the_parameter_table_is_the_signature_of_the_installed_framework(dialect: str) -> None:
    package, constructor, call = SIGNATURES[dialect]
    if find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    layer = CORPUS.parameters[dialect].layers["LSTM"]
    table = {name: "required" if parameter.required else parameter.default for name, parameter in layer.constructor.items()}
    assert list(table.items()) == list(signature(package, constructor).items())
    arguments = signature(package, call)
    assert list(layer.call) == list(arguments)
    assert [name for name, argument in layer.call.items() if argument.required] == [
        name for name, default in arguments.items() if default == "required"
    ]
