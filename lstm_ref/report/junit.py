"""A result file as JUnit XML, which most CI systems show."""

import re
import xml.etree.ElementTree as xml

from lstm_ref.report.tables import NOT_JUDGED
from lstm_ref.results.records import FAILING, Outcome, Results

# Outcomes that say nothing about whether the numbers are right.
ERRORS = ("error", "crash", "timeout")
# What no XML 1.0 document can hold.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(results: Results) -> str:
    """A suite for each implementation, a test for each outcome.

    A known divergence is skipped with its reason, and so is an unsupported case.
    """
    root = xml.Element("testsuites", name="lstm-ref")
    for name in results.implementations:
        mine = [outcome for outcome in results.outcomes if outcome.implementation == name]
        if not mine:
            continue
        suite = xml.SubElement(
            root,
            "testsuite",
            name=_allowed(name),
            tests=str(len(mine)),
            failures=str(sum(each.outcome in FAILING and each.outcome not in ERRORS for each in mine)),
            errors=str(sum(each.outcome in ERRORS for each in mine)),
            skipped=str(sum(each.outcome in (*NOT_JUDGED, "divergence") for each in mine)),
            time=f"{sum(each.seconds or 0.0 for each in mine):.3f}",
            timestamp=results.header.started,
        )
        for each in mine:
            _test(suite, each)
    if results.incomplete:
        suite = xml.SubElement(root, "testsuite", name="lstm-ref", tests="1", failures="0", errors="1")
        test = xml.SubElement(suite, "testcase", classname="lstm-ref", name="the run is complete")
        xml.SubElement(test, "error", type="incomplete", message=_allowed(results.incomplete))
    xml.indent(root)
    text = xml.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _test(suite: xml.Element, outcome: Outcome) -> None:
    test = xml.SubElement(
        suite,
        "testcase",
        classname=_allowed(outcome.file),
        name=_allowed(f"{outcome.case} ({outcome.implementation}, {outcome.dtype})"),
        file=_allowed(outcome.file),
        line=str(outcome.line),
        time=f"{outcome.seconds or 0.0:.3f}",
    )
    if outcome.outcome == "pass":
        return
    failed = outcome.outcome in FAILING
    word = "skipped" if not failed else "error" if outcome.outcome in ERRORS else "failure"
    message = _allowed(outcome.message.partition("\n")[0])
    told = xml.SubElement(test, word, type=outcome.outcome, message=message)
    if failed:
        source = "\n".join((outcome.source, *outcome.documentation.values()))
        parts = (outcome.message, outcome.detail, source, outcome.reproduce)
        told.text = _allowed("\n\n".join(filter(None, parts)))


def _allowed(text: str) -> str:
    """The text with a replacement mark for what no XML document can hold."""
    return FORBIDDEN.sub("\ufffd", text)
