"""The reference on numbers small enough for paper."""

import ast
import math
from dataclasses import replace
from pathlib import Path

import numpy as np

import lstm_ref.reference
from lstm_ref.reference.activations import linear
from lstm_ref.reference.cell import State, Variant, step
from lstm_ref.reference.parametric import clipped
from lstm_ref.reference.sequence import from_input, run
from lstm_ref.reference.stack import run_stack
from lstm_ref.reference.weights import LSTMWeights


def one_unit(kernel: list[float], recurrent: list[float], bias: list[float]) -> LSTMWeights:
    return LSTMWeights(np.array([kernel]), np.array([recurrent]), np.array(bias))


def test_one_step_with_linear_gates_multiplies_and_adds() -> None:
    # i = 2x + 1 = 7, f = 3x + h = 9.5, g = 5x - 2 = 13, o = x = 3; c = 9.5 * 2 + 7 * 13
    # = 110; h = 3 * 110.
    weights = one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0])
    (h, last), _ = run(
        np.array([[[3.0]]]), State(np.array([[0.5]]), np.array([[2.0]])), weights, linear, linear
    )
    assert (h.item(), last.h.item(), last.c.item()) == (330.0, 330.0, 110.0)


def test_two_biases_add_up_and_each_has_the_whole_gradient() -> None:
    one = one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0])
    two = LSTMWeights(
        one.kernel, one.recurrent_kernel, np.array([4.0, -1, 1, 2]), np.array([-3.0, 1, -3, -2])
    )
    x, initial = np.array([[[3.0]]]), State(np.array([[0.5]]), np.array([[2.0]]))
    assert from_input(x, two).tolist() == from_input(x, one).tolist() == [[[7, 9, 13, 3]]]
    results = [run(x, initial, weights, linear, linear) for weights in (one, two)]
    (single, both) = (
        pullback(np.array([[[1.0]]]), State(np.zeros((1, 1)), np.zeros((1, 1)))).weights
        for _, pullback in results
    )
    assert [h.item() for (h, _), _ in results] == [330, 330]
    # h = o c and c = f c0 + i g, so that di = o g, df = o c0, dg = o i, do = c.
    assert both.bias.tolist() == single.bias.tolist() == [3 * 13, 3 * 2, 3 * 7, 110]
    assert both.recurrent_bias is not None
    assert both.recurrent_bias.tolist() == both.bias.tolist()
    assert single.recurrent_bias is None


def test_a_step_gives_the_gradients_of_its_gates_of_the_state_before_and_of_the_projection() -> None:
    # h = 2 m with m = o c, as above.
    weights = replace(one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0]), projection=np.array([[2.0]]))
    before = State(np.array([[0.5]]), np.array([[2.0]]))
    after, pullback = step(from_input(np.array([[[3.0]]]), weights)[:, 0], before, weights, linear, linear)
    assert (after.h.item(), after.c.item()) == (660, 110)
    gradient = pullback(State(np.array([[1.0]]), np.array([[0.0]])))
    assert gradient.z.tolist() == [[2 * 39, 2 * 6, 2 * 21, 2 * 110]]
    assert gradient.before == State(np.array([[12.0]]), np.array([[2 * 3 * 9.5]]))
    assert gradient.projection is not None
    assert gradient.projection.tolist() == [[330]]


def test_input_and_forget_gate_see_the_old_c_and_the_output_gate_the_new_one() -> None:
    # As above with the old c, 2, added to i twice and to f three times: i = 11, f =
    # 15.5, c = 15.5 * 2 + 11 * 13 = 174; o = 3 + 5 * 174 = 873.
    weights = replace(
        one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0]), peepholes=np.array([2.0, 3.0, 5.0])
    )
    after, pullback = step(
        from_input(np.array([[[3.0]]]), weights)[:, 0],
        State(np.array([[0.5]]), np.array([[2.0]])),
        weights,
        linear,
        linear,
    )
    assert (after.c.item(), after.h.item()) == (174, 873 * 174)
    # dc = o + 5 c = 1743, of which the old c gets f dc, and what i and f saw of it: 2
    # (13 dc) + 3 (2 dc).
    gradient = pullback(State(np.array([[1.0]]), np.array([[0.0]])))
    assert gradient.z.tolist() == [[13 * 1743, 2 * 1743, 11 * 1743, 174]]
    assert gradient.before.c.item() == (15.5 + 26 + 6) * 1743


def test_the_gradient_of_peepholes_is_that_of_the_gate_times_the_c_that_it_saw() -> None:
    weights = replace(
        one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0]), peepholes=np.array([2.0, 3.0, 5.0])
    )
    _, pullback = run(
        np.array([[[3.0]]]), State(np.array([[0.5]]), np.array([[2.0]])), weights, linear, linear
    )
    gradient = pullback(np.array([[[1.0]]]), State(np.zeros((1, 1)), np.zeros((1, 1))))
    assert gradient.weights.peepholes is not None
    assert gradient.weights.peepholes.tolist() == [2 * 13 * 1743, 2 * 2 * 1743, 174 * 174]


def test_of_coupled_gates_the_forget_gate_is_what_the_input_gate_leaves() -> None:
    # i = 7, f = 1 - 7: c = -6 * 2 + 7 * 13 = 79, h = 3 * 79. The forget gate's own
    # weights count for nothing.
    weights = one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0])
    before = State(np.array([[0.5]]), np.array([[2.0]]))
    after, pullback = step(
        from_input(np.array([[[3.0]]]), weights)[:, 0],
        before,
        weights,
        linear,
        linear,
        variant=Variant(coupled=True),
    )
    assert (after.c.item(), after.h.item()) == (79, 237)
    gradient = pullback(State(np.array([[1.0]]), np.array([[0.0]])))
    assert gradient.z.tolist() == [[3 * (13 - 2), 0, 3 * 7, 79]]
    assert gradient.before.c.item() == 3 * -6


def test_clipping_bounds_what_goes_into_an_activation_and_leaves_the_cell_state_alone() -> None:
    # i = 7, f = 9.5 and g = 13 are clipped to 4, o = 3 is not: c = 4 * 2 + 4 * 4 = 24;
    # h = 3 * 4.
    weights = one_unit([2, 3, 5, 1], [0, 1, 0, 0], [1, 0, -2, 0])
    before, at_most_4 = State(np.array([[0.5]]), np.array([[2.0]])), clipped(linear, 4)
    after, pullback = step(
        from_input(np.array([[[3.0]]]), weights)[:, 0], before, weights, at_most_4, at_most_4
    )
    assert (after.c.item(), after.h.item()) == (24, 12)
    assert pullback(State(np.array([[1.0]]), np.array([[0.0]]))).z.tolist() == [[0, 0, 0, 4]]


def test_an_open_forget_gate_and_a_shut_input_gate_keep_the_cell_state() -> None:
    weights = one_unit([0, 0, 0, 0], [0, 0, 0, 0], [-1000, 1000, 3, 1000])
    with np.errstate(over="ignore"):
        (_, last), _ = run(np.zeros((1, 9, 1)), State(np.zeros((1, 1)), np.array([[0.75]])), weights)
    assert last.c.item() == 0.75
    assert last.h.item() == math.tanh(0.75)


def test_a_masked_step_changes_nothing() -> None:
    weights = one_unit([2, 3, 5, 1], [0.1, 0.2, 0.3, 0.4], [1, 0, -2, 0])
    state = State(np.array([[0.5]]), np.array([[2.0]]))
    (h, last), _ = run(np.array([[[3.0], [9.0]]]), state, weights, mask=np.array([[True, False]]))
    (alone, _), _ = run(np.array([[[3.0]]]), state, weights)
    assert h[0, 1] == h[0, 0] == alone[0, 0] == last.h


def test_the_backward_direction_ends_at_the_first_step() -> None:
    # All gates linear with o = 1, f = 1, i = 1, g = x: the cell adds up what it has
    # seen.
    weights = one_unit([0, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1])
    zero = State(np.zeros((1, 1)), np.zeros((1, 1)))
    (y, last), _ = run_stack(
        np.array([[[1.0], [10.0], [100.0]]]), [[zero, zero]], [[weights, weights]], linear, linear
    )
    assert y[0].tolist() == [[1, 111], [11, 110], [111, 100]]
    assert [state.c.item() for state in last[0]] == [111, 111]


def test_the_reference_imports_nothing_but_numpy() -> None:
    standard = {"collections", "dataclasses", "math", "typing"}
    folder = Path(lstm_ref.reference.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for name in names:
                assert name.split(".")[0] in standard | {"numpy"} or name.startswith("lstm_ref.reference"), (
                    file.name,
                    name,
                )
