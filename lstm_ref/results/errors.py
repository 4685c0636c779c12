"""What can be wrong with a result file."""

from collections.abc import Sequence
from pathlib import Path


class ResultFileError(Exception):
    """A result file cannot be read: which line, why, and what to do."""

    def __init__(self, file: Path, line: int, problem: str, hint: str) -> None:
        super().__init__(f"{file}:{line}: {problem}\n  hint: {hint}")
        self.file = file
        self.line = line
        self.problem = problem
        self.hint = hint


class ResultsInUse(Exception):
    """Another run is writing the result file."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another run is writing {path}; wait for it, or give this one its own with --results and"
            " --report"
        )


class CannotMerge(Exception):
    """Result files do not fit together. The message has every reason, each with what to
    do.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
