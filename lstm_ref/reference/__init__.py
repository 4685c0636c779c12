"""The LSTM in NumPy: what is right, and nothing else.

Read in this order: `activations`, `cell` (one step), `sequence` (the loop over time),
`stack` (directions and layers), `weights`. What only some LSTMs have
(`Variant`, peepholes, `parametric` activations) is left out where nobody asks for it.

Every function here returns its value together with its pullback. The pullback takes the
gradient of a scalar loss with respect to the value and gives back the gradient with
respect to the arguments, so that each equation stands beside its own derivative:

    value, pullback = f(argument)
    d_argument = pullback(d_value)

A pullback holds what it needs of the way there. To compute values alone, for many or
long sequences, use `sequence.forward`.

Shapes are counted from the last axis. Arrays may have any leading axes, such as the
batch; these are carried along. All operations are plain NumPy in the dtype of the
arguments; float64 is the dtype of reference.
"""

from lstm_ref.reference.weights import LSTMWeights

__all__ = ["LSTMWeights"]
