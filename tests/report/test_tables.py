"""The tables of a report."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.report import tables
from lstm_ref.report.findings import findings
from lstm_ref.report.matrix import matrices
from lstm_ref.results.reading import read
from lstm_ref.results.records import OUTCOMES

Make = dict[str, Callable[..., Any]]
Write = Callable[[list[dict[str, Any]]], Path]


def test_only_a_pass_counts_as_passed(make: Make, write: Write) -> None:
    outcomes = [make["outcome"](case=f"k/f/{word}", outcome=word) for word in OUTCOMES]
    tally = tables.tally(read(write(make["complete"](outcomes))).outcomes)
    assert (tally.passed, tally.total, tally.failing) == (1, len(OUTCOMES), 5)
    assert (
        tally.rest == "1 fail, 1 error, 1 crash, 1 timeout, 1 stale, 1 divergence, 1 unsupported, 1 not-run"
    )


@pytest.mark.parametrize(
    ("words", "state"),
    [
        ([], "none"),
        (["pass", "pass"], "pass"),
        (["pass", "stale"], "failing"),
        (["pass", "divergence", "unsupported"], "divergence"),
        (["unsupported"], "unsupported"),
        (["pass", "not-run"], "not-run"),
    ],
)
def test_the_colour_of_a_cell_is_that_of_its_worst_outcome(
    make: Make, write: Write, words: list[str], state: str
) -> None:
    outcomes = [make["outcome"](case=f"k/f/{index}", outcome=word) for index, word in enumerate(words)]
    assert tables.tally(read(write(make["complete"](outcomes))).outcomes).state == state


def test_the_heat_map_has_a_cell_for_each_implementation_and_dtype_that_ran(make: Make, write: Write) -> None:
    outcomes = [
        make["outcome"](implementation=name, dtype=dtype)
        for dtype in ("float32", "float64")
        for name in ("torch", "keras-tensorflow")
    ]
    results = read(
        write(
            make["complete"](
                [*outcomes, make["failure"](case="k/f/x", implementation="torch", dtype="float16")]
            )
        )
    )
    heat = tables.heat(results)
    assert heat.implementations == ("keras-tensorflow", "torch")
    assert heat.dtypes == ("float64", "float32", "float16")
    assert heat.cells["torch", "float16"].counts == {"fail": 1}
    assert ("keras-tensorflow", "float16") not in heat.cells
    assert tables.versions(results, "keras-tensorflow") == "tensorflow 2.21.0, keras 3.15.1"


def test_the_matrix_counts_each_value_of_each_parameter(make: Make, write: Write) -> None:
    outcomes = [
        make["outcome"](case="k/f/a", parameters={"params.units": 3, "params.unroll": False}),
        make["failure"](case="k/f/b", parameters={"params.units": 12, "params.unroll": False}),
    ]
    results = read(write(make["complete"](outcomes)))
    (matrix,) = matrices(results, findings(results))
    rows = [
        (row.parameter, row.value, row.cells["keras-tensorflow"].tally.counts)
        for parameter in matrix.parameters
        for row in parameter
    ]
    assert rows == [
        ("dtype", "float64", {"pass": 1, "fail": 1}),
        ("params.units", "3", {"pass": 1}),
        ("params.units", "12", {"fail": 1}),
        ("params.unroll", "false", {"pass": 1, "fail": 1}),
    ]


def test_implementations_that_share_cases_share_a_matrix(make: Make, write: Write) -> None:
    outcomes = [
        make["outcome"](case="k/f/a", implementation="keras-tensorflow"),
        make["outcome"](case="t/f/a", implementation="torch", parameters={"params.bias": True}),
        make["outcome"](case="k/f/b", implementation="keras-torch"),
        make["outcome"](case="k/f/b", implementation="keras-jax"),
        make["outcome"](case="k/f/a", implementation="keras-jax"),
    ]
    found = matrices(read(write(make["complete"](outcomes))), ())
    assert [matrix.implementations for matrix in found] == [
        ("keras-tensorflow", "keras-jax", "keras-torch"),
        ("torch",),
    ]
    assert [row.parameter for parameter in found[1].parameters for row in parameter] == [
        "dtype",
        "params.bias",
    ]


def test_files_have_a_row_each_with_their_description(make: Make, write: Write) -> None:
    outcomes = [
        make["outcome"](case="k/a/x", file="cases/k/a.yaml", about="A."),
        make["failure"](case="k/b/x", file="cases/k/b.yaml", about="B."),
    ]
    rows = tables.per_file(read(write(make["complete"](outcomes))))
    assert [
        (row.file, row.about, row.cells["keras-tensorflow"].state, row.cells["torch"].state) for row in rows
    ] == [
        ("cases/k/a.yaml", "A.", "pass", "none"),
        ("cases/k/b.yaml", "B.", "failing", "none"),
    ]


def test_a_value_is_blamed_for_what_it_brings_out_and_for_nothing_else(make: Make, write: Write) -> None:
    points = [(unroll, mask) for unroll in (False, True) for mask in ("gaps", "right")]
    outcomes = [
        make["failure" if unroll else "outcome"](
            case=f"k/f/{unroll}-{mask}", parameters={"params.unroll": unroll, "call.mask": mask}
        )
        for unroll, mask in points
    ]
    results = read(write(make["complete"](outcomes)))
    (matrix,) = matrices(results, findings(results))
    states = {
        (row.parameter, row.value): row.cells["keras-tensorflow"].state
        for parameter in matrix.parameters
        for row in parameter
    }
    assert states == {
        ("dtype", "float64"): "elsewhere",
        ("params.unroll", "false"): "pass",
        ("params.unroll", "true"): "failing",
        ("call.mask", "gaps"): "elsewhere",
        ("call.mask", "right"): "elsewhere",
    }


def test_reasons_are_those_of_outcomes_that_were_not_judged(make: Make, write: Write) -> None:
    outcomes = [
        make["outcome"](case="k/f/a"),
        make["failure"](case="k/f/b"),
        make["outcome"](case="k/f/c", outcome="divergence", message="by-design: so"),
        *(
            make["outcome"](case=f"k/f/u{index}", outcome="unsupported", message="no masks")
            for index in range(2)
        ),
    ]
    reasons = tables.reasons(read(write(make["complete"](outcomes))))
    assert [(reason.outcome, reason.message, reason.cases) for reason in reasons] == [
        ("unsupported", "no masks", 2),
    ]
