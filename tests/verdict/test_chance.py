"""What is drawn: right masks and weights are never blamed, and each way of being wrong
is told.
"""

from collections.abc import Mapping

import numpy as np
import pytest

from lstm_ref.dialects.dialect import Draw
from lstm_ref.dialects.initial import Blocks, Exactly, Initial, Normal, Orthogonal, TruncatedNormal, Uniform
from lstm_ref.reference.activations import Array
from lstm_ref.verdict.chance import mask_findings, repeated_masks, weight_findings

SHAPE = (1, 40, 1, 50)
AXES = ("gate", "batch", "time", "feature")
DRAW = Draw((SHAPE, (4, *SHAPE[1:])), AXES, 0.3)


def mask(rate: float = 0.3, scale: float = 1 / 0.7, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Array:
    return np.where(np.random.default_rng(seed).random(shape) < rate, 0.0, scale)


def found(
    drawn: Mapping[str, Array], draws: Mapping[str, Draw] | None = None, dtype: str = "float64"
) -> list[str]:
    return list(mask_findings({"dropout": DRAW} if draws is None else draws, drawn, dtype))


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("shape", DRAW.shapes)
def test_a_right_mask_is_not_blamed(seed: int, shape: tuple[int, ...]) -> None:
    assert found({"dropout": mask(seed=seed, shape=shape)}) == []


@pytest.mark.parametrize(
    ("dtype", "scale"),
    [
        ("float32", np.float32(1) / np.float32(0.7)),
        ("float16", np.float16(1) / np.float16(0.7)),
        ("bfloat16", 1.4296875),
    ],
)
def test_a_mask_may_be_rounded_to_the_dtype_that_it_is_used_in(dtype: str, scale: float) -> None:
    assert found({"dropout": mask(scale=float(scale))}, dtype=dtype) == []
    assert found({"dropout": mask(scale=float(scale))}, dtype="float64") != []


@pytest.mark.parametrize(
    ("drawn", "complaint"),
    [
        ({}, "the mask dropout was not drawn"),
        ({"dropout": mask(), "other": mask()}, "the mask other was drawn, where nothing is to be dropped"),
        (
            {"dropout": mask(shape=(1, 40, 50, 1))},
            r"has shape \(1, 40, 50, 1\), expected \(1, 40, 1, 50\) or \(4, 40, 1, 50\)",
        ),
        ({"dropout": mask(scale=1.0)}, "holds 1, where only 0 and"),
        ({"dropout": mask(rate=0.7)}, "drops 13.. of 2000 elements"),
        ({"dropout": mask(rate=0.2)}, "drops 4.. of 2000 elements"),
        ({"dropout": mask(rate=0.0)}, "drops 0 of 2000 elements"),
        ({"dropout": np.where(mask() > 0, 1 / 0.7, np.nan)}, "holds nan"),
    ],
)
def test_a_wrong_mask_is_told(drawn: Mapping[str, Array], complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        assert found(drawn) == []


def test_a_mask_where_nothing_is_dropped_is_told() -> None:
    assert found({"dropout": mask()}, {}) == ["the mask dropout was drawn, where nothing is to be dropped"]


@pytest.mark.parametrize(
    ("rate", "right", "wrong"),
    [(1.0, np.zeros(SHAPE), np.ones(SHAPE)), (0.0, np.ones(SHAPE), np.zeros(SHAPE))],
)
def test_all_and_nothing(rate: float, right: Array, wrong: Array) -> None:
    draws = {"dropout": Draw((SHAPE,), AXES, rate)}
    assert found({"dropout": right}, draws) == []
    assert found({"dropout": wrong}, draws) != []


@pytest.mark.parametrize(("elements", "told"), [(40, False), (41, True)])
def test_a_mask_is_told_where_it_is_less_likely_than_once_in_a_million_million(
    elements: int, told: bool
) -> None:
    # Chernoff: 2 * 0.5^40 is 1.8e-12.
    shape = (1, 1, 1, elements)
    nothing = found({"dropout": np.zeros(shape)}, {"dropout": Draw((shape,), AXES, 0.5)})
    assert nothing == (
        [
            f"the mask dropout drops {elements} of {elements} elements, which a rate of 0.5 does once in"
            " 10^12 times at the most"
        ]
        * told
    )


@pytest.mark.parametrize(("roundoffs", "told"), [(16, False), (-16, False), (20, True), (-20, True)])
def test_what_is_kept_may_be_off_by_the_roundings_of_the_rate_and_of_the_quotient(
    roundoffs: int, told: bool
) -> None:
    # 4 u of 2, where the difference 1 - rate is as uncertain as 1 is: twice.
    drawn = {"dropout": mask(rate=0.5, scale=2 + roundoffs * 2.0**-24)}
    assert bool(found(drawn, {"dropout": Draw((SHAPE,), AXES, 0.5)}, "float32")) is told


def test_a_mask_without_elements_is_not_blamed() -> None:
    assert found({"dropout": np.zeros((1, 0, 1, 5))}, {"dropout": Draw(((1, 0, 1, 5),), AXES, 0.5)}) == []


def test_calls_that_share_a_mask_are_told_unless_it_may_be_chance() -> None:
    draws, few = {"dropout": DRAW}, {"dropout": Draw(((1, 2, 1, 3),), AXES, 0.3)}
    first, second, tiny = {"dropout": mask()}, {"dropout": mask(seed=1)}, {"dropout": np.zeros((1, 2, 1, 3))}
    assert list(repeated_masks([(draws, first), (draws, second)])) == []
    assert list(repeated_masks([(draws, first), (draws, second), (draws, first)])) == [
        "calls 0 and 2 share the mask dropout, where each call draws its own"
    ]
    assert list(repeated_masks([(few, tiny), (few, tiny)])) == []


def sample(initial: Initial, shape: tuple[int, ...], seed: int = 0) -> Array:
    random = np.random.default_rng(seed)
    match initial:
        case Uniform(low, high):
            return random.uniform(low, high, shape)
        case Normal(mean, deviation):
            return random.normal(mean, deviation, shape)
        case TruncatedNormal(mean, deviation):
            many = random.standard_normal(4 * int(np.prod(shape)))
            return mean + deviation * many[np.abs(many) <= 2][: int(np.prod(shape))].reshape(shape)
        case Orthogonal(gain):
            return gain * np.linalg.qr(random.normal(size=shape[::-1]))[0].T
        case _:
            raise AssertionError


DISTRIBUTIONS = [
    Uniform(-0.05, 0.05),
    Normal(0.0, 0.05),
    Normal(0.02, 0.05),
    TruncatedNormal(0.0, 0.05),
    TruncatedNormal(0.02, 0.05),
    Orthogonal(1.0),
]


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("initial", DISTRIBUTIONS)
def test_weights_of_the_promised_distribution_are_not_blamed(initial: Initial, seed: int) -> None:
    assert list(weight_findings("kernel", initial, sample(initial, (80, 320), seed), "float64")) == []


OTHERS = [
    *DISTRIBUTIONS,
    Uniform(-0.06, 0.06),
    Uniform(-0.05, 0.06),
    Normal(0.0, 0.06),
    Normal(0.01, 0.05),
    Orthogonal(1.01),
]


@pytest.mark.parametrize(
    ("initial", "other"),
    [(initial, other) for initial in DISTRIBUTIONS for other in OTHERS if initial != other],
)
def test_weights_of_another_distribution_are(initial: Initial, other: Initial) -> None:
    assert list(weight_findings("kernel", initial, sample(other, (80, 320)), "float64"))


def test_exact_values_may_be_rounded_to_the_dtype_and_nothing_else() -> None:
    third = np.full((2, 3), 1 / 3)
    assert (
        list(
            weight_findings("kernel", Exactly(third), third.astype(np.float32).astype(np.float64), "float32")
        )
        == []
    )
    (finding,) = weight_findings(
        "kernel", Exactly(third), third + np.array([[0.0, 1e-6, 2e-6], [0.0, 0.0, 0.0]]), "float32"
    )
    assert finding.startswith("kernel begins with [[0.3333, 0.3333, 0.3333]")
    assert finding.endswith("; at [0, 1] 0.333334333, expected 0.333333333")
    assert list(weight_findings("kernel", Exactly(third), third.T, "float32"))


def test_the_parts_of_a_vector_are_looked_at_one_by_one() -> None:
    bias = Blocks(((3, Exactly(np.zeros(3))), (3, Exactly(np.ones(3))), (6, Exactly(np.zeros(6)))))
    right = np.repeat([0.0, 1.0, 0.0, 0.0], 3)
    assert list(weight_findings("bias", bias, right, "float32")) == []
    finding, *others = weight_findings("bias", bias, np.repeat([1.0, 0.0, 0.0, 0.0], 3), "float32")
    assert finding.startswith("bias[0:3] begins with [1., 1., 1.], expected [0., 0., 0.]")
    assert len(others) == 1


def test_weights_that_are_all_equal_are_no_draws() -> None:
    findings = list(weight_findings("kernel", Uniform(-1, 1), np.full((2, 2), 0.25), "float32"))
    assert "all 4 elements of kernel are equal" in findings
    assert list(weight_findings("kernel", Uniform(-1, 1), np.full((1, 2), 0.25), "float32")) == [
        "all 2 elements of kernel are equal"
    ]


@pytest.mark.parametrize("gain", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_orthogonal_weights_may_be_off_by_the_rounding_of_their_products(
    shape: tuple[int, int], gain: float
) -> None:
    # Lengths that are off by e make products that are off by 2 e; 8 u for each of the 5
    # terms are allowed.
    for roundoffs, told in ((19, False), (-19, False), (21, True), (-21, True)):
        weights = gain * (1 + roundoffs * 2.0**-24) * np.eye(*shape)
        assert bool(list(weight_findings("kernel", Orthogonal(gain), weights, "float32"))) is told


@pytest.mark.parametrize("initial", [Uniform(-1, 1), Normal(0.0, 1.0), TruncatedNormal(0.0, 1.0)])
def test_a_single_weight_and_none_at_all_are_not_blamed(initial: Initial) -> None:
    assert list(weight_findings("kernel", initial, np.array([[0.25]]), "float32")) == []
    assert list(weight_findings("kernel", initial, np.zeros((0, 4)), "float32")) == []


@pytest.mark.parametrize("sign", [-1.0, 1.0])
@pytest.mark.parametrize(
    ("initial", "edge"), [(Uniform(-0.05, 0.05), 0.05), (TruncatedNormal(0.0, 0.025), 0.05)]
)
def test_one_weight_out_of_range_is_told_unless_rounding_explains_it(
    initial: Initial, edge: float, sign: float
) -> None:
    weights = sample(initial, (80, 320))
    weights[3, 5] = sign * edge * (1 + 3 * 2.0**-24)
    assert list(weight_findings("kernel", initial, weights, "float32")) == []
    weights[3, 5] = sign * edge * (1 + 5 * 2.0**-24)
    (finding,) = weight_findings("kernel", initial, weights, "float32")
    assert finding == f"kernel begins with {weights[3, 5]:.9g} in it, outside of -0.05 to 0.05"


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(
    "initial", [*DISTRIBUTIONS, Exactly(np.zeros((4, 8))), Blocks(((4, Uniform(-1, 1)),))]
)
def test_weights_that_are_no_finite_numbers_are_told(initial: Initial, value: float) -> None:
    weights = np.linspace(-0.05, 0.05, 32).reshape(4, 8)
    weights[1, 2] = value
    assert list(weight_findings("kernel", initial, weights, "float64")) == [
        f"kernel begins with {value:g} in 1 of its 32 elements"
    ]
