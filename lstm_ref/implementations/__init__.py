"""The real layers that are judged: one adapter file a framework, and the protocol that they all speak.

With NumPy and its framework this package runs under any interpreter: `python -m lstm_ref.implementations SUBJECT`.
"""

import pkgutil
from importlib import import_module

from lstm_ref.implementations.adapter import Host, Implementation
from lstm_ref.implementations.errors import DuplicateImplementation

__all__ = ["Host", "Implementation", "discover"]


def discover() -> dict[str, Implementation]:
    """Every implementation by name: the `IMPLEMENTATIONS` of each file of this package that has them. No framework is imported."""
    found: dict[str, Implementation] = {}
    declared: dict[str, str] = {}
    for module in pkgutil.iter_modules(__path__):
        if module.name.startswith("_"):
            continue
        for implementation in getattr(import_module(f"{__name__}.{module.name}"), "IMPLEMENTATIONS", ()):
            if implementation.name in found:
                raise DuplicateImplementation(implementation.name, declared[implementation.name], module.name)
            found[implementation.name] = implementation
            declared[implementation.name] = module.name
    return found
