"""Values of parameters that are not of their documented types."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from lstm_ref.corpus import CorpusError, load_file, load_parameters
from lstm_ref.corpus.meaning.types import schema_of
from lstm_ref.corpus.schema import schema

PARAMETERS = load_parameters()
SCHEMA = schema(PARAMETERS)
VALIDATOR = Draft7Validator(SCHEMA)
HEAD = "kind: cases\ndialect: {dialect}\nlayer: LSTM\nabout: a\nsource: b\ncases:\n"
SIZES = {
    "keras": ("units: 3", "batch: 2, timesteps: 3, features: 2"),
    "torch": ("input_size: 2, hidden_size: 3", "batch: 2, timesteps: 3"),
}

Problems = Callable[[str], list[str]]


@pytest.fixture
def problems(tmp_path: Path) -> Problems:
    """The problems of a text, each with its line and column."""

    def found(text: str) -> list[str]:
        file = tmp_path / "file.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            load_file(file, PARAMETERS)
        except CorpusError as error:
            return [f"{p.place.line}:{p.place.column}: {p.message}; {p.hint}" for p in error.problems]
        return []

    return found


def invalid(text: str) -> bool:
    return any(VALIDATOR.iter_errors(as_yaml_1_2(text)))


def as_yaml_1_2(text: str) -> Any:
    """The data as the suite reads it: yes and no are words."""
    from lstm_ref.corpus.read.documents import parse

    return parse(text.encode(), Path("file.yaml"))[0].data


def case(params: str, dialect: str = "keras", more: str = "") -> str:
    sizes, size = SIZES[dialect]
    return (
        HEAD.format(dialect=dialect)
        + f"  - name: a\n    input: {{{size}}}\n    params: {{{sizes}, {params}}}\n{more}"
    )


def test_three_mistakes_are_told_at_their_own_lines(problems: Problems) -> None:
    text = (
        HEAD.format(dialect="keras")
        + "  - name: a\n    input: {batch: 2, timesteps: 3, features: 2}\n    params:\n      units: 3\n"
        "      return_sequences: yes\n      activation: tanhh\n      dropout: 2\n"
    )
    assert problems(text) == [
        '11:25: must be true or false, not the string "yes"; YAML reads yes as a word; write true',
        '12:19: must be the name of an activation or null, not the string "tanhh"; did you mean "tanh"'
        ' or "tanh_shrink"?',
        "13:16: must be a number from 0 to 1, not the number 2; None",
    ]
    assert invalid(text)


@pytest.mark.parametrize(
    ("dialect", "params", "said"),
    [
        ("keras", "unroll: Off", "write false"),
        ("keras", "unroll: 1", "true or false"),
        ("keras", "recurrent_dropout: true", "from 0 to 1"),
        ("keras", "seed: 1.5", "an integer or null"),
        ("keras", "kernel_initializer: {class_name: Glorot, config: {}}", "name of an initializer"),
        ("keras", "kernel_regularizer: L3", "known: l1, l2"),
        ("keras", "use_cudnn: maybe", "auto or false or true"),
        ("keras", "name: 7", "text or null"),
        ("torch", "num_layers: 0", "a positive integer"),
        ("torch", "proj_size: -1", "not negative"),
        ("torch", "num_layers: true", "a positive integer"),
        ("torch", "dropout: 1.5", "from 0 to 1"),
    ],
)
def test_a_value_of_another_type_is_told(dialect: str, params: str, said: str, problems: Problems) -> None:
    text = case(params, dialect)
    (problem,) = problems(text)
    assert said in problem
    assert invalid(text)


@pytest.mark.parametrize(
    "params",
    [
        "activation: null",
        "activation: {callable: tanh}",
        "dropout: 0",
        "dropout: 1",
        "use_cudnn: auto",
        "kernel_initializer: GlorotUniform",
        "kernel_regularizer: l1_l2",
        "kernel_regularizer: {class_name: L1L2, config: {l1: 0.5}}",
    ],
)
def test_a_value_of_its_type_is_none(params: str, problems: Problems) -> None:
    text = case(params)
    assert problems(text) == []
    assert not invalid(text)


def test_axes_nested_layers_and_second_runs_have_types_too(problems: Problems) -> None:
    assert len(problems(case("stateful: false", more="    matrix: {params.unroll: [true, 2]}\n"))) == 1
    text = HEAD.format(dialect="keras").replace("layer: LSTM", "layer: Bidirectional")
    inner = "{layer: LSTM, params: {units: 3, unroll: no}}"
    nested = (
        f"  - name: a\n    input: {{batch: 2, timesteps: 3, features: 2}}\n    params: {{layer: {inner}}}\n"
    )
    assert len(problems(text + nested)) == 1
    equal = "equal: [{left: output, right: output}]"
    relation = f"    relation: {{other: {{params: {{unroll: 7}}}}, {equal}}}\n"
    assert len(problems(case("stateful: false", more=relation))) == 1


def test_what_has_to_be_refused_may_be_of_any_type(problems: Problems) -> None:
    text = case("dropout: 2", more="    expect: {raises: ValueError}\n")
    assert problems(text) == []
    assert not invalid(text)


def test_values_and_defaults_of_the_tables_are_of_their_types() -> None:
    wrong = []
    for name, dialect in PARAMETERS.items():
        for layer_name, layer in dialect.layers.items():
            for key, parameter in layer.constructor.items():
                validator = Draft7Validator(
                    {**schema_of(parameter, dialect), "definitions": SCHEMA["definitions"]}
                )
                given = [*parameter.values, *([] if parameter.required else [parameter.default])]
                wrong += [(name, layer_name, key, v) for v in given if not validator.is_valid(v)]
                assert parameter.type is not None, (name, layer_name, key)
    assert wrong == []


LIKES = """\
kind: parameters
dialect: x
about: a
source: s
layers:
  A:
    about: a
    source: s
    constructor:
      first: {about: First., source: A, type: boolean, default: false, values: [false, true]}
      second: {like: A.first, about: Second.}
    call: {}
    input: {}
    outputs: {y: {about: y, source: s}}
    actions: [call]
  B:
    about: b
    source: s
    constructor:
      first: {like: A.first, source: B, default: true}
      second: {like: A.second, source: B, required: true}
    call: {}
    input: {}
    outputs: {y: {about: y, source: s}}
    actions: [call]
"""


@pytest.fixture
def tables(tmp_path: Path) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        (tmp_path / "x").mkdir()
        (tmp_path / "x" / "parameters.yaml").write_text(text, encoding="utf-8")
        return load_parameters(tmp_path)["x"].layers

    return read


def test_a_parameter_has_what_it_does_not_say_from_the_one_that_it_is_like(
    tables: Callable[[str], Any],
) -> None:
    layers = tables(LIKES)
    second = layers["A"].constructor["second"]
    assert (second.about, second.source, second.default, second.values) == (
        "Second.",
        "A",
        False,
        [False, True],
    )
    first = layers["B"].constructor["first"]
    assert (first.about, first.source, first.default) == ("First.", "B", True)
    required = layers["B"].constructor["second"]
    assert (required.about, required.source, required.required) == ("Second.", "B", True)


@pytest.mark.parametrize("like", ["A.frist", "C.first", "B.second"])
def test_what_is_like_nothing_is_told_with_what_there_is(like: str, tables: Callable[[str], Any]) -> None:
    with pytest.raises(CorpusError) as raised:
        tables(LIKES.replace("like: A.second, source: B", f"like: {like}, source: B"))
    said = "is like itself" if like == "B.second" else f'there is no "{like}" to be like'
    assert said in [problem.message for problem in raised.value.problems]
    assert {problem.place.line for problem in raised.value.problems} == {21}


def test_an_entry_that_is_like_another_is_valid_in_an_editor() -> None:
    assert not any(VALIDATOR.iter_errors(as_yaml_1_2(LIKES)))
    assert any(VALIDATOR.iter_errors(as_yaml_1_2(LIKES.replace("like: A.first, about: Second.", "about: x"))))


def test_a_point_that_is_included_has_the_documented_types(problems: Problems) -> None:
    text = case(
        "use_bias: true",
        more="    matrix: {params.activation: [tanh]}\n    include: [{params.activation: tanhh}]\n",
    )
    assert problems(text) == [
        '11:35: must be the name of an activation or null, not the string "tanhh"; did you mean "tanh"'
        ' or "tanh_shrink"?'
    ]
