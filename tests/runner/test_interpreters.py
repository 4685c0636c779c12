"""Which versions another interpreter has."""

import os
import sys
from pathlib import Path

import pytest

from lstm_ref.runner.interpreters import Interpreter, look_at


def distribution(folder: Path, name: str, version: str, *files: str) -> None:
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text("".join(f"{file},,\n" for file in files))
    for file in files:
        (folder / file).parent.mkdir(exist_ok=True)
        (folder / file).write_text("")


@pytest.mark.parametrize(
    ("first", "version"), [("toykit_nightly", "2.0.dev1"), ("toykit", "1.5"), ("toykit_cpu", "1.0")]
)
def test_the_version_is_that_of_the_distribution_that_the_module_comes_from(
    first: str, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    near, far = tmp_path / "near", tmp_path / "far"
    distribution(near, first, version, "toykit/__init__.py")
    distribution(near, "other", "9", "other/__init__.py")
    distribution(far, "toykit", "0.9", "toykit/__init__.py")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (near, far))))
    found = look_at(Path(sys.executable), ["toykit"])
    assert isinstance(found, Interpreter)
    assert found.versions == {"toykit": version}
