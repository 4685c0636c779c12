"""How large the report of a real run is, how long it takes to make, and how long a
browser takes until it can be used.

The outcomes are those of a result file. Where more are wanted than it has, they are
repeated:

  --as labels   under other labels, as in a file of several versions that were merged;
                an implementation more for each time (default)
  --as cases    as further cases of the same implementations, in further files

Seconds are those of the processor, of a process that starts, reads and writes; --plain
has no browser. "ready" is what the page says of itself: from its address to the end of
its script, the median of --times loads, and the shortest one. A machine that does
something else at the same time makes it longer.

  python benchmarks/report.py reports/results.jsonl
  python benchmarks/report.py reports/results.jsonl --items 30000 --keep /tmp/pages

Budgets: 1 MB, made in 1.5 s and ready in 0.5 s at 10,000 outcomes; ready in 2 s at
50,000.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# By the number of outcomes: megabytes, seconds to make, seconds until ready.
BUDGETS: dict[int, Mapping[str, float]] = {
    10_000: {"size": 1.0, "made": 1.5, "ready": 0.5},
    50_000: {"ready": 2.0},
}


def repeated(lines: Sequence[Mapping[str, Any]], items: int, manner: str) -> Iterator[dict[str, Any]]:
    """The lines of a result file with so many outcomes."""
    outcomes = [line for line in lines if line["type"] == "outcome"]
    made = [_again(outcomes[k % len(outcomes)], k // len(outcomes), manner) for k in range(items)]
    names = list(dict.fromkeys(one["implementation"] for one in made))
    cases = len({one["case"] for one in made})
    header, footer = lines[0], lines[-1]
    yield {**header, "items": items, "cases": cases, "implementations": names, "missing": []}
    for line in lines:
        if line["type"] == "subject":
            hosts = [name for name in names if name.partition("@")[0] in line["implementations"]]
            yield {**line, "implementations": hosts}
    yield from made
    yield {**footer, "counts": dict(Counter(one["outcome"] for one in made))}


def _again(outcome: Mapping[str, Any], time: int, manner: str) -> dict[str, Any]:
    """The outcome as it is for the first time, else under another name."""
    if not time:
        return dict(outcome)
    if manner == "labels":
        return {**outcome, "implementation": f"{outcome['implementation']}@{time}.0"}
    file = outcome["file"].replace(".yaml", f"-{time}.yaml")
    stem, slash, name = outcome["case"].rpartition("/")
    return {**outcome, "case": f"{stem}-{time}{slash}{name}", "file": file}


def make(results: Path, page: Path) -> float:
    """Make the page, and return the processor seconds that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "lstm_ref.cli", "report", str(results), "-o", str(page)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ready(pages: Sequence[Path], times: int) -> list[list[float]]:
    """The seconds until each page is ready, in a browser without a window; empty where
    there is none.
    """
    browser, chromedriver = (
        next(filter(None, map(shutil.which, BROWSERS)), None),
        shutil.which("chromedriver"),
    )
    try:
        from selenium import webdriver
    except ModuleNotFoundError:
        return []
    if browser is None or chromedriver is None:
        return []
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.add_argument("--window-size=1280,800")
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=chromedriver))
    try:
        found = []
        for page in pages:
            taken = []
            for _ in range(times):
                driver.get("about:blank")
                driver.get(page.as_uri())
                taken.append(float(driver.execute_script("return document.documentElement.dataset.ready")))
            found.append([milliseconds / 1e3 for milliseconds in taken])
        return found
    finally:
        driver.quit()


def verdicts(row: Mapping[str, Any]) -> Iterator[str]:
    """Which budgets for so many outcomes are kept, and which are not."""
    for what, budget in BUDGETS.get(row["items"], {}).items():
        if row[what] is not None:
            yield f"{what} {'kept' if row[what] <= budget else f'EXCEEDED ({budget:g})'}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="the file of a run that ended")
    parser.add_argument(
        "--items", type=int, action="append", help="may be repeated (default: 10000, 30000, 50000)"
    )
    parser.add_argument("--as", dest="manner", choices=("labels", "cases"), default="labels")
    parser.add_argument("--times", type=int, default=5, help="loads of each page (default: 5)")
    parser.add_argument("--plain", action="store_true", help="without a browser")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="leave result files and pages there")
    options = parser.parse_args()
    lines = [json.loads(line) for line in options.results.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        for items in options.items or [10_000, 30_000, 50_000]:
            results, page = folder / f"{items}.jsonl", folder / f"{items}.html"
            made = list(repeated(lines, items, options.manner))
            results.write_text("".join(json.dumps(line) + "\n" for line in made), encoding="utf-8")
            rows.append(
                {
                    "items": items,
                    "columns": len(made[0]["implementations"]),
                    "results": results.stat().st_size / 1e6,
                    "made": make(results, page),
                    "size": page.stat().st_size / 1e6,
                    "ready": None,
                    "page": page,
                }
            )
        taken = [] if options.plain else ready([row["page"] for row in rows], options.times)
        for row, seconds in zip(rows, taken, strict=False):
            row["ready"], row["shortest"] = median(seconds), min(seconds)
    titles = ("outcomes", "columns", "results MB", "made CPU s", "page MB", "ready s", "shortest s")
    print("".join(f"{title:>12}" for title in titles))
    for row in rows:
        cells = [f"{row['items']:12,}{row['columns']:12}{row['results']:12.1f}{row['made']:12.2f}"]
        cells += [f"{row['size']:12.2f}"]
        cells += [
            f"{row[what]:12.2f}" if row.get(what) is not None else f"{'-':>12}"
            for what in ("ready", "shortest")
        ]
        print("".join(cells), *verdicts(row), sep="  ")
    if not taken and not options.plain:
        print("no browser: apt-get install chromium chromium-driver, pip install selenium")
    raise SystemExit(any("EXCEEDED" in each for row in rows for each in verdicts(row)))


if __name__ == "__main__":
    main()
