"""Why there can be no verdict: what the case asks to be compared."""

from collections.abc import Sequence

from lstm_ref.corpus.hints import did_you_mean
from lstm_ref.oracle.errors import CannotJudge


class RelationDoesNotHold(CannotJudge):
    """A relation that the reference itself breaks: the case is written wrong."""

    def __init__(self, left: str, right: str, difference: float) -> None:
        super().__init__(
            f"the reference itself breaks this relation: {left} and {right} differ by {difference:.2g}. No"
            " implementation is to blame; see whether the two sides of the case compute the same thing"
        )


class DifferenceDoesNotHold(CannotJudge):
    """A difference that the reference itself does not have: the claim is written
    wrong.
    """

    def __init__(self, left: str, right: str) -> None:
        super().__init__(
            f"the reference itself has no difference between {left} and {right}. No implementation is to"
            " blame; see whether the two sides of the claim differ in what the claim is about"
        )


class NotComparable(CannotJudge):
    """The two sides of a relation have no common shape."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(
            f"{left} and {right} cannot be compared; choose outputs and 'at' so that both have the same axes"
            " and sizes"
        )


class UnknownFact(CannotJudge):
    """A divergence depends on something that the subject does not report of the
    processor.
    """

    def __init__(self, place: str, name: str, implementation: str, known: Sequence[str]) -> None:
        hint = did_you_mean(name, known) or "it reports nothing"
        super().__init__(
            f'{place}: the divergence depends on "{name}", which {implementation} does not report of the'
            f" processor; {hint}"
        )
