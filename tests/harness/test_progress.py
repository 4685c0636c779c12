"""How far a run is: the line itself, and when it is written."""

import pytest

from lstm_ref.harness.progress import Progress, duration, progress_line


@pytest.mark.parametrize(
    ("done", "failed", "seconds", "line"),
    [
        (0, 0, 0.0, "0 of 6,189 items, 0 %"),
        (1238, 0, 40.0, "1,238 of 6,189 items, 20 %; about 2 min 40 s left"),
        (3094, 3, 100.0, "3,094 of 6,189 items, 49 %, 3 failed; about 1 min 40 s left"),
        (6189, 1, 200.0, "6,189 of 6,189 items, 100 %, 1 failed"),
    ],
)
def test_the_line_says_how_far_and_how_long(done: int, failed: int, seconds: float, line: str) -> None:
    assert progress_line(done, 6189, failed, seconds) == line


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "1 s"), (59.0, "59 s"), (61.0, "1 min"), (156.0, "2 min 40 s"), (3599.0, "60 min")])
def test_a_duration_is_as_exact_as_it_can_be_known(seconds: float, text: str) -> None:
    assert duration(seconds) == text


class Terminal:
    def __init__(self, isatty: bool) -> None:
        self.isatty = isatty
        self.lines: list[str] = []
        self.live: list[str] = []

    def write_line(self, line: str) -> None:
        self.lines.append(line)

    def rewrite(self, line: str, erase: bool) -> None:
        self.live.append(line)


def told(isatty: bool, step: float) -> Terminal:
    """Ten items, one each so many seconds."""
    terminal, now = Terminal(isatty), 0.0
    progress = Progress(terminal, 10, lambda: now)
    for _ in range(10):
        now += step
        progress.item(failed=False)
    return terminal


def test_a_log_gets_a_line_from_time_to_time_and_the_last_one() -> None:
    assert told(isatty=False, step=6.0).lines == [
        "4 of 10 items, 40 %; about 36 s left",
        "8 of 10 items, 80 %; about 12 s left",
        "10 of 10 items, 100 %",
    ]
    assert told(isatty=False, step=0.01).lines == ["10 of 10 items, 100 %"]


def test_a_terminal_has_one_line_that_changes_and_goes() -> None:
    terminal = told(isatty=True, step=1.0)
    assert terminal.lines == []
    assert terminal.live[0] == "1 of 10 items, 10 %; about 9 s left"
    assert terminal.live[-1] == ""
