"""How close correct results come to their bounds, over random cases on the real
frameworks.

Each case is built as a `Case` value and takes the way of every case of the corpus:
materialize, expect, cast, subject, judge. Sizes, activations, scale and documented
parameters are random. Nothing correct may lie above 1 times its bound: what does is
listed with its parameters, and the exit code is 1. What a framework is known to compute
wrongly is listed too, and does not change the exit code.

A case that overflows a dtype, or that rounding alone decides, does not test a framework
in that dtype: it is counted, and not judged.
"""

import argparse
import json
import math
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from lstm_ref.corpus.case import Case, CaseStep, Input, Location, Values
from lstm_ref.dialects import dialect
from lstm_ref.dialects.keras import ACTIVATIONS
from lstm_ref.implementations import discover
from lstm_ref.oracle.errors import IllConditioned
from lstm_ref.oracle.expectation import Expectation, expect, with_cotangents
from lstm_ref.oracle.materialize import cast, materialize
from lstm_ref.oracle.rounding import PRECISIONS
from lstm_ref.protocol.trace import Trace
from lstm_ref.runner.subjects import Subjects
from lstm_ref.runner.targets import Target
from lstm_ref.verdict.judge import judge

EVERYDAY = ("keras-tensorflow", "torch")
DTYPES = ("float64", "float32", "float16", "bfloat16")
# What Keras 3.15 on TensorFlow computes wrongly, by activation and dtype.
DEFECTS = {
    ("gelu", "float64"): "its constants are float32",
    ("leaky_relu", "float64"): "its slope is float32",
    **{
        (
            "sparsemax",
            dtype,
        ): "the threshold is made of all cumulated sums of the support, where only the last belongs"
        for dtype in DTYPES
    },
    **{
        ("celu", dtype): "its derivative at exactly 0, which the half precisions often hit, is 2"
        for dtype in ("float16", "bfloat16")
    },
}
UNITS, TIMESTEPS, FEATURES, BATCH, SCALE = (1, 128), (1, 256), (1, 128), 4, (0.1, 8.0)
# Multiplications of one forward pass in one layer; a case beyond it gets fewer
# timesteps.
LARGEST_WORK = 2e6


@dataclass(frozen=True)
class Result:
    """One case in one dtype, and what became of it.

    `outcome` is "judged", "defect" (beyond its bound, as is known), "refused"
    (ill-conditioned), "overflow", or "failed" where no number was compared; `ratio` is
    error / bound; the bits are those verified of the worst output and of the worst
    gradient.
    """

    implementation: str
    dtype: str
    case: str
    outcome: str
    ratio: float | None
    output_bits: float | None
    gradient_bits: float | None
    message: str
    parameters: Mapping[str, Any]


def random_cases(implementation: str, dialect: str, cases: int, seed: int) -> Iterator[Case]:
    """The random cases of one implementation. Case number n depends on the seed and on
    n alone.
    """
    for number in range(cases):
        rng = np.random.default_rng([seed, number, len(implementation)])
        layer = random_keras(rng) if dialect == "keras" else random_torch(rng)
        yield random_case(f"bounds/{implementation}/{seed}/{number}", dialect, layer, rng)


@dataclass(frozen=True)
class Layer:
    """Constructor parameters, call arguments, and what sizes the work: units, features,
    copies of the layer, and the input's form.
    """

    params: Mapping[str, Any]
    call: Mapping[str, Any]
    units: int
    features: int
    copies: int = 1
    form: str | None = None


def random_keras(rng: np.random.Generator) -> Layer:
    """keras.layers.LSTM with any activations: in each role every second one is the
    default, the others are drawn from all names.
    """
    names = list(ACTIVATIONS)
    activation, recurrent = (
        names[rng.integers(len(names))] if rng.random() < 0.5 else default for default in ("tanh", "sigmoid")
    )
    units, features = log_uniform(rng, *UNITS), log_uniform(rng, *FEATURES)
    params = {
        "units": units,
        "activation": activation,
        "recurrent_activation": recurrent,
        # Replaced anyway; the default cannot be drawn in bfloat16 (TensorFlow 2.21 has
        # no QR for it)
        "recurrent_initializer": ("zeros"),
        "use_bias": bool(rng.random() < 0.8),
        "return_sequences": bool(rng.random() < 0.8),
        "return_state": bool(rng.random() < 0.8),
        "go_backwards": bool(rng.random() < 0.3),
    }
    return Layer(params, {"initial_state": "given"} if rng.random() < 0.7 else {}, units, features)


def random_torch(rng: np.random.Generator) -> Layer:
    """torch.nn.LSTM with 1 to 3 layers, in one direction or both, with or without
    projection and bias.
    """
    units, features = log_uniform(rng, *UNITS), log_uniform(rng, *FEATURES)
    layers, both = int(rng.integers(1, 4)), bool(rng.random() < 0.4)
    params = {
        "input_size": features,
        "hidden_size": units,
        "num_layers": layers,
        "bias": bool(rng.random() < 0.8),
        "batch_first": bool(rng.random() < 0.5),
        "bidirectional": both,
        "proj_size": int(rng.integers(1, units)) if units > 1 and rng.random() < 0.3 else 0,
    }
    call = {"hx": "given"} if rng.random() < 0.7 else {}
    return Layer(
        params,
        call,
        units,
        features,
        layers * (2 if both else 1),
        "unbatched" if rng.random() < 0.1 else None,
    )


def random_case(name: str, dialect: str, layer: Layer, rng: np.random.Generator) -> Case:
    """A case of one call around the layer, with a random batch, number of timesteps and
    scale.
    """
    batch = int(rng.integers(1, BATCH + 1))
    step_work = 4 * batch * layer.units * (layer.features + layer.units) * layer.copies
    timesteps = min(log_uniform(rng, *TIMESTEPS), max(1, int(LARGEST_WORK / step_work)))
    scale = float(np.exp(rng.uniform(*np.log(SCALE))))
    return Case(
        id=name,
        name=name,
        place=Location(Path(__file__), 1),
        dialect=dialect,
        about="A random case.",
        source="benchmarks/bounds.py",
        layer="LSTM",
        params=layer.params,
        values=Values(scale=scale),
        steps=(
            CaseStep(
                "call",
                layer.call,
                Input(batch=batch, timesteps=timesteps, features=layer.features, form=layer.form),
            ),
        ),
        expect=None,
        dtypes=DTYPES,
        full_dtypes=DTYPES,
        axes={},
    )


def log_uniform(rng: np.random.Generator, low: int, high: int) -> int:
    """An integer of [low, high] whose logarithm is about uniform."""
    return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))


def measure(case: Case, implementation: str, subjects: Subjects, seed: int) -> Iterator[Result]:
    """The case in every dtype on the implementation."""
    material = with_cotangents(dialect(case.dialect), materialize(case, seed))
    expectation = expect(case.id, dialect(case.dialect), material, case.dtypes)
    for dtype in case.dtypes:
        outcome, ratio, message = "judged", None, ""
        bits: tuple[float | None, float | None] = (None, None)
        if overflows(expectation, dtype):
            outcome = "overflow"
        elif refusal := refused(expectation, case.id, dtype):
            outcome, message = "refused", refusal
        else:
            answer = subjects.run(cast(expectation.request, dtype, implementation))
            if isinstance(answer, Trace):
                verdict = judge(expectation, dtype, answer)
                ratio, message, bits = (
                    verdict.ratio,
                    "\n".join(verdict.findings),
                    verified_bits(expectation, dtype),
                )
            else:
                message = str(answer)
            if ratio is None:
                outcome = "failed"
            elif ratio > 1 and (reason := defect(case, dtype)):
                outcome, message = "defect", reason
        yield Result(implementation, dtype, case.id, outcome, ratio, *bits, message, parameters(case))


def defect(case: Case, dtype: str) -> str | None:
    """What the framework is known to do wrong in this case, or None."""
    roles = ("activation", "recurrent_activation")
    return next(
        (
            f"{case.params[role]}: {DEFECTS[key]}"
            for role in roles
            if (key := (case.params.get(role), dtype)) in DEFECTS
        ),
        None,
    )


def overflows(expectation: Expectation, dtype: str) -> bool:
    """Whether a result, or its bound, is not a finite number of this dtype."""
    arrays = [array for call in expectation.calls for array in (*call.outputs, *call.gradients)]
    with np.errstate(invalid="ignore", over="ignore"):
        return not all(
            np.all(np.abs(array.values) + array.bounds[dtype] <= PRECISIONS[dtype].largest)
            for array in arrays
        )


def refused(expectation: Expectation, case: str, dtype: str) -> str | None:
    """Why the harness refuses the case in this dtype, or None."""
    try:
        expectation.refuse_ill_conditioned(case, dtype)
    except IllConditioned as error:
        return str(error)
    return None


def verified_bits(expectation: Expectation, dtype: str) -> tuple[float, float]:
    """The bits verified of the worst output and of the worst gradient."""
    outputs = min(array.verified_bits(dtype) for call in expectation.calls for array in call.outputs)
    return outputs, min(array.verified_bits(dtype) for call in expectation.calls for array in call.gradients)


def parameters(case: Case) -> dict[str, Any]:
    """What was random about the case."""
    (step,) = case.steps
    size = {name: value for name, value in asdict(step.input).items() if value is not None}
    return {**case.params, **step.arguments, **size, "scale": round(case.values.scale, 3)}


def measure_all(cases: int, seeds: Sequence[int]) -> list[Result]:
    """All cases of all implementations; one thread for each implementation, since each
    waits for its own subject.
    """
    implementations = {name: known for name, known in discover().items() if name in EVERYDAY}
    results: list[Result] = []
    with (
        Subjects.of({name: Target.of(each) for name, each in implementations.items()}) as subjects,
        Progress(console=Console(stderr=True)) as progress,
        ThreadPoolExecutor(len(implementations)) as threads,
    ):

        def run(name: str) -> list[Result]:
            task = progress.add_task(name, total=cases * len(seeds))
            found: list[Result] = []
            for seed in seeds:
                for case in random_cases(name, implementations[name].dialect, cases, seed):
                    found += measure(case, name, subjects, seed)
                    progress.advance(task)
            return found

        for found in threads.map(run, implementations):
            results += found
    return results


def show(results: Sequence[Result], console: Console) -> None:
    """The table, and everything above 1."""
    table = Table(title="error / bound of correct results, and the bits verified")
    for heading in ("implementation", "dtype"):
        table.add_column(heading)
    for heading in (
        "judged",
        "refused",
        "overflow",
        "defects",
        "above 1",
        "max",
        "p99",
        "median",
        "bits, outputs",
        "bits, gradients",
    ):
        table.add_column(heading, justify="right")
    for implementation in dict.fromkeys(r.implementation for r in results):
        for dtype in DTYPES:
            table.add_row(
                implementation,
                dtype,
                *row([r for r in results if (r.implementation, r.dtype) == (implementation, dtype)]),
            )
    console.print(table)
    console.print("bits: median [5 %..95 %] of the worst array of each case")
    for r in [*above(results), *(r for r in results if r.outcome == "defect")]:
        shown = ", ".join(f"{name}={value}" for name, value in r.parameters.items())
        console.print(
            f"\n{r.implementation} {r.dtype} {r.case}: {r.ratio}\n  {shown}\n  {r.message}",
            highlight=False,
            markup=False,
        )


def row(results: Sequence[Result]) -> list[str]:
    """One row of the table, from "judged" on."""
    outcomes = Counter(r.outcome for r in results)
    judged = [r for r in results if r.outcome == "judged"]
    ratios = [r.ratio for r in judged if r.ratio is not None]
    counts = [str(outcomes[name]) for name in ("judged", "refused", "overflow", "defect")] + [
        str(len(above(results)))
    ]
    if not ratios:
        return [*counts, *["-"] * 5]
    numbers = [f"{number:.3f}" for number in (max(ratios), np.percentile(ratios, 99), np.median(ratios))]
    return [
        *counts,
        *numbers,
        spread([r.output_bits for r in judged]),
        spread([r.gradient_bits for r in judged]),
    ]


def spread(values: Sequence[float | None]) -> str:
    """Median [5 %..95 %]."""
    low, middle, high = np.percentile([v for v in values if v is not None and math.isfinite(v)], [5, 50, 95])
    return f"{middle:.1f} [{low:.1f}..{high:.1f}]"


def above(results: Sequence[Result]) -> list[Result]:
    """What the judge calls wrong, and no known defect explains."""
    return [
        r
        for r in results
        if r.outcome == "failed" or (r.outcome == "judged" and r.ratio is not None and not r.ratio <= 1)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cases",
        type=int,
        default=250,
        help="cases for each implementation and seed (default %(default)s: 500 on two)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        action="append",
        help="may be repeated: each seed draws cases of its own (default 0)",
    )
    parser.add_argument("--json", type=Path, help="also write every result to this file")
    options = parser.parse_args()
    results = measure_all(options.cases, options.seed or [0])
    show(results, Console(width=None if sys.stdout.isatty() else 160))
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=1), "utf-8")
    raise SystemExit(bool(above(results)))


if __name__ == "__main__":
    main()
