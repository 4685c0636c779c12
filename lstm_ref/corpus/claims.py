"""Claims: from a file of statements to the cases that show whether they hold.

An exhibit is a case and what it asserts: the checks and the expansion of cases serve
both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_ref.corpus.case import Case, CaseStep, ExpectedError, Input, Location, Values
from lstm_ref.corpus.claim import Asserted, Claim, Example, Source, Weight
from lstm_ref.corpus.meaning.checks import problems_of_claim_names, problems_of_claims, problems_of_head
from lstm_ref.corpus.meaning.checks.views import elements_of
from lstm_ref.corpus.meaning.claim_verdicts import (
    ALONE,
    example_file,
    side_of,
    verdict_in,
    verdicts,
    versions_of,
)
from lstm_ref.corpus.meaning.resolution import Parameters, WrittenCase
from lstm_ref.corpus.points.covering_file import Selections
from lstm_ref.corpus.read.documents import Document, View
from lstm_ref.corpus.read.models.cases import CallEntry, CallStepEntry, CaseEntry, CasesFile, ValuesEntry
from lstm_ref.corpus.read.models.claims import ClaimEntry, ClaimsFile, Exhibit, WeightClaim
from lstm_ref.corpus.read.models.parameters import ParametersFile
from lstm_ref.corpus.read.validation import salvaged
from lstm_ref.corpus.reading import ReadCases, dialect_of, head_of, read_each, refused

DTYPES = ("float32",)  # those of an exhibit that names none: what the frameworks use by default
OF_WEIGHTS = ("weights", "parameters")
NO_SELECTIONS = Selections({}, "")


def read_claims(view: View, file: ClaimsFile | None, tables: Parameters, prefix: str) -> ReadCases:
    """The cases of a file of claims, in its order, and what is wrong with it beyond
    what its model refuses. Of a file that it refuses, the exhibits are read that can
    be.

    `prefix` is the part of the ids that stands for the file.
    """
    dialect = dialect_of(view, tables)
    if not isinstance(dialect, ParametersFile):
        return ReadCases(problems=[*problems_of_claim_names(view), *dialect])
    head, defaults = (
        (_head(file), view.at("defaults")) if file is not None else head_of(view, dialect.dialect)
    )
    written = _written(view, head, refused(view.at("defaults"), defaults))
    runs = read_each(written, tables, prefix, NO_SELECTIONS)
    problems = [
        *problems_of_claim_names(view),
        *problems_of_head(view, defaults, head, dialect),
        *runs.problems,
        *(problems_of_claims(view.document, file, dialect) if file is not None else ()),
    ]
    if problems or file is None:
        return ReadCases(problems=problems)
    points: dict[Location, list[Case]] = {}
    for case in runs.cases:
        points.setdefault(case.place, []).append(case)
    return ReadCases(list(_with_claims(view.document, file, points, dialect, prefix)))


def _head(file: ClaimsFile) -> CasesFile:
    """The head of a file of cases that the exhibits are, where they run a layer."""
    defaults = file.defaults
    if "dtypes" not in defaults.model_fields_set:
        defaults = defaults.model_copy(update={"dtypes": list(DTYPES)})
    return CasesFile.model_construct(
        dialect=file.dialect, layer=file.layer, about=file.about, source="", defaults=defaults
    )


def _written(view: View, head: CasesFile, above: frozenset[str]) -> Iterator[tuple[WrittenCase, CasesFile]]:
    """The exhibits that run a layer as cases, each below its head: the parameters of
    the defaults are those of the file's layer. `above` are the keys of the defaults
    below which something is refused.
    """
    bare = head.model_copy(update={"defaults": head.defaults.model_copy(update={"params": {}})})
    for claim in elements_of(view, "claims"):
        for number, one in enumerate(elements_of(claim, "shows")):
            found = salvaged(Exhibit, one, {})
            if found is None or not one.data.keys().isdisjoint(ALONE):
                continue
            exhibit, rest = found
            layer = exhibit.layer or (of_claim.data if (of_claim := claim.at("layer")) is not None else None)
            if layer is None or isinstance(layer, str):
                case = WrittenCase(
                    _as_case(exhibit, f"run-{number}", layer), rest, above | refused(one, rest)
                )
                yield case, head if layer in (None, head.layer) else bare


def _as_case(exhibit: Exhibit, name: str, layer: str | None) -> CaseEntry:
    """What is to be run of an exhibit. What says something of the weights of a layer
    reads them after its first call.
    """
    keys = exhibit.model_fields_set & CaseEntry.model_fields.keys()
    given: dict[str, Any] = {key: getattr(exhibit, key) for key in keys}
    if not exhibit.model_fields_set.isdisjoint(OF_WEIGHTS):
        given.setdefault("values", ValuesEntry(weights="initial"))
        given.setdefault("steps", [CallStepEntry(call=given.pop("call", CallEntry())), "weights"])
    return CaseEntry.model_construct(**{**given, "name": name, "layer": layer})


def _with_claims(
    document: Document,
    file: ClaimsFile,
    points: Mapping[Location, Sequence[Case]],
    dialect: ParametersFile,
    prefix: str,
) -> Iterator[Case]:
    """The cases of a checked file; `points` are those of each exhibit that runs a
    layer, by its place.
    """
    for index, entry in enumerate(file.claims):
        for spoken, verdict in verdicts(entry, dialect.versions):
            if verdict == "not-decidable":
                here = document.place(("claims", index))
                yield replace(_alone(file, entry, None, prefix, document), place=here, versions=spoken)
        for number, exhibit in enumerate(entry.shows):
            place, name = document.place(("claims", index, "shows", number)), _name(entry, exhibit)
            found = [
                replace(case, id=f"{prefix}/{name}{case.id.removeprefix(f'{prefix}/{case.name}')}", name=name)
                for case in points.get(place, ())
            ]
            alone = replace(_alone(file, entry, exhibit, prefix, document), place=place)
            for case in found or [alone]:
                yield _with_claim(case, file, entry, exhibit, prefix, document, dialect.versions)


def _name(entry: ClaimEntry, exhibit: Exhibit | None) -> str:
    """The part of an id that names an exhibit in its file."""
    return entry.name if exhibit is None or exhibit.name is None else f"{entry.name}/{exhibit.name}"


def _with_claim(
    case: Case,
    file: ClaimsFile,
    entry: ClaimEntry,
    exhibit: Exhibit,
    prefix: str,
    document: Document,
    known: Sequence[str],
) -> Case:
    versions = versions_of(file, entry, exhibit, known)
    verdict = verdict_in(entry, versions, known)
    claim = replace(
        _claim(file, entry, prefix),
        verdict=verdict,
        side=side_of(exhibit, verdict),
        says=exhibit.says or "",
        asserted=_asserted(exhibit, document.file),
    )
    return replace(
        case,
        versions=versions,
        claim=claim,
        about=entry.statement,
        source=_source_text(file, entry),
    )


def _claim(file: ClaimsFile, entry: ClaimEntry, prefix: str) -> Claim:
    return Claim(
        id=f"{prefix}/{entry.name}",
        statement=entry.statement,
        place=entry.place or "",
        source=Source(file.source.title, file.source.kind, file.source.version),
        verdict="not-decidable",
        side="",
        asserted=Asserted(),
        corrected=entry.corrected or "",
        conditions=entry.conditions or "",
        decided_by=entry.decided_by or "",
        note=entry.note or "",
    )


def _source_text(file: ClaimsFile, entry: ClaimEntry) -> str:
    return ", ".join(filter(None, (file.source.title, entry.place, f"speaks of {file.source.version}")))


def _alone(
    file: ClaimsFile,
    entry: ClaimEntry,
    exhibit: Exhibit | None,
    prefix: str,
    document: Document,
) -> Case:
    """A case that runs no layer: a signature is read, or an example is run, or
    nothing.
    """
    steps: tuple[CaseStep, ...] = ()
    layer = (exhibit.layer if exhibit else None) or entry.layer or file.layer
    if exhibit is not None and exhibit.example is not None:
        asserted = _asserted(exhibit, document.file).example
        assert asserted is not None
        about = {"code": asserted.code, "docstring": asserted.docstring, "block": asserted.block}
        steps = (CaseStep("example", about, Input()),)
    elif exhibit is not None:
        steps = (CaseStep("signature", {"name": layer}, Input()),)
    name = _name(entry, exhibit)
    expect = exhibit.expect if exhibit else None
    return Case(
        id=f"{prefix}/{name}",
        name=name,
        place=document.place(()),
        dialect=file.dialect,
        about=entry.statement,
        source=_source_text(file, entry),
        layer=layer,
        params={},
        values=Values(),
        steps=steps,
        expect=None if expect is None else ExpectedError(expect.raises, expect.match),
        dtypes=DTYPES,
        full_dtypes=DTYPES,
        axes={},
        claim=_claim(file, entry, prefix),
    )


def _asserted(exhibit: Exhibit, file: Path) -> Asserted:
    example = exhibit.example
    return Asserted(
        conforms=exhibit.conforms is not None,
        returns=exhibit.returns,
        container=exhibit.container,
        masks={name: tuple(shape) for name, shape in (exhibit.masks or {}).items()},
        weights={name: _weight(weight) for name, weight in (exhibit.weights or {}).items()},
        parameters=exhibit.parameters,
        defaults=exhibit.defaults or {},
        signature=exhibit.signature,
        example=None
        if example is None
        else Example(
            code="" if example.file is None else example_file(file, example.file).read_text(encoding="utf-8"),
            docstring=example.docstring or "",
            block=example.block,
            prints=tuple(example.prints),
            says=None if example.says is None else tuple(example.says),
            adapted=example.adapted or "",
        ),
    )


def _weight(weight: WeightClaim) -> Weight:
    return Weight(
        shape=None if weight.shape is None else tuple(weight.shape),
        equal=weight.equal,
        gates=None if weight.gates is None else tuple(weight.gates),
        uniform=weight.uniform,
        orthogonal=weight.orthogonal is not None,
    )
