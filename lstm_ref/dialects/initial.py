"""What a weight is right after its layer was constructed: values, or the distribution
from which a framework draws them.
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
    deviation, those further than two deviations from the mean left out. (What is left
    has 0.87962566 of the deviation.)
    """

    mean: float
    deviation: float


@dataclass(frozen=True)
class Orthogonal:
    """A matrix whose rows, or columns if they are fewer, are orthogonal to one another
    and of this length; otherwise of random direction.
    """

    gain: float


@dataclass(frozen=True)
class Blocks:
    """A vector of parts one after the other, each of so many elements."""

    parts: tuple[tuple[int, "Initial"], ...]


Initial: TypeAlias = Exactly | Uniform | Normal | TruncatedNormal | Orthogonal | Blocks
