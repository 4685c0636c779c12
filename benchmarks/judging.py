"""What the judge itself pays: for an ordinary case the expectation and bounds of one
dtype, forward and backward; for an item, pytest and the result file.

Budgets: 4 ms a dtype, call and layer-direction; 1 ms an item for pytest (the other half
of the 2 ms for transport and pytest is in transport.py).
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lstm_ref.corpus import Case, load
from lstm_ref.dialects import dialect
from lstm_ref.oracle.expectation import expect, with_cotangents
from lstm_ref.oracle.materialize import materialize

ORDINARY = "keras/structure/product[initial_state=given,return_sequences=true,return_state=true]"
BUDGET_BOUNDS_MS = 4.0
BUDGET_ITEM_MS = 1.0
# A plugin for pytest under which every item passes at once: what is left is pytest, the
# plugin and the result file.
NOTHING_TO_DO = """
from lstm_ref.runner import run
from lstm_ref.results.records import Outcome
run.Run.outcome = lambda self, case, implementation, dtype: Outcome(
    case.id, implementation, dtype, "pass", "", str(case.place.file), 1, case.about, case.source, {},
    0.5, 15.0, None, None, "", "", "", 0.0, 0.0)
"""


def bounds_ms(case: Case, repeats: int) -> list[float]:
    """Milliseconds a dtype and call, for the case with materials ready."""
    material = with_cotangents(dialect(case.dialect), materialize(case, seed=0))
    calls = sum(step.action == "call" for step in case.steps)
    measured = []
    for _ in range(repeats):
        started = time.process_time()
        expect(case.id, dialect(case.dialect), material, ("float32",))
        measured.append((time.process_time() - started) * 1e3 / calls)
    return measured


def item_ms() -> float:
    """Milliseconds an item of a whole pytest run, without its start."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nothing_to_do.py").write_text(NOTHING_TO_DO, encoding="utf-8")
        results = folder / "results.jsonl"
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "lstm_ref.pytest_plugin",
            "-p",
            "nothing_to_do",
        ]
        command += ["--lstm-results", str(results), "--lstm-report", str(folder / "report.html"), "cases"]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": name})
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
        return float(lines[-1]["seconds"] * 1e3 / lines[0]["items"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--repeats", type=int, default=50, help="repetitions to take the median of (default: %(default)s)"
    )
    arguments = parser.parse_args()
    (case,) = (case for case in load().cases if case.id == ORDINARY)
    bounds = statistics.median(bounds_ms(case, arguments.repeats))
    item = item_ms()
    print(f"expectation and bounds  {bounds:5.2f} ms a dtype and call   budget {BUDGET_BOUNDS_MS:g} ms")
    print(f"pytest and result file  {item:5.2f} ms an item             budget {BUDGET_ITEM_MS:g} ms")
    sys.exit(bounds > BUDGET_BOUNDS_MS or item > BUDGET_ITEM_MS)


if __name__ == "__main__":
    main()
