"""Other Python interpreters: whether one can host a built-in adapter, and with which
versions.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

OLDEST = (3, 10)
SECONDS = 30.0

# A module may come from another distribution than that of its name, as a nightly one:
# from one in the folder that the module lies in.
LOOK = """\
import importlib.util, json, os, sys
from importlib import metadata
def version(name, module):
    folder = os.path.dirname(os.path.dirname(module.origin)) if module.origin else ""
    try:
        own = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        own = None
    if own is not None and os.path.samefile(own.locate_file(""), folder or os.curdir):
        return own.version
    for other in metadata.distributions(path=[folder]) if folder else ():
        if any(file.parts[0] == name for file in other.files or ()):
            return other.version
    return own and own.version
modules = {name: importlib.util.find_spec(name) for name in sys.argv[1:]}
found = {name: module is not None for name, module in modules.items()}
versions = {name: version(name, module) for name, module in modules.items() if module}
versions = {name: known for name, known in versions.items() if known}
print(json.dumps({"python": list(sys.version_info[:2]), "found": found, "versions": versions}))
"""


@dataclass(frozen=True)
class Interpreter:
    """One that can host: its path, and the versions of the packages asked for, as far
    as they tell.
    """

    path: Path
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Unfit:
    """One that cannot host: why, and what to do."""

    reason: str


def found_interpreter(text: str, folder: Path) -> Path | Unfit:
    """The interpreter of that name on the PATH, or at that path from the folder. A link
    is not followed: it is how a virtual environment is known.
    """
    path = Path(os.path.abspath(folder / Path(text).expanduser()))
    if path.is_dir():
        return Unfit(f"{text} is a folder; name the interpreter in it, as {Path(text, 'bin', 'python')}")
    if path.is_file():
        return path
    on_path = shutil.which(text) if os.sep not in text else None
    return (
        Path(on_path)
        if on_path
        else Unfit(
            f"there is no file {text}; make one with python -m venv, and install the framework into it"
        )
    )


def look_at(path: Path, modules: Sequence[str]) -> Interpreter | Unfit:
    """Whether the interpreter has NumPy and these modules. Nothing of them is
    imported.
    """
    try:
        done = subprocess.run(
            [str(path), "-c", LOOK, "numpy", *modules],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        told = json.loads(done.stdout.splitlines()[-1])
    except OSError as error:
        return Unfit(f"{path} cannot be run: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Unfit(f"{path} did not answer within {SECONDS:g} s")
    except (ValueError, IndexError):
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return Unfit(f"{path} is not a Python interpreter: {said}")
    if tuple(told["python"]) < OLDEST:
        have, need = (".".join(map(str, each)) for each in (told["python"], OLDEST))
        return Unfit(f"{path} is Python {have}; adapters need {need} or newer")
    missing = [module for module, there in told["found"].items() if not there]
    if missing:
        return Unfit(
            f"{path} has no {' and no '.join(missing)}; install what is missing: {path} -m pip install"
            f" {' '.join(missing)}"
        )
    return Interpreter(path, {name: version for name, version in told["versions"].items() if name != "numpy"})
