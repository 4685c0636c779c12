"""Ranges of versions, written into the text of a file of divergences."""

import pytest

from lstm_ref.corpus.range_writing import NoSuchLine, with_measured, with_ranges

TEXT = """\
kind: divergences
about: What is known.  # as it is
entries:
  - cases: a/*
    kind: framework
    versions: {kit: "==2.*", other: "==1.*"}
    reason: >-
      It says versions: {kit: "==2.*"} somewhere.
  - cases: b
    versions: {kit: "==2.*"}
"""


def test_only_the_specifier_of_the_package_in_that_entry_changes() -> None:
    changed = with_ranges(TEXT, "kit", {4: ">=1,<3"})
    assert changed == TEXT.replace('{kit: "==2.*", other', '{kit: ">=1,<3", other')
    assert with_ranges(TEXT, "kit", {9: ">=1"}).endswith('versions: {kit: ">=1"}\n')


def test_versions_that_do_not_stand_on_one_line_are_refused() -> None:
    with pytest.raises(NoSuchLine, match=r"line 9: .* on one line"):
        with_ranges(
            TEXT.replace('    versions: {kit: "==2.*"}', '    versions:\n      kit: "==2.*"'),
            "kit",
            {9: ">=1"},
        )


def test_measured_versions_stand_before_the_entries_once() -> None:
    once = with_measured(TEXT, "kit", ["1.0", "2.0"])
    assert once == TEXT.replace("entries:", 'measured: {kit: ["1.0", "2.0"]}\nentries:', 1)
    both = with_measured(once, "other", ["7"])
    assert 'measured: {kit: ["1.0", "2.0"], other: ["7"]}\nentries:' in both
    assert 'measured: {other: ["7"], kit: ["3.0"]}\nentries:' in with_measured(both, "kit", ["3.0"])
