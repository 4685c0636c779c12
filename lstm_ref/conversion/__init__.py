"""The weights of a whole LSTM, from one of Keras, PyTorch, ONNX, Flax, Paddle and
TensorFlow 1 to another.

    from lstm_ref.conversion import from_keras, to_onnx, to_torch

    layer = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))
    layer.build((None, None, 5))
    weights = from_keras(layer)           # weights[layer][direction] is an LSTMWeights
    weights.conditions                    # what else has to be minded: nothing here

    module = torch.nn.LSTM(5, 3, bidirectional=True, batch_first=True)
    to_torch(weights, module)             # module(x)[0] is now layer(x)
    arrays = to_torch(weights)            # without a module: arrays by name

    W, R, B = to_onnx(weights)[0]         # the inputs of one LSTM node a layer

    # The same in NumPy, with lstm_ref.reference.stack:
    (y, last), pullback = run_stack(x, initial, weights)

|              | one LSTM of several layers                    | gates      | biases |
|--------------|-----------------------------------------------|------------|--------|
| here         | `Stack`: LSTMWeights by layer and direction   | i, f, g, o | 1 or 2 |
| Keras        | a layer, cell, Bidirectional, model, or lists | i, f, c, o | 1      |
| torch        | a module, or a `state_dict` with any prefix   | i, f, g, o | 2      |
| ONNX         | a model or its file, or a list of `OnnxLSTM`  | i, o, f, c | 2      |
| Flax         | a cell, RNN, Bidirectional, their state, list | i, f, g, o | 1      |
| Paddle       | a layer, or a `state_dict` with any prefix    | i, f, g, o | 2      |
| TensorFlow 1 | a list of `TensorFlow1Cell`                   | i, j, f, o | 1      |

A model of ONNX may hold several LSTMs that are not one on the other: `from_onnx(model,
node)` chooses one, as `from_torch(state, prefix)` does in a state_dict. One
torch.nn.LSTM has as many units in all layers; weights that have not are handed over
layer by layer.

Nothing is rounded, with three exceptions: Keras, Flax and TensorFlow 1 have one bias,
so that two are added up, in their own dtype; TensorFlow 1 adds 1 to the forget gate at
run time, which is taken off; and `dtype=` rounds on purpose. What starts from Keras
comes back from PyTorch, ONNX, Flax and Paddle bit for bit, and so does what goes
between PyTorch, ONNX and Paddle.

A bias of zeros and no bias are the same here. Arrays keep their dtype: a target of a
wider one takes them, a narrower one is refused unless `dtype=` names it, and so is a
number that would become infinite. bfloat16 needs the package ml_dtypes. What is
returned never shares memory with what it was read from.

Weights are all that is converted, and with them only layers that every one of them
has: activation tanh, recurrent_activation sigmoid, directions side by side. What has no
counterpart is refused, with every reason.

What is the same elsewhere under a condition only stands in `Stack.conditions`: a mask
becomes lengths, a stateful layer hands its states over. What Keras'
Bidirectional(return_sequences=False) returns is, in PyTorch, h_n of both directions
side by side, and not the last step of the output.

NumPy is enough to import this package; a framework is only touched through the object
that is handed in. `lstm-ref convert` does the same with files.
"""

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.flax import from_flax, to_flax
from lstm_ref.conversion.keras import from_keras, to_keras
from lstm_ref.conversion.onnx import OnnxLSTM, from_onnx, to_onnx
from lstm_ref.conversion.paddle import from_paddle, to_paddle
from lstm_ref.conversion.stack import Stack
from lstm_ref.conversion.tensorflow1 import TensorFlow1Cell, from_tensorflow1, to_tensorflow1
from lstm_ref.conversion.torch import from_torch, to_torch
from lstm_ref.reference.weights import LSTMWeights

__all__ = [
    "ConversionError",
    "LSTMWeights",
    "OnnxLSTM",
    "Stack",
    "TensorFlow1Cell",
    "from_flax",
    "from_keras",
    "from_onnx",
    "from_paddle",
    "from_tensorflow1",
    "from_torch",
    "to_flax",
    "to_keras",
    "to_onnx",
    "to_paddle",
    "to_tensorflow1",
    "to_torch",
]
