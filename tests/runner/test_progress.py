"""How far a run is: the line itself, and when it is written."""

from collections import Counter

import pytest

from lstm_ref.runner.progress import Progress, duration, progress_line


@pytest.mark.parametrize(
    ("done", "failed", "left", "line"),
    [
        (0, 0, 0.0, "0 of 6,189 items, 0 %"),
        (1238, 0, 160.0, "1,238 of 6,189 items, 20 %; about 2 min 40 s left"),
        (3094, 3, 100.0, "3,094 of 6,189 items, 49 %, 3 failed; about 1 min 40 s left"),
        (6189, 1, 0.0, "6,189 of 6,189 items, 100 %, 1 failed"),
    ],
)
def test_the_line_says_how_far_and_how_long(done: int, failed: int, left: float, line: str) -> None:
    assert progress_line(done, 6189, failed, left) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (59.0, "59 s"), (61.0, "1 min"), (156.0, "2 min 40 s"), (3599.0, "60 min")],
)
def test_a_duration_is_as_exact_as_it_can_be_known(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Terminal:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.written: list[str] = []  # and not flushed yet
        self.live: list[str] = []

    @property
    def config(self) -> "Terminal":
        return self

    def get_terminal_writer(self) -> "Terminal":
        return self

    width_of_current_line = 0

    def ensure_newline(self) -> None:
        pass

    def write_line(self, line: str) -> None:
        self.written.append(line)

    def flush(self) -> None:
        self.lines, self.written = [*self.lines, *self.written], []

    def rewrite(self, line: str, erase: bool) -> None:
        self.live.append(line)


def told(live: bool, *items: tuple[str, float], total: int | None = None) -> Terminal:
    """Items that end one after the other, each of an implementation and after so many
    seconds.
    """
    terminal, now = Terminal(), 0.0
    known = Counter(implementation for implementation, _ in items)
    known["slow"] += (total or len(items)) - len(items)
    progress = Progress(terminal, known, live, lambda: now)
    for implementation, seconds in items:
        now += seconds
        progress.item(implementation, seconds, failed=False)
    return terminal


def test_a_log_gets_a_line_from_time_to_time_and_the_last_one() -> None:
    assert told(False, *[("one", 6.0)] * 10).lines == [
        "4 of 10 items, 40 %; about 36 s left",
        "8 of 10 items, 80 %; about 12 s left",
        "10 of 10 items, 100 %",
    ]
    assert told(False, *[("one", 0.01)] * 10).lines == ["10 of 10 items, 100 %"]


def test_what_came_before_the_first_item_does_not_count() -> None:
    terminal, now = Terminal(), 0.0
    progress = Progress(terminal, {"one": 10}, False, lambda: now)
    now = 1000.0
    progress.item("one", 1.0, failed=False)
    assert terminal.lines == ["1 of 10 items, 10 %; about 9 s left"]


def test_a_terminal_has_one_line_that_changes_and_goes() -> None:
    terminal = told(True, *[("one", 1.0)] * 10)
    assert terminal.lines == []
    assert terminal.live[0] == "1 of 10 items, 10 %; about 9 s left"
    assert terminal.live[-1] == ""


def test_the_time_that_is_left_is_that_of_the_implementations_that_are_left() -> None:
    """Six of ten items are done in 24 s; the other four are of the one that took 2 s
    each.
    """
    items = [("slow", 2.0), ("slow", 2.0), *[("slower", 5.0)] * 4]
    assert told(False, *items, total=10).lines == ["6 of 10 items, 60 %; about 8 s left"]
