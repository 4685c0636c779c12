"""TinyLSTM as lstm-ref judges it: by the documentation of keras.layers.LSTM."""

import numpy as np

from lstm_ref.protocol import Implementation, Tensor
from tiny_lstm import TinyLSTM, __version__


class Adapter:
    def versions(self):
        return {"tiny-lstm": __version__}

    def constructor(self, request):
        return lambda: (TinyLSTM(request.params["units"]), request.params)

    def set_weights(self, layer, weights):
        rows = np.concatenate(
            [weights["kernel"].values, weights["recurrent_kernel"].values, weights["bias"].values[None]]
        )
        i, f, g, o = np.split(rows, 4, axis=1)
        layer[0].weights = np.concatenate([f, i, o, g], axis=1)

    def tensor(self, value):
        return value.values.copy()

    def read(self, array):
        return Tensor(str(array.dtype), np.array(array))

    def caller(self, layer, arguments):
        return lambda: called(*layer, **arguments)


def called(layer, params, sequences, initial_state=(None, None), mask=None):
    outputs, h, c = layer.run(sequences, *initial_state, mask=mask)
    output = outputs if params.get("return_sequences") else outputs[:, -1]
    return (output, h, c) if params.get("return_state") else output


MASKS = ["full", "right", "left", "gaps", "one-row-empty", "gaps-over-nan"]
OFFERED = {
    "params.units": True,
    "params.return_sequences": True,
    "params.return_state": True,
    "call.initial_state": ["given", "previous"],
    "call.mask": MASKS,
}

IMPLEMENTATIONS = (
    Implementation(
        "tiny-lstm", "keras", Adapter, {"float32": "float32"}, layers={"LSTM": OFFERED}, refusals=False
    ),
)
