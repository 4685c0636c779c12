"""Claims: from a file of statements to the cases that show whether they hold.

An exhibit is a case and what it asserts. So a file of claims is read as a file of
cases, every part of which stays at the place where it is written: the checks and the
expansion of cases serve both.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lstm_ref.corpus.case import Case, CaseStep, ExpectedError, Input, Values
from lstm_ref.corpus.claim import Asserted, Claim, Example, Source, Weight
from lstm_ref.corpus.covering_file import Selections
from lstm_ref.corpus.documents import Document, YamlNode
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.models.cases import CasesFile
from lstm_ref.corpus.models.claims import ClaimEntry, ClaimsFile, Exhibit, WeightClaim, is_shape, verdict_word
from lstm_ref.corpus.models.parameters import ParametersFile
from lstm_ref.corpus.reading import ReadCases, read_cases
from lstm_ref.corpus.resolution import Parameters

DTYPES = ("float32",)  # those of an exhibit that names none: what the frameworks use by default
ALONE = ("defaults", "signature", "example")  # what is asserted of no layer in particular
OF_A_RUN = ("conforms", "returns", "container", "masks", "weights", "parameters")
ASSERTING = ("expect", "relation", *OF_A_RUN, *ALONE)
OF_WEIGHTS = ("weights", "parameters")
SIDES = {
    "true": {"holds"},
    "false": {"fails", "corrected"},
    "under-conditions": {"holds", "fails", "corrected"},
}
NEEDED_SIDES = {"true": ("holds",), "false": ("fails",), "under-conditions": ("holds", "fails")}
NEEDED_TEXT = {"false": "corrected", "under-conditions": "conditions", "not-decidable": "decided_by"}
NO_SELECTIONS = Selections({}, "")

_Path = tuple[Any, ...]


def as_cases(document: Document) -> tuple[Document, list[_Path]]:
    """The exhibits that run a layer as the cases of a document, at their own places,
    and where each stands.
    """
    data: dict[str, Any] = document.data if isinstance(document.data, dict) else {}
    exhibits = [each for each in _exhibits(document) if not any(key in each[2] for key in ALONE)]
    found = [_as_case(document, *each) for each in exhibits]
    # A name that no other has; `expand_claims` puts its own in its place.
    cases = [{**case, "name": f"run-{index}"} for index, (_, case, _) in enumerate(found)]
    defaults = {key: value for key, value in _mapping(data.get("defaults")).items() if key != "params"}
    own: dict[str, Any] = {
        **{key: data[key] for key in ("dialect", "layer", "about") if key in data},
        "kind": "cases",
        "source": "the source of the claims",
        "defaults": {"dtypes": list(DTYPES), **defaults},
        "cases": cases,
    }
    root = document.root
    nodes = YamlNode(root.line, root.column, children=[node for _, _, node in found])
    whole = replace(root, children={**_inside(root), "cases": nodes})
    return Document(document.file, own, whole), [path for path, _, _ in found]


def _as_case(
    document: Document,
    path: _Path,
    claim: Mapping[str, Any],
    exhibit: Mapping[str, Any],
) -> tuple[_Path, dict[str, Any], YamlNode]:
    """Where an exhibit stands, what is to be run of it, and the node of that."""
    node = document.node(path)
    inside = dict(_inside(node))
    case = {key: value for key, value in exhibit.items() if key not in ("says", "side", "name", *OF_A_RUN)}
    layer = exhibit.get("layer", claim.get("layer"))
    if layer is not None:
        case["layer"] = layer
    # The parameters of the defaults are those of the file's layer.
    if layer in (
        None,
        document.data.get("layer"),
    ):
        given = _mapping(_mapping(document.data.get("defaults")).get("params"))
        case["params"] = {**given, **_mapping(exhibit.get("params"))}
        places = {
            **_inside(document.node(("defaults", "params"))),
            **_inside(inside.get("params", YamlNode(0, 0))),
        }
        inside["params"] = YamlNode(node.line, node.column, children=places)
    if isinstance(exhibit.get("relation"), dict):
        case["relation"], inside["relation"] = _joined(exhibit["relation"], node)
    if any(key in exhibit for key in OF_WEIGHTS):
        case.setdefault("values", {"weights": "initial"})
        case.setdefault("steps", [{"call": case.pop("call", {})}, "weights"])
    return path, case, replace(node, children=inside)


def read_claims(
    document: Document,
    file: ClaimsFile | None,
    parameters: Parameters,
    prefix: str,
) -> ReadCases:
    """The cases of a file of claims, in its order, and what is wrong with it beyond its
    model; of one that the model refuses, with its runs. `prefix` is the part of the ids
    that stands for the file.
    """
    cases, paths = as_cases(document)
    model = CasesFile.model_validate(cases.data) if file is not None and paths else None
    runs = read_cases(cases.view(), model, parameters, prefix, NO_SELECTIONS)
    problems = [*_name_problems(document), *runs.problems]
    if file is None or file.dialect not in parameters:
        return ReadCases([], problems)
    dialect = parameters[file.dialect]
    for index, entry in enumerate(file.claims):
        problems += _verdict_problems(document, index, file, entry, dialect)
        for number, exhibit in enumerate(entry.shows):
            problems += _exhibit_problems(document, ("claims", index, "shows", number), exhibit)
    if problems:
        return ReadCases([], problems)
    places = {cases.place(("cases", index)): path for index, path in enumerate(paths)}
    points: dict[_Path, list[Case]] = {path: [] for path in paths}
    for case in runs.cases:
        points[places[case.place]].append(case)
    return ReadCases(list(_with_claims(document, file, points, dialect, prefix)), [])


def _with_claims(
    document: Document,
    file: ClaimsFile,
    points: Mapping[_Path, Sequence[Case]],
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
            path: _Path = ("claims", index, "shows", number)
            name = _name(entry, exhibit)
            found = [
                replace(case, id=f"{prefix}/{name}{case.id.removeprefix(f'{prefix}/{case.name}')}", name=name)
                for case in points.get(path, ())
            ]
            alone = replace(_alone(file, entry, exhibit, prefix, document), place=document.place(path))
            for case in found or [alone]:
                yield _with_claim(case, file, entry, exhibit, prefix, document, dialect.versions)


def _name(entry: ClaimEntry, exhibit: Exhibit | None) -> str:
    """The part of an id that names an exhibit in its file."""
    return entry.name if exhibit is None or exhibit.name is None else f"{entry.name}/{exhibit.name}"


def verdicts(entry: ClaimEntry, versions: Sequence[str]) -> list[tuple[tuple[str, ...], str]]:
    """Each verdict of a claim with the versions that it speaks of; none are all."""
    if not isinstance(entry.verdict, dict):
        return [((), verdict_word(entry.verdict))]
    words = {version: verdict_word(word) for version, word in entry.verdict.items()}
    spoken: dict[str, list[str]] = {word: [] for word in words.values()}
    for version in filter(words.__contains__, versions):
        spoken[words[version]].append(version)
    return [(tuple(of), word) for word, of in spoken.items()]


def _versions(file: ClaimsFile, entry: ClaimEntry, exhibit: Exhibit, known: Sequence[str]) -> tuple[str, ...]:
    """Those of an exhibit: its own, else those that the verdict speaks of."""
    spoken = list(entry.verdict) if isinstance(entry.verdict, dict) else []
    of_verdict = [version for version in known if version in spoken]
    return tuple(exhibit.versions or file.defaults.versions or of_verdict)


def _with_claim(
    case: Case,
    file: ClaimsFile,
    entry: ClaimEntry,
    exhibit: Exhibit,
    prefix: str,
    document: Document,
    known: Sequence[str],
) -> Case:
    versions = _versions(file, entry, exhibit, known)
    verdict = _verdict_in(entry, versions, known)
    claim = replace(
        _claim(file, entry, prefix),
        verdict=verdict,
        side=_side(exhibit, verdict),
        says=exhibit.says or "",
        asserted=_asserted(exhibit, document.file),
    )
    relation = case.relation
    if relation is not None and exhibit.relation is not None:
        different = len(exhibit.relation.differ or ())
        cut = len(relation.equal) - different
        relation = replace(relation, equal=relation.equal[:cut], differ=relation.equal[cut:])
    return replace(
        case,
        versions=versions,
        claim=claim,
        relation=relation,
        about=entry.statement,
        source=_source_text(file, entry),
    )


def _verdict_in(entry: ClaimEntry, versions: Sequence[str], known: Sequence[str]) -> str:
    """The verdict in these versions; a checked file has one."""
    for spoken, word in verdicts(entry, known):
        if not spoken or set(versions) <= set(spoken):
            return word
    return ""


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


def example_file(claims: Path, name: str) -> Path:
    """Where the file of an example stands that claims in this file name."""
    return claims.parent / "examples" / name


# --- checks ---


def _name_problems(document: Document) -> Iterator[Problem]:
    """Names of claims that stand twice, and exhibits without a name of their own where
    there are several.
    """
    first: dict[str, int] = {}
    for index, claim in enumerate(_list(document.data, "claims")):
        if not isinstance(claim, dict) or not isinstance(claim.get("name"), str):
            continue
        place, name = document.place(("claims", index, "name")), claim["name"]
        if name in first:
            yield Problem(place, f'the name "{name}" stands twice: here and in line {first[name]}')
        first.setdefault(name, place.line)
        exhibits = [exhibit for exhibit in _list(claim, "shows") if isinstance(exhibit, dict)]
        named: dict[str, int] = {}
        for number, exhibit in enumerate(exhibits):
            own = exhibit.get("name")
            here = document.place(("claims", index, "shows", number, *(["name"] if own else [])))
            if len(exhibits) > 1 and own is None:
                yield Problem(here, 'where a claim has several exhibits, each needs a "name"')
            elif isinstance(own, str) and own in named:
                yield Problem(here, f'the name "{own}" stands twice: here and in line {named[own]}')
            named.setdefault(str(own), here.line)


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
        word = _verdict_in(entry, _versions(file, entry, exhibit, dialect.versions), dialect.versions)
        if problem := _side_problem(document, (*path, "shows", number), exhibit, word):
            yield problem
        else:
            sides[word].add(_side(exhibit, word))
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
    """What a verdict has to say besides, and what belongs to a verdict that the claim
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
    side, allowed = _side(exhibit, word), SIDES.get(word, set())
    if side in allowed:
        return None
    place = document.place((*path, *(["side"] if exhibit.side else [])))
    hint = f"it has {' or '.join(sorted(allowed))}" if allowed else "nothing is run for it"
    return Problem(place, f"an exhibit of the verdict {word} cannot have the side {side}", hint)


def _side(exhibit: Exhibit, verdict: str) -> str:
    """Which side of the statement an exhibit shows; where it does not say, the side of
    the verdict.
    """
    return exhibit.side or ("fails" if verdict == "false" else "holds")


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


# --- data and nodes ---


def _exhibits(document: Document) -> Iterator[tuple[_Path, Mapping[str, Any], Mapping[str, Any]]]:
    """Where each exhibit stands, its claim and itself, as written."""
    for index, claim in enumerate(_list(document.data, "claims")):
        if isinstance(claim, dict):
            for number, exhibit in enumerate(_list(claim, "shows")):
                if isinstance(exhibit, dict):
                    yield ("claims", index, "shows", number), claim, exhibit


def _list(data: Any, key: str) -> list[Any]:
    found = data.get(key) if isinstance(data, dict) else None
    return found if isinstance(found, list) else []


def _mapping(data: Any) -> Mapping[str, Any]:
    return data if isinstance(data, dict) else {}


def _inside(node: YamlNode) -> dict[str, YamlNode]:
    return node.children if isinstance(node.children, dict) else {}


def _joined(relation: Any, exhibit: YamlNode) -> tuple[Any, YamlNode]:
    """A relation whose differences are the last of its equalities, and its node."""
    node = _inside(exhibit).get("relation", exhibit)
    if not isinstance(relation, dict) or not isinstance(relation.get("differ"), list):
        return relation, node
    pairs = [*_list(relation, "equal"), *relation["differ"]]
    inside = _inside(node)
    children: list[YamlNode] = []
    for key in ("equal", "differ"):
        written = inside[key].children if key in inside else None
        children += written if isinstance(written, list) else []
    rest = {key: value for key, value in relation.items() if key != "differ"}
    joined = YamlNode(node.line, node.column, node.key, children)
    return {**rest, "equal": pairs}, replace(node, children={**inside, "equal": joined})
