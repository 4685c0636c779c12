"""What can go wrong in the judge itself, each with its cause and what to do next."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from lstm_ref.corpus.hints import did_you_mean


class HarnessError(Exception):
    """The judge cannot go on."""


class UnknownImplementation(HarnessError):
    """An implementation was asked for that no adapter file declares."""

    def __init__(self, name: str, known: list[str], close: list[str]) -> None:
        hint = f"did you mean {close[0]!r}?" if close else "`lstm-ref implementations` lists them"
        super().__init__(f"there is no implementation {name!r}, only {', '.join(sorted(known))}; {hint}")


class NotInThisDtype(HarnessError):
    """A case that cannot be judged in a dtype."""


class InexactValues(NotInThisDtype):
    """A case's numbers do not exist in a dtype that it is to run in."""

    def __init__(self, dtype: str) -> None:
        super().__init__(
            f"some of the case's numbers do not exist in {dtype}; give the case 'values: {{grid: dyadic}}', or leave {dtype} out of its 'dtypes'"
        )


class IllConditioned(NotInThisDtype):
    """A case whose result rounding alone can change so much that agreement means nothing."""

    def __init__(self, case: str, dtype: str, array: str, bits: float) -> None:
        super().__init__(
            f"{case} cannot be judged in {dtype}: rounding alone leaves {bits:.1f} verified bits of {array}. No implementation is to blame; "
            "give the case fewer timesteps, a smaller scale, or leave the dtype out of its 'dtypes'"
        )


class NotExact(NotInThisDtype):
    """A case with `grid: exact` whose arithmetic rounds all the same."""

    def __init__(self, dtype: str) -> None:
        super().__init__(
            f"the case has 'grid: exact', but not every operation is exact in {dtype}; give it linear activations, one timestep and smaller sizes"
        )


class RelationDoesNotHold(HarnessError):
    """A relation that the reference itself breaks: the case is written wrong."""

    def __init__(self, left: str, right: str, difference: float) -> None:
        super().__init__(
            f"the reference itself breaks this relation: {left} and {right} differ by {difference:.2g}. No implementation is to blame; "
            "see whether the two sides of the case compute the same thing"
        )


class DifferenceDoesNotHold(HarnessError):
    """A difference that the reference itself does not have: the claim is written wrong."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(
            f"the reference itself has no difference between {left} and {right}. "
            "No implementation is to blame; see whether the two sides of the claim differ in what it speaks of"
        )


class NotComparable(HarnessError):
    """The two sides of a relation have no common shape."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right} cannot be compared; choose outputs and 'at' so that both have the same axes and sizes")


class NoPartner(HarnessError):
    """Nothing in this run can take the other side of a relation."""

    def __init__(self, case: str, dialect: str) -> None:
        super().__init__(f"{case} compares with a layer of {dialect}, which nothing in this run takes; choose one with --impl")


class WeightsDoNotFit(HarnessError):
    """The second run of a relation has another layer, whose weights cannot be those of the first."""

    def __init__(self, first: Iterable[str], second: Iterable[str]) -> None:
        super().__init__(f"the weights {', '.join(first)} cannot be those of a layer with {', '.join(second)}; both need as many LSTMs, of one size")


class UnknownFact(HarnessError):
    """A divergence depends on something that the subject does not report of the processor."""

    def __init__(self, place: str, name: str, implementation: str, known: Sequence[str]) -> None:
        hint = did_you_mean(name, known) or "it reports nothing"
        super().__init__(f'{place}: the divergence depends on "{name}", which {implementation} does not report of the processor; {hint}')


class ResultsInUse(HarnessError):
    """Another run is writing the result file."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"another run is writing {path}; wait for it, or give this one its own with --results and --report")


class WeightsLeftOver(HarnessError):
    """The second run of a relation has no place for some of the weights of the first."""

    def __init__(self, left: Iterable[str], second: Iterable[str]) -> None:
        names = list(left)
        hint = (
            "give both layers a bias, or neither"
            if all("bias" in name for name in names)
            else 'say with "weights" which part of the first layer the second run has'
        )
        super().__init__(f"the second run has no place for {', '.join(names)} of the first: it has {', '.join(second)}; {hint}")


class NoSuchPart(HarnessError):
    """The second run of a relation is to have the weights of a part that the first layer does not have."""

    def __init__(self, part: str, known: Sequence[str]) -> None:
        hint = (did_you_mean(part, known) or "they are called as in the names of its weights") if known else 'it has none: leave out "weights"'
        super().__init__(f'the first layer has no part "{part}"; {hint}')


class NotModelled(HarnessError):
    """NumPy code did something to a perturbed array that the model of rounding errors has no error for."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"rounding errors of {what} are not modelled; write the reference with other operations, or add it to lstm_ref/harness/rounding.py"
        )


class BadTargets(HarnessError):
    """What is to be judged is not there, or not what it says."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class BadSettings(HarnessError):
    """The table of a pyproject.toml is not as it must be."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
