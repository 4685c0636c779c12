"""YAML text to plain data, and the place of everything in it. Loading runs no code.

The values are those of the YAML 1.2 core schema
(https://yaml.org/spec/1.2.2/#103-core-schema): `1e-6` is a number, `yes` a string,
`017` is 17. Refused, each with its place: duplicate keys, keys that are not strings,
tags, anchors, aliases, merge keys, a second document.
"""

import math
import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import yaml

from lstm_ref.corpus.case import Location
from lstm_ref.corpus.errors import CorpusError, Problem

Key = str | int

DEEPEST = 50  # far above any case file; keeps a hostile one from exhausting the stack
LONGEST_NUMBER = 400  # characters

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE = re.compile(r"([-+]?)\.(?:inf|Inf|INF)")
_NAN = frozenset({".nan", ".NaN", ".NAN"})
_MAY_BE_SPECIAL = frozenset("+-.0123456789~nNtTfF")

# libyaml is five times as fast; the pure parser gives the same events
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def plain_value(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar in the YAML 1.2 core schema."""
    if text == "":
        return None
    if text[0] not in _MAY_BE_SPECIAL:
        return text
    if text in _BOOL:
        return _BOOL[text]
    if text in _NULL:
        return None
    if _INT.fullmatch(text):
        return int(text)
    if _BASED.fullmatch(text):
        return int(text, base=0)
    if _FLOAT.fullmatch(text):
        return float(text)
    infinite = _INFINITE.fullmatch(text)
    if infinite:
        return -math.inf if infinite[1] == "-" else math.inf
    return math.nan if text in _NAN else text


@dataclass(slots=True)
class YamlNode:
    """Where a value starts, where its key starts if it has one, the nodes inside it,
    and its text where it is a scalar. Lines and columns count from 0.
    """

    line: int
    column: int
    key: tuple[int, int] | None = None
    children: "dict[str, YamlNode] | list[YamlNode] | None" = None
    text: str = ""


@dataclass(frozen=True)
class Document:
    """The data of one file, and where each part of it stands."""

    file: Path
    data: Any
    root: YamlNode

    def view(self) -> "View":
        """The whole document as a view."""
        return View(self, (), self.data)

    def place(self, path: tuple[Key, ...]) -> Location:
        """Where the value at this path starts; where a part of the path does not exist,
        the last part that does.
        """
        node = self.node(path)
        return Location(self.file, node.line + 1, node.column + 1)

    def key_place(self, path: tuple[Key, ...]) -> Location:
        """Where the key of this path starts; an element of a list has none, so that its
        value is meant.
        """
        node = self.node(path)
        line, column = node.key or (node.line, node.column)
        return Location(self.file, line + 1, column + 1)

    def node(self, path: tuple[Key, ...]) -> YamlNode:
        """The node of the value at this path, or of the last part of the path that
        exists.
        """
        node = self.root
        for key in path:
            if isinstance(node.children, dict) and key in node.children:
                node = node.children[str(key)]
            elif isinstance(node.children, list) and isinstance(key, int) and key < len(node.children):
                node = node.children[key]
            else:
                break
        return node


@dataclass(frozen=True)
class View:
    """A part of a document: its data, whatever it is, and its place. Reading it never
    fails, so that checks can go on after the first mistake.
    """

    document: Document
    path: tuple[Key, ...]
    data: Any

    def at(self, *keys: str) -> "View | None":
        """The value below these keys, or None."""
        data = self.data
        for key in keys:
            if not isinstance(data, dict) or key not in data:
                return None
            data = data[key]
        return View(self.document, (*self.path, *keys), data)

    def entries(self) -> "Iterator[tuple[str, View]]":
        """Keys and values of a mapping; nothing for anything else."""
        if isinstance(self.data, dict):
            for key, value in self.data.items():
                yield key, View(self.document, (*self.path, key), value)

    def elements(self) -> "Iterator[View]":
        """The elements of a list; nothing for anything else."""
        if isinstance(self.data, list):
            for index, value in enumerate(self.data):
                yield View(self.document, (*self.path, index), value)

    def without(self, path: tuple[Key, ...]) -> "View":
        """The same without what stands below it at this path; all else stays where it
        is written. The view itself is not changed.
        """
        document = self.document
        data, root = _without(document.data, document.root, (*self.path, *path))
        found = data
        for key in self.path:
            found = found[key]
        return View(Document(document.file, data, root), self.path, found)

    @property
    def place(self) -> Location:
        """Where this value starts."""
        return self.document.place(self.path)

    @property
    def line(self) -> int:
        """The line where this value starts."""
        return self.place.line

    def at_key(self, message: str, hint: str | None = None) -> Problem:
        """A problem with the key of this value."""
        return Problem(self.document.key_place(self.path), message, hint)

    def at_value(self, message: str, hint: str | None = None) -> Problem:
        """A problem with this value."""
        return Problem(self.place, message, hint)


def _without(data: Any, node: YamlNode, path: Sequence[Key]) -> tuple[Any, YamlNode]:
    """Copies of data and its node without what stands at a path."""
    key, *rest = path
    parts, nodes = copy(data), copy(cast("dict[Key, YamlNode]", node.children))
    if rest:
        parts[key], nodes[key] = _without(parts[key], nodes[key], rest)
    else:
        del parts[key], nodes[key]
    return parts, replace(node, children=cast("dict[str, YamlNode]", nodes))


def parse(content: bytes, file: Path) -> tuple[Document, list[Problem]]:
    """The document of a file with this content, and the mistakes that still leave it
    readable (duplicate keys, tags, anchors, ...).

    Raises CorpusError where the content is not YAML.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CorpusError([Problem(Location(file, line), "is not UTF-8 text")]) from None
    reader = _Reader(file)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            reader.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Location(file, mark.line + 1, mark.column + 1) if mark else Location(file, 1)
        raise CorpusError(
            [*reader.problems, Problem(place, f"is not YAML: {error.problem or error.context}")]
        ) from None
    except yaml.YAMLError:
        place = _unprintable(text, file)
        raise CorpusError(
            [*reader.problems, Problem(place, "holds a character that YAML does not allow")]
        ) from None
    if reader.root is None:
        raise CorpusError(
            [Problem(Location(file, 1), "holds no document", 'a file starts with "kind: cases"')]
        )
    return Document(file, reader.data, reader.root), reader.problems


def _unprintable(text: str, file: Path) -> Location:
    found = re.search(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", text)
    start = found.start() if found else 0
    return Location(file, text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start))


@dataclass
class _Open:
    """A mapping or list that is being read."""

    data: Any
    node: YamlNode
    key: str | None = None  # of the next value, in a mapping
    key_mark: tuple[int, int] | None = None
    keys: dict[str, int] = field(default_factory=dict)  # key to the line where it first stood


class _Reader:
    """Builds data and nodes from YAML events, and collects what is refused."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.data: Any = None
        self.root: YamlNode | None = None
        self.problems: list[Problem] = []
        self._open: list[_Open] = []
        self._skipped = 0  # depth inside a key that is a collection

    def take(self, event: Any) -> None:
        kind = type(event)
        if kind is yaml.ScalarEvent:
            if event.anchor is not None or event.tag is not None:
                self._check_properties(event)
            if not self._skipped:
                self._add(self._scalar(event), event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._check_properties(event)
            self._start({} if kind is yaml.MappingStartEvent else [], event)
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._end()
        elif kind is yaml.AliasEvent:
            self._refuse(event, "aliases are not allowed", "write the value again, or put it under defaults")
            if not self._skipped:
                self._add(None, event)
        elif kind is yaml.DocumentStartEvent:
            self._start_document(event)

    def _start_document(self, event: Any) -> None:
        if self.root is not None:
            self._refuse(event, "a second document starts here; a file holds one")
            raise CorpusError(self.problems)
        if event.version not in (None, (1, 2)):
            self._refuse(event, "only YAML 1.2 is read", "remove the %YAML line")

    def _check_properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._refuse(
                event,
                f'anchors are not allowed: "&{event.anchor}"',
                "write the value where it is used, or put it under defaults",
            )
        if event.tag is not None:
            self._refuse(event, f'tags are not allowed: "{event.tag}"', "case files hold plain data")

    def _refuse(self, event: Any, message: str, hint: str | None = None) -> None:
        self.problems.append(
            Problem(
                Location(self.file, event.start_mark.line + 1, event.start_mark.column + 1), message, hint
            )
        )

    def _scalar(self, event: Any) -> Any:
        text = event.value
        if not event.implicit[0]:  # quoted, a block, or tagged
            return text
        if len(text) > LONGEST_NUMBER:
            return text
        return plain_value(text)

    def _start(self, data: Any, event: Any) -> None:
        if self._skipped or (
            self._open and self._open[-1].key is None and isinstance(self._open[-1].data, dict)
        ):
            if not self._skipped:
                self._refuse(event, "a key must be a string, not a collection")
            self._skipped += 1
            return
        if len(self._open) == DEEPEST:
            self._refuse(event, f"is nested deeper than {DEEPEST} levels")
            raise CorpusError(self.problems)
        node = self._add(data, event)
        node.children = {} if isinstance(data, dict) else []
        self._open.append(_Open(data, node))

    def _end(self) -> None:
        if not self._skipped:
            self._open.pop()
            return
        self._skipped -= 1
        if not self._skipped:  # the key that was a collection is over; its value still comes
            self._open[-1].key = ""

    def _add(self, value: Any, event: Any) -> YamlNode:
        """Put a value, or a key, where it belongs."""
        mark = event.start_mark
        node = YamlNode(mark.line, mark.column, text=getattr(event, "value", ""))
        if not self._open:
            self.data, self.root = value, node
            return node
        top = self._open[-1]
        if isinstance(top.data, list):
            top.data.append(value)
            top.node.children.append(node)  # type: ignore[union-attr]
        elif top.key is None:
            self._add_key(top, value, event)
        else:
            node.key = top.key_mark
            if top.key_mark is not None:
                top.data[top.key] = value
                top.node.children[top.key] = node  # type: ignore[call-overload, index]
            top.key = top.key_mark = None
        return node

    def _add_key(self, top: _Open, value: Any, event: Any) -> None:
        """Remember the key of the next value; a key that is refused has no mark, and
        its value is dropped.
        """
        line, column = event.start_mark.line, event.start_mark.column
        top.key, top.key_mark = "", None
        if type(event) is yaml.AliasEvent:
            return  # refused already
        if not isinstance(value, str):
            text = getattr(event, "value", "")
            self._refuse(
                event,
                f"a key must be a string, not {text or 'nothing'}",
                "put it in quotes" if text else None,
            )
        elif value == "<<":
            self._refuse(
                event, "merge keys are not allowed", "write the values out, or put them under defaults"
            )
        elif value in top.keys:
            self._refuse(
                event,
                f'the key "{value}" is used twice: here and in line {top.keys[value]}',
                "remove one of them",
            )
        else:
            top.keys[value] = line + 1
            top.key, top.key_mark = value, (line, column)
