"""PlainLSTM as lstm-ref judges it: by the documentation of keras.layers.LSTM."""

import numpy as np
from plain_lstm import PlainLSTM

from lstm_ref.protocol import Implementation, Tensor


class Adapter:
    def versions(self):
        return {"plain-lstm": "1.0"}

    def constructor(self, request):
        return lambda: (PlainLSTM(request.params["units"], request.dtype), request.params)

    def set_weights(self, layer, weights):
        vars(layer[0]).update({name: weight.values for name, weight in weights.items()})

    def tensor(self, value):
        return value.values.copy()

    def read(self, array):
        return Tensor(str(array.dtype), np.array(array))

    def caller(self, layer, arguments):
        return lambda: called(*layer, **arguments)


def called(layer, params, sequences, initial_state=()):
    outputs, h, c = layer(sequences, *initial_state)
    output = outputs if params.get("return_sequences") else h
    return (output, h, c) if params.get("return_state") else output


OFFERS = dict.fromkeys(("params.units", "params.return_sequences", "params.return_state"), True)
LAYERS = {"LSTM": {**OFFERS, "call.initial_state": ["given"]}}
DTYPES = {"float32": "float32", "float64": "float64"}
IMPLEMENTATIONS = (Implementation("plain-lstm", "keras", Adapter, DTYPES, layers=LAYERS, refusals=False),)
