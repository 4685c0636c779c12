"""A run that goes on where an interrupted one stopped: what was done already, and
whether it is the same run.
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
    """The outcomes in a result file by case, implementation and dtype; none without a
    file.
    """
    outcomes = read(Path(file)).outcomes if file else ()
    return {(each.case, each.implementation, each.dtype): each for each in outcomes}


def differences(begun: Results, header: Header, targets: Iterable[Target]) -> list[str]:
    """In what the run that was begun is another one than this, as far as it can be told
    before a framework starts.
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
    """In what a subject that started is another one than that of the same name in the
    run that was begun.
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
    """A line for each value that differs, by its name; of tables those inside."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*then, *now]):
            yield from _different(f"{name}.{key}", then.get(key), now.get(key))
    elif then != now:
        yield f"{name}: {_shown(then)} then, {_shown(now)} now"


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)
