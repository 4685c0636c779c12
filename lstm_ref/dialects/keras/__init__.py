"""The Keras dialect: the layers of keras.layers in NumPy, as their documentation
describes them.

    layer = LSTM(units=4, return_sequences=True)
    layer.set_weights([kernel, recurrent_kernel, bias])
    output = layer(sequences)

One subject a file: `lstm` is the layer, `cells`, `wrappers`, `masking` and `models` are
what it is made of or stands in, `language` is how cases speak of them.
"""

from lstm_ref.dialects.keras.activations import ACTIVATIONS
from lstm_ref.dialects.keras.cells import LSTMCell, StackedRNNCells
from lstm_ref.dialects.keras.language import KerasDialect
from lstm_ref.dialects.keras.lstm import LSTM
from lstm_ref.dialects.keras.masking import Embedding, Masking
from lstm_ref.dialects.keras.masks import mask
from lstm_ref.dialects.keras.models import EncoderDecoder, Sequential
from lstm_ref.dialects.keras.wrappers import RNN, Bidirectional

__all__ = [
    "ACTIVATIONS",
    "DIALECTS",
    "LSTM",
    "RNN",
    "Bidirectional",
    "Embedding",
    "EncoderDecoder",
    "KerasDialect",
    "LSTMCell",
    "Masking",
    "Sequential",
    "StackedRNNCells",
    "mask",
]

DIALECTS = {"": KerasDialect(""), "3": KerasDialect("3"), "2": KerasDialect("2")}
