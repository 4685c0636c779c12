"""A result file as one HTML page: no network, readable without JavaScript."""

from datetime import datetime
from importlib.resources import files
from urllib.parse import urlencode

import jinja2
from markupsafe import Markup

from lstm_ref.report import tables
from lstm_ref.report.claims import SIDES, VERDICTS, claims
from lstm_ref.report.data import FAILING, OUTCOMES, Results
from lstm_ref.report.failures import failures
from lstm_ref.report.listing import listing, script_safe
from lstm_ref.report.values import number, place, short, text

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


def render(results: Results) -> str:
    """The whole page."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lstm_ref.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "short": short, "place": place, "moment": _moment, "text": text, "duration": _duration}
    environment.globals |= {"link": _link}
    shown, failing = failures(results)
    anchors = {(failure.outcome.case, failure.outcome.implementation, failure.outcome.dtype): failure.anchor for failure in shown}
    return environment.get_template("report.html").render(
        results=results,
        header=results.header,
        footer=results.footer,
        total=tables.tally(results.outcomes),
        summary=tables.summary(results),
        matrices=tables.matrices(results),
        files=tables.per_file(results),
        reasons=tables.reasons(results),
        implementations=tables.implementations(results),
        shown=shown,
        failing=failing,
        outcomes=OUTCOMES,
        failing_words=FAILING,
        meaning=MEANING,
        claims=claims(results),
        verdict_words=VERDICTS,
        sides=SIDES,
        # Style, script and data are ours or made safe here; everything else is escaped.
        style=_asset("report.css") + _asset("claims.css"),
        script=_asset("report.js"),
        data=Markup(script_safe(listing(results, anchors))),
    )


def _asset(name: str) -> Markup:
    return Markup((files("lstm_ref.report") / "templates" / name).read_text(encoding="utf-8"))


def _link(**filters: str) -> str:
    """A link to the list of outcomes, filtered: `_link(outcome="fail")`. Keys with a dot come as `parameter` and `value`."""
    pairs = [(key, value) for key, value in filters.items() if key not in ("parameter", "value")]
    if "parameter" in filters:
        pairs.append((filters["parameter"], filters["value"]))
    return "#" + urlencode(pairs)


def _moment(text: str) -> str:
    """An ISO 8601 time, to the minute."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M %Z").strip()


def _duration(seconds: float) -> str:
    """Seconds as people say them: "0.8 s", "1 min 52 s"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
