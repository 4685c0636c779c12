"""How fast the reference is beside other LSTMs in NumPy, and beside PyTorch.

Every contestant gets the same weights and inputs, on one core and one thread, and must
first agree with the reference in float64. They take turns, so that a busy machine slows
all of them; the table has the median of the processor time in milliseconds. The memory
is what `tracemalloc` sees of one forward pass, in units of its output.

  floor       the matrix products alone, with nothing between them
  reference   `forward(walk(...))` of lstm_ref.reference.sequence
  run         the same walk with all that its pullback holds
  tuned       time-major, one product for all inputs, every operation in place
  naive       gate by gate, as tutorials print it: eight products a step
  onnx        onnx.reference (pip install onnx)
  numpy-ml    numpy_ml's LSTM (pip install numpy-ml; it needs SciPy and Matplotlib)
  torch       torch.nn.LSTM (pip install torch)

Each name followed by `+back` computes all gradients as well. A contestant that is not
installed is left out, and named. The exit code is 1 where the reference is slower than
onnx, numpy-ml or naive, or holds more than twice an output of 1 MB or more.

At the two small sizes the reference takes 1.9 and 1.3 times as long as `tuned`. Half of
a step is its three sigmoids there. To take i and f in one call would need an axis of
gates, which softmax, peepholes and coupled gates would have to know of; to compute in
place would need a second writing of the equations. Neither is worth .05 ms.
"""

import argparse
import collections
import collections.abc
import json
import os
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
os.environ.update(dict.fromkeys(THREADS, "1"))  # read once, by the import of NumPy

import numpy as np  # noqa: E402

from lstm_ref.reference.cell import State  # noqa: E402
from lstm_ref.reference.sequence import forward, run, walk  # noqa: E402
from lstm_ref.reference.weights import LSTMWeights  # noqa: E402

SIZES = {
    "tiny": (1, 10, 8, 4),
    "small": (32, 10, 8, 4),
    "medium": (32, 100, 128, 128),
    "large": (64, 256, 256, 512),
}
BEHIND = ("naive", "onnx", "numpy-ml")  # whom the reference must not be slower than
TUNED, HELD = 1.15, 2.0
FEW = 1 << 20  # bytes of output: of less, the memory is that of Python's objects
TURN = 2.0  # milliseconds that a turn is to take at least
AGREE = {"float32": 2e-5, "float64": 1e-12}
Contestant = Callable[[], Any]


class Layer:
    """One layer: x (batch, timesteps, features), weights with the gates i, f, g, o."""

    def __init__(self, size: tuple[int, int, int, int], dtype: str) -> None:
        batch, timesteps, features, units = size
        generator = np.random.default_rng(0)

        def drawn(*shape: int, scale: float = 1.0) -> Any:
            return (scale * generator.standard_normal(shape)).astype(dtype)

        self.units = units
        self.x = drawn(batch, timesteps, features)
        self.h, self.c = drawn(batch, units), drawn(batch, units)
        self.W = drawn(features, 4 * units, scale=features**-0.5)
        self.U = drawn(units, 4 * units, scale=units**-0.5)
        self.b = drawn(4 * units)

    def gates(self, weights: Any, order: str) -> list[Any]:
        """The blocks of some weights, gate by gate."""
        blocks = dict(zip("ifgo", np.split(weights, 4, axis=-1), strict=True))
        return [blocks[gate] for gate in order]


def floor(layer: Layer) -> dict[str, Contestant]:
    z, rows = np.empty_like(layer.h @ layer.U), layer.x.reshape(-1, layer.x.shape[-1])

    def products() -> None:
        rows @ layer.W
        for _ in range(layer.x.shape[1]):
            np.matmul(layer.h, layer.U, out=z)

    return {"floor": products}


def reference(layer: Layer) -> dict[str, Contestant]:
    arguments = layer.x, State(layer.h, layer.c), LSTMWeights(layer.W, layer.U, layer.b)
    ones = np.ones((*layer.x.shape[:2], layer.units), layer.x.dtype)
    no_state = State(np.zeros_like(layer.h), np.zeros_like(layer.c))

    def with_gradients() -> Any:
        (h, _), pullback = run(*arguments)
        pullback(ones, no_state)
        return h

    return {
        "reference": lambda: forward(walk(*arguments))[0],
        "run": lambda: run(*arguments)[0][0],
        "reference+back": with_gradients,
    }


def tuned(layer: Layer) -> dict[str, Contestant]:
    """sigmoid(z) = (tanh(z / 2) + 1) / 2, so that one tanh serves all four gates."""
    units = layer.units
    half = np.repeat(np.array([0.5, 0.5, 1, 0.5], layer.x.dtype), units)
    W, U, b = layer.W * half, layer.U * half, layer.b * half
    batch, timesteps, features = layer.x.shape

    def loop() -> Any:
        z_x = np.ascontiguousarray(layer.x.swapaxes(0, 1)).reshape(-1, features) @ W
        z_x += b
        z_x = z_x.reshape(timesteps, batch, 4 * units)
        y, z = np.empty((timesteps, batch, units), z_x.dtype), np.empty_like(z_x[0])
        i, f, g, o = np.split(z, 4, axis=-1)
        h, c, added = layer.h, layer.c.copy(), np.empty_like(layer.c)
        for t in range(timesteps):
            np.matmul(h, U, out=z)
            z += z_x[t]
            np.tanh(z, out=z)
            for gates in (z[:, : 2 * units], o):
                gates *= 0.5
                gates += 0.5
            c *= f
            np.multiply(i, g, out=added)
            c += added
            h = y[t]
            np.tanh(c, out=h)
            h *= o
        return y.swapaxes(0, 1)

    return {"tuned": loop}


def naive(layer: Layer) -> dict[str, Contestant]:
    gates = [layer.gates(weights, "ifgo") for weights in (layer.W, layer.U, layer.b)]
    (W_i, W_f, W_g, W_o), (U_i, U_f, U_g, U_o), (b_i, b_f, b_g, b_o) = gates

    def sigmoid(z: Any) -> Any:
        return 1 / (1 + np.exp(-z))

    def loop() -> Any:
        h, c, outputs = layer.h, layer.c, []
        for t in range(layer.x.shape[1]):
            x = layer.x[:, t]
            i = sigmoid(x @ W_i + h @ U_i + b_i)
            f = sigmoid(x @ W_f + h @ U_f + b_f)
            g = np.tanh(x @ W_g + h @ U_g + b_g)
            o = sigmoid(x @ W_o + h @ U_o + b_o)
            c = f * c + i * g
            h = o * np.tanh(c)
            outputs.append(h)
        return np.stack(outputs, axis=1)

    return {"naive": loop}


def onnx(layer: Layer) -> dict[str, Contestant]:
    helper = import_module("onnx.helper")
    evaluator = import_module("onnx.reference").ReferenceEvaluator
    names = ("X", "W", "R", "B", "", "initial_h", "initial_c")
    node = helper.make_node("LSTM", names, ["Y"], hidden_size=layer.units)
    element = helper.np_dtype_to_tensor_dtype(layer.x.dtype)
    values = [helper.make_tensor_value_info(name, element, None) for name in ("Y", *filter(None, names))]
    model = helper.make_model(helper.make_graph([node], "lstm", values[1:], values[:1]))
    W, U, b = (
        np.concatenate(layer.gates(weights, "iofg"), axis=-1) for weights in (layer.W, layer.U, layer.b)
    )
    fed = {
        "X": layer.x.swapaxes(0, 1),
        "W": W.T[None],
        "R": U.T[None],
        "B": np.concatenate([b, np.zeros_like(b)])[None],
        "initial_h": layer.h[None],
        "initial_c": layer.c[None],
    }
    ready = evaluator(model)
    return {"onnx": lambda: ready.run(None, fed)[0][:, 0].swapaxes(0, 1)}


def numpy_ml(layer: Layer) -> dict[str, Contestant]:
    # numpy-ml 0.1.2 imports a name from where Python 3.10 has it no longer. Its LSTM
    # cannot be made any more; this is the loop of its forward pass around its cell.
    collections.Hashable = collections.abc.Hashable  # type: ignore[attr-defined]
    cell = import_module("numpy_ml.neural_nets.layers").LSTMCell(layer.units)
    cell.n_in = layer.x.shape[-1]
    cell._init_params()
    for name, U, W, b in zip(
        "fuco", *(layer.gates(weights, "figo") for weights in (layer.U, layer.W, layer.b)), strict=True
    ):
        cell.parameters[f"W{name}"], cell.parameters[f"b{name}"] = np.concatenate([U, W]), b[None]

    def passed() -> Any:
        for held in ("Gf", "Gu", "Go", "Gc", "Cc"):
            cell.derived_variables[held].clear()
        cell.X.clear()
        cell.derived_variables["A"], cell.derived_variables["C"] = [layer.h], [layer.c]
        return np.dstack([cell.forward(x)[0] for x in layer.x.swapaxes(0, 1)]).swapaxes(1, 2)

    return {"numpy-ml": passed}


def torch(layer: Layer) -> dict[str, Contestant]:
    framework = import_module("torch")
    framework.set_num_threads(1)
    x, h, c = (framework.from_numpy(values) for values in (layer.x, layer.h[None], layer.c[None]))
    lstm = framework.nn.LSTM(layer.x.shape[-1], layer.units, batch_first=True, dtype=x.dtype)
    lstm.load_state_dict(
        {
            "weight_ih_l0": framework.from_numpy(layer.W.T.copy()),
            "weight_hh_l0": framework.from_numpy(layer.U.T.copy()),
            "bias_ih_l0": framework.from_numpy(layer.b),
            "bias_hh_l0": framework.zeros(len(layer.b), dtype=x.dtype),
        }
    )
    leaves = [each.clone().requires_grad_() for each in (x, h, c)]

    def alone() -> Any:
        with framework.no_grad():
            return lstm(x, (h, c))[0].numpy()

    def with_gradients() -> Any:
        lstm.zero_grad()
        y = lstm(leaves[0], (leaves[1], leaves[2]))[0]
        y.backward(framework.ones_like(y))
        return y.detach().numpy()

    return {"torch": alone, "torch+back": with_gradients}


MAKERS = {
    "floor": floor,
    "reference": reference,
    "tuned": tuned,
    "naive": naive,
    "onnx": onnx,
    "numpy-ml": numpy_ml,
    "torch": torch,
}


def contestants(layer: Layer) -> Iterator[tuple[str, Contestant]]:
    """All that can be had here."""
    for name, maker in MAKERS.items():
        try:
            yield from maker(layer).items()
        except ImportError as error:
            print(f"{name}: left out, {error}", file=sys.stderr)


def milliseconds(ready: Mapping[str, Contestant], seconds: float) -> dict[str, float]:
    """Median processor time of each, where all take turns for so long, three at least.

    A turn of short passes is several in a row. The first of them is not counted: it
    finds the caches full of what the others left there.
    """
    times: dict[str, list[float]] = {name: [] for name in ready}
    passes = dict.fromkeys(ready, 1)
    began = time.process_time()
    while len(times["reference"]) < 3 or time.process_time() - began < seconds:
        for name, contestant in ready.items():
            if passes[name] > 1:
                contestant()
            started = time.process_time()
            for _ in range(passes[name]):
                contestant()
            times[name].append(1e3 * (time.process_time() - started) / passes[name])
            passes[name] = 1 + int(TURN / times[name][-1])
    return {name: statistics.median(each) for name, each in times.items()}


def memory(contestant: Contestant, output: int) -> dict[str, float]:
    """What one pass holds when it is done, and at its peak, in units of its output."""
    tracemalloc.start()
    try:
        kept = contestant()
        held, peak = (each / output for each in tracemalloc.get_traced_memory())
        del kept
    finally:
        tracemalloc.stop()
    return {"held": held, "peak": peak}


def measure(size: tuple[int, int, int, int], dtype: str, seconds: float) -> dict[str, Any]:
    """One row of the table. Raises SystemExit where a contestant computes something
    else.
    """
    layer, exact = Layer(size, dtype), Layer(size, dtype)
    for name in ("x", "h", "c", "W", "U", "b"):
        setattr(exact, name, getattr(layer, name).astype("float64"))
    truth = reference(exact)["reference"]()
    ready = dict(contestants(layer))
    for name, contestant in ready.items():
        if name != "floor" and not (error := np.max(np.abs(contestant() - truth))) <= AGREE[dtype]:
            raise SystemExit(f"{name} differs from the reference by {error:.1e} at {size} in {dtype}")
    output = truth.size * layer.x.dtype.itemsize
    return {
        "size": size,
        "dtype": dtype,
        "output": output,
        "milliseconds": milliseconds(ready, seconds),
        "memory": {
            name: memory(ready[name], output) for name in ("reference", "tuned", "naive") if name in ready
        },
    }


def slower(row: Mapping[str, Any]) -> list[str]:
    """What the reference does not keep in this row, in words."""
    times, held = row["milliseconds"], row["memory"]["reference"]["held"]
    found = [f"slower than {name}" for name in BEHIND if name in times and times["reference"] > times[name]]
    return [*found, *([f"holds {held:.1f} times its output"] if held > HELD and row["output"] > FEW else [])]


def table(rows: list[dict[str, Any]]) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in rows for name in row["milliseconds"]))
    yield f"{'milliseconds':26}" + "".join(f"{name:>15}" for name in names)
    for row in rows:
        times = row["milliseconds"]
        size = ", ".join(map(str, row["size"]))
        yield f"{row['dtype'] + ' ' + size:26}" + "".join(
            f"{times.get(name, np.nan):15.3f}" for name in names
        )
    yield f"\n{'':26}{'of tuned':>12}{'of floor':>12}{'held':>8}{'peak':>8}   (reference; memory in outputs)"
    for row in rows:
        times, used = row["milliseconds"], row["memory"]["reference"]
        size = ", ".join(map(str, row["size"]))
        of = [times["reference"] / times[name] for name in ("tuned", "floor")]
        said = "; ".join(slower(row)) or ("kept" if of[0] <= TUNED else f"kept, but over {TUNED} of tuned")
        figures = f"{of[0]:12.2f}{of[1]:12.2f}{used['held']:8.2f}{used['peak']:8.2f}"
        yield f"{row['dtype'] + ' ' + size:26}{figures}   {said}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--size",
        action="append",
        choices=list(SIZES),
        help="batch, timesteps, features, units: "
        + "; ".join(f"{name} {', '.join(map(str, size))}" for name, size in SIZES.items())
        + ". May be repeated (default: all)",
    )
    parser.add_argument(
        "--dtype", action="append", choices=list(AGREE), help="may be repeated (default: both)"
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=5.0,
        help="processor time to spend on each size and dtype, at least three rounds (default: %(default)s)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = [
        measure(SIZES[size], dtype, options.seconds)
        for dtype in options.dtype or AGREE
        for size in options.size or SIZES
    ]
    print(*table(rows), sep="\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(any(slower(row) for row in rows))


if __name__ == "__main__":
    main()
