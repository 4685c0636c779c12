"""What the cases of a file have of its defaults before anything looks at them: the axes
of a matrix, and what it excludes.
"""

from dataclasses import replace
from typing import Any

from lstm_ref.corpus.documents import Document, YamlNode

INHERITED = ("matrix", "exclude")


def inherited(document: Document) -> Document:
    """The document with the defaults' axes behind each case's own, and so the
    combinations to exclude; everything stays at the place where it is written. What is
    no case, or is written wrongly, stays as it is, for others to complain about.
    """
    defaults = document.data.get("defaults") if isinstance(document.data, dict) else None
    cases = document.data.get("cases") if isinstance(document.data, dict) else None
    if not isinstance(defaults, dict) or not isinstance(cases, list):
        return document
    given = {key: defaults[key] for key in INHERITED if isinstance(defaults.get(key), dict | list)}
    if not given:
        return document
    places = {key: _inside(_inside(document.root)["defaults"])[key] for key in given}
    of_cases = _inside(document.root)["cases"]
    entries = [
        {**case, **{key: _both(case.get(key), given[key]) for key in given}}
        if isinstance(case, dict)
        else case
        for case in cases
    ]
    nodes = [
        _node(node, places) if isinstance(case, dict) else node
        for case, node in zip(cases, _inside(of_cases), strict=True)
    ]
    root = replace(
        document.root, children={**_inside(document.root), "cases": replace(of_cases, children=nodes)}
    )
    return Document(document.file, {**document.data, "cases": entries}, root)


def _node(case: YamlNode, places: dict[str, YamlNode]) -> YamlNode:
    """The node of a case with the places of what it inherits."""
    own: dict[str, YamlNode] = _inside(case)
    both = {
        key: replace(own.get(key, place), children=_both(_inside(own.get(key)), place.children))
        for key, place in places.items()
    }
    return replace(case, children={**own, **both})


def _inside(node: YamlNode | None) -> Any:
    """The nodes of a mapping or a list. (What is one is known from the data.)"""
    return None if node is None else node.children


def _both(own: Any, above: Any) -> Any:
    """The own axes or rows, then those of the defaults; where one is missing the other,
    and where they do not go together the own ones.
    """
    if own is None:
        return above
    if isinstance(own, dict) and isinstance(above, dict):
        return {**own, **{key: value for key, value in above.items() if key not in own}}
    return [*own, *above] if isinstance(own, list) and isinstance(above, list) else own
