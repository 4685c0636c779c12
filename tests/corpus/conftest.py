"""A small corpus to write case files into."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from lstm_ref.corpus import Case, CorpusError, Problem, load

TABLE = """\
kind: parameters
dialect: toy
about: A dialect for tests.
source: tests
versions: ["1", "2"]
layers:
  LSTM:
    about: A layer.
    source: tests
    constructor:
      units: {about: Size., source: tests, required: true}
      activation: {about: Function., source: tests, default: tanh}
      unroll: {about: Loop., source: tests, default: false}
      rate: {about: Rate., source: tests, default: 0}
      mask: {about: Named as a call argument is., source: tests, default: null}
      stated: {about: Whether it returns the state., source: tests, default: false}
    call:
      inputs: {about: Input., source: tests, required: true}
      state: {about: State., source: tests, values: [absent, given, previous],
        needs: {previous: {stated: true}}}
      mask: {about: Mask., source: tests, values: [absent, left, right]}
    input:
      batch: {about: Rows., required: true, unless: {form: unbatched}}
      timesteps: {about: Steps., required: true}
      features: {about: Columns.}
      form: {about: Form., default: batched, values: [batched, unbatched]}
    outputs:
      output: {about: Output., source: tests,
        at: {last-step: {}, first-step: {}, reversed: {}, forward-half: {unroll: false}}}
      h: {about: State., source: tests, needs: {stated: true}}
    actions: [call, train, reset, weights]
  RNN:
    about: A layer of cells.
    source: tests
    constructor:
      cell: {about: A layer or a list of layers., source: tests, required: true}
    call:
      inputs: {about: Input., source: tests, required: true}
      start: {about: State., source: tests, required: true, values: [given, previous]}
    input:
      batch: {about: Rows., required: true}
      timesteps: {about: Steps., required: true}
    outputs:
      output: {about: Output., source: tests, at: {first-step: {cell.0.unroll: true}}}
      h: {about: State., source: tests, needs: {cell.stated: true}}
    actions: [call]
  Cell:
    about: A layer whose input has no time.
    source: tests
    constructor:
      units: {about: Size., source: tests, required: true}
    call:
      inputs: {about: Input., source: tests, required: true}
    input:
      batch: {about: Rows., required: true}
    outputs:
      h: {about: State., source: tests, at: {every-call: {}}}
    actions: [call]
"""

OTHER = """\
kind: parameters
dialect: other
about: Another dialect for tests.
source: tests
layers:
  LSTM:
    about: A layer.
    source: tests
    constructor:
      size: {about: Size., source: tests, required: true}
      proj: {about: Projection., source: tests, default: 0}
    call:
      x: {about: Input., source: tests, required: true}
      hx: {about: State., source: tests, values: [absent, given, previous], needs: {previous: {proj: 0}}}
    input:
      batch: {about: Rows., required: true}
      timesteps: {about: Steps., required: true}
      form: {about: Form., default: padded, values: [padded, packed]}
    outputs:
      y: {about: Output., source: tests, at: {last-step: {}}}
      hn: {about: State., source: tests, needs: {proj: 0}}
    actions: [call]
"""

HEAD = """\
kind: cases
dialect: toy
layer: LSTM
about: About the file.
source: The file's source.
defaults:
  params: {units: 3}
  input: {batch: 4, timesteps: 7}
cases:
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A corpus of one dialect, toy, without cases."""
    root = tmp_path / "cases"
    (root / "toy").mkdir(parents=True)
    (root / "toy" / "parameters.yaml").write_text(TABLE)
    return root


@pytest.fixture
def second_dialect(root: Path) -> None:
    """A second dialect in the corpus, other."""
    (root / "other").mkdir()
    (root / "other" / "parameters.yaml").write_text(OTHER)


@pytest.fixture
def write(root: Path) -> Callable[[str, str], Path]:
    """Write a case file below the corpus, from the YAML of its list of cases, below
    HEAD: the first line of that is line 10.
    """

    def write_entries(name: str, entries: str) -> Path:
        file = root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(HEAD + dedent(entries), encoding="utf-8")
        return file

    return write_entries


@pytest.fixture
def cases(root: Path, write: Callable[[str, str], Path]) -> Callable[[str], list[Case]]:
    """The cases of `toy/file.yaml`, from the YAML of its list of cases."""

    def load_entries(entries: str) -> list[Case]:
        write("toy/file.yaml", entries)
        return list(load(root).cases)

    return load_entries


@pytest.fixture
def problems(root: Path, write: Callable[[str, str], Path]) -> Callable[[str], tuple[Problem, ...]]:
    """What is wrong with `toy/file.yaml`: from the YAML of its list of cases, which
    starts in line 10.
    """

    def problems_of(entries: str) -> tuple[Problem, ...]:
        write("toy/file.yaml", entries)
        with pytest.raises(CorpusError) as caught:
            load(root)
        return caught.value.problems

    return problems_of
