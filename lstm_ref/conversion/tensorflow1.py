"""Weights of TensorFlow 1. Source: tf.compat.v1.nn.rnn_cell.BasicLSTMCell and LSTMCell,
tf.raw_ops.BlockLSTM.

One matrix (features + units, 4 units) holds the kernel and, below it, the recurrent
kernel. The gates are i, g, f, o, where its documentation writes j or ci for g. At run
time a cell adds its `forget_bias` to the forget gate. The default is 1. Here it is part
of the bias.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lstm_ref.conversion.errors import ConversionError
from lstm_ref.conversion.stack import Stack, as_array, as_stack, axes_of, check, described, narrowed
from lstm_ref.reference.activations import Array
from lstm_ref.reference.weights import LSTMWeights

GATES = "igfo"
HERE = "ifgo"
UNSEEN = (
    "arrays do not show their cell: it must have activation tanh, no peepholes (use_peepholes), no cell_clip"
    " (in BlockLSTM 3 unless told otherwise) and no projection (num_proj)"
)


class TensorFlow1Cell(NamedTuple):
    """The variables of one cell: kernel (features + units, 4 units) and bias (4
    units,), gates in the order i, g, f, o.
    """

    kernel: Array
    bias: Array


def from_tensorflow1(cells: Any, forget_bias: float = 1.0, gates: str = GATES) -> Stack:
    """The weights of a cell, (kernel, bias), or of a list of cells on top of one
    another.

    `forget_bias` is the one that the cell adds at run time, and `gates` the order of
    the blocks: "igfo" for rnn_cell and BlockLSTM, "ifgo" for BlockLSTMV2. Raises
    ConversionError where shapes are not those of a cell.
    """
    _check_options(forget_bias, gates)
    problems: list[str] = []
    layers = [
        [_read(number, cell, forget_bias, gates, problems)] for number, cell in enumerate(_listed(cells))
    ]
    if problems:
        raise ConversionError(problems)
    check(layers)
    return Stack(layers, [UNSEEN])


def to_tensorflow1(
    weights: Any, forget_bias: float = 1.0, gates: str = GATES, dtype: str | None = None
) -> list[TensorFlow1Cell]:
    """The variables of one cell for each layer. Such a cell adds `forget_bias` at run
    time. So it is subtracted here, which rounds.

    Two biases become their sum. Raises ConversionError for a second direction and a
    projection.
    """
    _check_options(forget_bias, gates)
    stack = narrowed(as_stack(weights), dtype)
    problems = [
        f"layer {number} has two directions, and a cell has one"
        for number, layer in enumerate(stack)
        if len(layer) > 1
    ]
    problems += [
        f"layer {number} has a projection: TensorFlow 1 keeps it elsewhere"
        for number, (w, *_) in enumerate(stack)
        if w.projection is not None
    ]
    if problems:
        raise ConversionError(problems)
    return [_write(w, forget_bias, gates) for (w,) in stack]


def _check_options(forget_bias: Any, gates: Any) -> None:
    """Raise ConversionError for a forget bias that is not a number, and for an unknown
    order of gates.
    """
    problems = []
    if (
        isinstance(forget_bias, bool)
        or not isinstance(forget_bias, (int, float, np.floating))
        or not np.isfinite(forget_bias)
    ):
        problems.append(f"forget_bias is {described(forget_bias)}, not a finite number")
    if not isinstance(gates, str) or sorted(gates) != sorted(HERE):
        problems.append(
            "gates must be the letters i, f, g, o in some order, not"
            f" {gates if isinstance(gates, str) else described(gates)}"
        )
    if problems:
        raise ConversionError(problems)


def _listed(cells: Any) -> Sequence[Any]:
    """The cells as a list. A single cell becomes a list of one."""
    if not isinstance(cells, (list, tuple)) or not cells:
        raise ConversionError([f"{described(cells)} is neither a cell's (kernel, bias) nor a list of them"])
    single = len(cells) == 2 and axes_of(cells[0]) == 2
    return [cells] if single else cells


def _read(number: int, cell: Any, forget_bias: float, gates: str, problems: list[str]) -> LSTMWeights:
    where = f"layer {number}"
    nothing = LSTMWeights(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0))
    if not isinstance(cell, (list, tuple)) or len(cell) != 2:
        problems.append(f"{where}: a cell is (kernel, bias), not {described(cell)}")
        return nothing
    before = len(problems)
    kernel, bias = (
        as_array(where, name, value, problems)
        for name, value in zip(TensorFlow1Cell._fields, cell, strict=True)
    )
    if len(problems) > before:
        return nothing
    units = bias.size // 4
    if kernel.ndim != 2 or bias.shape != (kernel.shape[1],) or bias.size % 4 or kernel.shape[0] <= units:
        problems.append(
            f"{where}: kernel {kernel.shape} and bias {bias.shape} should be (features + units, 4 units) and"
            " (4 units,)"
        )
        return nothing
    kernel, bias = (_ordered(values, gates, HERE) for values in (kernel, bias))
    bias[units : 2 * units] += np.asarray(forget_bias, bias.dtype)
    return LSTMWeights(kernel[:-units], kernel[-units:], bias)


def _write(w: LSTMWeights, forget_bias: float, gates: str) -> TensorFlow1Cell:
    bias = np.array(w.bias if w.recurrent_bias is None else w.bias + w.recurrent_bias)
    units = bias.size // 4
    bias[units : 2 * units] -= np.asarray(forget_bias, bias.dtype)
    kernel = np.concatenate([w.kernel, w.recurrent_kernel])
    return TensorFlow1Cell(_ordered(kernel, HERE, gates), _ordered(bias, HERE, gates))


def _ordered(values: Array, before: str, after: str) -> Array:
    """A copy with the blocks of the last axis in another order of the gates."""
    blocks = values.reshape(*values.shape[:-1], 4, -1)
    return np.array(blocks[..., [before.index(gate) for gate in after], :].reshape(values.shape))
