"""Every problem of a file of claims beyond those of its model, but for those of what is
run.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks.views import elements_of
from lstm_ref.corpus.meaning.claim_verdicts import (
    ALONE,
    example_file,
    side_of,
    verdict_in,
    verdicts,
    versions_of,
)
from lstm_ref.corpus.read.documents import Document, View
from lstm_ref.corpus.read.models.claims import ClaimEntry, ClaimsFile, Exhibit, is_shape
from lstm_ref.corpus.read.models.parameters import ParametersFile

OF_A_RUN = ("conforms", "returns", "container", "masks", "weights", "parameters")
ASSERTING = ("expect", "relation", *OF_A_RUN, *ALONE)
SIDES = {
    "true": {"holds"},
    "false": {"fails", "corrected"},
    "under-conditions": {"holds", "fails", "corrected"},
}
NEEDED_SIDES = {"true": ("holds",), "false": ("fails",), "under-conditions": ("holds", "fails")}
NEEDED_TEXT = {"false": "corrected", "under-conditions": "conditions", "not-decidable": "decided_by"}

_Path = tuple[Any, ...]


def problems_of_claim_names(view: View) -> Iterator[Problem]:
    """Names that several claims have, and exhibits without a name of their own where
    there are several.
    """
    first: dict[str, View] = {}
    for claim in elements_of(view, "claims"):
        name = claim.at("name")
        if name is None or not isinstance(name.data, str):
            continue
        if name.data in first:
            line = first[name.data].line
            yield name.at_value(f'the name "{name.data}" is used twice: here and in line {line}')
        first.setdefault(name.data, name)
        exhibits = [one for one in elements_of(claim, "shows") if isinstance(one.data, dict)]
        named: dict[str, View] = {}
        for exhibit in exhibits:
            own = exhibit.at("name")
            if len(exhibits) > 1 and own is None:
                yield exhibit.at_value('where a claim has several exhibits, each needs a "name"')
            elif own is not None and isinstance(own.data, str):
                if own.data in named:
                    line = named[own.data].line
                    yield own.at_value(f'the name "{own.data}" is used twice: here and in line {line}')
                named.setdefault(own.data, own)


def problems_of_claims(document: Document, file: ClaimsFile, dialect: ParametersFile) -> Iterator[Problem]:
    """What is wrong with claims and what their exhibits assert; what these run is
    checked as cases are.
    """
    for index, entry in enumerate(file.claims):
        yield from _verdict_problems(document, index, file, entry, dialect)
        for number, exhibit in enumerate(entry.shows):
            yield from _exhibit_problems(document, ("claims", index, "shows", number), exhibit)


def _verdict_problems(
    document: Document,
    index: int,
    file: ClaimsFile,
    entry: ClaimEntry,
    dialect: ParametersFile,
) -> Iterator[Problem]:
    """A verdict of an unknown version, without what it needs, or whose exhibits do not
    fit it.
    """
    path: _Path = ("claims", index)
    written = entry.verdict if isinstance(entry.verdict, dict) else {}
    if unknown := [version for version in written if version not in dialect.versions]:
        for version in unknown:
            place = document.key_place((*path, "verdict", version))
            hint = did_you_mean(version, dialect.versions)
            yield Problem(place, f'unknown version "{version}" of dialect {file.dialect}', hint)
        return
    found = [word for _, word in verdicts(entry, dialect.versions)]
    yield from _text_problems(document, path, entry, found)
    sides: dict[str, set[str]] = {word: set() for word in found}
    for number, exhibit in enumerate(entry.shows):
        word = verdict_in(entry, versions_of(file, entry, exhibit, dialect.versions), dialect.versions)
        if problem := _side_problem(document, (*path, "shows", number), exhibit, word):
            yield problem
        else:
            sides[word].add(side_of(exhibit, word))
    for word in found:
        for side in NEEDED_SIDES.get(word, ()):
            if side not in sides[word]:
                place = document.place((*path, "verdict"))
                yield Problem(place, f"the verdict {word} needs an exhibit of the side {side}")


def _text_problems(
    document: Document,
    path: _Path,
    entry: ClaimEntry,
    found: Sequence[str],
) -> Iterator[Problem]:
    """What else a verdict has to say, and what belongs to a verdict that the claim
    does not have.
    """
    for word, text in NEEDED_TEXT.items():
        given = getattr(entry, text) is not None
        if word in found and not given:
            yield Problem(document.place((*path, "verdict")), f'the verdict {word} needs "{text}"')
        if word not in found and given:
            place = document.key_place((*path, text))
            yield Problem(place, f'"{text}" belongs to the verdict {word}, and this claim has another')


def _side_problem(document: Document, path: _Path, exhibit: Exhibit, word: str) -> Problem | None:
    """Why an exhibit does not fit the verdict of its versions, which is empty where
    there are several.
    """
    if not word:
        message = "this exhibit is for versions of several verdicts, or of none"
        return Problem(document.place(path), message, 'give it "versions" of one verdict')
    if word == "under-conditions" and exhibit.side is None:
        message = 'under conditions each exhibit needs a "side"'
        return Problem(document.place(path), message, "holds, fails or corrected")
    side, allowed = side_of(exhibit, word), SIDES.get(word, set())
    if side in allowed:
        return None
    place = document.place((*path, *(["side"] if exhibit.side else [])))
    hint = f"it has {' or '.join(sorted(allowed))}" if allowed else "nothing is run for it"
    return Problem(place, f"an exhibit of the verdict {word} cannot have the side {side}", hint)


def _exhibit_problems(document: Document, path: _Path, exhibit: Exhibit) -> Iterator[Problem]:
    """An exhibit that asserts nothing, or what does not go together."""
    given = exhibit.model_fields_set
    asserted = [key for key in ASSERTING if key in given]
    if not asserted:
        yield Problem(document.place(path), "this exhibit asserts nothing", f"one of {', '.join(ASSERTING)}")
    alone = [key for key in asserted if key in ALONE]
    allowed = {"name", "says", "side", "layer", "versions", *ALONE[:2], "example", "expect"}
    if alone:
        for key in sorted(given - allowed):
            message = f'"{alone[0]}" and "{key}" exclude each other'
            yield Problem(document.key_place((*path, key)), message, "make it an exhibit of its own")
    if exhibit.expect is not None and len(asserted) > 1 and alone != ["example"]:
        others = next(key for key in asserted if key != "expect")
        yield Problem(document.key_place((*path, others)), f'"expect" and "{others}" exclude each other')
    if exhibit.example is not None and exhibit.example.file is not None:
        file = example_file(document.file, exhibit.example.file)
        if not file.is_file():
            known = sorted(each.name for each in file.parent.glob("*.py"))
            place = document.place((*path, "example", "file"))
            yield Problem(place, f"there is no file {file.name} in examples", did_you_mean(file.name, known))
    if exhibit.container is not None and (exhibit.returns is None or is_shape(exhibit.returns)):
        place = document.key_place((*path, "container"))
        yield Problem(place, '"container" needs "returns" with several shapes')
