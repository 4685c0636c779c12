"""Which parameter values cause a finding: those that its points have and that no
passing point has.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations

from lstm_ref.results.records import Outcome

DTYPE = "dtype"
# Values that mean the same in several parameters, such as an activation of the gates or
# of the state.
ANYWHERE = "any parameter"
NOT_SET = "not set"
# A switch that may be on or off causes nothing.
BOTH = {"false", "true"}

# If more values than this must come together for a finding, nothing is shown.
MOST_TOGETHER = 3
# At most this many parameters are shown: those that leave the fewest passing points.
MOST_CANDIDATES = 16
# The largest share of passing points that may have the same values as a finding.
MOST_LEFT = 0.05


@dataclass(frozen=True)
class Factor:
    """A parameter, or the dtype, with the values that the points of a finding have."""

    parameter: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Factors:
    """What all points of a finding share and no passing point has.

    Several factors decide together, unless `each` is true: then each decides alone.
    `compared` is the number of passing points. `left` is the number of passing points
    that have all factors too: there something else decides, which is not a parameter or
    not always the same. There are no factors where too many are left.
    """

    factors: tuple[Factor, ...]
    each: bool
    compared: int
    left: int = 0

    def names(self, parameter: str, value: str) -> bool:
        """Whether the finding comes from this value of the parameter."""
        return any(each.parameter in (parameter, ANYWHERE) and value in each.values for each in self.factors)


class Passing:
    """The passing points of an implementation, by parameter value. Each point is one
    bit.
    """

    def __init__(self, outcomes: Iterable[Outcome]) -> None:
        self._having: dict[tuple[str, str], list[int]] = {}
        self.count = 0
        for outcome in outcomes:
            for pair in having(outcome):
                self._having.setdefault(pair, []).append(self.count)
            self.count += 1
        self._values = _by_parameter(self._having)
        self._bits: dict[tuple[str, str], int] = {}

    @classmethod
    def of_several(cls, parts: Sequence["Passing"]) -> "Passing":
        """Those of several implementations, one behind the other."""
        whole = cls(())
        pairs: dict[tuple[str, str], None] = {}
        for part in parts:
            pairs |= dict.fromkeys(part._having)
        whole._having = {pair: [] for pair in pairs}
        whole._values = _by_parameter(pairs)
        for part in parts:
            for pair in part._having:
                whole._bits[pair] = whole._bits.get(pair, 0) | part._bits_of(pair) << whole.count
            whole.count += part.count
        return whole

    @property
    def all(self) -> int:
        """Every point."""
        return (1 << self.count) - 1

    @property
    def parameters(self) -> list[str]:
        """Every parameter that some point has."""
        return list(self._values)

    def having(self, factor: Factor) -> int:
        """The points in which the parameter has one of the values, or is not set."""
        found = 0
        for value in factor.values:
            if value == NOT_SET:
                set_somehow = tuple(self._values.get(factor.parameter, ()))
                found |= self.all & ~self.having(Factor(factor.parameter, set_somehow))
            else:
                found |= self._bits_of((factor.parameter, value))
        return found

    def _bits_of(self, pair: tuple[str, str]) -> int:
        if pair not in self._bits:
            flags = bytearray(self.count // 8 + 1)
            for point in self._having.get(pair, ()):
                flags[point // 8] |= 1 << point % 8
            self._bits[pair] = int.from_bytes(flags, "little")
        return self._bits[pair]


def _by_parameter(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for parameter, value in pairs:
        values.setdefault(parameter, []).append(value)
    return values


def having(outcome: Outcome) -> list[tuple[str, str]]:
    """The dtype and each parameter of a point, with its value."""
    return [(DTYPE, outcome.dtype), *_with_words(outcome.settings)]


@lru_cache(maxsize=100_000)
def _with_words(pairs: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """The parameters of a point, and its words: dtypes and implementations share
    them.
    """
    words = dict.fromkeys(value for _, value in pairs if _is_word(value))
    return (*pairs, *((ANYWHERE, word) for word in words))


def _is_word(value: str) -> bool:
    return value[0].isalpha() and value not in ("true", "false", "null")


@dataclass(frozen=True)
class _Candidate:
    """A factor, and the passing points that have it nevertheless."""

    factor: Factor
    having: int

    @property
    def vague(self) -> bool:
        """Whether this factor says less than a parameter with its values."""
        return self.factor.values == (NOT_SET,) or self.factor.parameter == ANYWHERE

    @property
    def alone(self) -> bool:
        """Whether this factor alone separates the points from all passing ones."""
        return not self.having and self.factor.values != (NOT_SET,)


def factors(points: Sequence[Outcome], passing: Passing) -> Factors:
    """What all `points` share and none of the passing points has. These are single
    parameters if there are any. Otherwise they are the smallest set of parameters that
    must come together.
    """
    shared = [_Candidate(each, passing.having(each)) for each in _shared(points, passing.parameters)]
    telling = [each for each in shared if each.having != passing.all]
    telling.sort(key=lambda each: (each.having.bit_count(), each.factor.parameter))
    exact = [each for each in telling if not each.vague]
    vague = [each for each in telling if each.vague]
    for some in (exact, vague):
        alone = tuple(each.factor for each in some if each.alone)
        if alone:
            return Factors(alone[:MOST_TOGETHER], True, passing.count)
    exact, vague = exact[:MOST_CANDIDATES], vague[:MOST_CANDIDATES]
    together = _together(exact, passing) or _together([*exact, *vague], passing)
    if together:
        return Factors(together, False, passing.count)
    return _nearly(exact, passing)


def _together(candidates: Sequence[_Candidate], passing: Passing) -> tuple[Factor, ...]:
    """The smallest set of factors of which no passing point has all. Empty if too many
    are needed.
    """
    for size in range(2, MOST_TOGETHER + 1):
        for group in combinations(candidates, size):
            if not _left(group, passing):
                return tuple(each.factor for each in group)
    return ()


def _left(group: Iterable[_Candidate], passing: Passing) -> int:
    left = passing.all
    for each in group:
        left &= each.having
    return left


def _nearly(candidates: Sequence[_Candidate], passing: Passing) -> Factors:
    """The factors that leave the fewest passing points, chosen one after the other."""
    chosen: list[_Candidate] = []
    left = passing.all
    while candidates and len(chosen) < MOST_TOGETHER:
        best = min(candidates, key=lambda each: _left([*chosen, each], passing).bit_count())
        if _left([*chosen, best], passing) == left:
            break
        chosen.append(best)
        left = _left(chosen, passing)
    if left.bit_count() > passing.count * MOST_LEFT:
        return Factors((), False, passing.count)
    found = tuple(each.factor for each in chosen)
    return Factors(found, False, passing.count, left.bit_count())


def _shared(points: Sequence[Outcome], parameters: Sequence[str]) -> Iterator[Factor]:
    """Parameters with all values that the points have. One that only some of them set
    has NOT_SET among its values. Nothing but the dtype where points have no parameters.
    """
    found: dict[str, dict[str, None]] = {name: {} for name in parameters}
    times = dict.fromkeys(parameters, 0)
    everywhere: set[tuple[str, str]] | None = None
    for point in points:
        pairs = having(point)
        everywhere = set(pairs) if everywhere is None else everywhere & set(pairs)
        for parameter in {parameter for parameter, _ in pairs}:
            times[parameter] = times.get(parameter, 0) + 1
        for parameter, value in pairs:
            found.setdefault(parameter, {})[value] = None
    untold = any(not point.parameters for point in points)
    for parameter, values in found.items():
        if parameter == ANYWHERE:
            words = sorted(value for name, value in everywhere or () if name == ANYWHERE)
            yield from (Factor(parameter, (word,)) for word in words)
        elif parameter == DTYPE or not (untold or values.keys() >= BOTH):
            unset = [NOT_SET] if times[parameter] < len(points) else []
            yield Factor(parameter, (*sorted(values), *unset))
