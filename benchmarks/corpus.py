"""Validating a corpus of 10,000 points, from YAML to cases. Budget: 2 s, without
importing a framework.
"""

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lstm_ref.corpus import corpus_root

BUDGET_SECONDS = 2.0
FRAMEWORKS = ("tensorflow", "keras", "torch", "numpy")
# 4 x 5 x 5 = 100 points a file, from a matrix; as many files as it takes.
FILE = """
kind: cases
dialect: keras
layer: LSTM
about: Points enough to measure with.
source: a benchmark
defaults:
  params: {units: 3, return_sequences: true}
  input: {batch: 4, timesteps: 7, features: 5}
cases:
  - name: product
    matrix:
      params.go_backwards: [false, true]
      params.unroll: [false, true]
      input.timesteps: [5, 6, 7, 8, 9]
      params.units: [1, 2, 3, 4, 5]
"""
LOAD = (
    "import sys; from pathlib import Path; from lstm_ref.corpus import load;"
    " print(len(load(Path(sys.argv[1])).cases)); print(*sys.modules)"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--points", type=int, default=10_000, help="points to validate (default: %(default)s)"
    )
    parser.add_argument(
        "--runs", type=int, default=5, help="runs to take the median of (default: %(default)s)"
    )
    arguments = parser.parse_args()

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "keras"
        folder.mkdir()
        shutil.copy(corpus_root() / "keras" / "parameters.yaml", folder)
        for number in range(arguments.points // 100):
            (folder / f"points-{number}.yaml").write_text(FILE, encoding="utf-8")
        seconds = []
        for _ in range(arguments.runs):
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", LOAD, name], check=True, capture_output=True, text=True
            )
            seconds.append(time.perf_counter() - started)
    points, modules = done.stdout.splitlines()
    imported = [framework for framework in FRAMEWORKS if framework in modules.split()]
    median = statistics.median(seconds)
    print(
        f"{points} points in {median:.2f} s, start of Python included (min {min(seconds):.2f}, max"
        f" {max(seconds):.2f}); budget {BUDGET_SECONDS:g} s"
    )
    print(f"frameworks imported: {', '.join(imported) or 'none'}")
    sys.exit(median > BUDGET_SECONDS or bool(imported))


if __name__ == "__main__":
    main()
