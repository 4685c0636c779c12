"""Hold an LSTM of your own against test vectors, as `lstm-ref export torch/sizes -o
vectors` writes them.

Only NumPy is needed. `run` is yours: from the parameters, the weights by name and the
arguments of a call to what the call returns, a list of arrays in the documented order.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np


def check(
    folder: Path, run: Callable[[dict[str, Any], dict[str, Any], dict[str, Any]], Any]
) -> Iterator[str]:
    """A line for each array of a first call that is further from the right one than
    rounding explains.
    """
    for case in json.loads((folder / "index.json").read_text())["cases"]:
        with np.load(folder / case["file"]) as arrays:
            weights = {
                name.removeprefix("weights/"): arrays[name] for name in arrays if name.startswith("weights/")
            }
            found = run(case["params"], weights, filled(case["steps"][0], arrays))
            for name, array in zip(case["calls"][0]["outputs"], found, strict=True):
                right, bound = arrays[f"calls/0/outputs/{name}"], arrays[f"calls/0/bounds/outputs/{name}"]
                if array.shape != right.shape or not np.all(np.abs(array - right) <= bound):
                    yield f"{case['id']}: {name}"


def filled(value: Any, arrays: Any) -> Any:
    """The arguments with arrays in place of their paths."""
    if isinstance(value, list):
        return [filled(part, arrays) for part in value]
    if isinstance(value, dict):
        return (
            arrays[value["array"]] if "array" in value else {k: filled(v, arrays) for k, v in value.items()}
        )
    return value
