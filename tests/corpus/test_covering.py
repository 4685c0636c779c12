"""Of a large matrix a selection of points is run that covers its combinations: made
ahead, verified, refused when stale.
"""

import itertools
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lstm_ref.corpus import (
    Case,
    CorpusError,
    Problem,
    corpus_hash,
    corpus_root,
    load,
    load_file,
    load_parameters,
)
from lstm_ref.corpus.covering import Wanted, faults, main, select, wanted
from lstm_ref.corpus.points.covering_file import Selection, text
from lstm_ref.corpus.points.matrix import Matrix, Row
from lstm_ref.corpus.points.verifier import no_points, uncovered
from lstm_ref.corpus.read.models.cases import CoveringEntry

Cases = Callable[[str], list[Case]]
Problems = Callable[[str], tuple[Problem, ...]]
Write = Callable[[str, str], Path]


@pytest.fixture
def covertable() -> None:
    """What only the tests that make a selection need."""
    pytest.importorskip("covertable")


# --- which combinations occur, and which are covered: against looking at all points ---


@st.composite
def matrices(draw: st.DrawFn) -> Matrix:
    """Up to four axes of up to three values; up to four excluded combinations of up to
    three values.
    """
    axes = {
        f"params.{name}": list(range(draw(st.integers(1, 3)))) for name in "abcd"[: draw(st.integers(1, 4))]
    }
    parts = st.lists(st.sampled_from(sorted(axes)), min_size=1, max_size=3, unique=True)
    excluded = draw(st.lists(parts, max_size=4))
    return Matrix.of(axes, [{axis: draw(st.sampled_from(axes[axis])) for axis in part} for part in excluded])


def by_looking(matrix: Matrix) -> set[Row]:
    """All points, by the words of `exclude`: a combination excludes all that contain
    it.
    """
    everything = itertools.product(*(range(len(values)) for values in matrix.values))
    return {
        row
        for row in everything
        if not any(all(row[axis] == value for axis, value in part) for part in matrix.excluded)
    }


@settings(deadline=None)
@given(matrices())
def test_a_combination_occurs_exactly_where_a_point_contains_it(matrix: Matrix) -> None:
    points = by_looking(matrix)
    assert set(matrix.rows()) == points
    for count in range(len(matrix.axes) + 1):
        for axes in itertools.combinations(range(len(matrix.axes)), count):
            for values in itertools.product(*(range(len(matrix.values[axis])) for axis in axes)):
                found = any(
                    all(point[axis] == value for axis, value in zip(axes, values, strict=True))
                    for point in points
                )
                assert matrix.occurs(dict(zip(axes, values, strict=True))) == found


def combinations(
    matrix: Matrix, rows: set[Row], strength: int, long: set[int]
) -> set[tuple[tuple[int, int], ...]]:
    """The combinations to be covered that stand in any of the rows, as pairs of the
    positions of axis and value.
    """
    found = set()
    for row in rows:
        for count in {1, 2, strength}:
            for axes in itertools.combinations(range(len(matrix.axes)), count):
                longs = len(long & set(axes))
                if count == 1 or (longs == 0 and count == strength) or (longs == 1 and count == 2):
                    found.add(tuple((axis, row[axis]) for axis in axes))
    return found


@settings(deadline=None)
@given(matrices(), st.integers(1, 3), st.integers(0, 1), st.data())
def test_what_the_verifier_misses_is_what_no_row_has_and_some_point_has(
    matrix: Matrix, strength: int, long: int, data: st.DataObject
) -> None:
    points = by_looking(matrix)
    rows = data.draw(st.lists(st.sampled_from(sorted(points)), unique=True)) if points else []
    pairs_with = list(matrix.axes[:long]) if len(matrix.axes) - long >= strength else []
    if len(matrix.axes) < strength:
        strength = len(matrix.axes)
    covering = CoveringEntry(strength=strength, pairs_with=pairs_with, runs="always")
    positions = set(range(len(pairs_with)))
    missing = combinations(matrix, points, strength, positions) - combinations(
        matrix, set(rows), strength, positions
    )
    names = {
        ", ".join(f"{matrix.axes[axis]}={matrix.values[axis][value]}" for axis, value in part)
        for part in missing
    }
    told = {", ".join(sorted(part.split(", "))) for part in uncovered(matrix, covering, rows)}
    assert told == {", ".join(sorted(name.split(", "))) for name in names}


def test_every_row_of_a_whole_product_is_needed_to_cover_it() -> None:
    matrix = Matrix.of({"params.a": [1, 2], "params.b": [1, 2, 3]}, [])
    covering, rows = CoveringEntry(strength=2, runs="always"), list(matrix.rows())
    assert list(uncovered(matrix, covering, rows)) == []
    assert [len(list(uncovered(matrix, covering, [*rows[:k], *rows[k + 1 :]]))) for k in range(6)] == [1] * 6
    assert list(uncovered(matrix, covering, rows[1:])) == ["params.a=1, params.b=1"]


def test_pairs_of_two_long_axes_are_not_needed_and_pairs_with_the_others_are() -> None:
    matrix = Matrix.of({"params.a": [1, 2], "params.b": [1, 2], "params.x": [1, 2], "params.y": [1, 2]}, [])
    covering = CoveringEntry(strength=2, pairs_with=["params.x", "params.y"], runs="always")
    rows = [(a, b, x, x) for a in (0, 1) for b in (0, 1) for x in (0, 1)]
    assert list(uncovered(matrix, covering, rows)) == []
    without = [row for row in rows if row[0] == 0 or row[2] == 0]
    assert list(uncovered(matrix, covering, without)) == ["params.x=2, params.a=2", "params.y=2, params.a=2"]


def test_rows_that_are_no_points_are_named() -> None:
    matrix = Matrix.of({"params.a": [1, 2], "params.b": [1, 2]}, [{"params.a": 1, "params.b": 1}])
    assert list(no_points(matrix, [(0, 1), (0, 0), (1, 1), (0, 1), (2, 0), (1,), (-1, 0)])) == [
        (0, 0),
        (0, 1),
        (2, 0),
        (1,),
        (-1, 0),
    ]


def test_a_matrix_too_large_to_look_at_is_decided_all_the_same() -> None:
    axes = {f"params.{k}": list(range(10)) for k in range(30)}
    chain = [
        {f"params.{k}": value, f"params.{k + 1}": other}
        for k in range(5)
        for value in range(10)
        for other in range(10)
        if value != other
    ]
    matrix = Matrix.of(axes, chain)  # axes 0 to 5 have one value together
    assert matrix.occurs({0: 3, 5: 3, 29: 1})
    assert not matrix.occurs({0: 3, 5: 4})


# --- the generator ---

STRUCTURE = {f"params.{name}": [False, True] for name in "abcdefgh"} | {
    "call.mask": ["absent", "left", "right", "gaps"]
}
EXCLUDE = [
    {"params.a": True, "call.mask": "absent"},
    {"params.b": False, "params.c": True},
    {"params.c": False, "params.d": True},
]


def of(
    matrix: Mapping[str, Sequence[Any]], exclude: Sequence[Mapping[str, Any]] = (), **covering: Any
) -> Wanted:
    return Wanted(Matrix.of(matrix, exclude), CoveringEntry.model_validate({"runs": "always", **covering}))


@pytest.mark.usefixtures("covertable")
@pytest.mark.parametrize(
    ("one", "most"),
    [
        (of(STRUCTURE, strength=2), 16),
        (of(STRUCTURE, strength=3), 50),
        (of(STRUCTURE, EXCLUDE, strength=3), 60),
        (
            of(
                {**STRUCTURE, "params.x": list(range(20)), "params.y": list(range(15))},
                EXCLUDE,
                strength=3,
                pairs_with=["params.x", "params.y"],
            ),
            100,
        ),
        (of({"params.a": [1, 2]}, strength=1), 2),
        # Of this covertable 3.2.0 returns one row four times.
        (
            of(
                {"params.a": [0, 1, 2], "params.b": [0], "params.c": [0], "call.d": [0, 1]},
                [{"params.b": 0, "params.c": 0, "call.d": 1}],
                strength=1,
            ),
            3,
        ),
    ],
    ids=["pairs", "triples", "excluded", "long", "one-axis", "one-value"],
)
def test_a_selection_covers_what_it_has_to_with_few_points(one: Wanted, most: int) -> None:
    rows = select(one)
    assert list(faults({"a": one}, {"a": Selection(one.digest, rows)})) == []
    assert len(rows) <= most


@pytest.mark.usefixtures("covertable")
@settings(max_examples=30, deadline=None)
@given(matrices(), st.integers(1, 3))
def test_a_selection_of_any_matrix_covers_it(matrix: Matrix, strength: int) -> None:
    one = Wanted(matrix, CoveringEntry(strength=min(strength, len(matrix.axes)), runs="always"))
    assert list(faults({"a": one}, {"a": Selection(one.digest, select(one))})) == []


@pytest.mark.usefixtures("covertable")
def test_a_selection_is_the_same_in_every_process() -> None:
    code = (
        "import json, sys; from lstm_ref.corpus.covering import Wanted, select;"
        " from lstm_ref.corpus.points.matrix import Matrix;"
        " from lstm_ref.corpus.read.models.cases import CoveringEntry;"
        " matrix, exclude = json.loads(sys.argv[1]); print(json.dumps(select("
        "Wanted(Matrix.of(matrix, exclude), CoveringEntry(strength=3, runs='always')))))"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", code, json.dumps([STRUCTURE, EXCLUDE])],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1] == json.dumps(select(of(STRUCTURE, EXCLUDE, strength=3))) + "\n"


# --- the file ---

LARGE = """\
- name: large
  matrix: {params.unroll: [false, true], params.rate: [0, 1, 2], call.mask: [absent, left]}
  exclude: [{params.unroll: true, params.rate: 2}]
  covering: {strength: 2, runs: everyday}
"""


def cover(root: Path, choose: Callable[[Wanted], Sequence[Row]]) -> None:
    """Write the selections of a folder's cases."""
    found = {key: Selection(one.digest, tuple(choose(one))) for key, one in wanted(root).items()}
    (root / "covering.json").write_text(text(found), encoding="utf-8")


def enough(one: Wanted) -> Iterator[Row]:
    """Points that cover the matrix: one after the other, those that bring anything
    new.
    """
    rows: list[Row] = []
    for row in one.matrix.rows():
        if len(list(uncovered(one.matrix, one.covering, [*rows, row]))) < len(
            list(uncovered(one.matrix, one.covering, rows))
        ):
            rows.append(row)
            yield row


@pytest.fixture
def large(root: Path, write: Write) -> Path:
    """A corpus with one large matrix of 10 points, of which a covering selection is
    known.
    """
    write("toy/file.yaml", LARGE)
    cover(root, enough)
    return root


def test_an_everyday_run_takes_the_selection_and_the_corpus_holds_every_point(large: Path) -> None:
    cases = load(large).cases
    assert len(cases) == 10
    selected = [case for case in cases if case.everyday]
    assert 6 <= len(selected) < 10
    assert [case.covering for case in cases] == [case.everyday for case in cases]
    pairs = {(case.params["rate"], case.steps[0].arguments.get("mask")) for case in selected}
    assert pairs == set(itertools.product((0, 1, 2), (None, "left")))


def test_a_case_without_covering_is_run_every_day_and_belongs_to_no_selection(cases: Cases) -> None:
    assert [
        (case.everyday, case.covering) for case in cases("- {name: a, matrix: {params.rate: [1, 2]}}")
    ] == [(True, False)] * 2


def test_of_a_matrix_that_is_only_covered_nothing_else_exists(root: Path, write: Write) -> None:
    write("toy/file.yaml", LARGE.replace("everyday", "always"))
    cover(root, lambda one: [row for row in one.matrix.rows() if row[1] == 0])
    assert [case.id for case in load(root).cases] == [
        f"toy/file/large{axes}" for axes in ("", "[mask=left]", "[unroll=true]", "[mask=left,unroll=true]")
    ]
    assert all(case.everyday and not case.covering for case in load(root).cases)


def test_a_matrix_of_any_size_may_be_covered_but_not_be_run_as_a_whole(root: Path, write: Write) -> None:
    values = list(range(1000))
    entry = (
        f"- {{name: a, matrix: {{params.units: {values}, params.rate: {values}}}, covering: {{strength: 1,"
        " runs: always}}"
    )
    write("toy/file.yaml", entry)
    cover(root, lambda one: [(k, k) for k in values])
    assert len(load(root).cases) == 1000
    write("toy/file.yaml", entry.replace("always", "everyday"))
    with pytest.raises(CorpusError, match="more than 100000 points"):
        load(root)


@pytest.mark.parametrize("runs", ["everyday", "always"])
def test_what_is_included_is_always_selected(root: Path, write: Write, runs: str) -> None:
    added = (
        LARGE.replace("everyday", runs)
        + "  include: [{params.unroll: true, params.rate: 1, call.mask: left}, {params.rate: 7}]\n"
    )
    write("toy/file.yaml", added)
    cover(root, lambda one: [(0, 0, 0)])
    cases = load(root).cases
    assert [case.id for case in cases if case.everyday] == [
        "toy/file/large",
        "toy/file/large[mask=left,rate=1,unroll=true]",
        "toy/file/large[rate=7]",
    ]
    assert len({case.id for case in cases}) == len(cases) == (3 if runs == "always" else 11)


def refused(root: Path) -> str:
    with pytest.raises(CorpusError) as caught:
        load(root)
    (problem,) = caught.value.problems
    return str(problem)


def test_a_case_without_its_selection_is_refused_with_the_command_that_makes_it(large: Path) -> None:
    (large / "covering.json").unlink()
    told = refused(large)
    assert f"{large}/toy/file.yaml:13:3: the selection of points is missing" in told
    assert f'run "python -m lstm_ref.corpus.covering --cases {large}"' in told


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[0, 1, 2]", "[0, 1, 2, 3]"),
        ("[0, 1, 2]", "[2, 1, 0]"),
        ("[absent, left]", "[absent, right]"),
        ("call.mask: [absent, left]", "call.mask: [absent, left], params.activation: [tanh]"),
        ("params.rate: 2}]", "params.rate: 1}]"),
        ("  exclude: [{params.unroll: true, params.rate: 2}]\n", ""),
        ("strength: 2", "strength: 1"),
        ("strength: 2", "strength: 2, pairs_with: [params.rate]"),
    ],
)
def test_a_stale_selection_is_refused(large: Path, old: str, new: str) -> None:
    file = large / "toy" / "file.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    assert "the selection of points is stale" in refused(large)


def test_a_selection_does_not_go_stale_by_what_is_beside_the_matrix(large: Path) -> None:
    file = large / "toy" / "file.yaml"
    file.write_text(
        file.read_text().replace("units: 3", "units: 4").replace("runs: everyday", "runs: always")
    )
    assert len(load(large).cases) < 10


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"toy/file/large": 3}',
        '{"toy/file/large": {"digest": "x"}}',
        '{"a": {"digest": "", "rows": [["x"]]}}',
    ],
)
def test_a_broken_file_of_selections_is_refused(large: Path, content: str) -> None:
    (large / "covering.json").write_text(content)
    assert f"{large}/covering.json:1:1: is not a file of selections" in refused(large)


def test_selections_belong_to_the_corpus(large: Path) -> None:
    before = corpus_hash(large)
    cover(large, lambda one: list(one.matrix.rows()))
    assert corpus_hash(large) != before


def test_a_file_elsewhere_has_its_selections_beside_it(large: Path, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "mine.yaml").write_text((large / "toy" / "file.yaml").read_text())
    tables = load_parameters(large)
    with pytest.raises(CorpusError, match=f"--cases {folder}"):
        load_file(folder / "mine.yaml", tables)
    cover(folder, enough)
    assert len(load_file(folder / "mine.yaml", tables)) == 10


# --- the command ---


def test_the_shipped_selections_cover_what_they_have_to() -> None:
    assert main(["--check"]) == 0


@pytest.mark.usefixtures("covertable")
def test_the_shipped_selections_are_what_the_command_makes() -> None:
    made = {key: Selection(one.digest, select(one)) for key, one in wanted(corpus_root()).items()}
    assert text(made) == (corpus_root() / "covering.json").read_text(encoding="utf-8")


@pytest.mark.usefixtures("covertable")
def test_selections_are_made_anew_and_checked(
    root: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("toy/file.yaml", LARGE)
    there = ["--cases", str(root)]
    assert main(["--check", *there]) == 1
    told = capsys.readouterr().err
    assert "toy/file/large has no selection" in told
    assert f'run "python -m lstm_ref.corpus.covering --cases {root}"' in told
    assert main(there) == 0
    assert "points of toy/file/large\n" in capsys.readouterr().out
    assert main(["--check", *there]) == 0
    assert len(load(root).cases) == 10


def test_a_check_needs_no_generator(large: Path) -> None:
    code = (
        "import sys; from lstm_ref.corpus.covering import main; print(main(['--check', '--cases',"
        f" {str(large)!r}]), 'covertable' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "0 False\n"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda one: one["rows"].pop(),
            "the selection of toy/file/large misses 1 combinations: params.unroll=true, params.rate=1",
        ),
        (
            lambda one: one["rows"].append([1, 2, 0]),
            "rows that are not points, or are listed twice: (1, 2, 0)",
        ),
        (lambda one: one["rows"].append(one["rows"][0]), "are listed twice: (0, 0, 0)"),
        (lambda one: one["rows"].append([0, 0]), "are listed twice: (0, 0)"),
        (lambda one: one.update(digest="0"), "the selection of toy/file/large is stale"),
    ],
)
def test_a_selection_changed_by_hand_fails_the_check(
    large: Path, capsys: pytest.CaptureFixture[str], change: Callable[[dict[str, Any]], object], message: str
) -> None:
    file = large / "covering.json"
    data = json.loads(file.read_text())
    change(data["toy/file/large"])
    file.write_text(json.dumps(data))
    assert main(["--check", "--cases", str(large)]) == 1
    assert message in capsys.readouterr().err


def test_a_selection_of_no_case_fails_the_check(
    large: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("toy/file.yaml", LARGE.replace("large", "larger"))
    assert main(["--check", "--cases", str(large)]) == 1
    assert "toy/file/large has a selection, but asks for none" in capsys.readouterr().err


def test_broken_case_files_make_no_selection(
    large: Path, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    write("toy/file.yaml", LARGE.replace("strength: 2", "strength: two"))
    before = (large / "covering.json").read_text()
    assert main(["--cases", str(large)]) == 2
    assert "file.yaml:13:24: must be a whole number" in capsys.readouterr().err
    assert (large / "covering.json").read_text() == before


def test_where_every_point_is_excluded_there_is_nothing_to_cover(problems: Problems) -> None:
    found = problems(
        "- {name: a, matrix: {params.rate: [1]}, exclude: [{params.rate: 1}], covering: {strength: 1, runs:"
        " always}}"
    )
    assert "every point is excluded" in {problem.message for problem in found}
