"""A result file as one HTML page: no network, readable without JavaScript."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote_plus

import jinja2
from markupsafe import Markup

from lstm_ref.report import tables
from lstm_ref.report.claims import SIDES, VERDICTS, claims
from lstm_ref.report.findings import Finding, findings
from lstm_ref.report.listing import listing, script_safe
from lstm_ref.report.matrix import matrices
from lstm_ref.report.plots import profile, spreads
from lstm_ref.report.side_by_side import side_by_side
from lstm_ref.report.standings import GROUPS, group_of, slugs, standings
from lstm_ref.report.values import cut, linked, number, place, short, visible
from lstm_ref.results.records import FAILING, OUTCOMES, Results
from lstm_ref.results.settings import text

# What each outcome means, in the words of the report.
MEANING = {
    "pass": "everything documented holds",
    "fail": "it computes something else than documented",
    "error": "the adapter or the suite broke",
    "crash": "the framework's process died",
    "timeout": "no answer in time",
    "stale": "listed as a divergence, but passes",
    "divergence": "a known disagreement, listed with its reason",
    "unsupported": "the implementation declares that it cannot",
    "not-run": "nothing was observed",
}

# Whose findings these are, in the words of the report.
KIND_TITLES = {
    "new": "New: no known divergence explains it",
    "stale": "Listed as a divergence, but no longer true",
    "framework": "Known defects of the framework",
    "documentation": "Known defects of the documentation",
    "by-design": "Different by design",
}

# Columns that are shown even if they are empty.
ALWAYS = ("new", "defects")

# Tables with more implementations than this are denser, or folded.
FEW = 6

# A report stays small, however much fails. Findings are shown in full up to this many
# bytes, the most important ones first. The result file has the rest.
FULL_TEXT_BYTES = 250_000


def render(results: Results) -> str:
    """The whole page."""
    found = findings(results)
    reasons = tables.reasons(results)
    names = results.implementations
    lines = standings(results, found)
    return (
        _environment()
        .get_template("report.html")
        .render(
            results=results,
            header=results.header,
            footer=results.footer,
            total=tables.tally(results.outcomes),
            standings=lines,
            shown_groups=[
                group for group in GROUPS if group in ALWAYS or any(line.findings[group] for line in lines)
            ],
            heat=tables.heat(results),
            spreads=spreads(results),
            matrices=matrices(results, found),
            files=tables.per_file(results),
            reasons=reasons,
            implementations=names,
            slugs=slugs(names),
            versions_beside=side_by_side(results, found),
            versions={name: tables.versions(results, name) for name in names},
            findings=found,
            full=_told_in_full(found),
            group_of=group_of,
            groups=GROUPS,
            few=FEW,
            kind_titles=KIND_TITLES,
            outcomes=OUTCOMES,
            failing_words=FAILING,
            meaning=MEANING,
            claims=claims(results),
            verdict_words=VERDICTS,
            sides=SIDES,
            # Style, script and data are safe as they are. Everything else is escaped.
            style=_asset("report.css") + _asset("findings.css") + _asset("claims.css") + _asset("print.css"),
            script=_asset("report.js"),
            data=Markup(script_safe(listing(results, found, reasons))),
        )
    )


@cache
def _environment() -> jinja2.Environment:
    """The templates. They are compiled when first needed, because that takes longer
    than to fill them.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lstm_ref.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters |= {
        "number": number,
        "short": short,
        "place": place,
        "moment": _moment,
        "text": text,
        "duration": _duration,
        "cut": cut,
        "linked": linked,
        "count": _count,
        "profile": profile,
    }
    environment.globals |= {"link": _link}
    return environment


def _told_in_full(found: Sequence[Finding]) -> set[str]:
    """The anchors of the findings that are shown with case and message."""
    shown: set[str] = set()
    room = FULL_TEXT_BYTES
    for finding in found:
        profiles = len(finding.worst.profiles) if finding.worst else 0
        room -= 1_500 + 1_200 * profiles + len(finding.smallest.yaml) + min(len(finding.seen), 2_000)
        if room < 0:
            break
        shown.add(finding.anchor)
    return shown


def _shown(value: Any) -> Any:
    """How the page shows a value of the result file."""
    return visible(value) if type(value) is str else value


def _asset(name: str) -> Markup:
    return Markup((files("lstm_ref.report") / "templates" / name).read_text(encoding="utf-8"))


def _link(*pairs: tuple[str, str]) -> str:
    """A link to the list of outcomes, filtered: `_link(("outcome", "fail"))`."""
    return "#" + "&".join(f"{quote_plus(key)}={quote_plus(value)}" for key, value in pairs)


def _count(number: int, noun: str) -> str:
    """A number with its noun: "1 case", "1,238 cases"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _moment(text: str) -> str:
    """An ISO 8601 time, to the minute."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M %Z").strip()


def _duration(seconds: float) -> str:
    """Seconds as people say them: "0.8 s", "1 min 52 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
