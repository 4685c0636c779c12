"""How a subject is started: the command, its environment and its folder. Nothing is
started here.
"""

import importlib.util
import os
import site
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import lstm_ref
from lstm_ref.protocol import Host, Implementation

# The module that hosts adapters, and this package for an interpreter that does not have
# it.
MODULE = "lstm_ref.implementations"
PACKAGE = Path(lstm_ref.__file__).resolve().parent
BORROWED = """\
import importlib.util, sys
spec = importlib.util.spec_from_file_location("lstm_ref", {file!r}, submodule_search_locations=[{folder!r}])
sys.modules["lstm_ref"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["lstm_ref"])
from lstm_ref.implementations.__main__ import main
main()
"""


@dataclass(frozen=True)
class Launch:
    """How to start a subject: its label, the command, and variables that are added to
    the judge's environment.

    It works in `folder`; without one, in an empty folder of its own.
    """

    subject: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path | None = None


def launch(host: Host) -> Launch:
    """The host under this interpreter. What a user has set of `lowest` stays as it
    is.
    """
    environment = {**_environment(host), "PYTHONPATH": _python_path()}
    return Launch(host.subject, (sys.executable, "-m", MODULE, host.subject), environment)


def launch_under(host: Host, label: str, interpreter: Path) -> Launch:
    """The host under another interpreter, which needs NumPy and the framework. It
    imports this package from here.
    """
    return Launch(
        f"{host.subject}@{label}", (str(interpreter), "-c", _borrowed(), host.subject), _environment(host)
    )


def launch_file(file: Path, folder: Path) -> Launch:
    """An adapter file under this interpreter."""
    command = (sys.executable, "-m", MODULE, "--adapter", str(file))
    return Launch(file.name, command, {"PYTHONPATH": _python_path()}, folder)


def launch_file_under(usual: Launch, label: str, interpreter: Path) -> Launch:
    """An adapter file under another interpreter, which needs NumPy and what the file
    imports.
    """
    return Launch(
        f"{usual.subject}@{label}",
        (str(interpreter), "-c", _borrowed(), *usual.command[3:]),
        {},
        usual.folder,
    )


def held_to(usual: Launch, lowest: Mapping[str, str]) -> Launch | None:
    """The same launch, limited to the oldest instructions. None where it cannot be
    limited, or is limited already.
    """
    held = {**usual.environment, **lowest}
    return None if held == usual.environment else replace(usual, environment=held)


def installed(implementation: Implementation) -> bool:
    """Whether everything that the implementation requires can be found. Nothing is
    imported.
    """
    return not missing_modules(implementation)


def missing_modules(implementation: Implementation) -> list[str]:
    """The modules that the implementation requires and that cannot be found."""
    return [module for module in implementation.host.requires if not _found(module)]


def _found(module: str) -> bool:
    spec = importlib.util.find_spec(module)
    # A folder of that name in the path is a namespace package, without a file of its
    # own.
    return spec is not None and spec.origin is not None


def _borrowed() -> str:
    return BORROWED.format(file=str(PACKAGE / "__init__.py"), folder=str(PACKAGE))


def _environment(host: Host) -> dict[str, str]:
    return {**host.environment, **{name: os.environ[name] for name in host.lowest if name in os.environ}}


def _python_path() -> str:
    """The judge's own PYTHONPATH, which holds in any working folder, and this package's
    folder where it is not installed.
    """
    package = str(PACKAGE.parent)
    inherited = [
        os.path.abspath(entry) for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry
    ]
    from_checkout = (
        [] if package in {*site.getsitepackages(), site.getusersitepackages(), *inherited} else [package]
    )
    return os.pathsep.join([*inherited, *from_checkout])
