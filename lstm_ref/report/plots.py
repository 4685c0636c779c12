"""Small plots, as SVG in the page: how far from the bound results are."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup

from lstm_ref.results.records import Number, Results

# Error / bound from here to 1, in equal steps of its logarithm; smaller ones count as
# this.
SMALLEST_RATIO = 1e-4
BINS = 24
WIDTH, HEIGHT = 4 * BINS, 28


@dataclass(frozen=True)
class Spread:
    """How close the results of an implementation in a dtype are, of the outcomes that
    pass.

    `plot` is the distribution of error / bound, from SMALLEST_RATIO to 1. `bits` are
    the fewest and the median number of leading bits verified; None where none were.
    """

    plot: Markup
    median: float
    largest: float
    bits: tuple[float, float] | None


def spreads(results: Results) -> dict[tuple[str, str], Spread]:
    """The spread of each implementation in each dtype in which something was
    measured.
    """
    ratios: dict[tuple[str, str], list[float]] = {}
    bits: dict[tuple[str, str], list[float]] = {}
    for outcome in results.outcomes:
        if outcome.outcome == "pass":
            key = outcome.implementation, outcome.dtype
            for found, value in ((ratios, outcome.ratio), (bits, outcome.bits)):
                if (measured := _finite(value)) is not None:
                    found.setdefault(key, []).append(measured)
    return {
        key: Spread(
            plot=histogram(values),
            median=median(values),
            largest=max(values),
            bits=(min(bits[key]), median(bits[key])) if key in bits else None,
        )
        for key, values in ratios.items()
    }


def _finite(value: Number) -> float | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def histogram(ratios: Sequence[float]) -> Markup:
    """How many ratios are in each step from SMALLEST_RATIO, at the left, to 1. What is
    drawn is told in words beside it.
    """
    counts = [0] * BINS
    for ratio in ratios:
        counts[_bin(ratio)] += 1
    tallest = max(counts)
    bars = []
    for index, count in enumerate(counts):
        if count:
            height = max(1.0, (HEIGHT - 1) * count / tallest)
            bars.append(f'<path d="M{4 * index} {HEIGHT}v{-height:.1f}h3v{height:.1f}z"/>')
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    return Markup(f'<svg class="spread" {box} aria-hidden="true">{"".join(bars)}</svg>')


def _bin(ratio: float) -> int:
    if ratio <= SMALLEST_RATIO:
        return 0
    share = 1 - math.log10(ratio) / math.log10(SMALLEST_RATIO)
    return min(BINS - 1, max(0, int(BINS * share)))
