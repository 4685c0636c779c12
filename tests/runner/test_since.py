"""What an installed version does not document yet."""

from collections.abc import Callable

import pytest
from heads import head

from lstm_ref.corpus import Case, load_parameters
from lstm_ref.runner.since import not_yet

KERAS = load_parameters()["keras"]

CASES = (
    head("keras", "LSTM", "params: {units: 2}", "input: {batch: 2, timesteps: 2, features: 2}")
    + """\
  - {name: plain}
  - {name: new, params: {activation: celu}}
  - {name: as-function, params: {recurrent_activation: {callable: sparsemax}}}
  - {name: as-object, params: {recurrent_initializer: {class_name: Identity, config: {gain: 2.0}}}}
  - {name: parameter, params: {use_cudnn: true}}
  - {name: by-default, params: {use_cudnn: auto}}
  - {name: refused, params: {use_cudnn: "no"}, expect: {raises: ValueError}}
  - {name: several, params: {activation: sparse_plus, recurrent_activation: celu}}
  - name: inside
    layer: Bidirectional
    params: {units: 2}
"""
)

# Documented names that no layer can have: they are not functions of one array, or of
# vectors.
WITHOUT_A_TWIN = {"glu", "threshold", "identity"}

Read = Callable[[str], dict[str, Case]]


@pytest.fixture
def cases(read: Read) -> dict[str, Case]:
    inner = "params: {layer: {layer: LSTM, params: {units: 2, activation: hard_tanh}}}"
    text = CASES.replace("defaults:\n  params: {units: 2}\n", "defaults:\n")
    text = text.replace("    params: {units: 2}\n", f"    {inner}\n").replace(
        "params: {", "params: {units: 2, "
    )
    text = text.replace("params: {units: 2, layer:", "params: {layer:").replace(
        "units: 2, units: 2", "units: 2"
    )
    return read(text.replace("{name: plain}", "{name: plain, params: {units: 2}}"))


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("plain", "3.0.5", ""),
        ("new", "3.6.0", "keras 3.6.0 does not document activation celu (since keras 3.7)"),
        ("new", "3.7.0", ""),
        ("new", "3.7.0.dev2024", ""),
        ("as-function", "3.7.0", "recurrent_activation sparsemax (since keras 3.8)"),
        ("as-object", "3.2.0", "recurrent_initializer identity (since keras 3.2.1)"),
        ("as-object", "3.2.1", ""),
        ("parameter", "3.1.1", "use_cudnn (since keras 3.2)"),
        ("parameter", "3.15.1", ""),
        ("by-default", "3.1.1", "use_cudnn (since keras 3.2)"),
        ("refused", "3.1.1", "use_cudnn (since keras 3.2)"),
        ("several", "3.6.0", "sparse_plus (since keras 3.8) and recurrent_activation celu (since keras 3.7)"),
        ("inside", "3.6.0", "activation hard_tanh (since keras 3.7)"),
    ],
)
def test_what_a_version_does_not_document_is_told_with_the_one_that_brought_it(
    name: str, version: str, said: str, cases: dict[str, Case]
) -> None:
    found = not_yet(cases[name], KERAS, {"tensorflow": "2.21.0", "keras": version})
    assert (found or "") == said if not said or said.startswith("keras") else said in (found or "")


def test_another_package_has_no_versions_of_this_one(cases: dict[str, Case]) -> None:
    assert not_yet(cases["new"], KERAS, {"tf-keras": "2.21.0"}) is None
    assert not_yet(cases["new"], KERAS, {"keras": "of its own"}) is None


def test_names_with_a_version_are_names_of_the_table() -> None:
    for layer in KERAS.layers.values():
        for parameter in layer.constructor.values():
            if isinstance(parameter.since, dict):
                words = {value for value in parameter.values if isinstance(value, str)}
                assert set(parameter.since) - words <= WITHOUT_A_TWIN
