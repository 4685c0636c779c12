"""The everyday run, as users start it: wall time, the share spent inside the
frameworks, and the largest resident memory of each kind of process.

Budgets: 2 minutes on two cores with both frameworks, the report included; 200 MB for
each judging process.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import psutil

BUDGET_SECONDS = 120.0
BUDGET_JUDGE_MB = 200.0


def kind(process: psutil.Process) -> str:
    """What the process is: a subject by name, a worker, or the run itself."""
    command = process.cmdline()
    if "lstm_ref.implementations" in command:
        return command[-1]
    return "judge"


def watch(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """The largest resident memory in MB of any one process of each kind, until the run
    ends.
    """
    largest: dict[str, float] = defaultdict(float)
    root = psutil.Process(process.pid)
    while process.poll() is None:
        try:
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            break
        for member in family:
            try:
                name = kind(member)
                largest[name] = max(largest[name], member.memory_info().rss / 1e6)
            except psutil.Error:
                continue
        time.sleep(0.1)
    process.wait()
    return largest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", default="2", help="judging processes (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        results = Path(name) / "results.jsonl"
        started = time.perf_counter()
        command = [
            "lstm-ref",
            "run",
            "--workers",
            arguments.workers,
            "--results",
            str(results),
            "--report",
            str(Path(name) / "report.html"),
        ]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        largest = watch(process)
        seconds = time.perf_counter() - started
        lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    items, footer = lines[0]["items"], lines[-1]
    share = footer["framework_seconds"] / (seconds * max(int(arguments.workers), 1))
    print(
        f"{items} items in {seconds:.1f} s on {arguments.workers} workers, report included; budget"
        f" {BUDGET_SECONDS:g} s; outcomes {footer['counts']}"
    )
    print(
        f"inside the frameworks: {footer['framework_seconds']:.1f} processor seconds, {share:.0%} of wall"
        " time x workers"
    )
    for name, megabytes in sorted(largest.items()):
        print(
            f"{name:<18} {megabytes:6.0f} MB at most"
            + (f"; budget {BUDGET_JUDGE_MB:g} MB" if name == "judge" else "")
        )
    sys.exit(seconds > BUDGET_SECONDS or largest["judge"] > BUDGET_JUDGE_MB)


if __name__ == "__main__":
    main()
