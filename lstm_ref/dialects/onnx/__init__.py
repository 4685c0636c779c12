"""The ONNX dialect: the operator LSTM in NumPy, as its documentation describes it.

    node = LSTM(hidden_size=3, direction="bidirectional")
    node.load({"W": ..., "R": ..., "Wb": ..., "Rb": ..., "WB": ..., ...})
    Y, Y_h, Y_c = node(X)

Source: the documentation of the ONNX operator LSTM, opsets 7, 14 and 22, whose notation
this is: T seq_length, N batch_size, D num_directions, H hidden_size.
"""

from lstm_ref.dialects.onnx.language import DIALECTS
from lstm_ref.dialects.onnx.lstm import LSTM

__all__ = ["DIALECTS", "LSTM"]
