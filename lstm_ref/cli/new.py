"""`lstm-ref new`: a case file to begin with."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lstm_ref.cli.shared import count, show_problems

if TYPE_CHECKING:
    from lstm_ref.corpus.read.models.parameters import Layer, ParametersFile

# The size of the input of a new case. No two of its numbers are the same, so a layer
# that confuses two axes is noticed.
SIZES = {"batch": 4, "timesteps": 7, "features": 5}


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--dialect", help="The documented API, such as keras or torch.")
@click.option("--layer", help="The layer, by its documented name.")
@click.option("--name", help="The name of the case, such as masked-backwards.")
@click.option("--about", help="What the case is about, in a sentence.")
@click.option("--source", help="Where the documentation says so.")
@click.option(
    "--param",
    "params",
    multiple=True,
    metavar="NAME=VALUE",
    help="An argument of the constructor; repeat it.",
)
@click.option(
    "--call", "calls", multiple=True, metavar="NAME=VALUE", help="An argument of the call; repeat it."
)
@click.option(
    "--matrix",
    multiple=True,
    metavar="KEY=V1,V2,...",
    help="Several values, such as params.unroll=true,false; the case is run with each. Repeat it.",
)
def new(
    file: Path,
    dialect: str | None,
    layer: str | None,
    name: str | None,
    about: str | None,
    source: str | None,
    params: tuple[str, ...],
    calls: tuple[str, ...],
    matrix: tuple[str, ...],
) -> None:
    """Write a case file with one case.

    What no option says is asked. The file is checked before it is written, and a file
    that exists is left alone. Editors complete and check it by its first line.

    \b
    lstm-ref new my-cases.yaml
    lstm-ref new my-cases.yaml --dialect keras --layer LSTM --name masked \\
        --about 'A masked step keeps the state.' --source 'keras.layers.LSTM, call argument mask' \\
        --param return_sequences=true --matrix call.mask=right,gaps

    \b
    Exit codes:
      0  the file is written
      1  what was asked for is not a valid case; nothing is written
      4  the command line is wrong, or the file exists
    """
    if file.exists():
        raise click.UsageError(
            f"{file} exists, and is left alone; name another file, or add the case to it by hand"
        )
    if file.suffix not in (".yaml", ".yml"):
        raise click.UsageError(f"{file} is not a name of a case file; call it {file.with_suffix('.yaml')}")
    tables = _tables()
    asks = None in (dialect, layer, name, about, source)
    dialect = _chosen("dialect", dialect, list(tables))
    layers = tables[dialect].layers
    layer = _chosen("layer", layer, list(layers))
    documented = layers[layer]
    name = name or click.prompt("Name of the case", default="first")
    about = about or click.prompt("What is it about, in a sentence")
    source = source or click.prompt("Where does the documentation say so", default=documented.source)
    given = _pairs("--param", params)
    if asks and not params:
        given = _asked(documented)
    text = _text(
        file,
        dialect,
        layer,
        about,
        source,
        {
            "name": name,
            "params": {**_required(documented), **given},
            "input": _sizes(documented),
            "call": _pairs("--call", calls),
            "matrix": {key: _values("--matrix", key, value) for key, value in _split("--matrix", matrix)},
        },
    )
    cases = _checked(file, text)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}") from error
    click.echo(f"{file}: {count(cases, 'case')}")
    click.echo(f"Next: lstm-ref run {file}")


def _tables() -> "Mapping[str, ParametersFile]":
    from lstm_ref.corpus import CorpusError, load_parameters

    try:
        return load_parameters()
    except CorpusError as error:
        show_problems(error.problems)
        raise click.UsageError("the tables of parameters have mistakes") from error


def _chosen(what: str, value: str | None, known: Sequence[str]) -> str:
    from lstm_ref.corpus.hints import did_you_mean

    if value is None:
        return str(click.prompt(what.capitalize(), type=click.Choice(list(known)), default=known[0]))
    if value not in known:
        hint = did_you_mean(value, known) or f"known are {', '.join(known)}"
        raise click.UsageError(f"there is no {what} {value!r}; {hint}")
    return value


def _required(layer: "Layer") -> dict[str, Any]:
    """The arguments that a layer needs, each with the first value that cases have to
    cover.
    """
    return {name: each.values[0] for name, each in layer.constructor.items() if each.required and each.values}


def _sizes(layer: "Layer") -> dict[str, int]:
    """The size of the input, without features if these are an argument of the
    constructor.
    """
    return {
        word: SIZES[word]
        for word, each in layer.input.items()
        if word in SIZES and (each.required or word != "features")
    }


def _asked(layer: "Layer") -> dict[str, Any]:
    """The arguments of the constructor that the user types, until an empty line."""
    click.echo(f"Arguments of the constructor: {', '.join(layer.constructor)}")
    found: dict[str, Any] = {}
    while line := click.prompt("NAME=VALUE, or nothing to go on", default="", show_default=False):
        try:
            found |= _pairs("An argument", [line])
        except click.UsageError as error:
            click.echo(error.message)
    return found


def _split(option: str, written: Sequence[str]) -> list[tuple[str, str]]:
    pairs = [each.partition("=") for each in written]
    if wrong := [each for each, pair in zip(written, pairs, strict=True) if not (pair[0] and pair[1])]:
        raise click.UsageError(f'{option} "{wrong[0]}" is not NAME=VALUE')
    return [(name.strip(), value) for name, _, value in pairs]


def _pairs(option: str, written: Sequence[str]) -> dict[str, Any]:
    return {name: _value(option, name, value) for name, value in _split(option, written)}


def _value(option: str, name: str, text: str) -> Any:
    """A value as YAML has it."""
    import yaml

    from lstm_ref.corpus.read.documents import plain_value

    if text[:1] not in "[{":
        return plain_value(text)
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise click.UsageError(f"{option} {name}: {text} is not YAML") from error


def _values(option: str, key: str, text: str) -> list[Any]:
    return [_value(option, key, part.strip()) for part in text.split(",")]


def _text(file: Path, dialect: str, layer: str, about: str, source: str, entry: Mapping[str, Any]) -> str:
    from lstm_ref.corpus import corpus_root
    from lstm_ref.corpus.writing import dumped

    schema = corpus_root() / "schema.json"
    folder = file.absolute().parent
    shown = os.path.relpath(schema, folder) if folder.is_relative_to(corpus_root()) else str(schema)
    content = {
        "kind": "cases",
        "dialect": dialect,
        "layer": layer,
        "about": about,
        "source": source,
        "cases": [{key: value for key, value in entry.items() if value != {}}],
    }
    return f"# yaml-language-server: $schema={shown}\n{dumped(content)}"


def _checked(file: Path, text: str) -> int:
    """The number of cases in the text. Ends the program if there are mistakes. All are
    shown, with their places in the file that would be written.
    """
    from lstm_ref.corpus import CorpusError, load_file, load_parameters
    from lstm_ref.oracle.dry_run import problems_of

    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder, file.name)
        draft.write_text(text, encoding="utf-8")
        try:
            cases = load_file(draft, load_parameters())
            problems = list(problems_of(cases))
        except CorpusError as error:
            problems = list(error.problems)
    if problems:
        for problem in problems:
            click.echo(f"{problem.message}")
            if problem.hint:
                click.echo(f"    {problem.hint}")
        raise click.ClickException(f"{count(len(problems), 'mistake')}; {file} was not written")
    return len(cases)
