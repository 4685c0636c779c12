"""A point is written as a file that loads again to the same point."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lstm_ref.corpus import Case, as_yaml, corpus_root, load, load_file, load_parameters
from lstm_ref.corpus.meaning.literal_files import KINDS


def again(case: Case, root: Path) -> Case:
    """The case, written in its own folder and loaded."""
    path = root / Path(case.id.partition("[")[0]).parent.with_suffix(".yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_yaml(case), encoding="utf-8")
    (loaded,) = load_file(path, load_parameters(root), root)
    return replace(loaded, place=case.place)


@pytest.mark.parametrize(
    "entry",
    [
        "{name: a}",
        (
            "{name: a, params: {activation: 'yes', rate: '1e-6', mask: ['', 'null', 1e-06, .inf, 1.0e+30,"
            " '0o7', é]}}"
        ),
        "{name: a, call: {state: given}, values: {scale: 1.5, grid: float32}, dtypes: [float32]}",
        "{name: a, input: {shape: [4, 5]}, expect: {raises: ValueError, match: 'a: \"b\\\\d'}}",
        "{name: a, undocumented: {x: 1}, expect: {raises: TypeError}}",
        "{name: a, derivatives: second-order}",
        "{name: a, steps: [{call: {state: given}}, reset, {call: {input: {timesteps: 2}}}]}",
        "{name: a, steps: [{call: {input: {shape: [1]}}}, {call: {input: {features: 2}}}]}",
        (
            "{name: a, matrix: {params.units: [2], values.scale: [16], input.timesteps: [1], call.mask:"
            " [left], params.unroll: [false]}}"
        ),
        (
            "{name: a, matrix: {call.state: [given], input.features: [3]}, steps: [{call: {}}, {call: {mask:"
            " left}}]}"
        ),
        "{name: a, call: {input: {part: [2, 3], reversed: true}}}",
        "{name: a, steps: [{call: {}}, {call: {input: {reversed: true}}}]}",
        (
            "{name: a, params: {rate: 1, unroll: true}, relation: {other: {params: {rate: true, mask: [1]}},"
            " exact: true}}"
        ),
        (
            "{name: a, params: {stated: true}, relation: {other: {}, equal: [{left: {output: output, at:"
            " reversed}, right: h}]}}"
        ),
        (
            "{name: a, call: {state: given, mask: left}, relation: {other: {call: {state: absent}, input:"
            " {timesteps: 3}}}}"
        ),
        (
            "{name: a, matrix: {call.state: [given], call.mask: [left]}, relation: {other: {steps: [{call:"
            " {mask: absent}}, {call: {state: absent}}]}}}"
        ),
        (
            "{name: a, matrix: {call.state: [given]}, steps: [{call: {}}, reset, {call: {}}], relation:"
            " {other: {call: {state: absent}}}}"
        ),
        (
            "{name: a, matrix: {input.timesteps: [5]}, relation: {other: {steps: [{call: {input: {part: [0,"
            " 2]}}}, {call: {input: {timesteps: 2}}}]}}}"
        ),
        "{name: a, input: {shape: [4, 5]}, relation: {other: {input: {batch: 1, timesteps: 2}}}}",
        "{name: a, call: {state: given, mask: left}, relation: {other: {call: {mask: right}}}}",
        "{name: a, relation: {other: {input: {shape: [4, 5]}}}}",
        "{name: a, versions: ['2'], values: {weights: initial}, steps: [weights, {call: {}}]}",
        (
            "{name: a, matrix: {values.weights: [initial], call.mask: [left]}, steps: [{call: {}}, weights,"
            " {train: {epochs: 2, learning_rate: 0.5}}]}"
        ),
        "{name: a, steps: [{train: {epochs: 2, learning_rate: 1, mask: left, input: {batch: 1}}}, weights]}",
        "{name: a, params: {activation: {callable: tanh}, rate: {class_name: L2, config: {l2: 0.01}}}}",
        (
            "{name: a, call: {state: given}, relation: {other: {dialect: other, params: {size: 3}, call: {hx:"
            " given, input: {timesteps: 2}}}}}"
        ),
        (
            "{name: a, input: {form: unbatched}, relation: {other: {dialect: other, params: {size: 3}, steps:"
            " [{call: {input: {part: [0, 1]}}}]}}}"
        ),
        (
            "{name: a, call: {input: {timesteps: 5}}, relation: {other: {layer: Cell, params: {units: 1},"
            " steps: [{call: {input: {timestep: 4}}}, {call: {}}]}}}"
        ),
        (
            "{name: a, steps: [{call: {}}, {call: {input: {timesteps: 2}}}], relation: {other: {layer: Cell,"
            " params: {units: 1}, steps: [{call: {input: {timestep: 6}}}]}}}"
        ),
        "{name: a, relation: {other: {params: {unroll: true}, weights: 0/forward}}}",
        (
            "{name: a, call: {mask: left}, matrix: {relation.other.call.mask: [absent],"
            " relation.other.params.rate: [true]}, relation: {other: {}}}"
        ),
        (
            "{name: a, matrix: {call.mask: [left], relation.other.call.mask: [right],"
            " relation.other.input.batch: [2]}, relation: {other: {steps: [{call: {}}, {call: {input:"
            " {timesteps: 1}}}]}}}"
        ),
        (
            "{name: a, matrix: {relation.other.params.size: [3], relation.other.call.hx: [given]}, relation:"
            " {other: {dialect: other}, equal: [{left: output, right: y}]}}"
        ),
        (
            "{name: a, params: {rate: 1}, relation: {other: {layer: RNN, params: {cell: {layer: LSTM, params:"
            " {units: 2}}}, input: {batch: 2}}}}"
        ),
    ],
)
@pytest.mark.usefixtures("second_dialect")
def test_a_point_survives_writing(cases: Callable[[str], list[Case]], root: Path, entry: str) -> None:
    (case,) = cases(f"- {entry}")
    assert again(case, root) == case


def test_a_second_run_that_differs_in_type_only_survives_writing(
    cases: Callable[[str], list[Case]], root: Path
) -> None:
    (case,) = cases("- {name: a, params: {rate: 1}, relation: {other: {params: {rate: true}}}}")
    relation = again(case, root).relation
    assert relation is not None
    assert relation.params["rate"] is True


def test_every_point_of_an_everyday_run_survives_writing(tmp_path: Path) -> None:
    corpus = load()
    for dialect in corpus.parameters:
        (tmp_path / dialect).mkdir()
        (tmp_path / dialect / "parameters.yaml").write_bytes(
            (corpus_root() / dialect / "parameters.yaml").read_bytes()
        )
        for file in filter(Path.is_file, (corpus_root() / dialect).iterdir()):
            if file.suffix in KINDS:
                (tmp_path / dialect / file.name).write_bytes(file.read_bytes())
    tables = load_parameters(tmp_path)
    for case in (case for case in corpus.cases if case.everyday and case.claim is None):
        path = tmp_path / Path(case.id.partition("[")[0]).parent.with_suffix(".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(as_yaml(case), encoding="utf-8")
        (loaded,) = load_file(path, tables, tmp_path)
        assert replace(loaded, place=case.place, everyday=case.everyday, covering=case.covering) == case
