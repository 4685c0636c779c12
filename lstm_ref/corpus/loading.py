"""Reading case files: one, or all that a corpus has. No framework is imported, and
nothing in a file is run.
"""

import re
import shlex
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel

from lstm_ref.collection import without_collection
from lstm_ref.corpus.case import Case, Location
from lstm_ref.corpus.claims import read_claims
from lstm_ref.corpus.divergences import Divergence, divergences
from lstm_ref.corpus.documentation import Sentence, sentences, uncovering
from lstm_ref.corpus.errors import CorpusError, NothingSelectedError, Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.meaning.checks import problems_of_divergences, problems_of_parameters
from lstm_ref.corpus.meaning.literal_files import KINDS
from lstm_ref.corpus.meaning.resolution import Parameters
from lstm_ref.corpus.points.covering_file import COMMAND, NAME, Selections
from lstm_ref.corpus.points.covering_file import read as read_selections
from lstm_ref.corpus.read.documents import Document, parse
from lstm_ref.corpus.read.inheritance import inherited
from lstm_ref.corpus.read.models.base import KEBAB
from lstm_ref.corpus.read.models.cases import CasesFile
from lstm_ref.corpus.read.models.claims import ClaimsFile
from lstm_ref.corpus.read.models.divergences import DivergencesFile
from lstm_ref.corpus.read.models.documentation import DocumentationFile
from lstm_ref.corpus.read.models.parameters import ParametersFile
from lstm_ref.corpus.read.validation import readable, validated
from lstm_ref.corpus.reading import ReadCases, read_cases
from lstm_ref.corpus.selection import id_pattern, select
from lstm_ref.kinds import is_case_file


@dataclass(frozen=True)
class Corpus:
    """Everything below a folder of case files. `hash` is the same exactly where the
    content of all files is (line ends aside).
    """

    root: Path
    cases: tuple[Case, ...]
    hash: str
    parameters: Parameters
    divergences: tuple[Divergence, ...]
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True)
class _File:
    path: Path
    document: Document | None
    model: BaseModel | None
    problems: tuple[Problem, ...]

    @property
    def kind(self) -> object:
        data = self.document.data if self.document else None
        return data.get("kind") if isinstance(data, dict) else None


def corpus_root() -> Path:
    """The folder of the case files that come with this package: in an installed wheel
    or in a checkout. Raises CorpusError where there is none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_cases", package.parent / "cases"):
        if folder.is_dir():
            return folder
    raise CorpusError(
        [
            Problem(
                Location(package.parent / "cases", 1),
                "there is no folder of case files here",
                "install lstm-ref again",
            )
        ]
    )


def load(root: Path | None = None) -> Corpus:
    """The corpus below `root`, by default the one that comes with this package, which
    is read once. Raises CorpusError with every problem of every file.
    """
    return _shipped() if root is None else _load(root)


@cache
def _shipped() -> Corpus:
    return _load(corpus_root())


@without_collection()
def _load(root: Path) -> Corpus:
    if not root.is_dir():
        raise CorpusError([Problem(Location(root, 1), "is not a folder")])
    files = [_read(path) for path in _yaml_files(root)]
    problems = [
        Problem(Location(path, 1), "is never read", "name it .yaml") for path in _visible(root, "*.yml")
    ]
    problems += _problems_alone(files) + [
        problem for file in files for problem in _place_problems(file, root)
    ]
    parameters = _parameters(files)
    broken_tables = any(file.kind == "parameters" and file.model is None for file in files)
    selections = _selections(root)
    read = [
        _cases(file, parameters, _prefix(file.path, root), selections) for file in files if not broken_tables
    ]
    problems += [problem for one in read for problem in one.problems]
    if problems:
        raise CorpusError(problems)
    cases = tuple(case for one in read for case in one.cases)
    entries = tuple(entry for file in files for entry in _divergences(file))
    if idle := list(_idle(entries, cases)):
        raise CorpusError(idle)
    said = tuple(sentence for file in files for sentence in _sentences(file))
    if uncovered := list(uncovering(said, cases)):
        raise CorpusError(uncovered)
    return Corpus(root, cases, corpus_hash(root), parameters, entries, said)


def gather(patterns: Sequence[str]) -> list[Case]:
    """The cases that the patterns choose: from the corpus of this package, and from the
    files and folders elsewhere that they name.

    Raises CorpusError with the problems of every file that is looked into, and
    NothingSelectedError for a pattern that chooses nothing.
    """
    root = corpus_root()
    foreign: list[Path] = []
    ours = not patterns
    for path in (Path(pattern.partition("::")[0]) for pattern in patterns):
        if path.exists() and not path.resolve().is_relative_to(root.resolve()):
            foreign += (
                [file for file in sorted(_visible(path, "*")) if file.is_file() and is_case_file(file)]
                if path.is_dir()
                else [path]
            )
        else:
            ours = True
    # To read all that this package has takes seconds.
    parameters = load().parameters if ours else load_parameters()
    problems: list[Problem] = []
    cases = list(load().cases) if ours else []
    for file in dict.fromkeys(foreign):
        try:
            cases += load_file(file, parameters)
        except CorpusError as error:
            problems += error.problems
    if problems:
        raise CorpusError(problems)
    return select(cases, patterns)


def corpus_hash(root: Path | None = None) -> str:
    """A digest of the content of all case files below `root`, whether they are valid or
    not, and of its selections; line ends make no difference.
    """
    root = root or corpus_root()
    digest = sha256()
    beside = [path for path in _visible(root, "*.*") if path.parent != root and _belongs_to_cases(path)]
    beside.sort(key=lambda path: path.relative_to(root).as_posix())
    for path in [*_yaml_files(root), *beside, *filter(Path.is_file, [root / NAME])]:
        content = path.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _belongs_to_cases(path: Path) -> bool:
    """Whether the file holds numbers of a case, or an example of a claim."""
    return path.suffix in KINDS or (path.suffix == ".py" and path.parent.name == "examples")


def load_parameters(root: Path | None = None) -> Parameters:
    """The parameter table of each dialect below `root`. Raises CorpusError with every
    problem of the tables.
    """
    root = root or corpus_root()
    files = [_read(path) for path in _yaml_files(root) if path.name == "parameters.yaml"]
    problems = _problems_alone(files) + [problem for file in files for problem in _place_problems(file, root)]
    if problems:
        raise CorpusError(problems)
    return _parameters(files)


def load_divergences(root: Path | None = None) -> tuple[Divergence, ...]:
    """The known disagreements of all implementations below `root`. Raises CorpusError
    with every problem of their files.
    """
    files = [_read(path) for path in _yaml_files((root or corpus_root()) / "divergences")]
    problems = _problems_alone(files)
    if problems:
        raise CorpusError(problems)
    return tuple(entry for file in files for entry in _divergences(file))


def load_divergences_file(path: Path) -> tuple[Divergence, ...]:
    """The known disagreements in one file, wherever it lies. Raises CorpusError with
    every problem of the file.
    """
    file = _read(path)
    problems = _problems_alone([file])
    if not problems and file.kind != "divergences":
        problems = [Problem(Location(path, 1), "is not a file of divergences", "it needs: kind: divergences")]
    if problems:
        raise CorpusError(problems)
    return tuple(_divergences(file))


def load_file(
    path: Path, parameters: Parameters, root: Path | None = None, *, everyday: bool = False
) -> list[Case]:
    """The cases of one file; a file of another kind is checked and has none. Raises
    CorpusError with every problem of the file.

    Below `root`, by default the corpus of this package, the ids are those that the
    whole corpus gives; elsewhere they start with the file's name. With `everyday` the
    points of large matrices that an everyday run leaves out are not made, unless it
    would take nothing of the file.
    """
    file = _read(path)
    root = root or corpus_root()
    inside = path.resolve().is_relative_to(root.resolve())
    prefix = _prefix(path, root) if inside else path.stem
    selections = _selections(root if inside else path.parent)
    problems = _problems_alone([file]) + (list(_place_problems(file, root)) if inside else [])
    read = _cases(file, parameters, prefix, selections, everyday=everyday)
    if problems or read.problems:
        raise CorpusError([*problems, *read.problems])
    return list(read.cases or _cases(file, parameters, prefix, selections).cases)


def case_files(root: Path) -> Iterator[tuple[str, CasesFile]]:
    """The files of cases below a folder, each with the part of the ids that stands for
    it. Raises CorpusError with what is wrong in any by itself.
    """
    files = [_read(path) for path in _yaml_files(root)]
    if problems := _problems_alone(files):
        raise CorpusError(problems)
    yield from ((_prefix(file.path, root), file.model) for file in files if isinstance(file.model, CasesFile))


def _selections(folder: Path) -> Selections:
    if folder.resolve() == corpus_root().resolve():
        return _shipped_selections()
    return read_selections(folder, f"{COMMAND} --cases {shlex.quote(str(folder))}")


@cache
def _shipped_selections() -> Selections:
    return read_selections(corpus_root())


def _visible(root: Path, pattern: str) -> Iterator[Path]:
    for path in root.rglob(pattern):
        if not any(part.startswith(".") for part in path.relative_to(root).parts):
            yield path


def _yaml_files(root: Path) -> list[Path]:
    return sorted(_visible(root, "*.yaml"), key=lambda path: path.relative_to(root).as_posix())


def _read(path: Path) -> _File:
    """A file, its data, and what is wrong with it by itself."""
    try:
        content = path.read_bytes()
    except OSError as error:
        return _File(
            path, None, None, (Problem(Location(path, 1), f"cannot be read: {error.strerror or error}"),)
        )
    try:
        document, refused = parse(content, path)
    except CorpusError as error:
        return _File(path, None, None, error.problems)
    document, unlike = inherited(document)
    first = [*refused, *unlike]
    model, complaints = validated(document.view())
    return _File(path, document, model, (*first, *_elsewhere(complaints, first)))


def _elsewhere(problems: Iterable[Problem], first: Iterable[Problem]) -> tuple[Problem, ...]:
    """The problems at other places than those of `first`: what is refused as YAML is
    not complained about a second time.
    """
    places = {problem.place for problem in first}
    return tuple(problem for problem in problems if problem.place not in places)


def _problems_alone(files: Iterable[_File]) -> list[Problem]:
    """What is wrong with each file, whatever the others say."""
    problems: list[Problem] = []
    for file in files:
        problems += file.problems
        problems += _elsewhere(_problems_of_tables(file), file.problems)
    return problems


def _problems_of_tables(file: _File) -> Iterator[Problem]:
    """What is wrong with a table or a list of divergences beyond its model. Of one that
    its model refuses, what can be read is checked.
    """
    view = file.document.view() if file.document else None
    if view is not None and file.kind == "parameters":
        table = readable(ParametersFile, file.model, view)
        yield from problems_of_parameters(table, view) if table else ()
    if view is not None and file.kind == "divergences":
        yield from problems_of_divergences(view)


def _place_problems(file: _File, root: Path) -> Iterator[Problem]:
    """A file that stands in the wrong folder, or whose name would make a bad id."""
    relative = file.path.resolve().relative_to(root.resolve())
    at_start = Location(file.path, 1)
    if file.kind in ("cases", "claims"):
        for part in relative.with_suffix("").parts:
            if not re.search(KEBAB, part):
                yield Problem(
                    at_start,
                    f'"{part}" is part of the ids and must be lower-case words joined by "-"',
                    "rename it",
                )
    if file.kind == "divergences" and relative.parent != Path("divergences"):
        yield Problem(at_start, "known divergences stand in the folder divergences", "move it there")
    if isinstance(file.model, ParametersFile):
        expected = Path(file.model.dialect, "parameters.yaml")
        if relative != expected:
            hint = did_you_mean(relative.as_posix(), [expected.as_posix()])
            yield Problem(
                at_start,
                f"the parameters of the dialect {file.model.dialect} stand in {expected.as_posix()}",
                hint,
            )


def _parameters(files: Iterable[_File]) -> Mapping[str, ParametersFile]:
    return MappingProxyType(
        {file.model.dialect: file.model for file in files if isinstance(file.model, ParametersFile)}
    )


def _cases(
    file: _File, parameters: Parameters, prefix: str, selections: Selections, *, everyday: bool = False
) -> ReadCases:
    """The cases of a file, and what is wrong with it by the tables and its selections;
    a file of another kind has none.
    """
    read = ReadCases()
    if file.document and file.kind == "cases":
        model = file.model if isinstance(file.model, CasesFile) else None
        below = selections.below(prefix)
        read = read_cases(file.document.view(), model, parameters, prefix, below, everyday=everyday)
    if file.document and file.kind == "claims":
        claims = file.model if isinstance(file.model, ClaimsFile) else None
        read = read_claims(file.document.view(), claims, parameters, prefix)
    return ReadCases(read.cases, list(_elsewhere(read.problems, file.problems)))


def _divergences(file: _File) -> Iterator[Divergence]:
    if file.document and isinstance(file.model, DivergencesFile):
        yield from divergences(file.document, file.model)


def _sentences(file: _File) -> Iterator[Sentence]:
    if file.document and isinstance(file.model, DocumentationFile):
        yield from sentences(file.document, file.model)


def _idle(entries: Iterable[Divergence], cases: Sequence[Case]) -> Iterator[Problem]:
    """Divergences that are about no case: they would go unnoticed for ever."""
    ids = sorted(case.id for case in cases)
    for entry in entries:
        # Where there are so many ids, only those are looked at that begin as the
        # pattern does.
        beginning = re.split(r"[*?]", entry.cases, maxsplit=1)[0]
        alike = ids[bisect_left(ids, beginning) : bisect_left(ids, beginning + chr(sys.maxunicode))]
        if any(map(id_pattern(entry.cases).fullmatch, alike)):
            continue
        try:
            select(cases, [entry.cases])
        except NothingSelectedError as error:
            yield Problem(entry.place, f'no case matches "{entry.cases}"', error.hint)


def _prefix(path: Path, root: Path) -> str:
    return path.resolve().relative_to(root.resolve()).with_suffix("").as_posix()
