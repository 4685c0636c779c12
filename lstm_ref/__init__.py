"""lstm-ref: the conformance suite for LSTM layers.

`lstm_ref.reference` is the LSTM in NumPy, `lstm_ref.dialects` the documented layers of
each framework on top of it. Importing this package imports nothing else.
"""

__version__ = "0.1.0"
