"""A small LSTM layer in NumPy, in float32, with weights in one matrix and the gates in
an order of its own: forget, input, output, candidate.
"""

import numpy as np

__version__ = "0.3.0"


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class TinyLSTM:
    """`weights` is (features + units + 1, 4 units): rows for the input, for the state,
    and one for the bias.
    """

    def __init__(self, units):
        self.units = units
        self.weights = None

    def run(self, x, h=None, c=None, mask=None):
        """All outputs (batch, timesteps, units), and the last h and c. Where `mask`
        (batch, timesteps) is 0 the state stays.
        """
        batch, timesteps, _ = x.shape
        h = np.zeros((batch, self.units), np.float32) if h is None else h
        c = np.zeros((batch, self.units), np.float32) if c is None else c
        shown = np.zeros_like(h)
        outputs = []
        for t in range(timesteps):
            z = np.concatenate([x[:, t], h, np.ones((batch, 1), np.float32)], axis=1) @ self.weights
            f, i, o, g = np.split(z, 4, axis=1)
            new_c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            new_h = sigmoid(o) * np.tanh(new_c)
            keep = np.ones((batch, 1), np.float32) if mask is None else mask[:, t : t + 1].astype(np.float32)
            c, h, shown = (
                keep * new + (1 - keep) * old for new, old in ((new_c, c), (new_h, h), (new_h, shown))
            )
            outputs.append(shown)
        return np.stack(outputs, axis=1) if outputs else np.zeros((batch, 0, self.units), np.float32), h, c
