"""Who may know whom: the rooms of the package, and the words that are not spoken in
some of them.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import lstm_ref

PACKAGE = Path(lstm_ref.__file__).parent
FRAMEWORKS = re.compile(r"keras|tensorflow|torch|onnx|flax|jax|paddle", re.IGNORECASE)

# What decides, and what shows, knows no framework: roles and dialects tell it what
# there is.
NEUTRAL = ("corpus", "results", "oracle", "verdict", "runner", "report")


def files(*rooms: str) -> list[Path]:
    found = [file for room in rooms for file in sorted((PACKAGE / room).rglob("*.py"))]
    assert found
    return found


def spoken(file: Path) -> Iterator[tuple[int, str]]:
    """Every name and every string of the code, with its line; not what comments and
    docstrings give as an example.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id
        elif isinstance(node, ast.Attribute):
            yield node.lineno, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or ""
        elif isinstance(node, ast.alias):
            yield node.lineno, node.name


@pytest.mark.parametrize("file", files(*NEUTRAL), ids=lambda file: str(file.relative_to(PACKAGE)))
def test_no_framework_is_named_where_any_is_judged(file: Path) -> None:
    named = [f"{file.name}:{line}: {word}" for line, word in spoken(file) if FRAMEWORKS.search(word)]
    assert named == []


def imported(file: Path) -> set[str]:
    """The modules of this package that a file imports, wherever in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    found = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return {name for name in found if name.startswith("lstm_ref.")}


@pytest.mark.parametrize(
    ("room", "known"),
    [
        ("reference", "reference"),
        ("protocol", "protocol"),
        ("results", "collection|results"),
        ("conversion", "conversion|reference"),
        ("corpus", "collection|corpus|kinds"),
        ("dialects", "dialects|protocol|reference"),
        ("implementations", "implementations|protocol"),
        ("oracle", "corpus|dialects|oracle|protocol|reference"),
        ("report", "report|results"),
        ("verdict", "corpus|dialects|oracle|protocol|reference|results|verdict"),
    ],
)
def test_a_room_knows_only_those_it_may(room: str, known: str) -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}: {name}"
        for file in files(room)
        for name in imported(file)
        if not re.match(rf"lstm_ref\.({known})\b", name)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("room", "known"),
    [
        ("read", "read|case|errors|hints"),
        ("points", "points|read|case|errors"),
        ("meaning", "meaning|points|read|case|errors|hints"),
    ],
)
def test_within_the_corpus_entries_are_read_then_multiplied_then_understood(room: str, known: str) -> None:
    wrong = [
        f"{file.relative_to(PACKAGE)}: {name}"
        for file in files(f"corpus/{room}")
        for name in imported(file)
        if not re.match(rf"lstm_ref\.(corpus\.({known})|kinds)\b", name)
    ]
    assert wrong == []
