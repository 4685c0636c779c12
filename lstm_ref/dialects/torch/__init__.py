"""The PyTorch dialect: torch.nn.LSTM and torch.nn.LSTMCell in NumPy, as PyTorch
documents them.

    layer = LSTM(input_size=5, hidden_size=3, bidirectional=True)
    layer.load_state_dict({"weight_ih_l0": ..., ...})
    output, (h_n, c_n) = layer(input)

Source: the documentation of torch.nn.LSTM, torch.nn.LSTMCell and torch.nn.utils.rnn,
PyTorch 2. L layers, D directions (1 or 2), T timesteps, N batch, H_in input_size,
H_cell hidden_size, H_out proj_size or, without projection, hidden_size.
"""

from lstm_ref.dialects.torch.cell import LSTMCell
from lstm_ref.dialects.torch.language import DIALECTS
from lstm_ref.dialects.torch.lstm import LSTM

__all__ = ["DIALECTS", "LSTM", "LSTMCell"]
