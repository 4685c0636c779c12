"""A run that continues an interrupted one: what was done, and whether it is the same
run.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from lstm_ref.results.reading import read
from lstm_ref.results.records import Header, Outcome, Results, SubjectRecord
from lstm_ref.results.writing import record
from lstm_ref.runner.targets import Target

# What two parts of one run may differ in.
OF_EACH_PART = ("started",)


def recorded(file: str) -> Mapping[tuple[str, str, str], Outcome]:
    """The outcomes in a result file by case, implementation and dtype. Empty if there
    is no file.
    """
    outcomes = read(Path(file)).outcomes if file else ()
    return {(each.case, each.implementation, each.dtype): each for each in outcomes}


def differences(begun: Results, header: Header, targets: Iterable[Target]) -> list[str]:
    """How this run differs from the one that was begun, as far as it is known before a
    framework starts.
    """
    return [
        *(
            line
            for field in fields(Header)
            if field.name not in OF_EACH_PART
            for line in _different(
                field.name.replace("_", "-"),
                record(begun.header)[field.name],
                record(header)[field.name],
            )
        ),
        *(
            f"{package} of {target.column}: {had} then, {has} now"
            for subject in begun.subjects
            for target in targets
            if target.column in subject.implementations
            for package, has in target.versions.items()
            if (had := subject.versions.get(package, has)) != has
        ),
    ]


def changed(begun: Results, subject: Mapping[str, Any]) -> list[str]:
    """How a subject that has started differs from the one of the same name in the run
    that was begun.
    """
    then = [record(each) for each in begun.subjects if each.subject == subject["subject"]]
    if not then or subject in then:
        return []
    return [
        line
        for field in fields(SubjectRecord)
        for line in _different(f"{subject['subject']}.{field.name}", then[0][field.name], subject[field.name])
    ]


def _different(name: str, then: Any, now: Any) -> Iterator[str]:
    """One line for each value that differs, with its name. Tables are compared entry by
    entry.
    """
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            yield from _different(f"{name}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield f"{name}: {_shown(then)} then, {_shown(now)} now"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)
