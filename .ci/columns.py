"""What a report of many columns needs: for each column a small environment, and a
result file that is not made twice.
"""

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lstm_ref.corpus import corpus_hash
from lstm_ref.results.errors import ResultFileError
from lstm_ref.results.reading import read

RED = ("fail", "error", "crash", "timeout", "stale")


def environment(folder: Path, install: Callable[[Path, Path], None]) -> Path:
    """The interpreter of an environment, which is made where there is none. `install`
    gets the interpreter, and the folder that packages go to.

    It holds what is installed, and no more. All else comes from the interpreter that
    runs this, whose packages stand behind its own in the path.
    """
    interpreter = folder / "bin" / "python"
    done = folder / "done"
    if done.exists():
        return interpreter
    print(f"making the environment {folder}", flush=True)
    venv.create(folder, with_pip=False, symlinks=True, clear=True)
    own = folder / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    behind = f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n"
    (own / "base.pth").write_text(behind, encoding="utf-8")
    install(interpreter, own)
    done.touch()
    return interpreter


def is_whole(results: Path, **options: Any) -> bool:
    """Whether the file has all outcomes of a run with these options, of the cases as
    they are.
    """
    try:
        found = read(results)
    except (OSError, ResultFileError):
        return False
    asked = {"quick": False, **found.header.options}
    return (
        not found.incomplete
        and found.header.corpus == corpus_hash()
        and all(asked.get(name) == value for name, value in options.items())
    )


def one_report(files: Mapping[str, Path], folder: Path) -> tuple[Path, bool]:
    """The result file and the report of all columns, and whether any is red. Prints the
    outcomes of each.
    """
    red = False
    for name, file in files.items():
        footer = read(file).footer
        counts = footer.counts if footer else {}
        red = red or any(counts.get(word) for word in RED)
        seconds = f", {footer.seconds:,.0f} s" if footer else ""
        print(
            f"{name}: {', '.join(f'{count:,} {word}' for word, count in sorted(counts.items()))}{seconds}",
            flush=True,
        )
    whole = folder / "all.jsonl"
    lstm_ref("merge", *map(str, files.values()), "-o", str(whole))
    lstm_ref("report", str(whole), "-o", str(folder / "all.html"))
    return whole, red


def lstm_ref(*words: str, interpreter: Path | str = sys.executable, may_be_red: bool = False) -> bool:
    """Whether the command found nothing red. Raises CalledProcessError where it cannot
    run.
    """
    run: Sequence[str] = [str(interpreter), "-m", "lstm_ref.cli", *words]
    ended = subprocess.run(run, check=False)
    if ended.returncode not in ((0, 1) if may_be_red else (0,)):
        raise subprocess.CalledProcessError(ended.returncode, run)
    return ended.returncode == 0
