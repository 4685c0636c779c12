"""`lstm-ref convert`: weights from one file format to another."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write; the ending says what.",
)
@click.option(
    "--prefix", metavar="NAME", help="Which LSTM, where there are several: model.encoder; of .onnx a node."
)
@click.option("--dtype", metavar="DTYPE", help="Round to this dtype on purpose: float64, float32, float16.")
@click.option("--force", is_flag=True, help="Write over an OUTPUT that exists.")
def convert(file: Path, output: Path, prefix: str | None, dtype: str | None, force: bool) -> None:
    """Convert the weights of an LSTM from one file to another.

    The endings of FILE and OUTPUT say what they are:

    \b
    .onnx               a model of LSTM nodes
    .pt .pth .ckpt      a state_dict of PyTorch, also inside a checkpoint, with any prefix
    .safetensors .npz   the same names in a file of arrays
    .keras .h5          a model of Keras layers

    No bit is lost, unless --dtype says so, or two biases become the one of Keras. What
    has no counterpart is refused with every reason. What is right under a condition
    only (lengths in the place of a mask, states) is said.

    \b
    lstm-ref convert model.keras -o lstm.onnx
    lstm-ref convert checkpoint.ckpt -o lstm.npz --prefix model.encoder
    lstm-ref convert lstm.onnx -o lstm.pt --dtype float16

    \b
    Exit codes:
      0  OUTPUT is written
      1  the weights cannot be converted; every reason is said, and nothing is written
      4  bad usage: no such FILE, or OUTPUT exists or cannot be written
    """
    from lstm_ref.conversion import ConversionError
    from lstm_ref.conversion.files import NEEDS, read, write

    if output.exists() and not force:
        raise click.UsageError(f"{output} exists; --force writes over it")
    try:
        frameworks = {NEEDS.get(each.suffix.lower()) for each in (file, output)}
        stack = _apart(read, file, prefix) if {"torch", "keras"} <= frameworks else read(file, prefix)
        write(stack, output, dtype)
    except ConversionError as error:
        raise click.ClickException(str(error)) from error
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror or error}") from error
    _say(stack, output)


def _apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call the function in a separate process, because TensorFlow and PyTorch cannot
    share one.
    """
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def _say(stack: Any, output: Path) -> None:
    """What was written, and under what conditions it computes the same."""
    directions = "in both directions" if len(stack[0]) == 2 else "in one direction"
    sizes = ", ".join(str(len(layer[0].recurrent_kernel)) for layer in stack)
    click.echo(
        f"{output}: {len(stack)} layer{'s' * (len(stack) > 1)} {directions}, {len(stack[0][0].kernel)}"
        f" features, {sizes} units"
    )
    for condition in stack.conditions:
        click.echo(f"note: {condition}", err=True)
