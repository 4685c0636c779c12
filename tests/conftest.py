"""What tests have in common: subjects that host the NumPy twins, with or without a
fault.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import HealthCheck, settings

import lstm_ref
from lstm_ref.corpus import Case, load_file, load_parameters
from lstm_ref.corpus.selection import last_part
from lstm_ref.protocol import Host, steps
from lstm_ref.protocol.trace import Request, Trace
from lstm_ref.results.reading import read as read_results
from lstm_ref.results.records import Outcome, Results
from lstm_ref.runner.launching import Launch, launch
from lstm_ref.runner.run import Run
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.divergences import Divergences

HOSTED = Path(__file__).parent / "twins" / "hosted.py"

# Machines differ: a slow one fails no test.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

Array = npt.NDArray[Any]
Loss = Callable[[Mapping[str, Array]], float]
Start = Callable[..., Subjects]
Judged = Callable[..., Outcome]


def moved(loss: Loss, point: Mapping[str, Array], name: str, direction: Array) -> float:
    """The slope of the loss along a direction of one array: a difference quotient."""
    above, below = (loss({**point, name: point[name] + sign * 1e-6 * direction}) for sign in (1, -1))
    return (above - below) / 2e-6


@pytest.fixture(scope="session")
def difference_quotients() -> Callable[[Loss, Mapping[str, Array]], dict[str, Array]]:
    """The gradient of a loss by every element of these arrays."""

    def of(loss: Loss, point: Mapping[str, Array]) -> dict[str, Array]:
        gradients = {name: np.zeros_like(values) for name, values in point.items()}
        for name, values in point.items():
            for place in np.ndindex(values.shape):
                unit = np.zeros_like(values)
                unit[place] = 1
                gradients[name][place] = moved(loss, point, name, unit)
        return gradients

    return of


@pytest.fixture(scope="session")
def wrong_gradients() -> Callable[..., dict[str, tuple[float, float]]]:
    """By name every gradient of a loss at a point whose product with a random direction
    is not the difference quotient: the product and the quotient.
    """

    def of(
        loss: Loss, point: Mapping[str, Array], gradients: Mapping[str, Array]
    ) -> dict[str, tuple[float, float]]:
        rng, wrong = np.random.default_rng(0), {}
        for name, gradient in gradients.items():
            direction = rng.normal(size=point[name].shape)
            product, quotient = float(np.vdot(gradient, direction)), moved(loss, point, name, direction)
            if product != pytest.approx(quotient, rel=1e-6, abs=1e-7):
                wrong[name] = (product, quotient)
        return wrong

    return of


@pytest.fixture(scope="module")
def start() -> Iterator[Start]:
    """Start subjects that host these implementations, with this fault planted in them.
    They end with the module.
    """
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
def hosted() -> ModuleType:
    """The script that hosts the twins, as a module."""
    spec = spec_from_file_location("hosted_here", HOSTED)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def keras_twin(hosted: ModuleType) -> Callable[[Request], Trace]:
    """The twin of the Keras dialect as an implementation, in this process."""
    adapter = hosted.TwinAdapter("keras")
    return lambda request: steps.run(adapter, request)


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], dict[str, Case]]:
    """The cases of a YAML text, by the last part of their ids."""

    def read_text(text: str) -> dict[str, Case]:
        file = tmp_path / "file.yaml"
        file.write_text(text, encoding="utf-8")
        return {last_part(case): case for case in load_file(file, load_parameters())}

    return read_text


@pytest.fixture(scope="module")
def judged(start: Start, hosted: ModuleType) -> Judged:
    """Run a case on the twin of its dialect, in float64 unless told otherwise, with
    this fault planted in the twins.
    """
    hosts: dict[str, Subjects] = {}

    def judge(case: Case, fault: str = "none", dtype: str = "float64") -> Outcome:
        if fault not in hosts:
            hosts[fault] = start(*hosted.TWINS, fault=fault)
        return Run(
            hosts[fault],
            {name: Target.of(each) for name, each in hosted.TWINS.items()},
            0,
            Divergences([], {}),
            Path(),
        ).outcome(case, f"{case.dialect}-twin", dtype)

    return judge


@pytest.fixture(scope="module")
def twins(start: Start) -> Subjects:
    """The twins of both dialects, without a fault."""
    return start("keras-twin", "torch-twin")


class PytestRun:
    """What a run of pytest left behind."""

    def __init__(self, folder: Path, done: "subprocess.CompletedProcess[bytes]") -> None:
        self.code = done.returncode
        # Decoded here: reading it as text would make a line end of every carriage
        # return.
        self.text = (done.stdout + done.stderr).decode().replace(os.linesep, "\n")
        self._folder = folder / "reports"

    @property
    def report(self) -> Path:
        return self._newest("html")

    @property
    def results(self) -> Results:
        return read_results(self._newest("jsonl"))

    def _newest(self, kind: str) -> Path:
        return max(self._folder.glob(f"*.{kind}"), key=lambda path: path.stat().st_mtime_ns)

    def outcomes(self) -> dict[tuple[str, str], str]:
        return {(outcome.case, outcome.dtype): outcome.outcome for outcome in self.results.outcomes}

    def summary(self) -> str:
        """pytest's last line, without the time."""
        return re.sub(r" in [\d.]+s.*", "", self.text.strip().splitlines()[-1].strip("= "))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., PytestRun]:
    """Write the YAML as `file.yaml`, if any is given, and run pytest in that folder."""

    def run_pytest(*arguments: str, yaml: str = "", **environment: str) -> PytestRun:
        if yaml:
            (tmp_path / "file.yaml").write_text(yaml, encoding="utf-8")
        # Nothing but this folder's own files and settings.
        (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        ours = ("PYTEST_", "LSTM_REF_", "GITHUB_")
        outside = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        path = os.pathsep.join([str(HOSTED.parent), str(Path(lstm_ref.__file__).parent.parent)])
        plugins = [
            "-p",
            "lstm_ref.pytest_plugin",
            "-p",
            "twins_instead",
            "-p",
            "xdist.plugin",
            "-p",
            "no:cacheprovider",
        ]
        command = [sys.executable, "-m", "pytest", *plugins, *arguments]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**outside, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment},
            capture_output=True,
            timeout=120,
            check=False,
        )
        return PytestRun(tmp_path, done)

    return run_pytest
