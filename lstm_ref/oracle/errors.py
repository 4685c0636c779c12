"""Why nothing can be expected of a case: what is written in it, or a dtype."""

from collections.abc import Iterable, Sequence

from lstm_ref.corpus.hints import did_you_mean


class CannotJudge(Exception):
    """The judge cannot go on."""


class NotInThisDtype(CannotJudge):
    """A case that cannot be judged in a dtype."""


class InexactValues(NotInThisDtype):
    """A case's numbers do not exist in a dtype that it is to run in."""

    def __init__(self, dtype: str) -> None:
        super().__init__(
            f"some of the case's numbers do not exist in {dtype}; give the case 'values: {{grid: dyadic}}',"
            f" or leave {dtype} out of its 'dtypes'"
        )


class IllConditioned(NotInThisDtype):
    """A case whose result rounding alone can change so much that agreement means
    nothing.
    """

    def __init__(self, case: str, dtype: str, array: str, bits: float) -> None:
        super().__init__(
            f"{case} cannot be judged in {dtype}: rounding alone leaves {bits:.1f} verified bits of {array}."
            " No implementation is to blame; give the case fewer timesteps, a smaller scale, or leave the"
            " dtype out of its 'dtypes'"
        )


class NotExact(NotInThisDtype):
    """A case with `grid: exact` whose arithmetic rounds all the same."""

    def __init__(self, dtype: str) -> None:
        super().__init__(
            f"the case has 'grid: exact', but not every operation is exact in {dtype}; give it linear"
            " activations, one timestep and smaller sizes"
        )


class WeightsDoNotFit(CannotJudge):
    """The second run of a relation has another layer, whose weights cannot be those of
    the first.
    """

    def __init__(self, first: Iterable[str], second: Iterable[str]) -> None:
        super().__init__(
            f"the weights {', '.join(first)} cannot be those of a layer with {', '.join(second)}; both need"
            " as many LSTMs, of one size"
        )


class WeightsLeftOver(CannotJudge):
    """The second run of a relation has no place for some of the weights of the
    first.
    """

    def __init__(self, left: Iterable[str], second: Iterable[str]) -> None:
        names = list(left)
        hint = (
            "give both layers a bias, or neither"
            if all("bias" in name for name in names)
            else 'say with "weights" which part of the first layer the second run has'
        )
        super().__init__(
            f"the second run has no place for {', '.join(names)} of the first: it has {', '.join(second)};"
            f" {hint}"
        )


class NoSuchPart(CannotJudge):
    """The second run of a relation is to have the weights of a part that the first
    layer does not have.
    """

    def __init__(self, part: str, known: Sequence[str]) -> None:
        hint = (
            (did_you_mean(part, known) or "they are called as in the names of its weights")
            if known
            else 'it has none: leave out "weights"'
        )
        super().__init__(f'the first layer has no part "{part}"; {hint}')


class NotModelled(CannotJudge):
    """NumPy code did something to a perturbed array that the model of rounding errors
    has no error for.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"rounding errors of {what} are not modelled; write the reference with other operations, or add"
            " it to lstm_ref/oracle/rounding.py"
        )
