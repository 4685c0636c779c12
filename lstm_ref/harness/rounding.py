"""How far correct arithmetic may be from the exact result: the reference run again with the rounding errors of a precision put in.

`Rounded` is an array that passes through any NumPy code. Each operation on it gets the error that hardware of that precision may make,
drawn at random, in `RUNS` runs at once along a new leading axis. The spread of the results is what rounding does to that very
computation, however its errors grow, cancel or saturate; nothing is set by hand for a case, a framework or a dtype.

The constants, and where each comes from:

* An operation on numbers of unit roundoff u is off by at most u times its result (IEEE 754).
* A sum of n terms is off by about sqrt(n) u times the sum of their magnitudes: errors of random sign (Higham and Mary 2019, SIAM J. Sci. Comput. 41).
  u is that of the accumulation inside one product, and the result is stored once.
* The gradient of a weight is different: frameworks add up one product for each step, and store every partial sum. After k of n terms that is a
  share k/n of the result, and beside it a random walk of about sqrt(k) times a term. The squares of n such roundings add up to
  u^2 (n/3 result^2 + (sum of magnitudes)^2). Other sums (softmax, bias gradients) are stored on the way in the same manner.
* A product that is larger than the precision's largest number has an infinite error: what a framework makes of it (infinity, NaN) is no rounding
  error.
* `TRANSCENDENTAL`: exp, tanh and their kin are off by up to 8 u in the vectorized versions that frameworks use. The worst measured was 8.2
  u (TensorFlow 2.21's
  sigmoid); with storage in a half precision it was 2.5 u, because the function itself is computed in float32.
* `RUNS`: 16 runs know a standard deviation well enough; with 8, 16 and 64 runs the worst measured error was 1.6, 1.7 and 1.5 times the deviation.
* `FACTOR`: errors up to 8 deviations are accepted. The worst measured in 1,000 correct results was 2.5, so that a factor of 3 is in reserve.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

RUNS = 16
FACTOR = 8.0


@dataclass(frozen=True)
class Precision:
    """A floating-point arithmetic: `roundoff` of stored numbers, of the `accumulation` inside a sum, error of a `transcendental` function in units of
    the roundoff, the magnitude below which results lose their relative precision (`underflow`, absolute error), and the `largest` finite number."""

    roundoff: float
    accumulation: float
    transcendental: float
    underflow: float
    largest: float


PRECISIONS: Mapping[str, Precision] = {
    "float64": Precision(2.0**-53, 2.0**-53, 8, 2.0**-1022, 2.0**1023),
    "float32": Precision(2.0**-24, 2.0**-24, 8, 2.0**-126, 2.0**127),
    "bfloat16": Precision(2.0**-8, 2.0**-24, 3, 2.0**-126, 2.0**127),
    "float16": Precision(2.0**-11, 2.0**-24, 3, 2.0**-25, 65504.0),
}


class Noise:
    """Random numbers in (-1, 1), in the order in which they are asked for, from one key."""

    def __init__(self, precision: Precision, key: int) -> None:
        self.precision = precision
        self._generator = np.random.Generator(np.random.Philox(key=key))

    def __call__(self, shape: tuple[int, ...]) -> Array:
        numbers: Array = self._generator.random(shape)
        numbers *= 2
        numbers -= 1
        return numbers


class Rounded(np.ndarray[Any, Any]):
    """Float64 numbers that gather rounding errors on their way through NumPy code.

    `runs` tells whether the leading axis of RUNS runs is there already: it comes with the first operation, so that an argument looks just as it is.
    """

    noise: Noise
    runs: bool

    @classmethod
    def of(cls, values: Array, noise: Noise) -> "Rounded":
        """An exact argument, of the shape that it has."""
        return _rounded(np.asarray(values, np.float64), noise, False)

    def __array_finalize__(self, source: Any) -> None:
        if isinstance(source, Rounded):
            self.noise, self.runs = source.noise, source.runs

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        runs = any(isinstance(a, Rounded) and a.runs for a in inputs)
        plain = [a.view(np.ndarray) if isinstance(a, Rounded) else a for a in inputs]
        result = getattr(ufunc, method)(*plain, **kwargs)
        if result.dtype == object:
            result = result.astype(np.float64)
        error = None if result.dtype.kind != "f" else _error(ufunc, method, inputs, plain, kwargs, result, self.noise.precision)
        if error is None:
            return _rounded(result, self.noise, runs)
        shape = result.shape if runs else (RUNS, *result.shape)
        perturbation = self.noise(shape)
        perturbation *= np.minimum(error, np.finfo(np.float64).max, out=error)  # infinity is exact, and stays what it is
        perturbation += result
        return _rounded(perturbation, self.noise, True)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        if function not in MOVES:
            return super().__array_function__(function, types, args, kwargs)  # made of ufuncs, which come back here one by one
        found: list[Rounded] = []
        result = function(*_unwrap(args, found), **_unwrap(kwargs, found))
        runs = any(a.runs for a in found)
        if isinstance(result, (list, tuple)):
            return type(result)(_rounded(part, self.noise, runs) for part in result)
        return _rounded(result, self.noise, runs)


# Functions that move, choose or compare numbers and compute nothing.
MOVES = {np.where, np.stack, np.concatenate, np.broadcast_arrays, np.split, np.zeros_like, np.take_along_axis, np.sort}

EXACT = {np.maximum, np.minimum, np.negative, np.absolute, np.sign, np.isfinite}
RELATIVE = {np.add, np.subtract, np.divide, np.sqrt}


def _error(
    ufunc: np.ufunc, method: str, inputs: Sequence[Any], plain: list[Any], kwargs: Mapping[str, Any], result: Array, p: Precision
) -> Array | None:
    """The largest error of each element of the result, or None where the operation is exact. `plain` are the inputs as ordinary arrays."""
    size: Array = np.abs(result)
    if ufunc is np.matmul:
        a, b = plain
        magnitude, terms, size = np.abs(a) @ np.abs(b), a.shape[-1], _finite(size, p)
        if all(isinstance(array, Rounded) for array in inputs):  # no factor is a weight: it is the gradient of one
            return _stored_sums(magnitude, size, terms, p)
        return _summed(magnitude, terms, p) + _stored(size, p)
    if method == "reduce":
        if ufunc is not np.add:
            return None
        return _stored_sums(np.add.reduce(np.abs(plain[0]), **kwargs), size, plain[0].size / max(result.size, 1), p)
    if method == "accumulate":
        return _stored_sums(np.add.accumulate(np.abs(plain[0]), **kwargs), size, result.shape[kwargs["axis"]], p)
    if ufunc in EXACT or any(isinstance(a, np.ndarray) and a.dtype.kind == "b" for a in plain):
        return None
    if ufunc is np.multiply:
        return _stored(_finite(size, p), p)
    if ufunc in RELATIVE:
        return _stored(size, p)
    if ufunc not in (np.exp, np.tanh):
        size = np.maximum(size, 1)  # expm1, log, logaddexp, erf: frameworks add or subtract a one on the way, and are as wrong as that near zero
    return p.transcendental * _stored(size, p)


def _summed(magnitude: Array, terms: float, p: Precision) -> Array:
    """The error of a sum of so many terms, whose magnitudes add up to `magnitude`."""
    error: Array = math.sqrt(terms) * p.accumulation * magnitude
    return error


def _stored_sums(magnitude: Array, size: Array, terms: float, p: Precision) -> Array:
    """The error of a sum of this size and so many terms, whose magnitudes add up to `magnitude`, where every partial sum is stored."""
    error = _stored(size, p)
    error *= math.sqrt(1 + terms / 3)
    error += (p.roundoff + math.sqrt(terms) * p.accumulation) * magnitude
    return error


def _stored(size: Array, p: Precision) -> Array:
    """The error of storing numbers of this size. (It is a new array that the caller may change.)"""
    stored: Array = p.roundoff * size
    stored += p.underflow
    return stored


def _finite(size: Array, p: Precision) -> Array:
    """The magnitudes, changed in place: infinite where they overflow."""
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
    """The largest error of each element that correct arithmetic can show: FACTOR deviations.

    exact (...), perturbed (RUNS, ...). A deviation from 16 runs may come out small by chance, so that it is at least that of its row (the
    last axis), and at least a
    quarter of the roundoff of the row's values, which no run can be below. Where runs overflowed it is infinite.
    """
    deviation = root_mean_square(perturbed - exact, axis=0)[0]
    row = root_mean_square(deviation, axis=-1)
    size = root_mean_square(exact, axis=-1)
    result: Array = FACTOR * np.maximum(np.maximum(deviation, row), precision.roundoff / 4 * size)
    result[np.isnan(result)] = np.inf
    return result


def root_mean_square(values: Array, axis: int) -> Array:
    """Along an axis, which is kept. The values are scaled first: the square of 1e-200 is 0."""
    largest = np.max(np.abs(values), axis=axis, keepdims=True)
    scale = np.where(largest > 0, largest, 1)
    result: Array = scale * np.sqrt(np.mean(np.square(values / scale), axis=axis, keepdims=True))
    return result
