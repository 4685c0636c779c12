"""The weights of a whole LSTM, from Keras, PyTorch or ONNX to any other of them and back.

    from lstm_ref.conversion import from_keras, to_onnx, to_torch

    layer = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))
    layer.build((None, None, 5))
    weights = from_keras(layer)                # weights[layer][direction] is an LSTMWeights

    module = torch.nn.LSTM(5, 3, bidirectional=True, batch_first=True)
    to_torch(weights, module)                  # module(x)[0] is now layer(x)

    W, R, B = to_onnx(weights)[0]              # the inputs of one LSTM node a layer
    (y, last), pullback = run_stack(x, initial, weights)  # the same in NumPy: lstm_ref.reference.stack

|        | one LSTM of several layers                                    | gates      | biases |
|--------|---------------------------------------------------------------|------------|--------|
| here   | `Stack`: LSTMWeights by layer and direction, forward first    | i, f, g, o | 1 or 2 |
| Keras  | a layer, cell, Bidirectional, Sequential, or a list of them   | i, f, c, o | 1      |
| torch  | a module, or its `state_dict`                                 | i, f, g, o | 2      |
| ONNX   | a list of `OnnxLSTM`, one a layer                             | i, o, f, c | 2      |

Nothing is rounded, with one exception: Keras has one bias, so that `to_keras` adds two up where both are there, in their own dtype. What starts from
Keras therefore comes back from PyTorch and ONNX bit for bit, and so does what goes between PyTorch and ONNX; two biases do not come back from Keras.
A bias of zeros and no bias are the same here: it is left out where the target has none.

Arrays keep their dtype. A target of a wider one takes them as they are, a narrower one is refused: round on purpose, where you choose to. bfloat16
needs the package ml_dtypes. What is returned never shares memory with what it was read from.

Weights are all that is converted, and with them only layers that every one of the four has: activation tanh, recurrent_activation sigmoid, directions
side by side. Other Keras layers are refused, because no torch module computes what they do. A projection (`proj_size`) is PyTorch's alone.

NumPy is enough to import this package; a framework is only touched through the object that is handed in.
"""

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.keras import from_keras, to_keras
from lstm_ref.conversion.onnx import OnnxLSTM, from_onnx, to_onnx
from lstm_ref.conversion.stack import Stack
from lstm_ref.conversion.torch import from_torch, to_torch

__all__ = ["ConversionError", "OnnxLSTM", "Stack", "from_keras", "from_onnx", "from_torch", "to_keras", "to_onnx", "to_torch"]
