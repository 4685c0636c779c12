"""`lstm-ref divergences`: the known disagreements, and in which versions they are."""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_ref.cli.shared import count, show_json, show_problems

if TYPE_CHECKING:
    from lstm_ref.corpus.divergences import Divergence
    from lstm_ref.verdict.known import Known
    from lstm_ref.verdict.ranges import Measured

RESULTS = Path("reports", "divergences.jsonl")
# Of so many cases that an entry names, one run shows whether it is there.
ENOUGH = 12

LETTERS = {"there": "x", "gone": ".", "some": "?", "other": "!", "unknown": " "}
LEGEND = "x there   . gone   ? in some of its cases   ! they fail in another way   (blank) nothing was judged"


@click.command()
@click.argument("results", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--python",
    "python",
    multiple=True,
    metavar="IMPLEMENTATION@LABEL=INTERPRETER",
    help="Run the entries' cases under this Python interpreter; repeat for several versions.",
)
@click.option("--package", metavar="NAME", help="Whose versions. Default: the package that differs.")
@click.option(
    "--most",
    type=click.IntRange(min=1),
    default=ENOUGH,
    show_default=True,
    help="Run at most so many cases of an entry.",
)
@click.option("--check", is_flag=True, help="End with 1 where a range is not what was measured.")
@click.option("--write", is_flag=True, help="Write the measured ranges into the files of divergences.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "md", "json"]),
    default="text",
    show_default=True,
    help="md, of the list alone, is a table of entry and version; json is for programs.",
)
def divergences(
    results: tuple[Path, ...],
    python: tuple[str, ...],
    package: str | None,
    most: int,
    check: bool,
    write: bool,
    format_: str,
) -> None:
    """Show the known disagreements with the versions in which they are, or measure
    these.

    RESULTS are result files of runs of several versions. With --python the cases of the
    entries are run first, in versions that lie in environments of their own. An entry's
    range begins with the first version that shows it, and ends before the first that no
    longer does; it stays open where the newest shows it.

    \b
    lstm-ref divergences
    lstm-ref divergences --format md
    lstm-ref divergences --python keras-tensorflow@3.7=envs/k37/bin/python \\
                         --python keras-tensorflow@3.8=envs/k38/bin/python
    lstm-ref divergences reports/versions/*.jsonl --check
    lstm-ref divergences reports/versions/*.jsonl --write

    \b
    Exit codes:
      0  done; with --check, every range is what was measured
      1  with --check, some range is not
      4  the command line, or a result file, is wrong
    """
    from lstm_ref.verdict.known import known

    if not (results or python):
        if check or write:
            raise click.UsageError("--check and --write need result files, or --python")
        entries = _entries()
        _show_known(known(entries), format_)
        return
    files = [*results, *([_ran(python, most)] if python else [])]
    found, package = _measured(files, package)
    if format_ == "json":
        show_json([_plain(each) for each in found])
    else:
        _show_measured(found)
    if write:
        _write(found, package)
    wrong = [each for each in found if each.wrong]
    sys.exit(1 if check and wrong else 0)


def _entries() -> "Sequence[Divergence]":
    """Those that come with this package. Ends the program where a file is wrong."""
    from lstm_ref.corpus import CorpusError, load_divergences

    try:
        return load_divergences()
    except CorpusError as error:
        show_problems(error.problems)
        raise click.UsageError("a file of divergences is wrong") from error


def _ran(python: Sequence[str], most: int) -> Path:
    """The result file of a run of the entries' cases under these interpreters. Ends the
    program where there is none.
    """
    from lstm_ref.corpus import load
    from lstm_ref.verdict.divergences import Divergences
    from lstm_ref.verdict.known import samples

    corpus = load()
    names = {text.partition("@")[0] for text in python}
    entries = [entry for entry in corpus.divergences if entry.implementation in names]
    if not entries:
        raise click.UsageError(f"no known disagreement is one of {' or '.join(sorted(names))}")
    chosen = samples(corpus.cases, entries, Divergences(entries, corpus.parameters), most)
    under = [word for text in python for word in ("--python", text)]
    where = ["--results", str(RESULTS), "--report", str(RESULTS.with_suffix(".html"))]
    done = subprocess.run(
        [sys.executable, "-m", "lstm_ref.cli", "run", *(case.id for case in chosen), *under, *where],
        check=False,
    )
    if done.returncode not in (0, 1):  # failures are what is looked for
        sys.exit(done.returncode)
    return RESULTS


def _measured(files: Sequence[Path], package: str | None) -> "tuple[list[Measured], str]":
    """The entries that the files are about, and the package whose versions differ."""
    from lstm_ref.corpus import load
    from lstm_ref.results.errors import ResultFileError
    from lstm_ref.results.reading import read
    from lstm_ref.verdict.divergences import Divergences
    from lstm_ref.verdict.ranges import measured, packages

    try:
        results = [read(file) for file in files]
    except ResultFileError as error:
        raise click.UsageError(str(error)) from error
    package = package or _the_one(packages(results))
    corpus = load()
    cases = {case.id: case for case in corpus.cases}
    found = measured(results, cases, Divergences(corpus.divergences, corpus.parameters), package)
    return found, package


def _the_one(differing: Sequence[str]) -> str:
    if len(differing) == 1:
        return differing[0]
    told = f"{', '.join(differing)} differ" if differing else "no package differs"
    raise click.UsageError(f"{told} in what was run; name one with --package")


def _show_measured(found: "Sequence[Measured]") -> None:
    versions = _all_versions(found)
    click.echo(f"{'  '.join(versions)}\n{LEGEND}\n")
    for each in found:
        words = {seen.version: seen.word for seen in each.sightings}
        line = " ".join(LETTERS[words.get(version, "unknown")] for version in versions)
        click.echo(f"{line}  {each.place.file.name}:{each.place.line}  {_told(each)}")
        for seen in each.sightings:
            if seen.word == "some":
                click.echo(
                    f"    {seen.version}: {seen.there} do it, {len(seen.passing)} pass: {seen.passing[0]}"
                )
            if seen.word == "other":
                click.echo(f"    {seen.version}: fails in another way: {seen.others[0]}")
    wrong = sum(bool(each.wrong) for each in found)
    click.echo(f"\n{len(found)} entries; of {wrong} the range is not what was seen")


def _told(each: "Measured") -> str:
    """The range as written, and what it should be."""
    if not each.wrong:
        return each.written
    if each.specifier is None:
        return f"{each.written} is wrong in {', '.join(each.wrong)}; no single range holds what was seen"
    return f"{each.written} -> {each.specifier}"


def _all_versions(found: "Iterable[Measured]") -> list[str]:
    from packaging.version import Version

    return sorted({seen.version for each in found for seen in each.sightings}, key=Version)


def _plain(each: "Measured") -> dict[str, Any]:
    return {
        "entry": f"{each.place.file.name}:{each.place.line}",
        "implementations": list(each.implementations),
        "package": each.package,
        "written": each.written,
        "measured": each.specifier,
        "wrong": list(each.wrong),
        "reason": each.reason,
        "versions": {
            seen.version: {
                "seen": seen.word,
                "there": seen.there,
                "passing": list(seen.passing),
                "others": list(seen.others),
            }
            for seen in each.sightings
        },
    }


def _write(found: "Sequence[Measured]", package: str) -> None:
    """Write what was measured into the files. What no single range holds stays as it
    is, and so does a file of which a single version was run.
    """
    from lstm_ref.corpus.range_writing import NoSuchLine, with_measured, with_ranges

    by_file: dict[Path, list[Measured]] = {}
    for each in found:
        by_file.setdefault(each.place.file, []).append(each)
    for file, some in by_file.items():
        if len(_all_versions(some)) < 2:
            continue
        new = {each.place.line: each.specifier for each in some if each.wrong and each.specifier}
        try:
            text = with_ranges(file.read_text(encoding="utf-8"), package, new)
        except NoSuchLine as error:
            raise click.UsageError(f"{file}:{error.line}: {error}") from error
        file.write_text(with_measured(text, package, _all_versions(some)), encoding="utf-8")
        click.echo(f"{file}: {count(len(new), 'range')} written", err=True)


def _show_known(found: "Sequence[Known]", format_: str) -> None:
    """The list by file; in Markdown a table of entry and version of each file whose
    entries were looked for in several versions.
    """
    if format_ == "json":
        show_json([_listed(each) for each in found])
        return
    by_file: dict[Path, list[Known]] = {}
    for each in found:
        by_file.setdefault(each.place.file, []).append(each)
    for file, some in by_file.items():
        versions = list(dict.fromkeys(v for each in some for by in each.versions.values() for v in by))
        if format_ == "md":
            if versions:
                click.echo("\n".join(_markdown(file, some, versions)))
            continue
        click.secho(f"\n{file.name}", bold=True)
        for each in some:
            ranges = ", ".join(f"{package} {text}" for package, text in each.ranges.items())
            click.echo(f"  {each.place.line}: {each.reason}\n      {each.kind}; {ranges}")


def _markdown(file: Path, some: "Sequence[Known]", versions: Sequence[str]) -> list[str]:
    """A table of a file, as documentation has it."""
    rows = []
    for each in some:
        there = {version for by in each.versions.values() for version, is_ in by.items() if is_}
        marks = ["x" if version in there else "" for version in versions]
        rows.append([each.reason.replace("|", "\\|"), *marks])
    head = ["defect", *versions]
    return [
        f"\n## {file.stem}\n",
        *(f"| {' | '.join(row)} |" for row in (head, ["---", *(":-:" for _ in versions)], *rows)),
    ]


def _listed(each: "Known") -> dict[str, Any]:
    return {
        "entry": f"{each.place.file.name}:{each.place.line}",
        "implementations": list(each.implementations),
        "kind": each.kind,
        "reason": each.reason,
        "ranges": dict(each.ranges),
        "versions": {package: dict(by) for package, by in each.versions.items()},
    }
