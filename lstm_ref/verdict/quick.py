"""Which cases a quick run takes: one of every name, every documented value that an
everyday run has, and for every planted fault some that notice it.

    python -m lstm_ref.verdict.quick            choose anew, after cases have changed
    python -m lstm_ref.verdict.quick --check    is what was chosen still enough?
"""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from lstm_ref.corpus import Case, corpus_root, load
from lstm_ref.corpus.points.ids import value_text
from lstm_ref.corpus.quick_file import COMMAND, NAME, read, text
from lstm_ref.verdict.noticing import by_layer, changing, noticed, noticed_by

# What the actions of a case cost a framework, as to a call: to train is to trace a
# graph.
COSTS: Mapping[str, float] = {"train": 20, "save-and-load": 6, "functional-model": 4}


class Trait(NamedTuple):
    """What some case of a quick run has to have: a name, or a value of a parameter of
    this layer.
    """

    dialect: str
    layer: str
    text: str


def everyday_cases() -> list[Case]:
    """Those that a quick run chooses from. Statements of documentation are not part of
    it.
    """
    return [case for case in load().cases if case.everyday and case.claim is None]


def traits(case: Case) -> set[Trait]:
    """The name and the values of a case."""
    values = [
        ("values.scale", case.values.scale),
        ("values.grid", case.values.grid),
        *((f"params.{name}", value) for name, value in case.params.items()),
    ]
    for step in case.steps:
        values += [(f"call.{name}", value) for name, value in step.arguments.items()]
        values += [("input.form", step.input.form), ("steps", step.action)]
    settings = {Trait(case.dialect, case.layer, f"{name}={value_text(value)}") for name, value in values}
    return {Trait(case.dialect, "", case.id.partition("[")[0]), *settings}


def chosen(cases: Sequence[Case], told: Callable[[str], None]) -> list[Case]:
    """The cases of a quick run: cheap ones that have much first, then those that notice
    what none of them does.
    """
    of = {case.id: traits(case) for case in cases}
    wanted = set[Trait]().union(*of.values())
    taken: dict[str, Case] = {}
    while wanted:
        best = max(cases, key=lambda case: len(of[case.id] & wanted) / _cost(case))
        taken[best.id] = best
        wanted -= of[best.id]
    told(f"{len(taken):,} cases have every name and value")
    seen = noticed_by(taken.values())
    unseen = by_layer(changing(cases, seen))
    for case in cases:
        if case.id not in taken and unseen[case.dialect, case.layer]:
            new = noticed(case, {shown.meaning for shown in seen if shown[:2] == (case.dialect, case.layer)})
            if new:
                taken[case.id] = case
                seen |= new
                unseen[case.dialect, case.layer] -= {shown.meaning for shown in new}
    left = sum(map(len, unseen.values()))
    told(f"{len(taken):,} cases notice {len(seen):,} of {len(seen) + left:,} faults too")
    return list(taken.values())


def missing(cases: Sequence[Case], ids: frozenset[str]) -> list[str]:
    """What a quick run of these ids lacks, in words."""
    quick = [case for case in cases if case.id in ids]
    lacking = set[Trait]().union(*map(traits, cases)) - set[Trait]().union(*map(traits, quick))
    return [
        *(f"{name} is not a case of an everyday run" for name in sorted(ids - {case.id for case in quick})),
        *(f"no case of {trait.layer or trait.dialect} is one of {trait.text}" for trait in sorted(lacking)),
        *(
            f"none notices in {shown.dialect} {shown.layer}: {shown.meaning}"
            for shown in sorted(changing(cases, noticed_by(quick)))
        ),
    ]


def _cost(case: Case) -> float:
    return 1 + sum(COSTS.get(step.action, 1) for step in case.steps)


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose, or check; 1 where what was chosen is not enough."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="only tell what the file lacks")
    cases, file = everyday_cases(), corpus_root() / NAME
    if not parser.parse_args(arguments).check:
        found = chosen(cases, lambda line: print(line, flush=True))
        file.write_text(text(case.id for case in found), encoding="utf-8")
        return 0
    lacks = missing(cases, read(corpus_root()))
    for line in lacks:
        print(f"{file}: {line}", file=sys.stderr)
    if lacks:
        print(f'{file} is not current: run "{COMMAND}"', file=sys.stderr)
    return int(bool(lacks))


if __name__ == "__main__":
    sys.exit(main())
