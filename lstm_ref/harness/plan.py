"""What a run is going to do: the implementations, the dtypes, the cases, and what is left out and why."""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import pytest

from lstm_ref.corpus import Case, NothingSelectedError, corpus_root, load, load_parameters, select
from lstm_ref.corpus.selection import everyday, last_part, matching, of_everyday
from lstm_ref.harness.policies import POLICIES
from lstm_ref.harness.run import partner_of
from lstm_ref.harness.subjects import installed, missing_modules
from lstm_ref.implementations import Implementation, discover
from lstm_ref.report.data import Missing

# What only an item's name ends in: [implementation-dtype].
OF_ITEM = re.compile(rf"\[[^\[\]]*-({'|'.join(POLICIES)})\]$")


class Plan:
    """What the command line asks for: the implementations to run, by name, those that are missing, the dtypes, and the cases."""

    def __init__(self, config: pytest.Config) -> None:
        known = discover()
        self.asked: tuple[str, ...] = tuple(config.getoption("lstm_impl"))
        for name in self.asked:
            _refuse_unknown("implementation", name, list(known))
        self.dtypes: tuple[str, ...] = tuple(config.getoption("lstm_dtype"))
        for dtype in self.dtypes:
            _refuse_unknown("dtype", dtype, list(POLICIES))
        self.full: bool = config.getoption("lstm_full")
        wanted = {name: known[name] for name in self.asked or known}
        missing = [not_run(implementation, self.full, bool(self.asked)) for implementation in wanted.values()]
        self.missing = tuple(each for each in missing if each is not None)
        if self.asked and self.missing:
            listed = "\n".join(f"  {each.implementation}: {each.reason}; {each.command}" for each in self.missing)
            raise pytest.UsageError(f"asked for, but not installed:\n{listed}")
        self.implementations: Mapping[str, Implementation] = {
            name: known for (name, known), why in zip(wanted.items(), missing, strict=True) if why is None
        }
        self.seed: int = config.getoption("lstm_seed")
        self.parameters = load_parameters()
        self.folder = config.invocation_params.dir
        self.patterns: list[str] = [*config.getoption("lstm_case"), *_points_of(config)]
        # The points whose items are arguments: file, and the last part of the id.
        self.named = {
            ((self.folder / file).resolve(), OF_ITEM.sub("", name))
            for file, _, name in (argument.partition("::") for argument in config.args if OF_ITEM.search(argument))
        }

    def cases(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that patterns, or else the extent of the run, choose. Raises NothingSelectedError for a pattern that chooses none."""
        return select(cases, self.patterns) if self.full else everyday(cases, self.patterns)

    def candidates(self, file: Path, cases: Sequence[Case]) -> list[Case]:
        """The cases of one file that may be among those chosen from all files, so that of a large matrix few items are made; where a pattern
        chooses none, those that it may have meant.
        """
        found = [matching(cases, pattern) or of_everyday(cases) for pattern in self.patterns] or [list(cases)]
        ids = {case.id for some in found for case in (some if self.full else of_everyday(some))}
        named = {name for path, name in self.named if path == file.resolve()}
        return [case for case in cases if case.id in ids or last_part(case) in named]

    def items(self, case: Case) -> Iterator[tuple[str, str]]:
        """Implementation and dtype of each item of the case: none where one side of a relation has nothing to run it."""
        if case.relation is not None and partner_of(case.relation.dialect or case.dialect, self.implementations) is None:
            return
        for name, implementation in self.implementations.items():
            if implementation.dialect == case.dialect and not self.declined(implementation, case):
                for dtype in case.full_dtypes if self.full else case.dtypes:
                    if not self.dtypes or dtype in self.dtypes:
                        yield name, dtype

    def declined(self, implementation: Implementation, case: Case) -> str:
        """Why an implementation of the case's dialect has no items of the case; empty where it has some.

        A slow one that was asked for by name takes every case of somebody's own, and
        every case that is named whole.
        """
        if implementation.version and case.versions and implementation.version not in case.versions:
            return f"follows version {implementation.version} of the documentation, and not {' or '.join(case.versions)}"
        if not implementation.covering_only or case.covering:
            return ""
        own = not case.place.file.resolve().is_relative_to(corpus_root().resolve())
        if implementation.name in self.asked and (own or case.id in self.patterns):
            return ""
        if own:
            return f"is slow: ask for it with --impl {implementation.name}"
        return "is slow, and takes of these only points that cover a large matrix, or a case that is named whole"

    def why_nothing(self, error: NothingSelectedError) -> str:
        """A pattern may name cases well, which nothing here runs, or which pytest was not told to collect."""
        try:
            found = select(load().cases, [error.pattern])
        except NothingSelectedError:
            return str(error)
        named = f'"{error.pattern}" names {len(found)} case{"s" * (len(found) > 1)}'
        dialects = {case.dialect for case in found}
        running = [known for known in self.implementations.values() if known.dialect in dialects]
        if not running:
            others = {name: known for name, known in discover().items() if known.dialect in dialects}
            ways = [f"--impl {name}" if installed(known) else known.host.install for name, known in others.items()]
            return f"{named} of {', '.join(sorted(dialects))}, which nothing here runs; what would: {'; '.join(ways)}"
        why = {known.name: {self.declined(known, case) for case in found if case.dialect == known.dialect} for known in running}
        if all("" not in reasons for reasons in why.values()):
            listed = "; ".join(f"{name} {' or '.join(sorted(reasons))}" for name, reasons in why.items())
            return f"{named} that nothing here runs: {listed}"
        dtypes = sorted({dtype for case in found for dtype in case.dtypes})
        if self.dtypes and not set(self.dtypes) & set(dtypes):
            could = ", ".join(known.name for known in running)
            return f"{named} that {could} could run, but in {', '.join(dtypes)}, not in {', '.join(self.dtypes)}"
        files = sorted({str(case.place.file) for case in found})
        return f"{named} in files that pytest was not told to collect; add {' '.join(files)} to its arguments"


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
