"""The result file: written line by line as outcomes come in, so that an interrupted run
loses nothing. The format is `lstm_ref/results/results.schema.json`.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, BinaryIO

from lstm_ref.results.errors import ResultsInUse
from lstm_ref.results.reading import read, whole_lines
from lstm_ref.results.records import FORMAT, Footer, Header, Outcome, Results, SubjectRecord


class ResultFile:
    """A result file that is being written. Only a run that finishes gives it a footer.

    `begun` is what an interrupted run wrote into it, and this run continues.
    """

    def __init__(self, path: Path) -> None:
        """Lock the file against other runs. Its content is not changed yet.

        Raises ResultsInUse if another run has it. Raises ResultFileError if its content
        is needed and cannot be read.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = _held(path)
        self.path = path
        self.begun: Results | None = None
        self.counts: Counter[str] = Counter()
        self._started = time.perf_counter()
        self._seconds = 0.0
        self._framework_seconds = 0.0
        self._subjects: list[Mapping[str, Any]] = []

    def read_begun(self) -> None:
        """Read what an earlier run wrote into the file, if there is anything, and
        continue it.
        """
        if not self.path.stat().st_size:
            return
        self.begun = read(self.path)
        self.counts = Counter(outcome.outcome for outcome in self.begun.outcomes)
        self._subjects = [record(subject) for subject in self.begun.subjects]
        self._framework_seconds = sum(outcome.framework_seconds or 0.0 for outcome in self.begun.outcomes)
        started = datetime.fromisoformat(self.begun.header.started).timestamp()
        self._seconds = max(self.path.stat().st_mtime - started, 0.0)

    def begin(self, header: Header) -> None:
        """Write the header into an empty file. In a file that is continued, go to the
        end of the last whole line.
        """
        self._file.truncate(0 if self.begun is None else len(whole_lines(self.path.read_bytes())))
        if self.begun is None:
            self._write({"type": "header", "format": FORMAT, **record(header)})

    def subject(self, facts: Mapping[str, Any]) -> None:
        """Add what a subject said about itself. Under xdist each worker starts its own;
        the first one counts.
        """
        if facts not in self._subjects:
            self._subjects.append(facts)
            self._write({"type": "subject", **facts})

    def outcome(self, outcome: Mapping[str, Any]) -> None:
        """Add an outcome, as `record` made it."""
        self.counts[outcome["outcome"]] += 1
        self._framework_seconds += outcome["framework_seconds"] or 0.0
        self._write({"type": "outcome", **outcome})

    def finish(self) -> None:
        """Add the footer, if there is none yet: every outcome is in the file."""
        if self.begun is not None and self.begun.footer is not None:
            return
        footer = Footer(
            now(),
            round(self._seconds + time.perf_counter() - self._started, 3),
            round(self._framework_seconds, 3),
            dict(self.counts),
        )
        self._write({"type": "footer", **record(footer)})

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
        self._file.write(text.encode("utf-8"))
        self._file.flush()


def _held(path: Path) -> BinaryIO:
    """The file, locked against other runs while it is open. Raises ResultsInUse. (On a
    system without flock there is no lock.)
    """
    file = path.open("ab")
    try:
        from fcntl import LOCK_EX, LOCK_NB, flock
    except ImportError:
        pass
    else:
        try:
            flock(file, LOCK_EX | LOCK_NB)
        except BlockingIOError:
            file.close()
            raise ResultsInUse(path) from None
    return file


def now() -> str:
    """The time in ISO 8601, to the second, in UTC."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def record(value: Header | SubjectRecord | Outcome | Footer) -> dict[str, Any]:
    """The value as plain JSON data."""
    plain: dict[str, Any] = _plain(value)
    return plain


def _plain(value: Any) -> Any:
    """JSON has no NaN and no infinities: they are written as the strings "nan", "inf"
    and "-inf".
    """
    if type(value) in AS_THEY_ARE:  # most values of 100,000 outcomes
        return value
    if is_dataclass(value) and not isinstance(value, type):
        return {
            name: part if type(part) in AS_THEY_ARE else _plain(part)
            for name in type(value).__dataclass_fields__
            for part in (getattr(value, name),)
        }
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


AS_THEY_ARE = frozenset({str, int, bool, type(None)})
