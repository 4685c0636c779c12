"""`lstm-ref export`: cases as test vectors, for users who cannot run a subject."""

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import click

from lstm_ref.cli.shared import count, gathered, waiting

INDEX, SCHEMA = "index.json", "schema.json"


@click.command()
@click.argument("cases", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The folder to write to; it must be new or empty.",
)
@click.option("--dtype", default="float32", show_default=True, help="The dtype of arrays and bounds.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["npz", "json"]),
    default="npz",
    show_default=True,
    help="npz is for NumPy; json has every number as text, for any other language.",
)
@click.option("--no-gradients", is_flag=True, help="Leave out gradients, and what they are taken of.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draw all numbers from this seed.")
def export(
    cases: tuple[str, ...], output: Path, dtype: str, format_: str, no_gradients: bool, seed: int
) -> None:
    """Write cases as test vectors.

    Each case becomes a file of arrays: weights, inputs, expected outputs and gradients,
    and for each of these how far rounding may lead from it. index.json says what each
    file is, and why a case is not there: what a framework draws nobody knows before.
    schema.json says how both are written.

    \b
    An array is called by its path:
      weights/kernel                the weights, by their documented names
      steps/0/sequences             what the first step is given; steps/0/hx[1] of a list
      steps/0/cotangents/0          what outputs are multiplied by for the gradients
      calls/0/outputs/output        what the first call must return
      calls/0/gradients/kernel      and the gradients of outputs times cotangents
      calls/0/bounds/outputs/output the largest right error, element by element

    \b
    lstm-ref export torch/structure -o vectors
    lstm-ref export 'keras/structure/product*' -o vectors --format json --dtype float64

    \b
    Exit codes:
      0  written
      4  the command line is wrong, the folder is not empty, or no case can be written
    """
    from lstm_ref import __version__
    from lstm_ref.implementations import discover
    from lstm_ref.oracle.policies import POLICIES
    from lstm_ref.oracle.vectors import LeftOut, vector

    if dtype not in POLICIES or dtype.startswith("mixed_"):
        known = ", ".join(name for name in POLICIES if not name.startswith("mixed_"))
        raise click.UsageError(f"there is no dtype {dtype!r} to export; known are {known}")
    if output.exists() and any(output.iterdir()):
        raise click.UsageError(f"{output} is not empty; name a new folder, nothing in it was changed")
    chosen = [case for case in gathered(cases) if case.everyday or cases]
    differentiable = {each.dialect for each in discover().values() if each.differentiable}
    listed: list[dict[str, Any]] = []
    left: list[dict[str, str]] = []
    with waiting("still writing"):
        for number, case in enumerate(chosen):
            try:
                gradients = not no_gradients and case.dialect in differentiable
                found = vector(case, dtype, gradients, seed)
            except LeftOut as reason:
                left.append({"id": case.id, "reason": str(reason)})
                continue
            name = f"{number:05}.{format_}"
            listed.append({"file": name, **found.about})
            _write(output / name, found.arrays, format_)
    if not listed:
        why = "\n  ".join(dict.fromkeys(each["reason"] for each in left))
        raise click.UsageError(f"none of {count(len(chosen), 'case')} can be written:\n  {why}")
    index = {
        "$schema": SCHEMA,
        "format": 1,
        "lstm_ref": __version__,
        "dtype": dtype,
        "seed": seed,
        "cases": listed,
        "left_out": left,
    }
    schema = files("lstm_ref.oracle") / "vectors.schema.json"
    (output / SCHEMA).write_text(schema.read_text(encoding="utf-8"), encoding="utf-8")
    (output / INDEX).write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    click.echo(f"{output / INDEX}: {count(len(listed), 'case')}, {count(len(left), 'case')} left out")


def _write(file: Path, arrays: Mapping[str, Any], format_: str) -> None:
    import numpy as np

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if format_ == "npz":
            np.savez(file, **dict(arrays))
            return
        content = {
            path: {
                "dtype": str(values.dtype),
                "shape": list(values.shape),
                "values": _numbers(values),
            }
            for path, values in arrays.items()
        }
        file.write_text(json.dumps(content, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{file} cannot be written: {error.strerror}") from error


def _numbers(values: Any) -> list[Any]:
    """The numbers in C order. JSON has no NaN and no infinities, so these are words."""
    import math

    flat = values.ravel().tolist()
    return [str(each) if isinstance(each, float) and not math.isfinite(each) else each for each in flat]
