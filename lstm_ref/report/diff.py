"""The changes between two result files as text, Markdown, data or an HTML page."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from lstm_ref.report.changes import KINDS, Change, Changes, Group
from lstm_ref.report.values import cut, visible

# At most this many cases are listed for one cause, unless all are asked for.
SHOWN = 5
SENTENCE = 200


def verdict(found: Changes) -> str:
    """What changed, in one line."""
    if not found.groups:
        return f"Nothing changed in {found.unchanged:,} items."
    counts = ", ".join(f"{KINDS[kind].lower()}: {count:,}" for kind, count in found.counts.items())
    return f"{counts[0].upper()}{counts[1:]}; unchanged: {found.unchanged:,}."


def sides(found: Changes) -> Iterator[str]:
    """Which implementations were compared, with their versions."""
    for old, new in found.pairs:
        was, now = found.old.versions.get(old, ""), found.new.versions.get(new, "")
        name = new if old == new else f"{old} and {new}"
        yield f"{name}: {was} (the same in both)" if was == now else f"{name}: {was or '?'} -> {now or '?'}"


def as_text(found: Changes, everything: bool = False) -> str:
    """For a terminal."""
    lines = [*sides(found), *(f"note: {note}" for note in found.notes), "", verdict(found)]
    for group in found.groups:
        lines += ["", f"{KINDS[group.kind]}, {_items(group)}: {cut(visible(group.sentence), SENTENCE)}"]
        lines += [f"  {visible(name_of(change))}{_sizes(change)}" for change in _listed(group, everything)]
        if left := len(group.changes) - len(_listed(group, everything)):
            lines.append(f"  and {left:,} more (--all lists them)")
    return "\n".join(lines) + "\n"


def as_markdown(found: Changes, everything: bool = False) -> str:
    """For a pull request or the summary of a CI job."""
    lines = ["## LSTM conformance: what changed", "", *(f"- {side}" for side in sides(found))]
    lines += [f"- **note:** {note}" for note in found.notes]
    lines += ["", verdict(found)]
    kind = ""
    for group in found.groups:
        if group.kind != kind:
            kind = group.kind
            lines += ["", f"### {KINDS[kind]}"]
        lines += ["", f"**{_items(group)}:** {_plain(cut(group.sentence, SENTENCE))}", ""]
        lines += [f"- `{name_of(change)}`{_sizes(change)}" for change in _listed(group, everything)]
        if left := len(group.changes) - len(_listed(group, everything)):
            lines.append(f"- and {left:,} more")
    return "\n".join(lines) + "\n"


def as_data(found: Changes) -> dict[str, Any]:
    """For a program: everything, as plain JSON data."""
    return {
        "pairs": [
            {"old": old, "new": new, "versions": [found.old.versions.get(old), found.new.versions.get(new)]}
            for old, new in found.pairs
        ],
        "notes": list(found.notes),
        "counts": found.counts,
        "unchanged": found.unchanged,
        "groups": [
            {
                "kind": group.kind,
                "sentence": group.sentence,
                "changes": [
                    {
                        "case": change.case,
                        "implementation": change.implementation,
                        "dtype": change.dtype,
                        "before": change.before.outcome if change.before else None,
                        "now": change.now.outcome if change.now else None,
                        "ratios": [each.ratio if each else None for each in (change.before, change.now)],
                    }
                    for change in group.changes
                ],
            }
            for group in found.groups
        ],
    }


def as_html(found: Changes) -> str:
    """One page that loads nothing from anywhere."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lstm_ref.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.filters["cut"] = cut
    style = (files("lstm_ref.report") / "templates" / "report.css").read_text(encoding="utf-8")
    page = environment.get_template("diff.html")
    return page.render(
        notes=found.notes,
        sections=[
            (kind, words, groups)
            for kind, words in KINDS.items()
            if (groups := [group for group in found.groups if group.kind == kind])
        ],
        verdict=verdict(found),
        sides=list(sides(found)),
        name_of=name_of,
        sizes=_sizes,
        items=_items,
        style=Markup(style),
    )


def name_of(change: Change) -> str:
    """The item as pytest and `lstm-ref run` name it."""
    return f"{change.case}[{change.implementation}-{change.dtype}]"


def _items(group: Group) -> str:
    count = len(group.changes)
    return f"{count:,} item{'' if count == 1 else 's'}"


def _listed(group: Group, everything: bool) -> tuple[Change, ...]:
    return group.changes if everything or len(group.changes) == SHOWN + 1 else group.changes[:SHOWN]


def _sizes(change: Change) -> str:
    """How large the error was and is, in bounds."""
    was, now = (_size(each.ratio) if each else "" for each in (change.before, change.now))
    return f" (error / bound: {was or '-'} -> {now or '-'})" if was or now else ""


def _size(ratio: object) -> str:
    if ratio is None or isinstance(ratio, bool):
        return ""
    return f"{ratio:.3g}" if isinstance(ratio, (int, float)) else str(ratio)


def _plain(words: str) -> str:
    """Words that Markdown shows as they are."""
    return "".join(f"\\{mark}" if mark in r"\`*_[]<>|#" else mark for mark in visible(words))
