"""The findings of a result file as plain data, for programs."""

from typing import Any

from lstm_ref.report.findings import Finding, findings
from lstm_ref.report.standings import standings
from lstm_ref.results.records import FAILING, Results
from lstm_ref.results.writing import record

# What is said of the smallest case.
SHOWN = (
    *("case", "implementation", "dtype", "file", "line", "about", "source", "documentation"),
    *("parameters", "reproduce", "yaml"),
)


def as_data(results: Results) -> dict[str, Any]:
    """The verdict on each implementation, and all findings with the cases that show
    them. Numbers are as in the result file: NaN and infinities are strings.
    """
    found = findings(results)
    return {
        "complete": not results.incomplete,
        "incomplete": results.incomplete,
        "failed": any(outcome.outcome in FAILING for outcome in results.outcomes),
        "header": record(results.header),
        "subjects": [record(subject) for subject in results.subjects],
        "implementations": [
            {
                "implementation": line.implementation,
                "versions": line.versions,
                "verdict": line.verdict,
                "state": line.state,
                "outcomes": dict(line.tally.counts),
                "findings": line.findings,
            }
            for line in standings(results, found)
        ],
        "findings": [_finding(each) for each in found],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    worst = finding.worst
    smallest = record(finding.smallest)
    return {
        "id": finding.anchor,
        "kind": finding.kind,
        "sentence": finding.sentence,
        "reason": finding.reason,
        "link": finding.link,
        "implementations": list(finding.implementations),
        "dtypes": list(finding.dtypes),
        "cases": sorted({outcome.case for outcome in finding.outcomes}),
        "smallest": {name: smallest[name] for name in SHOWN},
        "worst": None if worst is None else {"case": worst.case, **record(worst)["worst"]},
    }
