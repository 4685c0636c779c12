"""Small plots, as SVG in the page: how far from the bound results are, and where."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from markupsafe import Markup, escape

from lstm_ref.report.values import short
from lstm_ref.results.records import Number, Profile, Results

# Plots show error / bound from here to 1, in equal steps of its logarithm. Smaller
# ratios count as this one.
SMALLEST_RATIO = 1e-4
BINS = 24
WIDTH, HEIGHT = 4 * BINS, 28

# The width of one place in a profile, and the height for errors. If there are more
# places than FEW, they are narrower, and only the first and the last are named.
BAR, TALL, FEW = 26, 64, 16


@dataclass(frozen=True)
class Spread:
    """How close the results of an implementation in a dtype are. Only outcomes that
    pass count.

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
    """A plot of how many ratios are in each step, from SMALLEST_RATIO at the left to 1.
    Words beside it say the same.
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


def profile(along: Profile) -> Markup:
    """A bar for each step or gate: its height is log(1 + error / bound), and a line is
    at the bound. A screen reader reads the numbers.
    """
    pairs = list(zip(along.places, along.ratios, strict=False))
    sizes = [_size(ratio) for _, ratio in pairs]
    top = max([1.0, *filter(math.isfinite, sizes)]) * 1.05
    few = len(pairs) <= FEW
    bar = BAR if few else BAR // 2
    width, line = bar * len(pairs), TALL * (1 - math.log(2) / top)
    marks = []
    for index, size in enumerate(sizes):
        height = TALL * min(1.0, size / top)
        beyond = "" if size > math.log(2) else ' class="within"'
        marks.append(f'<path{beyond} d="M{bar * index + 2} {TALL}v{-height:.1f}h{bar - 4}v{height:.1f}z"/>')
        if few:
            marks.append(_label(bar * (index + 0.5), "middle", along.places[index]))
    if not few:
        marks += [_label(0, "start", along.places[0]), _label(width, "end", along.places[-1])]
    marks.append(f'<path class="bound" d="M0 {line:.1f}h{width}"/>')
    told = escape(", ".join(f"{place}: {short(ratio)}" for place, ratio in pairs))
    box = f'viewBox="0 0 {width} {TALL + 16}" width="{width}" height="{TALL + 16}"'
    label = f'role="img" aria-label="Error / bound at {told}"'
    return Markup(f'<svg class="along" {box} {label}>{"".join(marks)}</svg>')


def _label(x: float, anchor: str, words: str) -> str:
    return f'<text x="{x:g}" y="{TALL + 13}" text-anchor="{anchor}">{escape(words)}</text>'


def _size(ratio: Number) -> float:
    """The height of an error. NaN and infinities are words in a result file, and their
    bars reach the top.
    """
    return math.log1p(ratio) if isinstance(ratio, (int, float)) else math.inf
