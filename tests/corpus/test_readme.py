"""What cases/README.md shows is right: each example passes the check."""

import re
from pathlib import Path

import pytest

from lstm_ref.corpus import corpus_root, load_divergences_file, load_file, load_parameters
from lstm_ref.oracle.dry_run import problems_of

README = (corpus_root() / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)

HEAD = """\
kind: cases
dialect: keras
layer: LSTM
about: As in the README.
source: keras.layers.LSTM
cases:
"""
CASE = """\
  - name: example
    params: {units: 3, return_sequences: true, return_state: true}
    input: {batch: 4, timesteps: 7, features: 5}
"""


def whole(block: str) -> str:
    """The block as a file: some are files, some are cases, and some are keys of a
    case.
    """
    if block.startswith("  - name"):
        return HEAD + block
    return HEAD + CASE + block if block.startswith("    ") else block


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.strip().splitlines()[-1].strip()[:40])
def test_every_example_passes_the_check(tmp_path: Path, block: str) -> None:
    of_divergences = re.search(r"^implementation: (\S+)$", block, re.MULTILINE)
    file = tmp_path / f"{of_divergences[1] if of_divergences else 'example'}.yaml"
    file.write_text(whole(block), encoding="utf-8")
    if of_divergences:
        assert load_divergences_file(file)
        return
    cases = load_file(file, load_parameters())
    assert cases
    if "expect" not in block:
        assert not list(problems_of(cases))


def test_every_case_file_is_named() -> None:
    files = {path.name for path in corpus_root().glob("*/*.yaml") if path.parent.name in {"keras", "torch"}}
    named = set(re.findall(r"`(?:torch/)?([\w-]+\.yaml)`", README))
    assert files - named <= {"rejected-cell.yaml"}
    assert {name for name in named if not (corpus_root() / name).exists()} - files == set()
