"""What a framework draws: dropout masks and initial weights, judged by the distribution
that the documentation promises.

Each of these checks blames a correct framework with a probability below RARE. The
inequalities behind them hold for every sample size. No number is set by hand for a
case.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lstm_ref.dialects.dialect import Draw
from lstm_ref.dialects.initial import Blocks, Exactly, Initial, Normal, Orthogonal, TruncatedNormal, Uniform
from lstm_ref.oracle.rounding import PRECISIONS
from lstm_ref.reference.activations import Array

RARE = 1e-12


# --- masks ---


def mask_findings(draws: Mapping[str, Draw], drawn: Mapping[str, Array], dtype: str) -> Iterator[str]:
    """What is wrong with the masks of one call: their names, shapes, values and share
    of zeros. `dtype` is the one in which the layer uses them.
    """
    for name in sorted(draws.keys() ^ drawn.keys()):
        yield (
            f"the mask {name} was {'not drawn' if name in draws else 'drawn, where nothing is to be dropped'}"
        )
    for name in sorted(draws.keys() & drawn.keys()):
        draw, mask = draws[name], drawn[name]
        if mask.shape not in draw.shapes:
            yield f"the mask {name} has shape {mask.shape}, expected {' or '.join(map(str, draw.shapes))}"
            continue
        kept = 0.0 if draw.rate == 1 else 1 / (1 - draw.rate)
        # The rate and the quotient are both rounded.
        right = np.abs(mask - kept) <= 4 * PRECISIONS[dtype].roundoff * kept / max(1 - draw.rate, 0.5)
        wrong = (mask != 0) & ~right
        if np.any(wrong):
            yield (
                f"the mask {name} holds {mask[wrong].flat[0]:.9g}, where only 0 and 1 / (1 - rate) ="
                f" {kept:.9g} may stand"
            )
        zeros = int(np.sum(mask == 0))
        if _too_far(zeros, mask.size, draw.rate):
            yield (
                f"the mask {name} drops {zeros} of {mask.size} elements, which a rate of {draw.rate:g} does"
                " once in 10^12 times at the most"
            )


def repeated_masks(calls: Sequence[tuple[Mapping[str, Draw], Mapping[str, Array]]]) -> Iterator[str]:
    """Masks that two calls share, though each call draws its own."""
    for later, (draws, drawn) in enumerate(calls):
        for name in sorted(draws.keys() & drawn.keys()):
            for earlier in range(later):
                before = calls[earlier][1].get(name)
                same_by_chance = (draws[name].rate ** 2 + (1 - draws[name].rate) ** 2) ** drawn[name].size
                if same_by_chance < RARE and before is not None and np.array_equal(before, drawn[name]):
                    yield f"calls {earlier} and {later} share the mask {name}, where each call draws its own"


def _too_far(successes: int, draws: int, rate: float) -> bool:
    """Whether so many successes are too unlikely. Source: Chernoff's inequality, exp(-n
    KL(observed share, rate)) for each tail.
    """
    if draws == 0:
        return False
    share = successes / draws
    if rate in (0.0, 1.0):
        return share != rate
    divergence = sum(p * math.log(p / q) for p, q in ((share, rate), (1 - share, 1 - rate)) if p > 0)
    return 2 * math.exp(-draws * divergence) < RARE


# --- initial weights ---


def weight_findings(name: str, initial: Initial, weights: Array, dtype: str) -> Iterator[str]:
    """What is wrong with one weight of a layer that was just constructed. `dtype` is
    the one in which the layer keeps it.
    """
    if not np.all(np.isfinite(weights)):
        yield from infinite(name, weights)
        return
    match initial:
        case Blocks(parts):
            start = 0
            for size, part in parts:
                yield from weight_findings(
                    f"{name}[{start}:{start + size}]", part, weights[start : start + size], dtype
                )
                start += size
        case Exactly(values):
            if weights.shape != values.shape:
                yield f"{name} begins with {_shown(weights)}, expected {_shown(values)}"
            elif np.any(wrong := np.abs(weights - values) > PRECISIONS[dtype].roundoff * np.abs(values)):
                at = ", ".join(map(str, np.argwhere(wrong)[0]))
                where = f"at [{at}] {weights[wrong].flat[0]:.9g}, expected {values[wrong].flat[0]:.9g}"
                yield f"{name} begins with {_shown(weights)}, expected {_shown(values)}; {where}"
        case Orthogonal(gain):
            yield from _orthogonal_findings(name, gain, weights, dtype)
        case Uniform(low, high):
            yield from _range_findings(name, weights, low, high, dtype)
            yield from _distribution_findings(
                name,
                weights,
                np.clip((weights - low) / (high - low), 0, 1),
                f"uniform from {low:.4g} to {high:.4g}",
            )
        case Normal(mean, deviation):
            share = _normal_share((weights - mean) / deviation)
            yield from _distribution_findings(
                name, weights, share, f"normal with mean {mean:g} and deviation {deviation:.4g}"
            )
        case TruncatedNormal(mean, deviation):
            yield from _range_findings(name, weights, mean - 2 * deviation, mean + 2 * deviation, dtype)
            edge = float(_normal_share(np.array(-2.0)))
            share = np.clip((_normal_share((weights - mean) / deviation) - edge) / (1 - 2 * edge), 0, 1)
            promised = f"normal with mean {mean:g} and deviation {deviation:.4g}, cut off at two deviations"
            yield from _distribution_findings(name, weights, share, promised)


def infinite(name: str, weights: Array) -> Iterator[str]:
    """Findings about weights that are NaN or infinite. No distribution draws these."""
    wrong = ~np.isfinite(weights)
    if np.any(wrong):
        yield (
            f"{name} begins with {weights[wrong].flat[0]:g} in {np.sum(wrong)} of its {weights.size} elements"
        )


def _shown(values: Array) -> str:
    return np.array2string(values, precision=4, threshold=8, separator=", ").replace("\n", "")


def _range_findings(name: str, weights: Array, low: float, high: float, dtype: str) -> Iterator[str]:
    slack = 4 * PRECISIONS[dtype].roundoff * max(abs(low), abs(high))
    outside = (weights < low - slack) | (weights > high + slack)
    if np.any(outside):
        yield f"{name} begins with {weights[outside].flat[0]:.9g} in it, outside of {low:.9g} to {high:.9g}"


def _distribution_findings(name: str, weights: Array, share: Array, promised: str) -> Iterator[str]:
    """`share` is the promised distribution function at each weight. Source: the
    inequality of Dvoretzky, Kiefer and Wolfowitz, with the constant of Massart 1990.
    """
    n = weights.size
    if n == 0:
        return
    ordered = np.sort(share, axis=None)
    ranks = np.arange(n + 1) / n
    distance = float(max(np.max(ranks[1:] - ordered), np.max(ordered - ranks[:-1])))
    farthest = math.sqrt(math.log(2 / RARE) / (2 * n))
    if distance > farthest:
        yield (
            f"{name} is not {promised}: the distribution function of its {n} elements is off by"
            f" {distance:.3g}, more than {farthest:.3g}"
        )
    if n > 1 and np.all(weights == weights.flat[0]):
        yield f"all {n} elements of {name} are equal"


def _orthogonal_findings(name: str, gain: float, weights: Array, dtype: str) -> Iterator[str]:
    """The rows, or the columns if they are fewer, must have the length `gain` and be
    orthogonal, within the rounding of their products.
    """
    short = weights if weights.shape[0] <= weights.shape[1] else weights.T
    off = float(np.max(np.abs(short @ short.T - gain**2 * np.eye(len(short)))))
    allowed = 8 * gain**2 * max(weights.shape) * PRECISIONS[dtype].roundoff
    if off > allowed:
        yield (
            f"{name} is not orthogonal with gain {gain:g}: its products are off by {off:.3g}, more than"
            f" {allowed:.3g}"
        )


def _normal_share(z: Array) -> Array:
    """The distribution function of the standard normal."""
    share: Array = 0.5 * (1 + np.vectorize(math.erf, otypes=[np.float64])(z / math.sqrt(2)))
    return share
