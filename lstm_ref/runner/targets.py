"""What is under test: the columns of the report, and how the subject of each is
started.

The functions here compute from their arguments alone. `introduce` and `look` are given
to them, and start processes.
"""

import functools
import re
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from lstm_ref.protocol import Implementation
from lstm_ref.protocol.introduction import Introduction
from lstm_ref.runner.errors import BadTargets
from lstm_ref.runner.interpreters import Interpreter, Unfit, found_interpreter
from lstm_ref.runner.launching import Launch, launch, launch_file, launch_file_under, launch_under

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]*")
NAMED_COMMAND = re.compile(rf"({NAME.pattern})=(.*)", re.DOTALL)
LABELLED = re.compile(rf"([A-Za-z0-9][A-Za-z0-9._+-]*)(?:@({NAME.pattern}))?=(.+)")

# The packages whose versions make no two columns of one implementation.
EVERYWHERE = ("python", "numpy")


@dataclass(frozen=True)
class Target:
    """A column: an implementation, and the subject that hosts it.

    The subject and files of divergences call the implementation `name`. `dialect`,
    `version` and `slow` are as in `Introduction`. `lowest` are the variables that limit
    its framework to the oldest instructions. `versions` is what is known before it
    starts. `introduction` is what is known of its offer, if it does not offer
    everything.
    """

    column: str
    name: str
    dialect: str
    version: str
    slow: bool
    launch: Launch
    lowest: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    introduction: Introduction | None = None

    @classmethod
    def of(cls, implementation: Implementation) -> "Target":
        """An implementation under this interpreter, in a column of its name."""
        host = implementation.host
        return cls(
            column=implementation.name,
            name=implementation.name,
            dialect=implementation.dialect,
            version=implementation.version,
            slow=implementation.covering_only,
            launch=launch(host),
            lowest=host.lowest,
            versions=_versions(host.requires),
            introduction=_as_declared(implementation),
        )


def _as_declared(implementation: Implementation) -> Introduction | None:
    """What an implementation that does not offer everything says before its subject
    starts. Offers that depend on the functions of its adapter are taken to be there.
    """
    if implementation.layers is None:
        return None
    return Introduction(
        name=implementation.name,
        dialect=implementation.dialect,
        accumulation=implementation.accumulation,
        version=implementation.version,
        layers=implementation.layers,
        actions=implementation.actions,
        gradients=implementation.differentiable,
        derivatives=("forward-mode", "second-order"),
        masks=("call", "train"),
        effects=True,
        refusals=implementation.refusals,
    )


def _versions(modules: Sequence[str]) -> dict[str, str]:
    """The versions of the packages with these names. If there are none, those of the
    packages that have the modules: tensorflow-cpu has tensorflow.
    """
    found: dict[str, str] = {}
    for module in modules:
        with suppress(PackageNotFoundError):
            found[module] = version(module)
        for package in () if module in found else _packages().get(module, ()):
            with suppress(PackageNotFoundError):
                found.setdefault(module, version(package))
    return found


@functools.cache
def _packages() -> Mapping[str, Sequence[str]]:
    """The packages of each module. This looks at every installed file."""
    return packages_distributions()


@dataclass(frozen=True)
class Outsider:
    """A subject that introduces itself: how to start it, and the name that somebody
    gave its column, if any.
    """

    name: str | None
    launch: Launch
    told: str


@dataclass(frozen=True)
class Elsewhere:
    """A known implementation under another interpreter."""

    implementation: str
    label: str
    interpreter: Path
    told: str

    @property
    def column(self) -> str:
        """The name of its column."""
        return f"{self.implementation}@{self.label}"


@dataclass(frozen=True)
class Introduced:
    """What a subject said: the versions of its packages, and its implementations."""

    versions: Mapping[str, str]
    implementations: Sequence[Introduction]


Introduce = Callable[[Launch], "Introduced | str"]
Look = Callable[[Path, Sequence[str]], "Interpreter | Unfit"]


def outsiders(subjects: Iterable[str], adapters: Iterable[str], folder: Path) -> list[Outsider]:
    """The commands and adapter files that options or settings name. Raises BadTargets
    with every mistake.
    """
    found: list[Outsider] = []
    problems: list[str] = []
    for text in subjects:
        named = NAMED_COMMAND.fullmatch(text)
        name, command = (named[1], named[2]) if named else (None, text)
        try:
            words = tuple(shlex.split(command))
        except ValueError as error:
            problems.append(f"subject {text!r} is not a command: {error}")
            continue
        if not words:
            problems.append(
                f"subject {text!r} has no command; write --subject 'node my-lstm.mjs', or NAME=COMMAND"
            )
            continue
        found.append(Outsider(name, Launch(f"{name or command}", words, {}, folder), f"subject {text!r}"))
    for text in adapters:
        file = (folder / Path(text).expanduser()).absolute()
        if file.suffix != ".py" or not file.is_file():
            what = "is not a Python file" if file.exists() else "is not there"
            problems.append(f"adapter {text!r} {what}; name a file with IMPLEMENTATIONS, as my_adapter.py")
            continue
        found.append(Outsider(None, launch_file(file, folder), f"adapter {text!r}"))
    if problems:
        raise BadTargets(problems)
    return found


def elsewhere(texts: Iterable[str], folder: Path) -> list[Elsewhere]:
    """What options or settings of the form IMPLEMENTATION@LABEL=INTERPRETER name.
    Raises BadTargets with every mistake.
    """
    found: list[Elsewhere] = []
    problems: list[str] = []
    for text in texts:
        parts = LABELLED.fullmatch(text)
        if parts is None or parts[2] is None:
            problems.append(
                f"python {text!r} is not IMPLEMENTATION@LABEL=INTERPRETER, as NAME@old=envs/old/bin/python"
            )
            continue
        interpreter = found_interpreter(parts[3], folder)
        if isinstance(interpreter, Unfit):
            problems.append(f"python {text!r}: {interpreter.reason}")
        else:
            found.append(Elsewhere(parts[1], parts[2], interpreter, f"python {text!r}"))
    if problems:
        raise BadTargets(problems)
    return found


def resolved(
    strangers: Sequence[Outsider],
    others: Sequence[Elsewhere],
    known: Mapping[str, Implementation],
    introduce: Introduce,
    look: Look,
) -> dict[str, Target]:
    """The columns of subjects that introduce themselves, and of known implementations
    under other interpreters.

    Raises BadTargets with everything that is wrong with any of them.
    """
    problems: list[str] = []
    made: list[tuple[Outsider, Introduction, Mapping[str, str]]] = []
    for stranger in strangers:
        said = introduce(stranger.launch)
        if isinstance(said, str):
            problems.append(f"{stranger.told}: {said}")
            continue
        made += [(stranger, each, said.versions) for each in said.implementations]
    labels = _columns([(stranger, known.name, versions) for stranger, known, versions in made])
    targets = [
        Target(
            column,
            each.name,
            each.dialect,
            each.version,
            each.slow,
            stranger.launch,
            versions=versions,
            introduction=each,
        )
        for column, (stranger, each, versions) in zip(labels, made, strict=True)
    ]
    for other in others:
        target = _under(other, known, targets, look)
        if isinstance(target, str):
            problems.append(f"{other.told}: {target}")
        else:
            targets.append(target)
    counts = Counter(target.column for target in targets)
    for column in (column for column, count in counts.items() if count > 1):
        problems.append(f"{counts[column]} columns are called {column}; name them, as --subject NAME=COMMAND")
    if problems:
        raise BadTargets(problems)
    return {target.column: target for target in targets}


def _under(
    other: Elsewhere, known: Mapping[str, Implementation], strangers: Sequence[Target], look: Look
) -> Target | str:
    """The target, or what is wrong with it."""
    if other.implementation in known:
        implementation = known[other.implementation]
        here = look(other.interpreter, implementation.host.requires)
        if isinstance(here, Unfit):
            return here.reason
        there = launch_under(implementation.host, other.label, here.path)
        return replace(Target.of(implementation), column=other.column, launch=there, versions=here.versions)
    of_file = next(
        (
            each
            for each in strangers
            if each.name == other.implementation and "--adapter" in each.launch.command
        ),
        None,
    )
    if of_file is None:
        return f"there is no implementation {other.implementation!r}; known are {', '.join(known)}"
    here = look(other.interpreter, ())
    if isinstance(here, Unfit):
        return here.reason
    return replace(
        of_file,
        column=other.column,
        launch=launch_file_under(of_file.launch, other.label, here.path),
        versions={},
    )


def _columns(introduced: Sequence[tuple[Outsider, str, Mapping[str, str]]]) -> Iterator[str]:
    """The name of each implementation's column.

    A name that somebody gave is used; if the subject hosts several implementations, the
    name of each is put in front. Otherwise the column has the implementation's own
    name. Columns of one name with different versions get their versions too.
    """
    hosted = Counter(id(stranger) for stranger, _, _ in introduced)
    for stranger, name, versions in introduced:
        if stranger.name is not None:
            yield stranger.name if hosted[id(stranger)] == 1 else f"{name}@{stranger.name}"
            continue
        alike = [other for _, own, other in introduced if own == name]
        yield f"{name}@{label}" if (label := _telling(versions, alike)) else name


def _telling(versions: Mapping[str, str], alike: Sequence[Mapping[str, str]]) -> str:
    """The versions that distinguish one from the others. Of a single package it is the
    version alone.
    """
    packages = [name for name in versions if len({other.get(name) for other in alike}) > 1]
    packages = [name for name in packages if name not in EVERYWHERE] or packages
    if len(packages) == 1:
        return versions[packages[0]]
    return "+".join(f"{name}-{versions[name]}" for name in packages)
