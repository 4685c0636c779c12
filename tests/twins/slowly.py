"""A pytest plugin: every case takes a moment, so that there is progress to tell."""

import time


def pytest_runtest_teardown() -> None:
    time.sleep(0.25)
