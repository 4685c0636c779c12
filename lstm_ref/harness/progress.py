"""How far a run is, and how long it will take: a live line on a terminal, a line from time to time in a log."""

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

# Seconds between two lines.
ON_A_TERMINAL = 0.2
IN_A_LOG = 20.0


def progress_line(done: int, total: int, failed: int, seconds: float) -> str:
    """ "1,234 of 6,189 items, 20 %, 3 failed; about 2 min 40 s left", after so many seconds."""
    share = f"{done:,} of {total:,} items, {100 * done // max(total, 1)} %"
    failures = f", {failed:,} failed" if failed else ""
    if not done or done >= total:
        return share + failures
    return f"{share}{failures}; about {duration(seconds / done * (total - done))} left"


def duration(seconds: float) -> str:
    """ "50 s", "2 min 40 s"; to ten seconds above a minute."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes, rest = divmod(round(seconds / 10) * 10, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


class Progress:
    """Counts items as they end, and tells about it."""

    def __init__(self, terminal: Any, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._terminal = terminal
        self._total = total
        self._clock = clock
        self._started = self._last = clock()
        self._counts: Counter[bool] = Counter()
        self._live = bool(terminal.isatty)

    def item(self, failed: bool) -> None:
        """One item has ended."""
        self._counts[failed] += 1
        now, done = self._clock(), self._counts.total()
        if now - self._last < (ON_A_TERMINAL if self._live else IN_A_LOG) and done < self._total:
            return
        self._last = now
        line = progress_line(done, self._total, self._counts[True], now - self._started)
        if not self._live:
            self._terminal.write_line(line)
        elif done < self._total:
            self._terminal.rewrite(line, erase=True)
        else:
            self._terminal.rewrite("", erase=True)
