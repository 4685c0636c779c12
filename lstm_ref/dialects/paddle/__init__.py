"""The Paddle dialect: paddle.nn.LSTM and paddle.nn.LSTMCell in NumPy, as Paddle
documents them.

    layer = LSTM(input_size=5, hidden_size=3, direction="bidirect")
    layer.load({"weight_ih_l0": ..., ...})
    outputs, (h, c) = layer(inputs)

Source: the documentation of paddle.nn.LSTM, paddle.nn.LSTMCell and paddle.ParamAttr,
Paddle 3.3. N batch_size, T time_steps, L num_layers, D directions (1 or 2).
"""

from lstm_ref.dialects.paddle.cell import LSTMCell
from lstm_ref.dialects.paddle.language import DIALECTS
from lstm_ref.dialects.paddle.lstm import LSTM

__all__ = ["DIALECTS", "LSTM", "LSTMCell"]
