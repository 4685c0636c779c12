"""How much of a large matrix a run takes: every day, in full, where points are named,
and on implementations that are slow or follow one version.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from heads import KERAS_LSTM, TORCH_LSTM

import lstm_ref
from lstm_ref.corpus import load_file, load_parameters
from lstm_ref.corpus.covering import wanted
from lstm_ref.corpus.points.covering_file import Selection, text
from lstm_ref.corpus.selection import last_part

# Eight points, four of which cover every pair; a case of one point; and one that has no
# float64.
FILE = (
    TORCH_LSTM
    + """\
  - name: large
    matrix:
      params.bias: [true, false]
      params.bidirectional: [false, true]
      call.hx: [absent, given]
    covering: {strength: 2, runs: everyday, full_dtypes: [float64]}
  - name: small
  - name: half
    matrix: {params.bias: [true, false]}
    covering: {strength: 1, runs: everyday}
    dtypes: [bfloat16, float16]
"""
)
CHOSEN = {"large": ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0)), "half": ((0,),)}
COVERING = {
    "large",
    "large[bidirectional=true,hx=given]",
    "large[bias=false,hx=given]",
    "large[bias=false,bidirectional=true]",
}
REST = {
    "large[bidirectional=true]",
    "large[hx=given]",
    "large[bias=false]",
    "large[bias=false,bidirectional=true,hx=given]",
}
BOTH = ("float64", "float32")

# Implementations that nothing has to be installed for, as nothing is run.
PLUGIN = """\
import pytest
from lstm_ref.runner import plan
from lstm_ref.protocol import Host, Implementation

HOST = Host("none", (), "nothing", {})
KNOWN = {
    name: Implementation(name, dialect, None, {}, HOST, version=version, covering_only=slow)
    for name, dialect, version, slow in [
        ("plain", "torch", "", False),
        ("slow", "torch", "", True),
        ("old", "keras", "2", False),
        ("new", "keras", "3", False),
    ]
}

@pytest.hookimpl(tryfirst=True)
def pytest_configure():
    plan.discover = lambda: KNOWN
"""

Collected = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "file.yaml").write_text(FILE, encoding="utf-8")
    found = {
        key: Selection(one.digest, CHOSEN[key.rpartition("/")[2]]) for key, one in wanted(tmp_path).items()
    }
    (tmp_path / "covering.json").write_text(text(found), encoding="utf-8")
    (tmp_path / "known_here.py").write_text(PLUGIN, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    return tmp_path


@pytest.fixture
def collect(folder: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        plugins = [
            "-p",
            "lstm_ref.pytest_plugin",
            "-p",
            "known_here",
            "-p",
            "xdist.plugin",
            "-p",
            "no:cacheprovider",
        ]
        command = [sys.executable, "-m", "pytest", *plugins, "--collect-only", "-q"]
        outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        package = os.pathsep.join([str(folder), str(Path(lstm_ref.__file__).parent.parent)])
        environment = {**outside, "PYTHONPATH": package, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def collected(collect: Callable[..., "subprocess.CompletedProcess[str]"]) -> Collected:
    """The names of the items that a run would take, without the file."""

    def names(*arguments: str) -> list[str]:
        done = collect(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return [line.partition("::")[2] for line in done.stdout.splitlines() if "::" in line]

    return names


def items(cases: set[str], implementation: str = "plain", dtypes: tuple[str, ...] = BOTH) -> set[str]:
    return {f"{case}[{implementation}-{dtype}]" for case in cases for dtype in dtypes}


EVERYDAY = items(COVERING) | items({"small"}) | items({"half"}, dtypes=("bfloat16", "float16"))
SLOW = items(COVERING, "slow") | items({"half"}, "slow", dtypes=("bfloat16", "float16"))


def test_the_points_of_this_file_are_those_it_speaks_of(folder: Path) -> None:
    cases = [case for case in load_file(folder / "file.yaml", load_parameters()) if case.name == "large"]
    assert {case.id.removeprefix("file/") for case in cases if case.everyday} == COVERING
    assert {case.id.removeprefix("file/") for case in cases if not case.everyday} == REST


def test_an_everyday_run_takes_the_selection_in_all_dtypes(collected: Collected) -> None:
    assert set(collected("file.yaml", "--lstm-impl", "plain")) == EVERYDAY


def test_a_full_run_takes_what_is_beyond_a_selection_in_the_dtypes_that_it_names_or_in_all(
    collected: Collected,
) -> None:
    rest = items(REST, dtypes=("float64",)) | items({"half[bias=false]"}, dtypes=("bfloat16", "float16"))
    assert set(collected("file.yaml", "--lstm-impl", "plain", "--lstm-full")) == EVERYDAY | rest


def test_a_full_run_in_another_dtype_takes_the_selection(collected: Collected) -> None:
    assert set(
        collected("file.yaml", "--lstm-impl", "plain", "--lstm-full", "--lstm-dtype", "float32")
    ) == items(COVERING | {"small"}, dtypes=("float32",))


def test_a_slow_implementation_takes_selections_alone(collected: Collected) -> None:
    assert set(collected("--lstm-full")) & items({"small"} | REST, "slow") == set()
    assert set(collected("--lstm-full")) >= SLOW


def test_a_slow_implementation_that_is_asked_for_takes_every_case_of_ones_own(collected: Collected) -> None:
    assert set(collected("file.yaml", "--lstm-impl", "slow")) == SLOW | items({"small"}, "slow")


def test_a_slow_implementation_is_its_own_partner_within_its_dialect(
    folder: Path, collected: Collected
) -> None:
    twice = "  - {name: twice, relation: {other: {params: {batch_first: true}}}}\n"
    head, cases, _ = FILE.partition("cases:\n")
    (folder / "twice.yaml").write_text(head + cases + twice, encoding="utf-8")
    assert set(collected("twice.yaml", "--lstm-impl", "slow")) == items({"twice"}, "slow")


def test_a_slow_implementation_is_part_of_a_full_run_only_unless_it_is_asked_for(
    collected: Collected,
) -> None:
    assert set(collected("file.yaml")) == EVERYDAY
    assert set(collected("file.yaml", "--lstm-full")) > SLOW


@pytest.mark.parametrize(
    ("arguments", "cases"),
    [
        (["--lstm-case", "file/large[bias=false]"], {"large[bias=false]"}),
        (["file.yaml::large[bias=false]"], {"large[bias=false]"}),
        (
            ["--lstm-case", "file/large*bias=false*"],
            {"large[bias=false,hx=given]", "large[bias=false,bidirectional=true]"},
        ),
        (
            ["--lstm-case", "file/large[bias=false]", "--lstm-case", "file/large[hx*"],
            {"large[bias=false]", "large[hx=given]"},
        ),
        (
            ["--lstm-case", "*[b*true]", "--lstm-case", "*hx=given]"],
            {"large[bias=false,bidirectional=true]"} | {name for name in COVERING if "hx" in name},
        ),
        (["--lstm-case", "file.yaml"], COVERING | {"small", "half"}),
    ],
)
def test_a_pattern_takes_the_selection_unless_it_names_nothing_else(
    collected: Collected, arguments: list[str], cases: set[str]
) -> None:
    files = [] if "::" in arguments[0] else ["file.yaml"]
    found = collected(
        *files, *arguments, "--lstm-impl", "plain", "--lstm-dtype", "float32", "--lstm-dtype", "float16"
    )
    assert {name.rpartition("[")[0] for name in found} == cases


def test_a_pattern_takes_every_point_in_a_full_run(collected: Collected) -> None:
    found = collected(
        "file.yaml", "--lstm-impl", "plain", "--lstm-full", "--lstm-case", "file/large*bias=false*"
    )
    named = {name for name in COVERING | REST if "bias=false" in name}
    assert set(found) == items(named & COVERING) | items(named & REST, dtypes=("float64",))


def test_an_item_that_no_everyday_run_has_is_run_by_its_node_id(collected: Collected) -> None:
    item = "large[bias=false][plain-float32]"
    assert collected(f"file.yaml::{item}", "--lstm-impl", "plain") == [item]
    assert set(collected(f"file.yaml::{item}", "file.yaml::small", "--lstm-impl", "plain")) == {item} | items(
        {"small"}
    )
    assert collected("--lstm-case", f"file.yaml::{item}", "--lstm-impl", "plain") == [item]


def test_a_pattern_over_several_files_is_one_pattern(collected: Collected, folder: Path) -> None:
    """In the other file it names points of no everyday run only, but it names others
    here.
    """
    (folder / "other.yaml").write_text(FILE, encoding="utf-8")
    chosen = {"file": CHOSEN["large"], "other": ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 1))}
    found = {
        key: Selection(one.digest, chosen[key.partition("/")[0]] if key.endswith("large") else CHOSEN["half"])
        for key, one in wanted(folder).items()
    }
    (folder / "covering.json").write_text(text(found), encoding="utf-8")
    pattern = "*/large[bias=false,bidirectional=true]"
    assert sorted(collected("--lstm-impl", "plain", "--lstm-case", pattern)) == sorted(
        items({"large[bias=false,bidirectional=true]"})
    )
    assert len(collected("--lstm-impl", "plain", "--lstm-case", pattern, "--lstm-full")) == 3


VERSIONS = (
    KERAS_LSTM
    + """\
  - name: both
  - {name: first, versions: ["2"]}
  - {name: second, versions: ["3", "2"]}
"""
)


def test_a_case_is_run_where_the_implementation_follows_its_version(
    collected: Collected, folder: Path
) -> None:
    (folder / "versions.yaml").write_text(VERSIONS, encoding="utf-8")
    assert set(collected("versions.yaml", "--lstm-dtype", "float32")) == {
        *(f"{name}[old-float32]" for name in ("both", "first", "second")),
        *(f"{name}[new-float32]" for name in ("both", "second")),
    }


CROSS = (
    KERAS_LSTM
    + """\
  - name: own
    relation: {other: {params: {unroll: true}}}
  - name: crossing
    params: {return_state: true}
    relation:
      other: {dialect: torch, layer: LSTM, params: {input_size: 5, hidden_size: 3, batch_first: true}}
      equal: [{left: c, right: c_n}]
"""
)


def test_a_case_of_two_dialects_is_run_where_there_is_something_for_both(
    collected: Collected, folder: Path
) -> None:
    (folder / "cross.yaml").write_text(CROSS, encoding="utf-8")
    arguments = ("cross.yaml", "--lstm-dtype", "float32", "--lstm-impl", "new")
    assert set(collected(*arguments)) == {"own[new-float32]"}
    assert set(collected(*arguments, "--lstm-impl", "slow")) == {"own[new-float32]"}
    assert set(collected(*arguments, "--lstm-impl", "plain")) == {"own[new-float32]", "crossing[new-float32]"}


SIZES, PACKED = (
    str(Path(lstm_ref.__file__).parent.parent / "cases" / "torch" / name)
    for name in ("sizes.yaml", "packed.yaml")
)
Collect = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    "chosen",
    [
        (SIZES, "--lstm-case", "torch/sizes/one-unit"),
        (SIZES, "--lstm-case", "torch/sizes/one-*"),
        (SIZES, "--lstm-case", "torch/sizes"),
        (f"{SIZES}::one-unit",),
        (SIZES,),
    ],
    ids=["id", "pattern", "beginning", "point", "file"],
)
def test_a_slow_implementation_that_is_asked_for_takes_what_is_chosen(
    collected: Collected, chosen: tuple[str, ...]
) -> None:
    found = collected(*chosen, "--lstm-impl", "slow", "--lstm-impl", "plain")
    assert "one-unit[slow-float32]" in found
    assert {name for name in found if "[slow-" in name} == {
        name.replace("[plain-", "[slow-") for name in found if "[plain-" in name
    }


@pytest.mark.parametrize(
    "chosen", [(PACKED, "--lstm-case", "torch/packed"), (PACKED,)], ids=["beginning", "file"]
)
def test_of_cases_with_large_matrices_it_takes_points_that_cover_them(
    collected: Collected, chosen: tuple[str, ...]
) -> None:
    covering = {last_part(case) for case in load_file(Path(PACKED), load_parameters()) if case.covering}
    found = set(collected(*chosen, "--lstm-impl", "slow", "--lstm-impl", "plain"))
    assert {name.rpartition("[")[0] for name in found if "[slow-" in name} == covering
    assert {name.rpartition("[")[0] for name in found if "[plain-" in name} > covering


def test_an_item_on_a_slow_implementation_is_run_where_it_is_named(collected: Collected) -> None:
    item = "one-unit[slow-float32]"
    assert collected(f"{SIZES}::{item}") == [item]
    assert collected(SIZES, "--lstm-case", f"{SIZES}::{item}") == [item]
    beside = collected(f"{SIZES}::{item}", "file.yaml")
    assert {name for name in beside if "[slow-" in name} == {item}
    assert set(beside) > {item}


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (
            (SIZES, "--lstm-case", "torch/sizes/one-*", "--lstm-impl", "old"),
            "of torch, which nothing here runs; what would: --impl plain; --impl slow",
        ),
        (
            ("keras.yaml", "--lstm-case", "keras.yaml", "--lstm-impl", "plain"),
            '"keras.yaml" names 1 case of keras, which nothing here runs; what would: --impl old; --impl new',
        ),
        (
            ("versions.yaml", "--lstm-case", "versions.yaml::first", "--lstm-impl", "new"),
            "names 1 case that nothing here runs: new follows version 3 of the documentation, and not 2",
        ),
        (
            (SIZES, "--lstm-case", "torch/sizes/one-unit", "--lstm-dtype", "float16"),
            "names 1 case that plain could run, but in float32, float64, not in float16",
        ),
        (
            ("file.yaml", "--lstm-case", "torch/sizes/one-unit"),
            "names 1 case in files that pytest was not told to collect; add ",
        ),
        (("file.yaml", "--lstm-case", "torch/sizes/one-unt"), 'no case matches "torch/sizes/one-unt"'),
    ],
    ids=["dialect", "of-ones-own", "version", "dtype", "not-collected", "unknown"],
)
def test_what_nothing_runs_is_told_with_the_reason(
    collect: Collect, folder: Path, arguments: tuple[str, ...], reason: str
) -> None:
    """The corpus of the package, and the files that are named, are looked into for what
    a pattern may have meant.
    """
    (folder / "versions.yaml").write_text(VERSIONS, encoding="utf-8")
    (folder / "keras.yaml").write_text(VERSIONS[: VERSIONS.index("  - {name: first")], encoding="utf-8")
    done = collect(*arguments)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert reason in done.stdout + done.stderr


def test_cases_in_a_yml_file_are_cases(collected: Collected, folder: Path) -> None:
    (folder / "file.yaml").rename(folder / "file.yml")
    assert set(collected("file.yml", "--lstm-impl", "plain")) == EVERYDAY
    assert set(collected("--lstm-impl", "plain")) == EVERYDAY
    assert set(collected("file.yml::small", "--lstm-impl", "plain")) == items({"small"})
