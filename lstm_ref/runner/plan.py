"""What a run will do: which implementations, dtypes and cases, and what it leaves out
and why.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol, TypeVar

import pytest

from lstm_ref.corpus import (
    Case,
    CorpusError,
    Divergence,
    NothingSelectedError,
    Problem,
    corpus_root,
    gather,
    load_divergences_file,
    load_parameters,
    select,
)
from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.corpus.quick_file import quick_cases, quick_dtypes
from lstm_ref.corpus.selection import everyday, last_part, matching, of_everyday
from lstm_ref.implementations import discover
from lstm_ref.kinds import is_case_file
from lstm_ref.oracle.errors import CannotJudge
from lstm_ref.oracle.policies import POLICIES
from lstm_ref.protocol import Implementation
from lstm_ref.protocol.errors import AdapterError
from lstm_ref.results.records import Missing
from lstm_ref.runner.answers import CannotStart, Facts
from lstm_ref.runner.asked import Asked, introduced
from lstm_ref.runner.launching import Launch, installed, missing_modules
from lstm_ref.runner.nodeids import NOTHING_RUNS, Choice, names_item
from lstm_ref.runner.offers import computable, points_beyond
from lstm_ref.runner.run import partner_of
from lstm_ref.runner.settings import ProjectSettings, patterns_of, settings_of
from lstm_ref.runner.shards import Shard
from lstm_ref.runner.targets import Target


class Item(Protocol):
    """A case on an implementation in a dtype."""

    case: Case
    implementation: str
    dtype: str


SomeItem = TypeVar("SomeItem", bound=Item)

# The options that name what is under test, and in what.
CHOOSING = ("impl", "subject", "adapter", "python", "dtype", "quick", "shard")


class Plan:
    """What the command line and the settings of the project ask for: the columns under
    test, what is missing, the dtypes, and the cases.

    `introduce` starts a subject that has to say what it is.
    """

    def __init__(self, config: pytest.Config, introduce: Callable[[Launch], Facts | CannotStart]) -> None:
        self.folder = config.invocation_params.dir
        self.parameters = load_parameters()
        try:
            settings = settings_of(self.folder)
            known = self._known = discover()
            asked = _asked(config, settings)
            shard = config.getoption("lstm_shard")
            self.shard = Shard.parse(shard) if shard else None
            outside = asked.resolved(known, lambda launch: introduced(introduce(launch), self.parameters))
        except (CannotJudge, AdapterError) as error:
            raise pytest.UsageError(str(error)) from error
        self.asked: tuple[str, ...] = asked.columns
        for name in self.asked:
            _refuse_unknown("implementation", name, [*known, *outside])
            if name in known and name in outside:
                raise pytest.UsageError(
                    f"two columns are called {name}; name the one of your own, as --subject NAME=COMMAND"
                )
        self.dtypes: tuple[str, ...] = tuple(config.getoption("lstm_dtype")) or settings.dtypes
        for dtype in self.dtypes:
            _refuse_unknown("dtype", dtype, list(POLICIES))
        self.full: bool = config.getoption("lstm_full") or settings.full
        self.quick: bool = config.getoption("lstm_quick")
        if self.quick and config.getoption("lstm_full"):
            raise pytest.UsageError("a run is quick or full; leave one of the options out")
        self.full = self.full and not self.quick
        self._of_quick = quick_cases() if self.quick else frozenset()
        given: list[str] = config.getoption("lstm_case")
        usual = patterns_of(settings)
        patterns = [*given, *_points_of(config)] or _default_cases(config, settings)
        # Who chooses with the option runs nothing else; who names a point beside other
        # tests, or in the settings, runs both.
        self.cases_alone = bool(given) and given != usual
        self.choices = tuple(map(Choice.of, patterns))
        # The items that are arguments: file, and the choice of the last part of the id.
        self.named = {
            ((self.folder / file).resolve(), Choice.of(name))
            for file, _, name in (
                argument.partition("::") for argument in config.args if names_item(argument)
            )
            if is_case_file(self.folder / file)
        }
        self.files = {
            (self.folder / argument).resolve()
            for argument in config.args
            if is_case_file(self.folder / argument)
        }
        # Whether less is asked for than the project runs as a rule.
        self.is_part = patterns not in ([], usual) or any(
            config.getoption(f"lstm_{name}") for name in CHOOSING
        )
        by_item = {choice.implementation for choice in [*self.choices, *(choice for _, choice in self.named)]}
        wanted = {
            name: known[name] for name in self.asked or (() if outside else known) if name not in outside
        }
        missing = [not_run(each, self.full, name in {*self.asked, *by_item}) for name, each in wanted.items()]
        self.missing = tuple(each for each in missing if each is not None)
        if self.asked and self.missing:
            listed = "\n".join(
                f"  {each.implementation}: {each.reason}; {each.command}" for each in self.missing
            )
            raise pytest.UsageError(f"asked for, but not installed:\n{listed}")
        here = {
            name: Target.of(known)
            for (name, known), why in zip(wanted.items(), missing, strict=True)
            if why is None
        }
        self.targets: Mapping[str, Target] = {
            **here,
            **{name: each for name, each in outside.items() if name in (self.asked or outside)},
        }
        # What was named by itself is asked for, whether by --impl or by an option that
        # brings it.
        self.named_columns = {*self.asked, *outside}
        self.seed: int = (
            config.getoption("lstm_seed") if config.getoption("lstm_seed") is not None else settings.seed
        )
        self.divergence_files = [
            (folder / text).absolute()
            for folder, texts in _divergence_files(config, settings)
            for text in texts
        ]
        self.divergences = _divergences(self.divergence_files)
        if not self.asked:  # else not everything was started that they may be about
            _refuse_strangers(self.divergences, {*known, *(target.name for target in outside.values())})
        limited = any(target.introduction is not None for target in self.targets.values())
        self.takes_everyday_alone = not (self.full or self.choices or self.named or limited)
        # Points of large matrices that only these columns run, by id: they do not offer
        # those of an everyday run.
        self._beyond: dict[str, set[str]] = {}

    def chosen(self, items: Sequence[SomeItem], choice: Choice) -> list[SomeItem]:
        """The items that were chosen. Raises NothingSelectedError if there are none."""
        cases = list({id(item.case): item.case for item in items}.values())
        found = select(cases, [choice.pattern])
        if not self.full:
            found = [
                *everyday(cases, [choice.pattern]),
                *(case for case in found if case.id in self._beyond),
            ]
        ids = {id(case) for case in found}
        meant = [
            item for item in items if id(item.case) in ids and choice.takes(item.implementation, item.dtype)
        ]
        # Of cases with large matrices a slow implementation takes points that cover
        # these, unless nothing else is meant.
        covered = {item.implementation for item in meant if item.case.covering}
        meant = [
            item
            for item in meant
            if not self._is_slow(item.implementation)
            or item.implementation not in covered
            or item.case.covering
            or _is_own(item.case)
        ]
        if not meant:
            raise NothingSelectedError(choice.pattern, None)
        return meant

    def _is_slow(self, implementation: str) -> bool:
        return self.targets[implementation].slow

    def candidates(self, file: Path, cases: Sequence[Case]) -> list[Case]:
        """The cases of one file that may be among those chosen from all files. This
        keeps the number of items small for a large matrix. If a pattern matches
        nothing, the cases that it may have meant are returned.
        """
        found = [matching(cases, choice.pattern) or of_everyday(cases) for choice in self.choices] or [
            list(cases)
        ]
        ids = {case.id for some in found for case in (some if self.full else of_everyday(some))}
        named = {choice.pattern for path, choice in self.named if path == file.resolve()}
        chosen = {case.id for case in cases if case.id in ids or last_part(case) in named}
        asked_for = {case.id for some in found for case in some}
        for column, target in self.targets.items():
            if target.introduction is not None:
                for case in points_beyond(cases, chosen, target.introduction, self.parameters):
                    if case.id in asked_for:
                        self._beyond.setdefault(case.id, set()).add(column)
        return [
            case for case in cases if (case.id in chosen or case.id in self._beyond) and self._has_time(case)
        ]

    def _has_time(self, case: Case) -> bool:
        """Whether the run takes the case: a quick one leaves most out, but none of
        somebody's own.
        """
        return not self.quick or case.id in self._of_quick or _is_own(case)

    def items(self, cases: Sequence[Case]) -> Iterator[tuple[Case, str, str]]:
        """Each item of the cases of a file, with its implementation and dtype. A
        relation has none if nothing runs one of its sides.
        """
        uncovered = not any(case.covering for case in cases)
        for case in cases:
            if (
                case.relation is not None
                and (case.relation.dialect or case.dialect) != case.dialect
                and partner_of(case.relation.dialect or case.dialect, self.targets) is None
            ):
                continue
            chosen = self._is_chosen(case) or (uncovered and case.place.file.resolve() in self.files)
            columns = self._beyond.get(case.id, self.targets)
            for name, target in self.targets.items():
                if (
                    name in columns
                    and target.dialect == case.dialect
                    and not self.declined(target, case, chosen)
                ):
                    dtypes = case.full_dtypes if self.full else case.dtypes
                    dtypes = tuple(each for each in dtypes if not self.dtypes or each in self.dtypes)
                    dtypes = quick_dtypes(dtypes) if self.quick else dtypes
                    for dtype in (
                        dtypes if target.introduction is None else computable(dtypes, target.introduction)
                    ):
                        yield case, name, dtype

    def declined(self, target: Target, case: Case, chosen: bool) -> str:
        """Why a target of the case's dialect has no items of the case. Empty if it has
        some.

        A slow target takes only points that cover a large matrix. If it was asked for
        by name, it also takes cases of the user's own, and cases that were chosen.
        """
        if target.version and case.versions and target.version not in case.versions:
            return (
                f"follows version {target.version} of the documentation, and not {' or '.join(case.versions)}"
            )
        asked = target.column in self.named_columns
        if (
            not target.slow
            or ((asked or self.full) and case.covering)
            or (asked and (chosen or _is_own(case)))
            or self._names_item(target, case)
        ):
            return ""
        return (
            "is slow, and takes only points that cover a large matrix, unless it is asked for and the case is"
            " chosen"
        )

    def _is_chosen(self, case: Case) -> bool:
        """Whether a pattern names the case."""
        return any(matching([case], choice.pattern) for choice in self.choices)

    def _names_item(self, target: Target, case: Case) -> bool:
        """Whether somebody named an item of the case on this target."""
        file = case.place.file.resolve()
        return any(
            choice.implementation == target.column and path == file and choice.pattern == last_part(case)
            for path, choice in self.named
        ) or any(
            choice.implementation == target.column and matching([case], choice.pattern)
            for choice in self.choices
        )

    def why_nothing_runs(self, cases: Sequence[Case]) -> str:
        """Which implementations would run the cases, if none is installed. Empty if one
        is installed, or if the user asked for others.
        """
        dialects = {case.dialect for case in cases}
        if self.named_columns or any(
            known.dialect in dialects and installed(known) for known in self._known.values()
        ):
            return ""
        return f"{NOTHING_RUNS} {_dialects(cases)}; what would: {self._ways(cases)}" if cases else ""

    def _ways(self, cases: Iterable[Case]) -> str:
        """What lets implementations of the cases in."""
        dialects = {case.dialect for case in cases}
        others = {
            name: known
            for name, known in self._known.items()
            if known.dialect in dialects and name not in self.targets
        }
        ways = [
            f"--impl {name}" if installed(known) else known.host.install for name, known in others.items()
        ]
        return "; ".join(dict.fromkeys(ways))

    def why_nothing(self, error: NothingSelectedError) -> str:
        """Why a pattern that names cases gives no items: nothing here runs them, or
        pytest was not told to collect them.
        """
        try:
            found = gather([error.pattern])
        except NothingSelectedError as nothing:
            return str(error if error.hint else nothing)
        named = f'"{error.pattern}" names {len(found)} case{"s" * (len(found) > 1)}'
        dialects = {case.dialect for case in found}
        running = [target for target in self.targets.values() if target.dialect in dialects]
        if not running:
            return f"{named} of {_dialects(found)}, which nothing here runs; what would: {self._ways(found)}"
        why = {
            target.column: {
                self.declined(target, case, True) for case in found if case.dialect == target.dialect
            }
            for target in running
        }
        if all("" not in reasons for reasons in why.values()):
            listed = "; ".join(f"{name} {' or '.join(sorted(reasons))}" for name, reasons in why.items())
            return f"{named} that nothing here runs: {listed}"
        if not any(map(self._has_time, found)):
            return f"{named}, of which a quick run has none"
        dtypes = sorted({dtype for case in found for dtype in case.dtypes})
        if self.dtypes and not set(self.dtypes) & set(dtypes):
            could = ", ".join(target.column for target in running)
            return (
                f"{named} that {could} could run, but in {', '.join(dtypes)}, not in {', '.join(self.dtypes)}"
            )
        files = sorted({str(case.place.file) for case in found})
        return f"{named} in files that pytest was not told to collect; add {' '.join(files)} to its arguments"


def _asked(config: pytest.Config, settings: ProjectSettings) -> Asked:
    """What the options and the settings put under test. Raises BadTargets."""
    columns, subjects, adapters, python = (
        config.getoption(f"lstm_{name}") for name in ("impl", "subject", "adapter", "python")
    )
    return Asked.of(columns, subjects, adapters, python, config.invocation_params.dir, settings)


def _divergence_files(
    config: pytest.Config, settings: ProjectSettings
) -> Iterator[tuple[Path, Sequence[str]]]:
    """The files of divergences of the command line and of the settings. Each comes with
    the folder to which its path is relative.
    """
    yield config.invocation_params.dir, config.getoption("lstm_divergences")
    yield settings.folder, settings.divergences


def _divergences(files: Sequence[Path]) -> list[Divergence]:
    """The entries of the user's own files of divergences. Raises UsageError for
    mistakes in them.
    """
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
    """Raise UsageError for entries about an implementation that does not exist."""
    for name, place in {entry.implementation: entry.place for entry in entries}.items():
        if name not in names:
            hint = did_you_mean(name, sorted(names)) or f"known are {', '.join(sorted(names))}"
            raise pytest.UsageError(f"{place.file} is about {name!r}, which is not under test; {hint}")


def _default_cases(config: pytest.Config, settings: ProjectSettings) -> list[str]:
    """The cases of the settings, if the command line names none. Their files are
    collected.
    """
    if not settings.cases or config.args_source is pytest.Config.ArgsSource.ARGS:
        return []
    patterns = patterns_of(settings)
    try:
        files = dict.fromkeys(str(case.place.file) for case in gather(patterns))
    except (CorpusError, NothingSelectedError) as error:
        raise pytest.UsageError(f"the cases of {settings.folder / 'pyproject.toml'}: {error}") from error
    config.args += files
    config.option.lstm_case = patterns  # for xdist workers
    return patterns


def _is_own(case: Case) -> bool:
    """Whether the case does not come with this package."""
    return not case.place.file.resolve().is_relative_to(corpus_root().resolve())


def _dialects(cases: Iterable[Case]) -> str:
    return ", ".join(sorted({case.dialect for case in cases}))


def _points_of(config: pytest.Config) -> Iterator[str]:
    """`pytest file.yaml::name[axis=value]` names a point, which means all of its items.
    The file is collected, and the point chosen from it.
    """
    folder = config.invocation_params.dir
    ours = [argument for argument in config.args if is_case_file(folder / argument.partition("::")[0])]
    if any("::" in argument and not names_item(argument) for argument in ours):
        for index, argument in enumerate(config.args):
            if argument in ours:
                yield argument
                if not names_item(argument):
                    config.args[index] = argument.partition("::")[0]


def not_run(implementation: Implementation, full: bool, asked: bool) -> Missing | None:
    """Why an implementation is left out, and the command that includes it. None if it
    runs.
    """
    if missing := missing_modules(implementation):
        return Missing(
            implementation.name,
            f"{' and '.join(missing)} not installed",
            implementation.host.install_of(missing),
        )
    if implementation.on_request and not asked:
        return Missing(implementation.name, "run where they are asked for", "lstm-ref run --impl NAME")
    if implementation.covering_only and not (full or asked):
        return Missing(
            implementation.name,
            "slow, and part of a full run only",
            f"lstm-ref run --impl {implementation.name}",
        )
    return None


def _refuse_unknown(what: str, name: str, known: Sequence[str]) -> None:
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
        raise pytest.UsageError(f"there is no {what} {name!r}; {hint}")
