"""The initializers of keras.initializers. Each gives the values of an array of some
shape, or the distribution of these values.

Source: the API documentation of Keras 3, keras.initializers; Keras 2 documents the
same.
"""

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from lstm_ref.dialects.initial import Exactly, Initial, Normal, TruncatedNormal, Uniform
from lstm_ref.dialects.initial import Orthogonal as OrthogonalMatrix
from lstm_ref.dialects.keras.identifiers import by_both_names, made

Initializer: TypeAlias = Callable[[tuple[int, ...]], Initial]

# The standard deviation of a standard normal distribution that is cut off at 2 from its
# mean: sqrt(1 - 4 phi(2) / (Phi(2) - Phi(-2))).
TRUNCATED_DEVIATION = math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2)))


def initializer(identifier: Any) -> Initializer:
    """The initializer of this name, or of this serialized form. Raises ValueError for
    one that is not known.
    """
    return made("initializer", INITIALIZERS, identifier)


def constant(value: float = 0.0) -> Initializer:
    """All elements are `value`."""
    return lambda shape: Exactly(np.full(shape, float(value)))


def zeros() -> Initializer:
    """All elements are 0."""
    return constant(0.0)


def ones() -> Initializer:
    """All elements are 1."""
    return constant(1.0)


def identity(gain: float = 1.0) -> Initializer:
    """`gain` on the main diagonal, 0 elsewhere; of matrices only."""

    def initialize(shape: tuple[int, ...]) -> Initial:
        refuse_vector("identity", shape)
        return Exactly(gain * np.eye(shape[0], shape[1]))

    return initialize


def orthogonal(gain: float = 1.0, seed: Any = None) -> Initializer:
    """Orthogonal rows of length `gain`, or columns where they are fewer; of matrices
    only.
    """

    def initialize(shape: tuple[int, ...]) -> Initial:
        refuse_vector("orthogonal", shape)
        return OrthogonalMatrix(gain)

    return initialize


def random_normal(mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> Initializer:
    """A normal distribution."""
    return lambda shape: Normal(mean, stddev)


def random_uniform(minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> Initializer:
    """A uniform distribution."""
    return lambda shape: Uniform(minval, maxval)


def truncated_normal(mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> Initializer:
    """A normal distribution in which values beyond two `stddev` are drawn again.
    `stddev` is that of the distribution before this.
    """
    return lambda shape: TruncatedNormal(mean, stddev)


def variance_scaling(
    scale: float = 1.0,
    mode: str = "fan_in",
    distribution: str = "truncated_normal",
    seed: Any = None,
    input_axes: Any = None,
    output_axes: Any = None,
) -> Initializer:
    """A distribution around 0 of variance scale / n, after truncation; n is the fan_in,
    the fan_out, or their mean. Raises ValueError for values that are not documented.
    """
    if scale <= 0:
        raise ValueError(f"scale must be positive, not {scale!r}")
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ValueError(f"mode must be fan_in, fan_out or fan_avg, not {mode!r}")
    if distribution not in ("truncated_normal", "untruncated_normal", "uniform"):
        raise ValueError(
            f"distribution must be truncated_normal, untruncated_normal or uniform, not {distribution!r}"
        )

    def initialize(shape: tuple[int, ...]) -> Initial:
        fan_in, fan_out = fans(shape, input_axes, output_axes)
        variance = scale / {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
        if distribution == "uniform":
            return Uniform(-math.sqrt(3 * variance), math.sqrt(3 * variance))
        if distribution == "untruncated_normal":
            return Normal(0.0, math.sqrt(variance))
        return TruncatedNormal(0.0, math.sqrt(variance) / TRUNCATED_DEVIATION)

    return initialize


def scaled(scale: float, mode: str, distribution: str) -> Callable[..., Initializer]:
    """A `variance_scaling` with everything fixed but the seed and the axes."""

    def choose(seed: Any = None, input_axes: Any = None, output_axes: Any = None) -> Initializer:
        return variance_scaling(scale, mode, distribution, seed, input_axes, output_axes)

    return choose


def fans(
    shape: tuple[int, ...], input_axes: list[int] | None = None, output_axes: list[int] | None = None
) -> tuple[int, int]:
    """The numbers of input and output units of a weight: its first and last axis, or
    the axes that are named. For a vector both are its length. The documentation does
    not say this.
    """
    if input_axes is None or output_axes is None:
        return shape[0], shape[-1]
    return math.prod(shape[axis] for axis in input_axes), math.prod(shape[axis] for axis in output_axes)


def refuse_vector(name: str, shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise ValueError(f"the initializer {name} is for matrices, not for shape {shape}")


INITIALIZERS: dict[str, Callable[..., Initializer]] = by_both_names(
    {
        "Constant": constant,
        "Zeros": zeros,
        "Ones": ones,
        "Identity": identity,
        "Orthogonal": orthogonal,
        "RandomNormal": random_normal,
        "RandomUniform": random_uniform,
        "TruncatedNormal": truncated_normal,
        "VarianceScaling": variance_scaling,
        "GlorotNormal": scaled(1.0, "fan_avg", "truncated_normal"),  # Glorot and Bengio 2010
        "GlorotUniform": scaled(1.0, "fan_avg", "uniform"),
        "HeNormal": scaled(2.0, "fan_in", "truncated_normal"),  # He et al. 2015
        "HeUniform": scaled(2.0, "fan_in", "uniform"),
        "LecunNormal": scaled(1.0, "fan_in", "truncated_normal"),  # LeCun et al. 1998
        "LecunUniform": scaled(1.0, "fan_in", "uniform"),
    }
) | {
    "IdentityInitializer": identity,
    "OrthogonalInitializer": orthogonal,
    # Names from before Keras 2, which every version still takes.
    "normal": random_normal,
    "uniform": random_uniform,
    "one": ones,
    "zero": zeros,
}
