"""The reference against the defining equations, written out for numbers of 50 digits,
element by element, without arrays.

Nothing here comes from the code under test: the oracle takes the weights apart by
itself, and gets its gradients from difference quotients, which at 50 digits are right
to 20 of them.
"""

import itertools
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest

from lstm_ref.reference import activations, parametric
from lstm_ref.reference.cell import PLAIN, State, Variant
from lstm_ref.reference.sequence import run
from lstm_ref.reference.stack import run_backward, run_stack
from lstm_ref.reference.weights import LSTMWeights

mp = mpmath.mp.clone()
mp.dps = 50

BATCH, TIMESTEPS, FEATURES, UNITS, OUTPUTS = 2, 3, 2, 3, 2
# One row takes every step, the other one misses the first and the last.
MASK = np.array([[True, True, True], [False, True, False]])


def numbers(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def weights(seed: int, features: int, projected: bool, peepholes: bool = False) -> LSTMWeights:
    outputs = OUTPUTS if projected else UNITS
    return LSTMWeights(
        numbers(seed, features, 4 * UNITS),
        numbers(seed + 1, outputs, 4 * UNITS),
        numbers(seed + 2, 4 * UNITS),
        numbers(seed + 4, 4 * UNITS) if projected else None,
        numbers(seed + 3, UNITS, OUTPUTS) if projected else None,
        numbers(seed + 5, 3 * UNITS) if peepholes else None,
    )


def sigmoid(z: Any) -> Any:
    return 1 / (1 + mp.exp(-z))


def lstm_row(
    x: list[list[Any]],
    h: list[Any],
    c: list[Any],
    w: LSTMWeights,
    takes: list[bool],
    variant: Variant = PLAIN,
) -> tuple[list[list[Any]], list[Any], list[Any]]:
    """One sequence: its outputs h_1 ... h_T and the last state."""
    p = [mp.mpf(0)] * 3 * UNITS if w.peepholes is None else [mp.mpf(v) for v in w.peepholes]
    out = mp.tanh if variant.output_activation is None else ORACLES[variant.output_activation]
    W, U, b = (np.vectorize(mp.mpf, otypes=[object])(m) for m in (w.kernel, w.recurrent_kernel, w.bias))
    if w.recurrent_bias is not None:
        b = b + np.vectorize(mp.mpf, otypes=[object])(w.recurrent_bias)
    R = None if w.projection is None else np.vectorize(mp.mpf, otypes=[object])(w.projection)
    outputs = []
    for x_t, takes_step in zip(x, takes, strict=True):
        if takes_step:

            def gate(k: int, u: int, x_t: list[Any] = x_t, h: list[Any] = h) -> Any:
                column = k * UNITS + u
                return (
                    sum(x_t[j] * W[j, column] for j in range(len(x_t)))
                    + sum(h[j] * U[j, column] for j in range(len(h)))
                    + b[column]
                )

            new_c, m = [], []
            for u in range(UNITS):
                i, g = sigmoid(gate(0, u) + p[u] * c[u]), mp.tanh(gate(2, u))
                f = 1 - i if variant.coupled else sigmoid(gate(1, u) + p[UNITS + u] * c[u])
                new_c.append(f * c[u] + i * g)
                m.append(sigmoid(gate(3, u) + p[2 * UNITS + u] * new_c[u]) * out(new_c[u]))
            c = new_c
            h = m if R is None else [sum(m[u] * R[u, p] for u in range(UNITS)) for p in range(OUTPUTS)]
        outputs.append(h)
    return outputs, h, c


def exact(array: Any) -> list[Any]:
    return [mp.mpf(float(v)) for v in array]


def oracle(
    x: Any, h: Any, c: Any, w: LSTMWeights, mask: Any, reverse: bool = False, variant: Variant = PLAIN
) -> tuple[Any, ...]:
    rows = []
    for b in range(BATCH):
        order = slice(None, None, -1) if reverse else slice(None)
        ys, h_n, c_n = lstm_row(
            [exact(row) for row in x[b]][order],
            exact(h[b]),
            exact(c[b]),
            w,
            [bool(v) for v in mask[b]][order],
            variant,
        )
        rows.append((ys[order], h_n, c_n))
    return tuple(np.array([row[k] for row in rows], dtype=object) for k in range(3))


def closest(array: Any) -> Any:
    return np.vectorize(float, otypes=[np.float64])(array)


@pytest.mark.parametrize(("projected", "masked"), list(itertools.product([False, True], repeat=2)))
def test_values_agree_with_fifty_digits(projected: bool, masked: bool) -> None:
    x, w = numbers(1, BATCH, TIMESTEPS, FEATURES), weights(2, FEATURES, projected)
    initial = State(numbers(6, BATCH, OUTPUTS if projected else UNITS), numbers(7, BATCH, UNITS))
    mask = MASK if masked else np.ones_like(MASK)
    (h, last), _ = run(x, initial, w, mask=MASK if masked else None)
    for observed, expected in zip((h, *last), oracle(x, *initial, w, mask), strict=True):
        np.testing.assert_allclose(observed, closest(expected), rtol=0, atol=4e-16)


def test_two_layers_in_both_directions_agree_with_fifty_digits() -> None:
    x = numbers(1, BATCH, TIMESTEPS, FEATURES)
    layers = [
        [weights(10 * k + 5 * d, FEATURES if k == 0 else 2 * OUTPUTS, projected=True) for d in range(2)]
        for k in range(2)
    ]
    states = [
        [
            State(numbers(50 + 2 * k + d, BATCH, OUTPUTS), numbers(60 + 2 * k + d, BATCH, UNITS))
            for d in range(2)
        ]
        for k in range(2)
    ]
    (y, last), _ = run_stack(x, states, layers)

    every_step = np.ones_like(MASK)
    expected: Any = x
    for layer, (layer_weights, layer_states) in enumerate(zip(layers, states, strict=True)):
        forward = oracle(expected, *layer_states[0], layer_weights[0], every_step)
        backward = oracle(expected, *layer_states[1], layer_weights[1], every_step, reverse=True)
        expected = np.concatenate([closest(forward[0]), closest(backward[0])], axis=-1)
        for direction, (_, h_n, c_n) in enumerate((forward, backward)):
            np.testing.assert_allclose(last[layer][direction].h, closest(h_n), rtol=0, atol=1e-15)
            np.testing.assert_allclose(last[layer][direction].c, closest(c_n), rtol=0, atol=1e-15)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-15)


VARIANTS = [
    pytest.param(peepholes, variant, id=name)
    for name, peepholes, variant in (
        ("peepholes", True, PLAIN),
        ("coupled", False, Variant(coupled=True)),
        ("output-activation", False, Variant(activations.softsign)),
        ("all", True, Variant(activations.softsign, coupled=True)),
    )
]


@pytest.mark.parametrize(("peepholes", "variant"), VARIANTS)
def test_values_of_variants_agree_with_fifty_digits(peepholes: bool, variant: Variant) -> None:
    x, w = numbers(1, BATCH, TIMESTEPS, FEATURES), weights(2, FEATURES, projected=True, peepholes=peepholes)
    initial = State(numbers(6, BATCH, OUTPUTS), numbers(7, BATCH, UNITS))
    for direction in (run, run_backward):
        (h, last), _ = direction(x, initial, w, mask=MASK, variant=variant)
        expected = oracle(x, *initial, w, MASK, direction is run_backward, variant)
        for observed, wanted in zip((h, *last), expected, strict=True):
            # c is above 1 here, where half an ulp is 1.1e-16. A step rounds f, i, f c,
            # i g and their sum; of earlier errors f lets about half through. Which way
            # exp rounds depends on the processor.
            np.testing.assert_allclose(observed, closest(wanted), rtol=0, atol=1e-15)


@pytest.mark.parametrize(("peepholes", "variant"), VARIANTS)
def test_gradients_of_variants_agree_with_difference_quotients_of_fifty_digits(
    peepholes: bool, variant: Variant
) -> None:
    check_gradients(weights(2, FEATURES, projected=True, peepholes=peepholes), masked=True, variant=variant)


@pytest.mark.parametrize(("projected", "masked"), list(itertools.product([False, True], repeat=2)))
def test_gradients_agree_with_difference_quotients_of_fifty_digits(projected: bool, masked: bool) -> None:
    check_gradients(weights(2, FEATURES, projected), masked, PLAIN)


def check_gradients(w: LSTMWeights, masked: bool, variant: Variant) -> None:
    x = numbers(1, BATCH, TIMESTEPS, FEATURES)
    initial = State(numbers(6, BATCH, w.recurrent_kernel.shape[0]), numbers(7, BATCH, UNITS))
    mask = MASK if masked else np.ones_like(MASK)
    (h, last), pullback = run(x, initial, w, mask=MASK if masked else None, variant=variant)
    cotangents = numbers(8, *h.shape), numbers(9, *last.h.shape), numbers(10, *last.c.shape)
    gradient = pullback(cotangents[0], State(*cotangents[1:]))

    arrays = {
        "x": x,
        "h": initial.h,
        "c": initial.c,
        "kernel": w.kernel,
        "recurrent_kernel": w.recurrent_kernel,
        "bias": w.bias,
    }
    found = {"x": gradient.x, "h": gradient.initial.h, "c": gradient.initial.c}
    found |= {name: getattr(gradient.weights, name) for name in ("kernel", "recurrent_kernel", "bias")}
    for name in ("recurrent_bias", "projection", "peepholes"):
        if getattr(w, name) is not None:
            arrays[name], found[name] = getattr(w, name), getattr(gradient.weights, name)

    def loss(changed: dict[str, Any]) -> Any:
        values: dict[str, Any] = {
            name: changed.get(name, array.astype(object)) for name, array in arrays.items()
        }
        names = ("kernel", "recurrent_kernel", "bias", "recurrent_bias", "projection", "peepholes")
        parts: dict[str, Any] = {name: values.get(name) for name in names}
        w_ = LSTMWeights(**parts)
        rows = [
            lstm_row(
                [list(map(mp.mpf, r)) for r in values["x"][b]],
                list(map(mp.mpf, values["h"][b])),
                list(map(mp.mpf, values["c"][b])),
                w_,
                list(mask[b]),
                variant,
            )
            for b in range(BATCH)
        ]
        results = [np.array([row[k] for row in rows], dtype=object) for k in range(3)]
        return sum((r * k.astype(object)).sum() for r, k in zip(results, cotangents, strict=True))

    step = mp.mpf(10) ** -20
    for name, array in arrays.items():
        for index in list(np.ndindex(array.shape))[:: max(1, array.size // 5)]:
            up, down = array.astype(object), array.astype(object)
            up[index], down[index] = mp.mpf(float(array[index])) + step, mp.mpf(float(array[index])) - step
            slope = float((loss({name: up}) - loss({name: down})) / (2 * step))
            assert abs(found[name][index] - slope) < 4e-15, (name, index)


ORACLES: dict[Callable[..., Any], Callable[[Any], Any]] = {
    activations.linear: lambda z: z,
    activations.sigmoid: sigmoid,
    activations.tanh: mp.tanh,
    activations.exponential: mp.exp,
    activations.relu: lambda z: max(z, mp.mpf(0)),
    activations.relu6: lambda z: min(max(z, mp.mpf(0)), mp.mpf(6)),
    activations.leaky_relu: lambda z: z if z > 0 else z / 5,
    activations.elu: lambda z: z if z > 0 else mp.exp(z) - 1,
    activations.selu: lambda z: (
        mp.mpf("1.0507009873554804934193349852946")
        * (z if z > 0 else mp.mpf("1.6732632423543772848170429916717") * (mp.exp(z) - 1))
    ),
    activations.softplus: lambda z: mp.log(1 + mp.exp(z)),
    activations.softsign: lambda z: z / (1 + abs(z)),
    activations.silu: lambda z: z / (1 + mp.exp(-z)),
    activations.gelu: lambda z: z * mp.ncdf(z),
    activations.mish: lambda z: z * mp.tanh(mp.log(1 + mp.exp(z))),
    activations.log_sigmoid: lambda z: -mp.log(1 + mp.exp(-z)),
    activations.squareplus: lambda z: (z + mp.sqrt(z * z + 4)) / 2,
    activations.hard_sigmoid: lambda z: min(max(z / 6 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1)),
    activations.hard_sigmoid_2: lambda z: min(max(z / 5 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1)),
    activations.hard_silu: lambda z: z * min(max(z / 6 + mp.mpf(1) / 2, mp.mpf(0)), mp.mpf(1)),
    activations.hard_tanh: lambda z: min(max(z, mp.mpf(-1)), mp.mpf(1)),
    activations.hard_shrink: lambda z: z if abs(z) > 0.5 else mp.mpf(0),
    activations.soft_shrink: lambda z: z - mp.sign(z) / 2 if abs(z) > 0.5 else mp.mpf(0),
    activations.tanh_shrink: lambda z: z - mp.tanh(z),
    activations.sparse_plus: lambda z: mp.mpf(0) if z <= -1 else (z + 1) ** 2 / 4 if z < 1 else z,
    activations.sparse_sigmoid: lambda z: min(max((z + 1) / 2, mp.mpf(0)), mp.mpf(1)),
}
# Both sides of every kink, far out, and small.
POINTS = np.array(
    [
        -30.1,
        -6.3,
        -3.1,
        -2.9,
        -2.6,
        -2.4,
        -1.1,
        -0.9,
        -0.6,
        -0.4,
        -1e-9,
        1e-9,
        0.4,
        0.6,
        0.9,
        1.1,
        2.4,
        2.6,
        2.9,
        3.1,
        5.9,
        6.3,
        30.1,
    ]
)


# No parameter is a number that a framework takes where nothing is said.
PARAMETRIC: dict[str, tuple[Callable[..., Any], Callable[[Any], Any]]] = {
    "affine": (parametric.affine(0.75, -0.5), lambda z: 3 * z / 4 - mp.mpf(1) / 2),
    "leaky_relu_of": (parametric.leaky_relu_of(0.25), lambda z: z if z > 0 else z / 4),
    "thresholded_relu": (parametric.thresholded_relu(0.5), lambda z: z if z >= 0.5 else mp.mpf(0)),
    "scaled_tanh": (parametric.scaled_tanh(1.5, 0.5), lambda z: 3 * mp.tanh(z / 2) / 2),
    "hard_sigmoid_of": (
        parametric.hard_sigmoid_of(0.25, 0.625),
        lambda z: min(max(z / 4 + mp.mpf(5) / 8, mp.mpf(0)), mp.mpf(1)),
    ),
    "elu_of": (parametric.elu_of(0.5), lambda z: z if z > 0 else (mp.exp(z) - 1) / 2),
    "clipped": (
        parametric.clipped(activations.sigmoid, 0.75),
        lambda z: sigmoid(min(max(z, -mp.mpf(3) / 4), mp.mpf(3) / 4)),
    ),
}


@pytest.mark.parametrize(
    ("activation", "oracle_of"),
    [
        *((pytest.param(*pair, id=pair[0].__name__)) for pair in ORACLES.items()),
        *(pytest.param(*pair, id=name) for name, pair in PARAMETRIC.items()),
    ],
)
def test_an_activation_and_its_derivative_agree_with_fifty_digits(
    activation: Callable[..., Any], oracle_of: Callable[[Any], Any]
) -> None:
    s, pullback = activation(POINTS)
    slopes = pullback(np.full_like(POINTS, 4)) / 4  # which rounds nothing
    step = mp.mpf(10) ** -20
    for k, z in enumerate(map(mp.mpf, POINTS)):
        value, slope = oracle_of(z), (oracle_of(z + step) - oracle_of(z - step)) / (2 * step)
        # gelu at -30.1 is 0 in float64, and -6e-198 in truth: absolute error counts
        # there.
        assert abs(s[k] - value) <= 4e-16 * max(abs(value), 1), POINTS[k]
        # A derivative such as z s (1 - s) multiplies the rounding of 1 - s by z.
        assert abs(slopes[k] - slope) <= 8e-16 * max(abs(slope), abs(z), 1), POINTS[k]


def softmax(z: list[Any]) -> list[Any]:
    e = [mp.exp(v) for v in z]
    return [v / sum(e) for v in e]


def sparsemax(z: list[Any]) -> list[Any]:
    """The projection onto the simplex, by trying every support."""
    for size in range(len(z), 0, -1):
        for support in itertools.combinations(range(len(z)), size):
            threshold = (sum(z[k] for k in support) - 1) / size
            p = [max(v - threshold, mp.mpf(0)) for v in z]
            if {k for k, v in enumerate(p) if v > 0} == set(support) and abs(sum(p) - 1) < mp.mpf(10) ** -30:
                return p
    raise AssertionError("no support fits")


@pytest.mark.parametrize(
    ("activation", "oracle_of"),
    [
        (activations.softmax, softmax),
        (activations.log_softmax, lambda z: [mp.log(v) for v in softmax(z)]),
        (activations.sparsemax, sparsemax),
    ],
    ids=["softmax", "log_softmax", "sparsemax"],
)
def test_an_activation_over_units_and_its_derivative_agree_with_fifty_digits(
    activation: Callable[..., Any], oracle_of: Callable[..., Any]
) -> None:
    rows = np.array([[0.3, -0.2, 1.1, 0.25], [2.0, 0.1, -0.4, 0.7], [0.11, 0.12, 0.13, 0.14]])
    cotangent = numbers(3, *rows.shape)
    s, pullback = activation(rows)
    gradient = pullback(cotangent)
    step = mp.mpf(10) ** -20
    for r, row in enumerate(rows):
        z = exact(row)
        np.testing.assert_allclose(
            s[r], closest(np.array(oracle_of(z), dtype=object)), rtol=4e-16, atol=4e-16
        )
        for k in range(len(z)):
            up, down = (
                [v + step * (j == k) for j, v in enumerate(z)],
                [v - step * (j == k) for j, v in enumerate(z)],
            )
            slope = sum(
                mp.mpf(float(d)) * (a - b) / (2 * step)
                for d, a, b in zip(cotangent[r], oracle_of(up), oracle_of(down), strict=True)
            )
            assert abs(gradient[r, k] - slope) < 4e-16, (r, k)


@pytest.mark.parametrize("activation", [activations.softmax, activations.log_softmax, activations.sparsemax])
def test_an_activation_over_units_carries_leading_axes_along(activation: Callable[..., Any]) -> None:
    several, cotangent = 2 * numbers(5, 2, 3, 4), numbers(6, 2, 3, 4)
    s, pullback = activation(several)
    gradient = pullback(cotangent)
    for k in range(2):
        alone, pull_alone = activation(several[k])
        np.testing.assert_allclose(s[k], alone, rtol=1e-14)
        np.testing.assert_allclose(gradient[k], pull_alone(cotangent[k]), rtol=0, atol=1e-14)


@pytest.mark.parametrize("far", [-800.0, 800.0])
def test_numbers_of_which_no_exponential_can_be_stored_are_no_trouble(far: float) -> None:
    rows = np.array([[0.3, -0.2, 1.1], [2.0, 0.1, -0.4]])
    for activation in (activations.softmax, activations.log_softmax):
        moved, unmoved = activation(rows + far), activation(rows)
        shift = 0.0 if activation is activations.softmax else 1e-13
        np.testing.assert_allclose(moved[0], unmoved[0], rtol=1e-12, atol=shift)
        np.testing.assert_allclose(moved[1](rows), unmoved[1](rows), rtol=1e-11)


def test_every_activation_has_an_oracle() -> None:
    named = {
        value
        for name, value in vars(activations).items()
        if callable(value) and getattr(value, "__module__", "") == activations.__name__
    }
    assert named == {*ORACLES, activations.softmax, activations.log_softmax, activations.sparsemax}
    assert {
        name
        for name, value in vars(parametric).items()
        if getattr(value, "__module__", "") == parametric.__name__
    } == set(PARAMETRIC)
