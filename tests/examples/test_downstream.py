"""What a project downstream does in its CI: from the wheel, in an environment of its
own, its layer is judged, with result file, report and JUnit.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from pathlib import Path

import numpy
import pytest

import lstm_ref
from lstm_ref.results.reading import read

CHECKOUT = Path(lstm_ref.__file__).parent.parent
EXAMPLE = CHECKOUT / "examples" / "downstream"

pytestmark = [
    pytest.mark.skipif(not EXAMPLE.is_dir(), reason="the examples are part of a checkout"),
    pytest.mark.skipif(
        importlib.util.find_spec("pip") is None,
        reason="pip is not installed, and nothing else builds a wheel",
    ),
]


def done(*command: str, folder: Path, code: int = 0, **variables: str) -> str:
    """What the command says. It knows nothing of this checkout."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PYTEST", "PIP", "LSTM_REF"))
    }
    run = subprocess.run(
        command, cwd=folder, env={**environment, **variables}, capture_output=True, text=True, check=False
    )
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheels of this package and of the example; their
    requirements are borrowed.
    """
    folder = tmp_path_factory.mktemp("downstream")
    isolation = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    here = (
        {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if "site-packages" in entry)}
        if isolation
        else {}
    )
    for project in (CHECKOUT, EXAMPLE):
        copy = folder / project.name
        ignored = shutil.ignore_patterns(
            "node_modules", "reports", ".git", ".tox", "tests", "__pycache__", ".*_cache"
        )
        shutil.copytree(project, copy, ignore=ignored)
        command = [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            "--quiet",
            "--no-deps",
            *isolation,
            "-w",
            str(folder / "wheels"),
            str(copy),
        ]
        built = subprocess.run(
            command, env={**os.environ, **here}, capture_output=True, text=True, timeout=240, check=False
        )
        if built.returncode and not isolation:
            pytest.skip(
                f"a wheel cannot be built without the network: {built.stderr.strip().splitlines()[-1]}"
            )
        assert built.returncode == 0, built.stderr
    done(sys.executable, "-m", "venv", "--without-pip", str(folder / "env"), folder=folder)
    python = folder / "env" / "bin" / "python"
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    wheels = [str(wheel) for wheel in (folder / "wheels").iterdir()]
    done(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        *wheels,
        folder=folder,
    )
    borrowed = [entry for entry in sys.path if entry.endswith("site-packages")] or [
        str(Path(numpy.__file__).parent.parent)
    ]
    (packages / "borrowed.pth").write_text("\n".join(borrowed), encoding="utf-8")
    return folder / "env" / "bin"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project as it is cloned, without the package that it builds."""
    shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("src", "out"))
    return tmp_path / "project"


def test_what_is_used_is_the_wheel(environment: Path, project: Path) -> None:
    where = done(
        str(environment / "python"), "-c", "import lstm_ref; print(lstm_ref.__file__)", folder=project
    )
    assert Path(where.strip()).is_relative_to(environment.parent)


def test_its_ci_writes_results_a_report_and_junit(environment: Path, project: Path) -> None:
    path = os.pathsep.join((str(environment), os.environ["PATH"]))
    chosen = (
        "keras/masks/over-any-number*",
        "keras/relations/last-output-is-state*",
        "conformance/cases.yaml",
    )
    said = done("sh", "conformance/run", *chosen, folder=project, PATH=path)
    results = read(project / "conformance" / "out" / "results.jsonl")
    outcomes = Counter(outcome.outcome for outcome in results.outcomes)
    assert results.header.implementations == ("tiny-lstm",)
    assert outcomes["divergence"] >= 1, said
    assert outcomes["pass"] >= 3, said
    assert set(outcomes) <= {"pass", "divergence", "unsupported"}, said
    assert "tiny-lstm" in (project / "conformance" / "out" / "report.html").read_text(encoding="utf-8")
    suite = ElementTree.parse(project / "conformance" / "out" / "junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == (str(len(results.outcomes)), "0")


def test_its_layer_is_listed_with_the_package_that_it_comes_from(environment: Path, project: Path) -> None:
    said = done(str(environment / "lstm-ref"), "implementations", folder=project)
    (line,) = [line for line in said.splitlines() if line.startswith("tiny-lstm")]
    assert line.split() == ["tiny-lstm", "keras", "tiny-lstm", "installed"]


def test_its_layer_is_tried_by_name(environment: Path, project: Path) -> None:
    said = done(str(environment / "lstm-ref"), "smoke", "tiny-lstm", folder=project)
    assert "9 of 10 requests answered well" in said
