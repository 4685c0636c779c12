"""How a run grows with its items: time, memory and file sizes, and whether the growth
is a straight line.

What is measured is the suite and no framework. The cases are points of one matrix, the
layer is a short LSTM in NumPy, named as often as there are implementations.

  --judging no     outcomes that are made up: pytest, its workers, the result file and
                   the report remain (default)
  --judging yes    every item is computed, judged and written, as in a real run

For each number of items and workers there is one row. A line through the rows of each
number of workers has the cost of the start and of an item (least squares of relative
errors). The last column is how far the row is from that line, for which it takes three
sizes: what grows like a square is above it at both ends.

`--shards N` runs every size again as N processes, one after the other, that share
nothing but their result files, and merges these. `--merge N` cuts the largest result
file in N shards and merges them; the budget is 5 s.

  python benchmarks/scale.py --items 2000 --items 8000
  python benchmarks/scale.py --items 6000 --items 26000 --items 100000 --merge 100
  python benchmarks/scale.py --items 2000 --workers 1 --workers 2 --implementations 4
  python benchmarks/scale.py --items 2000 --judging yes --shards 2
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil

MERGE_BUDGET_SECONDS = 5.0
POINTS_PER_FILE = 100
CASES = """
kind: cases
dialect: keras
layer: LSTM
about: Points enough to measure with.
source: a benchmark
defaults:
  input: {batch: 2, timesteps: 3, features: 2}
cases:
  - name: product
    matrix:
      params.return_sequences: [false, true]
      params.return_state: [false, true]
      input.timesteps: [1, 2, 3, 4, 5]
      params.units: [1, 2, 3, 4, 5]
"""
# The example's adapter under many names.
ADAPTER = """
import sys
from dataclasses import replace
sys.path.insert(0, {folder!r})
from adapter import IMPLEMENTATIONS
IMPLEMENTATIONS = tuple(replace(IMPLEMENTATIONS[0], name=f"layer-{{k}}") for k in range({count}))
"""
# A plugin for pytest under which every item passes at once.
NOTHING_TO_DO = """
from lstm_ref.results.records import Outcome
from lstm_ref.runner import run
run.Run.outcome = lambda self, case, implementation, dtype: Outcome(
    case.id, implementation, dtype, "pass", "", str(case.place.file), 1, case.about, case.source,
    {"params.units": 3}, 0.5, 15.0, None, seconds=0.0, framework_seconds=0.0)
"""


def lay_out(folder: Path, points: int, implementations: int) -> None:
    """Write the case files, the adapter and the plugin."""
    for number in range(points // POINTS_PER_FILE):
        (folder / f"points-{number:05}.yaml").write_text(CASES, encoding="utf-8")
    example = Path(__file__).resolve().parent.parent / "examples" / "numpy"
    text = ADAPTER.format(folder=str(example), count=implementations)
    (folder / "layers.py").write_text(text, encoding="utf-8")
    (folder / "nothing_to_do.py").write_text(NOTHING_TO_DO, encoding="utf-8")


def watched(command: Sequence[str], environment: Mapping[str, str], output: Path) -> dict[str, float]:
    """Run it: seconds, processor seconds of all its processes, and the largest resident
    memory in MB of the process that writes and of all together. Raises SystemExit where
    it fails.
    """
    started = time.perf_counter()
    used: dict[int, float] = {}
    largest = of_all = 0.0
    with output.open("wb") as said:
        process = subprocess.Popen(command, env=environment, stdout=said, stderr=subprocess.STDOUT)
        root = psutil.Process(process.pid)
        while process.poll() is None:
            resident = []
            try:
                for member in (root, *root.children(recursive=True)):
                    times = member.cpu_times()
                    used[member.pid] = times.user + times.system
                    resident.append(member.memory_info().rss / 1e6)
            except psutil.Error:
                continue
            largest, of_all = max(largest, resident[0]), max(of_all, sum(resident))
            time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\nended with {process.returncode}:\n{output.read_text()}")
    return {
        "seconds": time.perf_counter() - started,
        "processor": sum(used.values()),
        "writer": largest,
        "memory": of_all,
    }


def run(folder: Path, workers: int, judging: bool, shard: str = "") -> dict[str, Any]:
    """One run of all that is in the folder, or of a shard of it."""
    name = f"results-{shard.replace('/', '-of-')}" if shard else "results"
    results, report = folder / f"{name}.jsonl", folder / f"{name}.html"
    command = [sys.executable, "-m", "lstm_ref.cli", "run", str(folder)]
    command += ["--adapter", str(folder / "layers.py"), "--dtype", "float32", "--workers", str(workers)]
    command += ["--results", str(results), "--report", str(report)]
    command += ["--shard", shard] if shard else []
    command += ["--", "-p", "no:cacheprovider", *([] if judging else ["-p", "nothing_to_do"])]
    paths = [str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    figures = watched(command, environment, folder / "said.txt")
    return {**figures, "results": results.stat().st_size / 1e6, "report": report.stat().st_size / 1e6}


def merge(folder: Path, files: Iterable[Path]) -> float:
    """Seconds to merge these."""
    command = [sys.executable, "-m", "lstm_ref.cli", "merge", *map(str, files)]
    command += ["-o", str(folder / "merged.jsonl")]
    return watched(command, os.environ, folder / "said.txt")["seconds"]


def cut(results: Path, shards: int) -> list[Path]:
    """The result file as that of so many shards."""
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    by_type: dict[str, list[Any]] = {}
    for line in lines:
        by_type.setdefault(line["type"], []).append(line)
    (header,), (footer,), outcomes = by_type["header"], by_type["footer"], by_type["outcome"]
    files = []
    for number in range(shards):
        own = outcomes[number::shards]
        options = {**header["options"], "shard": f"{number + 1}/{shards}"}
        cases = len({outcome["case"] for outcome in own})
        written = [
            {**header, "options": options, "items": len(own), "cases": cases},
            *by_type.get("subject", []),
            *own,
            {**footer, "counts": {"pass": len(own)}},
        ]
        files.append(results.with_name(f"cut-{number + 1}.jsonl"))
        files[-1].write_text("".join(json.dumps(line) + "\n" for line in written), encoding="utf-8")
    return files


def line(items: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """The start and the slope of a line off by the least share of each value."""
    weights = 1 / np.asarray(values)
    slope, start = np.polyfit(items, values, 1, w=weights)
    return float(start), float(slope)


def table(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rows of each number of workers, and the line through them."""
    titles = ("workers", "items", "seconds", "CPU s", "ms/item", "writer MB", "all MB", "results", "report")
    yield "".join(f"{title:>10}" for title in (*titles, "off line"))
    for workers in dict.fromkeys(row["workers"] for row in rows):
        own = [row for row in rows if row["workers"] == workers]
        items = [row["items"] for row in own]
        fits = {
            what: line(items, [row[what] for row in own])
            for what in ("processor", "writer", "results")
            if len(set(items)) > 1
        }
        for row in own:
            cells = [f"{row['workers']:10}{row['items']:10,}{row['seconds']:10.1f}{row['processor']:10.1f}"]
            cells += [
                f"{1e3 * row['processor'] / row['items']:10.2f}{row['writer']:10.0f}{row['memory']:10.0f}"
            ]
            cells += [f"{row['results']:10.1f}{row['report']:10.2f}"]
            if fits:
                start, slope = fits["processor"]
                cells += [f"{100 * (row['processor'] / (start + slope * row['items']) - 1):+9.0f}%"]
            yield "".join(cells)
        for what, unit in (("processor", "s"), ("writer", "MB"), ("results", "MB")):
            if what in fits:
                start, slope = fits[what]
                yield f"{'':10}{what}: {start:.1f} {unit} + {1e3 * slope:.3f} {unit} a thousand items"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--items", type=int, action="append", help="may be repeated (default: 2000, 8000)")
    parser.add_argument("--workers", type=int, action="append", help="may be repeated (default: 1)")
    parser.add_argument("--implementations", type=int, default=1, metavar="N", help="(default: 1)")
    parser.add_argument("--judging", choices=("yes", "no"), default="no", help="(default: no)")
    parser.add_argument("--shards", type=int, default=0, metavar="N", help="run in N parts as well")
    parser.add_argument("--merge", type=int, default=0, metavar="N", help="merge N shards as well")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file too")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    told: list[str] = []
    kept = True
    for wanted in sorted(options.items or [2000, 8000]):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            each = POINTS_PER_FILE * options.implementations
            items = each * max(round(wanted / each), 1)
            lay_out(folder, items // options.implementations, options.implementations)
            for workers in options.workers or [1]:
                figures = run(folder, workers, options.judging == "yes")
                rows.append({"workers": workers, "items": items, **figures})
            if options.shards:
                names = [f"{number + 1}/{options.shards}" for number in range(options.shards)]
                parts = [run(folder, 1, options.judging == "yes", shard) for shard in names]
                took = merge(folder, sorted(folder.glob("results-*-of-*.jsonl")))
                seconds = ", ".join(f"{part['seconds']:.1f}" for part in parts)
                told.append(
                    f"{items:,} items in {options.shards} shards: {seconds} s; merged in {took:.1f} s"
                )
            if options.merge and wanted == max(options.items or [8000]):
                took = merge(folder, cut(folder / "results.jsonl", options.merge))
                kept = took <= MERGE_BUDGET_SECONDS
                told.append(
                    f"{options.merge} shards of {items:,} items merged in {took:.1f} s; budget"
                    f" {MERGE_BUDGET_SECONDS:g} s  {'kept' if kept else 'EXCEEDED'}"
                )
    print(*table(rows), *told, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    raise SystemExit(not kept)


if __name__ == "__main__":
    main()
