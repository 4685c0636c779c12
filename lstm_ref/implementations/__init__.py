"""The real layers that are judged: one adapter file a framework.

With NumPy and its framework this package runs under any interpreter: `python -m
lstm_ref.implementations SUBJECT`.
"""

import pkgutil
from collections.abc import Iterable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from lstm_ref.implementations.errors import BrokenEntryPoint, DuplicateImplementation, NoAdapterFile
from lstm_ref.protocol.adapter import Implementation

__all__ = ["declared", "discover", "of_file"]

# A package that has adapters of its own has entry points of this group.
GROUP = "lstm_ref.implementations"


def discover() -> dict[str, Implementation]:
    """Every implementation by name: those of the adapter files of this package, and of
    entry points. No framework is imported.
    """
    return {name: implementation for name, (implementation, _) in declared().items()}


def declared() -> dict[str, tuple[Implementation, str]]:
    """Every implementation by name, with the package that it comes from. Raises
    DuplicateImplementation and BrokenEntryPoint.
    """
    found: dict[str, tuple[Implementation, str]] = {}
    places: dict[str, str] = {}
    for place, package, implementations in (*_built_in(), *_installed()):
        for implementation in implementations:
            if implementation.name in found:
                raise DuplicateImplementation(implementation.name, places[implementation.name], place)
            found[implementation.name] = implementation, package
            places[implementation.name] = place
    return found


def of_file(file: Path) -> list[Implementation]:
    """The implementations that an adapter file declares. The file is run for this.
    Raises NoAdapterFile where it declares none.
    """
    spec = spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return _hosted(f"{file}", file.stem, getattr(module, "IMPLEMENTATIONS", ()))


def _built_in() -> Iterable[tuple[str, str, Iterable[Implementation]]]:
    for module in pkgutil.iter_modules(__path__):
        if not module.name.startswith("_"):
            yield (
                module.name,
                "lstm-ref",
                getattr(import_module(f"{__name__}.{module.name}"), "IMPLEMENTATIONS", ()),
            )


def _installed() -> Iterable[tuple[str, str, Iterable[Implementation]]]:
    for point in entry_points(group=GROUP):
        try:
            loaded = point.load()
        except Exception as error:
            raise BrokenEntryPoint(point.name, point.value, error) from error
        package = point.dist.name if point.dist is not None else point.module
        yield (
            point.value,
            package,
            _hosted(point.value, point.name, getattr(loaded, "IMPLEMENTATIONS", loaded)),
        )


def _hosted(place: str, subject: str, declared: object) -> list[Implementation]:
    """The implementations. One that declares no host gets that of the place where it
    was found.
    """
    found = list(declared) if isinstance(declared, (list, tuple)) else []
    if not found or not all(isinstance(each, Implementation) for each in found):
        raise NoAdapterFile(place)
    return [replace(each, host=replace(each.host, subject=each.host.subject or subject)) for each in found]
