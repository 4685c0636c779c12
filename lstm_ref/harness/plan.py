"""What a run is going to do: the implementations, the dtypes, the cases, and what is left out and why."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from difflib import get_close_matches
from pathlib import Path

import pytest

from lstm_ref.corpus import (
    Case,
    CorpusError,
    Divergence,
    NothingSelectedError,
    Problem,
    corpus_root,
    gather,
    load,
    load_divergences_file,
    load_parameters,
    select,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.selection import everyday, last_part, matching, of_everyday
from lstm_ref.harness.asked import Asked, introduced
from lstm_ref.harness.errors import HarnessError
from lstm_ref.harness.launching import Launch, installed, missing_modules
from lstm_ref.harness.offers import points_besides
from lstm_ref.harness.policies import POLICIES
from lstm_ref.harness.run import partner_of
from lstm_ref.harness.settings import Settings, patterns_of, settings_of
from lstm_ref.harness.subjects import CannotStart, Facts
from lstm_ref.harness.targets import Target
from lstm_ref.implementations import Implementation, discover
from lstm_ref.implementations.errors import AdapterError
from lstm_ref.report.data import Missing

# What only an item's name ends in: [implementation-dtype].
OF_ITEM = re.compile(rf"\[[^\[\]]*-({'|'.join(POLICIES)})\]$")


class Plan:
    """What the command line and the settings of the project ask for.

    That is: what is under test by column, what is missing, the dtypes, and the cases.
    `introduce` starts a subject that has to say itself what it is.
    """

    def __init__(self, config: pytest.Config, introduce: Callable[[Launch], Facts | CannotStart]) -> None:
        self.folder = config.invocation_params.dir
        self.parameters = load_parameters()
        try:
            settings = settings_of(self.folder)
            known = discover()
            asked = _asked(config, settings)
            outside = asked.resolved(known, lambda launch: introduced(introduce(launch), self.parameters))
        except (HarnessError, AdapterError) as error:
            raise pytest.UsageError(str(error)) from error
        self.asked: tuple[str, ...] = asked.columns
        for name in self.asked:
            _refuse_unknown("implementation", name, [*known, *outside])
            if name in known and name in outside:
                raise pytest.UsageError(f"two columns are called {name}; name the one of your own, as --subject NAME=COMMAND")
        self.dtypes: tuple[str, ...] = tuple(config.getoption("lstm_dtype")) or settings.dtypes
        for dtype in self.dtypes:
            _refuse_unknown("dtype", dtype, list(POLICIES))
        self.full: bool = config.getoption("lstm_full") or settings.full
        wanted = {name: known[name] for name in self.asked or (() if outside else known) if name not in outside}
        missing = [not_run(implementation, self.full, bool(self.asked)) for implementation in wanted.values()]
        self.missing = tuple(each for each in missing if each is not None)
        if self.asked and self.missing:
            listed = "\n".join(f"  {each.implementation}: {each.reason}; {each.command}" for each in self.missing)
            raise pytest.UsageError(f"asked for, but not installed:\n{listed}")
        here = {name: Target.of(known) for (name, known), why in zip(wanted.items(), missing, strict=True) if why is None}
        self.targets: Mapping[str, Target] = {**here, **{name: each for name, each in outside.items() if name in (self.asked or outside)}}
        # What was named by itself is asked for, whether by --impl or by an option that brings it.
        self.named_columns = {*self.asked, *outside}
        self.seed: int = config.getoption("lstm_seed") if config.getoption("lstm_seed") is not None else settings.seed
        self.chosen: list[str] = [*config.getoption("lstm_case"), *_points_of(config)]
        self.patterns = self.chosen or _default_cases(config, settings)
        files = [(folder / text).absolute() for folder, texts in _divergence_files(config, settings) for text in texts]
        self.divergences = _divergences(files)
        if not self.asked:  # else not everything was started that they may be about
            _refuse_strangers(self.divergences, {*known, *(target.name for target in outside.values())})
        # Points of large matrices that only these columns run, by id: they do not offer those of an everyday run.
        self._besides: dict[str, set[str]] = {}
        # The points whose items are arguments: file, and the last part of the id.
        self.named = {
            ((self.folder / file).resolve(), OF_ITEM.sub("", name))
            for file, _, name in (argument.partition("::") for argument in config.args if OF_ITEM.search(argument))
        }

    def cases(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that patterns, or else the extent of the run, choose. Raises NothingSelectedError for a pattern that chooses none."""
        if self.full:
            return select(cases, self.patterns)
        return [*everyday(cases, self.patterns), *(case for case in select(cases, self.patterns) if case.id in self._besides)]

    def candidates(self, file: Path, cases: Sequence[Case]) -> list[Case]:
        """The cases of one file that may be among those chosen from all files, so that of a large matrix few items are made; where a pattern
        chooses none, those that it may have meant.
        """
        found = [matching(cases, pattern) or of_everyday(cases) for pattern in self.patterns] or [list(cases)]
        ids = {case.id for some in found for case in (some if self.full else of_everyday(some))}
        named = {name for path, name in self.named if path == file.resolve()}
        chosen = {case.id for case in cases if case.id in ids or last_part(case) in named}
        asked_for = {case.id for some in found for case in some}
        for column, target in self.targets.items():
            if target.limited is not None:
                for case in points_besides(cases, chosen, target.limited, self.parameters):
                    if case.id in asked_for:
                        self._besides.setdefault(case.id, set()).add(column)
        return [case for case in cases if case.id in chosen or case.id in self._besides]

    def items(self, case: Case) -> Iterator[tuple[str, str]]:
        """Implementation and dtype of each item of the case: none where one side of a relation has nothing to run it."""
        if case.relation is not None and partner_of(case.relation.dialect or case.dialect, self.targets) is None:
            return
        columns = self._besides.get(case.id, self.targets)
        for name, target in self.targets.items():
            if name in columns and target.dialect == case.dialect and not self.declined(target, case):
                for dtype in case.full_dtypes if self.full else case.dtypes:
                    if not self.dtypes or dtype in self.dtypes:
                        yield name, dtype

    def declined(self, target: Target, case: Case) -> str:
        """Why a target of the case's dialect has no items of the case; empty where it has some.

        A slow one that was asked for by name takes every case of somebody's own, and
        every case that is named whole.
        """
        if target.version and case.versions and target.version not in case.versions:
            return f"follows version {target.version} of the documentation, and not {' or '.join(case.versions)}"
        if not target.slow or case.covering:
            return ""
        own = not case.place.file.resolve().is_relative_to(corpus_root().resolve())
        if target.column in self.named_columns and (own or case.id in self.patterns):
            return ""
        if own:
            return f"is slow: ask for it with --impl {target.column}"
        return "is slow, and takes of these only points that cover a large matrix, or a case that is named whole"

    def why_nothing(self, error: NothingSelectedError) -> str:
        """A pattern may name cases well, which nothing here runs, or which pytest was not told to collect."""
        try:
            found = select(load().cases, [error.pattern])
        except NothingSelectedError:
            return str(error)
        named = f'"{error.pattern}" names {len(found)} case{"s" * (len(found) > 1)}'
        dialects = {case.dialect for case in found}
        running = [target for target in self.targets.values() if target.dialect in dialects]
        if not running:
            others = {name: known for name, known in discover().items() if known.dialect in dialects}
            ways = [f"--impl {name}" if installed(known) else known.host.install for name, known in others.items()]
            return f"{named} of {', '.join(sorted(dialects))}, which nothing here runs; what would: {'; '.join(ways)}"
        why = {target.column: {self.declined(target, case) for case in found if case.dialect == target.dialect} for target in running}
        if all("" not in reasons for reasons in why.values()):
            listed = "; ".join(f"{name} {' or '.join(sorted(reasons))}" for name, reasons in why.items())
            return f"{named} that nothing here runs: {listed}"
        dtypes = sorted({dtype for case in found for dtype in case.dtypes})
        if self.dtypes and not set(self.dtypes) & set(dtypes):
            could = ", ".join(target.column for target in running)
            return f"{named} that {could} could run, but in {', '.join(dtypes)}, not in {', '.join(self.dtypes)}"
        files = sorted({str(case.place.file) for case in found})
        return f"{named} in files that pytest was not told to collect; add {' '.join(files)} to its arguments"


def _asked(config: pytest.Config, settings: Settings) -> Asked:
    """What the options and the settings name as under test. Raises BadTargets."""
    columns, subjects, adapters, python = (config.getoption(f"lstm_{name}") for name in ("impl", "subject", "adapter", "python"))
    return Asked.of(columns, subjects, adapters, python, config.invocation_params.dir, settings)


def _divergence_files(config: pytest.Config, settings: Settings) -> Iterator[tuple[Path, Sequence[str]]]:
    """Those of the command line and those of the settings, each with the folder from which they count."""
    yield config.invocation_params.dir, config.getoption("lstm_divergences")
    yield settings.folder, settings.divergences


def _divergences(files: Sequence[Path]) -> list[Divergence]:
    """The entries of files of one's own. Raises UsageError for what is wrong in them."""
    found: list[Divergence] = []
    problems: list[Problem] = []
    for file in files:
        try:
            found += load_divergences_file(file)
        except CorpusError as error:
            problems += error.problems
    if problems:
        raise pytest.UsageError("\n".join(f"{each.place}: {each.message}" for each in problems))
    return found


def _refuse_strangers(entries: Sequence[Divergence], names: Set[str]) -> None:
    """Raise UsageError for entries about an implementation that nobody knows."""
    for name, place in {entry.implementation: entry.place for entry in entries}.items():
        if name not in names:
            hint = did_you_mean(name, sorted(names)) or f"known are {', '.join(sorted(names))}"
            raise pytest.UsageError(f"{place.file} is about {name!r}, which is not under test; {hint}")


def _default_cases(config: pytest.Config, settings: Settings) -> list[str]:
    """The cases of the settings, where the command line names none: their files are collected."""
    if not settings.cases or config.args_source is pytest.Config.ArgsSource.ARGS:
        return []
    patterns = patterns_of(settings)
    try:
        files = dict.fromkeys(str(case.place.file) for case in gather(patterns))
    except (CorpusError, NothingSelectedError) as error:
        raise pytest.UsageError(f"the cases of {settings.folder / 'pyproject.toml'}: {error}") from error
    config.args += files
    config.option.lstm_case += patterns  # for xdist workers
    return patterns


def _points_of(config: pytest.Config) -> Iterator[str]:
    """`pytest file.yaml::name[axis=value]` names a point, that is all its items: ask for the file and choose the point."""
    points = [argument for argument in config.args if re.search(r"\.ya?ml", argument)]
    if any("::" in argument and not OF_ITEM.search(argument) for argument in points):
        for index, argument in enumerate(config.args):
            if argument in points:
                yield OF_ITEM.sub("", argument)
                if not OF_ITEM.search(argument):
                    config.args[index] = argument.partition("::")[0]


def not_run(implementation: Implementation, full: bool, asked: bool) -> Missing | None:
    """Why an implementation is left out, and the command that lets it in; None for one that runs."""
    if missing := missing_modules(implementation):
        return Missing(implementation.name, f"{' and '.join(missing)} not installed", implementation.host.install_of(missing))
    if implementation.on_request and not asked:
        return Missing(implementation.name, "run where they are asked for", "lstm-ref run --impl NAME")
    if implementation.covering_only and not (full or asked):
        return Missing(implementation.name, "slow, and part of a full run only", f"lstm-ref run --impl {implementation.name}")
    return None


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise pytest.UsageError(f"there is no {what} {name!r}; {hint}")
