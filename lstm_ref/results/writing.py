"""The result file: written line by line as outcomes come in, so that an interrupted run
loses nothing. The format is `lstm_ref/results/results.schema.json`.
"""

import json
import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from lstm_ref.results.errors import ResultsInUse
from lstm_ref.results.records import FORMAT, Footer, Header, Outcome, SubjectRecord


class ResultFile:
    """A result file that is being written. It has a footer only when the run came to
    its end.
    """

    def __init__(self, path: Path, header: Header) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: TextIO = _opened_alone(path)
        self.path = path
        self.counts: Counter[str] = Counter()
        self._started = time.perf_counter()
        self._framework_seconds = 0.0
        self._subjects: list[Mapping[str, Any]] = []
        self._write({"type": "header", "format": FORMAT, **record(header)})

    def subject(self, facts: Mapping[str, Any]) -> None:
        """Add what a subject said about itself, once: under xdist each worker starts
        its own.
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
        """Add the footer: every outcome is in the file."""
        footer = Footer(
            now(),
            round(time.perf_counter() - self._started, 3),
            round(self._framework_seconds, 3),
            dict(self.counts),
        )
        self._write({"type": "footer", **record(footer)})

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        self._file.close()

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        self._file.flush()


def _opened_alone(path: Path) -> TextIO:
    """The file, empty, held against other runs for as long as it is open. Raises
    ResultsInUse. (Where the system has no flock nobody is kept out.)
    """
    file = path.open("a", encoding="utf-8")
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
    file.truncate(0)
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
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
