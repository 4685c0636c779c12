"""An LSTM layer in NumPy, as somebody might have written it."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class PlainLSTM:
    """`kernel` (features, 4 units), `recurrent_kernel` (units, 4 units) and `bias` (4
    units,) hold the gates i, f, g, o side by side.
    """

    def __init__(self, units, dtype):
        self.units = units
        self.dtype = dtype
        self.kernel = self.recurrent_kernel = self.bias = None

    def __call__(self, x, h=None, c=None):
        """The hidden states of all timesteps, (batch, timesteps, units), and the last h
        and c, each (batch, units).
        """
        h = np.zeros((len(x), self.units), self.dtype) if h is None else h
        c = np.zeros((len(x), self.units), self.dtype) if c is None else c
        outputs = []
        for step in range(x.shape[1]):
            i, f, g, o = np.split(
                x[:, step] @ self.kernel + h @ self.recurrent_kernel + self.bias, 4, axis=-1
            )
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            outputs.append(h)
        return np.stack(outputs, axis=1), h, c
