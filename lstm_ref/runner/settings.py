"""The table `[tool.lstm-ref]` of a pyproject.toml: what a project puts under test, and
the defaults of its runs.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.runner.errors import BadSettings

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"
TABLE = "lstm-ref"

LISTS = ("subjects", "adapters", "python", "implementations", "dtypes", "divergences", "cases")


@dataclass(frozen=True)
class ProjectSettings:
    """The settings of a project. `folder` is the folder of its pyproject.toml. Paths
    and commands are relative to it.

    `subjects`, `adapters` and `python` have the form of the options of `lstm-ref run`
    with these names. `implementations`, `dtypes`, `cases`, `full` and `seed` are
    defaults for what the command line leaves out.
    """

    folder: Path
    subjects: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    python: tuple[str, ...] = ()
    implementations: tuple[str, ...] = ()
    dtypes: tuple[str, ...] = ()
    divergences: tuple[str, ...] = ()
    cases: tuple[str, ...] = ()
    full: bool = False
    seed: int = 0


def settings_of(folder: Path) -> ProjectSettings:
    """The settings in the nearest pyproject.toml, at or above the folder, that has the
    table. Raises BadSettings with every mistake.
    """
    for place in (folder, *folder.parents):
        file = place / FILE
        if not file.is_file():
            continue
        text = file.read_text(encoding="utf-8", errors="replace")
        if f"[tool.{TABLE}" in text or f'"{TABLE}"' in text:
            return parsed(text, file)
    return ProjectSettings(folder)


def parsed(text: str, file: Path) -> ProjectSettings:
    """The settings in the text of a pyproject.toml. Raises BadSettings with every
    mistake.
    """
    try:
        table = tomllib.loads(text).get("tool", {}).get(TABLE, {})
    except tomllib.TOMLDecodeError as error:
        raise BadSettings([f"{file}: is not TOML: {error}"]) from error
    if problems := list(_problems(table)):
        raise BadSettings([f"{file}:{_line(text, key)}: {problem}" for key, problem in problems])
    given: dict[str, Any] = {key: tuple(value) if key in LISTS else value for key, value in table.items()}
    return ProjectSettings(file.parent, **given)


def _problems(table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = [*LISTS, "full", "seed"]
    for key, value in table.items():
        if key not in known:
            yield (
                key,
                f'there is no setting "{key}"; {did_you_mean(key, known) or "known are " + ", ".join(known)}',
            )
        elif key in LISTS and not (
            isinstance(value, list) and all(isinstance(each, str) and each for each in value)
        ):
            yield key, f'"{key}" must be a list of words, as ["..."]'
        elif key == "full" and not isinstance(value, bool):
            yield key, '"full" must be true or false'
        elif key == "seed" and (isinstance(value, bool) or not isinstance(value, int)):
            yield key, '"seed" must be a whole number'


def _line(text: str, key: str) -> int:
    """The line of the key, or of the table if the key is written in another way."""
    lines = text.splitlines()
    header = next((number for number, line in enumerate(lines, start=1) if f"tool.{TABLE}" in line), 1)
    own = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=")
    return next(
        (number for number, line in enumerate(lines, start=1) if number > header and own.match(line)), header
    )


def patterns_of(settings: ProjectSettings) -> list[str]:
    """The patterns of cases. One that is a path gets the folder of the settings in
    front.
    """
    folder = settings.folder
    return [
        str(folder / case) if (folder / case.partition("::")[0]).exists() else case for case in settings.cases
    ]
