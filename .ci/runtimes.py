"""Every implementation that runs only where it is asked for, such as the runtimes of
ONNX and Keras on its other backends: an environment of its own for each, with what its
extra installs, a result file for each, and one report of all.

One that has a whole result file of these cases is not run again. `tox run -e runtimes`
starts it.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from columns import environment, is_whole, lstm_ref, one_report

from lstm_ref.implementations import discover
from lstm_ref.protocol import Implementation

# The module behind the adapter of ONNX backends is anybody's, so no extra names it.
BESIDE = {"onnx-backend": ("onnxruntime",)}
CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"


def runtimes() -> dict[str, Implementation]:
    """Those that run on request, by name."""
    return {name: found for name, found in sorted(discover().items()) if found.on_request}


def install(runtime: Implementation, interpreter: Path) -> None:
    """What the extra of the runtime needs, and is not installed where this runs."""
    pip = [str(interpreter), "-m", "pip", "install", "--quiet", "--constraint", str(CONSTRAINTS)]
    wanted = [f"lstm-ref[{runtime.host.extra}]", *BESIDE.get(runtime.name, ())]
    subprocess.run([*pip, *wanted], check=True)


def options(runtime: Implementation, results: Path, cases: Sequence[str], quick: bool) -> Iterator[str]:
    """Those of its run."""
    yield from (*cases, "--impl", runtime.name, "--workers", "auto")
    for dtype in runtime.accumulation:
        yield from ("--dtype", dtype)
    yield from ("--results", str(results), "--report", str(results.with_suffix(".html")))
    yield from ["--quick"] * quick


def size(folder: Path) -> float:
    """What is in the folder, in MB."""
    return sum(path.lstat().st_size for path in folder.rglob("*")) / 1e6


def main() -> int:
    known = runtimes()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"default: all of {', '.join(known)}")
    parser.add_argument(
        "--quick", action="store_true", help="a quick selection of the cases, into a folder of its own"
    )
    parser.add_argument("--environments", type=Path, required=True, help="where they are made")
    parser.add_argument("--reports", type=Path, required=True, help="where result files and reports go")
    given = parser.parse_args()
    if unknown := sorted(set(given.names) - set(known)):
        parser.error(f"there is no {', '.join(unknown)}; known are {', '.join(known)}")
    files: dict[str, Path] = {}
    reports = given.reports / "quick" if given.quick else given.reports
    for name in given.names or known:
        runtime, folder = known[name], given.environments / name
        interpreter = environment(folder, lambda python, _, runtime=runtime: install(runtime, python))
        print(f"{name}: its environment takes {size(folder):,.0f} MB", flush=True)
        results = files[name] = reports / f"{name}.jsonl"
        cases = [runtime.dialect]
        if is_whole(results, cases=cases, implementations=[name], quick=given.quick):
            print(f"{name}: {results} is whole, and not run again", flush=True)
            continue
        asked = options(runtime, results, cases, given.quick)
        lstm_ref("run", *asked, interpreter=interpreter, may_be_red=True)
    _, red = one_report(files, reports)
    return 1 if red else 0


if __name__ == "__main__":
    sys.exit(main())
