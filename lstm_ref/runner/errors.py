"""Why a run cannot be done as it was asked for."""

from collections.abc import Sequence

from lstm_ref.oracle.errors import CannotJudge


class UnknownImplementation(CannotJudge):
    """An implementation was asked for that no adapter file declares."""

    def __init__(self, name: str, known: list[str], close: list[str]) -> None:
        hint = f"did you mean {close[0]!r}?" if close else "`lstm-ref implementations` lists them"
        super().__init__(f"there is no implementation {name!r}, only {', '.join(sorted(known))}; {hint}")


class NoPartner(CannotJudge):
    """Nothing in this run can take the other side of a relation."""

    def __init__(self, case: str, dialect: str) -> None:
        super().__init__(
            f"{case} compares with a layer of {dialect}, which nothing in this run takes; choose one with"
            " --impl"
        )


class BadShard(CannotJudge):
    """The words for a part of a run are wrong."""

    def __init__(self, text: str) -> None:
        super().__init__(f'"{text}" is not a part of a run; the second of five is written as 2/5')


class BadTargets(CannotJudge):
    """A target does not exist, or is not what it says."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class BadSettings(CannotJudge):
    """The table in a pyproject.toml is wrong."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
