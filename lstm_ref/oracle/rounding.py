"""How far correct arithmetic may be from the exact result: the reference run again with
the rounding errors of a precision put in.

`Rounded` is an array that passes through any NumPy code. Each operation on it gets the
error that hardware of that precision may make, drawn at random, in `RUNS` runs at once
along a new leading axis. The spread of the results is what rounding does to that very
computation, however its errors grow, cancel or saturate; nothing is set by hand for a
case, a framework or a dtype.

Each constant, and each rule below, stands beside where it comes from.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lstm_ref.oracle.errors import NotModelled
from lstm_ref.oracle.tangents import STEP

Array = npt.NDArray[Any]

# 16 runs know a standard deviation well enough: with 8, 16 and 64 runs the worst
# measured error was 1.6, 1.7 and 1.5 times the deviation.
RUNS = 16

# Errors up to 8 deviations are accepted. In 4,599 correct results in all dtypes
# (`benchmarks/bounds.py`) the worst was 5.1 deviations.
FACTOR = 8.0

# The error of exp, tanh and similar functions is not independent from step to step: it
# is the same at the same argument. In a layer whose state no longer changes it grows
# with the number of steps, and not with its root. So an error of half that size is
# drawn once a run, in addition to the error of each element.
REPEATED = 0.5

# Rounding a stored number to the nearest has the deviation u / sqrt(12), about a
# quarter of u, at the upper end of a binade.
LEAST_DEVIATION = 0.25

# Deviations add up linearly, as all of this assumes, while they are small: up to a
# thousandth of the result (measured in float32 and float64). The half precisions have 8
# and 11 bits to begin with; there the bound must at least stay below the result.
LEAST_BITS = {"float64": 10.0, "float32": 10.0, "float16": 0.0, "bfloat16": 0.0}

# A gradient is a sum over the batch and time that may cancel: its bounds stay right,
# and its size gets small. Of the 8 bits of bfloat16 it keeps one or two: the widest
# bound may be some times its size while those of most elements are below it.
LEAST_GRADIENT_BITS = {**LEAST_BITS, "float32": 4.0, "bfloat16": -2.0}

NOISE_BLOCK = 1 << 14
LARGEST_ERROR = float(np.finfo(np.float64).max) / 2  # an infinite one would make NaN of infinity


@dataclass(frozen=True)
class Precision:
    """A floating-point arithmetic.

    `roundoff` of stored numbers and of the `accumulation` inside a sum; error of a
    `transcendental` function in units of the roundoff; absolute error of a result that
    underflows (`underflow`: the smallest normal number where hardware flushes to zero,
    half the smallest number where it does not), and of a term that does so inside a sum
    (`flushed`); the `largest` finite number.
    """

    roundoff: float
    accumulation: float
    transcendental: float
    underflow: float
    flushed: float
    largest: float


# The column `transcendental`: exp, tanh and similar functions are off by up to 8 u in
# the vectorized versions that frameworks use. The worst measured was 8.2 u (TensorFlow
# 2.21's sigmoid). With storage in a half precision it was 2.5 u, because the function
# itself is computed in float32.
#
# The half precisions add up in float32, where an implementation declares nothing else.
PRECISIONS: Mapping[str, Precision] = {
    "float64": Precision(2.0**-53, 2.0**-53, 8, 2.0**-1022, 2.0**-1022, float(np.finfo(np.float64).max)),
    "float32": Precision(2.0**-24, 2.0**-24, 8, 2.0**-126, 2.0**-126, float(np.finfo(np.float32).max)),
    "bfloat16": Precision(2.0**-8, 2.0**-24, 3, 2.0**-126, 2.0**-126, 2.0**127 * (2 - 2.0**-7)),
    "float16": Precision(2.0**-11, 2.0**-24, 3, 2.0**-25, 2.0**-126, float(np.finfo(np.float16).max)),
}


def precision(dtype: str, accumulation: str) -> Precision:
    """The arithmetic of a dtype whose matrix products add up in another one."""
    return replace(
        PRECISIONS[dtype],
        accumulation=PRECISIONS[accumulation].roundoff,
        flushed=PRECISIONS[accumulation].underflow,
    )


class Noise:
    """Random numbers in (-1, 1), in the order in which they are asked for, from one
    key.
    """

    def __init__(self, precision: Precision, key: int) -> None:
        self.precision = precision
        self._generator = np.random.Generator(np.random.Philox(key=key))
        self._repeated: dict[np.ufunc, Array] = {}
        self._block: Array = np.empty(0)

    def __call__(self, shape: tuple[int, ...]) -> Array:
        """The next numbers. The caller may change them. Most calls ask for few, so they
        are drawn in blocks.
        """
        size = math.prod(shape)
        if size > len(self._block):
            self._block = self._generator.uniform(-1, 1, max(size, NOISE_BLOCK))
        numbers, self._block = self._block[:size].reshape(shape), self._block[size:]
        return numbers

    def repeated(self, function: np.ufunc) -> Array:
        """The share of a function's error that is the same all through a run:
        (RUNS,).
        """
        if function not in self._repeated:
            self._repeated[function] = REPEATED * self((RUNS,))
        return self._repeated[function]


class Rounded(np.ndarray[Any, Any]):
    """Float64 numbers that gather rounding errors on their way through NumPy code.

    What the model has no error for raises NotModelled: an error that is left out would
    make a bound too narrow, and blame somebody for it.

    `runs` tells whether the leading axis of RUNS runs is there already: it comes with
    the first operation, so that an argument looks just as it is. `terms` is the number
    of products that were summed for each element. It is 0 for an array that is no such
    sum.
    """

    noise: Noise
    runs: bool
    terms: int = 0

    @classmethod
    def of(cls, values: Array, noise: Noise) -> "Rounded":
        """An exact argument, in its own shape. The imaginary part of a complex one is a
        tangent, in steps of STEP.
        """
        return _rounded(
            np.asarray(values, np.complex128 if values.dtype.kind == "c" else np.float64), noise, False
        )

    def __array_finalize__(self, source: Any) -> None:
        if isinstance(source, Rounded):
            self.noise, self.runs, self.terms = source.noise, source.runs, source.terms

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method not in ("__call__", "reduce", "accumulate") or "out" in kwargs:
            raise NotModelled(f"{ufunc.__name__}.{method} with {', '.join(kwargs) or 'these arguments'}")
        runs = any(isinstance(a, Rounded) and a.runs for a in inputs)
        plain = [a.view(np.ndarray) if isinstance(a, Rounded) else a for a in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        if result.dtype == object:
            result = result.astype(np.float64)
        if runs and ufunc in DECISIONS and method == "__call__":
            _decide_otherwise(ufunc, plain, result)
        terms = _terms(ufunc, method, inputs)
        if result.dtype.kind == "c":
            real = [np.real(a) for a in plain]
            error = _error(ufunc, method, inputs, real, kwargs, result.real, terms, self.noise.precision)
            of_tangent = (
                None
                if error is None
                else _error_of_tangent(
                    ufunc, method, inputs, plain, kwargs, result, terms, self.noise.precision
                )
            )
        else:
            error = (
                None
                if result.dtype.kind != "f"
                else _error(ufunc, method, inputs, plain, kwargs, result, terms, self.noise.precision)
            )
            of_tangent = None
        if error is None:
            return _rounded(result, self.noise, runs)
        shape = result.shape if runs else (RUNS, *result.shape)
        perturbation = self._perturbation(ufunc, shape, error)
        if of_tangent is not None:
            perturbation = perturbation + 1j * (STEP * self._perturbation(ufunc, shape, of_tangent))
        perturbation += result
        rounded = _rounded(perturbation, self.noise, True)
        rounded.terms = terms
        return rounded

    def _perturbation(self, ufunc: np.ufunc, shape: tuple[int, ...], error: Array) -> Array:
        """The error of the operation in each run, where `error` is the largest possible
        one. Where the runs begin here, `error` has no axis of runs yet.
        """
        perturbation = self.noise(shape)
        if ufunc not in ARITHMETIC:
            perturbation += self.noise.repeated(ufunc).reshape(RUNS, *[1] * (len(shape) - 1))
        perturbation *= np.minimum(error, LARGEST_ERROR, out=error)  # infinity is exact, and stays what it is
        return perturbation

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function in REDUCTIONS:
            return super().__array_function__(function, types, args, kwargs)  # a ufunc, which comes back here
        if function in QUESTIONS:
            return function(*_unwrap(args, []), **kwargs)
        if function not in MOVES:
            raise NotModelled(getattr(function, "__name__", str(function)))
        found: list[Rounded] = []
        result = function(*_unwrap(args, found), **_unwrap(kwargs, found))
        runs = any(a.runs for a in found)
        if isinstance(result, (list, tuple)):
            return type(result)(_rounded(part, self.noise, runs) for part in result)
        return _rounded(result, self.noise, runs)


# Functions that move, choose or compare numbers and compute nothing.
MOVES = {
    np.where,
    np.stack,
    np.concatenate,
    np.broadcast_arrays,
    np.split,
    np.zeros_like,
    np.take_along_axis,
    np.sort,
}

QUESTIONS = {np.shape, np.ndim, np.array_equal}
REDUCTIONS = {np.sum, np.max, np.cumsum}

EXACT = {np.maximum, np.minimum, np.negative, np.absolute, np.sign, np.isfinite}
DECISIONS = {
    np.greater,
    np.greater_equal,
    np.less,
    np.less_equal,
    np.sign,
    np.maximum,
    np.minimum,
}  # which side of a threshold is a number on?
RELATIVE = {np.add, np.subtract, np.divide, np.sqrt}
ARITHMETIC = {*EXACT, *RELATIVE, np.multiply, np.matmul}


def _error(
    ufunc: np.ufunc,
    method: str,
    inputs: Sequence[Any],
    plain: list[Any],
    kwargs: Mapping[str, Any],
    result: Array,
    terms: int,
    p: Precision,
) -> Array | None:
    """The largest error of each element of the result, or None where the operation is
    exact. `plain` are the inputs as ordinary arrays.

    An operation on numbers of unit roundoff u is off by at most u times its result
    (IEEE 754).
    """
    size: Array = np.abs(result)
    if ufunc is np.matmul:
        a, b = plain
        magnitude, size = np.abs(a) @ np.abs(b), _finite(size, p)
        # Weights go into a twin as they are. Where no factor is a plain array, the
        # product is therefore the gradient of one.
        if all(isinstance(array, Rounded) for array in inputs):
            return _stored_sums(magnitude, size, terms, p)
        return _summed(magnitude, terms, p) + _stored(size, p)
    if method == "reduce":
        if ufunc is not np.add:
            return None
        return _stored_sums(
            np.add.reduce(np.abs(plain[0]), **kwargs), size, plain[0].size / max(result.size, 1), p
        )
    if method == "accumulate":
        return _stored_sums(
            np.add.accumulate(np.abs(plain[0]), **kwargs), size, result.shape[kwargs["axis"]], p
        )
    if ufunc in EXACT or any(isinstance(a, np.ndarray) and a.dtype.kind == "b" for a in plain):
        return None
    if ufunc is np.multiply:
        return _stored(_finite(size, p), p)
    if terms:
        return _summed(np.abs(plain[0]) + np.abs(plain[1]), terms, p) + _stored(size, p)
    if ufunc in RELATIVE:
        return _stored(size, p)
    if ufunc not in (np.exp, np.tanh):
        # Expm1, log, logaddexp, erf: frameworks add or subtract a one on the way. Near
        # zero their error is that of this sum.
        size = np.maximum(size, 1)
    return p.transcendental * _stored(size, p)


def _decide_otherwise(ufunc: np.ufunc, plain: list[Any], result: Array) -> None:
    """Let one run decide the other way where rounding may decide either way.

    A comparison rounds nothing, and yet decides which derivative an activation in
    pieces has. Where a threshold is within FACTOR deviations of a number, correct
    arithmetic may be on either side of it. A number without error is on one side only.

    Where all runs agree nevertheless, one of them decides about the number's mirror
    image. One is enough: the bound is then FACTOR / sqrt(RUNS) = 2 times what the
    decision changes. Which run it is depends on the place in the array alone. So later
    decisions at the same place are made by the same run.

    The number is the first argument of the operation. The result (RUNS, ...) is changed
    in place.
    """
    distance = (plain[0] if ufunc is np.sign else np.subtract(*plain)).real
    total = np.add.reduce(distance, axis=0)
    near = (1 + FACTOR**-2) * total * total < RUNS * np.add.reduce(distance * distance, axis=0)
    if np.logical_or.reduce(near, axis=None):
        near &= np.all(distance * total > 0, axis=0)
        places = np.flatnonzero(near)
        at = (places + places // RUNS) % RUNS * near.size + places
        number, *threshold = (np.broadcast_to(array, result.shape).flat[at] for array in plain)
        result.flat[at] = ufunc(number - 2 * distance.flat[at], *threshold)


def _error_of_tangent(
    ufunc: np.ufunc,
    method: str,
    inputs: Sequence[Any],
    plain: list[Any],
    kwargs: Mapping[str, Any],
    result: Array,
    terms: int,
    p: Precision,
) -> Array:
    """The largest error of the derivative along the direction, computed by the rules of
    differentiation from the same numbers.

    The tangent of a product is a sum of two products, and that of a quotient one of two
    quotients, of which one has a product in it: 2 and 3 roundings. That of exp and tanh
    is off by what the function is off by. Sigmoid and tanh lose it against one, in
    s (1 - s) and 1 - s^2.

    A framework may differentiate in another order. In 12,324 correct results along a
    direction (all points of `cases/torch/derivatives.yaml` with three seeds) the worst
    error was 0.16 of its bound.
    """
    values, tangents, tangent = (
        [np.real(a) for a in plain],
        [np.imag(a) / STEP for a in plain],
        result.imag / STEP,
    )
    size = np.abs(tangent)
    if ufunc is np.matmul:
        (a, b), (da, db) = map(np.abs, values), map(np.abs, tangents)
        magnitude = a @ db + da @ b
        if all(isinstance(array, Rounded) for array in inputs):
            return _stored_sums(magnitude, size, 2 * terms, p)
        return _summed(magnitude, 2 * terms, p) + _stored(size, p)
    if ufunc in (np.add, np.subtract):
        error = _error(ufunc, method, inputs, tangents, kwargs, tangent, 2 * terms, p)
        return np.zeros_like(size) if error is None else error
    if ufunc is np.multiply:
        return 2 * _stored(np.abs(values[0] * tangents[1]) + np.abs(tangents[0] * values[1]), p)
    if ufunc is np.divide:
        return 3 * _stored(np.abs(tangents[0] / values[1]) + np.abs(result.real * tangents[1] / values[1]), p)
    if ufunc in (np.exp, np.tanh):
        return p.transcendental * _stored(np.maximum(size, np.abs(tangents[0])), p)
    raise NotModelled(f"the derivative of {ufunc.__name__}")


def _terms(ufunc: np.ufunc, method: str, inputs: Sequence[Any]) -> int:
    """How many terms are summed in the result of a matrix product, or of an addition to
    one. 0 for any other operation.
    """
    if ufunc is np.matmul:
        return int(inputs[0].shape[-1])
    if ufunc is not np.add or method != "__call__":
        return 0
    terms = sum(array.terms for array in inputs if isinstance(array, Rounded))
    return terms + 1 if terms else 0


def _summed(magnitude: Array, terms: float, p: Precision) -> Array:
    """The error of a sum of so many terms, whose magnitudes add up to `magnitude`.

    It is about sqrt(n) u times that: errors of random sign (Higham and Mary 2019, SIAM
    J. Sci. Comput. 41). u is that of the accumulation inside one product; the result is
    stored once. What is added to a product (a bias, the other product of a gate) is one
    more term of the same sum, in whatever order a framework adds them up.

    A term may be flushed to zero where it underflows.
    """
    error: Array = math.sqrt(terms) * (p.accumulation * magnitude + p.flushed)
    return error


def _stored_sums(magnitude: Array, size: Array, terms: float, p: Precision) -> Array:
    """The error of a sum of this size and so many terms, whose magnitudes add up to
    `magnitude`, where every partial sum is stored.

    So it is with the gradient of a weight, for which frameworks add up one product a
    step, and with other sums (softmax, bias gradients). After k of n terms a partial
    sum has two parts: a share k/n of the result, and a random walk of about sqrt(k)
    times a term. The squares of n such roundings add up to u^2 (n/3 result^2 + (sum of
    magnitudes)^2).
    """
    error = _stored(size, p)
    error *= math.sqrt(1 + terms / 3)
    error += (p.roundoff + math.sqrt(terms) * p.accumulation) * magnitude
    return error


def _stored(size: Array, p: Precision) -> Array:
    """The error of storing numbers of this size. (It is a new array that the caller may
    change.)
    """
    stored: Array = p.roundoff * size
    stored += p.underflow
    return stored


def _finite(size: Array, p: Precision) -> Array:
    """The magnitudes, changed in place: infinite where they overflow. What a framework
    makes of those (infinity, NaN) is not rounding error.
    """
    if np.maximum.reduce(size, axis=None, initial=0.0) > p.largest:
        size[size > p.largest] = np.inf
    return size


def _rounded(values: Array, noise: Noise, runs: bool) -> Rounded:
    view = np.asarray(values).view(Rounded)
    view.noise, view.runs = noise, runs
    return view


def _unwrap(value: Any, found: list[Rounded]) -> Any:
    if isinstance(value, Rounded):
        found.append(value)
        return value.view(np.ndarray)
    if isinstance(value, (list, tuple)):
        return type(value)(_unwrap(part, found) for part in value)
    if isinstance(value, dict):
        return {name: _unwrap(part, found) for name, part in value.items()}
    return value


@np.errstate(invalid="ignore", over="ignore")  # infinities have no error; the judge compares them exactly
def bound(exact: Array, perturbed: Array, precision: Precision) -> Array:
    """The largest error of each element that correct arithmetic can show: FACTOR
    deviations.

    exact (...), perturbed (RUNS, ...). A deviation from 16 runs may be small by chance.
    So it is taken to be at least that of its row (the last axis), and at least that of
    storing the row's values. Where runs overflowed it is infinite; integers are exact.
    """
    if exact.dtype.kind == "i":
        return np.zeros(exact.shape)
    deviation = root_mean_square(perturbed - exact, axis=0)[0]
    row = root_mean_square(deviation, axis=-1)
    size = root_mean_square(exact, axis=-1)
    result: Array = FACTOR * np.maximum(
        np.maximum(deviation, row), LEAST_DEVIATION * precision.roundoff * size
    )
    result[np.isnan(result)] = np.inf
    return result


def root_mean_square(values: Array, axis: int) -> Array:
    """Along an axis, which is kept. The values are scaled first: the square of 1e-200
    is 0.
    """
    largest = np.max(np.abs(values), axis=axis, keepdims=True)
    scale = np.where(largest > 0, largest, 1)
    result: Array = scale * np.sqrt(np.mean(np.square(values / scale), axis=axis, keepdims=True))
    return result
