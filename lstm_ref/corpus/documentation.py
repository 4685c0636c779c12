"""Docstrings of an installed framework, sentence by sentence, and what covers each.

A key made from the text identifies a sentence. So the text itself, which is not ours,
is not stored. Whitespace, marks of emphasis and line ends make no difference to the
key.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b

from lstm_ref.corpus.case import Case, Location
from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.read.documents import Document
from lstm_ref.corpus.read.models.documentation import DocumentationFile

_PROMPT = re.compile(r"^\s*(>>>|\.\.\. )")
_ITEM = re.compile(r"^(\s*)(?:[-*] |\d+\. )")
_NO_ARGUMENT = r"^(?!Defaults?:|Note:|Returns:|Call arguments:)"
_ARGUMENT = re.compile(_NO_ARGUMENT + r"([\w\[\]]+)\s*(?:\((?!.*: ).*?\)|\(.*?\))?\s*:\s")
_OPTION = re.compile(r"^\s*:\w+:\s")
_DIRECTIVE = re.compile(r"^\s*\.\. (math|note|warning|include)::")
# A full stop that does not end a sentence.
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|ie|et al|etc|vs|E\.g|resp)\.$")
_MARK = re.compile(r":\w+:|[`*]")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a docstring, or what one does not say: what it says in our words,
    and names of what covers it: ids without axes, or what several begin with.

    `kind` is "", "wrong", "ambiguous" or "silent"; `true` says what is true. One
    without `covered` has a reason.
    """

    dialect: str
    document: str
    key: str
    says: str
    covered: tuple[str, ...]
    uncovered: str
    kind: str
    true: str
    place: Location


def sentences(document: Document, file: DocumentationFile) -> Iterator[Sentence]:
    """Those of a file, in its order."""
    for name, entry in file.documents.items():
        for index, one in enumerate(entry.sentences):
            yield Sentence(
                dialect=file.dialect,
                document=name,
                key=one.key,
                says=one.says,
                covered=tuple(one.covered),
                uncovered=one.uncovered or "",
                kind=one.finding.kind if one.finding else "",
                true=one.finding.true if one.finding else "",
                place=document.place(("documents", name, "sentences", index)),
            )
        for index, place in enumerate(entry.silent):
            here = document.place(("documents", name, "silent", index))
            covered = tuple(place.covered)
            yield Sentence(file.dialect, name, "", place.about, covered, "", "silent", place.true, here)


def uncovering(said: Iterable[Sentence], cases: Iterable[Case]) -> Iterator[Problem]:
    """Names in `covered` that cover nothing: no case has this id without axes, and no
    id begins with it.
    """
    stems = {case.id.partition("[")[0] for case in cases}
    known = stems | {stem[: end.start()] for stem in stems for end in re.finditer("/", stem)}
    for sentence in said:
        for name in sentence.covered:
            if name not in known:
                yield Problem(sentence.place, f'no case is called "{name}"', did_you_mean(name, known))


def key_of(sentence: str) -> str:
    """The key of a sentence: ten hexadecimal digits."""
    plain = " ".join(_MARK.sub("", sentence).lower().split()).rstrip(".:")
    return blake2b(plain.encode(), digest_size=5).hexdigest()


def split(docstring: str) -> list[str]:
    """The sentences of a docstring, without headings and code. Each equation in a block
    of mathematics counts as a sentence.

    A further sentence on an argument has its name in front: "Default: 0" is said of
    several.
    """
    found: list[str] = []
    for block in _blocks(docstring):
        argument = _ARGUMENT.match(block)
        for number, sentence in enumerate(_sentences_of(block)):
            found.append(f"{argument[1]}: {sentence}" if argument and number else sentence)
    return list(dict.fromkeys(found))


def _blocks(docstring: str) -> Iterator[str]:
    """Paragraphs, list items and arguments, each in one line; equations, each by
    itself.
    """
    block: list[str] = []
    fenced = prompted = False
    mathematics = -1
    first, _, rest = docstring.partition("\n")
    for line in [first, *textwrap.dedent(rest).splitlines()]:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if _OPTION.match(line):
            continue
        if text.startswith("```"):
            fenced = not fenced
        prompted = bool(_PROMPT.match(line)) or (prompted and bool(text))
        if mathematics >= 0 and text and indent <= mathematics:
            mathematics = -1
        ends = not text or fenced or prompted or text.startswith("```") or _DIRECTIVE.match(line)
        begins = _ITEM.match(line) or (indent and _ARGUMENT.match(text))
        if (ends or begins) and block:
            yield " ".join(block)
            block = []
        if match := _DIRECTIVE.match(line):
            mathematics = indent if match[1] == "math" else mathematics
            text = text.partition("::")[2].strip() if match[1] in ("note", "warning") else ""
        if mathematics >= 0:
            if "=" in text and not text.startswith("\\"):
                yield text.rstrip("\\ ")
        elif text and not fenced and not prompted and not text.startswith("```"):
            block.append(_ITEM.sub("", text))
    if block:
        yield " ".join(block)


def _sentences_of(block: str) -> Iterator[str]:
    sentence = ""
    for part in re.split(r"(?<=[.!?])\s+(?=[A-Z`:(_])", block):
        sentence = f"{sentence} {part}".strip()
        if not _ABBREVIATION.search(sentence):
            if _is_sentence(sentence):
                yield sentence
            sentence = ""
    if sentence and _is_sentence(sentence):
        yield sentence


def _is_sentence(text: str) -> bool:
    """Whether the text is a sentence: neither a heading, nor the line that begins a
    list.
    """
    return not text.endswith(":") and (len(text.split()) > 2 or ":" in text)
