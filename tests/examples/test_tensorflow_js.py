"""A layer in another language: TensorFlow.js, through its subject in JavaScript."""

import os
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import lstm_ref
from lstm_ref.corpus import load, load_divergences_file
from lstm_ref.corpus.selection import id_pattern
from lstm_ref.results.reading import read

EXAMPLE = Path(lstm_ref.__file__).parent.parent / "examples" / "tensorflow-js"
SUBJECT = shlex.join(["node", str(EXAMPLE / "subject.mjs")])

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (EXAMPLE / "node_modules").is_dir(),
    reason="needs Node, and `npm install` in examples/tensorflow-js",
)


@needs_node
def test_it_is_judged_with_gradients_and_masks_and_its_known_defects_are_expected(tmp_path: Path) -> None:
    chosen = ["keras/relations/unroll*", "keras/sizes", "keras/losses/kernel*", "keras/dropout/everything*"]
    command = [
        sys.executable,
        "-m",
        "lstm_ref.cli",
        "run",
        *chosen,
        "--subject",
        SUBJECT,
        "--divergences",
        str(EXAMPLE / "tensorflow-js.yaml"),
    ]
    done = subprocess.run(
        [*command, "--results", "r.jsonl", "--report", "r.html"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(EXAMPLE.parent.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results = read(tmp_path / "r.jsonl")
    outcomes = Counter(outcome.outcome for outcome in results.outcomes)
    assert outcomes["pass"] >= 15
    assert outcomes["divergence"] >= 20
    (subject,) = results.subjects
    assert {"node", "tfjs"} <= set(subject.versions)


def test_each_of_its_known_defects_is_about_some_case() -> None:
    ids = [case.id for case in load().cases]
    entries = load_divergences_file(EXAMPLE / "tensorflow-js.yaml")
    idle = [entry.cases for entry in entries if not any(map(id_pattern(entry.cases).fullmatch, ids))]
    assert idle == []
