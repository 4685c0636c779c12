"""The initial weights of a layer: fixed values, or the distribution from which a
framework draws them.
"""

from dataclasses import dataclass
from typing import TypeAlias

from lstm_ref.reference.activations import Array


@dataclass(frozen=True)
class Exactly:
    """These values."""

    values: Array


@dataclass(frozen=True)
class Uniform:
    """Independent draws from the interval [low, high]."""

    low: float
    high: float


@dataclass(frozen=True)
class Normal:
    """Independent draws from the normal distribution with this mean and standard
    deviation.
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class TruncatedNormal:
    """Independent draws from the normal distribution with this mean and standard
    deviation. Draws further than two deviations from the mean are left out. (The rest
    has 0.87962566 of the deviation.)
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class Orthogonal:
    """A matrix whose rows, or columns if they are fewer, are orthogonal to one another
    and have this length. Their directions are random.
    """

    gain: float


@dataclass(frozen=True)
class Blocks:
    """A vector that consists of parts, one after the other. Each comes with its number
    of elements.
    """

    parts: tuple[tuple[int, "Initial"], ...]


Initial: TypeAlias = Exactly | Uniform | Normal | TruncatedNormal | Orthogonal | Blocks
