"""Loading a corpus: what it holds, its hash, and what it must not do."""

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lstm_ref.corpus import (
    CorpusError,
    corpus_hash,
    corpus_root,
    load,
    load_divergences,
    load_file,
    load_parameters,
)

Write = Callable[[str, str], Path]

DIVERGENCES = """\
kind: divergences
implementation: toy-one
about: Known disagreements.
entries:
  - cases: toy/file/*
    kind: framework
    versions: {toy: ">=3.0,<3.16"}
    outcome: fail
    match: "output: .* beyond the bound"
    dtypes: [float32]
    reason: It rounds twice.
    link: https://example.org/issues/1
"""


OWN = """\
kind: cases
dialect: keras
layer: LSTM
about: Own.
source: a test
cases: [{name: plain, params: {units: 3}, input: {batch: 1, timesteps: 1, features: 1}}]
"""
FROM_CHECKOUT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


def test_loading_imports_no_framework() -> None:
    code = (
        "import sys, lstm_ref.corpus as c; c.load(); print(sorted({'tensorflow', 'keras', 'torch', 'numpy'} &"
        " set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert found.stdout.strip() == "[]"


def test_files_elsewhere_are_read_without_all_that_this_package_has(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
    code = (
        "from lstm_ref.corpus import gather, loading\n"
        "print([case.id for case in gather(['own.yaml'])], loading._shipped.cache_info().misses)\n"
        "print(len(gather(['own.yaml', 'torch/weights'])) > 1, loading._shipped.cache_info().misses)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=FROM_CHECKOUT,
    )
    assert found.stdout.splitlines() == ["['own/plain'] 0", "True 1"]


@pytest.mark.parametrize("name", ["keras/structure.yaml", "torch/packed.yaml", "onnx/structure.yaml"])
def test_the_points_of_an_everyday_run_are_those_of_all_that_it_takes(name: str) -> None:
    file, parameters = corpus_root() / name, load_parameters()
    every = load_file(file, parameters)
    some = load_file(file, parameters, everyday=True)
    assert some == [case for case in every if case.everyday]
    assert 0 < len(some) < len(every)


def test_the_hash_changes_with_any_content_and_with_nothing_else(root: Path, write: Write) -> None:
    file = write("toy/file.yaml", "- name: a\n")
    first = load(root).hash
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    (root / "notes.txt").write_text("not part of it")
    assert load(root).hash == first
    write("toy/file.yaml", "- name: b\n")
    second = load(root).hash
    file.rename(root / "toy" / "other.yaml")
    assert len({first, second, load(root).hash}) == 3


@pytest.mark.parametrize(
    "broken", ["kind: cases\ncases: [\n", "kind: something\n", "\t", "a: 1\na: 1\n", "\ufeff\x00"]
)
def test_the_hash_is_there_for_files_that_nobody_can_read(root: Path, write: Write, broken: str) -> None:
    write("toy/file.yaml", "- name: a\n")
    right = load(root).hash
    assert corpus_hash(root) == right
    (root / "toy" / "broken.yaml").write_text(broken, encoding="utf-8")
    with pytest.raises(CorpusError):
        load(root)
    assert corpus_hash(root) != right
    (root / "toy" / "broken.yaml").unlink()
    assert corpus_hash(root) == right


def test_files_load_in_the_order_of_their_names_and_hidden_ones_not_at_all(root: Path, write: Write) -> None:
    for name in ("b", "a", ".c"):
        write(f"toy/{name}.yaml", "- name: x\n")
    assert [case.id for case in load(root).cases] == ["toy/a/x", "toy/b/x"]


def test_loading_leaves_garbage_collection_on(root: Path) -> None:
    load(root)
    assert gc.isenabled()
    (root / "toy" / "file.yaml").write_text("kind: x\n")
    with pytest.raises(CorpusError):
        load(root)
    assert gc.isenabled()


def test_a_folder_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not a folder"):
        load(tmp_path / "nothing")


def test_known_divergences_are_loaded_with_their_place(root: Path, write: Write) -> None:
    write("toy/file.yaml", "- name: a\n")
    (root / "divergences").mkdir()
    (root / "divergences" / "toy-one.yaml").write_text(DIVERGENCES)
    (entry,) = load_divergences(root)
    assert load(root).divergences == (entry,)
    assert (entry.implementation, entry.cases, entry.kind, entry.versions, entry.outcomes) == (
        "toy-one",
        "toy/file/*",
        "framework",
        {"toy": ">=3.0,<3.16"},
        ("fail",),
    )
    assert (entry.dtypes, entry.match, entry.place.line) == (("float32",), "output: .* beyond the bound", 5)


def test_a_divergence_may_name_several_patterns_of_cases_none_of_them_idle(root: Path, write: Write) -> None:
    write("toy/file.yaml", "- name: a\n- name: b\n")
    (root / "divergences").mkdir()
    file = root / "divergences" / "toy-one.yaml"
    file.write_text(DIVERGENCES.replace("toy/file/*", "[toy/file/a, toy/file/b]"))
    assert [(entry.cases, entry.match, entry.place.line) for entry in load(root).divergences] == [
        (f"toy/file/{name}", "output: .* beyond the bound", 5) for name in ("a", "b")
    ]
    file.write_text(DIVERGENCES.replace("toy/file/*", "[toy/file/a, toy/file/c]"))
    with pytest.raises(CorpusError, match=r'no case matches "toy/file/c"'):
        load(root)
    file.write_text(DIVERGENCES.replace("toy/file/*", "[]"))
    with pytest.raises(CorpusError, match="must not be empty"):
        load(root)


def test_a_divergence_that_is_about_no_case_is_a_problem(root: Path, write: Write) -> None:
    write("toy/fiel.yaml", "- name: a\n")
    (root / "divergences").mkdir()
    (root / "divergences" / "toy-one.yaml").write_text(DIVERGENCES)
    with pytest.raises(CorpusError, match=r'toy-one\.yaml:5:.*no case matches "toy/file/\*"') as caught:
        load(root)
    assert caught.value.problems[0].hint == 'did you mean "toy/fiel/a" or "toy/fiel"?'


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (">=3.0,<3.16", "3.x", "version specifier"),
        ("kind: framework", "kind: bug", "must be framework or documentation or by-design"),
        ("outcome: fail", "outcome: pass", "must be fail or error or crash or timeout"),
        ("    reason: It rounds twice.\n", "", '"reason" is missing'),
        ("toy-one", "toy-two", r"the file is named toy-one\.yaml"),
        ("https://", "see ", "must be text that matches"),
        ('    match: "output: .* beyond the bound"\n', "", '"match" is missing'),
        ("output: .* beyond the bound", " ", "must be more than blanks"),
        ("output: .* beyond the bound", "output: (", r"toy-one\.yaml:9:12: is not a regular expression"),
    ],
)
def test_a_divergence_is_strict(root: Path, old: str, new: str, message: str) -> None:
    (root / "divergences").mkdir()
    (root / "divergences" / "toy-one.yaml").write_text(DIVERGENCES.replace(old, new))
    with pytest.raises(CorpusError, match=message):
        load_divergences(root)
    with pytest.raises(CorpusError, match=message):
        load(root)


def test_known_divergences_stand_in_their_folder(root: Path) -> None:
    (root / "toy" / "toy-one.yaml").write_text(DIVERGENCES)
    with pytest.raises(CorpusError, match="stand in the folder divergences"):
        load(root)
