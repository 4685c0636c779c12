"""A result file in Markdown, for the summary of a CI job or a pull request."""

from collections.abc import Iterator
from urllib.parse import quote

from lstm_ref.report.findings import DEFECTS, NEW, STALE, Finding, findings
from lstm_ref.report.standings import standings
from lstm_ref.report.values import cut, place, short, visible
from lstm_ref.results.records import Results

TITLES = {
    NEW: "New: no known divergence explains it",
    STALE: "Listed as a divergence, but no longer true",
}
SENTENCE = 300
# At most this many new findings are shown. The result file has all.
SHOWN = 20
# Characters that Markdown would read as a mark, a tag, a link or the end of a cell.
MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]<>|#~"})


def render(results: Results) -> str:
    """The verdict on each implementation, and everything that fails the run."""
    return "\n".join(_lines(results)) + "\n"


def _lines(results: Results) -> Iterator[str]:
    found = findings(results)
    yield "## LSTM conformance"
    yield ""
    if results.header.options.get("quick"):
        yield "**This is a quick selection:** an everyday run has about eight times as many checks."
        yield ""
    if results.incomplete:
        yield f"**This is not a whole run:** {_plain(results.incomplete)}"
        yield ""
    yield "| implementation | versions | verdict | checks | passed | failing | defects |"
    yield "| --- | --- | --- | ---: | ---: | ---: | ---: |"
    for line in standings(results, found):
        cells = (line.implementation, line.versions, line.verdict)
        counts = (line.tally.total, line.tally.passed, line.tally.failing, line.findings["defects"])
        yield f"| {' | '.join((*map(_plain, cells), *(f'{each:,}' for each in counts)))} |"
    for missing in results.header.missing:
        reason = f"not run: {missing.reason} ({missing.command})"
        yield f"| {_plain(missing.implementation)} | | {_plain(reason)} | | | | |"
    for kind, title in TITLES.items():
        mine = [each for each in found if each.kind == kind]
        if mine:
            yield f"\n### {title}"
        for each in mine[:SHOWN]:
            yield from _finding(each)
        if len(mine) > SHOWN:
            yield f"\nand {len(mine) - SHOWN:,} more; the report has them all"
    known = [each for each in found if each.kind in DEFECTS]
    if known:
        yield f"\n<details><summary>Known defects: {len(known):,}</summary>\n"
        for each in known:
            link = f" ({each.link})" if each.link else ""
            names = ", ".join(each.implementations)
            yield f"- {_plain(names)}, {each.kind}: {_plain(cut(each.sentence, SENTENCE))}{link}"
        yield "\n</details>"


def _finding(finding: Finding) -> Iterator[str]:
    """What is wrong, where it shows best, and the command that shows it."""
    cases = len({outcome.case for outcome in finding.outcomes})
    names = ", ".join(finding.implementations)
    yield ""
    yield (
        f"**{_plain(names)}** ({', '.join(finding.dtypes)}; {cases:,} case{'' if cases == 1 else 's'}):"
        f" {_plain(cut(finding.sentence, SENTENCE))}"
    )
    smallest = finding.smallest
    yield f"- {_plain(smallest.case)} ({_plain(smallest.file)}:{smallest.line})"
    if finding.place is not None:
        worst = finding.place
        yield (
            f"- largest error {short(worst.error)} at {_plain(place(worst))}: expected"
            f" {short(worst.expected)}, observed {short(worst.observed)}, bound {short(worst.bound)}"
        )
    if smallest.documentation:
        pages = (f"[{_plain(name)}]({_address(where)})" for name, where in smallest.documentation.items())
        yield f"- documented at {', '.join(pages)}"
    if smallest.reproduce:
        yield f"\n```sh\n{visible(' '.join(smallest.reproduce.split())).replace('```', '')}\n```"


def _address(words: str) -> str:
    """An address that can stand in the brackets of a link."""
    return quote(words, safe=":/?#@!$&'*+,;=%~._-")


def _plain(words: str) -> str:
    """The words in one line, with the marks of Markdown escaped."""
    return visible(" ".join(words.split())).translate(MARKS)
