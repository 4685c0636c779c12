"""What the NumPy layers refuse of a case, before any framework is asked."""

from collections.abc import Callable

import pytest

from lstm_ref.corpus import Case
from lstm_ref.oracle import dry_run
from lstm_ref.oracle.dry_run import problems_of

Read = Callable[[str], dict[str, Case]]

HEAD = """\
kind: cases
dialect: {dialect}
layer: {layer}
about: A claim of the tests.
source: a test
cases:
"""


@pytest.mark.parametrize(
    ("dialect", "layer", "entry", "message"),
    [
        (
            "torch",
            "LSTM",
            (
                "{name: a, params: {input_size: 5, hidden_size: 3}, input: {batch: 4, timesteps: 7,"
                " features: 6}}"
            ),
            "input_size 5, not 6",
        ),
        (
            "torch",
            "LSTMCell",
            "{name: a, params: {input_size: 5, hidden_size: 3}, input: {batch: 4, features: 6}}",
            "input_size 5, not 6",
        ),
        (
            "torch",
            "LSTM",
            (
                "{name: a, params: {input_size: 5, hidden_size: 3}, input: {batch: 4, timesteps: 7}, call:"
                " {hx: h-larger}}"
            ),
            "h_0 must have shape (1, 4, 3), not (1, 4, 4)",
        ),
        (
            "keras",
            "LSTM",
            (
                "{name: a, params: {units: 3}, input: {batch: 4, timesteps: 7, features: 5}, call:"
                " {initial_state: of-other-units}}"
            ),
            "the initial h must have shape (4, 3), not (4, 4)",
        ),
        (
            "keras",
            "LSTM",
            (
                "{name: a, params: {units: 3, stateful: true}, input: {timesteps: 7, features: 5}, "
                "steps: [{call: {input: {batch: 4}}}, {call: {input: {batch: 5}}}]}"
            ),
            "a stateful layer keeps its batch size: expected 4, got 5",
        ),
        (
            "keras",
            "LSTM",
            (
                "{name: a, params: {units: 3}, input: {batch: 4, features: 5}, matrix: {input.timesteps: [7,"
                " 6, 0]}}"
            ),
            "one timestep or more",
        ),
    ],
)
def test_sizes_that_do_not_go_together_are_a_mistake(
    read: Read, dialect: str, layer: str, entry: str, message: str
) -> None:
    (problem,) = problems_of(read(f"{HEAD.format(dialect=dialect, layer=layer)}  - {entry}\n").values())
    assert message in problem.message
    assert (problem.place.line, problem.place.column) == (7, 5)
    assert "expect: {raises: ...}" in (problem.hint or "")


def test_what_is_to_be_refused_may_be_wrong(read: Read) -> None:
    entry = (
        "{name: a, params: {input_size: 5, hidden_size: 3}, input: {batch: 4, timesteps: 7, features: 6},"
        " expect: {raises: RuntimeError}}"
    )
    assert (
        list(problems_of(read(f"{HEAD.format(dialect='torch', layer='LSTM')}  - {entry}\n").values())) == []
    )


def test_of_a_large_matrix_every_pair_of_values_is_built_and_every_value_run(
    read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = (
        "{name: a, matrix: {params.units: [1, 2, 3], input.batch: [1, 2, 3], input.timesteps: [1, 2, 3],"
        " input.features: [1, 2, 3]}}"
    )
    built: list[tuple[Case, bool]] = []
    monkeypatch.setattr(dry_run, "_build", lambda case, run: built.append((case, run)))
    cases = read(f"{HEAD.format(dialect='keras', layer='LSTM')}  - {entry}\n").values()
    assert len(cases) == 81
    assert list(problems_of(cases)) == []
    axes = [tuple(case.axes.items()) for case, _ in built]
    pairs = {(one, two) for point in axes for one in point for two in point if one < two}
    assert len(pairs) == 6 * 9
    assert {value for case, run in built if run for value in case.axes.items()} == {
        value for point in axes for value in point
    }
    assert len(built) < 40
