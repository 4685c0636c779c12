"""The Flax dialect: the LSTM cells of flax.nnx, RNN and Bidirectional in NumPy, as Flax
documents them.

    cell = LSTMCell(in_features=5, hidden_features=3)
    layer = RNN(cell, return_carry=True)
    layer.load({"W_i": ..., "W_h": ..., "b_h": ...})
    (c, h), outputs = layer(inputs)

Source: the documentation of flax.nnx, Flax 0.12, and of flax.linen.RNN, whose arguments
flax.nnx.RNN has without a word on them.
"""

from lstm_ref.dialects.flax.bidirectional import Bidirectional
from lstm_ref.dialects.flax.cells import LSTMCell, OptimizedLSTMCell
from lstm_ref.dialects.flax.language import DIALECTS
from lstm_ref.dialects.flax.rnn import RNN

__all__ = ["DIALECTS", "RNN", "Bidirectional", "LSTMCell", "OptimizedLSTMCell"]
