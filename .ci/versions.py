"""Keras in many versions, over the one TensorFlow of this interpreter: a small
environment a version, a result file a version, and one report of all. In the end the
ranges of the known disagreements are held against what was seen.

A version that has a whole result file of these cases is not run again: who interrupts
it, or adds a version, goes on where it was. `tox run -e versions` starts it.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from columns import environment, is_whole, lstm_ref, one_report

IMPLEMENTATION = "keras-tensorflow"
NIGHTLY = "nightly"
# The last release of each line that brought or mended something; the newest ones all.
VERSIONS = (
    "3.0.5",
    "3.1.1",
    "3.3.3",
    "3.5.0",
    "3.7.0",
    "3.8.0",
    "3.9.2",
    "3.11.3",
    "3.12.4",
    "3.13.2",
    "3.14.1",
    "3.15.1",
    NIGHTLY,
)
# What a version needs that TensorFlow no longer brings.
BESIDE = {"3.0.": ("dm-tree",)}


def install(version: str, own: Path) -> None:
    """Keras alone, and what the version needs that TensorFlow no longer brings."""
    package = ["--pre", "keras-nightly"] if version == NIGHTLY else [f"keras=={version}"]
    beside = [name for begin, names in BESIDE.items() if version.startswith(begin) for name in names]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(own)]
    subprocess.run([*pip, *package, *beside], check=True)


def options(
    interpreter: Path, version: str, results: Path, cases: Sequence[str], dtype: str, quick: bool
) -> Iterator[str]:
    """Those of the run of the cases in the version."""
    yield from (*cases, "--dtype", dtype, "--workers", "auto")
    yield from ("--python", f"{IMPLEMENTATION}@{version}={interpreter}")
    yield from ("--results", str(results), "--report", str(results.with_suffix(".html")))
    yield from ["--quick"] * quick


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=["keras"], help="which cases; default: all of Keras")
    parser.add_argument("--versions", nargs="+", default=VERSIONS, metavar="V", help="default: all")
    parser.add_argument("--dtype", default="float64", help="default: %(default)s")
    parser.add_argument(
        "--quick", action="store_true", help="a quick selection of the cases, into a folder of its own"
    )
    parser.add_argument("--environments", type=Path, required=True, help="where they are made")
    parser.add_argument("--reports", type=Path, required=True, help="where result files and reports go")
    given = parser.parse_args()
    files: dict[str, Path] = {}
    reports = given.reports / "quick" if given.quick else given.reports
    for version in given.versions:
        interpreter = environment(
            given.environments / version, lambda _, own, version=version: install(version, own)
        )
        results = files[f"Keras {version}"] = reports / f"{version}.jsonl"
        if is_whole(results, cases=given.cases, dtypes=[given.dtype], quick=given.quick):
            print(f"Keras {version}: {results} is whole, and not run again", flush=True)
            continue
        asked = options(interpreter, version, results, given.cases, given.dtype, given.quick)
        lstm_ref("run", *asked, may_be_red=True)
    _, red = one_report(files, reports)
    if given.quick:  # which has too few cases of some entries
        return 1 if red else 0
    ranges = lstm_ref(
        "divergences", *map(str, files.values()), "--package", "keras", "--check", may_be_red=True
    )
    return 1 if red or not ranges else 0


if __name__ == "__main__":
    sys.exit(main())
