"""The documented layers of each framework in NumPy, with the framework's own words and
defaults.

`from lstm_ref.dialects import keras, torch` gives `keras.LSTM` and `torch.LSTM`: twins
of the real layers, on top of `lstm_ref.reference`. Importing this package, or a
dialect, needs NumPy only.
"""

import pkgutil
from collections.abc import Mapping
from importlib import import_module

from lstm_ref.dialects.dialect import Dialect

__all__ = ["Dialect", "dialect", "dialects"]


def dialects() -> tuple[str, ...]:
    """The names of all dialects: the folders of this package."""
    return tuple(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def dialect(name: str, version: str = "") -> Dialect:
    """The dialect called `name` ("keras", "torch"), in one version of its documentation
    (for "keras": "3", the default, or "2"). Raises ModuleNotFoundError for an unknown
    name, and KeyError for an unknown version.
    """
    dialects: Mapping[str, Dialect] = import_module(f"lstm_ref.dialects.{name}").DIALECTS
    return dialects[version]
