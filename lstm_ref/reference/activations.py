"""The activation functions, each beside its derivative.

An activation takes pre-activations z of any shape and returns s of the same shape
together with its pullback ds -> dz. Only softmax, log_softmax and sparsemax mix
elements: they act along the last axis, the units. At a kink the derivative is the one
on the left, but at either end of a flat piece it is 0. The derivative of a product
follows from its factors.

Source of the formulas: keras.activations, Keras 3; gelu is Hendrycks and Gimpel 2016,
selu is Klambauer et al. 2017, sparsemax is Martins and Astudillo 2016.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]
Activation: TypeAlias = Callable[[Array], tuple[Array, Callable[[Array], Array]]]

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946

_erf: Callable[[Array], Array] = np.frompyfunc(math.erf, 1, 1)  # NumPy has no erf; this one gives objects


def linear(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z."""
    return z, lambda ds: ds


def sigmoid(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = 1 / (1 + exp(-z)), in (0, 1)."""
    s = 1 / (1 + np.exp(-z))
    return s, lambda ds: ds * s * (1 - s)


def tanh(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = tanh(z), in (-1, 1)."""
    s = np.tanh(z)
    return s, lambda ds: ds * (1 - s * s)


def exponential(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = exp(z)."""
    s = np.exp(z)
    return s, lambda ds: ds * s


def relu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = max(z, 0)."""
    return np.maximum(z, 0), lambda ds: ds * (z > 0)


def relu6(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = min(max(z, 0), 6)."""
    return np.minimum(np.maximum(z, 0), 6), lambda ds: ds * ((z > 0) & (z < 6))


def leaky_relu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z where z > 0, else 0.2 z."""
    slope = np.where(z > 0, 1.0, 0.2).astype(z.dtype)
    return z * slope, lambda ds: ds * slope


def elu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z where z > 0, else exp(z) - 1. celu with alpha = 1 is the same function."""
    s = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
    return s, lambda ds: ds * np.where(z > 0, 1, s + 1)


def selu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = scale * (z where z > 0, else alpha (exp(z) - 1))."""
    s = SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))
    return s, lambda ds: ds * np.where(z > 0, SELU_SCALE, s + SELU_SCALE * SELU_ALPHA)


def softplus(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = log(1 + exp(z))."""
    return np.logaddexp(z, 0), lambda ds: ds * sigmoid(z)[0]


def softsign(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z / (1 + |z|)."""
    d = 1 + np.abs(z)
    return z / d, lambda ds: ds / (d * d)


def silu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z sigmoid(z), also called swish."""
    g, pull_g = sigmoid(z)
    return z * g, lambda ds: ds * g + pull_g(ds * z)


def gelu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z Phi(z), with Phi the distribution function of the standard normal."""
    phi = 0.5 * (1 + _erf(z * math.sqrt(0.5)).astype(z.dtype))
    return z * phi, lambda ds: ds * (phi + z * np.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi)))


def mish(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z tanh(softplus(z))."""
    p, pull_p = softplus(z)
    t, pull_t = tanh(p)
    return z * t, lambda ds: ds * t + pull_p(pull_t(ds * z))


def log_sigmoid(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = log(sigmoid(z)) = -softplus(-z)."""
    s, pull = softplus(-z)
    return -s, pull


def squareplus(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = (z + sqrt(z^2 + 4)) / 2."""
    r = np.sqrt(z * z + 4)
    return (z + r) / 2, lambda ds: ds * (1 + z / r) / 2


def hard_sigmoid(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = clip(z / 6 + 1/2, 0, 1)."""
    return np.minimum(np.maximum(z / 6 + 0.5, 0), 1), lambda ds: ds * ((z > -3) & (z < 3)) / 6


def hard_sigmoid_2(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = clip(0.2 z + 0.5, 0, 1): what Keras 2 calls hard_sigmoid."""
    return np.minimum(np.maximum(0.2 * z + 0.5, 0), 1), lambda ds: ds * ((z > -2.5) & (z < 2.5)) * 0.2


def hard_silu(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z hard_sigmoid(z), also called hard_swish."""
    g, pull_g = hard_sigmoid(z)
    return z * g, lambda ds: ds * g + pull_g(ds * z)


def hard_tanh(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = clip(z, -1, 1)."""
    return np.minimum(np.maximum(z, -1), 1), lambda ds: ds * ((z > -1) & (z < 1))


def hard_shrink(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z where |z| > 0.5, else 0."""
    keep = np.abs(z) > 0.5
    return z * keep, lambda ds: ds * keep


def soft_shrink(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z moved by 0.5 towards 0, and 0 where |z| <= 0.5."""
    return np.sign(z) * np.maximum(np.abs(z) - 0.5, 0), lambda ds: ds * (np.abs(z) > 0.5)


def tanh_shrink(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z - tanh(z)."""
    t = np.tanh(z)
    return z - t, lambda ds: ds - ds * (1 - t * t)


def sparse_plus(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = 0 below -1, (z + 1)^2 / 4 up to 1, z above."""
    middle = np.minimum(np.maximum(z, -1), 1) + 1
    return np.where(z < 1, middle * middle / 4, z), lambda ds: ds * middle / 2


def sparse_sigmoid(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = clip((z + 1) / 2, 0, 1)."""
    return np.minimum(np.maximum((z + 1) / 2, 0), 1), lambda ds: ds * ((z > -1) & (z < 1)) / 2


def softmax(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = exp(z) / sum(exp(z)) over the last axis."""
    e = np.exp(z - np.max(z, axis=-1, keepdims=True))
    s = e / np.sum(e, axis=-1, keepdims=True)
    return s, lambda ds: s * (ds - np.sum(ds * s, axis=-1, keepdims=True))


def log_softmax(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = z - log(sum(exp(z))) over the last axis."""
    shifted = z - np.max(z, axis=-1, keepdims=True)
    s = shifted - np.log(np.sum(np.exp(shifted), axis=-1, keepdims=True))
    return s, lambda ds: ds - np.exp(s) * np.sum(ds, axis=-1, keepdims=True)


def sparsemax(z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """s = the point of the probability simplex that is nearest to z, over the last
    axis.
    """
    descending = -np.sort(-z, axis=-1)
    count = np.arange(1, z.shape[-1] + 1, dtype=z.dtype)
    excess = np.cumsum(descending, axis=-1) - 1
    last = np.sum(descending * count > excess, axis=-1, keepdims=True) - 1
    size = (last + 1).astype(z.dtype)
    threshold = np.take_along_axis(excess, last, axis=-1) / size
    support = z > threshold
    return np.maximum(
        z - threshold, 0
    ), lambda ds: support * (ds - np.sum(ds * support, axis=-1, keepdims=True) / size)
