"""What `tox run -e versions` does not run a second time."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from lstm_ref.corpus import corpus_hash
from lstm_ref.results.records import Header
from lstm_ref.results.writing import ResultFile

SCRIPT = Path(__file__).parents[2] / ".ci" / "versions.py"
PLATFORM = {"system": "s", "machine": "m", "python": "3", "numpy": "2", "cpu": "c", "flags": ["avx2"]}


@pytest.fixture(scope="module")
def versions() -> ModuleType:
    spec = importlib.util.spec_from_file_location("versions_of_keras", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
    versions: ModuleType, tmp_path: Path, corpus: str | None, cases: list[str], finished: bool, whole: bool
) -> None:
    path = tmp_path / "3.8.0.jsonl"
    assert not versions.is_whole(path, ["keras"], "float64", quick=False)
    options = {"cases": cases, "implementations": [], "dtypes": ["float64"]}
    header = Header("0", "2026-01-02", 0, corpus or corpus_hash(), 0, 0, options, PLATFORM, (), ())
    file = ResultFile(path)
    file.begin(header)
    if finished:
        file.finish()
    file.close()
    assert versions.is_whole(path, ["keras"], "float64", quick=False) is whole
    assert not versions.is_whole(path, ["keras"], "float32", quick=False)
    assert not versions.is_whole(path, ["keras"], "float64", quick=True)


def test_an_old_version_gets_what_it_needs_beside_itself(
    versions: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(versions.subprocess, "run", lambda words, check: ran.append(words))
    site = f"lib/python{versions.sys.version_info[0]}.{versions.sys.version_info[1]}/site-packages"
    monkeypatch.setattr(versions.venv, "create", lambda folder, **_: (folder / site).mkdir(parents=True))
    for version, packages in {
        "3.0.5": ["keras==3.0.5", "dm-tree"],
        "3.10.0": ["keras==3.10.0"],
        "nightly": ["--pre", "keras-nightly"],
    }.items():
        interpreter = versions.environment(version, tmp_path / version)
        assert ran[-1][-len(packages) :] == packages
        assert (tmp_path / version / site / "base.pth").exists()
        assert versions.environment(version, tmp_path / version) == interpreter  # nothing is made again
    assert len(ran) == 3
