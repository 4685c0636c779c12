"""`lstm-ref coverage`: what of a documented API the corpus covers."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_ref.cli.shared import FORMAT, count, show_json, show_problems, waiting

if TYPE_CHECKING:
    from lstm_ref.corpus.coverage import Combinations, LayerCoverage, Missing

WORDS = {2: "pairs", 3: "triples"}
# Of parameters of which more combinations are missing these are only counted, unless
# they are asked for.
NAMED = 20


@click.command()
@click.argument("layers", nargs=-1, metavar="[DIALECT[.LAYER]]...")
@click.option("--full", is_flag=True, help="Count all points that lstm-ref run --full takes.")
@click.option("--missing", "names", is_flag=True, help="Name every combination that is missing.")
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="KEY",
    help="Count combinations with this parameter alone (call.mask), and name all that are missing.",
)
@click.option(
    "--results",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Say as well what passes somewhere in this result file.",
)
@FORMAT
def coverage(
    layers: tuple[str, ...],
    full: bool,
    names: bool,
    parameters: tuple[str, ...],
    results: Path | None,
    format_: str,
) -> None:
    """Say which documented parameters and values the corpus covers, and which pairs and
    triples of values meet in a case.

    A combination that no case has is infeasible where a constraint says that it makes
    no sense, or where it has to be refused, and missing where nothing says so. Values
    that a layer has to refuse are in no combination. Where many combinations of the
    same parameters are missing, --missing counts them, and --parameter names them.

    \b
    lstm-ref coverage
    lstm-ref coverage torch.LSTM --missing
    lstm-ref coverage keras.LSTM --parameter params.activation --parameter call.mask
    lstm-ref coverage keras --results reports/results.jsonl --format json

    \b
    Exit codes:
      0  every documented value is in some case
      1  some documented value is in none
      4  the command line, or a file, is wrong
    """
    import sys

    passing = None if results is None else _passing(results)
    with waiting("still counting"):
        found = list(_found(layers, full, passing, frozenset(parameters)))
    for key in parameters:
        if not any(key == parameter.name for each in found for parameter in each.parameters):
            raise click.UsageError(_no_parameter(key, found))
    most = None if parameters else NAMED if names else 0
    if format_ == "json":
        show_json([_json(each, most) for each in found])
    else:
        for each in found:
            for line in _lines(each, most):
                click.echo(line)
    sys.exit(1 if any(parameter.missing for each in found for parameter in each.parameters) else 0)


def _no_parameter(key: str, found: "list[LayerCoverage]") -> str:
    from lstm_ref.corpus.hints import did_you_mean

    known = dict.fromkeys(parameter.name for each in found for parameter in each.parameters)
    return f"there is no parameter {key!r}; {did_you_mean(key, known) or 'known are ' + ', '.join(known)}"


def _found(
    layers: tuple[str, ...], full: bool, passing: frozenset[str] | None, of: frozenset[str]
) -> "Iterator[LayerCoverage]":
    from lstm_ref.corpus import CorpusError, corpus_root, load, load_parameters
    from lstm_ref.corpus.coverage import coverage as covered
    from lstm_ref.corpus.hints import did_you_mean
    from lstm_ref.corpus.loading import case_files

    try:
        tables = load_parameters()
        known = [f"{dialect}.{layer}" for dialect in tables for layer in tables[dialect].layers]
        for one in layers:
            if one not in tables and one not in known:
                hint = did_you_mean(one, [*tables, *known]) or f"known are {', '.join([*tables, *known])}"
                raise click.UsageError(f"there is no dialect or layer {one!r}; {hint}")
        wanted = [key for key in known if not layers or {key, key.partition(".")[0]} & set(layers)]
        cases = [case for case in load().cases if full or case.everyday]
        kept = {
            dialect: table.model_copy(
                update={
                    "layers": {
                        name: layer for name, layer in table.layers.items() if f"{dialect}.{name}" in wanted
                    }
                }
            )
            for dialect, table in tables.items()
        }
        yield from covered(cases, kept, case_files(corpus_root()), passing, of)
    except CorpusError as error:
        show_problems(error.problems)
        raise click.UsageError(f"{count(len(error.problems), 'mistake')} in case files") from error


def _passing(file: Path) -> frozenset[str]:
    from lstm_ref.results.errors import ResultFileError
    from lstm_ref.results.reading import read

    try:
        return frozenset(each.case for each in read(file).outcomes if each.outcome == "pass")
    except ResultFileError as error:
        raise click.UsageError(str(error)) from error


def _lines(found: "LayerCoverage", most: int | None) -> Iterator[str]:
    yield click.style(f"{found.dialect}.{found.layer}: {count(found.cases, 'case')}", bold=True)
    width = max(len(each.name) for each in found.parameters)
    for each in found.parameters:
        if not each.values:
            yield f"  {each.name:{width}}  no values to cover"
            continue
        told = f"{len(each.covered)} of {count(len(each.values), 'value')}"
        passed = "" if each.passing is None else f", {len(each.passing)} pass somewhere"
        missing = f"; missing: {', '.join(each.missing)}" if each.missing else ""
        yield f"  {each.name:{width}}  {told}{passed}{missing}"
    for combinations in found.combinations:
        yield from _of_combinations(combinations, most)
    yield ""


def _of_combinations(each: "Combinations", most: int | None) -> Iterator[str]:
    """The counts; then by name what is infeasible and what is missing, unless `most` is
    0. Of parameters that lack more than that only the number is told.
    """
    from lstm_ref.corpus.coverage import shown

    passed = "" if each.passing is None else f" ({each.passing:,} pass somewhere)"
    yield (
        f"  {WORDS[each.size]}: {each.covered:,} of {each.total:,} meet in a case{passed},"
        f" {sum(each.infeasible.values()):,} are infeasible, {each.missing_count:,} are missing"
    )
    if most == 0:
        return
    for why, times in each.infeasible.items():
        yield f"    infeasible, {times:,}: {why}"
    for missing in each.missing:
        if most is None or missing.count <= most:
            yield from (f"    missing: {shown(one)}" for one in missing.combinations())
        else:
            yield f"    missing, {missing.count:,} of {missing.total:,}: {', '.join(missing.parameters)}"


def _json(found: "LayerCoverage", most: int | None) -> dict[str, Any]:
    return {
        "dialect": found.dialect,
        "layer": found.layer,
        "cases": found.cases,
        "parameters": [
            {
                "name": each.name,
                "values": each.values,
                "covered": each.covered,
                "accepted": each.accepted,
                "passing": each.passing,
                "missing": each.missing,
            }
            for each in found.parameters
        ],
        "combinations": [
            {
                "size": each.size,
                "total": each.total,
                "covered": each.covered,
                "passing": each.passing,
                "infeasible": each.infeasible,
                "missing": each.missing_count,
                "missing_of": [] if most == 0 else [_json_of_missing(one, most) for one in each.missing],
            }
            for each in found.combinations
        ],
    }


def _json_of_missing(missing: "Missing", most: int | None) -> dict[str, Any]:
    """The combinations by their values, or null where there are too many."""
    named = most is None or missing.count <= most
    return {
        "parameters": missing.parameters,
        "total": missing.total,
        "missing": missing.count,
        "values": [[value for _, value in one] for one in missing.combinations()] if named else None,
    }
