"""Docstrings, sentence by sentence: how they are cut, and that each sentence of an
installed one is accounted for.
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from lstm_ref.corpus import CorpusError, load
from lstm_ref.corpus.documentation import Sentence, key_of, split

DOCSTRING = """A layer. It has gates, e.g. one
    that forgets.

    The requirements are:

    1. `a` == `b`
    2. `c` is `None`

    Args:
        units: A size. Default: 3.
        rate (float, optional): A rate.
            Default: `0`.

    .. math::
        \\begin{array}{ll}
        i = \\sigma(x) \\\\
        \\end{array}

    .. note::
        Noted, i.e. marked.

    >>> run()
    1 = one

    ```python
    y = x
    ```
"""

DOCUMENTED = {
    "keras": {
        name: f"keras.layers.{name}"
        for name in ("LSTM", "LSTMCell", "RNN", "StackedRNNCells", "Bidirectional", "Masking")
    },
    "torch": {
        **{name: f"torch.nn.{name}" for name in ("LSTM", "LSTMCell")},
        **{
            name: f"torch.nn.utils.rnn.{name}"
            for name in (
                "PackedSequence",
                "pack_padded_sequence",
                "pad_packed_sequence",
                "pad_sequence",
                "unpad_sequence",
                "pack_sequence",
                "unpack_sequence",
                "invert_permutation",
            )
        },
    },
}
HOW = (
    "enter each under its key in cases/claims/{dialect}-sentences.yaml, with what covers it or why nothing"
    " does"
)


def test_sentences_are_cut_and_headings_and_code_left_out() -> None:
    assert split(DOCSTRING) == [
        "It has gates, e.g. one that forgets.",
        "`a` == `b`",
        "`c` is `None`",
        "units: A size.",
        "units: Default: 3.",
        "rate (float, optional): A rate.",
        "rate: Default: `0`.",
        "i = \\sigma(x)",
        "Noted, i.e. marked.",
    ]


def test_a_key_is_that_of_the_words_alone() -> None:
    assert key_of("The  `units`\n of a :class:`layer`.") == key_of("the units of a layer")
    assert key_of("The units of a layer.") != key_of("The unit of a layer.")


def test_a_cover_that_is_no_case_is_told(root: Path) -> None:
    (root / "toy" / "file.yaml").write_text(
        "kind: cases\ndialect: toy\nlayer: LSTM\nabout: a\nsource: b\ncases: [{name: a, params: {units: 3},"
        " input: {batch: 1, timesteps: 1}, matrix: {params.unroll: [false, true]}}]\n"
    )
    (root / "said.yaml").write_text(
        "kind: documentation\ndialect: toy\nabout: a\nsource: {title: b, kind: docstring, version: c}\n"
        "documents:\n  LSTM:\n    sentences:\n"
        "      - {key: 0123456789, says: It loops., covered: [toy/file/a, toy/file, toy/file/b]}\n"
    )
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [str(problem).partition("said.yaml")[2] for problem in caught.value.problems] == [
        ":8:15: must be a string, not the number 123456789"
    ]
    text = (root / "said.yaml").read_text()
    (root / "said.yaml").write_text(text.replace("0123456789", '"0123456789"'))
    with pytest.raises(CorpusError) as caught:
        load(root)
    assert [str(problem).partition("said.yaml")[2] for problem in caught.value.problems] == [
        ':8:9: no case is called "toy/file/b" (did you mean "toy/file/a" or "toy/file"?)'
    ]


def test_a_sentence_has_a_cover_or_a_reason(root: Path) -> None:
    (root / "said.yaml").write_text(
        "kind: documentation\ndialect: toy\nabout: a\nsource: {title: b, kind: docstring, version: c}\n"
        "documents:\n  LSTM:\n    sentences:\n      - {key: a123456789, says: It loops.}\n"
    )
    with pytest.raises(
        CorpusError, match=r'said\.yaml:8:9: must have either "covered" or "uncovered" with a reason'
    ):
        load(root)


@cache
def docstrings(dialect: str) -> dict[str, str]:
    """The installed ones by name, read in a process of its own."""
    named = ", ".join(f"{name!r}: {place}.__doc__" for name, place in DOCUMENTED[dialect].items())
    code = f"import json, {dialect}; print(json.dumps({{{named}}}))"
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    found: dict[str, str] = json.loads(printed.splitlines()[-1])
    return found


def said(dialect: str, document: str) -> dict[str, Sentence]:
    return {
        sentence.key: sentence
        for sentence in load().sentences
        if (sentence.dialect, sentence.document) == (dialect, document) and sentence.key
    }


@pytest.mark.parametrize(
    ("dialect", "name"), [(dialect, name) for dialect, names in DOCUMENTED.items() for name in names]
)
def test_every_sentence_of_an_installed_docstring_is_accounted_for(dialect: str, name: str) -> None:
    pytest.importorskip(dialect)
    installed = {key_of(sentence): sentence for sentence in split(docstrings(dialect)[name])}
    known = said(dialect, name)
    new = [f"{key}: {text}" for key, text in installed.items() if key not in known]
    vanished = [
        f"{key}: {sentence.says} ({sentence.place})"
        for key, sentence in known.items()
        if key not in installed
    ]
    how = HOW.format(dialect=dialect)
    assert not new, f"sentences of {name} that nobody has accounted for; {how}:\n" + "\n".join(new)
    assert not vanished, f"sentences that {name} does not have any more; remove them:\n" + "\n".join(vanished)


def test_what_misleads_is_told_with_what_is_true() -> None:
    found = [sentence for sentence in load().sentences if sentence.kind]
    assert {sentence.kind for sentence in found} == {"wrong", "ambiguous", "silent"}
    assert all(sentence.true for sentence in found)
    # A wrong sentence is held against the real layer by a claim.
    wrong = [sentence for sentence in found if sentence.kind == "wrong"]
    assert [
        sentence.says
        for sentence in wrong
        if not any(name.startswith("claims/") for name in sentence.covered)
    ] == []
