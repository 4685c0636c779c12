"""Frameworks that are newer than all versions in which the known disagreements were
looked for.
"""

from collections.abc import Iterable, Iterator, Mapping

from lstm_ref.corpus.divergences import Divergence
from lstm_ref.results.records import SubjectRecord
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.known import beyond_measured


def newer_than_measured(
    entries: Iterable[Divergence], targets: Mapping[str, Target], subjects: Iterable[SubjectRecord]
) -> Iterator[str]:
    """A line of the summary for each such column. Open ranges apply there, and nobody
    has checked them.
    """
    known = list(entries)
    for subject in subjects:
        for column in subject.implementations:
            name = targets[column].name if column in targets else column
            for package, last, now in beyond_measured(known, name, subject.versions):
                yield (
                    f"the known disagreements of {column} were measured up to {package} {last}; this is"
                    f" {now}, where ranges that are open hold"
                )
