"""`lstm-ref claims`: what articles and documentation say, and whether it is true."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from lstm_ref.cli.shared import FORMAT, count, show_json, show_problems

if TYPE_CHECKING:
    from lstm_ref.corpus import Case
    from lstm_ref.corpus.claim import Claim

VERDICTS = ("false", "under-conditions", "true", "not-decidable")
# The lines below a statement, by attribute of a claim.
BELOW = {
    "corrected": "what is true",
    "conditions": "conditions",
    "decided_by": "what would decide it",
    "note": "note",
}


@click.command()
@click.option(
    "--source",
    metavar="S",
    help="Show the statements of sources with these words in their title, or of this file.",
)
@click.option("--verdict", type=click.Choice(VERDICTS), help="Show the statements with this verdict.")
@FORMAT
def claims(source: str | None, verdict: str | None, format_: str) -> None:
    """Show what articles and documentation say about LSTM layers, and whether it is
    true.

    Each verdict is asserted whenever cases are run. `lstm-ref run claims` holds all of
    them against the installed frameworks. The report shows the lines that decide.

    \b
    lstm-ref claims --verdict false
    lstm-ref claims --source 'torch.nn.LSTM'
    lstm-ref claims --source keras-parameters --format json
    """
    chosen = _chosen(_claims(), source, verdict)
    if format_ == "json":
        show_json([_plain(cases) for cases in chosen])
        return
    title = ""
    for cases in chosen:
        claim = _claim(cases[0])
        if claim.source.title != title:
            title = claim.source.title
            click.secho(f"\n{title}", bold=True)
            click.echo(f"{claim.source.kind}; speaks of {claim.source.version}")
        _show(cases)
    click.echo(f"\n{count(len(chosen), 'statement')}", err=True)


def _claims() -> "list[list[Case]]":
    """The cases of each claim. Ends the program where a file of claims is wrong."""
    from lstm_ref.corpus import CorpusError, corpus_root, load_file, load_parameters
    from lstm_ref.kinds import is_case_file

    groups: dict[str, list[Case]] = {}
    try:
        parameters = load_parameters()
        for file in filter(is_case_file, sorted((corpus_root() / "claims").glob("*.yaml"))):
            for case in load_file(file, parameters):
                groups.setdefault(_claim(case).id, []).append(case)
    except CorpusError as error:
        show_problems(error.problems)
        raise click.UsageError(f"{count(len(error.problems), 'mistake')} in the files of claims") from error
    return list(groups.values())


def _claim(case: "Case") -> "Claim":
    assert case.claim is not None
    return case.claim


def _chosen(found: "list[list[Case]]", source: str | None, verdict: str | None) -> "list[list[Case]]":
    from lstm_ref.corpus.hints import did_you_mean

    if source is not None:
        wanted = [cases for cases in found if _is_of(_claim(cases[0]), source)]
        if not wanted:
            known = dict.fromkeys(name for cases in found for name in _names(_claim(cases[0])))
            hint = did_you_mean(source, known) or f"known: {', '.join(known)}"
            raise click.UsageError(f'there is no source "{source}"; {hint}')
        found = wanted
    return [cases for cases in found if verdict in (None, *_verdicts(cases))]


def _is_of(claim: "Claim", source: str) -> bool:
    return source.lower() in claim.source.title.lower() or source in (_file(claim), f"claims/{_file(claim)}")


def _file(claim: "Claim") -> str:
    return claim.id.split("/")[-2]


def _names(claim: "Claim") -> tuple[str, str]:
    return _file(claim), claim.source.title


def _verdicts(cases: "Sequence[Case]") -> dict[str, tuple[str, ...]]:
    """Each verdict with the versions for which it holds. No versions means all."""
    found: dict[str, dict[str, None]] = {}
    for case in cases:
        found.setdefault(_claim(case).verdict, {}).update(dict.fromkeys(case.versions))
    return {word: tuple(versions) for word, versions in found.items()}


def _show(cases: "Sequence[Case]") -> None:
    claim = _claim(cases[0])
    verdicts = _verdicts(cases)
    several = len(verdicts) > 1
    words = [f"{word} (version {', '.join(of)})" if several else word for word, of in verdicts.items()]
    click.echo(f"\n  {claim.statement}")
    click.echo(f"    {click.style('; '.join(words), bold=True)}   {claim.id}")
    for attribute, name in BELOW.items():
        if text := getattr(claim, attribute):
            click.echo(f"    {name}: {text}")


def _plain(cases: "Sequence[Case]") -> dict[str, object]:
    claim = _claim(cases[0])
    return {
        "claim": claim.id,
        "statement": claim.statement,
        "place": claim.place,
        "source": {"title": claim.source.title, "kind": claim.source.kind, "version": claim.source.version},
        "dialect": cases[0].dialect,
        "verdicts": [{"verdict": word, "versions": list(of)} for word, of in _verdicts(cases).items()],
        **{attribute: getattr(claim, attribute) for attribute in BELOW},
        "cases": [case.id for case in cases],
    }
