"""Rounding errors are put in where a machine makes them, in the size that it makes
them, and the bounds are wide enough and no wider.
"""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from lstm_ref.corpus import Case, CaseStep, Input, Values, load
from lstm_ref.dialects import dialect
from lstm_ref.oracle.errors import IllConditioned, NotExact, NotModelled
from lstm_ref.oracle.expectation import Expectation, Expected, expect, expect_bitwise, with_cotangents
from lstm_ref.oracle.materialize import cast, materialize
from lstm_ref.oracle.rounding import FACTOR, PRECISIONS, RUNS, Noise, Rounded, bound
from lstm_ref.oracle.tangents import STEP
from lstm_ref.oracle.twin import run_twin
from lstm_ref.protocol.trace import Call, Tensor, Trace
from lstm_ref.runner.subjects import Subjects
from lstm_ref.verdict.judge import judge

Array = npt.NDArray[Any]

RNG = np.random.default_rng(5)
X = RNG.uniform(0.5, 1.5, (40, 50)) * RNG.choice([-1, 1], (40, 50))
Y = RNG.uniform(0.5, 1.5, (40, 50)) * RNG.choice([-1, 1], (40, 50))
CORPUS = {case.id: case for case in load().cases}


def rounded(values: Array, precision: str = "float32", key: int = 1) -> Rounded:
    return Rounded.of(values, Noise(PRECISIONS[precision], key))


def pair(precision: str = "float32", key: int = 1) -> tuple[Rounded, Rounded]:
    noise = Noise(PRECISIONS[precision], key)
    return Rounded.of(X, noise), Rounded.of(Y, noise)


@pytest.mark.parametrize(
    "operation",
    [
        lambda x: -x,
        np.abs,
        np.sign,
        lambda x: np.maximum(x, 0),
        lambda x: np.minimum(x, 0.25),
        lambda x: np.max(x, axis=-1, keepdims=True),
        lambda x: x > 0,
        lambda x: x == x[:, :1],
        lambda x: (x > -1) & (x < 1),
        lambda x: np.where(x > 0, x, 0),
        lambda x: x * (x > 0),
        lambda x: np.sort(x, axis=-1),
        lambda x: np.take_along_axis(indices=np.array([[2, 0]]), arr=x, axis=-1),
        lambda x: np.stack([x, x], axis=-2),
        lambda x: np.concatenate([x, -x], axis=-1),
        lambda x: np.split(x, 2, axis=-1)[1],
        lambda x: x[..., ::-1, 3:7].swapaxes(-1, -2),
        lambda x: x.reshape(10, 200),
        np.zeros_like,
    ],
)
def test_choosing_moving_and_comparing_numbers_is_exact(operation: Callable[[Array], Array]) -> None:
    result = operation(rounded(X))
    assert isinstance(result, Rounded)
    assert not result.runs
    assert np.array_equal(np.asarray(result), operation(X))


RELATIVE: dict[str, Callable[[Array, Array], Array]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "with a number": lambda x, y: 1 - x,
    "sqrt": lambda x, y: np.sqrt(np.abs(x)),
}


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("operation", RELATIVE)
def test_arithmetic_is_off_by_up_to_the_roundoff_of_its_result(operation: str, precision: str) -> None:
    compute = RELATIVE[operation]
    exact = compute(X, Y)
    check_error_size(np.asarray(compute(*pair(precision))), exact, stored(exact, precision))


TRANSCENDENTAL: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "exp": (np.exp, np.abs),
    "tanh": (np.tanh, np.abs),
    "expm1": (np.expm1, lambda s: np.maximum(np.abs(s), 1)),
    "log": (lambda x: np.log(np.abs(x)), lambda s: np.maximum(np.abs(s), 1)),
    "logaddexp": (lambda x: np.logaddexp(x, 0), lambda s: np.maximum(np.abs(s), 1)),
}


@pytest.mark.parametrize(
    ("precision", "ulps"), [("float64", 8), ("float32", 8), ("bfloat16", 3), ("float16", 3)]
)
@pytest.mark.parametrize("function", TRANSCENDENTAL)
def test_a_transcendental_function_is_off_by_a_few_roundoffs(
    function: str, precision: str, ulps: int
) -> None:
    compute, size = TRANSCENDENTAL[function]
    exact = compute(X)
    ratio = (np.asarray(compute(rounded(X, precision))) - exact) / (ulps * stored(size(exact), precision))
    # Beside the error of each element, up to half as much is the same for all elements
    # of a run.
    repeated = np.mean(ratio, axis=(1, 2), keepdims=True)
    assert np.max(np.abs(repeated)) < 0.52
    assert 0.15 < np.std(repeated) < 0.4
    rest, own = np.abs(ratio - repeated), 2.0**-53 / (ulps * PRECISIONS[precision].roundoff)
    assert 0.9 < np.max(rest) < 1.05 + own
    assert math.sqrt(np.mean(rest**2)) == pytest.approx(1 / math.sqrt(3), rel=0.05 + own)


def test_the_part_of_an_error_that_repeats_is_the_same_in_every_step_and_another_for_another_function() -> (
    None
):
    x = rounded(np.ones((40, 50)))
    first, again, other = (
        np.mean(np.asarray(f(x)) / f(1.0) - 1, axis=(1, 2)) for f in (np.exp, np.exp, np.tanh)
    )
    assert first == pytest.approx(again, abs=0.1 * np.max(np.abs(first)))
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.8


@pytest.mark.parametrize(
    ("precision", "accumulation"),
    [("float64", 2.0**-53), ("float32", 2.0**-24), ("bfloat16", 2.0**-24), ("float16", 2.0**-24)],
)
@pytest.mark.parametrize("terms", [1, 9, 400])
def test_a_product_with_a_weight_is_off_by_the_root_of_its_terms_and_by_storing_it_once(
    terms: int, precision: str, accumulation: float
) -> None:
    a, b = RNG.uniform(-1, 1, (30, terms)), RNG.uniform(-1, 1, (terms, 40))
    exact = a @ b
    size = math.sqrt(terms) * accumulation * (np.abs(a) @ np.abs(b)) + stored(exact, precision)
    check_error_size(np.asarray(rounded(a, precision) @ b), exact, size)


def test_what_is_added_to_a_product_is_one_more_term_of_its_sum() -> None:
    x = rounded(np.ones((40, 50)))
    product = x @ np.ones((50, 60))
    assert (product.terms, (product + np.ones(60)).terms, (product + x @ np.ones((50, 60))).terms) == (
        50,
        51,
        101,
    )
    assert (product * np.ones(60)).terms == 0
    # One term and its opposite: the product is off by 2 u, and their sum, which is
    # nothing, by sqrt(2) u of each.
    nothing = np.asarray(rounded(np.ones((40, 1))) @ np.ones((1, 50)) + -np.ones(50))
    assert 4 * 2.0**-24 < np.max(np.abs(nothing)) < (2 + 2 * math.sqrt(2)) * 2.0**-24
    # Beside a large term a small product is nothing: what remains is the error of the
    # sum, and of storing it.
    large = np.asarray(rounded(np.full((40, 1), 2.0**-20)) @ np.full((1, 50), 2.0**-20) + np.ones(50)) - 1
    assert 2.2 * 2.0**-24 < np.max(np.abs(large)) < (1 + math.sqrt(2)) * 2.0**-24 * 1.001


ALONG: dict[str, tuple[Callable[[Array, Array], Array], Callable[[Array, Array, Array, Array], Array]]] = {
    "multiply": (lambda x, y: x * y, lambda x, dx, y, dy: 2 * (np.abs(x * dy) + np.abs(dx * y))),
    "divide": (lambda x, y: x / y, lambda x, dx, y, dy: 3 * (np.abs(dx / y) + np.abs(x * dy / y**2))),
    "add": (lambda x, y: x + y, lambda x, dx, y, dy: np.abs(dx + dy)),
}


@pytest.mark.parametrize("operation", ALONG)
def test_a_tangent_is_off_by_the_roundings_of_the_products_of_which_it_is_the_sum(operation: str) -> None:
    compute, size = ALONG[operation]
    noise, dx, dy = Noise(PRECISIONS["float32"], 1), 3 * Y[::-1], 0.25 * X[::-1]
    x, y = X + 1j * (STEP * dx), Y + 1j * (STEP * dy)
    found = np.asarray(compute(Rounded.of(x, noise), Rounded.of(y, noise))).imag / STEP
    check_error_size(found, compute(x, y).imag / STEP, 2.0**-24 * size(X, dx, Y, dy))


@pytest.mark.parametrize("terms", [1, 9, 400])
def test_the_tangent_of_a_product_with_a_weight_is_a_sum_of_twice_as_many_terms(terms: int) -> None:
    a, da, b, db = (
        RNG.uniform(-1, 1, shape) for shape in ((30, terms), (30, terms), (terms, 40), (terms, 40))
    )
    exact = a @ db + da @ b
    magnitude = np.abs(a) @ np.abs(db) + np.abs(da) @ np.abs(b)
    size = math.sqrt(2 * terms) * 2.0**-24 * magnitude + stored(exact, "float32")
    noise = Noise(PRECISIONS["float32"], 1)
    x, w = Rounded.of(a + 1j * (STEP * da), noise), b + 1j * (STEP * db)
    check_error_size(np.asarray(x @ w).imag / STEP, exact, size)
    # The gradient of a weight is stored after every step.
    u = 2.0**-24
    size = u * (math.sqrt(1 + 2 * terms / 3) * np.abs(exact) + (1 + math.sqrt(2 * terms)) * magnitude)
    check_error_size(np.asarray(x @ Rounded.of(w, noise)).imag / STEP, exact, size)


@pytest.mark.parametrize(("function", "slope"), [(np.exp, np.exp), (np.tanh, lambda x: 1 - np.tanh(x) ** 2)])
def test_the_tangent_of_a_transcendental_function_is_off_by_what_the_function_is(
    function: Callable[[Array], Array], slope: Callable[[Array], Array]
) -> None:
    exact = slope(X) * Y
    found = np.asarray(function(Rounded.of(X + 1j * (STEP * Y), Noise(PRECISIONS["float32"], 1)))).imag / STEP
    ratio = np.abs(found - exact) / (8 * 2.0**-24 * np.maximum(np.abs(exact), np.abs(Y)))
    assert 1.2 < np.max(ratio) <= 1.5


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("terms", [3, 30, 300])
def test_a_sum_whose_parts_are_stored_is_off_by_every_storing(terms: int, precision: str) -> None:
    x = RNG.uniform(-1, 1, (400, terms))
    noise = Noise(PRECISIONS[precision], 1)
    weight_gradient = np.asarray(Rounded.of(x[:, None, :], noise) @ Rounded.of(np.ones((terms, 1)), noise))[
        ..., 0, 0
    ]
    # Within a factor of two: the parts are added up, not their squares.
    p, exact, magnitude = PRECISIONS[precision], np.sum(x, axis=-1), np.sum(np.abs(x), axis=-1)
    size = (
        p.roundoff * np.sqrt(terms / 3 * exact**2 + magnitude**2)
        + math.sqrt(terms) * p.accumulation * magnitude
    )
    for perturbed in (np.asarray(np.sum(rounded(x, precision), axis=-1)), weight_gradient):
        assert perturbed.shape == (RUNS, 400)
        assert 1 < math.sqrt(3 * np.mean(((perturbed - exact) / size) ** 2)) < 2


def stored(values: Array, precision: str) -> Array:
    """Half a unit in the last place, or below the normal numbers half of the smallest
    one.
    """
    size: Array = PRECISIONS[precision].roundoff * np.abs(values) + PRECISIONS[precision].underflow
    return size


def check_error_size(perturbed: Array, exact: Array, size: Array) -> None:
    """The errors are spread evenly between -size and size, with a few units of
    float64's own roundoff on top.
    """
    assert perturbed.shape == (RUNS, *exact.shape)
    ratio = (perturbed - exact) / size
    own = 2.0**-52 * np.max(np.abs(exact) / size)
    assert np.max(np.abs(ratio)) <= 1 + own
    assert np.max(np.abs(ratio)) > 0.9
    assert math.sqrt(np.mean(ratio**2)) == pytest.approx(1 / math.sqrt(3), rel=0.05 + own)
    assert abs(np.mean(ratio)) < 0.05 + own


def test_a_running_sum_is_off_like_a_sum() -> None:
    x = RNG.uniform(0.5, 1, (2000, 16))
    errors = np.asarray(np.cumsum(rounded(x), axis=-1)) - np.cumsum(x, axis=-1)
    last = np.asarray(np.sum(rounded(x, key=2), axis=-1)) - np.sum(x, axis=-1)
    assert np.std(errors[..., -1]) == pytest.approx(np.std(last), rel=0.05)
    assert np.all(np.diff(np.std(errors, axis=(0, 1))) > 0)


def test_a_product_that_overflows_has_no_bound() -> None:
    assert np.max(np.abs(np.asarray(rounded(np.full((1, 3), 300.0), "float16") * 300.0))) > 1e300
    assert np.max(np.abs(np.asarray(rounded(np.full((1, 3), 300.0), "bfloat16") * 300.0))) < 1e5


def test_the_noise_depends_on_the_key_alone() -> None:
    def computed(key: int) -> Array:
        x, y = pair(key=key)
        return np.asarray(np.tanh(x * y) @ Y.T)

    assert np.array_equal(computed(1), computed(1))
    assert not np.any(computed(1) == computed(2))


def test_every_run_and_element_has_an_error_of_its_own() -> None:
    errors = np.asarray(rounded(np.ones((20, 20))) + 1.0) - 2
    assert len(np.unique(errors)) > 0.99 * errors.size


def test_the_runs_are_one_leading_axis_from_the_first_operation_on() -> None:
    x, y = pair()
    once = x + y
    assert (x.shape, once.shape) == ((40, 50), (RUNS, 40, 50))
    assert (once * y + x).shape == (RUNS, 40, 50)
    assert np.stack(np.broadcast_arrays(x, once, subok=True), axis=-2).shape == (RUNS, 40, 2, 50)
    assert (once @ Y.T).shape == (RUNS, 40, 40)
    assert np.greater(once, y).shape == (RUNS, 40, 50)


def test_infinities_and_nan_stay_what_they_are() -> None:
    special = np.array([np.inf, -np.inf, np.nan, 1.0])
    with np.errstate(invalid="ignore", over="ignore"):
        for computed, exact in (
            (rounded(special) + 1.0, special),
            (rounded(special) * 2.0, special * 2),
            (np.exp(rounded(special)), np.exp(special)),
            (rounded(special[:, None]) @ np.ones((1, 1)), special[:, None]),
        ):
            plain = np.asarray(computed)
            assert np.array_equal(np.isnan(plain), np.broadcast_to(np.isnan(exact), plain.shape))
            assert np.all((plain == exact) | np.isnan(exact) | np.isfinite(exact))
            assert np.all(np.isfinite(plain) == np.isfinite(exact))


def test_zeros_have_the_bound_zero() -> None:
    zeros = np.zeros((4, 3))
    assert not bound(zeros, zeros[None], PRECISIONS["float32"]).any()


def test_the_bound_is_eight_deviations_at_least_those_of_the_row() -> None:
    exact = np.zeros((1, 2))
    perturbed = np.zeros((RUNS, 1, 2))
    perturbed[::2, 0, 0], perturbed[1::2, 0, 0] = 1e-6, -1e-6
    assert FACTOR == 8
    assert bound(exact, perturbed, PRECISIONS["float32"]) == pytest.approx(
        np.array([[8e-6, 8e-6 / math.sqrt(2)]])
    )


def test_the_bound_of_numbers_that_no_run_moved_is_two_roundoffs_of_their_row() -> None:
    exact = np.array([[3.0, 4.0, 0.0, 0.0]])
    assert bound(exact, exact[None], PRECISIONS["float32"]) == pytest.approx(
        np.full((1, 4), 8 / 4 * 2.0**-24 * 2.5)
    )


def test_the_bound_of_numbers_near_underflow_is_no_zero() -> None:
    exact = np.full((1, 2), 1e-200)
    found = bound(exact, np.stack([1.5 * exact, 0.5 * exact]), PRECISIONS["float64"])
    assert found == pytest.approx(np.full((1, 2), 4e-200), rel=1e-12, abs=0)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_integers_have_the_bound_zero(precision: str) -> None:
    counts = np.array([1000, 3, 0])
    assert not bound(counts, np.broadcast_to(counts, (RUNS, 3)), PRECISIONS[precision]).any()


def test_a_count_that_is_off_by_one_is_told_however_large_it_is_and_however_coarse_the_dtype() -> None:
    case = replace(CORPUS["torch/packed/many-ties"], dtypes=("bfloat16",))
    (step,) = case.steps
    expectation = expectation_of(replace(case, steps=(replace(step, input=replace(step.input, batch=600)),)))
    (call,) = expectation.calls
    sizes = {effect.name: effect.values for effect in call.effects}["batch_sizes"]
    assert max(sizes) == 600

    def findings(batch_sizes: Array) -> tuple[str, ...]:
        outputs = tuple(Tensor("bfloat16", output.values) for output in call.outputs)
        gradients = {gradient.name: Tensor("bfloat16", gradient.values) for gradient in call.gradients}
        effects = {effect.name: Tensor(str(effect.values.dtype), effect.values) for effect in call.effects}
        effects["batch_sizes"] = Tensor(str(batch_sizes.dtype), batch_sizes)
        return judge(
            expectation,
            "bfloat16",
            Trace((Call(call.structure, outputs, gradients, effects=effects),), None, 0.0),
        ).findings

    assert findings(sizes) == ()
    assert findings(sizes.astype(np.int32)) == ("batch_sizes is int32, expected int64",)
    (finding,) = findings(sizes + np.eye(len(sizes), dtype=np.int64)[1])
    assert finding.startswith(
        "batch_sizes: 1 of 3 elements are beyond the bound, worst at [batch_sizes 1]: expected "
    )


def made_up(number: int) -> Case:
    """A random ordinary case: small, well scaled, all that the parameters offer."""
    choose = random.Random(number)

    def flag() -> bool:
        return choose.random() < 0.5

    given = {"hx": "given"} if number % 2 else {"initial_state": "given"}
    size = Input(batch=choose.randint(1, 5), timesteps=choose.randint(1, 12), features=choose.randint(1, 9))
    units = choose.randint(2, 9)
    keras = {
        "units": units,
        "activation": choose.choice(["tanh", "sigmoid", "softsign", "elu"]),
        "recurrent_activation": choose.choice(["sigmoid", "hard_sigmoid", "tanh"]),
        "use_bias": flag(),
        "return_sequences": flag(),
        "return_state": flag(),
        "go_backwards": flag(),
        "stateful": flag(),
    }
    torch = {
        "input_size": size.features,
        "hidden_size": units,
        "num_layers": choose.randint(1, 3),
        "bias": flag(),
        "bidirectional": flag(),
        "batch_first": flag(),
        "proj_size": choose.choice([0, 1]),
    }
    dialect = "torch" if number % 2 else "keras"
    return replace(
        CORPUS[f"{dialect}/structure/product"],
        id=f"made-up/{number}",
        params=torch if number % 2 else keras,
        values=Values(grid=choose.choice(["dyadic", "float32"])),
        steps=(CaseStep("call", given if flag() else {}, size), CaseStep("call", {}, size)),
    )


def expectation_of(case: Case) -> Expectation:
    return expect(
        case.id,
        dialect(case.dialect),
        with_cotangents(dialect(case.dialect), materialize(case, 0)),
        case.dtypes,
    )


@pytest.mark.parametrize("number", range(30))
def test_float32_arithmetic_stays_within_the_bounds_which_vouch_for_twelve_bits_and_nine_of_gradients(
    number: int, twins: Subjects
) -> None:
    case = made_up(number)
    expectation = expectation_of(case)
    trace = twins.run(cast(expectation.request, "float32", f"{case.dialect}-twin"))
    assert isinstance(trace, Trace)
    verdict = judge(expectation, "float32", trace)
    assert verdict.findings == ()
    assert verdict.ratio is not None
    # Not exact, or it was not float32; and with half of the bound in reserve.
    assert 0 < verdict.ratio < 0.5
    for call in expectation.calls:
        assert min(output.verified_bits("float32") for output in call.outputs) >= 12
        assert min(gradient.verified_bits("float32") for gradient in call.gradients) >= 9


def expected_arrays(expectation: Expectation) -> Iterator[Expected]:
    for call in expectation.calls:
        yield from (*call.outputs, *call.gradients)


def noticed(case: Case, dtype: str, change: float) -> list[float]:
    """For every single number among the weights, changed by so much of itself: the
    largest difference that it makes, as a share of the bound there.
    """
    expectation = expectation_of(case)
    request, expected = expectation.request, list(expected_arrays(expectation))
    ratios = []
    for name, tensor in request.weights.items():
        for index in np.ndindex(tensor.values.shape):
            values = tensor.values.copy()
            values[index] *= 1 + change
            calls = run_twin(
                dialect(case.dialect),
                replace(request, weights={**request.weights, name: Tensor("float64", values)}),
            )
            found = [array for call in calls for array in call.everything()]
            ratios.append(
                max(
                    float(np.max(np.abs(f - e.values) / e.bounds[dtype]))
                    for f, e in zip(found, expected, strict=True)
                )
            )
    return ratios


@pytest.mark.parametrize(
    "case",
    [
        "keras/structure/product",
        "keras/structure/product[initial_state=given,return_sequences=true,return_state=true]",
        "keras/structure/product[go_backwards=true,return_sequences=true]",
        "keras/structure/stateful",
        "keras/structure/product[use_bias=false]",
        "torch/structure/product[bias=false,num_layers=2]",
        "torch/structure/product[bidirectional=true,hx=given,num_layers=2,proj_size=2]",
    ],
)
def test_a_thousandth_of_any_one_weight_is_beyond_the_bounds_of_float32(case: str) -> None:
    assert min(noticed(CORPUS[case], "float32", 1e-3)) > 1


@pytest.mark.parametrize(
    "case", ["keras/sizes/one-step", "keras/values/all-bits", "torch/structure/product[num_layers=3]"]
)
def test_a_millionth_of_any_one_weight_is_far_beyond_the_bounds_of_float64(case: str) -> None:
    assert min(noticed(CORPUS[case], "float64", 1e-6)) > 1000


def test_bounds_are_the_same_every_time_and_other_than_those_of_another_case() -> None:
    case = CORPUS["keras/structure/product"]
    material = materialize(case, 0)
    first, again, other = (
        expect(name, dialect("keras"), material, ("float32",)).calls[0].outputs[0].bounds["float32"]
        for name in (case.id, case.id, "other")
    )
    assert np.array_equal(first, again)
    assert not np.any(first == other)


def test_a_case_that_rounding_can_turn_upside_down_is_refused_and_blames_nobody() -> None:
    params = {"units": 9, "recurrent_activation": "tanh"}
    case = replace(
        made_up(0), params=params, values=Values(scale=3.0), steps=(CaseStep("call", {}, Input(4, 24, 9)),)
    )
    expectation = expectation_of(case)
    expectation.refuse_ill_conditioned(case.id, "float64")
    with pytest.raises(
        IllConditioned,
        match=(
            r"made-up/0 cannot be judged in float32: rounding alone leaves .* bits of output. No"
            r" implementation"
        ),
    ):
        expectation.refuse_ill_conditioned(case.id, "float32")


def test_a_case_of_which_only_a_gradient_says_nothing_is_refused_too() -> None:
    # Every gate is shut: what little of a gradient is left is a difference of numbers
    # that cancel.
    case = replace(CORPUS["keras/values/saturated"], values=Values(scale=16.0), dtypes=("float32",))
    expectation = expectation_of(case)
    assert all(output.verified_bits("float32") > 10 for call in expectation.calls for output in call.outputs)
    with pytest.raises(
        IllConditioned, match=r"leaves -?\d+\.\d verified bits of the gradient of .*\. No implementation"
    ):
        expectation.refuse_ill_conditioned(case.id, "float32")


@pytest.mark.parametrize(
    ("compute", "name"),
    [
        (lambda x: np.linalg.norm(x), "norm"),
        (lambda x: np.einsum("ij->i", x), "einsum"),
        (lambda x: np.mean(x), "mean"),
        (lambda x: np.dot(x, x.T), "dot"),
        (lambda x: np.multiply.outer(x, x), r"multiply\.outer"),
        (lambda x: np.add.at(x, 0, 1.0), r"add\.at"),
        (lambda x: np.add(x, x, out=np.zeros(x.shape)), "add.* out"),
    ],
    ids=["norm", "einsum", "mean", "dot", "outer", "at", "out"],
)
def test_what_has_no_error_in_the_model_is_refused_by_name(
    compute: Callable[[Array], Array], name: str
) -> None:
    with pytest.raises(NotModelled, match=f"rounding errors of {name}.* are not modelled"):
        compute(rounded(X))


# Without an initial state neither the recurrent kernel nor the forget gate has anything
# to work on.
EXACT = [case for case in CORPUS.values() if case.values.grid == "exact" and case.steps[0].arguments]


def test_there_are_cases_with_exact_arithmetic() -> None:
    assert EXACT


@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.id)
def test_where_every_operation_is_exact_bounds_are_zero_and_a_millionth_of_any_weight_shows_in_float32(
    case: Case,
) -> None:
    expectation = expect_bitwise(
        dialect(case.dialect), with_cotangents(dialect(case.dialect), materialize(case, 0)), case.dtypes
    )
    expected = list(expected_arrays(expectation))
    assert not any(np.any(array.bounds["float32"]) for array in expected)
    request = cast(expectation.request, "float32", "")
    for name, tensor in request.weights.items():
        for index in np.ndindex(tensor.values.shape):
            values = tensor.values.copy()
            values[index] *= np.float32(1 + 1e-6)
            calls = run_twin(
                dialect(case.dialect),
                replace(request, weights={**request.weights, name: Tensor("float32", values)}),
            )
            found = [array for call in calls for array in call.everything()]
            assert not all(np.array_equal(f, e.values) for f, e in zip(found, expected, strict=True)), (
                name,
                index,
            )


def test_a_case_that_says_exact_and_rounds_is_refused() -> None:
    case = replace(CORPUS["keras/structure/product"], values=Values(grid="exact"))
    with pytest.raises(NotExact, match="not every operation is exact in float32"):
        expect_bitwise(
            dialect(case.dialect), with_cotangents(dialect(case.dialect), materialize(case, 0)), ("float32",)
        )
