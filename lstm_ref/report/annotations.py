"""What fails a run, as commands for GitHub. GitHub then marks the lines of the
files.
"""

from collections.abc import Iterator

from lstm_ref.report.findings import NEW, STALE, findings
from lstm_ref.report.values import cut
from lstm_ref.results.records import Results

# GitHub shows at most this many for each step of a job.
MOST = 10
SENTENCE = 500


def annotations(results: Results) -> Iterator[str]:
    """One line a finding that fails the run, at its smallest case: `::error
    file=...,line=...,title=...::...`. If there are more than GitHub shows, the last
    line says how many there are.
    """
    failing = [each for each in findings(results) if each.kind in (NEW, STALE)]
    shown = failing if len(failing) <= MOST else failing[: MOST - 1]
    for each in shown:
        case, others = each.smallest, len({outcome.case for outcome in each.outcomes}) - 1
        more = f"\n(and {others:,} case{'' if others == 1 else 's'} more)" if others else ""
        told = f"{case.case}: {cut(each.reason, SENTENCE)}{more}\n{case.reproduce}"
        title = f"{', '.join(each.implementations)} in {', '.join(each.dtypes)}"
        yield (
            f"::error file={_property(case.file)},line={case.line},title={_property(title)}::{_data(told)}"
        )
    if len(shown) < len(failing):
        yield f"::error title=LSTM conformance::{len(failing) - len(shown):,} findings more are in the report"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
