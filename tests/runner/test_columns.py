"""What `tox run -e versions` and `tox run -e runtimes` make, and do not make twice."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from lstm_ref.corpus import corpus_hash
from lstm_ref.implementations import discover
from lstm_ref.results.records import Header
from lstm_ref.results.writing import ResultFile

SCRIPTS = Path(__file__).parents[2] / ".ci"
PLATFORM = {"system": "s", "machine": "m", "python": "3", "numpy": "2", "cpu": "c", "flags": ["avx2"]}


@pytest.fixture
def scripts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return {name: importlib.import_module(name) for name in ("columns", "versions", "runtimes")}


def write(path: Path, finished: bool, corpus: str | None = None, **options: object) -> None:
    header = Header("0", "2026-01-02", 0, corpus or corpus_hash(), 0, 0, options, PLATFORM, (), ())
    file = ResultFile(path)
    file.begin(header)
    if finished:
        file.finish()
    file.close()


@pytest.mark.parametrize(
    ("corpus", "cases", "finished", "whole"),
    [
        (None, ["keras"], True, True),
        (None, ["keras"], False, False),
        (None, ["keras/sizes"], True, False),
        ("other cases", ["keras"], True, False),
    ],
)
def test_only_a_whole_run_of_the_same_cases_is_kept(
    scripts: dict[str, ModuleType],
    tmp_path: Path,
    corpus: str | None,
    cases: list[str],
    finished: bool,
    whole: bool,
) -> None:
    path, is_whole = tmp_path / "3.8.0.jsonl", scripts["columns"].is_whole
    assert not is_whole(path, cases=["keras"], dtypes=["float64"], quick=False)
    write(path, finished, corpus, cases=cases, implementations=[], dtypes=["float64"])
    assert is_whole(path, cases=["keras"], dtypes=["float64"], quick=False) is whole
    assert not is_whole(path, cases=["keras"], dtypes=["float32"], quick=False)
    assert not is_whole(path, cases=["keras"], dtypes=["float64"], quick=True)


def test_an_environment_is_made_once_and_has_the_packages_of_this_one_behind_its_own(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    given: list[tuple[Path, Path]] = []
    make = scripts["columns"].environment
    interpreter = make(tmp_path / "one", lambda python, own: given.append((python, own)))
    assert given[0][0] == interpreter
    assert given[0][1].is_relative_to(tmp_path / "one")
    assert (given[0][1] / "base.pth").read_text(encoding="utf-8").startswith("import site; site.addsitedir(")
    assert interpreter.exists()
    assert make(tmp_path / "one", lambda python, own: given.append((python, own))) == interpreter
    assert len(given) == 1


def test_what_could_not_be_installed_is_installed_anew(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    def fails(python: Path, own: Path) -> None:
        raise OSError("no connection")

    make, made = scripts["columns"].environment, []
    with pytest.raises(OSError, match="no connection"):
        make(tmp_path / "one", fails)
    make(tmp_path / "one", lambda python, own: made.append(own))
    assert len(made) == 1


def test_an_old_version_gets_what_it_needs_beside_itself(
    scripts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    versions = scripts["versions"]
    monkeypatch.setattr(versions.subprocess, "run", lambda words, check: ran.append(words))
    for version, packages in {
        "3.0.5": ["keras==3.0.5", "dm-tree"],
        "3.10.0": ["keras==3.10.0"],
        "nightly": ["--pre", "keras-nightly"],
    }.items():
        versions.install(version, tmp_path)
        assert ran[-1][-len(packages) :] == packages
        assert "--no-deps" in ran[-1]


def test_whatever_runs_on_request_is_a_runtime_and_has_an_extra(scripts: dict[str, ModuleType]) -> None:
    found = scripts["runtimes"].runtimes()
    assert found.keys() == {name for name, each in discover().items() if each.on_request}
    assert {"onnxruntime", "keras-jax", "flax"} <= found.keys()
    assert all(each.host.extra for each in found.values())


def test_a_runtime_runs_the_cases_of_its_dialect_in_what_it_computes_in(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    module, name = scripts["runtimes"], "keras-numpy"
    words = list(module.options(module.runtimes()[name], tmp_path / "r.jsonl", ["keras"], quick=True))
    assert words[:3] == ["keras", "--impl", "keras-numpy"]
    assert words[words.index("--dtype") :].count("--dtype") == 1
    assert "float32" in words
    assert "--quick" in words


@pytest.mark.parametrize("outcome", ["fail", "error", "crash", "timeout", "stale"])
def test_a_report_is_red_where_one_column_is(
    scripts: dict[str, ModuleType],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcome: str,
) -> None:
    columns, ran = scripts["columns"], []
    monkeypatch.setattr(columns, "lstm_ref", lambda *words, **_: ran.append(words))
    counts = {"a": {"pass": 2}, "b": {"pass": 1, outcome: 1}}
    footers = {name: type("Footer", (), {"counts": counts[name], "seconds": 1.0}) for name in counts}
    monkeypatch.setattr(columns, "read", lambda file: type("Results", (), {"footer": footers[file.name]}))
    files = {name: tmp_path / name for name in counts}
    assert columns.one_report(files, tmp_path) == (tmp_path / "all.jsonl", True)
    assert columns.one_report({"a": tmp_path / "a"}, tmp_path) == (tmp_path / "all.jsonl", False)
    assert [words[0] for words in ran] == ["merge", "report"] * 2
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("b: ")]
    assert f"1 {outcome}" in line


def test_a_command_that_cannot_run_ends_everything(scripts: dict[str, ModuleType]) -> None:
    with pytest.raises(scripts["columns"].subprocess.CalledProcessError):
        scripts["columns"].lstm_ref("run", "no-such-case", interpreter=sys.executable, may_be_red=True)
