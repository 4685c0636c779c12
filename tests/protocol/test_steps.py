"""The loop over steps: what becomes of results, changed arguments, gradients and
exceptions, with a NumPy layer in place of a framework.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lstm_ref.protocol.adapter import Arguments, Gradients, TwiceDifferentiate
from lstm_ref.protocol.errors import AdapterError, NotOffered, UnknownAction, WeightMismatch
from lstm_ref.protocol.steps import run
from lstm_ref.protocol.trace import PreviousOutputs, Request, Step, Tensor


class Fake:
    """A framework whose layer is a function of its arguments, named in the request."""

    def __init__(self, **layers: Callable[..., Any]) -> None:
        self.layers = layers
        self.given: Mapping[str, Tensor] | None = None
        self.resets = 0
        self.seeds: list[int] = []

    def versions(self) -> Mapping[str, str]:
        return {}

    def unsupported(self, request: Request) -> str | None:
        return None

    def constructor(self, request: Request) -> Callable[[], Any]:
        layer = self.layers[request.layer]
        return lambda: layer if not request.params else layer(**request.params)

    def set_weights(self, layer: Any, weights: Mapping[str, Tensor]) -> None:
        self.given = weights

    def tensor(self, value: Tensor) -> Any:
        return np.array(value.values, value.dtype)

    def read(self, tensor: Any) -> Tensor:
        return Tensor(str(tensor.dtype), np.array(tensor))

    def caller(self, layer: Any, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        return lambda: layer(**arguments)

    def record(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, Callable[[Sequence[Any], Sequence[Any]], Gradients]]:
        def differentiate(outputs: Sequence[Any], cotangents: Sequence[Any]) -> Gradients:
            return {
                "kernel": sum(np.vdot(*pair) for pair in zip(outputs, cotangents, strict=True)),
                "unused": None,
            }, [2 * leaf for leaf in leaves]

        return call(), differentiate

    def seed(self, seed: int) -> None:
        self.seeds.append(seed)

    def weights(self, layer: Any) -> Mapping[str, Any]:
        return {name: tensor.values for name, tensor in (self.given or {}).items()}

    def drawn(self, layer: Any) -> Mapping[str, Any]:
        return {"dropout": np.array([self.seeds[-1], self.resets])}

    def effects(self, layer: Any) -> Mapping[str, Any]:
        return {"losses": np.array([0.5])}

    def actor(self, layer: Any, action: str, step: int, arguments: Mapping[str, Any]) -> Callable[[], Any]:
        if action == "reset":
            self.resets += 1
            return lambda: layer
        if action == "train":
            return lambda: lambda x: x * arguments["learning_rate"] + arguments["targets"]
        raise UnknownAction(action, step, "but this layer knows only reset and train")

    def release(self) -> None:
        pass


X = Tensor("float64", np.array([1.0, np.nan, -2.0]))


def request(*steps: Step, **params: Any) -> Request:
    return Request("fake", "layer", params, "float64", {}, steps)


def call(**arguments: Any) -> Step:
    return Step("call", arguments)


@pytest.mark.parametrize(
    ("result", "structure", "arrays"),
    [
        (lambda x: x, "*", 1),
        (lambda x: (x, x, x), "(*, *, *)", 3),
        (lambda x: [x, x], "[*, *]", 2),
        (lambda x: (x, (x, x)), "(*, (*, *))", 3),
        (lambda x: (x,), "(*,)", 1),
        (lambda x: [], "[]", 0),
        (lambda x: {"y": x, "state": [x, None]}, "{y: *, state: [*, None]}", 2),
    ],
)
def test_the_structure_of_a_result_is_told(result: Callable[..., Any], structure: str, arrays: int) -> None:
    trace = run(Fake(layer=result), request(call(x=X)))
    assert (trace.calls[0].structure, len(trace.calls[0].outputs)) == (structure, arrays)


def test_an_argument_that_the_call_modifies_is_named_by_its_path() -> None:
    def layer(x: Any, state: Any, names: Any) -> Any:
        state[1] += 1
        return x

    trace = run(Fake(layer=layer), request(call(x=X, state=[X, X], names=["plain", 1])))
    assert trace.calls[0].changed == ("state[1]",)


def test_the_request_itself_is_never_modified() -> None:
    def layer(x: Any) -> Any:
        x[:] = 0
        return x

    values = np.array([1.0, 2.0])
    run(Fake(layer=layer), request(call(x=Tensor("float64", values))))
    assert values.tolist() == [1.0, 2.0]


def test_a_nan_in_an_argument_is_no_change() -> None:
    assert run(Fake(layer=lambda x: x), request(call(x=X))).calls[0].changed == ()


def test_gradients_are_keyed_by_weight_and_argument_path() -> None:
    step = Step(
        "call",
        {
            "x": Tensor("float64", np.array([3.0])),
            "state": [Tensor("float64", np.array([5.0]))],
            "mask": Tensor("bool", np.array([True])),
        },
        (Tensor("float64", np.array([10.0])),),
    )
    gradients = run(Fake(layer=lambda x, state, mask: x), request(step)).calls[0].gradients
    assert list(gradients) == ["kernel", "unused", "x", "state[0]"]
    assert gradients["unused"] is None
    assert {path: float(np.sum(value.values)) for path, value in gradients.items() if value is not None} == {
        "kernel": 30.0,
        "x": 6.0,
        "state[0]": 10.0,
    }


class Twice(Fake):
    """One that differentiates along a direction: the tangent of an output is that of x,
    and a curvature is a number of its own.
    """

    def tangents(
        self, layer: Any, arguments: Arguments, direction: Mapping[str, Tensor]
    ) -> Callable[[], Any]:
        return lambda: layer(**arguments(lambda path, value: direction[path].values))

    def record_twice(
        self, layer: Any, leaves: Sequence[Any], call: Callable[[], Any]
    ) -> tuple[Any, TwiceDifferentiate]:
        def differentiate(
            outputs: Sequence[Any], cotangents: Sequence[Any], direction: Gradients
        ) -> Gradients:
            return {name: 2 * values for name, values in direction[0].items()}, [
                3 * values for values in direction[1]
            ]

        return call(), differentiate


ALONG = Step(
    "call",
    {"x": Tensor("float64", np.array([3.0]))},
    (Tensor("float64", np.array([10.0])),),
    direction={"kernel": Tensor("float64", np.array([5.0])), "x": Tensor("float64", np.array([7.0]))},
    derivatives=("forward-mode", "second-order"),
)


def test_derivatives_along_a_direction_are_keyed_as_what_they_belong_to() -> None:
    (result,) = run(Twice(layer=lambda x: x + 1), request(ALONG)).calls
    assert [tangent.values.tolist() for tangent in result.tangents if tangent is not None] == [[8.0]]
    assert {
        path: value.values.tolist() for path, value in result.curvatures.items() if value is not None
    } == {"kernel": [10.0], "x": [21.0]}


@pytest.mark.parametrize(
    ("wanted", "tangents", "curvatures"), [("forward-mode", 1, 0), ("second-order", 0, 2)]
)
def test_only_the_derivatives_that_are_wanted_are_made(wanted: str, tangents: int, curvatures: int) -> None:
    (result,) = run(Twice(layer=lambda x: x), request(replace(ALONG, derivatives=(wanted,)))).calls
    assert (len(result.tangents), len(result.curvatures)) == (tangents, curvatures)


def test_an_adapter_without_directions_says_so() -> None:
    with pytest.raises(NotOffered, match="no derivatives along a direction"):
        run(Fake(layer=lambda x: x), request(ALONG))


def test_an_exception_while_differentiating_twice_is_the_frameworks() -> None:
    class Failing(Twice):
        def tangents(
            self, layer: Any, arguments: Arguments, direction: Mapping[str, Tensor]
        ) -> Callable[[], Any]:
            return lambda: {}["a bug of theirs"]

    trace = run(Failing(layer=lambda x: x), request(ALONG))
    assert trace.raised is not None
    assert (trace.raised.types[0], trace.raised.step) == ("KeyError", 0)


@pytest.mark.parametrize("cotangents", [(), (np.ones(2),), (np.ones(3), np.ones(3))])
def test_outputs_that_do_not_fit_the_cotangents_are_shown_without_gradients(
    cotangents: tuple[Any, ...],
) -> None:
    step = Step(
        "call",
        {"x": X},
        tuple(Tensor("float64", values) for values in cotangents),
        direction={"x": X},
        derivatives=("second-order",),
    )
    (result,) = run(Twice(layer=lambda x: x), request(step)).calls
    assert (len(result.outputs), result.gradients, result.curvatures) == (1, {}, {})


def test_an_exception_of_the_framework_ends_the_trace_and_keeps_what_came_before() -> None:
    def layer(x: Any) -> Any:
        if x[0] > 1:
            raise FloatingPointError("too large")
        return x

    trace = run(
        Fake(layer=layer),
        request(call(x=X), Step("reset"), call(x=Tensor("float64", np.array([2.0]))), call(x=X)),
    )
    assert len(trace.calls) == 1
    assert trace.raised is not None
    assert (trace.raised.types, trace.raised.message, trace.raised.step) == (
        ("FloatingPointError", "ArithmeticError", "Exception"),
        "too large",
        2,
    )
    assert "FloatingPointError: too large" in trace.raised.traceback


def test_an_exception_while_building_has_no_step() -> None:
    trace = run(Fake(layer=lambda units: {}[units]), request(call(x=X), units=-1))
    assert trace.raised is not None
    assert (trace.raised.types[0], trace.raised.step, trace.calls) == ("KeyError", None, ())


@pytest.mark.parametrize("broken", ["constructor", "set_weights", "tensor", "read", "caller", "actor"])
def test_an_exception_of_the_adapter_is_not_the_frameworks(
    broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise LookupError("a bug of ours")

    monkeypatch.setattr(Fake, broken, fail)
    asked = Request("fake", "layer", {}, "float64", {"kernel": X}, (Step("reset"), call(x=X)))
    with pytest.raises(LookupError):
        run(Fake(layer=lambda x: x), asked)


def test_an_adapter_error_inside_the_framework_is_still_the_adapters() -> None:
    def layer(x: Any) -> Any:
        raise WeightMismatch({"kernel": (1,)}, {})

    with pytest.raises(AdapterError):
        run(Fake(layer=layer), request(call(x=X)))


def test_an_unknown_action_is_refused() -> None:
    with pytest.raises(UnknownAction, match="step 0 asks for 'fly'"):
        run(Fake(layer=lambda x: x), request(Step("fly")))


def test_weights_are_left_alone_where_the_request_gives_none() -> None:
    given, none = Fake(layer=lambda x: x), Fake(layer=lambda x: x)
    run(given, Request("fake", "layer", {}, "float64", {"kernel": X}, ()))
    run(none, request())
    assert given.given == {"kernel": X}
    assert none.given is None


def test_a_reset_is_taken_in_its_turn() -> None:
    fake = Fake(layer=lambda x: x + fake.resets)
    trace = run(fake, request(call(x=X), Step("reset"), call(x=X)))
    assert [float(each.outputs[0].values[0]) for each in trace.calls] == [1.0, 2.0]


def test_an_action_may_put_another_layer_in_the_place_of_the_first() -> None:
    ones = Tensor("float64", np.ones(3))
    trace = run(
        Fake(layer=lambda x: x), request(Step("train", {"targets": ones, "learning_rate": 0.5}), call(x=ones))
    )
    assert trace.calls[0].outputs[0].values.tolist() == [1.5, 1.5, 1.5]


def test_weights_that_are_read_are_entered_in_the_trace_by_name() -> None:
    trace = run(
        Fake(layer=lambda x: x),
        Request("fake", "layer", {}, "float64", {"kernel": X, "bias": X}, (call(x=X), Step("weights"))),
    )
    assert (trace.calls[1].structure, len(trace.calls[1].outputs)) == ("{kernel: *, bias: *}", 2)


def test_what_is_handed_over_is_what_the_last_call_returned_whatever_was_read_since() -> None:
    steps = (call(x=X), Step("weights"), call(x=PreviousOutputs((0,))))
    trace = run(
        Fake(layer=lambda x: x if isinstance(x, list) else 2 * x),
        Request("fake", "layer", {}, "float64", {"kernel": X}, steps),
    )
    np.testing.assert_array_equal(trace.calls[2].outputs[0].values, 2 * X.values)


def test_what_is_handed_over_is_nested_as_it_is_asked_for() -> None:
    ones = Tensor("float64", np.ones(3))
    steps = (
        call(x=ones),
        Step(
            "call",
            {"x": PreviousOutputs((1, PreviousOutputs((0, PreviousOutputs((1,))))))},
            cotangents=(ones, ones, ones),
        ),
    )
    trace = run(Fake(layer=lambda x: x if isinstance(x, list) else (2 * x, 3 * x)), request(*steps))
    assert trace.calls[1].structure == "[*, [*, [*]]]"
    assert [output.values.tolist() for output in trace.calls[1].outputs] == [[k] * 3 for k in (3, 2, 3)]
    assert [path for path in trace.calls[1].gradients if path.startswith("x")] == [
        "x[0]",
        "x[1][0]",
        "x[1][1][0]",
    ]


def test_a_call_shows_what_was_drawn_from_the_requests_seed_and_what_it_left_behind() -> None:
    (shown,) = run(
        Fake(layer=lambda x: x), Request("fake", "layer", {}, "float64", {}, (call(x=X),), seed=7)
    ).calls
    assert shown.drawn["dropout"].values.tolist() == [7, 0]
    assert shown.effects["losses"].values.tolist() == [0.5]
