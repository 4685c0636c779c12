"""How far a run is, and how long it will take: a live line on a terminal, a line from
time to time in a log.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Any

# Seconds between two lines.
ON_A_TERMINAL = 0.2
IN_A_LOG = 20.0


class Progress:
    """Counts items as they end, and tells about it.

    `items` is how many each implementation has: they take times of their own, of which
    the rest is estimated.
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
        """One item had ended in a part of the run before: its time is no measure."""
        self._recorded[implementation] += 1
        self._failed += failed

    def item(self, implementation: str, seconds: float, failed: bool) -> None:
        """One item has ended, after so many seconds of the process that ran it."""
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
        """Seconds until all have ended: as the work that is left is to the work done,
        so is the time.
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
    """End the line that others have begun: pytest itself knows of files, but not of
    what xdist wrote.
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
    """ "50 s", "2 min 40 s"; to ten seconds above a minute."""
    if seconds < 60:
        return f"{max(round(seconds), 1)} s"
    minutes, rest = divmod(round(seconds / 10) * 10, 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"
