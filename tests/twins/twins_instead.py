"""A pytest plugin: a run that has it knows the twins, and an implementation that is not
installed, instead of the frameworks.

LSTM_REF_TEST_FAULT plants a fault in the twins; LSTM_REF_TEST_DIVERGENCE is a pattern
of cases in which torch-twin is known to fail, with a message like LSTM_REF_TEST_MATCH;
LSTM_REF_TEST_CORPUS is the folder whose files are taken for those of the package;
LSTM_REF_TEST_KNOWN is the one implementation that is known.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import hosted
import pytest

from lstm_ref import pytest_plugin
from lstm_ref.corpus import Divergence, Location
from lstm_ref.protocol import Host, Implementation
from lstm_ref.runner import plan, session, targets, writer

ABSENT = Implementation(
    "absent",
    "keras",
    hosted.TWINS["keras-twin"].adapter,
    {},
    Host("absent", ("no_such_framework",), "nothing", {}),
)


def _divergences() -> tuple[Divergence, ...]:
    cases = os.environ.get("LSTM_REF_TEST_DIVERGENCE")
    if not cases:
        return ()
    match, place = (
        os.environ.get("LSTM_REF_TEST_MATCH", "beyond the bound"),
        Location(Path("divergences.yaml"), 1),
    )
    return (
        Divergence(
            "torch-twin",
            cases,
            "framework",
            {"twin": ">=1"},
            ("fail",),
            match,
            None,
            "it is known to be wrong",
            None,
            place,
        ),
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    launch = targets.launch
    command = (sys.executable, hosted.__file__, os.environ.get("LSTM_REF_TEST_FAULT", "none"), *hosted.TWINS)
    targets.launch = lambda host: replace(launch(host), command=command)
    known = {**hosted.TWINS, ABSENT.name: ABSENT}
    if only := os.environ.get("LSTM_REF_TEST_KNOWN"):
        known = {only: known[only]}
    plan.discover = lambda: known
    session.load_divergences = _divergences
    if corpus := os.environ.get("LSTM_REF_TEST_CORPUS"):
        for module in (plan, writer):
            module.corpus_root = lambda: Path(corpus)
        pytest_plugin.among_ours = lambda file: file.is_relative_to(corpus)
