"""Real frameworks for the tests of the conversion, each in a process of its own."""

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lstm_ref.conversion import ConversionError
from lstm_ref.implementations import discover
from lstm_ref.runner.launching import installed, launch


class Side:
    """Runs the functions of a script in this folder, next to which no other framework
    is imported.
    """

    def __init__(self, script: str, implementation: str, folder: Path) -> None:
        declared = discover()[implementation]
        if not installed(declared):
            pytest.skip(f"{declared.host.requires[0]} is not installed: {declared.host.install}")
        command = [sys.executable, str(Path(__file__).parent / script)]
        environment = {**os.environ, **launch(declared.host).environment}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=folder
        )

    def __call__(self, function: str, *arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        pickle.dump((function, arguments), self.process.stdin)
        self.process.stdin.flush()
        kind, value = pickle.load(self.process.stdout)
        if kind == "raised":
            raise ConversionError(value)
        assert kind == "value", value
        return value

    def close(self) -> None:
        self.process.communicate()


@pytest.fixture(scope="session")
def keras_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    side = Side("keras_side.py", "keras-tensorflow", tmp_path_factory.mktemp("keras"))
    yield side
    side.close()


@pytest.fixture(scope="session")
def torch_side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    side = Side("torch_side.py", "torch", tmp_path_factory.mktemp("torch"))
    yield side
    side.close()
