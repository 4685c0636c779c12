"""The documented layers of each framework in NumPy, with the framework's own words and defaults.

`from lstm_ref.dialects import keras, torch` gives `keras.LSTM` and `torch.LSTM`: twins of the real layers, on top of `lstm_ref.reference`.
Importing this package, or a dialect, needs NumPy only.
"""

from importlib import import_module

from lstm_ref.dialects.dialect import Dialect

__all__ = ["Dialect", "dialect"]


def dialect(name: str) -> Dialect:
    """The dialect called `name`: "keras", "torch". Raises ModuleNotFoundError for a name that is none."""
    found: Dialect = import_module(f"lstm_ref.dialects.{name}").DIALECT
    return found
