"""What an installed version does not document yet. A case that needs it is unsupported
there.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import InvalidVersion, Version

from lstm_ref.corpus.case import Case
from lstm_ref.corpus.meaning.types import word_of
from lstm_ref.corpus.read.models.parameters import Parameter, ParametersFile


def not_yet(case: Case, documented: ParametersFile, versions: Mapping[str, str]) -> str | None:
    """Why the installed package is too old for the case. None if it is not. `versions`
    are those of the subject, by package.
    """
    installed = versions.get(documented.package or "")
    if installed is None:
        return None
    try:
        now = Version(installed).release
    except InvalidVersion:
        return None
    needed = {
        what: since
        for what, since in _needed(case.layer, case.params, documented)
        if now < Version(since).release
    }
    if not needed:
        return None
    told = " and ".join(f"{what} (since {documented.package} {since})" for what, since in needed.items())
    return f"{documented.package} {installed} does not document {told}"


def _needed(layer: str, params: Mapping[str, Any], documented: ParametersFile) -> Iterator[tuple[str, str]]:
    """What a layer and the layers inside it need, each with the version that brought
    it.
    """
    constructor = documented.layers[layer].constructor if layer in documented.layers else {}
    for name, value in params.items():
        if name in constructor:
            yield from _of_parameter(name, value, constructor[name])
        yield from _inside(value, documented)


def _of_parameter(name: str, value: Any, parameter: Parameter) -> Iterator[tuple[str, str]]:
    since = parameter.since
    if isinstance(since, str):
        yield name, since
    elif since is not None and (word := word_of(value)) in since:
        yield f"{name} {word}", since[word]


def _inside(value: Any, documented: ParametersFile) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for each in value:
            yield from _inside(each, documented)
    elif isinstance(value, Mapping) and isinstance(value.get("layer"), str):
        yield from _needed(value["layer"], value.get("params", {}), documented)
