"""Activation functions that have parameters, and clipping in front of any of them.

Each function here gives an activation, of the kind that `activations` has. At a kink
the derivative is the one on the left, but at either end of a flat piece it is 0.

Source of the formulas: the ONNX operator LSTM, "Activation functions" and attribute
clip.
"""

from collections.abc import Callable

import numpy as np

from lstm_ref.reference.activations import Activation, Array, tanh


def affine(alpha: float, beta: float) -> Activation:
    """s = alpha z + beta."""
    return lambda z: (alpha * z + beta, lambda ds: ds * alpha)


def leaky_relu_of(alpha: float) -> Activation:
    """s = z where z >= 0, else alpha z."""

    def activation(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        slope = np.where(z > 0, 1.0, alpha).astype(z.dtype)
        return z * slope, lambda ds: ds * slope

    return activation


def thresholded_relu(alpha: float) -> Activation:
    """s = z where z >= alpha, else 0: at alpha it jumps."""
    return lambda z: (z * (z >= alpha), lambda ds: ds * (z > alpha))


def scaled_tanh(alpha: float, beta: float) -> Activation:
    """s = alpha tanh(beta z)."""

    def activation(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        s, pull = tanh(beta * z)
        return alpha * s, lambda ds: beta * pull(alpha * ds)

    return activation


def hard_sigmoid_of(alpha: float, beta: float) -> Activation:
    """s = min(max(alpha z + beta, 0), 1)."""

    def activation(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        line = alpha * z + beta
        return np.minimum(np.maximum(line, 0), 1), lambda ds: ds * ((line > 0) & (line < 1)) * alpha

    return activation


def elu_of(alpha: float) -> Activation:
    """s = z where z >= 0, else alpha (exp(z) - 1)."""

    def activation(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        s = np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))
        return s, lambda ds: ds * np.where(z > 0, 1, s + alpha)

    return activation


def clipped(activation: Activation, limit: float) -> Activation:
    """s = activation(min(max(z, -limit), limit)): what goes in is clipped, not what
    comes out.
    """

    def of_clipped(z: Array) -> tuple[Array, Callable[[Array], Array]]:
        s, pull = activation(np.minimum(np.maximum(z, -limit), limit))
        return s, lambda ds: pull(ds) * ((z > -limit) & (z < limit))

    return of_clipped
