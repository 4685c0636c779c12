"""What the tests of the harness have in common: subjects that host the NumPy twins, with or without a fault."""

import sys
from collections.abc import Callable, Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from lstm_ref.harness.subjects import Launch, Subjects, launch
from lstm_ref.implementations import Host, steps
from lstm_ref.implementations.trace import Request, Trace

HOSTED = Path(__file__).parent / "hosted.py"

Start = Callable[..., Subjects]


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Start subjects that host these implementations, with this fault planted in them. They end with the module."""
    running: list[Subjects] = []

    def begin(*implementations: str, fault: str = "none") -> Subjects:
        environment = launch(Host("any", (), "any", {})).environment
        command = (sys.executable, str(HOSTED), fault, *implementations)
        running.append(Subjects(dict.fromkeys(implementations, Launch("hosted", command, environment))))
        return running[-1]

    yield begin
    for subjects in running:
        subjects.close()


@pytest.fixture(scope="session")
def keras_twin() -> Callable[[Request], Trace]:
    """The twin of the Keras dialect as an implementation, in this process."""
    spec = spec_from_file_location("hosted_here", HOSTED)
    assert spec is not None
    assert spec.loader is not None
    hosted = module_from_spec(spec)
    spec.loader.exec_module(hosted)
    adapter = hosted.TwinAdapter("keras")
    return lambda request: steps.run(adapter, request)


@pytest.fixture(scope="module")
def twins(start: Start) -> Subjects:
    """The twins of both dialects, without a fault."""
    return start("keras-twin", "torch-twin")
