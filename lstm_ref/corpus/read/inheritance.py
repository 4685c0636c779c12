"""Inheritance between entries, before they are checked. A case inherits the matrix of
the file's defaults. A parameter inherits from the parameter that it is like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from lstm_ref.corpus.errors import Problem
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.read.documents import Document, YamlNode

INHERITED = ("matrix", "exclude")
GROUPS_OF_LAYERS = ("constructor", "call")


def inherited(document: Document) -> tuple[Document, list[Problem]]:
    """The document with everything that its entries inherit, and the entries that are
    like one that does not exist. Each value keeps the place where it is written. What
    is written wrongly stays as it is: the models refuse it.
    """
    data = document.data if isinstance(document.data, dict) else {}
    if data.get("kind") == "parameters":
        return _with_likes(document)
    return _with_matrices(document), []


def _with_likes(document: Document) -> tuple[Document, list[Problem]]:
    """Each parameter and call argument that is `like: LSTM.units`, with everything that
    it does not say itself. One that is required does not inherit a default, and one
    with a default does not inherit `required`.
    """
    problems: list[Problem] = []
    layers = document.data.get("layers")
    if not isinstance(layers, dict):
        return document, problems
    of_layers = _inside(_inside(document.root)["layers"])
    for name, layer in layers.items():
        for group in GROUPS_OF_LAYERS:
            entries = layer.get(group) if isinstance(layer, dict) else None
            if not isinstance(entries, dict):
                continue
            for key, entry in entries.items():
                found = _liked(entry, group, layers)
                if found is None:
                    problems += _unlike(document, (name, group, key), entry, layers)
                    continue
                whose, what = found
                above = layers[whose][group][what]
                left = {word for word in above if word not in entry and not _excluded(word, entry)}
                entries[key] = {**{word: above[word] for word in above if word in left}, **entry}
                own = _inside(_inside(of_layers[name])[group])
                inherited_nodes = _inside(_inside(_inside(of_layers[whose])[group])[what])
                nodes = {**{word: inherited_nodes[word] for word in left}, **_inside(own[key])}
                own[key] = replace(own[key], children=nodes)
    return document, problems


def _unlike(
    document: Document, path: tuple[str, str, str], entry: Any, layers: Mapping[str, Any]
) -> Iterator[Problem]:
    """An entry that is like another which does not exist, or like itself."""
    like = entry.get("like") if isinstance(entry, dict) else None
    if isinstance(like, str):
        known = [
            f"{name}.{key}"
            for name, layer in layers.items()
            for key in (layer.get(path[1]) if isinstance(layer, dict) else None) or ()
        ]
        place = document.place(("layers", *path, "like"))
        if like == f"{path[0]}.{path[2]}":
            yield Problem(place, "is like itself", "write out what it says")
        elif like not in known:
            yield Problem(place, f'there is no "{like}" to be like', did_you_mean(like, known))


def _liked(entry: Any, group: str, layers: Mapping[str, Any]) -> tuple[str, str] | None:
    """The layer and the name that an entry is like, if they exist."""
    like = entry.get("like") if isinstance(entry, dict) else None
    layer, _, name = like.partition(".") if isinstance(like, str) else ("", "", "")
    entries = layers[layer].get(group) if isinstance(layers.get(layer), dict) else None
    there = isinstance(entries, dict) and isinstance(entries.get(name), dict) and entries[name] is not entry
    return (layer, name) if there else None


def _excluded(word: str, entry: Mapping[str, Any]) -> bool:
    return (word == "default" and "required" in entry) or (word == "required" and "default" in entry)


def _with_matrices(document: Document) -> Document:
    """The cases with the axes of the defaults after their own. The same is done with
    the combinations to exclude.
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
    """The case's own axes or rows, then those of the defaults. If one of the two is
    missing, the other. If they cannot be joined, the case's own.
    """
    if own is None:
        return above
    if isinstance(own, dict) and isinstance(above, dict):
        return {**own, **{key: value for key, value in above.items() if key not in own}}
    return [*own, *above] if isinstance(own, list) and isinstance(above, list) else own
