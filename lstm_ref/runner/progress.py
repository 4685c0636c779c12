"""How much of a run is done, and how long the rest will take: a live line on a
terminal, or a line now and then in a log.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

# Seconds between two lines.
ON_A_TERMINAL = 0.2
IN_A_LOG = 20.0


class Progress:
    """Counts items as they end, and reports.

    `items` is the number of items of each implementation. Implementations differ in
    speed, so the rest is estimated for each by itself.
    """

    def __init__(
        self, terminal: Any, items: Mapping[str, int], live: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._terminal = terminal
        self._items = items
        self._total = sum(items.values())
        self._live = live
        self._clock = clock
        self._last = clock()
        self._started: float | None = None  # with the first item: other tests may come before
        self._done: Counter[str] = Counter()
        self._recorded: Counter[str] = Counter()
        self._seconds: dict[str, float] = defaultdict(float)
        self._failed = 0

    def recorded(self, implementation: str, failed: bool) -> None:
        """An item ended in an earlier part of the run. Its time says nothing about the
        rest.
        """
        self._recorded[implementation] += 1
        self._failed += failed

    def item(self, implementation: str, seconds: float, failed: bool) -> None:
        """An item has ended. It took this many seconds of the process that ran it."""
        self._done[implementation] += 1
        self._seconds[implementation] += seconds
        self._failed += failed
        now, done = self._clock(), self._done.total() + self._recorded.total()
        if self._started is None:
            self._started = now - seconds
        if now - self._last < (ON_A_TERMINAL if self._live else IN_A_LOG) and done < self._total:
            return
        self._last = now
        line = progress_line(done, self._total, self._failed, self._left(now - self._started))
        if not self._live:
            begin_line(self._terminal)
            self._terminal.write_line(line)
            self._terminal.flush()  # a log that is a pipe would get it in the end
        elif done < self._total:
            self._terminal.rewrite(line, erase=True)
        else:
            self._terminal.rewrite("", erase=True)

    def _left(self, passed: float) -> float:
        """Seconds until all items have ended, if the rest takes as long an item as what
        is done.
        """
        done = sum(self._seconds.values()) or 1.0
        mean = done / self._done.total()
        each = {name: self._seconds[name] / count for name, count in self._done.items()}
        left = sum(
            (count - self._done[name] - self._recorded[name]) * each.get(name, mean)
            for name, count in self._items.items()
        )
        return passed * left / done


def begin_line(terminal: Any) -> None:
    """End the line that others began. pytest knows of file names that it wrote, but not
    of what xdist wrote.
    """
    terminal.ensure_newline()
    if terminal.config.get_terminal_writer().width_of_current_line:
        terminal.line("")


def progress_line(done: int, total: int, failed: int, left: float) -> str:
    """ "1,238 of 6,189 items, 20 %, 3 failed; about 2 min 40 s left", with so many
    seconds left.
    """
    share = f"{done:,} of {total:,} items, {100 * done // max(total, 1)} %"
    failures = f", {failed:,} failed" if failed else ""
    return f"{share}{failures}; about {duration(left)} left" if 0 < done < total else share + failures


def duration(seconds: float) -> str:
    """ "50 s", "2 min 40 s". Above a minute it is rounded to ten seconds."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes, rest = divmod(round(seconds / 10) * 10, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
