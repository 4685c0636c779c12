"""How many planted faults are noticed: by all cases, by those of an everyday and of a
quick run, and by the numbers that other suites use.

The faults are those of `lstm_ref.verdict.faults`: a layer that reads its weights, its
input or its parameters otherwise than documented, or that has another function in the
place of a right one. Each counts once for each documented API.

The numbers of others are put into the structure of our own everyday cases of the layer
LSTM: masks, directions, states and calls that those suites do not have. That is
generous to them. Faults of the backward pass count only for those that compare
gradients.

    python benchmarks/sharpness.py
    python benchmarks/sharpness.py --format json
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

import numpy as np

from lstm_ref.corpus import Case, load
from lstm_ref.corpus.quick_file import quick_cases
from lstm_ref.oracle.expectation import with_cotangents
from lstm_ref.oracle.materialize import Material
from lstm_ref.oracle.twin import TwinCall, run_twin
from lstm_ref.protocol.trace import Tensor
from lstm_ref.reference.activations import Array
from lstm_ref.verdict.faults import faults
from lstm_ref.verdict.noticing import changes, changing, comparable, noticed_by, prepared

Numbers = Callable[[str, tuple[int, ...]], Array]  # of an array, by its name and shape


@dataclass(frozen=True)
class Suite:
    """The numbers of another suite, the difference that it allows, and whether it
    compares gradients.
    """

    name: str
    dialect: str
    source: str
    numbers: Numbers
    relative: float
    absolute: float
    gradients: bool = False


def ones_of_onnx(name: str, shape: tuple[int, ...]) -> Array:
    """All weights alike, states of zeros, an input that counts."""
    if name == "X":
        return np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    return np.zeros(shape) if name.startswith("initial") else np.full(shape, 0.1)


def constants_of_keras(name: str, shape: tuple[int, ...]) -> Array:
    """Each weight a constant, but for the ones of the forget gate's bias; an input that
    counts.
    """
    constants = {"kernel": 0.01, "recurrent_kernel": 0.02, "bias": 0.03}
    if name in constants:
        values = np.full(shape, constants[name])
        if name == "bias":
            values[shape[0] // 4 : shape[0] // 2] = 1
        return values
    return np.arange(float(np.prod(shape))).reshape(shape)


def defaults_of_torch(name: str, shape: tuple[int, ...]) -> Array:
    """Weights as PyTorch draws them for 3 units, normal numbers elsewhere."""
    random = np.random.default_rng(crc32(name.encode()))
    if name.startswith(("weight", "bias")):
        return random.uniform(-(3**-0.5), 3**-0.5, shape)
    return random.normal(size=shape)


SUITES = (
    Suite(
        "ONNX's node tests: every weight 0.1, states of zeros; relative 1e-3",
        "onnx",
        "onnx/backend/test/case/node/lstm.py, onnx 1.23",
        ones_of_onnx,
        1e-3,
        1e-7,
    ),
    Suite(
        "Keras' own literals: constant kernels and bias; 1e-6",
        "keras",
        "keras/src/layers/rnn/lstm_test.py, Keras 3.15",
        constants_of_keras,
        1e-6,
        1e-6,
    ),
    Suite(
        "default initialization, normal input; 1e-5",
        "torch",
        "torch.nn.LSTM, weights right after construction",
        defaults_of_torch,
        1.3e-6,
        1e-5,
        gradients=True,
    ),
)


@dataclass(frozen=True)
class Line:
    """How much of what could be noticed was."""

    what: str
    noticed: int
    of: int
    missed: tuple[str, ...] = ()


def of_cases(what: str, cases: Sequence[Case], all_of_them: set[tuple[str, str]]) -> Line:
    """The faults that these cases notice, within the bounds that are computed for
    each.
    """
    seen = noticed_by(cases)
    found = {(shown.dialect, shown.meaning) for shown in seen}
    missed = tuple(f"{name}: {meaning}" for name, meaning in sorted(all_of_them - found))
    return Line(what, len(found & all_of_them), len(all_of_them), missed)


def of_suite(suite: Suite, cases: Sequence[Case]) -> Line:
    """The faults that the numbers of a suite notice in the structure of our cases."""
    changed: set[str] = set()
    found: set[str] = set()
    for case in cases:
        language, material = prepared(case)
        other = with_numbers(material, suite.numbers)
        let_off = (
            set() if suite.gradients else {fault.meaning for fault in faults(language) if fault.backward}
        )
        right = run_twin(language, with_cotangents(language, other).request)
        if any(call.draws for call in right):
            continue  # what others drop at random, they do not compare
        changed |= {change.fault.meaning for change in changes(language, material, changed | let_off)}
        found |= {
            fault.meaning
            for fault, calls, _ in changes(language, other, found | let_off)
            if calls is None or differs(right, calls, suite, "gradients" if fault.backward else "outputs")
        }
    return Line(suite.name, len(found), len(changed), tuple(sorted(changed - found)))


def with_numbers(material: Material, numbers: Numbers) -> Material:
    """The material with other weights, inputs and states; masks and lengths stay."""

    def changed(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [changed(f"{name}[{index}]", part) for index, part in enumerate(value)]
        if not isinstance(value, Tensor) or value.values.dtype.kind != "f":
            return value
        return replace(value, values=numbers(name, value.values.shape))

    request = material.request
    steps = tuple(
        replace(
            step,
            arguments={name: changed(name, value) for name, value in step.arguments.items()},
            cotangents=None,
        )
        for step in request.steps
    )
    weights: Mapping[str, Any] = {name: changed(name, value) for name, value in request.weights.items()}
    return replace(material, request=replace(request, steps=steps, weights=weights))


def differs(right: Sequence[TwinCall], faulty: Sequence[TwinCall], suite: Suite, kind: str) -> bool:
    """Whether the suite sees a difference in some output, or some gradient."""
    for call, other in zip(right, faulty, strict=True):
        for name, values in call.arrays(kind).items():
            found = other.arrays(kind).get(name)
            if found is None or found.shape != values.shape:
                return True
            allowed = suite.absolute + suite.relative * np.abs(values)
            if bool(np.any(np.abs(found - values) > allowed)):
                return True
    return False


def measured(told: Callable[[str], None]) -> Iterator[Line]:
    """One line after the other."""
    told("loading the corpus")
    corpus = [case for case in load().cases if case.claim is None and comparable(case)]
    everyday = [case for case in corpus if case.everyday]
    all_of_them = {(shown.dialect, shown.meaning) for shown in changing(everyday)}
    quick = quick_cases()
    for what, cases in (
        ("everyday run", everyday),
        ("quick run", [case for case in everyday if case.id in quick]),
    ):
        told(f"{what}: {len(cases):,} cases")
        yield of_cases(what, cases, all_of_them)
    for suite in SUITES:
        cases = [
            case
            for case in everyday
            if case.dialect == suite.dialect and case.layer == "LSTM" and "/structure/" in case.id
        ]
        told(f"{suite.name}: {len(cases):,} structures")
        yield of_suite(suite, cases)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--format", choices=["text", "json"], default="text", help="json is for programs")
    parser.add_argument("--missed", action="store_true", help="name the faults that are not noticed")
    asked = parser.parse_args()
    lines = []
    for line in measured(lambda text: print(text, file=sys.stderr, flush=True)):
        lines.append(vars(line))
        if asked.format == "text":
            print(f"{line.noticed:4d} of {line.of:4d}  {line.what}", flush=True)
            for meaning in line.missed if asked.missed else ():
                print(f"                missed: {meaning}")
    if asked.format == "json":
        print(json.dumps(lines, indent=2))


if __name__ == "__main__":
    main()
