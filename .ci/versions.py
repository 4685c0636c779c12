"""Keras in many versions, over the one TensorFlow of this interpreter: a small
environment a version, a result file a version, and one report of all. In the end the
ranges of the known disagreements are held against what was seen.

A version that has a whole result file of these cases is not run again: who interrupts
it, or adds a version, goes on where it was. `tox run -e versions` starts it.
"""

import argparse
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from lstm_ref.corpus import corpus_hash
from lstm_ref.results.errors import ResultFileError
from lstm_ref.results.reading import read

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


def environment(version: str, folder: Path) -> Path:
    """The interpreter of the version's environment, which is made where there is none.

    It holds Keras alone. All else comes from the interpreter that runs this, whose
    packages stand behind its own in the path.
    """
    interpreter = folder / "bin" / "python"
    done = folder / "done"
    if done.exists():
        return interpreter
    print(f"making an environment for Keras {version}", flush=True)
    venv.create(folder, with_pip=False, symlinks=True, clear=True)
    own = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    package = ["--pre", "keras-nightly"] if version == NIGHTLY else [f"keras=={version}"]
    beside = [name for begin, names in BESIDE.items() if version.startswith(begin) for name in names]
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(own)]
    subprocess.run([*pip, *package, *beside], check=True)
    behind = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (own / "base.pth").write_text(behind, encoding="utf-8")
    done.touch()
    return interpreter


def is_whole(results: Path, cases: Sequence[str], dtype: str, quick: bool) -> bool:
    """Whether the file has all outcomes of such a run, of the cases as they are."""
    try:
        found = read(results)
    except (OSError, ResultFileError):
        return False
    asked = found.header.options
    return (
        not found.incomplete
        and found.header.corpus == corpus_hash()
        and (asked.get("cases"), asked.get("dtypes")) == (list(cases), [dtype])
        and asked.get("quick", False) == quick
    )


def command(
    interpreter: Path, version: str, results: Path, cases: Sequence[str], dtype: str, quick: bool
) -> Iterator[str]:
    """What runs the cases in the version."""
    yield from (sys.executable, "-m", "lstm_ref.cli", "run", *cases, "--dtype", dtype, "--workers", "auto")
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
    files, red = [], []
    reports = given.reports / "quick" if given.quick else given.reports
    for version in given.versions:
        interpreter = environment(version, given.environments / version)
        results = reports / f"{version}.jsonl"
        files.append(str(results))
        if is_whole(results, given.cases, given.dtype, given.quick):
            print(f"Keras {version}: {results} is whole, and not run again", flush=True)
            continue
        asked = command(interpreter, version, results, given.cases, given.dtype, given.quick)
        if subprocess.run([*asked], check=False).returncode not in (0, 1):
            return 2
    for version, file in zip(given.versions, files, strict=True):
        footer = read(Path(file)).footer
        counts = footer.counts if footer else {}
        red += [version] * any(counts.get(word) for word in ("fail", "error", "crash", "timeout", "stale"))
        print(f"Keras {version}: {', '.join(f'{count:,} {word}' for word, count in sorted(counts.items()))}")
    whole = str(reports / "all.jsonl")
    ours = [sys.executable, "-m", "lstm_ref.cli"]
    subprocess.run([*ours, "merge", *files, "-o", whole], check=True)
    subprocess.run([*ours, "report", whole, "-o", str(reports / "all.html")], check=True)
    if given.quick:  # which has too few cases of some entries
        return 1 if red else 0
    ranges = subprocess.run([*ours, "divergences", *files, "--package", "keras", "--check"], check=False)
    return 1 if red or ranges.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
